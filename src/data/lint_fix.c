/*
 * What a program may change in a draft without asking: a forbidden form into the preferred one, the casing of a name, "15%" into "15 %", "the the" into "the".
 * Everything that could be quoted, code, a name of a file or a target keeps its bytes, and so does whatever English could want otherwise. Reference: data.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/lint.h"

enum { FIX_BYTES = 256, CODE_INDENT = 4 };

/* ---- where nothing is changed ------------------------------------------------------------------------------------------------- */

static size_t line_start(const char *text, size_t at)
{
	while (at && text[at - 1] != '\n')
		at--;
	return at;
}

/* A block quotation, "[label]: target", and what stands so far in behind an empty line that it may be code. */
bool lint_is_frozen(const struct draft *d, size_t start)
{
	size_t from = line_start(d->original, start), columns = 0;
	const char *p = d->original + from;
	for (; *p == ' ' || *p == '\t'; p++)
		columns += *p == '\t' ? CODE_INDENT : 1;
	bool label = *p == '[' && strstr(p, "]:") && strstr(p, "]:") < p + strcspn(p, "\n");
	if (*p == '>' || label)
		return true;
	if (columns < CODE_INDENT)
		return false;
	size_t before = from ? line_start(d->original, from - 1) : 0;
	return !from || d->frozen || strspn(d->original + before, " \t\r") + before == from - 1;
}

/* How many straight and curly quotation marks are open at a byte of the block? Any: what stands there is somebody else's. */
static bool is_quoted(const struct draft *d, size_t at)
{
	bool straight = false;
	int curly = 0;
	for (const char *p = d->block.p; p < d->text + at; p++) {
		straight ^= *p == '"';
		curly += !strncmp(p, "\xe2\x80\x9c", 3) || !strncmp(p, "\xe2\x80\x9e", 3) || !strncmp(p, "\xc2\xab", 2);
		curly -= curly && (!strncmp(p, "\xe2\x80\x9d", 3) || !strncmp(p, "\xc2\xbb", 2));
	}
	return straight || curly;
}

/* In brackets that are a label: those of a link in place, "[text](target)", hold text. */
static bool is_label(const struct draft *d, size_t at, size_t end)
{
	const char *p = d->text + at, *last = d->block.p + d->block.n;
	int depth = 0;
	for (; p > d->block.p && depth <= 0; p--)
		depth += p[-1] == '[' ? 1 : p[-1] == ']' ? -1 : 0;
	if (depth <= 0)
		return false;
	const char *close = memchr(d->text + end, ']', (size_t)(last - (d->text + end)));
	return !close || close[1] != '(';
}

/* A dash or an ellipsis, which parts words. */
static bool is_dash(const char *p)
{
	return !strncmp(p, "\xe2\x80\x93", 3) || !strncmp(p, "\xe2\x80\x94", 3) || !strncmp(p, "\xe2\x80\xa6", 3);
}

/* "queue.md", "/queue", "queue-based", "@queue" are part of another word or name, *queue* and 'queue' perhaps a mention. */
static bool stands_alone(const struct draft *d, size_t start, size_t end)
{
	const char *first = d->prose + (d->block.p - d->text), *p = d->prose + start, *q = d->prose + end;
	bool before = p <= first || strchr(" \t\n([|", p[-1]) || (p - first >= 3 && is_dash(p - 3));
	q += !strncmp(q, "'s", 2) ? 2 : !strncmp(q, "\xe2\x80\x99s", 4) ? 4 : 0;
	q += strspn(q, ".,;:!?)]");
	return before && (!*q || strchr(" \t\n|\1", *q) || is_dash(q));
}

static bool may_change(const struct draft *d, size_t start, size_t end)
{
	bool inside = d->text + end <= d->block.p + d->block.n; /* a heading and what follows may read as a term together */
	return inside && !d->frozen && !is_quoted(d, start) && !is_label(d, start, end);
}

/* ---- what is put in place ------------------------------------------------------------------------------------------------------ */

/* Runs from `from`; without text, or where nothing may change, there is no fix. */
static int fix_put(struct draft *d, size_t from, size_t start, size_t end, const char *text)
{
	struct lint_finding *f = d->out->n ? &d->out->p[d->out->n - 1] : NULL;
	if (!f || f->start != start || f->end != end || f->fix || !may_change(d, from, end))
		return 0;
	f->fix_start = from;
	f->fix = arena_strdup(&d->out->arena, text, strlen(text), d->e);
	return f->fix ? 0 : ERR_RESOURCE;
}

int lint_fix_set(struct draft *d, size_t start, size_t end, const char *text)
{
	bool unit = *text == ' '; /* stands at a number by design */
	if (unit ? isalnum((unsigned char)d->prose[end]) : !stands_alone(d, start, end))
		return 0;
	return fix_put(d, start, start, end, text);
}

/* Does a sentence, a heading or a cell begin here, as far as marks tell? */
static bool is_opening(const struct draft *d, size_t at)
{
	const char *first = d->prose + (d->block.p - d->text), *p = d->prose + at;
	while (p > first && strchr(" \t*([\"'", p[-1]))
		p--;
	return p <= first || strchr(".!?:|", p[-1]);
}

/* Has a word other letters than small ones behind its first, as "macOS" has? Then it keeps its case at the start of a sentence. */
static bool is_cased(const char *form)
{
	return str_has_capital((struct str){form, strcspn(form, " ")});
}

/* The plural of a form that English makes by rule; false: of a name, of a plural, of what ends in no small letter. */
static bool plural_of(char *out, const char *form)
{
	size_t n = strlen(form);
	const char *space = strrchr(form, ' '), *last = space ? space + 1 : form;
	char end = n ? form[n - 1] : 0, before = n > 1 ? form[n - 2] : 0;
	if (!islower((unsigned char)end) || end == 's' || str_has_capital((struct str){last, strlen(last)}))
		return false;
	bool hisses = strchr("xz", end) || (end == 'h' && strchr("cs", before)), y = end == 'y' && !strchr("aeiou", before);
	snprintf(out, FIX_BYTES, "%.*s%s", (int)(n - y), form, y ? "ies" : hisses ? "es" : "s");
	return true;
}

/* Is the text at `at` this term in the plural, that is in no form as it stands? */
static bool is_plural(const struct draft *d, const struct term *t, size_t at, size_t n, bool preferred)
{
	if (preferred)
		return words_match(d->prose, at, t->preferred, false) != n;
	for (size_t i = 0; i < t->n_forbidden; i++)
		if (words_match(d->prose, at, t->forbidden[i], false) == n)
			return false;
	return true;
}

/* Does another term forbid the same words? Then a person has to say what is meant. */
static bool is_ambiguous(const struct draft *d, size_t term, size_t at, size_t n)
{
	const struct terms *all = &d->l->terms;
	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < all->p[i].n_forbidden && i != term && all->p[i].status == TERM_ACCEPTED; k++)
			if (words_match(d->prose, at, all->p[i].forbidden[k], true) == n &&
				strcmp(all->p[i].preferred, all->p[term].preferred))
				return true;
	return false;
}

/* 'a', 'n' (an): the article that a word wants; 0: letters do not tell ("user", "SQL", "one"). */
static char article_of(const char *word)
{
	static const char *const mute[] = {"hour", "honest", "hono", "heir"};
	bool letters = isupper((unsigned char)word[0]) && !islower((unsigned char)word[1]);
	if (!isalpha((unsigned char)*word) || letters || strchr("uU", *word) || !strncasecmp(word, "eu", 2) ||
		!strncasecmp(word, "on", 2))
		return 0;
	for (size_t i = 0; i < sizeof mute / sizeof *mute; i++)
		if (!strncasecmp(word, mute[i], strlen(mute[i])))
			return 'n';
	return strchr("aeioAEIO", *word) ? 'n' : 'a';
}

/* The white space of the draft with its line end in place of the first space, where the words that are replaced have one. */
static void lines_keep(char *text, const struct draft *d, size_t start, size_t end)
{
	const char *p = d->original + start, *newline = memchr(p, '\n', end - start);
	char *space = strchr(text, ' '), rest[FIX_BYTES];
	if (!newline || !space)
		return;
	const char *from = newline, *to = newline;
	while (from > p && strchr(" \t\r\n", from[-1]))
		from--;
	to += strspn(to, " \t\r\n");
	snprintf(rest, sizeof rest, "%s", space + 1);
	snprintf(space, FIX_BYTES - (size_t)(space - text), "%.*s%s", (int)(to - from), from, rest);
}

/* Puts "an" for "a" in front where the new word wants it; *from moves to the article. False: it cannot be told. */
static bool article_fit(char out[2 * FIX_BYTES], const char *text, const struct draft *d, size_t *from)
{
	const char *first = d->prose + (d->block.p - d->text), *p = d->prose + *from, *word = p;
	while (p > first && isspace((unsigned char)p[-1]))
		p--;
	const char *end = p;
	while (p > first && isalnum((unsigned char)p[-1]))
		p--;
	struct str article = {p, (size_t)(end - p)};
	char wanted = article_of(text), had = article.n == 2 ? 'n' : 'a';
	snprintf(out, 2 * FIX_BYTES, "%s", text);
	if (!str_in(article, "a an") || (tolower((unsigned char)*text) == tolower((unsigned char)*word)))
		return true;
	if (!wanted || word - end > FIX_BYTES / 2)
		return false;
	if (wanted == had)
		return true;
	size_t at = (size_t)(p - d->prose);
	snprintf(out, 2 * FIX_BYTES, "%c%s%.*s%s", *p, wanted == 'n' ? "n" : "", (int)(word - end), d->original + at + article.n,
		text);
	*from = at;
	return stands_alone(d, at, at + article.n);
}

int lint_fix_term(struct draft *d, size_t at, size_t n, size_t term, bool preferred)
{
	const struct term *t = &d->l->terms.p[term];
	char text[FIX_BYTES], whole[2 * FIX_BYTES];
	size_t from = at;
	if (strlen(t->preferred) > FIX_BYTES / 4 || n > FIX_BYTES / 4 || strpbrk(t->preferred, "|*`[]<>\\\r\n\t") ||
		!stands_alone(d, at, at + n) || (!preferred && is_ambiguous(d, term, at, n)))
		return 0;
	snprintf(text, sizeof text, "%s", t->preferred);
	if (is_plural(d, t, at, n, preferred)) {
		if (preferred)
			snprintf(text, sizeof text, "%ss", t->preferred);
		else if (!plural_of(text, t->preferred))
			return 0;
	}
	if (isupper((unsigned char)d->prose[at]) && is_opening(d, at) && !is_cased(t->preferred))
		*text = (char)toupper((unsigned char)*text);
	lines_keep(text, d, at, at + n);
	return article_fit(whole, text, d, &from) ? fix_put(d, from, at, at + n, whole) : 0;
}

/* ---- a draft made good --------------------------------------------------------------------------------------------------------- */

void lint_fixed_release(struct lint_fixed *f)
{
	buf_release(&f->text);
	lint_findings_release(&f->left);
	mem_free(f->p);
	*f = (struct lint_fixed){0};
}

/* A fix on trial, and where its text stands in the draft after those that are kept. */
struct trial {
	const struct lint_finding *f;
	bool kept;
	size_t start, end;
};

static int trials_make(struct trial **out, size_t *n, const struct lint_findings *found, struct err *e)
{
	size_t last = 0;
	*n = 0;
	*out = mem_alloc(found->n + 1, sizeof **out, e);
	for (size_t i = 0; *out && i < found->n; i++) {
		const struct lint_finding *f = &found->p[i];
		if (!f->fix || f->fix_start < last)
			continue;
		(*out)[(*n)++] = (struct trial){.f = f, .kept = true};
		last = f->end;
	}
	return *out ? 0 : ERR_RESOURCE;
}

static int draft_build(struct buf *out, const char *text, struct trial *t, size_t n, struct err *e)
{
	size_t at = 0;
	int rc = 0;
	buf_clear(out);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (t[i].kept)
			rc = buf_append(out, text + at, t[i].f->fix_start - at, e);
		else
			rc = buf_append(out, text + at, t[i].f->end - at, e);
		at = t[i].f->end;
		t[i].start = t[i].kept ? out->len : out->len - (t[i].f->end - t[i].f->fix_start);
		if (rc == 0 && t[i].kept)
			rc = buf_puts(out, t[i].f->fix, e);
		t[i].end = out->len;
	}
	return rc < 0 ? rc : buf_puts(out, text + at, e);
}

/* Takes back what would be changed again, or made its surroundings wanting: a fix there or, of nothing else, the nearest. How many? */
static size_t trials_drop(struct trial *t, size_t n, const struct lint_findings *left)
{
	size_t dropped = 0;
	for (size_t i = 0; i < left->n; i++) {
		const struct lint_finding *f = &left->p[i];
		struct trial *nearest = NULL;
		size_t distance = SIZE_MAX;
		bool known = !f->fix;
		for (size_t k = 0; k < n && !known; k++) {
			size_t far = t[k].end < f->fix_start ? f->fix_start - t[k].end
				: t[k].start > f->end        ? t[k].start - f->end
							     : 0;
			known = !t[k].kept && t[k].start == f->fix_start && t[k].end == f->end;
			if (t[k].kept && far < distance) {
				distance = far;
				nearest = &t[k];
			}
		}
		if (known || !nearest)
			continue;
		nearest->kept = false;
		nearest->start = nearest->end = SIZE_MAX; /* until the draft is built anew, it is known to nobody */
		dropped++;
	}
	return dropped;
}

static int fixes_list(struct lint_fixed *out, const struct trial *t, size_t n, const char *text, struct err *e)
{
	struct text_cursor c = {0};
	out->p = mem_alloc(n + 1, sizeof *out->p, e);
	for (size_t i = 0; out->p && i < n; i++) {
		const struct lint_finding *f = t[i].f;
		if (!t[i].kept)
			continue;
		struct lint_fix *x = &out->p[out->n++];
		*x = (struct lint_fix){.start = f->fix_start,
			.end = f->end,
			.from = arena_strdup(&out->left.arena, text + f->fix_start, f->end - f->fix_start, e),
			.to = arena_strdup(&out->left.arena, f->fix, strlen(f->fix), e)};
		if (!x->from || !x->to)
			return ERR_RESOURCE;
		text_line(&c, text, x->start, &x->line, &x->column);
	}
	return out->p ? 0 : ERR_RESOURCE;
}

int lint_fix(const struct lint *l, const char *text, struct lint_fixed *out, struct err *e)
{
	struct lint_findings found;
	struct trial *t = NULL;
	size_t n = 0;
	*out = (struct lint_fixed){0};
	int rc = lint_draft(l, text, &found, e);
	if (rc == 0)
		rc = trials_make(&t, &n, &found, e);
	for (bool settled = false; rc == 0 && !settled;) {
		lint_findings_release(&out->left);
		rc = draft_build(&out->text, text, t, n, e);
		if (rc == 0)
			rc = lint_draft(l, out->text.p ? out->text.p : "", &out->left, e);
		settled = rc < 0 || !trials_drop(t, n, &out->left);
	}
	if (rc == 0)
		rc = fixes_list(out, t, n, text, e);
	if (!out->n)
		buf_clear(&out->text);
	mem_free(t);
	lint_findings_release(&found);
	return rc;
}

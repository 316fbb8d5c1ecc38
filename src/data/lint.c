/*
 * Drafts against the company's words and facts, block by block; style and what is bad to quote are in lint_style.c. Reference: data.h.
 *
 * Rules are words and counts, no model: each finding says what it saw.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/lint.h"

enum { DRAFT_MAX = 16 << 20 };

static const char *const kind_name[LINT_KINDS] = {
	[LINT_TERM] = "term", [LINT_CLAIM] = "claim", [LINT_STYLE] = "style", [LINT_GAP] = "gap", [LINT_SEARCH] = "search"};

const char *lint_kind_name(enum lint_kind kind)
{
	return kind_name[kind];
}

json_t *lint_finding_json(const struct lint_finding *f)
{
	json_t *fix = f->fix ? json_pack("{s:I, s:I, s:o}", "start", (json_int_t)f->fix_start, "end", (json_int_t)f->end, "text",
				       json_text(f->fix, strlen(f->fix)))
			     : NULL;
	return json_pack("{s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:o*}", "line", (json_int_t)f->line, "column", (json_int_t)f->column,
		"start", (json_int_t)f->start, "end", (json_int_t)f->end, "kind", lint_kind_name(f->kind), "message",
		json_text(f->message, strlen(f->message)), "instead", json_text(f->instead, strlen(f->instead)), "fix", fix);
}

void lint_findings_release(struct lint_findings *f)
{
	mem_free(f->p);
	arena_release(&f->arena);
	*f = (struct lint_findings){0};
}

/* ---- the draft --------------------------------------------------------------------------------------------------------------- */

int lint_add(struct draft *d, enum lint_kind kind, size_t start, size_t end, const char *instead, const char *message)
{
	struct lint_findings *f = d->out;
	for (size_t i = f->n; i-- > 0 && f->p[i].end > start;)
		if (f->p[i].kind == kind && f->p[i].start < end)
			return 0;
	if (mem_reserve(&f->p, f->n, &f->cap, sizeof *f->p, d->e))
		return ERR_RESOURCE;
	const char *own = arena_strdup(&f->arena, message, strlen(message), d->e),
		   *better = arena_strdup(&f->arena, instead, strlen(instead), d->e);
	f->p[f->n++] =
		(struct lint_finding){.kind = kind, .start = start, .end = end, .message = own, .instead = better, .fix = NULL};
	return own && better ? 0 : ERR_RESOURCE;
}

/* ---- terms ------------------------------------------------------------------------------------------------------------------- */

/* Is the preferred form written in other letters? A small one may open a sentence with a capital. */
static bool is_miscast(const char *text, size_t n, const char *preferred)
{
	size_t same = strlen(preferred);
	if (n < same || !strncmp(text, preferred, same))
		return false;
	return str_has_capital((struct str){preferred, same}) || str_has_capital((struct str){text + 1, same - 1});
}

/* Labels are bold: what stands between two pairs of stars is quoted. */
static bool is_bold(const struct draft *d, size_t at)
{
	bool bold = false;
	size_t from = at;
	while (from && d->original[from - 1] != '\n')
		from--;
	for (const char *p = d->original + from; (p = strstr(p, "**")) && p < d->original + at; p += 2)
		bold = !bold;
	return bold;
}

/* Do the documents use a forbidden word in this sense, together with the word in front or behind ("TXT record")? */
static bool is_other_sense(const struct draft *d, size_t at, size_t n)
{
	char phrase[128];
	size_t from = at, to = at + n;
	while (from && d->prose[from - 1] == ' ')
		from--;
	while (from && (isalnum((unsigned char)d->prose[from - 1]) || d->prose[from - 1] == '-'))
		from--;
	snprintf(phrase, sizeof phrase, "%.*s", (int)(at + n - from), d->prose + from);
	if (from < at && d->prose[from] != ' ' &&
		!str_in((struct str){phrase, strcspn(phrase, " ")}, "the a an this that each every your our and or of to") &&
		evidence_says(d->l->evidence, phrase))
		return true;
	to += strspn(d->prose + to, " ");
	to += strcspn(d->prose + to, " .,;:!?)\n\1");
	snprintf(phrase, sizeof phrase, "%.*s", (int)(to - at), d->prose + at);
	const char *next = strrchr(phrase, ' ');
	return next && to > at + n &&
		!str_in((struct str){next + 1, strlen(next + 1)}, "the a an this that is are of to in on and or with for by it") &&
		evidence_says(d->l->evidence, phrase);
}

static int term_check(struct draft *d, size_t at, size_t *n)
{
	const struct lint *l = d->l;
	char message[256];
	size_t term = 0;
	bool preferred = false;
	*n = terms_match(&l->terms, d->prose, at, &term, &preferred);
	if (!*n)
		return 0;
	const char *better = l->terms.p[term].preferred;
	if (is_bold(d, at) || (preferred && !is_miscast(d->prose + at, *n, better)) || (!preferred && is_other_sense(d, at, *n)))
		return 0;
	if (*better)
		snprintf(message, sizeof message, "\"%.*s\" is written \"%s\" here", (int)*n, d->prose + at, better);
	else
		snprintf(message, sizeof message, "\"%.*s\" is not written here", (int)*n, d->prose + at);
	int rc = lint_add(d, LINT_TERM, at, at + *n, better, message);
	return rc < 0 || !*better ? rc : lint_fix_term(d, at, *n, term, preferred);
}

static int form_check(struct draft *d, size_t at, size_t n)
{
	char message[256];
	const char *form = evidence_form(d->l->evidence, d->prose + at, n);
	if (!form || !strncmp(form, d->prose + at, n) || is_bold(d, at))
		return 0;
	snprintf(message, sizeof message, "\"%.*s\" is written \"%s\" in the documents", (int)n, d->prose + at, form);
	int rc = lint_add(d, LINT_TERM, at, at + n, form, message);
	return rc < 0 ? rc : lint_fix_set(d, at, at + n, form);
}

static int terms_check(struct draft *d, size_t start, size_t end)
{
	int rc = 0;
	for (size_t i = start, n; i < end && rc == 0; i += n ? n : 1) {
		rc = term_check(d, i, &n);
		bool word = isalpha((unsigned char)d->prose[i]) && (i == 0 || !isalnum((unsigned char)d->prose[i - 1]));
		if (n || !word)
			continue;
		while (i + n < end && isalpha((unsigned char)d->prose[i + n]))
			n++;
		if (rc == 0)
			rc = form_check(d, i, n);
	}
	return rc;
}

/* ---- claims ------------------------------------------------------------------------------------------------------------------- */

/* With the heading and the sentence before as what is asked. */
static int claims_check(struct draft *d, struct str sentence, struct str before)
{
	struct arena a;
	struct buf asked = {0};
	struct evidence_claims claims;
	size_t at = (size_t)(sentence.p - d->text);
	arena_init(&a, LINT_ARENA_BLOCK);
	char *text = arena_strdup(&a, sentence.p, sentence.n, d->e), message[512];
	int rc = text ? buf_printf(&asked, d->e, "%.*s\n%.*s", (int)d->heading.n, d->heading.p, (int)before.n, before.p)
		      : ERR_RESOURCE;
	if (rc == 0)
		rc = evidence_check(d->l->evidence, asked.p, text, &a, &claims, d->e);
	for (size_t i = 0; rc == 0 && i < claims.n; i++) {
		const struct evidence_claim *c = &claims.p[i];
		if (c->supported || gaps_in(text + c->start, c->end - c->start)) /* a mark in backticks claims nothing */
			continue;
		if (*c->instead)
			snprintf(message, sizeof message, "the documents have \"%s\" (%s, %s)", c->instead, c->path, c->heading);
		else
			snprintf(message, sizeof message, "the documents do not say \"%.*s\" of this", (int)(c->end - c->start),
				text + c->start);
		rc = lint_add(d, LINT_CLAIM, at + c->start, at + c->end, c->instead, message);
	}
	buf_release(&asked);
	arena_release(&a);
	return rc;
}

/* "Hello Ada,", "Ada": people whom the documents need not know. */
static bool is_address(struct str block)
{
	struct str rest = block, first;
	return str_words(block) <= 4 && sentence_next(&rest, &first) && first.n && !strchr(".!?:", first.p[first.n - 1]);
}

/* A bold label inside a sentence that the documents do not have. */
static int labels_check(struct draft *d, struct str sentence)
{
	const char *p = sentence.p, *end = sentence.p + sentence.n, *close;
	char label[64], message[128];
	int rc = 0;
	for (; rc == 0 && (p = memmem(p, (size_t)(end - p), "**", 2)) && (close = memmem(p + 2, (size_t)(end - p - 2), "**", 2));
		p = close + 2) {
		size_t n = (size_t)(close - p - 2);
		if (p == sentence.p || n >= sizeof label || !n || !isupper((unsigned char)p[2]) || strchr(":.", close[-1]))
			continue;
		snprintf(label, sizeof label, "%.*s", (int)n, p + 2);
		if (evidence_says(d->l->evidence, label))
			continue;
		snprintf(message, sizeof message, "the documents have no \"%s\"", label);
		rc = lint_add(d, LINT_CLAIM, (size_t)(p + 2 - d->text), (size_t)(close - d->text), "", message);
	}
	return rc;
}

/* Cell by cell, the head of the row and of the column as what is asked. */
static int row_check(struct draft *d, const struct str *cell, size_t n)
{
	char asked[512];
	int rc = 0;
	if (!d->n_columns)
		memcpy(d->column, cell, (d->n_columns = n) * sizeof *cell);
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct str head = i < d->n_columns ? d->column[i] : (struct str){"", 0};
		snprintf(asked, sizeof asked, "%.*s %.*s", i ? (int)cell[0].n : 0, cell[0].p, (int)head.n, head.p);
		rc = claims_check(d, cell[i], (struct str){asked, strlen(asked)});
	}
	return rc;
}

/* ---- gaps --------------------------------------------------------------------------------------------------------------------- */

/* Wherever they stand, code included: they are to be filled in everywhere. */
static int gaps_check(struct draft *d)
{
	static const struct {
		const char *mark, *message;
	} gap[] = {{GAP_NUMBER, "a place left open: which number belongs here?"},
		{GAP_NAME, "a place left open: which name belongs here?"}};
	int rc = 0;
	for (const char *p = d->original; rc == 0 && (p = strchr(p, '[')); p++)
		for (size_t i = 0; i < sizeof gap / sizeof *gap; i++) {
			size_t n = strlen(gap[i].mark), at = (size_t)(p - d->original);
			if (rc == 0 && !strncmp(p, gap[i].mark, n))
				rc = lint_add(d, LINT_GAP, at, at + n, "", gap[i].message);
		}
	return rc;
}

/* ---- blocks -------------------------------------------------------------------------------------------------------------------- */

/* The block without the mark of a heading or a list item. */
static struct str block_text(struct str block)
{
	const char *p = block.p, *end = block.p + block.n;
	while (p < end && strchr("# >", *p))
		p++;
	size_t digits = strspn(p, "0123456789");
	if (digits && strchr(".)", p[digits]) && p[digits + 1] == ' ')
		p += digits + 2;
	else if (p + 1 < end && strchr("-*+", *p) && p[1] == ' ')
		p += 2;
	return (struct str){p, (size_t)(end - p)};
}

static int sentences_check(struct draft *d, struct str rest, bool heading, bool address)
{
	struct str sentence, before = {"", 0};
	int rc = 0;
	while (rc == 0 && sentence_next(&rest, &sentence)) {
		if (!address)
			rc = claims_check(d, sentence, before);
		if (rc == 0)
			rc = labels_check(d, sentence);
		if (rc == 0)
			rc = lint_style(d, sentence);
		if (rc == 0 && !heading)
			rc = lint_search(d, sentence);
		before = sentence;
		d->opens = false;
	}
	return rc;
}

static int block_check(struct draft *d, struct str block)
{
	size_t start = (size_t)(block.p - d->text);
	struct str text = block_text(block), cell[CELLS_MAX];
	bool heading = *block.p == '#';
	size_t n_cells = text_cells(block, cell);
	d->block = (struct str){text.p, (size_t)(block.p + block.n - text.p)};
	d->frozen = lint_is_frozen(d, start);
	if (!str_words(block))
		return 0;
	int rc = terms_check(d, start, start + block.n);
	if (heading) {
		d->heading = text;
		if (rc == 0)
			rc = lint_heading(d, text);
	}
	if (n_cells && rc == 0)
		rc = row_check(d, cell, n_cells);
	else
		d->n_columns = 0;
	if (!n_cells && rc == 0)
		rc = sentences_check(d, text, heading, !heading && text.p == block.p && is_address(block));
	if (rc == 0 && !heading && !n_cells)
		rc = lint_stuffing(d, block);
	d->opens = heading;
	return rc;
}

static int by_place(const void *a, const void *b)
{
	const struct lint_finding *x = a, *y = b;
	if (x->start != y->start)
		return x->start > y->start ? 1 : -1;
	return (x->kind > y->kind) - (x->kind < y->kind);
}

void text_line(struct text_cursor *c, const char *text, size_t at, size_t *line, size_t *column)
{
	for (; c->at < at; c->at++)
		if (text[c->at] == '\n') {
			c->lines++;
			c->from = c->at + 1;
		}
	*line = c->lines + 1;
	*column = at - c->from + 1;
}

/* The gaps, then the places of all that was found, in order. */
static int findings_finish(struct draft *d)
{
	struct lint_findings *out = d->out;
	struct text_cursor c = {0};
	int rc = gaps_check(d);
	if (out->n)
		qsort(out->p, out->n, sizeof *out->p, by_place);
	for (size_t i = 0; i < out->n && rc == 0; i++)
		text_line(&c, d->original, out->p[i].start, &out->p[i].line, &out->p[i].column);
	return rc;
}

int lint_draft(const struct lint *l, const char *text, struct lint_findings *out, struct err *e)
{
	size_t n = strlen(text);
	*out = (struct lint_findings){0};
	arena_init(&out->arena, LINT_ARENA_BLOCK);
	if (n > DRAFT_MAX)
		return err_set(e, ERR_DATA, "a draft of %zu bytes; expected at most %d", n, DRAFT_MAX);
	struct draft d = {.l = l,
		.original = text,
		.text = arena_strdup(&out->arena, text, n, e),
		.prose = arena_strdup(&out->arena, text, n, e),
		.heading = {"", 0},
		.out = out,
		.e = e};
	int rc = d.text && d.prose ? 0 : ERR_RESOURCE;
	if (rc == 0) {
		lint_mask(d.text, d.prose);
	}
	for (char *p = d.text, *end; rc == 0 && *p; p = end) {
		bool alone = strchr("#|", *p) != NULL; /* a heading, a line of a table */
		bool blank = p[strspn(p, " \t")] == '\n';
		end = text_line_end(p);
		while (*end && !alone && !blank && !text_opens_block(end))
			end = text_line_end(end);
		for (char *q = p; q < end; q++)
			if (*q == '\n')
				*q = d.prose[q - d.text] = ' ';
		rc = block_check(&d, (struct str){p, (size_t)(end - p)});
	}
	return rc == 0 ? findings_finish(&d) : rc;
}

int lint_gaps(const char *text, struct lint_findings *out, struct err *e)
{
	struct draft d = {.original = text, .out = out, .e = e};
	*out = (struct lint_findings){0};
	arena_init(&out->arena, LINT_ARENA_BLOCK);
	return findings_finish(&d);
}

const struct evidence *lint_evidence(const struct lint *l)
{
	return l->evidence;
}

/*
 * What a draft says that nobody told its writer, taken out again. Reference: data.h.
 *
 * Claims are read as value.c and evidence_check.c read them; here it only counts whether they stand in the evidence at all. Whether they are said of the
 * right thing is for lint to report and for a person to judge, since words alone are often wrong about it.
 */
#include <ctype.h>
#include <string.h>

#include "data/evidence.h"
#include "format/format.h"

enum { NAME_WORDS = 8, ARENA_FIRST = 16 << 10 };

/* A line, what is said in it, and the first gap from a byte on; all places are bytes of it. */
struct search {
	const struct gaps *g;
	const char *line; /* a copy, byte under byte */
	struct str said;  /* the line itself */
	struct values values;
	size_t n_before, from; /* n_before: values that begin in front of `from` or of the sentence */
	bool cut;              /* its last word may be the beginning of another one */
	struct {
		size_t start, end, unit_start;
		bool is_name, found;
	} gap;
};

/* ---- what the evidence has --------------------------------------------------------------------------------------------------- */

static bool is_wordy(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

/* Letter by letter, not inside of another word. */
static bool has_exactly(const char *text, struct str s)
{
	for (const char *p = text; (p = memmem(p, strlen(p), s.p, s.n)); p++)
		if ((p == text || !is_wordy(p[-1]) || !is_wordy(*p)) && (!is_wordy(p[s.n]) || !is_wordy(p[s.n - 1])))
			return true;
	return false;
}

static bool says_exactly(const struct evidence *v, struct str s)
{
	for (size_t i = 0; s.n && i < v->n_units; i++)
		if (has_exactly(v->unit[i].text, s))
			return true;
	for (size_t i = 0; s.n && i < v->n_sources; i++)
		if (has_exactly(v->source[i].heading, s) || has_exactly(v->source[i].path, s))
			return true;
	return false;
}

static const char *last_word(const char *unit)
{
	const char *space = strrchr(unit, ' ');
	return space ? space + 1 : unit;
}

/* "5 missed heartbeats" are 5 heartbeats; what is missed is not for here. */
static bool is_like(const struct value *a, const struct value *b)
{
	return value_is(a, b) || value_is(b, a) ||
		(a->kind == VALUE_NUMBER && b->kind == a->kind && !strcmp(a->text, b->text) &&
			!strcmp(last_word(a->unit), last_word(b->unit)));
}

static bool says_value(const struct evidence *v, const struct value *value, const char *line)
{
	struct str s = {line + value->start, value->end - value->start};
	for (size_t i = 0; i < v->n_stated; i++)
		if (is_like(&v->stated[i].value, value))
			return true;
	if (value->kind == VALUE_CODE)
		s = (struct str){value->text, strlen(value->text)};
	return says_exactly(v, s);
}

/* All words of a name in one section. */
static bool says_name(const struct evidence *v, const struct word *w, size_t n_words)
{
	uint64_t hash[NAME_WORDS];
	size_t n = 0;
	for (size_t i = 0; i < n_words && n < NAME_WORDS; i++)
		if ((hash[n] = evidence_word_hash(v, &w[i])))
			n++;
	for (size_t i = 0; n && i < v->n_sources; i++) {
		size_t k = 0;
		while (k < n && evidence_bag_has(v, &v->source[i].bag, hash[k]))
			k++;
		if (k == n)
			return true;
	}
	return !n;
}

/* ---- a line ------------------------------------------------------------------------------------------------------------------- */

/* Is the claim one that comes before the gap found so far? */
static bool is_due(const struct search *x, size_t start)
{
	return start >= x->from && (!x->gap.found || start < x->gap.start);
}

/* What ends where the text is cut is not known to be what was meant. */
static bool is_cut(const struct search *x, size_t end)
{
	return x->cut && end == x->said.n;
}

static void gap_set(struct search *x, size_t start, size_t end, size_t unit_start, bool is_name)
{
	x->gap.start = start;
	x->gap.end = end;
	x->gap.unit_start = unit_start;
	x->gap.is_name = is_name;
	x->gap.found = true;
}

/* Of those that begin in front of byte `end`. */
static void values_search(struct search *x, size_t end)
{
	for (size_t i = x->n_before; i < x->values.n && x->values.p[i].start < end && !x->gap.found; i++) {
		const struct value *v = &x->values.p[i];
		bool known = !is_due(x, v->start) || evidence_is_manner(x->line + v->start, v);
		for (size_t k = 0; k < 2 && !known && !is_cut(x, v->end); k++)
			known = x->g->evidence[k] && says_value(x->g->evidence[k], v, x->line);
		if (known)
			continue;
		size_t unit = v->unit_start;
		if (v->kind == VALUE_PERCENT && x->line[v->end - 1] == '%')
			unit = v->end - 1;
		gap_set(x, v->start, v->end, unit, v->kind == VALUE_CODE);
	}
}

/* "v2.4.0" is the version "2.4.0". */
static struct str without_v(const struct word *w)
{
	size_t v = w->n > 1 && tolower((unsigned char)*w->p) == 'v' && isdigit((unsigned char)w->p[1]);
	return (struct str){w->p + v, w->n - v};
}

/* Digits and letters in one ("750KiB", "SHA-256", "2027-06-30"), names of code without backticks, addresses. Numbers alone are values, or number an item. */
static bool is_loose(const struct word *w)
{
	size_t digits = 0, others = 0;
	for (size_t i = 0; i < w->n; i++) {
		digits += isdigit((unsigned char)w->p[i]) != 0;
		others += !isdigit((unsigned char)w->p[i]) && !strchr(".,:%$", w->p[i]);
	}
	return (digits && others) || word_is_identifier(w) || memmem(w->p, w->n, "://", 3) || memchr(w->p, '@', w->n);
}

static void loose_search(struct search *x, const struct word *w, size_t start)
{
	struct str s = without_v(w);
	bool known = false;
	for (size_t k = 0; k < 2 && !known && !is_cut(x, start + w->n); k++)
		known = x->g->evidence[k] && (says_exactly(x->g->evidence[k], s) || says_name(x->g->evidence[k], w, 1));
	if (!known)
		gap_set(x, start, start + w->n, start + w->n, !isdigit((unsigned char)*s.p));
}

/* Behind a colon, a dash, a mark of a list or a table anything may have a capital. */
static bool is_opening(const struct search *x, const struct word *w)
{
	const char *p = w->p;
	while (p > x->line && strchr(" \t_\"'([", p[-1]))
		p--;
	return p == x->line || strchr(":.!?|#>-\x94\x93", p[-1]);
}

static void name_search(struct search *x, const struct word *w, size_t i, size_t end)
{
	size_t start = (size_t)(w[i].p - x->line);
	size_t stop = (size_t)(w[end - 1].p + w[end - 1].n - x->line);
	bool known = !is_due(x, start);
	for (size_t k = 0; k < 2 && !known && !is_cut(x, stop); k++)
		known = x->g->evidence[k] && says_name(x->g->evidence[k], w + i, end - i);
	if (!known)
		gap_set(x, start, stop, stop, true);
}

static void words_search(struct search *x, struct str piece, bool has_names)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(piece, w);
	for (size_t i = 0, end; i < n; i = end) {
		size_t start = (size_t)(w[i].p - x->line);
		end = i + 1;
		if (evidence_in_value(&x->values, start) || word_is_code(&w[i]))
			continue;
		if (is_loose(&w[i])) {
			if (is_due(x, start))
				loose_search(x, &w[i], start);
		} else if (has_names && i && evidence_is_name_word(&w[i]) && !is_opening(x, &w[i])) {
			end = evidence_name_end(w, n, i, &x->values, x->line);
			name_search(x, w, i, end);
		}
	}
}

/* A heading, or a line that is bold as a whole. */
static bool is_title(struct str s)
{
	while (s.n && strchr(" :\r", s.p[s.n - 1]))
		s.n--;
	return s.n && (*s.p == '#' || (s.n > 4 && !memcmp(s.p, "**", 2) && !memcmp(s.p + s.n - 2, "**", 2)));
}

/* A copy without the stars of bold words, and without a backtick that opens nothing, which would hide what is behind it. */
static char *line_copy(struct str s, struct arena *a, struct err *e)
{
	char *line = arena_strdup(a, s.p, s.n, e), *tick = NULL;
	for (size_t i = 0; line && i < s.n; i++) {
		if (line[i] == '`')
			tick = tick ? NULL : &line[i];
		else if (line[i] == '*' && !tick)
			line[i] = ' ';
	}
	if (tick)
		*tick = ' ';
	return line;
}

/* The next gap in a sentence of the line; false: there is none. */
static bool gap_search(struct search *x, struct str piece, bool has_names)
{
	size_t start = (size_t)(piece.p - x->line), from = x->from > start ? x->from : start;
	x->gap.found = false;
	while (x->n_before < x->values.n && x->values.p[x->n_before].start < from)
		x->n_before++;
	values_search(x, start + piece.n);
	words_search(x, piece, has_names);
	return x->gap.found;
}

static int gap_put(const struct search *x, struct buf *out, struct err *e)
{
	size_t unit = x->gap.unit_start, end = x->gap.end;
	int rc = buf_append(out, x->said.p + x->from, x->gap.start - x->from, e);
	if (!rc)
		rc = buf_puts(out, x->gap.is_name ? GAP_NAME : GAP_NUMBER, e);
	if (!rc && unit < end && x->line[unit] != '%')
		rc = buf_puts(out, " ", e);
	return rc ? rc : buf_append(out, x->said.p + unit, end - unit, e);
}

static int line_open(const struct gaps *g, struct str s, bool last, struct buf *out, struct err *e)
{
	struct search x = {.g = g, .said = s, .cut = last && g->cut};
	struct arena a;
	arena_init(&a, ARENA_FIRST);
	int rc = (x.line = line_copy(s, &a, e)) ? values_read(&x.values, x.line, &a, e) : ERR_RESOURCE;
	struct pieces pieces = {.line = {x.line, s.n}};
	struct str piece;
	bool has_names = !is_title(s);
	while (!rc && pieces_next(&pieces, &piece))
		for (; !rc && gap_search(&x, piece, has_names); x.from = x.gap.end)
			rc = gap_put(&x, out, e);
	if (!rc)
		rc = buf_append(out, s.p + x.from, s.n - x.from, e);
	arena_release(&a);
	return rc;
}

int gaps_open(const struct gaps *g, const char *text, struct buf *out, struct err *e)
{
	int rc = 0;
	for (size_t n; *text && !rc; text += n) {
		n = strcspn(text, "\n");
		bool last = !text[n];
		rc = line_open(g, (struct str){text, n}, last, out, e);
		if (!rc && !last)
			rc = buf_append(out, text + n++, 1, e);
	}
	return rc;
}

bool gaps_in(const char *text, size_t n)
{
	return memmem(text, n, GAP_NUMBER, strlen(GAP_NUMBER)) || memmem(text, n, GAP_NAME, strlen(GAP_NAME));
}

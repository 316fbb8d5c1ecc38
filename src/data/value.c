/*
 * The values of a text in one spelling. The atoms of atom.h say where a value stands; here it is made comparable: digits for number
 * words, no thousands separators, units in the singular and under one name. Reference: data.h.
 */
#include "data/data.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/atom.h"

struct reader {
	struct values *out;
	struct arena *arena;
	struct err *e;
	const char *base;      /* of the whole text, as its words stand in it */
	struct buf text, unit; /* of the value being read */
	size_t n_words;        /* of the whole text */
};

/* ---- words to one spelling -------------------------------------------------------------------------------------------------- */

struct renaming {
	const char *from, *to;
};

static const struct renaming digits[] = {{"two", "2"}, {"three", "3"}, {"four", "4"}, {"five", "5"}, {"six", "6"}, {"seven", "7"},
	{"eight", "8"}, {"nine", "9"}, {"ten", "10"}, {"eleven", "11"}, {"twelve", "12"}, {"fifteen", "15"}, {"twenty", "20"},
	{"thirty", "30"}, {"fifty", "50"}};

static const struct renaming zeros[] = {{"hundred", "00"}, {"thousand", "000"}, {"million", "000000"}, {"billion", "000000000"}};

static const struct renaming units[] = {{"ms", "millisecond"}, {"s", "second"}, {"sec", "second"}, {"secs", "second"},
	{"min", "minute"}, {"mins", "minute"}, {"h", "hour"}, {"hr", "hour"}, {"hrs", "hour"}, {"d", "day"}, {"kilobytes", "kb"},
	{"megabytes", "mb"}, {"gigabytes", "gb"}, {"terabytes", "tb"}, {"euros", "eur"}, {"dollars", "usd"}, {"pounds", "gbp"},
	{"a", "per"}, {"an", "per"}, {"each", "per"}, {"every", "per"}, {"a.m", "am"}, {"p.m", "pm"}};

#define RENAMED(table, word) renamed(table, sizeof table / sizeof *table, word)
static const char *renamed(const struct renaming *r, size_t n, const struct word *w)
{
	for (size_t i = 0; i < n; i++)
		if (word_is(w, r[i].from))
			return r[i].to;
	return NULL;
}

/* "1,000" but not "1,5": commas go where three digits follow. */
static bool is_separator(const struct word *w, size_t i)
{
	if (w->p[i] != ',')
		return false;
	size_t n = 0;
	while (i + 1 + n < w->n && isdigit((unsigned char)w->p[i + 1 + n]))
		n++;
	return n == 3;
}

/* A number without sign of currency or percent. */
static int number_put(struct reader *r, const struct word *w)
{
	const char *known = RENAMED(digits, w);
	if (known)
		return buf_puts(&r->text, known, r->e);
	int rc = w->n > 1 && w->p[1] == ':' ? buf_puts(&r->text, "0", r->e) : 0; /* 3:30 */
	for (size_t i = 0; i < w->n && rc == 0; i++)
		if (isdigit((unsigned char)w->p[i]) || (strchr(".,:", w->p[i]) && !is_separator(w, i)))
			rc = buf_append(&r->text, &w->p[i], 1, r->e);
	return rc;
}

/* "2.5" "million": the point moves instead of zeros being added. */
static int scale_put(struct reader *r, const char *zero)
{
	size_t places = strlen(zero);
	char *point = memchr(r->text.p, '.', r->text.len);
	if (!point)
		return buf_puts(&r->text, zero, r->e);
	size_t behind = (size_t)(r->text.p + r->text.len - point) - 1, moved = behind < places ? behind : places;
	memmove(point, point + 1, moved);
	point[moved] = '.';
	if (behind > places)
		return 0;
	r->text.len--;
	r->text.p[r->text.len] = 0;
	return buf_puts(&r->text, zero + moved, r->e);
}

/* The singular of an English plural, in small letters. */
static int singular_put(struct reader *r, const struct word *w)
{
	size_t n = w->n;
	const char *tail = "";
	if (word_is_plain(w) && n > 3 && tolower((unsigned char)w->p[n - 1]) == 's' && !strchr("su", w->p[n - 2])) {
		n--;
		if (n > 3 && !memcmp(w->p + n - 2, "ie", 2)) {
			n -= 2;
			tail = "y";
		} else if (w->p[n - 1] == 'e' && (strchr("xz", w->p[n - 2]) || (w->p[n - 2] == 'h' && strchr("cs", w->p[n - 3])))) {
			n--;
		}
	}
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		char c = (char)tolower((unsigned char)w->p[i]);
		if (!is_separator(w, i)) /* "per 100,000" */
			rc = buf_append(&r->unit, &c, 1, r->e);
	}
	return rc < 0 ? rc : buf_puts(&r->unit, tail, r->e);
}

static int unit_put(struct reader *r, const struct word *w)
{
	const char *known = RENAMED(units, w);
	int rc = r->unit.len ? buf_puts(&r->unit, " ", r->e) : 0;
	if (rc < 0)
		return rc;
	return known ? buf_puts(&r->unit, known, r->e) : singular_put(r, w);
}

/* ---- values ----------------------------------------------------------------------------------------------------------------- */

/* `last`: its last word. */
static int value_add(struct reader *r, enum value_kind kind, bool whole, const struct word *first, const struct word *last)
{
	struct value *v = &r->out->p[r->out->n];
	v->kind = kind;
	v->whole = whole;
	v->start = (size_t)(first->p - r->base);
	v->end = v->unit_start = (size_t)(last->p + last->n - r->base);
	v->unit = arena_strdup(r->arena, r->unit.p ? r->unit.p : "", r->unit.len, r->e);
	v->text = arena_strdup(r->arena, r->text.p ? r->text.p : "", r->text.len, r->e);
	r->out->n++;
	return v->unit && v->text ? 0 : ERR_RESOURCE;
}

static int number_add(struct reader *r, const struct word *w, const struct atom *a, bool whole)
{
	static const enum value_kind kind[] = {
		[ATOM_MONEY] = VALUE_MONEY, [ATOM_PERCENT] = VALUE_PERCENT, [ATOM_CLOCK] = VALUE_CLOCK, [ATOM_CODE] = VALUE_NUMBER};
	const char *zero, *sign = w[a->value].p;
	int rc = 0;
	for (size_t i = a->value; i < a->unit && rc == 0; i++) {
		if (i > a->value && word_in(&w[i], "to and"))
			rc = buf_puts(&r->text, "-", r->e);
		else if (i > a->value && (zero = RENAMED(zeros, &w[i])))
			rc = scale_put(r, zero);
		else
			rc = number_put(r, &w[i]);
	}
	if (rc == 0 && !r->text.len) /* "the Canopy plan": a name is no value */
		return 0;
	if (rc == 0 && a->measure == ATOM_MONEY && !isdigit((unsigned char)*sign) && !isalpha((unsigned char)*sign))
		rc = buf_puts(&r->unit, *sign == '$' ? "usd" : "eur", r->e);
	for (size_t i = a->unit; i < a->value_end && rc == 0 && a->measure != ATOM_PERCENT; i++)
		rc = unit_put(r, &w[i]);
	if (rc == 0 && a->measure == ATOM_LABELLED)
		rc = unit_put(r, &w[a->label]);
	if (rc == 0)
		rc = value_add(r, kind[a->measure], whole, &w[a->value], &w[a->value_end - 1]);
	if (rc == 0 && a->unit > a->value && a->unit < a->value_end)
		r->out->p[r->out->n - 1].unit_start = (size_t)(w[a->unit].p - r->base);
	return rc;
}

/* What kind of thing a code span names: only such things compete with one another. */
static int code_add(struct reader *r, const struct word *w, bool whole)
{
	const char *p = w->p;
	size_t n = w->n, quoted = n > 1 && *p == '`' && p[n - 1] == '`';
	p += quoted;
	n -= 2 * quoted;
	if (!n)
		return 0;
	int rc = buf_append(&r->text, p, n, r->e);
	if (rc < 0)
		return rc;
	if (*p == '-')
		rc = buf_puts(&r->unit, "flag", r->e);
	else if (memchr(p, '/', n))
		rc = buf_puts(&r->unit, "path", r->e);
	else
		rc = buf_printf(&r->unit, r->e, "%s%s%s%s%s", isupper((unsigned char)*p) ? "A" : "a", memchr(p, '-', n) ? "-" : "",
			memchr(p, '_', n) ? "_" : "", memchr(p, '.', n) ? "." : "", memchr(p, ' ', n) ? " " : "");
	return rc < 0 ? rc : value_add(r, VALUE_CODE, whole, w, w);
}

/* Models often write flags without backticks. */
static bool is_bare_flag(const struct word *w)
{
	size_t dashes = w->n > 1 && w->p[0] == '-' ? 1u + (w->p[1] == '-') : 0;
	return dashes && w->n > dashes && isalpha((unsigned char)w->p[dashes]);
}

static int sentence_read(struct reader *r, struct str s)
{
	struct word w[SENTENCE_WORDS];
	struct atom a;
	size_t n = words_split(s, w);
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0;) {
		size_t end = i + 1;
		buf_clear(&r->text);
		buf_clear(&r->unit);
		if (is_bare_flag(&w[i]) || word_is_code(&w[i])) {
			rc = code_add(r, &w[i], r->n_words == 1);
		} else if (atom_next(w, n, i, &a) && a.value == i && !a.loose) {
			end = a.value_end;
			rc = number_add(r, w, &a, end - i == r->n_words);
		}
		i = end;
	}
	return rc;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------- */

/* Numbers of list items are no values: "1. Open it". */
static void blank_numbers(char *s)
{
	for (char *line = s; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		char *p = line + strspn(line, " \t"), *end = p + strspn(p, "0123456789");
		if (end > p && end - p <= 2 && (*end == '.' || *end == ')') && end[1] == ' ')
			memset(p, ' ', (size_t)(end - p) + 1);
	}
}

/*
 * A copy with Markdown's stars, list numbers, tabs and no-break spaces as spaces, and "90-day" as "90 day"; code spans stay, and so
 * do ends of lines.
 */
static char *tidy(const char *text, struct arena *a, struct err *e)
{
	char *s = arena_strdup(a, text, strlen(text), e);
	if (s)
		blank_numbers(s);
	bool code = false;
	for (char *p = s; p && *p; p++) {
		code = *p == '\n' ? false : code ^ (*p == '`');
		if (code)
			continue;
		if (*p == '*' || (*p != '\n' && isspace((unsigned char)*p)) ||
			(*p == '-' && p > s && isdigit((unsigned char)p[-1]) && isalpha((unsigned char)p[1])))
			*p = ' ';
		else if (!strncmp(p, "\xc2\xa0", 2))
			memset(p, ' ', 2);
		else if (!strncmp(p, "\xe2\x80\xaf", 3))
			memset(p, ' ', 3);
	}
	return s;
}

/* More values than words there are not; a flag inside a code span is no word of its own. */
static size_t words_bound(const char *s)
{
	size_t n = 1;
	for (; *s; s++)
		n += *s == ' ' || *s == '\n';
	return n;
}

static int line_read(struct reader *r, struct str line)
{
	struct pieces pieces = {.line = line};
	struct str piece;
	int rc = 0;
	while (rc == 0 && pieces_next(&pieces, &piece))
		rc = sentence_read(r, piece);
	return rc;
}

int values_read(struct values *out, const char *text, struct arena *a, struct err *e)
{
	struct reader r = {.out = out, .arena = a, .e = e};
	*out = (struct values){0};
	char *s = tidy(text, a, e);
	if (!s)
		return ERR_RESOURCE;
	out->p = arena_alloc(a, words_bound(s), sizeof *out->p, e);
	if (!out->p)
		return ERR_RESOURCE;
	struct word w[SENTENCE_WORDS];
	r.base = s;
	r.n_words = words_split((struct str){s, strlen(s)}, w);
	int rc = 0;
	while (*s && rc == 0) {
		size_t n = strcspn(s, "\n");
		rc = line_read(&r, (struct str){s, n});
		s += n + (s[n] == '\n');
	}
	buf_release(&r.text);
	buf_release(&r.unit);
	if (rc < 0)
		*out = (struct values){0};
	return rc;
}

bool value_is(const struct value *v, const struct value *wanted)
{
	size_t n = strlen(wanted->unit);
	if (v->kind != wanted->kind || strcmp(v->text, wanted->text))
		return false;
	return !n || (!strncmp(v->unit, wanted->unit, n) && (!v->unit[n] || v->unit[n] == ' '));
}

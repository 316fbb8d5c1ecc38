/*
 * The values of a template: made, compared, printed. Strings are cut and joined and every byte keeps its origin through both.
 * Reference: Python's data model as Jinja 3.1 shows it.
 */
#include "format/jinja_value.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "format/unicode.h"

/* ---- errors and limits -------------------------------------------------------------------------------------------------------- */

const char *value_name(const struct value *v)
{
	static const char *const names[] = {"an undefined value", "none", "a boolean", "an integer", "a float", "a string",
		"a list", "a tuple", "a mapping", "a namespace", "a macro", "a function", "a method"};
	return names[v->kind];
}

int jinja_fail(struct render *r, const char *format, ...)
{
	char text[400];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	return err_set(r->e, ERR_DATA, "chat template: line %d: %s", r->line, text);
}

int jinja_unfit(struct render *r, const char *what, const struct value *v)
{
	return jinja_fail(r, "%s %s", what, value_name(v));
}

/* A template that doubles a string in a loop ends here. */
int jinja_spend(struct render *r, size_t bytes)
{
	if (bytes > JINJA_BYTES_MAX - r->bytes)
		return jinja_fail(r, "makes more than %d MiB of text", JINJA_BYTES_MAX >> 20);
	r->bytes += bytes;
	return 0;
}

int jinja_scan(struct render *r, size_t n)
{
	r->steps += 1 + n / 128;
	return r->steps > JINJA_STEPS_MAX ? jinja_fail(r, "more than %d steps", JINJA_STEPS_MAX) : 0;
}

int jinja_enter(struct render *r)
{
	return ++r->depth > JINJA_NESTED_MAX ? jinja_fail(r, "nested more than %d deep", JINJA_NESTED_MAX) : 0;
}

/* ---- making ------------------------------------------------------------------------------------------------------------------- */

struct value value_int(int64_t number)
{
	return (struct value){.kind = VALUE_INT, .number = number};
}

struct value value_bool(bool b)
{
	return (struct value){.kind = VALUE_BOOL, .number = b};
}

struct value value_string(struct str text)
{
	return (struct value){.kind = VALUE_STRING, .text = text};
}

struct str str_of(const char *s)
{
	return (struct str){s, NULL, strlen(s)};
}

bool str_equal(struct str a, struct str b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

bool str_spells(struct str a, const char *b)
{
	return str_equal(a, str_of(b));
}

struct str str_cut(struct str s, size_t from, size_t to)
{
	return (struct str){s.p + from, s.origin ? s.origin + from : NULL, to - from};
}

/* Room for one more of `size` bytes behind n of cap; NULL with the error filled. */
static void *grow(struct render *r, void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	size_t want = *cap ? 2 * *cap : 8;
	void *q = jinja_spend(r, want * size) ? NULL : arena_alloc(&r->arena, want, size, r->e);
	if (q && n)
		memcpy(q, p, n * size);
	if (q)
		*cap = want;
	return q;
}

int list_new(struct render *r, enum value_kind kind, struct value *out)
{
	struct list *l = jinja_spend(r, sizeof *l) ? NULL : arena_alloc(&r->arena, 1, sizeof *l, r->e);
	*out = (struct value){.kind = VALUE_UNDEFINED};
	if (!l)
		return r->e->code;
	*l = (struct list){0};
	*out = (struct value){.kind = kind, .list = l};
	return 0;
}

int list_push(struct render *r, struct list *l, struct value v)
{
	struct value *p = grow(r, l->p, l->n, &l->cap, sizeof v);
	if (!p)
		return r->e->code;
	l->p = p;
	l->p[l->n++] = v;
	return 0;
}

int map_new(struct render *r, enum value_kind kind, struct value *out)
{
	struct map *m = jinja_spend(r, sizeof *m) ? NULL : arena_alloc(&r->arena, 1, sizeof *m, r->e);
	*out = (struct value){.kind = VALUE_UNDEFINED};
	if (!m)
		return r->e->code;
	*m = (struct map){0};
	*out = (struct value){.kind = kind, .map = m};
	return 0;
}

const struct value *map_get(const struct map *m, struct str key)
{
	for (size_t i = 0; i < m->n; i++)
		if (str_equal(m->p[i].key, key))
			return &m->p[i].value;
	return NULL;
}

int map_set(struct render *r, struct map *m, struct str key, struct value v)
{
	if (jinja_scan(r, 8 * m->n))
		return ERR_DATA;
	for (size_t i = 0; i < m->n; i++)
		if (str_equal(m->p[i].key, key)) {
			m->p[i].value = v;
			return 0;
		}
	struct entry *p = grow(r, m->p, m->n, &m->cap, sizeof *p);
	if (!p)
		return r->e->code;
	m->p = p;
	m->p[m->n++] = (struct entry){key, v};
	return 0;
}

static int builder_room(struct render *r, struct builder *b, size_t n)
{
	if (jinja_spend(r, n))
		return ERR_DATA;
	if (n <= b->cap - b->n)
		return 0;
	size_t cap = 2 * b->cap > b->n + n ? 2 * b->cap : b->n + n + 64;
	char *p = arena_alloc(&r->arena, cap, 2, r->e);
	if (!p)
		return ERR_RESOURCE;
	if (b->n) {
		memcpy(p, b->p, b->n);
		memcpy(p + cap, b->origin, b->n);
	}
	b->p = p;
	b->origin = (unsigned char *)p + cap;
	b->cap = cap;
	return 0;
}

int builder_add(struct render *r, struct builder *b, struct str s)
{
	if (!s.n)
		return 0;
	if (builder_room(r, b, s.n))
		return r->e->code;
	memcpy(b->p + b->n, s.p, s.n);
	if (s.origin)
		memcpy(b->origin + b->n, s.origin, s.n);
	else
		memset(b->origin + b->n, 0, s.n);
	b->n += s.n;
	return 0;
}

int builder_fill(struct render *r, struct builder *b, const char *p, size_t n, unsigned char origin)
{
	int rc = builder_add(r, b, (struct str){p, NULL, n});
	if (!rc && n)
		memset(b->origin + b->n - n, origin, n);
	return rc;
}

struct value builder_value(const struct builder *b)
{
	return value_string((struct str){b->p ? b->p : "", b->origin, b->n});
}

int join(struct render *r, struct str a, struct str b, struct value *out)
{
	struct builder both = {0};
	if (!a.n || !b.n) {
		*out = value_string(a.n ? a : b);
		return 0;
	}
	int rc = builder_add(r, &both, a);
	if (!rc)
		rc = builder_add(r, &both, b);
	*out = builder_value(&both);
	return rc;
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------------- */

bool is_number(const struct value *v)
{
	return v->kind == VALUE_INT || v->kind == VALUE_BOOL;
}

bool is_list(const struct value *v)
{
	return v->kind == VALUE_LIST || v->kind == VALUE_TUPLE;
}

double value_real(const struct value *v)
{
	return v->kind == VALUE_FLOAT ? v->real : (double)v->number;
}

bool truthy(const struct value *v)
{
	switch (v->kind) {
	case VALUE_UNDEFINED:
	case VALUE_NONE:
		return false;
	case VALUE_BOOL:
	case VALUE_INT:
		return v->number != 0;
	case VALUE_FLOAT:
		return v->real != 0;
	case VALUE_STRING:
		return v->text.n > 0;
	case VALUE_LIST:
	case VALUE_TUPLE:
		return v->list->n > 0;
	case VALUE_MAP:
		return v->map->n > 0;
	default:
		return true;
	}
}

static int lists_equal(struct render *r, const struct list *a, const struct list *b, bool *out)
{
	int rc = 0;
	*out = a->n == b->n;
	for (size_t i = 0; *out && i < a->n && !rc; i++)
		rc = value_equal(r, &a->p[i], &b->p[i], out);
	return rc;
}

static int maps_equal(struct render *r, const struct map *a, const struct map *b, bool *out)
{
	int rc = 0;
	*out = a->n == b->n;
	for (size_t i = 0; *out && i < a->n && !rc; i++) {
		rc = jinja_scan(r, 8 * b->n);
		const struct value *v = rc ? NULL : map_get(b, a->p[i].key);
		*out = v != NULL;
		if (v)
			rc = value_equal(r, &a->p[i].value, v, out);
	}
	return rc;
}

int value_equal(struct render *r, const struct value *a, const struct value *b, bool *out)
{
	int rc = 0;
	bool numbers = (is_number(a) || a->kind == VALUE_FLOAT) && (is_number(b) || b->kind == VALUE_FLOAT);
	*out = false;
	if (numbers) {
		*out = is_number(a) && is_number(b) ? a->number == b->number : value_real(a) == value_real(b);
	} else if (a->kind != b->kind) {
		*out = false;
	} else if (a->kind <= VALUE_NONE) {
		*out = true;
	} else if (a->kind == VALUE_STRING) {
		rc = jinja_scan(r, a->text.n);
		*out = str_equal(a->text, b->text);
	} else if (is_list(a) || a->kind == VALUE_MAP) {
		rc = jinja_enter(r);
		if (!rc)
			rc = is_list(a) ? lists_equal(r, a->list, b->list, out) : maps_equal(r, a->map, b->map, out);
		r->depth--;
	}
	return rc ? rc : jinja_scan(r, 0);
}

int str_order(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

int value_order(struct render *r, const struct value *a, const struct value *b, int *out)
{
	*out = 0;
	if ((is_number(a) || a->kind == VALUE_FLOAT) && (is_number(b) || b->kind == VALUE_FLOAT)) {
		double x = value_real(a), y = value_real(b);
		*out = is_number(a) && is_number(b) ? (a->number > b->number) - (a->number < b->number) : (x > y) - (x < y);
		return 0;
	}
	if (a->kind != VALUE_STRING || b->kind != VALUE_STRING)
		return jinja_unfit(r, "unsupported comparison with", is_number(a) || a->kind == VALUE_STRING ? b : a);
	*out = str_order(a->text, b->text);
	return jinja_scan(r, a->text.n < b->text.n ? a->text.n : b->text.n);
}

int value_contains(struct render *r, const struct value *in, const struct value *v, bool *found)
{
	int rc;
	*found = false;
	if (in->kind == VALUE_STRING && v->kind == VALUE_STRING) {
		*found = !v->text.n || (in->text.n && memmem(in->text.p, in->text.n, v->text.p, v->text.n));
		return jinja_scan(r, in->text.n);
	}
	if (in->kind == VALUE_UNDEFINED)
		return 0;
	if (in->kind == VALUE_MAP) {
		rc = jinja_scan(r, 8 * in->map->n);
		*found = v->kind == VALUE_STRING && map_get(in->map, v->text);
		return rc;
	}
	if (!is_list(in))
		return jinja_unfit(r, "cannot look inside", in);
	rc = 0;
	for (size_t i = 0; i < in->list->n && !*found && !rc; i++)
		rc = value_equal(r, v, &in->list->p[i], found);
	return rc;
}

/* ---- printing ----------------------------------------------------------------------------------------------------------------- */

void float_print(double x, char out[FLOAT_SIZE])
{
	char digits[40];
	int precision = 1;
	if (isnan(x) || isinf(x)) {
		snprintf(out, FLOAT_SIZE, "%s", isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
		return;
	}
	do
		snprintf(digits, sizeof digits, "%.*e", precision - 1, x);
	while (strtod(digits, NULL) != x && precision++ < 17);
	int exponent = atoi(strchr(digits, 'e') + 1);
	if (exponent < -4 || exponent >= 16) {
		*strchr(digits, 'e') = 0;
		snprintf(out, FLOAT_SIZE, "%se%c%02d", digits, exponent < 0 ? '-' : '+', abs(exponent));
	} else {
		int decimals = precision - 1 - exponent;
		snprintf(out, FLOAT_SIZE, "%.*f", decimals < 1 ? 1 : decimals, x);
	}
}

/* A number, a boolean or none. */
static int print_scalar(struct render *r, struct builder *b, const struct value *v)
{
	char digits[FLOAT_SIZE] = "None";
	if (v->kind == VALUE_BOOL)
		snprintf(digits, sizeof digits, "%s", v->number ? "True" : "False");
	else if (v->kind == VALUE_INT)
		snprintf(digits, sizeof digits, "%lld", (long long)v->number);
	else if (v->kind == VALUE_FLOAT)
		float_print(v->real, digits);
	return builder_fill(r, b, digits, strlen(digits), v->origin);
}

static int repr_string(struct render *r, struct builder *b, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	char quote = s.n && memchr(s.p, '\'', s.n) && !memchr(s.p, '"', s.n) ? '"' : '\'';
	int rc = builder_fill(r, b, &quote, 1, s.origin && s.n ? s.origin[0] : 0);
	for (size_t i = 0; i < s.n && !rc; i++) {
		unsigned char c = (unsigned char)s.p[i], origin = s.origin ? s.origin[i] : 0;
		char escape[4] = {'\\', c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : (char)c};
		if (c == quote || strchr("\n\t\r\\", c)) {
			rc = builder_fill(r, b, escape, 2, origin);
		} else if (c < 0x20 || c == 0x7f) {
			memcpy(escape, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
			rc = builder_fill(r, b, escape, 4, origin);
		} else {
			rc = builder_add(r, b, str_cut(s, i, i + 1));
		}
	}
	return rc ? rc : builder_fill(r, b, &quote, 1, s.origin && s.n ? s.origin[0] : 0);
}

static int repr_items(struct render *r, struct builder *b, const struct value *v)
{
	const char *brackets = v->kind == VALUE_LIST ? "[]" : v->kind == VALUE_TUPLE ? "()" : "{}";
	size_t n = v->kind == VALUE_MAP ? v->map->n : v->list->n;
	int rc = jinja_enter(r);
	if (!rc)
		rc = builder_fill(r, b, brackets, 1, v->origin);
	for (size_t i = 0; i < n && !rc; i++) {
		if (i)
			rc = builder_fill(r, b, ", ", 2, v->origin);
		if (!rc && v->kind == VALUE_MAP && !(rc = repr_string(r, b, v->map->p[i].key)))
			rc = builder_fill(r, b, ": ", 2, v->origin);
		if (!rc)
			rc = value_repr(r, b, v->kind == VALUE_MAP ? &v->map->p[i].value : &v->list->p[i]);
	}
	if (!rc && v->kind == VALUE_TUPLE && n == 1)
		rc = builder_fill(r, b, ",", 1, v->origin);
	r->depth--;
	return rc ? rc : builder_fill(r, b, brackets + 1, 1, v->origin);
}

int value_repr(struct render *r, struct builder *b, const struct value *v)
{
	if (jinja_scan(r, 0))
		return ERR_DATA;
	if (v->kind == VALUE_STRING)
		return repr_string(r, b, v->text);
	if (is_list(v) || v->kind == VALUE_MAP)
		return repr_items(r, b, v);
	if (v->kind == VALUE_UNDEFINED)
		return builder_fill(r, b, "Undefined", 9, 0);
	return v->kind < VALUE_STRING ? print_scalar(r, b, v) : jinja_unfit(r, "cannot print", v);
}

int value_print(struct render *r, const struct value *v, struct str *out)
{
	struct builder b = {0};
	int rc = 0;
	*out = (struct str){"", NULL, 0};
	if (v->kind == VALUE_STRING) {
		*out = v->text;
	} else if (v->kind != VALUE_UNDEFINED) {
		rc = value_repr(r, &b, v);
		*out = builder_value(&b).text;
	}
	return rc;
}

/* ---- strings ------------------------------------------------------------------------------------------------------------------ */

int value_items(struct render *r, const struct value *v, struct list **out)
{
	struct value list;
	uint32_t cp;
	int rc = 0;
	*out = NULL;
	if (is_list(v)) {
		*out = v->list;
		return 0;
	}
	if (v->kind != VALUE_UNDEFINED && v->kind != VALUE_STRING && v->kind != VALUE_MAP)
		return jinja_unfit(r, "cannot loop over", v);
	if (list_new(r, VALUE_LIST, &list))
		return r->e->code;
	for (size_t i = 0; v->kind == VALUE_MAP && i < v->map->n && !rc; i++)
		rc = list_push(r, list.list, value_string(v->map->p[i].key));
	for (size_t i = 0, n; v->kind == VALUE_STRING && i < v->text.n && !rc; i += n) {
		n = utf8_next(v->text.p + i, v->text.n - i, &cp);
		n = n ? n : 1;
		rc = list_push(r, list.list, value_string(str_cut(v->text, i, i + n)));
	}
	*out = list.list;
	return rc;
}

/* The character at p[0..n), n > 0: a byte that starts none is one by itself. */
static size_t character(const char *p, size_t n, uint32_t *cp)
{
	size_t length = utf8_next(p, n, cp);
	if (!length)
		*cp = UINT32_MAX;
	return length ? length : 1;
}

/* White space as Python's str.strip sees it: Unicode's, and four separators of ASCII; or one of `chars`. */
static bool strips(uint32_t cp, const struct str *chars)
{
	uint32_t c;
	if (cp == UINT32_MAX)
		return false;
	if (!chars)
		return char_class(cp) == CHAR_SPACE || (cp >= 0x1c && cp <= 0x1f);
	for (size_t i = 0; i < chars->n;) {
		i += character(chars->p + i, chars->n - i, &c);
		if (c == cp)
			return true;
	}
	return false;
}

struct str str_trimmed(struct str s, const struct str *chars, bool left, bool right)
{
	size_t from = 0, to = s.n, n;
	uint32_t cp;
	while (left && from < to) {
		n = character(s.p + from, to - from, &cp);
		if (!strips(cp, chars))
			break;
		from += n;
	}
	while (right && to > from) {
		size_t start = to - 1;
		while (start > from && ((unsigned char)s.p[start] & 0xc0) == 0x80)
			start--;
		n = character(s.p + start, to - start, &cp);
		if (n != to - start || !strips(cp, chars))
			break;
		to = start;
	}
	return str_cut(s, from, to);
}

int str_replace(struct render *r, struct str s, struct str from, struct str to, int64_t count, struct value *out)
{
	struct builder b = {0};
	size_t at = 0;
	int rc = jinja_scan(r, s.n);
	if (!rc && !from.n)
		rc = jinja_fail(r, "unsupported replacement of an empty string");
	while (!rc && count-- != 0) {
		const char *found = s.n - at < from.n ? NULL : memmem(s.p + at, s.n - at, from.p, from.n);
		if (!found)
			break;
		size_t next = (size_t)(found - s.p);
		rc = builder_add(r, &b, str_cut(s, at, next));
		if (!rc)
			rc = builder_add(r, &b, to);
		if (!rc)
			rc = jinja_scan(r, 0);
		at = next + from.n;
	}
	if (!rc)
		rc = builder_add(r, &b, str_cut(s, at, s.n));
	*out = builder_value(&b);
	return rc;
}

/* ASCII letters only; other scripts keep their letters' case. */
int str_cased(struct render *r, struct str s, enum str_case to, struct value *out)
{
	struct builder b = {0};
	bool inside = false; /* a word, or behind the first letter */
	int rc = builder_add(r, &b, s);
	for (size_t i = 0; i < s.n && !rc; i++) {
		bool upper = b.p[i] >= 'A' && b.p[i] <= 'Z', lower = b.p[i] >= 'a' && b.p[i] <= 'z';
		bool want_upper = to == CASE_UPPER || (to != CASE_LOWER && !inside);
		if ((upper && !want_upper) || (lower && want_upper))
			b.p[i] ^= 0x20;
		inside = to == CASE_TITLE ? upper || lower || (b.p[i] & 0x80) : true;
	}
	*out = builder_value(&b);
	return rc;
}

size_t str_length(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) /* all but continuation bytes */
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

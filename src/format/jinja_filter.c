/*
 * Filters: each works on a value and the arguments of its call. Reference: filters.py of Jinja 3.1.
 */
#include "format/jinja_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- filters ------------------------------------------------------------------------------------------------------------------ */

typedef int (*filter)(struct render *r, const struct value *v, const struct args *a, struct value *out);

/* The argument as text; `absent` where it is not given. */
static int text_arg(struct render *r, const struct args *a, size_t place, const char *name, const char *absent, struct str *out)
{
	struct value v = args_get(a, place, name);
	*out = str_of(absent);
	return v.kind == VALUE_UNDEFINED ? 0 : value_print(r, &v, out);
}

static int filter_trim(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct str s;
	const struct value chars = args_get(a, 0, "chars");
	int rc = value_print(r, v, &s);
	if (!rc)
		rc = jinja_scan(r, s.n);
	if (!rc && chars.kind == VALUE_STRING && chars.text.n > 64)
		rc = jinja_fail(r, "unsupported: more than 64 bytes of characters to strip");
	*out = rc ? (struct value){0} : value_string(str_trimmed(s, chars.kind == VALUE_STRING ? &chars.text : NULL, true, true));
	return rc;
}

static int filter_length(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	size_t n = 0;
	(void)a;
	if (v->kind == VALUE_STRING)
		n = str_length(v->text);
	else if (is_list(v))
		n = v->list->n;
	else if (v->kind == VALUE_MAP)
		n = v->map->n;
	else if (v->kind != VALUE_UNDEFINED)
		return jinja_unfit(r, "no length in", v);
	*out = value_int((int64_t)n);
	return v->kind == VALUE_STRING ? jinja_scan(r, v->text.n) : 0;
}

static int filter_default(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	const struct value other = args_get(a, 0, "default_value"), boolean = args_get(a, 1, "boolean");
	(void)r;
	*out = v->kind == VALUE_UNDEFINED || (truthy(&boolean) && !truthy(v)) ? (a->n ? other : value_string(str_of(""))) : *v;
	return 0;
}

static int cased(struct render *r, const struct value *v, enum str_case to, struct value *out)
{
	struct str s;
	int rc = value_print(r, v, &s);
	return rc ? rc : str_cased(r, s, to, out);
}

static int filter_upper(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)a;
	return cased(r, v, CASE_UPPER, out);
}

static int filter_lower(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)a;
	return cased(r, v, CASE_LOWER, out);
}

static int filter_title(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)a;
	return cased(r, v, CASE_TITLE, out);
}

static int filter_capitalize(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)a;
	return cased(r, v, CASE_CAPITAL, out);
}

static int filter_first(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct list *l;
	(void)a;
	int rc = value_items(r, v, &l);
	*out = !rc && l->n ? l->p[0] : (struct value){0};
	return rc;
}

static int filter_last(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct list *l;
	(void)a;
	int rc = value_items(r, v, &l);
	*out = !rc && l->n ? l->p[l->n - 1] : (struct value){0};
	return rc;
}

static int filter_list(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct list *l;
	(void)a;
	int rc = value_items(r, v, &l);
	*out = rc ? (struct value){0} : (struct value){.kind = VALUE_LIST, .origin = v->origin, .list = l};
	return rc;
}

static int filter_replace(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct str s, from, to;
	const struct value count = args_get(a, 2, "count");
	int rc = value_print(r, v, &s);
	if (!rc)
		rc = text_arg(r, a, 0, "old", "", &from);
	if (!rc)
		rc = text_arg(r, a, 1, "new", "", &to);
	return rc ? rc : str_replace(r, s, from, to, is_number(&count) ? count.number : -1, out);
}

static int filter_string(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct str s;
	(void)a;
	int rc = value_print(r, v, &s);
	*out = value_string(s);
	return rc;
}

static int filter_int(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	const struct value other = args_get(a, 0, "default");
	char digits[24] = "", *end = digits;
	(void)r;
	*out = other.kind == VALUE_UNDEFINED ? value_int(0) : other;
	if (is_number(v)) {
		*out = value_int(v->number);
	} else if (v->kind == VALUE_FLOAT && fabs(v->real) < 9e15) {
		*out = value_int((int64_t)v->real);
	} else if (v->kind == VALUE_STRING && v->text.n && v->text.n < 16) {
		memcpy(digits, v->text.p, v->text.n);
		double x = strtod(digits, &end);
		if (!*end && strspn(digits, "+-.0123456789 \n\t") == v->text.n)
			*out = value_int((int64_t)x);
	}
	out->origin = v->origin;
	return 0;
}

static int filter_float(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	char digits[64] = "", *end = digits;
	(void)r, (void)a;
	double x = 0;
	if (is_number(v) || v->kind == VALUE_FLOAT) {
		x = value_real(v);
	} else if (v->kind == VALUE_STRING && v->text.n && v->text.n < sizeof digits) {
		memcpy(digits, v->text.p, v->text.n);
		x = strtod(digits, &end);
		x = *end || strspn(digits, "+-.eE0123456789") != v->text.n ? 0 : x;
	}
	*out = (struct value){.kind = VALUE_FLOAT, .origin = v->origin, .real = x};
	return 0;
}

static int filter_reverse(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct list *l;
	struct builder b = {0};
	(void)a;
	int rc = value_items(r, v, &l);
	if (!rc)
		rc = list_new(r, VALUE_LIST, out);
	for (size_t i = rc ? 0 : l->n; i-- > 0 && !rc;)
		rc = v->kind == VALUE_STRING ? builder_add(r, &b, l->p[i].text) : list_push(r, out->list, l->p[i]);
	if (!rc && v->kind == VALUE_STRING)
		*out = builder_value(&b);
	return rc;
}

static int filter_unique(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct list *l;
	(void)a;
	int rc = value_items(r, v, &l);
	if (!rc)
		rc = list_new(r, VALUE_LIST, out);
	for (size_t i = 0; !rc && i < l->n; i++) {
		struct value key = l->p[i], seen;
		bool found = false;
		if (key.kind == VALUE_STRING)
			rc = str_cased(r, key.text, CASE_LOWER, &key);
		for (size_t j = 0; j < out->list->n && !found && !rc; j++) {
			seen = out->list->p[j];
			if (seen.kind == VALUE_STRING)
				rc = str_cased(r, seen.text, CASE_LOWER, &seen);
			if (!rc)
				rc = value_equal(r, &key, &seen, &found);
		}
		if (!found && !rc)
			rc = list_push(r, out->list, l->p[i]);
	}
	return rc;
}

static int filter_same(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)r, (void)a;
	*out = *v;
	return 0;
}

/* item.a.b of a dotted name */
static int attribute(struct render *r, const struct value *v, struct str name, struct value *out)
{
	int rc = 0;
	*out = *v;
	while (!rc) {
		const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;
		size_t n = dot ? (size_t)(dot - name.p) : name.n;
		const struct value key = value_string(str_cut(name, 0, n)), from = *out;
		rc = jinja_item(r, &from, &key, out);
		if (!dot)
			break;
		name = str_cut(name, n + 1, name.n);
	}
	return rc;
}

static int filter_join(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct list *l;
	struct str between, s;
	struct builder b = {0};
	const struct value by = args_get(a, 1, "attribute");
	int rc = value_items(r, v, &l);
	if (!rc)
		rc = text_arg(r, a, 0, "d", "", &between);
	for (size_t i = 0; !rc && i < l->n; i++) {
		struct value item = l->p[i];
		if (by.kind == VALUE_STRING)
			rc = attribute(r, &l->p[i], by.text, &item);
		if (!rc && i)
			rc = builder_add(r, &b, between);
		if (!rc)
			rc = value_print(r, &item, &s);
		if (!rc)
			rc = builder_add(r, &b, s);
	}
	*out = builder_value(&b);
	return rc;
}

static int filter_items(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct value pair;
	(void)a;
	int rc = list_new(r, VALUE_LIST, out);
	if (!rc && v->kind != VALUE_MAP && v->kind != VALUE_UNDEFINED)
		return jinja_unfit(r, "expected a mapping for items, found", v);
	for (size_t i = 0; v->kind == VALUE_MAP && i < v->map->n && !rc; i++) {
		rc = list_new(r, VALUE_TUPLE, &pair);
		if (!rc)
			rc = list_push(r, pair.list, value_string(v->map->p[i].key));
		if (!rc)
			rc = list_push(r, pair.list, v->map->p[i].value);
		if (!rc)
			rc = list_push(r, out->list, pair);
	}
	return rc;
}

/* What an item is sorted by: an attribute or, of a pair, an item; without its case. */
static int sort_key(struct render *r, const struct value *v, const struct value *by, bool exact, struct value *out)
{
	int rc = 0;
	*out = *v;
	if (by->kind == VALUE_STRING)
		rc = attribute(r, v, by->text, out);
	else if (is_number(by))
		rc = jinja_item(r, v, by, out);
	return rc || exact || out->kind != VALUE_STRING ? rc : str_cased(r, out->text, CASE_LOWER, out);
}

/* A stable sort in place, by merging halves; keys move with their items. */
static int merge_sort(struct render *r, struct value *p, struct value *keys, size_t n, bool down, struct value *room)
{
	size_t half = n / 2, i = 0, j = half, k = 0;
	int rc = n < 2 ? 0 : merge_sort(r, p, keys, half, down, room), order;
	if (n < 2)
		return 0;
	if (!rc)
		rc = merge_sort(r, p + half, keys + half, n - half, down, room);
	while (!rc && k < n) {
		bool right = i == half;
		if (!right && j < n) {
			rc = value_order(r, &keys[j], &keys[i], &order);
			right = down ? order > 0 : order < 0;
		}
		room[2 * k] = p[right ? j : i];
		room[2 * k++ + 1] = keys[right ? j++ : i++];
	}
	for (k = 0; k < n && !rc; k++) {
		p[k] = room[2 * k];
		keys[k] = room[2 * k + 1];
	}
	return rc;
}

static int sorted(struct render *r, struct list *l, const struct value *by, bool exact, bool down, struct value *out)
{
	struct value keys, room;
	int rc = list_new(r, VALUE_LIST, out);
	if (!rc)
		rc = list_new(r, VALUE_LIST, &keys);
	if (!rc)
		rc = list_new(r, VALUE_LIST, &room);
	for (size_t i = 0; i < l->n && !rc; i++) {
		struct value key;
		rc = sort_key(r, &l->p[i], by, exact, &key);
		if (!rc)
			rc = list_push(r, out->list, l->p[i]);
		if (!rc)
			rc = list_push(r, keys.list, key);
		for (int twice = 0; twice < 2 && !rc; twice++)
			rc = list_push(r, room.list, key);
	}
	return rc ? rc : merge_sort(r, out->list->p, keys.list->p, l->n, down, room.list->p);
}

static int filter_sort(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct list *l;
	const struct value down = args_get(a, 0, "reverse"), exact = args_get(a, 1, "case_sensitive"),
			   by = args_get(a, 2, "attribute");
	int rc = value_items(r, v, &l);
	return rc ? rc : sorted(r, l, &by, truthy(&exact), truthy(&down), out);
}

static int filter_dictsort(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct value pairs;
	const struct value exact = args_get(a, 0, "case_sensitive"), by = args_get(a, 1, "by"), down = args_get(a, 2, "reverse");
	const struct value place = value_int(by.kind == VALUE_STRING && str_spells(by.text, "value"));
	if (v->kind != VALUE_MAP)
		return jinja_unfit(r, "expected a mapping for dictsort, found", v);
	int rc = filter_items(r, v, a, &pairs);
	return rc ? rc : sorted(r, pairs.list, &place, truthy(&exact), truthy(&down), out);
}

/* The arguments behind the first `skip`. */
static struct args args_rest(const struct args *a, size_t skip)
{
	struct args rest = {0};
	for (size_t i = skip; i < a->n; i++) {
		rest.p[rest.n] = a->p[i];
		rest.keyword[rest.n++] = a->keyword[i];
	}
	rest.n_positional = a->n_positional > skip ? a->n_positional - skip : 0;
	return rest;
}

static int filter_map(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct list *l;
	struct value item;
	const struct value by = args_get(a, JINJA_ARGUMENTS_MAX, "attribute"), other = args_get(a, JINJA_ARGUMENTS_MAX, "default");
	struct args rest = args_rest(a, 1);
	int rc = value_items(r, v, &l), index = -1;
	if (!rc && by.kind != VALUE_STRING && a->n_positional && a->p[0].kind == VALUE_STRING) {
		index = jinja_filter(a->p[0].text);
		if (index < 0)
			return jinja_fail(r, "unsupported filter \"%.*s\"", (int)(a->p[0].text.n & 63), a->p[0].text.p);
	}
	if (!rc && index < 0 && by.kind != VALUE_STRING)
		rc = jinja_fail(r, "map expects an attribute or a filter's name");
	if (!rc)
		rc = list_new(r, VALUE_LIST, out);
	for (size_t i = 0; !rc && i < l->n; i++) {
		rc = jinja_enter(r);
		if (!rc)
			rc = index >= 0 ? filter_apply(r, index, &l->p[i], &rest, &item) : attribute(r, &l->p[i], by.text, &item);
		r->depth--;
		if (!rc && item.kind == VALUE_UNDEFINED)
			item = other;
		if (!rc)
			rc = list_push(r, out->list, item);
	}
	return rc;
}

/* select, reject, selectattr, rejectattr */
static int filtered(struct render *r, const struct value *v, const struct args *a, bool attr, bool want, struct value *out)
{
	struct list *l;
	size_t skip = attr ? 1 : 0;
	struct args rest = args_rest(a, skip + 1);
	int rc = value_items(r, v, &l), index = -1;
	if (!rc && attr && (!a->n_positional || a->p[0].kind != VALUE_STRING))
		return jinja_fail(r, "expected the name of an attribute");
	if (!rc && a->n_positional > skip && a->p[skip].kind == VALUE_STRING) {
		index = jinja_test(a->p[skip].text);
		if (index < 0)
			return jinja_fail(r, "unsupported test \"%.*s\"", (int)(a->p[skip].text.n & 63), a->p[skip].text.p);
	}
	if (!rc)
		rc = list_new(r, VALUE_LIST, out);
	for (size_t i = 0; !rc && i < l->n; i++) {
		struct value item = l->p[i];
		bool yes = false;
		if (attr)
			rc = attribute(r, &l->p[i], a->p[0].text, &item);
		if (!rc && index >= 0)
			rc = test_apply(r, index, &item, &rest, &yes);
		if (!rc && (index < 0 ? truthy(&item) : yes) == want)
			rc = list_push(r, out->list, l->p[i]);
		if (!rc)
			rc = jinja_scan(r, 0);
	}
	return rc;
}

static int filter_select(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	return filtered(r, v, a, false, true, out);
}

static int filter_reject(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	return filtered(r, v, a, false, false, out);
}

static int filter_selectattr(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	return filtered(r, v, a, true, true, out);
}

static int filter_rejectattr(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	return filtered(r, v, a, true, false, out);
}

static int filter_indent(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	static const char spaces[] = "                                ";
	struct str s, by = {spaces, NULL, 4};
	struct builder b = {0};
	const struct value width = args_get(a, 0, "width"), first = args_get(a, 1, "first"), blank = args_get(a, 2, "blank");
	int rc = value_print(r, v, &s);
	if (width.kind == VALUE_STRING)
		by = width.text;
	else if (is_number(&width) && width.number >= 0 && width.number < (int64_t)sizeof spaces)
		by.n = (size_t)width.number;
	else if (width.kind != VALUE_UNDEFINED)
		return jinja_fail(r, "expected an indent of up to 32 spaces");
	for (size_t at = 0; !rc && at <= s.n;) {
		const char *end = at < s.n ? memchr(s.p + at, '\n', s.n - at) : NULL;
		size_t next = end ? (size_t)(end - s.p) + 1 : s.n;
		bool empty = next == at || s.p[at] == '\n';
		if (at ? !empty || truthy(&blank) : truthy(&first))
			rc = builder_add(r, &b, by);
		if (!rc)
			rc = builder_add(r, &b, str_cut(s, at, next));
		if (!end)
			break;
		at = next;
	}
	*out = builder_value(&b);
	return rc;
}

static int filter_abs(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)a;
	*out = *v;
	if (v->kind == VALUE_FLOAT)
		out->real = fabs(v->real);
	else if (is_number(v) && v->number != INT64_MIN)
		*out = value_int(v->number < 0 ? -v->number : v->number);
	else
		return jinja_unfit(r, "no absolute value of", v);
	return 0;
}

static const struct {
	const char *name;
	filter apply;
} filters[] = {{"abs", filter_abs}, {"capitalize", filter_capitalize}, {"count", filter_length}, {"d", filter_default},
	{"default", filter_default}, {"dictsort", filter_dictsort}, {"first", filter_first}, {"float", filter_float},
	{"indent", filter_indent}, {"int", filter_int}, {"items", filter_items}, {"join", filter_join}, {"last", filter_last},
	{"length", filter_length}, {"list", filter_list}, {"lower", filter_lower}, {"map", filter_map}, {"reject", filter_reject},
	{"rejectattr", filter_rejectattr}, {"replace", filter_replace}, {"reverse", filter_reverse}, {"safe", filter_same},
	{"select", filter_select}, {"selectattr", filter_selectattr}, {"sort", filter_sort}, {"string", filter_string},
	{"title", filter_title}, {"tojson", filter_tojson}, {"trim", filter_trim}, {"unique", filter_unique},
	{"upper", filter_upper}};

int jinja_filter(struct str name)
{
	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
		if (str_spells(name, filters[i].name))
			return (int)i;
	return -1;
}

int filter_apply(struct render *r, int index, const struct value *v, const struct args *a, struct value *out)
{
	return filters[index].apply(r, v, a, out);
}

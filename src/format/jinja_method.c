/*
 * Methods of strings and mappings, and the functions that a template finds. What would change a list or a mapping is refused, as
 * the sandbox of transformers does. Reference: str and dict of Python 3; sandbox.py of Jinja 3.1.
 */
#include "format/jinja_value.h"

#include <string.h>
#include <time.h>

enum { RANGE_MAX = 100000, DATE_MAX = 64 };

struct value args_get(const struct args *a, size_t place, const char *name)
{
	if (place < a->n_positional)
		return a->p[place];
	for (size_t i = a->n_positional; i < a->n; i++)
		if (str_spells(a->keyword[i], name))
			return a->p[i];
	return (struct value){0};
}

/* ---- strings ------------------------------------------------------------------------------------------------------------------ */

typedef int (*method)(struct render *r, const struct value *v, const struct args *a, struct value *out);

/* The argument at `place`, which must be a string. */
static int text_arg(struct render *r, const struct args *a, size_t place, struct str *out)
{
	struct value v = args_get(a, place, "");
	*out = (struct str){"", NULL, 0};
	if (v.kind != VALUE_STRING)
		return jinja_unfit(r, "expected a string as argument, found", &v);
	*out = v.text;
	return 0;
}

static int strip(struct render *r, const struct value *v, const struct args *a, bool left, bool right, struct value *out)
{
	struct str chars;
	bool given = a->n && a->p[0].kind != VALUE_NONE;
	if (given && text_arg(r, a, 0, &chars))
		return ERR_DATA;
	if (given && chars.n > 64)
		return jinja_fail(r, "unsupported: more than 64 bytes of characters to strip");
	*out = value_string(str_trimmed(v->text, given ? &chars : NULL, left, right));
	return jinja_scan(r, v->text.n);
}

static int str_strip(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	return strip(r, v, a, true, true, out);
}

static int str_lstrip(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	return strip(r, v, a, true, false, out);
}

static int str_rstrip(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	return strip(r, v, a, false, true, out);
}

/* Words parted by white space. */
static int split_words(struct render *r, struct str s, struct list *l)
{
	int rc = 0;
	s = str_trimmed(s, NULL, true, true);
	while (s.n && !rc) {
		size_t n = 0;
		while (n < s.n && str_trimmed(str_cut(s, n, s.n), NULL, true, false).n == s.n - n)
			n++;
		rc = list_push(r, l, value_string(str_cut(s, 0, n)));
		s = str_trimmed(str_cut(s, n, s.n), NULL, true, false);
	}
	return rc;
}

static int str_split(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct str s = v->text, by;
	const struct value most = args_get(a, 1, "maxsplit"), sep = args_get(a, 0, "sep");
	int64_t count = is_number(&most) ? most.number : -1;
	int rc = list_new(r, VALUE_LIST, out);
	if (!rc)
		rc = jinja_scan(r, s.n);
	if (!rc && sep.kind <= VALUE_NONE)
		return count >= 0 ? jinja_fail(r, "unsupported: a number of words to split off") : split_words(r, s, out->list);
	if (!rc)
		rc = text_arg(r, &(struct args){.p = {sep}, .n = 1, .n_positional = 1}, 0, &by);
	if (!rc && !by.n)
		rc = jinja_fail(r, "cannot split by an empty string");
	while (!rc) {
		const char *found = count-- && s.n >= by.n ? memmem(s.p, s.n, by.p, by.n) : NULL;
		size_t n = found ? (size_t)(found - s.p) : s.n;
		rc = list_push(r, out->list, value_string(str_cut(s, 0, n)));
		if (!found)
			break;
		s = str_cut(s, n + by.n, s.n);
	}
	return rc;
}

static int str_rsplit(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct str s = v->text, by;
	struct value parts;
	const struct value most = args_get(a, 1, "maxsplit");
	int64_t count = is_number(&most) && most.number >= 0 ? most.number : INT64_MAX;
	int rc = list_new(r, VALUE_LIST, out);
	if (!rc)
		rc = list_new(r, VALUE_LIST, &parts);
	if (!rc)
		rc = text_arg(r, a, 0, &by);
	if (!rc && !by.n)
		rc = jinja_fail(r, "cannot split by an empty string");
	for (size_t end = rc ? 0 : s.n, at = end; !rc && at >= by.n && parts.list->n < (size_t)count;) {
		if (memcmp(s.p + at - by.n, by.p, by.n)) {
			at--;
			continue;
		}
		rc = list_push(r, parts.list, value_string(str_cut(s, at, end)));
		at -= by.n;
		end = at;
		s.n = end;
	}
	if (!rc)
		rc = jinja_scan(r, 16 * v->text.n);
	if (!rc)
		rc = list_push(r, out->list, value_string(s));
	for (size_t i = rc ? 0 : parts.list->n; i-- > 0 && !rc;)
		rc = list_push(r, out->list, parts.list->p[i]);
	return rc;
}

/* Whether the string begins or ends with one of the arguments. */
static int affix(struct render *r, const struct value *v, const struct args *a, bool front, struct value *out)
{
	const struct value *p = a->p;
	size_t n = 1;
	bool yes = false;
	if (a->n != 1 || (!is_list(p) && p->kind != VALUE_STRING))
		return jinja_unfit(r, "expected a string or strings, found", p);
	if (is_list(p)) {
		n = p->list->n;
		p = p->list->p;
	}
	for (size_t i = 0; i < n && !yes; i++) {
		struct str s = v->text;
		if (p[i].kind != VALUE_STRING)
			return jinja_unfit(r, "expected a string, found", &p[i]);
		size_t k = p[i].text.n;
		yes = k <= s.n && str_equal(front ? str_cut(s, 0, k) : str_cut(s, s.n - k, s.n), p[i].text);
	}
	*out = value_bool(yes);
	return jinja_scan(r, v->text.n);
}

static int str_startswith(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	return affix(r, v, a, true, out);
}

static int str_endswith(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	return affix(r, v, a, false, out);
}

static int str_removeprefix(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	int rc = affix(r, v, a, true, out);
	if (!rc)
		*out = out->number && a->p[0].kind == VALUE_STRING ? value_string(str_cut(v->text, a->p[0].text.n, v->text.n)) : *v;
	return rc;
}

static int str_removesuffix(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	int rc = affix(r, v, a, false, out);
	if (!rc)
		*out = out->number && a->p[0].kind == VALUE_STRING ? value_string(str_cut(v->text, 0, v->text.n - a->p[0].text.n))
								   : *v;
	return rc;
}

static int str_upper(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)a;
	return str_cased(r, v->text, CASE_UPPER, out);
}

static int str_lower(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)a;
	return str_cased(r, v->text, CASE_LOWER, out);
}

static int str_title(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)a;
	return str_cased(r, v->text, CASE_TITLE, out);
}

static int str_capitalize(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	(void)a;
	return str_cased(r, v->text, CASE_CAPITAL, out);
}

static int str_replaced(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct str from, to;
	const struct value count = args_get(a, 2, "count");
	int rc = text_arg(r, a, 0, &from);
	if (!rc)
		rc = text_arg(r, a, 1, &to);
	return rc ? rc : str_replace(r, v->text, from, to, is_number(&count) ? count.number : -1, out);
}

static int str_joined(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct list *l;
	struct builder b = {0};
	int rc = value_items(r, &a->p[0], &l);
	for (size_t i = 0; !rc && i < l->n; i++) {
		if (l->p[i].kind != VALUE_STRING)
			return jinja_unfit(r, "expected strings to join, found", &l->p[i]);
		rc = i ? builder_add(r, &b, v->text) : 0;
		if (!rc)
			rc = builder_add(r, &b, l->p[i].text);
	}
	*out = builder_value(&b);
	return rc;
}

static int str_find(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct str what;
	int rc = text_arg(r, a, 0, &what);
	const char *found = rc ? NULL : !what.n ? v->text.p : v->text.n ? memmem(v->text.p, v->text.n, what.p, what.n) : NULL;
	*out = value_int(found ? (int64_t)str_length(str_cut(v->text, 0, (size_t)(found - v->text.p))) : -1);
	return rc ? rc : jinja_scan(r, v->text.n);
}

static int str_count(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct value parts;
	int rc = a->n ? str_split(r, v, &(struct args){.p = {a->p[0]}, .n = 1, .n_positional = 1}, &parts)
		      : jinja_fail(r, "expected a string to count");
	*out = value_int(rc ? 0 : (int64_t)parts.list->n - 1);
	return rc;
}

static int str_isdigit(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	bool all = v->text.n > 0;
	(void)a;
	for (size_t i = 0; i < v->text.n; i++)
		all = all && v->text.p[i] >= '0' && v->text.p[i] <= '9';
	*out = value_bool(all);
	return jinja_scan(r, v->text.n);
}

/* "{}", "{0}" and "{name}"; what stands behind a colon or a dot is refused. */
static int str_format(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct builder b = {0};
	struct str s = v->text, text;
	size_t next = 0;
	int rc = 0;
	for (size_t i = 0; i < s.n && !rc; i++) {
		char c = s.p[i];
		if ((c == '{' || c == '}') && i + 1 < s.n && s.p[i + 1] == c) {
			rc = builder_add(r, &b, str_cut(s, i, i + 1));
			i++;
			continue;
		}
		if (c != '{' && c != '}') {
			rc = builder_add(r, &b, str_cut(s, i, i + 1));
			continue;
		}
		const char *end = c == '{' ? memchr(s.p + i, '}', s.n - i) : NULL;
		struct str name = end ? str_cut(s, i + 1, (size_t)(end - s.p)) : (struct str){0};
		if (!end ||
			(name.n &&
				(memchr(name.p, ':', name.n) || memchr(name.p, '.', name.n) || memchr(name.p, '[', name.n) ||
					memchr(name.p, '!', name.n))))
			return jinja_fail(r, "unsupported field of a format");
		char key[32] = "";
		memcpy(key, name.p, name.n < sizeof key - 1 ? name.n : sizeof key - 1);
		bool number = name.n == 1 && *key >= '0' && *key <= '9';
		const struct value field = args_get(a, !name.n ? next++ : number ? (size_t)(*key - '0') : JINJA_ARGUMENTS_MAX, key);
		if (field.kind == VALUE_UNDEFINED)
			return jinja_fail(r, "no argument for the field {%s}", key);
		rc = value_print(r, &field, &text);
		if (!rc)
			rc = builder_add(r, &b, text);
		i = (size_t)(end - s.p);
	}
	*out = builder_value(&b);
	return rc ? rc : jinja_scan(r, s.n);
}

/* Lines parted by "\n"; other ends of lines are refused. */
static int str_splitlines(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	struct value newline = value_string(str_of("\n"));
	if (a->n || (v->text.n && memchr(v->text.p, '\r', v->text.n)))
		return jinja_fail(r, "unsupported use of splitlines");
	int rc = str_split(r, v, &(struct args){.p = {newline}, .n = 1, .n_positional = 1}, out);
	if (!rc && !out->list->p[out->list->n - 1].text.n)
		out->list->n--;
	return rc;
}

static const struct {
	const char *name;
	method call;
} string_methods[] = {{"capitalize", str_capitalize}, {"count", str_count}, {"endswith", str_endswith}, {"find", str_find},
	{"format", str_format}, {"isdigit", str_isdigit}, {"join", str_joined}, {"lower", str_lower}, {"lstrip", str_lstrip},
	{"removeprefix", str_removeprefix}, {"removesuffix", str_removesuffix}, {"replace", str_replaced}, {"rsplit", str_rsplit},
	{"rstrip", str_rstrip}, {"split", str_split}, {"splitlines", str_splitlines}, {"startswith", str_startswith},
	{"strip", str_strip}, {"title", str_title}, {"upper", str_upper}};

/* ---- mappings ----------------------------------------------------------------------------------------------------------------- */

bool method_of_map(struct str name)
{
	static const char *const names[] = {
		"items", "keys", "values", "get", "copy", "pop", "update", "clear", "setdefault", "popitem", "fromkeys"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_spells(name, names[i]))
			return true;
	return false;
}

static int map_method(struct render *r, const struct value *v, struct str name, const struct args *a, struct value *out)
{
	const struct value key = args_get(a, 0, "key"), other = args_get(a, 1, "default");
	int rc = jinja_scan(r, 8 * v->map->n);
	if (rc)
		return rc;
	if (str_spells(name, "get")) {
		const struct value *found = key.kind == VALUE_STRING ? map_get(v->map, key.text) : NULL;
		*out = found ? *found : a->n > 1 ? other : (struct value){.kind = VALUE_NONE};
		return 0;
	}
	if (str_spells(name, "items"))
		return filter_apply(r, jinja_filter(name), v, a, out);
	if (str_spells(name, "copy")) {
		*out = *v;
		return 0;
	}
	if (!str_spells(name, "keys") && !str_spells(name, "values"))
		return jinja_fail(r, "unsupported method \"%.*s\" of %s", (int)(name.n < 64 ? name.n : 64), name.p, value_name(v));
	rc = list_new(r, VALUE_LIST, out);
	for (size_t i = 0; i < v->map->n && !rc; i++)
		rc = list_push(r, out->list, *name.p == 'k' ? value_string(v->map->p[i].key) : v->map->p[i].value);
	return rc;
}

int method_call(struct render *r, const struct value *v, struct str name, const struct args *a, struct value *out)
{
	*out = (struct value){0};
	for (size_t i = 0; v->kind == VALUE_STRING && i < sizeof string_methods / sizeof *string_methods; i++)
		if (str_spells(name, string_methods[i].name))
			return string_methods[i].call(r, v, a, out);
	if (v->kind == VALUE_MAP)
		return map_method(r, v, name, a, out);
	return jinja_fail(r, "unsupported method \"%.*s\" of %s", (int)(name.n < 64 ? name.n : 64), name.p, value_name(v));
}

/* ---- functions ---------------------------------------------------------------------------------------------------------------- */

static int call_raise(struct render *r, const struct args *a, struct value *out)
{
	struct str s;
	*out = (struct value){0};
	int rc = value_print(r, &a->p[0], &s);
	return rc ? rc : jinja_fail(r, "refuses these messages: %.*s", (int)(s.n < 300 ? s.n : 300), s.p);
}

static int call_range(struct render *r, const struct args *a, struct value *out)
{
	int64_t from = a->n > 1 ? a->p[0].number : 0, step = a->n > 2 ? a->p[2].number : 1;
	for (size_t i = 0; i < a->n; i++)
		if (!is_number(&a->p[i]))
			return jinja_unfit(r, "expected an integer in a range, found", &a->p[i]);
	int64_t to = a->n > 1 ? a->p[1].number : a->p[0].number, limit = (int64_t)1 << 53;
	if (!a->n || a->n > 3 || !step || from < -limit || from > limit || to < -limit || to > limit || step < -limit ||
		step > limit)
		return jinja_fail(r, "range expects one to three integers, the step not 0");
	if ((step > 0 ? (to - from) / step : (from - to) / -step) > RANGE_MAX)
		return jinja_fail(r, "a range of more than %d", RANGE_MAX);
	int rc = list_new(r, VALUE_LIST, out);
	for (int64_t i = from; (step > 0 ? i < to : i > to) && !rc; i += step)
		rc = list_push(r, out->list, value_int(i));
	return rc ? rc : jinja_scan(r, 16 * out->list->n);
}

/*
 * Training and serving on different days must see the same text, so there is no clock here: it is always the day that Llama's
 * own templates fall back to.
 */
static int call_date(struct render *r, const struct args *a, struct value *out)
{
	const struct tm day = {.tm_year = 124, .tm_mon = 6, .tm_mday = 26, .tm_wday = 5, .tm_yday = 207};
	char format[DATE_MAX + 1] = "", text[8 * DATE_MAX];
	struct builder b = {0};
	if (a->n != 1 || a->p[0].kind != VALUE_STRING || a->p[0].text.n > DATE_MAX)
		return jinja_fail(r, "strftime_now expects a format of up to %d bytes", DATE_MAX);
	memcpy(format, a->p[0].text.p, a->p[0].text.n);
	for (const char *p = format; (p = strchr(p, '%')); p += 2)
		if (!p[1] || !strchr("aAbBdHIjmMpSyY%-e", p[1]) || (p[1] == '-' && (!p[2] || !strchr("dmHIMSj", p[2]))))
			return jinja_fail(r, "unsupported field \"%%%.1s\" of a date", p + 1);
	size_t n = strftime(text, sizeof text, format, &day);
	int rc = builder_add(r, &b, (struct str){text, NULL, n});
	*out = builder_value(&b);
	return rc;
}

static const struct {
	const char *name;
	int (*call)(struct render *r, const struct args *a, struct value *out);
} functions[] = {{"raise_exception", call_raise}, {"range", call_range}, {"strftime_now", call_date}};

bool function_known(struct str name)
{
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (str_spells(name, functions[i].name))
			return true;
	return str_spells(name, "namespace") || str_spells(name, "dict");
}

int function_call(struct render *r, struct str name, const struct args *a, struct value *out)
{
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (str_spells(name, functions[i].name))
			return functions[i].call(r, a, out);
	return jinja_fail(r, "unsupported function \"%.*s\"", (int)(name.n < 64 ? name.n : 64), name.p);
}

/*
 * JSON to the values of a template, and back as the filter tojson. The marks and quotes that tojson writes around what a message
 * says come from that message too. Reference: json.dumps of Python, as transformers sets the filter up.
 */
#include "format/jinja_value.h"

#include <string.h>

#include "format/unicode.h"

/* ---- from JSON ---------------------------------------------------------------------------------------------------------------- */

static int string_from(struct render *r, const char *s, size_t n, unsigned char origin, struct str *out)
{
	struct builder b = {0};
	int rc = builder_fill(r, &b, s, n, origin);
	*out = builder_value(&b).text;
	return rc;
}

static int map_from(struct render *r, const json_t *json, unsigned char origin, struct value *out)
{
	const char *key;
	json_t *item;
	struct value v;
	struct str name;
	int rc = map_new(r, VALUE_MAP, out);
	json_object_foreach ((json_t *)json, key, item) {
		if (!rc)
			rc = string_from(r, key, strlen(key), origin, &name);
		if (!rc)
			rc = value_from_json(r, item, origin, &v);
		if (!rc)
			rc = map_set(r, out->map, name, v);
	}
	return rc;
}

int value_from_json(struct render *r, const json_t *json, unsigned char origin, struct value *out)
{
	struct value v;
	int rc = jinja_enter(r);
	*out = (struct value){.kind = VALUE_NONE};
	if (rc) {
	} else if (json_is_string(json)) {
		*out = value_string((struct str){0});
		rc = string_from(r, json_string_value(json), json_string_length(json), origin, &out->text);
	} else if (json_is_integer(json)) {
		*out = value_int(json_integer_value(json));
	} else if (json_is_real(json)) {
		*out = (struct value){.kind = VALUE_FLOAT, .real = json_real_value(json)};
	} else if (json_is_boolean(json)) {
		*out = value_bool(json_is_true(json));
	} else if (json_is_array(json)) {
		rc = list_new(r, VALUE_LIST, out);
		for (size_t i = 0; i < json_array_size(json) && !rc; i++)
			if (!(rc = value_from_json(r, json_array_get(json, i), origin, &v)))
				rc = list_push(r, out->list, v);
	} else if (json_is_object(json)) {
		rc = map_from(r, json, origin, out);
	}
	out->origin = origin;
	r->depth--;
	return rc;
}

/* ---- to JSON ------------------------------------------------------------------------------------------------------------------ */

struct dump {
	struct render *r;
	struct builder b;
	struct str item, key, indent; /* separators; what a level is indented by */
	bool lines, ascii, sorted;
	int level;
};

static int dump_value(struct dump *d, const struct value *v);

static int dump_unit(struct dump *d, uint32_t unit, unsigned char origin)
{
	char text[8];
	snprintf(text, sizeof text, "\\u%04x", unit & 0xffff);
	return builder_fill(d->r, &d->b, text, 6, origin);
}

static int dump_string(struct dump *d, struct str s)
{
	static const char from[] = "\"\\\n\r\t\f\b", to[] = "\"\\nrtfb";
	unsigned char edge = s.origin && s.n ? s.origin[0] : 0;
	int rc = builder_fill(d->r, &d->b, "\"", 1, edge);
	for (size_t i = 0, n; i < s.n && !rc; i += n) {
		uint32_t cp;
		unsigned char origin = s.origin ? s.origin[i] : 0;
		const char *escape = s.p[i] ? strchr(from, s.p[i]) : NULL;
		n = utf8_next(s.p + i, s.n - i, &cp);
		if (!n) {
			n = 1;
			cp = 0xfffd;
		}
		if (escape)
			rc = builder_fill(d->r, &d->b, (char[]){'\\', to[escape - from]}, 2, origin);
		else if (cp < 0x20 || (d->ascii && cp > 0x7e && cp < 0x10000))
			rc = dump_unit(d, cp, origin);
		else if (d->ascii && cp >= 0x10000)
			rc = dump_unit(d, 0xd800 + ((cp - 0x10000) >> 10), origin) || dump_unit(d, 0xdc00 + (cp & 0x3ff), origin)
				? d->r->e->code
				: 0;
		else
			rc = builder_add(d->r, &d->b, str_cut(s, i, i + n));
	}
	return rc ? rc : builder_fill(d->r, &d->b, "\"", 1, edge);
}

static int dump_line(struct dump *d, unsigned char origin)
{
	int rc = d->lines ? builder_fill(d->r, &d->b, "\n", 1, origin) : 0;
	for (int i = 0; d->lines && i < d->level && !rc; i++)
		rc = builder_fill(d->r, &d->b, d->indent.p, d->indent.n, origin);
	return rc;
}

/* The next entry behind `last` in the order of keys, or in their own order behind number i. */
static const struct entry *next_entry(const struct dump *d, const struct map *m, size_t i, const struct entry *last)
{
	const struct entry *next = NULL;
	if (!d->sorted)
		return &m->p[i];
	for (size_t j = 0; j < m->n; j++)
		if ((!last || str_order(m->p[j].key, last->key) > 0) && (!next || str_order(m->p[j].key, next->key) < 0))
			next = &m->p[j];
	return next;
}

static int dump_items(struct dump *d, const struct value *v)
{
	bool map = v->kind == VALUE_MAP;
	size_t n = map ? v->map->n : v->list->n;
	const struct entry *entry = NULL;
	int rc = jinja_enter(d->r);
	if (!rc)
		rc = builder_fill(d->r, &d->b, map ? "{" : "[", 1, v->origin);
	d->level++;
	for (size_t i = 0; i < n && !rc; i++) {
		if (i)
			rc = builder_fill(d->r, &d->b, d->item.p, d->item.n, v->origin);
		if (!rc)
			rc = dump_line(d, v->origin);
		if (map && !rc) {
			rc = d->sorted ? jinja_scan(d->r, 64 * n) : 0;
			entry = next_entry(d, v->map, i, entry);
			if (!rc)
				rc = dump_string(d, entry->key);
			if (!rc)
				rc = builder_fill(d->r, &d->b, d->key.p, d->key.n, v->origin);
		}
		if (!rc)
			rc = dump_value(d, map ? &entry->value : &v->list->p[i]);
	}
	d->level--;
	if (!rc && n)
		rc = dump_line(d, v->origin);
	d->r->depth--;
	return rc ? rc : builder_fill(d->r, &d->b, map ? "}" : "]", 1, v->origin);
}

static int dump_value(struct dump *d, const struct value *v)
{
	char text[FLOAT_SIZE];
	if (jinja_scan(d->r, 0))
		return ERR_DATA;
	switch (v->kind) {
	case VALUE_STRING:
		return dump_string(d, v->text);
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_MAP:
		return dump_items(d, v);
	case VALUE_NONE:
		return builder_fill(d->r, &d->b, "null", 4, v->origin);
	case VALUE_BOOL:
		return builder_fill(d->r, &d->b, v->number ? "true" : "false", v->number ? 4 : 5, v->origin);
	case VALUE_INT:
	case VALUE_FLOAT:
		if (v->kind == VALUE_INT)
			snprintf(text, sizeof text, "%lld", (long long)v->number);
		else
			float_print(v->real, text);
		return builder_fill(d->r, &d->b, text, strlen(text), v->origin);
	default:
		return jinja_unfit(d->r, "tojson cannot write", v);
	}
}

int filter_tojson(struct render *r, const struct value *v, const struct args *a, struct value *out)
{
	static const char spaces[] = "                ";
	struct dump d = {.r = r, .item = str_of(", "), .key = str_of(": ")};
	const struct value ascii = args_get(a, 0, "ensure_ascii"), indent = args_get(a, 1, "indent");
	const struct value separators = args_get(a, 2, "separators"), sorted = args_get(a, 3, "sort_keys");
	d.ascii = truthy(&ascii);
	d.sorted = truthy(&sorted);
	d.lines = indent.kind > VALUE_NONE;
	if (d.lines) {
		d.item = str_of(",");
		if (indent.kind == VALUE_STRING)
			d.indent = indent.text;
		else if (is_number(&indent) && indent.number <= 16)
			d.indent = (struct str){spaces, NULL, indent.number > 0 ? (size_t)indent.number : 0};
		else
			return jinja_unfit(r, "expected an indent of up to 16, found", &indent);
	}
	if (is_list(&separators)) {
		const struct list *l = separators.list;
		if (l->n != 2 || l->p[0].kind != VALUE_STRING || l->p[1].kind != VALUE_STRING)
			return jinja_fail(r, "expected two strings as separators");
		d.item = l->p[0].text;
		d.key = l->p[1].text;
	}
	int rc = dump_value(&d, v);
	*out = builder_value(&d.b);
	return rc;
}

/*
 * JSON Schema (2020-12, the part of it that clients send to have an answer in a form) as a grammar. Reference: format.h, grammar.h.
 *
 * A rule is compiled once and called from wherever its value may stand, so that schemas may refer to themselves. Until all are compiled, a call
 * names its rule by number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/grammar_build.h"
#include "format/json.h"

enum { CHAIN_MAX = 32 };

/* The rule of a value's schema, which is compiled later. */
static uint32_t rule_of(struct compiler *c, const json_t *schema, const char *name)
{
	if (!schema || json_is_true(schema))
		return RULE_VALUE;
	for (size_t i = N_BUILT_IN; i < c->n; i++)
		if (c->rule[i].schema == schema)
			return (uint32_t)i;
	if (!c->rc && c->n == RULES_MAX)
		compiler_fail(c, "this is too large a schema", "");
	if (!c->rc)
		c->rc = mem_reserve(&c->rule, c->n, &c->cap, sizeof *c->rule, c->e);
	if (c->rc)
		return 0;
	struct rule *r = &c->rule[c->n];
	r->schema = schema;
	snprintf(r->place, sizeof r->place, "%.120s%s%.70s", c->place, *c->place && *name ? "." : "", name);
	return (uint32_t)c->n++;
}

/* "#", "#/$defs/name": a part of the root, by JSON Pointer (RFC 6901) without escapes. NULL: there is none. */
static const json_t *referred(const struct compiler *c, const char *ref)
{
	const json_t *at = *ref == '#' ? c->root : NULL;
	for (ref += *ref == '#'; at && *ref == '/';) {
		char name[128];
		size_t n = strcspn(ref + 1, "/");
		if (n >= sizeof name || memchr(ref, '~', n + 1))
			return NULL;
		snprintf(name, sizeof name, "%.*s", (int)n, ref + 1);
		at = json_object_get(at, name);
		ref += 1 + n;
	}
	return *ref ? NULL : at;
}

static void compile(struct compiler *c, const json_t *schema, int chain);

/* A literal as JSON writes it. */
static void put_literal(struct compiler *c, const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	if (text)
		put_text(c, text);
	else
		compiler_fail(c, "a value that is no JSON", "");
	free(text);
}

/* Each of a list: of literals, or of schemas. */
static void put_alternatives(struct compiler *c, const json_t *list, bool literal, int chain)
{
	uint32_t ends = 0;
	size_t n = json_array_size(list);
	if (!n)
		compiler_fail(c, "expected a list that is not empty", "");
	if ((c->n_alternatives += n) > ALTERNATIVES_MAX)
		compiler_fail(c, "more than 256 alternatives in all", "");
	for (size_t i = 0; i < n && !c->rc; i++) {
		uint32_t split = i + 1 < n ? put_split(c) : 0;
		if (literal)
			put_literal(c, json_array_get(list, i));
		else
			compile(c, json_array_get(list, i), chain + 1);
		put_end(c, &ends);
		if (i + 1 < n)
			otherwise(c, split);
	}
	ends_land(c, ends);
}

static bool is_required(const json_t *schema, const char *name)
{
	const json_t *one;
	size_t i;
	json_array_foreach (json_object_get(schema, "required"), i, one)
		if (json_is_string(one) && !strcmp(json_string_value(one), name))
			return true;
	return false;
}

static void put_member(struct compiler *c, const char *name, uint32_t rule)
{
	json_t *key = json_string(name);
	put_literal(c, key);
	json_decref(key);
	put_sign(c, ':');
	put(c, GRAMMAR_CALL, rule, 0);
}

/* What may follow the members that the schema names. `first`: none of them stands there. */
static void put_more(struct compiler *c, bool more, uint32_t rule, bool first)
{
	if (!more)
		return;
	uint32_t done = put_split(c);
	if (!first)
		put_sign(c, ',');
	put_items(c, rule, true);
	otherwise(c, done);
}

/* A member that must be there and that nothing is known of could not be written. */
static void check_required(struct compiler *c, const json_t *schema, const json_t *properties)
{
	const json_t *required = json_object_get(schema, "required"), *one;
	size_t i;
	if (json_array_size(required) > ALTERNATIVES_MAX) /* every member looks itself up in it */
		compiler_fail(c, "more than 256 required", "");
	json_array_foreach (required, i, one)
		if (!json_is_string(one) || !json_object_get(properties, json_string_value(one)))
			compiler_fail(c, "required, but not among the properties: ",
				json_is_string(one) ? json_string_value(one) : json_kind(one));
}

/*
 * Members in their order, of which some may be left out. As long as none stands there, no comma does: one chain of steps for that, which ends at
 * the first member that must be there, and leads into the other.
 */
static void put_object(struct compiler *c, const json_t *schema)
{
	const json_t *properties = json_object_get(schema, "properties"),
		     *additional = json_object_get(schema, "additionalProperties");
	bool more = additional ? !json_is_false(additional) : !json_object_size(properties);
	uint32_t rest = more ? rule_of(c, additional, "additionalProperties") : 0, into[1 + ALTERNATIVES_MAX], ends = 0;
	size_t n = 0, n_first = 0;
	const char *name;
	json_t *value;
	bool required = false;
	if (json_object_size(properties) > ALTERNATIVES_MAX)
		compiler_fail(c, "more than 256 properties", "");
	check_required(c, schema, properties);
	put_text(c, "{");
	json_object_foreach ((json_t *)(uintptr_t)properties, name, value) {
		if (c->rc || required)
			break;
		required = is_required(schema, name);
		uint32_t split = required ? 0 : put_split(c);
		put_member(c, name, rule_of(c, value, name));
		into[n_first] = 0;
		put_end(c, &into[n_first++]);
		if (!required)
			otherwise(c, split);
	}
	if (!required) {
		put_more(c, more, rest, true);
		put_end(c, &ends);
	}
	json_object_foreach ((json_t *)(uintptr_t)properties, name, value) {
		if (c->rc)
			break;
		if (n) {
			uint32_t split = is_required(schema, name) ? 0 : put_split(c);
			put_sign(c, ',');
			put_member(c, name, rule_of(c, value, name));
			if (split)
				otherwise(c, split);
		}
		if (n < n_first)
			ends_land(c, into[n]);
		n++;
	}
	put_more(c, more, rest, false);
	ends_land(c, ends);
	put_text(c, "}");
}

static size_t count_of(struct compiler *c, const json_t *schema, const char *name, size_t otherwise_n)
{
	const json_t *v = json_object_get(schema, name);
	json_int_t n = json_integer_value(v);
	if (v && (!json_is_integer(v) || n < 0 || n > REPEAT_MAX))
		compiler_fail(c, "expected a number from 0 to 64 for ", name);
	return v ? (size_t)n : otherwise_n;
}

static void put_array(struct compiler *c, const json_t *schema)
{
	uint32_t rule = rule_of(c, json_object_get(schema, "items"), "items"), split[REPEAT_MAX];
	size_t least = count_of(c, schema, "minItems", 0), most = count_of(c, schema, "maxItems", SIZE_MAX), n_split = 0;
	if (most < least)
		compiler_fail(c, "maxItems is less than minItems", "");
	put_text(c, "[");
	if (most == SIZE_MAX && !least) {
		put_list(c, rule, false);
	} else {
		for (size_t i = 0; i < (most == SIZE_MAX ? least : most) && !c->rc; i++) {
			if (i >= least)
				split[n_split++] = put_split(c);
			if (i)
				put_sign(c, ',');
			put(c, GRAMMAR_CALL, rule, 0);
		}
		if (most == SIZE_MAX) {
			uint32_t again = here(c), done = put_split(c);
			put_sign(c, ',');
			put(c, GRAMMAR_CALL, rule, 0);
			put(c, GRAMMAR_JUMP, again, 0);
			otherwise(c, done);
		}
		for (size_t i = 0; i < n_split; i++)
			otherwise(c, split[i]);
	}
	put_text(c, "]");
}

static void put_type(struct compiler *c, const json_t *schema, const char *type)
{
	static const struct {
		const char *name;
		uint32_t rule;
	} simple[] = {{"string", RULE_STRING}, {"number", RULE_NUMBER}, {"integer", RULE_INTEGER}};
	for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
		if (!strcmp(type, simple[i].name)) {
			put(c, GRAMMAR_CALL, simple[i].rule, 0);
			return;
		}
	}
	if (!strcmp(type, "object")) {
		put_object(c, schema);
	} else if (!strcmp(type, "array")) {
		put_array(c, schema);
	} else if (!strcmp(type, "null")) {
		put_text(c, "null");
	} else if (!strcmp(type, "boolean")) {
		put_words(c, (const char *const[]){"true", "false"}, 2);
	} else {
		compiler_fail(c, "there is no type ", type);
	}
}

static void put_types(struct compiler *c, const json_t *schema, const json_t *types)
{
	uint32_t chain = 0;
	size_t n = json_array_size(types);
	if (!n)
		compiler_fail(c, "expected a type", "");
	for (size_t i = 0; i < n && !c->rc; i++) {
		const char *type = json_string_value(json_array_get(types, i));
		uint32_t split = i + 1 < n ? put_split(c) : 0;
		put_type(c, schema, type ? type : "that is no string");
		put_end(c, &chain);
		if (i + 1 < n)
			otherwise(c, split);
	}
	ends_land(c, chain);
}

/* A keyword that would change what is allowed and is not known. */
static void check_keywords(struct compiler *c, const json_t *schema)
{
	static const char *const known[] = {"type", "properties", "required", "additionalProperties", "items", "minItems",
		"maxItems", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "$defs", "definitions", "title", "description",
		"default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "$comment", NULL};
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)schema, name, value) {
		size_t i = 0;
		while (known[i] && strcmp(known[i], name))
			i++;
		if (!known[i])
			compiler_fail(c, "this keyword is not supported: ", name);
	}
}

/* `chain`: how many schemas stand for the same value, each referring to the next. */
static void compile(struct compiler *c, const json_t *schema, int chain)
{
	const json_t *v;
	if (chain > CHAIN_MAX)
		compiler_fail(c, "it refers to itself without end", "");
	if (json_is_true(schema)) {
		put(c, GRAMMAR_CALL, RULE_VALUE, 0);
		return;
	}
	if (!json_is_object(schema))
		compiler_fail(c, "expected an object or true, found ", json_kind(schema));
	check_keywords(c, schema);
	if (c->rc)
		return;
	if ((v = json_object_get(schema, "$ref"))) {
		const json_t *to = json_is_string(v) ? referred(c, json_string_value(v)) : NULL;
		if (!to)
			compiler_fail(c, "expected a place in the schema, found ",
				json_is_string(v) ? json_string_value(v) : json_kind(v));
		else
			compile(c, to, chain + 1);
	} else if ((v = json_object_get(schema, "const"))) {
		put_literal(c, v);
	} else if ((v = json_object_get(schema, "enum"))) {
		put_alternatives(c, v, true, chain);
	} else if ((v = json_object_get(schema, "anyOf")) || (v = json_object_get(schema, "oneOf"))) {
		put_alternatives(c, v, false, chain);
	} else if ((v = json_object_get(schema, "allOf"))) {
		if (json_array_size(v) != 1)
			compiler_fail(c, "allOf: expected a list of one schema", "");
		compile(c, json_array_get(v, 0), chain + 1);
	} else if ((v = json_object_get(schema, "type"))) {
		if (json_is_array(v))
			put_types(c, schema, v);
		else
			put_type(c, schema, json_is_string(v) ? json_string_value(v) : "that is no string");
	} else if (json_object_get(schema, "properties") || json_object_get(schema, "additionalProperties")) {
		put_object(c, schema);
	} else if (json_object_get(schema, "items")) {
		put_array(c, schema);
	} else {
		put(c, GRAMMAR_CALL, RULE_VALUE, 0);
	}
}

/* All rules, also those that come up on the way; then calls lead to places. */
static void compile_all(struct compiler *c, const json_t *schema)
{
	char place[PLACE_MAX];
	uint32_t first = schema ? rule_of(c, schema, "") : RULE_OBJECT;
	put(c, GRAMMAR_CALL, first, 0);
	put(c, GRAMMAR_MATCH, 0, 0);
	for (size_t i = 0; i < c->n && !c->rc; i++) {
		c->rule[i].at = here(c);
		snprintf(place, sizeof place, "%s", c->rule[i].place); /* the list may move */
		c->place = place;
		if (i < N_BUILT_IN)
			put_built_in(c, i);
		else
			compile(c, c->rule[i].schema, 0);
		put(c, GRAMMAR_RETURN, 0, 0);
	}
	for (size_t i = 0; i < c->g->n && !c->rc; i++)
		if (c->g->step[i].op == GRAMMAR_CALL)
			c->g->step[i].x = c->rule[c->g->step[i].x].at;
}

int grammar_json(struct grammar **out, const json_t *schema, struct err *e)
{
	struct compiler c = {.root = schema, .place = "", .e = e};
	*out = NULL;
	if (!(c.g = mem_alloc(1, sizeof *c.g, e)))
		return ERR_RESOURCE;
	for (size_t i = 0; i < N_BUILT_IN && !c.rc; i++)
		if (!(c.rc = mem_reserve(&c.rule, c.n, &c.cap, sizeof *c.rule, e)))
			c.rule[c.n++] = (struct rule){0};
	if (!c.rc)
		compile_all(&c, schema);
	mem_free(c.rule);
	if (c.rc)
		grammar_free(c.g);
	else
		*out = c.g;
	return c.rc;
}

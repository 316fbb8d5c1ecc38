/* Grammars: which texts a schema lets through, token by token and byte by byte, and which schemas are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/format.h"

static struct tokenizer *tokenizer;
static int32_t eog;

static int setup(void **state)
{
	struct gguf *g;
	struct err e = {0};
	(void)state;
	int rc = gguf_open(&g, GOLDEN_DIR "/untied.gguf", &e);
	rc = rc ? rc : tokenizer_from_gguf(&tokenizer, g, &e);
	gguf_close(g);
	while (!rc && !tokenizer_is_eog(tokenizer, eog))
		eog++;
	return rc;
}

static int teardown(void **state)
{
	(void)state;
	tokenizer_free(tokenizer);
	return 0;
}

static struct grammar *grammar_of(const char *schema)
{
	struct grammar *g;
	struct err e = {0};
	json_t *o = schema ? json_loads(schema, JSON_DECODE_ANY, NULL) : NULL;
	assert_true(!schema || o);
	if (grammar_json(&g, o, &e))
		fail_msg("%s: %s", schema, e.text);
	json_decref(o);
	return g;
}

/* How many bytes of the text are let through in pieces of at most `piece`; 1 more when it may end there. */
static size_t bytes_taken(const struct grammar *g, const char *text, size_t piece)
{
	struct grammar_state *s;
	struct err e = {0};
	size_t n = 0;
	bool good = true;
	assert_int_equal(grammar_begin(&s, g, tokenizer, &e), 0);
	for (const char *at = text; good && *at;) {
		struct ids ids = {0};
		size_t length = strlen(at) < piece ? strlen(at) : piece;
		assert_int_equal(tokenizer_encode(tokenizer, at, length, &ids, &e), 0);
		for (size_t i = 0; i < ids.n && good; i++) {
			struct buf b = {0};
			good = grammar_allows(s, ids.p[i]);
			assert_int_equal(tokenizer_decode(tokenizer, &ids.p[i], 1, false, &b, &e), 0);
			if (good)
				grammar_take(s, ids.p[i]);
			n += good ? b.len : 0;
			buf_release(&b);
		}
		at += length;
		ids_release(&ids);
	}
	n += good && grammar_allows(s, eog);
	grammar_end(s);
	return n;
}

static void check(const char *schema, const char *text, bool expected)
{
	struct grammar *g = grammar_of(schema);
	if ((bytes_taken(g, text, SIZE_MAX) == strlen(text) + 1) != expected)
		fail_msg("%s: %s is %s", schema, text, expected ? "refused" : "let through");
	if ((bytes_taken(g, text, 1) == strlen(text) + 1) != expected)
		fail_msg("%s: %s is %s byte by byte", schema, text, expected ? "refused" : "let through");
	grammar_free(g);
}

static void test_values(void **state)
{
	static const char *const good[] = {"{}", "{\"a\":1}", "{\"a\": [1, -0.5e+3, {\"b\":null}], \"\":true}",
		"{\"\\u00e9\\n\":\"\xc3\xa9\xf0\x9f\x99\x82\"}"},
				 *const bad[] = {"", "[]", "1", "{", "{\"a\"}", "{\"a\":1,}", "{,}", "{\"a\":01}", "{\"a\":1.}",
					 "{\"a\":+1}", "{\"a\":\"\n\"}", "{\"a\":\"\\x\"}", "{\"a\":tru}", "{} ",
					 "{\"a\":\"\\ud800\"}", "{\"a\":-}", "{\"a\":[1,]}", "{\"a\"  :1}"};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		check(NULL, good[i], true);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		check(NULL, bad[i], false);
	check("true", "[1]", true);
	check("{}", "\"x\"", true);
	check("{\"type\":\"string\"}", "\"\xc0\xaf\"", false); /* no UTF-8 */
	check("{\"type\":\"string\"}", "\"\xed\xa0\x80\"", false);
}

static void test_schemas(void **state)
{
	static const struct {
		const char *schema, *text;
		bool good;
	} table[] = {
		{"{\"type\":\"integer\"}", "-12", true},
		{"{\"type\":\"integer\"}", "1.5", false},
		{"{\"type\":\"number\"}", "1.5E-3", true},
		{"{\"type\":\"boolean\"}", "false", true},
		{"{\"type\":[\"string\",\"null\"]}", "null", true},
		{"{\"type\":[\"string\",\"null\"]}", "true", false},
		{"{\"enum\":[\"ab\",\"abc\",3,null]}", "\"abc\"", true},
		{"{\"enum\":[\"ab\",\"abc\",3,null]}", "\"ab\"", true},
		{"{\"enum\":[\"ab\",\"abc\",3,null]}", "\"a\"", false},
		{"{\"const\":{\"k\":[1,2]}}", "{\"k\":[1,2]}", true},
		{"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "[]", true},
		{"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "[1, 2]", true},
		{"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "[\"x\"]", false},
		{"{\"items\":{\"type\":\"null\"},\"minItems\":1}", "[]", false},
		{"{\"items\":{\"type\":\"null\"},\"minItems\":1}", "[null]", true},
		{"{\"items\":{\"type\":\"null\"},\"minItems\":1}", "[null,null,null]", true},
		{"{\"items\":{\"type\":\"null\"},\"minItems\":1,\"maxItems\":2}", "[null, null]", true},
		{"{\"items\":{\"type\":\"null\"},\"minItems\":1,\"maxItems\":2}", "[null]", true},
		{"{\"items\":{\"type\":\"null\"},\"minItems\":1,\"maxItems\":2}", "[]", false},
		{"{\"items\":{\"type\":\"null\"},\"minItems\":1,\"maxItems\":2}", "[null,null,null]", false},
		{"{\"items\":{\"type\":\"null\"},\"maxItems\":0}", "[]", true},
		{"{\"items\":{\"type\":\"null\"},\"maxItems\":0}", "[null]", false},
		{"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"items\":{\"const\":1}}]}", "[1,1]", true},
		{"{\"allOf\":[{\"type\":\"integer\"}]}", "7", true},
		{"{\"type\":\"object\",\"properties\":{}}", "{\"a\":1}", true},
		{"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}", "{\"a\":1, \"b\":2}", true},
		{"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}", "{\"a\":\"1\"}", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		check(table[i].schema, table[i].text, table[i].good);
}

/* Commas, whichever of the members stand there. */
static void test_members(void **state)
{
#define MEMBERS "{\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"},\"c\":{\"type\":\"integer\"}}"
	static const char *const all = MEMBERS ",\"required\":[\"a\",\"b\",\"c\"]}",
				 *const middle = MEMBERS ",\"required\":[\"b\"]}", *const none = MEMBERS "}",
				 *const more = MEMBERS ",\"additionalProperties\":true}";
	(void)state;
	check(all, "{\"a\":1,\"b\":2,\"c\":3}", true);
	check(all, "{\"a\": 1, \"b\": 2, \"c\": 3}", true);
	check(all, "{\"a\":1,\"c\":3}", false);
	check(all, "{\"b\":2,\"a\":1,\"c\":3}", false);
	check(all, "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", false);
	check(middle, "{\"b\":2}", true);
	check(middle, "{\"a\":1,\"b\":2}", true);
	check(middle, "{\"b\":2,\"c\":3}", true);
	check(middle, "{\"a\":1,\"c\":3}", false);
	check(middle, "{,\"b\":2}", false);
	check(none, "{}", true);
	check(none, "{\"a\":1}", true);
	check(none, "{\"c\":1}", true);
	check(none, "{\"a\":1,\"c\":1}", true);
	check(none, "{\"c\":1,\"a\":1}", false);
	check(none, "{\"a\":1,}", false);
	check(none, "{\"d\":1}", false);
	check(more, "{}", true);
	check(more, "{\"d\":null}", true);
	check(more, "{\"b\":1,\"d\":null,\"e\":[]}", true);
	check(more, "{\"d\":1,}", false);
}

/* A schema that refers to itself; what nests too deep may not be begun. */
static void test_recursion(void **state)
{
	static const char tree[] = "{\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},"
				   "\"next\":{\"anyOf\":[{\"$ref\":\"#/$defs/"
				   "node\"},{\"type\":\"null\"}]}},\"required\":[\"v\",\"next\"]}},\"$ref\":\"#/$defs/node\"}";
	char deep[200] = "";
	(void)state;
	check(tree, "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}", true);
	check(tree, "{\"v\":1,\"next\":{\"v\":2}}", false);
	struct grammar *g = grammar_of("true");
	memset(deep, '[', 90);
	size_t n = bytes_taken(g, deep, 1);
	assert_in_range(n, 30, 60);
	memset(deep + n - 1, ']', n - 1);
	deep[2 * (n - 1)] = 0;
	assert_int_equal(bytes_taken(g, deep, SIZE_MAX), strlen(deep) + 1);
	grammar_free(g);
}

static void test_refused(void **state)
{
	static const struct {
		const char *schema, *says;
	} table[] = {
		{"3", "schema: expected an object or true, found a number"},
		{"{\"type\":\"strin\"}", "schema: there is no type strin"},
		{"{\"properties\":{\"x\":{\"items\":{\"pattern\":\"a\"}}}}",
			"schema.x.items: this keyword is not supported: pattern"},
		{"{\"$ref\":\"#\"}", "schema: it refers to itself without end"},
		{"{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "schema: "},
		{"{\"$ref\":\"#/$defs/no\"}", "schema: expected a place in the schema, found #/$defs/no"},
		{"{\"$ref\":\"http://localhost/x\"}", "schema: expected a place"},
		{"{\"enum\":[]}", "schema: expected a list that is not empty"},
		{"{\"type\":[]}", "schema: expected a type"},
		{"{\"type\":\"array\",\"minItems\":65}", "schema: expected a number from 0 to 64 for minItems"},
		{"{\"type\":\"array\",\"minItems\":3,\"maxItems\":2}", "schema: maxItems is less than minItems"},
		{"{\"properties\":{\"a\":{}},\"required\":[\"b\"]}", "schema: required, but not among the properties: b"},
		{"{\"allOf\":[{},{}]}", "schema: allOf: expected a list of one schema"},
		{"{\"additionalProperties\":{\"type\":1}}", "schema.additionalProperties: there is no type that is no string"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct grammar *g;
		struct err e = {0};
		json_t *o = json_loads(table[i].schema, JSON_DECODE_ANY, NULL);
		assert_non_null(o);
		if (grammar_json(&g, o, &e) != ERR_DATA || !strstr(e.text, table[i].says))
			fail_msg("%s: %s", table[i].schema, e.text);
		json_decref(o);
	}
}

/* Each of many members would be looked for in a list that a request can make very long. */
static void test_required_list(void **state)
{
	struct grammar *g;
	struct err e = {0};
	(void)state;
	for (size_t n = 256; n <= 257; n++) {
		json_t *schema = json_pack("{s:{s:{}}, s:[]}", "properties", "a", "required");
		for (size_t i = 0; i < n; i++)
			json_array_append_new(json_object_get(schema, "required"), json_string("a"));
		assert_int_equal(grammar_json(&g, schema, &e), n == 256 ? 0 : ERR_DATA);
		assert_true(n == 256 || strstr(e.text, "more than 256 required"));
		grammar_free(g);
		json_decref(schema);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_schemas),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_recursion),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_required_list),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

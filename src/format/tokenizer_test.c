/*
 * The tokenizer: on a small vocabulary written here as a Hugging Face folder, and on the real model named by ATTUNE_TEST_MODEL
 * against ids of the reference tokenizer (tests/golden/tokenizer.jsonl, made by tests/oracle/tokenizer_golden.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/test_ids.h"
#include "format/tokenizer.h"

/* ---- a small vocabulary: 256 bytes, some merges, two control tokens -------------------------------------------------- */

static const char *const MERGES[] = {"a b", "b c", "ab c", "\xc4\xa0 a", "c c", "cc cc", "< |", "<| x", "1 2"};
enum { N_MERGES = sizeof MERGES / sizeof *MERGES, ID_END = 256 + N_MERGES, ID_END_LONG };

static const char SMALL[] =
	"{\"normalizer\": null, \"post_processor\": null, \"model\": {\"type\": \"BPE\", \"dropout\": null},"
	"\"added_tokens\": [{\"id\": 265, \"content\": \"<|x|>\", \"special\": true},"
	"                   {\"id\": 266, \"content\": \"<|x|>>\", \"special\": true}],"
	"\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\", \"individual_digits\": true},"
	"                   {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}]}}";

/* UTF-8 of the alphabet's character for a byte (the inverse of what the tokenizer does). */
static void alphabet_put(char *out, unsigned byte)
{
	unsigned next = 0x100, cp = byte;
	for (unsigned b = 0; b < 256; b++) {
		bool shown = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b != 0xad);
		if (b == byte && !shown)
			cp = next;
		next += !shown;
	}
	if (cp < 0x80) {
		out[0] = (char)cp;
		out[1] = 0;
	} else {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		out[2] = 0;
	}
}

/* tokenizer.json of the small vocabulary; the tests spoil parts of it. */
static json_t *small_json(void)
{
	json_t *vocab = json_object(), *merges = json_array();
	char text[64];
	for (unsigned b = 0; b < 256; b++) {
		alphabet_put(text, b);
		json_object_set_new(vocab, text, json_integer(b));
	}
	for (int i = 0; i < N_MERGES; i++) {
		const char *space = strchr(MERGES[i], ' ');
		snprintf(text, sizeof text, "%.*s%s", (int)(space - MERGES[i]), MERGES[i], space + 1);
		json_object_set_new(vocab, text, json_integer(256 + i));
		json_array_append_new(merges, json_string(MERGES[i]));
	}
	json_t *root = json_loads(SMALL, 0, NULL), *model = json_object_get(root, "model");
	assert_non_null(root);
	json_object_set_new(model, "vocab", vocab);
	json_object_set_new(model, "merges", merges);
	return root;
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_SIZE];
	struct err e = {0};
	assert_int_equal(path_join(path, sizeof path, &e, dir, name), 0);
	assert_int_equal(file_replace(path, text, strlen(text), &e), 0);
}

/* Opens the tokenizer of a folder that holds these files; `config` and `generation` may be NULL. */
static int open_small(struct tokenizer **t, json_t *root, const char *config, const char *generation, struct err *e)
{
	char dir[] = "attune_test_XXXXXX";
	assert_non_null(mkdtemp(dir));
	char *text = json_dumps(root, 0);
	put_file(dir, "tokenizer.json", text);
	if (config)
		put_file(dir, "tokenizer_config.json", config);
	if (generation)
		put_file(dir, "generation_config.json", generation);
	free(text);
	int rc = tokenizer_from_hf(t, dir, e);
	struct err ignored;
	assert_int_equal(dir_remove(dir, &ignored), 0);
	return rc;
}

static struct tokenizer *small(void)
{
	struct tokenizer *t;
	struct err e = {0};
	json_t *root = small_json();
	if (open_small(&t, root, "{\"eos_token\": \"<|x|>\", \"bos_token\": {\"content\": \"<|x|>>\"}}", "{\"eos_token_id\": [97]}",
		    &e))
		fail_msg("%s", e.text);
	json_decref(root);
	return t;
}

static void test_merges(void **state)
{
	(void)state;
	struct tokenizer *t = small();
	CHECK(t, "abc", 258);      /* ab, then abc */
	CHECK(t, "bbc", 'b', 257); /* b bc */
	CHECK(t, "ccc", 260, 'c'); /* the leftmost of equals */
	CHECK(t, "ccccc", 261, 'c');
	CHECK(t, " a ab", 259, ' ', 256);     /* rank 0 ab is merged before rank 3 " a" */
	CHECK(t, "a12b", 'a', '1', '2', 'b'); /* digits are split before merges see them */
	assert_int_equal(tokenizer_n_vocab(t), ID_END_LONG + 1);
	tokenizer_free(t);
}

static void test_byte_level_alone_merges_digits(void **state)
{
	(void)state;
	struct tokenizer *t;
	struct err e = {0};
	json_t *root = small_json();
	json_object_set_new(root, "pre_tokenizer", json_pack("{s:s}", "type", "ByteLevel"));
	assert_int_equal(open_small(&t, root, NULL, NULL, &e), 0);
	CHECK(t, "a12b", 'a', 264, 'b');
	tokenizer_free(t);
	json_decref(root);
}

static void test_text_forms_no_control_token(void **state)
{
	(void)state;
	struct tokenizer *t = small();
	size_t length;
	CHECK(t, "<|x|>", 262, 'x', '|', '>');
	assert_int_equal(tokenizer_control(t, "<|x|>", 5), ID_END);
	assert_int_equal(tokenizer_control(t, "<|x|>>", 6), ID_END_LONG);
	assert_int_equal(tokenizer_control(t, "<|x|>!", 6), -1);
	assert_int_equal(tokenizer_control(t, "abc", 3), -1); /* a token, but none of control */
	assert_int_equal(tokenizer_control(t, "", 0), -1);
	assert_int_equal(tokenizer_control_at(t, "<|x|>>>", 7, &length), ID_END_LONG); /* the longest */
	assert_int_equal(length, 6);
	assert_int_equal(tokenizer_control_at(t, "<|x|>", 4, &length), -1);
	tokenizer_free(t);
}

static void test_special_ids(void **state)
{
	(void)state;
	struct tokenizer *t = small();
	assert_int_equal(tokenizer_eos(t), ID_END);
	assert_int_equal(tokenizer_bos(t), -1); /* named, but add_bos_token is not set */
	assert_true(tokenizer_is_eog(t, ID_END));
	assert_true(tokenizer_is_eog(t, 97)); /* generation_config.json */
	assert_false(tokenizer_is_eog(t, 98));
	assert_false(tokenizer_is_eog(t, -1));
	assert_false(tokenizer_is_eog(t, ID_END_LONG + 1));
	tokenizer_free(t);

	struct err e = {0};
	json_t *root = small_json();
	assert_int_equal(open_small(&t, root, "{\"add_bos_token\": true, \"bos_token\": \"<|x|>\"}", NULL, &e), 0);
	assert_int_equal(tokenizer_bos(t), ID_END);
	assert_int_equal(tokenizer_eos(t), -1);
	tokenizer_free(t);
	assert_int_equal(open_small(&t, root, "{\"eos_token\": \"abc\"}", NULL, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "eos_token"));
	assert_int_equal(open_small(&t, root, NULL, "{\"eos_token_id\": 9999}", &e), ERR_DATA);
	assert_non_null(strstr(e.text, "9999"));
	json_decref(root);
}

static void test_decode(void **state)
{
	(void)state;
	struct tokenizer *t = small();
	struct buf out = {0};
	struct err e = {0};
	const int32_t ids[] = {258, ID_END, ' ', 0xe9};
	assert_int_equal(tokenizer_decode(t, ids, 4, false, &out, &e), 0);
	assert_string_equal(out.p, "abc \xe9");
	assert_int_equal(tokenizer_decode(t, ids, 2, true, &out, &e), 0);
	assert_string_equal(out.p,
		"abc \xe9"
		"abc<|x|>");
	assert_int_equal(tokenizer_decode(t, (const int32_t[]){-1}, 1, true, &out, &e), ERR_FAILED);
	assert_int_equal(tokenizer_decode(t, (const int32_t[]){ID_END_LONG + 1}, 1, true, &out, &e), ERR_FAILED);
	buf_release(&out);
	tokenizer_free(t);
}

/* decode(encode(x)) == x for any bytes, control tokens spelled out included. */
static void test_round_trip(void **state)
{
	(void)state;
	struct tokenizer *t = small();
	struct rng r;
	struct ids ids = {0};
	struct buf text = {0}, back = {0};
	struct err e = {0};
	rng_init(&r, 7, RNG_DATA, 0, 0);
	for (int round = 0; round < 300; round++) {
		buf_clear(&text);
		buf_clear(&back);
		ids.n = 0;
		for (uint32_t left = rng_below(&r, 200); left; left--) {
			static const char *const often[] = {"a", "b", "c", " ", "<|x|>", "\xc3\xa9", "'s", "\n"};
			char any = (char)rng_below(&r, 256);
			uint32_t which = rng_below(&r, 12);
			assert_int_equal(which < 8 ? buf_puts(&text, often[which], &e) : buf_append(&text, &any, 1, &e), 0);
		}
		assert_int_equal(tokenizer_encode(t, text.p, text.len, &ids, &e), 0);
		assert_int_equal(tokenizer_decode(t, ids.p, ids.n, false, &back, &e), 0);
		assert_int_equal(back.len, text.len);
		if (text.len)
			assert_memory_equal(back.p, text.p, text.len);
	}
	buf_release(&text);
	buf_release(&back);
	ids_release(&ids);
	tokenizer_free(t);
}

/* ---- refusals ---------------------------------------------------------------------------------------------------------------- */

/* Each case replaces the value at `key` (inside `parent`, or at the root) by `json`. */
static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *parent, *key, *json, *says;
	} cases[] = {
		{NULL, "model", "{\"type\": \"Unigram\"}", "\"Unigram\""},
		{NULL, "model", "7", "\"none\""},
		{NULL, "normalizer", "{\"type\": \"NFKC\"}", "normalizer \"NFKC\""},
		{NULL, "post_processor", "{\"type\": \"TemplateProcessing\"}", "TemplateProcessing"},
		{NULL, "pre_tokenizer", "{\"type\": \"Metaspace\"}", "Metaspace"},
		{NULL, "pre_tokenizer", "{\"type\": \"ByteLevel\", \"add_prefix_space\": true}", "add_prefix_space"},
		{NULL, "pre_tokenizer", "{\"type\": \"ByteLevel\", \"use_regex\": false}", "use_regex"},
		{NULL, "pre_tokenizer", "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\"}]}", "Split"},
		{NULL, "pre_tokenizer",
			"{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"behavior\": \"Isolated\", "
			"\"pattern\": {\"Regex\": "
			"\"a+\"}}, {\"type\": \"ByteLevel\", \"use_regex\": false}]}",
			"splits by \"a+\""},
		{NULL, "pre_tokenizer", "null", "\"none\""},
		{NULL, "added_tokens", "[{\"id\": 3, \"content\": \"zz\", \"special\": true}]", "share the id 3"},
		{NULL, "added_tokens", "[{\"id\": 265, \"content\": 7, \"special\": true}]", "string \"content\""},
		{NULL, "added_tokens", "[{\"id\": 265, \"content\": \"<|x|>\", \"special\": true, \"lstrip\": true}]", "lstrip"},
		{NULL, "added_tokens", "[{\"id\": 265, \"content\": \"\", \"special\": true}]", "empty"},
		{NULL, "added_tokens", "[{\"id\": -1, \"content\": \"<|x|>\", \"special\": true}]", "found -1"},
		{NULL, "added_tokens", "[{\"id\": 1e3, \"content\": \"<|x|>\", \"special\": true}]", "expected an id"},
		{NULL, "added_tokens", "[{\"id\": 9223372036854775807, \"content\": \"<|x|>\", \"special\": true}]",
			"9223372036854775807"},
		{"model", "dropout", "0.1", "\"dropout\""},
		{"model", "byte_fallback", "true", "Replace of"},
		{"model", "continuing_subword_prefix", "\"##\"", "\"continuing_subword_prefix\""},
		{"model", "merges", "{}", "list of up to"},
		{"model", "merges", "[\"ab\"]", "two tokens"},
		{"model", "merges", "[[\"a\"]]", "merge 0"},
		{"model", "merges", "[\"a b\", \"a \"]", "merge 1"},
		{"model", "merges", "[\"a zz\"]", "does not have"},
		{"model", "merges", "[\"a z\"]", "does not have"},
		{"model", "merges", "[\"a \xe4\xb8\xad\"]", "alphabet"},
		{"model", "merges", "[\"a b\", [\"a\", \"b\"]]", "repeats merge 0"},
		{"model", "vocab", "{}", "found 2"},
		{"model", "vocab", "[]", "expected a vocabulary"},
		{"vocab", "ab", "97", "share the id 97"},
		{"vocab", "ab", "1.5", "expected an id"},
		{"vocab", "\xe4\xb8\xad", "267", "alphabet"},
		{"vocab", "zz", "268", "expected an id from 0 to 267"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tokenizer *t;
		struct err e = {0};
		json_t *root = small_json(), *model = json_object_get(root, "model");
		json_t *parent = !cases[i].parent           ? root
			: !strcmp(cases[i].parent, "model") ? model
							    : json_object_get(model, "vocab");
		json_t *value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		assert_non_null(value);
		json_object_set_new(parent, cases[i].key, value);
		int rc = open_small(&t, root, NULL, NULL, &e);
		if (rc != ERR_DATA || !strstr(e.text, cases[i].says) || !strstr(e.text, "tokenizer.json") || t)
			fail_msg("case %zu (%s): got %d \"%s\"", i, cases[i].json, rc, e.text);
		json_decref(root);
	}
}

/* Opens the small vocabulary with `key` set to `json` and `added` in place of its control tokens (NULL: as they are). */
static struct tokenizer *small_with(const char *parent, const char *key, const char *json, const char *added)
{
	struct tokenizer *t;
	struct err e = {0};
	json_t *root = small_json();
	json_object_set_new(parent ? json_object_get(root, parent) : root, key, json_loads(json, JSON_DECODE_ANY, NULL));
	if (added)
		json_object_set_new(root, "added_tokens", json_loads(added, 0, NULL));
	if (open_small(&t, root, NULL, NULL, &e))
		fail_msg("%s", e.text);
	json_decref(root);
	return t;
}

static void test_user_defined(void **state)
{
	(void)state;
	struct tokenizer *t = small_with(NULL, "normalizer", "null",
		"[{\"id\": 265, \"content\": \"<c>\", \"special\": false}, {\"id\": 266, \"content\": \"<c>>\", \"special\": "
		"false},"
		" {\"id\": 267, \"content\": \"<t>\", \"special\": true}]");
	CHECK(t, "ab<c>>c<c><t>", 256, 266, 'c', 265, '<', 't', '>'); /* the longest; control tokens stay text */
	CHECK(t, "<c", '<', 'c');
	assert_int_equal(tokenizer_control(t, "<c>", 3), -1);
	tokenizer_free(t);
}

static void test_ignore_merges(void **state)
{
	(void)state;
	struct tokenizer *t = small_with("model", "merges", "[\"a b\", \"b c\"]", NULL);
	CHECK(t, "abc", 256, 'c');
	tokenizer_free(t);
	json_t *root = small_json(), *model = json_object_get(root, "model");
	struct err e = {0};
	json_object_set_new(model, "merges", json_loads("[\"a b\", \"b c\"]", 0, NULL));
	json_object_set_new(model, "ignore_merges", json_true());
	assert_int_equal(open_small(&t, root, NULL, NULL, &e), 0);
	CHECK(t, "abc", 258); /* the piece is a token, though no merge makes it */
	tokenizer_free(t);
	json_decref(root);
}

static void test_composition(void **state)
{
	(void)state;
	struct tokenizer *t = small_with(NULL, "normalizer", "{\"type\": \"NFC\"}", NULL);
	CHECK(t, "e\xcc\x81-\xff\xcc", 0xc3, 0xa9, '-', 0xff, 0xcc);
	CHECK(t, "\xe1\x84\x80\xe1\x85\xa1", 0xea, 0xb0, 0x80); /* Hangul */
	struct ids ids = {0}, ends = {0};
	struct err e = {0};
	assert_int_equal(tokenizer_encode_ends(t, (struct piece){"xe\xcc\x81y", 5}, true, &ids, &ends, &e), 0);
	assert_int_equal(ends.n, 4);
	assert_int_equal(ends.p[0], 1);
	assert_int_equal(ends.p[2], 4); /* the whole of what became one character */
	assert_int_equal(ends.p[3], 5);
	ids_release(&ids);
	ids_release(&ends);
	tokenizer_free(t);
}

static void test_template_adds_the_begin_token(void **state)
{
	(void)state;
	struct tokenizer *t = small_with(NULL, "post_processor",
		"{\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\"}, {\"type\": \"TemplateProcessing\", "
		"\"single\": "
		"[{\"SpecialToken\": {\"id\": \"<|x|>\"}}, {\"Sequence\": {\"id\": \"A\"}}], \"special_tokens\": {\"<|x|>\": "
		"{\"ids\": [265]}}}]}",
		NULL);
	assert_int_equal(tokenizer_bos(t), 265);
	tokenizer_free(t);
}

/* SentencePiece's BPE as tokenizer.json has it: 256 byte tokens, pieces, merges; `normalizer` as in the file. */
static json_t *pieces_json(const char *normalizer)
{
	static const char *const pieces[] = {"\xe2\x96\x81", "a", "b", "ab",
		"\xe2\x96\x81"
		"ab",
		"bb", "<", "s>", "<s>", "s", ">"};
	json_t *vocab = json_object();
	char text[8];
	for (unsigned b = 0; b < 256; b++) {
		snprintf(text, sizeof text, "<0x%02X>", b);
		json_object_set_new(vocab, text, json_integer(b));
	}
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
		json_object_set_new(vocab, pieces[i], json_integer(256 + (json_int_t)i));
	json_t *root = json_loads(
		"{\"added_tokens\": [{\"id\": 264, \"content\": \"<s>\", \"special\": true}, {\"id\": 267, \"content\": "
		"\"\\n\\n\", \"special\": false}], \"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"merges\": [[\"s\", "
		"\">\"], [\"a\", \"b\"], [\"b\", \"b\"], [\"\u2581\", \"ab\"], [\"<\", \"s>\"]]}}",
		0, NULL);
	assert_non_null(root);
	json_object_set_new(json_object_get(root, "model"), "vocab", vocab);
	json_object_set_new(root, "normalizer", json_loads(normalizer, 0, NULL));
	return root;
}

#define REPLACE "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"\u2581\"}"
#define PREPEND "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"\u2581\"}, " REPLACE "]}"

static void test_sentencepiece(void **state)
{
	(void)state;
	struct tokenizer *t;
	struct err e = {0};
	json_t *root = pieces_json(REPLACE);
	assert_int_equal(open_small(&t, root, NULL, NULL, &e), 0);
	CHECK(t, "ab abb", 259, 260, 258);        /* a b before b b */
	CHECK(t, "\xc3\xa9\n", 0xc3, 0xa9, '\n'); /* what has no token is its bytes */
	CHECK(t, "ab\n\n ab", 259, 267, 260);
	CHECK(t, "<s>", 262, 263); /* merges that would form a control token are left out */
	tokenizer_free(t);
	json_object_set_new(root, "normalizer", json_loads(PREPEND, 0, NULL));
	assert_int_equal(open_small(&t, root, NULL, NULL, &e), 0);
	CHECK(t, "ab\n\nab", 260, 267, 260); /* the library puts a space in front of every stretch */
	tokenizer_free(t);
	json_object_set_new(root, "pre_tokenizer", json_pack("{s:s}", "type", "Metaspace"));
	assert_int_equal(open_small(&t, root, NULL, NULL, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "\"Metaspace\""));
	json_decref(root);
}

/* The small pieces behind a Metaspace of these further keys, the last of which count. */
static int open_metaspace(struct tokenizer **t, const char *keys, struct err *e)
{
	char text[160];
	json_t *root = pieces_json("{}"), *model = json_object_get(root, "model");
	snprintf(text, sizeof text, "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\"%s}", keys);
	json_object_del(root, "normalizer");
	json_object_set_new(root, "pre_tokenizer", json_loads(text, 0, NULL));
	json_object_set_new(json_object_get(model, "vocab"), "a\u2581", json_integer(268));
	json_array_append_new(json_object_get(model, "merges"), json_pack("[s, s]", "a", "\u2581"));
	int rc = open_small(t, root, NULL, NULL, e);
	json_decref(root);
	return rc;
}

/* Ids as the `tokenizers` library gives them. */
static void test_metaspace(void **state)
{
	static const char *const refused[] = {", \"replacement\": \"_\"", ", \"prepend_scheme\": \"second\"",
		", \"prepend_scheme\": 1", ", \"add_prefix_space\": false"};
	struct tokenizer *t;
	struct ids ids = {0};
	struct err e = {0};
	(void)state;
	assert_int_equal(open_metaspace(&t, ", \"prepend_scheme\": \"first\", \"split\": false", &e), 0);
	CHECK(t, "ab\n\nab", 260, 267, 259); /* only what the text begins with */
	CHECK(t, "\n\nab", 267, 259);
	CHECK(t, " ab", 260); /* no second space */
	CHECK(t, "\u2581ab", 260);
	CHECK(t, "a a", 256, 268, 257);
	assert_int_equal(tokenizer_encode_ends(t, (struct piece){"ab", 2}, false, &ids, NULL, &e), 0);
	assert_int_equal(ids.n, 1);
	assert_int_equal(ids.p[0], 259); /* behind a control token */
	ids_release(&ids);
	tokenizer_free(t);
	assert_int_equal(open_metaspace(&t, ", \"prepend_scheme\": \"never\"", &e), 0);
	CHECK(t, "ab\n\n ab", 259, 267, 260);
	CHECK(t, "a a", 257, 256, 257); /* cut before the space: no "a " */
	tokenizer_free(t);
	assert_int_equal(open_metaspace(&t, "", &e), 0); /* always, and cut */
	CHECK(t, "ab\n\nab\n\n ab", 260, 267, 260, 267, 260);
	CHECK(t, "a\n\na a", 256, 257, 267, 256, 257, 256, 257);
	tokenizer_free(t);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		assert_int_equal(open_metaspace(&t, refused[i], &e), ERR_DATA);
		assert_non_null(strstr(e.text, "the Metaspace pre-tokenizer: expected"));
	}
}

static void test_missing_bytes(void **state)
{
	(void)state;
	struct tokenizer *t;
	struct err e = {0};
	json_t *root = small_json(), *vocab = json_object_get(json_object_get(root, "model"), "vocab");
	json_object_del(vocab, "A"); /* id 65 is then nobody's */
	assert_int_equal(open_small(&t, root, NULL, NULL, &e), ERR_DATA);
	json_object_set_new(vocab, "AA", json_integer('A'));
	assert_int_equal(open_small(&t, root, NULL, NULL, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "0x41"));
	json_decref(root);

	root = small_json(); /* a byte that no ordinary text has may lack: it is left out, and what is around it may merge */
	vocab = json_object_get(json_object_get(root, "model"), "vocab");
	char text[3];
	alphabet_put(text, 0xff);
	json_object_del(vocab, text);
	json_object_set_new(vocab, "AA", json_integer(0xff));
	assert_int_equal(open_small(&t, root, NULL, NULL, &e), 0);
	CHECK(t, "\xff-\xff-\xff", '-', '-');
	CHECK(t, "<\xff|", 262);
	tokenizer_free(t);
	json_decref(root);
}

/* Every allocation fails in turn: an error, no leak, no result. */
static void test_faults(void **state)
{
	(void)state;
	json_t *root = small_json();
	int rc = ERR_RESOURCE;
	for (uint64_t nth = 1; rc; nth++) {
		struct tokenizer *t = NULL;
		struct ids ids = {0};
		struct err e = {0};
		char dir[] = "attune_test_XXXXXX";
		assert_non_null(mkdtemp(dir));
		char *text = json_dumps(root, 0);
		put_file(dir, "tokenizer.json", text);
		free(text);
		fault_set(FAULT_MEM, nth, false);
		rc = tokenizer_from_hf(&t, dir, &e);
		if (!rc)
			rc = tokenizer_encode(t, "abc abc", 7, &ids, &e);
		fault_set(FAULT_MEM, 0, false);
		assert_true(rc == 0 || rc == ERR_RESOURCE);
		assert_true(nth < 100);
		ids_release(&ids);
		tokenizer_free(t);
		assert_int_equal(dir_remove(dir, &e), 0);
	}
	json_decref(root);
}

/* ---- the real model -------------------------------------------------------------------------------------------------- */

static struct tokenizer *real(void)
{
	const char *path = getenv("ATTUNE_TEST_MODEL");
	struct tokenizer *t = NULL;
	struct gguf *g = NULL;
	struct err e = {0};
	if (path && (gguf_open(&g, path, &e) || tokenizer_from_gguf(&t, g, &e)))
		fail_msg("%s", e.text);
	gguf_close(g);
	return t;
}

static void test_golden(void **state)
{
	(void)state;
	struct tokenizer *t = real();
	if (!t)
		skip();
	FILE *f = fopen(GOLDEN_DIR "/tokenizer.jsonl", "r");
	assert_non_null(f);
	char *line = NULL;
	size_t cap = 0, n_rows = 0;
	while (getline(&line, &cap, f) > 0) {
		json_t *row = json_loads(line, 0, NULL), *text = json_object_get(row, "text"), *ids = json_object_get(row, "ids");
		int32_t expected[512];
		assert_true(json_is_string(text) && json_array_size(ids) <= 512);
		for (size_t i = 0; i < json_array_size(ids); i++)
			expected[i] = (int32_t)json_integer_value(json_array_get(ids, i));
		check_ids(t, json_string_value(text), json_string_length(text), expected, json_array_size(ids));
		json_decref(row);
		n_rows++;
	}
	assert_true(n_rows > 150);
	free(line);
	fclose(f);
	tokenizer_free(t);
}

static void test_one_character_a_million_times(void **state)
{
	static const char *const characters[] = {"a", "c", " ", "=", "0", "\n", "<|x|>", "\xe4", "\xc3\xa9"};
	struct tokenizer *t[] = {small(), real()};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; t[i] && k < sizeof characters / sizeof *characters; k++)
			check_megabyte(t[i], characters[k]);
		tokenizer_free(t[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merges),
		cmocka_unit_test(test_byte_level_alone_merges_digits),
		cmocka_unit_test(test_text_forms_no_control_token),
		cmocka_unit_test(test_special_ids),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_user_defined),
		cmocka_unit_test(test_ignore_merges),
		cmocka_unit_test(test_composition),
		cmocka_unit_test(test_template_adds_the_begin_token),
		cmocka_unit_test(test_sentencepiece),
		cmocka_unit_test(test_metaspace),
		cmocka_unit_test(test_missing_bytes),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_one_character_a_million_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

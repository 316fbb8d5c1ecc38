/* WordPiece: the ids of the reference's tokenizer for ordinary and hostile text, limits, and files that are refused. */
#include "format/format.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/test_file.h"

static struct wordpiece *open_golden(void)
{
	struct wordpiece *w;
	struct err e = {0};
	if (wordpiece_open(&w, GOLDEN_DIR "/embed", &e))
		fail_msg("%s", e.text);
	return w;
}

static void test_ids_of_the_reference(void **state)
{
	(void)state;
	struct wordpiece *w = open_golden();
	struct jsonl *j;
	struct err e = {0};
	json_t *o;
	size_t line, n = 0;
	assert_int_equal(jsonl_open(&j, GOLDEN_DIR "/embed.jsonl", &e), 0);
	for (; jsonl_next(j, &o, &line, &e) == 1; n++, json_decref(o)) {
		const json_t *bytes = json_object_get(o, "bytes"), *want = json_object_get(o, "ids");
		struct ids ids = {0};
		struct buf text = {0};
		for (size_t i = 0; i < json_array_size(bytes); i++) {
			char c = (char)json_integer_value(json_array_get(bytes, i));
			assert_int_equal(buf_append(&text, &c, 1, &e), 0);
		}
		assert_int_equal(wordpiece_encode(w, text.p ? text.p : "", text.len, 40, &ids, &e), 0);
		for (size_t i = 0; i < ids.n && i < json_array_size(want); i++)
			if (ids.p[i] != json_integer_value(json_array_get(want, i)))
				fail_msg("line %zu: id %zu is %d, expected %lld", line, i, ids.p[i],
					json_integer_value(json_array_get(want, i)));
		assert_int_equal(ids.n, json_array_size(want));
		for (size_t i = 0; i < ids.n; i++)
			assert_true((size_t)ids.p[i] < wordpiece_n_ids(w));
		ids_release(&ids);
		buf_release(&text);
	}
	assert_int_equal(n, 22);
	jsonl_close(j);
	wordpiece_free(w);
}

static void assert_ids(const struct wordpiece *w, const char *text, size_t n, size_t limit, const int32_t *want, size_t n_want)
{
	struct ids ids = {0};
	struct err e = {0};
	assert_int_equal(wordpiece_encode(w, text, n, limit, &ids, &e), 0);
	assert_int_equal(ids.n, n_want);
	assert_memory_equal(ids.p, want, n_want * sizeof *want);
	ids_release(&ids);
}

/* A limit cuts behind any token, also inside a word; what is not UTF-8 is not there; ids are appended. */
static void test_limits(void **state)
{
	(void)state;
	struct wordpiece *w = open_golden();
	struct ids ids = {0};
	struct err e = {0};
	assert_int_equal(wordpiece_encode(w, "unable event", 12, 100, &ids, &e), 0);
	assert_int_equal(ids.n, 5); /* [CLS] un ##able event [SEP] */
	for (size_t limit = 2; limit < 8; limit++) {
		int32_t want[5];
		size_t n = limit < 5 ? limit : 5;
		memcpy(want, ids.p, sizeof want);
		want[n - 1] = ids.p[4];
		assert_ids(w, "unable event", 12, limit, want, n);
	}
	assert_ids(w,
		"un\xff"
		"able\xe2\x82 \xc0\xaf"
		"event\xf0",
		18, 100, ids.p, 5);
	assert_int_equal(wordpiece_encode(w, "event", 5, 100, &ids, &e), 0);
	assert_int_equal(ids.n, 8);
	ids_release(&ids);
	wordpiece_free(w);
}

/* Megabytes without a space, of combining marks, of nothing at all. */
static void test_long_words(void **state)
{
	(void)state;
	static const char *const part[] = {"a", "e\xcc\x81", "\xcc\x81", "\xc2\xad", "\xff"};
	static const size_t n_ids[] = {3, 3, 2, 2, 2};
	struct wordpiece *w = open_golden();
	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		struct buf text = {0};
		struct ids ids = {0};
		struct err e = {0};
		while (text.len < 2000000)
			assert_int_equal(buf_puts(&text, part[i], &e), 0);
		assert_int_equal(wordpiece_encode(w, text.p, text.len, 40, &ids, &e), 0);
		assert_int_equal(ids.n, n_ids[i]);
		ids_release(&ids);
		buf_release(&text);
	}
	wordpiece_free(w);
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *find, *put, *says;
	} changes[] = {{"\"BertNormalizer\"", "\"NFC\"", "normalizer \"NFC\""},
		{"\"lowercase\":true", "\"lowercase\":false", "normalizer"},
		{"\"clean_text\":true", "\"clean_text\":1", "normalizer"},
		{"\"BertPreTokenizer\"", "\"Whitespace\"", "pre-tokenizer \"Whitespace\""},
		{"\"WordPiece\"", "\"Unigram\"", "model is \"Unigram\""}, {"\"##\"", "\"@@\"", "found \"@@\""},
		{"\"max_input_chars_per_word\":9", "\"max_input_chars_per_word\":100000", "max_input_chars_per_word"},
		{"\"unk_token\":\"[UNK]\"", "\"unk_token\":\"[unk]\"", "\"[unk]\" is not in the vocabulary"},
		{"\"TemplateProcessing\"", "\"ByteLevel\"", "post-processor is \"ByteLevel\""},
		{"\"the\":", "\"the\":-", "token \"the\" is out of range"},
		{"\"the\":", "\"the\":1e0,\"thee\":", "token \"the\" is a decimal number"},
		{"\"special\":true", "\"special\":false", "added token 0"}};
	struct buf text = {0};
	struct err e = {0};
	assert_int_equal(file_read(GOLDEN_DIR "/embed/tokenizer.json", 1 << 20, &text, &e), 0);
	for (size_t i = 0; i <= sizeof changes / sizeof *changes; i++) {
		struct test_dir d = test_dir_new();
		struct wordpiece *w;
		struct buf changed = {0};
		bool last = i == sizeof changes / sizeof *changes; /* a file that ends early */
		const char *at = last ? text.p + text.len / 2 : strstr(text.p, changes[i].find);
		if (!at)
			fail_msg("%s is not in the file", changes[i].find);
		assert_int_equal(buf_append(&changed, text.p, (size_t)(at - text.p), &e), 0);
		if (!last)
			assert_int_equal(buf_printf(&changed, &e, "%s%s", changes[i].put, at + strlen(changes[i].find)), 0);
		test_dir_put(&d, "tokenizer.json", changed.p, changed.len);
		assert_int_equal(wordpiece_open(&w, d.path, &e), ERR_DATA);
		assert_null(w);
		assert_non_null(strstr(e.text, "tokenizer.json"));
		if (!last && !strstr(e.text, changes[i].says))
			fail_msg("\"%s\" does not say \"%s\"", e.text, changes[i].says);
		buf_release(&changed);
		test_dir_remove(&d);
	}
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids_of_the_reference), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_words), cmocka_unit_test(test_refusals)};
	return cmocka_run_group_tests_name("wordpiece", tests, NULL, NULL);
}

/* Sentence embeddings against transformers' on every kernel path; one text alone and among many; folders that are refused. */
#include "model/test_golden.h"

enum { WIDTH = 24, TEXTS_MAX = 32 };

static struct {
	size_t n;
	char *text[TEXTS_MAX];
	float vector[TEXTS_MAX][WIDTH];
} golden;

/* The lines without a NUL. */
static int setup(void **state)
{
	(void)state;
	struct jsonl *j;
	struct err e = {0};
	json_t *o;
	size_t line;
	assert_int_equal(jsonl_open(&j, GOLDEN_DIR "/embed.jsonl", &e), 0);
	for (; jsonl_next(j, &o, &line, &e) == 1; json_decref(o)) {
		const json_t *bytes = json_object_get(o, "bytes"), *vector = json_object_get(o, "vector");
		size_t n = json_array_size(bytes);
		char *text = mem_alloc(n + 1, 1, &e);
		for (size_t i = 0; i < n; i++)
			text[i] = (char)json_integer_value(json_array_get(bytes, i));
		for (size_t i = 0; i < WIDTH; i++)
			golden.vector[golden.n][i] = (float)json_real_value(json_array_get(vector, i));
		if (strlen(text) == n)
			golden.text[golden.n++] = text;
		else
			mem_free(text);
	}
	jsonl_close(j);
	assert_int_equal(golden.n, 21);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (golden.n > 0)
		mem_free(golden.text[--golden.n]);
	return 0;
}

static void close_to(const float *got, const float *want, size_t n, float tolerance)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabsf(got[i] - want[i]) <= tolerance))
			fail_msg("%s: value %zu of %zu is %.7g, expected %.7g", kern->name, i, n, (double)got[i], (double)want[i]);
}

static void test_vectors_of_the_reference(void **state)
{
	(void)state;
	struct embedder *m;
	struct err e = {0};
	for (size_t p = 0; kern_available()[p]; p++) {
		assert_int_equal(kern_init(kern_available()[p]->name, &e), 0);
		float got[TEXTS_MAX * WIDTH], one[WIDTH], tolerance = strstr(kern->name, "bf16") ? 2e-2f : 2e-6f;
		assert_int_equal(embedder_open(&m, GOLDEN_DIR "/embed", &e), 0);
		assert_int_equal(embedder_width(m), WIDTH);
		assert_int_equal(embedder_run(m, (const char *const *)golden.text, golden.n, got, &e), 0);
		close_to(got, golden.vector[0], golden.n * WIDTH, tolerance);
		for (size_t i = 0; i < golden.n; i++) {
			assert_int_equal(embedder_run(m, (const char *const *)&golden.text[i], 1, one, &e), 0);
			close_to(one, golden.vector[i], WIDTH, tolerance);
		}
		assert_int_equal(embedder_run(m, NULL, 0, NULL, &e), 0);
		embedder_free(m);
	}
	kern_init(NULL, &e);
}

/* More texts than are computed at once. */
static void test_many(void **state)
{
	(void)state;
	enum { N = 300 };
	static float got[N * WIDTH];
	const char *text[N];
	struct embedder *m;
	struct err e = {0};
	for (size_t i = 0; i < N; i++)
		text[i] = golden.text[i * 7 % golden.n];
	assert_int_equal(embedder_open(&m, GOLDEN_DIR "/embed", &e), 0);
	assert_int_equal(embedder_run(m, text, N, got, &e), 0);
	for (size_t i = 0; i < N; i++)
		close_to(got + i * WIDTH, golden.vector[i * 7 % golden.n], WIDTH, strstr(kern->name, "bf16") ? 2e-2f : 2e-6f);
	embedder_free(m);
}

/* A copy of the golden folder in which the first `find` of one file is another text. */
static void changed_folder(char dir[32], const char *file, const char *find, const char *put)
{
	static const char *const files[] = {
		"config.json", "tokenizer.json", "model.safetensors", "sentence_bert_config.json", "1_Pooling/config.json"};
	char path[PATH_SIZE];
	struct err e = {0};
	strcpy(dir, "embed_test_XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(path_join(path, sizeof path, &e, dir, "1_Pooling") || dir_make(path, &e), 0);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct buf text = {0}, changed = {0};
		assert_int_equal(path_join(path, sizeof path, &e, GOLDEN_DIR "/embed", files[i]), 0);
		assert_int_equal(file_read(path, 1 << 20, &text, &e), 0);
		char *at = strcmp(file, files[i]) ? NULL : memmem(text.p, text.len, find, strlen(find));
		if (!strcmp(file, files[i]) && !at)
			fail_msg("%s is not in %s", find, file);
		size_t before = at ? (size_t)(at - text.p) : text.len, behind = at ? before + strlen(find) : text.len;
		assert_int_equal(buf_append(&changed, text.p, before, &e) || buf_puts(&changed, at ? put : "", &e) ||
				buf_append(&changed, text.p + behind, text.len - behind, &e),
			0);
		assert_int_equal(
			path_join(path, sizeof path, &e, dir, files[i]) || file_replace(path, changed.p, changed.len, &e), 0);
		buf_release(&text);
		buf_release(&changed);
	}
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *file, *find, *put, *says;
	} changes[] = {{"config.json", "\"bert\"", "\"llama\"", "model_type is llama"},
		{"config.json", "\"gelu\"", "\"relu\"", "hidden_act is relu"},
		{"config.json", "\"hidden_size\": 24", "\"hidden_size\": 25", "25"},
		{"config.json", "\"hidden_size\": 24", "\"hidden_size\": 27", "expected [168, 27]"},
		{"config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3",
			"encoder.layer.2.attention.self.query.weight is missing"},
		{"config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 2000000",
			"num_hidden_layers: expected a number from 1"},
		{"config.json", "\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": 0", "layer_norm_eps"},
		{"config.json", "\"vocab_size\": 168", "\"vocab_size\": 60", "rows for 60"},
		{"config.json", "\"type_vocab_size\": 2", "\"type_vocab_size\": -2", "type_vocab_size: expected"},
		{"1_Pooling/config.json", "\"pooling_mode_cls_token\": false", "\"pooling_mode_cls_token\": true",
			"no other pooling"},
		{"sentence_bert_config.json", "40", "-40", "texts of 0 tokens"},
		{"model.safetensors", "encoder.layer.1.output.dense.bias", "encoder.layer.1.output.dense.bios",
			"output.dense.bias is missing"}};
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		char dir[32];
		changed_folder(dir, changes[i].file, changes[i].find, changes[i].put);
		struct embedder *m;
		struct err e = {0};
		assert_int_equal(embedder_open(&m, dir, &e), ERR_DATA);
		assert_null(m);
		if (!strstr(e.text, changes[i].says) || !strstr(e.text, dir))
			fail_msg("\"%s\" does not say \"%s\"", e.text, changes[i].says);
		dir_remove(dir, NULL);
	}
}

/* The key follows the bytes of every file. */
static void test_key(void **state)
{
	(void)state;
	char dir[32];
	changed_folder(dir, "config.json", "\"initializer_range\": 0.02", "\"initializer_range\": 0.03");
	struct embedder *m, *other;
	struct err e = {0};
	assert_int_equal(embedder_open(&m, GOLDEN_DIR "/embed", &e), 0);
	assert_int_equal(embedder_open(&other, dir, &e), 0);
	assert_int_equal(strlen(embedder_key(m)), 64);
	assert_string_not_equal(embedder_key(m), embedder_key(other));
	embedder_free(m);
	embedder_free(other);
	dir_remove(dir, NULL);
}

/* Every n-th allocation fails, once: an error, never a leak or a crash. */
static void test_no_memory(void **state)
{
	(void)state;
	int rc = -1;
	for (uint64_t n = 1; rc; n++) {
		struct embedder *m;
		struct err e = {0};
		float out[2 * WIDTH];
		fault_set(FAULT_MEM, n, false);
		rc = embedder_open(&m, GOLDEN_DIR "/embed", &e);
		if (!rc)
			rc = embedder_run(m, (const char *const *)golden.text, 2, out, &e);
		fault_set(FAULT_MEM, 0, false);
		assert_true(!rc || e.code == ERR_RESOURCE);
		embedder_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors_of_the_reference), cmocka_unit_test(test_many),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_key), cmocka_unit_test(test_no_memory)};
	if (kern_init(NULL, NULL))
		return 1;
	return cmocka_run_group_tests_name("embed", tests, setup, teardown);
}

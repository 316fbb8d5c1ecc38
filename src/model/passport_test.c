/* The passport of an adapter: accepted by the model that it was written for, refused by name when something of it is another. */
#include "model/test_golden.h"

static void make(const struct model *m, char dir[], char path[PATH_SIZE])
{
	struct err e = {0};
	assert_non_null(mkdtemp(dir));
	check(path_join(path, PATH_SIZE, &e, dir, PASSPORT), &e);
	check(passport_check(m, path, &e), &e); /* there is none yet */
	check(passport_save(m, dir, &e), &e);
	check(passport_check(m, path, &e), &e);
}

static void refused(const struct model *m, const char *path, const char *words)
{
	struct err e = {0};
	assert_int_equal(passport_check(m, path, &e), ERR_DATA);
	assert_non_null(strstr(e.text, path));
	if (!strstr(e.text, words))
		fail_msg("'%s' does not say '%s'", e.text, words);
}

/* Puts `value`, which is taken, at `key`, asks, and puts the old one back. */
static void refused_with(
	const struct model *m, const char *path, json_t *passport, json_t *place, const char *key, json_t *value, const char *words)
{
	struct err e = {0};
	json_t *old = json_incref(json_object_get(place, key));
	assert_non_null(old);
	json_object_set_new(place, key, value);
	check(json_file_write(path, passport, &e), &e);
	refused(m, path, words);
	json_object_set_new(place, key, old);
}

static void test_each_key(void **state)
{
	struct err e = {0};
	char dir[] = "passport_XXXXXX", path[PATH_SIZE];
	json_t *p;
	struct model *m = golden_model("tied");
	(void)state;
	make(m, dir, path);
	check(json_file(&p, path, 1 << 20, &e), &e);
	json_t *ids = json_deep_copy(json_object_get(json_array_get(json_object_get(p, "prompts"), 3), "ids"));
	json_array_append_new(ids, json_integer(5));
	refused_with(m, path, p, p, "base_fingerprint", json_string("00"), "base_fingerprint: expected 00, found ");
	refused_with(m, path, p, p, "base_fingerprint", json_integer(1), "base_fingerprint is missing");
	refused_with(m, path, p, p, "template_sha256", json_string("00"), "template_sha256: expected 00");
	refused_with(m, path, p, p, "end_tokens", json_pack("[i]", 7), "end_tokens: expected [7], found [");
	refused_with(m, path, p, p, "prompts", json_array(), "expected a list of 1 to");
	refused_with(m, path, p, json_array_get(json_object_get(p, "prompts"), 3), "ids", ids, "prompts[3].ids: expected [");
	check(json_file_write(path, p, &e), &e);
	check(passport_check(m, path, &e), &e);
	check(file_replace(path, "{", 1, &e), &e);
	refused(m, path, "JSON");
	json_decref(p);
	check(dir_remove(dir, &e), &e);
	model_free(m);
}

/* The same weights in another order of rows are another base; so is another model. */
static void test_other_base(void **state)
{
	static const char *const others[] = {"tied", "untied", "families/qwen3"};
	struct err e = {0};
	char dir[] = "passport_XXXXXX", path[PATH_SIZE];
	struct model *m = golden_model("untied.gguf");
	(void)state;
	make(m, dir, path);
	for (size_t i = 0; i < 3; i++) {
		struct model *other = golden_model(others[i]);
		refused(other, path, "base_fingerprint");
		model_free(other);
	}
	check(dir_remove(dir, &e), &e);
	model_free(m);
}

/* A bit of each part of the weights makes another base. */
static void test_one_bit(void **state)
{
	static const char *const parts[] = {"token_embd.weight", "output.weight", "output_norm.weight", "blk.0.attn_norm.weight",
		"blk.0.attn_q.weight", "blk.0.attn_output.weight", "blk.0.ffn_down.weight"};
	struct err e = {0};
	struct buf file = {0};
	char dir[] = "passport_XXXXXX", path[PATH_SIZE], changed[PATH_SIZE];
	struct model *m = golden_model("untied.gguf"), *other;
	(void)state;
	make(m, dir, path);
	check(path_join(changed, sizeof changed, &e, dir, "changed.gguf"), &e);
	check(file_read(model_path(m), 1 << 24, &file, &e), &e);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const struct tensor *t = gguf_tensor(model_gguf(m), parts[i]);
		assert_non_null(t);
		char *at = memmem(file.p, file.len, t->data, t->size_bytes);
		assert_non_null(at);
		at[t->size_bytes / 2] ^= 1;
		check(file_replace(changed, file.p, file.len, &e), &e);
		at[t->size_bytes / 2] ^= 1;
		check(model_open(&other, changed, &e), &e);
		refused(other, path, "base_fingerprint");
		model_free(other);
	}
	buf_release(&file);
	check(dir_remove(dir, &e), &e);
	model_free(m);
}

/* Every family has one that it accepts itself: templates, built in or none. */
static void test_every_family(void **state)
{
	static const char *const names[] = {
		"families/gemma3", "families/llama3.gguf", "families/mistral", "families/qwen2.gguf", "families/qwen3.gguf"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct err e = {0};
		char dir[] = "passport_XXXXXX", path[PATH_SIZE];
		struct model *m = golden_model(names[i]);
		make(m, dir, path);
		check(dir_remove(dir, &e), &e);
		model_free(m);
	}
}

/* An adapter is opened with its passport, in its folder or beside its file. */
static void test_adapter(void **state)
{
	struct err e = {0};
	char dir[] = "passport_XXXXXX", path[PATH_SIZE], beside[PATH_SIZE];
	struct model *m = golden_model("untied.gguf"), *other = golden_model("untied");
	struct lora *l = golden_adapter(m, "untied"), *again;
	(void)state;
	make(m, dir, path);
	check(lora_save(l, m, dir, &e), &e);
	check(lora_open(&again, m, dir, &e), &e);
	lora_free(again);
	assert_int_equal(lora_open(&again, other, dir, &e), ERR_DATA);
	assert_null(again);
	check(path_join(beside, sizeof beside, &e, dir, "lora.gguf"), &e);
	check(lora_save_gguf(l, m, beside, &e), &e);
	check(lora_open(&again, other, beside, &e), &e); /* it has none */
	lora_free(again);
	snprintf(path + strlen(dir), PATH_SIZE - strlen(dir), "/lora.gguf." PASSPORT);
	check(file_replace(path, "{}", 2, &e), &e);
	assert_int_equal(lora_open(&again, m, beside, &e), ERR_DATA);
	check(dir_remove(dir, &e), &e);
	lora_free(l);
	model_free(other);
	model_free(m);
}

int main(void)
{
	struct err e = {0};
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_key), cmocka_unit_test(test_other_base),
		cmocka_unit_test(test_one_bit), cmocka_unit_test(test_every_family), cmocka_unit_test(test_adapter)};
	check(kern_init(NULL, &e), &e);
	return cmocka_run_group_tests_name("passport", tests, NULL, NULL);
}

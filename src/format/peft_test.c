/* PEFT folders: what is written is read back and has every key; what attune cannot apply is refused by name. */
#include "format/format.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "format/test_file.h"

#define Q "base_model.model.model.layers.0.self_attn.q_proj"
#define DOWN "base_model.model.model.layers.0.mlp.down_proj"

static const float values[] = {1, 2, 3, 4, 5, 6};
static const struct tensor pairs[] = {
	{Q ".lora_A.weight", DTYPE_F32, 2, {2, 3}, values, 24},
	{Q ".lora_B.weight", DTYPE_F32, 2, {3, 2}, values, 24},
	{DOWN ".lora_A.weight", DTYPE_BF16, 2, {2, 5}, values, 20},
	{DOWN ".lora_B.weight", DTYPE_F16, 2, {1, 2}, values, 4},
};
static const struct peft_config config = {
	.base_model = "org/tiny", .r = 2, .alpha = 4, .use_rslora = true, .targets = {"q_proj", "down_proj"}, .n_targets = 2};

static struct test_dir folder_new(void)
{
	struct test_dir d = test_dir_new();
	struct err e = {0};
	assert_int_equal(peft_write(d.path, &config, pairs, 4, &e), 0);
	return d;
}

static struct buf folder_read(const struct test_dir *d, const char *name)
{
	char path[PATH_SIZE];
	struct buf b = {0};
	assert_int_equal(path_join(path, sizeof path, NULL, d->path, name), 0);
	assert_int_equal(file_read(path, 1 << 20, &b, NULL), 0);
	return b;
}

static void test_round_trip(void **state)
{
	(void)state;
	struct test_dir d = folder_new();
	struct peft_config c;
	struct safetensors *s;
	struct err e = {0};
	assert_int_equal(peft_open(d.path, &c, &s, &e), 0);
	assert_string_equal(c.base_model, "org/tiny");
	assert_int_equal(c.r, 2);
	assert_true(c.alpha > 3.99 && c.alpha < 4.01);
	assert_true(c.use_rslora);
	assert_int_equal(c.n_targets, 2);
	assert_string_equal(c.targets[0], "q_proj");
	assert_string_equal(c.targets[1], "down_proj");
	assert_int_equal(safetensors_n(s), 4);
	assert_memory_equal(safetensors_find(s, Q ".lora_B.weight")->data, values, 24);
	safetensors_close(s);
	test_dir_remove(&d);
}

static void test_config_as_written(void **state)
{
	(void)state;
	static const char expected[] = "{\n"
				       "  \"alpha_pattern\": {},\n"
				       "  \"auto_mapping\": null,\n"
				       "  \"base_model_name_or_path\": \"org/tiny\",\n"
				       "  \"bias\": \"none\",\n"
				       "  \"fan_in_fan_out\": false,\n"
				       "  \"inference_mode\": true,\n"
				       "  \"init_lora_weights\": true,\n"
				       "  \"layers_pattern\": null,\n"
				       "  \"layers_to_transform\": null,\n"
				       "  \"lora_alpha\": 4,\n"
				       "  \"lora_dropout\": 0.0,\n"
				       "  \"modules_to_save\": null,\n"
				       "  \"peft_type\": \"LORA\",\n"
				       "  \"r\": 2,\n"
				       "  \"rank_pattern\": {},\n"
				       "  \"revision\": null,\n"
				       "  \"target_modules\": [\n"
				       "    \"q_proj\",\n"
				       "    \"down_proj\"\n"
				       "  ],\n"
				       "  \"task_type\": \"CAUSAL_LM\",\n"
				       "  \"use_dora\": false,\n"
				       "  \"use_rslora\": true\n"
				       "}\n";
	struct test_dir d = folder_new();
	struct buf text = folder_read(&d, "adapter_config.json");
	assert_string_equal(text.p, expected);
	buf_release(&text);

	struct peft_config c = config; /* a scale that is no integer; a name that is no UTF-8 leaves the old file */
	struct safetensors *s;
	struct err e = {0};
	c.alpha = 0.5;
	assert_int_equal(peft_write(d.path, &c, pairs, 4, &e), 0);
	assert_int_equal(peft_open(d.path, &c, &s, &e), 0);
	assert_true(c.alpha > 0.499 && c.alpha < 0.501);
	safetensors_close(s);
	strcpy(c.base_model, "\xff");
	assert_int_equal(peft_write(d.path, &c, pairs, 4, &e), ERR_FAILED);
	strcpy(c.base_model, "org/tiny");
	strcpy(c.targets[1], "\xff");
	assert_int_equal(peft_write(d.path, &c, pairs, 4, &e), ERR_FAILED);
	assert_int_equal(peft_open(d.path, &c, &s, &e), 0);
	safetensors_close(s);
	test_dir_remove(&d);
}

static void assert_refused(const struct test_dir *d, const char *why)
{
	struct peft_config c;
	struct safetensors *s = (void *)(uintptr_t)d;
	struct err e = {0};
	assert_int_equal(peft_open(d->path, &c, &s, &e), ERR_DATA);
	assert_null(s);
	assert_int_equal(c.r, 0);
	assert_memory_equal(e.text, d->path, strlen(d->path));
	if (!strstr(e.text, why))
		fail_msg("'%s' does not say '%s'", e.text, why);
}

static void test_refused_keys(void **state)
{
	(void)state;
	static const struct {
		const char *keys, *why; /* NULL: accepted */
	} cases[] = {
		{"\"use_dora\": true", "use_dora: got true"},
		{"\"bias\": \"all\"", "bias: got another value"},
		{"\"bias\": null", "bias: got another value"},
		{"\"rank_pattern\": {\"q_proj\": 8}", "rank_pattern: got an object"},
		{"\"alpha_pattern\": {\"q_proj\": 8}", "alpha_pattern: got an object"},
		{"\"modules_to_save\": [\"lm_head\"]", "modules_to_save: got a list"},
		{"\"fan_in_fan_out\": true", "fan_in_fan_out: got true"},
		{"\"lora_bias\": true", "lora_bias: got true"},
		{"\"layer_replication\": [[0, 4]]", "layer_replication: got a list"},
		{"\"trainable_token_indices\": [5]", "trainable_token_indices: got a list"},
		{"\"init_lora_weights\": \"pissa\"", "init_lora_weights: got one that changes the base"},
		{"\"peft_type\": \"IA3\"", "peft_type: got another one"},
		{"\"peft_type\": null", "peft_type: got null"},
		{"\"r\": 0", "r: got a number, expected an integer from 1"},
		{"\"r\": 2.5", "r: got a decimal number"},
		{"\"r\": -1", "r: got a number"},
		{"\"r\": 1000000000", "r: got a number"},
		{"\"r\": \"2\"", "r: got a string"},
		{"\"r\": 3", "expected rank r = 3 as the first of two"},
		{"\"lora_alpha\": null", "lora_alpha: got null"},
		{"\"base_model_name_or_path\": 5", "base_model_name_or_path: got a number"},
		{"\"use_dora\": false, \"bias\": \"none\", \"rank_pattern\": {}, \"modules_to_save\": null", NULL},
		{"\"init_lora_weights\": false, \"lora_bias\": false, \"layers_to_transform\": [0]", NULL},
		{"\"init_lora_weights\": \"gaussian\", \"base_model_name_or_path\": null, \"unknown\": 1", NULL},
	};
	struct test_dir d = folder_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *all = json_pack("{s:s, s:i, s:i}", "peft_type", "LORA", "r", 2, "lora_alpha", 4);
		struct buf text = {0};
		assert_int_equal(buf_printf(&text, NULL, "{%s}", cases[i].keys), 0);
		json_t *keys = json_loads(text.p, 0, NULL);
		assert_non_null(keys);
		assert_int_equal(json_object_update(all, keys), 0);
		char *dumped = json_dumps(all, 0);
		test_dir_put(&d, "adapter_config.json", dumped, strlen(dumped));
		free(dumped);
		json_decref(keys);
		json_decref(all);
		buf_release(&text);
		if (cases[i].why) {
			assert_refused(&d, cases[i].why);
		} else {
			struct peft_config c;
			struct safetensors *s;
			assert_int_equal(peft_open(d.path, &c, &s, NULL), 0);
			safetensors_close(s);
		}
	}
	test_dir_put(&d, "adapter_config.json", "{\"r\": 2,\n\"r\": 2}", 16);
	assert_refused(&d, "adapter_config.json: line 2: JSON: got duplicate object key");
	test_dir_remove(&d);
}

static void test_refused_tensors(void **state)
{
	(void)state;
	static const struct {
		struct tensor t;
		const char *why;
	} bad[] = {
		{{"base_model.model.model.wte.lora_embedding_A", DTYPE_F32, 2, {2, 3}, values, 24},
			"got an embedding, expected LoRA"},
		{{Q ".lora_magnitude_vector", DTYPE_F32, 1, {3}, values, 12}, "q_proj.lora_magnitude_vector': got an unknown name"},
		{{"base_model.model.model.embed_tokens.weight", DTYPE_F32, 2, {2, 3}, values, 24}, "got an embedding"},
		{{"model.layers.0.self_attn.q_proj.lora_A.weight", DTYPE_F32, 2, {2, 3}, values, 24}, "got an unknown name"},
		{{"base_model.model.x.lora_A.weight", DTYPE_F32, 2, {2, 3}, values, 24}, "expected its lora_B too"},
		{{"base_model.model.x.lora_B.weight", DTYPE_F32, 2, {3, 2}, values, 24}, "expected its lora_A too"},
		{{"base_model.model.x.lora_A.weight", DTYPE_F32, 2, {3, 2}, values, 24}, "expected rank r = 2 as the first of two"},
		{{"base_model.model.x.lora_B.weight", DTYPE_F32, 2, {2, 3}, values, 24},
			"expected rank r = 2 as the second of two"},
		{{"base_model.model.x.lora_A.weight", DTYPE_F32, 1, {2}, values, 8}, "in 1 dimensions"},
		{{"base_model.model.x.lora_B.weight", DTYPE_F32, 0, {0}, values, 4}, "in 0 dimensions"},
	};
	struct test_dir d = folder_new();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct tensor t[] = {pairs[0], pairs[1], bad[i].t};
		assert_int_equal(peft_write(d.path, &config, t, 3, NULL), 0);
		assert_refused(&d, bad[i].why);
	}
	assert_int_equal(peft_write(d.path, &config, NULL, 0, NULL), 0);
	assert_refused(&d, "got no tensors, expected an adapter");

	enum { KINDS = 17 };
	char names[2 * KINDS][64];
	struct tensor t[2 * KINDS];
	for (size_t i = 0; i < KINDS; i++) { /* one more kind of module than fits */
		snprintf(names[2 * i], 64, "base_model.model.m%zu.lora_A.weight", i);
		snprintf(names[2 * i + 1], 64, "base_model.model.m%zu.lora_B.weight", i);
		t[2 * i] = (struct tensor){names[2 * i], DTYPE_F32, 2, {2, 3}, values, 24};
		t[2 * i + 1] = (struct tensor){names[2 * i + 1], DTYPE_F32, 2, {3, 2}, values, 24};
	}
	assert_int_equal(peft_write(d.path, &config, t, 2 * KINDS - 2, NULL), 0);
	struct peft_config c;
	struct safetensors *s;
	assert_int_equal(peft_open(d.path, &c, &s, NULL), 0);
	assert_int_equal(c.n_targets, 16);
	assert_string_equal(c.targets[15], "m15");
	safetensors_close(s);
	assert_int_equal(peft_write(d.path, &config, t, 2 * KINDS, NULL), 0);
	assert_refused(&d, "got more than 16 kinds of modules");
	t[0].name = "base_model.model.a.module_with_a_name_of_32_letters.lora_A.weight";
	t[1].name = "base_model.model.a.module_with_a_name_of_32_letters.lora_B.weight";
	assert_int_equal(peft_write(d.path, &config, t, 2, NULL), 0);
	assert_refused(&d, "or a name of 32 bytes or more");
	test_dir_remove(&d);
}

static void test_every_failing_call(void **state)
{
	(void)state;
	for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++) {
		int rc_write = ERR_FAILED, rc_open = ERR_FAILED;
		for (uint64_t nth = 1; rc_write || rc_open; nth++) {
			struct test_dir d = folder_new();
			struct peft_config c;
			struct safetensors *s;
			struct err e = {0};
			fault_set(kind, nth, false);
			rc_write = peft_write(d.path, &config, pairs, 4, &e);
			fault_set(kind, 0, false);
			assert_true(rc_write != ERR_DATA);
			fault_set(kind, nth, false);
			rc_open = peft_open(d.path, &c, &s, &e);
			fault_set(kind, 0, false);
			assert_true(rc_open == 0 || (s == NULL && rc_open == (kind == FAULT_MEM ? ERR_RESOURCE : ERR_FAILED)));
			safetensors_close(s);
			test_dir_remove(&d);
			assert_true(nth < 100);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_config_as_written),
		cmocka_unit_test(test_refused_keys),
		cmocka_unit_test(test_refused_tensors),
		cmocka_unit_test(test_every_failing_call),
	};
	return cmocka_run_group_tests_name("peft", tests, NULL, NULL);
}

/* Configuration keys: defaults, both directions, refusals. */
#include "train/train.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void test_defaults_read_back(void **state)
{
	(void)state;
	struct train_config c, d;
	struct train_key k;
	struct buf text = {0};
	train_config_default(&c);
	memset(&d, 0, sizeof d);
	size_t n = 0;
	for (; train_key_at(n, &k); n++) {
		buf_clear(&text);
		assert_int_equal(train_config_get(&c, k.name, &text, NULL), 0);
		assert_int_equal(train_config_set(&d, k.name, text.p, NULL), 0);
		assert_true(*k.range && *k.help);
	}
	assert_int_equal(n, 26);
	assert_memory_equal(&c, &d, sizeof c);
	assert_int_equal(c.lora_r, 64);
	assert_int_equal(c.lora_targets, (1u << LORA_TARGETS) - 1);
	assert_true(c.shuffle && !c.train_on_inputs && c.learning_rate == 0.0005);
	buf_release(&text);
}

static void test_values(void **state)
{
	(void)state;
	struct train_config c;
	struct buf text = {0};
	train_config_default(&c);
	assert_int_equal(train_config_set(&c, "lora_targets", "v_proj,q_proj", NULL), 0);
	assert_int_equal(c.lora_targets, 1u << LORA_Q | 1u << LORA_V);
	assert_int_equal(train_config_get(&c, "lora_targets", &text, NULL), 0);
	assert_string_equal(text.p, "q_proj,v_proj");
	assert_int_equal(train_config_set(&c, "seed", "18446744073709551615", NULL), 0);
	assert_true(c.seed == UINT64_MAX);
	assert_int_equal(train_config_set(&c, "lr_scheduler", "constant", NULL), 0);
	assert_int_equal(c.lr_scheduler, SCHEDULER_CONSTANT);
	buf_release(&text);
}

static void test_refusals(void **state)
{
	(void)state;
	static const char *const bad[][2] = {
		{"lora_r", "0"},
		{"lora_r", "1025"},
		{"lora_r", "2.5"},
		{"lora_r", ""},
		{"lora_r", "8x"},
		{"lora_r", "nan"},
		{"lora_r", "1e99"},
		{"learning_rate", "-1e-4"},
		{"learning_rate", "inf"},
		{"warmup_ratio", "1.5"},
		{"seed", "-1"},
		{"seed", " 1"},
		{"seed", "18446744073709551616"},
		{"shuffle", "yes"},
		{"lr_scheduler", "Cosine"},
		{"finetuning_type", "full"},
		{"lora_targets", ""},
		{"lora_targets", "q"},
		{"lora_targets", "q_proj v_proj"},
		{"lora_targets", ",q_proj"},
		{"learningrate", "1"},
		{"", ""},
	};
	struct train_config before, c;
	train_config_default(&before);
	c = before;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		assert_int_equal(train_config_set(&c, bad[i][0], bad[i][1], &e), ERR_USAGE);
		assert_true(e.text[0] && !strncmp(e.text, bad[i][0], strlen(bad[i][0])));
		assert_memory_equal(&before, &c, sizeof c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_read_back),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

/* The ledger against what a run really holds, and the choice of what is recomputed: never above the limit, no more than needed, refused below the least. */
#include "train/memory.h"

#include "train/test_trainer.h"

#define LAYERS_3 GOLDEN_DIR "/families/gemma3.gguf"

static struct memory_case case_plain(const struct model *m)
{
	struct memory_case c = {.model = m,
		.lora = {.r = 8, .alpha = 8, .targets = (1u << LORA_TARGETS) - 1},
		.max_tokens = 512,
		.window = 4,
		.data_bytes = 1 << 20,
		.held_bytes = 20 << 20,
		.validates = true,
		.scored = 1};
	c.n_params = lora_size(m, &c.lora);
	return c;
}

static struct model *model_3(void)
{
	struct model *m;
	assert_ok(kern_init(NULL, &err));
	assert_ok(model_open(&m, LAYERS_3, &err));
	assert_int_equal(model_config(m)->n_layers, 3);
	return m;
}

static void test_parts(void **state)
{
	(void)state;
	struct model *m = model_3();
	struct memory_case c = case_plain(m);
	struct train_memory plain = {0}, other = {0};
	struct lora *l;
	size_t sum = 0;
	memory_count(&plain, &c, 0);
	for (int i = 0; i < MEMORY_PARTS; i++)
		sum += plain.part[i];
	assert_int_equal(sum, plain.bytes);
	assert_int_equal(
		plain.part[MEMORY_PROGRAM] + plain.part[MEMORY_WEIGHTS] + plain.part[MEMORY_ROWS], c.held_bytes + (5 << 20));
	assert_int_equal(plain.part[MEMORY_WEIGHTS], model_bytes(m));
	assert_ok(lora_new(&l, m, &c.lora, 1, &err));
	assert_int_equal(plain.part[MEMORY_ADAPTER], l->n_params * sizeof(float));
	lora_free(l);
	assert_int_equal(plain.part[MEMORY_GRADIENTS], 3 * plain.part[MEMORY_ADAPTER]); /* a tree over four */
	assert_int_equal(plain.part[MEMORY_MOMENTS], 2 * plain.part[MEMORY_ADAPTER]);
	assert_int_equal(plain.part[MEMORY_BEST], plain.part[MEMORY_ADAPTER]);
	assert_int_equal(plain.part[MEMORY_TEACHER], 0);

	c.distills = true;
	c.validates = false;
	c.max_tokens = 1024;
	memory_count(&other, &c, 0);
	assert_int_equal(other.part[MEMORY_TEACHER], 1024 * model_config(m)->C * sizeof(float));
	assert_int_equal(other.part[MEMORY_BEST], 0);
	double ratio = (double)other.part[MEMORY_LAYERS] / (double)plain.part[MEMORY_LAYERS];
	assert_true(ratio > 1.99 && ratio < 2.01);
	model_free(m);
}

static void test_choice(void **state)
{
	(void)state;
	struct model *m = model_3();
	struct memory_case c = case_plain(m);
	struct train_config config = config_small();
	struct train_memory by[3], got;
	for (size_t n = 0; n < 3; n++)
		memory_count(&by[n], &c, n);
	assert_true(by[0].bytes > by[1].bytes && by[1].bytes > by[2].bytes);
	assert_true(
		by[0].more_time == 0 && by[1].more_time > 0 && by[2].more_time > 1.9 * by[1].more_time && by[2].more_time < 0.5);
	for (size_t limit = by[0].bytes + 4096, before = 0; limit >= by[2].bytes; limit -= 4096) {
		assert_ok(memory_choose(&got, &c, &config, limit, "free here", &err));
		assert_true(got.bytes <= limit && got.limit_bytes == limit);
		assert_true(got.n_recomputed >= before && (!got.n_recomputed || by[got.n_recomputed - 1].bytes > limit));
		before = got.n_recomputed;
	}
	assert_int_equal(got.n_recomputed, 2);
	for (size_t n = 0; n < 3; n++) {
		assert_ok(memory_choose(&got, &c, &config, by[n].bytes, "free here", &err));
		assert_int_equal(got.n_recomputed, n);
	}
	model_free(m);
}

static void test_refusal(void **state)
{
	(void)state;
	struct model *m = model_3();
	struct memory_case c = case_plain(m);
	struct train_config config = config_small();
	struct train_memory least, got;
	char expected[256];
	memory_count(&least, &c, 2);
	config.micro_batch_size = 1;
	assert_int_equal(memory_choose(&got, &c, &config, least.bytes - 1, "what --memory allows", &err), ERR_RESOURCE);
	snprintf(expected, sizeof expected,
		"training needs at least %zu MB of memory, even with 2 of 3 layers recomputed, and %zu MB are what --memory "
		"allows; "
		"lower sequence_len (now 64) or lora_r (now 8)",
		(least.bytes >> 20) + 1, (least.bytes - 1) >> 20);
	if (strncmp(err.text, expected, strlen(expected)) != 0)
		fail_msg("%s", err.text);
	config.micro_batch_size = 4;
	assert_int_equal(memory_choose(&got, &c, &config, 1, "free here", &err), ERR_RESOURCE);
	assert_non_null(strstr(err.text, "0 MB are free here; lower micro_batch_size (now 4), sequence_len"));
	model_free(m);
}

static void test_text(void **state)
{
	(void)state;
	struct train_memory m = {.bytes = (611 << 20) + 5, .limit_bytes = (size_t)700 << 20, .n_layers = 30};
	char text[128];
	memory_text(text, sizeof text, &m);
	assert_string_equal(text, "612 MB predicted of 700 MB: all 30 layers kept");
	m.n_recomputed = 18;
	m.more_time = 0.214;
	memory_text(text, sizeof text, &m);
	assert_string_equal(text, "612 MB predicted of 700 MB: 18 of 30 layers recomputed, about 21 % more time");
	m.limit_bytes = SIZE_MAX;
	memory_text(text, sizeof text, &m);
	assert_string_equal(text, "612 MB predicted: 18 of 30 layers recomputed, about 21 % more time");
}

/* A wide adapter and long rows on the tiny model: what the process holds after two steps is what was predicted before any of it was made. */
static void test_measured(void **state)
{
	(void)state;
	struct train_config c = config_small();
	struct trainer t = {.c = &c};
	struct metrics_line line;
	assert_ok(kern_init(NULL, &err));
	assert_ok(model_open(&model, TIED, &err));
	t.model = model;
	c.lora_r = 256;
	c.sequence_len = 512;
	c.micro_batch_size = 32;
	c.gradient_accumulation_steps = 2;
	synthetic_dataset(&t.train, 1, 128, 500);
	synthetic_dataset(&t.valid, 2, 2, 500);
	trainer_start(&t, 0.05f);
	for (int i = 0; i < 2; i++)
		assert_ok(trainer_step(&t, &line, &err));
	assert_true(t.memory.bytes > (size_t)100 << 20);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they hold as much again */
	double ratio = (double)t.memory.bytes / (double)rss_bytes();
	if (ratio < 0.95 || ratio > 1.05)
		fail_msg("predicted %zu MB, held %zu MB", t.memory.bytes >> 20, rss_bytes() >> 20);
#endif
	trainer_release(&t);
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_measured),
	};
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}

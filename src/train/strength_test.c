/*
 * The strength of an adapter: what it costs on general rows stays within max_forgetting, and the adapter is weakened no more than
 * that takes.
 */
#include "train/strength.h"

#include "train/test_trainer.h"

/* An adapter whose B is noise of the given size, with `n_general` general rows to measure it on. */
static void trainer_make(struct trainer *t, struct train_config *c, float noise, size_t n_general, double max_forgetting)
{
	train_config_default(c);
	c->lora_r = 4;
	c->lora_alpha = 4;
	c->sequence_len = 64;
	c->max_forgetting = max_forgetting;
	*t = (struct trainer){.model = model, .c = c};
	synthetic_dataset(&t->train, 1, 3, 30);
	synthetic_dataset(&t->valid, 2, n_general + 2, 60);
	for (size_t i = 0; i < n_general; i++)
		t->valid.samples[i + 1].distill = true; /* the first and the last stay */
	size_t n_tokens = t->valid.n_tokens;
	assert_ok(dataset_take_distilled(&t->valid, &t->general, &err));
	assert_int_equal(t->valid.n, 2);
	assert_int_equal(t->valid.line[1], n_general + 2);
	assert_int_equal(t->general.n, n_general);
	assert_int_equal(t->valid.n_tokens + t->general.n_tokens, n_tokens);
	trainer_start(t, noise);
}

/* Weakened to the largest twentieth that keeps to the limit: there it does, a twentieth more does not. */
static void test_limit(void **state)
{
	(void)state;
	struct trainer t;
	struct train_config c;
	struct train_result result = {0};
	double base, loss, full;
	trainer_make(&t, &c, 0.1f, 9, 0);
	assert_ok(trainer_general(&t, NULL, &base, &err));
	assert_ok(trainer_general(&t, t.lora, &full, &err));
	assert_true(full > base * 1.001);
	struct lora before = *t.lora;
	before.params = mem_alloc(before.n_params, sizeof *before.params, &err);
	memcpy(before.params, t.lora->params, before.n_params * sizeof *before.params);
	c.max_forgetting = 0.85 * (full / base - 1);
	assert_ok(strength_choose(&t, &result, &err));
	assert_true(result.strength > 0.5 && result.strength < 1);
	assert_true(result.general_loss_base == base);
	assert_ok(trainer_general(&t, t.lora, &loss, &err));
	assert_true(fabs(loss - result.general_loss) < 1e-3 * loss); /* B was rounded otherwise than the scale */
	assert_true(result.general_loss <= base * (1 + c.max_forgetting));
	before.scale *= (float)result.strength + 0.05f;
	assert_ok(trainer_general(&t, &before, &loss, &err));
	assert_true(loss > base * (1 + c.max_forgetting));
	for (size_t i = 0; i < before.n_params; i++) {
		const struct lora_slot *s = &before.slot[0];
		bool is_a = i >= s->a && i < s->a + 4 * s->n_in;
		if (i >= s->bt && i < s->bt + 4 * s->n_out)
			assert_true(fabs((double)t.lora->params[i] - result.strength * (double)before.params[i]) < 1e-6);
		else if (is_a)
			assert_true(t.lora->params[i] == before.params[i]);
	}
	mem_free(before.params);
	trainer_release(&t);
}

/* No more than half is ever taken away. */
static void test_least(void **state)
{
	(void)state;
	struct trainer t;
	struct train_config c;
	struct train_result result = {0};
	trainer_make(&t, &c, 0.1f, 9, 0);
	assert_ok(strength_choose(&t, &result, &err));
	assert_true(result.strength == 0.5);
	assert_true(result.general_loss > result.general_loss_base);
	trainer_release(&t);
}

/* An adapter that costs little, and one that nothing measures, stay as they are. */
static void test_kept(void **state)
{
	(void)state;
	for (int general = 0; general < 2; general++) {
		struct trainer t;
		struct train_config c;
		struct train_result result = {0};
		trainer_make(&t, &c, 0.2f, general ? 5 : 0, general ? 100 : 0);
		float first = t.lora->params[t.lora->slot[0].bt];
		assert_ok(strength_choose(&t, &result, &err));
		assert_true(result.strength == 1);
		assert_true(t.lora->params[t.lora->slot[0].bt] == first);
		assert_int_equal(isfinite(result.general_loss) != 0, general);
		trainer_release(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_kept),
	};
	log_set_level(LOG_ERROR);
	omp_set_num_threads(1);
	if (kern_init(NULL, &err) || model_open(&model, TIED, &err)) {
		print_error("%s\n", err.text);
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	model_free(model);
	return failed;
}

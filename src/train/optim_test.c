/*
 * The arithmetic around the optimizer, against transformers and PyTorch (tests/golden, made by make_golden.py), and the tree in which
 * gradients are added.
 */
#include "train/optim.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- learning rate ---------------------------------------------------------------------------------------------------------- */

static void test_cosine_golden(void **state)
{
	(void)state;
	json_t *runs = json_load_file(GOLDEN_DIR "/schedule.json", 0, NULL), *run, *lr;
	size_t i, step;
	assert_true(json_array_size(runs) >= 4);
	json_array_foreach (runs, i, run) {
		struct train_config c;
		double total = json_number_value(json_object_get(run, "steps"));
		train_config_default(&c);
		c.learning_rate = json_number_value(json_object_get(run, "lr"));
		c.warmup_ratio = json_number_value(json_object_get(run, "warmup")) / total;
		json_array_foreach (json_object_get(run, "lrs"), step, lr)
			assert_true(fabs(lr_at(&c, step, (size_t)total) - json_number_value(lr)) <= 1e-12 * c.learning_rate);
		assert_int_equal(step, (size_t)total); /* the last step's rate too */
	}
	json_decref(runs);
}

static void test_linear_and_constant(void **state)
{
	(void)state;
	struct train_config c;
	train_config_default(&c);
	c.learning_rate = 1;
	c.warmup_ratio = 0.2;
	c.lr_scheduler = SCHEDULER_LINEAR; /* get_linear_schedule_with_warmup(2, 10) */
	static const double linear[] = {0, 0.5, 1, 7. / 8, 6. / 8, 5. / 8, 4. / 8, 3. / 8, 2. / 8, 1. / 8};
	for (size_t i = 0; i < 10; i++)
		assert_true(fabs(lr_at(&c, i, 10) - linear[i]) < 1e-12);
	c.lr_scheduler = SCHEDULER_CONSTANT;
	for (size_t i = 0; i < 10; i++)
		assert_true(lr_at(&c, i, 10) == (i == 0 ? 0 : i == 1 ? 0.5 : 1));
}

static void test_clip(void **state)
{
	(void)state;
	assert_true(clip_scale(0.5, 1) == 1);
	assert_true(fabs(clip_scale(4, 1) - 0.25) < 1e-6);
	assert_true(clip_scale(4, 1) < 0.25); /* torch divides by norm + 1e-6 */
	assert_true(clip_scale(1e9, 0) == 1);
	assert_true(clip_scale(0, 1) == 1);
}

/* ---- AdamW ------------------------------------------------------------------------------------------------------------------ */

/* Ten steps of torch.optim.AdamW on given gradients. */
static void adamw_trace(const struct kern *k, const struct safetensors *golden, const char *name, double weight_decay)
{
	enum { MAX = 64 };
	char key[64];
	float w[MAX], m[MAX] = {0}, v[MAX] = {0};
	snprintf(key, sizeof key, "%s.00", name);
	const struct tensor *t = safetensors_find(golden, key);
	assert_non_null(t);
	size_t n = t->size_bytes / sizeof(float);
	assert_in_range(n, 1, MAX);
	memcpy(w, t->data, t->size_bytes);
	for (int step = 1; step <= 10; step++) {
		snprintf(key, sizeof key, "%s.grad.%02d", name, step);
		const float *g = safetensors_find(golden, key)->data;
		snprintf(key, sizeof key, "lr.%02d", step);
		const struct adamw o = {.learning_rate = *(const float *)safetensors_find(golden, key)->data,
			.beta1 = 0.9f,
			.beta2 = 0.999f,
			.epsilon = 1e-8f,
			.weight_decay = (float)weight_decay,
			.grad_scale = 1,
			.bias1 = (float)(1 - pow(0.9, step)),
			.bias2 = (float)(1 - pow(0.999, step))};
		k->adamw(w, m, v, g, n, &o);
		snprintf(key, sizeof key, "%s.%02d", name, step);
		const float *expected = safetensors_find(golden, key)->data;
		for (size_t i = 0; i < n; i++)
			assert_true(fabsf(w[i] - expected[i]) <= 2e-6f * fmaxf(1, fabsf(expected[i])));
	}
}

static void test_adamw_golden(void **state)
{
	(void)state;
	struct safetensors *golden;
	assert_int_equal(safetensors_open(&golden, GOLDEN_DIR "/adamw.safetensors", NULL), 0);
	for (const struct kern *const *k = kern_available(); *k; k++) {
		adamw_trace(*k, golden, "decayed", 0.1);
		adamw_trace(*k, golden, "plain", 0);
	}
	safetensors_close(golden);
}

/* ---- gradient tree ---------------------------------------------------------------------------------------------------------- */

/* What the tree is defined as: split at the largest power of two below n. */
static float tree_sum(const float *x, size_t n)
{
	if (n == 1)
		return x[0];
	size_t left = 1;
	while (left * 2 < n)
		left *= 2;
	return tree_sum(x, left) + tree_sum(x + left, n - left);
}

/* Every count of micro-batches gives the bits of the definition, with no more vectors than promised. */
static void test_grad_tree(void **state)
{
	(void)state;
	enum { MAX = 37, N = 3 };
	float x[N][MAX];
	struct rng r;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < MAX; k++)
			x[i][k] = rng_normal(&r);
	for (size_t max = 1; max <= MAX; max++) {
		struct grad_tree t;
		assert_int_equal(grad_tree_init(&t, N, max, NULL), 0);
		for (size_t n = max; n >= 1; n = n > 1 ? n / 2 : 0) { /* shorter windows reuse the tree */
			grad_tree_reset(&t);
			for (size_t k = 0; k < n; k++) {
				assert_true(t.depth < t.capacity);
				for (int i = 0; i < N; i++)
					grad_tree_next(&t)[i] = x[i][k];
				grad_tree_push(&t);
			}
			const float *sum = grad_tree_sum(&t);
			for (int i = 0; i < N; i++)
				assert_true(sum[i] == tree_sum(x[i], n));
		}
		grad_tree_release(&t);
	}
}

static void test_grad_tree_without_memory(void **state)
{
	(void)state;
	for (uint64_t nth = 1; nth <= 4; nth++) {
		struct grad_tree t;
		struct err e;
		fault_set(FAULT_MEM, nth, false);
		assert_int_equal(grad_tree_init(&t, 8, 4, &e), ERR_RESOURCE);
		grad_tree_release(&t);
	}
	fault_set(FAULT_MEM, 0, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cosine_golden),
		cmocka_unit_test(test_linear_and_constant),
		cmocka_unit_test(test_clip),
		cmocka_unit_test(test_adamw_golden),
		cmocka_unit_test(test_grad_tree),
		cmocka_unit_test(test_grad_tree_without_memory),
	};
	return cmocka_run_group_tests_name("optim", tests, NULL, NULL);
}

/* For tests of the trainer: the small random Llama of tests/golden/tied, adapters that are alive, distances of gradients. */
#ifndef ATTUNE_TRAIN_TEST_TRAINER_H
#define ATTUNE_TRAIN_TEST_TRAINER_H

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "train/test_rows.h"
#include "train/trainer.h"

#define TIED GOLDEN_DIR "/tied"

static struct model *model;
static struct err err;

#define assert_ok(call)                                      \
	do {                                                 \
		if ((call) != 0)                             \
			fail_msg("%s: %s", #call, err.text); \
	} while (0)

/* Small adapters, rows in the order of the file, the same rate for A and B from the first step to the last. */
static inline struct train_config config_small(void)
{
	struct train_config c;
	train_config_default(&c);
	c.lora_r = 4;
	c.lora_alpha = 8;
	c.sequence_len = 64;
	c.shuffle = false;
	c.warmup_ratio = 0;
	c.lr_scheduler = SCHEDULER_CONSTANT;
	c.loraplus_lr_ratio = 1;
	return c;
}

/* Prepares t, whose data sets and configuration are there, and draws B with the given deviation, so that every gradient is alive. */
static inline void trainer_start(struct trainer *t, float deviation)
{
	struct rng r;
	assert_ok(trainer_prepare(t, NULL, ".", &err));
	rng_init(&r, 3, RNG_DATA, 0, 0);
	for (size_t i = 0; i < t->lora->n_params; i++)
		if (t->lora->params[i] == 0)
			t->lora->params[i] = deviation * rng_normal(&r);
}

/* The gradient of the step that was taken last. */
static inline const float *last_gradient(const struct trainer *t)
{
	return t->tree.stack[0];
}

/* |a - b| / |b| */
static inline double distance(const float *a, const float *b, size_t n)
{
	double d = 0, s = 0;
	for (size_t i = 0; i < n; i++) {
		d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
		s += (double)b[i] * (double)b[i];
	}
	return sqrt(d / s);
}

/* ---- every path ---------------------------------------------------------------------------------------------------------------- */

struct path_test {
	const char *name;
	CMUnitTestFunction function;
	bool once; /* slow: on the best path alone */
};

static inline int path_enter(void **state)
{
	if (!kern_init(*state, &err) && !model_open(&model, TIED, &err))
		return 0;
	print_error("%s\n", err.text);
	return 1;
}

static inline int path_leave(void **state)
{
	(void)state;
	model_free(model);
	return 0;
}

/* Each test once on each path of this CPU, named test.path, in one thread: how many does not matter here. What main returns. */
static inline int run_on_paths(const char *group, const struct path_test *tests, size_t n_tests)
{
	enum { CASES_MAX = 128 };
	static char names[CASES_MAX][64];
	struct CMUnitTest cases[CASES_MAX];
	size_t n = 0;
	for (const struct kern *const *k = kern_available(); *k; k++)
		for (size_t i = 0; i < n_tests; i++) {
			if (tests[i].once && k != kern_available())
				continue;
			assert_true(n < CASES_MAX);
			snprintf(names[n], sizeof names[n], "%s.%s", tests[i].name, (*k)->name);
			cases[n] = (struct CMUnitTest){.name = names[n],
				.test_func = tests[i].function,
				.setup_func = path_enter,
				.teardown_func = path_leave,
				.initial_state = (void *)(uintptr_t)(*k)->name};
			n++;
		}
	log_set_level(LOG_ERROR);
	omp_set_num_threads(1);
	return _cmocka_run_group_tests(group, cases, n, NULL, NULL);
}

#endif

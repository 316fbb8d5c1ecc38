/* Intervals and tests against published and exact values. */
#include "eval/stats.h"

#include <setjmp.h>
#include <math.h>

#include <cmocka.h>

static void assert_near(double a, double b, double tolerance)
{
	if (!(fabs(a - b) <= tolerance))
		fail_msg("%.12g is not %.12g", a, b);
}

/* 81/263, 15/148 and 1/29: Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3. */
static void test_wilson(void **state)
{
	(void)state;
	static const struct {
		size_t k, n;
		double low, high;
	} c[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {1, 29, 0.0061, 0.1718}, {0, 10, 0, 0.2775},
		{10, 10, 0.7225, 1}};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct eval_estimate e = eval_share(c[i].k, c[i].n);
		assert_near(e.value, (double)c[i].k / (double)c[i].n, 0);
		assert_near(e.low, c[i].low, 5e-5);
		assert_near(e.high, c[i].high, 5e-5);
	}
	assert_true(isnan(eval_share(0, 0).value));
}

/* 2 * sum over i <= min(b, c) of C(b + c, i) / 2^(b + c), in integers (Python's math.comb). */
static void test_mcnemar(void **state)
{
	(void)state;
	static const struct {
		size_t b, c;
		double p;
	} c[] = {{0, 0, 1}, {0, 5, 0.0625}, {5, 0, 0.0625}, {1, 9, 0.021484375}, {10, 25, 0.01667384780012071}, {7, 7, 1},
		{121, 59, 4.434449263755176e-06}};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++)
		assert_near(stats_mcnemar(c[i].b, c[i].c), c[i].p, 1e-12 + 1e-9 * c[i].p);
}

enum { N = 200, COPIES = 5 };

/* Questions of which the base has every fourth right and the tuned model every second or so. */
static struct stats_item item_make(size_t i)
{
	return (struct stats_item){.cluster = i, .top = {i % 4 == 0, i % 7 < 4}, .bottom = {1, 1}};
}

/* With independent items the percentile interval of a mean is close to mean +- 1.96 sd / sqrt(n). */
static void test_bootstrap(void **state)
{
	(void)state;
	struct stats_item item[N];
	struct stats_paired p;
	struct err e = {0};
	double sum = 0, squares = 0;
	for (size_t i = 0; i < N; i++) {
		item[i] = item_make(i);
		double d = item[i].top[1] - item[i].top[0];
		sum += d;
		squares += d * d;
	}
	double mean = sum / N, half = 1.96 * sqrt((squares / N - mean * mean) / N);
	assert_int_equal(stats_bootstrap(item, N, N, &p, &e), 0);
	assert_near(p.change.value, mean, 1e-12);
	assert_near(p.change.low, mean - half, half / 8);
	assert_near(p.change.high, mean + half, half / 8);
	assert_near(p.relative.value, p.tuned.value / p.base.value - 1, 1e-12);
	assert_true(p.base.low < p.base.value && p.base.value < p.base.high);
	assert_int_equal(p.base.n, N);
}

/* Copies of an item in its own cluster add no certainty; as clusters of their own they would. */
static void test_clusters(void **state)
{
	(void)state;
	struct stats_item item[N], copies[N * COPIES];
	struct stats_paired one, many, alone;
	struct err e = {0};
	for (size_t i = 0; i < N * COPIES; i++)
		copies[i] = item_make(i / COPIES);
	for (size_t i = 0; i < N; i++)
		item[i] = item_make(i);
	assert_int_equal(stats_bootstrap(item, N, N, &one, &e), 0);
	assert_int_equal(stats_bootstrap(copies, N * COPIES, N * COPIES, &many, &e), 0);
	assert_near(many.change.low, one.change.low, 1e-12);
	assert_near(many.change.high, one.change.high, 1e-12);
	for (size_t i = 0; i < N * COPIES; i++)
		copies[i].cluster = i;
	assert_int_equal(stats_bootstrap(copies, N * COPIES, N * COPIES, &alone, &e), 0);
	assert_true(alone.change.high - alone.change.low < 0.6 * (one.change.high - one.change.low));
	for (size_t i = 0; i < N; i++)
		item[i].cluster = 3; /* one cluster: its items are drawn */
	assert_int_equal(stats_bootstrap(item, N, N, &many, &e), 0);
	assert_near(many.change.low, one.change.low, 1e-12);
}

/* Nothing measured is NaN, and so is the interval of one item. */
static void test_little(void **state)
{
	(void)state;
	struct stats_item item[2] = {{.cluster = 0, .top = {1, 2}, .bottom = {4, 4}}, {.cluster = 1}};
	struct stats_paired p;
	struct err e = {0};
	assert_int_equal(stats_bootstrap(item, 0, 2, &p, &e), 0);
	assert_true(isnan(p.change.value) && isnan(p.change.low));
	assert_int_equal(stats_bootstrap(item, 1, 2, &p, &e), 0);
	assert_near(p.change.value, 0.25, 0);
	assert_true(isnan(p.change.low) && isnan(p.change.high));
	assert_int_equal(stats_bootstrap(item, 2, 2, &p, &e), 0); /* draws without the first item are left out */
	assert_near(p.change.low, 0.25, 1e-12);
	fault_set(FAULT_MEM, 2, false);
	assert_int_equal(stats_bootstrap(item, 2, 2, &p, &e), ERR_RESOURCE);
	fault_set(FAULT_MEM, 0, false);
}

/* R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"). */
static void test_holm(void **state)
{
	(void)state;
	double p[] = {0.01, NAN, 0.04, 0.03, 0.005};
	const double want[] = {0.03, NAN, 0.06, 0.06, 0.02};
	stats_holm(p, 5);
	for (size_t i = 0; i < 5; i++)
		if (!isnan(want[i]))
			assert_near(p[i], want[i], 1e-15);
	assert_true(isnan(p[1]));
	double large[] = {0.6, 0.7};
	stats_holm(large, 2);
	assert_near(large[0], 1, 0);
	assert_near(large[1], 1, 0);
}

/* p and the error of a mean are close to those of the normal test. */
static void test_error(void **state)
{
	(void)state;
	struct stats_item item[N];
	struct stats_paired p;
	struct err e = {0};
	for (size_t i = 0; i < N; i++) /* 35 gain, 20 lose */
		item[i] = (struct stats_item){i, {i < 20, i >= 20 && i < 55}, {1, 1}};
	double mean = 15.0 / N, error = sqrt((55.0 / N - mean * mean) / N);
	assert_int_equal(stats_bootstrap(item, N, N, &p, &e), 0);
	assert_near(p.error, error, error / 20);
	assert_near(p.p, erfc(mean / error / sqrt(2)), 0.01);
	assert_near(stats_detectable(p.error), 2.8016 * p.error, 1e-3 * p.error);
	for (size_t i = 0; i < N; i++)
		item[i].top[0] = item[i].top[1] = 1;
	assert_int_equal(stats_bootstrap(item, N, N, &p, &e), 0);
	assert_near(p.p, 1, 0);
	assert_true(isnan(stats_detectable(p.error)));
}

/*
 * Documents differ in how well each arm answers on them: 1 to 5 questions each, right with a chance of 0.2 + U/2 in one arm and of 0.1 + V/10 more
 * in the other, U and V uniform, so that the truth is 0.15. How often does the interval hold it?
 */
static double coverage(size_t n_clusters, uint32_t runs)
{
	struct stats_item item[500];
	struct err e = {0};
	size_t held = 0;
	assert_true(5 * n_clusters <= sizeof item / sizeof *item);
	for (uint32_t run = 0; run < runs; run++) {
		struct stats_paired p;
		struct rng r;
		size_t n = 0;
		rng_init(&r, 7, RNG_DATA, run, (uint32_t)n_clusters);
		for (size_t c = 0; c < n_clusters; c++) {
			float base = 0.2F + rng_uniform(&r) / 2, tuned = base + 0.1F + rng_uniform(&r) / 10;
			for (uint32_t k = 1 + rng_below(&r, 5); k; k--) {
				bool was = rng_uniform(&r) < base, is = rng_uniform(&r) < tuned;
				item[n++] = (struct stats_item){c, {was, is}, {1, 1}};
			}
		}
		assert_int_equal(stats_bootstrap(item, n, n_clusters, &p, &e), 0);
		held += p.change.low <= 0.15 && 0.15 <= p.change.high;
	}
	return (double)held / runs;
}

static void test_coverage(void **state)
{
	(void)state;
	double many = coverage(100, 600), few = coverage(30, 600);
	print_message(
		"# the 95 %% interval holds the truth in %.1f %% with 100 documents, %.1f %% with 30\n", 100 * many, 100 * few);
	assert_near(many, 0.95, 0.02);
	assert_true(few >= 0.92);
}

/* A ratio of sums is what the paired draws give of their first arm; two clusters of 0 and 1 are drawn as 0, 1/2 or 1. */
static void test_ratio(void **state)
{
	(void)state;
	const struct eval_part part[] = {{0, 0, 2}, {0, 0, 1}, {1, 3, 3}}, one[] = {{3, 2, 4}};
	const struct stats_item item[] = {{0, {0}, {2}}, {0, {0}, {1}}, {1, {3}, {3}}};
	struct eval_estimate v;
	struct stats_paired p;
	struct err e = {0};
	assert_int_equal(eval_ratio(part, 3, 2, &v, &e), 0);
	assert_int_equal(stats_bootstrap(item, 3, 2, &p, &e), 0);
	assert_near(v.value, 0.5, 0);
	assert_near(v.low, 0, 0);
	assert_near(v.high, 1, 0);
	assert_memory_equal(&v, &p.base, sizeof v);
	assert_int_equal(eval_ratio(one, 1, 4, &v, &e), 0);
	assert_near(v.value, 0.5, 0);
	assert_true(isnan(v.low) && isnan(v.high));
	assert_int_equal(eval_ratio(NULL, 0, 0, &v, &e), 0);
	assert_true(isnan(v.value) && !v.n);
}

/* What was not measured is null. */
static void test_json(void **state)
{
	(void)state;
	const struct eval_estimate s = {2, 4, 0.5, NAN, INFINITY};
	json_t *o = eval_estimate_json(&s);
	char *text = json_dumps(o, JSON_SORT_KEYS);
	assert_string_equal(text, "{\"high\": null, \"k\": 2, \"low\": null, \"n\": 4, \"value\": 0.5}");
	free(text);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wilson),
		cmocka_unit_test(test_mcnemar),
		cmocka_unit_test(test_bootstrap),
		cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_holm),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}

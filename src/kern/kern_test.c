/* The choice of the path; and what belongs to no layer: adamw, the sum of squares. */
#include "test_kern.h"

#include <stdlib.h>

static void expect_refusal(const char *name)
{
	struct err e = {0};
	assert_int_equal(kern_init(name, &e), ERR_USAGE);
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.text, "pentium"));
	for (const struct kern *const *p = kern_available(); *p; p++)
		if (!strstr(e.text, (*p)->name))
			fail_msg("the refusal does not name %s: %s", (*p)->name, e.text);
}

static void test_init(void **state)
{
	(void)state;
	const struct kern *const *available = kern_available();
	size_t n = 0;
	assert_null(kern); /* this test runs first */
	for (; available[n]; n++) {
		struct err e = {0};
		assert_int_equal(kern_init(available[n]->name, &e), 0);
		assert_ptr_equal(kern, available[n]);
		assert_int_equal(setenv("ATTUNE_CPU", available[n]->name, 1), 0);
		kern = NULL;
		assert_int_equal(kern_init(NULL, &e), 0);
		assert_ptr_equal(kern, available[n]);
		assert_true(kern_scratch_bytes() > 0);
	}
	assert_true(n > 0);
	assert_string_equal(available[n - 1]->name, "ref"); /* best first */

	assert_int_equal(setenv("ATTUNE_CPU", "pentium", 1), 0);
	expect_refusal(NULL);
	assert_int_equal(kern_init("ref", NULL), 0); /* a name goes before the environment */
	assert_string_equal(kern->name, "ref");

	assert_int_equal(unsetenv("ATTUNE_CPU"), 0);
	expect_refusal("pentium");
	assert_int_equal(kern_init(NULL, NULL), 0);
	assert_ptr_equal(kern, available[0]);
	assert_non_null(kern_cpu_features());
}

/*
 * Five steps against the paper's algorithm in double, with everything that can be forgotten set: decay, scale, both corrections, an
 * epsilon as large as the gradient. A weight keeps some roundings of 6e-8 from each step.
 */
static void test_adamw(void **state)
{
	(void)state;
	static const size_t ns[] = {0, 1, 7, 16, 17, 10007};
	struct rng r;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	for (size_t k = 0; k < sizeof ns / sizeof *ns; k++) {
		size_t n = ns[k];
		const float *start = floats_random(&r, n, 1);
		for (size_t p = 0; path_choose(p); p++) {
			float *w = guard_floats(n), *m = guard_floats(n), *v = guard_floats(n), *g = guard_floats(n);
			double *W = rows_widen(start, 1, n, n), *M = doubles(n), *V = doubles(n);
			memcpy(w, start, n * sizeof *w);
			memset(m, 0, n * sizeof *m);
			memset(v, 0, n * sizeof *v);
			for (int step = 1; step <= 5; step++) {
				double bias1 = 1 - pow(0.9, step), bias2 = 1 - pow(0.99, step);
				struct adamw o = {.learning_rate = 0.01f,
					.beta1 = 0.9f,
					.beta2 = 0.99f,
					.epsilon = 0.1f,
					.weight_decay = 0.5f,
					.grad_scale = 0.25f,
					.bias1 = (float)bias1,
					.bias2 = (float)bias2};
				for (size_t i = 0; i < n; i++) {
					g[i] = 2 * rng_uniform(&r) - 1;
					double d = 0.25 * (double)g[i];
					M[i] = 0.9 * M[i] + 0.1 * d;
					V[i] = 0.99 * V[i] + 0.01 * d * d;
					W[i] -= 0.01 * (M[i] / bias1 / (sqrt(V[i] / bias2) + 0.1) + 0.5 * W[i]);
				}
				kern->adamw(w, m, v, g, n, &o);
			}
			rows_close(w, n, W, 1, n, rms(W, n), 2e-7, "weights");
			rows_close(m, n, M, 1, n, rms(M, n), 1e-6, "first moments");  /* 1 - 0.9f is off 0.1 by 2e-7 of itself */
			rows_close(v, n, V, 1, n, rms(V, n), 4e-6, "second moments"); /* 1 - 0.99f is off 0.01 by 2e-6 of itself */
			mem_free(W);
			mem_free(M);
			mem_free(V);
		}
		guards_end();
	}
}

/* The rate reaches the weights only through the step: 0 changes none, whatever the decay. */
static void test_adamw_rate_zero(void **state)
{
	(void)state;
	enum { N = 50 };
	struct rng r;
	rng_init(&r, 2, RNG_DATA, 0, 0);
	for (size_t p = 0; path_choose(p); p++) {
		float *w = floats_random(&r, N, 1), *g = floats_random(&r, N, 1), before[N], m[N] = {0}, v[N] = {0};
		memcpy(before, w, sizeof before);
		kern->adamw(w, m, v, g, N,
			&(struct adamw){.beta1 = 0.9f,
				.beta2 = 0.999f,
				.epsilon = 1e-8f,
				.weight_decay = 0.1f,
				.grad_scale = 1,
				.bias1 = 0.1f,
				.bias2 = 0.001f});
		assert_memory_equal(w, before, sizeof before);
		guards_end();
	}
}

/* Squares of floats are exact in double, so their sum has only its own roundings, 1e-16 each: 1e-13 for a million. */
static void test_sum_squares(void **state)
{
	(void)state;
	static const size_t ns[] = {0, 1, 2, 15, 17, 1000, 4097, 1000003};
	struct rng r;
	rng_init(&r, 3, RNG_DATA, 0, 0);
	for (size_t k = 0; k < sizeof ns / sizeof *ns; k++) {
		size_t n = ns[k];
		float *x = floats_random(&r, n, 1);
		if (n > 2)
			x[n / 2] = 1e25f; /* its square does not fit into an f32 */
		long double want = 0;
		for (size_t i = 0; i < n; i++)
			want += (long double)x[i] * (long double)x[i];
		for (size_t p = 0; path_choose(p); p++)
			if (!(fabsl(kern->sum_squares(x, n) - want) <= 1e-13L * want))
				fail_msg("%s: %zu squares: %.17g, not %.17Lg", kern->name, n, kern->sum_squares(x, n), want);
		guards_end();
	}
}

static void op_for_threads(void *out)
{
	enum { N = 300007 };
	struct rng r;
	float *w = out;
	rng_init(&r, 4, RNG_DATA, 0, 0);
	float *g = floats_random(&r, N, 1);
	for (size_t i = 0; i < N; i++)
		w[i] = g[N - 1 - i];
	memset(w + N, 0, 2 * N * sizeof *w);
	kern->adamw(w, w + N, w + 2 * N, g, N, &(struct adamw){0.01f, 0.9f, 0.99f, 1e-8f, 0.5f, 0.25f, 0.1f, 0.01f});
	double sum = kern->sum_squares(g, N);
	memcpy(w + 3 * N, &sum, sizeof sum);
	guards_end();
}

static void test_threads(void **state)
{
	(void)state;
	same_for_all_threads(op_for_threads, 3 * 300007 * sizeof(float) + sizeof(double));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_adamw),
		cmocka_unit_test(test_adamw_rate_zero),
		cmocka_unit_test(test_sum_squares),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests_name("kern", tests, NULL, NULL);
}

/*
 * What only an encoder uses: layer norm, GELU by erf, attention in both directions. On every path, against the formulas in double.
 */
#include "test_kern.h"

static void test_layernorm(void **state)
{
	(void)state;
	static const size_t Ts[] = {0, 1, 5}, Cs[] = {1, 2, 7, 16, 33, 384};
	/* eps as large as the variance of x, so that its place in the formula is seen; a mean that is no rounding error. */
	const float eps = 0.25f;
	struct rng r;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	for (size_t k = 0; k < 18; k++) {
		size_t T = Ts[k / 6], C = Cs[k % 6];
		float *x = rows_random(&r, T, C, C, 1), *w = rows_random(&r, 1, C, C, 2), *b = rows_random(&r, 1, C, C, 1);
		double *want = doubles(T * C);
		for (size_t t = 0; t < T; t++) {
			double mean = 0, variance = 0;
			for (size_t i = 0; i < C; i++)
				mean += (double)(x[t * C + i] += 3) / (double)C;
			for (size_t i = 0; i < C; i++)
				variance += pow((double)x[t * C + i] - mean, 2) / (double)C;
			for (size_t i = 0; i < C; i++)
				want[t * C + i] =
					((double)x[t * C + i] - mean) / sqrt(variance + (double)eps) * (double)w[i] + (double)b[i];
		}
		for (size_t p = 0; path_choose(p); p++) {
			float *y = rows_alloc(T, C, C);
			kern->layernorm(y, x, w, b, T, C, eps);
			rows_close(y, C, want, T, C, rms(want, T * C), f32_tolerance, "layernorm [%zu, %zu]", T, C);
			memcpy(y, x, T * C * sizeof(float));
			kern->layernorm(y, y, w, b, T, C, eps);
			rows_close(y, C, want, T, C, rms(want, T * C), f32_tolerance, "layernorm in place [%zu, %zu]", T, C);
		}
		mem_free(want);
		guards_end();
	}
}

static double gelu(double x)
{
	return x * (1 + erf(x / sqrt(2))) / 2;
}

/* Also through the tails; a NaN stays one. */
static void test_gelu(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 7, 16, 33, 9001};
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		size_t n = sizes[k];
		float *x = guard_floats(n);
		for (size_t i = 0; i < n; i++)
			x[i] = n == 1 ? NAN : 24 * ((float)i / (float)n - 0.5f);
		for (size_t p = 0; path_choose(p); p++) {
			float *y = guard_floats(n);
			memcpy(y, x, n * sizeof(float));
			kern->gelu(y, y, n);
			assert_true(n != 1 || isnan(y[0]));
			/* The bound of the vector paths' erf, 1.5e-7, and a rounding of each factor. */
			for (size_t i = 0; i < n && n != 1; i++)
				if (!(fabs((double)y[i] - gelu((double)x[i])) <= 5e-7 * fabs((double)x[i])))
					fail_msg("%s: gelu(%.9g) is %.9g", kern->name, (double)x[i], (double)y[i]);
		}
		guards_end();
	}
}

enum { H = 6, HKV = 3, D = 32, LDQ = H * D, LDK = HKV * D };

/* Each query's result is that of a causal job in which it is the last: sequences of many lengths, with fewer queries than keys too. */
static void test_bidirectional(void **state)
{
	(void)state;
	static const size_t lengths[][2] = {{1, 1}, {2, 2}, {63, 63}, {200, 200}, {5, 70}, {1, 9}, {64, 131}};
	enum { N = sizeof lengths / sizeof *lengths };
	struct rng r;
	rng_init(&r, 3, RNG_DATA, 0, 0);
	for (size_t p = 0; path_choose(p); p++) {
		struct attention_seq seq[N], one;
		struct attention a = {.seq = seq,
			.n_seqs = N,
			.H = H,
			.Hkv = HKV,
			.D = D,
			.ldq = LDQ,
			.ldk = LDK,
			.scale = 0.2f,
			.bidirectional = true,
			.scratch = test_scratch()};
		struct attention last = a;
		last.seq = &one;
		last.n_seqs = 1;
		last.bidirectional = false;
		for (size_t i = 0; i < N; i++)
			seq[i] = (struct attention_seq){.q = rows_random(&r, lengths[i][0], LDQ, LDQ, 2),
				.k = rows_random(&r, lengths[i][1], LDK, LDK, 2),
				.v = rows_random(&r, lengths[i][1], LDK, LDK, 1),
				.out = rows_alloc(lengths[i][0], LDQ, LDQ),
				.nq = lengths[i][0],
				.nk = lengths[i][1]};
		kern->attention(&a);
		for (size_t i = 0; i < N; i++) {
			for (size_t t = 0; t < seq[i].nq; t++) {
				float out[LDQ];
				one = seq[i];
				one.q += t * LDQ;
				one.out = out;
				one.nq = 1;
				kern->attention(&last);
				double *want = rows_widen(out, 1, LDQ, LDQ);
				rows_close(seq[i].out + t * LDQ, LDQ, want, 1, LDQ, rms(want, LDQ), 4 * products_tolerance(kern),
					"query %zu of sequence %zu", t, i);
				mem_free(want);
			}
		}
		guards_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layernorm), cmocka_unit_test(test_gelu), cmocka_unit_test(test_bidirectional)};
	return cmocka_run_group_tests_name("encoder", tests, NULL, NULL);
}

/*
 * Products of few rows, which generation lives on. Reading B is all the work, so it is used as it is read, without packing.
 *
 * Where gemm.by_row asks for it, a quantised B is multiplied in integers: a group of 32 values of a row of A is rounded to 16 bits with a scale of
 * its own, the stored values are widened to 16 bits, and multiplying and adding pairs of them gives the exact sum of the group's products (in Q6_K
 * of either half). One f32 multiply-add brings in both scales; group g goes to sum g % 8. A minimum, which all 32 share, meets the sum of the 32 of A. Integers are exact, and
 * the f32 steps are the same everywhere and fused by name, so every path gives the bits that `ref` defines.
 *
 * 16 bits instead of llama.cpp's 8 cost nothing here: widening takes the place of the sign tricks that a product of bytes needs.
 */
#include "kern/rows.h"

#include <math.h>
#include <string.h>

/* Of plain terms: values of B unpacked at once, rows of A and of B at once, as many sums as there are registers for. */
enum { DEPTH = 768, ROWS = 4, COLS = LANES == 16 ? 2 : 1 };

/* ---- A, rounded -------------------------------------------------------------------------------------------------------- */

static size_t rounded_bytes(size_t K)
{
	return K * sizeof(int16_t) + K / GROUP * 2 * sizeof(float);
}

/* The largest |value| becomes 32767. Where it is below 2^-100 all are 0; where one is not finite, every product is NaN. */
static void round_group(int16_t *q, float *scale, float *sum, const float *x)
{
	const float shift = 0x1.8p23f; /* adding it rounds to an integer held in the low mantissa bits */
	ints top = {0}, total = {0};
	for (size_t i = 0; i < GROUP; i += 8) {
		ints magnitude = *(const ints *)(x + i) & 0x7fffffff, larger = magnitude > top;
		top = (magnitude & larger) | (top & ~larger);
	}
	int32_t bits = 0;
	for (size_t i = 0; i < 8; i++)
		bits = top[i] > bits ? top[i] : bits;
	float max, inverse = 0;
	memcpy(&max, &bits, sizeof(max));
	*scale = 0;
	if (bits >= 0x7f800000) {
		*scale = NAN;
	} else if (max >= 0x1p-100f) {
		*scale = max / 32767;
		inverse = 32767 / max;
	}
	for (size_t i = 0; i < GROUP; i += 8) {
		lanes v = inverse != 0 ? *(const lanes *)(x + i) : (lanes){0};
		ints whole = (ints)fused(v, inverse - (lanes){0}, shift - (lanes){0}) - 0x4b400000;
		total += whole;
		for (size_t j = 0; j < 8; j++)
			q[i + j] = (int16_t)whole[j];
	}
	int32_t all = 0;
	for (size_t i = 0; i < 8; i++)
		all += total[i];
	*sum = *scale * (float)all;
}

static void round_row(const struct rounded *r, size_t row, const float *a)
{
	size_t groups = r->K / GROUP;
	for (size_t g = 0; g < groups; g++)
		round_group(r->q + row * r->K + g * GROUP, r->scale + row * groups + g, r->sum + row * groups + g, a + g * GROUP);
}

/* The values themselves where they are f32 that vectors may load, else NULL. */
static const float *floats_of(const struct matrix *b)
{
	return b->dtype == DTYPE_F32 && (uintptr_t)b->data % sizeof(float) == 0 ? b->data : NULL;
}

/* sum[m][n] += `rows` rows of A . `cols` rows of B, K values of each. What a sum comes to depends on neither number. */
static inline __attribute__((always_inline)) void add_dots(float sum[][COLUMNS], size_t n, const float *a, size_t lda,
	const float *b, size_t ldb, size_t K, const size_t rows, const size_t cols)
{
	vf part[ROWS][COLS][2] = {{{{0}}}};
	float rest[ROWS][COLS] = {{0}};
	size_t k = 0;
	for (; k + 2 * LANES <= K; k += 2 * LANES)
#pragma GCC unroll 4
		for (size_t m = 0; m < rows; m++)
#pragma GCC unroll 2
			for (size_t i = 0; i < cols; i++)
				for (size_t v = 0; v < 2; v++)
					part[m][i][v] += vload(a + m * lda + k + v * LANES) * vload(b + i * ldb + k + v * LANES);
	for (; k < K; k++)
		for (size_t m = 0; m < rows; m++)
			for (size_t i = 0; i < cols; i++) /* by name: fused however the compiler lays the loop */
				rest[m][i] = fmaf(a[m * lda + k], b[i * ldb + k], rest[m][i]);
	for (size_t m = 0; m < rows; m++)
		for (size_t i = 0; i < cols; i++)
			sum[m][n + i] += vsum(part[m][i][0] + part[m][i][1]) + rest[m][i];
}

/* 1, 2 or 4 rows of A at a time, COLS rows of B at a time where there are as many. */
static void add_dots_all(float sum[][COLUMNS], struct part c, const float *a, size_t lda, const float *b, size_t ldb, size_t K)
{
#define DOTS_CASE(rows)                                                                    \
	case rows:                                                                         \
		for (size_t n = 0; n < c.N; n += COLS)                                     \
			if (n + COLS <= c.N)                                               \
				add_dots(sum, n, a, lda, b + n * ldb, ldb, K, rows, COLS); \
			else                                                               \
				add_dots(sum, n, a, lda, b + n * ldb, ldb, K, rows, 1);    \
		break;
	for (size_t step; c.M; c.M -= step, sum += step, a += step * lda) {
		step = rows_step(c.M);
		switch (step) {
			DOTS_CASE(1)
			DOTS_CASE(2)
			DOTS_CASE(4)
		}
	}
#undef DOTS_CASE
}

/* B transposed: sum[n] += A row . B row n, in f32. */
static void dots_plain(float sum[][COLUMNS], const struct gemm_term *t, struct part c)
{
	enum { AT_ONCE = 4 };
	const float *values = floats_of(&t->b);
	const size_t stride = dtype_row_bytes(t->b.dtype, t->b.cols), at_once = values ? c.N : AT_ONCE;
	float copy[AT_ONCE][DEPTH];
	for (size_t k0 = 0, K; k0 < t->K; k0 += K) {
		K = least(DEPTH, t->K - k0);
		for (size_t n = 0; n < c.N; n += at_once) {
			struct part to = {.M = c.M, .N = least(at_once, c.N - n)};
			const float *b = values ? values + c.n0 * t->b.cols + k0 : copy[0];
			if (!values) {
				const uint8_t *next = (const uint8_t *)t->b.data + (c.n0 + n + AT_ONCE) * stride;
				ask_for(next + dtype_row_bytes(t->b.dtype, k0), stride, dtype_row_bytes(t->b.dtype, K), AT_ONCE);
				P(unpack)(copy[0], DEPTH, &t->b, (struct strip){c.n0 + n, to.N, k0, K});
			}
			add_dots_all((float(*)[COLUMNS])(sum[0] + n), to, t->a + c.m0 * t->lda + k0, t->lda, b,
				values ? t->b.cols : DEPTH, K);
		}
	}
}

/* B as it is: sum += A[k] B row k. */
static inline __attribute__((always_inline)) void add_rows(
	float sum[][COLUMNS], const struct gemm_term *t, struct part c, const size_t rows)
{
	enum { AT_ONCE = 64, STEP = 2 * LANES };
	const float *values = c.N == COLUMNS ? floats_of(&t->b) : NULL;
	float copy[AT_ONCE][COLUMNS];
	if (c.N < COLUMNS)
		memset(copy, 0, sizeof(copy));
	for (size_t k0 = 0, K; k0 < t->K; k0 += K) {
		const float *a = t->a + c.m0 * t->lda + k0, *b = values ? values + k0 * t->b.cols + c.n0 : copy[0];
		size_t ldb = values ? t->b.cols : COLUMNS;
		K = least(AT_ONCE, t->K - k0);
		if (!values)
			P(unpack)(copy[0], COLUMNS, &t->b, (struct strip){k0, K, c.n0, c.N});
		for (size_t n = 0; n < COLUMNS; n += STEP) {
			vf part[ROWS][2];
			for (size_t m = 0; m < rows; m++)
				for (size_t v = 0; v < 2; v++)
					part[m][v] = vload(sum[m] + n + v * LANES);
			for (size_t k = 0; k < K; k++) {
				for (size_t v = 0; v < 2; v++) /* of the columns that come next */
					__builtin_prefetch(b + k * ldb + n + COLUMNS + v * LANES);
#pragma GCC unroll 4
				for (size_t m = 0; m < rows; m++)
					for (size_t v = 0; v < 2; v++)
						part[m][v] += vset(a[m * t->lda + k]) * vload(b + k * ldb + n + v * LANES);
			}
			for (size_t m = 0; m < rows; m++)
				for (size_t v = 0; v < 2; v++)
					vstore(sum[m] + n + v * LANES, part[m][v]);
		}
	}
}

static void multiply_plain(float sum[][COLUMNS], const struct gemm_term *t, struct part c)
{
	if (t->b_transposed) {
		dots_plain(sum, t, c);
		return;
	}
#define ROWS_CASE(rows)                    \
	case rows:                         \
		add_rows(sum, t, c, rows); \
		break;
	for (size_t left = c.M; left; left -= c.M, sum += c.M, c.m0 += c.M) {
		c.M = rows_step(left);
		switch (c.M) {
			ROWS_CASE(1)
			ROWS_CASE(2)
			ROWS_CASE(4)
		}
	}
#undef ROWS_CASE
}

/* Panels pay from two rows of A on: docs/speed.md. */
static void multiply_rounded(float sum[][COLUMNS], const struct rounded *r, const struct matrix *b, struct part c)
{
#if PANELS
	if (c.M > 1) {
		P(rounded_panels)(sum, r, b, c);
		return;
	}
#endif
	P(rounded_lanes)(sum, r, b, c);
}

static void multiply(const struct gemm *g, const struct rounded *r, struct part c)
{
	float sum[ROUNDED_ROWS][COLUMNS];
	if (!r)
		memset(sum, 0, c.M * sizeof(*sum));
	for (int i = 0; i < g->n_terms; i++) {
		const struct gemm_term *t = &g->term[i];
		if (r && i == 0)
			multiply_rounded(sum, r, &t->b, (struct part){c.m0 - r->m0, c.M, c.n0, c.N});
		else
			multiply_plain(sum, t, c);
	}
	for (size_t m = 0; m < c.M; m++) {
		float *y = g->c + (c.m0 + m) * g->ldc + c.n0;
		for (size_t j = 0; j < c.N; j++)
			y[j] = fmaf(g->alpha, sum[m][j], g->accumulate ? y[j] : 0);
	}
}

void P(gemm_rows)(const struct gemm *g, void *scratch, size_t scratch_bytes)
{
	const struct gemm_term *t = &g->term[0];
	bool rounds = g->by_row && t->b_transposed && dtype_is_quantised(t->b.dtype) && rounded_bytes(t->K) <= scratch_bytes;
	size_t groups = t->K / GROUP, at_once = rounds ? scratch_bytes / rounded_bytes(t->K) : g->M;
#pragma omp parallel
	for (size_t m0 = 0; m0 < g->M; m0 += at_once) {
		size_t M = least(at_once, g->M - m0);
		struct rounded r = {.m0 = m0, .K = t->K, .scale = scratch, .sum = (float *)scratch + M * groups};
		r.q = (int16_t *)(r.sum + M * groups);
		if (rounds) {
#pragma omp for schedule(static)
			for (size_t m = 0; m < M; m++)
				round_row(&r, m, t->a + (m0 + m) * t->lda);
		}
#pragma omp for schedule(static)
		for (size_t n0 = 0; n0 < g->N; n0 += COLUMNS)
			for (size_t m = 0, step; m < M; m += step) {
				step = least(ROUNDED_ROWS, M - m);
				multiply(g, rounds ? &r : NULL, (struct part){m0 + m, step, n0, least(COLUMNS, g->N - n0)});
			}
	}
}

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
#include "kern/tile.h"

#include <math.h>
#include <string.h>

/* ---- A, rounded -------------------------------------------------------------------------------------------------------- */

static size_t rounded_bytes(size_t K)
{
	return (K + 63) / 64 * 64 * sizeof(int16_t) + K / GROUP * (2 * sizeof(float) + sizeof(int32_t));
}

/* The largest |value| becomes 32767. Where it is below 2^-100 all are 0; where one is not finite, every product is NaN. */
static void round_group(int16_t *q, float *scale, float *sum, int32_t *whole_sum, const float *x)
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
			q[i % 16 + i / 16 * GROUP + j] = (int16_t)whole[j];
	}
	*whole_sum = 0;
	for (size_t i = 0; i < 8; i++)
		*whole_sum += total[i];
	*sum = *scale * (float)*whole_sum;
}

static void round_row(const struct rounded *r, size_t row, const float *a)
{
	size_t groups = r->K / GROUP;
	for (size_t g = 0, at = row * groups; g < groups; g++, at++)
		round_group(r->q + rounded_at(r, row, g), r->scale + at, r->sum + at, r->whole + at, a + g * GROUP);
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

static void multiply(const struct gemm *g, enum prepared how, const struct rounded *r, struct part c)
{
	const struct part own = {c.m0 - r->m0, c.M, c.n0, c.N};
	float sum[ROUNDED_ROWS][COLUMNS];
	if (how == ROUNDED)
		multiply_rounded(sum, r, &g->term[0].b, own);
	else
		memset(sum, 0, c.M * sizeof(*sum));
#if NARROWS
	if (how == NARROWED)
		P(narrow_rows)(sum, (const uint16_t *)r->q, &g->term[0], own);
#endif
	for (int i = how != AS_IT_IS; i < g->n_terms; i++)
		P(plain_rows)(sum, &g->term[i], c);
	for (size_t m = 0; m < c.M; m++) {
		float *y = g->c + (c.m0 + m) * g->ldc + c.n0;
		for (size_t j = 0; j < c.N; j++)
			y[j] = fmaf(g->alpha, sum[m][j], g->accumulate ? y[j] : 0);
	}
}

static void prepare(const struct rounded *r, enum prepared how, size_t row, const float *a)
{
	if (how == ROUNDED)
		round_row(r, row, a);
#if NARROWS
	else
		P(tile_pack_a)((packed *)r->q + row * narrow_stride(r->K), narrow_stride(r->K), a, r->K, false, 1, r->K);
#endif
}

/* What is made of the rows of A before they are multiplied by the first term's B: all of struct rounded, or of it only q, with bf16. The bytes of such a row. */
static enum prepared prepared_how(const struct gemm *g, size_t *bytes)
{
	const struct gemm_term *t = &g->term[0];
	*bytes = rounded_bytes(t->K);
	if (g->by_row && t->b_transposed && dtype_is_quantised(t->b.dtype))
		return ROUNDED;
#if NARROWS
	*bytes = narrow_stride(t->K) * sizeof(uint16_t);
	if (g->by_row && t->b_transposed && t->b.dtype == DTYPE_BF16)
		return NARROWED;
#endif
	return AS_IT_IS;
}

void P(gemm_rows)(const struct gemm *g, struct kept *kept, size_t scratch_bytes)
{
	const struct gemm_term *t = &g->term[0];
	size_t bytes, at_once = g->M, groups = t->K / GROUP;
	void *scratch = kept + 1;
	bool same = false;
	enum prepared how = prepared_how(g, &bytes);
	if (how != AS_IT_IS && bytes > scratch_bytes)
		how = AS_IT_IS;
	if (how != AS_IT_IS) {
		at_once = scratch_bytes / bytes;
		same = kept_again(kept, g, how, g->M <= at_once);
	}
#pragma omp parallel
	for (size_t m0 = 0; m0 < g->M; m0 += at_once) {
		size_t M = least(at_once, g->M - m0);
		if (m0) {
#pragma omp barrier /* nobody reads the rows before these any more */
		}
		struct rounded r = {.q = scratch, .m0 = m0, .K = t->K};
		if (how == ROUNDED) {
			r.scale = scratch;
			r.sum = r.scale + M * groups;
			r.whole = (int32_t *)(r.sum + M * groups);
			r.q = (int16_t *)(r.whole + M * groups);
		}
		if (how != AS_IT_IS && !same) {
#pragma omp for schedule(static)
			for (size_t m = 0; m < M; m++)
				prepare(&r, how, m, t->a + (m0 + m) * t->lda);
		}
#pragma omp for schedule(static) nowait
		for (size_t n0 = 0; n0 < g->N; n0 += COLUMNS)
			for (size_t m = 0, step; m < M; m += step) {
				step = least(ROUNDED_ROWS, M - m);
				multiply(g, how, &r, (struct part){m0 + m, step, n0, least(COLUMNS, g->N - n0)});
			}
	}
}

/*
 * Products of few rows, which generation lives on. Reading B is all the work, so it is used as it is read, without packing.
 *
 * Where gemm.by_row asks for it, a quantised B is multiplied in integers: a group of 32 values of a row of A is rounded to 16 bits with a scale of
 * its own, the stored values are widened to 16 bits, and multiplying and adding pairs of them gives eight exact sums of four products. One f32
 * multiply-add for each of these lanes brings in both scales. A minimum, which all 32 share, meets the sum of the 32 of A. Integers are exact, and
 * the f32 steps are the same everywhere and fused by name, so every path gives the bits that `ref` defines.
 *
 * 16 bits instead of llama.cpp's 8 cost nothing here: widening takes the place of the sign tricks that a product of bytes needs.
 */
#include "kern/path.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

enum { GROUP = 32, COLUMNS = 32, DEPTH = 768, ROWS = 4 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- eight lanes, whatever the path's width ---------------------------------------------------------------------------- */

typedef int16_t words __attribute__((vector_size(32), aligned(2), may_alias)); /* 16 of them */
typedef int32_t ints __attribute__((vector_size(32), aligned(4), may_alias));
typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef int8_t signed_bytes __attribute__((vector_size(16), aligned(1), may_alias));

/* Spelled out because the compiler widens halves and puts them together. */
static inline words widen(const uint8_t *p)
{
#if defined(__x86_64__)
	return (words)_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
#else
	return __builtin_convertvector(*(const bytes *)p, words);
#endif
}

static inline words widen_signed(const uint8_t *p)
{
#if defined(__x86_64__)
	return (words)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
#else
	return __builtin_convertvector(*(const signed_bytes *)p, words);
#endif
}

/* Lane l: a[2l] b[2l] + a[2l + 1] b[2l + 1]. */
static inline ints pairs(words a, words b)
{
#if defined(__x86_64__)
	return (ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#else
	int16x8_t x[2], y[2];
	int32x4_t sum[2];
	ints r;
	memcpy(x, &a, sizeof(x));
	memcpy(y, &b, sizeof(y));
	for (int i = 0; i < 2; i++)
		sum[i] = vpaddq_s32(vmull_s16(vget_low_s16(x[i]), vget_low_s16(y[i])), vmull_high_s16(x[i], y[i]));
	memcpy(&r, sum, sizeof(r));
	return r;
#endif
}

/* a b + c, rounded once. */
static inline lanes fused(lanes a, lanes b, lanes c)
{
#if defined(__x86_64__)
	return (lanes)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
	for (int i = 0; i < 8; i++)
		c[i] = fmaf(a[i], b[i], c[i]);
	return c;
#endif
}

static inline float lanes_sum(lanes v)
{
	float x[8];
	memcpy(x, &v, sizeof(x));
	return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

/* ---- A, rounded -------------------------------------------------------------------------------------------------------- */

/* Rows of A: value k is scale[k / 32] * q[k]; `sum` is that of the 32 values of a group. */
struct rounded {
	int16_t *q;         /* [rows, K] */
	float *scale, *sum; /* [rows, K / 32] */
	size_t m0, K;       /* row 0 is m0 of A */
};

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

/* ---- B, a group at a time ---------------------------------------------------------------------------------------------- */

/* The two halves at p. */
static inline void halves(float *first, float *second, const uint8_t *p)
{
#if defined(__x86_64__)
	int32_t both;
	memcpy(&both, p, sizeof(both));
	__m128 f = _mm_cvtph_ps(_mm_cvtsi32_si128(both));
	*first = f[0];
	*second = f[1];
#else
	uint16_t h[2];
	memcpy(h, p, sizeof(h));
	*first = f16_to_f32(h[0]);
	*second = f16_to_f32(h[1]);
#endif
}

/* 16 in each word whose bit is set in the 16 at p. */
static inline words fifth_bits(const uint8_t *p)
{
	static const uint16_t bit[16] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
	int16_t bits;
	memcpy(&bits, p, 2);
	return ((bits & *(const words *)bit) != 0) & 16;
}

struct group {
	words low, high; /* values 0 to 15 and 16 to 31, as matrix_group has them */
};

static inline __attribute__((always_inline)) struct group group_at(const enum dtype dtype, const uint8_t *b, const size_t g)
{
	const uint8_t *q;
	words x, y;
	switch (dtype) {
	case DTYPE_Q8_0:
		return (struct group){widen_signed(b + 2), widen_signed(b + 18)};
	case DTYPE_Q4_0:
		x = widen(b + 2);
		return (struct group){(x & 15) - 8, (x >> 4) - 8};
	case DTYPE_Q4_1:
		x = widen(b + 4);
		return (struct group){x & 15, x >> 4};
	case DTYPE_Q5_0:
		x = widen(b + 6);
		return (struct group){((x & 15) | fifth_bits(b + 2)) - 16, ((x >> 4) | fifth_bits(b + 4)) - 16};
	case DTYPE_Q5_1:
		x = widen(b + 8);
		return (struct group){(x & 15) | fifth_bits(b + 4), (x >> 4) | fifth_bits(b + 6)};
	case DTYPE_Q4_K:
		q = b + 16 + g / 2 * 32;
		x = widen(q) >> (g % 2 * 4);
		y = widen(q + 16) >> (g % 2 * 4);
		return (struct group){x & 15, y & 15};
	case DTYPE_Q5_K:
		q = b + 48 + g / 2 * 32;
		x = (widen(q) >> (g % 2 * 4)) & 15;
		y = (widen(q + 16) >> (g % 2 * 4)) & 15;
		return (struct group){x | ((widen(b + 16) >> (int)g) & 1) << 4, y | ((widen(b + 32) >> (int)g) & 1) << 4};
	case DTYPE_Q6_K:
		q = b + g / 4 * 64 + g % 2 * 32;
		x = (widen(q) >> (g & 2 ? 4 : 0)) & 15;
		y = (widen(q + 16) >> (g & 2 ? 4 : 0)) & 15;
		q = b + 128 + g / 4 * 32;
		x |= ((widen(q) >> (int)(g % 4 * 2)) & 3) << 4;
		y |= ((widen(q + 16) >> (int)(g % 4 * 2)) & 3) << 4;
		return (struct group){(x - 32) * (int16_t)(int8_t)b[192 + 2 * g], (y - 32) * (int16_t)(int8_t)b[193 + 2 * g]};
	default:
		return (struct group){{0}, {0}};
	}
}

static inline bool has_minimum(enum dtype t)
{
	return t == DTYPE_Q4_1 || t == DTYPE_Q5_1 || t == DTYPE_Q4_K || t == DTYPE_Q5_K;
}

/* Eight bytes as floats. */
static inline lanes floats(const uint32_t low, uint32_t high)
{
	uint8_t b[8];
	ints v;
	memcpy(b, &low, 4);
	memcpy(b + 4, &high, 4);
#if defined(__x86_64__)
	v = (ints)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)b));
#else
	for (size_t i = 0; i < 8; i++)
		v[i] = b[i];
#endif
	return __builtin_convertvector(v, lanes);
}

/* Scale and minimum of each group of a block. */
static inline __attribute__((always_inline)) void scales_of(
	float scale[8], float minimum[8], const enum dtype dtype, const uint8_t *b)
{
	float d, m;
	halves(&d, &m, dtype == DTYPE_Q6_K ? b + 206 : b);
	if (dtype == DTYPE_Q4_K || dtype == DTYPE_Q5_K) { /* k_scales, four groups at a time */
		uint32_t s, l, rest;
		memcpy(&s, b + 4, 4);
		memcpy(&l, b + 8, 4);
		memcpy(&rest, b + 12, 4);
		*(lanes *)scale = d * floats(s & 0x3f3f3f3f, (rest & 0x0f0f0f0f) | (s >> 2 & 0x30303030));
		*(lanes *)minimum = -m * floats(l & 0x3f3f3f3f, (rest >> 4 & 0x0f0f0f0f) | (l >> 2 & 0x30303030));
		return;
	}
	for (size_t g = 0; g < 8; g++) {
		scale[g] = dtype == DTYPE_Q6_K ? m : d;
		minimum[g] = has_minimum(dtype) ? m : 0;
	}
}

/* ---- products ---------------------------------------------------------------------------------------------------------- */

/* 1, 2 or 4 rows of A, and as many rows of B as columns of C, at most COLUMNS. */
struct part {
	size_t m0, M, n0, N;
};

/* sum[m][n] = row m0 + m of A times row n0 + n of B; `rows` is M. */
static inline __attribute__((always_inline)) void dots(float sum[ROWS][COLUMNS], const struct rounded *r, const struct matrix *b,
	struct part c, const enum dtype dtype, const size_t rows)
{
	const size_t n_groups = dtype >= DTYPE_Q4_K ? 8 : 1, block_bytes = dtype_block_bytes(dtype);
	size_t all = r->K / GROUP;
	const uint8_t *p = (const uint8_t *)b->data + c.n0 * dtype_row_bytes(dtype, b->cols);
	for (size_t n = 0; n < c.N; n++) {
		lanes products[ROWS] = {{0}};
		float low[ROWS] = {0};
		for (size_t at = 0; at < all; at += n_groups, p += block_bytes) {
			float scale[8], minimum[8];
			scales_of(scale, minimum, dtype, p);
#pragma GCC unroll 8
			for (size_t g = 0; g < n_groups; g++) {
				struct group w = group_at(dtype, p, g);
				lanes w_scale = scale[g] - (lanes){0};
#pragma GCC unroll 4
				for (size_t m = 0; m < rows; m++) {
					const int16_t *q = r->q + (c.m0 + m) * r->K + (at + g) * GROUP;
					size_t i = (c.m0 + m) * all + at + g;
					ints exact = pairs(w.low, *(const words *)q) + pairs(w.high, *(const words *)(q + 16));
					products[m] = fused(w_scale * (r->scale[i] - (lanes){0}),
						__builtin_convertvector(exact, lanes), products[m]);
					if (has_minimum(dtype))
						low[m] = fmaf(minimum[g], r->sum[i], low[m]);
				}
			}
		}
		for (size_t m = 0; m < rows; m++)
			sum[m][n] = lanes_sum(products[m]) + low[m];
	}
}

static void dots_quantised(float sum[ROWS][COLUMNS], const struct rounded *r, const struct matrix *b, struct part c)
{
	switch (b->dtype) {
#define DOTS_CASE(t)                              \
	case t:                                   \
		if (c.M == 1)                     \
			dots(sum, r, b, c, t, 1); \
		else if (c.M == 2)                \
			dots(sum, r, b, c, t, 2); \
		else                              \
			dots(sum, r, b, c, t, 4); \
		break;
		DOTS_CASE(DTYPE_Q8_0)
		DOTS_CASE(DTYPE_Q4_0)
		DOTS_CASE(DTYPE_Q4_1)
		DOTS_CASE(DTYPE_Q5_0)
		DOTS_CASE(DTYPE_Q5_1)
		DOTS_CASE(DTYPE_Q4_K)
		DOTS_CASE(DTYPE_Q5_K)
		DOTS_CASE(DTYPE_Q6_K)
	default:
		break;
	}
}

/* The values themselves where they are f32 that vectors may load, else NULL. */
static const float *floats_of(const struct matrix *b)
{
	return b->dtype == DTYPE_F32 && (uintptr_t)b->data % sizeof(float) == 0 ? b->data : NULL;
}

/* B transposed: sum[n] += A row . B row n, in f32; `rows` is c.M. */
static inline __attribute__((always_inline)) void dots_plain(
	float sum[ROWS][COLUMNS], const struct gemm_term *t, struct part c, const size_t rows)
{
	const float *values = floats_of(&t->b);
	float copy[DEPTH];
	for (size_t k0 = 0, K; k0 < t->K; k0 += K) {
		const float *a = t->a + c.m0 * t->lda + k0;
		K = least(DEPTH, t->K - k0);
		for (size_t n = 0; n < c.N; n++) {
			const float *b = values ? values + (c.n0 + n) * t->b.cols + k0 : copy;
			vf part[ROWS][2] = {{{0}}};
			float rest[ROWS] = {0};
			size_t k = 0;
			if (!values)
				P(unpack)(copy, DEPTH, &t->b, (struct strip){c.n0 + n, 1, k0, K});
			for (; k + 2 * LANES <= K; k += 2 * LANES)
#pragma GCC unroll 4
				for (size_t m = 0; m < rows; m++)
					for (size_t v = 0; v < 2; v++)
						part[m][v] += vload(a + m * t->lda + k + v * LANES) * vload(b + k + v * LANES);
			for (; k < K; k++)
				for (size_t m = 0; m < rows; m++)
					rest[m] = fmaf(a[m * t->lda + k], b[k],
						rest[m]); /* by name: fused however the compiler lays the loop */
			for (size_t m = 0; m < rows; m++)
				sum[m][n] += vsum(part[m][0] + part[m][1]) + rest[m];
		}
	}
}

/* B as it is: sum += A[k] B row k. */
static inline __attribute__((always_inline)) void add_rows(
	float sum[ROWS][COLUMNS], const struct gemm_term *t, struct part c, const size_t rows)
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
			for (size_t k = 0; k < K; k++)
#pragma GCC unroll 4
				for (size_t m = 0; m < rows; m++)
					for (size_t v = 0; v < 2; v++)
						part[m][v] += vset(a[m * t->lda + k]) * vload(b + k * ldb + n + v * LANES);
			for (size_t m = 0; m < rows; m++)
				for (size_t v = 0; v < 2; v++)
					vstore(sum[m] + n + v * LANES, part[m][v]);
		}
	}
}

static void multiply_plain(float sum[ROWS][COLUMNS], const struct gemm_term *t, struct part c)
{
#define PLAIN_CASE(rows)                             \
	case rows:                                   \
		if (t->b_transposed)                 \
			dots_plain(sum, t, c, rows); \
		else                                 \
			add_rows(sum, t, c, rows);   \
		break;
	switch (c.M) {
		PLAIN_CASE(1)
		PLAIN_CASE(2)
		PLAIN_CASE(4)
	}
}

static void multiply(const struct gemm *g, const struct rounded *r, struct part c)
{
	float sum[ROWS][COLUMNS] = {{0}};
	for (int i = 0; i < g->n_terms; i++) {
		const struct gemm_term *t = &g->term[i];
		if (r && i == 0)
			dots_quantised(sum, r, &t->b, (struct part){c.m0 - r->m0, c.M, c.n0, c.N});
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
				step = M - m >= ROWS ? ROWS : M - m >= 2 ? 2 : 1;
				multiply(g, rounds ? &r : NULL, (struct part){m0 + m, step, n0, least(COLUMNS, g->N - n0)});
			}
	}
}

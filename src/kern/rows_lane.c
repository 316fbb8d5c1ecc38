/*
 * A quantised B times rounded rows of A (rows.h), a row of B at a time in eight lanes: multiplying and adding pairs of 16-bit values gives the eight
 * exact sums of four products that `ref` has, and one f32 multiply-add brings in both scales.
 */
#include "kern/rows.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

typedef int16_t words __attribute__((vector_size(32), aligned(2), may_alias)); /* 16 of them */
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

/* c + pairs(a, b); VPDPWSSD wraps, but four products are far from it (rows_panel.c). */
static inline ints add_pairs(ints c, words a, words b)
{
#ifdef __AVX512VNNI__
	return (ints)_mm256_dpwssd_epi32((__m256i)c, (__m256i)a, (__m256i)b);
#else
	return c + pairs(a, b);
#endif
}

static inline float lanes_sum(lanes v)
{
	float x[8];
	memcpy(x, &v, sizeof(x));
	return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
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

/* Bytes between the block that is multiplied and the one that is asked for: where nothing else does, memory is twice as fast (docs/speed.md). */
enum { AHEAD = 4096 };

/* P(rounded_lanes) for 1, 2 or 4 rows of A. */
static inline __attribute__((always_inline)) void dots(float sum[][COLUMNS], const struct rounded *r, const struct matrix *b,
	struct part c, const enum dtype dtype, const size_t rows)
{
	const size_t n_groups = dtype >= DTYPE_Q4_K ? 8 : 1, block_bytes = dtype_block_bytes(dtype);
	size_t all = r->K / GROUP;
	const uint8_t *p = (const uint8_t *)b->data + c.n0 * dtype_row_bytes(dtype, b->cols);
	for (size_t n = 0; n < c.N; n++) {
		lanes products[4] = {{0}};
		float low[4] = {0};
		for (size_t at = 0; at < all; at += n_groups, p += block_bytes) {
			float scale[8], minimum[8];
			__builtin_prefetch(p + AHEAD); /* never faults, past the end neither */
			scales_of(scale, minimum, dtype, p);
#pragma GCC unroll 8
			for (size_t g = 0; g < n_groups; g++) {
				struct group w = group_at(dtype, p, g);
				lanes w_scale = scale[g] - (lanes){0};
#pragma GCC unroll 4
				for (size_t m = 0; m < rows; m++) {
					const int16_t *q = r->q + (c.m0 + m) * r->K + (at + g) * GROUP;
					size_t i = (c.m0 + m) * all + at + g;
					ints exact = add_pairs(pairs(w.low, *(const words *)q), w.high, *(const words *)(q + 16));
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

void P(rounded_lanes)(float sum[][COLUMNS], const struct rounded *r, const struct matrix *b, struct part c)
{
	for (size_t left = c.M; left; left -= c.M, sum += c.M, c.m0 += c.M) {
		c.M = rows_step(left);
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
}

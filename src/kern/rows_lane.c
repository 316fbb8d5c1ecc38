/*
 * A quantised B times rounded rows of A (rows.h), a row of B at a time, eight groups at once: multiplying and adding pairs of 16-bit values gives the
 * products of a group spread over lanes, a tree of additions makes one vector of eight groups' exact sums, and one f32 multiply-add brings in their
 * scales.
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

/* Sums of a group's products, spread over lanes. */
#if defined(__x86_64__)
typedef __m256i spread;
#else
typedef int32x4_t spread;
#endif

/* c + a b. VPDPWSSD wraps, but no sum reaches it (rows_panel.c). */
static inline spread add_products(spread c, words a, words b)
{
#if defined(__AVX512VNNI__)
	return _mm256_dpwssd_epi32(c, (__m256i)a, (__m256i)b);
#elif defined(__x86_64__)
	return _mm256_add_epi32(c, _mm256_madd_epi16((__m256i)a, (__m256i)b));
#else
	int16x8_t x[2], y[2];
	memcpy(x, &a, sizeof(x));
	memcpy(y, &b, sizeof(y));
	for (int i = 0; i < 2; i++)
		c = vmlal_high_s16(vmlal_s16(c, vget_low_s16(x[i]), vget_low_s16(y[i])), x[i], y[i]);
	return c;
#endif
}

static inline spread spread_zero(void)
{
#if defined(__x86_64__)
	return _mm256_setzero_si256();
#else
	return vdupq_n_s32(0);
#endif
}

/* The sums of two groups, or of two such pairs, side by side and half as spread. */
static inline spread gather_two(spread a, spread b)
{
#if defined(__x86_64__)
	return _mm256_hadd_epi32(a, b);
#else
	return vpaddq_s32(a, b);
#endif
}

/* One sum a lane, of eight groups gathered by fours. */
static inline ints gather_eight(spread a, spread b)
{
#if defined(__x86_64__)
	return (ints)_mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
#else
	ints r;
	memcpy(&r, &a, sizeof(a));
	memcpy((char *)&r + sizeof(a), &b, sizeof(b));
	return r;
#endif
}

/* Eight groups, one after the other: what waits for its neighbour. */
struct gathered {
	spread one, two, four;
	ints eight; /* when all are there */
};

static inline __attribute__((always_inline)) void gather_next(struct gathered *t, const size_t g, spread s)
{
	if (g % 2 == 0) {
		t->one = s;
		return;
	}
	s = gather_two(t->one, s);
	if (g % 4 == 1) {
		t->two = s;
		return;
	}
	s = gather_two(t->two, s);
	if (g % 8 == 3)
		t->four = s;
	else
		t->eight = gather_eight(t->four, s);
}

/* For those of which there are but 2, 4 or 6. */
static inline __attribute__((always_inline)) void gather_rest(struct gathered *t, const size_t n)
{
	spread none = spread_zero();
	if (n == 2)
		t->eight = gather_eight(gather_two(t->two, none), none);
	else if (n < 8)
		t->eight = gather_eight(t->four, n == 4 ? none : gather_two(t->two, none));
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

/* The halves at the beginning of n of eight blocks, and those behind them. */
static inline __attribute__((always_inline)) void eight_halves(
	lanes *first, lanes *second, const uint8_t *p, size_t block_bytes, const size_t n)
{
#if defined(__x86_64__)
	int32_t x[8] = {0};
#pragma GCC unroll 8
	for (size_t i = 0; i < n; i++)
		memcpy(&x[i], p + i * block_bytes, sizeof(x[i]));
	const __m128i a = _mm_setr_epi32(x[0], x[1], x[2], x[3]), b = _mm_setr_epi32(x[4], x[5], x[6], x[7]),
		      low = _mm_set1_epi32(0xffff);
	*first = (lanes)_mm256_cvtph_ps(_mm_packus_epi32(_mm_and_si128(a, low), _mm_and_si128(b, low)));
	*second = (lanes)_mm256_cvtph_ps(_mm_packus_epi32(_mm_srli_epi32(a, 16), _mm_srli_epi32(b, 16)));
#else
	*first = *second = (lanes){0};
	for (size_t i = 0; i < n; i++) {
		float x, y;
		halves(&x, &y, p + i * block_bytes);
		(*first)[i] = x;
		(*second)[i] = y;
	}
#endif
}

/* Scales and minima of eight groups: a block of 256 or eight of 32, of which n are there. */
static inline __attribute__((always_inline)) void scales_of(
	lanes *scale, lanes *minimum, const enum dtype dtype, const uint8_t *b, size_t block_bytes, const size_t n)
{
	float d, m;
	if (dtype < DTYPE_Q4_K) {
		eight_halves(scale, minimum, b, block_bytes, n);
		return;
	}
	halves(&d, &m, dtype == DTYPE_Q6_K ? b + 206 : b);
	if (dtype == DTYPE_Q6_K) { /* the two bytes in front belong to the block, too */
		*scale = m - (lanes){0};
		return;
	}
	uint32_t s, l, rest; /* k_scales, four groups at a time */
	memcpy(&s, b + 4, 4);
	memcpy(&l, b + 8, 4);
	memcpy(&rest, b + 12, 4);
	*scale = d * floats(s & 0x3f3f3f3f, (rest & 0x0f0f0f0f) | (s >> 2 & 0x30303030));
	*minimum = -m * floats(l & 0x3f3f3f3f, (rest >> 4 & 0x0f0f0f0f) | (l >> 2 & 0x30303030));
}

/* ---- products ---------------------------------------------------------------------------------------------------------- */

/* Bytes between the block that is multiplied and the one that is asked for: where nothing else does, memory is twice as fast (docs/speed.md). */
enum { AHEAD = 4096 };

/* n (2, 4, 6, 8) groups of a row of B, at p, times those of a row of A from group `at` on, a multiple of eight. */
static inline __attribute__((always_inline)) void add_groups(lanes *sum, const enum dtype dtype, const uint8_t *p,
	size_t block_bytes, const struct rounded *r, size_t row, size_t at, const size_t n)
{
	const size_t n_groups = dtype >= DTYPE_Q4_K ? 8 : 1, i = row * (r->K / GROUP) + at;
	const int16_t *q = r->q + i * GROUP;
	struct gathered low, high;
	lanes scale, minimum;
#pragma GCC unroll 8
	for (size_t g = 0; g < n; g++, q += GROUP) {
		const uint8_t *block = p + g / n_groups * block_bytes;
		__builtin_prefetch(block + AHEAD + g % n_groups * 32); /* never faults, past the end neither */
		struct group w = group_at(dtype, block, g % n_groups);
		spread s = add_products(spread_zero(), w.low, *(const words *)q);
		if (dtype == DTYPE_Q6_K)
			gather_next(&high, g, add_products(spread_zero(), w.high, *(const words *)(q + 16)));
		else
			s = add_products(s, w.high, *(const words *)(q + 16));
		gather_next(&low, g, s);
	}
	gather_rest(&low, n);
	scales_of(&scale, &minimum, dtype, p, block_bytes, n);
	lanes exact = __builtin_convertvector(low.eight, lanes);
	if (dtype == DTYPE_Q6_K)
		exact += __builtin_convertvector(high.eight, lanes);
	lanes more = fused(scale * *(const lanes *)(r->scale + i), exact, *sum);
	if (has_minimum(dtype))
		more = fused(minimum, *(const lanes *)(r->sum + i), more);
	const ints there = (ints){0, 1, 2, 3, 4, 5, 6, 7} < (int)n; /* behind these, A's scales are not this row's */
	*sum = n == 8 ? more : (lanes)((there & (ints)more) | (~there & (ints)*sum));
}

/* Group `at` of a row of B, at p, of formats whose blocks have 32 values: the last of an odd number. */
static inline __attribute__((always_inline)) void add_one(
	float *sum, const enum dtype dtype, const uint8_t *p, const struct rounded *r, size_t row, size_t at)
{
	const int16_t *q = r->q + row * r->K + at * GROUP;
	struct group w = group_at(dtype, p, 0);
	spread s = add_products(add_products(spread_zero(), w.low, *(const words *)q), w.high, *(const words *)(q + 16));
	int32_t part[sizeof(s) / 4], exact = 0;
	float scale, minimum;
	size_t i = row * (r->K / GROUP) + at;
	halves(&scale, &minimum, p);
	memcpy(part, &s, sizeof(s));
	for (size_t k = 0; k < sizeof(s) / 4; k++)
		exact += part[k];
	*sum = fmaf(scale * r->scale[i], (float)exact, *sum);
	if (has_minimum(dtype))
		*sum = fmaf(minimum, r->sum[i], *sum);
}

static inline __attribute__((always_inline)) float dot(
	const enum dtype dtype, const uint8_t *p, size_t block_bytes, const struct rounded *r, size_t row)
{
	size_t all = r->K / GROUP, at = 0;
	lanes sum = {0};
	float x[8];
	for (; at + 8 <= all; at += 8, p += (dtype < DTYPE_Q4_K ? 8 : 1) * block_bytes)
		add_groups(&sum, dtype, p, block_bytes, r, row, at, 8);
	if (dtype < DTYPE_Q4_K) { /* blocks of 256 have no rest */
		size_t rest = all - at;
		if (rest >= 6)
			add_groups(&sum, dtype, p, block_bytes, r, row, at, 6);
		else if (rest >= 4)
			add_groups(&sum, dtype, p, block_bytes, r, row, at, 4);
		else if (rest >= 2)
			add_groups(&sum, dtype, p, block_bytes, r, row, at, 2);
	}
	memcpy(x, &sum, sizeof(x));
	if (dtype < DTYPE_Q4_K && all % 2)
		add_one(&x[all % 8 - 1], dtype, p + (all - 1 - at) * block_bytes, r, row, all - 1);
	return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

void P(rounded_lanes)(float sum[][COLUMNS], const struct rounded *r, const struct matrix *b, struct part c)
{
	size_t stride = dtype_row_bytes(b->dtype, b->cols), block_bytes = dtype_block_bytes(b->dtype);
	for (size_t m = 0; m < c.M; m++) {
		const uint8_t *p = (const uint8_t *)b->data + c.n0 * stride;
		switch (b->dtype) {
#define DOT_CASE(t)                                                      \
	case t:                                                          \
		for (size_t n = 0; n < c.N; n++, p += stride)            \
			sum[m][n] = dot(t, p, block_bytes, r, c.m0 + m); \
		break;
			DOT_CASE(DTYPE_Q8_0)
			DOT_CASE(DTYPE_Q4_0)
			DOT_CASE(DTYPE_Q4_1)
			DOT_CASE(DTYPE_Q5_0)
			DOT_CASE(DTYPE_Q5_1)
			DOT_CASE(DTYPE_Q4_K)
			DOT_CASE(DTYPE_Q5_K)
			DOT_CASE(DTYPE_Q6_K)
		default:
			break;
		}
	}
}

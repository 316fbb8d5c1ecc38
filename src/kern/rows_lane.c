/*
 * A quantised B times rounded rows of A (rows.h), a row of B at a time, eight groups at once: multiplying and adding pairs of 16-bit values gives the
 * products of a group spread over lanes, a tree of additions makes one vector of eight groups' exact sums, and one f32 multiply-add brings in their
 * scales.
 */
#include "kern/rows.h"

#include <math.h>
#include <string.h>

/* With AVX-512 a vector has 16 words of a group and, behind them, those of the next one: STEP groups at once. */
#if LANES == 16
enum { STEP = 2 };
#else
enum { STEP = 1 };
#endif

typedef int16_t words __attribute__((vector_size(32 * STEP), aligned(2), may_alias));
typedef uint8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef int8_t signed_bytes __attribute__((vector_size(16), aligned(1), may_alias));

/* The 16 bytes at p and, of the next group, at next. Spelled out because the compiler widens halves and puts them together. */
static inline words widen(const uint8_t *p, const uint8_t *next)
{
#if LANES == 16
	return (words)_mm512_cvtepu8_epi16(_mm256_loadu2_m128i((const __m128i *)next, (const __m128i *)p));
#elif defined(__x86_64__)
	(void)next;
	return (words)_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
#else
	(void)next;
	return __builtin_convertvector(*(const bytes *)p, words);
#endif
}

static inline words widen_signed(const uint8_t *p, const uint8_t *next)
{
#if LANES == 16
	return (words)_mm512_cvtepi8_epi16(_mm256_loadu2_m128i((const __m128i *)next, (const __m128i *)p));
#elif defined(__x86_64__)
	(void)next;
	return (words)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
#else
	(void)next;
	return __builtin_convertvector(*(const signed_bytes *)p, words);
#endif
}

/* x in the words of the group, y in those of the next. */
static inline words each(size_t x, size_t y)
{
#if LANES == 16
	return (words)_mm512_inserti64x4(_mm512_set1_epi16((int16_t)x), _mm256_set1_epi16((int16_t)y), 1);
#else
	(void)y;
	return (int16_t)x - (words){0};
#endif
}

/* Sums of products, spread over lanes: eight for a group on x86, four elsewhere. */
#if LANES == 16
typedef __m512i spread;
#elif defined(__x86_64__)
typedef __m256i spread;
#else
typedef int32x4_t spread;
#endif

/* c + a b. VPDPWSSD wraps, but no sum reaches it (rows_panel.c). */
static inline spread add_products(spread c, words a, words b)
{
#if LANES == 16 && defined(__AVX512VNNI__)
	return _mm512_dpwssd_epi32(c, (__m512i)a, (__m512i)b);
#elif LANES == 16
	return _mm512_add_epi32(c, _mm512_madd_epi16((__m512i)a, (__m512i)b));
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
#if LANES == 16
	return _mm512_setzero_si512();
#elif defined(__x86_64__)
	return _mm256_setzero_si256();
#else
	return vdupq_n_s32(0);
#endif
}

/* The sums of two, side by side and half as spread. */
static inline spread gather_two(spread a, spread b)
{
#if LANES == 16
	const __m512 x = (__m512)a, y = (__m512)b;
	return _mm512_add_epi32((__m512i)_mm512_shuffle_ps(x, y, 0x88), (__m512i)_mm512_shuffle_ps(x, y, 0xdd));
#elif defined(__x86_64__)
	return _mm256_hadd_epi32(a, b);
#else
	return vpaddq_s32(a, b);
#endif
}

/* One sum a lane, of eight groups: all in `a`, or gathered by fours. */
static inline ints gather_eight(spread a, spread b)
{
#if LANES == 16
	const __m512i first = _mm512_castsi256_si512(_mm256_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11)),
		      second = _mm512_castsi256_si512(_mm256_setr_epi32(4, 12, 5, 13, 6, 14, 7, 15));
	(void)b;
	return (ints)_mm512_castsi512_si256(
		_mm512_add_epi32(_mm512_permutexvar_epi32(first, a), _mm512_permutexvar_epi32(second, a)));
#elif defined(__x86_64__)
	return (ints)_mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
#else
	ints r;
	memcpy(&r, &a, sizeof(a));
	memcpy((char *)&r + sizeof(a), &b, sizeof(b));
	return r;
#endif
}

/* STEP groups at a time, one after the other: what waits for its neighbour. */
struct gathered {
	spread one, two, four;
	ints eight; /* when all are there */
};

/* The i-th. */
static inline __attribute__((always_inline)) void gather_next(struct gathered *t, const size_t i, spread s)
{
	if (i % 2 == 0) {
		t->one = s;
		return;
	}
	s = gather_two(t->one, s);
	if (i % 4 == 1) {
		t->two = s;
		return;
	}
	s = gather_two(t->two, s);
	if (STEP == 2)
		t->eight = gather_eight(s, s);
	else if (i % 8 == 3)
		t->four = s;
	else
		t->eight = gather_eight(t->four, s);
}

/* For those of which there are but n of the groups: 2, 4, 6 or all. */
static inline __attribute__((always_inline)) void gather_rest(struct gathered *t, const size_t n)
{
	const size_t there = n / STEP;
	spread none = spread_zero(), last = there % 2 ? gather_two(t->one, none) : t->two;
	if (n == 8)
		return;
	if (STEP == 2)
		t->eight = gather_eight(there == 1 ? gather_two(last, none) : gather_two(t->two, there == 3 ? last : none), none);
	else if (there == 2)
		t->eight = gather_eight(gather_two(last, none), none);
	else
		t->eight = gather_eight(t->four, there == 6 ? gather_two(last, none) : none);
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

/* 16 in each word whose bit is set in the 16 at p, and at next. */
static inline words fifth_bits(const uint8_t *p, const uint8_t *next)
{
#define SIXTEEN_BITS 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, INT16_MIN
#if LANES == 16
	const words bit = {SIXTEEN_BITS, SIXTEEN_BITS};
#else
	const words bit = {SIXTEEN_BITS};
#endif
#undef SIXTEEN_BITS
	uint16_t first, second;
	memcpy(&first, p, 2);
	memcpy(&second, next, 2);
	return ((each(first, second) & bit) != 0) & 16;
}

struct group {
	words low, high; /* values 0 to 15 and 16 to 31, as matrix_group has them, but for `offset` */
};

/* Behind the last group lies anything, which must not overflow. */
typedef uint32_t naturals __attribute__((vector_size(32), aligned(4), may_alias));

/* What is to be taken from each value of a group: once from the sum of its products, times A's sum. */
static inline uint32_t offset(const enum dtype dtype)
{
	return dtype == DTYPE_Q4_0 ? 8 : dtype == DTYPE_Q5_0 ? 16 : 0;
}

/* Group g of the block b; the next one is in the block `next`, which of 256 values is the same. */
static inline __attribute__((always_inline)) struct group group_at(
	const enum dtype dtype, const uint8_t *b, const uint8_t *next, const size_t g)
{
	const uint8_t *q;
	const int8_t *scales = (const int8_t *)b + 192;
	words x, y;
	switch (dtype) {
	case DTYPE_Q8_0:
		return (struct group){widen_signed(b + 2, next + 2), widen_signed(b + 18, next + 18)};
	case DTYPE_Q4_0:
		x = widen(b + 2, next + 2);
		return (struct group){x & 15, x >> 4};
	case DTYPE_Q4_1:
		x = widen(b + 4, next + 4);
		return (struct group){x & 15, x >> 4};
	case DTYPE_Q5_0:
		x = widen(b + 6, next + 6);
		return (struct group){(x & 15) | fifth_bits(b + 2, next + 2), (x >> 4) | fifth_bits(b + 4, next + 4)};
	case DTYPE_Q5_1:
		x = widen(b + 8, next + 8);
		return (struct group){(x & 15) | fifth_bits(b + 4, next + 4), (x >> 4) | fifth_bits(b + 6, next + 6)};
	case DTYPE_Q4_K:
		q = b + 16 + g / 2 * 32;
		x = widen(q, q) >> each(g % 2 * 4, 4);
		y = widen(q + 16, q + 16) >> each(g % 2 * 4, 4);
		return (struct group){x & 15, y & 15};
	case DTYPE_Q5_K:
		q = b + 48 + g / 2 * 32;
		x = (widen(q, q) >> each(g % 2 * 4, 4)) & 15;
		y = (widen(q + 16, q + 16) >> each(g % 2 * 4, 4)) & 15;
		x |= ((widen(b + 16, b + 16) >> each(g, g + 1)) & 1) << 4;
		y |= ((widen(b + 32, b + 32) >> each(g, g + 1)) & 1) << 4;
		return (struct group){x, y};
	case DTYPE_Q6_K:
		q = b + g / 4 * 64 + g % 2 * 32;
		x = (widen(q, q + 32) >> (g & 2 ? 4 : 0)) & 15;
		y = (widen(q + 16, q + 48) >> (g & 2 ? 4 : 0)) & 15;
		q = b + 128 + g / 4 * 32;
		x |= ((widen(q, q) >> each(g % 4 * 2, g % 4 * 2 + 2)) & 3) << 4;
		y |= ((widen(q + 16, q + 16) >> each(g % 4 * 2, g % 4 * 2 + 2)) & 3) << 4;
		scales += 2 * g;
		return (struct group){(x - 32) * each((size_t)scales[0], (size_t)scales[STEP == 2 ? 2 : 0]),
			(y - 32) * each((size_t)scales[1], (size_t)scales[STEP == 2 ? 3 : 1])};
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
	const int16_t *q = r->q + rounded_at(r, row, at);
	struct gathered low, high;
	lanes scale, minimum;
	for (size_t line = 0; line < (n + n_groups - 1) / n_groups * block_bytes + 63; line += 64)
		__builtin_prefetch(p + AHEAD + line); /* never faults, past the end neither */
#pragma GCC unroll 8
	for (size_t g = 0; g < n; g += STEP) {
		const uint8_t *block = p + g / n_groups * block_bytes, *next = p + (g + 1) / n_groups * block_bytes;
		const int16_t *first = q + g / 2 * 2 * GROUP + g % 2 * 16;
		struct group w = group_at(dtype, block, next, g % n_groups);
		spread s = add_products(spread_zero(), w.low, *(const words *)first);
		if (dtype == DTYPE_Q6_K)
			gather_next(&high, g / STEP, add_products(spread_zero(), w.high, *(const words *)(first + GROUP)));
		else
			s = add_products(s, w.high, *(const words *)(first + GROUP));
		gather_next(&low, g / STEP, s);
	}
	gather_rest(&low, n);
	scales_of(&scale, &minimum, dtype, p, block_bytes, n);
	if (offset(dtype))
		low.eight = (ints)((naturals)low.eight - *(const naturals *)(r->whole + i) * offset(dtype));
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
	const int16_t *q = r->q + rounded_at(r, row, at);
	struct group w = group_at(dtype, p, p, 0);
	spread s = add_products(add_products(spread_zero(), w.low, *(const words *)q), w.high, *(const words *)(q + GROUP));
	enum { SPREAD = sizeof(s) / 4 / STEP };
	int32_t part[SPREAD], exact = 0;
	float scale, minimum;
	size_t i = row * (r->K / GROUP) + at;
	halves(&scale, &minimum, p);
	memcpy(part, &s, sizeof(part));
	for (size_t k = 0; k < SPREAD; k++)
		exact += part[k];
	exact -= r->whole[i] * (int32_t)offset(dtype);
	*sum = fmaf(scale * r->scale[i], (float)exact, *sum);
	if (has_minimum(dtype))
		*sum = fmaf(minimum, r->sum[i], *sum);
}

/* ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)) */
static inline float total(lanes v)
{
	v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
	v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
	return v[0] + v[1];
}

static inline __attribute__((always_inline)) float dot(
	const enum dtype dtype, const uint8_t *p, size_t block_bytes, const struct rounded *r, size_t row)
{
	size_t all = r->K / GROUP, at = 0;
	lanes sum = {0};
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
	if (dtype < DTYPE_Q4_K && all % 2) {
		float x[8];
		memcpy(x, &sum, sizeof(x));
		add_one(&x[all % 8 - 1], dtype, p + (all - 1 - at) * block_bytes, r, row, all - 1);
		memcpy(&sum, x, sizeof(x));
	}
	return total(sum);
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

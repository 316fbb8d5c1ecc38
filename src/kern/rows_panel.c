/*
 * A quantised B times many rounded rows of A (rows.h), as many rows of B at a time as a vector has lanes: lane n belongs to row n of B. One broadcast
 * pair of A meets all of them, their products of a group add up in place, one multiplication makes the scales of all, each of the eight sums that
 * `ref` has is a vector, and the tree at the end adds vectors. Blocks are transposed as bytes, before they are widened, and the panel stays in the first cache for all rows of A.
 *
 * Sums of integers are exact. |q| of A is at most 32767; |w| of B at most 128 (Q8_0), 31 with five bits, and in Q6_K, which has the scale of its 16
 * values multiplied in, at most 32 * 128 = 4096. So 32 products stay below 32 * 32767 * 128 < 2^28, and the 16 that Q6_K adds up below
 * 16 * 32767 * 4096 < 2^31: neither VPDPWSSD, which wraps, nor VPMADDWD and VPADDD, which stand for it where there is no AVX512_VNNI, ever does.
 */
#include "kern/rows.h"

#include <immintrin.h>
#include <string.h>

/* Groups of a panel of LANES rows of B: 27 KB with AVX-512, whole blocks of 256. */
enum { DEPTH = 24 };

/* The same instruction in both widths. */
#if LANES == 16
#define WIDE(operation) _mm512_##operation
typedef __m512i whole;
typedef __m512 real;
#else
#define WIDE(operation) _mm256_##operation
typedef __m256i whole;
typedef __m256 real;
#endif

typedef int16_t words __attribute__((vector_size(4 * LANES), may_alias));

/* Values of a group: low[l] has 2l and 2l + 1, high[l] 2l + 16 and 2l + 17. */
struct group {
	words low[8], high[8];
};

struct panel {
	struct group group[DEPTH];
	vf scale[DEPTH], minimum[DEPTH];
};

/* Of one row of A. */
struct sums {
	vf of[8];
};

/* ---- B, unpacked ------------------------------------------------------------------------------------------------------- */

/* The 16 bytes at p, and those of every fourth row behind. */
static inline whole fourths(const uint8_t *p, size_t stride)
{
	__m128i x[LANES / 4];
#pragma GCC unroll 4
	for (size_t i = 0; i < LANES / 4; i++)
		x[i] = _mm_loadu_si128((const __m128i *)(p + 4 * i * stride));
#if LANES == 16
	whole r = _mm512_castsi128_si512(x[0]);
	r = _mm512_inserti32x4(r, x[1], 1);
	r = _mm512_inserti32x4(r, x[2], 2);
	return _mm512_inserti32x4(r, x[3], 3);
#else
	return _mm256_set_m128i(x[1], x[0]);
#endif
}

/* t[j], lane n: bytes 4j to 4j + 3 of the 16 at p + n * stride. */
static inline void dwords(whole t[4], const uint8_t *p, size_t stride)
{
	whole r[4], a, b;
#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++)
		r[i] = fourths(p + i * stride, stride);
	a = WIDE(unpacklo_epi32)(r[0], r[1]);
	b = WIDE(unpacklo_epi32)(r[2], r[3]);
	t[0] = WIDE(unpacklo_epi64)(a, b);
	t[1] = WIDE(unpackhi_epi64)(a, b);
	a = WIDE(unpackhi_epi32)(r[0], r[1]);
	b = WIDE(unpackhi_epi32)(r[2], r[3]);
	t[2] = WIDE(unpacklo_epi64)(a, b);
	t[3] = WIDE(unpackhi_epi64)(a, b);
}

/* 16 bytes repeated. */
static inline whole everywhere(__m128i x)
{
#if LANES == 16
	return _mm512_broadcast_i32x4(x);
#else
	return _mm256_broadcastsi128_si256(x);
#endif
}

/* x[l], lane n: bytes 2l and 2l + 1 of the 16 at p + n * stride, widened. */
static inline void widen(words x[8], const uint8_t *p, size_t stride)
{
	const whole even = everywhere(_mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1));
	const whole odd = everywhere(_mm_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1));
	whole t[4];
	dwords(t, p, stride);
#pragma GCC unroll 4
	for (size_t j = 0; j < 4; j++) {
		x[2 * j] = (words)WIDE(shuffle_epi8)(t[j], even);
		x[2 * j + 1] = (words)WIDE(shuffle_epi8)(t[j], odd);
	}
}

/* Bytes with a sign. */
static inline words sign(words x)
{
	return (x << 8) >> 8;
}

/* 16 in the words of sum l whose bits are set in the 32 of each row. */
static inline void fifth_bits(words *low, words *high, vi bits, int l)
{
	bits >>= 2 * l;
	*low |= (words)(((bits << 4) & 0x10) | ((bits << 19) & 0x100000));
	*high |= (words)(((bits >> 12) & 0x10) | ((bits << 3) & 0x100000));
}

/* Four bytes of each row. */
static inline vi gather(const uint8_t *p, size_t stride)
{
	int32_t x[LANES];
#pragma GCC unroll 16
	for (size_t n = 0; n < LANES; n++)
		memcpy(&x[n], p + n * stride, 4);
	return *(const vi *)x;
}

/* The factors of a group of Q6_K, for the words of the low and of the high values. */
static inline void sixteens(words *low, words *high, const uint8_t *p, size_t stride)
{
	int16_t x[2 * LANES], y[2 * LANES];
	for (size_t n = 0; n < LANES; n++) {
		x[2 * n] = x[2 * n + 1] = (int8_t)p[n * stride];
		y[2 * n] = y[2 * n + 1] = (int8_t)p[n * stride + 1];
	}
	memcpy(low, x, sizeof(*low));
	memcpy(high, y, sizeof(*high));
}

/* Group g of a block of each row, the first at b: what matrix_group has. */
static inline __attribute__((always_inline)) void unpack(
	struct group *w, const enum dtype dtype, const uint8_t *b, const size_t stride, const size_t g)
{
	const uint8_t *q;
	words x[8], y[8], s[2];
	vi bits;
	switch (dtype) {
#define EACH_SUM _Pragma("GCC unroll 8") for (int l = 0; l < 8; l++)
	case DTYPE_Q8_0:
		widen(x, b + 2, stride);
		widen(y, b + 18, stride);
		EACH_SUM
		{
			w->low[l] = sign(x[l]);
			w->high[l] = sign(y[l]);
		}
		return;
	case DTYPE_Q4_0:
		widen(x, b + 2, stride);
		EACH_SUM
		{
			w->low[l] = (x[l] & 15) - 8;
			w->high[l] = (x[l] >> 4) - 8;
		}
		return;
	case DTYPE_Q4_1:
		widen(x, b + 4, stride);
		EACH_SUM
		{
			w->low[l] = x[l] & 15;
			w->high[l] = x[l] >> 4;
		}
		return;
	case DTYPE_Q5_0:
	case DTYPE_Q5_1:
		q = dtype == DTYPE_Q5_0 ? b + 2 : b + 4;
		bits = gather(q, stride);
		widen(x, q + 4, stride);
		EACH_SUM
		{
			w->low[l] = x[l] & 15;
			w->high[l] = x[l] >> 4;
			fifth_bits(&w->low[l], &w->high[l], bits, l);
			if (dtype == DTYPE_Q5_0) {
				w->low[l] -= 16;
				w->high[l] -= 16;
			}
		}
		return;
	case DTYPE_Q4_K:
		q = b + 16 + g / 2 * 32;
		widen(x, q, stride);
		widen(y, q + 16, stride);
		EACH_SUM
		{
			w->low[l] = (x[l] >> (int)(g % 2 * 4)) & 15;
			w->high[l] = (y[l] >> (int)(g % 2 * 4)) & 15;
		}
		return;
	case DTYPE_Q5_K:
		unpack(w, DTYPE_Q4_K, b + 32, stride, g); /* the nibbles lie behind the fifth bits */
		widen(x, b + 16, stride);
		widen(y, b + 32, stride);
		EACH_SUM
		{
			w->low[l] |= ((x[l] >> (int)g) & 1) << 4;
			w->high[l] |= ((y[l] >> (int)g) & 1) << 4;
		}
		return;
	case DTYPE_Q6_K:
		q = b + g / 4 * 64 + g % 2 * 32;
		widen(x, q, stride);
		widen(y, q + 16, stride);
		EACH_SUM
		{
			w->low[l] = (x[l] >> (g & 2 ? 4 : 0)) & 15;
			w->high[l] = (y[l] >> (g & 2 ? 4 : 0)) & 15;
		}
		q = b + 128 + g / 4 * 32;
		widen(x, q, stride);
		widen(y, q + 16, stride);
		sixteens(&s[0], &s[1], b + 192 + 2 * g, stride);
		EACH_SUM
		{
			w->low[l] |= ((x[l] >> (int)(g % 4 * 2)) & 3) << 4;
			w->high[l] |= ((y[l] >> (int)(g % 4 * 2)) & 3) << 4;
			w->low[l] = (w->low[l] - 32) * s[0];
			w->high[l] = (w->high[l] - 32) * s[1];
		}
		return;
#undef EACH_SUM
	default:
		return;
	}
}

/* The halves in the lower or upper 16 bits. */
static inline vf halves(vi x)
{
#if LANES == 16
	return (vf)_mm512_cvtph_ps(_mm512_cvtepi32_epi16((whole)x));
#else
	const __m256i low = _mm256_and_si256((whole)x, _mm256_set1_epi32(0xffff));
	return (vf)_mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
#endif
}

static inline vf byte_of(vi x, size_t i)
{
	return __builtin_convertvector((x >> (int)(8 * i)) & 255, vf);
}

/* Scale and minimum of each group of a block of each row. */
static inline __attribute__((always_inline)) void scales_of(
	vf *scale, vf *minimum, const enum dtype dtype, const uint8_t *b, const size_t stride)
{
	if (dtype == DTYPE_Q4_K || dtype == DTYPE_Q5_K) { /* k_scales, four groups at a time */
		whole t[4];
		dwords(t, b, stride);
		vf d = halves((vi)t[0]), m = -halves((vi)t[0] >> 16);
		vi s = (vi)t[1], l = (vi)t[2], rest = (vi)t[3];
		vi s4 = (rest & 0x0f0f0f0f) | ((s >> 2) & 0x30303030), l4 = ((rest >> 4) & 0x0f0f0f0f) | ((l >> 2) & 0x30303030);
		s &= 0x3f3f3f3f;
		l &= 0x3f3f3f3f;
		for (size_t g = 0; g < 4; g++) {
			scale[g] = d * byte_of(s, g);
			scale[g + 4] = d * byte_of(s4, g);
			minimum[g] = m * byte_of(l, g);
			minimum[g + 4] = m * byte_of(l4, g);
		}
		return;
	}
	if (dtype == DTYPE_Q6_K) { /* the two bytes in front belong to the block, too */
		vf d = halves(gather(b + 206, stride) >> 16);
		for (size_t g = 0; g < 8; g++) {
			scale[g] = d;
			minimum[g] = vset(0);
		}
		return;
	}
	vi both = gather(b, stride);
	*scale = halves(both);
	*minimum = has_minimum(dtype) ? halves(both >> 16) : vset(0);
}

/* ---- products ---------------------------------------------------------------------------------------------------------- */

/* c + a[0] b[0] + a[1] b[1] of words in each lane; b: two values of A for all. */
static inline whole add_pairs(whole c, words a, const int16_t *b)
{
	int32_t two;
	memcpy(&two, b, 4);
#ifdef __AVX512VNNI__
	return WIDE(dpwssd_epi32)(c, (whole)a, WIDE(set1_epi32)(two));
#else
	return WIDE(add_epi32)(c, WIDE(madd_epi16)((whole)a, WIDE(set1_epi32)(two)));
#endif
}

/* Groups of rows of A that lie as in struct rounded. */
struct rows {
	const int16_t *q;
	const float *scale, *sum;
	size_t K;
};

static inline struct rows rows_at(const struct rounded *r, size_t row, size_t group)
{
	size_t i = row * (r->K / GROUP) + group;
	return (struct rows){r->q + i * GROUP, r->scale + i, r->sum + i, r->K};
}

static inline vf floats_of(whole x)
{
	return __builtin_convertvector((vi)x, vf);
}

/* a b + c, rounded once. */
static inline vf fused_wide(vf a, vf b, vf c)
{
	return (vf)WIDE(fmadd_ps)((real)a, (real)b, (real)c);
}

/* Adds the products of a panel's group with group g of `rows` rows of A to sum g % 8 of each (panels begin at multiples of 8). */
static inline __attribute__((always_inline)) void add_group(
	struct sums *s, const enum dtype dtype, const struct panel *p, const struct rows *a, size_t g, const size_t rows)
{
	const struct group *w = &p->group[g];
	whole low[4], high[4];
#pragma GCC unroll 4
	for (size_t m = 0; m < rows; m++)
		low[m] = high[m] = WIDE(set1_epi32)(0);
#pragma GCC unroll 8
	for (size_t l = 0; l < 8; l++)
#pragma GCC unroll 4
		for (size_t m = 0; m < rows; m++) {
			const int16_t *q = a->q + m * a->K + g * GROUP + 2 * l;
			low[m] = add_pairs(low[m], w->low[l], q);
			high[m] = add_pairs(high[m], w->high[l], q + 16);
		}
#pragma GCC unroll 4
	for (size_t m = 0; m < rows; m++) {
		size_t i = m * (a->K / GROUP) + g;
		vf exact;
		if (dtype == DTYPE_Q6_K)
			exact = floats_of(low[m]) + floats_of(high[m]);
		else
			exact = floats_of(WIDE(add_epi32)(low[m], high[m]));
		vf sum = fused_wide(p->scale[g] * a->scale[i], exact, s[m].of[g % 8]);
		s[m].of[g % 8] = has_minimum(dtype) ? fused_wide(p->minimum[g], vset(a->sum[i]), sum) : sum;
	}
}

static inline __attribute__((always_inline)) void multiply_panel(
	struct sums *s, const enum dtype dtype, const struct panel *p, size_t n, struct rows a, size_t M)
{
#define ROWS_CASE(rows)                                      \
	case rows:                                           \
		for (size_t g = 0; g < n; g++)               \
			add_group(s, dtype, p, &a, g, rows); \
		break;
	for (size_t step; M; M -= step, s += step) {
		step = rows_step(M);
		switch (step) {
			ROWS_CASE(1)
			ROWS_CASE(2)
			ROWS_CASE(4)
		}
		a = (struct rows){a.q + step * a.K, a.scale + step * (a.K / GROUP), a.sum + step * (a.K / GROUP), a.K};
	}
#undef ROWS_CASE
}

/* n groups of LANES rows of B, the first at b, times M rows of A. */
static inline __attribute__((always_inline)) void multiply_groups(
	struct sums *s, const enum dtype dtype, const uint8_t *b, size_t stride, size_t n, struct rows a, size_t M)
{
	const size_t n_groups = dtype >= DTYPE_Q4_K ? 8 : 1, block_bytes = dtype_block_bytes(dtype);
	struct panel p;
	for (size_t at = 0; at < n; at += n_groups)
		scales_of(p.scale + at, p.minimum + at, dtype, b + at / n_groups * block_bytes, stride);
	for (size_t at = 0; at < n; at += n_groups)
		for (size_t g = 0; g < n_groups; g++)
			unpack(&p.group[at + g], dtype, b + at / n_groups * block_bytes, stride, g);
	multiply_panel(s, dtype, &p, n, a, M);
}

static void multiply_stored(struct sums *s, enum dtype dtype, const uint8_t *b, size_t stride, size_t n, struct rows a, size_t M)
{
	switch (dtype) {
#define STORED_CASE(t)                                     \
	case t:                                            \
		multiply_groups(s, t, b, stride, n, a, M); \
		break;
		STORED_CASE(DTYPE_Q8_0)
		STORED_CASE(DTYPE_Q4_0)
		STORED_CASE(DTYPE_Q4_1)
		STORED_CASE(DTYPE_Q5_0)
		STORED_CASE(DTYPE_Q5_1)
		STORED_CASE(DTYPE_Q4_K)
		STORED_CASE(DTYPE_Q5_K)
		STORED_CASE(DTYPE_Q6_K)
	default:
		break;
	}
}

/* N < LANES rows are copied, and the last one stands for those that are missing. */
static const uint8_t *fill_up(uint8_t *copy, const uint8_t *b, size_t stride, size_t bytes, size_t N)
{
	for (size_t n = 0; n < LANES; n++)
		memcpy(copy + n * bytes, b + least(n, N - 1) * stride, bytes);
	return copy;
}

static vf sums_total(const struct sums *s)
{
	const vf *x = s->of;
	return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

/* Asks for the next panel's bytes (see AHEAD of rows_lane.c); addresses past the end do no harm. */
static void ahead(const uint8_t *p, size_t stride, size_t bytes)
{
	for (size_t n = 0; n < LANES; n++)
		for (size_t i = 0; i < bytes; i += 64)
			__builtin_prefetch(p + n * stride + i, 0, 2);
}

void P(rounded_panels)(float sum[][COLUMNS], const struct rounded *r, const struct matrix *b, struct part c)
{
	enum { BLOCK_BYTES_MAX = 34 }; /* of 32 values: Q8_0 */
	size_t groups = r->K / GROUP, stride = dtype_row_bytes(b->dtype, b->cols);
	const uint8_t *row = (const uint8_t *)b->data + c.n0 * stride;
	uint8_t copy[LANES * DEPTH * BLOCK_BYTES_MAX];
	for (size_t n = 0; n < c.N; n += LANES, row += LANES * stride) {
		struct sums s[ROUNDED_ROWS];
		size_t N = least(LANES, c.N - n);
		memset(s, 0, c.M * sizeof(*s));
		for (size_t at = 0; at < groups; at += DEPTH) {
			size_t some = least(DEPTH, groups - at), bytes = dtype_row_bytes(b->dtype, some * GROUP);
			const uint8_t *p = row + dtype_row_bytes(b->dtype, at * GROUP);
			if (N < LANES)
				p = fill_up(copy, p, stride, bytes, N);
			else
				ahead(p + LANES * stride, stride, bytes);
			multiply_stored(s, b->dtype, p, N < LANES ? bytes : stride, some, rows_at(r, c.m0, at), c.M);
		}
		for (size_t m = 0; m < c.M; m++) {
			vf total = sums_total(&s[m]);
			memcpy(sum[m] + n, &total, N * sizeof(float));
		}
	}
}

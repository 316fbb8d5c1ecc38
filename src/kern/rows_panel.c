/*
 * A quantised B times many rounded rows of A (rows.h), sixteen rows of B at a time: lane n of a vector belongs to row n of B, and each of the eight
 * sums that `ref` has is a vector. So one broadcast pair of A meets sixteen rows, one multiplication makes the scales of all, and the tree at
 * the end adds vectors. Blocks are transposed as bytes, before they are widened, and the panel stays in the first cache for all rows of A.
 *
 * Sums of integers are exact. |q| of A is at most 32767; |w| of B at most 128 (Q8_0), 31 with five bits, and in Q6_K, which has the scale of its 16
 * values multiplied in, at most 32 * 128 = 4096: four products stay below 4 * 32767 * 4096 < 2^30, so neither VPDPWSSD, which wraps, nor VPMADDWD and
 * VPADDD, which stand for it where there is no AVX512_VNNI, ever does.
 */
#include "kern/rows.h"

#include <immintrin.h>
#include <string.h>

/* Rows of B; groups of a panel: 27 KB, whole blocks of 256. */
enum { PANEL = 16, DEPTH = 24 };

typedef int16_t words __attribute__((vector_size(64), may_alias));

/* Values of a group: those of sum l are 2l and 2l + 1 (low), 2l + 16 and 2l + 17 (high). */
struct group {
	words low[8], high[8];
};

struct panel {
	struct group group[DEPTH];
	vf scale[DEPTH], minimum[DEPTH];
};

/* Of one row of A. */
struct sums {
	vf lane[8], low;
};

/* ---- B, unpacked ------------------------------------------------------------------------------------------------------- */

/* t[j], lane n: bytes 4j to 4j + 3 of the 16 at p + n * stride. */
static inline void dwords(__m512i t[4], const uint8_t *p, size_t stride)
{
	__m512i r[4], a, b;
#pragma GCC unroll 4
	for (size_t i = 0; i < 4; i++) {
		const uint8_t *row = p + i * stride;
		r[i] = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)row));
		r[i] = _mm512_inserti32x4(r[i], _mm_loadu_si128((const __m128i *)(row + 4 * stride)), 1);
		r[i] = _mm512_inserti32x4(r[i], _mm_loadu_si128((const __m128i *)(row + 8 * stride)), 2);
		r[i] = _mm512_inserti32x4(r[i], _mm_loadu_si128((const __m128i *)(row + 12 * stride)), 3);
	}
	a = _mm512_unpacklo_epi32(r[0], r[1]);
	b = _mm512_unpacklo_epi32(r[2], r[3]);
	t[0] = _mm512_unpacklo_epi64(a, b);
	t[1] = _mm512_unpackhi_epi64(a, b);
	a = _mm512_unpackhi_epi32(r[0], r[1]);
	b = _mm512_unpackhi_epi32(r[2], r[3]);
	t[2] = _mm512_unpacklo_epi64(a, b);
	t[3] = _mm512_unpackhi_epi64(a, b);
}

/* x[l], lane n: bytes 2l and 2l + 1 of the 16 at p + n * stride, widened. */
static inline void widen(words x[8], const uint8_t *p, size_t stride)
{
	const __m512i even = _mm512_broadcast_i32x4(_mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1));
	const __m512i odd = _mm512_broadcast_i32x4(_mm_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1));
	__m512i t[4];
	dwords(t, p, stride);
#pragma GCC unroll 4
	for (size_t j = 0; j < 4; j++) {
		x[2 * j] = (words)_mm512_shuffle_epi8(t[j], even);
		x[2 * j + 1] = (words)_mm512_shuffle_epi8(t[j], odd);
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
	bits = (vi)_mm512_srli_epi32((__m512i)bits, (unsigned)(2 * l));
	*low |= (words)(((bits << 4) & 0x10) | ((bits << 19) & 0x100000));
	*high |= (words)(((bits >> 12) & 0x10) | ((bits << 3) & 0x100000));
}

/* Four bytes of each row. */
static inline vi gather(const uint8_t *p, size_t stride)
{
	int32_t x[PANEL];
#pragma GCC unroll 16
	for (size_t n = 0; n < PANEL; n++)
		memcpy(&x[n], p + n * stride, 4);
	return *(const vi *)x;
}

/* The factors of a group of Q6_K, for the words of the low and of the high values. */
static inline void sixteens(words *low, words *high, const uint8_t *p, size_t stride)
{
	int16_t x[2 * PANEL], y[2 * PANEL];
	for (size_t n = 0; n < PANEL; n++) {
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
	return (vf)_mm512_cvtph_ps(_mm512_cvtepi32_epi16((__m512i)x));
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
		__m512i t[4];
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
static inline __m512i add_pairs(__m512i c, words a, const int16_t *b)
{
	int32_t two;
	memcpy(&two, b, 4);
#ifdef __AVX512VNNI__
	return _mm512_dpwssd_epi32(c, (__m512i)a, _mm512_set1_epi32(two));
#else
	return _mm512_add_epi32(c, _mm512_madd_epi16((__m512i)a, _mm512_set1_epi32(two)));
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

/* Adds the products of a group with group g of `rows` rows of A. */
static inline __attribute__((always_inline)) void add_group(
	vf lane[][8], vf low[], const struct group *w, vf scale, vf minimum, const struct rows *a, size_t g, const size_t rows)
{
	vf both[4];
#pragma GCC unroll 4
	for (size_t m = 0; m < rows; m++) {
		size_t i = m * (a->K / GROUP) + g;
		both[m] = scale * a->scale[i];
		low[m] = (vf)_mm512_fmadd_ps((__m512)minimum, (__m512)vset(a->sum[i]), (__m512)low[m]);
	}
#pragma GCC unroll 8
	for (size_t l = 0; l < 8; l++)
#pragma GCC unroll 4
		for (size_t m = 0; m < rows; m++) {
			const int16_t *q = a->q + m * a->K + g * GROUP + 2 * l;
			__m512i exact = add_pairs(add_pairs(_mm512_setzero_si512(), w->low[l], q), w->high[l], q + 16);
			lane[m][l] = (vf)_mm512_fmadd_ps((__m512)both[m], _mm512_cvtepi32_ps(exact), (__m512)lane[m][l]);
		}
}

/* Sums that registers hold, from memory and back. */
static inline __attribute__((always_inline)) void sums_load(vf lane[][8], vf low[], const struct sums *s, const size_t rows)
{
#pragma GCC unroll 4
	for (size_t m = 0; m < rows; m++) {
#pragma GCC unroll 8
		for (size_t l = 0; l < 8; l++)
			lane[m][l] = s[m].lane[l];
		low[m] = s[m].low;
	}
}

static inline __attribute__((always_inline)) void sums_store(struct sums *s, vf lane[][8], const vf low[], const size_t rows)
{
#pragma GCC unroll 4
	for (size_t m = 0; m < rows; m++) {
#pragma GCC unroll 8
		for (size_t l = 0; l < 8; l++)
			s[m].lane[l] = lane[m][l];
		s[m].low = low[m];
	}
}

/* n groups of a panel times `rows` rows of A. */
static inline __attribute__((always_inline)) void add_panel(
	struct sums *s, const struct panel *p, size_t n, const struct rows *a, const size_t rows)
{
	vf lane[2][8], low[2];
	sums_load(lane, low, s, rows);
	for (size_t g = 0; g < n; g++)
		add_group(lane, low, &p->group[g], p->scale[g], p->minimum[g], a, g, rows);
	sums_store(s, lane, low, rows);
}

static void multiply_panel(struct sums *s, const struct panel *p, size_t n, struct rows a, size_t M)
{
	size_t m = 0;
	for (; m + 2 <= M; m += 2) {
		add_panel(s + m, p, n, &a, 2);
		a = (struct rows){a.q + 2 * a.K, a.scale + 2 * (a.K / GROUP), a.sum + 2 * (a.K / GROUP), a.K};
	}
	if (m < M)
		add_panel(s + m, p, n, &a, 1);
}

/* n groups of sixteen rows of B, the first at b, times M rows of A. */
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
	multiply_panel(s, &p, n, a, M);
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

/* N < 16 rows are copied, and the last one stands for those that are missing. */
static const uint8_t *fill_up(uint8_t *copy, const uint8_t *b, size_t stride, size_t bytes, size_t N)
{
	for (size_t n = 0; n < PANEL; n++)
		memcpy(copy + n * bytes, b + least(n, N - 1) * stride, bytes);
	return copy;
}

static vf sums_total(const struct sums *s)
{
	const vf *x = s->lane;
	return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7])) + s->low;
}

void P(rounded_panels)(float sum[][COLUMNS], const struct rounded *r, const struct matrix *b, struct part c)
{
	enum { BLOCK_BYTES_MAX = 34 }; /* of 32 values: Q8_0 */
	size_t groups = r->K / GROUP, stride = dtype_row_bytes(b->dtype, b->cols);
	const uint8_t *row = (const uint8_t *)b->data + c.n0 * stride;
	uint8_t copy[PANEL * DEPTH * BLOCK_BYTES_MAX];
	for (size_t n = 0; n < c.N; n += PANEL, row += PANEL * stride) {
		struct sums s[ROUNDED_ROWS];
		size_t N = least(PANEL, c.N - n);
		memset(s, 0, c.M * sizeof(*s));
		for (size_t at = 0; at < groups; at += DEPTH) {
			size_t some = least(DEPTH, groups - at), bytes = dtype_row_bytes(b->dtype, some * GROUP);
			const uint8_t *p = row + dtype_row_bytes(b->dtype, at * GROUP);
			if (N < PANEL)
				p = fill_up(copy, p, stride, bytes, N);
			multiply_stored(s, b->dtype, p, N < PANEL ? bytes : stride, some, rows_at(r, c.m0, at), c.M);
		}
		for (size_t m = 0; m < c.M; m++) {
			vf total = sums_total(&s[m]);
			memcpy(sum[m] + n, &total, N * sizeof(float));
		}
	}
}

/*
 * A quantised B times many rounded rows of A (rows.h), as many rows of B at a time as a vector has lanes: lane n belongs to row n of B. One broadcast
 * pair of A meets all of them and those of the panel beside, their products of a group add up in place, one multiplication makes the scales of all, each of the eight sums that
 * `ref` has is a vector, and the tree at the end adds vectors. Blocks are transposed as bytes, before they are widened, and two panels stay in the first cache for all rows of A.
 *
 * Sums of integers are exact. |q| of A is at most 32767; |w| of B at most 128 (Q8_0), 31 with five bits, and in Q6_K, which has the scale of its 16
 * values multiplied in, at most 32 * 128 = 4096. So 32 products stay below 32 * 32767 * 128 < 2^28, and the 16 that Q6_K adds up below
 * 16 * 32767 * 4096 < 2^31: neither VPDPWSSD, which wraps, nor VPMADDWD and VPADDD, which stand for it where there is no AVX512_VNNI, ever does.
 */
#include "kern/rows.h"

#include <string.h>

/* Groups of a panel of LANES rows of B, whole blocks of 256; two panels are 18 KB with AVX-512. */
enum { DEPTH = 8, PANELS_AT_ONCE = 2 };

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

/* Values of a group: pair[l] has 2l and 2l + 1. */
struct group {
	words pair[16];
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
			w->pair[l] = sign(x[l]);
			w->pair[l + 8] = sign(y[l]);
		}
		return;
	case DTYPE_Q4_0:
		widen(x, b + 2, stride);
		EACH_SUM
		{
			w->pair[l] = (x[l] & 15) - 8;
			w->pair[l + 8] = (x[l] >> 4) - 8;
		}
		return;
	case DTYPE_Q4_1:
		widen(x, b + 4, stride);
		EACH_SUM
		{
			w->pair[l] = x[l] & 15;
			w->pair[l + 8] = x[l] >> 4;
		}
		return;
	case DTYPE_Q5_0:
	case DTYPE_Q5_1:
		q = dtype == DTYPE_Q5_0 ? b + 2 : b + 4;
		bits = gather(q, stride);
		widen(x, q + 4, stride);
		EACH_SUM
		{
			w->pair[l] = x[l] & 15;
			w->pair[l + 8] = x[l] >> 4;
			fifth_bits(&w->pair[l], &w->pair[l + 8], bits, l);
			if (dtype == DTYPE_Q5_0) {
				w->pair[l] -= 16;
				w->pair[l + 8] -= 16;
			}
		}
		return;
	case DTYPE_Q4_K:
		q = b + 16 + g / 2 * 32;
		widen(x, q, stride);
		widen(y, q + 16, stride);
		EACH_SUM
		{
			w->pair[l] = (x[l] >> (int)(g % 2 * 4)) & 15;
			w->pair[l + 8] = (y[l] >> (int)(g % 2 * 4)) & 15;
		}
		return;
	case DTYPE_Q5_K:
		unpack(w, DTYPE_Q4_K, b + 32, stride, g); /* the nibbles lie behind the fifth bits */
		widen(x, b + 16, stride);
		widen(y, b + 32, stride);
		EACH_SUM
		{
			w->pair[l] |= ((x[l] >> (int)g) & 1) << 4;
			w->pair[l + 8] |= ((y[l] >> (int)g) & 1) << 4;
		}
		return;
	case DTYPE_Q6_K:
		q = b + g / 4 * 64 + g % 2 * 32;
		widen(x, q, stride);
		widen(y, q + 16, stride);
		EACH_SUM
		{
			w->pair[l] = (x[l] >> (g & 2 ? 4 : 0)) & 15;
			w->pair[l + 8] = (y[l] >> (g & 2 ? 4 : 0)) & 15;
		}
		q = b + 128 + g / 4 * 32;
		widen(x, q, stride);
		widen(y, q + 16, stride);
		sixteens(&s[0], &s[1], b + 192 + 2 * g, stride);
		EACH_SUM
		{
			w->pair[l] |= ((x[l] >> (int)(g % 4 * 2)) & 3) << 4;
			w->pair[l + 8] |= ((y[l] >> (int)(g % 4 * 2)) & 3) << 4;
			w->pair[l] = (w->pair[l] - 32) * s[0];
			w->pair[l + 8] = (w->pair[l + 8] - 32) * s[1];
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
	size_t groups, stride; /* of a row, and of its q */
};

static inline struct rows rows_at(const struct rounded *r, size_t row, size_t group)
{
	size_t groups = r->K / GROUP, i = row * groups + group;
	return (struct rows){r->q + rounded_at(r, row, group), r->scale + i, r->sum + i, groups, rounded_at(r, 1, 0)};
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

/*
 * Adds the products of the panels' group g with group g of `rows` rows of A to sum g % 8 of each (blocks of panels begin at multiples of 8). Two
 * panels side by side share what is read of A; where there are few sums, the two halves of a group add up apart, for their latency.
 */
static inline __attribute__((always_inline)) void add_group(struct sums (*s)[PANELS_AT_ONCE], const enum dtype dtype,
	const struct panel *p, const struct rows *a, size_t g, const size_t rows, const size_t width)
{
	const bool apart = dtype == DTYPE_Q6_K || rows * width <= (LANES == 16 ? 8 : 4);
	const size_t group_at = g / 2 * 2 * GROUP + g % 2 * (GROUP / 2);
	whole part[2][4][PANELS_AT_ONCE];
#pragma GCC unroll 4
	for (size_t m = 0; m < rows; m++)
#pragma GCC unroll 2
		for (size_t i = 0; i < width; i++)
			part[0][m][i] = part[1][m][i] = WIDE(set1_epi32)(0);
#pragma GCC unroll 16
	for (size_t l = 0; l < 16; l++)
#pragma GCC unroll 4
		for (size_t m = 0; m < rows; m++)
#pragma GCC unroll 2
			for (size_t i = 0; i < width; i++) {
				whole *to = &part[apart ? l / 8 : 0][m][i];
				*to = add_pairs(
					*to, p[i].group[g].pair[l], a->q + m * a->stride + group_at + l / 8 * GROUP + l % 8 * 2);
			}
#pragma GCC unroll 4
	for (size_t m = 0; m < rows; m++)
#pragma GCC unroll 2
		for (size_t i = 0; i < width; i++) {
			size_t at = m * a->groups + g;
			whole *x = &part[0][m][i], *y = &part[1][m][i];
			vf exact;
			if (dtype == DTYPE_Q6_K)
				exact = floats_of(*x) + floats_of(*y);
			else
				exact = floats_of(apart ? WIDE(add_epi32)(*x, *y) : *x);
			vf *to = &s[m][i].of[g % 8], sum = fused_wide(p[i].scale[g] * a->scale[at], exact, *to);
			*to = has_minimum(dtype) ? fused_wide(p[i].minimum[g], vset(a->sum[at]), sum) : sum;
		}
}

/* Rows of B that come next: `bytes` of each, `stride` apart. */
struct coming {
	const uint8_t *p;
	size_t stride, bytes, rows;
};

static inline void ask_some(struct coming *c, size_t rows)
{
	rows = least(rows, c->rows);
	ask_for(c->p, c->stride, c->bytes, rows);
	c->p += rows * c->stride;
	c->rows -= rows;
}

/* What comes next is asked for between the products, since a burst of requests would be waited for. */
static inline __attribute__((always_inline)) void multiply_panels(struct sums (*s)[PANELS_AT_ONCE], const enum dtype dtype,
	const struct panel *p, size_t n, struct rows a, size_t M, const size_t width, struct coming c)
{
	const size_t each = (c.rows * rows_step(M) + n * M - 1) / (n * M);
#define ROWS_CASE(rows)                                             \
	case rows:                                                  \
		for (size_t g = 0; g < n; g++) {                    \
			ask_some(&c, each);                         \
			add_group(s, dtype, p, &a, g, rows, width); \
		}                                                   \
		break;
	for (size_t step; M; M -= step, s += step) {
		step = rows_step(M);
		switch (step) {
			ROWS_CASE(1)
			ROWS_CASE(2)
			ROWS_CASE(4)
		}
		a.q += step * a.stride;
		a.scale += step * a.groups;
		a.sum += step * a.groups;
	}
#undef ROWS_CASE
}

/* n groups of LANES or twice as many rows of B, the first at b, times M rows of A. */
static inline __attribute__((always_inline)) void multiply_groups(struct sums (*s)[PANELS_AT_ONCE], const enum dtype dtype,
	const uint8_t *b, size_t stride, size_t n, struct rows a, size_t M, size_t width, struct coming c)
{
	const size_t n_groups = dtype >= DTYPE_Q4_K ? 8 : 1, block_bytes = dtype_block_bytes(dtype);
	struct panel p[PANELS_AT_ONCE];
	for (size_t i = 0; i < width; i++, b += LANES * stride) {
		for (size_t at = 0; at < n; at += n_groups)
			scales_of(p[i].scale + at, p[i].minimum + at, dtype, b + at / n_groups * block_bytes, stride);
		for (size_t at = 0; at < n; at += n_groups)
			for (size_t g = 0; g < n_groups; g++)
				unpack(&p[i].group[at + g], dtype, b + at / n_groups * block_bytes, stride, g);
	}
	if (width > 1)
		multiply_panels(s, dtype, p, n, a, M, PANELS_AT_ONCE, c);
	else
		multiply_panels(s, dtype, p, n, a, M, 1, c);
}

static void multiply_stored(struct sums (*s)[PANELS_AT_ONCE], enum dtype dtype, const uint8_t *b, size_t stride, size_t n,
	struct rows a, size_t M, size_t width, struct coming c)
{
	switch (dtype) {
#define STORED_CASE(t)                                               \
	case t:                                                      \
		multiply_groups(s, t, b, stride, n, a, M, width, c); \
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

/* N rows are copied, and the last one stands for those that are missing of `rows`. */
static const uint8_t *fill_up(uint8_t *copy, const uint8_t *b, size_t stride, size_t bytes, size_t N, size_t rows)
{
	for (size_t n = 0; n < rows; n++)
		memcpy(copy + n * bytes, b + least(n, N - 1) * stride, bytes);
	return copy;
}

static vf sums_total(const struct sums *s)
{
	const vf *x = s->of;
	return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

void P(rounded_panels)(float sum[][COLUMNS], const struct rounded *r, const struct matrix *b, struct part c)
{
	enum { BLOCK_BYTES_MAX = 34, ROWS_MAX = PANELS_AT_ONCE * LANES }; /* of 32 values: Q8_0 */
	size_t groups = r->K / GROUP, stride = dtype_row_bytes(b->dtype, b->cols), N;
	const uint8_t *row = (const uint8_t *)b->data + c.n0 * stride;
	uint8_t copy[ROWS_MAX * DEPTH * BLOCK_BYTES_MAX];
	for (size_t n = 0; n < c.N; n += N, row += N * stride) {
		_Alignas(64) struct sums s[ROUNDED_ROWS][PANELS_AT_ONCE];
		size_t width = c.N - n > LANES ? PANELS_AT_ONCE : 1, rows = width * LANES;
		N = least(rows, c.N - n);
		memset(s, 0, c.M * sizeof(*s));
		for (size_t at = 0; at < groups; at += DEPTH) {
			size_t some = least(DEPTH, groups - at), bytes = dtype_row_bytes(b->dtype, some * GROUP);
			const uint8_t *p = row + dtype_row_bytes(b->dtype, at * GROUP);
			struct coming next = {p + rows * stride, stride, bytes, N < rows ? 0 : rows};
			if (N < rows)
				p = fill_up(copy, p, stride, bytes, N, rows);
			multiply_stored(s, b->dtype, p, N < rows ? bytes : stride, some, rows_at(r, c.m0, at), c.M, width, next);
		}
		for (size_t m = 0; m < c.M; m++)
			for (size_t i = 0; i * LANES < N; i++) {
				vf total = sums_total(&s[m][i]);
				memcpy(sum[m] + n + i * LANES, &total, least(LANES, N - i * LANES) * sizeof(float));
			}
	}
}

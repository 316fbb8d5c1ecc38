/*
 * Stored blocks to f32, vectorised for each path. The values equal matrix_row's bit for bit: products of an f16 and small integers are exact in
 * f32 (at most 11 + 7 + 5 bits, in Q6_K), and those with a minimum round once in both, where it is added.
 *
 * The unit is 16 values, half of the smallest block, since columns of a weight are unpacked in strips as narrow as AVX2's panels.
 */
#include "kern/path.h"

#include <string.h>

static inline float half(const uint8_t *p)
{
	uint16_t h;
	memcpy(&h, p, 2);
#if defined(__F16C__)
	return _cvtsh_ss(h);
#else
	return f16_to_f32(h);
#endif
}

/* LANES bytes to as many 32-bit integers. Spelled out because the compiler takes a generic conversion apart into single bytes. */
static inline vi widen(const uint8_t *p)
{
#if defined(__AVX512F__) && LANES == 16
	return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
#elif defined(__AVX2__) && LANES == 8
	return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
#else
	vi v;
	for (size_t i = 0; i < LANES; i++)
		v[i] = p[i];
	return v;
#endif
}

static inline vf floats(vi v)
{
	return __builtin_convertvector(v, vf);
}

/* Each of these writes half h of a block b, 16 values. */

static inline void q8_0(float *dst, const uint8_t *b, size_t h)
{
	float d = half(b);
	for (size_t i = 0; i < 16; i += LANES) /* the sign of a byte: x ^ 128 - 128 */
		vstore(dst + i, d * floats((widen(b + 2 + 16 * h + i) ^ 128) - 128));
}

static inline void q4_0(float *dst, const uint8_t *b, size_t h)
{
	float d = half(b);
	for (size_t i = 0; i < 16; i += LANES)
		vstore(dst + i, d * floats(((widen(b + 2 + i) >> (int)(4 * h)) & 15) - 8));
}

static inline void q4_1(float *dst, const uint8_t *b, size_t h)
{
	float d = half(b), m = half(b + 2);
	for (size_t i = 0; i < 16; i += LANES)
		vstore(dst + i, d * floats((widen(b + 4 + i) >> (int)(4 * h)) & 15) + m);
}

/* 16 in each lane j whose bit j + from is set in the 16 at p. */
static inline vi fifth_bits(const uint8_t *p, size_t from)
{
	static const int32_t lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	int32_t bits = (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8) >> from;
	return ((bits >> *(const vi *)lane) & 1) << 4;
}

static inline void q5_0(float *dst, const uint8_t *b, size_t h)
{
	float d = half(b);
	for (size_t i = 0; i < 16; i += LANES)
		vstore(dst + i, d * floats((((widen(b + 6 + i) >> (int)(4 * h)) & 15) | fifth_bits(b + 2 + 2 * h, i)) - 16));
}

static inline void q5_1(float *dst, const uint8_t *b, size_t h)
{
	float d = half(b), m = half(b + 2);
	for (size_t i = 0; i < 16; i += LANES)
		vstore(dst + i, d * floats(((widen(b + 8 + i) >> (int)(4 * h)) & 15) | fifth_bits(b + 4 + 2 * h, i)) + m);
}

static inline void q4_k(float *dst, const uint8_t *b, size_t h)
{
	const uint8_t *q = b + 16 + h / 4 * 32 + h % 2 * 16;
	int scale, min, shift = h & 2 ? 4 : 0;
	k_scales(b + 4, h / 2, &scale, &min);
	float d = half(b) * (float)scale, m = half(b + 2) * (float)min;
	for (size_t i = 0; i < 16; i += LANES)
		vstore(dst + i, d * floats((widen(q + i) >> shift) & 15) - m);
}

static inline void q5_k(float *dst, const uint8_t *b, size_t h)
{
	const uint8_t *high = b + 16 + h % 2 * 16, *q = b + 48 + h / 4 * 32 + h % 2 * 16;
	int scale, min, shift = h & 2 ? 4 : 0, bit = (int)(h / 2);
	k_scales(b + 4, h / 2, &scale, &min);
	float d = half(b) * (float)scale, m = half(b + 2) * (float)min;
	for (size_t i = 0; i < 16; i += LANES) {
		vi v = ((widen(q + i) >> shift) & 15) | ((widen(high + i) >> bit) & 1) << 4;
		vstore(dst + i, d * floats(v) - m);
	}
}

static inline void q6_k(float *dst, const uint8_t *b, size_t h)
{
	const uint8_t *q = b + h / 8 * 64 + h % 4 * 16, *high = b + 128 + h / 8 * 32 + h % 2 * 16;
	int shift = h & 4 ? 4 : 0, bit = (int)(h / 2 % 4 * 2);
	float d = half(b + 208) * (float)(int8_t)b[192 + h];
	for (size_t i = 0; i < 16; i += LANES) {
		vi v = ((widen(q + i) >> shift) & 15) | ((widen(high + i) >> bit) & 3) << 4;
		vstore(dst + i, d * floats(v - 32));
	}
}

/* A strip of rows in blocks of n_halves; its columns need not start or end at a half. One half in all rows, then the next. */
static inline __attribute__((always_inline)) void halves(float *dst, size_t ldd, const struct matrix *m, struct strip s,
	const size_t n_halves, void (*one)(float *, const uint8_t *, size_t))
{
	size_t block_bytes = dtype_block_bytes(m->dtype), row_bytes = dtype_row_bytes(m->dtype, m->cols);
	const uint8_t *p = (const uint8_t *)m->data + s.row * row_bytes;
	float edge[16];
	for (size_t at = s.first, end = at + s.n, take; at < end; at += take, dst += take) {
		size_t h = at / 16, skip = at % 16;
		const uint8_t *b = p + h / n_halves * block_bytes;
		take = end - at < 16 - skip ? end - at : 16 - skip;
		for (size_t i = 0; i < s.rows; i++) {
			one(take == 16 ? dst + i * ldd : edge, b + i * row_bytes, h % n_halves);
			if (take < 16)
				memcpy(dst + i * ldd, edge + skip, take * sizeof(float));
		}
	}
}

static void plain(float *dst, const uint8_t *p, enum dtype t, size_t n)
{
	enum { AHEAD = 2048 }; /* bytes: see rows_lane.c */
	uint16_t u;
	size_t at = 0;
	switch (t) {
	case DTYPE_F32:
		memcpy(dst, p, n * sizeof(float));
		break;
	case DTYPE_F16:
		for (; at + LANES <= n; at += LANES) {
			__builtin_prefetch(p + at * 2 + AHEAD);
			vstore(dst + at, vload_half(p + at * 2));
		}
		for (; at < n; at++)
			dst[at] = half(p + at * 2);
		break;
	default: /* BF16 */
		for (size_t i = 0; i < n; i++) {
			memcpy(&u, p + i * 2, 2);
			uint32_t bits = (uint32_t)u << 16;
			memcpy(&dst[i], &bits, 4);
		}
	}
}

void P(unpack)(float *restrict dst, size_t ldd, const struct matrix *m, struct strip s)
{
	size_t row_bytes = dtype_row_bytes(m->dtype, m->cols), size = dtype_block_bytes(m->dtype);
	const uint8_t *p = (const uint8_t *)m->data + s.row * row_bytes + s.first * size;
	switch (m->dtype) {
#define UNPACK_CASE(t, n_halves, one)                  \
	case t:                                        \
		halves(dst, ldd, m, s, n_halves, one); \
		break;
		UNPACK_CASE(DTYPE_Q8_0, 2, q8_0)
		UNPACK_CASE(DTYPE_Q4_0, 2, q4_0)
		UNPACK_CASE(DTYPE_Q4_1, 2, q4_1)
		UNPACK_CASE(DTYPE_Q5_0, 2, q5_0)
		UNPACK_CASE(DTYPE_Q5_1, 2, q5_1)
		UNPACK_CASE(DTYPE_Q4_K, 16, q4_k)
		UNPACK_CASE(DTYPE_Q5_K, 16, q5_k)
		UNPACK_CASE(DTYPE_Q6_K, 16, q6_k)
	default:
		for (size_t i = 0; i < s.rows; i++, p += row_bytes)
			plain(dst + i * ldd, p, m->dtype, s.n);
	}
}

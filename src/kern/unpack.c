/*
 * Stored blocks to f32, vectorised for each path. The values equal matrix_row's bit for bit: products of an f16 and small integers are exact in
 * f32 (at most 11 + 7 + 5 bits, in Q6_K), and those with a minimum round once in both, where it is added.
 *
 * The unit is a group of 32 values, since columns of a weight are unpacked in strips narrower than a block of 256.
 */
#include "kern/path.h"

#include <string.h>
#if defined(__F16C__)
#include <immintrin.h> /* the paths for x86 all have it */
#endif

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

/* Each of these writes group g of the block b; blocks of 32 have only one. */

static inline void q8_0(float *dst, const uint8_t *b, size_t g)
{
	float d = half(b);
	(void)g;
	for (size_t i = 0; i < 32; i += LANES) /* the sign of a byte: x ^ 128 - 128 */
		vstore(dst + i, d * floats((widen(b + 2 + i) ^ 128) - 128));
}

static inline void q4_0(float *dst, const uint8_t *b, size_t g)
{
	float d = half(b);
	(void)g;
	for (size_t i = 0; i < 16; i += LANES) {
		vi v = widen(b + 2 + i);
		vstore(dst + i, d * floats((v & 15) - 8));
		vstore(dst + i + 16, d * floats((v >> 4) - 8));
	}
}

static inline void q4_1(float *dst, const uint8_t *b, size_t g)
{
	float d = half(b), m = half(b + 2);
	(void)g;
	for (size_t i = 0; i < 16; i += LANES) {
		vi v = widen(b + 4 + i);
		vstore(dst + i, d * floats(v & 15) + m);
		vstore(dst + i + 16, d * floats(v >> 4) + m);
	}
}

/* 16 in each lane j whose bit `from + j` is set in the 32 at p. */
static inline vi fifth_bits(const uint8_t *p, size_t from)
{
	static const int32_t lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	int32_t bits = (int32_t)((uint32_t)p[from / 8] | (uint32_t)p[from / 8 + 1] << 8) >> from % 8;
	return ((bits >> *(const vi *)lane) & 1) << 4;
}

static inline void q5_0(float *dst, const uint8_t *b, size_t g)
{
	float d = half(b);
	(void)g;
	for (size_t i = 0; i < 16; i += LANES) {
		vi v = widen(b + 6 + i);
		vstore(dst + i, d * floats(((v & 15) | fifth_bits(b + 2, i)) - 16));
		vstore(dst + i + 16, d * floats(((v >> 4) | fifth_bits(b + 2, i + 16)) - 16));
	}
}

static inline void q5_1(float *dst, const uint8_t *b, size_t g)
{
	float d = half(b), m = half(b + 2);
	(void)g;
	for (size_t i = 0; i < 16; i += LANES) {
		vi v = widen(b + 8 + i);
		vstore(dst + i, d * floats((v & 15) | fifth_bits(b + 4, i)) + m);
		vstore(dst + i + 16, d * floats((v >> 4) | fifth_bits(b + 4, i + 16)) + m);
	}
}

static inline void q4_k(float *dst, const uint8_t *b, size_t g)
{
	const uint8_t *q = b + 16 + g / 2 * 32;
	int scale, min, shift = g % 2 ? 4 : 0;
	k_scales(b + 4, g, &scale, &min);
	float d = half(b) * (float)scale, m = half(b + 2) * (float)min;
	for (size_t i = 0; i < 32; i += LANES)
		vstore(dst + i, d * floats((widen(q + i) >> shift) & 15) - m);
}

static inline void q5_k(float *dst, const uint8_t *b, size_t g)
{
	const uint8_t *h = b + 16, *q = b + 48 + g / 2 * 32;
	int scale, min, shift = g % 2 ? 4 : 0, bit = (int)g;
	k_scales(b + 4, g, &scale, &min);
	float d = half(b) * (float)scale, m = half(b + 2) * (float)min;
	for (size_t i = 0; i < 32; i += LANES) {
		vi v = ((widen(q + i) >> shift) & 15) | ((widen(h + i) >> bit) & 1) << 4;
		vstore(dst + i, d * floats(v) - m);
	}
}

static inline void q6_k(float *dst, const uint8_t *b, size_t g)
{
	const uint8_t *q = b + g / 4 * 64 + g % 2 * 32, *h = b + 128 + g / 4 * 32;
	int low = g & 2 ? 4 : 0, high = (int)g % 4 * 2;
	float d = half(b + 208);
	for (size_t i = 0; i < 32; i += LANES) {
		vi v = ((widen(q + i) >> low) & 15) | ((widen(h + i) >> high) & 3) << 4;
		vstore(dst + i, d * (float)(int8_t)b[192 + 2 * g + i / 16] * floats(v - 32));
	}
}

struct range {
	size_t first, n;
};

/* A range that need not start or end at a group's edge, of rows in blocks of `n_groups`. */
static inline __attribute__((always_inline)) void groups(float *dst, const uint8_t *row, struct range r, const size_t n_groups,
	size_t block_bytes, void (*one)(float *, const uint8_t *, size_t))
{
	float edge[32];
	for (size_t at = r.first, end = at + r.n, take; at < end; at += take, dst += take) {
		size_t group = at / 32, skip = at % 32;
		const uint8_t *b = row + group / n_groups * block_bytes;
		take = end - at < 32 - skip ? end - at : 32 - skip;
		if (take == 32) {
			one(dst, b, group % n_groups);
		} else {
			one(edge, b, group % n_groups);
			memcpy(dst, edge + skip, take * sizeof(float));
		}
	}
}

void P(unpack)(float *restrict dst, const struct matrix *m, size_t row, size_t first, size_t n)
{
	size_t block_bytes = dtype_block_bytes(m->dtype);
	const uint8_t *p = (const uint8_t *)m->data + row * dtype_row_bytes(m->dtype, m->cols);
	struct range r = {first, n};
	switch (m->dtype) {
	case DTYPE_F32:
		memcpy(dst, p + first * 4, n * sizeof(float));
		break;
	case DTYPE_F16:
		for (size_t i = 0; i < n; i++)
			dst[i] = half(p + (first + i) * 2);
		break;
	case DTYPE_BF16:
		for (size_t i = 0; i < n; i++) {
			uint16_t u;
			memcpy(&u, p + (first + i) * 2, 2);
			uint32_t bits = (uint32_t)u << 16;
			memcpy(&dst[i], &bits, 4);
		}
		break;
	case DTYPE_Q8_0:
		groups(dst, p, r, 1, block_bytes, q8_0);
		break;
	case DTYPE_Q4_0:
		groups(dst, p, r, 1, block_bytes, q4_0);
		break;
	case DTYPE_Q4_1:
		groups(dst, p, r, 1, block_bytes, q4_1);
		break;
	case DTYPE_Q5_0:
		groups(dst, p, r, 1, block_bytes, q5_0);
		break;
	case DTYPE_Q5_1:
		groups(dst, p, r, 1, block_bytes, q5_1);
		break;
	case DTYPE_Q4_K:
		groups(dst, p, r, 8, block_bytes, q4_k);
		break;
	case DTYPE_Q5_K:
		groups(dst, p, r, 8, block_bytes, q5_k);
		break;
	case DTYPE_Q6_K:
		groups(dst, p, r, 8, block_bytes, q6_k);
		break;
	case DTYPE_COUNT:
		break;
	}
}

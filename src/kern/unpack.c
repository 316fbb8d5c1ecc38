/*
 * Stored blocks to f32, vectorised for each path. The values equal matrix_row's bit for bit: a product of an f16 and a
 * small integer is exact in f32, and Q4_1 rounds once more for its minimum in both.
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

static inline void q8_0(float *dst, const uint8_t *b)
{
	float d = half(b);
	for (size_t i = 0; i < 32; i += LANES) /* the sign of a byte: x ^ 128 - 128 */
		vstore(dst + i, d * __builtin_convertvector((widen(b + 2 + i) ^ 128) - 128, vf));
}

static inline void q4_0(float *dst, const uint8_t *b)
{
	float d = half(b);
	for (size_t i = 0; i < 16; i += LANES) {
		vi v = widen(b + 2 + i);
		vstore(dst + i, d * __builtin_convertvector((v & 15) - 8, vf));
		vstore(dst + i + 16, d * __builtin_convertvector((v >> 4) - 8, vf));
	}
}

static inline void q4_1(float *dst, const uint8_t *b)
{
	float d = half(b), m = half(b + 2);
	for (size_t i = 0; i < 16; i += LANES) {
		vi v = widen(b + 4 + i);
		vstore(dst + i, d * __builtin_convertvector(v & 15, vf) + m);
		vstore(dst + i + 16, d * __builtin_convertvector(v >> 4, vf) + m);
	}
}

/* A range that need not start or end at a block's edge. */
static inline __attribute__((always_inline)) void blocks(
	float *dst, const uint8_t *row, size_t block_bytes, size_t first, size_t n, void (*one)(float *, const uint8_t *))
{
	float edge[32];
	for (size_t end = first + n; first < end;) {
		const uint8_t *b = row + first / 32 * block_bytes;
		size_t skip = first % 32, take = end - first < 32 - skip ? end - first : 32 - skip;
		if (take == 32) {
			one(dst, b);
		} else {
			one(edge, b);
			memcpy(dst, edge + skip, take * sizeof(float));
		}
		dst += take;
		first += take;
	}
}

void P(unpack)(float *restrict dst, const struct matrix *m, size_t row, size_t first, size_t n)
{
	size_t block_bytes = dtype_block_bytes(m->dtype);
	const uint8_t *p = (const uint8_t *)m->data + row * dtype_row_bytes(m->dtype, m->cols);
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
		blocks(dst, p, block_bytes, first, n, q8_0);
		break;
	case DTYPE_Q4_0:
		blocks(dst, p, block_bytes, first, n, q4_0);
		break;
	case DTYPE_Q4_1:
		blocks(dst, p, block_bytes, first, n, q4_1);
		break;
	case DTYPE_COUNT:
		break;
	}
}

/*
 * Stored blocks to f32, vectorised by the compiler for each path. The values equal matrix_row's bit for bit: a product of an f16 and a
 * small integer is exact in f32, and Q4_1 rounds once more for its minimum in both.
 */
#include "kern/path.h"

#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
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

static void q8_0(float *dst, const uint8_t *b)
{
	float d = half(b);
	const int8_t *q = (const int8_t *)(b + 2);
	for (size_t i = 0; i < 32; i++)
		dst[i] = d * (float)q[i];
}

static void q4_0(float *dst, const uint8_t *b)
{
	float d = half(b);
	for (size_t i = 0; i < 16; i++) {
		dst[i] = d * (float)((b[2 + i] & 15) - 8);
		dst[i + 16] = d * (float)((b[2 + i] >> 4) - 8);
	}
}

static void q4_1(float *dst, const uint8_t *b)
{
	float d = half(b), m = half(b + 2);
	for (size_t i = 0; i < 16; i++) {
		dst[i] = d * (float)(b[4 + i] & 15) + m;
		dst[i + 16] = d * (float)(b[4 + i] >> 4) + m;
	}
}

/* A range that need not start or end at a block's edge. */
static void blocks(
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
			dst[i] = bf16_to_f32(u);
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

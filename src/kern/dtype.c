/*
 * Number formats: half precision, and the stored blocks of GGUF as ggml's quantisation defines them. These scalar conversions are
 * the definition; the vector paths must give the same values bit for bit, since every one of them is exact or rounded once.
 */
#include "kern/kern.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *name;
	size_t block, block_bytes;
} dtypes[DTYPE_COUNT] = {
	[DTYPE_F32] = {"F32", 1, 4},
	[DTYPE_F16] = {"F16", 1, 2},
	[DTYPE_BF16] = {"BF16", 1, 2},
	[DTYPE_Q8_0] = {"Q8_0", 32, 34},
	[DTYPE_Q4_0] = {"Q4_0", 32, 18},
	[DTYPE_Q4_1] = {"Q4_1", 32, 20},
};

const char *dtype_name(enum dtype t)
{
	return dtypes[t].name;
}

size_t dtype_block(enum dtype t)
{
	return dtypes[t].block;
}

size_t dtype_block_bytes(enum dtype t)
{
	return dtypes[t].block_bytes;
}

size_t dtype_row_bytes(enum dtype t, size_t cols)
{
	assert(cols % dtypes[t].block == 0);
	return cols / dtypes[t].block * dtypes[t].block_bytes;
}

static uint32_t float_bits(float f)
{
	uint32_t u;
	memcpy(&u, &f, 4);
	return u;
}

static float bits_float(uint32_t u)
{
	float f;
	memcpy(&f, &u, 4);
	return f;
}

/* IEEE 754 binary16: subnormals are rescaled by an exact multiplication. */
float f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023;
	if (exponent == 31)
		return bits_float(sign | 0x7f800000 | mantissa << 13);
	if (exponent == 0) {
		float f = (float)mantissa * 0x1p-24f;
		return sign ? -f : f;
	}
	return bits_float(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t f32_to_f16(float f)
{
	uint32_t u = float_bits(f), sign = (u >> 16) & 0x8000, a = u & 0x7fffffff;
	if (a > 0x7f800000)
		return (uint16_t)(sign | 0x7e00);
	if (a >= 0x477ff000) /* rounds to 65536 or more */
		return (uint16_t)(sign | 0x7c00);
	if (a < 0x38800000) /* subnormal: let one f32 addition round to 2^-24 */
		return (uint16_t)(sign | (float_bits(bits_float(a) + 0.5f) - 0x3f000000));
	a += 0xfff + ((a >> 13) & 1);
	return (uint16_t)(sign | ((a - 0x38000000) >> 13));
}

float bf16_to_f32(uint16_t h)
{
	return bits_float((uint32_t)h << 16);
}

uint16_t f32_to_bf16(float f)
{
	uint32_t u = float_bits(f);
	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(u >> 16 | 64);
	return (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

static float load_f16(const uint8_t *p)
{
	uint16_t h;
	memcpy(&h, p, 2);
	return f16_to_f32(h);
}

/* Value i of a row that starts at p. */
static float value_at(enum dtype t, const uint8_t *p, size_t i)
{
	uint16_t h;
	float f;
	const uint8_t *b = p + i / dtypes[t].block * dtypes[t].block_bytes;
	size_t j = i % dtypes[t].block;
	switch (t) {
	case DTYPE_F32:
		memcpy(&f, b, 4);
		return f;
	case DTYPE_F16:
		return load_f16(b);
	case DTYPE_BF16:
		memcpy(&h, b, 2);
		return bf16_to_f32(h);
	case DTYPE_Q8_0:
		return load_f16(b) * (float)(int8_t)b[2 + j];
	case DTYPE_Q4_0:
		return load_f16(b) * (float)((j < 16 ? b[2 + j] & 15 : b[2 + j - 16] >> 4) - 8);
	case DTYPE_Q4_1:
		return load_f16(b) * (float)(j < 16 ? b[4 + j] & 15 : b[4 + j - 16] >> 4) + load_f16(b + 2);
	case DTYPE_COUNT:
		break;
	}
	assert(false);
	return 0;
}

void matrix_row(float *dst, const struct matrix *m, size_t row, size_t first, size_t n)
{
	const uint8_t *p = (const uint8_t *)m->data + row * dtype_row_bytes(m->dtype, m->cols);
	assert(row < m->rows && first + n <= m->cols);
	for (size_t i = 0; i < n; i++)
		dst[i] = value_at(m->dtype, p, first + i);
}

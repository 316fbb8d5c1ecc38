/*
 * Number formats: half precision, and the stored blocks of GGUF as ggml's quantisation defines them. These scalar conversions are
 * the definition; the vector paths must give the same values bit for bit, since every one of them is exact or rounded once.
 */
#include "kern/path.h"

#include <assert.h>
#include <string.h>

/* `floats` numbers with an exponent lie from byte `floats_at` of a block on: the scales, or the plain value. */
static const struct {
	const char *name;
	size_t block, block_bytes, floats_at, floats;
	uint32_t infinite; /* the exponent's bits in such a number; all set, it is infinite or NaN */
} dtypes[DTYPE_COUNT] = {
	[DTYPE_F32] = {"F32", 1, 4, 0, 1, 0x7f800000},
	[DTYPE_F16] = {"F16", 1, 2, 0, 1, 0x7c00},
	[DTYPE_BF16] = {"BF16", 1, 2, 0, 1, 0x7f80},
	[DTYPE_Q8_0] = {"Q8_0", 32, 34, 0, 1, 0x7c00},
	[DTYPE_Q4_0] = {"Q4_0", 32, 18, 0, 1, 0x7c00},
	[DTYPE_Q4_1] = {"Q4_1", 32, 20, 0, 2, 0x7c00},
	[DTYPE_Q5_0] = {"Q5_0", 32, 22, 0, 1, 0x7c00},
	[DTYPE_Q5_1] = {"Q5_1", 32, 24, 0, 2, 0x7c00},
	[DTYPE_Q4_K] = {"Q4_K", 256, 144, 0, 2, 0x7c00},
	[DTYPE_Q5_K] = {"Q5_K", 256, 176, 0, 2, 0x7c00},
	[DTYPE_Q6_K] = {"Q6_K", 256, 210, 208, 1, 0x7c00},
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

/* The nibble of value j of 32: bytes hold values j (low) and j + 16 (high). */
static int nibble(const uint8_t *q, size_t j)
{
	return j < 16 ? q[j] & 15 : q[j - 16] >> 4;
}

/* Value j of 32 with a fifth bit, kept apart: bit j of a little-endian u32. */
static int five_bits(const uint8_t *high, const uint8_t *q, size_t j)
{
	return nibble(q, j) | (high[j / 8] >> j % 8 & 1) << 4;
}

/* The whole number that value j of a quantised block stands for. */
static int whole_at(enum dtype t, const uint8_t *b, size_t j)
{
	size_t g = j / 32, half = j / 128, quarter = g % 4;
	switch (t) {
	case DTYPE_Q8_0:
		return (int8_t)b[2 + j];
	case DTYPE_Q4_0:
		return nibble(b + 2, j) - 8;
	case DTYPE_Q4_1:
		return nibble(b + 4, j);
	case DTYPE_Q5_0:
		return five_bits(b + 2, b + 6, j) - 16;
	case DTYPE_Q5_1:
		return five_bits(b + 4, b + 8, j);
	case DTYPE_Q4_K:
		return b[16 + g / 2 * 32 + j % 32] >> g % 2 * 4 & 15;
	case DTYPE_Q5_K:
		return (b[48 + g / 2 * 32 + j % 32] >> g % 2 * 4 & 15) | (b[16 + j % 32] >> g & 1) << 4;
	case DTYPE_Q6_K: /* of each half, the low nibbles of 64 bytes and then their high ones; 32 bytes hold the upper two bits of all four */
		return ((b[half * 64 + j % 64] >> quarter / 2 * 4 & 15) | (b[128 + half * 32 + j % 32] >> quarter * 2 & 3) << 4) -
			32;
	default:
		assert(false);
		return 0;
	}
}

/* What that number is of, for the 32 of group g, and what is added. Q6_K has a further scale for each 16. */
static void group_scale(float *scale, float *minimum, enum dtype t, const uint8_t *b, size_t g)
{
	int s, m;
	*scale = load_f16(b + dtypes[t].floats_at);
	*minimum = has_minimum(t) ? load_f16(b + dtypes[t].floats_at + 2) : 0;
	if (t == DTYPE_Q4_K || t == DTYPE_Q5_K) {
		k_scales(b + 4, g, &s, &m);
		*scale *= (float)s;
		*minimum = -(*minimum * (float)m);
	}
}

static int q6_k_scale(const uint8_t *b, size_t j)
{
	return (int8_t)b[192 + j / 16];
}

/* Value i of a row that starts at p. */
static float value_at(enum dtype t, const uint8_t *p, size_t i)
{
	uint16_t h;
	float f, scale, minimum;
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
	default:
		group_scale(&scale, &minimum, t, b, j / 32);
		f = scale * (t == DTYPE_Q6_K ? (float)q6_k_scale(b, j) : 1) * (float)whole_at(t, b, j);
		return has_minimum(t) ? f + minimum : f;
	}
}

void matrix_row(float *dst, const struct matrix *m, size_t row, size_t first, size_t n)
{
	const uint8_t *p = (const uint8_t *)m->data + row * dtype_row_bytes(m->dtype, m->cols);
	assert(row < m->rows && first + n <= m->cols);
	for (size_t i = 0; i < n; i++)
		dst[i] = value_at(m->dtype, p, first + i);
}

void matrix_group(int16_t whole[32], float *scale, float *minimum, const struct matrix *m, size_t row, size_t group)
{
	const uint8_t *p = (const uint8_t *)m->data + row * dtype_row_bytes(m->dtype, m->cols);
	size_t block = dtypes[m->dtype].block, first = group * 32 % block;
	const uint8_t *b = p + group * 32 / block * dtypes[m->dtype].block_bytes;
	for (size_t j = first; j < first + 32; j++)
		*whole++ = (int16_t)(whole_at(m->dtype, b, j) * (m->dtype == DTYPE_Q6_K ? q6_k_scale(b, j) : 1));
	group_scale(scale, minimum, m->dtype, b, first / 32);
}

bool dtype_is_quantised(enum dtype t)
{
	return dtypes[t].block > 1;
}

bool matrix_is_finite(const struct matrix *m)
{
	size_t block_bytes = dtypes[m->dtype].block_bytes, n = m->rows * (m->cols / dtypes[m->dtype].block);
	size_t floats = dtypes[m->dtype].floats, size = m->dtype == DTYPE_F32 ? 4 : 2;
	const uint8_t *p = (const uint8_t *)m->data + dtypes[m->dtype].floats_at;
	uint32_t infinite = dtypes[m->dtype].infinite, bits = 0;
	for (; n; n--, p += block_bytes)
		for (size_t i = 0; i < floats; i++) {
			memcpy(&bits, p + i * size, size);
			if ((bits & infinite) == infinite)
				return false;
		}
	return true;
}

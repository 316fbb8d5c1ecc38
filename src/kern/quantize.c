/*
 * Values to stored blocks: the formats that models are written in, in ggml's layout. Q8_0 and Q4_0 give the very bytes of ggml's reference
 * (dtype_test.c holds them to the gguf package); a Q4_K block can be chosen in many ways, and this is a search of its own for a small error.
 */
#include "kern/path.h"

#include <assert.h>
#include <math.h>
#include <string.h>

bool dtype_can_quantize(enum dtype t)
{
	return t <= DTYPE_Q4_0 || t == DTYPE_Q4_K;
}

static void put_f16(uint8_t *p, float f)
{
	uint16_t h = f32_to_f16(f);
	memcpy(p, &h, sizeof(h));
}

/* 1 / d, and 0 where that is infinite: scales so small are zero as f16. */
static float inverse(float d)
{
	float i = 1 / d;
	return isfinite(i) ? i : 0;
}

static void q8_0(uint8_t *block, const float *x)
{
	float largest = 0;
	for (size_t i = 0; i < 32; i++)
		largest = fmaxf(largest, fabsf(x[i]));
	float d = largest / 127, id = inverse(d);
	put_f16(block, d);
	for (size_t i = 0; i < 32; i++)
		block[2 + i] = (uint8_t)(int8_t)roundf(x[i] * id);
}

/* The value of largest magnitude, the first of equals, becomes -8. */
static void q4_0(uint8_t *block, const float *x)
{
	float extreme = 0;
	for (size_t i = 0; i < 32; i++)
		if (fabsf(x[i]) > fabsf(extreme))
			extreme = x[i];
	float d = extreme / -8, id = inverse(d);
	put_f16(block, d);
	for (size_t i = 0; i < 16; i++) {
		uint8_t low = (uint8_t)fminf(x[i] * id + 8.5f, 15), high = (uint8_t)fminf(x[i + 16] * id + 8.5f, 15);
		block[2 + i] = (uint8_t)(low | high << 4);
	}
}

/* ---- Q4_K ------------------------------------------------------------------------------------------------------------------- */

/* x = scale q - min, q from 0 to 15, for 32 values. */
struct line {
	float scale, min, error; /* sum of squares */
};

/* The nearest q for a line, and the error with these. */
static float assign(uint8_t q[32], const float *x, float scale, float min)
{
	float inverse_scale = inverse(scale), error = 0;
	for (size_t i = 0; i < 32; i++) {
		float v = fminf(fmaxf((x[i] + min) * inverse_scale + 0.5f, 0), 15);
		q[i] = (uint8_t)v;
		float off = scale * (float)q[i] - min - x[i];
		error += off * off;
	}
	return error;
}

/* The line of least squares through given q. A minimum cannot be negative, so a line that would need it starts at 0. */
static void fit(struct line *l, const uint8_t q[32], const float *x)
{
	float n = 32, sum_q = 0, sum_qq = 0, sum_x = 0, sum_qx = 0;
	for (size_t i = 0; i < 32; i++) {
		float v = q[i];
		sum_q += v;
		sum_qq += v * v;
		sum_x += x[i];
		sum_qx += v * x[i];
	}
	float determinant = n * sum_qq - sum_q * sum_q;
	if (determinant > 0) {
		l->scale = (n * sum_qx - sum_q * sum_x) / determinant;
		l->min = (sum_q * sum_qx - sum_qq * sum_x) / determinant;
	}
	if (l->min < 0 || l->scale < 0) {
		l->min = 0;
		l->scale = sum_qq > 0 ? fmaxf(sum_qx / sum_qq, 0) : 0;
	}
}

/*
 * Lines that span more or less than the values do, since cutting off an extreme can make all others finer; each is fitted to the q that it gives, which is a
 * step of Lloyd's iteration (1982), and so on until nothing improves.
 */
static struct line line_search(const float *x)
{
	enum { SPANS = 16, STEPS = 8 };
	float low = 0, high = x[0];
	for (size_t i = 0; i < 32; i++) {
		low = fminf(low, x[i]);
		high = fmaxf(high, x[i]);
	}
	struct line best = {(high - low) / 15, -low, INFINITY};
	for (int span = 0; span < SPANS; span++) {
		struct line l = {(high - low) / (15 + 0.25f * (float)(span - 4)), -low, INFINITY};
		for (int step = 0; step < STEPS; step++) {
			uint8_t q[32];
			float error = assign(q, x, l.scale, l.min);
			if (!(error < l.error))
				break;
			l.error = error;
			if (error < best.error)
				best = l;
			fit(&l, q, x);
		}
	}
	return best;
}

/* Scale or minimum in units of `unit`. */
static int six_bits(float v, float unit)
{
	return (int)fminf(v * inverse(unit) + 0.5f, 63);
}

/* The q of a group, with the best of the scales and minima next to those wanted. */
static void group_round(uint8_t q[32], int *scale, int *min, const float *x, const struct line *l, float d, float m)
{
	uint8_t tried[32];
	float best = INFINITY;
	int scale0 = six_bits(l->scale, d), min0 = six_bits(l->min, m);
	for (int s = scale0 - 1; s <= scale0 + 1; s++)
		for (int k = min0 - 1; k <= min0 + 1; k++) {
			if (s < 0 || s > 63 || k < 0 || k > 63)
				continue;
			float error = assign(tried, x, d * (float)s, m * (float)k);
			if (error < best) {
				best = error;
				*scale = s;
				*min = k;
				memcpy(q, tried, sizeof(tried));
			}
		}
}

/* The inverse of k_scales, into zeroed bytes. */
static void put_k_scales(uint8_t p[12], size_t g, int scale, int min)
{
	if (g < 4) {
		p[g] |= (uint8_t)scale;
		p[4 + g] |= (uint8_t)min;
		return;
	}
	p[4 + g] = (uint8_t)((scale & 15) | (min & 15) << 4);
	p[g - 4] |= (uint8_t)(scale >> 4 << 6);
	p[g] |= (uint8_t)(min >> 4 << 6);
}

static void q4_k(uint8_t *block, const float *x)
{
	struct line line[8];
	float scale = 0, min = 0;
	for (size_t g = 0; g < 8; g++) {
		line[g] = line_search(x + 32 * g);
		scale = fmaxf(scale, line[g].scale);
		min = fmaxf(min, line[g].min);
	}
	memset(block, 0, 144);
	put_f16(block, scale / 63);
	put_f16(block + 2, min / 63);
	uint16_t halves[2];
	memcpy(halves, block, sizeof(halves));
	for (size_t g = 0; g < 8; g++) {
		uint8_t q[32] = {0};
		int s = 0, m = 0;
		group_round(q, &s, &m, x + 32 * g, &line[g], f16_to_f32(halves[0]), f16_to_f32(halves[1]));
		put_k_scales(block + 4, g, s, m);
		for (size_t i = 0; i < 32; i++)
			block[16 + g / 2 * 32 + i] |= (uint8_t)(q[i] << g % 2 * 4);
	}
}

/* ---- all -------------------------------------------------------------------------------------------------------------------- */

void dtype_quantize(void *dst, enum dtype t, const float *src, size_t n)
{
	size_t block = dtype_block(t), block_bytes = dtype_block_bytes(t);
	uint16_t half;
	uint8_t *p = dst;
	assert(dtype_can_quantize(t) && n % block == 0);
	for (size_t i = 0; i < n; i += block, p += block_bytes)
		switch (t) {
		case DTYPE_F32:
			memcpy(p, &src[i], 4);
			break;
		case DTYPE_F16:
			put_f16(p, src[i]);
			break;
		case DTYPE_BF16:
			half = f32_to_bf16(src[i]);
			memcpy(p, &half, 2);
			break;
		case DTYPE_Q8_0:
			q8_0(p, src + i);
			break;
		case DTYPE_Q4_0:
			q4_0(p, src + i);
			break;
		case DTYPE_Q4_K:
			q4_k(p, src + i);
			break;
		default:
			return;
		}
}

/*
 * The operations that work on rows one at a time, and the table of this path. Each row is computed by one thread in a fixed order.
 */
#include "kern/tile.h"

#include <math.h>
#include <string.h>

static void rmsnorm(float *y, float *rstd, const float *x, const float *w, size_t T, size_t C, float eps)
{
#pragma omp parallel for schedule(static) if (T > 1)
	for (size_t t = 0; t < T; t++) {
		const float *in = x + t * C;
		float *out = y + t * C, rest = 0;
		vf sum = {0};
		size_t i = 0;
		for (; i + LANES <= C; i += LANES)
			sum += vload(in + i) * vload(in + i);
		for (; i < C; i++)
			rest += in[i] * in[i];
		float r = 1 / sqrtf((vsum(sum) + rest) / (float)C + eps);
		for (i = 0; i < C; i++)
			out[i] = in[i] * r * w[i];
		rstd[t] = r;
	}
}

static void rmsnorm_backward(float *dx, const float *dy, const float *x, const float *w, const float *rstd, size_t T, size_t C)
{
#pragma omp parallel for schedule(static) if (T > 1)
	for (size_t t = 0; t < T; t++) {
		const float *in = x + t * C, *d = dy + t * C;
		float *out = dx + t * C, rest = 0, r = rstd[t];
		vf sum = {0};
		size_t i = 0;
		for (; i + LANES <= C; i += LANES)
			sum += vload(d + i) * vload(w + i) * vload(in + i);
		for (; i < C; i++)
			rest += d[i] * w[i] * in[i];
		float mean = (vsum(sum) + rest) * r * r / (float)C;
		for (i = 0; i < C; i++)
			out[i] += r * (d[i] * w[i] - in[i] * mean);
	}
}

static void layernorm(float *y, const float *x, const float *w, const float *b, size_t T, size_t C, float eps)
{
#pragma omp parallel for schedule(static) if (T > 1)
	for (size_t t = 0; t < T; t++) {
		const float *in = x + t * C;
		float *out = y + t * C, rest = 0;
		vf sum = {0};
		size_t i = 0, whole = C - C % LANES;
		for (; i < whole; i += LANES)
			sum += vload(in + i);
		for (; i < C; i++)
			rest += in[i];
		float mean = (vsum(sum) + rest) / (float)C;
		sum = vset(0);
		rest = 0;
		for (i = 0; i < whole; i += LANES)
			sum += (vload(in + i) - mean) * (vload(in + i) - mean);
		for (; i < C; i++)
			rest += (in[i] - mean) * (in[i] - mean);
		float r = 1 / sqrtf((vsum(sum) + rest) / (float)C + eps);
		for (i = 0; i < C; i++)
			out[i] = (in[i] - mean) * r * w[i] + b[i];
	}
}

static void rope(float *x, size_t ldx, const float *angle, size_t T, size_t H, size_t D, enum rope_layout layout, float direction)
{
	size_t half = D / 2;
#pragma omp parallel for schedule(static) if (T > 1)
	for (size_t t = 0; t < T; t++) {
		float cosine[ATTENTION_MAX_D / 2], sine[ATTENTION_MAX_D / 2];
		for (size_t i = 0; i < half; i++) {
			cosine[i] = angle[t * D + 2 * i];
			sine[i] = angle[t * D + 2 * i + 1] * direction;
		}
		for (size_t h = 0; h < H; h++) {
			float *v = x + t * ldx + h * D;
			for (size_t i = 0; i < half; i++) {
				float *a = layout == ROPE_HALF ? v + i : v + 2 * i, *b = layout == ROPE_HALF ? a + half : a + 1;
				float a0 = *a, b0 = *b;
				*a = a0 * cosine[i] - b0 * sine[i];
				*b = a0 * sine[i] + b0 * cosine[i];
			}
		}
	}
}

enum { CHUNK = 4096 }; /* values a thread takes at a time */

/* An activation g s(g) with a sigmoid s: s, and the slope s + g s'. */
typedef vf (*gate_op)(vf g, vf *slope);

static inline vf silu_gate(vf g, vf *slope)
{
	vf s = 1 / (1 + vexp(-g));
	*slope = s * (1 + g * (1 - s));
	return s;
}

/* As ref_geglu_backward has it. Beyond +-16 the bend is 0, where its powers could overflow. */
static inline vf gelu_gate(vf g, vf *slope)
{
	const float a = 1.5957691216f, b = 0.044715f; /* a = 2 sqrt(2 / pi) */
	vf square = g * g, s = 1 / (1 + vexp(-a * g * (1 + b * square)));
	vf bend = g * s * (1 - s) * a * (1 + 3 * b * square);
	*slope = s + vselect((g > vset(16)) | (g < vset(-16)), vset(0), bend);
	return s;
}

/* A tail shorter than a vector goes through zero-padded copies. */
static inline void glu_chunk(float *y, const float *gate, const float *up, size_t n, gate_op op)
{
	size_t i = 0;
	vf slope;
	for (; i + LANES <= n; i += LANES) {
		vf g = vload(gate + i);
		vstore(y + i, g * op(g, &slope) * vload(up + i));
	}
	if (i < n) {
		float g[LANES] = {0}, u[LANES] = {0};
		memcpy(g, gate + i, (n - i) * sizeof(float));
		memcpy(u, up + i, (n - i) * sizeof(float));
		vstore(g, vload(g) * op(vload(g), &slope) * vload(u));
		memcpy(y + i, g, (n - i) * sizeof(float));
	}
}

static inline void glu_backward_block(
	float *y, float *dgate, float *dup, const float *dy, const float *gate, const float *up, gate_op op)
{
	vf g = vload(gate), u = vload(up), d = vload(dy), slope, s = op(g, &slope);
	vstore(y, g * s * u);
	vstore(dgate, d * u * slope);
	vstore(dup, d * g * s);
}

static inline void glu_backward_chunk(
	float *y, float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n, gate_op op)
{
	size_t i = 0;
	for (; i + LANES <= n; i += LANES)
		glu_backward_block(y + i, dgate + i, dup + i, dy + i, gate + i, up + i, op);
	if (i < n) {
		float g[LANES] = {0}, u[LANES] = {0}, d[LANES] = {0};
		memcpy(g, gate + i, (n - i) * sizeof(float));
		memcpy(u, up + i, (n - i) * sizeof(float));
		memcpy(d, dy + i, (n - i) * sizeof(float));
		glu_backward_block(d, g, u, d, g, u, op);
		memcpy(y + i, d, (n - i) * sizeof(float));
		memcpy(dgate + i, g, (n - i) * sizeof(float));
		memcpy(dup + i, u, (n - i) * sizeof(float));
	}
}

/* `op` is known in each of these, so that it becomes part of the loop. */
static void swiglu(float *y, const float *gate, const float *up, size_t n)
{
#pragma omp parallel for schedule(static) if (n > CHUNK)
	for (size_t i = 0; i < n; i += CHUNK)
		glu_chunk(y + i, gate + i, up + i, n - i < CHUNK ? n - i : CHUNK, silu_gate);
}

static void swiglu_backward(float *y, float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n)
{
#pragma omp parallel for schedule(static) if (n > CHUNK)
	for (size_t i = 0; i < n; i += CHUNK)
		glu_backward_chunk(y + i, dgate + i, dup + i, dy + i, gate + i, up + i, n - i < CHUNK ? n - i : CHUNK, silu_gate);
}

static void geglu(float *y, const float *gate, const float *up, size_t n)
{
#pragma omp parallel for schedule(static) if (n > CHUNK)
	for (size_t i = 0; i < n; i += CHUNK)
		glu_chunk(y + i, gate + i, up + i, n - i < CHUNK ? n - i : CHUNK, gelu_gate);
}

static void geglu_backward(float *y, float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n)
{
#pragma omp parallel for schedule(static) if (n > CHUNK)
	for (size_t i = 0; i < n; i += CHUNK)
		glu_backward_chunk(y + i, dgate + i, dup + i, dy + i, gate + i, up + i, n - i < CHUNK ? n - i : CHUNK, gelu_gate);
}

/* Abramowitz & Stegun 7.1.26: 1 - erf(z) = (a1 t + ... + a5 t^5) exp(-z^2) to within 1.5e-7, where t = 1 / (1 + 0.3275911 z), z >= 0. */
static inline vf gelu_block(vf x)
{
	vf z = vselect(x < vset(0), -x, x) * 0.70710678f, t = 1 / (1 + 0.3275911f * z);
	vf p = t * 1.061405429f - 1.453152027f;
	p = p * t + 1.421413741f;
	p = p * t - 0.284496736f;
	p = p * t + 0.254829592f;
	vf tail = 0.5f * p * t * vexp(-z * z);
	return x * vselect(x < vset(0), tail, 1 - tail);
}

static void gelu(float *y, const float *x, size_t n)
{
#pragma omp parallel for schedule(static) if (n > CHUNK)
	for (size_t i = 0; i < n; i += CHUNK) {
		size_t end = n - i < CHUNK ? n : i + CHUNK, j = i;
		for (; j + LANES <= end; j += LANES)
			vstore(y + j, gelu_block(vload(x + j)));
		float rest[LANES] = {0};
		memcpy(rest, x + j, (end - j) * sizeof(float));
		vstore(rest, gelu_block(vload(rest)));
		memcpy(y + j, rest, (end - j) * sizeof(float));
	}
}

/*
 * Sum of exp(x - max) in 16 partial sums, however many lanes there are (in four, 50,000 values cost two digits); the tail in order. The powers go to
 * `power`, if that is not NULL; it may be x.
 */
static inline float exp_sum(const float *x, size_t n, float *maximum, float *power)
{
	enum { SUMS = 16 / LANES };
	float max = x[0], rest = 0;
	vf vmaximum = vset(max), sum[SUMS] = {{0}};
	size_t j = 0, whole = n - n % LANES;
	for (; j < whole; j += LANES)
		vmaximum = vmax(vmaximum, vload(x + j));
	max = vmax_lanes(vmaximum);
	for (; j < n; j++)
		max = x[j] > max ? x[j] : max;
	for (j = 0; j < whole; j += LANES) {
		vf y = vexp(vload(x + j) - max);
		sum[j / LANES % SUMS] += y;
		if (power)
			vstore(power + j, y);
	}
	for (; j < n; j++) {
		float y = expf(x[j] - max);
		rest += y;
		if (power)
			power[j] = y;
	}
	for (size_t i = 1; i < SUMS; i++)
		sum[0] += sum[i];
	*maximum = max;
	return vsum(sum[0]) + rest;
}

static inline vf weight_block(vf x, float max, float inverse)
{
	vf power = (x - max) * inverse;
	return vselect(power < vset(-87), vset(0), vexp(power));
}

/* Equal ones have equal weights wherever they stand. */
static double weights(float *x, size_t n, float temperature)
{
	typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));
	typedef double eight_wide __attribute__((vector_size(64)));
	float max = -INFINITY, rest[LANES] = {0};
	vf highest = vset(max);
	eight_wide sum = {0};
	double total = 0;
	size_t j, whole = n - n % LANES;
	for (j = 0; j < whole; j += LANES)
		highest = vmax(highest, vload(x + j));
	max = vmax_lanes(highest);
	for (; j < n; j++)
		max = x[j] > max ? x[j] : max;
	for (j = 0; j < whole; j += LANES)
		vstore(x + j, weight_block(vload(x + j), max, 1 / temperature));
	memcpy(rest, x + j, (n - j) * sizeof(float));
	vstore(rest, weight_block(vload(rest), max, 1 / temperature));
	memcpy(x + j, rest, (n - j) * sizeof(float));
	for (j = 0; j + 8 <= n; j += 8)
		sum += __builtin_convertvector(*(const eight *)(x + j), eight_wide);
	for (; j < n; j++)
		total += (double)x[j];
	for (size_t i = 0; i < 8; i++)
		total += sum[i];
	return total;
}

static void cross_entropy(float *loss, float *logits, const int32_t *target, size_t n, size_t V, float scale)
{
#pragma omp parallel for schedule(static)
	for (size_t i = 0; i < n; i++) {
		float *x = logits + i * V, own = x[target[i]], max, total = exp_sum(x, V, &max, scale == 0 ? NULL : x);
		/* Not max + log first: beside a maximum of 10^4 the logarithm would be rounded to 10^-3. */
		loss[i] = logf(total) + (max - own);
		if (scale == 0)
			continue;
		for (size_t j = 0; j < V; j++)
			x[j] *= scale / total;
		x[target[i]] -= scale;
	}
}

/* Sum of q (log q - log p) = sum of q (y - x) + log-sum-exp x - log-sum-exp y, where p and q are the softmaxes of x and y. */
static void distill(float *loss, float *logits, const float *teacher, size_t n, size_t V, float scale)
{
#pragma omp parallel for schedule(static)
	for (size_t i = 0; i < n; i++) {
		float *x = logits + i * V, max_x, max_y, rest = 0;
		const float *y = teacher + i * V;
		float total_x = exp_sum(x, V, &max_x, NULL), total_y = exp_sum(y, V, &max_y, NULL);
		float p = 1 / total_x, q = 1 / total_y;
		vf sum = {0};
		size_t j = 0;
		for (; j + LANES <= V; j += LANES) {
			vf u = vload(x + j) - max_x, v = vload(y + j) - max_y, share = vexp(v) * q;
			sum += share * (v - u);
			if (scale != 0)
				vstore(x + j, (vexp(u) * p - share) * scale);
		}
		for (; j < V; j++) {
			float u = x[j] - max_x, v = y[j] - max_y, share = expf(v) * q;
			rest += share * (v - u);
			if (scale != 0)
				x[j] = (expf(u) * p - share) * scale;
		}
		loss[i] = vsum(sum) + rest + logf(total_x) - logf(total_y);
	}
}

static void gather(float *dst, const struct matrix *m, const int32_t *row, size_t n)
{
	for (size_t i = 0; i < n; i++)
		P(unpack)(dst + i * m->cols, m->cols, m, (struct strip){(size_t)row[i], 1, 0, m->cols});
}

static void adamw(float *restrict w, float *restrict m, float *restrict v, const float *restrict g, size_t n, const struct adamw *o)
{
	float rate = o->learning_rate / o->bias1, root = 1 / sqrtf(o->bias2), keep = 1 - o->learning_rate * o->weight_decay;
#pragma omp parallel for simd schedule(static)
	for (size_t i = 0; i < n; i++) {
		float d = g[i] * o->grad_scale;
		float m1 = m[i] = o->beta1 * m[i] + (1 - o->beta1) * d;
		float v1 = v[i] = o->beta2 * v[i] + (1 - o->beta2) * d * d;
		w[i] = w[i] * keep - rate * m1 / (sqrtf(v1) * root + o->epsilon);
	}
}

/* In f64, where the square of every f32 is exact and none overflows. */
static void halve(uint16_t *dst, const float *x, size_t n)
{
	size_t i = 0;
	for (; i + LANES <= n; i += LANES)
		vstore_half(dst + i, vselect(vload(x + i) > vset(65504), vset(65504), vmax(vset(-65504), vload(x + i))));
	for (; i < n; i++)
		dst[i] = f32_to_f16(x[i] > 65504 ? 65504 : x[i] < -65504 ? -65504 : x[i]);
}

static double sum_squares(const float *x, size_t n)
{
	double part[LANES] = {0}, sum = 0;
	size_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (size_t l = 0; l < LANES; l++)
			part[l] += (double)x[i + l] * (double)x[i + l];
	for (; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	for (size_t l = 0; l < LANES; l++)
		sum += part[l];
	return sum;
}

const struct kern P(kern) = {
#define P_TEXT_(x) #x
#define P_TEXT(x) P_TEXT_(x)
	.name = P_TEXT(PATH),
	.gemm = P(gemm),
	.rmsnorm = rmsnorm,
	.rmsnorm_backward = rmsnorm_backward,
	.layernorm = layernorm,
	.rope = rope,
	.swiglu = swiglu,
	.swiglu_backward = swiglu_backward,
	.geglu = geglu,
	.geglu_backward = geglu_backward,
	.gelu = gelu,
	.attention = P(attention),
	.attention_backward = P(attention_backward),
	.cross_entropy = cross_entropy,
	.distill = distill,
	.gather = gather,
	.adamw = adamw,
	.weights = weights,
	.halve = halve,
	.sum_squares = sum_squares,
};

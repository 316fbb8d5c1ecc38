/*
 * The reference path: every operation as its formula reads, in plain C with sums in f64. It defines what the vector paths compute
 * and is what PyTorch is compared with; it is not meant to be fast, only fast enough to score a page.
 */
#include "kern/path.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { COLS = 16, DEPTH = 256 };

/* b[k][j] = B[k0 + k][n0 + j] for a block of B. */
static void load_block(float b[DEPTH][COLS], const struct gemm_term *t, size_t k0, size_t K, size_t n0, size_t N)
{
	float row[DEPTH];
	if (t->b_transposed) {
		for (size_t j = 0; j < N; j++) {
			matrix_row(row, &t->b, n0 + j, k0, K);
			for (size_t k = 0; k < K; k++)
				b[k][j] = row[k];
		}
	} else {
		for (size_t k = 0; k < K; k++)
			matrix_row(b[k], &t->b, k0 + k, n0, N);
	}
}

/* 32 values as scale * q: the largest |q| is 32767, below 2^-100 all are 0, and a scale of NaN stands for values that are not finite. */
static float round_group(int16_t q[32], const float *x)
{
	float max = 0;
	bool finite = true;
	for (size_t i = 0; i < 32; i++) {
		finite = finite && isfinite(x[i]);
		max = fmaxf(max, fabsf(x[i]));
	}
	for (size_t i = 0; i < 32; i++) /* the product and its rounding to an integer are one rounding */
		q[i] = finite && max >= 0x1p-100f ? (int16_t)(fmaf(x[i], 32767 / max, 0x1.8p23f) - 0x1.8p23f) : 0;
	return !finite ? NAN : max >= 0x1p-100f ? max / 32767 : 0;
}

/*
 * A row of A in whole numbers times row n of B: the exact sum of a group's products (in Q6_K, whose whole numbers are large, of its first and its
 * second 16, which are added in f32), times both scales, and the minimum times the sum of A's group, are added to sum g % 8 of eight, in the order
 * of groups; then these as a tree.
 */
static float rounded_dot(const struct gemm_term *t, const float *a, size_t n)
{
	float x[8] = {0};
	for (size_t g = 0; g < t->K / 32; g++) {
		int16_t q[32], w[32];
		float scale, minimum, a_scale = round_group(q, a + g * 32), *sum = &x[g % 8];
		int32_t total = 0, product[2] = {0};
		matrix_group(w, &scale, &minimum, &t->b, n, g);
		for (size_t i = 0; i < 32; i++) {
			total += q[i];
			product[i / 16] += q[i] * w[i];
		}
		float exact = t->b.dtype == DTYPE_Q6_K ? (float)product[0] + (float)product[1] : (float)(product[0] + product[1]);
		*sum = fmaf(scale * a_scale, exact, *sum);
		if (has_minimum(t->b.dtype))
			*sum = fmaf(minimum, a_scale * (float)total, *sum);
	}
	return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

static void rounded_gemm(const struct gemm *g)
{
#pragma omp parallel for
	for (size_t n = 0; n < g->N; n++)
		for (size_t m = 0; m < g->M; m++) {
			float *c = g->c + m * g->ldc + n;
			*c = fmaf(g->alpha, rounded_dot(&g->term[0], g->term[0].a + m * g->term[0].lda, n), g->accumulate ? *c : 0);
		}
}

static void ref_gemm(const struct gemm *g)
{
	bool rounds = g->by_row && g->term[0].b_transposed && dtype_is_quantised(g->term[0].b.dtype);
	if (rounds)
		rounded_gemm(g);
#pragma omp parallel for schedule(dynamic)
	for (size_t n0 = 0; n0 < g->N; n0 += COLS) {
		size_t N = g->N - n0 < COLS ? g->N - n0 : COLS;
		bool add = g->accumulate || rounds;
		for (int i = rounds; i < g->n_terms; i++) {
			const struct gemm_term *t = &g->term[i];
			for (size_t k0 = 0; k0 < t->K; k0 += DEPTH, add = true) {
				float b[DEPTH][COLS] = {{0}};
				size_t K = t->K - k0 < DEPTH ? t->K - k0 : DEPTH;
				load_block(b, t, k0, K, n0, N);
				for (size_t m = 0; m < g->M; m++) {
					double sum[COLS] = {0};
					for (size_t k = 0; k < K; k++) {
						double a =
							t->a_transposed ? t->a[(k0 + k) * t->lda + m] : t->a[m * t->lda + k0 + k];
						for (size_t j = 0; j < COLS; j++)
							sum[j] += a * (double)b[k][j];
					}
					float *c = g->c + m * g->ldc + n0;
					for (size_t j = 0; j < N; j++)
						c[j] = (add ? c[j] : 0) + (float)(sum[j] * (double)g->alpha);
				}
			}
		}
	}
}

static void ref_rmsnorm(float *y, float *rstd, const float *x, const float *w, size_t T, size_t C, float eps)
{
	for (size_t t = 0; t < T; t++, x += C, y += C) {
		double sum = 0;
		for (size_t i = 0; i < C; i++)
			sum += (double)x[i] * (double)x[i];
		rstd[t] = (float)(1 / sqrt(sum / (double)C + (double)eps));
		for (size_t i = 0; i < C; i++)
			y[i] = x[i] * rstd[t] * w[i];
	}
}

static void ref_layernorm(float *y, const float *x, const float *w, const float *b, size_t T, size_t C, float eps)
{
	for (size_t t = 0; t < T; t++, x += C, y += C) {
		double mean = 0, variance = 0;
		for (size_t i = 0; i < C; i++)
			mean += (double)x[i] / (double)C;
		for (size_t i = 0; i < C; i++)
			variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)C;
		for (size_t i = 0; i < C; i++)
			y[i] = (float)(((double)x[i] - mean) / sqrt(variance + (double)eps) * (double)w[i] + (double)b[i]);
	}
}

/* With n = x rstd and g = dy w: dx = rstd (g - n mean(g n)). */
static void ref_rmsnorm_backward(float *dx, const float *dy, const float *x, const float *w, const float *rstd, size_t T, size_t C)
{
	for (size_t t = 0; t < T; t++, x += C, dx += C, dy += C) {
		double mean = 0, r = (double)rstd[t];
		for (size_t i = 0; i < C; i++)
			mean += (double)dy[i] * (double)w[i] * (double)x[i] * r / (double)C;
		for (size_t i = 0; i < C; i++)
			dx[i] += (float)(r * ((double)dy[i] * (double)w[i] - (double)x[i] * r * mean));
	}
}

static void ref_rope(
	float *x, size_t ldx, const float *angle, size_t T, size_t H, size_t D, enum rope_layout layout, float direction)
{
	size_t step = layout == ROPE_HALF ? D / 2 : 1, stride = layout == ROPE_HALF ? 1 : 2;
	for (size_t t = 0; t < T; t++, angle += D) {
		for (size_t h = 0; h < H; h++) {
			float *v = x + t * ldx + h * D;
			for (size_t i = 0; i < D / 2; i++) {
				float *a = v + i * stride, *b = a + step;
				float cosine = angle[2 * i], sine = angle[2 * i + 1] * direction, a0 = *a;
				*a = a0 * cosine - *b * sine;
				*b = a0 * sine + *b * cosine;
			}
		}
	}
}

static void ref_swiglu(float *y, const float *gate, const float *up, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

/* s = sigmoid(g): d silu / dg = s (1 + g (1 - s)). */
static void ref_swiglu_backward(float *y, float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float g = gate[i], u = up[i], d = dy[i], s = 1 / (1 + expf(-g));
		y[i] = g / (1 + expf(-g)) * u;
		dgate[i] = d * u * s * (1 + g * (1 - s));
		dup[i] = d * g * s;
	}
}

/* gelu(g) = g sigmoid(2 u) with u = sqrt(2 / pi) (g + 0.044715 g^3), since (1 + tanh u) / 2 = sigmoid(2 u). */
static double gelu_sigmoid(double g)
{
	return 1 / (1 + exp(-2 * sqrt(2 / M_PI) * (g + 0.044715 * g * g * g)));
}

static void ref_geglu(float *y, const float *gate, const float *up, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = (float)((double)gate[i] * gelu_sigmoid((double)gate[i]) * (double)up[i]);
}

/* s = sigmoid(2 u): d gelu / dg = s + g s (1 - s) 2 u', which beyond +-16 is s. */
static void ref_geglu_backward(float *y, float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double g = (double)gate[i], u = (double)up[i], d = (double)dy[i], s = gelu_sigmoid(g);
		double bend = fabs(g) > 16 ? 0 : g * s * (1 - s) * 2 * sqrt(2 / M_PI) * (1 + 3 * 0.044715 * g * g);
		y[i] = (float)(g * s * u);
		dgate[i] = (float)(d * u * (s + bend));
		dup[i] = (float)(d * g * s);
	}
}

/* Phi(x) = erfc(-x / sqrt 2) / 2. */
static void ref_gelu(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = (float)((double)x[i] * erfc(-(double)x[i] * M_SQRT1_2) / 2);
}

static double dot(const float *a, const float *b, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)a[i] * (double)b[i];
	return sum;
}

/* Row j of keys, values or their gradients, the first of which may be shared. */
static size_t shared_row(const struct attention_seq *s, size_t j)
{
	return j < s->n_shared ? j : j - s->n_shared;
}

/* D values of row j from column `at` on; of f16 in `buffer`. */
static const float *row_at(
	const struct attention *a, const struct attention_seq *s, struct located x, size_t j, size_t at, float *buffer)
{
	if (!x.half)
		return (j < s->n_shared ? x.shared : x.own) + shared_row(s, j) * a->ldk + at;
	for (size_t d = 0; d < a->D; d++)
		buffer[d] = f16_to_f32(x.half[at * s->half_rows + j * a->D + d]);
	return buffer;
}

/* The first key that query i sees. */
static size_t first_key(const struct attention *a, const struct attention_seq *s, size_t i)
{
	size_t n = s->nk - s->nq + i + 1;
	return a->window && a->window < n ? n - a->window : 0;
}

/* Head h of one sequence. */
static void attend(const struct attention *a, const struct attention_seq *s, size_t h)
{
	size_t D = a->D, at = h / (a->H / a->Hkv) * D;
	for (size_t i = 0; i < s->nq; i++) {
		size_t first = first_key(a, s, i), n = a->bidirectional ? s->nk : s->nk - s->nq + i + 1;
		const float *q = s->q + i * a->ldq + h * D;
		double max = -INFINITY, sum = 0, out[ATTENTION_MAX_D] = {0};
		float buffer[ATTENTION_MAX_D];
		for (size_t j = first; j < n; j++)
			max = fmax(max, dot(q, row_at(a, s, located_keys(s), j, at, buffer), D) * (double)a->scale);
		for (size_t j = first; j < n; j++) {
			double p = exp(dot(q, row_at(a, s, located_keys(s), j, at, buffer), D) * (double)a->scale - max);
			const float *v = row_at(a, s, located_values(s), j, at, buffer);
			sum += p;
			for (size_t d = 0; d < D; d++)
				out[d] += p * (double)v[d];
		}
		for (size_t d = 0; d < D; d++)
			s->out[i * a->ldq + h * D + d] = (float)(out[d] / sum);
		if (s->lse)
			s->lse[i * a->H + h] = (float)(max + log(sum));
	}
}

static void ref_attention(const struct attention *a)
{
	assert(a->D <= ATTENTION_MAX_D && !(a->bidirectional && a->window));
	for (size_t s = 0; s < a->n_seqs; s++) {
#pragma omp parallel for
		for (size_t h = 0; h < a->H; h++)
			attend(a, &a->seq[s], h);
	}
}

/* P = exp(S - lse); dV = P' dO; dS = P (dO V' - sum(dO O)) scale; dQ = dS K; dK = dS' Q. One key/value head of one sequence. */
static void attend_backward(
	const struct attention *a, const struct attention_seq *s, const struct attention_seq_grad *g, size_t hkv)
{
	size_t D = a->D, group = a->H / a->Hkv, at = hkv * D;
	for (size_t j = 0; j < s->nk; j++) {
		memset((j < s->n_shared ? g->shared_dk : g->dk) + shared_row(s, j) * a->ldk + at, 0, D * sizeof(float));
		memset((j < s->n_shared ? g->shared_dv : g->dv) + shared_row(s, j) * a->ldk + at, 0, D * sizeof(float));
	}
	for (size_t h = hkv * group; h < (hkv + 1) * group; h++) {
		for (size_t i = 0; i < s->nq; i++) {
			size_t row = i * a->ldq + h * D;
			const float *q = s->q + row, *d_out = g->d_out + row;
			double delta = dot(d_out, s->out + row, D), dq[ATTENTION_MAX_D] = {0};
			for (size_t j = first_key(a, s, i); j <= s->nk - s->nq + i; j++) {
				const float *k = row_at(a, s, located_keys(s), j, at, NULL);
				const float *v = row_at(a, s, located_values(s), j, at, NULL);
				float *dk = (j < s->n_shared ? g->shared_dk : g->dk) + shared_row(s, j) * a->ldk + at;
				float *dv = (j < s->n_shared ? g->shared_dv : g->dv) + shared_row(s, j) * a->ldk + at;
				double p = exp(dot(q, k, D) * (double)a->scale - (double)s->lse[i * a->H + h]);
				double ds = p * (dot(d_out, v, D) - delta) * (double)a->scale;
				for (size_t d = 0; d < D; d++) {
					dq[d] += ds * (double)k[d];
					dk[d] += (float)(ds * (double)q[d]);
					dv[d] += (float)(p * (double)d_out[d]);
				}
			}
			for (size_t d = 0; d < D; d++)
				g->dq[row + d] = (float)dq[d];
		}
	}
}

static void ref_attention_backward(const struct attention *a)
{
	assert(a->D <= ATTENTION_MAX_D && !a->bidirectional);
	for (size_t s = 0; s < a->n_seqs; s++) {
#pragma omp parallel for
		for (size_t h = 0; h < a->Hkv; h++)
			attend_backward(a, &a->seq[s], &a->grad[s], h);
	}
}

static double log_sum_exp(const float *x, size_t n)
{
	double max = -INFINITY, sum = 0;
	for (size_t j = 0; j < n; j++)
		max = fmax(max, (double)x[j]);
	for (size_t j = 0; j < n; j++)
		sum += exp((double)x[j] - max);
	return max + log(sum);
}

static double ref_weights(float *x, size_t n, float temperature)
{
	double max = -INFINITY, sum = 0;
	for (size_t j = 0; j < n; j++)
		max = fmax(max, (double)x[j]);
	for (size_t j = 0; j < n; j++) {
		double power = ((double)x[j] - max) / (double)temperature;
		x[j] = power < -87 ? 0 : (float)exp(power);
		sum += (double)x[j];
	}
	return sum;
}

static void ref_cross_entropy(float *loss, float *logits, const int32_t *target, size_t n, size_t V, float scale)
{
#pragma omp parallel for
	for (size_t i = 0; i < n; i++) {
		float *x = logits + i * V;
		double lse = log_sum_exp(x, V);
		loss[i] = (float)(lse - (double)x[target[i]]);
		if (scale == 0)
			continue;
		for (size_t j = 0; j < V; j++)
			x[j] = (float)((double)scale * exp((double)x[j] - lse));
		x[target[i]] -= scale;
	}
}

static void ref_distill(float *loss, float *logits, const float *teacher, size_t n, size_t V, float scale)
{
#pragma omp parallel for
	for (size_t i = 0; i < n; i++) {
		float *x = logits + i * V;
		const float *y = teacher + i * V;
		double lse_x = log_sum_exp(x, V), lse_y = log_sum_exp(y, V), sum = 0;
		for (size_t j = 0; j < V; j++) {
			double log_p = (double)x[j] - lse_x, log_q = (double)y[j] - lse_y;
			sum += exp(log_q) * (log_q - log_p);
			if (scale != 0)
				x[j] = (float)((double)scale * (exp(log_p) - exp(log_q)));
		}
		loss[i] = (float)sum;
	}
}

static void ref_gather(float *dst, const struct matrix *m, const int32_t *row, size_t n)
{
	for (size_t i = 0; i < n; i++)
		matrix_row(dst + i * m->cols, m, (size_t)row[i], 0, m->cols);
}

static void ref_adamw(float *w, float *m, float *v, const float *g, size_t n, const struct adamw *o)
{
	for (size_t i = 0; i < n; i++) {
		float d = g[i] * o->grad_scale;
		m[i] = o->beta1 * m[i] + (1 - o->beta1) * d;
		v[i] = o->beta2 * v[i] + (1 - o->beta2) * d * d;
		w[i] -= o->learning_rate * o->weight_decay * w[i];
		w[i] -= o->learning_rate * (m[i] / o->bias1) / (sqrtf(v[i] / o->bias2) + o->epsilon);
	}
}

static void ref_halve(uint16_t *dst, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = f32_to_f16(x[i] > 65504 ? 65504 : x[i] < -65504 ? -65504 : x[i]);
}

static double ref_sum_squares(const float *x, size_t n)
{
	return dot(x, x, n);
}

const struct kern kern_ref = {
	.name = "ref",
	.gemm = ref_gemm,
	.rmsnorm = ref_rmsnorm,
	.rmsnorm_backward = ref_rmsnorm_backward,
	.layernorm = ref_layernorm,
	.rope = ref_rope,
	.swiglu = ref_swiglu,
	.swiglu_backward = ref_swiglu_backward,
	.geglu = ref_geglu,
	.geglu_backward = ref_geglu_backward,
	.gelu = ref_gelu,
	.attention = ref_attention,
	.attention_backward = ref_attention_backward,
	.cross_entropy = ref_cross_entropy,
	.distill = ref_distill,
	.gather = ref_gather,
	.adamw = ref_adamw,
	.weights = ref_weights,
	.halve = ref_halve,
	.sum_squares = ref_sum_squares,
};

/*
 * For bench/roofline.py: the operations of SmolLM2-135M, each alone and with operands that come from memory, as they do in a step; a JSON line each with
 * its floating-point operations, the bytes that it must move at least (operands and results once) and the median of its seconds.
 * usage: roofline_tool [PART OF A NAME]
 */
#include "kern/kern.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { C = 576, F = 1536, H = 9, HKV = 3, D = 64, V = 49152, R = 16, T = 512, HEAD_ROWS = 192 };
enum { VALUES = 1 << 26, LEAST_RUNS = 9, MOST_RUNS = 2001 };

enum kind {
	PRODUCT,
	RMSNORM,
	RMSNORM_BACKWARD,
	ROPE,
	SWIGLU,
	SWIGLU_BACKWARD,
	ATTENTION,
	ATTENTION_BACKWARD,
	CROSS_ENTROPY,
	ADAMW
};

struct op {
	enum kind kind;
	const char *name;
	size_t M, N, K; /* of a product */
	enum dtype b;
	bool a_transposed, b_transposed, by_row;
};

static const struct op ops[] = {
	{PRODUCT, "product of 1536 x 1536 x 1536, F32", 1536, 1536, 1536, .b = DTYPE_F32},
	{PRODUCT, "training: attention's q and out, forward", T, C, C, .b = DTYPE_Q4_0, .b_transposed = true},
	{PRODUCT, "training: gate and up, forward", T, F, C, .b = DTYPE_Q4_0, .b_transposed = true},
	{PRODUCT, "training: down, forward", T, C, F, .b = DTYPE_Q4_0, .b_transposed = true},
	{PRODUCT, "training: gate and up, backward", T, C, F, .b = DTYPE_Q4_0},
	{PRODUCT, "training: down, backward", T, F, C, .b = DTYPE_Q4_0},
	{PRODUCT, "training: head, forward", HEAD_ROWS, V, C, .b = DTYPE_Q4_0, .b_transposed = true},
	{PRODUCT, "training: head, backward", HEAD_ROWS, C, V, .b = DTYPE_Q4_0},
	{PRODUCT, "training: LoRA's X A'", T, R, C, .b = DTYPE_F32, .b_transposed = true},
	{PRODUCT, "training: LoRA's gradient of A", R, C, T, .b = DTYPE_F32, .a_transposed = true},
	{.kind = ATTENTION, .name = "training: attention of 512, forward"},
	{.kind = ATTENTION_BACKWARD, .name = "training: attention of 512, backward"},
	{.kind = RMSNORM, .name = "training: RMSNorm, forward"},
	{.kind = RMSNORM_BACKWARD, .name = "training: RMSNorm, backward"},
	{.kind = ROPE, .name = "training: RoPE of q"},
	{.kind = SWIGLU, .name = "training: SwiGLU, forward"},
	{.kind = SWIGLU_BACKWARD, .name = "training: SwiGLU, backward"},
	{.kind = CROSS_ENTROPY, .name = "training: cross entropy and its gradient"},
	{.kind = ADAMW, .name = "training: AdamW"},
	{PRODUCT, "1 answer: head, Q4_0", 1, V, C, .b = DTYPE_Q4_0, .b_transposed = true, .by_row = true},
	{PRODUCT, "1 answer: gate, Q4_0", 1, F, C, .b = DTYPE_Q4_0, .b_transposed = true, .by_row = true},
	{PRODUCT, "1 answer: head, Q8_0", 1, V, C, .b = DTYPE_Q8_0, .b_transposed = true, .by_row = true},
	{PRODUCT, "1 answer: head, BF16", 1, V, C, .b = DTYPE_BF16, .b_transposed = true, .by_row = true},
	{PRODUCT, "1 answer: head, F32", 1, V, C, .b = DTYPE_F32, .b_transposed = true, .by_row = true},
	{PRODUCT, "16 answers: head, Q4_0", 16, V, C, .b = DTYPE_Q4_0, .b_transposed = true, .by_row = true},
	{PRODUCT, "16 answers: gate, Q4_0", 16, F, C, .b = DTYPE_Q4_0, .b_transposed = true, .by_row = true},
	{PRODUCT, "16 answers: head, Q8_0", 16, V, C, .b = DTYPE_Q8_0, .b_transposed = true, .by_row = true},
	{PRODUCT, "16 answers: head, BF16", 16, V, C, .b = DTYPE_BF16, .b_transposed = true, .by_row = true},
	{PRODUCT, "16 answers: head, F32", 16, V, C, .b = DTYPE_F32, .b_transposed = true, .by_row = true},
};

/* Values of each format, gone through again and again, so that what comes next is not in a cache. Results overwrite F32 ones. */
static struct pool {
	char *data;
	size_t bytes, at;
} pools[DTYPE_COUNT], results;

static void *scratch;

static int pool_fill(enum dtype t, const float *values)
{
	struct pool *p = &pools[t];
	p->bytes = dtype_row_bytes(t, VALUES);
	if (!(p->data = aligned_alloc(64, p->bytes)))
		return 1;
	if (t == DTYPE_F32)
		memcpy(p->data, values, p->bytes);
	else
		dtype_quantize(p->data, t, values, VALUES);
	return 0;
}

static void *next(struct pool *p, size_t bytes)
{
	if (p->at + bytes > p->bytes)
		p->at = 0;
	void *here = p->data + p->at;
	p->at += bytes;
	return here;
}

static float *input(size_t n)
{
	return next(&pools[DTYPE_F32], n * sizeof(float));
}

static float *output(size_t n)
{
	return next(&results, n * sizeof(float));
}

static void product(const struct op *o)
{
	size_t rows = o->b_transposed ? o->N : o->K, cols = o->b_transposed ? o->K : o->N;
	struct gemm g = {.M = o->M, .N = o->N, .n_terms = 1, .alpha = 1, .ldc = o->N, .by_row = o->by_row, .scratch = scratch};
	g.term[0] = (struct gemm_term){.a = input(o->M * o->K),
		.lda = o->a_transposed ? o->M : o->K,
		.K = o->K,
		.a_transposed = o->a_transposed,
		.b = {o->b, rows, cols, next(&pools[o->b], rows * dtype_row_bytes(o->b, cols))},
		.b_transposed = o->b_transposed};
	g.c = output(o->M * o->N);
	kern->gemm(&g);
}

static void attend(bool backward)
{
	static float out[T * H * D], lse[T * H]; /* the backward pass needs what belongs to its queries; they are always the same */
	const float *base = (const float *)pools[DTYPE_F32].data;
	struct attention_seq s = {
		.q = base, .k = base + T * H * D, .v = base + T * (H + HKV) * D, .out = out, .lse = lse, .nq = T, .nk = T};
	struct attention_seq_grad grad = {
		.d_out = input(T * H * D), .dq = output(T * H * D), .dk = output(T * HKV * D), .dv = output(T * HKV * D)};
	struct attention a = {.seq = &s,
		.grad = &grad,
		.n_seqs = 1,
		.H = H,
		.Hkv = HKV,
		.D = D,
		.ldq = H * D,
		.ldk = HKV * D,
		.scale = 0.125f,
		.scratch = scratch};
	(backward ? kern->attention_backward : kern->attention)(&a);
}

static void run(const struct op *o)
{
	static float rstd[T], loss[HEAD_ROWS];
	static int32_t target[HEAD_ROWS];
	const struct adamw adamw = {1e-4f, 0.9f, 0.999f, 1e-8f, 0.01f, 1, 0.1f, 0.001f};
	switch (o->kind) {
	case PRODUCT:
		product(o);
		break;
	case RMSNORM:
		kern->rmsnorm(output(T * C), rstd, input(T * C), input(C), T, C, 1e-5f);
		break;
	case RMSNORM_BACKWARD:
		kern->rmsnorm_backward(output(T * C), input(T * C), input(T * C), input(C), rstd, T, C);
		break;
	case ROPE:
		kern->rope(output(T * H * D), H * D, input(T * D), T, H, D, ROPE_INTERLEAVED, 1);
		break;
	case SWIGLU:
		kern->swiglu(output(T * F), input(T * F), input(T * F), T * F);
		break;
	case SWIGLU_BACKWARD:
		kern->swiglu_backward(output(T * F), output(T * F), output(T * F), input(T * F), input(T * F), input(T * F), T * F);
		break;
	case ATTENTION:
	case ATTENTION_BACKWARD:
		attend(o->kind == ATTENTION_BACKWARD);
		break;
	case CROSS_ENTROPY:
		kern->cross_entropy(loss, output((size_t)HEAD_ROWS * V), target, HEAD_ROWS, V, 1e-3f);
		break;
	case ADAMW:
		kern->adamw(output(T * C), output(T * C), output(T * C), input(T * C), T * C, &adamw);
		break;
	}
}

/* Operations as the papers count them, an exponential as one; bytes of operands and results once, twice for what is read and written. */
static void count(const struct op *o, double *flop, double *bytes)
{
	const double f32 = sizeof(float), rows = T, heads = T * H * D, pairs = T * (T + 1) / 2.0 * H * D;
	switch (o->kind) {
	case PRODUCT:
		*flop = 2.0 * (double)(o->M * o->N * o->K);
		*bytes = f32 * (double)(o->M * o->K + o->M * o->N) + (double)(o->N * o->K / 32 * dtype_row_bytes(o->b, 256) / 8);
		break;
	case RMSNORM:
		*flop = 4 * rows * C, *bytes = f32 * 2 * rows * C;
		break;
	case RMSNORM_BACKWARD:
		*flop = 8 * rows * C, *bytes = f32 * 4 * rows * C;
		break;
	case ROPE:
		*flop = 3 * heads, *bytes = f32 * (2 * heads + rows * D);
		break;
	case SWIGLU:
		*flop = 4 * rows * F, *bytes = f32 * 3 * rows * F;
		break;
	case SWIGLU_BACKWARD:
		*flop = 10 * rows * F, *bytes = f32 * 6 * rows * F;
		break;
	case ATTENTION: /* two products */
		*flop = 4 * pairs, *bytes = f32 * rows * D * (2 * H + 2 * HKV);
		break;
	case ATTENTION_BACKWARD: /* the scores again and four more */
		*flop = 10 * pairs, *bytes = f32 * rows * D * (4 * H + 4 * HKV);
		break;
	case CROSS_ENTROPY:
		*flop = 5.0 * HEAD_ROWS * V, *bytes = f32 * 2 * HEAD_ROWS * V;
		break;
	case ADAMW:
		*flop = 14 * rows * C, *bytes = f32 * 7 * rows * C;
		break;
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median_s(const struct op *o)
{
	static double s[MOST_RUNS];
	size_t n = 0;
	run(o);
	for (double end = now_s() + 0.5; n < MOST_RUNS && (n < LEAST_RUNS || now_s() < end); n++) {
		double start = now_s();
		run(o);
		s[n] = now_s() - start;
	}
	qsort(s, n, sizeof *s, ascending);
	return s[n / 2];
}

int main(int argc, char **argv)
{
	struct err e = {0};
	struct rng r;
	float *values = mem_alloc(VALUES, sizeof *values, &e);
	rng_init(&r, 1, RNG_DATA, 0, 0);
	for (size_t i = 0; values && i < VALUES; i++)
		values[i] = rng_uniform(&r) - 0.5f;
	if (!values || kern_init(NULL, &e) || !(scratch = mem_alloc(1, kern_scratch_bytes(), &e)) || pool_fill(DTYPE_F32, values) ||
		pool_fill(DTYPE_BF16, values) || pool_fill(DTYPE_Q8_0, values) || pool_fill(DTYPE_Q4_0, values)) {
		fprintf(stderr, "roofline_tool: %s\n", e.code ? e.text : "no memory");
		return 1;
	}
	results = (struct pool){(char *)values, VALUES * sizeof *values, 0};
	attend(false);
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		double flop, bytes;
		if (argc > 1 && !strstr(ops[i].name, argv[1]))
			continue;
		count(&ops[i], &flop, &bytes);
		printf("{\"op\": \"%s\", \"path\": \"%s\", \"threads\": %d, \"flop\": %.0f, \"bytes\": %.0f, \"seconds\": %.9f}\n",
			ops[i].name, kern->name, omp_get_max_threads(), flop, bytes, median_s(&ops[i]));
		fflush(stdout);
	}
	return 0;
}

/*
 * kern: numbers only. Number formats, and the operations of a transformer, forward and backward.
 *
 * `ref` is the definition of every operation, in plain C. The other paths (avx2, avx512, avx512bf16, amxbf16, neon) compute the same within
 * the tolerance that kern_test.c states per path. The path is chosen once by kern_init from the CPU; ATTUNE_CPU overrides it.
 *
 * Letters: T rows (tokens), C model width, F feed-forward width, H heads, D head width, V vocabulary, r LoRA rank.
 * Rows are tokens: activations are f32 [T, width], sequences lie end to end, there is no padding.
 *
 * Kernels take validated sizes, allocate nothing and cannot fail. They run on all OpenMP threads and must be called from one
 * thread at a time per scratch buffer. Each output element is computed by one thread in a fixed order: the bits do not depend on the number of threads.
 */
#ifndef ATTUNE_KERN_H
#define ATTUNE_KERN_H

#include "base/base.h"

/* ---- number formats ---------------------------------------------------------------------------------------------------- */

/* Stored blocks as GGUF defines them. Blocks run along a row; a row holds a whole number of blocks. */
enum dtype {
	DTYPE_F32,
	DTYPE_F16,
	DTYPE_BF16,
	DTYPE_Q8_0, /* 32 values: f16 d, i8 q[32];            v = d q */
	DTYPE_Q4_0, /* 32 values: f16 d, u4 q[32];            v = d (q - 8); byte j holds values j (low) and j + 16 (high) */
	DTYPE_Q4_1, /* 32 values: f16 d, f16 m, u4 q[32];     v = d q + m */
	DTYPE_Q5_0, /* 32 values: f16 d, u32 h, u4 q[32];     v = d (q + 16 h_j - 16); bit j of h is the fifth of value j */
	DTYPE_Q5_1, /* 32 values: f16 d, f16 m, u32 h, u4 q[32]; v = d (q + 16 h_j) + m */
	/*
	 * 256 values in 8 groups g of 32: f16 d, f16 m, then 6-bit scales s_g and minima m_g in 12 bytes (k_scales in path.h), u4 q[256];
	 * v = d s_g q - m m_g. 32 bytes hold two groups, low and high nibbles.
	 */
	DTYPE_Q4_K,
	DTYPE_Q5_K, /* the same with u8 h[32] in front of q: bit g of h[j] is the fifth of value j of group g */
	DTYPE_Q6_K, /* 256 values: u4 q[256], u2 h[256], i8 s[16], f16 d; v = d s (q + 16 h - 32), a scale for each 16. Order: whole_at */
	DTYPE_COUNT
};

const char *dtype_name(enum dtype t);
size_t dtype_block(enum dtype t);                  /* values in a block: 1, 32 or 256 */
size_t dtype_block_bytes(enum dtype t);            /* bytes of a block */
size_t dtype_row_bytes(enum dtype t, size_t cols); /* cols must be a multiple of the block */

bool dtype_is_quantised(enum dtype t); /* blocks with scales, not plain values */

/* A stored matrix [rows, cols], row-major, borrowed. */
struct matrix {
	enum dtype dtype;
	size_t rows, cols;
	const void *data;
};

/* dst[0..n) = values [first, first + n) of the row, as f32. */
void matrix_row(float *dst, const struct matrix *m, size_t row, size_t first, size_t n);

/* False when a value is infinite or NaN. Reads only what has an exponent: plain values and the scales of blocks. */
bool matrix_is_finite(const struct matrix *m);

/* Whether dtype_quantize writes it: F32, F16, BF16, Q8_0, Q4_0, Q4_K. */
bool dtype_can_quantize(enum dtype t);

/*
 * dst = src[0..n) in format t, dtype_row_bytes(t, n) bytes; n is a multiple of the block. Values must be finite. Those too large for the format's f16
 * (65504; 8e6 in Q8_0, 5e5 in Q4_0) give an infinite one, which matrix_is_finite shows. Takes one thread; rows may be spread over many.
 */
void dtype_quantize(void *dst, enum dtype t, const float *src, size_t n);

float f16_to_f32(uint16_t h);
float bf16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);  /* round to nearest even */
uint16_t f32_to_bf16(float f); /* round to nearest even; NaN stays NaN */

/* ---- operations -------------------------------------------------------------------------------------------------------- */

/*
 * C[M, N] = alpha * sum over terms of A[M, K] B[K, N], added to C when `accumulate`.
 * A is f32, row-major with row stride lda: A[m][k] = a[m * lda + k], or a[k * lda + m] when a_transposed.
 * B is a stored matrix: B[k][n] = b[k][n] (b is [K, N]), or b[n][k] when b_transposed (b is [N, K], a weight as stored).
 * Two terms compute X W' + H B in one pass over C (the LoRA term rides along).
 */
struct gemm_term {
	const float *a;
	size_t lda, K;
	bool a_transposed;
	struct matrix b;
	bool b_transposed;
};

enum { GEMM_TERMS = 2 };

struct gemm {
	size_t M, N;
	struct gemm_term term[GEMM_TERMS];
	int n_terms;
	float alpha;
	float *c; /* [M, ldc] */
	size_t ldc;
	bool accumulate;
	/*
	 * The caller's word that term[0].a holds the values that it had in a product before, and that nothing but products has used the
	 * scratch since. If that still has what was made of it then, it is used again. Always right to leave out.
	 */
	bool same_a;
	/* The same word about term[0].b and what was term[0].a: where that is kept, B is made of it. */
	bool b_was_a;
	/*
	 * For generation: each row of C is computed as if it were alone, so that its bits do not depend on M; no A is transposed. Where term[0].b is
	 * quantised and transposed, each 32 values of its A are rounded to whole numbers of 16 bits and their own scale, and multiplied in integers.
	 * Where that is the only term, the bits are those of `ref` on every path. The A of a BF16 one is rounded to bf16 where VDPBF16PS is fast.
	 */
	bool by_row;
	void *scratch; /* kern_scratch_bytes() bytes, aligned to 64 */
};

size_t kern_scratch_bytes(void); /* for all operations that take a scratch, on the chosen path with the current thread count */

/*
 * One attention job, causal unless it is told otherwise: queries of one sequence against its own keys and values, never anybody else's.
 * Query i sits at key position nk - nq + i and sees keys up to its own, the last `window` of them where there is a window (Beltagy et
 * al. 2020). Head h uses key/value head h / (H / Hkv).
 * Pointers are to the first row; rows are `ldq` (q, out and their gradients) or `ldk` (k, v and theirs) floats apart.
 * The first n_shared of the nk keys may lie elsewhere, where sequences that begin alike share them.
 */
struct attention_seq {
	const float *q, *k, *v;          /* k, v [nk - n_shared] rows */
	const uint16_t *half_k, *half_v; /* or, of a cache, f16 [Hkv, half_rows, D] and nothing shared: forward only */
	size_t half_rows;
	const float *shared_k, *shared_v;
	float *out, *lse; /* out [nq, H*D]; lse [nq, H] log-sum-exp of the scaled scores, or NULL when no backward will follow */
	size_t nq, nk, n_shared;
};

struct attention_seq_grad { /* parallel to attention_seq; all overwritten except d_out, which is read */
	const float *d_out;
	float *dq, *dk, *dv;
	float *shared_dk, *shared_dv; /* this sequence's part of the gradient of the shared rows */
};

struct attention {
	const struct attention_seq *seq;
	const struct attention_seq_grad *grad; /* backward only */
	size_t n_seqs, H, Hkv, D;
	size_t ldq, ldk;
	size_t window;      /* keys that a query sees, its own included; 0: all */
	bool bidirectional; /* each query sees all nk keys (Devlin et al. 2019): forward only, and without a window */
	float scale;        /* usually 1 / sqrt(D) */
	void *scratch;
};

enum rope_layout {
	ROPE_INTERLEAVED, /* pairs (2i, 2i + 1): the row order of GGUF files of the Llama architecture */
	ROPE_HALF         /* pairs (i, i + D/2): the row order of Hugging Face folders */
};

struct adamw {
	float learning_rate, beta1, beta2, epsilon, weight_decay, grad_scale, bias1, bias2;
};

struct kern {
	const char *name;

	void (*gemm)(const struct gemm *g);

	/* rstd[t] = 1 / sqrt(mean(x[t]^2) + eps); y = x * rstd * w. x, y [T, C], which may be the same memory; w [C]. Zhang & Sennrich 2019. */
	void (*rmsnorm)(float *y, float *rstd, const float *x, const float *w, size_t T, size_t C, float eps);
	/* dx += the gradient through y; w is frozen. */
	void (*rmsnorm_backward)(float *dx, const float *dy, const float *x, const float *w, const float *rstd, size_t T, size_t C);

	/* y = (x - mean) / sqrt(variance + eps) * w + b of each row; x, y [T, C], which may be the same memory; w, b [C]. Ba et al. 2016. */
	void (*layernorm)(float *y, const float *x, const float *w, const float *b, size_t T, size_t C, float eps);

	/*
	 * Rotates x [T, H*D] (row stride ldx) in place by the angles of its rows; angle [T, D/2, 2] holds cos, sin. direction +1 forward, -1
	 * the backward pass (rotation is orthogonal). Su et al. 2021.
	 */
	void (*rope)(
		float *x, size_t ldx, const float *angle, size_t T, size_t H, size_t D, enum rope_layout layout, float direction);

	/* y = silu(gate) * up, n values; Shazeer 2020. */
	void (*swiglu)(float *y, const float *gate, const float *up, size_t n);
	/* y as above, again; dgate, dup. They may be the same memory as dy, gate and up. */
	void (*swiglu_backward)(float *y, float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n);
	/* The same with y = gelu(gate) * up, in GELU's form with tanh (Hendrycks & Gimpel 2016). */
	void (*geglu)(float *y, const float *gate, const float *up, size_t n);
	void (*geglu_backward)(float *y, float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n);

	/* y = x Phi(x), n values, Phi the normal distribution's function: GELU itself, by erf. x and y may be the same memory. */
	void (*gelu)(float *y, const float *x, size_t n);

	void (*attention)(const struct attention *a);
	void (*attention_backward)(const struct attention *a);

	/*
	 * Per row of logits [n, V]: loss[i] = log-sum-exp - logits[i][target[i]] (natural log), and, when `scale` is not 0, logits
	 * becomes scale * (softmax - onehot(target)).
	 */
	void (*cross_entropy)(float *loss, float *logits, const int32_t *target, size_t n, size_t V, float scale);

	/*
	 * Per row of logits [n, V]: loss[i] = KL(softmax(teacher) || softmax(logits)) in nats, and, when `scale` is not 0, logits becomes
	 * scale * (softmax(logits) - softmax(teacher)). Hinton et al. 2015, at temperature 1.
	 */
	void (*distill)(float *loss, float *logits, const float *teacher, size_t n, size_t V, float scale);

	/*
	 * x becomes exp((x - max(x)) / temperature), 0 where it is -infinity (some are not) or the power below -87; their sum. By one thread: many
	 * draw at once.
	 */
	double (*weights)(float *x, size_t n, float temperature);

	/* dst [n, C] = rows row[i] of m. The embedding. */
	void (*gather)(float *dst, const struct matrix *m, const int32_t *row, size_t n);

	/*
	 * AdamW with decoupled decay (Loshchilov & Hutter 2019): w, m, v updated in place from g * grad_scale. bias1 and bias2 are
	 * 1 - beta^step.
	 */
	void (*adamw)(float *w, float *m, float *v, const float *g, size_t n, const struct adamw *o);

	/* dst = x as f16, rounded to nearest even; what is beyond its largest value becomes that. NaN stays NaN. */
	void (*halve)(uint16_t *dst, const float *x, size_t n);

	/* Sum of squares in f64, in a fixed order. */
	double (*sum_squares)(const float *x, size_t n);
};

/* The chosen table. NULL before kern_init. */
extern const struct kern *kern;

/* Chooses by CPU features or by `name` (NULL: $ATTUNE_CPU, else the best). ERR_USAGE naming the present paths when `name` is not here. */
int kern_init(const char *name, struct err *e);

/* The paths this binary has and this CPU can run, best first, NULL-terminated. */
const struct kern *const *kern_available(void);

/* CPU features that matter, e.g. "avx2 fma avx512f avx512_bf16"; for doctor. */
const char *kern_cpu_features(void);

#endif

/*
 * What the files of this room share. Every vector path is the same source (ops.c, unpack.c, gemm.c, rows.c, rows_lane.c, rows_panel.c, rows_plain.c, attention.c
 * and one tile_*.c) compiled once per instruction set with PATH and LANES defined; P(name) gives each compilation its own symbols.
 */
#ifndef ATTUNE_KERN_PATH_H
#define ATTUNE_KERN_PATH_H

#include "kern/kern.h"

enum { ATTENTION_MAX_D = 256 };

/* Group g of 32 values of a quantised row: value j is scale * whole[j], and the minimum (or 0) added. In Q6_K whole has the scale of its 16. */
void matrix_group(int16_t whole[32], float *scale, float *minimum, const struct matrix *m, size_t row, size_t group);

/* Whether groups have a minimum at all. */
static inline bool has_minimum(enum dtype t)
{
	return t == DTYPE_Q4_1 || t == DTYPE_Q5_1 || t == DTYPE_Q4_K || t == DTYPE_Q5_K;
}

extern const struct kern kern_ref, kern_avx2, kern_avx512, kern_avx512bf16, kern_amxbf16, kern_neon;

/*
 * Scale and minimum of group g of a Q4_K or Q5_K block, 6 bits each in 12 bytes: groups 0 to 3 in the low bits of bytes g and 4 + g; of groups 4
 * to 7 the low four in the nibbles of byte 4 + g, the upper two on top of bytes g - 4 and g.
 */
static inline void k_scales(const uint8_t p[12], size_t g, int *scale, int *min)
{
	if (g < 4) {
		*scale = p[g] & 63;
		*min = p[4 + g] & 63;
		return;
	}
	*scale = (p[4 + g] & 15) | p[g - 4] >> 6 << 4;
	*min = p[4 + g] >> 4 | p[g] >> 6 << 4;
}

/* Where keys or values of a sequence are, as struct attention_seq says. */
struct located {
	const float *own, *shared;
	const uint16_t *half; /* of the first head */
};

static inline struct located located_keys(const struct attention_seq *s)
{
	return (struct located){s->k, s->shared_k, s->half_k};
}

static inline struct located located_values(const struct attention_seq *s)
{
	return (struct located){s->v, s->shared_v, s->half_v};
}

#ifdef PATH
#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <arm_neon.h>
#endif

#define P_JOIN(name, path) name##_##path
#define P_EXPAND(name, path) P_JOIN(name, path)
#define P(name) P_EXPAND(name, PATH)

static inline size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* LANES floats; loads and stores need no alignment. */
typedef float vf __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

static inline vf vload(const float *p)
{
	return *(const vf *)p;
}

/* LANES values of f16. */
static inline vf vload_half(const uint8_t *p)
{
#if LANES == 16
	return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif LANES == 8
	return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
#else
	return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
#endif
}

static inline void vstore_half(uint16_t *p, vf v)
{
#if LANES == 16
	_mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT));
#elif LANES == 8
	_mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT));
#else
	vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v)));
#endif
}

static inline void vstore(float *p, vf v)
{
	*(vf *)p = v;
}

static inline vf vset(float x)
{
	return x - (vf){0};
}

/* a where the mask is all ones, else b. */
static inline vf vselect(vi mask, vf a, vf b)
{
	return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

static inline vf vmax(vf a, vf b)
{
	return vselect(a > b, a, b);
}

/* The lanes from n on, and then those before: in registers, where a copy to memory would have to be waited for. */
#if LANES == 16
#define VROTATED(v, n)                                                                                                          \
	__builtin_shufflevector(v, v, n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9, n + 10, n + 11, n + 12, \
		n + 13, n + 14, n + 15)
#elif LANES == 8
#define VROTATED(v, n) __builtin_shufflevector(v, v, n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7)
#else
#define VROTATED(v, n) __builtin_shufflevector(v, v, n, n + 1, n + 2, n + 3)
#endif

/* Lanes added pairwise: always in the same order. */
static inline float vsum(vf v)
{
#if LANES > 8
	v += VROTATED(v, 8);
#endif
#if LANES > 4
	v += VROTATED(v, 4);
#endif
	v += VROTATED(v, 2);
	v += VROTATED(v, 1);
	return v[0];
}

/*
 * FOLD(a, b, n): of each 2n lanes of a, and then of b, the first n plus the last n. Folding LANES vectors together in the order of vsum leaves the
 * sum of each, with its bits, in a lane of its own.
 */
#define AT(j, n, add) ((j) + (j) / (n) * (n) + (add))
#define FOUR(j, n, add) AT(j, n, add), AT(j + 1, n, add), AT(j + 2, n, add), AT(j + 3, n, add)
#if LANES == 16
#define HALVES(a, b, n, add) __builtin_shufflevector(a, b, FOUR(0, n, add), FOUR(4, n, add), FOUR(8, n, add), FOUR(12, n, add))
#elif LANES == 8
#define HALVES(a, b, n, add) __builtin_shufflevector(a, b, FOUR(0, n, add), FOUR(4, n, add))
#else
#define HALVES(a, b, n, add) __builtin_shufflevector(a, b, FOUR(0, n, add))
#endif
#define FOLD(a, b, n) (HALVES(a, b, n, 0) + HALVES(a, b, n, n))

/* Lane i: the lanes of x[i] added up. */
static inline __attribute__((always_inline)) vf vsum_each(vf x[LANES])
{
#if LANES > 8
	for (size_t i = 0; i < 8; i++)
		x[i] = FOLD(x[2 * i], x[2 * i + 1], 8);
#endif
#if LANES > 4
	for (size_t i = 0; i < 4; i++)
		x[i] = FOLD(x[2 * i], x[2 * i + 1], 4);
#endif
	x[0] = FOLD(x[0], x[1], 2);
	x[1] = FOLD(x[2], x[3], 2);
	return FOLD(x[0], x[1], 1);
}
#undef AT
#undef FOUR
#undef HALVES
#undef FOLD

static inline float vmax_lanes(vf v)
{
#if LANES > 8
	v = vmax(v, VROTATED(v, 8));
#endif
#if LANES > 4
	v = vmax(v, VROTATED(v, 4));
#endif
	v = vmax(v, VROTATED(v, 2));
	v = vmax(v, VROTATED(v, 1));
	return v[0];
}

/*
 * exp(x), relative error below 2e-7; arguments are clamped to [-87, 88], NaN stays NaN. x = n ln 2 + f with |f| <= ln 2 / 2 (Cody &
 * Waite), a polynomial for e^f (the first terms of Taylor's series suffice on this range in f32), and n added to the exponent.
 */
static inline vf vexp(vf x)
{
	const float shift = 0x1.8p23f; /* adding it rounds to an integer held in the low mantissa bits */
	x = vselect(x < vset(-87), vset(-87), x);
	x = vselect(x > vset(88), vset(88), x);
	vf t = x * 1.44269504f + shift, n = t - shift;
	vf f = x - n * 0.693359375f + n * 2.12194440e-4f;
	vf p = f * (1.0f / 5040) + 1.0f / 720;
	p = p * f + 1.0f / 120;
	p = p * f + 1.0f / 24;
	p = p * f + 1.0f / 6;
	p = p * f + 0.5f;
	p = p * f + 1;
	p = p * f + 1;
	return (vf)((vi)p + ((vi)t << 23));
}

/* Part of a stored matrix. */
struct strip {
	size_t row, rows, first, n; /* values [first, first + n) of each row */
};
/* dst [rows, n], rows ldd apart: matrix_row, vectorised. */
void P(unpack)(float *dst, size_t ldd, const struct matrix *m, struct strip s);

void P(gemm)(const struct gemm *g);
/* What a product makes of A before it multiplies: nothing; tiles; of rows (rows.h) whole numbers, or bf16. */
enum prepared { AS_IT_IS, PACKED, ROUNDED, NARROWED };

/* Scratch begins with whose A, prepared, it holds behind this, for same_a. */
struct kept {
	_Alignas(64) const float *a;
	size_t lda, M, K;
	bool transposed;
	enum prepared how;
};

/* Whether scratch holds the first term's A, prepared so. It will hold it after this product if it is kept `whole`. */
static inline bool kept_again(struct kept *have, const struct gemm *g, enum prepared how, bool whole)
{
	const struct gemm_term *t = &g->term[0];
	bool same = g->same_a && have->a == t->a && have->lda == t->lda && have->M == g->M && have->K == t->K &&
		have->transposed == t->a_transposed && have->how == how;
	*have = whole ? (struct kept){t->a, t->lda, g->M, t->K, t->a_transposed, how} : (struct kept){0};
	return same;
}

void P(gemm_rows)(const struct gemm *g, struct kept *kept, size_t bytes); /* rows.c: A not transposed; `bytes` behind kept */
size_t P(gemm_scratch_bytes)(void);
void P(attention)(const struct attention *a);
void P(attention_backward)(const struct attention *a);
size_t P(attention_scratch_bytes)(void);

#endif /* PATH */

#endif

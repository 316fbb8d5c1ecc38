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

#ifdef PATH

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
void P(gemm_rows)(const struct gemm *g, void *scratch, size_t scratch_bytes); /* rows.c: A not transposed; scratch aligned to 64 */
size_t P(gemm_scratch_bytes)(void);
void P(attention)(const struct attention *a);
void P(attention_backward)(const struct attention *a);
size_t P(attention_scratch_bytes)(void);

#endif /* PATH */

#endif

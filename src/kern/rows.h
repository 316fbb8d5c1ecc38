/*
 * What products of few rows are made of: rows.c rounds A; rows_plain.c adds what is not multiplied in integers; rows_lane.c multiplies a quantised B by it, a row of B at a time in
 * eight groups at once; rows_panel.c does so for more rows of A, one or two times LANES rows of B at a time.
 */
#ifndef ATTUNE_KERN_ROWS_H
#define ATTUNE_KERN_ROWS_H

#include "kern/path.h"

#include <math.h>

/* Whether rows_panel.c is there. */
#if defined(__x86_64__)
#define PANELS 1
#else
#define PANELS 0
#endif

/*
 * Whether few rows of A are narrowed for a B of BF16, as many are by the tiles. Beside AMX they are not: VDPBF16PS is slow there (docs/speed.md).
 */
#if defined(TILE_BF16)
#define NARROWS 1
#else
#define NARROWS 0
#endif

/* Values that share a scale; rows of B at once; rows of A at once: as many as share the work of unpacking. */
enum { GROUP = 32, COLUMNS = 32, ROUNDED_ROWS = PANELS ? 48 : 4 };

/* Rows of A: value k is scale[k / 32] * q[k], |q| <= 32767; of the 32 of a group `whole` is the sum of q, `sum` that of the values. */
struct rounded {
	int16_t *q;         /* [rows, K rounded up to 64]: of two groups the first 16 of each, then the last 16 of each */
	float *scale, *sum; /* [rows, K / 32] */
	int32_t *whole;     /* [rows, K / 32] */
	size_t m0, K;       /* row 0 is m0 of A */
};

/* Where group g of a row begins. */
static inline size_t rounded_at(const struct rounded *r, size_t row, size_t g)
{
	return row * ((r->K + 63) / 64 * 64) + g / 2 * 2 * GROUP + g % 2 * (GROUP / 2);
}

/* Rows of A, and as many rows of B as columns of C, at most COLUMNS. */
struct part {
	size_t m0, M, n0, N;
};

/* sum[m][n] = row m0 + m of A times row n0 + n of a quantised B, M <= ROUNDED_ROWS: the bits of `ref`. */
void P(rounded_lanes)(float sum[][COLUMNS], const struct rounded *r, const struct matrix *b, struct part c);
void P(rounded_panels)(float sum[][COLUMNS], const struct rounded *r, const struct matrix *b, struct part c);

/* sum[m][n] += row m0 + m of A times row n0 + n of B, or column where B is not transposed. */
void P(plain_rows)(float sum[][COLUMNS], const struct gemm_term *t, struct part c);
#if NARROWS
/* The same of a transposed B of BF16 and rows of bf16, `narrow_stride` apart. */
void P(narrow_rows)(float sum[][COLUMNS], const uint16_t *narrow, const struct gemm_term *t, struct part c);

static inline size_t narrow_stride(size_t K)
{
	return (K + 31) / 32 * 32;
}
#endif

/* How many of the rows that are left are taken at once by code for 1, 2 and 4. */
static inline size_t rows_step(size_t left)
{
	return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* Asks for bytes of rows that come next (AHEAD of rows_lane.c says why); addresses past the end do no harm. */
static inline void ask_for(const uint8_t *p, size_t stride, size_t bytes, size_t rows)
{
	for (size_t n = 0; n < rows; n++)
		for (size_t i = 0; i < bytes; i += 64)
			__builtin_prefetch(p + n * stride + i, 0, 2);
}

/* Eight lanes, whatever the path's width. */
typedef int32_t ints __attribute__((vector_size(32), aligned(4), may_alias));
typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));

/* a b + c, rounded once. */
static inline lanes fused(lanes a, lanes b, lanes c)
{
#if defined(__x86_64__)
	return (lanes)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
	for (int i = 0; i < 8; i++)
		c[i] = fmaf(a[i], b[i], c[i]);
	return c;
#endif
}

#endif

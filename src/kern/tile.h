/*
 * A tile is the unit that the matrix product of a path is made of: TILE_ROWS rows of packed A times one panel of packed B.
 *
 *   packed A: row-major, K rounded up to TILE_K by zeros, rows `lda` values apart.
 *   panel of B: up to TILE_COLS columns, rounded up to LANES by columns that nobody reads: [K][columns] of f32 or [K / 2][columns][2] of bf16, so
 *   that one load brings LANES columns and one broadcast of A meets them all; K rounded up as in A.
 *   Both start at a multiple of 64 bytes.
 *
 * tile_f32.c, tile_bf16.c with tile_dpbf16.c or tile_amx.c implement it; gemm.c and attention.c use it. The micro-kernel keeps TILE_ROWS rows of
 * sums in registers for the whole of K (Goto & van de Geijn 2008).
 */
#ifndef ATTUNE_KERN_TILE_H
#define ATTUNE_KERN_TILE_H

#include "kern/path.h"

/* TILE_SUMS registers hold sums: 6 rows of 4 vectors in 24 of 32; 6 rows of 2 in 12 of AVX2's 16. AMX has tiles for 32 rows. */
#if defined(TILE_AMX)
typedef uint16_t packed;
enum { TILE_K = 32, TILE_ROWS = 32, PACKED_DTYPE = DTYPE_BF16 };
#elif defined(TILE_BF16)
typedef uint16_t packed;
enum { TILE_K = 2, TILE_ROWS = 6, PACKED_DTYPE = DTYPE_BF16 };
#else
typedef float packed;
enum { TILE_K = 1, TILE_ROWS = 6, PACKED_DTYPE = DTYPE_F32 };
#endif

enum { TILE_VECTORS = LANES == 8 ? 2 : 4, TILE_COLS = TILE_VECTORS * LANES, TILE_SUMS = TILE_ROWS * TILE_VECTORS };

static inline size_t tile_depth(size_t K)
{
	return (K + TILE_K - 1) / TILE_K * TILE_K;
}

static inline size_t tile_width(size_t N)
{
	return (N + LANES - 1) / LANES * LANES;
}

/* dst[m][k] = A[m][k] for M rows and K columns; A as in struct gemm_term. */
void P(tile_pack_a)(packed *dst, size_t ldd, const float *a, size_t lda, bool transposed, size_t M, size_t K);

/*
 * One panel: rows k0..k0+K and columns n0..n0+N of B, N <= TILE_COLS, K <= TILE_MAX_DEPTH. k0 and n0 are multiples of 32, and where blocks
 * are quantised so are K, or N: a range holds whole groups of 32 values.
 */
enum { TILE_MAX_DEPTH = 768 };
void P(tile_pack_b)(packed *dst, const struct matrix *b, bool transposed, size_t k0, size_t K, size_t n0, size_t N);

/* c [M, N] = alpha A panel, added when `accumulate`; any M, N <= TILE_COLS. */
void P(tile_multiply)(float *c, size_t ldc, size_t M, size_t N, const packed *a, size_t lda, const packed *panel, size_t K,
	float alpha, bool accumulate);

#endif

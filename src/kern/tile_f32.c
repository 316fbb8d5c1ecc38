/*
 * Tiles of f32 in vector types: AVX2 + FMA, AVX-512F and NEON from one source. The compiler turns a * b + c into one FMA.
 */
#include "kern/tile.h"

#include <string.h>

void P(tile_pack_a)(packed *dst, size_t ldd, const float *a, size_t lda, bool transposed, size_t M, size_t K)
{
	for (size_t m = 0; m < M; m++) {
		if (!transposed) {
			memcpy(dst + m * ldd, a + m * lda, K * sizeof(float));
			continue;
		}
		for (size_t k = 0; k < K; k++)
			dst[m * ldd + k] = a[k * lda + m];
	}
}

void P(tile_pack_b)(packed *dst, const struct matrix *b, bool transposed, size_t k0, size_t K, size_t n0, size_t N)
{
	size_t W = tile_width(N);
	if (!transposed) {
		for (size_t k = 0; k < K; k++) {
			P(unpack)(dst + k * W, b, k0 + k, n0, N);
			memset(dst + k * W + N, 0, (W - N) * sizeof(float));
		}
		return;
	}
	for (size_t n = 0; n < W; n += LANES) {
		float row[LANES][TILE_MAX_DEPTH];
		for (size_t j = 0; j < LANES; j++) {
			if (n + j < N)
				P(unpack)(row[j], b, n0 + n + j, k0, K);
			else
				memset(row[j], 0, K * sizeof(float));
		}
		for (size_t k = 0; k < K; k++)
			for (size_t j = 0; j < LANES; j++)
				dst[k * W + n + j] = row[j][k];
	}
}

/* The micro-kernel; nv and rows are constants at each call, so that the sums live in registers. */
static inline __attribute__((always_inline)) void multiply(float *c, size_t ldc, const packed *a, size_t lda, const packed *b,
	size_t K, float alpha, bool accumulate, const size_t nv, const size_t rows)
{
	vf sum[TILE_ROWS][TILE_VECTORS] = {0};
	for (size_t k = 0; k < K; k++, b += nv * LANES) {
		vf column[TILE_VECTORS];
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++)
			column[v] = vload(b + v * LANES);
#pragma GCC unroll 6
		for (size_t m = 0; m < rows; m++) {
			vf x = vset(a[m * lda + k]);
#pragma GCC unroll 4
			for (size_t v = 0; v < nv; v++)
				sum[m][v] += x * column[v];
		}
	}
#pragma GCC unroll 6
	for (size_t m = 0; m < rows; m++) {
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++) {
			float *at = c + m * ldc + v * LANES;
			vstore(at, accumulate ? vload(at) + alpha * sum[m][v] : alpha * sum[m][v]);
		}
	}
}

#include "kern/tile_edge.inc"

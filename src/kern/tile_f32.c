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

/* Lanes a0 b0 a1 b1 ... of the lower or the upper halves. */
static inline vf zip(vf a, vf b, const bool upper)
{
#if LANES == 4
	return upper ? __builtin_shufflevector(a, b, 2, 6, 3, 7) : __builtin_shufflevector(a, b, 0, 4, 1, 5);
#elif LANES == 8
	return upper ? __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
		     : __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
	return upper ? __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
		     : __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#endif
}

/* LANES x LANES: zipping rows i and i + LANES / 2 moves one bit of the lane's number into the row's, so all bits have changed sides in the end. */
static inline void transpose(vf r[LANES])
{
#pragma GCC unroll 4
	for (size_t step = 1; step < LANES; step *= 2) {
		vf t[LANES];
#pragma GCC unroll 8
		for (size_t i = 0; i < LANES / 2; i++) {
			t[2 * i] = zip(r[i], r[i + LANES / 2], false);
			t[2 * i + 1] = zip(r[i], r[i + LANES / 2], true);
		}
		memcpy(r, t, sizeof(t));
	}
}

void P(tile_pack_b)(packed *dst, const struct matrix *b, bool transposed, size_t k0, size_t K, size_t n0, size_t N)
{
	size_t W = tile_width(N);
	if (!transposed) {
		P(unpack)(dst, W, b, (struct strip){k0, K, n0, N});
		for (size_t k = 0; k < K && N < W; k++)
			memset(dst + k * W + N, 0, (W - N) * sizeof(float));
		return;
	}
	for (size_t n = 0; n < W; n += LANES) {
		float row[LANES][TILE_MAX_DEPTH];
		size_t rows = N - n < LANES ? N - n : LANES;
		P(unpack)(row[0], TILE_MAX_DEPTH, b, (struct strip){n0 + n, rows, k0, K});
		for (size_t j = rows; j < LANES; j++)
			memset(row[j], 0, K * sizeof(float));
		size_t k = 0;
		for (; k + LANES <= K; k += LANES) {
			vf r[LANES];
#pragma GCC unroll 16
			for (size_t j = 0; j < LANES; j++)
				r[j] = vload(row[j] + k);
			transpose(r);
#pragma GCC unroll 16
			for (size_t i = 0; i < LANES; i++)
				vstore(dst + (k + i) * W + n, r[i]);
		}
		for (; k < K; k++)
			for (size_t j = 0; j < LANES; j++)
				dst[k * W + n + j] = row[j][k];
	}
}

/* The micro-kernel; nv and rows are constants at each call, so that the sums live in registers. */
static inline __attribute__((always_inline)) void multiply(float *c, size_t ldc, const packed *a, size_t lda, const packed *b,
	size_t K, float alpha, bool accumulate, const size_t nv, const size_t rows)
{
	vf sum[TILE_SUMS] = {0};
	for (size_t k = 0; k < K; k++, b += nv * LANES) {
		vf column[TILE_VECTORS];
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++)
			column[v] = vload(b + v * LANES);
#pragma GCC unroll 24
		for (size_t m = 0; m < rows; m++) {
			vf x = vset(a[m * lda + k]);
#pragma GCC unroll 4
			for (size_t v = 0; v < nv; v++)
				sum[m * nv + v] += x * column[v];
		}
	}
#pragma GCC unroll 24
	for (size_t m = 0; m < rows; m++) {
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++) {
			float *at = c + m * ldc + v * LANES;
			vstore(at, accumulate ? vload(at) + alpha * sum[m * nv + v] : alpha * sum[m * nv + v]);
		}
	}
}

#include "kern/tile_edge.inc"

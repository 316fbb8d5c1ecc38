/*
 * Products of bf16 with sums in f32: AVX-512 BF16. VDPBF16PS multiplies pairs along K and adds both products to an f32 lane; inputs that are
 * subnormal count as zero and sums round to nearest even (Intel SDM, VDPBF16PS).
 */
#include "kern/tile.h"

#include <string.h>

static inline __attribute__((always_inline)) void multiply(float *c, size_t ldc, const packed *a, size_t lda, const packed *b,
	size_t K, float alpha, bool accumulate, const size_t nv, const size_t rows)
{
	__m512 sum[TILE_SUMS];
#pragma GCC unroll 24
	for (size_t m = 0; m < rows; m++)
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++)
			sum[m * nv + v] = _mm512_setzero_ps();
	for (size_t k = 0; k < K; k += 2, b += nv * 32) {
		__m512bh column[TILE_VECTORS];
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++)
			column[v] = (__m512bh)_mm512_loadu_si512(b + v * 32);
#pragma GCC unroll 24
		for (size_t m = 0; m < rows; m++) {
			int32_t two;
			memcpy(&two, a + m * lda + k, 4);
			__m512bh x = (__m512bh)_mm512_set1_epi32(two);
#pragma GCC unroll 4
			for (size_t v = 0; v < nv; v++)
				sum[m * nv + v] = _mm512_dpbf16_ps(sum[m * nv + v], x, column[v]);
		}
	}
#pragma GCC unroll 24
	for (size_t m = 0; m < rows; m++) {
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++) {
			float *at = c + m * ldc + v * 16;
			__m512 y = _mm512_mul_ps(sum[m * nv + v], _mm512_set1_ps(alpha));
			_mm512_storeu_ps(at, accumulate ? _mm512_add_ps(_mm512_loadu_ps(at), y) : y);
		}
	}
}

#include "kern/tile_edge.inc"

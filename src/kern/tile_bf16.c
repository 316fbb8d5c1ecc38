/*
 * Tiles of bf16 with sums in f32: AVX-512 BF16. VDPBF16PS multiplies pairs along K and adds both products to an f32 lane; inputs that are
 * subnormal count as zero and sums round to nearest even (Intel SDM, VDPBF16PS).
 */
#include "kern/tile.h"

#include <immintrin.h>
#include <string.h>

/* 32 values to bf16, in order. */
static inline __m512i narrow(const float *p)
{
	return (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(p + 16), _mm512_loadu_ps(p));
}

static void narrow_row(packed *dst, const float *a, size_t K)
{
	size_t k = 0;
	for (; k + 32 <= K; k += 32)
		_mm512_storeu_si512(dst + k, narrow(a + k));
	if (k < K) {
		float rest[32] = {0};
		uint16_t out[32];
		memcpy(rest, a + k, (K - k) * sizeof(float));
		_mm512_storeu_si512(out, narrow(rest));
		memcpy(dst + k, out, tile_depth(K - k) * sizeof(packed));
	}
}

/* Pairs (a[i], b[i]) as bf16, for 16 lanes. */
static inline __m512i pair(__m512 a, __m512 b)
{
	__m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));
	__m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));
	return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

void P(tile_pack_a)(packed *dst, size_t ldd, const float *a, size_t lda, bool transposed, size_t M, size_t K)
{
	if (!transposed) {
		for (size_t m = 0; m < M; m++)
			narrow_row(dst + m * ldd, a + m * lda, K);
		return;
	}
	for (size_t m = 0; m < M; m += 16) {
		size_t rows = M - m < 16 ? M - m : 16;
		__mmask16 mask = (__mmask16)((1u << rows) - 1);
		for (size_t k = 0; k < K; k += 2) {
			uint32_t out[16];
			__m512 odd = k + 1 < K ? _mm512_maskz_loadu_ps(mask, a + (k + 1) * lda + m) : _mm512_setzero_ps();
			_mm512_storeu_si512(out, pair(_mm512_maskz_loadu_ps(mask, a + k * lda + m), odd));
			for (size_t i = 0; i < rows; i++)
				memcpy(dst + (m + i) * ldd + k, &out[i], 4);
		}
	}
}

/* 16 x 16 of 32 bits, transposed in registers: rows interleaved by 1, 2, then 4 and 8 lanes. */
static inline void transpose(__m512i r[16])
{
	__m512i t[16];
	for (size_t i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
	for (size_t i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	for (size_t i = 0; i < 4; i++) {
		__m512i a = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88), b = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
		__m512i c = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88), d = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
		t[i] = _mm512_shuffle_i32x4(a, c, 0x88);
		t[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
		t[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
		t[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
	}
	memcpy(r, t, sizeof(t));
}

/* Columns n..n+16 of a panel from 16 rows of a stored weight. */
static void pack_weight_rows(packed *dst, size_t W, const struct matrix *b, size_t row, size_t rows, size_t k0, size_t K)
{
	float value[TILE_MAX_DEPTH];
	uint16_t half[16][TILE_MAX_DEPTH + 32];
	size_t depth = tile_depth(K);
	for (size_t j = 0; j < 16; j++) {
		if (j < rows) {
			P(unpack)(value, b, row + j, k0, K);
			narrow_row(half[j], value, K);
		} else {
			memset(half[j], 0, depth * sizeof(packed));
		}
	}
	for (size_t k = 0; k < depth; k += 32) {
		__m512i r[16];
		for (size_t j = 0; j < 16; j++)
			r[j] = _mm512_loadu_si512(half[j] + k);
		transpose(r);
		for (size_t i = 0; i < 16 && k + 2 * i < depth; i++)
			_mm512_storeu_si512(dst + (k / 2 + i) * W * 2, r[i]);
	}
}

void P(tile_pack_b)(packed *dst, const struct matrix *b, bool transposed, size_t k0, size_t K, size_t n0, size_t N)
{
	size_t W = tile_width(N);
	if (transposed) {
		for (size_t n = 0; n < N; n += 16)
			pack_weight_rows(dst + n * 2, W, b, n0 + n, N - n < 16 ? N - n : 16, k0, K);
		return;
	}
	for (size_t k = 0; k < K; k += 2) {
		float even[TILE_COLS], odd[TILE_COLS] = {0};
		memset(even + N, 0, (TILE_COLS - N) * sizeof(float));
		P(unpack)(even, b, k0 + k, n0, N);
		if (k + 1 < K)
			P(unpack)(odd, b, k0 + k + 1, n0, N);
		for (size_t n = 0; n < W; n += 16)
			_mm512_storeu_si512(dst + k * W + n * 2, pair(_mm512_loadu_ps(even + n), _mm512_loadu_ps(odd + n)));
	}
}

static inline __attribute__((always_inline)) void multiply(float *c, size_t ldc, const packed *a, size_t lda, const packed *b,
	size_t K, float alpha, bool accumulate, const size_t nv, const size_t rows)
{
	__m512 sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 6
	for (size_t m = 0; m < rows; m++)
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++)
			sum[m][v] = _mm512_setzero_ps();
	for (size_t k = 0; k < K; k += 2, b += nv * 32) {
		__m512bh column[TILE_VECTORS];
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++)
			column[v] = (__m512bh)_mm512_loadu_si512(b + v * 32);
#pragma GCC unroll 6
		for (size_t m = 0; m < rows; m++) {
			int32_t two;
			memcpy(&two, a + m * lda + k, 4);
			__m512bh x = (__m512bh)_mm512_set1_epi32(two);
#pragma GCC unroll 4
			for (size_t v = 0; v < nv; v++)
				sum[m][v] = _mm512_dpbf16_ps(sum[m][v], x, column[v]);
		}
	}
#pragma GCC unroll 6
	for (size_t m = 0; m < rows; m++) {
#pragma GCC unroll 4
		for (size_t v = 0; v < nv; v++) {
			float *at = c + m * ldc + v * 16;
			__m512 y = _mm512_mul_ps(sum[m][v], _mm512_set1_ps(alpha));
			_mm512_storeu_ps(at, accumulate ? _mm512_add_ps(_mm512_loadu_ps(at), y) : y);
		}
	}
}

#include "kern/tile_edge.inc"

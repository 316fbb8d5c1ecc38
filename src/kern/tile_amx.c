/*
 * Products of bf16 with sums in f32: AMX. TDPBF16PS multiplies a tile of 16 rows of A, 32 deep, by 16 columns of B: 16 times the work of a
 * VDPBF16PS, with the same rounding (Intel SDM, TDPBF16PS). Two tiles of rows and two of columns make each load serve two products.
 *
 * Measured on one core of a Xeon with AMX: 3.6 TFLOPS, as long as no row of a tile crosses a cache line (0.96 where one does); VDPBF16PS reaches
 * 0.12 there and f32 FMA 0.23. So both operands are aligned to 64 bytes and as deep as a tile, padded with zeros.
 */
#include "kern/tile.h"

#include <string.h>

enum { SIDE = 16, PAIR = 2 * SIDE };

/* Sums are tiles 0 and 1 (upper rows), 2 and 3 (lower rows); A is 4 (upper) and 5 (lower), B 6 and 7. */
static void configure(size_t upper, size_t lower)
{
	const size_t rows[8] = {upper, upper, lower, lower, upper, lower, SIDE, SIDE};
	_Alignas(64) struct {
		uint8_t palette, start_row, reserved[14];
		uint16_t row_bytes[16];
		uint8_t rows[16];
	} config = {.palette = 1};
	for (size_t i = 0; i < 8; i++) {
		config.rows[i] = (uint8_t)rows[i];
		config.row_bytes[i] = rows[i] ? 64 : 0;
	}
	_tile_loadconfig(&config);
}

/* sum[2][2] = A panel for up to 32 rows (more than 16 when `lower`) and up to 32 columns of the panel (more than 16 when `right`). */
static inline __attribute__((always_inline)) void multiply(float sum[2][2][SIDE * SIDE], const packed *a, size_t lda,
	const packed *b, size_t ldb, size_t K, const bool lower, const bool right)
{
	_tile_zero(0);
	if (right)
		_tile_zero(1);
	if (lower)
		_tile_zero(2);
	if (lower && right)
		_tile_zero(3);
	for (size_t k = 0; k < K; k += TILE_K, b += TILE_K / 2 * ldb) {
		_tile_loadd(4, a + k, (long)(lda * sizeof(packed)));
		_tile_loadd(6, b, (long)(ldb * sizeof(packed)));
		_tile_dpbf16ps(0, 4, 6);
		if (right) {
			_tile_loadd(7, b + PAIR, (long)(ldb * sizeof(packed)));
			_tile_dpbf16ps(1, 4, 7);
		}
		if (lower) {
			_tile_loadd(5, a + SIDE * lda + k, (long)(lda * sizeof(packed)));
			_tile_dpbf16ps(2, 5, 6);
		}
		if (lower && right)
			_tile_dpbf16ps(3, 5, 7);
	}
	_tile_stored(0, sum[0][0], SIDE * sizeof(float));
	if (right)
		_tile_stored(1, sum[0][1], SIDE * sizeof(float));
	if (lower)
		_tile_stored(2, sum[1][0], SIDE * sizeof(float));
	if (lower && right)
		_tile_stored(3, sum[1][1], SIDE * sizeof(float));
}

/* c += or = alpha sum, of which `rows` rows and the columns of `mask` count. */
static inline void store(
	float *c, size_t ldc, size_t rows, __mmask32 mask, float sum[2][2][SIDE * SIDE], float alpha, bool accumulate)
{
	__mmask16 left = (__mmask16)mask, right = (__mmask16)(mask >> SIDE);
	__m512 by = _mm512_set1_ps(alpha);
	for (size_t i = 0; i < rows; i++, c += ldc) {
		__m512 x = _mm512_mul_ps(_mm512_load_ps(sum[i / SIDE][0] + i % SIDE * SIDE), by);
		_mm512_mask_storeu_ps(c, left, accumulate ? _mm512_add_ps(_mm512_maskz_loadu_ps(left, c), x) : x);
		if (!right)
			continue;
		x = _mm512_mul_ps(_mm512_load_ps(sum[i / SIDE][1] + i % SIDE * SIDE), by);
		_mm512_mask_storeu_ps(c + SIDE, right, accumulate ? _mm512_add_ps(_mm512_maskz_loadu_ps(right, c + SIDE), x) : x);
	}
}

/* Columns outside, so that 32 of them stay in the first cache while the rows go by. */
void P(tile_multiply)(float *c, size_t ldc, size_t M, size_t N, const packed *a, size_t lda, const packed *panel, size_t K,
	float alpha, bool accumulate)
{
	size_t ldb = 2 * tile_width(N), configured = 0;
	for (size_t n = 0; n < N; n += PAIR) {
		__mmask32 mask = N - n < PAIR ? (1u << (N - n)) - 1 : UINT32_MAX;
		bool right = N - n > SIDE;
		for (size_t m = 0; m < M; m += PAIR) {
			_Alignas(64) float sum[2][2][SIDE * SIDE];
			size_t rows = M - m < PAIR ? M - m : PAIR;
			bool lower = rows > SIDE;
			if (rows != configured)
				configure(lower ? SIDE : rows, lower ? rows - SIDE : 0);
			configured = rows;
			if (lower && right)
				multiply(sum, a + m * lda, lda, panel + 2 * n, ldb, K, true, true);
			else if (lower)
				multiply(sum, a + m * lda, lda, panel + 2 * n, ldb, K, true, false);
			else if (right)
				multiply(sum, a + m * lda, lda, panel + 2 * n, ldb, K, false, true);
			else
				multiply(sum, a + m * lda, lda, panel + 2 * n, ldb, K, false, false);
			store(c + m * ldc + n, ldc, rows, mask, sum, alpha, accumulate);
		}
	}
	_tile_release();
}

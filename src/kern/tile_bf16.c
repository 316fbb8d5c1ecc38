/*
 * Operands of tiles of bf16: A narrowed, B straight from the stored blocks. tile_dpbf16.c and tile_amx.c multiply them.
 */
#include "kern/tile.h"

#include <string.h>

/* 32 values to bf16, in order; those outside the mask are not read and count as zero. */
static inline __m512i narrow(const float *p, __mmask32 mask)
{
	__m512 low = _mm512_maskz_loadu_ps((__mmask16)mask, p), high = _mm512_maskz_loadu_ps((__mmask16)(mask >> 16), p + 16);
	return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* The first n of 32. */
static inline __mmask32 first_of_32(size_t n)
{
	return n < 32 ? (1u << n) - 1 : UINT32_MAX;
}

static void narrow_row(packed *dst, const float *a, size_t K)
{
	size_t k = 0;
	for (; k + 32 <= K; k += 32)
		_mm512_storeu_si512(dst + k, narrow(a + k, UINT32_MAX));
	if (k < K)
		_mm512_mask_storeu_epi16(dst + k, first_of_32(tile_depth(K - k)), narrow(a + k, first_of_32(K - k)));
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

/* Words a0 b0 a1 b1 ...: of the lower or the upper halves of both. */
static inline __m512i interleave(__m512i a, __m512i b, bool upper)
{
	const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	__m512i index = _mm512_or_si512(lane, _mm512_slli_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(32)), 16));
	return _mm512_permutex2var_epi16(a, upper ? _mm512_add_epi16(index, _mm512_set1_epi16(16)) : index, b);
}

/* 16 columns of A become rows: pairs along K in each lane, transposed. */
static void narrow_columns(packed *dst, size_t ldd, const float *a, size_t lda, size_t M, size_t K)
{
	__mmask16 some = (__mmask16)first_of_32(M);
	for (size_t k = 0; k < K; k += 32) {
		__m512i r[16];
		for (size_t i = 0; i < 16; i++) {
			const float *even = a + (k + 2 * i) * lda;
			__m512 x = _mm512_maskz_loadu_ps(k + 2 * i < K ? some : 0, even);
			__m512 y = _mm512_maskz_loadu_ps(k + 2 * i + 1 < K ? some : 0, even + lda);
			__m512i both = (__m512i)_mm512_cvtne2ps_pbh(y, x);
			r[i] = interleave(both, _mm512_shuffle_i32x4(both, both, 0xee), false);
		}
		transpose(r);
		for (size_t m = 0; m < M; m++)
			_mm512_mask_storeu_epi16(dst + m * ldd + k, first_of_32(tile_depth(K - k)), r[m]);
	}
}

void P(tile_pack_a)(packed *dst, size_t ldd, const float *a, size_t lda, bool transposed, size_t M, size_t K)
{
	for (size_t m = 0; !transposed && m < M; m++)
		narrow_row(dst + m * ldd, a + m * lda, K);
	for (size_t m = 0; transposed && m < M; m += 16)
		narrow_columns(dst + m * ldd, ldd, a + m, lda, M - m < 16 ? M - m : 16, K);
}

/* ---- panels of B ------------------------------------------------------------------------------------------------------- */

static inline __m512 scale_of(const uint8_t *p)
{
	uint16_t h;
	memcpy(&h, p, 2);
	return _mm512_set1_ps(_cvtsh_ss(h));
}

/* 16 quants as floats. */
static inline __m512 bytes(__m128i q)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q));
}

/*
 * 32 stored values as bf16, in order: what unpack gives, rounded. Blocks are whole; of plain values those outside the mask are not read and
 * count as zero.
 */
static inline __attribute__((always_inline)) __m512i stored(const enum dtype dtype, const uint8_t *p, __mmask32 mask)
{
	const __m128i nibble = _mm_set1_epi8(15), eight = _mm_set1_epi8(8);
	__m512 low, high;
	__m128i q;
	switch (dtype) {
	case DTYPE_F32:
		return narrow((const float *)p, mask);
	case DTYPE_BF16:
		return _mm512_maskz_loadu_epi16(mask, p);
	case DTYPE_F16:
		low = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16((__mmask16)mask, p));
		high = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16((__mmask16)(mask >> 16), p + 32));
		break;
	case DTYPE_Q8_0:
		low = _mm512_mul_ps(scale_of(p), bytes(_mm_loadu_si128((const __m128i *)(p + 2))));
		high = _mm512_mul_ps(scale_of(p), bytes(_mm_loadu_si128((const __m128i *)(p + 18))));
		break;
	case DTYPE_Q4_0:
		q = _mm_loadu_si128((const __m128i *)(p + 2));
		low = _mm512_mul_ps(scale_of(p), bytes(_mm_sub_epi8(_mm_and_si128(q, nibble), eight)));
		high = _mm512_mul_ps(scale_of(p), bytes(_mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(q, 4), nibble), eight)));
		break;
	case DTYPE_Q4_1:
		q = _mm_loadu_si128((const __m128i *)(p + 4));
		low = _mm512_fmadd_ps(scale_of(p), bytes(_mm_and_si128(q, nibble)), scale_of(p + 2));
		high = _mm512_fmadd_ps(scale_of(p), bytes(_mm_and_si128(_mm_srli_epi16(q, 4), nibble)), scale_of(p + 2));
		break;
	default: /* no PACK_CASE */
		return _mm512_setzero_si512();
	}
	return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/*
 * Up to 16 columns of a panel from as many rows of a stored weight, the first at p. The last row fills up the rest: 16 rows known to the
 * compiler stay in registers.
 */
static inline __attribute__((always_inline)) void pack_rows(
	packed *dst, size_t W, const enum dtype dtype, const uint8_t *p, size_t row_bytes, size_t rows, size_t K)
{
	size_t depth = tile_depth(K), bytes_of_32 = 32 / dtype_block(dtype) * dtype_block_bytes(dtype);
	for (size_t k = 0; k < depth; k += 32, p += bytes_of_32) {
		__m512i r[16];
#pragma GCC unroll 16
		for (size_t j = 0; j < 16; j++) {
			const uint8_t *at = p + (j < rows ? j : rows - 1) * row_bytes;
			/* The next sixteen rows: far enough ahead for memory. */
			for (size_t line = 0; line < bytes_of_32; line += 64)
				_mm_prefetch(at + 16 * row_bytes + line, _MM_HINT_T0);
			r[j] = stored(dtype, at, first_of_32(K - k));
		}
		transpose(r);
		for (size_t i = 0; i < 16 && k + 2 * i < depth; i++)
			_mm512_storeu_si512(dst + (k / 2 + i) * W * 2, r[i]);
	}
}

/* N columns of a panel from K rows of a stored matrix, the first value at p. */
static inline __attribute__((always_inline)) void pack_columns(
	packed *dst, size_t N, const enum dtype dtype, const uint8_t *p, size_t row_bytes, size_t K)
{
	enum { AHEAD = 16 }; /* rows */
	size_t W = tile_width(N), bytes_of_32 = 32 / dtype_block(dtype) * dtype_block_bytes(dtype);
	size_t k = 0;
	for (; k < K; k += 2, p += 2 * row_bytes)
		for (size_t n = 0; n < N; n += 32) {
			const uint8_t *at = p + n / 32 * bytes_of_32;
			for (size_t i = 0; dtype == DTYPE_F32 && i < 4; i++) /* activations: a row is far from the next one */
				_mm_prefetch(at + (AHEAD + i / 2) * row_bytes + i % 2 * 64, _MM_HINT_T0);
			__m512i even = stored(dtype, at, first_of_32(N - n)), odd = _mm512_setzero_si512();
			if (k + 1 < K)
				odd = stored(dtype, at + row_bytes, first_of_32(N - n));
			_mm512_storeu_si512(dst + k * W + n * 2, interleave(even, odd, false));
			if (n + 16 < W)
				_mm512_storeu_si512(dst + k * W + n * 2 + 32, interleave(even, odd, true));
		}
	memset(dst + k * W, 0, (tile_depth(K) - k) * W * sizeof(*dst));
}

/* The other formats, through f32: as many rows at once as a step along the panel takes. */
static void pack_rows_unpacked(packed *dst, const struct matrix *b, size_t k0, size_t K, size_t n0, size_t N)
{
	float row[16][TILE_MAX_DEPTH];
	for (size_t n = 0; n < N; n += 16) {
		size_t rows = N - n < 16 ? N - n : 16;
		P(unpack)(row[0], TILE_MAX_DEPTH, b, (struct strip){n0 + n, rows, k0, K});
		pack_rows(dst + n * 2, tile_width(N), DTYPE_F32, (const uint8_t *)row, sizeof(row[0]), rows, K);
	}
}

static void pack_columns_unpacked(packed *dst, const struct matrix *b, size_t k0, size_t K, size_t n0, size_t N)
{
	enum { ROWS = 32 }; /* a multiple of TILE_K: only the last step may fill up with zeros */
	float row[ROWS][TILE_COLS];
	for (size_t k = 0; k < K; k += ROWS) {
		size_t rows = K - k < ROWS ? K - k : ROWS;
		P(unpack)(row[0], TILE_COLS, b, (struct strip){k0 + k, rows, n0, N});
		pack_columns(dst + k * tile_width(N), N, DTYPE_F32, (const uint8_t *)row, sizeof(row[0]), rows);
	}
}

/* Blocks of 32 are whole because ranges start at multiples of 32 and rows of quantised weights end there. */
void P(tile_pack_b)(packed *dst, const struct matrix *b, bool transposed, size_t k0, size_t K, size_t n0, size_t N)
{
	size_t row_bytes = dtype_row_bytes(b->dtype, b->cols), row = transposed ? n0 : k0, first = transposed ? k0 : n0;
	const uint8_t *p = (const uint8_t *)b->data + row * row_bytes + first / dtype_block(b->dtype) * dtype_block_bytes(b->dtype);
	switch (b->dtype) {
#define PACK_CASE(t)                                                                                                        \
	case t:                                                                                                             \
		for (size_t n = 0; transposed && n < N; n += 16)                                                            \
			pack_rows(dst + n * 2, tile_width(N), t, p + n * row_bytes, row_bytes, N - n < 16 ? N - n : 16, K); \
		if (!transposed)                                                                                            \
			pack_columns(dst, N, t, p, row_bytes, K);                                                           \
		break;
		PACK_CASE(DTYPE_F32)
		PACK_CASE(DTYPE_F16)
		PACK_CASE(DTYPE_BF16)
		PACK_CASE(DTYPE_Q8_0)
		PACK_CASE(DTYPE_Q4_0)
		PACK_CASE(DTYPE_Q4_1)
	default:
		(transposed ? pack_rows_unpacked : pack_columns_unpacked)(dst, b, k0, K, n0, N);
	}
}

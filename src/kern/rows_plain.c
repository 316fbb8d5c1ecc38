/*
 * Products of few rows with a B that is not multiplied in integers (rows.h): values that are stored whole (F32, F16, BF16) are used as they are read,
 * blocks are unpacked first, and a B that lies as it is (an adapter's) is added row by row.
 */
#include "kern/rows.h"

#include <string.h>

/* Values of B unpacked at once; rows of A and of B at once, whose sums fill the lanes of whole vectors. */
enum { DEPTH = 768, ROWS = 4, COLS = LANES == 8 ? 2 : 4 };

/* Rows of A or of B, K values of a type. */
struct operand {
	const uint8_t *p;
	size_t stride; /* in bytes */
};

/* sum[m][n + i] += the lanes of part[m][i]. */
static inline __attribute__((always_inline)) void add_sums(
	float sum[][COLUMNS], size_t n, vf part[ROWS][COLS], const size_t rows, const size_t cols)
{
	if (rows == ROWS && cols == COLS) {
		float total[ROWS * COLS];
		for (size_t i = 0; i < ROWS * COLS; i += LANES)
			vstore(total + i, vsum_each(part[0] + i));
		for (size_t m = 0; m < ROWS; m++)
			for (size_t i = 0; i < COLS; i++)
				sum[m][n + i] += total[m * COLS + i];
		return;
	}
	for (size_t m = 0; m < rows; m++)
		for (size_t i = 0; i < cols; i++)
			sum[m][n + i] += vsum(part[m][i]);
}

/* ---- B transposed ------------------------------------------------------------------------------------------------------ */

/* As they are stored; NARROW: BF16 that is multiplied in pairs, as A is, and not widened. */
enum stored { F32, F16, BF16, NARROW };

static inline size_t bytes_of(const enum stored t)
{
	return t == F32 ? 4 : 2;
}

/* Values of a vector: LANES, or as many pairs. */
static inline size_t step_of(const enum stored t)
{
	return t == NARROW ? 2 * LANES : LANES;
}

/* In memory, anywhere. */
typedef float raw __attribute__((vector_size(LANES * 4), aligned(1), may_alias));

static inline __attribute__((always_inline)) vf values(const enum stored t, const uint8_t *p)
{
	if (t == F32 || t == NARROW)
		return *(const raw *)p;
	if (t == F16)
		return vload_half(p);
#if LANES == 16
	return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16);
#elif LANES == 8
	return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16);
#else
	return (vf)vshll_n_u16(vreinterpret_u16_u8(vld1_u8(p)), 16);
#endif
}

/* The first n of a vector, and zeros. */
static inline __attribute__((always_inline)) vf values_first(const enum stored t, const uint8_t *p, size_t n)
{
	uint8_t copy[LANES * sizeof(float)] = {0};
	memcpy(copy, p, n * bytes_of(t));
	return values(t, copy);
}

static inline __attribute__((always_inline)) vf add_product(vf sum, vf x, vf y, const enum stored t)
{
#if NARROWS
	if (t == NARROW)
		return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)y);
#endif
	(void)t;
	return sum + x * y;
}

/*
 * sum[m][n] += `rows` rows of A . `cols` rows of B. What a sum comes to depends on neither number. The `ask` rows of B from `next` on are asked for
 * on the way.
 */
static inline __attribute__((always_inline)) void add_dots(float sum[][COLUMNS], size_t n, const enum stored t, struct operand a,
	struct operand b, size_t K, const size_t rows, const size_t cols, const uint8_t *next, const size_t ask)
{
	const enum stored of_a = t == NARROW ? NARROW : F32;
	vf part[ROWS][COLS] = {{{0}}}, y[COLS];
	size_t k = 0;
#pragma GCC unroll 2
	for (; k + step_of(t) <= K; k += step_of(t)) {
#pragma GCC unroll 4
		for (size_t i = 0; i < ask; i++)
			__builtin_prefetch(next + i * b.stride + k * bytes_of(t));
#pragma GCC unroll 4
		for (size_t i = 0; i < cols; i++)
			y[i] = values(t, b.p + i * b.stride + k * bytes_of(t));
#pragma GCC unroll 4
		for (size_t m = 0; m < rows; m++) {
			vf x = values(of_a, a.p + m * a.stride + k * bytes_of(of_a));
#pragma GCC unroll 4
			for (size_t i = 0; i < cols; i++)
				part[m][i] = add_product(part[m][i], x, y[i], t);
		}
	}
	for (size_t i = 0; k < K && i < cols; i++) {
		y[0] = values_first(t, b.p + i * b.stride + k * bytes_of(t), K - k);
		for (size_t m = 0; m < rows; m++)
			part[m][i] = add_product(
				part[m][i], values_first(of_a, a.p + m * a.stride + k * bytes_of(of_a), K - k), y[0], t);
	}
	add_sums(sum, n, part, rows, cols);
}

static inline __attribute__((always_inline)) void add_dots_rows(float sum[][COLUMNS], size_t n, const enum stored t,
	struct operand a, struct operand b, size_t K, size_t rows, const size_t cols, const uint8_t *next, const size_t ask)
{
	if (rows == 4)
		add_dots(sum, n, t, a, b, K, 4, cols, next, ask);
	else if (rows == 2)
		add_dots(sum, n, t, a, b, K, 2, cols, next, ask);
	else
		add_dots(sum, n, t, a, b, K, 1, cols, next, ask);
}

/*
 * COLS rows of B at a time, where there are as many, to 4, 2 or 1 rows of A after the other; but to a single row of A one after another, which is
 * read fastest. The rows of B that come next are asked for, since rows are too short for the processor to fetch ahead, and not all at once but
 * between the products of all rows of A, which would wait behind them. What is asked for last is needed soonest, so where rows are short enough for
 * the first cache it is the COLS rows behind the next ones.
 */
static inline __attribute__((always_inline)) void add_dots_all(
	float sum[][COLUMNS], const enum stored t, struct part c, struct operand a, struct operand b, size_t K)
{
	const size_t fours = c.M / 4, share = fours < 2 ? COLS : fours < 4 ? COLS / 2 : 1, ahead = t == NARROW && c.M > 1 ? 2 : 1;
	for (size_t n = 0, cols; n < c.N; n += cols) {
		struct operand x = a, y = {b.p + n * b.stride, b.stride};
		const uint8_t *next = y.p + ahead * COLS * y.stride, *end = next + COLS * y.stride;
		cols = c.M > 1 && n + COLS <= c.N ? COLS : 1;
		for (size_t m = 0, rows; m < c.M; m += rows, x.p += rows * x.stride) {
			rows = rows_step(c.M - m);
			if (cols == 1)
				add_dots_rows(sum + m, n, t, x, y, K, rows, 1, next, 1);
			else if (next >= end)
				add_dots_rows(sum + m, n, t, x, y, K, rows, COLS, next, 0);
			else if (share == 1)
				add_dots_rows(sum + m, n, t, x, y, K, rows, COLS, next, 1);
			else if (share == COLS)
				add_dots_rows(sum + m, n, t, x, y, K, rows, COLS, next, COLS);
			else
				add_dots_rows(sum + m, n, t, x, y, K, rows, COLS, next, COLS / 2);
			next += share * y.stride;
		}
	}
}

#if NARROWS
void P(narrow_rows)(float sum[][COLUMNS], const uint16_t *narrow, const struct gemm_term *t, struct part c)
{
	size_t stride = dtype_row_bytes(t->b.dtype, t->b.cols), ld = narrow_stride(t->K);
	struct operand a = {(const uint8_t *)(narrow + c.m0 * ld), ld * sizeof(*narrow)};
	struct operand b = {(const uint8_t *)t->b.data + c.n0 * stride, stride};
	add_dots_all(sum, NARROW, c, a, b, t->K);
}
#endif

/* sum[n] += A row . B row n. */
static void dots(float sum[][COLUMNS], const struct gemm_term *t, struct part c)
{
	size_t stride = dtype_row_bytes(t->b.dtype, t->b.cols);
	struct operand a = {(const uint8_t *)(t->a + c.m0 * t->lda), t->lda * sizeof(float)};
	struct operand b = {(const uint8_t *)t->b.data + c.n0 * stride, stride};
	enum { AT_ONCE = 4 };
	float copy[AT_ONCE][DEPTH];
	switch (t->b.dtype) {
	case DTYPE_F32:
		add_dots_all(sum, F32, c, a, b, t->K);
		return;
	case DTYPE_F16:
		add_dots_all(sum, F16, c, a, b, t->K);
		return;
	case DTYPE_BF16:
		add_dots_all(sum, BF16, c, a, b, t->K);
		return;
	default:
		break;
	}
	for (size_t k0 = 0, K; k0 < t->K; k0 += K, a.p += K * sizeof(float)) {
		K = least(DEPTH, t->K - k0);
		for (size_t n = 0; n < c.N; n += AT_ONCE) {
			struct part to = {.M = c.M, .N = least(AT_ONCE, c.N - n)};
			const uint8_t *next = b.p + (n + AT_ONCE) * stride;
			ask_for(next + dtype_row_bytes(t->b.dtype, k0), stride, dtype_row_bytes(t->b.dtype, K), AT_ONCE);
			P(unpack)(copy[0], DEPTH, &t->b, (struct strip){c.n0 + n, to.N, k0, K});
			add_dots_all((float(*)[COLUMNS])(sum[0] + n), F32, to, a,
				(struct operand){(const uint8_t *)copy, sizeof(copy[0])}, K);
		}
	}
}

/* ---- B as it is -------------------------------------------------------------------------------------------------------- */

/* The values themselves where they are f32 that vectors may load, else NULL. */
static const float *floats_of(const struct matrix *b)
{
	return b->dtype == DTYPE_F32 && (uintptr_t)b->data % sizeof(float) == 0 ? b->data : NULL;
}

/* sum += A[k] B row k. */
static inline __attribute__((always_inline)) void add_rows(
	float sum[][COLUMNS], const struct gemm_term *t, struct part c, const size_t rows)
{
	enum { AT_ONCE = 64, STEP = 2 * LANES };
	const float *whole = c.N == COLUMNS ? floats_of(&t->b) : NULL;
	float copy[AT_ONCE][COLUMNS];
	if (c.N < COLUMNS)
		memset(copy, 0, sizeof(copy));
	for (size_t k0 = 0, K; k0 < t->K; k0 += K) {
		const float *a = t->a + c.m0 * t->lda + k0, *b = whole ? whole + k0 * t->b.cols + c.n0 : copy[0];
		size_t ldb = whole ? t->b.cols : COLUMNS;
		K = least(AT_ONCE, t->K - k0);
		if (!whole)
			P(unpack)(copy[0], COLUMNS, &t->b, (struct strip){k0, K, c.n0, c.N});
		for (size_t n = 0; n < COLUMNS; n += STEP) {
			vf part[ROWS][2];
			for (size_t m = 0; m < rows; m++)
				for (size_t v = 0; v < 2; v++)
					part[m][v] = vload(sum[m] + n + v * LANES);
			for (size_t k = 0; k < K; k++) {
				for (size_t v = 0; v < 2; v++) /* of the columns that come next */
					__builtin_prefetch(b + k * ldb + n + COLUMNS + v * LANES);
#pragma GCC unroll 4
				for (size_t m = 0; m < rows; m++)
					for (size_t v = 0; v < 2; v++)
						part[m][v] += vset(a[m * t->lda + k]) * vload(b + k * ldb + n + v * LANES);
			}
			for (size_t m = 0; m < rows; m++)
				for (size_t v = 0; v < 2; v++)
					vstore(sum[m] + n + v * LANES, part[m][v]);
		}
	}
}

void P(plain_rows)(float sum[][COLUMNS], const struct gemm_term *t, struct part c)
{
	if (t->b_transposed) {
		dots(sum, t, c);
		return;
	}
#define ROWS_CASE(rows)                    \
	case rows:                         \
		add_rows(sum, t, c, rows); \
		break;
	for (size_t left = c.M; left; left -= c.M, sum += c.M, c.m0 += c.M) {
		c.M = rows_step(left);
		switch (c.M) {
			ROWS_CASE(1)
			ROWS_CASE(2)
			ROWS_CASE(4)
		}
	}
#undef ROWS_CASE
}

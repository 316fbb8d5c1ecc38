/*
 * Number formats: halves and bf16 exhaustively, against the compiler's _Float16 where it has one; stored rows against a second
 * reading of the format and against the gguf package's own bytes (tests/oracle/dtype_golden.py).
 */
#include "test_kern.h"

#include <float.h>

static uint32_t bits_of(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	return u;
}

static float float_of(uint32_t u)
{
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

/* Low halves of an f32 that lie on, just below and just above every place where rounding to f16 or bf16 turns. */
static const uint16_t low_halves[] = {0, 1, 0x0fff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x2fff, 0x3000, 0x3001, 0x7fff, 0x8000, 0x8001,
	0xefff, 0xf000, 0xf001, 0xffff};
enum { LOWS = sizeof low_halves / sizeof *low_halves };

static void test_f16_names_every_half(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x10000; h++) {
		int sign = h >> 15 ? -1 : 1, exponent = (int)(h >> 10 & 31), mantissa = (int)(h & 1023);
		float got = f16_to_f32((uint16_t)h);
		if (exponent == 31 && mantissa) {
			assert_true(isnan(got));
			uint16_t back = f32_to_f16(got);
			assert_true((back & 0x7c00) == 0x7c00 && (back & 0x3ff));
			continue;
		}
		double want = exponent == 31 ? (double)INFINITY
			: exponent           ? ldexp(1024 + mantissa, exponent - 25)
					     : ldexp(mantissa, -24);
		assert_true((double)got == sign * want && !signbit(got) == (sign > 0));
		assert_int_equal(f32_to_f16(got), h);
	}
}

/* The nearest half, ties to the even one, from the halves themselves: those around f are neighbours in the order of their bits. */
static uint16_t f16_nearest(float f)
{
	double x = fabs((double)f);
	uint16_t low = 0, sign = signbit(f) ? 0x8000 : 0;
	for (uint16_t step = 0x4000; step; step /= 2)
		if (low + step <= 0x7bff && (double)f16_to_f32((uint16_t)(low + step)) <= x)
			low = (uint16_t)(low + step);
	double below = (double)f16_to_f32(low), above = low == 0x7bff ? 65536 : (double)f16_to_f32((uint16_t)(low + 1));
	if (x - below > above - x || (x - below == above - x && low % 2))
		low++;
	return low | sign;
}

static void test_f16_rounds_to_nearest_even(void **state)
{
	(void)state;
	for (uint32_t high = 0; high < 0x10000; high++)
		for (size_t i = 0; i < LOWS; i++) {
			float f = float_of(high << 16 | low_halves[i]);
			uint16_t got = f32_to_f16(f);
			if (isnan(f)) {
				assert_true((got & 0x7c00) == 0x7c00 && (got & 0x3ff));
				continue;
			}
			if (got != f16_nearest(f))
				fail_msg("%a becomes half 0x%04x, not 0x%04x", (double)f, got, f16_nearest(f));
#ifdef __FLT16_MANT_DIG__
			_Float16 native = (_Float16)f;
			assert_memory_equal(&got, &native, sizeof got);
#endif
		}
}

static void test_bf16(void **state)
{
	(void)state;
	for (uint32_t high = 0; high < 0x10000; high++) {
		assert_int_equal(bits_of(bf16_to_f32((uint16_t)high)), high << 16);
		for (size_t i = 0; i < LOWS; i++) {
			uint16_t low = low_halves[i], got = f32_to_bf16(float_of(high << 16 | low));
			if (isnan(float_of(high << 16 | low)))
				assert_true(isnan(bf16_to_f32(got)));
			else
				assert_int_equal(got, low > 0x8000 || (low == 0x8000 && high % 2) ? high + 1 : high);
		}
	}
}

static void test_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t block, bytes;
	} want[DTYPE_COUNT] = {{"F32", 1, 4}, {"F16", 1, 2}, {"BF16", 1, 2}, {"Q8_0", 32, 34}, {"Q4_0", 32, 18}, {"Q4_1", 32, 20}};
	for (enum dtype t = 0; t < DTYPE_COUNT; t++) {
		assert_string_equal(dtype_name(t), want[t].name);
		assert_int_equal(dtype_block(t), want[t].block);
		assert_int_equal(dtype_block_bytes(t), want[t].bytes);
		assert_int_equal(dtype_row_bytes(t, 576), 576 / want[t].block * want[t].bytes);
		assert_int_equal(dtype_row_bytes(t, 0), 0);
	}
}

/* Value i of a stored row, read one at a time as the format's description in kern.h says. */
static float value_at(enum dtype t, const uint8_t *row, size_t i)
{
	const uint8_t *block = row + i / dtype_block(t) * dtype_block_bytes(t);
	uint16_t first = (uint16_t)(block[0] | block[1] << 8), second = (uint16_t)(block[2] | block[3] << 8);
	size_t j = i % 32;
	float d = f16_to_f32(first);
	switch (t) {
	case DTYPE_F32:
		return float_of((uint32_t)second << 16 | first);
	case DTYPE_F16:
		return d;
	case DTYPE_BF16:
		return bf16_to_f32(first);
	case DTYPE_Q8_0:
		return d * (float)(int8_t)block[2 + j];
	case DTYPE_Q4_0:
		return d * (float)((j < 16 ? block[2 + j] & 15 : block[2 + j - 16] >> 4) - 8);
	default:
		return d * (float)(j < 16 ? block[4 + j] & 15 : block[4 + j - 16] >> 4) + f16_to_f32(second);
	}
}

/* Random bytes hold every value, NaN and infinite scales included. */
static bool same_number(float a, float b)
{
	return isnan(a) ? isnan(b) : bits_of(a) == bits_of(b);
}

/* Any piece of any row, its ends inside blocks or not; nothing is written beside it. gather reads the same rows on every path. */
static void test_rows(void **state)
{
	(void)state;
	enum { ROWS = 5, COLS = 160 };
	struct rng r;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	for (enum dtype t = 0; t < DTYPE_COUNT; t++) {
		size_t row_bytes = dtype_row_bytes(t, COLS);
		uint8_t *data = guard_bytes(ROWS * row_bytes + 4); /* four more: value_at reads four bytes of each block */
		for (size_t i = 0; i < ROWS * row_bytes; i++)
			data[i] = (uint8_t)rng_u32(&r);
		uint8_t *exact = guard_bytes(ROWS * row_bytes);
		memcpy(exact, data, ROWS * row_bytes);
		struct matrix m = {.dtype = t, .rows = ROWS, .cols = COLS, .data = exact};
		for (int k = 0; k < 300; k++) {
			size_t row = rng_below(&r, ROWS), first = rng_below(&r, COLS),
			       n = rng_below(&r, (uint32_t)(COLS - first) + 1);
			float dst[COLS + 2];
			memset(dst, 0xff, sizeof dst);
			matrix_row(dst + 1, &m, row, first, n);
			for (size_t i = 0; i < n; i++)
				if (!same_number(dst[1 + i], value_at(t, data + row * row_bytes, first + i)))
					fail_msg("%s: row %zu, %zu values from %zu: value %zu is %g, not %g", dtype_name(t), row, n,
						first, i, (double)dst[1 + i],
						(double)value_at(t, data + row * row_bytes, first + i));
			assert_true(bits_of(dst[0]) == UINT32_MAX && bits_of(dst[n + 1]) == UINT32_MAX);
		}
		static const int32_t wanted[] = {4, 0, 0, 3, 1};
		for (size_t p = 0; path_choose(p); p++) {
			float *dst = guard_floats(5 * COLS);
			kern->gather(dst, &m, wanted, 5);
			for (size_t i = 0; i < 5 * COLS; i++)
				if (!same_number(dst[i], value_at(t, data + (size_t)wanted[i / COLS] * row_bytes, i % COLS)))
					fail_msg("%s: gather of %s: value %zu is %g", kern->name, dtype_name(t), i, (double)dst[i]);
			kern->gather(dst, &m, wanted, 0);
		}
		guards_end();
	}
}

static void test_golden(void **state)
{
	(void)state;
	enum { ROWS = 2, COLS = 96 };
	static const struct {
		enum dtype dtype;
		size_t bytes;
		uint8_t data[ROWS * COLS * 4];
		uint32_t value[ROWS * COLS];
	} golden[] = {
#include <golden/dtypes.inc>
	};
	assert_int_equal(sizeof golden / sizeof *golden, DTYPE_COUNT);
	for (size_t k = 0; k < DTYPE_COUNT; k++) {
		struct matrix m = {.dtype = golden[k].dtype, .rows = ROWS, .cols = COLS, .data = golden[k].data};
		assert_int_equal(m.dtype, k);
		assert_int_equal(golden[k].bytes, ROWS * dtype_row_bytes(m.dtype, COLS));
		for (size_t row = 0; row < ROWS; row++) {
			float got[COLS];
			matrix_row(got, &m, row, 0, COLS);
			for (size_t i = 0; i < COLS; i++)
				if (got[i] != float_of(golden[k].value[row * COLS + i])) /* -0 = 0 */
					fail_msg("%s row %zu value %zu: %.9g, gguf says %.9g", dtype_name(m.dtype), row, i,
						(double)got[i], (double)float_of(golden[k].value[row * COLS + i]));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_f16_names_every_half),
		cmocka_unit_test(test_f16_rounds_to_nearest_even),
		cmocka_unit_test(test_bf16),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_golden),
	};
	return cmocka_run_group_tests_name("dtype", tests, NULL, NULL);
}

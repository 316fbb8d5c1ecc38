/*
 * Number formats: halves and bf16 exhaustively, against the compiler's _Float16 where it has one; stored rows against a second
 * reading of the format and against the gguf package's own bytes (tests/oracle/dtype_golden.py).
 */
#include "test_block.h"
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
	} want[DTYPE_COUNT] = {{"F32", 1, 4}, {"F16", 1, 2}, {"BF16", 1, 2}, {"Q8_0", 32, 34}, {"Q4_0", 32, 18}, {"Q4_1", 32, 20},
		{"Q5_0", 32, 22}, {"Q5_1", 32, 24}, {"Q4_K", 256, 144}, {"Q5_K", 256, 176}, {"Q6_K", 256, 210}};
	for (enum dtype t = 0; t < DTYPE_COUNT; t++) {
		assert_string_equal(dtype_name(t), want[t].name);
		assert_int_equal(dtype_block(t), want[t].block);
		assert_int_equal(dtype_block_bytes(t), want[t].bytes);
		assert_int_equal(dtype_row_bytes(t, 768), 768 / want[t].block * want[t].bytes);
		assert_int_equal(dtype_row_bytes(t, 0), 0);
	}
}

static unsigned bits_at(const uint8_t *p, size_t bit, size_t n)
{
	unsigned v = 0;
	for (size_t i = 0; i < n; i++, bit++)
		v |= (unsigned)(p[bit / 8] >> bit % 8 & 1) << i;
	return v;
}

/*
 * Values of 4 or 5 bits in groups of 32 with 6-bit scales. Of the 12 bytes of scales the first 8 hold in bits 0..5 the scales and the minima of groups
 * 0..3, in bits 6..7 the upper bits of those of groups 4..7, whose lower bits fill the last four bytes.
 */
static float k_value_at(const uint8_t *block, size_t i, bool fifth)
{
	const uint8_t *scales = block + 4, *h = block + 16, *q = fifth ? block + 48 : block + 16;
	size_t g = i / 32, j = i % 32;
	unsigned scale =
		g < 4 ? bits_at(scales, 8 * g, 6) : bits_at(scales, 64 + 8 * (g - 4), 4) | bits_at(scales, 8 * (g - 4) + 6, 2) << 4;
	unsigned min = g < 4 ? bits_at(scales, 32 + 8 * g, 6)
			     : bits_at(scales, 64 + 8 * (g - 4) + 4, 4) | bits_at(scales, 32 + 8 * (g - 4) + 6, 2) << 4;
	unsigned v = bits_at(q, 8 * (32 * (g / 2) + j) + 4 * (g % 2), 4) | (fifth ? bits_at(h, 8 * j + g, 1) << 4 : 0);
	float d = f16_to_f32((uint16_t)bits_at(block, 0, 16)), m = f16_to_f32((uint16_t)bits_at(block, 16, 16));
	return d * (float)scale * (float)v - m * (float)min;
}

static float q6_k_value_at(const uint8_t *block, size_t i)
{
	static const struct {
		size_t q, h; /* first bit of value 0 of each group */
	} group[8] = {{0, 1024}, {256, 1026}, {4, 1028}, {260, 1030}, {512, 1280}, {768, 1282}, {516, 1284}, {772, 1286}};
	size_t g = i / 32, j = i % 32;
	unsigned v = bits_at(block, group[g].q + 8 * j, 4) | bits_at(block, group[g].h + 8 * j, 2) << 4;
	int scale = (int)bits_at(block, 1536 + 8 * (i / 16), 8);
	return f16_to_f32((uint16_t)bits_at(block, 1664, 16)) * (float)(scale < 128 ? scale : scale - 256) * ((float)v - 32);
}

/* Value i of a stored row, read one at a time as the format's description in kern.h says. */
static float value_at(enum dtype t, const uint8_t *row, size_t i)
{
	const uint8_t *block = row + i / dtype_block(t) * dtype_block_bytes(t);
	uint16_t first = (uint16_t)(block[0] | block[1] << 8), second = (uint16_t)(block[2] | block[3] << 8);
	size_t j = i % dtype_block(t), nibble = 8 * (j % 16) + (j < 16 ? 0 : 4);
	float d = f16_to_f32(first), m = f16_to_f32(second);
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
		return d * ((float)bits_at(block + 2, nibble, 4) - 8);
	case DTYPE_Q4_1:
		return d * (float)bits_at(block + 4, nibble, 4) + m;
	case DTYPE_Q5_0:
		return d * ((float)(bits_at(block + 6, nibble, 4) | bits_at(block + 2, j, 1) << 4) - 16);
	case DTYPE_Q5_1:
		return d * (float)(bits_at(block + 8, nibble, 4) | bits_at(block + 4, j, 1) << 4) + m;
	case DTYPE_Q4_K:
	case DTYPE_Q5_K:
		return k_value_at(block, j, t == DTYPE_Q5_K);
	default:
		return q6_k_value_at(block, j);
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
	enum { ROWS = 5, COLS = 512 };
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

static const struct golden {
	enum dtype dtype;
	size_t rows, cols, bytes;
	_Alignas(float) uint8_t data[1024];
	uint32_t value[1024];
} goldens[] = {
/* F32 first */
#include <golden/dtypes.inc>
};

static void golden_compare(const struct golden *g, const float *got, const char *who)
{
	for (size_t i = 0; i < g->rows * g->cols; i++)
		if (!same_number(got[i], float_of(g->value[i])))
			fail_msg("%s: %s value %zu: %.9g, gguf says %.9g", who, dtype_name(g->dtype), i, (double)got[i],
				(double)float_of(g->value[i]));
}

static void test_golden(void **state)
{
	(void)state;
	static const int32_t order[] = {0, 1, 2, 3};
	unsigned seen = 0;
	for (const struct golden *g = goldens; g < goldens + sizeof goldens / sizeof *goldens; g++) {
		struct matrix m = {.dtype = g->dtype, .rows = g->rows, .cols = g->cols, .data = g->data};
		float got[1024];
		seen |= 1u << g->dtype;
		assert_int_equal(g->bytes, g->rows * dtype_row_bytes(g->dtype, g->cols));
		for (size_t row = 0; row < g->rows; row++)
			matrix_row(got + row * g->cols, &m, row, 0, g->cols);
		golden_compare(g, got, "matrix_row");
		for (size_t p = 0; path_choose(p); p++) {
			kern->gather(got, &m, order, g->rows);
			golden_compare(g, got, kern->name);
		}
	}
	assert_int_equal(seen, (1u << DTYPE_COUNT) - 1);
}

/* One number with an exponent at a time, of the last block. */
static void test_finite(void **state)
{
	(void)state;
	static const size_t at[DTYPE_COUNT][2] = {[DTYPE_Q4_1] = {0, 2},
		[DTYPE_Q5_1] = {0, 2},
		[DTYPE_Q4_K] = {0, 2},
		[DTYPE_Q5_K] = {0, 2},
		[DTYPE_Q6_K] = {208, 208}};
	struct rng r;
	rng_init(&r, 2, RNG_DATA, 0, 0);
	for (enum dtype t = 0; t < DTYPE_COUNT; t++)
		for (size_t k = 0; k < 2; k++) {
			size_t bytes = dtype_block_bytes(t);
			uint8_t *data = guard_bytes(6 * bytes), *number = data + 5 * bytes + at[t][k];
			for (size_t i = 0; i < 6; i++)
				block_random(&r, t, data + i * bytes);
			struct matrix m = {.dtype = t, .rows = 2, .cols = 3 * dtype_block(t), .data = data};
			assert_true(matrix_is_finite(&m));
			static const uint16_t halves[] = {0x7c00, 0xfc00, 0x7e01, 0x7bff};
			static const uint32_t words[] = {0x7f800000, 0xff800000, 0x7fc00001, 0x7f7fffff};
			for (size_t i = 0; i < 4; i++) {
				uint16_t half = t == DTYPE_BF16 ? (uint16_t)(words[i] >> 16) : halves[i];
				memcpy(number, t == DTYPE_F32 ? (const void *)&words[i] : (const void *)&half,
					t == DTYPE_F32 ? 4 : 2);
				if (matrix_is_finite(&m) != (i == 3))
					fail_msg("%s: number %zu of a block, case %zu", dtype_name(t), k, i);
			}
			guards_end();
		}
}

/* The golden values in F32 give the golden bytes of the formats that leave no choice. */
static void test_quantize_golden(void **state)
{
	(void)state;
	static const enum dtype exact[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_0};
	const float *values = (const float *)(const void *)goldens[0].data;
	size_t n = goldens[0].rows * goldens[0].cols;
	assert_int_equal(goldens[0].dtype, DTYPE_F32);
	for (size_t k = 0; k < sizeof exact / sizeof *exact; k++) {
		assert_int_equal(goldens[k].dtype, exact[k]);
		uint8_t *got = guard_bytes(goldens[k].bytes);
		assert_true(dtype_can_quantize(exact[k]));
		dtype_quantize(got, exact[k], values, n);
		for (size_t i = 0; i < goldens[k].bytes; i++)
			if (got[i] != goldens[k].data[i])
				fail_msg("%s: byte %zu is %u, gguf says %u", dtype_name(exact[k]), i, got[i], goldens[k].data[i]);
		guards_end();
	}
	assert_false(dtype_can_quantize(DTYPE_Q4_1) || dtype_can_quantize(DTYPE_Q5_K) || dtype_can_quantize(DTYPE_Q6_K));
}

/* Root mean square of what quantising changes. */
static double quantize_rmse(enum dtype t, const float *x, size_t n)
{
	uint8_t *stored = guard_bytes(dtype_row_bytes(t, n));
	float *back = guard_floats(n);
	double sum = 0;
	dtype_quantize(stored, t, x, n);
	matrix_row(back, &(struct matrix){t, 1, n, stored}, 0, 0, n);
	for (size_t i = 0; i < n; i++)
		sum += ((double)back[i] - (double)x[i]) * ((double)back[i] - (double)x[i]);
	return sqrt(sum / (double)n);
}

/* ggml's own search leaves 0.0714 of normal weights' deviation (tests/oracle/quantize.py). */
static void test_quantize_error(void **state)
{
	(void)state;
	static const double most[DTYPE_COUNT] = {
		[DTYPE_F16] = 3e-4, [DTYPE_BF16] = 2e-3, [DTYPE_Q8_0] = 0.006, [DTYPE_Q4_0] = 0.09, [DTYPE_Q4_K] = 0.0714};
	static const float deviations[] = {1, 1e-2f, 100};
	enum { N = 65536 };
	struct rng r;
	rng_init(&r, 3, RNG_DATA, 0, 0);
	for (size_t k = 0; k < 3; k++) {
		float *x = guard_floats(N);
		for (size_t i = 0; i < N; i++)
			x[i] = deviations[k] * rng_normal(&r);
		for (enum dtype t = 0; t < DTYPE_COUNT; t++)
			if (dtype_can_quantize(t) && !(quantize_rmse(t, x, N) <= most[t] * (double)deviations[k]))
				fail_msg("%s: error %g of deviation %g", dtype_name(t), quantize_rmse(t, x, N),
					(double)deviations[k]);
		guards_end();
	}
}

/* Groups that a search may stumble over: error at most `most`. Values that are their own format come back whole. */
static void test_quantize_special(void **state)
{
	(void)state;
	static const struct {
		float first, step; /* x[i] = first + step (i mod 16) */
		double most;
	} cases[] = {{0, 0, 0}, {1, 0, 1e-3}, {-1, 0, 1e-3}, {0, 1, 5e-3}, {-8, 1, 0.05}, {5, 1, 0.4}, {-20, 1, 0.1},
		{1e-7f, 0, 1e-7}, {-1e-30f, 1e-31f, 1e-29}, {1e-43f, -1e-44f, 1e-42}};
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		float *x = guard_floats(512);
		for (size_t i = 0; i < 512; i++)
			x[i] = i < 256 ? cases[k].first + cases[k].step * (float)(i % 16) : 0;
		double error = quantize_rmse(DTYPE_Q4_K, x, 512);
		if (!(error <= cases[k].most))
			fail_msg("%g + %g i: error %g", (double)cases[k].first, (double)cases[k].step, error);
		guards_end();
	}
	/* Too large for an f16 scale: no crash, and it shows. */
	static const enum dtype all[] = {DTYPE_F16, DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_K};
	float huge[256];
	for (size_t i = 0; i < 256; i++)
		huge[i] = i % 2 ? FLT_MAX : -FLT_MAX;
	for (size_t k = 0; k < 4; k++) {
		uint8_t stored[512];
		dtype_quantize(stored, all[k], huge, 256);
		assert_false(matrix_is_finite(&(struct matrix){all[k], 1, 256, stored}));
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
		cmocka_unit_test(test_finite),
		cmocka_unit_test(test_quantize_golden),
		cmocka_unit_test(test_quantize_error),
		cmocka_unit_test(test_quantize_special),
	};
	return cmocka_run_group_tests_name("dtype", tests, NULL, NULL);
}

/*
 * What the tests of kern share: guarded memory, distances, finite differences.
 *
 * Guarded memory ends right at a page that may not be touched: one element read or written too far is a crash, with or without a
 * sanitizer. It starts where its length puts it, so most pointers are aligned to no vector. All bytes around and between the
 * rows are 0xff, which as a float is NaN: whoever reads them shows it, and whoever writes them is caught by the check.
 */
#ifndef ATTUNE_TEST_KERN_H
#define ATTUNE_TEST_KERN_H

#include "kern/kern.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * Tolerances are relative to the root mean square of a result, or of the terms it is a sum of: the rms of all errors is within it,
 * each single error within six times as much (rounding errors are close to normal, and a result has up to 10^5 elements), relative
 * to its own row where that is larger.
 *
 * f32: a sum of K products has K roundings of at most 2^-24 = 6e-8 each; their signs differ, so the error grows like sqrt(K) and
 * stays near 1e-6 for the K of the tests, whatever the order of the sum.
 * bf16 has 8 bits of mantissa: each operand is rounded by up to 2^-9 = 2e-3, on average half of that; the two operands together
 * give 1.6e-3 to 4e-3, whatever K, since sums stay in f32.
 */
static const double f32_tolerance = 2e-6, bf16_tolerance = 5e-3;

static inline double products_tolerance(const struct kern *path)
{
	return strstr(path->name, "bf16") ? bf16_tolerance : f32_tolerance;
}

/* ---- guarded memory ---------------------------------------------------------------------------------------------------- */

enum { GUARDS_MAX = 128 };
static struct guard {
	uint8_t *map, *data;
	size_t map_size;
} guards[GUARDS_MAX];
static size_t n_guards;

/* n bytes of 0xff in front of a forbidden page, at a multiple of `align`. */
static inline void *guard_map(struct guard *g, size_t n, size_t align)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (n + 64 + page - 1) / page * page;
	g->map_size = room + page;
	g->map = mmap(NULL, g->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(g->map != MAP_FAILED);
	assert_int_equal(mprotect(g->map + room, page, PROT_NONE), 0);
	memset(g->map, 0xff, room);
	g->data = g->map + (room - n) / align * align;
	return g->data;
}

static inline void *guard_bytes(size_t n)
{
	assert_true(n_guards < GUARDS_MAX);
	return guard_map(&guards[n_guards++], n, 1);
}

static inline float *guard_floats(size_t n)
{
	return guard_bytes(n * sizeof(float));
}

/* Ends a case: nothing in front of any buffer has changed; all are gone. */
static inline void guards_end(void)
{
	while (n_guards > 0) {
		struct guard *g = &guards[--n_guards];
		for (const uint8_t *p = g->map; p < g->data; p++)
			if (*p != 0xff)
				fail_msg("%s wrote %zu bytes in front of a buffer", kern->name, (size_t)(g->data - p));
		munmap(g->map, g->map_size);
	}
}

/* Scratch for the chosen path and thread count, with whatever the last operation left in it. */
static inline void *test_scratch(void)
{
	static struct {
		const struct kern *path;
		int threads;
		struct guard guard;
	} known[32];
	size_t i = 0;
	for (; known[i].path; i++)
		if (known[i].path == kern && known[i].threads == omp_get_max_threads())
			return known[i].guard.data;
	assert_true(i + 1 < sizeof known / sizeof *known);
	known[i].path = kern;
	known[i].threads = omp_get_max_threads();
	return guard_map(&known[i].guard, kern_scratch_bytes(), 64);
}

/* ---- rows: [rows, cols], `ld` floats apart; the last row ends the buffer ----------------------------------------------- */

static inline float *rows_alloc(size_t rows, size_t cols, size_t ld)
{
	return guard_floats(rows ? (rows - 1) * ld + cols : 0);
}

/* Uniform in [-size, size). */
static inline float *rows_random(struct rng *r, size_t rows, size_t cols, size_t ld, float size)
{
	float *x = rows_alloc(rows, cols, ld);
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < cols; j++)
			x[i * ld + j] = size * (2 * rng_uniform(r) - 1);
	return x;
}

static inline float *floats_random(struct rng *r, size_t n, float size)
{
	return rows_random(r, 1, n, n, size);
}

static inline void gaps_intact(const float *x, size_t rows, size_t cols, size_t ld)
{
	for (size_t i = 0; i + 1 < rows; i++)
		for (size_t j = cols; j < ld; j++) {
			uint32_t bits;
			memcpy(&bits, &x[i * ld + j], sizeof bits);
			if (bits != UINT32_MAX)
				fail_msg("%s wrote between rows, at row %zu column %zu", kern->name, i, j);
		}
}

/* Doubles the caller frees with mem_free. */
static inline double *doubles(size_t n)
{
	double *d = mem_alloc(n, sizeof *d, NULL);
	assert_non_null(d);
	return d;
}

static inline double *rows_widen(const float *x, size_t rows, size_t cols, size_t ld)
{
	double *d = doubles(rows * cols);
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < cols; j++)
			d[i * cols + j] = (double)x[i * ld + j];
	return d;
}

static inline double rms(const double *x, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sqrt(sum / fmax((double)n, 1));
}

/*
 * Fails unless `got` [rows, cols], ld apart, is `want` [rows, cols] within `tolerance` as explained above, relative to `size`: the rms
 * of want, or of what it is a sum of. NaN is never within.
 */
__attribute__((format(printf, 8, 9))) static inline void rows_close(const float *got, size_t ld, const double *want, size_t rows,
	size_t cols, double size, double tolerance, const char *what, ...)
{
	double off = 0, worst = 0;
	size_t at = 0;
	for (size_t i = 0; i < rows; i++) {
		double row_size = fmax(size, rms(want + i * cols, cols));
		for (size_t j = 0; j < cols; j++) {
			double d = fabs((double)got[i * ld + j] - want[i * cols + j]);
			off += d * d;
			if (!(d / row_size <= worst)) {
				worst = d / row_size;
				at = i * cols + j;
			}
		}
	}
	off = sqrt(off / fmax((double)(rows * cols), 1)) / size;
	if (rows * cols == 0 || (off <= tolerance && worst <= 6 * tolerance))
		return;
	char name[256];
	va_list args;
	va_start(args, what);
	vsnprintf(name, sizeof name, what, args);
	va_end(args);
	fail_msg("%s: %s: relative distance %.2g, at worst %.2g in row %zu column %zu, tolerance %.2g", kern->name, name, off,
		worst, at / cols, at % cols, tolerance);
}

/* ---- paths, threads, slopes -------------------------------------------------------------------------------------------- */

/* Makes `kern` the i-th path that is present: for (size_t p = 0; path_choose(p); p++) goes through all, ref last. */
static inline bool path_choose(size_t i)
{
	const struct kern *path = kern_available()[i];
	struct err e = {0};
	if (path && kern_init(path->name, &e) != 0)
		fail_msg("%s", e.text);
	return path;
}

/* Runs `op` with 1, 2, 3 and 5 threads on every path; each run fills `out`, n bytes, which must come out the same. */
static inline void same_for_all_threads(void (*op)(void *out), size_t n)
{
	uint8_t *want = mem_alloc(n, 1, NULL), *got = mem_alloc(n, 1, NULL);
	assert_true(want && got);
	int threads_before = omp_get_max_threads();
	for (size_t p = 0; path_choose(p); p++)
		for (size_t i = 0; i < 4; i++) {
			static const int threads[] = {1, 2, 3, 5};
			omp_set_num_threads(threads[i]);
			memset(got, 0xff, n);
			op(i ? got : want);
			if (i && memcmp(got, want, n) != 0)
				fail_msg("%s: %d threads give other bits than one", kern->name, threads[i]);
		}
	omp_set_num_threads(threads_before);
	mem_free(want);
	mem_free(got);
}

/*
 * The slope of f along *x by central differences in double. Where f and its derivatives are of order 1, step h = 1e-4 leaves an
 * error of h^2 / 6 = 2e-9 from the third derivative and 1e-16 / h = 1e-12 from rounding: exact, for judging floats.
 */
static inline double slope(double (*f)(const void *), const void *job, double *x)
{
	const double h = 1e-4;
	double x0 = *x;
	*x = x0 + h;
	double above = f(job);
	*x = x0 - h;
	double below = f(job);
	*x = x0;
	return (above - below) / (2 * h);
}

#endif

/* Checked sizes, memory, fault counters. */
#include "base/base.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Which of the first 5 allocations fail in a fresh process with ATTUNE_FAULT=spec, as bits. Must run before any other call into base. */
static int failures_with_environment(const char *spec)
{
	int status = 0;
	pid_t child = fork();
	if (!child) {
		int bits = 0;
		setenv("ATTUNE_FAULT", spec, 1);
		for (int i = 0; i < 5; i++) {
			void *p = mem_alloc(1, 1, NULL);
			bits |= p ? 0 : 1 << i;
			mem_free(p);
		}
		_exit(bits);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_fault_environment(void **state)
{
	(void)state;
	assert_int_equal(failures_with_environment("mem:3"), 4);
	assert_int_equal(failures_with_environment("mem:3+"), 4 | 8 | 16);
	assert_int_equal(failures_with_environment("file:1+"), 0);
	assert_int_equal(failures_with_environment("nonsense"), 0);
}

static void test_sizes(void **state)
{
	(void)state;
	size_t out = 1;
	assert_true(size_mul(1u << 20, 1u << 20, &out));
	assert_int_equal(out, (size_t)1 << 40);
	assert_false(size_mul(SIZE_MAX / 2 + 1, 2, &out));
	assert_int_equal(out, 0);
	assert_true(size_add(SIZE_MAX - 1, 1, &out));
	assert_int_equal(out, SIZE_MAX);
	assert_false(size_add(SIZE_MAX, 1, &out));
	assert_int_equal(out, 0);
}

static void test_alloc(void **state)
{
	(void)state;
	struct err e = {0};
	for (size_t n = 0; n < 200; n++) {
		unsigned char *p = mem_alloc(n, 3, &e);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 64, 0);
		for (size_t i = 0; i < 3 * n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, 3 * n);
		mem_free(p);
	}
	mem_free(NULL);

	void *a = mem_alloc(0, 8, &e), *b = mem_alloc(8, 0, &e);
	assert_non_null(a);
	assert_ptr_not_equal(a, b);
	mem_free(a);
	mem_free(b);

	assert_null(mem_alloc(SIZE_MAX / 4, 8, &e));
	assert_int_equal(e.code, ERR_RESOURCE);
	assert_null(mem_alloc(SIZE_MAX, 1, &e)); /* overflows only when rounded up */
	e = (struct err){0};
	assert_null(mem_alloc(SIZE_MAX / 4, 1, &e)); /* no such memory */
	assert_int_equal(e.code, ERR_RESOURCE);
	assert_null(mem_alloc(SIZE_MAX, SIZE_MAX, NULL));
}

static void test_resize(void **state)
{
	(void)state;
	struct err e = {0};
	uint32_t *v = NULL;
	assert_int_equal(mem_resize(&v, 0, 10, sizeof *v, &e), 0);
	for (uint32_t i = 0; i < 10; i++)
		v[i] = i + 1;
	assert_int_equal(mem_resize(&v, 10, 100, sizeof *v, &e), 0);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(v[i], i < 10 ? i + 1 : 0);

	uint32_t *before = v;
	fault_set(FAULT_MEM, 1, false);
	assert_int_equal(mem_resize(&v, 100, 200, sizeof *v, &e), ERR_RESOURCE);
	fault_set(FAULT_MEM, 0, false);
	assert_ptr_equal(v, before);
	assert_int_equal(mem_resize(&v, 100, SIZE_MAX, sizeof *v, &e), ERR_RESOURCE);
	assert_ptr_equal(v, before);
	assert_int_equal(v[9], 10);

	assert_int_equal(mem_resize(&v, 100, 5, sizeof *v, &e), 0);
	assert_int_equal(v[4], 5);
	mem_free(v);
}

static void test_reserve(void **state)
{
	(void)state;
	struct err e = {0};
	uint32_t *v = NULL;
	size_t cap = 0;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(mem_reserve(&v, i, &cap, sizeof *v, &e), 0);
		assert_true(cap > i && cap <= 64 + 2 * (size_t)i);
		assert_int_equal(v[cap - 1], 0);
		v[i] = i + 1;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(v[i], i + 1);
	uint32_t *before = v;
	size_t room = cap;
	fault_set(FAULT_MEM, 1, false);
	assert_int_equal(mem_reserve(&v, 1000, &cap, sizeof *v, &e), 0); /* there is room: nothing is asked for */
	assert_int_equal(mem_reserve(&v, cap, &cap, sizeof *v, &e), ERR_RESOURCE);
	fault_set(FAULT_MEM, 0, false);
	assert_ptr_equal(v, before);
	assert_int_equal(cap, room);
	mem_free(v);
}

static void test_strdup(void **state)
{
	(void)state;
	struct err e = {0};
	char *s = mem_strdup("hello", &e);
	assert_string_equal(s, "hello");
	mem_free(s);
	fault_set(FAULT_MEM, 1, false);
	assert_null(mem_strdup("hello", &e));
	fault_set(FAULT_MEM, 0, false);
	assert_int_equal(e.code, ERR_RESOURCE);
}

static void test_faults(void **state)
{
	(void)state;
	fault_set(FAULT_FILE, 2, false);
	errno = 0;
	assert_false(fault_hit(FAULT_FILE));
	assert_int_equal(errno, 0);
	assert_true(fault_hit(FAULT_FILE));
	assert_int_equal(errno, EIO);
	assert_false(fault_hit(FAULT_FILE));
	assert_int_equal(fault_count(FAULT_FILE), 3);

	fault_set(FAULT_FILE, 2, true);
	assert_int_equal(fault_count(FAULT_FILE), 0);
	for (int i = 1; i < 5; i++)
		assert_int_equal(fault_hit(FAULT_FILE), i >= 2);
	assert_false(fault_hit(FAULT_MEM)); /* the other kind is untouched */

	fault_set(FAULT_MEM, 1, false);
	assert_true(fault_hit(FAULT_MEM));
	assert_int_equal(errno, ENOMEM);
	fault_set(FAULT_MEM, 0, false);
	fault_set(FAULT_FILE, 0, false);
	assert_false(fault_hit(FAULT_FILE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault_environment), /* first: it forks before base has read the environment */
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_strdup),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}

/* Arenas: order, alignment, reuse, limits. */
#include "base/base.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void test_alloc(void **state)
{
	(void)state;
	struct arena a;
	unsigned char *p[300];
	arena_init(&a, 1000);
	for (size_t i = 0; i < 300; i++) { /* some larger than a block */
		p[i] = arena_alloc(&a, i, 7, NULL);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 64, 0);
		for (size_t k = 0; k < 7 * i; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)i & 0xff, 7 * i);
	}
	for (size_t i = 0; i < 300; i++)
		for (size_t k = 0; k < 7 * i; k++)
			assert_int_equal(p[i][k], i & 0xff);
	arena_release(&a);
	arena_release(&a);
}

static void test_reset_reuses(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 4096);
	unsigned char *first = arena_alloc(&a, 1000, 1, NULL);
	memset(first, 0xff, 1000);
	arena_reset(&a);
	uint64_t before = (fault_set(FAULT_MEM, 0, false), fault_count(FAULT_MEM));
	unsigned char *again = arena_alloc(&a, 1000, 1, NULL);
	assert_ptr_equal(again, first);
	assert_int_equal(fault_count(FAULT_MEM), before); /* a steady state allocates nothing */
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(again[i], 0);

	/* Of several blocks the largest is kept, wherever it lies in the list. */
	assert_non_null(arena_alloc(&a, 100000, 1, NULL));
	assert_non_null(arena_alloc(&a, 4000, 1, NULL));
	arena_reset(&a);
	before = fault_count(FAULT_MEM);
	assert_non_null(arena_alloc(&a, 100000, 1, NULL));
	assert_int_equal(fault_count(FAULT_MEM), before);
	arena_release(&a);
}

static void test_strdup(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 100);
	assert_string_equal(arena_strdup(&a, "hello world", 5, NULL), "hello");
	assert_string_equal(arena_strdup(&a, NULL, 0, NULL), "");
	arena_release(&a);
}

/* Strings lie close together, whatever stands between them. */
static void test_strings_are_small(void **state)
{
	(void)state;
	struct arena a;
	char *s[100];
	uint64_t before = 0;
	for (size_t block = 700; block <= 1 << 14; block += (1 << 14) - 700) {
		arena_init(&a, block);
		before = (fault_set(FAULT_MEM, 0, false), fault_count(FAULT_MEM));
		for (size_t i = 0; i < 100; i++) {
			s[i] = arena_strdup(&a, "0123456789abcdef", i % 17, NULL);
			memset(arena_alloc(&a, 2, 64, NULL), 0xff, 128);
		}
		for (size_t i = 0; i < 100; i++)
			assert_true(strlen(s[i]) == i % 17 && !memcmp(s[i], "0123456789abcdef", i % 17));
		if (block == 700)
			arena_release(&a);
	}
	assert_int_equal(fault_count(FAULT_MEM), before + 1); /* 12,800 bytes and 900 of strings in one block */

	/* What needs a block of its own leaves the rest of the one at hand to others. */
	assert_non_null(arena_strdup(&a, (char[20000]){0}, 19999, NULL));
	assert_non_null(arena_alloc(&a, 1000, 1, NULL));
	assert_int_equal(fault_count(FAULT_MEM), before + 2);
	arena_release(&a);
}

static void test_join(void **state)
{
	(void)state;
	struct arena a, b;
	arena_init(&a, 1000);
	arena_init(&b, 1000);
	arena_join(&a, &b); /* nothing to nothing */
	char *first = arena_strdup(&b, "first", 5, NULL), *second = arena_strdup(&b, (char[2000]){"second"}, 1999, NULL);
	arena_join(&a, &b);
	char *third = arena_strdup(&b, "third", 5, NULL), *fourth = arena_strdup(&a, "fourth", 6, NULL);
	arena_join(&a, &b);
	arena_release(&b);
	assert_string_equal(first, "first");
	assert_string_equal(second, "second");
	assert_string_equal(third, "third");
	assert_string_equal(fourth, "fourth");
	arena_release(&a); /* AddressSanitizer finds what is lost or released twice */
}

static void test_failures(void **state)
{
	(void)state;
	struct err e = {0};
	struct arena a;
	arena_init(&a, 1000);
	assert_null(arena_alloc(&a, SIZE_MAX / 2, 3, &e));
	assert_int_equal(e.code, ERR_RESOURCE);
	assert_null(arena_alloc(&a, SIZE_MAX, 1, &e));
	assert_null(arena_alloc(&a, SIZE_MAX - 64, 1, &e));
	assert_null(arena_strdup(&a, "", SIZE_MAX, &e));

	char *kept = arena_strdup(&a, "kept", 4, &e);
	fault_set(FAULT_MEM, 1, true);
	e = (struct err){0};
	assert_null(arena_alloc(&a, 2000, 1, &e));
	assert_null(arena_strdup(&a, (char[2000]){0}, 2000, &e));
	assert_int_equal(e.code, ERR_RESOURCE);
	assert_non_null(arena_alloc(&a, 100, 1, &e)); /* the block at hand still serves */
	fault_set(FAULT_MEM, 0, false);
	assert_string_equal(kept, "kept");
	assert_non_null(arena_alloc(&a, 2000, 1, &e));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_reset_reuses),
		cmocka_unit_test(test_strdup),
		cmocka_unit_test(test_strings_are_small),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_failures),
	};
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}

/* The growing byte string. */
#include "base/base.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void test_append(void **state)
{
	(void)state;
	struct buf b = {0};
	for (int i = 0; i < 10000; i++) {
		char c = (char)('a' + i % 26);
		assert_int_equal(buf_append(&b, &c, 1, NULL), 0);
		assert_int_equal(b.p[b.len], 0);
	}
	assert_int_equal(b.len, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(b.p[i], 'a' + i % 26);
	assert_int_equal(buf_append(&b, NULL, 0, NULL), 0);

	char *p = b.p;
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.p, "");
	assert_int_equal(buf_append(&b, "a\0b", 3, NULL), 0); /* bytes, not text */
	assert_ptr_equal(b.p, p);
	assert_memory_equal(b.p, "a\0b", 4);
	buf_release(&b);
	assert_null(b.p);
	buf_clear(&b);
	buf_release(&b);
}

static void test_printf(void **state)
{
	(void)state;
	struct buf b = {0};
	assert_int_equal(buf_puts(&b, "x", NULL), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_printf(&b, NULL, " %d:%s", i, "value"), 0);
	assert_int_equal(b.len, strlen(b.p));
	assert_memory_equal(b.p, "x 0:value 1:value", 17);
	assert_string_equal(b.p + b.len - 9, " 99:value");
	assert_int_equal(buf_printf(&b, NULL, "%s", ""), 0);
	buf_release(&b);
}

static void test_failures(void **state)
{
	(void)state;
	struct err e = {0};
	struct buf b = {0};
	buf_puts(&b, "kept", &e);
	char large[1000] = "";
	memset(large, 'x', sizeof large - 1);
	fault_set(FAULT_MEM, 1, true);
	assert_int_equal(buf_append(&b, large, sizeof large, &e), ERR_RESOURCE);
	assert_int_equal(buf_puts(&b, large, &e), ERR_RESOURCE);
	assert_int_equal(buf_printf(&b, &e, "%s", large), ERR_RESOURCE);
	fault_set(FAULT_MEM, 0, false);
	assert_string_equal(b.p, "kept");
	assert_int_equal(b.len, 4);
	assert_int_equal(buf_append(&b, large, SIZE_MAX - 2, &e), ERR_RESOURCE);
	assert_int_equal(buf_append(&b, large, SIZE_MAX, &e), ERR_RESOURCE);
	assert_string_equal(b.p, "kept");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_failures),
	};
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}

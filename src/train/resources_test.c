/* What does not fit is refused before the start, in a sentence that says what to do. */
#include "train/resources.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void test_memory(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(memory_check(1, &e), 0);
	assert_int_equal(memory_check(SIZE_MAX / 2, &e), ERR_RESOURCE);
	assert_non_null(strstr(e.text, "micro_batch_size"));
}

static void test_disk(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(disk_check(".", 1, &e), 0);
	assert_int_equal(disk_check(".", SIZE_MAX / 2, &e), ERR_RESOURCE);
	assert_non_null(strstr(e.text, ".: the disk has"));
	assert_int_equal(disk_check("/nowhere/at/all", 1, &e), ERR_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_disk),
	};
	return cmocka_run_group_tests_name("resources", tests, NULL, NULL);
}

/* What the machine has is known before the start; a disk that is too small is refused in a sentence that says what to do. */
#include "train/resources.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_memory(void **state)
{
	(void)state;
	size_t held = rss_bytes(), limit = memory_limit();
	assert_true(held > 0 && limit > held && limit < SIZE_MAX); /* /proc is there where tests run */
}

/* Mapped weights that are read already are no room besides what is available. */
static void test_mapped(void **state)
{
	(void)state;
	enum { N = 256 << 20 };
	struct err e = {0};
	struct file_map m;
	uint8_t *bytes = mem_alloc(N, 1, &e);
	memset(bytes, 7, N);
	assert_int_equal(file_replace("attune_mapped", bytes, N, &e), 0);
	mem_free(bytes);
	assert_int_equal(file_map_open(&m, "attune_mapped", &e), 0);
	file_map_forget(&m, 0, N);
	size_t before = memory_limit(), sum = 0;
	for (size_t i = 0; i < N; i += 4096)
		sum += ((const uint8_t *)m.p)[i];
	size_t after = memory_limit();
	file_map_close(&m);
	assert_int_equal(unlink("attune_mapped"), 0);
	assert_int_equal(sum, N / 4096 * 7);
	assert_true(after < before + N / 2);
}

/* What others of the group hold counts: a server with its model beside the training. */
static void test_group(void **state)
{
	(void)state;
	struct err e = {0};
	char dir[] = "attune_group_XXXXXX", max[64], stat[64];
	static const char held[] = "anon 3000000000\nfile 9000000000\nkernel 5\n", pages[] = "file 9000000000\nanon 1\n";
	assert_non_null(mkdtemp(dir));
	assert_int_equal(memory_group_left(dir), SIZE_MAX);
	assert_int_equal(
		path_join(max, sizeof max, &e, dir, "memory.max") || path_join(stat, sizeof stat, &e, dir, "memory.stat"), 0);
	assert_int_equal(file_replace(max, "max\n", 4, &e), 0);
	assert_int_equal(memory_group_left(dir), SIZE_MAX);
	assert_int_equal(file_replace(max, "4000000000\n", 11, &e), 0);
	assert_int_equal(file_replace(stat, held, sizeof held - 1, &e), 0);
	assert_int_equal(memory_group_left(dir), 1000000000);
	assert_int_equal(file_replace(stat, pages, sizeof pages - 1, &e), 0);
	size_t left = memory_group_left(dir); /* the page cache gives way, this process does not */
	assert_true(left > 3000000000 && left < 4000000000);
	assert_int_equal(file_replace(max, "1000\n", 5, &e), 0);
	assert_int_equal(memory_group_left(dir), 0);
	assert_int_equal(dir_remove(dir, &e), 0);
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
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_disk),
	};
	return cmocka_run_group_tests_name("resources", tests, NULL, NULL);
}

/* Folders and paths. */
#include "base/base.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "dir_test_XXXXXX";

static int enter(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	return !mkdtemp(folder) || chdir(folder);
}

static int leave(void **state)
{
	(void)state;
	fault_set(FAULT_FILE, 0, false);
	return chdir("..") || dir_remove(folder, NULL);
}

static void test_path_join(void **state)
{
	(void)state;
	struct err e = {0};
	char dst[8];
	assert_int_equal(path_join(dst, sizeof dst, &e, "a", "b"), 0);
	assert_string_equal(dst, "a/b");
	assert_int_equal(path_join(dst, sizeof dst, &e, "a/", "b"), 0);
	assert_string_equal(dst, "a/b");
	assert_int_equal(path_join(dst, sizeof dst, &e, "", "b"), 0);
	assert_string_equal(dst, "b");
	assert_int_equal(path_join(dst, sizeof dst, &e, "/", "b"), 0);
	assert_string_equal(dst, "/b");
	assert_int_equal(path_join(dst, sizeof dst, &e, "abc", "def"), 0); /* just fits */
	assert_int_equal(path_join(dst, sizeof dst, &e, "abc", "defg"), ERR_FAILED);
	assert_string_equal(dst, "");
	assert_string_equal(e.text, "abc/defg: the path is longer than 7 bytes");
}

static void test_make(void **state)
{
	(void)state;
	struct err e = {0};
	char absolute[PATH_SIZE];
	assert_int_equal(dir_make("a/b//c/", &e), 0);
	assert_true(dir_exists("a/b/c"));
	assert_int_equal(dir_make("a/b/c", &e), 0); /* present is fine */
	assert_int_equal(dir_make(".", &e), 0);
	assert_int_equal(dir_make("/", &e), 0);
	assert_non_null(getcwd(absolute, sizeof absolute - 10));
	assert_int_equal(dir_make(strcat(absolute, "/d/e"), &e), 0);
	assert_true(dir_exists("d/e"));

	assert_int_equal(file_replace("a/file", "x", 1, &e), 0);
	assert_true(file_exists("a/file"));
	assert_false(dir_exists("a/file"));
	assert_false(file_exists("a"));
	assert_int_equal(dir_make("a/file", &e), ERR_FAILED);
	assert_string_equal(e.text, "make folder a/file: File exists");
	assert_int_equal(dir_make("a/file/b", &e), ERR_FAILED);

	fault_set(FAULT_FILE, 2, false);
	assert_int_equal(dir_make("f/g/h", &e), ERR_FAILED);
	assert_string_equal(e.text, "make folder f/g: Input/output error");
	assert_true(dir_exists("f"));
	assert_false(dir_exists("f/g"));
}

static void test_sync(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(dir_sync(".", &e), 0);
	assert_int_equal(dir_sync("absent", &e), ERR_FAILED);
	for (uint64_t n = 1; n <= 2; n++) {
		fault_set(FAULT_FILE, n, false);
		assert_int_equal(dir_sync(".", &e), ERR_FAILED);
	}
}

static void test_remove(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(dir_remove("absent", &e), 0);
	assert_int_equal(dir_make("kept", &e), 0);
	assert_int_equal(file_replace("kept/file", "x", 1, &e), 0);
	assert_int_equal(dir_make("gone/a/b", &e), 0);
	assert_int_equal(file_replace("gone/a/file", "x", 1, &e), 0);
	assert_int_equal(symlink("../../kept", "gone/a/link"), 0);
	assert_int_equal(symlink("nowhere", "gone/broken"), 0);
	assert_int_equal(dir_remove("gone", &e), 0);
	assert_false(dir_exists("gone"));
	assert_true(file_exists("kept/file")); /* links are removed, not followed */

	assert_int_equal(symlink("kept", "link"), 0);
	assert_int_equal(dir_remove("link", &e), ERR_FAILED);
	assert_string_equal(e.text, "remove folder link: not a folder");
	assert_int_equal(dir_remove("kept/file", &e), ERR_FAILED);
	assert_true(file_exists("kept/file"));
}

static void test_lock(void **state)
{
	(void)state;
	struct err e = {0};
	int first, second;
	assert_int_equal(dir_lock(&first, "absent", &e), ERR_FAILED);
	char alive[64];
	snprintf(alive, sizeof alive, "a" FILE_TEMPORARY "%ld", (long)getppid());
	assert_int_equal(file_replace("a" FILE_TEMPORARY "4194305", "x", 1, &e), 0); /* above the greatest number of a process */
	assert_int_equal(file_replace(alive, "x", 1, &e), 0);
	assert_int_equal(file_replace("notes.tmp2024", "x", 1, &e), 0);
	assert_int_equal(file_replace("12", "x", 1, &e), 0);
	assert_int_equal(dir_lock(&first, ".", &e), 0);
	assert_false(file_exists("a" FILE_TEMPORARY "4194305"));
	assert_true(file_exists(alive));
	assert_true(file_exists("notes.tmp2024"));
	assert_true(file_exists("12"));
	assert_int_equal(dir_lock(&second, ".", &e), ERR_FAILED);
	assert_string_equal(e.text, ".: another process works in this folder");
	assert_int_equal(second, -1);
	dir_unlock(second);
	dir_unlock(first);
	assert_int_equal(dir_lock(&second, ".", &e), 0);
	dir_unlock(second);
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_join),
		in_folder(test_make),
		in_folder(test_sync),
		in_folder(test_remove),
		in_folder(test_lock),
	};
	return cmocka_run_group_tests_name("dir", tests, NULL, NULL);
}

/* Errors: codes, cutting, prefixes, errno. */
#include "base/base.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void test_set(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(err_set(&e, ERR_DATA, "%s:%d: got %s", "a.jsonl", 7, "x"), ERR_DATA);
	assert_int_equal(e.code, ERR_DATA);
	assert_string_equal(e.text, "a.jsonl:7: got x");
	assert_int_equal(err_set(NULL, ERR_USAGE, "nobody listens"), ERR_USAGE);
	assert_int_equal(err_set(&e, ERR_FAILED, "again %s", e.text), ERR_FAILED); /* an argument may be the text itself */
	assert_string_equal(e.text, "again a.jsonl:7: got x");
}

static void test_long_text_is_cut(void **state)
{
	(void)state;
	char longer[2 * ERR_TEXT_MAX];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	struct err e = {0};
	err_set(&e, ERR_FAILED, "%s", longer);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	assert_string_equal(e.text + ERR_TEXT_MAX - 6, "xx...");

	longer[ERR_TEXT_MAX - 1] = 0; /* exactly fits */
	err_set(&e, ERR_FAILED, "%s", longer);
	assert_string_equal(e.text, longer);
	err_prefix(&e, "p");
	assert_memory_equal(e.text, "p: xx", 5);
	assert_string_equal(e.text + ERR_TEXT_MAX - 6, "xx...");
}

static void test_foreign_bytes(void **state)
{
	(void)state;
	struct err e = {0};
	err_set(&e, ERR_DATA, "got \"%s\"", "a\nb\033[2J\x7f\u00e9");
	assert_string_equal(e.text, "got \"a b [2J \u00e9\"");

	char umlauts[2 * ERR_TEXT_MAX + 1] = ""; /* two bytes each; a cut must fall between two of them */
	for (size_t i = 0; i < ERR_TEXT_MAX; i++)
		memcpy(umlauts + 2 * i, "\u00e4", 3);
	for (int offset = 0; offset < 2; offset++) {
		err_set(&e, ERR_DATA, "%s", umlauts + offset);
		size_t n = strlen(e.text);
		assert_string_equal(e.text + n - 5, "\u00e4...");
	}
}

static void test_prefix(void **state)
{
	(void)state;
	struct err e = {0};
	err_set(&e, ERR_NETWORK, "no route");
	assert_int_equal(err_prefix(&e, "pulling %s", "m"), ERR_NETWORK);
	assert_string_equal(e.text, "pulling m: no route");
	assert_int_equal(e.code, ERR_NETWORK);
}

static void test_errno(void **state)
{
	(void)state;
	struct err e = {0};
	errno = ENOENT;
	assert_int_equal(err_errno(&e, "open", "a/b"), ERR_FAILED);
	assert_string_equal(e.text, "open a/b: No such file or directory");
	const int scarce[] = {ENOSPC, EDQUOT, EFBIG, ENOMEM};
	for (size_t i = 0; i < sizeof scarce / sizeof *scarce; i++) {
		errno = scarce[i];
		assert_int_equal(err_errno(&e, "write", "a"), ERR_RESOURCE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_foreign_bytes),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_errno),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}

/* SHA-256: FIPS 180-4's examples, in one piece, in pieces and from a file. */
#include "format/format.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "format/test_file.h"

static const struct {
	const char *text, *hex;
} examples[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		size_t n = strlen(examples[i].text);
		for (size_t piece = 1; piece <= n + 1; piece++) {
			struct sha256 *s;
			char hex[65];
			assert_int_equal(sha256_new(&s, NULL), 0);
			for (size_t at = 0; at < n; at += piece)
				sha256_add(s, examples[i].text + at, n - at < piece ? n - at : piece);
			sha256_hex(s, hex);
			sha256_free(s);
			assert_string_equal(hex, examples[i].hex);
		}
	}
}

static void test_files(void **state)
{
	(void)state;
	char hex[65] = "x";
	struct err e = {0};
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		struct test_file t = test_file_new(examples[i].text, strlen(examples[i].text));
		assert_int_equal(sha256_file(t.path, hex, &e), 0);
		assert_string_equal(hex, examples[i].hex);
		test_file_remove(&t);
	}
	assert_int_equal(sha256_file("no such file", hex, &e), ERR_FAILED);
	assert_string_equal(hex, "");
	assert_non_null(strstr(e.text, "no such file"));
	sha256_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}

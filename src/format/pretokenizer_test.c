/* Where GPT-2's expression cuts, with and without the digit split; pieces are shown with | between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/pretokenizer.h"

static void check(const char *text, bool split_digits, const char *expected)
{
	char got[256];
	size_t n = strlen(text), out = 0;
	for (size_t at = 0, length; at < n; at += length) {
		length = pretoken_next(text + at, n - at, split_digits);
		assert_in_range(length, 1, n - at);
		out += (size_t)snprintf(got + out, sizeof got - out, "%s%.*s", at ? "|" : "", (int)length, text + at);
	}
	assert_string_equal(got, expected);
}

static void test_words(void **state)
{
	(void)state;
	check("Hello world", false, "Hello| world");
	check("a-b==c", false, "a|-|b|==|c");
	check("foo(x, -1.5)", false, "foo|(|x|,| -|1|.|5|)");
	check("caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87", false, "caf\xc3\xa9| \xe4\xb8\xad\xe6\x96\x87");
	check("e\xcc\x81x", false, "e|\xcc\x81|x"); /* a combining mark is no letter */
}

static void test_contractions(void **state)
{
	(void)state;
	check("it's we're I'll they've I'd I'm don't", false, "it|'s| we|'re| I|'ll| they|'ve| I|'d| I|'m| don|'t");
	check("'S '", false, "'|S| '");
	check(" 's", false, " '|s");
	check("!'s", false, "!'|s");
	check("'r 'l", false, "'|r| '|l");
	check("'", false, "'");
}

static void test_spaces(void **state)
{
	(void)state;
	check("a  b", false, "a| | b");
	check("a   b", false, "a|  | b");
	check("a\n\nb", false, "a|\n|\n|b");
	check("a \n b", false, "a| \n| b");
	check("a  ", false, "a|  ");
	check(" ", false, " ");
	check("\t\tx", false, "\t|\t|x");
	check("a\xc2\xa0\xe3\x80\x80y", false, "a|\xc2\xa0|\xe3\x80\x80|y");
}

static void test_digits(void **state)
{
	(void)state;
	check("in 2024", false, "in| 2024");
	check("in 2024", true, "in| |2|0|2|4");
	check("a  1", false, "a| | 1");
	check("a  1", true, "a|  |1");
	check("a\n1", true, "a|\n|1");
	check("x1y", true, "x|1|y");
	check("1'd", true, "1|'d");
	check("\xd9\xa3\xd9\xa4 \xc2\xbd", true, "\xd9\xa3|\xd9\xa4| |\xc2\xbd");
}

static void test_malformed_bytes_are_signs(void **state)
{
	(void)state;
	check("a\xff\xfe"
	      "b",
		false, "a|\xff\xfe|b");
	check("a \xe4\xb8", true, "a| \xe4\xb8");
	check("  \x80", true, " | \x80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_contractions),
		cmocka_unit_test(test_spaces),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_malformed_bytes_are_signs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

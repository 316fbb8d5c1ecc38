/* Where each pre-tokenizer cuts; pieces are shown with | between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/pretokenizer.h"

static void check(const char *text, enum pretoken how, const char *expected)
{
	char got[256];
	size_t n = strlen(text), out = 0;
	for (size_t at = 0, length; at < n; at += length) {
		length = pretoken_next(text + at, n - at, how);
		assert_in_range(length, 1, n - at);
		out += (size_t)snprintf(got + out, sizeof got - out, "%s%.*s", at ? "|" : "", (int)length, text + at);
	}
	assert_string_equal(got, expected);
}

static void test_words(void **state)
{
	(void)state;
	check("Hello world", PRETOKEN_GPT2, "Hello| world");
	check("a-b==c", PRETOKEN_GPT2, "a|-|b|==|c");
	check("foo(x, -1.5)", PRETOKEN_GPT2, "foo|(|x|,| -|1|.|5|)");
	check("caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87", PRETOKEN_GPT2, "caf\xc3\xa9| \xe4\xb8\xad\xe6\x96\x87");
	check("e\xcc\x81x", PRETOKEN_GPT2, "e|\xcc\x81|x"); /* a combining mark is no letter */
}

static void test_contractions(void **state)
{
	(void)state;
	check("it's we're I'll they've I'd I'm don't", PRETOKEN_GPT2, "it|'s| we|'re| I|'ll| they|'ve| I|'d| I|'m| don|'t");
	check("'S '", PRETOKEN_GPT2, "'|S| '");
	check(" 's", PRETOKEN_GPT2, " '|s");
	check("!'s", PRETOKEN_GPT2, "!'|s");
	check("'r 'l", PRETOKEN_GPT2, "'|r| '|l");
	check("'", PRETOKEN_GPT2, "'");
}

static void test_spaces(void **state)
{
	(void)state;
	check("a  b", PRETOKEN_GPT2, "a| | b");
	check("a   b", PRETOKEN_GPT2, "a|  | b");
	check("a\n\nb", PRETOKEN_GPT2, "a|\n|\n|b");
	check("a \n b", PRETOKEN_GPT2, "a| \n| b");
	check("a  ", PRETOKEN_GPT2, "a|  ");
	check(" ", PRETOKEN_GPT2, " ");
	check("\t\tx", PRETOKEN_GPT2, "\t|\t|x");
	check("a\xc2\xa0\xe3\x80\x80y", PRETOKEN_GPT2, "a|\xc2\xa0|\xe3\x80\x80|y");
}

static void test_digits(void **state)
{
	(void)state;
	check("in 2024", PRETOKEN_GPT2, "in| 2024");
	check("in 2024", PRETOKEN_SMOLLM, "in| |2|0|2|4");
	check("a  1", PRETOKEN_GPT2, "a| | 1");
	check("a  1", PRETOKEN_SMOLLM, "a|  |1");
	check("a\n1", PRETOKEN_SMOLLM, "a|\n|1");
	check("x1y", PRETOKEN_SMOLLM, "x|1|y");
	check("1'd", PRETOKEN_SMOLLM, "1|'d");
	check("\xd9\xa3\xd9\xa4 \xc2\xbd", PRETOKEN_SMOLLM, "\xd9\xa3|\xd9\xa4| |\xc2\xbd");
}

static void test_malformed_bytes_are_signs(void **state)
{
	(void)state;
	check("a\xff\xfe"
	      "b",
		PRETOKEN_GPT2, "a|\xff\xfe|b");
	check("a \xe4\xb8", PRETOKEN_SMOLLM, "a| \xe4\xb8");
	check("  \x80", PRETOKEN_SMOLLM, " | \x80");
}

/* Expected pieces from the `tokenizers` library with the models' own expressions. */
static void test_llama3_and_qwen2(void **state)
{
	(void)state;
	check("in 12345", PRETOKEN_LLAMA3, "in| |123|45");
	check("in 12345", PRETOKEN_QWEN2, "in| |1|2|3|4|5");
	check("IT'S we'Re I'lL \xc2\xb2", PRETOKEN_LLAMA3, "IT|'S| we|'Re| I|'lL| |\xc2\xb2");
	check("x'\xc5\xbfy", PRETOKEN_QWEN2, "x|'\xc5\xbf|y"); /* the long s, by Unicode's case folding */
	check("(foo) #bar !!baz", PRETOKEN_LLAMA3, "(foo|)| #|bar| !!|baz");
	check("\tx  y", PRETOKEN_QWEN2, "\tx| | y");
	check("a;\n\nb \n \n  c", PRETOKEN_QWEN2, "a|;\n\n|b| \n \n| | c");
	check("a\r\n  ", PRETOKEN_LLAMA3, "a|\r\n|  ");
	check("\nx", PRETOKEN_LLAMA3, "\n|x");
	check("  !", PRETOKEN_LLAMA3, " | !");
	check("  1", PRETOKEN_LLAMA3, " | |1");
	check("\xf0\x96\xbf\xb4"
	      "1",
		PRETOKEN_LLAMA3, "\xf0\x96\xbf\xb4|1"); /* a number younger than Unicode 16 */
	check("\xf0\x96\xbf\xb4"
	      "1",
		PRETOKEN_SMOLLM, "\xf0\x96\xbf\xb4|1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_contractions),
		cmocka_unit_test(test_spaces),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_llama3_and_qwen2),
		cmocka_unit_test(test_malformed_bytes_are_signs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

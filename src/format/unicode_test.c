/* UTF-8 by Unicode's table of well-formed sequences, and character classes at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "format/format.h"
#include "format/unicode.h"

static void test_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n, length;
		uint32_t cp;
	} cases[] = {
		{"a", 1, 1, 'a'},
		{"", 1, 1, 0},
		{"\xc3\xa9", 2, 2, 0xe9},
		{"\xe2\x82\xac", 3, 3, 0x20ac},
		{"\xf0\x9f\x98\x80", 4, 4, 0x1f600},
		{"\xc2\x80", 2, 2, 0x80},
		{"\xe0\xa0\x80", 3, 3, 0x800},
		{"\xf0\x90\x80\x80", 4, 4, 0x10000},
		{"\xed\x9f\xbf", 3, 3, 0xd7ff},
		{"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
		{"\xc1\xbf", 2, 0, 0},         /* overlong */
		{"\xe0\x9f\xbf", 3, 0, 0},     /* overlong */
		{"\xf0\x8f\xbf\xbf", 4, 0, 0}, /* overlong */
		{"\xed\xa0\x80", 3, 0, 0},     /* a surrogate */
		{"\xf4\x90\x80\x80", 4, 0, 0}, /* above U+10FFFF */
		{"\xf5\x80\x80\x80", 4, 0, 0},
		{"\x80", 1, 0, 0}, /* a continuation alone */
		{"\xff", 1, 0, 0},
		{"\xc3", 1, 0, 0}, /* cut */
		{"\xe2\x82", 2, 0, 0},
		{"\xf0\x9f\x98", 3, 0, 0},
		{"\xe2\x28\xac", 3, 0, 0},
		{"\xe2\x82\x28", 3, 0, 0},
		{"\xf0\x9f\x98\xc0", 4, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint32_t cp = 0;
		assert_int_equal(utf8_next(cases[i].bytes, cases[i].n, &cp), cases[i].length);
		if (cases[i].length)
			assert_int_equal(cp, cases[i].cp);
	}
}

static void test_classes(void **state)
{
	(void)state;
	static const struct {
		uint32_t cp;
		enum char_class c;
	} cases[] = {
		{0, CHAR_OTHER},
		{'\t', CHAR_SPACE},
		{'\r', CHAR_SPACE},
		{0x0e, CHAR_OTHER},
		{0x1f, CHAR_OTHER},
		{' ', CHAR_SPACE},
		{'/', CHAR_OTHER},
		{'0', CHAR_NUMBER},
		{'9', CHAR_NUMBER},
		{':', CHAR_OTHER},
		{'@', CHAR_OTHER},
		{'A', CHAR_LETTER},
		{'Z', CHAR_LETTER},
		{'[', CHAR_OTHER},
		{'`', CHAR_OTHER},
		{'a', CHAR_LETTER},
		{'z', CHAR_LETTER},
		{'{', CHAR_OTHER},
		{0x7f, CHAR_OTHER},
		{0x85, CHAR_SPACE},
		{0xa0, CHAR_SPACE},
		{0xb2, CHAR_NUMBER},
		{0xd7, CHAR_OTHER},
		{0xe9, CHAR_LETTER},
		{0x301, CHAR_OTHER},
		{0x378, CHAR_OTHER},
		{0x660, CHAR_NUMBER},
		{0x2003, CHAR_SPACE},
		{0x200b, CHAR_OTHER},
		{0x2028, CHAR_SPACE},
		{0x2160, CHAR_NUMBER},
		{0x3000, CHAR_SPACE},
		{0x4e00, CHAR_LETTER},
		{0xfeff, CHAR_OTHER},
		{0x1f600, CHAR_OTHER},
		{0x323af, CHAR_LETTER},
		{0x323b0, CHAR_OTHER},
		{0x10ffff, CHAR_OTHER},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (char_class(cases[i].cp) != cases[i].c)
			fail_msg("U+%04X: expected class %d, got %d", (unsigned)cases[i].cp, cases[i].c, char_class(cases[i].cp));
	for (size_t i = 1; i < unicode_n_ranges; i++) /* what the search relies on */
		assert_true(unicode_ranges[i - 1].first <= unicode_ranges[i - 1].last &&
			unicode_ranges[i - 1].last < unicode_ranges[i].first);
}

/* The whole table, against counts of Python's unicodedata 16.0. */
static void test_class_sizes(void **state)
{
	(void)state;
	size_t n[5] = {0};
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++)
		n[char_class(cp)]++;
	assert_int_equal(n[CHAR_LETTER], 141028);
	assert_int_equal(n[CHAR_NUMBER], 1911);
	assert_int_equal(n[CHAR_YOUNG_NUMBER], 13);
	assert_int_equal(n[CHAR_SPACE], 25);
}

static void test_char_next_never_sticks(void **state)
{
	(void)state;
	enum char_class c = CHAR_SPACE;
	assert_int_equal(char_next("\xe4\xb8", 2, &c), 1);
	assert_int_equal(c, CHAR_OTHER);
	assert_int_equal(char_next("\xe4\xb8\xad", 3, &c), 3);
	assert_int_equal(c, CHAR_LETTER);
}

static void test_append(void **state)
{
	(void)state;
	struct buf b = {0};
	struct err e = {0};
	static const char text[] = "a\xc3\xa9\0\xff\xe2\x82";
	assert_int_equal(utf8_append(&b, text, sizeof text - 1, &e), 0);
	assert_int_equal(b.len, 3 + 4 * 3);
	assert_memory_equal(b.p, "a\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", b.len);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_class_sizes),
		cmocka_unit_test(test_char_next_never_sticks),
		cmocka_unit_test(test_append),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

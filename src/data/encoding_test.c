/* Encodings: what is converted and what is left alone. */
#include "data/encoding.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_arena.h"

#define CONVERT(text, html) convert(text, sizeof text - 1, html)
static struct document convert(const char *text, size_t n, bool html)
{
	struct document d = {.path = "t.txt", .bytes = text, .size = n};
	struct err e = {0};
	assert_int_equal(encoding_convert(&d, html, &arena, &e), 0);
	return d;
}

static void assert_text(const struct document *d, const char *text)
{
	assert_null(d->skipped);
	assert_int_equal(d->size, strlen(text));
	assert_memory_equal(d->bytes, text, d->size);
}

static void test_converted(void **state)
{
	(void)state;
	struct document d = CONVERT("\xff\xfeG\0r\0\xfc\0\x3d\xd8\x00\xde\n\0", false);
	assert_text(&d, "Gr\xc3\xbc\xf0\x9f\x98\x80\n");
	d = CONVERT("\xfe\xff\0a\x20\xac", false);
	assert_text(&d, "a\xe2\x82\xac");
	d = CONVERT("Die Gr\xf6\xdf"
		    "e kostet 5 \x80 \x96 \x84gut\x93.",
		false);
	assert_text(&d,
		"Die Gr\xc3\xb6\xc3\x9f"
		"e kostet 5 \xe2\x82\xac \xe2\x80\x93 \xe2\x80\x9egut\xe2\x80\x9c.");
	d = CONVERT("<meta charset=\"KOI8-R\"><p>\xf0\xf2\xe9\xf7\xe5\xf4", true);
	assert_text(&d, "<meta charset=\"KOI8-R\"><p>\xd0\x9f\xd0\xa0\xd0\x98\xd0\x92\xd0\x95\xd0\xa2");
}

/* A label means what browsers read it as, which has more letters. */
static void test_labels(void **state)
{
	(void)state;
	static const struct {
		const char *label, *text, *expected;
	} cases[] = {
		{"ISO-8859-1", "\x93good\x94", "\xe2\x80\x9cgood\xe2\x80\x9d"},
		{"latin1", "5 \x80", "5 \xe2\x82\xac"},
		{"latin1", "caf\xe9 \x81.", "caf\xc3\xa9 \xc2\x81."},
		{"us-ascii", "5 \x96 6", "5 \xe2\x80\x93 6"},
		{"iso-8859-9", "\xfe\x85", "\xc5\x9f\xe2\x80\xa6"},
		{"iso-8859-15", "\xa4", "\xe2\x82\xac"},
		{"gb2312", "\x81\x40", "\xe4\xb8\x82"},
		{"Shift_JIS", "\x87\x40", "\xe2\x91\xa0"},
		{"euc-kr", "\x81\x41", "\xea\xb0\x82"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char page[64], expected[64];
		snprintf(page, sizeof page, "<meta charset=%s>%s", cases[i].label, cases[i].text);
		snprintf(expected, sizeof expected, "<meta charset=%s>%s", cases[i].label, cases[i].expected);
		struct document d = convert(page, strlen(page), true);
		assert_text(&d, expected);
	}
}

static void test_left(void **state)
{
	(void)state;
	static const char utf8[] = "Gr\xc3\xb6\xc3\x9f"
				   "e",
			  russian[] = "\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0", binary[] = "a\xf6\x01 b c d e f",
			  nul[] = "a\0b \xf6 c d e f g", undefined[] = "a \x81 b c d e f g h";
	const struct {
		const char *p;
		size_t n;
	} cases[] = {{utf8, sizeof utf8 - 1}, {russian, sizeof russian - 1}, {binary, sizeof binary - 1}, {nul, sizeof nul - 1},
		{undefined, sizeof undefined - 1}, {"", 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct document d = convert(cases[i].p, cases[i].n, false);
		assert_ptr_equal(d.bytes, cases[i].p);
		assert_null(d.skipped);
	}
	/* A page may not name just any converter. */
	struct document d = CONVERT("<meta charset=UTF-7>\xf6\xf6\xf6\xf6", true);
	assert_memory_equal(d.bytes, "<meta charset=UTF-7>\xf6", 21);
	d = CONVERT("\xff\xfe"
		    "a\0b",
		false);
	assert_string_equal(d.skipped, "it begins as UTF-16LE, but is damaged in byte 4");
	d = CONVERT("\xfe\xff\xdc\x00\0a", false);
	assert_string_equal(d.skipped, "it begins as UTF-16BE, but is damaged in byte 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_converted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_labels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left, setup, teardown),
	};
	return cmocka_run_group_tests_name("encoding", tests, NULL, NULL);
}

/* Values of a text and when two are the same. */
#include "data/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static void test_spellings(void **state)
{
	(void)state;
	static const struct {
		const char *text, *values; /* kind:text:unit, in order */
	} c[] = {
		{"It lasts nine days.", "0:9:day;"},
		{"It lasts **18** seconds, or 2 secs.", "0:18:second;0:2:second;"},
		{"A 90-day trial", "0:90:day;"},
		{"80 requests per second", "0:80:request per second;"},
		{"80 requests a minute", "0:80:request per minute;"},
		{"1,000 retries and 12 boxes", "0:1000:retry;0:12:box;"},
		{"8 million events, 2.5 million users", "0:8000000:event;0:2500000:user;"},
		{"from 200 to 299", "0:200-299:;"},
		{"port 7443", "0:7443:port;"},
		{"kernel 5.40 or later", "0:5.40:kernel;"},
		{"$5 a month; 39 EUR; 20 euros; \xe2\x82\xac"
		 "7",
			"1:5:usd per month;1:39:eur;1:20:eur;1:7:eur;"},
		{"15 %, 15% and 15 percent", "2:15:;2:15:;2:15:;"},
		{"at 3:30 UTC", "3:03:30:utc;"},
		{"Use --dry-run or `--force` in `a/b.c`.", "4:--dry-run:flag;4:--force:flag;4:a/b.c:path;"},
		{"the `Retry-After` header and `tlk_`", "4:Retry-After:A-;4:tlk_:a_;"},
		{"1. Open it\n2. Wait 5\xc2\xa0minutes\n", "0:5:minute;"},
		{"2024-05-01", ""},
		{"", ""},
		{"``", ""},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct values v;
		struct buf b = {0};
		struct err e = {0};
		assert_int_equal(values_read(&v, c[i].text, &arena, &e), 0);
		for (size_t k = 0; k < v.n; k++)
			assert_int_equal(buf_printf(&b, &e, "%d:%s:%s;", v.p[k].kind, v.p[k].text, v.p[k].unit), 0);
		assert_string_equal(b.p ? b.p : "", c[i].values);
		buf_release(&b);
	}
}

static struct value first(const char *text)
{
	struct values v;
	struct err e = {0};
	assert_int_equal(values_read(&v, text, &arena, &e), 0);
	assert_true(v.n > 0);
	return v.p[0];
}

static void test_same(void **state)
{
	(void)state;
	static const struct {
		const char *found, *wanted;
		bool same;
	} c[] = {
		{"six days", "6 days", true},
		{"6 day", "six days", true},
		{"60 days", "6 days", false},
		{"6 hours", "6 days", false},
		{"1000 events", "1,000 events", true},
		{"9 attempts", "9", true},
		{"9", "9 attempts", false},
		{"80 requests per second", "80 requests", true},
		{"80 requests", "80 requests per second", false},
		{"2 working days", "2 days", false},
		{"$5", "5 dollars", true},
		{"5 %", "5", false},
		{"`--x`", "--x", true},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct value found = first(c[i].found), wanted = first(c[i].wanted);
		if (value_is(&found, &wanted) != c[i].same)
			fail_msg("\"%s\" and \"%s\"", c[i].found, c[i].wanted);
	}
	assert_true(first("6 days").whole);
	assert_true(first("--dry-run").whole);
	assert_false(first("port 7443").whole);
	assert_false(first("6 days or so").whole);
}

/* Long sentences are cut, not lost, and any bytes are read. */
static void test_any_bytes(void **state)
{
	(void)state;
	char text[2048];
	struct values v;
	struct err e = {0};
	for (size_t i = 0; i + 2 < sizeof text; i += 2)
		memcpy(text + i, "7 ", 2);
	text[sizeof text - 2] = 0;
	assert_int_equal(values_read(&v, text, &arena, &e), 0);
	assert_int_equal(v.n, (sizeof text - 2) / 2);
	uint32_t x = 1;
	for (int k = 0; k < 2000; k++) {
		static const char alphabet[] = "`-9,.:%$ \n*ab\xe2\x82\xac\xc2\xa0\x01";
		size_t n = (size_t)k % 80;
		for (size_t i = 0; i < n; i++)
			text[i] = alphabet[(x = x * 1664525 + 1013904223) >> 16 & 0xffff ? (x >> 16) % (sizeof alphabet - 1) : 0];
		text[n] = 0;
		assert_int_equal(values_read(&v, text, &arena, &e), 0);
	}
}

static void test_out_of_memory(void **state)
{
	(void)state;
	struct values v;
	struct err e = {0};
	arena_release(&arena);
	for (uint64_t n = 1; n <= 3; n++) {
		fault_set(FAULT_MEM, n, false);
		assert_int_equal(values_read(&v, "6 days in 8 weeks", &arena, &e), ERR_RESOURCE);
		assert_int_equal(v.n, 0);
		fault_set(FAULT_MEM, 0, false);
		arena_release(&arena);
	}
}

int main(void)
{
	arena_init(&arena, 256);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_out_of_memory),
	};
	return cmocka_run_group_tests_name("value", tests, NULL, teardown);
}

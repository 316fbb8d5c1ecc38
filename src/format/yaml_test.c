/* Flat YAML: what is read, and what is refused with its line. */
#include "format/format.h"
#include "format/test_file.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static int read_text(struct yaml *y, const char *text, struct err *e)
{
	struct test_file f = test_file_new(text, strlen(text));
	int rc = yaml_read(y, f.path, e);
	test_file_remove(&f);
	return rc;
}

static void test_pairs(void **state)
{
	(void)state;
	static const char text[] = "# ours\nlora_r: 8\nname: \"two words\" # why\nempty:\nlist: [a, b]\nblock:\n  - c\n  - d\n";
	static const char *const want[][2] = {
		{"lora_r", "8"}, {"name", "two words"}, {"empty", ""}, {"list", "a,b"}, {"block", "c,d"}};
	struct yaml y;
	assert_int_equal(read_text(&y, text, NULL), 0);
	assert_int_equal(y.n, 5);
	for (size_t i = 0; i < y.n; i++) {
		assert_string_equal(y.pair[i].key, want[i][0]);
		assert_string_equal(y.pair[i].value, want[i][1]);
	}
	assert_int_equal(y.pair[1].line, 3);
	yaml_release(&y);
}

static void test_nothing(void **state)
{
	(void)state;
	struct yaml y;
	static const char *const empty[] = {"", "# only a comment\n", "{}\n"};
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		assert_int_equal(read_text(&y, empty[i], NULL), 0);
		assert_int_equal(y.n, 0);
		yaml_release(&y);
	}
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"---\n", ":2: expected 'key: value'"},
		{"just words\n", ":1: expected 'key: value'"},
		{"- a\n", ":1: expected 'key: value'"},
		{"a: 1\nb:\n  c: 2\n", ":3: expected a plain value"},
		{"a: [1, [2]]\n", ":1: expected a plain value"},
		{"[a]: 1\n", ":1: expected a plain value"},
		{"a: 1\nb: 2\na: 3\n", ":3: 'a' stands on line 1 already"},
		{"a: &x 1\nb: *x\n", ":1: anchors"},
		{"a: !!str 1\n", ":1: anchors"},
		{"a: \"open\n", ":2: not YAML"},
		{"a: \"\\0\"\n", ":1: a value holds a NUL"},
		{"a: \xff\n", "not YAML"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct yaml y;
		struct err e = {0};
		assert_int_equal(read_text(&y, bad[i].text, &e), ERR_USAGE);
		if (!strstr(e.text, bad[i].says))
			fail_msg("%s: %s", bad[i].text, e.text);
		assert_null(y.pair);
	}
}

static void test_every_allocation_fails(void **state)
{
	(void)state;
	struct yaml y;
	static const char text[] = "a: 1\nb: [c, d]\n";
	struct test_file f = test_file_new(text, sizeof text - 1);
	for (uint64_t n = 1;; n++) {
		fault_set(FAULT_MEM, n, false);
		int rc = yaml_read(&y, f.path, NULL);
		bool reached = fault_count(FAULT_MEM) >= n;
		fault_set(FAULT_MEM, 0, false);
		if (!reached)
			break;
		assert_int_equal(rc, ERR_RESOURCE);
	}
	yaml_release(&y);
	test_file_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_every_allocation_fails),
	};
	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}

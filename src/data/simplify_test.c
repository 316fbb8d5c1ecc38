/* Paragraphs in shorter statements. */
#include "data/simplify.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void test_simplify(void **state)
{
	(void)state;
	static const char *const c[][2] = {
		{"The ZOR_MAX_ARG parameter limits arguments. The default value of this limit is 100. This limit can grow.",
			"The ZOR_MAX_ARG parameter limits arguments. The default value of ZOR_MAX_ARG is 100. ZOR_MAX_ARG can "
			"grow."},
		{"ZOR_A and ZOR_B are macros. The default of this macro is 3.",
			"ZOR_A and ZOR_B are macros. The default of this macro is 3."},
		{"Use ZOR_A. Cats sleep. The default of this macro is 3.",
			"Use ZOR_A. Cats sleep. The default of this macro is 3."},
		{"ZOR_free() takes a function. Zorbel calls this function.",
			"ZOR_free() takes a function. Zorbel calls this function."},
		{"The ZOR_A routine gets a flag. This flag is 3.", "The ZOR_A routine gets a flag. This flag is 3."},
		{"See ZOR_A. It needs this option page.", "See ZOR_A. It needs this option page."},
		{"The number is limited to ZOR_MAX which is set to 10 by default.",
			"The number is limited to ZOR_MAX which is set to 10 by default. ZOR_MAX is set to 10 by default."},
		{"If the tub is empty, then a plug is used.", "If the tub is empty, a plug is used."},
		{"Heat it, then stir it.", "Heat it, then stir it."},
		{"", ""},
	};
	struct arena a;
	struct err e = {0};
	arena_init(&a, 1 << 12);
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		const char *out;
		assert_int_equal(text_simplify(&out, c[i][0], &a, &e), 0);
		assert_string_equal(out, c[i][1]);
	}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_simplify)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

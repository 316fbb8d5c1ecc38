/* What curation asks of reference documentation that nobody wrote for this. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/test_curate.h"

/* Reference documentation: names without backticks, sentences that lean on their neighbours, bare numbers in tables. */
static void test_reference(void **state)
{
	(void)state;
	put("in/a.md",
		"# Limits\n\nThe ZOR_MAX_ARG parameter limits arguments. The default value of this limit is 100. However, the "
		"insert fails with "
		"a ZOR_FULL error. The query above returns 7 rows. The purpose of a flange is to stop leaks. The sweeper causes "
		"dust to fall. If the tub is "
		"empty, then a plug is used. The project was started on 2000-05-09. A pump is as wide as ISO 754 says. A valve "
		"calls zor_a(), zor_b() and zor_c() in turn.\n\n| Size | 10k | 20k "
		"|\n|---|---|---|\n| 512 | 1.5 "
		"| 1.7 |\n\n| Lever | Use |\n|---|---|\n| Red | See the page. |\n| Blue | Stops the cart. |\n");
	put("in/b.md", "# B\n\nWe made Zorbel. People like Zorbel.\n");
	struct buf b = {0};
	curate(at("out"), 1);
	rows(&b);
	assert_row(&b, "What is the default value of ZOR_MAX_ARG?|The default value of ZOR_MAX_ARG is 100.\n");
	assert_row(&b, "With which error does the insert fail?|The insert fails with a ZOR_FULL error.\n");
	assert_row(&b, "What is the purpose of a flange?|The purpose of a flange is to stop leaks.\n");
	assert_row(&b, "What does the sweeper cause?|");
	assert_row(&b, "What happens if the tub is empty?|If the tub is empty, a plug is used.\n");
	assert_row(&b, "When was the project started?|");
	assert_row(&b, "|The Blue lever stops the cart.\n");
	assert_no_row(&b, "However");
	assert_no_row(&b, "above");
	assert_no_row(&b, "ISO what");
	assert_no_row(&b, "hich function does a valve");
	assert_no_row(&b, "10k");
	assert_no_row(&b, "See the");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_reference, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

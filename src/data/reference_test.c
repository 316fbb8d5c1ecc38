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

/* All facts as "subject|value\n", those that no row asks for with a star in front. */
static void facts(struct buf *out)
{
	struct err e = {0};
	struct jsonl *j;
	json_t *row;
	size_t line;
	int rc;
	buf_clear(out);
	assert_int_equal(jsonl_open(&j, at("out/facts.jsonl"), &e), 0);
	while ((rc = jsonl_next(j, &row, &line, &e)) == 1) {
		assert_int_equal(buf_printf(out, &e, "%s%s|%s\n", json_is_null(json_object_get(row, "item")) ? "*" : "",
					 json_string_value(json_object_get(row, "subject")),
					 json_string_value(json_object_get(row, "value"))),
			0);
		json_decref(row);
	}
	assert_int_equal(rc, 0);
	jsonl_close(j);
}

/* What nobody asks stands in the ledger too, with whom or what it belongs to. */
static void test_ledger(void **state)
{
	(void)state;
	put("in/a.md",
		"# Carts\n\n## Clean a cart\n\nPress **Wash now**. Run `scrub --all` to remove the grease. A cart lasts 9 days. "
		"The `lift` tool moves 4 crates, and a "
		"crane can hold up to 7 hooks. ISO 754 is the oldest norm that we keep. Boots should be thrown away when their "
		"sole is thinner than 3 mm. "
		"A valve works with Zinc, Lead or Tin.\n\n"
		"## Overview\n\nAt most 12 carts at once.\n\n| Lever | Effect |\n|---|---|\n| `up` | raises the cart |\n| `no` | - "
		"|\n");
	put("in/call.txt",
		"Ann: Does a cart sink?\nBo: It does, sorry.\nAnn: And a barrel?\nBo: A barrel lasts 20 years.\nAnn: We have "
		"400 barrels. Is that fine?\nBo: It is.\n");
	put("in/b.md", "# B\n\nWe made Zorbel. People like Zorbel.\n");
	struct buf b = {0};
	curate(at("out"), 1);
	facts(&b);
	assert_row(&b, "*clean a cart|Wash now\n");
	assert_row(&b, "*remove the grease|`scrub --all`\n");
	assert_row(&b, "a cart|9 days\n");
	assert_row(&b, "*what moves 4 crates|`lift`\n");
	assert_row(&b, "a crane|7 hooks\n");
	assert_row(&b, "*the oldest norm that we keep|ISO 754\n");
	assert_row(&b, "boots|3 mm\n");
	assert_row(&b, "*a valve|Zinc, Lead or Tin\n");
	assert_row(&b, "*carts|12 carts\n");
	assert_row(&b, "*lever: raises the cart|`up`\n");
	assert_row(&b, "*a barrel|20 years\n");
	assert_no_row(&b, "400 barrels");
	assert_no_row(&b, "verview|");
	assert_no_row(&b, "|-");
	assert_no_row(&b, "*a cart|9 days");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_reference, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ledger, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The page of a data folder: it tells what is in the folder, and what documents say cannot change the page. */
#include "data/data.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_folder.h"

static void put(const char *name, const char *text)
{
	struct err e = {0};
	assert_int_equal(dir_make(at("in"), &e), 0);
	assert_int_equal(file_replace(at(name), text, strlen(text), &e), 0);
}

static void page(struct buf *out)
{
	const struct data_options o = {.in = at("in"), .out = at("out"), .seed = 1, .n_phrasings = 5};
	struct data_summary s;
	struct err e = {0};
	if (data_curate(&o, &s, &e) || file_read(at("out/report.html"), 1 << 20, out, &e))
		fail_msg("%s", e.text);
}

static void test_what_it_tells(void **state)
{
	(void)state;
	struct buf b = {0};
	put("in/a.md", "# Leases\n\nA lease lasts 3 days.\n\n# Mood\n\nAll is quiet in our harbour, as ever.\n");
	put("in/b.md", "# Berths\n\nA berth is up to 12 metres deep.\n\nThe crane is shut for 5 hours.\n");
	put("in/c.md", "# News\n\nA lease lasts 4 days.\n");
	put("in/d.md", "");
	page(&b);
	assert_non_null(strstr(b.p, "3 documents give 4 facts and "));
	assert_non_null(strstr(b.p, "Contradictions (1)"));
	assert_non_null(
		strstr(b.p, "<h4>not learnt</h4><p class=\"said\">A lease lasts 3 days.</p><p class=\"quiet\">a.md, Leases</p>"));
	assert_non_null(strstr(b.p, "<h4>not learnt</h4><p class=\"said\">A lease lasts 4 days.</p>"));
	assert_non_null(strstr(b.p, "<th scope=\"row\">b.md</th><td class=\"number\">1</td><td class=\"number\">"));
	assert_non_null(strstr(b.p, "left out: empty file"));
	assert_non_null(strstr(
		b.p, "<td>A lease lasts 3 days.</td><td>3 days</td><td class=\"number\"><span class=\"bad\">not</span> 0</td>"));
	assert_non_null(strstr(b.p, "Values in statements (2 in 10 questions)"));
	buf_release(&b);
}

static void test_foreign_text(void **state)
{
	(void)state;
	struct buf b = {0};
	put("in/a.md",
		"# `<script>x</script>`\n\nA lease lasts 3 days, `<script>alert(1)</script>` & so on.\n\n`<img src=x>` lasts 7 "
		"days.\n");
	page(&b);
	assert_null(strstr(b.p, "<script"));
	assert_null(strstr(b.p, "<img"));
	assert_non_null(strstr(b.p, "&lt;script&gt;alert(1)&lt;/script&gt;"));
	assert_non_null(strstr(b.p, "</main></body></html>\n"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_what_it_tells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_text, setup, teardown)};
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}

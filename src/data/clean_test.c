/* What is no text and what is no content. */
#include "data/clean.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/markdown.h"

static const char *refusal(const char *p, size_t n)
{
	struct document d = {.bytes = p, .size = n};
	bool good = clean_is_text(&d);
	assert_int_equal(good, d.skipped == NULL);
	return d.skipped;
}

static void test_text(void **state)
{
	(void)state;
	assert_non_null(refusal("", 0));
	assert_non_null(refusal("a\0b", 3));
	assert_non_null(refusal("latin \xe9t\xe9\n", 10));
	assert_non_null(refusal("surrogate \xed\xa0\x80", 13));
	assert_non_null(refusal("overlong \xc0\xaf", 11));
	assert_non_null(refusal("cut \xc3", 5));
	assert_null(refusal("fine \xc3\xa9 \xf0\x9f\x98\x80\n", 13));
}

/* Five pages: what three of them share goes, what two share stays; tickets are not asked. */
static void test_boilerplate(void **state)
{
	(void)state;
	static const char *const page[] = {"# A\n\nMenu\n\none\n\n## B\n\ntwo\n", "Menu\n\none\n", "Menu\n\nthree\n", "Menu\n",
		"four\n\nLast updated on Monday\n"};
	struct corpus c = {0};
	struct err e = {0};
	arena_init(&c.arena, 1 << 16);
	for (size_t i = 0; i < 5; i++) {
		struct document d = {.path = "p", .bytes = page[i], .size = strlen(page[i])};
		assert_int_equal(markdown_read(&d, &c.arena, &e), 0);
		assert_int_equal(corpus_add(&c, &d, &e), 0);
	}
	struct document ticket = c.d[3];
	ticket.kind = DOCUMENT_TICKET;
	assert_int_equal(corpus_add(&c, &ticket, &e), 0);
	assert_int_equal(clean_boilerplate(&c, &e), 0);
	assert_int_equal(c.d[0].n_blocks, 2);
	assert_string_equal(c.d[0].blocks[0].text, "one");
	const struct section *b = &c.d[0].sections[2];
	assert_string_equal(b->title, "B");
	assert_int_equal(b->n_blocks, 1);
	assert_string_equal(c.d[0].blocks[b->block].text, "two");
	assert_int_equal(c.d[1].n_blocks, 1);
	assert_non_null(c.d[3].skipped);
	assert_int_equal(c.d[4].n_blocks, 1);
	assert_null(c.d[5].skipped);
	corpus_release(&c);
}

static void test_stamps(void **state)
{
	(void)state;
	static const char page[] = "# A\n\n*17 February 2026*\n\nMay 3rd, 2026\n\nLast updated on 3 March 2026\n\nIn May 2026 we "
				   "moved.\n\nMay we?\n\n12 boats\n";
	struct corpus c = {0};
	struct err e = {0};
	arena_init(&c.arena, 1 << 16);
	struct document d = {.path = "p", .bytes = page, .size = strlen(page)};
	assert_int_equal(markdown_read(&d, &c.arena, &e), 0);
	assert_int_equal(corpus_add(&c, &d, &e), 0);
	assert_int_equal(clean_boilerplate(&c, &e), 0);
	assert_int_equal(c.d[0].n_blocks, 3);
	assert_string_equal(c.d[0].blocks[0].text, "In May 2026 we moved.");
	corpus_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text), cmocka_unit_test(test_boilerplate), cmocka_unit_test(test_stamps)};
	return cmocka_run_group_tests_name("clean", tests, NULL, NULL);
}

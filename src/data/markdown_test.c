/* The Markdown reader: structure, plain text, byte spans, odd input. */
#include "data/markdown.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_arena.h"

static struct document read_text(const char *text)
{
	struct document d = {.path = "t.md", .bytes = text, .size = strlen(text)};
	struct err e = {0};
	assert_int_equal(markdown_read(&d, &arena, &e), 0);
	return d;
}

static void assert_span(const struct document *d, struct span s, const char *expected)
{
	assert_int_equal(s.end - s.start, strlen(expected));
	assert_memory_equal(d->bytes + s.start, expected, s.end - s.start);
}

static void test_structure(void **state)
{
	(void)state;
	struct document d = read_text("intro\n\n# A `b`\n\nOne *two*\nthree.\n\n## C\n\n1. first\n2. second\n   - inner\n3. "
				      "third\n\n# D\n\n```\ncode\n```\n");
	assert_null(d.skipped);
	assert_int_equal(d.n_sections, 4);
	assert_string_equal(d.sections[0].title, "");
	assert_string_equal(d.sections[1].title, "A b");
	assert_string_equal(d.sections[2].heading, "A b > C");
	assert_string_equal(d.sections[3].heading, "D");
	assert_span(&d, d.sections[1].span, "# A `b`\n\nOne *two*\nthree.\n\n");
	assert_int_equal(d.n_blocks, 7);
	assert_string_equal(d.blocks[1].text, "One two three.");
	assert_span(&d, d.blocks[1].span, "One *two*\nthree.");
	assert_int_equal(d.sections[2].n_blocks, 4);
	const struct block *b = &d.blocks[d.sections[2].block];
	const size_t ordinal[] = {1, 2, 0, 3};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(b[i].kind, BLOCK_ITEM);
		assert_int_equal(b[i].ordinal, ordinal[i]);
	}
	assert_int_equal(b[0].list, b[3].list);
	assert_int_not_equal(b[0].list, b[2].list);
	assert_int_equal(d.blocks[6].kind, BLOCK_CODE);
}

static void test_breadcrumbs(void **state)
{
	(void)state;
	struct document d = read_text("# A\n## B\n#### C\n## D\n# E\n### F\n");
	const char *const heading[] = {"", "A", "A > B", "A > B > C", "A > D", "E", "E > F"};
	assert_int_equal(d.n_sections, 7);
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(d.sections[i].heading, heading[i]);
}

static void test_inline(void **state)
{
	(void)state;
	struct document d = read_text(
		"# H\n\n**Term**: a [link](http://x) with ![pic](p.png) `co``de`, <b>html</b>\\\nend\n\nnot **bold** first\n");
	assert_string_equal(d.blocks[0].text, "Term: a link with `co''de`, html end");
	assert_int_equal(d.blocks[0].bold, 4);
	assert_int_equal(d.blocks[1].bold, 0);
	d = read_text("``a`b``\n");
	assert_string_equal(d.blocks[0].text, "`a'b`");
}

static void test_table(void **state)
{
	(void)state;
	struct document d = read_text("| A | B |\n|---|---|\n| `x` | 1 |\n| y |\n| z | 3 | 4 |\n");
	assert_int_equal(d.n_blocks, 1);
	const struct block *b = &d.blocks[0];
	assert_int_equal(b->n_rows, 4);
	assert_int_equal(b->n_cols, 2);
	const char *const cells[] = {"A", "B", "`x`", "1", "y", "", "z", "3"};
	for (size_t i = 0; i < 8; i++)
		assert_string_equal(b->cells[i], cells[i]);
}

/* Every kind of line end, a mark at the start, front matter: spans still point into the bytes of the file. */
static void test_spans(void **state)
{
	(void)state;
	struct document d = read_text("---\r\ntitle: x\r\n---\r\n# A\r\n\r\none\r\ntwo\r\n");
	assert_int_equal(d.n_sections, 2);
	assert_string_equal(d.sections[1].title, "A");
	assert_string_equal(d.blocks[0].text, "one two");
	assert_span(&d, d.blocks[0].span, "one\r\ntwo");
	d = read_text("# A\r\rone\rtwo\r");
	assert_span(&d, d.blocks[0].span, "one\rtwo");
	d = read_text("---\nnot closed\n");
	assert_string_equal(d.blocks[0].text, "not closed");
}

static void test_odd(void **state)
{
	(void)state;
	assert_non_null(read_text("").skipped);
	assert_non_null(read_text(" \n\n").skipped);
	assert_non_null(read_text("# only a heading\n").skipped);
	assert_non_null(read_text("<div>\nonly HTML\n</div>\n").skipped);

	/* Deep and long. */
	static char deep[1 << 16];
	memset(deep, '>', sizeof deep - 3);
	memcpy(deep + sizeof deep - 3, "x\n", 3);
	read_text(deep);
	static char line[5 << 20];
	memset(line, 'a', sizeof line - 1);
	for (size_t i = 0; i < sizeof line - 1; i += 7)
		line[i] = ' ';
	struct document d = read_text(line);
	assert_int_equal(d.n_blocks, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_structure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_breadcrumbs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spans, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd, setup, teardown),
	};
	return cmocka_run_group_tests_name("markdown", tests, NULL, NULL);
}

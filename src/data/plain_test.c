/* Text files: headings, lists, code, what stays a paragraph; transcripts. */
#include "data/plain.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_arena.h"

static struct document read_text(const char *text)
{
	struct document d = {.path = "talks/first call.txt", .bytes = text, .size = strlen(text)};
	struct err e = {0};
	assert_int_equal(plain_read(&d, &arena, &e), 0);
	return d;
}

static void test_page(void **state)
{
	(void)state;
	struct document d = read_text(
		"\xef\xbb\xbfThe Guide\r\n=========\r\n\r\nOne two\r\nthree.\r\n\r\nFirst steps\r\n\r\nIt is easy.\r\n- a\r\n  "
		"b\r\n"
		"- c\r\n\r\n1. x\r\n2. y\r\n\r\nLIMITS:\r\n\r\n    code = 1\r\n    more\r\n\r\nNo heading.\r\n\r\nLast line");
	assert_int_equal(d.kind, DOCUMENT_PAGE);
	assert_int_equal(d.n_sections, 4);
	assert_string_equal(d.sections[1].title, "The Guide");
	assert_string_equal(d.sections[2].heading, "The Guide > First steps");
	assert_string_equal(d.sections[3].title, "LIMITS:");
	assert_string_equal(d.blocks[0].text, "One two three.");
	assert_memory_equal(d.bytes + d.blocks[0].span.start, "One two\r\nthree.", d.blocks[0].span.end - d.blocks[0].span.start);
	assert_string_equal(d.blocks[1].text, "It is easy.");
	assert_string_equal(d.blocks[2].text, "a b");
	assert_int_equal(d.blocks[2].list, d.blocks[3].list);
	assert_int_not_equal(d.blocks[3].list, d.blocks[4].list);
	assert_int_equal(d.blocks[5].ordinal, 2);
	assert_int_equal(d.blocks[6].kind, BLOCK_CODE);
	assert_string_equal(d.blocks[7].text, "No heading.");
	assert_string_equal(d.blocks[8].text, "Last line");
	assert_int_equal(d.n_blocks, 9);
	assert_non_null(read_text(" \n\n---\n").skipped);
}

static void test_call(void **state)
{
	(void)state;
	struct document d = read_text(
		"Call with Dunmere, 2 May\n\n[00:01] Ida Berg: Hello there, can you\nhear me?\n\n[00:02] Tom: Yes.\nIda Berg: "
		"Good.\nTom: So?\nIda Berg: It keeps: all.\nTom: Fine.\n\n");
	assert_int_equal(d.kind, DOCUMENT_CALL);
	assert_int_equal(d.n_sections, 1);
	assert_string_equal(d.sections[0].title, "Call with Dunmere, 2 May");
	assert_int_equal(d.n_blocks, 6);
	assert_int_equal(d.blocks[0].kind, BLOCK_TURN);
	assert_string_equal(d.blocks[0].speaker, "Ida Berg");
	assert_string_equal(d.blocks[0].text, "Hello there, can you hear me?");
	assert_string_equal(d.blocks[1].speaker, "Tom");
	assert_string_equal(d.blocks[4].text, "It keeps: all.");
	d = read_text("A: one\nB: two\nA: three\nB: four\nA: five\nB: six\n");
	assert_string_equal(d.sections[0].title, "first call");
	d = read_text("A: one\nB: two\nA: three\nB: four\nA: five\n"); /* too few */
	assert_int_equal(d.kind, DOCUMENT_PAGE);
	d = read_text("Size: 1\nColor: 2\nWeight: 3\nPrice: 4\nName: 5\nPlace: 6\nName: 7\n"); /* nobody speaks twice */
	assert_int_equal(d.kind, DOCUMENT_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
	};
	return cmocka_run_group_tests_name("plain", tests, NULL, NULL);
}

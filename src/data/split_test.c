/* Held-out documents: how many, which, how stably; and that their text shares nothing with what is trained on. */
#include "data/split.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/markdown.h"

enum { DOCUMENTS = 400 };

static struct arena arena;
static struct section section[DOCUMENTS];
static struct document doc[DOCUMENTS];

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 16);
	memset(doc, 0, sizeof doc);
	memset(section, 0, sizeof section);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

/* Documents first..first + n - 1 of a kind, named by number. */
static void fill(size_t first, size_t n, enum document_kind kind)
{
	for (size_t i = first; i < first + n; i++) {
		char *path = arena_alloc(&arena, 16, 1, NULL);
		snprintf(path, 16, "p%zu.md", i);
		section[i].title = "A page";
		doc[i] = (struct document){.kind = kind, .path = path, .sections = &section[i], .n_sections = 1};
	}
}

static size_t n_unseen(size_t first, size_t n)
{
	size_t held = 0;
	for (size_t i = first; i < first + n; i++)
		held += doc[i].unseen;
	return held;
}

static void test_counts(void **state)
{
	(void)state;
	for (size_t pages = 0; pages <= 100; pages++) {
		fill(0, pages, DOCUMENT_PAGE);
		fill(pages, 40, DOCUMENT_TICKET);
		fill(pages + 40, 20, DOCUMENT_CALL);
		doc[pages + 40].unseen = true; /* whatever was there */
		split_documents(doc, pages + 60, pages);
		bool enough = pages >= 16;
		assert_int_equal(n_unseen(0, pages), pages / 16);
		assert_int_equal(n_unseen(pages, 40), enough ? 2 : 0);
		assert_int_equal(n_unseen(pages + 40, 20), enough ? 1 : 0);
	}
	fill(0, 17, DOCUMENT_PAGE);
	doc[3].skipped = doc[4].skipped = "not text";
	split_documents(doc, 17, 1);
	assert_int_equal(n_unseen(0, 17), 0);
}

static void test_parts_of_one_file(void **state)
{
	(void)state;
	static const char *const part[] = {
		"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"};
	fill(0, 16, DOCUMENT_PAGE);
	fill(16, 17, DOCUMENT_TICKET);
	for (size_t i = 0; i < 17; i++) {
		doc[16 + i].path = "tickets.csv";
		doc[16 + i].part = part[i];
	}
	split_documents(doc, 33, 5);
	assert_int_equal(n_unseen(16, 17), 1);
}

static void test_guides_and_skipped_stay(void **state)
{
	(void)state;
	size_t held[DOCUMENTS] = {0};
	for (uint64_t seed = 0; seed < 300; seed++) {
		fill(0, 34, DOCUMENT_PAGE);
		section[0].title = "Style guide";
		section[1].title = "Glossary";
		doc[2].skipped = "not text";
		split_documents(doc, 34, seed);
		assert_int_equal(n_unseen(0, 34), 2);
		for (size_t i = 0; i < 34; i++)
			held[i] += doc[i].unseen;
	}
	assert_int_equal(held[0] + held[1] + held[2], 0);
	for (size_t i = 3; i < 34; i++) /* every other one, about 300 * 2 / 31 = 19 times */
		assert_in_range(held[i], 4, 45);
}

static void test_one_more_moves_one(void **state)
{
	(void)state;
	bool before[DOCUMENTS];
	fill(0, DOCUMENTS, DOCUMENT_PAGE);
	for (size_t n = 100; n < 200; n++) {
		split_documents(doc, n, 7);
		for (size_t i = 0; i < n; i++)
			before[i] = doc[i].unseen;
		split_documents(doc, n + 1, 7);
		size_t moved = 0;
		for (size_t i = 0; i < n; i++)
			moved += doc[i].unseen != before[i];
		assert_true(moved <= 1);
	}
}

/* ---- texts ------------------------------------------------------------------------------------------------------------- */

/* Pages as unseen, pages as trained on; the texts between bars. */
static void assert_texts(const char *const unseen[], const char *const trained[], const char *expected)
{
	size_t n = 0, n_texts;
	struct unseen_text *t;
	struct buf got = {0};
	struct err e = {0};
	for (size_t i = 0; unseen[i]; i++)
		doc[n++] = (struct document){.path = "new.md", .unseen = true, .bytes = unseen[i]};
	for (size_t i = 0; trained[i]; i++)
		doc[n++] = (struct document){.path = "old.md", .bytes = trained[i]};
	for (size_t i = 0; i < n; i++) {
		doc[i].size = strlen(doc[i].bytes);
		assert_int_equal(markdown_read(&doc[i], &arena, &e), 0);
	}
	if (unseen_texts(&t, &n_texts, doc, n, &arena, &e))
		fail_msg("%s", e.text);
	for (size_t i = 0; i < n_texts; i++) {
		assert_string_equal(t[i].path, "new.md");
		assert_int_equal(buf_printf(&got, NULL, "%s|", t[i].text), 0);
	}
	assert_string_equal(got.len ? got.p : "", expected);
	buf_release(&got);
}
#define LIST(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_texts(void **state)
{
	(void)state;
	assert_texts(LIST("# One\n\nA **bold** word.\nTwo more.\n\n- item\n\n```\ncode\n```\n\n|a|b|\n|-|-|\n|c|d|\n\n## "
			  "Two\n\nText.\n\n## Empty\n"),
		LIST(), "One\nA bold word. Two more.\nitem\n|Two\nText.\n|");
	assert_texts(LIST(), LIST("# One\n\ntext\n"), "");
}

static void test_trained_sentences_go(void **state)
{
	(void)state;
	assert_texts(LIST("# Limits\n\nNew one. Old one!\n\nold ONE\n\n(Cell)\n\n- item\n\n...\n"),
		LIST("# A\n\nWords, words. Old one.\n\n|x|cell|\n|-|-|\n|1|2|\n\n- Item\n\n## Limits\n"), "New one.\n|");
	assert_texts(LIST("# Own title\n\nOld one.\n"), LIST("# A\n\nOld one.\n"), "");
}

/* Sections of n words "w1 w2 ...", of which the first `own` are replaced: 10 words make 6 sequences of five. */
static const char *words(size_t n, size_t own)
{
	char *text = arena_alloc(&arena, 8 * n + 16, 1, NULL);
	size_t at = (size_t)sprintf(text, "# T%zu\n\n", own);
	for (size_t i = 0; i < n; i++)
		at += (size_t)sprintf(text + at, "%s%zu ", i < own ? "own" : "w", i);
	return text;
}

static void test_near_duplicates_go(void **state)
{
	(void)state;
	/* 24 words, 20 sequences; the first k words of another make 20 - k shared ones: Jaccard (20 - k) / (20 + k), 0.5 at 6.67 */
	assert_texts(LIST(words(24, 6)), LIST(words(24, 0)), "");
	assert_texts(LIST(words(24, 7)), LIST("# Other\n\none two three four five six\n", words(24, 0)),
		"T7\nown0 own1 own2 own3 own4 own5 own6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16 w17 w18 w19 w20 w21 w22 w23\n|");
	/* sets, not counts: "a a a a a" is one of 11 sequences of either */
	assert_texts(LIST("# T\n\na a a a a a a b c d e f g h i j k\n"), LIST("# U\n\na a a a a a a l m n o p q r s t u\n"),
		"T\na a a a a a a b c d e f g h i j k\n|");
}

static void test_every_allocation_fails(void **state)
{
	(void)state;
	static const char *const text[] = {"# T\n\nold. new one of five words.\n", "# U\n\nold. six more words of other kind.\n"};
	for (size_t i = 0; i < 2; i++) {
		doc[i] = (struct document){.path = "a.md", .bytes = text[i], .size = strlen(text[i]), .unseen = !i};
		assert_int_equal(markdown_read(&doc[i], &arena, NULL), 0);
	}
	for (uint64_t nth = 1;; nth++) {
		struct unseen_text *t;
		struct arena own;
		size_t n;
		arena_init(&own, 64);
		fault_set(FAULT_MEM, nth, false);
		int rc = unseen_texts(&t, &n, doc, 2, &own, NULL);
		bool reached = fault_count(FAULT_MEM) >= nth;
		fault_set(FAULT_MEM, 0, false);
		assert_int_equal(rc, reached ? ERR_RESOURCE : 0);
		assert_int_equal(n, reached ? 0 : 1);
		arena_release(&own);
		if (!reached)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts_of_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guides_and_skipped_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_more_moves_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trained_sentences_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_near_duplicates_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_allocation_fails, setup, teardown),
	};
	return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}

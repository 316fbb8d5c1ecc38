/* Pairs from tickets and calls, and what is too short, too long or no question. */
#include "data/dialogue.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/names.h"

/* "question|answer" of the one item that two turns give, or NULL. */
static const char *pair(enum document_kind kind, const char *first, const char *second)
{
	static char text[4096];
	struct block turns[] = {{.kind = BLOCK_TURN, .text = first, .speaker = "customer", .span = {0, 1}},
		{.kind = BLOCK_TURN, .text = second, .speaker = "support", .span = {1, 2}}};
	struct section s = {.title = "", .heading = "", .n_blocks = 2};
	struct document d = {.kind = kind, .path = "p", .sections = &s, .n_sections = 1, .blocks = turns, .n_blocks = 2};
	struct data_options o = {.n_phrasings = 8};
	struct items items = {0};
	struct arena arena;
	struct err e = {0};
	arena_init(&arena, 1 << 16);
	struct names *names;
	assert_int_equal(names_new(&names, &d, 1, &e), 0);
	struct maker m = {
		.options = &o, .arena = &arena, .kept = &arena, .names = names, .items = &items, .document = &d, .section = &s};
	assert_int_equal(pairs_from_turns(&m, &e), 0);
	assert_true(items.n <= 1);
	const char *found = items.n ? text : NULL;
	if (items.n) {
		assert_int_equal(items.p[0].kind, ITEM_REPLY);
		assert_true(items.p[0].n_questions >= 1); /* each in other words: vary.h */
		assert_int_equal(items.p[0].span.end, 2);
		snprintf(text, sizeof text, "%s|%s", items.p[0].cores[0], items.p[0].answer);
	}
	names_free(names);
	mem_free(items.p);
	arena_release(&arena);
	return found;
}

static void test_ticket(void **state)
{
	(void)state;
	assert_string_equal(pair(DOCUMENT_TICKET, "Our key fails. Is that normal?", "Yes, that is normal."),
		"Our key fails. Is that normal?|Yes, that is normal.");
	assert_null(pair(DOCUMENT_TICKET, "Is that normal at all?", "Yes, that is normal."));
	assert_null(pair(DOCUMENT_TICKET, "Our key fails. Is that normal?", "Yes."));
	char long_text[1000] = "We have a story. ";
	for (int i = 0; i < 90; i++)
		strcat(long_text, "word ");
	assert_null(pair(DOCUMENT_TICKET, long_text, "Yes, that is normal."));
	strcat(long_text, "end. How long does the export stay?");
	assert_string_equal(
		pair(DOCUMENT_TICKET, long_text, "It stays 3 days."), "How long does the export stay?|It stays 3 days.");
	assert_null(pair(DOCUMENT_TICKET, "Our key fails. Is that normal?", long_text));
}

static void test_call(void **state)
{
	(void)state;
	assert_string_equal(pair(DOCUMENT_CALL, "Fine. We are on Grove. What is missing?",
				    "Sure. Well, the archive looks back for 90 days only."),
		"We are on Grove. What is missing?|The archive looks back for 90 days only.");
	assert_null(pair(DOCUMENT_CALL, "We wonder what is missing here.", "The archive looks back for 90 days only."));
	assert_null(pair(DOCUMENT_CALL, "And is it free?", "The archive looks back for 90 days only."));
	assert_null(pair(DOCUMENT_CALL, "How far does it look back?", "It looks back 90 days."));
	assert_null(pair(DOCUMENT_CALL, "How far does it look back?", "How far do you think that it looks back?"));
}

/* Who asks more is the customer; what the customer answers is not asked. */
static void test_who_knows(void **state)
{
	(void)state;
	static const char *const said[] = {"How far does it look back?", "The archive looks back for 90 days only, sorry.",
		"And what does one more seat cost?", "One more seat costs 11 EUR in a month. How many people are you now?",
		"We are nine people and four more join us soon."};
	struct block turns[5];
	for (size_t i = 0; i < 5; i++)
		turns[i] = (struct block){.kind = BLOCK_TURN, .text = said[i], .speaker = i % 2 ? "Ida" : "Tom"};
	struct section s = {.title = "", .heading = "", .n_blocks = 5};
	struct document d = {.kind = DOCUMENT_CALL, .path = "p", .sections = &s, .n_sections = 1, .blocks = turns, .n_blocks = 5};
	struct data_options o = {.n_phrasings = 8};
	struct items items = {0};
	struct arena arena;
	struct err e = {0};
	arena_init(&arena, 1 << 16);
	struct names *names;
	assert_int_equal(names_new(&names, &d, 1, &e), 0);
	struct maker m = {
		.options = &o, .arena = &arena, .kept = &arena, .names = names, .items = &items, .document = &d, .section = &s};
	assert_int_equal(pairs_from_turns(&m, &e), 0);
	assert_int_equal(items.n, 1);
	assert_string_equal(items.p[0].answer, said[1]);
	names_free(names);
	mem_free(items.p);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticket), cmocka_unit_test(test_call), cmocka_unit_test(test_who_knows)};
	return cmocka_run_group_tests_name("dialogue", tests, NULL, NULL);
}

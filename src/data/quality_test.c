/* Each rule on a text made for it, and documentation that none of them is about. */
#include "data/quality.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/markdown.h"

static unsigned flags_of(const char *text, double *specificity)
{
	struct arena arena;
	struct document d = {.path = "t.md", .bytes = text, .size = strlen(text)};
	struct quality q = {0};
	struct err e = {0};
	arena_init(&arena, 4096);
	assert_int_equal(markdown_read(&d, &arena, &e), 0);
	for (size_t i = 0; i < d.n_sections; i++)
		if (d.sections[i].n_blocks)
			assert_int_equal(quality_of(&q, &d, &d.sections[i], &e), 0);
	if (specificity)
		*specificity = q.specificity;
	arena_release(&arena);
	return q.flags;
}

#define TEN " one of the other words that we have with it"
#define PLAIN                                                                                                                     \
	"The bridge keeps events for 16 days and sends them to every endpoint that has a rule with a filter. Whoever needs more " \
	"may ask support to change the limit of the plan."

static void test_rules(void **state)
{
	(void)state;
	double specific, vague;
	assert_int_equal(flags_of(PLAIN, &specific), 0);
	assert_int_equal(
		flags_of("It is good and it helps people to do the things that they have in mind with ease, as it should be "
			 "for all of us here.\n",
			&vague),
		0);
	assert_true(specific > vague && vague == 0);
	assert_int_equal(flags_of("too few words", NULL), 0);
	static const struct {
		const char *text;
		enum quality_flag flag;
	} wrong[] = {
		{"a b of d e to g h i j k l m n o p q r s t u v w x y z.", QUALITY_WORD_LENGTH},
		{"The # one # of # the # words # with # signs # and # more # that # we # have # in # it.", QUALITY_SYMBOLS},
		{"- The first thing that we have with you.\n- And then another thing of the many.\n- Be ready to go and see it "
		 "now.\n",
			QUALITY_BULLETS},
		{"The first thing that we have with you...\n\nAnd then another thing of the many...\n\nBe ready to go and see it "
		 "now.",
			QUALITY_ELLIPSES},
		{"The 1 2 3 4 5 6 7 8 9 10 11 12 of numbers with words that we have seen and counted to an end.", QUALITY_LETTERS},
		{"Fast cheap good tools help busy teams ship great products quickly across many different large markets everywhere "
		 "today "
		 "without any trouble.",
			QUALITY_FUNCTION_WORDS},
		{"See the page with the terms of use.\n\nSee the page with the terms of use.\n\nThe rest of it is new and has "
		 "other words.",
			QUALITY_SAME_LINES},
		{"We like the plan and the plan and the plan and the plan and the plan and the plan and the plan to be with us.",
			QUALITY_REPEATED},
		{"Home\n\nNews\n\nAbout us\n\nThe only line that has more words than two, and it ends with a stop, so that we have "
		 "to see the "
		 "others.",
			QUALITY_SHORT_LINES},
		{"The words have no stop and go on with other words that nobody has ended as they should be, to the end of it",
			QUALITY_NO_STOPS},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (!(flags_of(wrong[i].text, NULL) & 1u << wrong[i].flag))
			fail_msg("%s is not seen in: %s", quality_flag_name(wrong[i].flag), wrong[i].text);
	char word[2048] = PLAIN " ";
	memset(word + strlen(word), 'x', 1001);
	assert_true(flags_of(word, NULL) & 1u << QUALITY_LONG_WORD);
}

static void test_memory(void **state)
{
	(void)state;
	struct arena arena;
	struct document d = {.path = "t.md", .bytes = PLAIN, .size = strlen(PLAIN)};
	struct err e = {0};
	struct quality q;
	bool reached = true;
	arena_init(&arena, 4096);
	assert_int_equal(markdown_read(&d, &arena, &e), 0);
	for (uint64_t n = 1; reached; n++) {
		fault_set(FAULT_MEM, n, false);
		int rc = quality_of(&q, &d, &d.sections[0], &e);
		reached = fault_count(FAULT_MEM) >= n;
		fault_set(FAULT_MEM, 0, false);
		assert_int_equal(rc, reached ? ERR_RESOURCE : 0);
	}
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_memory)};
	return cmocka_run_group_tests_name("quality", tests, NULL, NULL);
}

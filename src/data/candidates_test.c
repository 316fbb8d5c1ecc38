/* Terms by use: what is proposed, what is not. */
#include "data/candidates.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/markdown.h"
#include "data/test_arena.h"

enum { PAGES = 3 };

static int find(struct terms *t, const char *const text[PAGES], struct err *e)
{
	struct document d[PAGES];
	for (size_t i = 0; i < PAGES; i++) {
		d[i] = (struct document){.path = "t.md", .bytes = text[i], .size = strlen(text[i])};
		int rc = markdown_read(&d[i], &arena, e);
		if (rc)
			return rc;
	}
	*t = (struct terms){0};
	arena_init(&t->arena, 4096);
	return candidates_find(t, d, PAGES, e);
}

static bool has(const struct terms *t, const char *form)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->p[i].preferred, form) && t->p[i].status == TERM_FOUND)
			return true;
	return false;
}

static const char *const pages[PAGES] = {"# Holding bay\n\nEvents wait in the holding bay. When a holding bay is full, Tolvery "
					 "sends a webhook. Press **Release now** to go on. "
					 "The webhook is signed. Open the Canopy plan. A webhook may fail on Monday, and the first "
					 "day is free. Use `Secret Thing` now.\n",
	"# Webhooks\n\nA webhook goes to the holding bay when the plan is Canopy. With Tolvery and the SSO of a company, press "
	"**Release now** on "
	"Monday. The first day is free. See the SSO.\n",
	"# Use\n\nThe holding bay of Tolvery keeps a webhook for the SSO. The first day is free. On Monday we use Canopy.\n"};

static void test_what_is_used_like_a_term(void **state)
{
	(void)state;
	struct terms t;
	struct err e = {0};
	assert_int_equal(find(&t, pages, &e), 0);
	static const char *const yes[] = {"holding bay", "webhook", "Tolvery", "Canopy", "SSO", "Release now"};
	static const char *const no[] = {
		"first day", "day", "Monday", "bay", "holding", "Secret Thing", "Secret", "free", "use", "plan"};
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!has(&t, yes[i]))
			fail_msg("%s is not found", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (has(&t, no[i]))
			fail_msg("%s is found", no[i]);
	terms_release(&t);
}

/* What a guide says stays as it is, and is not proposed again. */
static void test_what_is_there_stays(void **state)
{
	(void)state;
	struct document d[PAGES];
	struct terms t = {0};
	struct err e = {0};
	const char *forbidden[] = {"Webhooks"};
	struct term given = {.preferred = "Holding Bay", .forbidden = forbidden, .n_forbidden = 1, .definition = "ours"};
	for (size_t i = 0; i < PAGES; i++) {
		d[i] = (struct document){.path = "t.md", .bytes = pages[i], .size = strlen(pages[i])};
		assert_int_equal(markdown_read(&d[i], &arena, &e), 0);
	}
	arena_init(&t.arena, 4096);
	t.p = &given;
	t.n = 1;
	assert_int_equal(candidates_find(&t, d, PAGES, &e), 0);
	assert_false(has(&t, "holding bay"));
	assert_false(has(&t, "webhook"));
	assert_true(has(&t, "Tolvery"));
	for (size_t i = 0; i < t.n; i++)
		if (!strcmp(t.p[i].preferred, "Holding Bay"))
			assert_true(t.p[i].status == TERM_ACCEPTED && t.p[i].forbidden == forbidden);
	terms_release(&t);
}

static void test_memory(void **state)
{
	(void)state;
	bool reached = true;
	for (uint64_t n = 1; reached; n++) {
		struct terms t = {0};
		struct err e = {0};
		fault_set(FAULT_MEM, n, false);
		int rc = find(&t, pages, &e);
		reached = fault_count(FAULT_MEM) >= n;
		fault_set(FAULT_MEM, 0, false);
		assert_int_equal(rc, reached ? ERR_RESOURCE : 0);
		terms_release(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_what_is_used_like_a_term, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_there_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown)};
	return cmocka_run_group_tests_name("candidates", tests, NULL, NULL);
}

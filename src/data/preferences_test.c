/* The same answer in unwanted words: which forms, which articles, and when there is none. */
#include "data/preferences.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static struct err err;
static const char *const asked[] = {"reserved?", NULL, "asked?"};
static const char *archive[] = {"archive", "store"}, *agent[] = {"agent"}, *box[] = {"box"};
static struct term term[] = {
	{"vault", archive, 2, "", TERM_ACCEPTED},
	{"Bridge", agent, 1, "", TERM_ACCEPTED},
	{"", agent, 1, "", TERM_REJECTED},
	{"case", box, 1, "", TERM_ACCEPTED},
	{"seat", agent, 1, "", TERM_FOUND},
	{"plain", NULL, 0, "", TERM_ACCEPTED},
};
static const struct terms terms = {term, sizeof term / sizeof *term, {0}};
static struct section section = {.title = "A", .heading = "A"};
static struct document page = {.path = "a.md", .sections = &section, .n_sections = 1};

static struct item item_of(const char *answer)
{
	return (struct item){.answer = answer,
		.questions = (const char **)asked,
		.n_questions = 3,
		.reserved = 0,
		.document = &page,
		.section = &section};
}

static void expect(const char *answer, const char *rejected)
{
	struct item it = item_of(answer);
	struct items items = {&it, 1, 1};
	struct preferences p;
	struct buf b = {0};
	assert_int_equal(preferences_make(&p, &items, &terms, &err), 0);
	for (size_t i = 0; i < p.n; i++) {
		assert_string_equal(p.p[i].question, "asked?");
		assert_ptr_equal(p.p[i].item, &it);
		assert_int_equal(buf_printf(&b, &err, "%s%s", i ? "|" : "", p.p[i].rejected), 0);
	}
	assert_string_equal(b.len ? b.p : "", rejected);
	buf_release(&b);
	preferences_release(&p);
}

static void test_forms(void **state)
{
	(void)state;
	expect("A vault keeps it. Vaults are in the vault.", "An archive keeps it. Archives are in the archive.");
	expect("The Bridge runs. Is there a Bridge?", "The agent runs. Is there an agent?");
	expect("The Bridge fills a vault.", "The agent fills a vault.|The Bridge fills an archive.");
	expect("Call `vault` by its name.", "");
	expect("A case is one, cases are many.", "");
	expect("A case is one.", "A box is one.");
	expect("The vault is no archive.", "");
	expect("The Bridge is kept, the vault is no archive.", "");
	expect("The seat is plain.", "");
	expect("vaulted default vault-keeper", "vaulted default archive-keeper");
}

static void test_left_out(void **state)
{
	(void)state;
	static const char *none[] = {NULL, "reserved?"};
	struct item item[4] = {item_of("A vault."), item_of("A vault."), item_of("A vault."), item_of("A vault.")};
	struct items items = {item, 4, 4};
	struct preferences p;
	item[0].document = NULL;
	item[1].questions = none;
	item[1].n_questions = 2;
	item[1].reserved = 1;
	item[2].kind = ITEM_GROUNDED;
	section.title = "Style guide";
	assert_int_equal(preferences_make(&p, &items, &terms, &err), 0);
	assert_int_equal(p.n, 0);
	preferences_release(&p);
	section.title = "A";
	assert_int_equal(preferences_make(&p, &items, &terms, &err), 0);
	assert_int_equal(p.n, 1);
	assert_ptr_equal(p.p[0].item, &item[3]);
	preferences_release(&p);
}

/* Forbidden forms take turns, and no term gives more than its share. */
static void test_turns(void **state)
{
	(void)state;
	enum { ITEMS = 50 };
	struct item item[ITEMS];
	struct items items = {item, ITEMS, ITEMS};
	struct preferences p;
	for (size_t i = 0; i < ITEMS; i++)
		item[i] = item_of("In the vault.");
	assert_int_equal(preferences_make(&p, &items, &terms, &err), 0);
	assert_int_equal(p.n, 40);
	for (size_t i = 0; i < p.n; i++)
		assert_string_equal(p.p[i].rejected, i % 2 ? "In the store." : "In the archive.");
	preferences_release(&p);
}

static void test_every_allocation_fails(void **state)
{
	(void)state;
	struct item it = item_of("A vault and the Bridge.");
	struct items items = {&it, 1, 1};
	struct preferences p;
	for (uint64_t nth = 1;; nth++) {
		fault_set(FAULT_MEM, nth, false);
		int rc = preferences_make(&p, &items, &terms, &err);
		bool reached = fault_count(FAULT_MEM) >= nth;
		fault_set(FAULT_MEM, 0, false);
		if (!reached)
			break;
		assert_int_equal(rc, ERR_RESOURCE);
	}
	assert_int_equal(p.n, 2);
	preferences_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_turns), cmocka_unit_test(test_every_allocation_fails)};
	return cmocka_run_group_tests_name("preferences", tests, NULL, NULL);
}

/* Terms: where they are found, what is believed, what the pages overrule. */
#include "data/terms.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/markdown.h"
#include "data/test_arena.h"

enum { PAGES = 4 };

static size_t read_pages(struct document d[PAGES], const char *const text[])
{
	size_t n = 0;
	struct err e = {0};
	for (; n < PAGES && text[n]; n++) {
		d[n] = (struct document){.path = "t.md", .bytes = text[n], .size = strlen(text[n])};
		if (markdown_read(&d[n], &arena, &e))
			fail_msg("%s", e.text);
	}
	return n;
}

static int find(struct terms *t, const char *const text[], struct err *e)
{
	struct document d[PAGES];
	struct names *names;
	size_t n = read_pages(d, text);
	*t = (struct terms){0};
	int rc = names_new(&names, d, n, e);
	if (rc)
		return rc;
	rc = terms_find(t, d, n, names, e);
	names_free(names);
	return rc;
}

/* The terms as lines "preferred | forbidden, forbidden | definition". */
static void assert_terms(const char *const text[], const char *expected)
{
	struct buf got = {0};
	struct terms t;
	struct err e = {0};
	if (find(&t, text, &e))
		fail_msg("%s", e.text);
	for (size_t i = 0; i < t.n; i++) {
		assert_int_equal(buf_printf(&got, NULL, "%s |", t.p[i].preferred), 0);
		for (size_t k = 0; k < t.p[i].n_forbidden; k++)
			assert_int_equal(buf_printf(&got, NULL, "%s %s", k ? "," : "", t.p[i].forbidden[k]), 0);
		assert_int_equal(buf_printf(&got, NULL, " | %s\n", t.p[i].definition), 0);
	}
	assert_string_equal(got.len ? got.p : "", expected);
	buf_release(&got);
	terms_release(&t);
}
#define ASSERT_TERMS(expected, ...) assert_terms((const char *const[]){__VA_ARGS__, NULL}, expected)

static void test_tables(void **state)
{
	(void)state;
	ASSERT_TERMS("stream | topic, channel, queue | \nvault | log store | \n",
		"# Style\n\n| Write | Do not write | Why |\n|---|---|---|\n| vault | log store | x |\n| stream | topic, channel, "
		"queue | y |\n");
	ASSERT_TERMS("seat | licence | \n", "| Avoid | Use |\n|---|---|\n| licence | seat |\n");
	ASSERT_TERMS("seat | licence | \n", "| \xe2\x9c\x85 Do | \xe2\x9d\x8c Don\xe2\x80\x99t |\n|---|---|\n| seat | licence |\n");
	ASSERT_TERMS("seat | licence | \n", "| Thing | Say | Not |\n|---|---|---|\n| x | seat | licence |\n");
	ASSERT_TERMS("", "| Write | Read |\n|---|---|\n| seat | licence |\n");
	ASSERT_TERMS("", "| Limit | Avoid |\n|---|---|\n| seat | licence |\n");
}

static void test_forms(void **state)
{
	(void)state;
	ASSERT_TERMS("sign in | log in, log-on, sign on, login | \n",
		"| Use | Instead of |\n|---|---|\n"
		"| \"sign in\" (verb), enter | 'log in'; \xe2\x80\x9clog-on\xe2\x80\x9d / the sign on or `login`, LOG IN. |\n");
	ASSERT_TERMS("holding bay | DLQ, push | \n",
		"| Use | Avoid |\n|---|---|\n| [the holding bay] | DLQ (dead, letter), push, 42, \xe2\x80\x94 |\n");
	/* sentences are advice, not terms */
	ASSERT_TERMS("",
		"| Do | Don't |\n|---|---|\n| Put the most important thing first. | Start with praise |\n| seat | - |\n| seat | "
		"none |\n");
	ASSERT_TERMS("", "| Do | Don't |\n|---|---|\n| seat | start every page with praise of it |\n");
}

static void test_glossary(void **state)
{
	(void)state;
	ASSERT_TERMS("delivery attempt | | a single request.\nspool | | the place on the disk.\n",
		"# Glossary\n\n**Delivery Attempt**: a single request.\n\n- **Spool** \xe2\x80\x93 the place on the "
		"disk.\n\n**Note** without a mark.\n\nplain: text\n",
		"An attempt is an attempt.\n");
	ASSERT_TERMS("vault | | the store.\n",
		"# Manual\n\n## Terminology\n\n**Vault:** the store.\n\n## Other\n\n**Seat:** a right.\n");
	ASSERT_TERMS("", "# Terms of service\n\n**Payment**: within a month.\n");
	ASSERT_TERMS("", "# Style guide\n\n**Tone**: calm.\n");
}

static void test_merging(void **state)
{
	(void)state;
	/* one term by case and article; "queue" is somebody's preferred form; names keep their capital */
	ASSERT_TERMS("Bridge | agent, tunnel | a program.\nqueue | list | \n",
		"# Glossary\n\n**Bridge**: a program.\n\n**Bridge**: another one.\n",
		"| Use | Avoid |\n|---|---|\n| the bridge | agent, Queue |\n| BRIDGE | tunnel, Agent |\n| queue | list |\n",
		"# Start\n\nInstall the Bridge first. Then start the Bridge and the queue.\n");
}

static void test_pages_overrule(void **state)
{
	(void)state;
	static const char guide[] =
		"# Style guide\n\n| Use | Avoid |\n|---|---|\n| delivery attempt | push, hand-over |\n\nA push is a push, push.\n";
	static const char table[] = "| Use | Avoid |\n|---|---|\n| x y | z |\n\npush push push push\n";
	ASSERT_TERMS("delivery attempt | push, hand-over | \n", guide);
	ASSERT_TERMS("delivery attempt | hand-over | \n", guide, "# A\n\nThe push.\n");
	ASSERT_TERMS("delivery attempt | push, hand-over | \n", guide, "# A\n\nOne push. Delivery attempts.\n");
	ASSERT_TERMS("delivery attempt | hand-over | \n", guide,
		"# A\n\n|k|v|\n|-|-|\n|Push|pushes\xe2\x80\x94push|\n\nA delivery attempt, delivery attempts.\n");
	/* parts of other words */
	ASSERT_TERMS("delivery attempt | push, hand-over | \n", guide, "# A\n\npushed pusher push-pull unpush push_1 pushess\n");
	/* what a guide says is no use */
	ASSERT_TERMS("delivery attempt | push, hand-over | \nx y | z | \n", guide, table);
	ASSERT_TERMS("delivery attempt | push, hand-over | \n", guide, "# Glossary\n\nDo not say push.\n");
}

static void test_order(void **state)
{
	(void)state;
	static const char one[] = "| Use | Avoid |\n|---|---|\n| b | z |\n| C | y |\n| a | x |\n";
	ASSERT_TERMS("a | x | \nb | z | \nC | y | \n", one);
	ASSERT_TERMS("", "# Nothing\n\nto see\n");
}

static void test_every_allocation_fails(void **state)
{
	(void)state;
	static const char *const text[] = {
		"# Glossary\n\n**A b**: c.\n\n| Use | Avoid |\n|---|---|\n| a b | d, e, f, g, h |\n", NULL};
	struct document d[PAGES];
	struct names *names;
	struct terms t = {0};
	size_t n = read_pages(d, text);
	assert_int_equal(names_new(&names, d, n, NULL), 0);
	for (uint64_t nth = 1;; nth++) {
		fault_set(FAULT_MEM, nth, false);
		int rc = terms_find(&t, d, n, names, NULL);
		bool reached = fault_count(FAULT_MEM) >= nth;
		fault_set(FAULT_MEM, 0, false);
		if (!reached)
			break;
		assert_int_equal(rc, ERR_RESOURCE);
	}
	assert_int_equal(t.n, 1);
	assert_int_equal(t.p[0].n_forbidden, 5);
	terms_release(&t);
	names_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_glossary, setup, teardown),
		cmocka_unit_test_setup_teardown(test_merging, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages_overrule, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_allocation_fails, setup, teardown),
	};
	return cmocka_run_group_tests_name("terms", tests, NULL, NULL);
}

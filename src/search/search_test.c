/* Sections become passages that fit, questions find them, and an index is made again only for what changed. */
#include "search/search.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(call)                                \
	do {                                    \
		if (call)                       \
			fail_msg("%s", e.text); \
	} while (0)

struct fixture {
	char dir[32], sections[64];
};

static int setup(void **state)
{
	static struct fixture f;
	strcpy(f.dir, "search_test_XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.sections, sizeof f.sections, "%s/sections.jsonl", f.dir);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	return dir_remove(((struct fixture *)*state)->dir, NULL);
}

static void put_section(struct buf *b, const char *path, const char *heading, const char *hash, const char *text)
{
	struct err e = {0};
	OK(buf_printf(b, &e, "{\"path\":\"%s\",\"start\":100,\"end\":200,\"heading\":\"%s\",\"sha256\":\"%s\",\"text\":\"%s\"}\n",
		path, heading, hash, text));
}

static void write_sections(const struct fixture *f, struct buf *b)
{
	struct err e = {0};
	OK(file_replace(f->sections, b->p, b->len, &e));
	buf_release(b);
}

/* The best passage's heading, "" when there is none. */
static void assert_best(const struct fixture *f, const char *question, const char *heading)
{
	struct search *s;
	struct search_hits h;
	struct err e = {0};
	OK(search_open(&s, f->dir, NULL, &e));
	OK(search_find(s, question, 3, &h, &e));
	assert_string_equal(h.n ? h.p[0].heading : "", heading);
	search_hits_release(&h);
	search_close(s);
}

static void test_questions_find_sections(void **state)
{
	const struct fixture *f = *state;
	struct buf b = {0};
	put_section(&b, "bay.md", "Holding bay", "1", "Failed events wait here for 9 days.\\n");
	put_section(&b, "bay.md", "Release", "2", "What is released is delivered again. All of the events that there are.\\n");
	put_section(&b, "plans.md", "Plans", "3", "The Grove plan has 12 streams.\\n");
	write_sections(f, &b);
	assert_best(f, "How long do failed events wait?", "Holding bay");
	assert_best(f, "What happens to it after releasing?", "Release");
	assert_best(f, "how many STREAMS does the grove plan have", "Plans");
	assert_best(f, "How is the weather?", "");
	assert_best(f, "What is it?", "Release"); /* nothing but empty words: then they count */
	assert_best(f, "", "");
}

static void test_a_change_is_seen(void **state)
{
	const struct fixture *f = *state;
	struct buf b = {0};
	put_section(&b, "a.md", "One", "1", "alpha");
	put_section(&b, "b.md", "Two", "2", "beta");
	write_sections(f, &b);
	assert_best(f, "beta", "Two");
	put_section(&b, "a.md", "One", "1", "delta"); /* the same file, read or scrubbed in another way */
	put_section(&b, "c.md", "Three", "4", "gamma");
	write_sections(f, &b);
	assert_best(f, "alpha", "");
	assert_best(f, "beta", "");
	assert_best(f, "delta", "One");
	assert_best(f, "gamma", "Three");
}

/* A long section is cut where lines end, loses nothing, and no part is too long. */
static void test_long_sections_are_cut(void **state)
{
	const struct fixture *f = *state;
	struct buf b = {0}, text = {0};
	struct search *s;
	struct search_hits h;
	struct err e = {0};
	for (int i = 0; i < 200; i++)
		OK(buf_printf(&text, &e, "zebra number%d stands in a line.%s", i, i % 7 ? "\\n" : "\\n\\n"));
	put_section(&b, "long.md", "Long", "1", text.p);
	buf_clear(&text);
	for (int i = 0; i < 900; i++)
		OK(buf_puts(&text, "\xc3\xa4", &e));
	put_section(&b, "umlaut.md", "One word", "2", text.p);
	write_sections(f, &b);
	OK(search_open(&s, f->dir, NULL, &e));
	OK(search_find(s, "zebra", 100, &h, &e));
	assert_true(h.n > 8);
	size_t found = 0;
	for (size_t i = 0; i < h.n; i++) {
		assert_true(strlen(h.p[i].text) <= PASSAGE_BYTES_MAX);
		assert_memory_equal(h.p[i].text, "zebra", 5);
		assert_int_equal(h.p[i].text[strlen(h.p[i].text) - 1], '.');
		for (const char *p = h.p[i].text; (p = strstr(p, "number")); p++)
			found++;
	}
	assert_int_equal(found, 200);
	search_hits_release(&h);
	OK(search_find(s, "word", 100, &h, &e)); /* of the heading */
	assert_int_equal(h.n, 3);
	for (size_t i = 0; i < h.n; i++)
		assert_int_equal((unsigned char)h.p[i].text[0], 0xc3);
	search_hits_release(&h);
	search_close(s);
	buf_release(&text);
}

static void test_asked(void **state)
{
	const struct fixture *f = *state;
	struct buf b = {0}, message = {0}, expected = {0};
	struct search *s;
	struct search_hits h;
	struct err e = {0};
	for (int i = 0; i <= PASSAGES_SHOWN; i++)
		put_section(&b, "a.md", "Bays", (const char[]){(char)('1' + i), 0}, "Events wait in the bay.");
	write_sections(f, &b);
	OK(search_open(&s, f->dir, NULL, &e));
	OK(search_ask(s, "Where do events wait?", &h, &message, &e));
	assert_int_equal(h.n, PASSAGES_SHOWN);
	OK(search_message(&h, h.n, "Where do events wait?", &expected, &e));
	assert_string_equal(message.p, expected.p);
	search_hits_release(&h);
	buf_clear(&message);
	OK(search_ask(s, "How is the weather?", &h, &message, &e));
	assert_string_equal(message.p, "How is the weather?");
	search_hits_release(&h);
	search_close(s);
	buf_release(&message);
	buf_release(&expected);
}

static void test_bad_input_is_named(void **state)
{
	const struct fixture *f = *state;
	struct search *s;
	struct err e = {0};
	assert_int_equal(search_open(&s, f->dir, NULL, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "sections.jsonl"));
	OK(file_replace(f->sections, "{\"path\":\"a\"}\n", 13, &e));
	assert_int_equal(search_open(&s, f->dir, NULL, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "sections.jsonl:1"));
	struct buf b = {0};
	put_section(&b, "a.md", "One", "1", "alpha");
	write_sections(f, &b);
	assert_best(f, "alpha", "One"); /* what failed left nothing behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_questions_find_sections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_change_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_sections_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_input_is_named, setup, teardown)};
	return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}

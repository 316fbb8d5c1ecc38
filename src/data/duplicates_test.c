/* Sections that are nearly others: which go, which stay, and that the search finds what comparing all pairs finds. */
#include "data/duplicates.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/markdown.h"
#include "data/shingle.h"

static struct corpus corpus;
static struct err err;

static int setup(void **state)
{
	(void)state;
	memset(&corpus, 0, sizeof corpus);
	arena_init(&corpus.arena, 1 << 16);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	corpus_release(&corpus);
	return 0;
}

static void add(const char *path, const char *text)
{
	struct document d = {.path = path, .bytes = arena_strdup(&corpus.arena, text, strlen(text), &err), .size = strlen(text)};
	assert_int_equal(markdown_read(&d, &corpus.arena, &err), 0);
	assert_int_equal(corpus_add(&corpus, &d, &err), 0);
}

#define BODY                                                                                                                \
	"The harbour office keeps every tide table in its archive and sends a copy to each ship before it enters the bay, " \
	"so that nobody has to ask twice. A pilot who needs an older table writes to the office and gets it by return."

static void test_a_copy_goes(void **state)
{
	(void)state;
	add("a.md", "# Tables\n\n" BODY "\n\n## Berths\n\nThe north berth is for ferries alone.\n");
	add("b.md", "# Tide tables\n\n" BODY " Thank you.\n\n## Cranes\n\nA crane stands at each berth of the inner harbour.\n");
	add("c.md", "# Copy\n\n" BODY "\n");
	assert_int_equal(duplicates_drop(&corpus, &err), 0);
	assert_int_equal(corpus.duplicates.n, 2);
	const struct duplicate *k = corpus.duplicates.p;
	assert_string_equal(k[0].document->path, "b.md");
	assert_string_equal(k[0].section->title, "Tide tables");
	assert_string_equal(k[0].other_document->path, "a.md");
	assert_string_equal(k[0].other->title, "Tables");
	assert_true(k[0].similarity > 0.9 && k[0].similarity < 1);
	assert_false(k[0].kept);
	assert_true(k[1].similarity == 1);
	assert_int_equal(corpus.d[0].n_blocks, 2);
	assert_int_equal(corpus.d[1].n_blocks, 1);
	assert_string_equal(corpus.d[1].blocks[0].text, "A crane stands at each berth of the inner harbour.");
	assert_int_equal(corpus.d[1].sections[2].n_blocks, 1);
	assert_null(corpus.d[1].skipped);
	assert_non_null(corpus.d[2].skipped);
}

/* The same words with another value are another fact. */
static void test_other_values_stay(void **state)
{
	(void)state;
	add("a.md", "# A\n\n" BODY " It keeps them for 30 days.\n");
	add("b.md", "# B\n\n" BODY " It keeps them for 45 days.\n");
	add("c.md", "# C\n\n" BODY " It keeps them for thirty days.\n");
	assert_int_equal(duplicates_drop(&corpus, &err), 0);
	assert_int_equal(corpus.duplicates.n, 2);
	assert_string_equal(corpus.duplicates.p[0].document->path, "b.md");
	assert_true(corpus.duplicates.p[0].kept);
	assert_null(corpus.d[1].skipped);
	assert_string_equal(corpus.duplicates.p[1].document->path, "c.md");
	assert_false(corpus.duplicates.p[1].kept);
	assert_non_null(corpus.d[2].skipped);
}

static void test_short_ones_stay(void **state)
{
	(void)state;
	add("a.md", "# A\n\nWrite to the harbour office and wait for the answer.\n");
	add("b.md", "# A\n\nWrite to the harbour office and wait for the answer.\n");
	assert_int_equal(duplicates_drop(&corpus, &err), 0);
	assert_int_equal(corpus.duplicates.n, 0);
	assert_null(corpus.d[1].skipped);
}

enum { PAGES = 400, WORDS = 60 };

/* Of random pages and copies with some words exchanged, the pairs that share 0.7 and more: all but a few in a hundred. */
static void test_against_all_pairs(void **state)
{
	(void)state;
	static struct grams grams[PAGES];
	struct rng r;
	size_t word[WORDS], alike = 0;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	for (size_t i = 0; i < PAGES; i++) {
		char text[WORDS * 12], path[16];
		size_t n = 0;
		for (size_t k = 0; k < WORDS; k++) {
			bool fresh = i % 2 == 0 || rng_below(&r, 30) == 0;
			word[k] = fresh ? rng_below(&r, 5000) : word[k];
			n += (size_t)snprintf(text + n, sizeof text - n, "w%cz%zu ", (char)('a' + word[k] % 26), word[k]);
		}
		snprintf(path, sizeof path, "%zu.md", i);
		add(arena_strdup(&corpus.arena, path, strlen(path), &err), text);
		assert_int_equal(grams_add(&grams[i], &corpus.d[i], &corpus.d[i].sections[0], 0, &err), 0);
		grams_sort(&grams[i]);
		size_t both = 0;
		for (size_t k = 0, l = 0; i % 2 && k < grams[i].n; k++) {
			while (l < grams[i - 1].n && grams[i - 1].p[l].hash < grams[i].p[k].hash)
				l++;
			both += l < grams[i - 1].n && grams[i - 1].p[l].hash == grams[i].p[k].hash;
		}
		alike += i % 2 && 10 * both >= 7 * (grams[i].n + grams[i - 1].n - both);
	}
	assert_int_equal(duplicates_drop(&corpus, &err), 0);
	for (size_t i = 0; i < PAGES; i++)
		mem_free(grams[i].p);
	assert_in_range(alike, 60, 180);
	assert_in_range(corpus.duplicates.n, alike * 97 / 100, alike);
}

static void test_memory(void **state)
{
	(void)state;
	for (uint64_t failing = 1;; failing++) {
		setup(state);
		add("a.md", "# A\n\n" BODY "\n");
		add("b.md", "# B\n\n" BODY "\n");
		fault_set(FAULT_MEM, failing, false);
		int rc = duplicates_drop(&corpus, &err);
		fault_set(FAULT_MEM, 0, false);
		teardown(state);
		if (!rc)
			break;
		assert_int_equal(rc, ERR_RESOURCE);
	}
	setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_copy_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_values_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_ones_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_against_all_pairs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
	};
	return cmocka_run_group_tests_name("duplicates", tests, NULL, NULL);
}

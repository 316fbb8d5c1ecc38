/* The passages of a store: found by words, replaced by document, whole after every failure. */
#include "store/store.h"

#include <math.h>
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
	char dir[32], path[64];
	struct store *store;
};

static int setup(void **state)
{
	static struct fixture f;
	struct err e = {0};
	strcpy(f.dir, "store_test_XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.path, sizeof f.path, "%s/index.db", f.dir);
	*state = &f;
	return store_open(&f.store, f.path, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	fault_set(FAULT_FILE, 0, false);
	fault_set(FAULT_MEM, 0, false);
	store_close(f->store);
	return dir_remove(f->dir, NULL);
}

static const struct store_passage bay[] = {{"Holding bay", "Failed events wait in the holding bay for 9 days.", 0},
	{"Holding bay > Release", "Releasing an event delivers it again.", 60}};
static const struct store_passage plans[] = {{"Plans", "The setting max_items is 40, \"at most\".", 0}};

static int put_all(struct store *s, const char *bay_hash, const char *key, struct err *e)
{
	int rc = store_index_begin(s, e);
	if (!rc)
		rc = store_index_put(s, "bay.md", bay_hash, bay, 2, e);
	if (!rc && *bay_hash == '1')
		rc = store_index_put(s, "plans.md", "1", plans, 1, e);
	return rc ? rc : store_index_commit(s, key, e);
}

/* What matched, as "path:start " one behind the other. */
static int note(void *context, const struct store_hit *hit, struct err *e)
{
	return buf_printf(context, e, "%s:%zu ", hit->path, hit->passage.start);
}

static void assert_found(struct store *s, const char *word, const char *want)
{
	struct buf found = {0};
	struct err e = {0};
	OK(store_index_match(s, &word, 1, 10, note, &found, &e));
	assert_string_equal(found.len ? found.p : "", want);
	buf_release(&found);
}

static void test_words_find_passages(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	char key[65];
	OK(store_index_key(f->store, key, &e));
	assert_string_equal(key, "");
	OK(put_all(f->store, "1", "first", &e));
	OK(store_index_key(f->store, key, &e));
	assert_string_equal(key, "first");
	assert_found(f->store, "waiting", "bay.md:0 "); /* by its stem */
	assert_found(f->store, "RELEASE", "bay.md:60 ");
	assert_found(f->store, "max_items", "plans.md:0 ");
	assert_found(f->store, "items_max", "");
	assert_found(f->store, "nothing", "");
}

/* No word is an operator of the query language, whatever it holds. */
static void test_words_are_quoted(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	OK(put_all(f->store, "1", "k", &e));
	static const char *const odd[] = {"\"", "\"\"", "a\" OR \"wait", "NOT", "heading:bay", "*", "(", "NEAR(", "", "-", "\xff"};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		assert_found(f->store, odd[i], "");
	OK(store_index_match(f->store, NULL, 0, 10, note, NULL, &e));
}

static void test_only_what_was_put_remains(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	OK(put_all(f->store, "1", "k", &e));
	OK(put_all(f->store, "2", "k", &e));
	assert_found(f->store, "setting", "");
	assert_found(f->store, "holding", "bay.md:0 bay.md:60 ");
	OK(store_index_begin(f->store, &e));
	OK(store_index_put(f->store, "bay.md", "2", plans, 1, &e)); /* the same hash: not read */
	OK(store_index_commit(f->store, "k", &e));
	assert_found(f->store, "setting", "");
	assert_found(f->store, "wait", "bay.md:0 ");
	OK(store_index_begin(f->store, &e));
	OK(store_index_put(f->store, "bay.md", "3", plans, 1, &e));
	OK(store_index_commit(f->store, "k", &e));
	assert_found(f->store, "wait", "");
	assert_found(f->store, "setting", "bay.md:0 ");
}

static void test_an_aborted_change_is_none(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	OK(put_all(f->store, "1", "k", &e));
	OK(store_index_begin(f->store, &e));
	OK(store_index_put(f->store, "bay.md", "9", plans, 1, &e));
	store_index_abort(f->store);
	assert_found(f->store, "wait", "bay.md:0 ");
	fault_set(FAULT_FILE, 1, false);
	assert_int_equal(put_all(f->store, "2", "other", &e), ERR_FAILED);
	store_index_abort(f->store);
	assert_found(f->store, "setting", "plans.md:0 ");
}

/* Robertson & Zaragoza 2009, (3.15), with the floor that FTS5 puts under the weight of a frequent word. */
static double bm25(double n_passages, double n_with, double frequency, double length, double mean_length)
{
	double weight = log((n_passages - n_with + 0.5) / (n_with + 0.5));
	return (weight > 0 ? weight : 1e-6) * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length / mean_length));
}

static int assert_score(void *context, const struct store_hit *hit, struct err *e)
{
	(void)e;
	const double *want = context;
	assert_float_equal(hit->score, want[hit->passage.start], 1e-9);
	return 0;
}

static void test_scores_are_bm25(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	static const struct store_passage p[] = {
		{"", "red red fox", 0}, {"a", "red fox and a tail", 1}, {"", "blue bird", 2}, {"", "bird", 3}, {"", "bird", 4}};
	OK(store_index_begin(f->store, &e));
	OK(store_index_put(f->store, "p", "1", p, 5, &e));
	OK(store_index_commit(f->store, "k", &e));
	const double mean = (3 + 6 + 2 + 1 + 1) / 5.0;
	double want[] = {bm25(5, 2, 2, 3, mean) + bm25(5, 2, 1, 3, mean), bm25(5, 2, 1, 6, mean) * 2, bm25(5, 3, 1, 2, mean),
		bm25(5, 3, 1, 1, mean), bm25(5, 3, 1, 1, mean)};
	assert_found(f->store, "red", "p:0 p:1 ");
	OK(store_index_match(f->store, (const char *const[]){"fox", "red", "bird"}, 3, 10, assert_score, want, &e));
}

static void test_a_foreign_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *s;
	struct err e = {0};
	char path[64];
	static const char text[] =
		"This is no database, and it is long enough to have a header of its own, which a short text would not have.";
	snprintf(path, sizeof path, "%s/text.db", f->dir);
	OK(file_replace(path, text, sizeof text, &e));
	assert_int_equal(store_open(&s, path, &e), ERR_DATA);
	assert_null(s);
	assert_non_null(strstr(e.text, "text.db"));
	snprintf(path, sizeof path, "%s/absent/index.db", f->dir);
	assert_int_equal(store_open(&s, path, &e), ERR_FAILED);
	assert_non_null(strstr(e.text, "absent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_words_find_passages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words_are_quoted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_what_was_put_remains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_aborted_change_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scores_are_bm25, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_foreign_file_is_refused, setup, teardown)};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

/* The passages of a store: found by words, replaced by document, whole after every failure. */
#include "store/store.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

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

static int note(void *context, const struct store_hit *hit, struct err *e)
{
	return buf_printf(context, e, "%s:%zu ", hit->path, hit->passage.start);
}

static size_t match(struct store *s, const char *const *word, size_t n_words, struct store_match out[10])
{
	const struct store_words words = {word, n_words};
	struct err e = {0};
	size_t n;
	OK(store_index_match(s, &words, 10, out, &n, &e));
	return n;
}

/* What matches a word, as "path:start " one behind the other. */
static void assert_found(struct store *s, const char *word, const char *want)
{
	struct buf found = {0};
	struct err e = {0};
	struct store_match m[10];
	size_t n = match(s, &word, 1, m);
	for (size_t i = 0; i < n; i++)
		OK(store_passage(s, m[i].row, note, &found, &e));
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
	struct store_match m[10];
	assert_int_equal(match(f->store, NULL, 0, m), 0);
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
	struct store_match m[10];
	assert_int_equal(match(f->store, (const char *const[]){"fox", "red", "bird"}, 3, m), 5);
	for (size_t i = 0; i < 5; i++)
		assert_float_equal(m[i].score, want[m[i].row % STORE_PASSAGES_MAX], 1e-9);
}

/* ---- vectors ----------------------------------------------------------------------------------------------------------------- */

/* The passages without a vector behind `row`, as assert_found writes them. */
static void assert_missing(struct store *s, int64_t row, size_t limit, const char *want)
{
	struct buf found = {0};
	struct err e = {0};
	OK(store_vectors_missing(s, row, limit, note, &found, &e));
	assert_string_equal(found.len ? found.p : "", want);
	buf_release(&found);
}

static int note_vector(void *context, int64_t row, const void *value, size_t size_bytes, struct err *e)
{
	return buf_printf(context, e, "%lld:%lld=%.*s ", (long long)row / STORE_PASSAGES_MAX, (long long)row % STORE_PASSAGES_MAX,
		(int)size_bytes, (const char *)value);
}

static void assert_vectors(struct store *s, const char *index, const char *embedder, const char *want)
{
	const struct store_keys keys = {index, embedder};
	struct buf all = {0};
	struct err e = {0};
	OK(store_vectors_each(s, &keys, note_vector, &all, &e));
	assert_string_equal(all.len ? all.p : "", want);
	buf_release(&all);
}

enum { FIRST = STORE_PASSAGES_MAX }; /* the row of the first passage of the first document */

static void test_vectors_stay_with_their_passages(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	size_t n;
	const struct store_keys keys = {"k", "model"};
	const struct store_vectors all = {(const int64_t[]){FIRST, FIRST + 1, 2 * FIRST}, "onetwosix", 3, 3};
	OK(put_all(f->store, "1", "k", &e));
	OK(store_vectors_begin(f->store, "model", &n, &e));
	assert_int_equal(n, 3);
	assert_missing(f->store, -1, 10, "bay.md:0 bay.md:60 plans.md:0 ");
	assert_missing(f->store, -1, 2, "bay.md:0 bay.md:60 ");
	assert_missing(f->store, FIRST + 1, 2, "plans.md:0 ");
	OK(store_vectors_put(f->store, &keys, &all, &e));
	assert_missing(f->store, -1, 10, "");
	assert_vectors(f->store, "k", "model", "1:0=one 1:1=two 2:0=six ");
	OK(store_index_begin(f->store, &e)); /* one document changes, the other stays */
	OK(store_index_put(f->store, "bay.md", "2", plans, 1, &e));
	OK(store_index_put(f->store, "plans.md", "1", NULL, 0, &e));
	OK(store_index_commit(f->store, "l", &e));
	OK(store_vectors_begin(f->store, "model", &n, &e));
	assert_int_equal(n, 1);
	assert_missing(f->store, -1, 10, "bay.md:0 ");
	assert_vectors(f->store, "l", "model", "2:0=six ");
	OK(put_all(f->store, "3", "m", &e)); /* without plans.md */
	assert_vectors(f->store, "m", "model", "");
}

static void test_vectors_belong_to_one_embedder(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	size_t n;
	const struct store_keys old = {"k", "model"}, other = {"other", "model"};
	const struct store_vectors one = {(const int64_t[]){FIRST}, "one", 1, 3};
	OK(put_all(f->store, "1", "k", &e));
	OK(store_vectors_begin(f->store, "model", &n, &e));
	OK(store_vectors_put(f->store, &old, &one, &e));
	OK(store_vectors_begin(f->store, "model", &n, &e));
	assert_int_equal(n, 2);
	assert_int_equal(store_vectors_put(f->store, &other, &one, &e), ERR_FAILED);
	assert_non_null(strstr(e.text, "another process"));
	OK(store_vectors_begin(f->store, "new", &n, &e));
	assert_int_equal(n, 3);
	assert_vectors(f->store, "k", "new", "");
	assert_int_equal(store_vectors_put(f->store, &old, &one, &e), ERR_FAILED);
	assert_int_equal(store_vectors_each(f->store, &old, note_vector, NULL, &e), ERR_FAILED);
	assert_missing(f->store, -1, 10, "bay.md:0 bay.md:60 plans.md:0 ");
	fault_set(FAULT_FILE, 1, false); /* a commit that fails */
	const struct store_keys keys = {"k", "new"};
	assert_int_equal(store_vectors_put(f->store, &keys, &one, &e), ERR_FAILED);
	assert_vectors(f->store, "k", "new", "");
	OK(put_all(f->store, "1", "k", &e)); /* nothing is left open */
}

/* Makes the store one of another version. */
static void change_version(struct fixture *f, const char *sql)
{
	sqlite3 *db;
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* What versions 1 and 2 held is made again. */
static void test_an_earlier_version_is_emptied(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	char key[65];
	static const char *const earlier[] = {"DROP TABLE posting; DROP TABLE occurrence; PRAGMA user_version = 2",
		"DROP TABLE posting; DROP TABLE occurrence; DROP TABLE vector; ALTER TABLE document DROP COLUMN n_passages; "
		"PRAGMA user_version = 1"};
	OK(put_all(f->store, "1", "k", &e));
	for (size_t i = 0; i < 2; i++) {
		change_version(f, earlier[i]);
		OK(store_open(&f->store, f->path, &e));
		OK(store_index_key(f->store, key, &e));
		assert_string_equal(key, "");
		assert_found(f->store, "waiting", "");
		OK(put_all(f->store, "1", "k", &e));
		assert_found(f->store, "waiting", "bay.md:0 ");
	}
	change_version(f, "PRAGMA user_version = 4");
	assert_int_equal(store_open(&f->store, f->path, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "version"));
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

/* In a process that may write neither the folder nor the file; root would be let through. */
static int read_only_child(const struct fixture *f)
{
	struct store *s = NULL;
	struct err e = {0};
	pid_t child = fork();
	int status;
	if (child) {
		assert_true(child > 0 && waitpid(child, &status, 0) == child);
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}
	if (chdir(f->dir) || (!geteuid() && (setgid(65534) || setuid(65534))))
		_exit(90);
	if (store_open(&s, "index.db", &e))
		_exit(strstr(e.text, "index.db") ? 91 : 92);
	struct store_match m[10];
	const char *word = "holding";
	size_t n;
	if (store_index_match(s, &(struct store_words){&word, 1}, 10, m, &n, &e) || n != 2)
		_exit(93);
	_exit(store_index_begin(s, &e) && strstr(e.text, "may not be written") ? 0 : 94);
}

static void test_what_may_not_be_written_is_read(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	OK(put_all(f->store, "1", "k", &e));
	OK(chmod(f->dir, 0555) || chmod(f->path, 0444));
	char log[80];
	snprintf(log, sizeof log, "%s-wal", f->path);
	OK(chmod(log, 0));
	int with_log = read_only_child(f);
	store_close(f->store);
	f->store = NULL;
	int without = read_only_child(f);
	OK(chmod(f->dir, 0755));
	assert_int_equal(without, 0);
	assert_int_equal(with_log, 91); /* what stands in the log would be missed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_words_find_passages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words_are_quoted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_what_was_put_remains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_aborted_change_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scores_are_bm25, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vectors_stay_with_their_passages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vectors_belong_to_one_embedder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_earlier_version_is_emptied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_foreign_file_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_may_not_be_written_is_read, setup, teardown)};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

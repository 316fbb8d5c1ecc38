/*
 * The ranks by words are those of FTS5's own bm25(), to the last bit of the scores, whatever was put, replaced and dropped before; damaged postings are
 * named. That FTS5's ranks are BM25 is store_test's and tests/oracle/bm25.py's.
 */
#include "store/store.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#define OK(call)                                \
	do {                                    \
		if (call)                       \
			fail_msg("%s", e.text); \
	} while (0)

enum { DOCUMENTS = 12, PASSAGES = 9, WORDS = 40, MATCHES = 120, ROUNDS = 30, QUESTIONS = 30 };

struct fixture {
	char dir[32], path[64];
	struct store *store;
	sqlite3 *db; /* the same file, for what only SQLite is asked */
	struct rng rng;
};

static int setup(void **state)
{
	static struct fixture f;
	struct err e = {0};
	strcpy(f.dir, "words_test_XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.path, sizeof f.path, "%s/index.db", f.dir);
	rng_init(&f.rng, 1, RNG_DATA, 0, 0);
	*state = &f;
	return store_open(&f.store, f.path, &e) || sqlite3_open(f.path, &f.db) != SQLITE_OK;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	sqlite3_close(f->db);
	store_close(f->store);
	return dir_remove(f->dir, NULL);
}

/* Few are frequent, many rare; some share a stem, some are of several parts, some of none. */
static const char *word(struct rng *r)
{
	static const char *const all[] = {"the", "event", "events", "wait", "bay", "max_items", "Plan", "42", "-", "items", "max",
		"waiting", "\xc3\xa4ther", "a.b.c", "release", "vault", "bay_event", "holding", "zone", "quota"};
	uint32_t n = sizeof all / sizeof *all;
	return all[rng_below(r, 1 + rng_below(r, n))];
}

static void sentence(struct rng *r, size_t n, char out[400])
{
	size_t at = 0;
	out[0] = 0;
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, 400 - at, "%s ", word(r));
}

/* Puts some of the documents: each new, as it was, or not at all. */
static void change(struct fixture *f, int round)
{
	static char text[PASSAGES][400], heading[PASSAGES][400];
	struct err e = {0};
	OK(store_index_begin(f->store, &e));
	for (int d = 0; d < DOCUMENTS; d++) {
		struct store_passage p[PASSAGES];
		char path[32], hash[32];
		size_t n = rng_below(&f->rng, PASSAGES);
		if (rng_below(&f->rng, 4) == 0)
			continue;
		snprintf(path, sizeof path, "%d.md", d);
		snprintf(hash, sizeof hash, "%d", rng_below(&f->rng, 2) ? round : 0);
		for (size_t i = 0; i < n; i++) {
			sentence(&f->rng, rng_below(&f->rng, WORDS), text[i]);
			sentence(&f->rng, rng_below(&f->rng, 3), heading[i]);
			p[i] = (struct store_passage){heading[i], text[i], i};
		}
		OK(store_index_put(f->store, path, hash, p, n, &e));
	}
	OK(store_index_commit(f->store, "k", &e));
}

/* What FTS5 says to the same words: returns how many rows. */
static size_t reference(struct fixture *f, const char *const *words, size_t n_words, size_t limit, struct store_match *out)
{
	char match[1000] = "";
	sqlite3_stmt *q;
	size_t n = 0, at = 0;
	for (size_t i = 0; i < n_words; i++)
		at += (size_t)snprintf(match + at, sizeof match - at, "%s\"%s\"", i ? " OR " : "", words[i]);
	assert_int_equal(sqlite3_prepare_v2(f->db,
				 "SELECT rowid, -bm25(passage) AS score FROM passage WHERE passage MATCH ?1 "
				 "ORDER BY score DESC, rowid LIMIT ?2",
				 -1, &q, NULL),
		SQLITE_OK);
	sqlite3_bind_text(q, 1, match, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)limit);
	while (sqlite3_step(q) == SQLITE_ROW)
		out[n++] = (struct store_match){sqlite3_column_int64(q, 0), sqlite3_column_double(q, 1)};
	sqlite3_finalize(q);
	return n;
}

static void test_ranks_are_those_of_fts5(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	size_t n_matches = 0, n_ties = 0;
	for (int round = 0; round < ROUNDS; round++) {
		change(f, round);
		for (int i = 0; i < QUESTIONS; i++) {
			struct store_match got[MATCHES], want[MATCHES];
			const char *asked[8];
			size_t n, n_words = 1 + rng_below(&f->rng, 7), limit = 1 + rng_below(&f->rng, MATCHES);
			for (size_t w = 0; w < n_words; w++)
				asked[w] = word(&f->rng);
			OK(store_index_match(f->store, &(struct store_words){asked, n_words}, limit, got, &n, &e));
			assert_int_equal(n, reference(f, asked, n_words, limit, want));
			for (size_t m = 0; m < n; m++) {
				assert_int_equal(got[m].row, want[m].row);
				assert_memory_equal(&got[m].score, &want[m].score, sizeof want[m].score);
				n_ties += m && want[m].score == want[m - 1].score;
			}
			n_matches += n;
		}
	}
	assert_true(n_matches > 10 * ROUNDS * QUESTIONS && n_ties > 100);
}

static void test_damaged_postings_are_named(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	struct store_match m[1];
	size_t n;
	static const struct store_passage p[] = {{"One", "alpha", 0}, {"Two", "alpha beta", 1}};
	static const char *const damage[] = {"UPDATE posting SET value = x'80' WHERE term = 'alpha'",
		"UPDATE posting SET value = x'01' WHERE term = 'alpha'", "UPDATE posting SET value = x'0101' WHERE term = 'alpha'",
		"UPDATE posting SET value = x'8080808080808080807f01' WHERE term = 'alpha'",
		"UPDATE posting SET value = x'ffffffffffffffffff01' WHERE term = 'alpha'",
		"UPDATE posting SET n_passages = 3 WHERE term = ''", "UPDATE posting SET n_passages = 1 WHERE term = ''",
		"UPDATE posting SET n_passages = 1 << 60 WHERE term = ''", "DELETE FROM posting WHERE term = ''"};
	for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
		OK(store_index_begin(f->store, &e));
		OK(store_index_put(f->store, "a.md", "1", p, 2, &e));
		OK(store_index_commit(f->store, "k", &e));
		OK(store_index_match(f->store, &(struct store_words){(const char *const[]){"alpha"}, 1}, 1, m, &n, &e));
		assert_int_equal(n, 1);
		assert_int_equal(sqlite3_exec(f->db, damage[i], NULL, NULL, NULL), SQLITE_OK);
		int rc = store_index_match(f->store, &(struct store_words){(const char *const[]){"alpha"}, 1}, 1, m, &n, &e);
		if (rc != ERR_DATA || !strstr(e.text, "postings") || n)
			fail_msg("%s: %d, '%s'", damage[i], rc, e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_ranks_are_those_of_fts5, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_postings_are_named, setup, teardown)};
	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}

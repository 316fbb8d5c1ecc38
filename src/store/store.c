/*
 * The database file, and the passages in it. Passage i of document d has the rowid d * STORE_PASSAGES_MAX + i, so that a document's
 * passages are one range of rowids and need no table of their own. Reference: store.h; SQLite's documentation of FTS5.
 */
#include "store/store.h"

#include <stdio.h>
#include <string.h>

#include "store/db.h"
#include "store/postings.h"

enum statement {
	TOUCH,
	PUT_DOCUMENT,
	DROP_PASSAGES,
	PUT_PASSAGE,
	DROP_UNSEEN_PASSAGES,
	DROP_UNSEEN,
	PUT_KEY,
	GET_KEY,
	GET_PASSAGE,
	DROP_VECTORS,
	GET_EMBEDDER,
	PUT_EMBEDDER,
	COUNT_MISSING,
	MISSING_VECTORS,
	PUT_VECTOR,
	GET_VECTORS,
	STATEMENTS
};

static const char *const sql[STATEMENTS] = {
	[TOUCH] = "UPDATE document SET seen = 1 WHERE path = ?1 AND hash = ?2",
	[PUT_DOCUMENT] = "INSERT INTO document(path, hash, n_passages, seen) VALUES(?1, ?2, ?3, 1) "
			 "ON CONFLICT(path) DO UPDATE SET hash = excluded.hash, n_passages = excluded.n_passages, seen = 1 "
			 "RETURNING id",
	[DROP_PASSAGES] = "DELETE FROM passage WHERE rowid BETWEEN ?1 AND ?2",
	[PUT_PASSAGE] = "INSERT INTO passage(rowid, heading, text, start) VALUES(?1, ?2, ?3, ?4)",
	[DROP_UNSEEN_PASSAGES] = "SELECT id FROM document WHERE NOT seen",
	[DROP_UNSEEN] = "DELETE FROM document WHERE NOT seen",
	[PUT_KEY] = "INSERT INTO meta(name, value) VALUES('key', ?1) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
	[GET_KEY] = "SELECT value FROM meta WHERE name = 'key'",
#define PASSAGES "SELECT p.rowid, d.path, p.heading, p.text, p.start FROM passage p JOIN document d ON d.id = p.rowid >> 20 "
	[GET_PASSAGE] = PASSAGES "WHERE p.rowid = ?1",
	[DROP_VECTORS] = "DELETE FROM vector WHERE passage BETWEEN ?1 AND ?2",
	[GET_EMBEDDER] = "SELECT value FROM meta WHERE name = 'embedder'",
	[PUT_EMBEDDER] =
		"INSERT INTO meta(name, value) VALUES('embedder', ?1) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
	[COUNT_MISSING] = "SELECT (SELECT total(n_passages) FROM document) - (SELECT count(*) FROM vector)",
	[MISSING_VECTORS] = PASSAGES "WHERE p.rowid > ?1 AND p.rowid NOT IN (SELECT passage FROM vector) ORDER BY p.rowid LIMIT ?2",
	[PUT_VECTOR] = "INSERT OR REPLACE INTO vector(passage, value) VALUES(?1, ?2)",
	[GET_VECTORS] = "SELECT passage, value FROM vector ORDER BY passage",
};
_Static_assert(STORE_PASSAGES_MAX == 1 << 20, "the shift in PASSAGES");

static const char schema[] = "DROP TABLE IF EXISTS meta; DROP TABLE IF EXISTS document; DROP TABLE IF EXISTS passage;"
			     "DROP TABLE IF EXISTS vector;"
			     "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
			     "CREATE TABLE document(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, "
			     "n_passages INTEGER NOT NULL, seen INTEGER NOT NULL);"
			     "CREATE VIRTUAL TABLE passage USING fts5(heading, text, start UNINDEXED, "
			     "tokenize = '" TOKENIZER " " TOKENIZER_INNER " " TOKENIZER_OPTION " " TOKENIZER_VALUE
			     "');" POSTINGS_SCHEMA "CREATE TABLE vector(passage INTEGER PRIMARY KEY, value BLOB NOT NULL);"
			     "PRAGMA application_id = 0x61747475; PRAGMA user_version = 3;";

static const struct db_kind kind = {.application_id = 0x61747475,
	.version = 3,
	.oldest = 1,
	.what = "an index",
	.remedy = "remove it, it is made again from the documents",
	.pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
	.schema = schema,
	.upgrade = schema};

struct store {
	struct db db;
	sqlite3_stmt *statement[STATEMENTS]; /* made when first used */
	bool writing;
};

/* A statement ready for its values; NULL with `e` filled. */
static sqlite3_stmt *ready(struct store *s, enum statement i, struct err *e)
{
	if (!s->statement[i] && !(s->statement[i] = db_prepare(&s->db, sql[i], SQLITE_PREPARE_PERSISTENT, e)))
		return NULL;
	sqlite3_reset(s->statement[i]);
	return s->statement[i];
}

int store_open(struct store **out, const char *path, struct err *e)
{
	struct store *s = mem_alloc(1, sizeof *s, e);
	int rc = s ? db_open(&s->db, path, &kind, e) : ERR_RESOURCE;
	*out = rc ? NULL : s;
	if (rc)
		store_close(s);
	return rc;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_index_abort(s);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statement[i]);
	db_close(&s->db);
	mem_free(s);
}

const char *store_path(const struct store *s)
{
	return s->db.path;
}

/* ---- passages -------------------------------------------------------------------------------------------------------------------- */

int store_index_begin(struct store *s, struct err *e)
{
	int rc = db_execute(&s->db, "BEGIN IMMEDIATE; UPDATE document SET seen = 0", e);
	s->writing = !sqlite3_get_autocommit(s->db.handle);
	return rc;
}

/* With their vectors. */
static int drop_passages(struct store *s, sqlite3_int64 document, struct err *e)
{
	sqlite3_int64 ignored;
	int rc = 0;
	for (int step = 0; step < 2 && !rc; step++) {
		sqlite3_stmt *q = ready(s, step ? DROP_PASSAGES : DROP_VECTORS, e);
		if (!q)
			return e->code;
		sqlite3_bind_int64(q, 1, document * STORE_PASSAGES_MAX);
		sqlite3_bind_int64(q, 2, document * STORE_PASSAGES_MAX + STORE_PASSAGES_MAX - 1);
		rc = db_step_once(&s->db, q, &ignored, e);
	}
	return rc;
}

static int put_passage(struct store *s, sqlite3_int64 row, const struct store_passage *p, struct err *e)
{
	sqlite3_stmt *q = ready(s, PUT_PASSAGE, e);
	sqlite3_int64 ignored;
	if (!q)
		return e->code;
	sqlite3_bind_int64(q, 1, row);
	db_bind_text(q, 2, p->heading);
	db_bind_text(q, 3, p->text);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)p->start);
	return db_step_once(&s->db, q, &ignored, e);
}

int store_index_put(struct store *s, const char *path, const char *hash, const struct store_passage *p, size_t n, struct err *e)
{
	sqlite3_int64 document;
	if (n > STORE_PASSAGES_MAX)
		return err_set(e, ERR_DATA, "%s: %zu passages, expected at most %d", path, n, STORE_PASSAGES_MAX);
	for (int step = 0; step < 2; step++) {
		sqlite3_stmt *q = ready(s, step ? PUT_DOCUMENT : TOUCH, e);
		if (!q)
			return e->code;
		db_bind_text(q, 1, path);
		db_bind_text(q, 2, hash);
		if (step)
			sqlite3_bind_int64(q, 3, (sqlite3_int64)n);
		int rc = db_step_once(&s->db, q, &document, e);
		if (rc || (!step && sqlite3_changes(s->db.handle)))
			return rc;
	}
	int rc = drop_passages(s, document, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = put_passage(s, document * STORE_PASSAGES_MAX + (sqlite3_int64)i, &p[i], e);
	return rc;
}

static int drop_unseen(struct store *s, struct err *e)
{
	sqlite3_stmt *q = ready(s, DROP_UNSEEN_PASSAGES, e);
	sqlite3_int64 ignored;
	int step = SQLITE_ROW, rc = 0;
	if (!q)
		return e->code;
	while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW)
		rc = drop_passages(s, sqlite3_column_int64(q, 0), e);
	if (!rc && step != SQLITE_DONE)
		rc = db_failed(&s->db, e);
	sqlite3_reset(q);
	if (rc || !(q = ready(s, DROP_UNSEEN, e)))
		return e->code;
	return db_step_once(&s->db, q, &ignored, e);
}

int store_index_commit(struct store *s, const char *key, struct err *e)
{
	sqlite3_int64 ignored;
	int rc = drop_unseen(s, e);
	if (!rc)
		rc = postings_make(&s->db, e);
	sqlite3_stmt *q = rc ? NULL : ready(s, PUT_KEY, e);
	if (!q)
		return e->code;
	db_bind_text(q, 1, key);
	rc = db_step_once(&s->db, q, &ignored, e);
	s->writing = false;
	return db_finish(&s->db, rc, e);
}

void store_index_abort(struct store *s)
{
	if (s->writing)
		sqlite3_exec(s->db.handle, "ROLLBACK", NULL, NULL, NULL);
	s->writing = false;
}

/* A text of meta; "" where there is none. */
static int get_meta(struct store *s, enum statement which, char key[65], struct err *e)
{
	sqlite3_stmt *q = ready(s, which, e);
	if (!q)
		return e->code;
	int step = sqlite3_step(q);
	snprintf(key, 65, "%s", step == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : "");
	int rc = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : db_failed(&s->db, e);
	sqlite3_reset(q);
	return rc;
}

int store_index_key(struct store *s, char key[65], struct err *e)
{
	return get_meta(s, GET_KEY, key, e);
}

typedef int hit_visit(void *context, const struct store_hit *hit, struct err *e);

/* Runs a statement of passages, bound already, to its end or to what `visit` returns. */
static int visit_hits(struct store *s, sqlite3_stmt *q, hit_visit *visit, void *context, struct err *e)
{
	int step = SQLITE_DONE, rc = 0;
	while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) {
		struct store_hit hit = {.row = sqlite3_column_int64(q, 0),
			.path = db_column_text(q, 1),
			.passage = {db_column_text(q, 2), db_column_text(q, 3), (size_t)sqlite3_column_int64(q, 4)}};
		rc = visit(context, &hit, e);
	}
	if (!rc && step != SQLITE_DONE)
		rc = db_failed(&s->db, e);
	sqlite3_reset(q);
	return rc;
}

int store_index_match(
	struct store *s, const struct store_words *words, size_t limit, struct store_match *out, size_t *n, struct err *e)
{
	return bm25_match(&s->db, words, limit, out, n, e);
}

int store_passage(struct store *s, int64_t row, hit_visit *visit, void *context, struct err *e)
{
	sqlite3_stmt *q = ready(s, GET_PASSAGE, e);
	if (!q)
		return e->code;
	sqlite3_bind_int64(q, 1, row);
	return visit_hits(s, q, visit, context, e);
}

/* ---- vectors --------------------------------------------------------------------------------------------------------------------- */

/* Within a transaction: whether these are still the keys. */
static int keys_check(struct store *s, const struct store_keys *keys, struct err *e)
{
	char index[65], embedder[65];
	int rc = get_meta(s, GET_KEY, index, e);
	if (!rc)
		rc = get_meta(s, GET_EMBEDDER, embedder, e);
	if (!rc && (strcmp(index, keys->index) || strcmp(embedder, keys->embedder)))
		rc = err_set(e, ERR_FAILED, "%s: another process has changed the index meanwhile; try again", s->db.path);
	return rc;
}

static int put_embedder(struct store *s, const char *embedder, struct err *e)
{
	sqlite3_int64 ignored;
	int rc = db_execute(&s->db, "DELETE FROM vector", e);
	sqlite3_stmt *q = rc ? NULL : ready(s, PUT_EMBEDDER, e);
	if (!q)
		return e->code;
	db_bind_text(q, 1, embedder);
	return db_step_once(&s->db, q, &ignored, e);
}

int store_vectors_begin(struct store *s, const char *embedder, size_t *n_missing, struct err *e)
{
	char have[65];
	sqlite3_int64 missing = 0;
	int rc = get_meta(s, GET_EMBEDDER, have, e);
	*n_missing = 0;
	if (!rc && strcmp(have, embedder) && !(rc = db_execute(&s->db, "BEGIN IMMEDIATE", e)))
		rc = db_finish(&s->db, put_embedder(s, embedder, e), e);
	sqlite3_stmt *q = rc ? NULL : ready(s, COUNT_MISSING, e);
	if (!q)
		return e->code;
	rc = db_step_once(&s->db, q, &missing, e);
	*n_missing = rc || missing < 0 ? 0 : (size_t)missing;
	return rc;
}

int store_vectors_missing(struct store *s, int64_t row, size_t limit, hit_visit *visit, void *context, struct err *e)
{
	sqlite3_stmt *q = ready(s, MISSING_VECTORS, e);
	if (!q)
		return e->code;
	sqlite3_bind_int64(q, 1, row);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)limit);
	return visit_hits(s, q, visit, context, e);
}

static int put_vector(struct store *s, int64_t row, const void *value, size_t size_bytes, struct err *e)
{
	sqlite3_stmt *q = ready(s, PUT_VECTOR, e);
	sqlite3_int64 ignored;
	if (!q)
		return e->code;
	sqlite3_bind_int64(q, 1, row);
	sqlite3_bind_blob64(q, 2, value, size_bytes, SQLITE_STATIC);
	return db_step_once(&s->db, q, &ignored, e);
}

int store_vectors_put(struct store *s, const struct store_keys *keys, const struct store_vectors *v, struct err *e)
{
	int rc = db_execute(&s->db, "BEGIN IMMEDIATE", e);
	if (rc)
		return rc;
	rc = keys_check(s, keys, e);
	for (size_t i = 0; i < v->n && !rc; i++)
		rc = put_vector(s, v->row[i], (const char *)v->value + i * v->size_bytes, v->size_bytes, e);
	return db_finish(&s->db, rc, e);
}

int store_vectors_each(struct store *s, const struct store_keys *keys,
	int (*visit)(void *context, int64_t row, const void *value, size_t size_bytes, struct err *e), void *context, struct err *e)
{
	int step = SQLITE_DONE, rc = db_execute(&s->db, "BEGIN", e);
	if (rc)
		return rc;
	rc = keys_check(s, keys, e);
	sqlite3_stmt *q = rc ? NULL : ready(s, GET_VECTORS, e);
	if (!rc && !q)
		rc = e->code;
	while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW)
		rc = visit(context, sqlite3_column_int64(q, 0), sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1), e);
	if (!rc && step != SQLITE_DONE)
		rc = db_failed(&s->db, e);
	if (q)
		sqlite3_reset(q);
	return db_finish(&s->db, rc, e);
}

/*
 * The database file, and the passages in it. Passage i of document d has the rowid d * STORE_PASSAGES_MAX + i, so that a document's
 * passages are one range of rowids and need no table of their own. Reference: store.h; SQLite's documentation of FTS5.
 */
#include "store/store.h"

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

enum { BUSY_TIMEOUT_MS = 10000, APPLICATION_ID = 0x61747475, VERSION = 1 };

enum statement {
	TOUCH,
	PUT_DOCUMENT,
	DROP_PASSAGES,
	PUT_PASSAGE,
	DROP_UNSEEN_PASSAGES,
	DROP_UNSEEN,
	PUT_KEY,
	GET_KEY,
	MATCH,
	STATEMENTS
};

static const char *const sql[STATEMENTS] = {
	[TOUCH] = "UPDATE document SET seen = 1 WHERE path = ?1 AND hash = ?2",
	[PUT_DOCUMENT] = "INSERT INTO document(path, hash, seen) VALUES(?1, ?2, 1) "
			 "ON CONFLICT(path) DO UPDATE SET hash = excluded.hash, seen = 1 RETURNING id",
	[DROP_PASSAGES] = "DELETE FROM passage WHERE rowid BETWEEN ?1 AND ?2",
	[PUT_PASSAGE] = "INSERT INTO passage(rowid, heading, text, start) VALUES(?1, ?2, ?3, ?4)",
	[DROP_UNSEEN_PASSAGES] = "SELECT id FROM document WHERE NOT seen",
	[DROP_UNSEEN] = "DELETE FROM document WHERE NOT seen",
	[PUT_KEY] = "INSERT INTO meta(name, value) VALUES('key', ?1) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
	[GET_KEY] = "SELECT value FROM meta WHERE name = 'key'",
	[MATCH] = "SELECT d.path, p.heading, p.text, p.start, -bm25(passage) AS score FROM passage p "
		  "JOIN document d ON d.id = p.rowid >> 20 WHERE passage MATCH ?1 ORDER BY score DESC, p.rowid LIMIT ?2",
};
_Static_assert(STORE_PASSAGES_MAX == 1 << 20, "the shift in MATCH");

static const char schema[] = "BEGIN IMMEDIATE;"
			     "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
			     "CREATE TABLE document(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, "
			     "seen INTEGER NOT NULL);"
			     "CREATE VIRTUAL TABLE passage USING fts5(heading, text, start UNINDEXED, "
			     "tokenize = 'porter unicode61 remove_diacritics 2');"
			     "PRAGMA application_id = 0x61747475;"
			     "PRAGMA user_version = 1;"
			     "COMMIT";

struct store {
	sqlite3 *db;
	sqlite3_stmt *statement[STATEMENTS]; /* made when first used */
	char *path;
	bool writing;
};

/* ---- SQLite's errors ---------------------------------------------------------------------------------------------------------- */

static int failed(const struct store *s, struct err *e)
{
	int code = s->db ? sqlite3_errcode(s->db) & 0xff : SQLITE_NOMEM;
	const char *why = s->db ? sqlite3_errmsg(s->db) : "out of memory";
	switch (code) {
	case SQLITE_NOMEM:
	case SQLITE_FULL:
		return err_set(e, ERR_RESOURCE, "%s: %s", s->path, why);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(e, ERR_DATA, "%s: %s; remove it, it is made again from the documents", s->path, why);
	case SQLITE_BUSY:
		return err_set(e, ERR_FAILED, "%s: another process writes; try again when it has ended", s->path);
	default:
		return err_set(e, ERR_FAILED, "%s: %s", s->path, why);
	}
}

static int execute(struct store *s, const char *text, struct err *e)
{
	return sqlite3_exec(s->db, text, NULL, NULL, NULL) ? failed(s, e) : 0;
}

/* ---- statements ------------------------------------------------------------------------------------------------------------------ */

/* A statement ready for its values; NULL with `e` filled. */
static sqlite3_stmt *ready(struct store *s, enum statement i, struct err *e)
{
	if (!s->statement[i] && sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statement[i], NULL)) {
		failed(s, e);
		return NULL;
	}
	sqlite3_reset(s->statement[i]);
	return s->statement[i];
}

static void bind_text(sqlite3_stmt *q, int i, const char *text)
{
	sqlite3_bind_text(q, i, text, -1, SQLITE_STATIC);
}

/* Runs a statement that gives at most one number, into *number (0 without one). */
static int step_once(struct store *s, sqlite3_stmt *q, sqlite3_int64 *number, struct err *e)
{
	int rc = sqlite3_step(q);
	*number = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
	if (rc == SQLITE_ROW)
		rc = sqlite3_step(q);
	if (rc != SQLITE_DONE)
		return failed(s, e);
	sqlite3_reset(q);
	return 0;
}

/* ---- opening --------------------------------------------------------------------------------------------------------------------- */

static int pragma_number(struct store *s, const char *text, sqlite3_int64 *number, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, text, -1, &q, NULL) ? failed(s, e) : step_once(s, q, number, e);
	sqlite3_finalize(q);
	return rc;
}

/* Makes the tables in a new file; refuses a file of somebody else or of another version. */
static int schema_check(struct store *s, struct err *e)
{
	sqlite3_int64 id, version, tables;
	int rc = pragma_number(s, "PRAGMA application_id", &id, e);
	if (!rc)
		rc = pragma_number(s, "PRAGMA user_version", &version, e);
	if (!rc)
		rc = pragma_number(s, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (rc)
		return rc;
	if (!id && !version && !tables)
		return execute(s, schema, e);
	if (id != APPLICATION_ID || version != VERSION)
		return err_set(e, ERR_DATA, "%s: a database of another program or version (%lld, %lld), expected (%d, %d)", s->path,
			(long long)id, (long long)version, APPLICATION_ID, VERSION);
	return 0;
}

int store_open(struct store **out, const char *path, struct err *e)
{
	struct store *s = mem_alloc(1, sizeof *s, e);
	int rc = s ? 0 : ERR_RESOURCE;
	*out = NULL;
	if (rc)
		return rc;
	if (!(s->path = mem_strdup(path, e)))
		rc = ERR_RESOURCE;
	else if (fault_hit(FAULT_FILE))
		rc = err_errno(e, "open", path);
	else if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
		rc = failed(s, e);
	if (!rc) {
		sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
		rc = execute(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", e);
	}
	if (!rc)
		rc = schema_check(s, e);
	if (rc) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_index_abort(s);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statement[i]);
	sqlite3_close(s->db);
	mem_free(s->path);
	mem_free(s);
}

/* ---- passages -------------------------------------------------------------------------------------------------------------------- */

int store_index_begin(struct store *s, struct err *e)
{
	int rc = execute(s, "BEGIN IMMEDIATE; UPDATE document SET seen = 0", e);
	s->writing = !sqlite3_get_autocommit(s->db);
	return rc;
}

static int drop_passages(struct store *s, sqlite3_int64 document, struct err *e)
{
	sqlite3_stmt *q = ready(s, DROP_PASSAGES, e);
	sqlite3_int64 ignored;
	if (!q)
		return e->code;
	sqlite3_bind_int64(q, 1, document * STORE_PASSAGES_MAX);
	sqlite3_bind_int64(q, 2, document * STORE_PASSAGES_MAX + STORE_PASSAGES_MAX - 1);
	return step_once(s, q, &ignored, e);
}

static int put_passage(struct store *s, sqlite3_int64 row, const struct store_passage *p, struct err *e)
{
	sqlite3_stmt *q = ready(s, PUT_PASSAGE, e);
	sqlite3_int64 ignored;
	if (!q)
		return e->code;
	sqlite3_bind_int64(q, 1, row);
	bind_text(q, 2, p->heading);
	bind_text(q, 3, p->text);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)p->start);
	return step_once(s, q, &ignored, e);
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
		bind_text(q, 1, path);
		bind_text(q, 2, hash);
		int rc = step_once(s, q, &document, e);
		if (rc || (!step && sqlite3_changes(s->db)))
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
		rc = failed(s, e);
	sqlite3_reset(q);
	if (rc || !(q = ready(s, DROP_UNSEEN, e)))
		return e->code;
	return step_once(s, q, &ignored, e);
}

int store_index_commit(struct store *s, const char *key, struct err *e)
{
	sqlite3_int64 ignored;
	int rc = drop_unseen(s, e);
	sqlite3_stmt *q = rc ? NULL : ready(s, PUT_KEY, e);
	if (!q)
		return e->code;
	bind_text(q, 1, key);
	rc = step_once(s, q, &ignored, e);
	if (!rc && fault_hit(FAULT_FILE))
		rc = err_errno(e, "write", s->path);
	if (!rc)
		rc = execute(s, "COMMIT", e);
	s->writing = rc != 0;
	return rc;
}

void store_index_abort(struct store *s)
{
	if (s->writing)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->writing = false;
}

int store_index_key(struct store *s, char key[65], struct err *e)
{
	sqlite3_stmt *q = ready(s, GET_KEY, e);
	if (!q)
		return e->code;
	int step = sqlite3_step(q);
	snprintf(key, 65, "%s", step == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : "");
	int rc = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : failed(s, e);
	sqlite3_reset(q);
	return rc;
}

/* "a" OR "b": quoted, so that no word can be an operator. */
static int match_write(struct buf *out, const char *const *word, size_t n, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i++) {
		rc = buf_puts(out, i ? " OR \"" : "\"", e);
		for (const char *p = word[i]; *p && !rc; p++)
			rc = buf_append(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1, e);
		if (!rc)
			rc = buf_puts(out, "\"", e);
	}
	return rc;
}

static const char *column(sqlite3_stmt *q, int i)
{
	const unsigned char *text = sqlite3_column_text(q, i);
	return text ? (const char *)text : "";
}

int store_index_match(struct store *s, const char *const *word, size_t n_words, size_t limit,
	int (*visit)(void *context, const struct store_hit *hit, struct err *e), void *context, struct err *e)
{
	struct buf match = {0};
	int step = SQLITE_DONE, rc = match_write(&match, word, n_words, e);
	sqlite3_stmt *q = rc || !match.len ? NULL : ready(s, MATCH, e);
	if (!q) {
		buf_release(&match);
		return rc || match.len ? e->code : 0;
	}
	bind_text(q, 1, match.p);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)limit);
	while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) {
		struct store_hit hit = {.path = column(q, 0),
			.passage = {column(q, 1), column(q, 2), (size_t)sqlite3_column_int64(q, 3)},
			.score = sqlite3_column_double(q, 4)};
		rc = visit(context, &hit, e);
	}
	if (!rc && step != SQLITE_DONE)
		rc = failed(s, e);
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	buf_release(&match);
	return rc;
}

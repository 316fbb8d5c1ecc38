/*
 * Opening, errors and statements of SQLite. Reference: db.h; SQLite's documentation of its C interface.
 */
#include "store/db.h"

#include <stdio.h>
#include <string.h>

enum { BUSY_TIMEOUT_MS = 10000 };

int db_failed(const struct db *d, struct err *e)
{
	int code = d->handle ? sqlite3_errcode(d->handle) & 0xff : SQLITE_NOMEM;
	const char *why = d->handle ? sqlite3_errmsg(d->handle) : "out of memory";
	switch (code) {
	case SQLITE_NOMEM:
	case SQLITE_FULL:
		return err_set(e, ERR_RESOURCE, "%s: %s", d->path, why);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(e, ERR_DATA, "%s: %s; %s", d->path, why, d->kind->remedy);
	case SQLITE_READONLY:
		return err_set(e, ERR_FAILED,
			"%s: it may not be written here, and is not as it should be; let a user who may write open it once",
			d->path);
	case SQLITE_BUSY:
		return err_set(e, ERR_FAILED, "%s: another process writes; try again when it has ended", d->path);
	default:
		return err_set(e, ERR_FAILED, "%s: %s", d->path, why);
	}
}

int db_execute(const struct db *d, const char *sql, struct err *e)
{
	return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) ? db_failed(d, e) : 0;
}

int db_finish(const struct db *d, int rc, struct err *e)
{
	if (!rc && fault_hit(FAULT_FILE))
		rc = err_errno(e, "write", d->path);
	if (!rc)
		rc = db_execute(d, "COMMIT", e);
	if (rc)
		sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* ---- statements ------------------------------------------------------------------------------------------------------------------ */

sqlite3_stmt *db_prepare(const struct db *d, const char *sql, unsigned flags, struct err *e)
{
	sqlite3_stmt *q = NULL;
	if (sqlite3_prepare_v3(d->handle, sql, -1, flags, &q, NULL))
		db_failed(d, e);
	return q;
}

int db_step_once(const struct db *d, sqlite3_stmt *q, sqlite3_int64 *number, struct err *e)
{
	int rc = sqlite3_step(q);
	*number = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
	if (rc == SQLITE_ROW)
		rc = sqlite3_step(q);
	if (rc != SQLITE_DONE)
		return db_failed(d, e);
	sqlite3_reset(q);
	return 0;
}

void db_bind_text(sqlite3_stmt *q, int i, const char *text)
{
	sqlite3_bind_text(q, i, text, -1, SQLITE_STATIC);
}

const char *db_column_text(sqlite3_stmt *q, int i)
{
	const unsigned char *text = sqlite3_column_text(q, i);
	return text ? (const char *)text : "";
}

/* ---- opening --------------------------------------------------------------------------------------------------------------------- */

static int number(const struct db *d, const char *sql, sqlite3_int64 *out, struct err *e)
{
	sqlite3_stmt *q = db_prepare(d, sql, 0, e);
	int rc = q ? db_step_once(d, q, out, e) : e->code;
	sqlite3_finalize(q);
	return rc;
}

/* What makes the tables, in a new file or one of an older version, or NULL; refuses a file of somebody else or of a later version. */
static int schema_look(const struct db *d, const char **make, struct err *e)
{
	const struct db_kind *k = d->kind;
	sqlite3_int64 id, version, tables;
	int rc = number(d, "PRAGMA application_id", &id, e);
	if (!rc)
		rc = number(d, "PRAGMA user_version", &version, e);
	if (!rc)
		rc = number(d, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (rc)
		return rc;
	bool older = id == k->application_id && version >= k->oldest && version < k->version;
	*make = !id && !version && !tables ? k->schema : older ? k->upgrade : NULL;
	if (!*make && (id != k->application_id || version != k->version))
		return err_set(e, ERR_DATA, "%s: a database of another program or version (%lld, %lld), expected %s (%d, %d)",
			d->path, (long long)id, (long long)version, k->what, k->application_id, k->version);
	return 0;
}

static int schema_check(const struct db *d, struct err *e)
{
	const char *make;
	int rc = schema_look(d, &make, e);
	if (rc || !make)
		return rc;
	if ((rc = db_execute(d, "BEGIN IMMEDIATE", e)))
		return rc;
	rc = schema_look(d, &make, e); /* another process may have been quicker */
	if (!rc && make)
		rc = db_execute(d, make, e);
	return db_finish(d, rc, e);
}

/* "file:" and the path as a URI (SQLite's documentation, "Uniform Resource Identifiers"), and that nobody writes. */
static int immutable_uri(struct buf *uri, const char *path, struct err *e)
{
	int rc = buf_puts(uri, "file:", e);
	for (; *path && !rc; path++)
		rc = strchr("%?#", *path) ? buf_printf(uri, e, "%%%02x", (unsigned)*path) : buf_append(uri, path, 1, e);
	return rc ? rc : buf_puts(uri, "?immutable=1", e);
}

/*
 * A file that may only be read. In WAL mode SQLite wants two more beside it, which it may not make; without them it has to be told that nobody
 * writes, which holds where there is no log.
 */
static int open_to_read(struct db *d, struct err *e)
{
	char log[PATH_SIZE];
	struct buf uri = {0};
	int rc = sqlite3_exec(d->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	if ((rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) || snprintf(log, sizeof log, "%s-wal", d->path) >= (int)sizeof log ||
		file_exists(log))
		return rc ? db_failed(d, e) : 0;
	sqlite3_close(d->handle);
	d->handle = NULL;
	rc = immutable_uri(&uri, d->path, e);
	if (!rc && sqlite3_open_v2(uri.p, &d->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL))
		rc = db_failed(d, e);
	buf_release(&uri);
	return rc;
}

int db_open(struct db *d, const char *path, const struct db_kind *kind, struct err *e)
{
	int rc = 0;
	*d = (struct db){.kind = kind};
	if (!(d->path = mem_strdup(path, e)))
		rc = ERR_RESOURCE;
	else if (fault_hit(FAULT_FILE))
		rc = err_errno(e, "open", path);
	else if (sqlite3_open_v2(path, &d->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
		rc = db_failed(d, e);
	if (rc)
		return rc;
	sqlite3_busy_timeout(d->handle, BUSY_TIMEOUT_MS);
	rc = sqlite3_db_readonly(d->handle, "main") ? open_to_read(d, e) : db_execute(d, kind->pragmas, e);
	return rc ? rc : schema_check(d, e);
}

void db_close(struct db *d)
{
	sqlite3_close(d->handle);
	mem_free(d->path);
}

/*
 * Private to store: a database file of ours, opened, made or refused, and what SQLite reports as one sentence with the file's name.
 */
#ifndef ATTUNE_STORE_DB_H
#define ATTUNE_STORE_DB_H

#include <sqlite3.h>

#include "base/base.h"

/* What a file of this kind is. */
struct db_kind {
	int application_id, version;
	int oldest;         /* files of a version from here on, but not of this one, are brought up by `upgrade` */
	const char *what;   /* "a log of reviews": what is expected where something else is found */
	const char *remedy; /* of a damaged one */
	const char *pragmas;
	const char *schema;  /* makes the tables, application_id and user_version; run in a transaction */
	const char *upgrade; /* does so with a file of an older version */
};

struct db {
	sqlite3 *handle;
	char *path;
	const struct db_kind *kind;
};

/* Opens `path`, or makes it; to be read only where it may not be written. The caller closes, after an error too. */
int db_open(struct db *d, const char *path, const struct db_kind *kind, struct err *e);
void db_close(struct db *d); /* statements are finalized before */

/* The error of SQLite's last call: ERR_RESOURCE for a full disk or memory, ERR_DATA for a damaged file. */
int db_failed(const struct db *d, struct err *e);
int db_execute(const struct db *d, const char *sql, struct err *e);
/* Ends a transaction: commits when rc is 0, else rolls back. */
int db_finish(const struct db *d, int rc, struct err *e);
/* NULL with `e` filled. Flags: SQLITE_PREPARE_PERSISTENT or 0. The caller finalizes. */
sqlite3_stmt *db_prepare(const struct db *d, const char *sql, unsigned flags, struct err *e);
/* Runs a statement that gives at most one number, into *number (0 without one). */
int db_step_once(const struct db *d, sqlite3_stmt *q, sqlite3_int64 *number, struct err *e);
void db_bind_text(sqlite3_stmt *q, int i, const char *text); /* borrowed until the next reset */
const char *db_column_text(sqlite3_stmt *q, int i);          /* "" for NULL; valid until the next step */

#endif

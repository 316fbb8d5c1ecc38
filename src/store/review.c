/*
 * The log of reviews: a table of drafts and one of verdicts, both only ever added to. What holds is worked out from the verdicts in their order:
 * an undo takes back the last one that still holds. Reference: store.h.
 */
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/db.h"

enum { SHOWN_AGAIN = 20 };

static const char schema[] =
	"CREATE TABLE draft(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, prompt TEXT NOT "
	"NULL, "
	"text TEXT NOT NULL, origin TEXT NOT NULL, evidence TEXT NOT NULL, findings TEXT NOT NULL, urgency REAL NOT NULL, "
	"again INTEGER NOT NULL, at INTEGER NOT NULL);"
	"CREATE TABLE verdict(n INTEGER PRIMARY KEY, draft INTEGER NOT NULL REFERENCES draft(n), action TEXT NOT "
	"NULL, "
	"text TEXT NOT NULL, reasons TEXT NOT NULL, seconds REAL NOT NULL, at INTEGER NOT NULL, simulated INTEGER NOT NULL DEFAULT "
	"0);"
	"CREATE INDEX verdict_draft ON verdict(draft, n);"
	"CREATE TRIGGER draft_stays BEFORE UPDATE ON draft BEGIN SELECT RAISE(ABORT, 'drafts are not changed'); END;"
	"CREATE TRIGGER draft_remains BEFORE DELETE ON draft BEGIN SELECT RAISE(ABORT, 'drafts are not removed'); "
	"END;"
	"CREATE TRIGGER verdict_stays BEFORE UPDATE ON verdict BEGIN SELECT RAISE(ABORT, 'verdicts are not "
	"changed'); END;"
	"CREATE TRIGGER verdict_remains BEFORE DELETE ON verdict BEGIN SELECT RAISE(ABORT, 'verdicts are not "
	"removed'); END;"
	"PRAGMA application_id = 0x61747276; PRAGMA user_version = 2;";

/* Version 1 knew people only. */
static const char upgrade[] = "ALTER TABLE verdict ADD COLUMN simulated INTEGER NOT NULL DEFAULT 0; PRAGMA user_version = 2;";

static const struct db_kind log_kind = {.application_id = 0x61747276,
	.version = 2,
	.oldest = 1,
	.what = "a log of reviews",
	.remedy = "bring it back from a copy, it holds what people decided",
	.pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
	.schema = schema,
	.upgrade = upgrade};

static const char put_draft[] = "INSERT INTO draft(id, kind, prompt, text, origin, evidence, findings, urgency, again, at) "
				"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(id) DO NOTHING",
		  put_verdict[] = "INSERT INTO verdict(draft, action, text, reasons, seconds, at, simulated) "
				  "SELECT n, ?2, ?3, ?4, ?5, ?6, ?7 FROM draft WHERE id = ?1",
		  get_drafts[] = "SELECT n, id, kind, prompt, text, origin, evidence, findings, urgency, again FROM draft "
				 "WHERE ?1 = 0 OR n = ?1 ORDER BY n",
		  get_verdicts[] = "SELECT action, text, reasons, seconds, simulated FROM verdict WHERE draft = ?1 ORDER BY n";

static const char *const action_names[REVIEW_ACTIONS] = {[REVIEW_NONE] = "",
	[REVIEW_ACCEPT] = "accept",
	[REVIEW_EDIT] = "edit",
	[REVIEW_REJECT] = "reject",
	[REVIEW_SKIP] = "skip",
	[REVIEW_UNDO] = "undo"};

struct reviews {
	struct db db;
	size_t n_added;
};

const char *const review_reason_names[REVIEW_REASONS] = {"term", "fact", "tone", "format", "pii"};

const char *review_action_name(enum review_action a)
{
	return action_names[a];
}

bool review_is_claim(const char *kind)
{
	return kind && (!strcmp(kind, "claim") || !strcmp(kind, "unsupported"));
}

int reviews_open(struct reviews **out, const char *path, struct err *e)
{
	struct reviews *r = mem_alloc(1, sizeof *r, e);
	int rc = r ? db_open(&r->db, path, &log_kind, e) : ERR_RESOURCE;
	*out = rc ? NULL : r;
	if (rc)
		reviews_close(r);
	return rc;
}

void reviews_close(struct reviews *r)
{
	if (r)
		db_close(&r->db);
	mem_free(r);
}

/* ---- writing -------------------------------------------------------------------------------------------------------------------- */

/* Is it one of those that are shown again? Decided by the id, so that it is the same whenever it is added. */
static bool shown_again(const char *id)
{
	uint64_t h = hash_bytes(id, strlen(id));
	return (h ^ h >> 32) % SHOWN_AGAIN == 0;
}

static int run(struct reviews *r, sqlite3_stmt *q, struct err *e)
{
	int rc = sqlite3_step(q) == SQLITE_DONE ? 0 : db_failed(&r->db, e);
	sqlite3_finalize(q);
	return rc;
}

int reviews_add(struct reviews *r, const struct review_draft *d, struct err *e)
{
	const char *const text[] = {d->id, d->kind, d->prompt, d->text, d->origin, d->evidence, d->findings};
	sqlite3_stmt *q = db_prepare(&r->db, put_draft, 0, e);
	if (!q)
		return e->code;
	for (int i = 0; i < 7; i++)
		db_bind_text(q, i + 1, text[i]);
	sqlite3_bind_double(q, 8, d->urgency);
	sqlite3_bind_int(q, 9, shown_again(d->id));
	sqlite3_bind_int64(q, 10, time(NULL));
	int rc = run(r, q, e);
	if (!rc)
		r->n_added += (size_t)sqlite3_changes(r->db.handle);
	return rc;
}

size_t reviews_added(const struct reviews *r)
{
	return r->n_added;
}

int reviews_decide(struct reviews *r, const char *id, const struct review_verdict *v, struct err *e)
{
	sqlite3_stmt *q = db_prepare(&r->db, put_verdict, 0, e);
	if (!q)
		return e->code;
	db_bind_text(q, 1, id);
	db_bind_text(q, 2, action_names[v->action]);
	db_bind_text(q, 3, v->text);
	db_bind_text(q, 4, v->reasons);
	sqlite3_bind_double(q, 5, v->seconds);
	sqlite3_bind_int64(q, 6, time(NULL));
	sqlite3_bind_int(q, 7, v->simulated);
	int rc = run(r, q, e);
	if (!rc && !sqlite3_changes(r->db.handle))
		rc = err_set(e, ERR_DATA, "%s: there is no draft \"%.100s\"", r->db.path, id);
	return rc;
}

/* ---- reading -------------------------------------------------------------------------------------------------------------------- */

static enum review_action action_of(const char *name)
{
	enum review_action a = REVIEW_ACCEPT;
	while (a < REVIEW_ACTIONS && strcmp(action_names[a], name))
		a++;
	return a < REVIEW_ACTIONS ? a : REVIEW_NONE;
}

enum { HELD_MAX = 64 }; /* verdicts on one draft that can be taken back one after another */

struct held {
	enum review_action action;
	size_t text, reasons; /* where they begin in the reader's text */
	double seconds;
	bool simulated;
};

struct reader {
	struct reviews *r;
	sqlite3_stmt *drafts, *verdicts;
	struct buf text;
	struct held held[HELD_MAX];
	size_t n_held, n_skips;
	struct review review;
};

static int verdict_hold(struct reader *d, enum review_action a, struct err *e)
{
	sqlite3_stmt *q = d->verdicts;
	if (d->n_held == HELD_MAX)
		memmove(d->held, d->held + 1, --d->n_held * sizeof *d->held);
	struct held *h = &d->held[d->n_held++];
	*h = (struct held){
		.action = a, .seconds = sqlite3_column_double(q, 3), .simulated = sqlite3_column_int(q, 4), .text = d->text.len};
	int rc = buf_append(&d->text, db_column_text(q, 1), strlen(db_column_text(q, 1)) + 1, e);
	h->reasons = d->text.len;
	return rc ? rc : buf_append(&d->text, db_column_text(q, 2), strlen(db_column_text(q, 2)) + 1, e);
}

/* What holds of the verdicts on draft n: a stack, of which an undo takes the top. */
static int verdicts_read(struct reader *d, sqlite3_int64 n, struct err *e)
{
	struct review *v = &d->review;
	int step = SQLITE_DONE, rc = 0;
	buf_clear(&d->text);
	d->n_held = d->n_skips = 0;
	v->seconds = 0;
	sqlite3_reset(d->verdicts);
	sqlite3_bind_int64(d->verdicts, 1, n);
	while (!rc && (step = sqlite3_step(d->verdicts)) == SQLITE_ROW) {
		enum review_action a = action_of(db_column_text(d->verdicts, 0));
		v->seconds += sqlite3_column_double(d->verdicts, 3);
		if (a == REVIEW_SKIP)
			d->n_skips++;
		else if (a == REVIEW_UNDO)
			d->n_held -= d->n_held > 0;
		else if (a != REVIEW_NONE)
			rc = verdict_hold(d, a, e);
	}
	if (!rc && step != SQLITE_DONE)
		rc = db_failed(&d->r->db, e);
	const struct held *last = d->n_held ? &d->held[d->n_held - 1] : NULL;
	v->verdict = (struct review_verdict){.text = "", .reasons = ""};
	if (!rc && last)
		v->verdict = (struct review_verdict){
			last->action, d->text.p + last->text, d->text.p + last->reasons, last->seconds, last->simulated};
	v->earlier = d->n_held > 1 ? last[-1].action : REVIEW_NONE;
	return rc;
}

/* The drafts in their order, or only the one with number `only`. */
static int read_each(struct reviews *r, sqlite3_int64 only,
	int (*visit)(void *context, const struct reader *d, sqlite3_int64 n, struct err *e), void *context, struct err *e)
{
	struct reader d = {.r = r, .drafts = db_prepare(&r->db, get_drafts, 0, e)};
	d.verdicts = d.drafts ? db_prepare(&r->db, get_verdicts, 0, e) : NULL;
	int step = SQLITE_DONE, rc = d.verdicts ? 0 : e->code;
	if (!rc)
		sqlite3_bind_int64(d.drafts, 1, only);
	while (!rc && (step = sqlite3_step(d.drafts)) == SQLITE_ROW) {
		sqlite3_stmt *q = d.drafts;
		sqlite3_int64 n = sqlite3_column_int64(q, 0);
		d.review.draft = (struct review_draft){.id = db_column_text(q, 1),
			.kind = db_column_text(q, 2),
			.prompt = db_column_text(q, 3),
			.text = db_column_text(q, 4),
			.origin = db_column_text(q, 5),
			.evidence = db_column_text(q, 6),
			.findings = db_column_text(q, 7),
			.urgency = sqlite3_column_double(q, 8)};
		d.review.again = sqlite3_column_int(q, 9);
		rc = verdicts_read(&d, n, e);
		if (!rc)
			rc = visit(context, &d, n, e);
	}
	if (!rc && step != SQLITE_DONE)
		rc = db_failed(&r->db, e);
	sqlite3_finalize(d.drafts);
	sqlite3_finalize(d.verdicts);
	buf_release(&d.text);
	return rc;
}

struct visitor {
	int (*visit)(void *context, const struct review *v, struct err *e);
	void *context;
};

static int visit_one(void *context, const struct reader *d, sqlite3_int64 n, struct err *e)
{
	struct visitor *v = context;
	(void)n;
	return v->visit(v->context, &d->review, e);
}

int reviews_each(
	struct reviews *r, int (*visit)(void *context, const struct review *v, struct err *e), void *context, struct err *e)
{
	struct visitor v = {visit, context};
	return read_each(r, 0, visit_one, &v, e);
}

/* The best so far, where n is not 0. */
struct choice {
	sqlite3_int64 n;
	size_t decided, skips;
	double urgency;
};

static int choose(void *context, const struct reader *d, sqlite3_int64 n, struct err *e)
{
	struct choice *best = context, here = {n, d->n_held, d->n_skips, d->review.draft.urgency};
	(void)e;
	if (here.decided > 1 || (here.decided && !d->review.again))
		return 0;
	if (!best->n || here.decided < best->decided ||
		(here.decided == best->decided &&
			(here.skips < best->skips || (here.skips == best->skips && here.urgency > best->urgency))))
		*best = here;
	return 0;
}

int reviews_next(
	struct reviews *r, int (*visit)(void *context, const struct review *v, struct err *e), void *context, struct err *e)
{
	struct choice best = {0};
	struct visitor v = {visit, context};
	int rc = read_each(r, 0, choose, &best, e);
	return rc || !best.n ? rc : read_each(r, best.n, visit_one, &v, e);
}

/*
 * store: the only user of SQLite. A store, or a log of reviews, is one database file; this program alone writes it.
 *
 * So far it holds passages of documents under a full-text index (FTS5, BM25: Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75, words stemmed by
 * Porter's rules), and a vector for each, made by one embedder.
 *
 * A store of an earlier version is emptied: what it held is made again from the documents.
 *
 * Several processes may read while one writes (WAL). A handle belongs to one thread at a time. What SQLite reports becomes one
 * sentence with the file's name; a full disk is ERR_RESOURCE, a damaged or foreign file ERR_DATA.
 */
#ifndef ATTUNE_STORE_H
#define ATTUNE_STORE_H

#include "base/base.h"

struct store;
/* Opens `path`, or makes it. The caller closes. */
int store_open(struct store **out, const char *path, struct err *e);
void store_close(struct store *s);
const char *store_path(const struct store *s); /* as it was opened. Valid until _close */

/* ---- passages ---------------------------------------------------------------------------------------------------------------- */

enum { STORE_PASSAGES_MAX = 1 << 20 }; /* of one document */

struct store_passage {
	const char *heading, *text; /* NUL-terminated UTF-8 */
	size_t start;               /* byte of the document at which the passage begins */
};

/* Starts to say anew what documents there are. */
int store_index_begin(struct store *s, struct err *e);
/* Document `path` consists of n passages, which `hash` stands for: one that is there with the same hash is left alone. Once a path. */
int store_index_put(struct store *s, const char *path, const char *hash, const struct store_passage *p, size_t n, struct err *e);
/* From here on there are the documents that were put since _begin, and no others; `key` stands for them all. */
int store_index_commit(struct store *s, const char *key, struct err *e);
void store_index_abort(struct store *s); /* as if there had been no _begin; does nothing after _commit */

/* The key of the last commit; "" before the first. */
int store_index_key(struct store *s, char key[65], struct err *e);

/* What is looked for: passages that hold any of the words. A word of several parts ("max_items") is looked for as a phrase. */
struct store_words {
	const char *const *word; /* [n] */
	size_t n;
};
struct store_match {
	int64_t row;  /* names the passage as long as its document stays as it is */
	double score; /* BM25, higher is better */
};
/* The best matches, best first, of equal ones the earlier passage: fills out[0..*n), *n at most `limit`. */
int store_index_match(
	struct store *s, const struct store_words *words, size_t limit, struct store_match *out, size_t *n, struct err *e);

struct store_hit { /* valid during the call */
	int64_t row;
	const char *path;
	struct store_passage passage;
};
/* One passage; `visit` is not called when there is none of this row, else what it returns is returned. */
int store_passage(struct store *s, int64_t row, int (*visit)(void *context, const struct store_hit *hit, struct err *e),
	void *context, struct err *e);

/* ---- vectors ----------------------------------------------------------------------------------------------------------------- */

/* What vectors belong to: store_index_key, and the embedder that makes them. */
struct store_keys {
	const char *index, *embedder;
};
/* Whose vectors there are from here on; those of another embedder are dropped. Gives how many passages have none yet. */
int store_vectors_begin(struct store *s, const char *embedder, size_t *n_missing, struct err *e);
/* Passages behind `row` (-1: all) that have no vector yet, in the order of their rows, at most `limit`. */
int store_vectors_missing(struct store *s, int64_t row, size_t limit,
	int (*visit)(void *context, const struct store_hit *hit, struct err *e), void *context, struct err *e);
struct store_vectors {
	const int64_t *row; /* [n] */
	const void *value;  /* [n, size_bytes] */
	size_t n, size_bytes;
};
/* Puts vectors. ERR_FAILED, and nothing is put, when the keys are not these any more: another process has changed them meanwhile. */
int store_vectors_put(struct store *s, const struct store_keys *keys, const struct store_vectors *v, struct err *e);
/* All vectors, in the order of their rows; ERR_FAILED as in _put. */
int store_vectors_each(struct store *s, const struct store_keys *keys,
	int (*visit)(void *context, int64_t row, const void *value, size_t size_bytes, struct err *e), void *context,
	struct err *e);
/* ---- reviews ----------------------------------------------------------------------------------------------------------------- */

/* Drafts and what people decided about them. Nothing is ever changed or removed; the file itself refuses it. */
struct reviews;
/* Opens `path`, or makes it. The caller closes. */
int reviews_open(struct reviews **out, const char *path, struct err *e);
void reviews_close(struct reviews *r);

/* All NUL-terminated UTF-8, none NULL. */
struct review_draft {
	const char *id;     /* of its own, by the caller */
	const char *kind;   /* "faq", "ticket-reply", ... */
	const char *prompt; /* what was asked for, without passages */
	const char *text;
	const char *origin;   /* what wrote it: model, adapter, passages or not */
	const char *evidence; /* a JSON list of passages */
	const char *findings; /* a JSON list, as lint gives them */
	double urgency;       /* more comes first; unsupported claims, say */
};
/* Once an id: a draft that is there is left alone. */
int reviews_add(struct reviews *r, const struct review_draft *d, struct err *e);
size_t reviews_added(const struct reviews *r); /* how many were not there, since _open */

enum review_action { REVIEW_NONE, REVIEW_ACCEPT, REVIEW_EDIT, REVIEW_REJECT, REVIEW_SKIP, REVIEW_UNDO, REVIEW_ACTIONS };
const char *review_action_name(enum review_action a); /* "accept" */

/* Why a draft is edited or rejected. */
enum { REVIEW_REASONS = 5, REVIEW_REASONS_SIZE = 32 };        /* size: all of them, separated by commas */
extern const char *const review_reason_names[REVIEW_REASONS]; /* "term", "fact", "tone", "format", "pii" */

/* Does a finding of this kind say that the documents do not hold a claim? lint's "claim", the page's "unsupported"; NULL does not. */
bool review_is_claim(const char *kind);

struct review_verdict {
	enum review_action action; /* NONE: nobody has decided */
	const char *text;          /* of an edit; else "" */
	const char *reasons;       /* of an edit or reject, separated by commas; "" for none */
	double seconds;            /* that the person took */
	bool simulated;            /* no person decided, but a program that measures */
};
/* ERR_DATA when there is no such draft. UNDO: as if the last verdict on it that holds had not been. */
int reviews_decide(struct reviews *r, const char *id, const struct review_verdict *v, struct err *e);

struct review { /* valid during the call */
	struct review_draft draft;
	struct review_verdict verdict; /* the one that holds */
	enum review_action earlier;    /* of a draft that was decided twice (shown again): what was said the first time */
	double seconds;                /* that all of its verdicts took together */
	bool again;                    /* one of the twentieth part that is shown a second time */
};
/* Every draft in the order in which they were added. Visit returns 0 to go on, else what this function is to return. */
int reviews_each(
	struct reviews *r, int (*visit)(void *context, const struct review *v, struct err *e), void *context, struct err *e);
/*
 * The draft to decide next: those that nobody has, first those skipped least, then by urgency; then those to be shown again. Visited once, or not
 * at all when nothing is left.
 */
int reviews_next(
	struct reviews *r, int (*visit)(void *context, const struct review *v, struct err *e), void *context, struct err *e);

#endif

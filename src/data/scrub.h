/*
 * Private to data: personal data out of the documents, before anything is made of them, and a last look at what was made.
 *
 * The bytes of each file are searched and rewritten, so that every reader, title, span and message behind sees only what was put in place;
 * sources still name bytes of the real file (document_place). What only shows in the text that a reader makes (an address in
 * character references, a DOCX) is replaced there, and the passage with it. What is put in place is what documentation writes: addresses
 * that RFCs keep for examples, zeros, "YOUR_SECRET"; people become "customer", "support", "speaker 2", the same one all through
 * a ticket or call.
 */
#ifndef ATTUNE_DATA_SCRUB_H
#define ATTUNE_DATA_SCRUB_H

#include "data/pii.h"
#include "format/format.h"

/* What was found, as byte strings to look for. */
struct scrub {
	struct pii_place *place; /* mem_free; paths in the corpus' arena */
	size_t n, cap;
	struct str *item; /* mem_free; in the corpus' arena, each at least ITEM_BYTES_MIN long */
	enum pii_kind *kind;
	size_t n_items, cap_items;
	size_t *slot, *next; /* mem_free; hash of an item's first bytes -> 1 + the item, chained */
	size_t n_slots;
	size_t n_rejected, n_paths; /* rows; files whose names held some */
	struct str allow;           /* the lines of DATA_PII_ALLOW */
};
enum { ITEM_BYTES_MIN = 6 };
void scrub_release(struct scrub *s);

/* Finds and replaces in the bytes of the files of an opened corpus. */
int scrub_files(struct scrub *s, struct corpus *c, const char *in, struct err *e);
/* Finds and replaces in what the readers made of them. */
int scrub_texts(struct scrub *s, struct corpus *c, struct err *e);
/* Replaces in terms that people keep beside the documents. scrub_aside.c */
int scrub_terms(const struct scrub *s, struct terms *t, struct err *e);
/* One log line: how many of each kind. */
void scrub_log(const struct scrub *s);

/*
 * Names of persons in a file of tickets, a letter, chat, call or captions, with what is to be put in their places. In the order of the
 * text, disjoint. Of JSON the document is its json_view.
 */
int pii_names_find(struct piis *out, const struct document *d, struct arena *a, struct err *e);
struct persons;
/* Only who is named in a text that is a letter, chat or call, for the texts that are made of it (DOCX, PDF). */
int pii_people_learn(struct persons *p, const char *path, struct err *e);
/* The field at `at` of RFC 4180: its bytes, quotation marks included. */
size_t csv_field_length(struct str t, size_t at, char sign);

/*
 * What stands in a text by its form, as it is or coded, or is known from elsewhere, and is not allowed. `head`: of a cell what its column is
 * called, else empty.
 */
int scrub_find(const struct scrub *s, struct piis *out, struct str head, struct str text, bool published, struct err *e);
/* Appends the text with what stands in its items' places. `edits`: [v->n] or NULL. */
int scrub_replace(struct buf *out, struct edit *edits, struct str text, const struct piis *v, struct err *e);
/* Replaces in what a document is called and why it is left out. scrub_aside.c */
int scrub_path(const struct scrub *s, struct document *d, struct arena *a, struct err *e);

/* ---- scrub_gate.c ---- */

int scrub_item_add(struct scrub *s, enum pii_kind kind, struct str item, struct arena *a, struct err *e);
/* The next place at or behind *at where an item stands as a whole: true, *at and *n its bytes, *kind its kind. */
bool scrub_match(const struct scrub *s, struct str text, size_t *at, size_t *n, enum pii_kind *kind);
/* Moves the lines of `rows` that still hold an item to `rejected`: {"file", "reason", "source"}, without their text. */
int scrub_gate(struct scrub *s, const char *file, struct buf *rows, struct buf *rejected, struct err *e);

#endif

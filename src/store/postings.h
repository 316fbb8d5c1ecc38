/*
 * Private to store: postings, that is which passages have a word and how often, packed so that BM25 reads those of a word that stands in every
 * passage in a fraction of a millisecond. FTS5's bm25() takes a microsecond and more for every passage that has any word of a question.
 *
 * The full-text index stays the source: postings are made from it whenever documents have changed, its tokenizer takes words apart, and phrases are
 * looked for in it. A row of the table `posting` belongs to a term; its value is, for each passage that has the term, in the order of their
 * rowids, the difference from the rowid before (at first from 0) and how often the term stands there, both as LEB128. The term "", which no
 * word is, stands in every passage, as often as that has words.
 */
#ifndef ATTUNE_STORE_POSTINGS_H
#define ATTUNE_STORE_POSTINGS_H

#include "store/db.h"
#include "store/store.h"

/* The tokenizer of the full-text index: the name of one that wraps another, and that other with its arguments. */
#define TOKENIZER "porter"
#define TOKENIZER_INNER "unicode61"
#define TOKENIZER_OPTION "remove_diacritics"
#define TOKENIZER_VALUE "2"

#define POSTINGS_SCHEMA                                                       \
	"CREATE VIRTUAL TABLE occurrence USING fts5vocab(passage, instance);" \
	"CREATE TABLE posting(term TEXT PRIMARY KEY, n_passages INTEGER NOT NULL, value BLOB NOT NULL);"

/* Makes all anew, within the transaction that has changed passages. */
int postings_make(const struct db *d, struct err *e);

struct posting {
	const uint8_t *p, *end; /* of a value, what is left of it; at first all */
	int64_t row;            /* at first 0 */
	uint64_t frequency;
};
/* Reads the next: 1, 0 at the end, -1 when the value is damaged. */
int posting_next(struct posting *at);

/* As store_index_match. */
int bm25_match(
	const struct db *d, const struct store_words *words, size_t limit, struct store_match *out, size_t *n, struct err *e);

#endif

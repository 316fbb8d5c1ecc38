/*
 * search: retrieval. The sections of a data folder as passages that fit into a prompt, and the passages that answer a question.
 *
 * An index lies beside what it is made from, in DATA/index.db, and knows by a hash whether sections.jsonl has changed since; of a changed one
 * only documents that differ are read again. A handle belongs to one thread at a time.
 */
#ifndef ATTUNE_SEARCH_H
#define ATTUNE_SEARCH_H

#include "base/base.h"

struct search;
/* Brings the index of a data folder up to date, and opens it. ERR_DATA when the folder has no sections.jsonl. The caller closes. */
int search_open(struct search **out, const char *data, struct err *e);
void search_close(struct search *s);
/* What the index is made of, as a hash. Valid until _close. */
const char *search_key(const struct search *s);

enum { SEARCH_PASSAGE_BYTES = 700 }; /* the longest text of a passage */

struct search_hit {
	const char *source, *heading, *text;
	size_t start; /* byte of the section's text in its document, or near it when the section is cut into several passages */
	double score; /* BM25, higher is better */
};
struct search_hits {
	struct search_hit *p;
	size_t n;
	struct arena arena; /* owns everything */
};
/*
 * The best passages for a question in plain words, best first, at most `limit`; none when no word of it occurs. Words that say nothing ("how",
 * "the") count only where there are no others.
 */
int search_find(struct search *s, const char *question, size_t limit, struct search_hits *out, struct err *e);
void search_hits_release(struct search_hits *h);

/* Appends the user's message: the first n hits as passages (passages_render) and the question behind them; n = 0: the question alone. */
int search_message(const struct search_hits *h, size_t n, const char *question, struct buf *out, struct err *e);

/* How many passages a question gets where nobody says otherwise. */
enum { SEARCH_PASSAGES = 3 };

#endif

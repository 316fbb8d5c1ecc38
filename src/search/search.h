/*
 * search: retrieval. The sections of a data folder as passages that fit into a prompt, and the passages that answer a question.
 *
 * An index lies beside what it is made from, in DATA/index.db, and knows by a hash whether sections.jsonl has changed since; of a changed one
 * only documents with other headings, texts or places than before are put anew. With an embedder it also holds a vector of each passage, and
 * what is found is what the words of a question find (BM25) and what lies near to its meaning, fused by score. A handle belongs to one thread
 * at a time.
 */
#ifndef ATTUNE_SEARCH_H
#define ATTUNE_SEARCH_H

#include "base/base.h"
#include "model/model.h"

struct search;
/*
 * Brings the index of a data folder up to date, and opens it. The embedder, which must stay, or NULL: by words alone; with one kern_init must have
 * been called. ERR_DATA when the folder has no sections.jsonl. The caller closes.
 */
int search_open(struct search **out, const char *data, const struct embedder *embedder, struct err *e);
void search_close(struct search *s);
/* What is found depends on, besides the question: the index, the embedder; as a hash. Valid until _close. */
const char *search_key(const struct search *s);

struct search_hit {
	const char *source, *heading, *text;
	size_t start; /* byte of the section's text in its document, or near it when the section is cut into several passages */
	double score; /* higher is better: BM25, or with an embedder the fused score, 0 to 1 */
	size_t by_words, by_meaning; /* its place in the list of either, from 1; 0: not in it */
};
struct search_hits {
	struct search_hit *p;
	size_t n;
	struct arena arena; /* owns everything */
};
/*
 * The best passages for a question in plain words, best first, at most `limit`; by words alone none when no word of it occurs. Words that say
 * nothing ("how", "the") count only where there are no others.
 */
int search_find(struct search *s, const char *question, size_t limit, struct search_hits *out, struct err *e);
void search_hits_release(struct search_hits *h);

/* Appends the user's message: the first n hits as passages (passages_render) and the question behind them; n = 0: the question alone. */
int search_message(const struct search_hits *h, size_t n, const char *question, struct buf *out, struct err *e);
/* Who is asked, and how much room an answer needs; the messages of `front` stand in front of the question's. */
struct search_prompt {
	const struct model *model;
	const struct message *front; /* [n_front] */
	size_t n_front, answer_tokens;
};
/*
 * The ids of a conversation that ends with the question and, in front of that, as many of the hits as leave room for an answer in the model's context;
 * *n_used of them. ERR_DATA where not even the question fits into it (prompt_check).
 */
int search_prompt(const struct search_prompt *p, const struct search_hits *h, const char *question, struct ids *out, size_t *n_used,
	struct err *e);
/* search_find and search_message for who has room for all: PASSAGES_SHOWN passages at most, and the message with all of them. `hits` are to be released. */
int search_ask(struct search *s, const char *question, struct search_hits *hits, struct buf *out, struct err *e);

#endif

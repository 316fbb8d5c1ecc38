/* Private to data: which documents training never sees, and what of them is a fair test. */
#ifndef ATTUNE_DATA_SPLIT_H
#define ATTUNE_DATA_SPLIT_H

#include "data/corpus.h"

/*
 * Sets `unseen` of one in sixteen, rounded down, of the usable pages, tickets, calls and given rows each, and clears it of all others;
 * nothing but rows is held out when there are fewer than 16 usable pages. Glossaries and style guides stay, since what they say stands nowhere
 * else. The documents with the smallest seeded hash of path and part go: by rank, not by threshold, so that their number is exact
 * even among few, while one document more still moves at most one other in or out of a kind. O(n), nothing is allocated.
 */
void split_documents(struct document *d, size_t n, uint64_t seed);

/* A section of an unseen page: its title and its paragraphs and items, a line each. */
struct unseen_text {
	const char *text;
	const char *path, *heading; /* of the document and the section */
};

/*
 * *out = [*n] texts in the arena, of the unseen pages in their order: without the sentences that a trained document holds
 * anywhere (ignoring case and punctuation), and without the sections that share half of their five-word sequences with a section of a
 * trained document (Jaccard >= 0.5). A section of which only a title is left is left out.
 * With W words of trained text: O(W log W) time and 24 W bytes, and for each five words of an unseen section one step per trained
 * section that holds them.
 */
int unseen_texts(struct unseen_text **out, size_t *n, const struct document *d, size_t n_documents, struct arena *a, struct err *e);

#endif

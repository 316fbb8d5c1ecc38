/*
 * Private to search: two lists of passages as one.
 *
 * Reciprocal rank fusion: Cormack, Clarke & Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
 * SIGIR 2009. A place r of a list is worth 1 / (60 + r), and a passage what its places are worth together.
 */
#ifndef ATTUNE_SEARCH_FUSION_H
#define ATTUNE_SEARCH_FUSION_H

#include "base/base.h"

struct candidate {
	int64_t row;
	double score;
	size_t by_words, by_meaning; /* its place in either list, from 1; 0: not in it */
};

struct ranking {
	const int64_t *row; /* [n] the best first, each once */
	size_t n;
};
/* Fills out, which has room for all of both, and returns how many there are: the highest score first, of equal ones the nearest in meaning. */
size_t fuse(const struct ranking *words, const struct ranking *meaning, struct candidate *out);

#endif

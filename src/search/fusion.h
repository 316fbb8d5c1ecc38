/*
 * Private to search: two lists of passages as one.
 *
 * A convex combination of scores, each list's brought to [0, 1]: Bruch, Gai & Ingber, "An analysis of fusion functions for hybrid retrieval",
 * TOIS 2023. Where a list's best is hardly better than the rest, its order says little, which ranks alone do not show. Words weigh 2/5, meaning 3/5.
 */
#ifndef ATTUNE_SEARCH_FUSION_H
#define ATTUNE_SEARCH_FUSION_H

#include "base/base.h"

struct candidate {
	int64_t row;
	double score;                /* 0 to 1 */
	size_t by_words, by_meaning; /* its place in either list, from 1; 0: not in it */
};

struct ranking {
	const int64_t *row;  /* [n] the best first, each once */
	const double *score; /* [n] */
	size_t n;
	double floor; /* at most score[n - 1]: becomes 0, as what is not in the list; the best becomes 1 */
};
/* Fills out, which has room for all of both, and returns how many there are: the highest score first, of equal ones the nearest in meaning. */
size_t fuse(const struct ranking *words, const struct ranking *meaning, struct candidate *out);

#endif

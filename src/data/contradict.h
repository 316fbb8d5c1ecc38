/* Private to data: what the documents say in two ways that cannot both be so. */
#ifndef ATTUNE_DATA_CONTRADICT_H
#define ATTUNE_DATA_CONTRADICT_H

#include "data/corpus.h"
#include "data/names.h"

/* Two facts that name different values for what seems to be one thing; indexes into the items, a < b. */
struct contradiction {
	size_t a, b;
	double similarity;                                                /* of the words around the values, 0 to 1 */
	enum { SETTLED_NOT, SETTLED_A, SETTLED_B, SETTLED_BOTH } settled; /* which is right, by settle.h */
};
/* A zeroed struct is empty. */
struct contradictions {
	struct contradiction *p; /* mem_free */
	size_t n, cap;
};

/*
 * Compares every two facts whose values can be compared (the same quantity, money, per cent, time of day, label or kind of
 * name). They contradict each other when the values differ, the words around them are nearly the same (cosine of stems, rare
 * ones weigh more), and neither speaks of a name, code or number of its own, of the past, or of the other's value; and what
 * twins.h finds. O(facts x facts that share a rare word).
 */
int contradictions_find(struct contradictions *out, const struct items *items, const struct names *names, struct err *e);

/*
 * Could they? Not what one section says of two things, nor what stands under headings of which each names another version, year
 * or date: a release does not contradict the next one.
 */
bool items_may_contradict(const struct item *a, const struct item *b);

#endif

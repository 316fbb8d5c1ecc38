/* Private to eval: how near an answer is to the one that a person wrote. */
#ifndef ATTUNE_EVAL_EDIT_H
#define ATTUNE_EVAL_EDIT_H

#include "eval/eval.h"

enum { CHRF_ORDER = 6 };

/* Character n-grams of 1 to CHRF_ORDER: in the answers, in the references, in both. */
struct chrf {
	size_t answer[CHRF_ORDER], reference[CHRF_ORDER], both[CHRF_ORDER];
};

/* Adds a pair to the counts, from which chrf_score makes the score of all pairs together. Texts are UTF-8. */
int chrf_add(struct chrf *c, const char *answer, const char *reference, struct err *e);

/*
 * chrF2, from 0 to 1: F with beta 2 of precision and recall averaged over the orders that both sides have. Popovic, "chrF: character n-gram
 * F-score for automatic MT evaluation", WMT 2015. sacrebleu's chrF2|case:mixed|eff:yes|nc:6|nw:0|space:no, divided by 100.
 */
double chrf_score(const struct chrf *c);

#endif

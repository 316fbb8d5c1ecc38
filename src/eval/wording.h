/* Private to eval: does an answer speak the company's language? */
#ifndef ATTUNE_EVAL_WORDING_H
#define ATTUNE_EVAL_WORDING_H

#include "format/format.h"

/*
 * Occurrences in one answer, whole words, case not counting, a plural "s" tolerated, the longest form first. Terms of which any form
 * stands in the question are left out: repeating the question shows nothing.
 */
struct wording {
	size_t preferred, forbidden, words; /* words: of the whole answer */
};
/* `scratch` [terms.n]. */
struct wording wording_count(const struct terms *t, const char *question, const char *answer, bool *scratch);

#endif

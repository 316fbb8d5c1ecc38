/*
 * Private to data: one question in the words of several people.
 */
#ifndef ATTUNE_DATA_VARY_H
#define ATTUNE_DATA_VARY_H

#include "data/names.h"

/*
 * *out = the question with other words for some of its words, an opening or a closing, or typed in haste; sometimes as it is. In
 * the arena. A question that starts with KEYWORDS is a list of words: some are left out and their order changes.
 */
#define KEYWORDS '#'
int question_vary(const char **out, const char *question, const struct names *names, struct rng *r, struct arena *a, struct err *e);

/*
 * The words of a text that carry its meaning, each once, without those of `but` and what already stands in `out`; separated by
 * spaces.
 */
int keywords_add(struct buf *out, struct str text, struct str but, struct err *e);

#endif

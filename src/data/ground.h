/* Private to data: facts asked with passages in front. */
#ifndef ATTUNE_DATA_GROUND_H
#define ATTUNE_DATA_GROUND_H

#include "data/corpus.h"

/*
 * Appends, for about one fact in six, a question with two passages in retrieval's layout (passages_render): that of the fact and
 * another one, in either order. In every fourth the fact's own is missing, and the answer says so.
 */
int grounded_make(struct maker *m, const struct document *d, size_t n, struct err *e);

#endif

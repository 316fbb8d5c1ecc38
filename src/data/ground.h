/* Private to data: questions with passages in front. */
#ifndef ATTUNE_DATA_GROUND_H
#define ATTUNE_DATA_GROUND_H

#include "data/corpus.h"

/*
 * Appends, for every second fact and statement and for fewer of what is not so, one of its questions with two or three passages in retrieval's
 * layout (passages_render), that of the item among them. In every fifth of a fact it is missing, and the answer says so.
 */
int grounded_make(struct maker *m, const struct document *d, size_t n, struct err *e);

#endif

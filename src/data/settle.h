/* Private to data: what people decided about contradictions. */
#ifndef ATTUNE_DATA_SETTLE_H
#define ATTUNE_DATA_SETTLE_H

#include "data/contradict.h"

/* Reads DATA_SETTLED of the folder `in`, if it is one and has it, and fills k->settled of every contradiction that it speaks of. */
int settle_read(struct contradictions *c, const struct items *items, const char *in, struct err *e);

/*
 * Takes the questions of every item whose answer holds a statement that is not to be learnt: both of a contradiction that nobody has settled, the
 * one that was settled to be wrong.
 */
void settle_drop(const struct contradictions *c, const struct items *items);
/* Does the text hold such a statement? */
bool settle_forbids(const struct contradictions *c, const struct items *items, const char *text);

#endif

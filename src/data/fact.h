/* Private to data: facts in prose. */
#ifndef ATTUNE_DATA_FACT_H
#define ATTUNE_DATA_FACT_H

#include "data/corpus.h"

/* Appends an item for every value in the statements of a paragraph or list item. */
int facts_from_block(struct maker *m, const struct block *b, struct err *e);

#endif

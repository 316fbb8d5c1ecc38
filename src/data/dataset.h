/* Private to data: items to files. */
#ifndef ATTUNE_DATA_DATASET_H
#define ATTUNE_DATA_DATASET_H

#include "data/corpus.h"

/*
 * Drops every question that two different answers claim (who is asked cannot know which is meant) and repeats of one, then
 * writes the folder as data.h says and fills the counts of `out`.
 */
int dataset_write(const struct data_options *o, const struct document *d, size_t n, struct items *items, struct data_summary *out,
	struct err *e);

#endif

/* Private to data: items to files. */
#ifndef ATTUNE_DATA_DATASET_H
#define ATTUNE_DATA_DATASET_H

#include "data/corpus.h"

/* Grows whenever the same documents and options give other files than before. */
enum { DATASET_VERSION = 1 };

/* What a data set is made from, as one hash: version, options, path and content of every document. */
int dataset_key(const struct data_options *o, const struct document *d, size_t n, char hex[65], struct err *e);

/* Compares the manifest with the key and the files with the manifest; fills `out` from it when all agree. */
int dataset_is_current(const char *dir, const char *key, bool *current, struct data_summary *out, struct err *e);

/*
 * Drops every question that two different answers claim (who is asked cannot know which is meant) and repeats of one, then
 * writes the folder as data.h says and fills the counts of `out`.
 */
int dataset_write(const struct data_options *o, const struct document *d, size_t n, struct items *items, struct data_summary *out,
	struct err *e);

#endif

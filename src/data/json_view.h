/* Private to data: JSON as its strings read. */
#ifndef ATTUNE_DATA_JSON_VIEW_H
#define ATTUNE_DATA_JSON_VIEW_H

#include "data/corpus.h"

/*
 * The same text with every escape of a string resolved ("\n", "\u00e9"), so that words stand as they were written; document_place
 * leads from a byte of it to the file's. In the arena. What is no JSON stays as it is.
 */
int json_view(struct document *out, const struct document *d, struct arena *a, struct err *e);
/* Was byte `at` an escape? */
bool json_view_is_escape(const struct document *view, size_t at);

#endif

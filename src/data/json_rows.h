/* Private to data: the reader of JSON rows, tickets or training data. */
#ifndef ATTUNE_DATA_JSON_ROWS_H
#define ATTUNE_DATA_JSON_ROWS_H

#include "data/corpus.h"

/*
 * Adds to `c`, for every object of `file` (lines, or one list), a DOCUMENT_ROW when it is a row of training data, in the shapes
 * that row_parse knows or a preference, of which the chosen answer counts; else a DOCUMENT_TICKET when its fields, those of one
 * object inside included, hold a question and a reply. What cannot be used is one more, skipped, document with the reason.
 */
int json_rows_read(struct corpus *c, const struct document *file, struct err *e);

#endif

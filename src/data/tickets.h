/* Private to data: the reader of exported support tickets. */
#ifndef ATTUNE_DATA_TICKETS_H
#define ATTUNE_DATA_TICKETS_H

#include "data/corpus.h"

/*
 * Adds to `c` a DOCUMENT_TICKET for every row of the CSV `file` that holds a question and a reply: two turns, of "customer" and
 * "support". What cannot be used is one more, skipped, document with the reason: the whole file, or how many of its rows.
 */
int tickets_read(struct corpus *c, const struct document *file, struct err *e);

#endif

/* Private to data: the Markdown reader. */
#ifndef ATTUNE_DATA_MARKDOWN_H
#define ATTUNE_DATA_MARKDOWN_H

#include "data/corpus.h"

/*
 * Fills d->sections and d->blocks from d->bytes and d->size; everything in the arena. Text that is not UTF-8 or holds NUL
 * bytes, and a document without any text, sets d->skipped instead.
 */
int markdown_read(struct document *d, struct arena *a, struct err *e);

#endif

/* Private to data: the HTML reader. */
#ifndef ATTUNE_DATA_HTML_H
#define ATTUNE_DATA_HTML_H

#include "data/corpus.h"

/*
 * Fills d->sections and d->blocks from d->bytes, which must be UTF-8; everything in the arena. Navigation, page heads and feet, scripts,
 * forms and what is hidden are left out. A page without text, or one built to exhaust a parser, sets d->skipped instead.
 */
int html_read(struct document *d, struct arena *a, struct err *e);

#endif

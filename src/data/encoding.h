/* Private to data: text in other encodings than UTF-8. */
#ifndef ATTUNE_DATA_ENCODING_H
#define ATTUNE_DATA_ENCODING_H

#include "data/corpus.h"

/*
 * Makes d->bytes UTF-8, in the arena, and says so in the log, where it is text in another encoding: UTF-16 with its mark, what an
 * HTML page declares (`html`), or Windows-1252 (with Latin-1) by its look. UTF-8 and what is none of these is left as it is; UTF-16
 * that is damaged sets d->skipped.
 */
int encoding_convert(struct document *d, bool html, struct arena *a, struct err *e);

#endif

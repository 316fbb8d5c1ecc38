/* Private to data: bytes that are no text, and text that is no content. */
#ifndef ATTUNE_DATA_CLEAN_H
#define ATTUNE_DATA_CLEAN_H

#include "data/corpus.h"

/* Sets d->skipped when the bytes are not UTF-8 text: empty, with NUL bytes, or in another encoding. */
bool clean_is_text(struct document *d);

/* Drops the blocks without text or cells, and skips a document that has no others. */
void document_pack(struct document *d);

/*
 * Takes out of all pages the blocks whose text stands in at least three and two fifths of them: navigation, page feet. A page that
 * holds nothing else is skipped.
 */
int clean_boilerplate(struct corpus *c, struct err *e);

#endif

/* Private to data: the reader of captions, WebVTT and SubRip. */
#ifndef ATTUNE_DATA_CAPTIONS_H
#define ATTUNE_DATA_CAPTIONS_H

#include "data/corpus.h"

/*
 * Fills d->sections and d->blocks from d->bytes, which must be UTF-8; everything in the arena. Where two people are named (`<v
 * Name>`, or `Name: words` by somebody who speaks more than once) a DOCUMENT_CALL with one section of turns, else a page of
 * paragraphs. A file without cues or words sets d->skipped.
 */
int captions_read(struct document *d, struct arena *a, struct err *e);

#endif

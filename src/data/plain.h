/* Private to data: the reader of text files, call transcripts among them. */
#ifndef ATTUNE_DATA_PLAIN_H
#define ATTUNE_DATA_PLAIN_H

#include "data/corpus.h"

/*
 * Fills d->sections and d->blocks from d->bytes, which must be UTF-8; everything in the arena. A file that is mostly "Speaker: words"
 * becomes a DOCUMENT_CALL with one section of turns. A file without text sets d->skipped instead.
 */
int plain_read(struct document *d, struct arena *a, struct err *e);

/* "[00:12] Ida Berg (sales): words": the speaker, and where the words begin; no speaker when the line is something else. */
struct str plain_speaker(struct str line, size_t *words);

#endif

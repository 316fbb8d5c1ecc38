/* Private to data: the reader of Word's files. */
#ifndef ATTUNE_DATA_DOCX_H
#define ATTUNE_DATA_DOCX_H

#include "data/corpus.h"

/*
 * Fills d->sections and d->blocks from d->bytes, a DOCX file, and puts the text that they are of in the place of d->bytes;
 * everything in the arena. What cannot be read safely, or holds no text, sets d->skipped instead.
 */
int docx_read(struct document *d, struct arena *a, struct err *e);

/* ---- docx_zip.c: the container ---- */

enum docx_part { DOCX_DOCUMENT, DOCX_STYLES, DOCX_NUMBERING, DOCX_FOOTNOTES, DOCX_ENDNOTES, DOCX_PARTS };
/* Unpacks the parts, absent ones left empty; else sets d->skipped. The caller releases them in any case. */
int docx_unpack(struct buf part[DOCX_PARTS], struct document *d, struct arena *a, struct err *e);
/* What docx_read makes of the parts. */
int docx_parts_read(struct buf part[DOCX_PARTS], struct document *d, struct arena *a, struct err *e);

#endif

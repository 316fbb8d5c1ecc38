/* Private to data: the reader of PDF files. */
#ifndef ATTUNE_DATA_PDF_H
#define ATTUNE_DATA_PDF_H

#include "data/corpus.h"

/*
 * Fills d->sections, d->blocks and d->page from the file at `path` and puts the text that they are of in the place of d->bytes;
 * everything in the arena. What pdftotext does not read, or not within its limits, sets d->skipped.
 */
int pdf_read(struct document *d, const char *path, struct arena *a, struct err *e);

/* ---- pdf_child.c: the program that reads the file ---- */

struct pdf_limits {
	unsigned seconds;      /* of processor time, and twice as much by the clock */
	size_t memory, output; /* bytes */
};
/*
 * `out`: what `pdftotext -tsv` says of the file. It runs as a child that may read nothing but its libraries, write nothing, start
 * nothing and speak to nobody. On refusal d->skipped.
 */
int pdf_child_run(
	struct buf *out, const char *path, const struct pdf_limits *limits, struct document *d, struct arena *a, struct err *e);

/* What pdf_read makes of that, UTF-8 without NUL. Cuts `tsv` up. */
int pdf_words_read(struct buf *tsv, struct document *d, struct arena *a, struct err *e);

#endif

/*
 * Private to data: the text of formats that hold none a person could point at (DOCX, PDF). It is put together block by block, an
 * empty line between, and becomes the document's bytes, so that spans mean the same as everywhere: bytes of `d->bytes`.
 */
#ifndef ATTUNE_DATA_EXTRACT_H
#define ATTUNE_DATA_EXTRACT_H

#include "data/outline.h"

struct extract {
	struct outline o;
	struct buf text;
	size_t n_list; /* of the last block, or 0 */
};

void extract_init(struct extract *x, struct document *d, struct arena *a, struct err *e);
void extract_release(struct extract *x);

/* `title` and the texts below stay the caller's, in the arena. */
int extract_section(struct extract *x, const char *title, int level);
/* NULL when memory ran out. The items of a list stand in lines of their own. */
struct block *extract_block(struct extract *x, enum block_kind kind, const char *text, size_t list, size_t ordinal);
/* `cells`: [rows * cols], row 0 is the head; a line of the text each, cells apart by " | ". */
struct block *extract_table(struct extract *x, const char **cells, size_t rows, size_t cols);

/* Hands the text to the document; a text that is empty or too long skips it. */
int extract_end(struct extract *x);

#endif

/* What holds of every document that a reader made. */
#include "document.h"

#include <stdlib.h>
#include <string.h>

void document_check(const struct document *d)
{
	for (size_t i = 0; i < d->n_sections; i++) {
		const struct section *s = &d->sections[i];
		if (!s->title || !s->heading || s->span.start > s->span.end || s->span.end > d->size ||
			s->block + s->n_blocks > d->n_blocks)
			abort();
	}
	for (size_t i = 0; i < d->n_blocks; i++) {
		const struct block *b = &d->blocks[i];
		if (b->span.start > b->span.end || b->span.end > d->size || (b->kind == BLOCK_TABLE) != !b->text ||
			(b->text && (!*b->text || b->bold > strlen(b->text))) || (b->kind == BLOCK_TURN) != (b->speaker != NULL))
			abort();
		for (size_t k = 0; k < b->n_rows * b->n_cols; k++)
			if (!b->cells[k])
				abort();
	}
}

/*
 * Extracted text as a document. Reference: extract.h.
 */
#include "data/extract.h"

#include <string.h>

enum { TEXT_BYTES_MAX = 16 << 20 };

void extract_init(struct extract *x, struct document *d, struct arena *a, struct err *e)
{
	*x = (struct extract){0};
	outline_init(&x->o, d, a, e);
}

void extract_release(struct extract *x)
{
	outline_release(&x->o);
	buf_release(&x->text);
}

/* An empty line, or between items the end of one. */
static int gap(struct extract *x, size_t list)
{
	bool next = list && list == x->n_list;
	x->n_list = list;
	return x->text.len ? buf_puts(&x->text, next ? "\n" : "\n\n", x->o.e) : 0;
}

int extract_section(struct extract *x, const char *title, int level)
{
	int rc = gap(x, 0);
	size_t start = x->text.len;
	if (rc == 0)
		rc = buf_puts(&x->text, title, x->o.e);
	return rc < 0 ? rc : outline_section(&x->o, title, level < OUTLINE_LEVELS ? level : OUTLINE_LEVELS, start);
}

struct block *extract_block(struct extract *x, enum block_kind kind, const char *text, size_t list, size_t ordinal)
{
	int rc = gap(x, list);
	if (rc == 0 && list)
		rc = ordinal ? buf_printf(&x->text, x->o.e, "%zu. ", ordinal) : buf_puts(&x->text, "- ", x->o.e);
	size_t start = x->text.len;
	if (rc == 0)
		rc = buf_puts(&x->text, text, x->o.e);
	struct block *b = rc == 0 ? outline_block(&x->o, kind, (struct span){start, x->text.len}) : NULL;
	if (b) {
		b->text = text;
		b->list = list;
		b->ordinal = ordinal;
	}
	return b;
}

struct block *extract_table(struct extract *x, const char **cells, size_t rows, size_t cols)
{
	int rc = gap(x, 0);
	size_t start = x->text.len;
	for (size_t i = 0; i < rows * cols && rc == 0; i++)
		rc = buf_printf(&x->text, x->o.e, "%s%s", i == 0 ? "" : i % cols ? " | " : "\n", cells[i]);
	struct block *b = rc == 0 ? outline_block(&x->o, BLOCK_TABLE, (struct span){start, x->text.len}) : NULL;
	if (b) {
		b->cells = cells;
		b->n_rows = rows;
		b->n_cols = cols;
	}
	return b;
}

int extract_end(struct extract *x)
{
	struct document *d = x->o.d;
	if (!d->skipped && !d->n_blocks)
		d->skipped = "no text in it";
	else if (!d->skipped && x->text.len > TEXT_BYTES_MAX)
		d->skipped = "its text is longer than 16 MiB";
	if (d->skipped) {
		d->n_sections = d->n_blocks = 0;
		return 0;
	}
	d->size = x->text.len;
	d->bytes = arena_strdup(x->o.arena, x->text.p, x->text.len, x->o.e);
	d->sections[d->n_sections - 1].span.end = d->size;
	return d->bytes ? 0 : ERR_RESOURCE;
}

/*
 * Tables of a Word document. Reference: ECMA-376 part 1, 17.4; docx_table.h.
 */
#include "data/docx_table.h"

#include <string.h>

enum { CELL_BYTES = 1500 };

int docx_row_begin(struct docx_table *t, struct err *e)
{
	int rc = mem_reserve(&t->row, t->n_rows, &t->cap_rows, sizeof *t->row, e);
	if (rc == 0)
		t->row[t->n_rows++] = t->n;
	t->row_out = false;
	return rc;
}

int docx_cell_add(struct docx_table *t, const struct docx_cell *c, struct err *e)
{
	int rc = t->n_rows ? mem_reserve(&t->cell, t->n, &t->cap, sizeof *t->cell, e) : 0;
	if (rc == 0 && t->n_rows)
		t->cell[t->n++] = *c;
	return rc;
}

void docx_row_end(struct docx_table *t)
{
	if (t->n_rows && (t->row_out || t->row[t->n_rows - 1] == t->n))
		t->n = t->row[--t->n_rows];
}

static size_t row_end(const struct docx_table *t, size_t i)
{
	return i + 1 < t->n_rows ? t->row[i + 1] : t->n;
}

/* Columns of a table of data, or 0. */
static size_t columns(const struct docx_table *t)
{
	size_t most = 0;
	for (size_t i = 0; i < t->n; i++)
		if (strlen(t->cell[i].text) > CELL_BYTES)
			return 0;
	for (size_t r = 0; r < t->n_rows; r++) {
		size_t n = 0;
		for (size_t i = t->row[r]; i < row_end(t, r); i++)
			n += t->cell[i].wide;
		most = n > most ? n : most;
	}
	return t->n_rows >= 2 && most >= 2 && most <= DOCX_COLUMNS_MAX ? most : 0;
}

static int layout(const struct docx_table *t, struct extract *x)
{
	int rc = 0;
	for (size_t i = 0; i < t->n && rc == 0; i++)
		if (*t->cell[i].text && !extract_block(x, BLOCK_PARAGRAPH, t->cell[i].text, 0, 0))
			rc = ERR_RESOURCE;
	return rc;
}

static void grid_fill(const struct docx_table *t, const char **to, size_t cols)
{
	for (size_t r = 0; r < t->n_rows; r++, to += cols) {
		size_t col = 0;
		for (size_t i = t->row[r]; i < row_end(t, r); i++)
			for (size_t k = 0; k < t->cell[i].wide && col < cols; k++, col++)
				to[col] = t->cell[i].continues && r ? to[col - cols] : t->cell[i].text;
		for (; col < cols; col++)
			to[col] = "";
	}
}

static bool has_head(const struct docx_table *t)
{
	bool bold = true;
	for (size_t i = 0; i < row_end(t, 0); i++)
		bold &= t->cell[i].bold || !*t->cell[i].text;
	return bold || t->has_head;
}

int docx_table_end(struct docx_table *t, struct extract *x)
{
	size_t cols = columns(t), head = cols && !has_head(t), cells;
	int rc = 0;
	if (!cols) {
		rc = layout(t, x);
	} else if (size_mul(t->n_rows + head, cols, &cells)) {
		const char **p = arena_alloc(x->o.arena, cells, sizeof *p, x->o.e);
		if (p) {
			for (size_t i = 0; i < head * cols; i++)
				p[i] = "";
			grid_fill(t, p + head * cols, cols);
		}
		rc = p && extract_table(x, p, t->n_rows + head, cols) ? 0 : ERR_RESOURCE;
	}
	t->n = t->n_rows = 0;
	t->has_head = false;
	return rc;
}

void docx_table_release(struct docx_table *t)
{
	mem_free(t->cell);
	mem_free(t->row);
}

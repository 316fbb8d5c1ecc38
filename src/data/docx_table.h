/* Private to the DOCX reader: the tables of a document. */
#ifndef ATTUNE_DATA_DOCX_TABLE_H
#define ATTUNE_DATA_DOCX_TABLE_H

#include "data/extract.h"

enum { DOCX_COLUMNS_MAX = 32 };

struct docx_cell {
	const char *text;
	size_t wide;    /* columns that it covers */
	bool bold;      /* all of its text */
	bool continues; /* the cell above */
};

/* The table that is open: its cells, row by row. */
struct docx_table {
	struct docx_cell *cell; /* [n]; mem_free */
	size_t n, cap;
	size_t *row; /* [n_rows]: where each begins; mem_free */
	size_t n_rows, cap_rows;
	bool has_head; /* the first row is said to be one */
	bool row_out;  /* the row being read was deleted */
};

int docx_row_begin(struct docx_table *t, struct err *e);
int docx_cell_add(struct docx_table *t, const struct docx_cell *c, struct err *e);
/* The row is complete: one that was deleted goes. */
void docx_row_end(struct docx_table *t);
/*
 * Makes a table of data one block, of a table that only lays out a page a paragraph each cell, and empties it. Without a head of
 * its own the first row stays empty, since the first row of values names nothing.
 */
int docx_table_end(struct docx_table *t, struct extract *x);
void docx_table_release(struct docx_table *t);

#endif

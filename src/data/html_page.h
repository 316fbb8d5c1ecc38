/* Private to the HTML reader: the state of its walk, shared by what reads running text and what reads tables. */
#ifndef ATTUNE_DATA_HTML_PAGE_H
#define ATTUNE_DATA_HTML_PAGE_H

#include <gumbo.h>

#include "data/outline.h"

struct html_list {
	size_t number, ordinal;
	bool ordered;
};

struct page {
	struct outline o;
	struct span span; /* of the text being read; start SIZE_MAX: none yet */
	bool leaf;        /* in a heading, term or cell: blocks inside are only white space */
	bool code;        /* in a code span */
	bool broken;      /* the last thing was a line break */
	bool too_deep;
	int level, shift;             /* of the last heading; added to all, when the title of the page stands above them */
	size_t n_lists, n_tables;     /* lists so far; tables that are open */
	const struct html_list *list; /* innermost */
	bool item;                    /* the next block is the first of an item of it */
	const char *term;             /* what the next block describes, or NULL */
};

/* Navigation, heads and feet of pages, what is hidden: not content. */
bool html_is_out(const GumboNode *element);
/* The text of an element as a leaf, in o->text; page.span is what it covers. */
int html_leaf(struct page *p, const GumboNode *n, int depth);

/*
 * A table of data (two rows and columns at least, cells of plain text) becomes one block and *done is set; a table that only lays
 * out a page is left to the caller.
 */
int html_grid(struct page *p, const GumboNode *table, int depth, bool *done);

#endif

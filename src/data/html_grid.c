/*
 * HTML tables of data. The first row is the head when its cells are <th> or all in bold; else the head stays empty, since the
 * first row of values names nothing.
 *
 * Reference: https://html.spec.whatwg.org/multipage/tables.html#forming-a-table, without overlapping cells.
 */
#include <string.h>

#include "data/html_page.h"

enum { COLUMNS_MAX = 32, SPAN_ROWS_MAX = 1000, CELL_BYTES = 1500 };

struct grid {
	size_t n_rows, n_cols, row; /* row: the one being filled */
	bool has_head;              /* any <th> */
	bool layout;                /* a cell holds blocks, or is as long as a page */
	const char **cells;         /* [n_rows, n_cols] */
	size_t left[COLUMNS_MAX];   /* rows that a cell above still covers, and its text */
	const char *above[COLUMNS_MAX];
	bool bold[COLUMNS_MAX]; /* is that cell <th> or bold as a whole, or empty? */
	size_t n_heads;         /* rows of only such cells that the table begins with */
};

static size_t span_attribute(const GumboElement *el, const char *name, size_t max)
{
	const GumboAttribute *a = gumbo_get_attribute(&el->attributes, name);
	size_t n = 0;
	for (const char *s = a ? a->value : "1"; *s >= '0' && *s <= '9' && n <= max; s++)
		n = n * 10 + (size_t)(*s - '0');
	return n < 1 ? 1 : n > max ? max : n;
}

static bool is_tag(const GumboNode *n, GumboTag tag)
{
	return n->type == GUMBO_NODE_ELEMENT && n->v.element.tag == tag;
}

static bool is_cell(const GumboNode *n)
{
	return is_tag(n, GUMBO_TAG_TD) || is_tag(n, GUMBO_TAG_TH);
}

/* Counts the blocks in a cell that text alone cannot show. Paragraphs count one each: two make a text. */
static size_t blocks_count(const GumboNode *n, int depth)
{
	if (n->type != GUMBO_NODE_ELEMENT || html_is_out(n))
		return 0;
	GumboTag t = n->v.element.tag;
	if (t == GUMBO_TAG_TABLE || t == GUMBO_TAG_UL || t == GUMBO_TAG_OL || t == GUMBO_TAG_DL || t == GUMBO_TAG_PRE ||
		t == GUMBO_TAG_BLOCKQUOTE || (t >= GUMBO_TAG_H1 && t <= GUMBO_TAG_H6) || depth > 64)
		return 2;
	size_t sum = t == GUMBO_TAG_P;
	for (unsigned i = 0; i < n->v.element.children.length && sum < 2; i++)
		sum += blocks_count(n->v.element.children.data[i], depth + 1);
	return sum;
}

static bool is_row(const GumboNode *n)
{
	if (!is_tag(n, GUMBO_TAG_TR))
		return false;
	for (unsigned i = 0; i < n->v.element.children.length; i++)
		if (is_cell(n->v.element.children.data[i]))
			return true;
	return false;
}

static void row_survey(struct grid *g, const GumboNode *row)
{
	size_t n = 0;
	for (unsigned i = 0; i < row->v.element.children.length; i++) {
		const GumboNode *c = row->v.element.children.data[i];
		if (!is_cell(c))
			continue;
		n += span_attribute(&c->v.element, "colspan", COLUMNS_MAX + 1);
		g->has_head |= c->v.element.tag == GUMBO_TAG_TH;
		g->layout |= blocks_count(c, 0) > 1 ||
			(c->v.element.end_pos.offset > c->v.element.start_pos.offset + CELL_BYTES && !g->has_head);
	}
	g->n_rows++;
	g->n_cols = n > g->n_cols ? n : g->n_cols;
	g->layout |= n > COLUMNS_MAX;
}

static int row_fill(struct page *p, struct grid *g, const GumboNode *row, int depth)
{
	size_t col = 0, n_bold = 0;
	const char **to = &g->cells[g->row * g->n_cols];
	for (unsigned i = 0; i < row->v.element.children.length; i++) {
		const GumboNode *c = row->v.element.children.data[i];
		if (!is_cell(c))
			continue;
		while (col < g->n_cols && g->left[col])
			col++;
		struct span span = p->span;
		int rc = html_leaf(p, c, depth + 1);
		const char *text = rc == 0 ? outline_text_end(&p->o) : NULL;
		if (!text)
			return ERR_RESOURCE;
		bool bold = c->v.element.tag == GUMBO_TAG_TH || p->o.bold == p->o.text.len;
		p->span.start = span.start < p->span.start ? span.start : p->span.start;
		p->span.end = span.end > p->span.end ? span.end : p->span.end;
		size_t wide = span_attribute(&c->v.element, "colspan", COLUMNS_MAX);
		size_t rows = span_attribute(&c->v.element, "rowspan", SPAN_ROWS_MAX);
		for (; wide && col < g->n_cols; wide--, col++) {
			g->left[col] = rows;
			g->above[col] = text;
			g->bold[col] = bold;
		}
	}
	for (col = 0; col < g->n_cols; col++)
		if (g->left[col]) {
			to[col] = g->above[col];
			n_bold += g->bold[col];
			g->left[col]--;
		}
	g->n_heads += g->n_heads == g->row && n_bold == g->n_cols;
	g->row++;
	return 0;
}

/* Calls for every row of the table, straight or in a <thead>, <tbody> or <tfoot>; fills when the cells are there, else surveys. */
static int rows_walk(struct page *p, struct grid *g, const GumboNode *n, int depth)
{
	int rc = 0;
	for (unsigned i = 0; i < n->v.element.children.length && rc == 0; i++) {
		const GumboNode *c = n->v.element.children.data[i];
		if (is_tag(c, GUMBO_TAG_THEAD) || is_tag(c, GUMBO_TAG_TBODY) || is_tag(c, GUMBO_TAG_TFOOT)) {
			rc = rows_walk(p, g, c, depth + 1);
		} else if (is_row(c) && !g->cells) {
			row_survey(g, c);
		} else if (is_row(c)) {
			rc = row_fill(p, g, c, depth + 1);
		}
	}
	return rc;
}

/* Columns of pictures are empty: they go. */
static void columns_pack(struct grid *g)
{
	size_t n = 0;
	bool used[COLUMNS_MAX] = {0};
	for (size_t i = 0; i < g->row * g->n_cols; i++)
		used[i % g->n_cols] |= *g->cells[i] != 0;
	for (size_t i = 0; i < g->row * g->n_cols; i++)
		if (used[i % g->n_cols])
			g->cells[n++] = g->cells[i];
	g->n_cols = g->row ? n / g->row : 0;
}

static int grid_add(struct page *p, const struct grid *g)
{
	static const char none[] = "";
	struct block *b = outline_block(&p->o, BLOCK_TABLE, p->span.start < p->span.end ? p->span : (struct span){0, 0});
	size_t heads = g->n_heads < g->row ? g->n_heads : 1;
	if (!b)
		return ERR_RESOURCE;
	b->n_cols = g->n_cols;
	if (heads) { /* of several, the last names the columns */
		b->cells = g->cells + (heads - 1) * g->n_cols;
		b->n_rows = g->row - heads + 1;
		return 0;
	}
	b->n_rows = g->row + 1;
	if (!(b->cells = arena_alloc(p->o.arena, b->n_rows * g->n_cols, sizeof *b->cells, p->o.e)))
		return ERR_RESOURCE;
	for (size_t i = 0; i < g->n_cols; i++)
		b->cells[i] = none;
	memcpy(b->cells + g->n_cols, g->cells, g->row * g->n_cols * sizeof *b->cells);
	return 0;
}

int html_grid(struct page *p, const GumboNode *table, int depth, bool *done)
{
	struct grid g = {0};
	const GumboAttribute *role = gumbo_get_attribute(&table->v.element.attributes, "role");
	size_t cells;
	*done = false;
	int rc = rows_walk(p, &g, table, depth);
	if (g.layout || g.n_rows < 2 || g.n_cols < 2 || (role && !strcmp(role->value, "presentation")))
		return rc;
	if (!size_mul(g.n_rows, g.n_cols, &cells))
		return err_set(p->o.e, ERR_RESOURCE, "%s: a table of %zu rows does not fit in memory", p->o.d->path, g.n_rows);
	if (!(g.cells = arena_alloc(p->o.arena, cells, sizeof *g.cells, p->o.e)))
		return ERR_RESOURCE;
	for (size_t i = 0; i < cells; i++)
		g.cells[i] = "";
	p->span = (struct span){SIZE_MAX, 0};
	if ((rc = rows_walk(p, &g, table, depth)) < 0)
		return rc;
	columns_pack(&g);
	*done = g.n_cols >= 2;
	return *done ? grid_add(p, &g) : 0;
}

/*
 * One Markdown document to sections and blocks. Parsing is cmark-gfm's (CommonMark plus GitHub's tables); this file walks its tree
 * once, flattens inline markup to plain text and turns source lines and columns into byte spans.
 *
 * Reference: https://spec.commonmark.org/0.29/, https://github.github.com/gfm/. cmark-gfm aborts when memory runs out, so
 * the document's size is limited before it gets here.
 */
#include "data/markdown.h"

#include <string.h>

#include <cmark-gfm.h>
#include <cmark-gfm-core-extensions.h>

#include "data/outline.h"

struct reader {
	struct outline o;
	size_t *line; /* byte where line i (from 0) starts */
	size_t n_lines;
	size_t first_line; /* lines of front matter, which cmark does not see */
	bool opens_bold;
	int image; /* depth: what stands for a picture is not text */
	size_t n_lists;
	struct list *list; /* innermost */
};

struct list {
	struct list *outer;
	size_t number, ordinal;
	bool ordered;
};

/* ---- lines and columns to bytes ------------------------------------------------------------------------------------------- */

static int lines_find(struct reader *r)
{
	const char *p = r->o.d->bytes;
	size_t n = r->o.d->size, lines = 1;
	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n' || (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n'));
	r->line = arena_alloc(r->o.arena, lines, sizeof *r->line, r->o.e);
	if (!r->line)
		return ERR_RESOURCE;
	r->n_lines = 1;
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\n' || (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n')))
			r->line[r->n_lines++] = i + 1;
	return 0;
}

/* YAML between two lines of "---" at the very start, as site generators want it, is not part of the text. */
static void front_matter_skip(struct reader *r)
{
	const char *p = r->o.d->bytes;
	for (size_t i = 0; i < r->n_lines; i++) {
		size_t start = r->line[i], end = i + 1 < r->n_lines ? r->line[i + 1] : r->o.d->size;
		while (end > start && (p[end - 1] == '\n' || p[end - 1] == '\r'))
			end--;
		bool rule = end - start == 3 && !memcmp(p + start, "---", 3);
		if (i == 0 ? !rule : rule) {
			r->first_line = i > 0 && i + 1 < r->n_lines ? i + 1 : 0;
			return;
		}
	}
}

static size_t byte_at(const struct reader *r, int line, int column)
{
	if (line < 1 || (size_t)line > r->n_lines - r->first_line)
		return r->o.d->size;
	size_t at = r->line[r->first_line + (size_t)line - 1] + (column > 0 ? (size_t)column - 1 : 0);
	return at < r->o.d->size ? at : r->o.d->size;
}

static struct span span_of(const struct reader *r, cmark_node *n)
{
	struct span s = {byte_at(r, cmark_node_get_start_line(n), cmark_node_get_start_column(n)),
		byte_at(r, cmark_node_get_end_line(n), cmark_node_get_end_column(n) + 1)};
	if (s.end < s.start)
		s.end = s.start;
	return s;
}

/* ---- inline text ---------------------------------------------------------------------------------------------------------- */

static int text_add(struct reader *r, const char *s)
{
	return outline_text(&r->o, s, strlen(s));
}

/* A code span keeps its backticks; a backtick inside becomes an apostrophe, so that a pair of backticks always delimits code. */
static int code_add(struct reader *r, const char *s)
{
	int rc = buf_append(&r->o.text, "`", 1, r->o.e);
	for (; *s && rc == 0; s++)
		rc = buf_append(&r->o.text, *s == '`' ? "'" : *s == '\n' ? " " : s, 1, r->o.e);
	return rc < 0 ? rc : buf_append(&r->o.text, "`", 1, r->o.e);
}

static int inline_event(struct reader *r, cmark_node *n, bool enter)
{
	switch (cmark_node_get_type(n)) {
	case CMARK_NODE_TEXT:
		return r->image ? 0 : text_add(r, cmark_node_get_literal(n));
	case CMARK_NODE_CODE:
		return r->image ? 0 : code_add(r, cmark_node_get_literal(n));
	case CMARK_NODE_SOFTBREAK:
	case CMARK_NODE_LINEBREAK:
	case CMARK_NODE_HTML_INLINE:
		return text_add(r, " ");
	case CMARK_NODE_IMAGE:
		r->image += enter ? 1 : -1;
		return 0;
	case CMARK_NODE_STRONG:
		if (enter)
			r->opens_bold = r->o.text.len == 0;
		else if (r->opens_bold && !r->o.bold)
			r->o.bold = r->o.text.len;
		return 0;
	default:
		return 0;
	}
}

static void text_begin(struct reader *r)
{
	outline_text_begin(&r->o);
	r->opens_bold = false;
}

/* ---- blocks --------------------------------------------------------------------------------------------------------------- */

static int heading_end(struct reader *r, cmark_node *n)
{
	char *title = outline_text_end(&r->o);
	if (!title)
		return ERR_RESOURCE;
	return outline_section(&r->o, outline_title(title), cmark_node_get_heading_level(n), span_of(r, n).start);
}

static int paragraph_end(struct reader *r, cmark_node *n)
{
	cmark_node *parent = cmark_node_parent(n);
	bool item = r->list && cmark_node_get_type(parent) == CMARK_NODE_ITEM && !cmark_node_previous(n);
	const char *text = outline_text_end(&r->o);
	if (!text)
		return ERR_RESOURCE;
	if (!*text)
		return 0;
	struct block *b = outline_block(&r->o, item ? BLOCK_ITEM : BLOCK_PARAGRAPH, span_of(r, n));
	if (!b)
		return ERR_RESOURCE;
	b->text = text;
	b->bold = r->o.bold;
	if (item) {
		b->list = r->list->number;
		b->ordinal = r->list->ordered ? r->list->ordinal : 0;
	}
	return 0;
}

static int code_block(struct reader *r, cmark_node *n)
{
	const char *s = cmark_node_get_literal(n);
	struct block *b = outline_block(&r->o, BLOCK_CODE, span_of(r, n));
	if (!b)
		return ERR_RESOURCE;
	b->text = arena_strdup(r->o.arena, s, strlen(s), r->o.e);
	return b->text ? 0 : ERR_RESOURCE;
}

static int list_event(struct reader *r, cmark_node *n, bool enter)
{
	if (!enter) {
		r->list = r->list->outer;
		return 0;
	}
	struct list *l = arena_alloc(r->o.arena, 1, sizeof *l, r->o.e);
	if (!l)
		return ERR_RESOURCE;
	*l = (struct list){.outer = r->list, .number = ++r->n_lists, .ordered = cmark_node_get_list_type(n) == CMARK_ORDERED_LIST};
	r->list = l;
	return 0;
}

static int table_begin(struct reader *r, cmark_node *n)
{
	size_t rows = 0, cols = cmark_gfm_extensions_get_table_columns(n), cells;
	for (cmark_node *row = cmark_node_first_child(n); row; row = cmark_node_next(row))
		rows++;
	struct block *b = outline_block(&r->o, BLOCK_TABLE, span_of(r, n));
	if (!b || !size_mul(rows, cols, &cells) || !(b->cells = arena_alloc(r->o.arena, cells, sizeof *b->cells, r->o.e)))
		return ERR_RESOURCE;
	for (size_t i = 0; i < cells; i++)
		b->cells[i] = ""; /* short rows */
	b->n_cols = cols;
	return 0;
}

/* Rows and cells arrive in order: the row being read is n_rows - 1, `column` counts within it. */
static int cell_end(struct reader *r, size_t column)
{
	struct block *b = &r->o.d->blocks[r->o.d->n_blocks - 1];
	const char *text = outline_text_end(&r->o);
	if (text && b->n_rows && column < b->n_cols)
		b->cells[(b->n_rows - 1) * b->n_cols + column] = text;
	return text ? 0 : ERR_RESOURCE;
}

static int table_event(struct reader *r, cmark_node *n, bool enter, size_t *column)
{
	const char *type = cmark_node_get_type_string(n);
	if (!strcmp(type, "table"))
		return enter ? table_begin(r, n) : 0;
	if (!strcmp(type, "table_cell")) {
		if (enter)
			text_begin(r);
		else
			return cell_end(r, (*column)++);
	} else if (enter) { /* a row, or the head */
		r->o.d->blocks[r->o.d->n_blocks - 1].n_rows++;
		*column = 0;
	}
	return 0;
}

static int tree_read(struct reader *r, cmark_node *root)
{
	int rc = 0;
	size_t column = 0;
	cmark_iter *it = cmark_iter_new(root);
	for (cmark_event_type event; rc == 0 && (event = cmark_iter_next(it)) != CMARK_EVENT_DONE;) {
		cmark_node *n = cmark_iter_get_node(it);
		bool enter = event == CMARK_EVENT_ENTER;
		cmark_node_type type = cmark_node_get_type(n);
		if (type == CMARK_NODE_HEADING || type == CMARK_NODE_PARAGRAPH) {
			if (enter)
				text_begin(r);
			else
				rc = type == CMARK_NODE_HEADING ? heading_end(r, n) : paragraph_end(r, n);
		} else if (type == CMARK_NODE_CODE_BLOCK) {
			rc = code_block(r, n);
		} else if (type == CMARK_NODE_LIST) {
			rc = list_event(r, n, enter);
		} else if (type == CMARK_NODE_ITEM) {
			r->list->ordinal += enter;
		} else if (!strncmp(cmark_node_get_type_string(n), "table", 5)) {
			rc = table_event(r, n, enter, &column);
		} else {
			rc = inline_event(r, n, enter);
		}
	}
	cmark_iter_free(it);
	return rc;
}

/* ---- public --------------------------------------------------------------------------------------------------------------- */

int markdown_read(struct document *d, struct arena *a, struct err *e)
{
	struct reader r = {0};
	outline_init(&r.o, d, a, e);
	int rc = lines_find(&r);
	if (rc < 0)
		return rc;
	front_matter_skip(&r);
	size_t start = r.line[r.first_line];
	cmark_gfm_core_extensions_ensure_registered();
	cmark_parser *parser = cmark_parser_new(CMARK_OPT_DEFAULT);
	cmark_node *root = NULL;
	cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension("table"));
	if (start < d->size)
		cmark_parser_feed(parser, d->bytes + start, d->size - start);
	root = cmark_parser_finish(parser);
	if ((rc = outline_section(&r.o, "", 0, start)) < 0 || (rc = tree_read(&r, root)) < 0)
		goto done;
	if (!d->n_blocks)
		d->skipped = "no text in it";
done:
	cmark_node_free(root);
	cmark_parser_free(parser);
	outline_release(&r.o);
	return rc;
}

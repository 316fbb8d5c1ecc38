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

enum { MARKDOWN_LEVELS = 6 };

struct reader {
	struct document *d;
	struct arena *arena;
	struct err *e;
	size_t *line; /* byte where line i (from 0) starts */
	size_t n_lines;
	size_t first_line; /* lines of front matter, which cmark does not see */
	size_t cap_sections, cap_blocks;
	const char *title[MARKDOWN_LEVELS + 1]; /* of the headings that are open, by level */
	struct buf text;                        /* of the leaf being read */
	size_t bold;                            /* bytes of bold text that it opened with */
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

/*
 * ---- lines and columns to bytes
 * ------------------------------------------------------------------------------------------------
 */

static int lines_find(struct reader *r)
{
	const char *p = r->d->bytes;
	size_t n = r->d->size, lines = 1;
	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n' || (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n'));
	r->line = arena_alloc(r->arena, lines, sizeof *r->line, r->e);
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
	const char *p = r->d->bytes;
	for (size_t i = 0; i < r->n_lines; i++) {
		size_t start = r->line[i], end = i + 1 < r->n_lines ? r->line[i + 1] : r->d->size;
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
		return r->d->size;
	size_t at = r->line[r->first_line + (size_t)line - 1] + (column > 0 ? (size_t)column - 1 : 0);
	return at < r->d->size ? at : r->d->size;
}

static struct span span_of(const struct reader *r, cmark_node *n)
{
	struct span s = {byte_at(r, cmark_node_get_start_line(n), cmark_node_get_start_column(n)),
		byte_at(r, cmark_node_get_end_line(n), cmark_node_get_end_column(n) + 1)};
	if (s.end < s.start)
		s.end = s.start;
	return s;
}

/*
 * ---- growing
 * ---------------------------------------------------------------------------------------------------------------------
 */

/* Room for one more in an arena array: doubling leaves the old one behind, at most as much again. */
static void *grow(struct reader *r, void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	size_t more = *cap ? 2 * *cap : 16;
	void *q = arena_alloc(r->arena, more, size, r->e);
	if (q && n)
		memcpy(q, p, n * size);
	*cap = q ? more : *cap;
	return q;
}

static struct block *block_add(struct reader *r, enum block_kind kind, struct span span)
{
	struct document *d = r->d;
	struct block *p = grow(r, d->blocks, d->n_blocks, &r->cap_blocks, sizeof *p);
	if (!p)
		return NULL;
	d->blocks = p;
	p = &p[d->n_blocks++];
	*p = (struct block){.kind = kind, .span = span};
	d->sections[d->n_sections - 1].n_blocks++;
	return p;
}

static int section_add(struct reader *r, const char *title, int level, size_t start)
{
	struct document *d = r->d;
	struct section *p = grow(r, d->sections, d->n_sections, &r->cap_sections, sizeof *p);
	if (!p)
		return ERR_RESOURCE;
	d->sections = p;
	if (d->n_sections)
		p[d->n_sections - 1].span.end = start;
	p = &p[d->n_sections++];
	*p = (struct section){.title = title, .span = {start, d->size}, .block = d->n_blocks};

	int rc = 0;
	struct buf crumb = {0};
	r->title[level] = title;
	for (int i = level + 1; i <= MARKDOWN_LEVELS; i++)
		r->title[i] = NULL;
	for (int i = 1; i <= level && rc == 0; i++)
		if (r->title[i])
			rc = buf_printf(&crumb, r->e, "%s%s", crumb.len ? " > " : "", r->title[i]);
	p->heading = rc == 0 ? arena_strdup(r->arena, crumb.p ? crumb.p : "", crumb.len, r->e) : NULL;
	buf_release(&crumb);
	return p->heading ? 0 : ERR_RESOURCE;
}

/*
 * ---- inline text
 * -------------------------------------------------------------------------------------------------------------------
 */

/* Appends with white space made single. */
static int text_add(struct reader *r, const char *s)
{
	int rc = 0;
	for (size_t n; *s && rc == 0; s += n) {
		n = strspn(s, " \t\r\n");
		if (n) {
			if (r->text.len && r->text.p[r->text.len - 1] != ' ')
				rc = buf_append(&r->text, " ", 1, r->e);
		} else {
			n = strcspn(s, " \t\r\n");
			rc = buf_append(&r->text, s, n, r->e);
		}
	}
	return rc;
}

/* A code span keeps its backticks; a backtick inside becomes an apostrophe, so that a pair of backticks always delimits code. */
static int code_add(struct reader *r, const char *s)
{
	int rc = buf_append(&r->text, "`", 1, r->e);
	for (; *s && rc == 0; s++)
		rc = buf_append(&r->text, *s == '`' ? "'" : *s == '\n' ? " " : s, 1, r->e);
	return rc < 0 ? rc : buf_append(&r->text, "`", 1, r->e);
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
			r->opens_bold = r->text.len == 0;
		else if (r->opens_bold && !r->bold)
			r->bold = r->text.len;
		return 0;
	default:
		return 0;
	}
}

static void text_begin(struct reader *r)
{
	buf_clear(&r->text);
	r->bold = 0;
	r->opens_bold = false;
}

/* The text read since text_begin, without a space at its end, in the arena. */
static char *text_end(struct reader *r)
{
	while (r->text.len && r->text.p[r->text.len - 1] == ' ')
		r->text.len--;
	if (r->bold > r->text.len)
		r->bold = r->text.len;
	return arena_strdup(r->arena, r->text.p ? r->text.p : "", r->text.len, r->e);
}

/*
 * ---- blocks
 * ----------------------------------------------------------------------------------------------------------------------
 */

static int heading_end(struct reader *r, cmark_node *n)
{
	char *title = text_end(r);
	if (!title)
		return ERR_RESOURCE;
	char *to = title;
	for (const char *from = title; *from; from++)
		if (*from != '`')
			*to++ = *from;
	*to = 0;
	return section_add(r, title, cmark_node_get_heading_level(n), span_of(r, n).start);
}

static int paragraph_end(struct reader *r, cmark_node *n)
{
	cmark_node *parent = cmark_node_parent(n);
	bool item = r->list && cmark_node_get_type(parent) == CMARK_NODE_ITEM && !cmark_node_previous(n);
	const char *text = text_end(r);
	if (!text)
		return ERR_RESOURCE;
	if (!*text)
		return 0;
	struct block *b = block_add(r, item ? BLOCK_ITEM : BLOCK_PARAGRAPH, span_of(r, n));
	if (!b)
		return ERR_RESOURCE;
	b->text = text;
	b->bold = r->bold;
	if (item) {
		b->list = r->list->number;
		b->ordinal = r->list->ordered ? r->list->ordinal : 0;
	}
	return 0;
}

static int code_block(struct reader *r, cmark_node *n)
{
	const char *s = cmark_node_get_literal(n);
	struct block *b = block_add(r, BLOCK_CODE, span_of(r, n));
	if (!b)
		return ERR_RESOURCE;
	b->text = arena_strdup(r->arena, s, strlen(s), r->e);
	return b->text ? 0 : ERR_RESOURCE;
}

static int list_event(struct reader *r, cmark_node *n, bool enter)
{
	if (!enter) {
		r->list = r->list->outer;
		return 0;
	}
	struct list *l = arena_alloc(r->arena, 1, sizeof *l, r->e);
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
	struct block *b = block_add(r, BLOCK_TABLE, span_of(r, n));
	if (!b || !size_mul(rows, cols, &cells) || !(b->cells = arena_alloc(r->arena, cells, sizeof *b->cells, r->e)))
		return ERR_RESOURCE;
	for (size_t i = 0; i < cells; i++)
		b->cells[i] = ""; /* short rows */
	b->n_cols = cols;
	return 0;
}

/* Rows and cells arrive in order: the row being read is n_rows - 1, `column` counts within it. */
static int cell_end(struct reader *r, size_t column)
{
	struct block *b = &r->d->blocks[r->d->n_blocks - 1];
	const char *text = text_end(r);
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
		r->d->blocks[r->d->n_blocks - 1].n_rows++;
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

/*
 * ---- public
 * ----------------------------------------------------------------------------------------------------------------------
 */

static bool is_utf8(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned c = p[i];
		size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 4;
		if (more == 4 || more >= n - i)
			return false;
		for (size_t k = 1; k <= more; k++)
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
		/* overlong forms, surrogates, past U+10FFFF */
		if ((c == 0xe0 && p[i + 1] < 0xa0) || (c == 0xed && p[i + 1] > 0x9f) || (c == 0xf0 && p[i + 1] < 0x90) ||
			(c == 0xf4 && p[i + 1] > 0x8f))
			return false;
		i += more + 1;
	}
	return true;
}

int markdown_read(struct document *d, struct arena *a, struct err *e)
{
	if (d->size && memchr(d->bytes, 0, d->size)) {
		d->skipped = "not text: it holds NUL bytes";
		return 0;
	}
	if (!is_utf8((const unsigned char *)d->bytes, d->size)) {
		d->skipped = "not UTF-8 text";
		return 0;
	}
	struct reader r = {.d = d, .arena = a, .e = e};
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
	if ((rc = section_add(&r, "", 0, start)) < 0 || (rc = tree_read(&r, root)) < 0)
		goto done;
	if (!d->n_blocks)
		d->skipped = "no text in it";
done:
	cmark_node_free(root);
	cmark_parser_free(parser);
	buf_release(&r.text);
	return rc;
}

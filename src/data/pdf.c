/*
 * A PDF file to sections and blocks. pdftotext gives words with their places, in reading order, gathered to lines and blocks; the
 * rest is told by look: what stands at the top or foot of most pages is no text, larger lines are headings, a block is a paragraph.
 * Tables come as their cells in lines, since nothing in a PDF file says that they are tables.
 *
 * Reference: `pdftotext -tsv` (poppler): level, page, flow, block, line, word, left, top, width, height, confidence, text.
 */
#include "data/pdf.h"

#include "format/format.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/encoding.h"
#include "data/extract.h"

enum { LEVEL_WORD = 5, PAGES_MAX = 20000, HEADING_WORDS = 14, SIZES = 4, FRAME_LINES = 2, FRAME_BYTES = 120, HEIGHTS = 400 };
static const struct pdf_limits limits = {.seconds = 60, .memory = (size_t)2 << 30, .output = 256 << 20};
static const double heading_height = 1.12; /* of a heading to that of the body */

struct line {
	const char *text;
	size_t page; /* from 1 */
	long block;  /* lines with the same number follow each other in one */
	double left, right, top, height;
	bool frame; /* head or foot of a page */
};

struct reader {
	struct extract x;
	struct line *line; /* [n]; mem_free */
	size_t n, cap, n_pages;
	double body;        /* height of most of the text */
	double size[SIZES]; /* of headings, the largest first */
	size_t n_sizes, n_lists, list, ordinal;
};

/* ---- words to lines ------------------------------------------------------------------------------------------------------- */

struct word {
	long level, page, flow, block, line;
	double left, top, width, height;
	const char *text;
};

/* Cuts a line of the table at its tabs; false when it is not one of a word. */
static bool word_read(char *p, struct word *w)
{
	char *field[12];
	size_t n = 0;
	for (; n < 12; n++) {
		field[n] = p;
		if (n == 11)
			break;
		if (!(p = strchr(p, '\t')))
			return false;
		*p++ = 0;
	}
	*w = (struct word){strtol(field[0], NULL, 10), strtol(field[1], NULL, 10), strtol(field[2], NULL, 10),
		strtol(field[3], NULL, 10), strtol(field[4], NULL, 10), strtod(field[6], NULL), strtod(field[7], NULL),
		strtod(field[8], NULL), strtod(field[9], NULL), field[11]};
	return w->level == LEVEL_WORD && w->page >= 1 && w->page <= PAGES_MAX && isfinite(w->left) && isfinite(w->top) &&
		isfinite(w->width) && isfinite(w->height) && w->height > 0;
}

/* Letters that were printed as one. */
static int word_add(struct outline *o, const char *s)
{
	static const char *const joined[] = {"ff", "fi", "fl", "ffi", "ffl"};
	const char *at;
	int rc = outline_text(o, " ", 1);
	while (rc == 0 && (at = strstr(s, "\xef\xac")) && (unsigned char)at[2] >= 0x80 && (unsigned char)at[2] <= 0x84) {
		rc = outline_text(o, s, (size_t)(at - s));
		if (rc == 0)
			rc = outline_text(o, joined[(unsigned char)at[2] - 0x80], strlen(joined[(unsigned char)at[2] - 0x80]));
		s = at + 3;
	}
	return rc < 0 ? rc : outline_prose(o, s);
}

static int line_end(struct reader *r, struct line *l)
{
	struct outline *o = &r->x.o;
	const char *text = outline_text_end(o);
	if (!text)
		return ERR_RESOURCE;
	outline_text_begin(o);
	if (!*text)
		return 0;
	if (mem_reserve(&r->line, r->n, &r->cap, sizeof *r->line, o->e))
		return ERR_RESOURCE;
	l->text = text;
	r->line[r->n++] = *l;
	return 0;
}

static int lines_read(struct reader *r, char *p)
{
	struct line l = {0};
	struct word w, before = {0};
	long blocks = 0;
	int rc = 0;
	outline_text_begin(&r->x.o);
	for (char *next; *p && rc == 0; p = next) {
		next = p + strcspn(p, "\n");
		if (*next)
			*next++ = 0;
		if (!word_read(p, &w))
			continue;
		bool block = w.page != before.page || w.flow != before.flow || w.block != before.block;
		if (block || w.line != before.line) {
			rc = line_end(r, &l);
			blocks += block;
			l = (struct line){.page = (size_t)w.page, .block = blocks, .left = w.left, .top = w.top};
		}
		l.height = w.height > l.height ? w.height : l.height;
		l.right = w.left + w.width > l.right ? w.left + w.width : l.right;
		before = w;
		r->n_pages = l.page > r->n_pages ? l.page : r->n_pages;
		if (rc == 0)
			rc = word_add(&r->x.o, w.text);
	}
	return rc < 0 ? rc : line_end(r, &l);
}

/* ---- headings ------------------------------------------------------------------------------------------------------------- */

/* The height that most bytes have, in steps of half a point. */
static void body_find(struct reader *r)
{
	size_t bytes[HEIGHTS] = {0}, best = 0;
	for (size_t i = 0; i < r->n; i++) {
		double step = r->line[i].height * 2 + 0.5;
		if (step < HEIGHTS)
			bytes[(size_t)step] += strlen(r->line[i].text);
	}
	for (size_t i = 0; i < HEIGHTS; i++)
		best = bytes[i] > bytes[best] ? i : best;
	r->body = (double)best / 2;
}

static bool is_large(const struct reader *r, const struct line *l)
{
	return r->body > 0 && l->height >= heading_height * r->body;
}

static bool is_heading(const struct reader *r, const struct line *l)
{
	return is_large(r, l) && isalnum((unsigned char)*l->text) &&
		str_words((struct str){l->text, strlen(l->text)}) <= HEADING_WORDS;
}

/* ---- heads and feet of pages ---------------------------------------------------------------------------------------------- */

struct edge {
	char text[FRAME_BYTES]; /* digits as '#', so that page numbers are equal */
	size_t line;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct edge *)a)->text, ((const struct edge *)b)->text);
}

static int by_place(const void *a, const void *b)
{
	const struct line *const *x = a, *const *y = b;
	return (*x)->top != (*y)->top ? ((*x)->top > (*y)->top) - ((*x)->top < (*y)->top) : (*x > *y) - (*x < *y);
}

static void edge_make(struct edge *to, const struct line *l, size_t i)
{
	size_t n = 0;
	for (const char *s = l->text; *s && n + 1 < sizeof to->text; s++) {
		bool digit = isdigit((unsigned char)*s);
		if (!digit || !n || to->text[n - 1] != '#')
			to->text[n++] = digit ? '#' : *s;
	}
	to->text[n] = 0;
	to->line = i;
}

/* The first and last lines of a page, by their places: those that three pages and two fifths of all share are a frame. Headings that
 * differ by a number ("Part 1") are none. */
static int frames_drop(struct reader *r)
{
	struct edge *edge = mem_alloc(r->n, sizeof *edge, r->x.o.e);
	const struct line **page = mem_alloc(r->n, sizeof *page, r->x.o.e);
	size_t n = 0, enough = (2 * r->n_pages + 4) / 5 > 3 ? (2 * r->n_pages + 4) / 5 : 3;
	for (size_t i = 0, end; i < r->n && edge && page; i = end) {
		for (end = i; end < r->n && r->line[end].page == r->line[i].page; end++)
			page[end - i] = &r->line[end];
		size_t lines = end - i;
		qsort(page, lines, sizeof *page, by_place);
		for (size_t k = 0; k < lines; k++)
			if ((k < FRAME_LINES || k + FRAME_LINES >= lines) && !is_large(r, page[k]))
				edge_make(&edge[n++], page[k], (size_t)(page[k] - r->line));
	}
	if (n)
		qsort(edge, n, sizeof *edge, by_text);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !strcmp(edge[end].text, edge[i].text); end++)
			;
		for (size_t k = i; k < end; k++)
			r->line[edge[k].line].frame = end - i >= enough;
	}
	size_t kept = 0;
	for (size_t i = 0; i < r->n; i++)
		if (!r->line[i].frame)
			r->line[kept++] = r->line[i];
	r->n = edge && page ? kept : r->n;
	bool good = edge && page;
	mem_free(edge);
	mem_free(page);
	return good ? 0 : ERR_RESOURCE;
}

/* ---- levels of headings ---------------------------------------------------------------------------------------------------- */

/* The largest sizes of headings; what is smaller stands below them all. */
static void sizes_find(struct reader *r)
{
	for (double below = 1e9; r->n_sizes < SIZES; r->n_sizes++) {
		double largest = 0;
		for (size_t i = 0; i < r->n; i++)
			if (is_heading(r, &r->line[i]) && r->line[i].height < below - 0.5 && r->line[i].height > largest)
				largest = r->line[i].height;
		if (largest <= 0)
			return;
		r->size[r->n_sizes] = below = largest;
	}
}

static int level_of(const struct reader *r, double height)
{
	size_t i = 0;
	while (i + 1 < r->n_sizes && height < r->size[i] - 0.5)
		i++;
	return (int)i + 1;
}

/* ---- blocks --------------------------------------------------------------------------------------------------------------- */

/* "- ", a bullet, "3. " or "3) " that an item begins with: its bytes. */
static size_t marker(const char *s, size_t *ordinal)
{
	static const char *const bullets[] = {"\xe2\x80\xa2", "\xe2\x96\xaa", "\xe2\x97\xa6", "\xc2\xb7", "\xe2\x80\x93", "-", "*"};
	size_t n = strspn(s, "0123456789");
	*ordinal = 0;
	if (n && n < 3 && (s[n] == '.' || s[n] == ')') && s[n + 1] == ' ' && s[n + 2]) {
		*ordinal = strtoul(s, NULL, 10);
		return n + 2;
	}
	for (size_t i = 0; i < sizeof bullets / sizeof *bullets; i++) {
		n = strlen(bullets[i]);
		if (!strncmp(s, bullets[i], n) && s[n] == ' ' && s[n + 1])
			return n + 1;
	}
	return 0;
}

/* Does `next` go on with the paragraph of `l`? */
static bool goes_on(const struct reader *r, const struct line *l, const struct line *next)
{
	size_t ordinal;
	if (is_heading(r, next) || marker(next->text, &ordinal))
		return false;
	if (next->block == l->block)
		return next->top - l->top < 2.2 * (l->height > next->height ? l->height : next->height);
	/* In the next column or page, where the sentence does. */
	return !strchr(".:?!", l->text[strlen(l->text) - 1]) && islower((unsigned char)*next->text) &&
		fabs(l->height - next->height) < 0.5;
}

/* A line behind what was read: a word that a hyphen divides is put together. */
static int text_add(struct outline *o, const char *s)
{
	struct buf *t = &o->text;
	bool soft = t->len > 1 && t->p[t->len - 1] == '-' && isalpha((unsigned char)t->p[t->len - 2]) && islower((unsigned char)*s);
	if (soft)
		t->len--;
	int rc = soft || !t->len ? 0 : outline_text(o, " ", 1);
	return rc < 0 ? rc : outline_text(o, s, strlen(s));
}

static int item_or_paragraph(struct reader *r, const char *text, bool item, size_t ordinal)
{
	bool next = r->list && (ordinal ? ordinal == r->ordinal + 1 : !r->ordinal);
	if (item) {
		r->list = next ? r->list : ++r->n_lists;
		r->ordinal = ordinal;
	} else {
		r->list = 0;
	}
	return extract_block(&r->x, item ? BLOCK_ITEM : BLOCK_PARAGRAPH, text, r->list, ordinal) ? 0 : ERR_RESOURCE;
}

/* The text of the pages up to this one begins here, if it has not yet. */
static void pages_mark(struct reader *r, size_t *page, size_t until)
{
	struct document *d = r->x.o.d;
	for (; d->n_pages < until; d->n_pages++)
		page[d->n_pages] = r->x.text.len;
}

static int blocks_make(struct reader *r)
{
	struct outline *o = &r->x.o;
	size_t *page = arena_alloc(o->arena, r->n_pages, sizeof *page, o->e), ordinal;
	int rc = page ? extract_section(&r->x, "", 0) : ERR_RESOURCE;
	o->d->page = page;
	for (size_t i = 0, end; i < r->n && rc == 0; i = end) {
		const struct line *l = &r->line[i];
		end = i + 1;
		bool heading = is_heading(r, l);
		size_t skip = heading ? 0 : marker(l->text, &ordinal);
		ordinal = skip ? ordinal : 0;
		pages_mark(r, page, l->page);
		outline_text_begin(o);
		rc = text_add(o, l->text + skip);
		while (end < r->n && rc == 0) {
			const struct line *next = &r->line[end];
			bool more = heading ? next->block == l->block && is_heading(r, next) && fabs(next->height - l->height) < 0.5
					    : goes_on(r, &r->line[end - 1], next);
			if (!more)
				break;
			rc = text_add(o, next->text);
			end++;
		}
		char *text = rc == 0 ? outline_text_end(o) : NULL;
		if (!text)
			return rc < 0 ? rc : ERR_RESOURCE;
		r->list = heading ? 0 : r->list;
		rc = heading ? extract_section(&r->x, outline_title(text), level_of(r, l->height))
			     : item_or_paragraph(r, text, skip > 0, ordinal);
	}
	return rc;
}

/* ---- public --------------------------------------------------------------------------------------------------------------- */

int pdf_words_read(struct buf *tsv, struct document *d, struct arena *a, struct err *e)
{
	struct reader r = {0};
	extract_init(&r.x, d, a, e);
	char none[] = "";
	int rc = lines_read(&r, tsv->p ? tsv->p : none);
	body_find(&r);
	if (rc == 0)
		rc = frames_drop(&r);
	if (rc == 0) {
		sizes_find(&r);
		rc = blocks_make(&r);
	}
	if (rc == 0 && !d->n_blocks)
		d->skipped = "no text in it; its pages may be pictures";
	if (rc == 0)
		rc = extract_end(&r.x);
	mem_free(r.line);
	extract_release(&r.x);
	return rc;
}

int pdf_read(struct document *d, const char *path, struct arena *a, struct err *e)
{
	struct buf tsv = {0};
	int rc = pdf_child_run(&tsv, path, &limits, d, a, e);
	if (rc == 0 && !d->skipped && tsv.len && (memchr(tsv.p, 0, tsv.len) || !utf8_is_valid(tsv.p, tsv.len)))
		d->skipped = "what pdftotext gives of it is no text";
	if (rc == 0 && !d->skipped)
		rc = pdf_words_read(&tsv, d, a, e);
	buf_release(&tsv);
	return rc;
}

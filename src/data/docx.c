/*
 * A Word document to sections and blocks. One pass over each part: paragraphs gather the text of their runs; styles say what they
 * are. Left out are tracked deletions, hidden text, tables of contents, pictures, page heads and feet, comments. A footnote follows
 * the block that refers to it.
 *
 * Reference: ECMA-376 part 1, 17 (WordprocessingML).
 */
#include "data/docx.h"

#include <stdlib.h>
#include <string.h>

#include "data/docx_style.h"
#include "data/docx_table.h"
#include "data/xml.h"

enum { NOTES_MAX = 10000, PENDING_MAX = 64, VALUE_BYTES = 128 };

struct note {
	int id;
	bool end; /* an endnote */
	const char *text;
};

struct reader {
	struct extract x;
	struct document *d;
	struct arena *arena;
	struct err *e;
	struct docx_styles styles;
	struct docx_table table;
	const char *part; /* being read, for messages */
	enum docx_part story;
	int skip;          /* depth of the element whose content is left out, or 0 */
	int tables, boxes; /* open ones, one in another */
	bool in_paragraph_style, in_run_style, in_row_style, in_text;

	const struct docx_style *style; /* of the paragraph */
	int level, num, num_level;      /* said by the paragraph itself; -1: nothing */
	const struct docx_style *run;   /* of the run */
	bool bold, hidden;              /* of the run, as it says itself or by its style */
	bool opens_bold, in_code;       /* the text so far is all bold; a code span is open */
	struct docx_cell cell;

	struct buf code; /* of the paragraphs in a code style */
	struct buf box;  /* texts of the paragraph's text boxes */
	bool has_title;  /* of the document, so that headings stand below it */
	int heading;     /* level of the last one */
	struct {
		int num;
		size_t list, ordinal;
	} list[LIST_LEVELS]; /* that are open */
	size_t n_lists;
	struct note *note; /* [n_notes]; mem_free */
	size_t n_notes, cap_notes;
	int note_id;
	const char *pending[PENDING_MAX]; /* notes of the block being read */
	size_t n_pending;
};

static bool is(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

/* ---- text of runs --------------------------------------------------------------------------------------------------------- */

static bool is_flat(const struct reader *r)
{
	return r->tables || r->boxes || r->story != DOCX_DOCUMENT;
}

static bool is_code(const struct reader *r)
{
	return r->style->code && !is_flat(r);
}

static int code_span(struct reader *r, bool on)
{
	if (on == r->in_code)
		return 0;
	r->in_code = on;
	return buf_append(&r->x.o.text, "`", 1, r->e);
}

static int text_add(struct reader *r, const char *s)
{
	struct outline *o = &r->x.o;
	if (r->hidden)
		return 0;
	if (r->boxes)
		return buf_puts(&r->box, s, r->e);
	if (is_code(r))
		return buf_puts(&r->code, s, r->e);
	bool blank = !s[strspn(s, " \t\r\n")];
	int rc = blank ? 0 : code_span(r, r->run->code);
	r->opens_bold = (r->opens_bold && (r->bold || blank)) || (!o->text.len && r->bold);
	if (rc == 0)
		rc = outline_prose(o, s);
	if (r->opens_bold)
		o->bold = o->text.len;
	return rc;
}

/* Of several paragraphs in a cell, a note or a box the texts stand one behind the other. */
static void text_begin(struct reader *r)
{
	outline_text_begin(&r->x.o);
	r->opens_bold = false;
}

static char *text_end(struct reader *r)
{
	struct outline *o = &r->x.o;
	if (code_span(r, false) < 0)
		return NULL;
	while (o->bold && o->text.p[o->bold - 1] == ' ')
		o->bold--;
	return outline_text_end(o);
}

/* ---- paragraphs ----------------------------------------------------------------------------------------------------------- */

/* Code, notes and boxes that belong behind the block that just ended. */
static int behind_flush(struct reader *r)
{
	int rc = 0;
	for (size_t i = 0; i < r->n_pending && rc == 0; i++)
		if (!extract_block(&r->x, BLOCK_PARAGRAPH, r->pending[i], 0, 0))
			rc = ERR_RESOURCE;
	r->n_pending = 0;
	return rc;
}

static int code_flush(struct reader *r)
{
	struct buf *c = &r->code;
	while (c->len && strchr(" \n", c->p[c->len - 1]))
		c->len--;
	if (!c->len)
		return 0;
	const char *text = arena_strdup(r->arena, c->p, c->len, r->e);
	buf_clear(c);
	return text && extract_block(&r->x, BLOCK_CODE, text, 0, 0) ? 0 : ERR_RESOURCE;
}

static int heading_level(const struct reader *r)
{
	if (r->style->title)
		return 1;
	int level = r->level >= 0 ? r->level : r->style->level;
	return level ? level + r->has_title : 0;
}

static int heading(struct reader *r, char *text, int level)
{
	memset(r->list, 0, sizeof r->list);
	r->has_title |= r->style->title;
	r->heading = level;
	return extract_section(&r->x, outline_title(text), level);
}

static int item(struct reader *r, const char *text, int num, int level)
{
	level = level < 0 ? 0 : level >= LIST_LEVELS ? LIST_LEVELS - 1 : level;
	for (int i = level + 1; i < LIST_LEVELS; i++)
		r->list[i].num = 0;
	if (r->list[level].num != num) {
		r->list[level].num = num;
		r->list[level].list = ++r->n_lists;
		r->list[level].ordinal = 0;
	}
	size_t ordinal = ++r->list[level].ordinal;
	struct block *b = extract_block(
		&r->x, BLOCK_ITEM, text, r->list[level].list, docx_list_is_ordered(&r->styles, num, level) ? ordinal : 0);
	if (b)
		b->bold = r->x.o.bold;
	return b ? 0 : ERR_RESOURCE;
}

static int paragraph_block(struct reader *r, char *text)
{
	int level = heading_level(r), num = r->num >= 0 ? r->num : r->style->num;
	if (level)
		return heading(r, text, level);
	if (num)
		return item(r, text, num, r->num_level >= 0 ? r->num_level : r->style->num_level);
	if (outline_is_label(&r->x.o))
		return extract_section(&r->x, outline_title(text), r->heading + 1);
	struct block *b = extract_block(&r->x, BLOCK_PARAGRAPH, text, 0, 0);
	if (b)
		b->bold = r->x.o.bold;
	return b ? 0 : ERR_RESOURCE;
}

static int box_end(struct reader *r)
{
	struct outline *o = &r->x.o;
	if (!r->box.len || r->n_pending == PENDING_MAX)
		return 0;
	outline_text_begin(o);
	int rc = outline_prose(o, r->box.p);
	const char *text = rc == 0 ? outline_text_end(o) : NULL;
	buf_clear(&r->box);
	if (text && *text)
		r->pending[r->n_pending++] = text;
	return text ? 0 : ERR_RESOURCE;
}

static void paragraph_begin(struct reader *r)
{
	r->style = docx_style_find(&r->styles, "");
	r->run = r->style;
	r->level = r->num = r->num_level = -1;
	if (!is_flat(r))
		text_begin(r);
}

static int paragraph_end(struct reader *r)
{
	if (r->boxes)
		return buf_puts(&r->box, " ", r->e);
	if (is_flat(r))
		return code_span(r, false) < 0 ? ERR_RESOURCE : outline_text(&r->x.o, " ", 1);
	if (is_code(r))
		return buf_puts(&r->code, "\n", r->e);
	char *text = text_end(r);
	int rc = text ? 0 : ERR_RESOURCE;
	bool any = rc == 0 && *text && !r->style->contents;
	if (rc == 0 && (any || r->box.len || r->n_pending))
		rc = code_flush(r);
	if (rc == 0 && any)
		rc = paragraph_block(r, text);
	if (rc == 0)
		rc = box_end(r);
	return rc < 0 ? rc : behind_flush(r);
}

/* ---- footnotes ------------------------------------------------------------------------------------------------------------ */

static int note_end(struct reader *r)
{
	const char *text = text_end(r);
	if (!text)
		return ERR_RESOURCE;
	if (!*text || r->n_notes == NOTES_MAX)
		return 0;
	if (mem_reserve(&r->note, r->n_notes, &r->cap_notes, sizeof *r->note, r->e))
		return ERR_RESOURCE;
	r->note[r->n_notes++] = (struct note){r->note_id, r->story == DOCX_ENDNOTES, text};
	return 0;
}

/* Each note once, where it is referred to first. */
static void note_refer(struct reader *r, int id, bool end)
{
	for (size_t i = 0; i < r->n_notes && r->n_pending < PENDING_MAX; i++)
		if (r->note[i].id == id && r->note[i].end == end && r->note[i].text) {
			r->pending[r->n_pending++] = r->note[i].text;
			r->note[i].text = NULL;
			return;
		}
}

/* ---- elements ------------------------------------------------------------------------------------------------------------- */

static int paragraph_style(struct reader *r, struct xml *x)
{
	char value[VALUE_BYTES];
	if (!xml_attribute(x, "val", value, sizeof value))
		return 0;
	if (!strcmp(x->name, "pStyle"))
		r->style = docx_style_find(&r->styles, value);
	else if (!strcmp(x->name, "outlineLvl"))
		r->level = value[0] >= '0' && value[0] <= '8' && !value[1] ? value[0] - '0' + 1 : 0;
	else if (!strcmp(x->name, "numId"))
		r->num = atoi(value) > 0 ? atoi(value) : 0;
	else if (!strcmp(x->name, "ilvl"))
		r->num_level = atoi(value);
	return 0;
}

static void run_style(struct reader *r, struct xml *x)
{
	char value[VALUE_BYTES];
	if (!strcmp(x->name, "rStyle") && xml_attribute(x, "val", value, sizeof value)) {
		r->run = docx_style_find(&r->styles, value);
		r->bold |= r->run->bold;
		r->hidden |= r->run->hidden;
	} else if (!strcmp(x->name, "b")) {
		r->bold = xml_is_on(x);
	} else if (!strcmp(x->name, "vanish")) {
		r->hidden = xml_is_on(x);
	}
}

static void run_begin(struct reader *r)
{
	r->run = docx_style_find(&r->styles, "");
	r->bold = r->style->bold;
	r->hidden = r->style->hidden;
}

static void cell_style(struct reader *r, struct xml *x)
{
	char value[VALUE_BYTES];
	bool any = xml_attribute(x, "val", value, sizeof value);
	if (!strcmp(x->name, "gridSpan") && any)
		r->cell.wide = atoi(value) > 1 && atoi(value) <= DOCX_COLUMNS_MAX ? (size_t)atoi(value) : 1;
	else if (!strcmp(x->name, "vMerge"))
		r->cell.continues = !any || strcmp(value, "restart") != 0;
	else if (!strcmp(x->name, "tblHeader"))
		r->table.has_head |= r->table.n_rows == 1;
	else if (!strcmp(x->name, "del"))
		r->table.row_out = true;
	else if (!strcmp(x->name, "tblLook"))
		r->table.has_head |=
			xml_attribute(x, "firstRow", value, sizeof value) ? *value == '1' : any && strtol(value, NULL, 16) & 0x20;
}

/* Tables, rows and cells of the outermost table; what is in one of its cells is text. */
static int table_open(struct reader *r, struct xml *x)
{
	if (!strcmp(x->name, "tbl")) {
		return r->tables++ ? 0 : code_flush(r);
	}
	if (r->tables != 1)
		return 0;
	if (!strcmp(x->name, "tr"))
		return docx_row_begin(&r->table, r->e);
	if (!strcmp(x->name, "tc")) {
		r->cell = (struct docx_cell){.wide = 1};
		text_begin(r);
		return 0;
	}
	cell_style(r, x);
	return 0;
}

static int table_close(struct reader *r, const char *name)
{
	if (!strcmp(name, "tbl")) {
		if (--r->tables)
			return 0;
		int rc = docx_table_end(&r->table, &r->x);
		return rc < 0 ? rc : behind_flush(r);
	}
	if (r->tables != 1)
		return 0;
	if (!strcmp(name, "tr"))
		docx_row_end(&r->table);
	if (strcmp(name, "tc"))
		return 0;
	r->cell.text = text_end(r);
	r->cell.bold = r->x.o.bold && r->x.o.bold == r->x.o.text.len;
	return r->cell.text ? docx_cell_add(&r->table, &r->cell, r->e) : ERR_RESOURCE;
}

static int mark(struct reader *r, struct xml *x)
{
	static const char *const spaces[] = {"tab", "ptab", NULL}, *const breaks[] = {"br", "cr", NULL},
				 *const notes[] = {"footnoteReference", "endnoteReference", NULL};
	char value[VALUE_BYTES];
	if (is(x->name, spaces))
		return text_add(r, is_code(r) ? "\t" : " ");
	if (is(x->name, breaks))
		return text_add(r, "\n");
	if (!strcmp(x->name, "noBreakHyphen"))
		return text_add(r, "-");
	if (is(x->name, notes) && !r->hidden && xml_attribute(x, "id", value, sizeof value))
		note_refer(r, atoi(value), *x->name == 'e');
	return 0;
}

static int on_open(struct reader *r, struct xml *x)
{
	/* Deleted or moved away, the old form of a change, what is shown when a newer form of the same is not understood, and field codes. */
	static const char *const out[] = {"del", "moveFrom", "pPrChange", "rPrChange", "tblPrChange", "trPrChange", "tcPrChange",
		"Fallback", "instrText", "delText", NULL};
	static const char *const table[] = {"tbl", "tr", "tc", "gridSpan", "vMerge", "tblHeader", "tblLook", "del", NULL};
	const char *name = x->name;
	char value[VALUE_BYTES];
	if (r->in_row_style && !strcmp(name, "del"))
		return table_open(r, x);
	if (is(name, out)) {
		r->skip = x->depth + 1;
		return 0;
	}
	if (!strcmp(name, "p") && !r->boxes)
		paragraph_begin(r);
	else if (!strcmp(name, "trPr"))
		r->in_row_style = true;
	else if (!strcmp(name, "pPr"))
		r->in_paragraph_style = true;
	else if (!strcmp(name, "rPr"))
		r->in_run_style = true;
	else if (!strcmp(name, "r"))
		run_begin(r);
	else if (!strcmp(name, "t"))
		r->in_text = true;
	else if (!strcmp(name, "txbxContent"))
		r->boxes++;
	else if (!strcmp(name, "footnote") || !strcmp(name, "endnote")) {
		r->note_id = xml_attribute(x, "id", value, sizeof value) ? atoi(value) : 0;
		text_begin(r);
	} else if (is(name, table) && r->story == DOCX_DOCUMENT && !r->boxes)
		return table_open(r, x);
	else if (r->in_paragraph_style && !r->in_run_style && !r->boxes)
		return paragraph_style(r, x);
	else if (r->in_run_style && !r->in_paragraph_style)
		run_style(r, x);
	else if (!r->in_paragraph_style && !r->in_run_style)
		return mark(r, x);
	return 0;
}

static int on_close(struct reader *r, const char *name)
{
	static const char *const table[] = {"tbl", "tr", "tc", NULL};
	if (!strcmp(name, "p"))
		return paragraph_end(r);
	if (!strcmp(name, "pPr"))
		r->in_paragraph_style = false;
	else if (!strcmp(name, "rPr"))
		r->in_run_style = false;
	else if (!strcmp(name, "trPr"))
		r->in_row_style = false;
	else if (!strcmp(name, "t"))
		r->in_text = false;
	else if (!strcmp(name, "txbxContent"))
		r->boxes -= r->boxes > 0;
	else if ((!strcmp(name, "footnote") || !strcmp(name, "endnote")) && r->story != DOCX_DOCUMENT)
		return note_end(r);
	else if (is(name, table) && r->tables && !r->boxes)
		return table_close(r, name);
	return 0;
}

static int story_read(struct reader *r, enum docx_part story, const char *name, const struct buf *part)
{
	struct xml x;
	enum xml_event event = XML_END;
	if (!part->len)
		return 0;
	r->story = story;
	r->skip = 0;
	paragraph_begin(r);
	int rc = xml_open(&x, name, part, r->d, r->arena, r->e);
	while (rc == 0 && !r->d->skipped && (rc = xml_next(&x, &event, name, r->d, r->arena, r->e)) == 0 && event != XML_END) {
		if (r->skip) {
			if (event == XML_CLOSE && x.depth + 1 == r->skip)
				r->skip = 0;
		} else if (event == XML_OPEN) {
			rc = on_open(r, &x);
		} else if (event == XML_CLOSE) {
			rc = on_close(r, x.name);
		} else if (r->in_text) {
			rc = text_add(r, x.text);
		}
	}
	xml_close(&x);
	return rc;
}

/* ---- public --------------------------------------------------------------------------------------------------------------- */

int docx_parts_read(struct buf part[DOCX_PARTS], struct document *d, struct arena *a, struct err *e)
{
	struct reader r = {.d = d, .arena = a, .e = e};
	extract_init(&r.x, d, a, e);
	int rc = docx_styles_read(&r.styles, part, d, a, e);
	if (rc == 0 && !d->skipped)
		rc = story_read(&r, DOCX_FOOTNOTES, "word/footnotes.xml", &part[DOCX_FOOTNOTES]);
	if (rc == 0 && !d->skipped)
		rc = story_read(&r, DOCX_ENDNOTES, "word/endnotes.xml", &part[DOCX_ENDNOTES]);
	if (rc == 0 && !d->skipped)
		rc = extract_section(&r.x, "", 0);
	if (rc == 0 && !d->skipped)
		rc = story_read(&r, DOCX_DOCUMENT, "word/document.xml", &part[DOCX_DOCUMENT]);
	if (rc == 0 && !d->skipped)
		rc = code_flush(&r);
	if (rc == 0)
		rc = extract_end(&r.x);
	docx_styles_release(&r.styles);
	docx_table_release(&r.table);
	extract_release(&r.x);
	buf_release(&r.code);
	buf_release(&r.box);
	mem_free(r.note);
	return rc;
}

int docx_read(struct document *d, struct arena *a, struct err *e)
{
	struct buf part[DOCX_PARTS] = {0};
	int rc = docx_unpack(part, d, a, e);
	if (rc == 0 && !d->skipped)
		rc = docx_parts_read(part, d, a, e);
	for (int i = 0; i < DOCX_PARTS; i++)
		buf_release(&part[i]);
	return rc;
}

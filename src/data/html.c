/*
 * One HTML page to sections and blocks. Parsing is gumbo's (HTML5's rules for broken markup included); this file walks its tree once.
 * Text gathers until a block begins or ends, whatever the elements are called, so that pages of any age come out the same.
 *
 * Reference: https://html.spec.whatwg.org/multipage/rendering.html#flow-content-3 (what is a block).
 */
#include "data/html.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/html_page.h"
#include "data/html_parse.h"

enum { DEPTH_MAX = 1000 };

enum role { INLINE, BLOCK, OUT, CODE, BOLD, BREAK, HEADING, PRE, LIST, ITEM, TERM, DESCRIPTION, SUPER, TABLE };

static const unsigned char role_of[GUMBO_TAG_LAST] = {
	[GUMBO_TAG_ADDRESS] = BLOCK,
	[GUMBO_TAG_ARTICLE] = BLOCK,
	[GUMBO_TAG_BLOCKQUOTE] = BLOCK,
	[GUMBO_TAG_BODY] = BLOCK,
	[GUMBO_TAG_CAPTION] = BLOCK,
	[GUMBO_TAG_CENTER] = BLOCK,
	[GUMBO_TAG_DETAILS] = BLOCK,
	[GUMBO_TAG_DIV] = BLOCK,
	[GUMBO_TAG_DL] = BLOCK,
	[GUMBO_TAG_FIELDSET] = BLOCK,
	[GUMBO_TAG_FIGCAPTION] = BLOCK,
	[GUMBO_TAG_FIGURE] = BLOCK,
	[GUMBO_TAG_HGROUP] = BLOCK,
	[GUMBO_TAG_HR] = BLOCK,
	[GUMBO_TAG_MAIN] = BLOCK,
	[GUMBO_TAG_P] = BLOCK,
	[GUMBO_TAG_SECTION] = BLOCK,
	[GUMBO_TAG_SUMMARY] = BLOCK,
	[GUMBO_TAG_TBODY] = BLOCK,
	[GUMBO_TAG_TD] = BLOCK,
	[GUMBO_TAG_TFOOT] = BLOCK,
	[GUMBO_TAG_TH] = BLOCK,
	[GUMBO_TAG_THEAD] = BLOCK,
	[GUMBO_TAG_TR] = BLOCK,
	[GUMBO_TAG_HEADER] = OUT,
	[GUMBO_TAG_FOOTER] = OUT,
	[GUMBO_TAG_NAV] = OUT,
	[GUMBO_TAG_ASIDE] = OUT,
	[GUMBO_TAG_SCRIPT] = OUT,
	[GUMBO_TAG_STYLE] = OUT,
	[GUMBO_TAG_TEMPLATE] = OUT,
	[GUMBO_TAG_NOSCRIPT] = OUT,
	[GUMBO_TAG_FORM] = OUT,
	[GUMBO_TAG_SVG] = OUT,
	[GUMBO_TAG_MATH] = OUT,
	[GUMBO_TAG_HEAD] = OUT,
	[GUMBO_TAG_TITLE] = OUT,
	[GUMBO_TAG_BUTTON] = OUT,
	[GUMBO_TAG_SELECT] = OUT,
	[GUMBO_TAG_TEXTAREA] = OUT,
	[GUMBO_TAG_IFRAME] = OUT,
	[GUMBO_TAG_OBJECT] = OUT,
	[GUMBO_TAG_AUDIO] = OUT,
	[GUMBO_TAG_VIDEO] = OUT,
	[GUMBO_TAG_CANVAS] = OUT,
	[GUMBO_TAG_CODE] = CODE,
	[GUMBO_TAG_TT] = CODE,
	[GUMBO_TAG_KBD] = CODE,
	[GUMBO_TAG_SAMP] = CODE,
	[GUMBO_TAG_B] = BOLD,
	[GUMBO_TAG_STRONG] = BOLD,
	[GUMBO_TAG_BR] = BREAK,
	[GUMBO_TAG_H1] = HEADING,
	[GUMBO_TAG_H2] = HEADING,
	[GUMBO_TAG_H3] = HEADING,
	[GUMBO_TAG_H4] = HEADING,
	[GUMBO_TAG_H5] = HEADING,
	[GUMBO_TAG_H6] = HEADING,
	[GUMBO_TAG_PRE] = PRE,
	[GUMBO_TAG_LISTING] = PRE,
	[GUMBO_TAG_XMP] = PRE,
	[GUMBO_TAG_UL] = LIST,
	[GUMBO_TAG_OL] = LIST,
	[GUMBO_TAG_LI] = ITEM,
	[GUMBO_TAG_DT] = TERM,
	[GUMBO_TAG_DD] = DESCRIPTION,
	[GUMBO_TAG_SUP] = SUPER,
	[GUMBO_TAG_TABLE] = TABLE,
};

static int walk(struct page *p, const GumboNode *n, int depth);

static int walk_children(struct page *p, const GumboNode *n, int depth)
{
	int rc = 0;
	for (unsigned i = 0; i < n->v.element.children.length && rc == 0; i++)
		rc = walk(p, n->v.element.children.data[i], depth + 1);
	return rc;
}

/* ---- what is content ------------------------------------------------------------------------------------------------------ */

static const char *attribute(const GumboElement *el, const char *name)
{
	const GumboAttribute *a = gumbo_get_attribute(&el->attributes, name);
	return a ? a->value : "";
}

/* Is one of the words of `value` in the list, words between spaces? */
static bool has_word(const char *value, const char *list)
{
	for (size_t n; *(value += strspn(value, " \t\r\n")); value += n) {
		n = strcspn(value, " \t\r\n");
		for (const char *w = list; *w; w += strcspn(w, " "), w += strspn(w, " "))
			if (strcspn(w, " ") == n && !strncasecmp(value, w, n))
				return true;
	}
	return false;
}

/* In an article the header is its own and holds its title. */
static bool is_article_header(const GumboNode *n)
{
	if (n->v.element.tag != GUMBO_TAG_HEADER)
		return false;
	while ((n = n->parent) && n->type == GUMBO_NODE_ELEMENT)
		if (n->v.element.tag == GUMBO_TAG_MAIN || n->v.element.tag == GUMBO_TAG_ARTICLE)
			return true;
	return false;
}

bool html_is_out(const GumboNode *n)
{
	static const char frame[] =
		"nosearch menu mainmenu submenu navbar nav navigation sidebar breadcrumb breadcrumbs toc fancy_toc "
		"headerlink footer site-footer site-header skip-link sr-only visually-hidden mobileonly noprint "
		"no-print pagination";
	const GumboElement *el = &n->v.element;
	if (el->tag == GUMBO_TAG_BODY || el->tag == GUMBO_TAG_HTML || el->tag == GUMBO_TAG_MAIN)
		return false;
	const char *style = attribute(el, "style");
	return (role_of[el->tag] == OUT && !is_article_header(n)) || gumbo_get_attribute(&el->attributes, "hidden") ||
		!strcmp(attribute(el, "aria-hidden"), "true") || strcasestr(style, "display:none") ||
		strcasestr(style, "display: none") || has_word(attribute(el, "class"), frame) ||
		has_word(attribute(el, "id"), frame) || has_word(attribute(el, "role"), "navigation banner contentinfo search");
}

/* ---- text ----------------------------------------------------------------------------------------------------------------- */

static void text_begin(struct page *p)
{
	outline_text_begin(&p->o);
	p->span = (struct span){SIZE_MAX, 0};
	p->broken = false;
}

/* `raw` is the text as it stands in the bytes of the document, or in the parser's own memory. */
static void span_cover(struct page *p, const GumboStringPiece *raw)
{
	const struct document *d = p->o.d;
	if (!raw->data || raw->data < d->bytes || raw->data > d->bytes + d->size)
		return;
	size_t start = (size_t)(raw->data - d->bytes), end = raw->length < d->size - start ? start + raw->length : d->size;
	p->span.start = start < p->span.start ? start : p->span.start;
	p->span.end = end > p->span.end ? end : p->span.end;
}

static struct span span_of(const struct page *p)
{
	return p->span.start < p->span.end ? p->span : (struct span){0, 0};
}

/* "1. Scope" and "2.3. Limits" lose their numbers, "Uses:" its colon. */
static char *title_plain(char *s)
{
	size_t len = strlen(s);
	if (len > 1 && s[len - 1] == ':')
		s[len - 1] = 0;
	size_t n = strspn(s, "0123456789.");
	bool number = n && isdigit((unsigned char)*s) && s[n - 1] == '.' && s[n] == ' ' && s[n + 1];
	return number ? s + n + 1 : s;
}

static int section_open(struct page *p, char *title, int level)
{
	const struct document *d = p->o.d;
	size_t start = span_of(p).start, before = d->n_sections ? d->sections[d->n_sections - 1].span.start : 0;
	/* Up to the tag, so that what stands before it belongs to the section before. */
	while (start > before && d->bytes[start] != '<')
		start--;
	return outline_section(&p->o, title_plain(outline_title(title)), level < OUTLINE_LEVELS ? level : OUTLINE_LEVELS,
		start > before ? start : before);
}

static bool is_label(const struct page *p)
{
	return outline_is_label(&p->o) && !p->n_tables && !p->term;
}

static int paragraph_add(struct page *p, char *text)
{
	bool item = p->item && p->list;
	struct block *b = outline_block(&p->o, item ? BLOCK_ITEM : BLOCK_PARAGRAPH, span_of(p));
	if (!b)
		return ERR_RESOURCE;
	b->text = text;
	b->bold = p->o.bold;
	if (item) {
		b->list = p->list->number;
		b->ordinal = p->list->ordered ? p->list->ordinal : 0;
	}
	if (p->term) {
		struct buf all = {0};
		int rc = buf_printf(&all, p->o.e, "%s: %s", p->term, text);
		b->bold = strlen(p->term);
		b->text = rc == 0 ? arena_strdup(p->o.arena, all.p, all.len, p->o.e) : NULL;
		buf_release(&all);
	}
	return b->text ? 0 : ERR_RESOURCE;
}

/* The end of a block, or the beginning of the next. */
static int flush(struct page *p)
{
	if (p->leaf)
		return outline_text(&p->o, " ", 1);
	while (p->o.text.len && p->o.text.p[p->o.text.len - 1] == ' ')
		p->o.text.len--;
	if (!p->o.text.len)
		return 0;
	char *text = outline_text_end(&p->o);
	if (!text)
		return ERR_RESOURCE;
	int rc = is_label(p) ? section_open(p, text, p->level + 1) : paragraph_add(p, text);
	p->item = false;
	p->term = NULL;
	text_begin(p);
	return rc;
}

int html_leaf(struct page *p, const GumboNode *n, int depth)
{
	bool outer = p->leaf;
	text_begin(p);
	p->leaf = true;
	int rc = walk_children(p, n, depth);
	p->leaf = outer;
	return rc;
}

/* ---- elements ------------------------------------------------------------------------------------------------------------- */

static int code_span(struct page *p, const GumboNode *n, int depth)
{
	if (p->code)
		return walk_children(p, n, depth);
	int rc = buf_append(&p->o.text, "`", 1, p->o.e);
	size_t start = p->o.text.len;
	p->code = true;
	if (rc == 0)
		rc = walk_children(p, n, depth);
	p->code = false;
	if (rc < 0 || p->o.text.len < start) /* a block inside ended the text */
		return rc;
	char *t = p->o.text.p;
	while (p->o.text.len > start && t[p->o.text.len - 1] == ' ')
		p->o.text.len--;
	size_t lead = p->o.text.len > start && t[start] == ' ';
	memmove(t + start, t + start + lead, p->o.text.len - start - lead);
	p->o.text.len -= lead;
	if (p->o.text.len > start)
		return buf_append(&p->o.text, "`", 1, p->o.e);
	p->o.text.len--;
	return 0;
}

static int bold_span(struct page *p, const GumboNode *n, int depth)
{
	bool opens = p->o.text.len == 0;
	int rc = walk_children(p, n, depth);
	if (opens && !p->o.bold) {
		p->o.bold = p->o.text.len;
		while (p->o.bold && p->o.text.p[p->o.bold - 1] == ' ')
			p->o.bold--;
	}
	return rc;
}

static bool holds_link(const GumboNode *n)
{
	for (unsigned i = 0; i < n->v.element.children.length; i++) {
		const GumboNode *c = n->v.element.children.data[i];
		if (c->type == GUMBO_NODE_ELEMENT && c->v.element.tag == GUMBO_TAG_A)
			return true;
	}
	return false;
}

/* 2<sup>31</sup> is 2^31; a raised link is the mark of a note. */
static int super(struct page *p, const GumboNode *n, int depth)
{
	if (holds_link(n))
		return 0;
	bool power = p->o.text.len && isalnum((unsigned char)p->o.text.p[p->o.text.len - 1]);
	int rc = power ? buf_append(&p->o.text, "^", 1, p->o.e) : 0;
	return rc < 0 ? rc : walk_children(p, n, depth);
}

static int heading(struct page *p, const GumboNode *n, int depth)
{
	int rc = html_leaf(p, n, depth);
	char *title = rc == 0 ? outline_text_end(&p->o) : NULL;
	if (!title)
		return ERR_RESOURCE;
	if (*title) {
		p->level = (int)(n->v.element.tag - GUMBO_TAG_H1) + 1 + p->shift;
		rc = section_open(p, title, p->level);
	}
	p->item = false;
	text_begin(p);
	return rc;
}

/* The text of a tree as it stands, white space included. */
static int raw_text(struct page *p, const GumboNode *n, int depth)
{
	int rc = 0;
	if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_WHITESPACE || n->type == GUMBO_NODE_CDATA) {
		span_cover(p, &n->v.text.original_text);
		return buf_puts(&p->o.text, n->v.text.text, p->o.e);
	}
	if (n->type != GUMBO_NODE_ELEMENT || html_is_out(n) || depth > DEPTH_MAX)
		return 0;
	if (n->v.element.tag == GUMBO_TAG_BR)
		return buf_append(&p->o.text, "\n", 1, p->o.e);
	for (unsigned i = 0; i < n->v.element.children.length && rc == 0; i++)
		rc = raw_text(p, n->v.element.children.data[i], depth + 1);
	return rc;
}

static int code_block(struct page *p, const GumboNode *n, int depth)
{
	text_begin(p);
	int rc = raw_text(p, n, depth);
	struct buf *t = &p->o.text;
	while (t->len && isspace((unsigned char)t->p[t->len - 1]))
		t->len--;
	if (rc == 0 && t->len) {
		struct block *b = outline_block(&p->o, BLOCK_CODE, span_of(p));
		if (!b || !(b->text = arena_strdup(p->o.arena, t->p, t->len, p->o.e)))
			rc = ERR_RESOURCE;
	}
	p->item = false;
	p->term = NULL;
	text_begin(p);
	return rc;
}

static int list(struct page *p, const GumboNode *n, int depth)
{
	struct html_list l = {.number = ++p->n_lists, .ordered = n->v.element.tag == GUMBO_TAG_OL};
	const struct html_list *outer = p->list;
	p->list = &l;
	int rc = 0;
	for (unsigned i = 0; i < n->v.element.children.length && rc == 0; i++) {
		const GumboNode *c = n->v.element.children.data[i];
		l.ordinal += c->type == GUMBO_NODE_ELEMENT && c->v.element.tag == GUMBO_TAG_LI;
		rc = walk(p, c, depth + 1);
	}
	if (rc == 0)
		rc = flush(p);
	p->list = outer;
	p->item = false;
	return rc;
}

/* Terms that share a description stand together. */
static int term(struct page *p, const GumboNode *n, int depth)
{
	int rc = html_leaf(p, n, depth);
	const char *text = rc == 0 ? outline_text_end(&p->o) : NULL, *one = text;
	if (text && *text && p->term) {
		struct buf both = {0};
		rc = buf_printf(&both, p->o.e, "%s, %s", p->term, text);
		one = rc == 0 ? arena_strdup(p->o.arena, both.p, both.len, p->o.e) : NULL;
		buf_release(&both);
	}
	if (!one)
		return ERR_RESOURCE;
	if (*text)
		p->term = one;
	text_begin(p);
	return 0;
}

static int table(struct page *p, const GumboNode *n, int depth)
{
	bool done = false;
	int rc = html_grid(p, n, depth, &done);
	text_begin(p);
	if (done || rc < 0)
		return rc;
	p->n_tables++;
	rc = walk_children(p, n, depth);
	p->n_tables--;
	return rc;
}

/* A block of a role, its text before it and after it closed. */
static int block(struct page *p, const GumboNode *n, enum role role, int depth)
{
	int rc = flush(p);
	if (rc < 0)
		return rc;
	switch (p->leaf ? BLOCK : role) {
	case HEADING:
		return heading(p, n, depth);
	case PRE:
		return code_block(p, n, depth);
	case TABLE:
		rc = table(p, n, depth);
		break;
	case LIST:
		rc = list(p, n, depth);
		break;
	case TERM:
		return term(p, n, depth);
	default:
		p->item = role == ITEM ? p->list != NULL : p->item;
		rc = walk_children(p, n, depth);
	}
	if (rc == 0)
		rc = flush(p);
	if (role == ITEM)
		p->item = false;
	if (role == DESCRIPTION || n->v.element.tag == GUMBO_TAG_DL)
		p->term = NULL;
	return rc;
}

static int line_break(struct page *p)
{
	bool twice = p->broken;
	int rc = twice ? flush(p) : outline_text(&p->o, " ", 1);
	p->broken = !twice;
	return rc;
}

static int walk(struct page *p, const GumboNode *n, int depth)
{
	if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA) {
		p->broken = false;
		span_cover(p, &n->v.text.original_text);
		return outline_prose(&p->o, n->v.text.text);
	}
	if (n->type == GUMBO_NODE_WHITESPACE)
		return outline_text(&p->o, " ", 1);
	if (n->type != GUMBO_NODE_ELEMENT || html_is_out(n))
		return 0;
	if (depth > DEPTH_MAX) {
		p->too_deep = true;
		return 0;
	}
	enum role role = role_of[n->v.element.tag];
	switch (role) {
	case INLINE:
		return walk_children(p, n, depth);
	case CODE:
		return code_span(p, n, depth);
	case BOLD:
		return bold_span(p, n, depth);
	case SUPER:
		return super(p, n, depth);
	case BREAK:
		return line_break(p);
	default:
		return block(p, n, role, depth);
	}
}

/* ---- the title ------------------------------------------------------------------------------------------------------------ */

struct survey {
	const GumboNode *title, *first; /* <title>, the first <h1> */
	size_t n_first;
};

static void survey(struct survey *s, const GumboNode *n, int depth)
{
	if (n->type != GUMBO_NODE_ELEMENT || depth > DEPTH_MAX)
		return;
	GumboTag tag = n->v.element.tag;
	if (tag == GUMBO_TAG_TITLE && !s->title && n->v.element.tag_namespace == GUMBO_NAMESPACE_HTML)
		s->title = n;
	if (tag != GUMBO_TAG_HEAD && html_is_out(n))
		return;
	if (tag == GUMBO_TAG_H1 && !s->n_first++)
		s->first = n;
	for (unsigned i = 0; i < n->v.element.children.length; i++)
		survey(s, n->v.element.children.data[i], depth + 1);
}

/*
 * One <h1> is the title of the page. Without one, or where they number its chapters, <title> stands above all headings.
 */
static int title_read(struct page *p, const GumboNode *root)
{
	struct survey s = {0};
	char *title = "", *first = "";
	survey(&s, root, 0);
	int rc = 0;
	if (s.title && (rc = html_leaf(p, s.title, 0)) == 0 && !(title = outline_text_end(&p->o)))
		rc = ERR_RESOURCE;
	if (rc == 0 && s.first && (rc = html_leaf(p, s.first, 0)) == 0 && !(first = outline_text_end(&p->o)))
		rc = ERR_RESOURCE;
	text_begin(p);
	if (rc < 0)
		return rc;
	bool above = *title && strcmp(title, first) && (s.n_first != 1 || title_plain(first) != first);
	p->shift = above && s.n_first;
	p->level = above;
	return outline_section(&p->o, above ? title : "", above, 0);
}

/* Sections and blocks, which grew in the scratch memory by doubling, into the document's. */
static int lists_pack(struct document *d, struct arena *a, struct err *e)
{
	struct section *sections = arena_alloc(a, d->n_sections, sizeof *sections, e);
	struct block *blocks = sections ? arena_alloc(a, d->n_blocks, sizeof *blocks, e) : NULL;
	if (!blocks)
		return ERR_RESOURCE;
	if (d->n_sections)
		memcpy(sections, d->sections, d->n_sections * sizeof *sections);
	if (d->n_blocks)
		memcpy(blocks, d->blocks, d->n_blocks * sizeof *blocks);
	d->sections = sections;
	d->blocks = blocks;
	return 0;
}

int html_read(struct document *d, struct arena *a, struct err *e)
{
	struct page p = {0};
	struct arena scratch;
	GumboOutput *tree;
	size_t mark = d->size >= 3 && !memcmp(d->bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
	arena_init(&scratch, 1 << 20);
	outline_init(&p.o, d, a, e);
	p.o.lists = &scratch;
	int rc = html_parse(d->bytes + mark, d->size - mark, &scratch, &tree, &d->skipped, e);
	if (rc < 0 || !tree || (rc = title_read(&p, tree->root)) < 0 || (rc = walk(&p, tree->root, 0)) < 0 || (rc = flush(&p)) < 0)
		goto done;
	if (p.too_deep)
		d->skipped = "elements in it nest deeper than 1000";
	else if (!d->n_blocks)
		d->skipped = "no text in it";
done:
	if (rc == 0)
		rc = lists_pack(d, a, e);
	outline_release(&p.o);
	arena_release(&scratch);
	return rc;
}

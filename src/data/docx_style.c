/*
 * styles.xml and numbering.xml: which paragraphs are headings, items, code or hidden. A style is known by its name, which Word
 * keeps in English ("heading 2") in every language.
 *
 * Reference: ECMA-376 part 1, 17.7 (styles) and 17.9 (numbering).
 */
#include "data/docx_style.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/xml.h"

enum { STYLES_MAX = 10000, CHAIN_MAX = 16, ID_BYTES = 128 };

/* ---- styles --------------------------------------------------------------------------------------------------------------- */

static bool begins(const char *s, const char *with)
{
	return !strncasecmp(s, with, strlen(with));
}

static void name_read(struct docx_style *s, const char *name)
{
	static const char *const code[] = {"html preformatted", "html code", "source code", "verbatim char", "preformatted text",
		"code", "source text", "macro text"};
	if (begins(name, "heading ") && name[8] >= '1' && name[8] <= '9' && !name[9])
		s->level = name[8] - '0';
	s->title = !strcasecmp(name, "title");
	s->contents = begins(name, "toc ") || !strcasecmp(name, "toc heading") || begins(name, "contents ");
	s->num = begins(name, "list bullet") ? NUM_BULLET : begins(name, "list number") ? NUM_NUMBER : s->num;
	for (size_t i = 0; i < sizeof code / sizeof *code; i++)
		s->code |= !strcasecmp(name, code[i]);
}

static int style_event(struct docx_style *s, struct xml *x, struct arena *a, struct err *e)
{
	char value[ID_BYTES];
	const char *name = x->name;
	if (!strcmp(name, "name") && xml_attribute(x, "val", value, sizeof value))
		name_read(s, value);
	else if (!strcmp(name, "basedOn") && xml_attribute(x, "val", value, sizeof value))
		return (s->based_on = arena_strdup(a, value, strlen(value), e)) ? 0 : ERR_RESOURCE;
	else if (!strcmp(name, "outlineLvl") && xml_attribute(x, "val", value, sizeof value))
		s->level = value[0] >= '0' && value[0] <= '8' && !value[1] ? value[0] - '0' + 1 : 0;
	else if (!strcmp(name, "numId") && xml_attribute(x, "val", value, sizeof value))
		s->num = atoi(value) > 0 ? atoi(value) : 0;
	else if (!strcmp(name, "ilvl") && xml_attribute(x, "val", value, sizeof value))
		s->num_level = atoi(value);
	else if (!strcmp(name, "b"))
		s->bold = xml_is_on(x);
	else if (!strcmp(name, "vanish"))
		s->hidden = xml_is_on(x);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct docx_style *)a)->id, ((const struct docx_style *)b)->id);
}

static void inherit(const struct docx_styles *all, struct docx_style *s)
{
	const struct docx_style *from = s;
	for (int i = 0; i < CHAIN_MAX && from->based_on; i++) {
		const struct docx_style key = {.id = from->based_on};
		if (!(from = bsearch(&key, all->style, all->n, sizeof key, by_id)))
			return;
		s->level = s->level ? s->level : from->level;
		s->num = s->num ? s->num : from->num;
		s->num_level = s->num_level ? s->num_level : from->num_level;
		s->contents |= from->contents;
		s->bold |= from->bold;
		s->hidden |= from->hidden;
		s->code |= from->code;
	}
}

static int style_add(struct docx_styles *s, struct xml *x, struct arena *a, struct err *e)
{
	char id[ID_BYTES];
	if (!xml_attribute(x, "styleId", id, sizeof id) || s->n == STYLES_MAX)
		return 0;
	if (mem_reserve(&s->style, s->n, &s->cap, sizeof *s->style, e))
		return ERR_RESOURCE;
	const char *kept = arena_strdup(a, id, strlen(id), e);
	if (!kept)
		return ERR_RESOURCE;
	s->style[s->n++] = (struct docx_style){.id = kept};
	return 1;
}

static int styles_part(struct docx_styles *s, const struct buf *part, struct document *d, struct arena *a, struct err *e)
{
	static const char file[] = "word/styles.xml";
	struct xml x;
	enum xml_event event = XML_END;
	struct docx_style *now = NULL;
	int rc = xml_open(&x, file, part, d, a, e);
	while (rc == 0 && !d->skipped && (rc = xml_next(&x, &event, file, d, a, e)) == 0 && event != XML_END) {
		bool style = event != XML_TEXT && !strcmp(x.name, "style");
		if (style && event == XML_OPEN) {
			rc = style_add(s, &x, a, e);
			now = rc == 1 ? &s->style[s->n - 1] : NULL;
			rc = rc == 1 ? 0 : rc;
		} else if (style) {
			now = NULL;
		} else if (now && event == XML_OPEN) {
			rc = style_event(now, &x, a, e);
		}
	}
	xml_close(&x);
	if (s->n)
		qsort(s->style, s->n, sizeof *s->style, by_id);
	return rc;
}

const struct docx_style *docx_style_find(const struct docx_styles *s, const char *id)
{
	static const struct docx_style body;
	const struct docx_style key = {.id = id}, *found = s->n ? bsearch(&key, s->style, s->n, sizeof key, by_id) : NULL;
	return found ? found : &body;
}

/* ---- lists ---------------------------------------------------------------------------------------------------------------- */

struct lists {
	struct docx_list *p; /* mem_free */
	size_t n, cap;
};

static int list_add(struct lists *v, int id, struct err *e)
{
	if (v->n == STYLES_MAX)
		return 0;
	if (mem_reserve(&v->p, v->n, &v->cap, sizeof *v->p, e))
		return ERR_RESOURCE;
	v->p[v->n++] = (struct docx_list){.id = id};
	return 1;
}

static int by_number(const void *a, const void *b)
{
	int x = ((const struct docx_list *)a)->id, y = ((const struct docx_list *)b)->id;
	return (x > y) - (x < y);
}

static const struct docx_list *list_find(const struct docx_list *p, size_t n, int id)
{
	const struct docx_list key = {.id = id};
	return n ? bsearch(&key, p, n, sizeof key, by_number) : NULL;
}

bool docx_list_is_ordered(const struct docx_styles *s, int num, int level)
{
	if (num < 0)
		return num == NUM_NUMBER;
	const struct docx_list *l = list_find(s->list, s->n_lists, num);
	return l && level >= 0 && level < LIST_LEVELS && (l->ordered >> level & 1);
}

/* An <abstractNum> has levels with formats, a <num> names the abstract one that it is an instance of. */
struct numbering {
	struct lists kind, list;
	struct docx_list *open; /* the <abstractNum> or, with `is_list`, <num> that is being read */
	bool is_list;
	int level;
};

static int numbering_open(struct numbering *n, struct xml *x, struct err *e)
{
	char value[ID_BYTES];
	bool kind = !strcmp(x->name, "abstractNum");
	if (kind || !strcmp(x->name, "num")) {
		struct lists *v = kind ? &n->kind : &n->list;
		int rc = xml_attribute(x, kind ? "abstractNumId" : "numId", value, sizeof value) ? list_add(v, atoi(value), e) : 0;
		n->open = rc == 1 ? &v->p[v->n - 1] : NULL;
		n->is_list = !kind;
		return rc < 0 ? rc : 0;
	}
	if (!n->open || !xml_attribute(x, strcmp(x->name, "lvl") ? "val" : "ilvl", value, sizeof value))
		return 0;
	if (n->is_list && !strcmp(x->name, "abstractNumId"))
		n->open->ordered = (unsigned)atoi(value); /* its id, until both are known */
	else if (!n->is_list && !strcmp(x->name, "lvl"))
		n->level = atoi(value);
	else if (!n->is_list && !strcmp(x->name, "numFmt") && n->level >= 0 && n->level < LIST_LEVELS)
		n->open->ordered |= (unsigned)(strcmp(value, "bullet") && strcmp(value, "none")) << n->level;
	return 0;
}

static int numbering_part(struct docx_styles *s, const struct buf *part, struct document *d, struct arena *a, struct err *e)
{
	static const char file[] = "word/numbering.xml";
	struct xml x;
	struct numbering n = {0};
	enum xml_event event = XML_END;
	int rc = xml_open(&x, file, part, d, a, e);
	while (rc == 0 && !d->skipped && (rc = xml_next(&x, &event, file, d, a, e)) == 0 && event != XML_END)
		if (event == XML_OPEN)
			rc = numbering_open(&n, &x, e);
	xml_close(&x);
	if (n.kind.n)
		qsort(n.kind.p, n.kind.n, sizeof *n.kind.p, by_number);
	if (n.list.n)
		qsort(n.list.p, n.list.n, sizeof *n.list.p, by_number);
	for (size_t i = 0; i < n.list.n; i++) {
		const struct docx_list *kind = list_find(n.kind.p, n.kind.n, (int)n.list.p[i].ordered);
		n.list.p[i].ordered = kind ? kind->ordered : 0;
	}
	mem_free(n.kind.p);
	s->list = n.list.p;
	s->n_lists = n.list.n;
	return rc;
}

/* ---- public --------------------------------------------------------------------------------------------------------------- */

int docx_styles_read(struct docx_styles *s, const struct buf part[DOCX_PARTS], struct document *d, struct arena *a, struct err *e)
{
	memset(s, 0, sizeof *s);
	int rc = part[DOCX_STYLES].len ? styles_part(s, &part[DOCX_STYLES], d, a, e) : 0;
	if (rc == 0 && !d->skipped && part[DOCX_NUMBERING].len)
		rc = numbering_part(s, &part[DOCX_NUMBERING], d, a, e);
	for (size_t i = 0; i < s->n && rc == 0; i++)
		inherit(s, &s->style[i]);
	return rc;
}

void docx_styles_release(struct docx_styles *s)
{
	mem_free(s->style);
	mem_free(s->list);
}

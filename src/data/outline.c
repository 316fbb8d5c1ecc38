/*
 * Sections, blocks and the text of leaves, the same for every reader. Reference: outline.h.
 */
#include "data/outline.h"

#include <string.h>

enum { LABEL_WORDS = 10 };

void outline_init(struct outline *o, struct document *d, struct arena *a, struct err *e)
{
	*o = (struct outline){.d = d, .arena = a, .lists = a, .e = e};
}

void outline_release(struct outline *o)
{
	buf_release(&o->text);
}

/* Room for one more in an arena array: doubling leaves the old one behind, at most as much again. */
static void *grow(struct outline *o, void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	size_t more = *cap ? 2 * *cap : 16;
	void *q = arena_alloc(o->lists, more, size, o->e);
	if (q && n)
		memcpy(q, p, n * size);
	*cap = q ? more : *cap;
	return q;
}

struct block *outline_block(struct outline *o, enum block_kind kind, struct span span)
{
	struct document *d = o->d;
	struct block *p = grow(o, d->blocks, d->n_blocks, &o->cap_blocks, sizeof *p);
	if (!p)
		return NULL;
	d->blocks = p;
	p = &p[d->n_blocks++];
	*p = (struct block){.kind = kind, .span = span};
	d->sections[d->n_sections - 1].n_blocks++;
	return p;
}

int outline_section(struct outline *o, const char *title, int level, size_t start)
{
	struct document *d = o->d;
	struct section *p = grow(o, d->sections, d->n_sections, &o->cap_sections, sizeof *p);
	if (!p)
		return ERR_RESOURCE;
	d->sections = p;
	if (d->n_sections)
		p[d->n_sections - 1].span.end = start;
	p = &p[d->n_sections++];
	*p = (struct section){.title = title, .span = {start, d->size}, .block = d->n_blocks};

	int rc = 0;
	struct buf crumb = {0};
	o->title[level] = title;
	for (int i = level + 1; i <= OUTLINE_LEVELS; i++)
		o->title[i] = NULL;
	for (int i = 1; i <= level && rc == 0; i++)
		if (o->title[i])
			rc = buf_printf(&crumb, o->e, "%s%s", crumb.len ? " > " : "", o->title[i]);
	p->heading = rc == 0 ? arena_strdup(o->arena, crumb.p ? crumb.p : "", crumb.len, o->e) : NULL;
	buf_release(&crumb);
	return p->heading ? 0 : ERR_RESOURCE;
}

void outline_text_begin(struct outline *o)
{
	buf_clear(&o->text);
	o->bold = 0;
}

int outline_text(struct outline *o, const char *s, size_t n)
{
	int rc = 0;
	for (size_t i = 0, from; i < n && rc == 0;) {
		for (from = i; i < n && strchr(" \t\r\n\f\v", s[i]);)
			i++;
		if (i > from && o->text.len && o->text.p[o->text.len - 1] != ' ')
			rc = buf_append(&o->text, " ", 1, o->e);
		for (from = i; i < n && !strchr(" \t\r\n\f\v", s[i]);)
			i++;
		if (i > from && rc == 0)
			rc = buf_append(&o->text, s + from, i - from, o->e);
	}
	return rc;
}

int outline_prose(struct outline *o, const char *s)
{
	static const struct {
		const char *from, *to;
	} plain[] = {{"\xc2\xa0", " "}, {"\xe2\x80\xaf", " "}, {"\xe2\x80\x89", " "}, {"\xe2\x80\x8b", ""}, {"\xe2\x80\x8d", ""},
		{"\xef\xbb\xbf", ""}, {"\xc2\xad", ""}, {"\xc2\xb6", ""}, {"`", "'"}};
	int rc = 0;
	while (*s && rc == 0) {
		size_t n = strcspn(s, "`\xc2\xe2\xef"), k = 0;
		if (n) {
			rc = outline_text(o, s, n);
			s += n;
			continue;
		}
		while (k < sizeof plain / sizeof *plain && strncmp(s, plain[k].from, strlen(plain[k].from)))
			k++;
		bool found = k < sizeof plain / sizeof *plain;
		n = found ? strlen(plain[k].from) : 1;
		rc = found ? outline_text(o, plain[k].to, strlen(plain[k].to)) : outline_text(o, s, 1);
		s += n;
	}
	return rc;
}

bool outline_is_label(const struct outline *o)
{
	const struct buf *t = &o->text;
	size_t words = 1;
	for (size_t i = 0; i < t->len; i++)
		words += t->p[i] == ' ';
	return t->len && o->bold == t->len && words <= LABEL_WORDS && !strchr(".:;,!", t->p[t->len - 1]);
}

char *outline_text_end(struct outline *o)
{
	while (o->text.len && o->text.p[o->text.len - 1] == ' ')
		o->text.len--;
	if (o->bold > o->text.len)
		o->bold = o->text.len;
	return arena_strdup(o->arena, o->text.p ? o->text.p : "", o->text.len, o->e);
}

char *outline_file_title(struct outline *o)
{
	const char *path = o->d->path, *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
	return arena_strdup(o->arena, name, dot ? (size_t)(dot - name) : strlen(name), o->e);
}

char *outline_title(char *text)
{
	char *to = text;
	for (const char *from = text; *from; from++)
		if (*from != '`')
			*to++ = *from;
	*to = 0;
	return text;
}

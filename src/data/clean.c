/*
 * What must not reach the stages that ask questions: bytes that are no text, and the text around the content. A block that many
 * pages share word for word says nothing about any of them.
 */
#include "data/clean.h"

#include "format/format.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/encoding.h"

#include "data/text.h"

enum { STAMP_WORDS = 12 };

bool clean_is_text(struct document *d)
{
	if (!d->size)
		d->skipped = "empty file";
	else if (memchr(d->bytes, 0, d->size))
		d->skipped = "not text: it holds NUL bytes";
	else if (!utf8_is_valid(d->bytes, d->size))
		d->skipped = "not UTF-8 text";
	return !d->skipped;
}

/* ---- boilerplate ---- */

struct seen {
	const char *text;
	size_t document;
	struct block *block;
};

static int by_text(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int order = strcmp(x->text, y->text);
	return order ? order : (x->document > y->document) - (x->document < y->document);
}

static bool is_page(const struct document *d)
{
	return !d->skipped && d->kind == DOCUMENT_PAGE;
}

/* "17 February 2026", "May 3rd, 2026" and nothing else: when a page was written, which answers no question about what it says. */
static bool is_date(const char *text)
{
	static const char months[] = "january february march april may june july august september october november december jan "
				     "feb mar apr jun jul aug sep oct nov dec";
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){text, strlen(text)}, w), n_months = 0, n_digits = 0;
	for (size_t i = 0; i < n; i++) {
		n_months += word_in(&w[i], months);
		n_digits += isdigit((unsigned char)w[i].p[0]) != 0;
	}
	return n >= 2 && n <= 4 && n_months == 1 && n_digits >= 1 && n_digits + 1 >= n - 1;
}

/* "This page last modified on ...": a stamp, other on every page. */
static bool is_stamp(const char *text)
{
	if (is_date(text))
		return true;
	static const char *const stamps[] = {"this page last modified", "this page was last modified", "this page was last updated",
		"last modified", "last updated", "page last modified"};
	for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++)
		if (!strncasecmp(text, stamps[i], strlen(stamps[i])))
			return str_words((struct str){text, strlen(text)}) <= STAMP_WORDS;
	return false;
}

void document_pack(struct document *d)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n_sections; i++) {
		struct section *s = &d->sections[i];
		size_t first = n;
		for (size_t k = s->block; k < s->block + s->n_blocks; k++)
			if (d->blocks[k].text || d->blocks[k].cells)
				d->blocks[n++] = d->blocks[k];
		s->block = first;
		s->n_blocks = n - first;
	}
	d->n_blocks = n;
	if (!n)
		d->skipped = "no text in it but what other documents repeat";
}

int clean_boilerplate(struct corpus *c, struct err *e)
{
	size_t n_pages = 0, n = 0, n_seen = 0;
	for (size_t i = 0; i < c->n; i++) {
		n_pages += is_page(&c->d[i]);
		n += is_page(&c->d[i]) ? c->d[i].n_blocks : 0;
	}
	size_t enough = (2 * n_pages + 4) / 5 > 3 ? (2 * n_pages + 4) / 5 : 3;
	struct seen *v = mem_alloc(n, sizeof *v, e);
	if (!v)
		return ERR_RESOURCE;
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->d[i].n_blocks && is_page(&c->d[i]); k++)
			if (c->d[i].blocks[k].text)
				v[n_seen++] = (struct seen){c->d[i].blocks[k].text, i, &c->d[i].blocks[k]};
	qsort(v, n_seen, sizeof *v, by_text);
	bool found = false;
	for (size_t i = 0; i < n_seen; i++)
		if (is_stamp(v[i].text)) {
			v[i].block->text = NULL;
			found = true;
		}
	for (size_t i = 0, end; i < n_seen; i = end) {
		size_t pages = 1;
		for (end = i + 1; end < n_seen && !strcmp(v[end].text, v[i].text); end++)
			pages += v[end].document != v[end - 1].document;
		for (size_t k = i; k < end && pages >= enough; k++) {
			v[k].block->text = NULL;
			found = true;
		}
	}
	for (size_t i = 0; i < c->n && found; i++)
		if (is_page(&c->d[i]))
			document_pack(&c->d[i]);
	mem_free(v);
	return 0;
}

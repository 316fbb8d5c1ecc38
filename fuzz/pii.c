/* Any bytes searched for personal data, as a file of every kind: items lie inside, in order, and what was replaced stays replaced. */
#include <stdlib.h>
#include <string.h>

#include "data/scrub.h"
#include "fuzz.h"

/* Items in order, disjoint, inside the text; each worth enough. */
static void items_check(const struct piis *v, size_t size)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct pii *k = &v->p[i];
		if (k->span.start >= k->span.end || k->span.end > size || (i && k->span.start < v->p[i - 1].span.end) ||
			k->score < PII_ENOUGH || k->score > 1 || k->kind >= PII_KINDS)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const paths[] = {"a.md", "a.html", "a.txt", "a.vtt", "a.csv", "a.jsonl"};
	struct corpus c = {0};
	struct scrub s = {0};
	struct piis found = {0};
	struct err e = {0};
	struct str text = {(const char *)p, n};
	arena_init(&c.arena, 1 << 16);
	log_set_level(LOG_ERROR);
	fuzz_check(pii_find(&found, text, n % 2, &e), &e);
	items_check(&found, n);
	for (size_t i = 0; i < 2; i++) { /* two kinds in turn */
		struct document d = {.path = paths[(n + i) % (sizeof paths / sizeof *paths)],
			.size = n,
			.bytes = arena_strdup(&c.arena, text.p, n, &e)};
		if (!d.bytes || corpus_add(&c, &d, &e))
			abort();
	}
	fuzz_check(scrub_files(&s, &c, "/nowhere", &e), &e);
	for (size_t i = 0; i < c.n; i++) {
		const struct document *d = &c.d[i];
		struct str bytes = {d->bytes, d->size};
		size_t at = 0, length;
		enum pii_kind kind;
		for (size_t k = 0; k < d->n_edits; k++)
			if (d->edits[k].at + d->edits[k].n > d->size || document_place(d, d->edits[k].at) != d->edits[k].source)
				abort();
		if (d->skipped || !strcmp(d->path, "a.jsonl")) /* of JSON the items are looked for in what its escapes mean */
			continue;
		while (scrub_match(&s, bytes, &at, &length, &kind)) { /* only what a placeholder makes, or lets stand alone */
			bool inside = false;
			for (size_t k = 0; k < d->n_edits; k++)
				inside |= at <= d->edits[k].at + d->edits[k].n && d->edits[k].at <= at + length;
			if (!inside)
				abort();
			at += length;
		}
	}
	piis_release(&found);
	scrub_release(&s);
	corpus_release(&c);
	return 0;
}

/*
 * Held-out documents and their cleaned text. Sentences and five-word sequences are compared as hashes; the price of a false match is one
 * sentence. Reference: split.h.
 */
#include "data/split.h"

#include <stdlib.h>
#include <string.h>

#include "data/shingle.h"
#include "data/terms.h"
#include "data/text.h"

enum { HELD_OUT = 16 };

/* ---- which documents --------------------------------------------------------------------------------------------------- */

static uint64_t document_rank(const struct document *d, uint64_t seed)
{
	uint64_t h = hash_string(hash_string(HASH_START, d->path), d->part ? d->part : "");
	const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
	const uint32_t counter[4] = {0, RNG_DATA, (uint32_t)h, (uint32_t)(h >> 32)};
	uint32_t out[4];
	philox(key, counter, out);
	return (uint64_t)out[1] << 32 | out[0];
}

/* Of the documents of a kind that are marked unseen, leaves the `keep` of smallest rank so. */
static void keep_smallest(struct document *d, size_t n, enum document_kind kind, size_t keep, uint64_t seed)
{
	uint64_t low = 0, high = UINT64_MAX; /* the smallest limit below or at which `keep` ranks lie */
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		size_t below = 0;
		for (size_t i = 0; i < n; i++)
			below += d[i].unseen && d[i].kind == kind && document_rank(&d[i], seed) <= mid;
		if (below < keep)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = 0; i < n; i++)
		if (d[i].kind == kind)
			d[i].unseen &= keep && document_rank(&d[i], seed) <= low;
}

void split_documents(struct document *d, size_t n, uint64_t seed)
{
	size_t usable[] = {[DOCUMENT_PAGE] = 0, [DOCUMENT_TICKET] = 0, [DOCUMENT_CALL] = 0, [DOCUMENT_ROW] = 0};
	for (size_t i = 0; i < n; i++) {
		usable[d[i].kind] += !d[i].skipped;
		d[i].unseen = !d[i].skipped && !document_is_guide(&d[i]);
	}
	bool enough = usable[DOCUMENT_PAGE] >= HELD_OUT;
	for (enum document_kind kind = DOCUMENT_PAGE; kind <= DOCUMENT_ROW; kind++)
		keep_smallest(d, n, kind, enough || kind == DOCUMENT_ROW ? usable[kind] / HELD_OUT : 0, seed);
}

/* ---- what is trained on ------------------------------------------------------------------------------------------------ */

struct trained {
	uint64_t *sentence; /* sorted */
	size_t n_sentences, cap_sentences;
	struct grams asked; /* of what was held out: others are not looked for, so they are not kept */
	struct grams grams; /* sorted, each once a section */
	struct grams one;   /* of the section that is read */
	size_t *n_grams;    /* [n_sections] */
	size_t *n_shared;   /* [n_sections] with the section that is looked at, else 0 */
	size_t *met, n_met; /* [n_sections] those that share any with it */
	size_t n_sections;
};

static int by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int add_sentences(struct trained *t, const char *text, struct err *e)
{
	struct str rest = {text, strlen(text)}, sentence;
	while (sentence_next(&rest, &sentence)) {
		int rc = mem_reserve(&t->sentence, t->n_sentences, &t->cap_sentences, sizeof *t->sentence, e);
		if (rc)
			return rc;
		t->n_sentences += words_hash(sentence, &t->sentence[t->n_sentences]);
	}
	return 0;
}

/* The first of the sorted sequences that is not below `hash`. */
static size_t grams_find(const struct grams *g, uint64_t hash)
{
	size_t low = 0, high = g->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (g->p[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int add_section(struct trained *t, const struct document *d, const struct section *s, struct err *e)
{
	int rc = add_sentences(t, s->title, e);
	for (size_t k = 0; k < s->n_blocks && !rc; k++) {
		const struct block *b = &d->blocks[s->block + k];
		if (b->text && b->kind != BLOCK_CODE)
			rc = add_sentences(t, b->text, e);
		for (size_t i = 0; b->kind == BLOCK_TABLE && i < b->n_rows * b->n_cols && !rc; i++)
			rc = add_sentences(t, b->cells[i], e);
	}
	t->one.n = 0;
	if (rc || (rc = grams_add(&t->one, d, s, t->n_sections, e)) < 0)
		return rc;
	grams_sort(&t->one);
	t->n_grams[t->n_sections++] = t->one.n;
	for (size_t i = 0; i < t->one.n && !rc; i++) {
		size_t at = grams_find(&t->asked, t->one.p[i].hash);
		if (at == t->asked.n || t->asked.p[at].hash != t->one.p[i].hash)
			continue;
		rc = mem_reserve(&t->grams.p, t->grams.n, &t->grams.cap, sizeof *t->grams.p, e);
		if (!rc)
			t->grams.p[t->grams.n++] = t->one.p[i];
	}
	return rc;
}

/* A zeroed struct in; trained_release in any case. */
static int trained_read(struct trained *t, const struct document *d, size_t n, struct err *e)
{
	size_t n_sections = 0;
	int rc = 0;
	for (size_t i = 0; i < n; i++)
		n_sections += d[i].n_sections;
	t->n_grams = mem_alloc(n_sections, sizeof *t->n_grams, e);
	t->n_shared = mem_alloc(n_sections, sizeof *t->n_shared, e);
	t->met = mem_alloc(n_sections, sizeof *t->met, e);
	if (!t->n_grams || !t->n_shared || !t->met)
		return ERR_RESOURCE;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < d[i].n_sections && d[i].unseen && d[i].kind == DOCUMENT_PAGE && !rc; k++)
			rc = grams_add(&t->asked, &d[i], &d[i].sections[k], 0, e);
	grams_sort(&t->asked);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < d[i].n_sections && !d[i].skipped && !d[i].unseen && !rc; k++)
			rc = add_section(t, &d[i], &d[i].sections[k], e);
	if (t->n_sentences)
		qsort(t->sentence, t->n_sentences, sizeof *t->sentence, by_hash);
	grams_sort(&t->grams);
	return rc;
}

static void trained_release(struct trained *t)
{
	mem_free(t->sentence);
	mem_free(t->asked.p);
	mem_free(t->grams.p);
	mem_free(t->one.p);
	mem_free(t->met);
	mem_free(t->n_grams);
	mem_free(t->n_shared);
}

/* ---- unseen text ------------------------------------------------------------------------------------------------------- */

/* Is the section, by its sorted sequences, nearly one that is trained on? */
static bool is_near_duplicate(struct trained *t, const struct grams *own)
{
	bool found = false;
	t->n_met = 0;
	for (size_t i = 0; i < own->n; i++)
		for (size_t k = grams_find(&t->grams, own->p[i].hash); k < t->grams.n && t->grams.p[k].hash == own->p[i].hash;
			k++) {
			size_t section = t->grams.p[k].section;
			if (!t->n_shared[section]++)
				t->met[t->n_met++] = section;
		}
	for (size_t i = 0; i < t->n_met; i++) {
		size_t *shared = &t->n_shared[t->met[i]];
		found |= 2 * *shared >= own->n + t->n_grams[t->met[i]] - *shared;
		*shared = 0;
	}
	return found;
}

/* Appends the sentences of `text` that are not trained on as one line; nothing when there are none. */
static int put_line(struct buf *out, const struct trained *t, const char *text, struct err *e)
{
	struct str rest = {text, strlen(text)}, sentence;
	size_t start = out->len;
	uint64_t hash;
	int rc = 0;
	while (!rc && sentence_next(&rest, &sentence)) {
		if (!words_hash(sentence, &hash) ||
			(t->n_sentences && bsearch(&hash, t->sentence, t->n_sentences, sizeof hash, by_hash)))
			continue;
		rc = out->len > start ? buf_puts(out, " ", e) : 0;
		if (!rc)
			rc = buf_append(out, sentence.p, sentence.n, e);
	}
	return rc || out->len == start ? rc : buf_puts(out, "\n", e);
}

/* The cleaned text of a section into `out`, which is left empty when there is nothing below its title. */
static int section_text(
	struct buf *out, struct trained *t, struct grams *own, const struct document *d, const struct section *s, struct err *e)
{
	buf_clear(out);
	own->n = 0;
	int rc = grams_add(own, d, s, 0, e);
	if (rc)
		return rc;
	grams_sort(own);
	if (is_near_duplicate(t, own))
		return 0;
	rc = put_line(out, t, s->title, e);
	size_t title = out->len;
	for (size_t k = 0; k < s->n_blocks && !rc; k++) {
		const struct block *b = &d->blocks[s->block + k];
		if (b->kind == BLOCK_PARAGRAPH || b->kind == BLOCK_ITEM)
			rc = put_line(out, t, b->text, e);
	}
	if (out->len == title)
		buf_clear(out);
	return rc;
}

int unseen_texts(struct unseen_text **out, size_t *n, const struct document *d, size_t n_documents, struct arena *a, struct err *e)
{
	struct trained t = {0};
	struct grams own = {0};
	struct buf text = {0};
	size_t n_sections = 0, n_texts = 0;
	*out = NULL;
	*n = 0;
	for (size_t i = 0; i < n_documents; i++)
		n_sections += d[i].unseen ? d[i].n_sections : 0;
	struct unseen_text *v = arena_alloc(a, n_sections, sizeof *v, e);
	int rc = v ? trained_read(&t, d, n_documents, e) : ERR_RESOURCE;
	for (size_t i = 0; i < n_documents && !rc; i++)
		for (size_t k = 0; k < d[i].n_sections && d[i].unseen && d[i].kind == DOCUMENT_PAGE && !rc; k++) {
			const struct section *s = &d[i].sections[k];
			rc = section_text(&text, &t, &own, &d[i], s, e);
			if (rc || !text.len)
				continue;
			v[n_texts] = (struct unseen_text){arena_strdup(a, text.p, text.len, e), d[i].path, s->heading};
			rc = v[n_texts++].text ? 0 : ERR_RESOURCE;
		}
	if (!rc) {
		*out = v;
		*n = n_texts;
	}
	trained_release(&t);
	mem_free(own.p);
	buf_release(&text);
	mem_trim();
	return rc;
}

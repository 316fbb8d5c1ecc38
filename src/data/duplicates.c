/* Near-duplicate sections by MinHash and banding. Reference: duplicates.h. */
#include "data/duplicates.h"

#include <stdlib.h>
#include <string.h>

#include "data/clean.h"
#include "data/shingle.h"

enum { BANDS = 20, BAND_ROWS = 5, HASHES = BANDS * BAND_ROWS, GRAMS_MIN = 20, BUCKET_LOOKS = 16 };
#define SIMILAR 0.7

/* A section that stays. */
struct kept {
	const struct document *document;
	struct section *section;
	size_t looked; /* number of the section that was last compared with it, from 1 */
};

/* A band of a kept section, in a list of those whose keys fall into one slot. */
struct entry {
	uint64_t key;
	uint32_t kept, next; /* next: 1 + index of the next entry, 0: none */
};

struct index {
	struct kept *kept;
	size_t n_kept;
	struct entry *entry;
	size_t n_entries;
	uint32_t *slot; /* [mask + 1] 1 + index of an entry, 0: none */
	size_t mask;
	struct grams own, other;
	struct arena scratch;
};

/* ---- MinHash ------------------------------------------------------------------------------------------------------------ */

/* The i-th hash function: the i-th step of SplitMix64 from `h`. */
static uint64_t hash_ith(uint64_t h, unsigned i)
{
	h += (i + 1) * 0x9e3779b97f4a7c15u;
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

/* One key a band: what its BAND_ROWS smallest hashes are. */
static void band_keys(const struct grams *g, uint64_t key[BANDS])
{
	for (unsigned band = 0; band < BANDS; band++) {
		key[band] = band;
		for (unsigned row = 0; row < BAND_ROWS; row++) {
			uint64_t least = UINT64_MAX;
			for (size_t i = 0; i < g->n; i++) {
				uint64_t h = hash_ith(g->p[i].hash, band * BAND_ROWS + row);
				least = h < least ? h : least;
			}
			key[band] = (key[band] ^ least) * 0xbf58476d1ce4e5b9u;
			key[band] ^= key[band] >> 31;
		}
	}
}

static double jaccard(const struct grams *a, const struct grams *b)
{
	size_t both = 0;
	for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
		both += a->p[i].hash == b->p[k].hash;
		bool first = a->p[i].hash <= b->p[k].hash, second = b->p[k].hash <= a->p[i].hash;
		i += first;
		k += second;
	}
	return (double)both / (double)(a->n + b->n - both);
}

/* ---- values ------------------------------------------------------------------------------------------------------------- */

static int section_values(struct values *out, const struct document *d, const struct section *s, struct arena *a, struct err *e)
{
	struct buf text = {0};
	int rc = 0;
	for (size_t k = 0; k < s->n_blocks && !rc; k++) {
		const struct block *b = &d->blocks[s->block + k];
		if (b->text)
			rc = buf_printf(&text, e, "%s\n", b->text);
		for (size_t i = 0; b->cells && i < b->n_rows * b->n_cols && !rc; i++)
			rc = buf_printf(&text, e, "%s\n", b->cells[i]);
	}
	if (!rc)
		rc = values_read(out, text.p ? text.p : "", a, e);
	buf_release(&text);
	return rc;
}

/* Does `a` hold a value that `b` does not? */
static bool holds_more(const struct values *a, const struct values *b)
{
	for (size_t i = 0; i < a->n; i++) {
		size_t k = 0;
		while (k < b->n &&
			(a->p[i].kind != b->p[k].kind || strcmp(a->p[i].unit, b->p[k].unit) || strcmp(a->p[i].text, b->p[k].text)))
			k++;
		if (k == b->n)
			return true;
	}
	return false;
}

static int values_differ(
	struct index *x, const struct document *d, const struct section *s, const struct kept *k, bool *differ, struct err *e)
{
	struct values own, other;
	arena_reset(&x->scratch);
	int rc = section_values(&own, d, s, &x->scratch, e);
	if (!rc)
		rc = section_values(&other, k->document, k->section, &x->scratch, e);
	if (!rc)
		*differ = holds_more(&own, &other) || holds_more(&other, &own);
	return rc;
}

/* ---- the index ---------------------------------------------------------------------------------------------------------- */

static int index_open(struct index *x, size_t n_sections, struct err *e)
{
	memset(x, 0, sizeof *x);
	arena_init(&x->scratch, 1 << 16);
	for (x->mask = 1; x->mask < 2 * n_sections * BANDS; x->mask *= 2)
		;
	x->slot = mem_alloc(x->mask, sizeof *x->slot, e);
	x->mask--;
	x->kept = mem_alloc(n_sections, sizeof *x->kept, e);
	x->entry = mem_alloc(n_sections * BANDS, sizeof *x->entry, e);
	return x->slot && x->kept && x->entry ? 0 : ERR_RESOURCE;
}

static void index_release(struct index *x)
{
	mem_free(x->slot);
	mem_free(x->kept);
	mem_free(x->entry);
	mem_free(x->own.p);
	mem_free(x->other.p);
	arena_release(&x->scratch);
}

static void index_add(struct index *x, const struct document *d, struct section *s, const uint64_t key[BANDS])
{
	x->kept[x->n_kept] = (struct kept){.document = d, .section = s};
	for (size_t i = 0; i < BANDS; i++) {
		uint32_t *slot = &x->slot[key[i] & x->mask];
		x->entry[x->n_entries++] = (struct entry){key[i], (uint32_t)x->n_kept, *slot};
		*slot = (uint32_t)x->n_entries;
	}
	x->n_kept++;
}

/* What a section is nearly. */
struct match {
	const struct kept *kept; /* NULL: nothing */
	double similarity;
	bool differ; /* in values */
};

/* Compares x->own, of a section, with a kept one. A match with the same values is better than any without. */
static int match_try(
	struct match *m, struct index *x, const struct document *d, const struct section *s, const struct kept *k, struct err *e)
{
	bool differ;
	x->other.n = 0;
	int rc = grams_add(&x->other, k->document, k->section, 0, e);
	if (rc)
		return rc;
	grams_sort(&x->other);
	double similarity = jaccard(&x->own, &x->other);
	if (similarity < SIMILAR || (m->kept && !m->differ && similarity <= m->similarity))
		return 0;
	rc = values_differ(x, d, s, k, &differ, e);
	if (!rc && (!m->kept || differ < m->differ || (differ == m->differ && similarity > m->similarity)))
		*m = (struct match){k, similarity, differ};
	return rc;
}

static int match_find(struct match *m, struct index *x, const struct document *d, const struct section *s,
	const uint64_t key[BANDS], size_t number, struct err *e)
{
	int rc = 0;
	*m = (struct match){0};
	for (size_t i = 0; i < BANDS; i++) {
		unsigned looks = 0;
		for (uint32_t at = x->slot[key[i] & x->mask]; at && looks < BUCKET_LOOKS && !rc; at = x->entry[at - 1].next) {
			const struct entry *b = &x->entry[at - 1];
			struct kept *k = &x->kept[b->kept];
			if (b->key != key[i] || k->looked == number)
				continue;
			k->looked = number;
			looks++;
			rc = match_try(m, x, d, s, k, e);
		}
	}
	return rc;
}

/* ---- all sections ------------------------------------------------------------------------------------------------------- */

static int section_compare(
	struct duplicates *out, struct index *x, struct document *d, struct section *s, size_t number, struct err *e)
{
	uint64_t key[BANDS];
	struct match m;
	x->own.n = 0;
	int rc = grams_add(&x->own, d, s, 0, e);
	grams_sort(&x->own);
	if (rc || x->own.n < GRAMS_MIN)
		return rc;
	band_keys(&x->own, key);
	rc = match_find(&m, x, d, s, key, number, e);
	if (!rc && m.kept && !(rc = mem_reserve(&out->p, out->n, &out->cap, sizeof *out->p, e)))
		out->p[out->n++] = (struct duplicate){d, m.kept->document, s, m.kept->section, m.similarity, m.differ};
	if (rc)
		return rc;
	if (!m.kept || m.differ)
		index_add(x, d, s, key);
	for (size_t k = s->block; m.kept && !m.differ && k < s->block + s->n_blocks; k++) {
		d->blocks[k].text = NULL;
		d->blocks[k].cells = NULL;
	}
	return 0;
}

int duplicates_drop(struct corpus *c, struct err *e)
{
	struct duplicates *out = &c->duplicates;
	struct index x;
	size_t n_sections = 0, number = 0;
	for (size_t i = 0; i < c->n; i++)
		n_sections += c->d[i].skipped ? 0 : c->d[i].n_sections;
	int rc = index_open(&x, n_sections, e);
	for (size_t i = 0; i < c->n && !rc; i++) {
		struct document *d = &c->d[i];
		size_t before = out->n;
		for (size_t k = 0; k < d->n_sections && !d->skipped && !rc; k++)
			rc = section_compare(out, &x, d, &d->sections[k], ++number, e);
		if (!rc && out->n > before)
			document_pack(d);
	}
	index_release(&x);
	return rc;
}

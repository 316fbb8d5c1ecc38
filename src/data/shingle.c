/* Words and their sequences as hashes. Reference: shingle.h. */
#include "data/shingle.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

uint64_t hash_string(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = hash_step(h, (unsigned char)*s);
	return hash_step(h, 0);
}

/* A word's hash into an ordered sum of words (the finalizer of MurmurHash3 spreads it over all bits). */
static uint64_t hash_join(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0xff51afd7ed558ccdu;
	return h ^ (h >> 32);
}

/* The hash of the next word of *rest. False at the end. */
static bool word_next(struct str *rest, uint64_t *hash)
{
	const char *p = rest->p, *end = rest->p + rest->n;
	while (p < end && (isspace((unsigned char)*p) || ispunct((unsigned char)*p)))
		p++;
	const char *stop = p, *last;
	while (stop < end && !isspace((unsigned char)*stop))
		stop++;
	for (last = stop; last > p && ispunct((unsigned char)last[-1]);)
		last--;
	*rest = (struct str){stop, (size_t)(end - stop)};
	*hash = HASH_START;
	for (const char *c = p; c < last; c++)
		*hash = hash_step(*hash, (unsigned char)tolower((unsigned char)*c));
	return last > p;
}

bool words_hash(struct str text, uint64_t *hash)
{
	uint64_t word;
	bool any = false;
	for (*hash = HASH_START; word_next(&text, &word); any = true)
		*hash = hash_join(*hash, word);
	return any;
}

/* The last words before the next, and how many there were in all. */
struct window {
	uint64_t last[GRAM_WORDS];
	size_t n;
};

static int text_grams(struct grams *g, struct window *w, const char *text, size_t number, struct err *e)
{
	struct str rest = {text, strlen(text)};
	while (word_next(&rest, &w->last[w->n % GRAM_WORDS])) {
		if (++w->n < GRAM_WORDS)
			continue;
		int rc = mem_reserve(&g->p, g->n, &g->cap, sizeof *g->p, e);
		if (rc)
			return rc;
		uint64_t h = HASH_START;
		for (size_t i = 0; i < GRAM_WORDS; i++)
			h = hash_join(h, w->last[(w->n + i) % GRAM_WORDS]);
		g->p[g->n++] = (struct gram){h, number};
	}
	return 0;
}

int grams_add(struct grams *g, const struct document *d, const struct section *s, size_t number, struct err *e)
{
	struct window w = {.n = 0};
	int rc = 0;
	for (size_t k = 0; k < s->n_blocks && !rc; k++) {
		const struct block *b = &d->blocks[s->block + k];
		if (b->text && b->kind != BLOCK_CODE)
			rc = text_grams(g, &w, b->text, number, e);
		for (size_t i = 0; b->kind == BLOCK_TABLE && i < b->n_rows * b->n_cols && !rc; i++)
			rc = text_grams(g, &w, b->cells[i], number, e);
	}
	return rc;
}

static int by_gram(const void *a, const void *b)
{
	const struct gram *x = a, *y = b;
	return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash)
				  : (x->section > y->section) - (x->section < y->section);
}

void grams_sort(struct grams *g)
{
	size_t kept = 0;
	if (g->n)
		qsort(g->p, g->n, sizeof *g->p, by_gram);
	for (size_t i = 0; i < g->n; i++)
		if (!kept || by_gram(&g->p[kept - 1], &g->p[i]))
			g->p[kept++] = g->p[i];
	g->n = kept;
}

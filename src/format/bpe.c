/*
 * Byte-pair encoding of one piece of text.
 *
 * A piece starts as one symbol a byte, or a character in SentencePiece's scheme; of all neighbours that may merge the pair with the
 * lowest rank, the leftmost of equals, becomes one symbol, until no pair can merge. Symbols are a linked list inside an array and the
 * pairs wait in a heap, so that a piece of n bytes takes O(n log n). Reference: Sennrich et al. 2016; openai/gpt-2, encoder.py; Google's
 * sentencepiece, bpe_model.cc.
 *
 * Some byte-level vocabularies lack bytes that never met the training text (SmolLM2: 16 that only malformed or unassigned text has, and
 * five C0 controls). The reference tokenizer leaves such bytes out, and so does this one.
 */
#include "format/tokenizer.h"

#include <string.h>

#include "format/unicode.h"

/* Symbol i starts at byte i of its piece. */
struct symbol {
	int32_t id;              /* -1: merged into the one before */
	uint32_t previous, next; /* NO_SYMBOL at the ends */
	uint32_t rank;           /* of the merge with `next`; NO_MERGE */
	int32_t result;          /* of that merge */
};
static const uint32_t NO_SYMBOL = UINT32_MAX;
static const int32_t NO_TOKEN = INT32_MAX; /* a character that the vocabulary lacks: its bytes, unless it merges */

void encoding_release(struct encoding *s)
{
	normalized_release(&s->normalized);
	mem_free(s->symbols);
	mem_free(s->heap);
	*s = (struct encoding){0};
}

/* A piece of n symbols makes at most n - 1 pairs at first and two with every merge: 3 n entries. */
static int encoding_grow(struct encoding *s, size_t n, struct err *e)
{
	if (n <= s->cap)
		return 0;
	size_t cap = n < 64 ? 64 : n, n_heap;
	if (!size_mul(cap, 3, &n_heap))
		return err_set(e, ERR_RESOURCE, "out of memory: a word of %zu bytes overflows a size", n);
	mem_free(s->symbols);
	mem_free(s->heap);
	s->cap = 0;
	s->heap = NULL;
	s->symbols = mem_alloc(cap, sizeof *s->symbols, e);
	s->heap = s->symbols ? mem_alloc(n_heap, sizeof *s->heap, e) : NULL;
	if (!s->heap)
		return ERR_RESOURCE;
	s->cap = cap;
	return 0;
}

static void heap_push(struct encoding *s, uint64_t key)
{
	size_t i = s->n_heap++;
	for (; i && s->heap[(i - 1) / 2] > key; i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = key;
}

static uint64_t heap_pop(struct encoding *s)
{
	uint64_t top = s->heap[0], key = s->heap[--s->n_heap];
	size_t i = 0, child;
	while ((child = 2 * i + 1) < s->n_heap) {
		child += child + 1 < s->n_heap && s->heap[child + 1] < s->heap[child];
		if (s->heap[child] >= key)
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = key;
	return top;
}

/* Where symbol i ends in its piece of n bytes. */
static size_t symbol_end(const struct encoding *s, uint32_t i, size_t n)
{
	return s->symbols[i].next == NO_SYMBOL ? n : s->symbols[i].next;
}

/* Looks up the merge of symbol i with the one behind it. */
static void pair_update(struct encoding *s, const char *p, size_t n, uint32_t i)
{
	const struct tokenizer *t = s->tokenizer;
	struct symbol *a = &s->symbols[i];
	a->rank = NO_MERGE;
	if (a->next == NO_SYMBOL)
		return;
	if (t->scheme == SCHEME_SCORES) {
		size_t length = symbol_end(s, a->next, n) - i;
		a->result = length <= t->longest ? t->by_text[text_slot(t, p + i, length)] : -1;
		a->rank = a->result < 0 ? NO_MERGE : t->rank[a->result];
	} else {
		const struct merge *m = merge_slot(t, a->id, s->symbols[a->next].id);
		a->rank = m->rank;
		a->result = m->result;
	}
	if (a->rank != NO_MERGE)
		heap_push(s, (uint64_t)a->rank << 32 | i);
}

/* Merges until nothing can; entries of pairs that have changed since they were pushed are told by their rank. */
static void merge_all(struct encoding *s, const char *p, size_t n)
{
	while (s->n_heap) {
		uint64_t key = heap_pop(s);
		struct symbol *a = &s->symbols[(uint32_t)key];
		if (a->id < 0 || a->rank != key >> 32)
			continue;
		struct symbol *b = &s->symbols[a->next];
		a->id = a->result;
		a->next = b->next;
		b->id = -1;
		if (b->next != NO_SYMBOL)
			s->symbols[b->next].previous = (uint32_t)key;
		pair_update(s, p, n, (uint32_t)key);
		if (a->previous != NO_SYMBOL)
			pair_update(s, p, n, a->previous);
	}
}

/* The first symbol at p[at..n); *length its bytes. -1: nothing stands for it. */
static int32_t symbol_at(const struct tokenizer *t, const char *p, size_t at, size_t n, size_t *length)
{
	uint32_t cp;
	*length = 1;
	if (t->scheme == SCHEME_BYTES)
		return t->byte_id[(unsigned char)p[at]];
	size_t whole = utf8_next(p + at, n - at, &cp);
	int32_t id = whole ? t->by_text[text_slot(t, p + at, whole)] : -1;
	if (!whole)
		return t->byte_id[(unsigned char)p[at]];
	*length = whole;
	return id < 0 ? NO_TOKEN : id;
}

int encoding_push(struct encoding *s, int32_t id, size_t end, struct err *e)
{
	if (ids_push(s->out, id, e))
		return ERR_RESOURCE;
	return s->ends && ids_push(s->ends, (int32_t)(s->base + (s->map ? s->map[end - 1] : end)), e) ? ERR_RESOURCE : 0;
}

/* The tokens of symbol i. A token ends where the next one starts. */
static int symbol_push(struct encoding *s, const char *p, size_t n, size_t offset, uint32_t i, struct err *e)
{
	size_t end = symbol_end(s, i, n);
	if (s->symbols[i].id != NO_TOKEN)
		return encoding_push(s, s->symbols[i].id, offset + end, e);
	for (size_t at = i; at < end; at++)
		if (encoding_push(s, s->tokenizer->byte_id[(unsigned char)p[at]], offset + at + 1, e))
			return ERR_RESOURCE;
	return 0;
}

int encoding_merge(struct encoding *s, const char *p, size_t n, size_t offset, struct err *e)
{
	const struct tokenizer *t = s->tokenizer;
	uint32_t first = NO_SYMBOL, last = NO_SYMBOL;
	if (t->ignore_merges) {
		int32_t whole = n <= t->longest ? t->by_text[text_slot(t, p, n)] : -1;
		if (whole >= 0)
			return encoding_push(s, whole, offset + n, e);
	}
	if (encoding_grow(s, n, e))
		return ERR_RESOURCE;
	for (size_t at = 0, length; at < n; at += length) {
		int32_t id = symbol_at(t, p, at, n, &length);
		uint32_t i = (uint32_t)at;
		if (id < 0)
			continue;
		s->symbols[i] = (struct symbol){.id = id, .previous = last, .next = NO_SYMBOL, .rank = NO_MERGE};
		if (last == NO_SYMBOL)
			first = i;
		else
			s->symbols[last].next = i;
		last = i;
	}
	s->n_heap = 0;
	for (uint32_t i = first; i != NO_SYMBOL; i = s->symbols[i].next)
		pair_update(s, p, n, i);
	merge_all(s, p, n);
	for (uint32_t i = first; i != NO_SYMBOL; i = s->symbols[i].next)
		if (symbol_push(s, p, n, offset, i, e))
			return ERR_RESOURCE;
	return 0;
}

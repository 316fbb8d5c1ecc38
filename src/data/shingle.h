/*
 * Private to data: the words of a text as hashes, to find out what texts share. Words are compared in small letters, without the signs
 * around them. Hashes have 64 bits: among 10^8 of them a false match has a chance of 1 in 4,000.
 */
#ifndef ATTUNE_DATA_SHINGLE_H
#define ATTUNE_DATA_SHINGLE_H

#include "data/corpus.h"

enum { GRAM_WORDS = 5 };

uint64_t hash_string(uint64_t h, const char *s);

/* The hash of all words of a text, in their order; false when there is none. */
bool words_hash(struct str text, uint64_t *hash);

/* Five words in a row of a section. */
struct gram {
	uint64_t hash;
	size_t section; /* a number that the caller gives */
};
/* A zeroed struct is empty. */
struct grams {
	struct gram *p; /* mem_free */
	size_t n, cap;
};

/* Appends the five-word sequences of a section's text without its code; they may run from block to block. */
int grams_add(struct grams *g, const struct document *d, const struct section *s, size_t number, struct err *e);
/* By hash and section, each once. */
void grams_sort(struct grams *g);

#endif

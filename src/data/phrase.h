/*
 * Private to data: phrasings as patterns, filled with the parts of a sentence.
 *
 * In a pattern, $ and a letter stand for a part. With a capital letter the part is required: when it is empty the pattern does not
 * apply. With a small letter it may be empty and leaves no gap. Which letter means what is up to the list of patterns.
 */
#ifndef ATTUNE_DATA_PHRASE_H
#define ATTUNE_DATA_PHRASE_H

#include "data/corpus.h"
#include "data/names.h"

struct parts {
	const char *of[26]; /* by letter; NULL is empty */
};
#define PART(parts, letter) ((parts)->of[(letter) - 'A'])

/*
 * *out = the filled pattern in the arena, its first letter (and the first one after a full stop of the pattern) made
 * capital; NULL when it does not apply.
 */
int phrase_fill(const char **out, const char *pattern, const struct parts *p, struct arena *a, struct err *e);

/* Questions before their words are varied, each once. */
enum { CORES_MAX = 96 };
struct cores {
	const char *of[CORES_MAX];
	size_t n;
};
/* Appends the patterns that apply, filled; what goes beyond CORES_MAX is left out. */
int cores_add(struct cores *c, const char *const *patterns, size_t n, const struct parts *p, struct arena *a, struct err *e);

/* Appends an item that has its questions already. */
int items_add(struct items *v, const struct item *it, struct err *e);

/*
 * Appends `it`, asked options.n_phrasings times (what is no value less often, by its kind): the cores in an order
 * chosen by chance from the seed and the number of the item, each time in other words (vary.h). Every eighth item keeps one pattern
 * for validation. An item that no pattern fits is left out. Where m->words_later, its cores stand in the stage's memory for now.
 */
int item_ask_cores(struct maker *m, const struct item *it, const struct cores *c, struct err *e);
int item_ask(struct maker *m, const struct item *it, const char *const *patterns, size_t n, const struct parts *p, struct err *e);

/*
 * Gives an appended item with m->words_later its questions, as the item of this number, and copies what it holds out of the stage's memory.
 * `before`: the one before it, whose strings it may share, or NULL. Different items may be worded at the same time, with a maker each.
 */
int item_word(const struct maker *m, struct item *it, size_t number, const struct item *before, struct err *e);

#endif

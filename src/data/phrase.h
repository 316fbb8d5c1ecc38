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

/*
 * Appends `it`, asked in up to options.n_phrasings of the n patterns, chosen by chance from the seed and the number of the
 * item; every other item with three or more keeps one of them for validation. An item that no pattern fits is left out.
 */
int item_ask(struct maker *m, const struct item *it, const char *const *patterns, size_t n, const struct parts *p, struct err *e);

#endif

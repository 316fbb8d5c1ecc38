/* Private to data: the same answer in the words that are wanted and in those that are not. */
#ifndef ATTUNE_DATA_PREFERENCES_H
#define ATTUNE_DATA_PREFERENCES_H

#include "data/corpus.h"
#include "format/format.h"

/*
 * `question` is asked in training; the item's answer is preferred to `rejected`, which has forbidden forms of one term in place
 * of the preferred one.
 */
struct preference {
	const struct item *item;
	const char *question, *rejected;
	const struct term *term;
};
struct preferences {
	struct preference *p; /* mem_free; a zeroed struct is empty */
	size_t n, cap;
	struct arena arena; /* owns the texts */
};

/*
 * Of every item that a document says and something asks, for each accepted term that its answer uses: forbidden forms take
 * turns. Left out are answers that use a forbidden form already, code, pages about words, and forms of which no plural or
 * capital can be made safely; a term gives at most 40. In the order of the items. preferences_release.
 */
int preferences_make(struct preferences *out, const struct items *items, const struct terms *t, struct err *e);
void preferences_release(struct preferences *p);

#endif

/* Private to data: statements that are the same but for one word which cannot be both. */
#ifndef ATTUNE_DATA_TWINS_H
#define ATTUNE_DATA_TWINS_H

#include "data/contradict.h"

/*
 * Appends pairs of facts and statements of five words and more that differ in one: a number, version, day or month behind the
 * verb, or what is said to be the only, the first or the default one; as far as the other words say what they are about. A
 * sentence that stands with three such words and more is a series and no contradiction. Pairs of the same two statements are
 * there once. O(words log words).
 */
int twins_find(struct contradictions *out, const struct items *items, const struct names *names, struct err *e);

#endif

/*
 * Private to data: prose in shorter statements of its own, so that each can be asked for.
 */
#ifndef ATTUNE_DATA_SIMPLIFY_H
#define ATTUNE_DATA_SIMPLIFY_H

#include "data/text.h"

/*
 * *out, in the arena: the text of a paragraph in which "this macro" is the only name in the sentence before, when that calls it a macro,
 * "X which is set to 10" also stands as "X is set to 10", and no "then" follows a condition. As true as the text, but longer.
 */
int text_simplify(const char **out, const char *text, struct arena *a, struct err *e);

#endif

/*
 * Private to data: questions whose premise is false, or that the documents do not answer, and their answerable twins.
 */
#ifndef ATTUNE_DATA_REFUSE_H
#define ATTUNE_DATA_REFUSE_H

#include "data/corpus.h"

/*
 * Appends denials, confirmations and admissions of not knowing, made from the items so far. The documents tell which of the
 * well-known features they do not mention.
 */
int refusals_make(struct maker *m, const struct document *d, size_t n, struct err *e);

/* "A stream cannot be renamed.": how somebody asks who does not know. For statements of m->section. */
int refusal_from_statement(struct maker *m, const char *statement, struct span span, struct err *e);

#endif

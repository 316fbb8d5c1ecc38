/* Private to data: the facts that no question asks for. */
#ifndef ATTUNE_DATA_LEDGER_H
#define ATTUNE_DATA_LEDGER_H

#include "data/corpus.h"

/*
 * Appends to `out` a fact for every value of the document that none of the items [first, m->items->n) has: those in requests, in fragments,
 * in the subject of a statement, beside another value, the names of table rows by what they do. They have no questions.
 */
int ledger_document(struct maker *m, struct items *out, size_t first, struct err *e);

#endif

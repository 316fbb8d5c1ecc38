/* Shared by the targets of document readers. */
#ifndef ATTUNE_FUZZ_DOCUMENT_H
#define ATTUNE_FUZZ_DOCUMENT_H

#include "data/corpus.h"

/* Aborts when sections, blocks and spans do not fit together. */
void document_check(const struct document *d);

#endif

/* Private to data: sections that say again what another one says. */
#ifndef ATTUNE_DATA_DUPLICATES_H
#define ATTUNE_DATA_DUPLICATES_H

#include "data/corpus.h"

/*
 * Drops the blocks of every section of at least 24 words that shares seven in ten of its five-word sequences with a section that
 * stays, unless the two name different values, and lists both sorts in c->duplicates. A document of which nothing is left is skipped. Pairs are found by MinHash (20 bands
 * of 5: of sections that share just so much 97 in 100, of those that share nine tenths all) and then compared exactly: O(bytes of text), 1 KB for each
 * section. Broder, "On the resemblance and containment of documents" (1997); Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3.
 */
int duplicates_drop(struct corpus *c, struct err *e);

#endif

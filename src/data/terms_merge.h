/* Private to data: what people wrote about terms, over what was found. */
#ifndef ATTUNE_DATA_TERMS_MERGE_H
#define ATTUNE_DATA_TERMS_MERGE_H

#include "format/format.h"

/*
 * Reads DATA_TERMS of the folder `in`, if it is one and has it, into the found terms. A person's term takes the place of the found one with the
 * same preferred form (ignoring case); rejected it takes it away, and as found it
 * decides nothing. What a person forbids is no
 * found term, and what a person prefers is forbidden by none. *t is in the order of the preferred forms. ERR_DATA names file and line.
 */
int terms_merge(struct terms *t, const char *in, struct err *e);

#endif

/*
 * Private to data: which words the documents write with a capital inside sentences: products, plans, companies, interface labels.
 */
#ifndef ATTUNE_DATA_NAMES_H
#define ATTUNE_DATA_NAMES_H

#include "data/text.h"

struct names;
int names_new(struct names **out, const struct document *d, size_t n_documents, struct err *e);
void names_free(struct names *n);

/* Is this word a name, so that it keeps its capital wherever it stands? */
bool names_has(const struct names *n, const struct word *w);

/* In how many documents it stands as a name. */
size_t names_documents(const struct names *n, const struct word *w);

/* The name that at least half of the documents use, most of all names: what the collection is about. "" when there is none. */
const char *names_subject(const struct names *n);

/* `s` with a small first letter unless it starts with a name, an acronym or code. In the arena; NULL with `e` filled. */
const char *names_lower_first(const struct names *n, struct arena *a, struct str s, struct err *e);

#endif

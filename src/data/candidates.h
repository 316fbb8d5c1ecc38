/* Private to data: terms that nobody listed, found by how the documents use them. */
#ifndef ATTUNE_DATA_CANDIDATES_H
#define ATTUNE_DATA_CANDIDATES_H

#include "data/terms.h"

/*
 * Adds to the terms what the pages (without pages, the dialogues) use like terms, each with the status TERM_FOUND; guides to writing say nothing:
 *   - names: one to three words with capitals inside sentences, most of all their uses; acronyms; words with capitals further inside;
 *   - labels of an interface: what is bold with a capital and recurs;
 *   - single words that stand far more often here than in English, with articles, in several documents;
 *   - two or three words that recur together, as nouns do: behind an article, in headings, in table cells.
 * Code, numbers and what is a verb, a weekday or everybody's jargon are none. What is part of a longer term nearly always is left out, and any form
 * of a term that is there already. Keeps the order of preferred forms.
 */
int candidates_find(struct terms *t, const struct document *d, size_t n, struct err *e);

#endif

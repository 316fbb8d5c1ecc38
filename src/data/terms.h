/* Private to data: how the documents say that things are called. */
#ifndef ATTUNE_DATA_TERMS_H
#define ATTUNE_DATA_TERMS_H

#include "data/names.h"
#include "format/format.h"

/* Does its title call the document a glossary or a guide to writing? Such a page speaks about words and uses the unwanted ones. */
bool document_is_guide(const struct document *d);

/*
 * Finds terms in the documents that are not skipped, in the order of their preferred forms; terms_release:
 *   - rows of tables that pair a wanted with an unwanted column ("Write | Do not write"): preferred and forbidden forms. A form is
 *     without quotation marks, brackets and a leading article;
 *   - in glossaries, blocks of a bold word, a colon or a dash, and what it means: definitions.
 * Terms whose preferred forms differ by case only are one. A forbidden form is dropped when another term prefers it, or when pages
 * that are no guides use it more often than the preferred one: the rule is evidently about another sense of the word. A word of a
 * preferred form has a small letter unless it is a name or has capitals further inside.
 */
int terms_find(struct terms *out, const struct document *d, size_t n, const struct names *names, struct err *e);

#endif

/* Private to data: what rules for web text would say of a section. Nothing is dropped for it: they were made for pages that nobody chose. */
#ifndef ATTUNE_DATA_QUALITY_H
#define ATTUNE_DATA_QUALITY_H

#include "data/corpus.h"

enum quality_flag {
	QUALITY_WORD_LENGTH,
	QUALITY_SYMBOLS,
	QUALITY_BULLETS,
	QUALITY_ELLIPSES,
	QUALITY_LETTERS,
	QUALITY_FUNCTION_WORDS,
	QUALITY_SAME_LINES,
	QUALITY_REPEATED,
	QUALITY_SHORT_LINES,
	QUALITY_LONG_WORD,
	QUALITY_NO_STOPS,
	QUALITY_FLAGS
};
const char *quality_flag_name(enum quality_flag f);   /* "repeated" */
const char *quality_flag_reason(enum quality_flag f); /* for people */

/* Of the text of a section without code. Fewer words than QUALITY_WORDS tell nothing: no flag. */
enum { QUALITY_WORDS = 20 };
struct quality {
	unsigned flags; /* bits of enum quality_flag */
	size_t n_words;
	double specificity; /* numbers, names, flags and code in 100 words */
};
int quality_of(struct quality *out, const struct document *d, const struct section *s, struct err *e);

#endif

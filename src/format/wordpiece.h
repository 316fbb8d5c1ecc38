/* What BERT's tokenizer takes a code point for. Private to format; the table is generated. */
#ifndef FORMAT_WORDPIECE_H
#define FORMAT_WORDPIECE_H

#include <stddef.h>
#include <stdint.h>

enum wordpiece_class {
	WORDPIECE_LETTER,  /* part of a word, and whatever is none of the others */
	WORDPIECE_REMOVED, /* control and format characters: as if they were not there */
	WORDPIECE_SPACE,
	WORDPIECE_MARK,        /* an accent: dropped */
	WORDPIECE_PUNCTUATION, /* a word of its own */
	WORDPIECE_IDEOGRAPH,   /* the same, before it is decomposed */
};

struct wordpiece_range {
	uint32_t first, last;
	enum wordpiece_class c;
};
extern const struct wordpiece_range wordpiece_ranges[];
extern const size_t wordpiece_n_ranges;

#endif

/* Cuts text into the pieces that byte-pair merges never cross. Private to format. */
#ifndef FORMAT_PRETOKENIZER_H
#define FORMAT_PRETOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

enum pretoken {
	PRETOKEN_GPT2,
	PRETOKEN_SMOLLM, /* GPT-2's with every digit cut out first */
	PRETOKEN_LLAMA3, /* up to three digits together */
	PRETOKEN_QWEN2,  /* Llama 3's with single digits */
};

/* The length of the piece at the start of text[0..n), n > 0. Any bytes are accepted. Linear over a whole text. */
size_t pretoken_next(const char *text, size_t n, enum pretoken how);

#endif

/* Cuts text into the pieces that byte-pair merges never cross. Private to format. */
#ifndef FORMAT_PRETOKENIZER_H
#define FORMAT_PRETOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the piece at the start of text[0..n), n > 0. Any bytes are accepted. Linear over a whole text. */
size_t pretoken_next(const char *text, size_t n, bool split_digits);

#endif

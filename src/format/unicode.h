/* UTF-8 and the classes of characters that pre-tokenizers know. Private to format. */
#ifndef FORMAT_UNICODE_H
#define FORMAT_UNICODE_H

#include <stddef.h>
#include <stdint.h>

/* Unicode 16's L*, N* and White_Space; numbers that are younger than that; all else is other. */
enum char_class { CHAR_OTHER, CHAR_LETTER, CHAR_NUMBER, CHAR_SPACE, CHAR_YOUNG_NUMBER };

/* The bytes (1 to 4) of the well-formed UTF-8 character at p[0..n), n > 0, or 0 where there is none (RFC 3629). */
size_t utf8_next(const char *p, size_t n, uint32_t *cp);
/* Writes 1 to 4 bytes at out and returns how many; cp is a character's number. */
size_t utf8_put(uint32_t cp, char *out);
/* The same, but never stuck: a byte that starts no character is one character of class other. */
size_t char_next(const char *p, size_t n, enum char_class *c);
enum char_class char_class(uint32_t cp);

struct unicode_range {
	uint32_t first, last;
	enum char_class c;
};
extern const struct unicode_range unicode_ranges[];
extern const size_t unicode_n_ranges;

#endif

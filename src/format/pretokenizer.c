/*
 * GPT-2's pre-tokenizer as a scanner. A piece is the first of these that matches:
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * With split_digits (SmolLM and others) every number character is a piece of its own, cut out before the expression sees the text:
 * it cannot take a space in front of it, and white space before it ends like white space at the end of the text. Not with a regular
 * expression library: those backtrack on long runs and disagree about unassigned code points.
 * Reference: openai/gpt-2, encoder.py; Hugging Face tokenizers, ByteLevel and Digits.
 */
#include "format/pretokenizer.h"

#include <string.h>

#include "format/unicode.h"

/* The length of an English contraction at text[0..n), or 0. */
static size_t contraction(const char *text, size_t n)
{
	if (n < 2 || text[0] != '\'')
		return 0;
	if (strchr("stmd", text[1]) && text[1])
		return 2;
	if (n >= 3 && (!memcmp(text + 1, "re", 2) || !memcmp(text + 1, "ve", 2) || !memcmp(text + 1, "ll", 2)))
		return 3;
	return 0;
}

/* The end of the run of class `c` that goes on at text[at]. */
static size_t run_end(const char *text, size_t n, size_t at, enum char_class c)
{
	while (at < n) {
		enum char_class next;
		size_t length = char_next(text + at, n - at, &next);
		if (next != c)
			break;
		at += length;
	}
	return at;
}

/* White space: the whole run, or all but its last character when other text follows, which may want that as its prefix. */
static size_t space_end(const char *text, size_t n, bool split_digits)
{
	size_t at = 0, last = 0;
	while (at < n) {
		enum char_class c;
		size_t length = char_next(text + at, n - at, &c);
		if (c != CHAR_SPACE)
			return last > 0 && !(split_digits && c == CHAR_NUMBER) ? last : at;
		last = at;
		at += length;
	}
	return at;
}

size_t pretoken_next(const char *text, size_t n, bool split_digits)
{
	size_t apostrophe = contraction(text, n);
	if (apostrophe)
		return apostrophe;
	size_t start = text[0] == ' ' && n > 1; /* one space belongs to the word behind it */
	enum char_class c;
	size_t end = start + char_next(text + start, n - start, &c);
	if (c == CHAR_SPACE)
		return space_end(text, n, split_digits);
	if (c == CHAR_NUMBER && split_digits)
		return start ? start : end;
	return run_end(text, n, end, c);
}

/*
 * Pre-tokenizers as scanners. A piece is the first alternative that matches. GPT-2:
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * SmolLM and others: the same, but every number character is a piece of its own, cut out before the expression sees the text: it cannot
 * take a space in front of it, and white space before it ends like white space at the end of the text. Llama 3:
 *
 *     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 *
 * Qwen 2 the same with \p{N} alone. Not with a regular expression library: those backtrack on long runs and disagree about unassigned
 * code points.
 * Reference: openai/gpt-2, encoder.py; Hugging Face tokenizers, ByteLevel, Digits and Split; the models' tokenizer.json.
 */
#include "format/pretokenizer.h"

#include <string.h>

#include "format/unicode.h"

/* The next character. The reference cuts digits by a younger table than it matches \p{N} with. */
static size_t class_next(const char *text, size_t n, enum pretoken how, enum char_class *c)
{
	size_t length = char_next(text, n, c);
	if (*c == CHAR_YOUNG_NUMBER)
		*c = how == PRETOKEN_SMOLLM ? CHAR_NUMBER : CHAR_OTHER;
	return length;
}

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

/* The same in any case; U+017F, the long s, is an s then. */
static size_t contraction_any_case(const char *text, size_t n)
{
	char lower[3] = {0};
	size_t have = n < sizeof lower ? n : sizeof lower;
	if (n >= 3 && !memcmp(text, "'\xc5\xbf", 3))
		return 3;
	for (size_t i = 0; i < have; i++)
		lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
	return contraction(lower, have);
}

/* The end of the run of class `c` that goes on at text[at], at most `most` characters. */
static size_t run_end(const char *text, size_t n, size_t at, enum pretoken how, enum char_class c, size_t most)
{
	for (; at < n && most; most--) {
		enum char_class next;
		size_t length = class_next(text + at, n - at, how, &next);
		if (next != c)
			break;
		at += length;
	}
	return at;
}

/* White space: the whole run, or all but its last character when other text follows, which may want that as its prefix. */
static size_t space_end(const char *text, size_t n, enum pretoken how)
{
	size_t at = 0, last = 0;
	while (at < n) {
		enum char_class c;
		size_t length = class_next(text + at, n - at, how, &c);
		if (c != CHAR_SPACE)
			return last > 0 && !(how == PRETOKEN_SMOLLM && c == CHAR_NUMBER) ? last : at;
		last = at;
		at += length;
	}
	return at;
}

static size_t gpt2_next(const char *text, size_t n, enum pretoken how)
{
	size_t apostrophe = contraction(text, n);
	if (apostrophe)
		return apostrophe;
	size_t start = text[0] == ' ' && n > 1; /* one space belongs to the word behind it */
	enum char_class c;
	size_t end = start + class_next(text + start, n - start, how, &c);
	if (c == CHAR_SPACE)
		return space_end(text, n, how);
	if (c == CHAR_NUMBER && how == PRETOKEN_SMOLLM)
		return start ? start : end;
	return run_end(text, n, end, how, c, n);
}

static bool is_newline(char c)
{
	return c == '\r' || c == '\n';
}

/* White space up to its last line break; without one as in GPT-2. */
static size_t lines_end(const char *text, size_t n, enum pretoken how)
{
	size_t end = run_end(text, n, 0, how, CHAR_SPACE, n);
	while (end && !is_newline(text[end - 1]))
		end--;
	return end ? end : space_end(text, n, how);
}

static size_t llama3_next(const char *text, size_t n, enum pretoken how)
{
	size_t apostrophe = contraction_any_case(text, n);
	if (apostrophe)
		return apostrophe;
	enum char_class c, next = CHAR_SPACE;
	size_t first = class_next(text, n, how, &c), second = 0;
	if (c == CHAR_LETTER)
		return run_end(text, n, first, how, CHAR_LETTER, n);
	if (c == CHAR_NUMBER)
		return run_end(text, n, first, how, CHAR_NUMBER, how == PRETOKEN_LLAMA3 ? 2 : 0);
	if (first < n)
		second = class_next(text + first, n - first, how, &next);
	if (second && next == CHAR_LETTER && !is_newline(text[0])) /* any one sign or space belongs to the word behind it */
		return run_end(text, n, first + second, how, CHAR_LETTER, n);
	if (c == CHAR_SPACE && !(text[0] == ' ' && second && next == CHAR_OTHER))
		return lines_end(text, n, how);
	size_t end = run_end(text, n, first, how, CHAR_OTHER, n);
	while (end < n && is_newline(text[end]))
		end++;
	return end;
}

size_t pretoken_next(const char *text, size_t n, enum pretoken how)
{
	return how == PRETOKEN_LLAMA3 || how == PRETOKEN_QWEN2 ? llama3_next(text, n, how) : gpt2_next(text, n, how);
}

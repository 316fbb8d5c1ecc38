/*
 * A template's source to tokens. Text outside of tags is cut as transformers sets Jinja up: trim_blocks (the newline behind a
 * block tag is dropped), lstrip_blocks (so is the white space between the start of a line and a block tag), and no newline at
 * the very end. Reference: lexer.py of Jinja 3.1.
 */
#include "format/jinja_lex.h"

#include <stdlib.h>
#include <string.h>

#include "format/unicode.h"

int lex_fail(struct lexer *p, const char *what, struct str detail)
{
	return err_set(
		p->e, ERR_DATA, "chat template: line %d: %s \"%.*s\"", p->line, what, detail.n < 64 ? (int)detail.n : 64, detail.p);
}

/* ---- text and tags ---------------------------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(struct lexer *p)
{
	while (p->at < p->n && is_space(p->s[p->at]))
		p->at++;
}

static void count_lines(struct lexer *p)
{
	for (; p->line_at < p->at; p->line_at++)
		p->line += p->s[p->line_at] == '\n';
}

/* The end of s[start..end) without the white space that the tag at `end` takes away. */
static size_t text_end(const struct lexer *p, size_t start, size_t end)
{
	if (end + 2 >= p->n)
		return end;
	size_t cut = end;
	while (cut > start && is_space(p->s[cut - 1]) && (p->s[end + 2] == '-' || p->s[cut - 1] != '\n'))
		cut--;
	if (p->s[end + 2] == '-')
		return cut;
	bool from_line_start = !cut || p->s[cut - 1] == '\n';
	return p->s[end + 2] != '+' && p->s[end + 1] != '{' && from_line_start ? cut : end;
}

/* Behind a tag that ends in `sign` and `closer`: "-" takes all white space away, a block or a comment one newline. */
static void skip_behind(struct lexer *p, char sign, char closer)
{
	if (sign == '-')
		skip_space(p);
	else if (closer != '}' && sign != '+' && p->at < p->n && p->s[p->at] == '\n')
		p->at++;
}

static int skip_comment(struct lexer *p)
{
	const char *end = memmem(p->s + p->at, p->n - p->at, "#}", 2);
	if (!end)
		return lex_fail(p, "expected the end of a comment,", (struct str){"#}", NULL, 2});
	p->at = (size_t)(end - p->s) + 2;
	skip_behind(p, end[-1], '#');
	return 0;
}

/* The next text, or the opening of a tag. */
static int next_outside(struct lexer *p)
{
	for (;;) {
		if (!p->tag_found) {
			size_t start = p->at;
			while (p->at < p->n && !(p->s[p->at] == '{' && p->at + 1 < p->n && strchr("{%#", p->s[p->at + 1])))
				p->at++;
			p->tag_found = true;
			size_t end = p->at < p->n ? text_end(p, start, p->at) : p->at;
			if (end > start) {
				p->token = (struct token){.kind = TOKEN_TEXT, .text = {p->s + start, NULL, end - start}};
				return 0;
			}
		}
		count_lines(p);
		p->tag_found = false;
		p->token = (struct token){.kind = TOKEN_END};
		if (p->at == p->n)
			return 0;
		char kind = p->s[p->at + 1];
		p->at += 2;
		if (kind == '#') {
			if (skip_comment(p))
				return ERR_DATA;
			continue;
		}
		p->at += p->at < p->n && (p->s[p->at] == '-' || p->s[p->at] == '+');
		p->in_tag = true;
		p->closer = kind == '{' ? '}' : '%';
		p->token.kind = kind == '{' ? TOKEN_PRINT : TOKEN_BLOCK;
		return 0;
	}
}

/* ---- tokens inside of tags --------------------------------------------------------------------------------------------------- */

static bool is_word(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* "}}" or "%}", perhaps with a sign in front. */
static bool next_close(struct lexer *p)
{
	const char *s = p->s + p->at;
	size_t sign = *s == '-' || (*s == '+' && p->closer == '%');
	if (p->n - p->at < sign + 2 || s[sign] != p->closer || s[sign + 1] != '}')
		return false;
	p->at += sign + 2;
	skip_behind(p, sign ? *s : 0, p->closer);
	p->in_tag = false;
	p->token.kind = TOKEN_CLOSE;
	return true;
}

/* A code point of `digits` hexadecimal digits at s[at..end), or UINT32_MAX. */
static uint32_t hex_escape(const char *s, size_t digits, size_t left)
{
	uint32_t cp = 0;
	if (digits > left)
		return UINT32_MAX;
	for (size_t i = 0; i < digits; i++) {
		char c = s[i];
		int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
		if (d < 0 || cp > 0x10ffff)
			return UINT32_MAX;
		cp = cp * 16 + (uint32_t)d;
	}
	return !cp || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000) ? UINT32_MAX : cp;
}

/* The escape behind the backslash at p->at, whose bytes are appended to out[*n]; as in Python, an unknown one stays as it is. */
static int next_escape(struct lexer *p, size_t end, char *out, size_t *n)
{
	static const char from[] = "ntr\\'\"bfva", to[] = "\n\t\r\\'\"\b\f\v\a";
	char c = p->s[p->at + 1];
	const char *known = memchr(from, c, sizeof from - 1);
	size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	if (known) {
		out[(*n)++] = to[known - from];
	} else if (digits) {
		uint32_t cp = hex_escape(p->s + p->at + 2, digits, end - p->at - 2);
		if (cp == UINT32_MAX)
			return lex_fail(p, "unsupported escape in a string:", (struct str){p->s + p->at, NULL, end - p->at});
		*n += utf8_put(cp, out + *n);
		p->at += digits;
	} else if (c == '\n') { /* a line that goes on */
	} else if ((c >= '0' && c <= '7') || c == 'N') {
		return lex_fail(p, "unsupported escape in a string:", (struct str){p->s + p->at, NULL, 2});
	} else {
		out[(*n)++] = '\\';
		out[(*n)++] = c;
	}
	p->at += 2;
	return 0;
}

static int next_string(struct lexer *p)
{
	char quote = p->s[p->at++];
	size_t end = p->at, n = 0;
	while (end < p->n && p->s[end] != quote)
		end += p->s[end] == '\\' ? 2 : 1;
	if (end >= p->n)
		return lex_fail(p, "expected the end of the string", (struct str){p->s + p->at, NULL, p->n - p->at});
	char *out = arena_alloc(p->arena, end - p->at + 1, 1, p->e);
	if (!out)
		return ERR_RESOURCE;
	while (p->at < end) {
		if (p->s[p->at] != '\\')
			out[n++] = p->s[p->at++];
		else if (next_escape(p, end, out, &n))
			return ERR_DATA;
	}
	p->at++;
	p->token = (struct token){.kind = TOKEN_STRING, .text = {out, NULL, n}};
	return 0;
}

static size_t digits_at(const struct lexer *p, size_t at)
{
	size_t n = 0;
	while (at + n < p->n && p->s[at + n] >= '0' && p->s[at + n] <= '9')
		n++;
	return n;
}

static int next_number(struct lexer *p)
{
	size_t start = p->at, n = digits_at(p, start), fraction = 0;
	char digits[64];
	if (start + n < p->n && p->s[start + n] == '.')
		fraction = digits_at(p, start + n + 1);
	size_t length = n + (fraction ? fraction + 1 : 0);
	size_t sign = start + length + 1 < p->n && strchr("+-", p->s[start + length + 1]) ? 1 : 0, exponent = 0;
	if (start + length < p->n && (p->s[start + length] | 0x20) == 'e')
		exponent = digits_at(p, start + length + 1 + sign);
	length += exponent ? 1 + sign + exponent : 0;
	bool real = fraction || exponent;
	if (n > 15 || fraction > 30 || exponent > 3)
		return lex_fail(p, "number too long:", (struct str){p->s + start, NULL, length});
	memcpy(digits, p->s + start, length);
	digits[length] = 0;
	p->at += length;
	p->token = (struct token){.kind = real ? TOKEN_FLOAT : TOKEN_INT, .text = {p->s + start, NULL, length}};
	p->token.number = real ? 0 : strtoll(digits, NULL, 10);
	p->token.real = real ? strtod(digits, NULL) : 0;
	return 0;
}

int lex_next(struct lexer *p)
{
	static const char *const two[] = {"==", "!=", "<=", ">=", "//", "**"};
	if (!p->in_tag)
		return next_outside(p);
	skip_space(p);
	count_lines(p);
	if (p->at == p->n)
		return lex_fail(p, "expected the end of the tag,", (struct str){p->closer == '}' ? "}}" : "%}", NULL, 2});
	if (next_close(p))
		return 0;
	size_t start = p->at;
	char c = p->s[start];
	if (c == '\'' || c == '"')
		return next_string(p);
	if (c >= '0' && c <= '9')
		return next_number(p);
	p->token.kind = is_word(c, true) ? TOKEN_WORD : TOKEN_SIGN;
	p->at++;
	while (p->token.kind == TOKEN_WORD && p->at < p->n && is_word(p->s[p->at], false))
		p->at++;
	for (size_t i = 0; i < sizeof two / sizeof *two && p->token.kind == TOKEN_SIGN; i++)
		if (p->n - start >= 2 && !memcmp(p->s + start, two[i], 2))
			p->at = start + 2;
	p->token.text = (struct str){p->s + start, NULL, p->at - start};
	return 0;
}

bool lex_is(const struct lexer *p, enum token_kind kind, const char *text)
{
	return p->token.kind == kind && p->token.text.n == strlen(text) && !memcmp(p->token.text.p, text, p->token.text.n);
}

int lex_expected(struct lexer *p, const char *what)
{
	static const char *const names[] = {[TOKEN_END] = "the end of the template",
		[TOKEN_TEXT] = "text",
		[TOKEN_PRINT] = "{{",
		[TOKEN_BLOCK] = "{%",
		[TOKEN_CLOSE] = "the end of the tag"};
	struct str found = p->token.text;
	if (p->token.kind <= TOKEN_CLOSE)
		found = (struct str){names[p->token.kind], NULL, strlen(names[p->token.kind])};
	return err_set(p->e, ERR_DATA, "chat template: line %d: expected %s, found \"%.*s\"", p->line, what,
		found.n < 64 ? (int)found.n : 64, found.p);
}

/* Jinja's view of the source: every line ends in "\n", and one at the very end is dropped. */
static int normalise(struct lexer *p, const char *source, size_t n)
{
	char *s = arena_alloc(p->arena, n + 1, 1, p->e);
	if (!s)
		return ERR_RESOURCE;
	for (size_t i = 0; i < n; i++) {
		s[p->n++] = source[i] == '\r' ? '\n' : source[i];
		i += source[i] == '\r' && i + 1 < n && source[i + 1] == '\n';
	}
	p->n -= p->n && s[p->n - 1] == '\n';
	p->s = s;
	return 0;
}

int lex_open(struct lexer *p, const char *source, size_t n)
{
	int rc = normalise(p, source, n);
	return rc ? rc : lex_next(p);
}

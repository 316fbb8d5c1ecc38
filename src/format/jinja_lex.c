/*
 * A template's source to tokens. Text outside of tags is cut as transformers sets Jinja up: trim_blocks (the newline behind a
 * block tag is dropped), lstrip_blocks (so is the white space between the start of a line and a block tag), and no newline at
 * the very end. Reference: lexer.py of Jinja 3.1.
 */
#include "format/jinja_lex.h"

#include <string.h>

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

static int next_string(struct lexer *p)
{
	static const char from[] = "ntr\\'\"", to[] = "\n\t\r\\'\"";
	char quote = p->s[p->at++];
	size_t end = p->at, n = 0;
	while (end < p->n && p->s[end] != quote)
		end += p->s[end] == '\\' ? 2 : 1;
	if (end >= p->n)
		return lex_fail(p, "expected the end of the string", (struct str){p->s + p->at, NULL, p->n - p->at});
	char *out = arena_alloc(p->arena, end - p->at + 1, 1, p->e);
	if (!out)
		return ERR_RESOURCE;
	for (; p->at < end; p->at++) {
		char c = p->s[p->at];
		if (c == '\\') {
			const char *escape = memchr(from, p->s[++p->at], sizeof from - 1);
			if (!escape)
				return lex_fail(p, "unsupported escape in a string:", (struct str){p->s + p->at - 1, NULL, 2});
			c = to[escape - from];
		}
		out[n++] = c;
	}
	p->at++;
	p->token = (struct token){.kind = TOKEN_STRING, .text = {out, NULL, n}};
	return 0;
}

static int next_int(struct lexer *p)
{
	size_t start = p->at;
	int64_t value = 0;
	for (; p->at < p->n && p->s[p->at] >= '0' && p->s[p->at] <= '9'; p->at++) {
		if (p->at - start == 15)
			return lex_fail(p, "number too long:", (struct str){p->s + start, NULL, 15});
		value = value * 10 + (p->s[p->at] - '0');
	}
	p->token = (struct token){.kind = TOKEN_INT, .text = {p->s + start, NULL, p->at - start}, .number = value};
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
		return next_int(p);
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

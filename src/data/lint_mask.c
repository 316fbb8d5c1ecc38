/*
 * What of a draft is no prose: front matter, fenced code, code spans, HTML, URLs and targets of links. Byte under byte, so that places in a copy are
 * places in the draft. Reference: lint.h; CommonMark 0.30, 4.5, 6.1 and 6.6.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/lint.h"

enum { TAG_MOST = 4096 };

char *text_line_end(char *p)
{
	p += strcspn(p, "\n");
	return p + (*p == '\n');
}

/* The signs that open or close fenced code on the line at p; 0: none. */
static size_t fence_width(const char *p, char *sign)
{
	p += strspn(p, " \t");
	size_t n = *p == '`' || *p == '~' ? strspn(p, *p == '`' ? "`" : "~") : 0;
	*sign = *p;
	return n >= 3 ? n : 0;
}

/* Code inside a longer fence may show a shorter one. */
static bool fence_closes(const char *p, size_t width, char sign)
{
	char mine;
	size_t n = fence_width(p, &mine);
	p += strspn(p, " \t");
	p += n;
	p += strspn(p, " \t");
	return n >= width && mine == sign && (*p == '\n' || !*p);
}

static bool is_rule(const char *p)
{
	return !strncmp(p, "---", 3) && strchr("\n", p[3 + strspn(p + 3, " ")]);
}

static void fences_blank(char *text)
{
	bool front = is_rule(text);
	size_t width = 0;
	char sign = 0, mine;
	for (char *p = text, *end; *p; p = end) {
		size_t n = fence_width(p, &mine);
		bool closes = width && fence_closes(p, width, sign), rule = front && p > text && is_rule(p), opens = !width && n;
		end = text_line_end(p);
		if (opens && !front) {
			width = n;
			sign = mine;
		}
		if (width || front)
			memset(p, ' ', (size_t)(end - p) - (end[-1] == '\n'));
		width = closes ? 0 : width;
		front = front && !rule;
	}
}

/* Behind the backticks that close those at p, within its block; NULL: nothing does, so they are plain text. */
static char *span_end(char *p)
{
	size_t width = strspn(p, "`");
	for (p += width; *p; p++) {
		if (*p == '\n' && text_opens_block(p + 1))
			return NULL;
		size_t n = strspn(p, "`");
		if (n == width)
			return p + n;
		p += n - (n > 0);
	}
	return NULL;
}

static bool tag_is(const char *p, const char *name)
{
	size_t n = strlen(name);
	return !strncasecmp(p, name, n) && !isalnum((unsigned char)p[n]);
}

/* Behind the tag, comment or HTML code that opens at p; p where it is none. */
static char *tag_end(char *p)
{
	static const char *const code[] = {"code", "pre", "kbd", "samp", "script", "style"};
	char close[16] = "</", *end;
	if (!strncmp(p, "<!--", 4))
		return (end = strstr(p, "-->")) ? end + 3 : p; /* what is never closed is text that says "<!--" */
	if (!isalpha((unsigned char)p[1]) && !(p[1] == '/' && isalpha((unsigned char)p[2])))
		return p;
	for (size_t i = 0; i < sizeof code / sizeof *code; i++)
		if (tag_is(p + 1, code[i])) {
			strcpy(close + 2, code[i]);
			if ((end = strcasestr(p, close)))
				return end;
		}
	for (end = p + 1; *end && *end != '>'; end++)
		if (end - p > TAG_MOST || (*end == '\n' && text_opens_block(end + 1)))
			return p;
	return *end ? end + 1 : p;
}

static void code_blank(char *p)
{
	for (char *end; *p; p++) {
		end = p;
		if (*p == '`')
			end = (end = span_end(p)) ? end : p + strspn(p, "`");
		else if (!strncmp(p, "](", 2))
			end = p + strcspn(p, ")\n");
		else if (!strncmp(p, "http://", 7) || !strncmp(p, "https://", 8))
			end = p + strcspn(p, " \n)>\"");
		else if (*p == '<')
			end = tag_end(p);
		memset(p, '\1', (size_t)(end - p));
		p = end - (end > p);
	}
}

void lint_mask(char *text, char *prose)
{
	for (char *p = text; (p = strchr(p, '\r')); p++)
		*p = p[1] == '\n' ? ' ' : *p;
	fences_blank(text);
	memcpy(prose, text, strlen(text));
	code_blank(prose);
}

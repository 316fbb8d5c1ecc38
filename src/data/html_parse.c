/*
 * gumbo within bounds. It checks no allocation, frees its tree by recursion, and takes time quadratic in the depth, in the number of
 * formatting elements that are never closed and in the attributes of a tag. So all its memory comes from an arena with a ceiling, left
 * by longjmp when it is reached and released at once; and tags are counted before it starts.
 *
 * Reference: https://html.spec.whatwg.org/multipage/parsing.html
 */
#include "data/html_parse.h"

#include <ctype.h>
#include <setjmp.h>
#include <string.h>
#include <strings.h>

enum { OPEN_MAX = 400, TAGS_MAX = 200000, ATTRIBUTES_MAX = 128, NAME_MAX_BYTES = 12 };
enum { MEMORY_BASE = 256 << 20, MEMORY_PER_BYTE = 48, MEMORY_ALIGN = 64 };

/* ---- a look at the tags before they are parsed ---------------------------------------------------------------------------- */

struct tag {
	char name[NAME_MAX_BYTES]; /* in small letters, cut: good enough to pair tags */
	bool closing;
	size_t n_attributes;
};

/* One is closed by the next, or holds nothing: they do not nest by being left open. */
static bool is_flat(const char *name)
{
	static const char *const flat[] = {"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup",
		"colgroup", "caption", "a", "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
		"source", "track", "wbr", "html", "head", "body", "path", "rect", "circle", "line", "polygon", "polyline"};
	for (size_t i = 0; i < sizeof flat / sizeof *flat; i++)
		if (!strcmp(name, flat[i]))
			return true;
	return false;
}

/* p at '<': reads a tag, returns its end. */
static const char *tag_read(const char *p, const char *end, struct tag *t)
{
	size_t n = 0;
	char quote = 0;
	*t = (struct tag){.closing = p + 1 < end && p[1] == '/'};
	for (p += t->closing ? 2 : 1; p < end && (isalnum((unsigned char)*p) || *p == '-' || *p == ':'); p++)
		if (n + 1 < sizeof t->name)
			t->name[n++] = (char)tolower((unsigned char)*p);
	for (; p < end && (quote || *p != '>'); p++) {
		if (quote)
			quote = *p == quote ? 0 : quote;
		else if ((*p == '"' || *p == '\'') && p[-1] == '=')
			quote = *p;
		else
			t->n_attributes += isspace((unsigned char)*p) || *p == '/';
	}
	return p < end ? p + 1 : end;
}

/* Behind the text of a script or style sheet, which may hold any '<'. */
static const char *raw_skip(const char *p, const char *end, const char *name)
{
	size_t n = strlen(name);
	while ((p = memchr(p, '<', (size_t)(end - p))) && ++p < end)
		if (*p == '/' && (size_t)(end - p) > n && !strncasecmp(p + 1, name, n))
			return p - 1;
	return end;
}

static const char *find(const char *p, const char *end, const char *what)
{
	const char *q = memmem(p, (size_t)(end - p), what, strlen(what));
	return q ? q + strlen(what) : end;
}

/* Why gumbo should not see this page, or NULL. */
static const char *page_refusal(const char *p, size_t size)
{
	char open[OPEN_MAX][NAME_MAX_BYTES];
	size_t n = 0, n_tags = 0;
	const char *end = p + size;
	struct tag t;
	while (p < end && (p = memchr(p, '<', (size_t)(end - p))) && p + 1 < end) {
		if (p[1] == '!') {
			p = end - p > 4 && !memcmp(p, "<!--", 4) ? find(p + 2, end, "-->") : find(p, end, ">");
			continue;
		}
		if (!isalpha((unsigned char)p[1]) && p[1] != '/') {
			p++;
			continue;
		}
		p = tag_read(p, end, &t);
		if (++n_tags > TAGS_MAX)
			return "more than 200,000 tags in it";
		if (t.n_attributes > ATTRIBUTES_MAX)
			return "a tag in it has more than 128 attributes";
		if (!t.closing && (!strcmp(t.name, "script") || !strcmp(t.name, "style")))
			p = raw_skip(p, end, t.name);
		if (is_flat(t.name) || p[-1] == '<' || (p - 2 >= end - size && p[-1] == '>' && p[-2] == '/'))
			continue;
		if (!t.closing) {
			if (n == OPEN_MAX)
				return "more than 400 elements in it are open at once";
			memcpy(open[n++], t.name, sizeof t.name);
			continue;
		}
		for (size_t i = n; i-- > 0;)
			if (!memcmp(open[i], t.name, sizeof t.name)) {
				memmove(open[i], open[i + 1], (--n - i) * sizeof *open);
				break;
			}
	}
	return NULL;
}

/* ---- memory --------------------------------------------------------------------------------------------------------------- */

enum { LEFT_NO_MEMORY = 1, LEFT_TOO_LARGE };

struct memory {
	struct arena *arena;
	struct err *e;
	size_t left;
	jmp_buf leave; /* gumbo holds nothing but this memory */
};

static void *take(void *user, size_t n)
{
	struct memory *m = user;
	size_t need;
	if (!size_add(n, MEMORY_ALIGN, &need) || need > m->left)
		longjmp(m->leave, LEFT_TOO_LARGE);
	m->left -= need;
	void *p = arena_alloc(m->arena, n ? n : 1, 1, m->e);
	if (!p)
		longjmp(m->leave, LEFT_NO_MEMORY);
	return p;
}

static void give(void *user, void *p)
{
	(void)user;
	(void)p; /* the arena goes as a whole */
}

int html_parse(const char *bytes, size_t n, struct arena *scratch, GumboOutput **out, const char **refusal, struct err *e)
{
	struct memory m = {.arena = scratch, .e = e, .left = MEMORY_BASE + MEMORY_PER_BYTE * n};
	GumboOptions options = kGumboDefaultOptions;
	options.allocator = take;
	options.deallocator = give;
	options.userdata = &m;
	options.max_errors = 0;
	*out = NULL;
	if ((*refusal = page_refusal(bytes, n)))
		return 0;
	switch (setjmp(m.leave)) {
	case 0:
		*out = gumbo_parse_with_options(&options, bytes, n);
		return 0;
	case LEFT_TOO_LARGE:
		*refusal = "its markup takes too much memory to parse";
		return 0;
	default:
		return ERR_RESOURCE;
	}
}

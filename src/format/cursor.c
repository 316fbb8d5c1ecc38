/*
 * The bounds-checked cursor. Reference: cursor.h; the idea is tcpdump's.
 */
#include "format/cursor.h"

#include <stdio.h>
#include <string.h>

uint64_t load_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	while (n--)
		v = v << 8 | p[n];
	return v;
}

char *name_shown(char *dst, size_t size, const char *name, size_t n)
{
	size_t shown = n < size ? n : size - 1;
	for (size_t i = 0; i < shown; i++)
		dst[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
	dst[shown] = 0;
	if (shown < n)
		memcpy(dst + shown - 3, "...", 3);
	return dst;
}

void cursor_init(struct cursor *c, const char *path, const void *p, size_t size, struct err *e)
{
	*c = (struct cursor){.path = path, .p = p, .size = size, .e = e};
}

size_t cursor_left(const struct cursor *c)
{
	return c->size - c->at;
}

void cursor_subject(struct cursor *c, const char *kind, const char *name, size_t n)
{
	char shown[80];
	snprintf(c->subject, sizeof c->subject, "%s '%s': ", kind, name_shown(shown, sizeof shown, name, n));
}

int cursor_fail(const struct cursor *c, size_t at, const char *field, const char *fmt, ...)
{
	char what[ERR_TEXT_MAX / 2];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	return err_set(c->e, ERR_DATA, "%s: byte %zu: %s%s: %s", c->path, at, c->subject, field, what);
}

int cursor_bytes(struct cursor *c, const char *field, size_t n, const uint8_t **p)
{
	*p = NULL;
	if (n > cursor_left(c))
		return cursor_fail(c, c->at, field, "got the end of the file after %zu bytes, expected %zu; is the file complete?",
			cursor_left(c), n);
	*p = c->p + c->at;
	c->at += n;
	return 0;
}

static int cursor_number(struct cursor *c, const char *field, size_t n, uint64_t *out)
{
	const uint8_t *p;
	int rc = cursor_bytes(c, field, n, &p);
	*out = rc ? 0 : load_le(p, n);
	return rc;
}

int cursor_u32(struct cursor *c, const char *field, uint32_t *out)
{
	uint64_t v;
	int rc = cursor_number(c, field, sizeof *out, &v);
	*out = (uint32_t)v;
	return rc;
}

int cursor_u64(struct cursor *c, const char *field, uint64_t *out)
{
	return cursor_number(c, field, sizeof *out, out);
}

/*
 * A growing byte string. Reference: base.h.
 */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

/* Room for n more bytes and the NUL; doubles, so that appending is linear over all. */
static int buf_reserve(struct buf *b, size_t n, struct err *e)
{
	size_t need, twice;
	if (!size_add(b->len, n, &need) || !size_add(need, 1, &need))
		return err_set(e, ERR_RESOURCE, "out of memory: %zu more bytes overflow a size", n);
	if (need <= b->cap)
		return 0;
	size_t cap = size_mul(b->cap, 2, &twice) && twice > need ? twice : need < 64 ? 64 : need;
	if (mem_resize(&b->p, b->len, cap, 1, e))
		return ERR_RESOURCE;
	b->cap = cap;
	return 0;
}

int buf_append(struct buf *b, const void *p, size_t n, struct err *e)
{
	if (!n)
		return 0;
	if (buf_reserve(b, n, e))
		return ERR_RESOURCE;
	memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = 0;
	return 0;
}

int buf_puts(struct buf *b, const char *s, struct err *e)
{
	return buf_append(b, s, strlen(s), e);
}

int buf_printf(struct buf *b, struct err *e, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	int rc = n < 0 ? err_set(e, ERR_FAILED, "cannot format \"%s\"", fmt) : buf_reserve(b, (size_t)n, e);
	if (!rc) {
		vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	return rc;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->p)
		b->p[0] = 0;
}

void buf_release(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){0};
}

/* Reference: json_view.h, RFC 8259, 7. */
#include "data/json_view.h"

#include <ctype.h>
#include <string.h>
#include <utf8proc.h>

#include "data/pii.h"

/* Four hexadecimal digits at `at`, or -1. */
static utf8proc_int32_t hex4(struct str t, size_t at)
{
	utf8proc_int32_t v = 0;
	for (size_t i = 0; i < 4; i++) {
		unsigned char c = pii_at(t, at + i);
		if (!isxdigit(c))
			return -1;
		v = v * 16 + (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	return v;
}

/* The escape at `at`: its bytes, and what it stands for; 0 when it is none. */
static size_t escape(struct str t, size_t at, char text[4], size_t *n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	unsigned char c = pii_at(t, at + 1);
	const char *known = c ? strchr(from, c) : NULL;
	if (known) {
		*text = to[known - from];
		*n = 1;
		return 2;
	}
	utf8proc_int32_t cp = c == 'u' ? hex4(t, at + 2) : -1, low;
	size_t used = 6;
	if (cp < 0)
		return 0;
	if (cp >= 0xd800 && cp < 0xdc00 && pii_at(t, at + 6) == '\\' && pii_at(t, at + 7) == 'u' &&
		(low = hex4(t, at + 8)) >= 0xdc00 && low < 0xe000) {
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
		used = 12;
	}
	cp = !cp || (cp >= 0xd800 && cp < 0xe000) ? 0xfffd : cp;
	*n = (size_t)utf8proc_encode_char(cp, (utf8proc_uint8_t *)text);
	return used;
}

int json_view(struct document *out, const struct document *d, struct arena *a, struct err *e)
{
	struct str t = {d->bytes, d->size};
	size_t n_escapes = 0, len = 0, used, n;
	bool string = false;
	for (size_t i = 0; i < t.n; i++)
		n_escapes += t.p[i] == '\\';
	*out = *d;
	char *text = arena_alloc(a, t.n + 1, 1, e), bytes[4];
	struct edit *edits = arena_alloc(a, n_escapes + 1, sizeof *edits, e);
	if (!text || !edits)
		return ERR_RESOURCE;
	out->n_edits = 0;
	for (size_t i = 0; i < t.n; i += used) {
		used = string && t.p[i] == '\\' ? escape(t, i, bytes, &n) : 0;
		if (used) {
			edits[out->n_edits++] = (struct edit){len, n, i, used};
			memcpy(text + len, bytes, n);
			len += n;
			continue;
		}
		string ^= t.p[i] == '"';
		text[len++] = t.p[i];
		used = 1;
	}
	text[len] = 0;
	out->bytes = text;
	out->size = len;
	out->edits = edits;
	return 0;
}

bool json_view_is_escape(const struct document *view, size_t at)
{
	return document_place(view, at + 1) - document_place(view, at) > 1;
}

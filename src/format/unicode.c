/*
 * UTF-8 and character classes. The table is generated (tools/unicode_classes.py). References: RFC 3629; Unicode 16.0, table 3-7.
 */
#include "format/unicode.h"

#include "format/format.h"

/* The first byte fixes the length and the bounds of the second one, which keep out overlong forms, surrogates and > U+10FFFF. */
size_t utf8_next(const char *p, size_t n, uint32_t *cp)
{
	const unsigned char *s = (const unsigned char *)p;
	unsigned char b = s[0];
	*cp = b;
	if (b < 0x80)
		return 1;
	if (b < 0xc2 || b > 0xf4)
		return 0;
	size_t length = b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
	unsigned char low = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80, high = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf;
	if (length > n || s[1] < low || s[1] > high)
		return 0;
	uint32_t value = b & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3fu);
	}
	*cp = value;
	return length;
}

enum char_class char_class(uint32_t cp)
{
	if (cp < 0x80) {
		if ((cp | 0x20) - 'a' < 26)
			return CHAR_LETTER;
		if (cp - '0' < 10)
			return CHAR_NUMBER;
		return cp == ' ' || cp - '\t' < 5 ? CHAR_SPACE : CHAR_OTHER;
	}
	size_t low = 0, high = unicode_n_ranges;
	while (low < high) { /* the first range that ends at cp or later */
		size_t mid = (low + high) / 2;
		if (unicode_ranges[mid].last < cp)
			low = mid + 1;
		else
			high = mid;
	}
	return low < unicode_n_ranges && unicode_ranges[low].first <= cp ? unicode_ranges[low].c : CHAR_OTHER;
}

size_t char_next(const char *p, size_t n, enum char_class *c)
{
	uint32_t cp;
	size_t length = utf8_next(p, n, &cp);
	*c = length ? char_class(cp) : CHAR_OTHER;
	return length ? length : 1;
}

bool utf8_is_valid(const char *p, size_t n)
{
	uint32_t c;
	size_t at = 0, length = 1;
	for (; at < n && length; at += length)
		length = utf8_next(p + at, n - at, &c);
	return length;
}

size_t utf8_put(uint32_t cp, char *out)
{
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (size_t i = n; i-- > 1; cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)(n == 1 ? cp : (0xf00u >> n & 0xf0) | cp);
	return n;
}

int utf8_append(struct buf *out, const char *p, size_t n, struct err *e)
{
	int rc = 0;
	for (size_t at = 0, whole = 0; at < n && rc == 0; at += whole ? whole : 1) {
		uint32_t cp;
		whole = utf8_next(p + at, n - at, &cp);
		rc = whole && cp ? buf_append(out, p + at, whole, e) : buf_puts(out, "\xef\xbf\xbd", e);
	}
	return rc;
}

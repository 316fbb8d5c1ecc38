/*
 * Items in the spelling of HTML or of URLs: "jo&#64;post.org", "jo%40post.org". Browsers and mail programs show them as they are meant, so
 * they are searched as they are meant, a line at a time. Reference: pii.h; HTML 4.01, 5.3; RFC 3986, 2.1.
 */
#include "data/pii.h"

#include <ctype.h>
#include <string.h>
#include <utf8proc.h>

enum { LINE_BYTES_MAX = 8192, CODE_POINT_DIGITS = 7 };

static int hex(unsigned char c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

/* "&#64;" or "&#x40;" at `at`: its bytes and what it stands for; 0 when it is none. */
static size_t number_length(struct str t, size_t at, char text[4], size_t *n)
{
	utf8proc_int32_t cp = 0;
	size_t i = at + 2, first;
	bool hexadecimal = pii_at(t, i) && strchr("xX", t.p[i]);
	first = i += hexadecimal;
	for (; i - first < CODE_POINT_DIGITS && (hexadecimal ? isxdigit(pii_at(t, i)) : isdigit(pii_at(t, i))); i++)
		cp = cp * (hexadecimal ? 16 : 10) + hex(pii_at(t, i));
	if (i == first || pii_at(t, i) != ';' || cp < ' ' || !utf8proc_codepoint_valid(cp))
		return 0;
	*n = (size_t)utf8proc_encode_char(cp, (utf8proc_uint8_t *)text);
	return i + 1 - at;
}

/* The names of signs that stand in items. */
static size_t name_length(struct str t, size_t at, char *sign)
{
	static const struct {
		const char *name;
		char sign;
	} names[] = {{"&commat;", '@'}, {"&period;", '.'}, {"&colon;", ':'}, {"&plus;", '+'}, {"&amp;", '&'}, {"&nbsp;", ' '}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i].name);
		if (t.n - at >= n && !memcmp(t.p + at, names[i].name, n)) {
			*sign = names[i].sign;
			return n;
		}
	}
	return 0;
}

/* What is coded at `at`: its bytes, 0 when nothing is; `text` gets the *n bytes that it stands for. */
static size_t code_length(struct str t, size_t at, char text[4], size_t *n)
{
	*n = 1;
	if (t.p[at] == '&')
		return pii_at(t, at + 1) == '#' ? number_length(t, at, text, n) : name_length(t, at, text);
	int high = t.p[at] == '%' ? hex(pii_at(t, at + 1)) : -1, low = high < 0 ? -1 : hex(pii_at(t, at + 2));
	if (low < 0 || high * 16 + low < ' ' || high * 16 + low > '~')
		return 0;
	*text = (char)(high * 16 + low);
	return 3;
}

/* In the line that stands `from` bytes into the text. */
static int line_find(struct piis *out, struct str line, size_t from, bool published, struct err *e)
{
	char text[LINE_BYTES_MAX];
	uint16_t place[LINE_BYTES_MAX + 1]; /* of each byte of `text`, in the line */
	struct piis found = {0};
	size_t len = 0, n;
	bool coded = false;
	for (size_t i = 0, used; i < line.n; i += used) {
		char as[4] = {line.p[i]};
		used = code_length(line, i, as, &n);
		coded |= used > 0;
		n = used ? n : 1;
		used = used ? used : 1;
		for (size_t k = 0; k < n; k++) { /* no code is shorter than what it stands for */
			place[len] = (uint16_t)i;
			text[len++] = as[k];
		}
	}
	place[len] = (uint16_t)line.n;
	int rc = coded ? pii_find(&found, (struct str){text, len}, published, e) : 0;
	for (size_t i = 0; i < found.n && rc == 0; i++) {
		struct pii item = found.p[i];
		size_t start = place[item.span.start], end = place[item.span.end];
		if (end - start == item.span.end - item.span.start)
			continue; /* as it stands, which pii_find judges */
		item.span = (struct span){from + start, from + end};
		rc = piis_add(out, item, e);
	}
	piis_release(&found);
	return rc;
}

int pii_find_coded(struct piis *out, struct str t, bool published, struct err *e)
{
	int rc = 0;
	for (size_t at = 0, n; at < t.n && rc == 0; at += n) {
		const char *nl = memchr(t.p + at, '\n', t.n - at);
		n = nl ? (size_t)(nl - t.p) + 1 - at : t.n - at;
		if (n > LINE_BYTES_MAX) /* in pieces, between words where there are some */
			for (n = LINE_BYTES_MAX; n > LINE_BYTES_MAX / 2 && t.p[at + n - 1] != ' '; n--)
				;
		if (memchr(t.p + at, '&', n) || memchr(t.p + at, '%', n))
			rc = line_find(out, (struct str){t.p + at, n}, at, published, e);
	}
	return rc;
}

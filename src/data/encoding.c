/*
 * Text to UTF-8. Converting is iconv's; which encoding it is, is guessed only where a wrong guess is unlikely: in Western text
 * letters with accents stand alone among ASCII, while in other scripts of one byte a letter they stand in rows.
 *
 * Reference: https://encoding.spec.whatwg.org (what a page may declare).
 */
#include "data/encoding.h"

#include "format/format.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

enum { DECLARED_WITHIN = 1024, NAME_BYTES = 24 };

/* Letters above ASCII in ones and twos, no more than three tenths of the text, no control characters. */
static bool is_windows_1252(const char *text, size_t n)
{
	size_t high = 0, alone = 0;
	for (size_t i = 0, run; i < n; i += run) {
		unsigned char c = (unsigned char)text[i];
		run = 1;
		if ((c < 0x20 && !isspace(c)) || c == 0x7f)
			return false;
		if (c < 0x80)
			continue;
		for (run = 0; i + run < n && (c = (unsigned char)text[i + run]) >= 0x80; run++)
			if (c == 0x81 || c == 0x8d || c == 0x8f || c == 0x90 || c == 0x9d)
				return false; /* stands for nothing */
		high += run;
		alone += run <= 2 ? run : 0;
	}
	return 10 * alone >= 9 * high && 10 * high <= 3 * n;
}

/* What labels have come to mean: browsers read them as the vendors' tables, which hold more than the standards that they name. */
static void label_resolve(char name[NAME_BYTES])
{
	static const char *const meant[][2] = {{"iso-8859-1", "windows-1252"}, {"latin1", "windows-1252"},
		{"us-ascii", "windows-1252"}, {"iso-8859-9", "windows-1254"}, {"gb2312", "gbk"}, {"shift_jis", "cp932"},
		{"euc-kr", "cp949"}};
	for (size_t i = 0; i < sizeof meant / sizeof *meant; i++)
		if (!strcasecmp(name, meant[i][0]))
			strcpy(name, meant[i][1]);
}

/* What a page says of itself, of the encodings that browsers know and that are none of several bytes with states. */
static bool declared(const char *text, size_t n, char name[NAME_BYTES])
{
	static const char *const known[] = {"windows-125", "iso-8859-", "latin1", "us-ascii", "koi8-", "shift_jis", "cp932",
		"euc-jp", "euc-kr", "cp949", "gb2312", "gbk", "gb18030", "big5"};
	size_t within = n < DECLARED_WITHIN ? n : DECLARED_WITHIN, k = 0;
	const char *p = text, *end = text + within;
	while (p < end && (end - p < 8 || strncasecmp(p, "charset=", 8)))
		p++;
	if (p >= end)
		return false;
	for (p += 8; p < end && (*p == '"' || *p == '\''); p++)
		;
	for (; p < end && k + 1 < NAME_BYTES && (isalnum((unsigned char)*p) || *p == '-' || *p == '_'); p++)
		name[k++] = *p;
	name[k] = 0;
	label_resolve(name);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strncasecmp(name, known[i], strlen(known[i])))
			return true;
	return false;
}

/* *bad: where it stopped, SIZE_MAX when all was converted. A byte that a vendor's table leaves out is the control of its number, as browsers have it. */
static int convert(struct buf *out, const char *from, const char *text, size_t n, size_t *bad, struct err *e)
{
	char piece[4096], *in = (char *)(uintptr_t)text; /* iconv's type is of old; it writes nothing there */
	const bool vendor = !strncasecmp(from, "windows-125", 11);
	size_t left = n;
	int rc = 0;
	*bad = 0;
	iconv_t c = iconv_open("UTF-8", from);
	if (c == (iconv_t)-1)
		return 0;
	*bad = SIZE_MAX;
	while (left && rc == 0 && *bad == SIZE_MAX) {
		char *to = piece;
		size_t room = sizeof piece;
		bool stopped = iconv(c, &in, &left, &to, &room) == (size_t)-1 && errno != E2BIG;
		rc = buf_append(out, piece, (size_t)(to - piece), e);
		if (stopped && vendor && (unsigned char)*in < 0xa0) {
			rc = rc ? rc : buf_append(out, (char[]){(char)0xc2, *in++}, 2, e);
			left--;
		} else if (stopped) {
			*bad = n - left;
		}
	}
	iconv_close(c);
	return rc;
}

int encoding_convert(struct document *d, bool html, struct arena *a, struct err *e)
{
	const char *p = d->bytes;
	char name[NAME_BYTES] = "";
	size_t mark = 0, bad;
	struct buf out = {0};
	if (d->size >= 2 && (!memcmp(p, "\xff\xfe", 2) || !memcmp(p, "\xfe\xff", 2))) {
		strcpy(name, (unsigned char)*p == 0xff ? "UTF-16LE" : "UTF-16BE");
		mark = 2;
	} else if (memchr(p, 0, d->size) || utf8_is_valid(p, d->size)) {
		return 0;
	} else if (!(html && declared(p, d->size, name))) {
		if (!is_windows_1252(p, d->size))
			return 0;
		strcpy(name, "windows-1252");
	}
	int rc = convert(&out, name, p + mark, d->size - mark, &bad, e);
	if (rc == 0 && bad != SIZE_MAX && mark) {
		rc = document_skip(d, a, e, "it begins as %s, but is damaged in byte %zu", name, bad + mark);
	} else if (rc == 0 && bad == SIZE_MAX) {
		d->size = out.len;
		d->bytes = arena_strdup(a, out.p ? out.p : "", out.len, e);
		rc = d->bytes ? 0 : ERR_RESOURCE;
		log_line(LOG_INFO, "%s: read as %s", d->path, name);
	}
	buf_release(&out);
	return rc;
}

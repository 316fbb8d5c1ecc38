/*
 * Foreign text in a page. Reference: HTML Living Standard, 13.1.2.3 and 13.3; RFC 2397.
 */
#include "eval/html.h"

#include <ctype.h>
#include <string.h>

#include "format/format.h"

static const char *escape(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '\t':
	case '\n':
		return NULL;
	default:
		return (unsigned char)c < 0x20 || c == 0x7f ? "\xef\xbf\xbd" : NULL;
	}
}

int html_text(struct buf *out, const char *text, struct err *e)
{
	struct buf clean = {0};
	int rc = utf8_append(&clean, text, strlen(text), e);
	for (size_t i = 0; i < clean.len && rc == 0; i++) {
		const char *instead = escape(clean.p[i]);
		rc = instead ? buf_puts(out, instead, e) : buf_append(out, clean.p + i, 1, e);
	}
	buf_release(&clean);
	return rc;
}

int html_svg_url(struct buf *out, const char *p, size_t n, struct err *e)
{
	int rc = buf_puts(out, "data:image/svg+xml,", e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = isalnum((unsigned char)p[i]) ? buf_append(out, p + i, 1, e)
						  : buf_printf(out, e, "%%%02X", (unsigned char)p[i]);
	return rc;
}

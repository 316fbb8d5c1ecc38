/* Pages that people read. Reference: format.h; HTML Living Standard, 13.1.2.3 and 13.3; RFC 2397. */
#include "format/format.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

extern const char format_page_css[]; /* page.css, put into the program when it is built */

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

void html_put(struct html *h, const char *html)
{
	if (h->rc == 0)
		h->rc = buf_puts(h->out, html, h->e);
}

void html_putf(struct html *h, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	html_put(h, text);
}

void html_text(struct html *h, const char *text)
{
	html_textn(h, text, strlen(text));
}

void html_textn(struct html *h, const char *text, size_t n)
{
	struct buf clean = {0};
	if (h->rc == 0)
		h->rc = utf8_append(&clean, text, n, h->e);
	for (size_t i = 0; i < clean.len && h->rc == 0; i++) {
		const char *instead = escape(clean.p[i]);
		h->rc = instead ? buf_puts(h->out, instead, h->e) : buf_append(h->out, clean.p + i, 1, h->e);
	}
	buf_release(&clean);
}

void html_svg_url(struct html *h, const char *p, size_t n)
{
	html_put(h, "data:image/svg+xml,");
	for (size_t i = 0; i < n && h->rc == 0; i++)
		h->rc = isalnum((unsigned char)p[i]) ? buf_append(h->out, p + i, 1, h->e)
						     : buf_printf(h->out, h->e, "%%%02X", (unsigned char)p[i]);
}

void html_open(struct html *h, const char *title)
{
	html_put(h,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		"content=\"width=device-width, initial-scale=1\"><meta http-equiv=\"Content-Security-Policy\" "
		"content=\"default-src 'none'; "
		"style-src 'unsafe-inline'; img-src data:\"><title>");
	html_text(h, title);
	html_put(h, "</title>\n<style>\n");
	html_put(h, format_page_css);
	html_put(h, "</style></head><body><main><h1>");
	html_text(h, title);
	html_put(h, "</h1>");
}

void html_close(struct html *h)
{
	html_put(h, "</main></body></html>\n");
}

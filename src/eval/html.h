/* Private to eval: text into HTML. */
#ifndef ATTUNE_EVAL_HTML_H
#define ATTUNE_EVAL_HTML_H

#include "base/base.h"

/*
 * Appends any bytes as the content of an element or of a quoted attribute: what has a meaning in HTML is escaped; control characters
 * other than tab and line feed, and bytes that are no UTF-8, become U+FFFD.
 */
int html_text(struct buf *out, const char *text, struct err *e);

/* Appends bytes as a data URL of an SVG picture: shown as an image, so nothing in it runs. */
int html_svg_url(struct buf *out, const char *p, size_t n, struct err *e);

#endif

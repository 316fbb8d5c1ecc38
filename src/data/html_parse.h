/* Private to data: bytes to gumbo's tree, within bounds. */
#ifndef ATTUNE_DATA_HTML_PARSE_H
#define ATTUNE_DATA_HTML_PARSE_H

#include <gumbo.h>

#include "base/base.h"

/*
 * *out: the tree, in `scratch` and pointing into `bytes`: it ends with either. NULL with *refusal filled when the page would
 * take too much depth, time or memory. ERR_RESOURCE when memory runs out.
 */
int html_parse(const char *bytes, size_t n, struct arena *scratch, GumboOutput **out, const char **refusal, struct err *e);

#endif

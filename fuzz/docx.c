/*
 * Any bytes as a DOCX file; what does not begin like one stands for the parts inside, apart by NUL bytes: the document, styles, numbering,
 * footnotes.
 */
#include <string.h>

#include "data/docx.h"
#include "document.h"
#include "fuzz.h"

static int parts_read(struct document *d, struct arena *a, struct err *e)
{
	struct buf part[DOCX_PARTS] = {0};
	const char *p = d->bytes, *end = d->bytes + d->size;
	int rc = 0;
	for (int i = 0; i < DOCX_PARTS && p < end && rc == 0; i++) {
		const char *stop = memchr(p, 0, (size_t)(end - p));
		size_t n = stop ? (size_t)(stop - p) : (size_t)(end - p);
		rc = buf_append(&part[i], p, n, e);
		p += n + 1;
	}
	d->bytes = NULL;
	if (rc == 0 && part[DOCX_DOCUMENT].len)
		rc = docx_parts_read(part, d, a, e);
	for (int i = 0; i < DOCX_PARTS; i++)
		buf_release(&part[i]);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct err e = {0};
	struct document d = {.path = "input", .bytes = (const char *)p, .size = n};
	arena_init(&a, 1 << 16);
	int rc = n > 2 && !memcmp(p, "PK", 2) ? docx_read(&d, &a, &e) : parts_read(&d, &a, &e);
	fuzz_check(rc, &e);
	if (!d.skipped)
		document_check(&d);
	arena_release(&a);
	return 0;
}

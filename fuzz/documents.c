/* Any bytes as a document of every kind: read, and what comes out points into it. */
#include <stdlib.h>
#include <string.h>

#include "data/captions.h"
#include "data/clean.h"
#include "data/html.h"
#include "data/json_rows.h"
#include "data/markdown.h"
#include "data/plain.h"
#include "data/tickets.h"
#include "document.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static int (*const read[])(struct document *, struct arena *, struct err *) = {
		html_read, plain_read, markdown_read, captions_read};
	struct corpus c = {0};
	struct err e = {0};
	struct document file = {.path = "input", .bytes = (const char *)p, .size = n};
	arena_init(&c.arena, 1 << 16);
	if (!clean_is_text(&file)) { /* the readers see only text: make it some */
		char *text = arena_strdup(&c.arena, file.bytes, n, &e);
		if (!text)
			abort();
		for (size_t i = 0; i < n; i++)
			text[i] = (char)((text[i] & 0x7f) ? text[i] & 0x7f : ' ');
		file.bytes = text;
		file.skipped = NULL;
	}
	for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
		struct document d = file;
		fuzz_check(read[i](&d, &c.arena, &e), &e);
		document_check(&d);
	}
	fuzz_check(tickets_read(&c, &file, &e), &e);
	fuzz_check(json_rows_read(&c, &file, &e), &e);
	for (size_t i = 0; i < c.n; i++)
		document_check(&c.d[i]);
	fuzz_check(clean_boilerplate(&c, &e), &e);
	corpus_release(&c);
	return 0;
}

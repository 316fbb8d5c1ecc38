/* Any bytes as what pdftotext -tsv says. */
#include "data/encoding.h"
#include "data/pdf.h"

#include "document.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct err e = {0};
	struct buf tsv = {0};
	struct document d = {.path = "input"};
	arena_init(&a, 1 << 16);
	int rc = n ? buf_append(&tsv, p, n, &e) : 0;
	bool text = rc || !n || utf8_is_valid(tsv.p, n); /* as pdf_read has checked */
	for (size_t i = 0; !text && i < n; i++)
		tsv.p[i] &= 0x7f;
	if (rc == 0)
		rc = pdf_words_read(&tsv, &d, &a, &e);
	fuzz_check(rc, &e);
	if (rc == 0 && !d.skipped)
		document_check(&d);
	for (size_t i = 1; i < d.n_pages; i++)
		if (d.page[i] < d.page[i - 1])
			__builtin_trap();
	buf_release(&tsv);
	arena_release(&a);
	return 0;
}

/* Any bytes as JSON lines: read, understood as rows, turned into samples by a tokenizer. */

#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = {0};
	struct jsonl *j = NULL;
	json_t *object;
	size_t line;
	int rc = jsonl_open(&j, fuzz_file(p, n), &e);
	fuzz_check(rc, &e);
	while (!rc && (rc = jsonl_next(j, &object, &line, &e)) > 0) {
		struct row row = {0};
		struct sample sample = {0};
		rc = row_parse(&row, object, "input", line, &e);
		fuzz_check(rc, &e);
		if (!rc)
			fuzz_check(row_sample(&sample, &row, fuzz_encoder(), false, &e), &e);
		sample_release(&sample);
		row_release(&row);
		rc = 0; /* the next line may be good */
	}
	fuzz_check(rc, &e);
	jsonl_close(j);
	return 0;
}

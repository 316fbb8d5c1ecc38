/* Any bytes as JSON lines: read, understood as rows, turned into samples by a tokenizer. */
#include <stdio.h>
#include <stdlib.h>

#include "format/format.h"
#include "fuzz.h"

static const struct encoder *encoder_once(void)
{
	static struct tokenizer *tokenizer;
	static struct chat_template *chat;
	static struct gguf *g;
	static struct encoder encoder;
	struct err e = {0};
	if (!g &&
		(gguf_open(&g, SEED_GGUF, &e) || tokenizer_from_gguf(&tokenizer, g, &e) || chat_template_from_gguf(&chat, g, &e))) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	encoder = (struct encoder){.tokenizer = tokenizer, .chat = chat};
	return &encoder;
}

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
			fuzz_check(row_sample(&sample, &row, encoder_once(), false, &e), &e);
		sample_release(&sample);
		row_release(&row);
		rc = 0; /* the next line may be good */
	}
	fuzz_check(rc, &e);
	jsonl_close(j);
	return 0;
}

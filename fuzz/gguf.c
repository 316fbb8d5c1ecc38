/* Any bytes as a GGUF file: opened, every tensor's last byte touched, the tokenizer and the chat template tried. */
#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = {0};
	struct gguf *g = NULL;
	int rc = gguf_open(&g, fuzz_file(p, n), &e);
	fuzz_check(rc, &e);
	if (rc)
		return 0;
	volatile unsigned sum = 0; /* so that the reads happen */
	(void)sum;
	for (size_t i = 0; i < gguf_n_tensors(g); i++) {
		const struct tensor *t = gguf_tensor_at(g, i);
		if (t->size_bytes)
			sum += ((const uint8_t *)t->data)[t->size_bytes - 1];
	}
	struct tokenizer *tokenizer = NULL;
	rc = tokenizer_from_gguf(&tokenizer, g, &e);
	fuzz_check(rc, &e);
	if (!rc) {
		struct ids ids = {0};
		fuzz_check(tokenizer_encode(tokenizer, "a b\n", 4, &ids, &e), &e);
		ids_release(&ids);
	}
	tokenizer_free(tokenizer);
	gguf_close(g);
	return 0;
}

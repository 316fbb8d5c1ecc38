/* Any bytes as a GGUF file: opened, every tensor's last row converted, the tokenizer and the chat template tried. */
#include "format/format.h"
#include "fuzz.h"

/* As the loader does it: all bytes checked, and here the last 512 values made f32. */
static void convert(const struct tensor *t)
{
	float value[512];
	size_t cols = t->dims[t->n_dims - 1], n = cols < 512 ? cols : 512;
	struct matrix m = {t->dtype, t->size_bytes / dtype_row_bytes(t->dtype, cols), cols, t->data};
	volatile bool finite = matrix_is_finite(&m); /* so that the reads happen */
	(void)finite;
	matrix_row(value, &m, m.rows - 1, cols - n, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = {0};
	struct gguf *g = NULL;
	int rc = gguf_open(&g, fuzz_file(p, n), &e);
	fuzz_check(rc, &e);
	if (rc)
		return 0;
	for (size_t i = 0; i < gguf_n_tensors(g); i++)
		convert(gguf_tensor_at(g, i));
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

/* Any bytes as the tokenizer.json of a Hugging Face folder; what opens encodes and decodes. */
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char text[] = "ab abc \xff\n12";
	struct err e = {0};
	struct tokenizer *t = NULL;
	int rc = tokenizer_from_hf(&t, fuzz_folder("tokenizer.json", p, n), &e);
	fuzz_check(rc, &e);
	if (rc)
		return 0;
	struct ids ids = {0};
	struct buf back = {0};
	if (tokenizer_encode(t, text, sizeof text - 1, &ids, &e) || tokenizer_decode(t, ids.p, ids.n, true, &back, &e))
		abort();
	size_t k = 0; /* as in the library that writes these files, a byte without a token is left out; printable ASCII has one */
	for (size_t i = 0; i < sizeof text - 1; i++)
		if (k < back.len && back.p[k] == text[i])
			k++;
		else if (text[i] >= ' ' && text[i] <= '~')
			abort();
	if (k != back.len)
		abort();
	ids_release(&ids);
	buf_release(&back);
	tokenizer_free(t);
	return 0;
}

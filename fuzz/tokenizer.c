/* Any bytes as text for the tokenizer: what is encoded comes back as it was, without a control token in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = {0};
	struct ids ids = {0};
	struct buf text = {0};
	const struct tokenizer *t = fuzz_encoder()->tokenizer;
	if (tokenizer_encode(t, (const char *)p, n, &ids, &e) || tokenizer_decode(t, ids.p, ids.n, true, &text, &e))
		abort(); /* any bytes are accepted */
	for (size_t i = 0; i < ids.n; i++)
		if (ids.p[i] <= tokenizer_control(t, "<|im_end|>", 10)) /* the seed's control tokens come first */
			abort();
	if (text.len != n || (n && memcmp(text.p, p, n)))
		abort();
	ids_release(&ids);
	buf_release(&text);
	return 0;
}

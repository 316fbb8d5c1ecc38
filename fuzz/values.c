/* Any bytes as the text of an answer: its values are read, and each is what it is. */
#include <stdlib.h>

#include "data/data.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = {0};
	struct arena arena;
	struct buf text = {0};
	struct values v;
	arena_init(&arena, 4096);
	int rc = buf_append(&text, p, n, &e);
	if (rc == 0)
		rc = values_read(&v, text.p ? text.p : "", &arena, &e);
	fuzz_check(rc, &e);
	for (size_t i = 0; rc == 0 && i < v.n; i++)
		if (!value_is(&v.p[i], &v.p[i]))
			abort();
	buf_release(&text);
	arena_release(&arena);
	return 0;
}

/* Any bytes as a safetensors file: opened, every tensor's first and last byte touched. */
#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = {0};
	struct safetensors *s = NULL;
	int rc = safetensors_open(&s, fuzz_file(p, n), &e);
	fuzz_check(rc, &e);
	if (rc)
		return 0;
	volatile unsigned sum = 0; /* so that the reads happen */
	(void)sum;
	for (size_t i = 0; i < safetensors_n(s); i++) {
		const struct tensor *t = safetensors_at(s, i);
		if (t->size_bytes)
			sum += ((const uint8_t *)t->data)[0] + ((const uint8_t *)t->data)[t->size_bytes - 1];
	}
	safetensors_close(s);
	return 0;
}

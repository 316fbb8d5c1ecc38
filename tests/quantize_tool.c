/*
 * For tests/oracle: stdin's native f32 values in a stored format, on stdout.
 *
 *     quantize_tool TYPE < values > blocks
 */
#include <stdio.h>
#include <string.h>

#include "kern/kern.h"

int main(int argc, char **argv)
{
	struct buf in = {0};
	struct err e = {0};
	enum dtype t = 0;
	uint8_t *out = NULL;
	while (argc == 2 && t < DTYPE_COUNT && strcmp(argv[1], dtype_name(t)))
		t++;
	int rc = argc == 2 && t < DTYPE_COUNT && dtype_can_quantize(t) ? 0 : err_set(&e, ERR_USAGE, "usage: quantize_tool TYPE");
	if (!rc)
		rc = file_read("-", (size_t)1 << 30, &in, &e);
	size_t n = in.len / sizeof(float), bytes = 0;
	if (!rc && n % dtype_block(t))
		rc = err_set(&e, ERR_DATA, "%zu values, expected whole blocks of %zu", n, dtype_block(t));
	if (!rc) {
		bytes = dtype_row_bytes(t, n);
		out = mem_alloc(bytes, 1, &e);
		rc = out ? 0 : e.code;
	}
	if (!rc) {
		dtype_quantize(out, t, (const float *)(const void *)in.p, n);
		if (fwrite(out, 1, bytes, stdout) != bytes)
			rc = err_errno(&e, "write", "stdout");
	}
	if (rc)
		fprintf(stderr, "%s\n", e.text);
	mem_free(out);
	buf_release(&in);
	return rc ? 1 : 0;
}

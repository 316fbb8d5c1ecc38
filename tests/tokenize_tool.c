/*
 * For tests/oracle: the ids of stdin's bytes, as native int32 on stdout.
 *
 *     tokenize_tool MODEL.gguf|FOLDER < text > ids
 */
#include <stdio.h>

#include "format/format.h"

int main(int argc, char **argv)
{
	struct tokenizer *t = NULL;
	struct gguf *g = NULL;
	struct buf text = {0}, again = {0};
	struct ids ids = {0};
	struct err e = {0};
	int rc = argc == 2 ? 0 : err_set(&e, ERR_USAGE, "usage: tokenize_tool MODEL < text > ids");
	if (!rc && dir_exists(argv[1]))
		rc = tokenizer_from_hf(&t, argv[1], &e);
	else if (!rc && !(rc = gguf_open(&g, argv[1], &e)))
		rc = tokenizer_from_gguf(&t, g, &e);
	if (!rc)
		rc = file_read("-", (size_t)1 << 30, &text, &e);
	double start = now_s();
	if (!rc)
		rc = tokenizer_encode(t, text.p, text.len, &ids, &e);
	double took = now_s() - start;
	if (!rc)
		rc = tokenizer_decode(t, ids.p, ids.n, false, &again, &e);
	if (!rc && fwrite(ids.p, sizeof *ids.p, ids.n, stdout) != ids.n)
		rc = err_errno(&e, "write", "stdout");
	if (rc)
		fprintf(stderr, "tokenize_tool: %s\n", e.text);
	else
		fprintf(stderr, "%zu bytes, %zu ids, %zu bytes back, %.1f MB/s\n", text.len, ids.n, again.len,
			(double)text.len / took / 1e6);
	buf_release(&text);
	buf_release(&again);
	ids_release(&ids);
	tokenizer_free(t);
	gguf_close(g);
	return -rc;
}

/*
 * For tests/oracle: token ids and vectors of texts. Reads lines of {"text"}, writes lines of {"ids", "vector"}.
 *
 *     embed_tool FOLDER IN.jsonl > OUT.jsonl
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum { TEXTS_MAX = 1 << 16, TOKENS = 256 };

static void print_line(const struct ids *ids, const float *v, size_t n)
{
	printf("{\"ids\":[");
	for (size_t i = 0; i < ids->n; i++)
		printf("%s%d", i ? "," : "", ids->p[i]);
	printf("],\"vector\":[");
	for (size_t i = 0; i < n; i++)
		printf("%s%.9g", i ? "," : "", (double)v[i]);
	printf("]}\n");
}

int main(int argc, char **argv)
{
	static const char *text[TEXTS_MAX];
	static json_t *line[TEXTS_MAX];
	struct embedder *m = NULL;
	struct jsonl *in = NULL;
	struct err e = {0};
	size_t n = 0, number;
	int more, rc = argc == 3 ? kern_init(NULL, &e) : err_set(&e, ERR_USAGE, "usage: embed_tool FOLDER IN.jsonl > OUT.jsonl");
	if (!rc)
		rc = embedder_open(&m, argv[1], &e);
	if (!rc)
		rc = jsonl_open(&in, argv[2], &e);
	while (!rc && n < TEXTS_MAX && (more = jsonl_next(in, &line[n], &number, &e))) {
		rc = more < 0 ? more : 0;
		text[n] = rc ? NULL : json_string_value(json_object_get(line[n], "text"));
		if (!rc && !text[n++])
			rc = err_set(&e, ERR_DATA, "%s:%zu: expected {\"text\"}", argv[2], number);
	}
	float *v = rc ? NULL : calloc(n + 1, embedder_width(m) * sizeof *v);
	if (!rc)
		rc = embedder_run(m, text, n, v, &e);
	for (size_t i = 0; i < n && !rc; i++) {
		struct ids ids = {0};
		rc = embedder_encode(m, text[i], strlen(text[i]), TOKENS, &ids, &e);
		print_line(&ids, v + i * embedder_width(m), embedder_width(m));
		ids_release(&ids);
	}
	if (rc)
		fprintf(stderr, "embed_tool: %s\n", e.text);
	for (size_t i = 0; i < n; i++)
		json_decref(line[i]);
	free(v);
	jsonl_close(in);
	embedder_free(m);
	return -rc;
}

/*
 * For tests/support/measure.py and bench/: reads lines {"question", "answer"}, writes of each the claims that the documents of a data folder do
 * not or do support: a list of {"text", "supported", "instead"}; of a question without an answer the objection to it, a text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "format/format.h"

static int object(const struct evidence *v, const char *question, struct err *e)
{
	struct buf text = {0};
	int rc = question ? evidence_objection(v, question, &text, e) : err_set(e, ERR_DATA, "expected a question or an answer");
	json_t *o = json_string(text.len ? text.p : "");
	char *line = json_dumps(o, JSON_COMPACT | JSON_ENCODE_ANY);
	if (rc == 0)
		puts(line);
	free(line);
	json_decref(o);
	buf_release(&text);
	return rc;
}

static int check(const struct evidence *v, const json_t *o, struct err *e)
{
	const char *question = json_string_value(json_object_get(o, "question")),
		   *answer = json_string_value(json_object_get(o, "answer"));
	struct arena a;
	struct evidence_claims claims;
	if (!answer)
		return object(v, question, e);
	arena_init(&a, 64 << 10);
	int rc = evidence_check(v, question ? question : "", answer, &a, &claims, e);
	json_t *list = json_array();
	for (size_t i = 0; rc == 0 && i < claims.n; i++) {
		const struct evidence_claim *c = &claims.p[i];
		json_array_append_new(list,
			json_pack("{s:s%, s:b, s:s}", "text", answer + c->start, c->end - c->start, "supported", c->supported,
				"instead", c->instead));
	}
	char *line = json_dumps(list, JSON_COMPACT);
	if (rc == 0)
		puts(line ? line : "[]");
	free(line);
	json_decref(list);
	arena_release(&a);
	return rc;
}

int main(int argc, char **argv)
{
	struct evidence *v = NULL;
	struct jsonl *j = NULL;
	struct err e = {0};
	json_t *o;
	size_t line;
	int rc = argc == 3 ? evidence_open(&v, argv[1], &e) : err_set(&e, ERR_USAGE, "claims_tool: DATA ANSWERS.jsonl"), got = 0;
	if (!rc)
		rc = jsonl_open(&j, argv[2], &e);
	while (!rc && (got = jsonl_next(j, &o, &line, &e)) == 1) {
		rc = check(v, o, &e);
		json_decref(o);
	}
	if (rc || got < 0)
		fprintf(stderr, "%s\n", e.text);
	jsonl_close(j);
	evidence_free(v);
	return rc || got < 0;
}

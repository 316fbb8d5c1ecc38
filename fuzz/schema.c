/*
 * Any bytes as the schema that an answer is to have, an empty line, and what chooses among the tokens that its grammar allows: a text that it
 * lets through is JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "fuzz.h"

enum { TOKENS_MAX = 96 };

/* The first one from `from` on, and round again; -1: there is none. */
static int32_t allowed(struct grammar_state *s, int32_t from, int32_t n)
{
	for (int32_t i = 0; i < n; i++)
		if (grammar_allows(s, (from + i) % n))
			return (from + i) % n;
	return -1;
}

static void walk(const struct grammar *g, const struct tokenizer *t, const uint8_t *choice, size_t n)
{
	struct grammar_state *s;
	struct buf text = {0};
	struct err e;
	if (grammar_begin(&s, g, t, &e))
		abort();
	for (size_t i = 0; i < n && i < TOKENS_MAX; i++) {
		int32_t id = allowed(s, choice[i], (int32_t)tokenizer_n_vocab(t));
		if (id >= 0 && tokenizer_is_eog(t, id)) {
			json_t *said = json_loadb(text.p, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
			if (!said)
				abort();
			json_decref(said);
		}
		if (id < 0 || tokenizer_is_eog(t, id))
			break;
		if (tokenizer_decode(t, &id, 1, false, &text, &e))
			abort();
		grammar_take(s, id);
	}
	grammar_end(s);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = {0};
	struct grammar *g = NULL;
	const uint8_t *end = n ? memmem(p, n, "\n\n", 2) : NULL;
	size_t size = end ? (size_t)(end - p) : n;
	json_t *schema = json_loadb((const char *)p, size, JSON_REJECT_DUPLICATES, NULL);
	if (!schema)
		return 0;
	int rc = grammar_json(&g, schema, &e);
	fuzz_check(rc, &e);
	if (!rc && end)
		walk(g, fuzz_encoder()->tokenizer, end + 2, n - size - 2);
	grammar_free(g);
	json_decref(schema);
	return 0;
}

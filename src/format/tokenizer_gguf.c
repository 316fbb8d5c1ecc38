/*
 * The tokenizer inside a GGUF file, from the keys tokenizer.ggml.*.
 * Reference: ggml's gguf.md, "Tokenizer"; llama.cpp, llama-vocab.cpp, for the names of the pre-tokenizers.
 */
#include "format/tokenizer.h"

#include <string.h>

/* tokenizer.ggml.token_type */
enum { GGUF_NORMAL = 1, GGUF_CONTROL = 3, GGUF_UNUSED = 5 };

static int read_kind(const struct gguf *g, struct vocab *v, size_t i, struct err *e)
{
	int64_t type;
	int rc = gguf_array_i64(g, "tokenizer.ggml.token_type", i, &type, e);
	if (rc)
		return rc;
	if (type != GGUF_NORMAL && type != GGUF_CONTROL && type != GGUF_UNUSED)
		return err_set(e, ERR_DATA,
			"%s: token %zu has type %lld; attune supports normal (1), control (3) and unused (5) tokens", v->path, i,
			(long long)type);
	v->tokens[i].kind = type == GGUF_NORMAL ? TOKEN_NORMAL : type == GGUF_CONTROL ? TOKEN_CONTROL : TOKEN_UNUSED;
	return 0;
}

static int read_tokens(const struct gguf *g, struct vocab *v, struct err *e)
{
	size_t n_types;
	int rc = gguf_array_n(g, "tokenizer.ggml.tokens", &v->n_tokens, e);
	if (!rc)
		rc = gguf_array_n(g, "tokenizer.ggml.token_type", &n_types, e);
	if (rc)
		return rc;
	if (v->n_tokens > VOCAB_MAX || n_types != v->n_tokens)
		return err_set(e, ERR_DATA, "%s: %zu tokens and %zu token types; expected as many of each, up to %d", v->path,
			v->n_tokens, n_types, VOCAB_MAX);
	v->tokens = mem_alloc(v->n_tokens, sizeof *v->tokens, e);
	if (!v->tokens)
		return ERR_RESOURCE;
	for (size_t i = 0; i < v->n_tokens && !rc; i++) {
		rc = gguf_array_str(g, "tokenizer.ggml.tokens", i, &v->tokens[i].text.p, &v->tokens[i].text.n, e);
		if (!rc)
			rc = read_kind(g, v, i, e);
	}
	return rc;
}

static int read_merges(const struct gguf *g, struct vocab *v, struct err *e)
{
	int rc = gguf_array_n(g, "tokenizer.ggml.merges", &v->n_merges, e);
	if (rc)
		return rc;
	if (v->n_merges > VOCAB_MAX)
		return err_set(e, ERR_DATA, "%s: %zu merges; the limit is %d", v->path, v->n_merges, VOCAB_MAX);
	v->merges = mem_alloc(v->n_merges, sizeof *v->merges, e);
	if (!v->merges)
		return ERR_RESOURCE;
	for (size_t i = 0; i < v->n_merges && !rc; i++) {
		struct piece line;
		rc = gguf_array_str(g, "tokenizer.ggml.merges", i, &line.p, &line.n, e);
		if (!rc)
			vocab_merge_split(v, i, line);
	}
	return rc;
}

/* Which scheme: only what has been compared with the reference tokenizer. */
static int read_scheme(const struct gguf *g, struct vocab *v, struct err *e)
{
	const char *model, *pre;
	int rc = gguf_str(g, "tokenizer.ggml.model", &model, e);
	if (!rc)
		rc = gguf_str(g, "tokenizer.ggml.pre", &pre, e);
	if (rc)
		return rc;
	if (strcmp(model, "gpt2"))
		return err_set(e, ERR_DATA, "%s: tokenizer.ggml.model is \"%s\"; attune supports byte-level BPE (\"gpt2\")",
			v->path, model);
	if (strcmp(pre, "smollm") && strcmp(pre, "gpt-2"))
		return err_set(
			e, ERR_DATA, "%s: tokenizer.ggml.pre is \"%s\"; attune supports \"smollm\" and \"gpt-2\"", v->path, pre);
	v->split_digits = !strcmp(pre, "smollm");
	return 0;
}

/* *id stays as it is when the key is absent. */
static int read_id(const struct gguf *g, const char *key, int64_t *id, struct err *e)
{
	uint64_t value;
	if (!gguf_has(g, key))
		return 0;
	int rc = gguf_u64(g, key, &value, e);
	if (!rc)
		*id = value < VOCAB_MAX ? (int64_t)value : VOCAB_MAX; /* refused later with the other ids beyond the vocabulary */
	return rc;
}

/* `eog` has room for the end-of-turn and end-of-message tokens, which some models name apart from the end token. */
static int read_special(const struct gguf *g, struct vocab *v, int64_t eog[2], struct err *e)
{
	static const char *const keys[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
	bool add_bos = false;
	int rc = 0;
	if (gguf_has(g, "tokenizer.ggml.add_bos_token"))
		rc = gguf_bool(g, "tokenizer.ggml.add_bos_token", &add_bos, e);
	if (!rc && add_bos)
		rc = read_id(g, "tokenizer.ggml.bos_token_id", &v->bos, e);
	if (!rc)
		rc = read_id(g, "tokenizer.ggml.eos_token_id", &v->eos, e);
	for (size_t i = 0; i < sizeof keys / sizeof *keys && !rc; i++) {
		eog[v->n_eog] = -1;
		rc = read_id(g, keys[i], &eog[v->n_eog], e);
		v->n_eog += eog[v->n_eog] >= 0;
	}
	return rc;
}

int tokenizer_from_gguf(struct tokenizer **out, const struct gguf *g, struct err *e)
{
	int64_t eog[3]; /* one more than is used: read_special writes before it counts */
	struct vocab v = {.path = gguf_path(g), .bos = -1, .eos = -1, .eog = eog};
	*out = NULL;
	int rc = read_scheme(g, &v, e);
	if (!rc)
		rc = read_tokens(g, &v, e);
	if (!rc)
		rc = read_merges(g, &v, e);
	if (!rc)
		rc = read_special(g, &v, eog, e);
	if (!rc)
		rc = tokenizer_build(out, &v, e);
	vocab_release(&v);
	return rc;
}

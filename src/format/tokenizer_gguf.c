/*
 * The tokenizer inside a GGUF file, from the keys tokenizer.ggml.*.
 * Reference: ggml's gguf.md, "Tokenizer"; llama.cpp, llama-vocab.cpp, for the names of the pre-tokenizers.
 */
#include "format/tokenizer.h"

#include <math.h>
#include <string.h>

/* tokenizer.ggml.token_type, from 1 on; the unknown token is a control token as it is in tokenizer.json: no text forms it */
static const enum token_kind KINDS[] = {
	TOKEN_NONE, TOKEN_NORMAL, TOKEN_CONTROL, TOKEN_CONTROL, TOKEN_USER, TOKEN_UNUSED, TOKEN_BYTE};

static int read_kind(const struct gguf *g, struct vocab *v, size_t i, struct err *e)
{
	int64_t type;
	int rc = gguf_array_i64(g, "tokenizer.ggml.token_type", i, &type, e);
	if (rc)
		return rc;
	if (type < 1 || type >= (int64_t)(sizeof KINDS / sizeof *KINDS) || (KINDS[type] == TOKEN_BYTE && v->scheme == SCHEME_BYTES))
		return err_set(e, ERR_DATA,
			"%s: token %zu has type %lld; expected 1 (normal), 2 (unknown), 3 (control), 4 (user-defined), 5 (unused) "
			"or, "
			"with tokenizer.ggml.model \"llama\", 6 (byte)",
			v->path, i, (long long)type);
	v->tokens[i].kind = KINDS[type];
	if (v->scheme != SCHEME_SCORES)
		return 0;
	rc = gguf_array_f32(g, "tokenizer.ggml.scores", i, &v->tokens[i].score, e);
	if (!rc && isnan(v->tokens[i].score))
		rc = err_set(e, ERR_DATA, "%s: token %zu has no number as its score", v->path, i);
	return rc;
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

/* tokenizer.ggml.pre, and what a model's own tokenizer does besides cutting. Only what has been compared with the reference. */
static const struct {
	const char *name;
	enum pretoken how;
	bool ignore_merges, nfc, add_bos;
} PRETOKENIZERS[] = {
	{"gpt-2", PRETOKEN_GPT2, false, false, false},
	{"smollm", PRETOKEN_SMOLLM, false, false, false},
	{"llama-bpe", PRETOKEN_LLAMA3, true, false, true},
	{"qwen2", PRETOKEN_QWEN2, false, true, false},
};

static int read_pretokenizer(const struct gguf *g, struct vocab *v, bool *add_bos, struct err *e)
{
	const char *pre;
	int rc = gguf_str(g, "tokenizer.ggml.pre", &pre, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof PRETOKENIZERS / sizeof *PRETOKENIZERS; i++) {
		if (strcmp(pre, PRETOKENIZERS[i].name))
			continue;
		v->scheme = SCHEME_BYTES;
		v->pretoken = PRETOKENIZERS[i].how;
		v->ignore_merges = PRETOKENIZERS[i].ignore_merges;
		v->nfc = PRETOKENIZERS[i].nfc;
		*add_bos = PRETOKENIZERS[i].add_bos;
		return 0;
	}
	return err_set(e, ERR_DATA,
		"%s: tokenizer.ggml.pre is \"%s\"; attune supports \"gpt-2\", \"smollm\", \"llama-bpe\" and \"qwen2\"", v->path,
		pre);
}

/* *value stays as it is when the key is absent. */
static int read_bool(const struct gguf *g, const char *key, bool *value, struct err *e)
{
	return gguf_has(g, key) ? gguf_bool(g, key, value, e) : 0;
}

static int read_sentencepiece(const struct gguf *g, struct vocab *v, bool *add_bos, struct err *e)
{
	bool remove_extra = false, prefix = true;
	v->scheme = SCHEME_SCORES;
	*add_bos = true;
	int rc = read_bool(g, "tokenizer.ggml.add_space_prefix", &prefix, e);
	v->prefix = prefix ? PREFIX_ALWAYS : PREFIX_NONE;
	if (!rc)
		rc = read_bool(g, "tokenizer.ggml.remove_extra_whitespaces", &remove_extra, e);
	if (!rc && remove_extra)
		rc = err_set(e, ERR_DATA,
			"%s: tokenizer.ggml.remove_extra_whitespaces is set; attune supports vocabularies that keep every space",
			v->path);
	return rc;
}

static int read_scheme(const struct gguf *g, struct vocab *v, bool *add_bos, struct err *e)
{
	const char *model;
	int rc = gguf_str(g, "tokenizer.ggml.model", &model, e);
	if (rc)
		return rc;
	if (!strcmp(model, "gpt2"))
		return read_pretokenizer(g, v, add_bos, e);
	if (!strcmp(model, "llama"))
		return read_sentencepiece(g, v, add_bos, e);
	return err_set(e, ERR_DATA,
		"%s: tokenizer.ggml.model is \"%s\"; attune supports byte-level BPE (\"gpt2\") and SentencePiece BPE (\"llama\")",
		v->path, model);
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

/* `eog` gets the end-of-turn and end-of-message tokens, which some models name apart from the end token. */
static int read_special(const struct gguf *g, struct vocab *v, bool add_bos, int64_t eog[VOCAB_GGUF_EOG], struct err *e)
{
	static const char *const keys[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
	int rc = read_bool(g, "tokenizer.ggml.add_bos_token", &add_bos, e);
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

int vocab_from_gguf(struct vocab *v, int64_t eog[VOCAB_GGUF_EOG], const struct gguf *g, struct err *e)
{
	*v = (struct vocab){.path = gguf_path(g), .bos = -1, .eos = -1, .eog = eog};
	bool add_bos = false;
	int rc = read_scheme(g, v, &add_bos, e);
	if (!rc)
		rc = read_tokens(g, v, e);
	if (!rc && v->scheme == SCHEME_BYTES)
		rc = read_merges(g, v, e);
	return rc ? rc : read_special(g, v, add_bos, eog, e);
}

int tokenizer_from_gguf(struct tokenizer **out, const struct gguf *g, struct err *e)
{
	int64_t eog[VOCAB_GGUF_EOG];
	struct vocab v;
	*out = NULL;
	int rc = vocab_from_gguf(&v, eog, g, e);
	if (!rc)
		rc = tokenizer_build(out, &v, e);
	vocab_release(&v);
	return rc;
}

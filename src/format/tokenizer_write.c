/*
 * The tokenizer of a GGUF file as tokenizer.json and tokenizer_config.json, which the `tokenizers` library and transformers load. GGUF has
 * tokens, merges or scores, and the name of a pre-tokenizer; what that means stands in tokenizer_gguf.c, and is spelt out here.
 *
 * SentencePiece merges whatever two neighbours spell the piece with the highest score. The library wants a list of merges: all ways in which
 * a piece is made of two others, by the piece's score, as transformers' own converter makes it. Reference: tokenizers, serialisation of
 * models/bpe; transformers, convert_slow_tokenizer.py. tests/oracle/export.py holds the outcome to transformers.
 */
#include "format/tokenizer.h"
#include "format/unicode.h"

#include <stdlib.h>
#include <string.h>

static const char BLOCK[] = "\xe2\x96\x81"; /* SentencePiece's space */

static int refuse(const struct vocab *v, struct err *e, const char *why)
{
	return err_set(e, ERR_DATA,
		"%s: %s, which tokenizer.json cannot say; export --to gguf, which transformers loads with gguf_file=", v->path,
		why);
}

static json_t *token_json(const struct vocab *v, size_t i)
{
	return json_stringn(v->tokens[i].text.p, v->tokens[i].text.n);
}

/* ---- the vocabulary ------------------------------------------------------------------------------------------------------------ */

/* token -> id, of all tokens, so that added ones keep their ids. */
static int make_words(const struct vocab *v, json_t **out, struct err *e)
{
	json_t *words = *out = json_object();
	for (size_t i = 0; i < v->n_tokens; i++) {
		const struct piece *p = &v->tokens[i].text;
		if (v->tokens[i].kind == TOKEN_USER && v->scheme == SCHEME_SCORES && memmem(p->p, p->n, BLOCK, strlen(BLOCK)))
			return refuse(v, e, "a user-defined token holds U+2581");
		if (json_object_setn_new(words, p->p, p->n, json_integer((json_int_t)i)))
			return refuse(v, e, "a token is no UTF-8");
	}
	return json_object_size(words) == v->n_tokens ? 0 : refuse(v, e, "two tokens are spelt alike");
}

/* The tokens that are found in the text as it is, before anything merges. */
static json_t *make_added(const struct vocab *v)
{
	json_t *added = json_array();
	for (size_t i = 0; i < v->n_tokens; i++) {
		bool control = v->tokens[i].kind == TOKEN_CONTROL;
		if (control || v->tokens[i].kind == TOKEN_USER)
			json_array_append_new(added,
				json_pack("{s:I, s:o, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)i, "content", token_json(v, i),
					"single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special", control));
	}
	return added;
}

/* ---- merges -------------------------------------------------------------------------------------------------------------------- */

/* A way to make a piece of two. */
struct joint {
	float score;
	uint32_t left, right, result;
};

struct joints {
	struct joint *p;
	size_t n, cap;
};

static int joint_compare(const void *a, const void *b)
{
	const struct joint *x = a, *y = b;
	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	if (x->left != y->left)
		return x->left < y->left ? -1 : 1;
	return (x->right > y->right) - (x->right < y->right);
}

static const json_t *normal_id(const struct vocab *v, const json_t *words, const char *p, size_t n)
{
	const json_t *id = json_object_getn(words, p, n);
	return id && v->tokens[json_integer_value(id)].kind == TOKEN_NORMAL ? id : NULL;
}

/* All joints of token i: a cut behind each of its characters. */
static int joints_of(struct joints *j, const struct vocab *v, const json_t *words, size_t i, struct err *e)
{
	const struct piece *t = &v->tokens[i].text;
	uint32_t cp;
	for (size_t at = utf8_next(t->p, t->n, &cp), length = 1; at < t->n && length; at += length) {
		const json_t *left = normal_id(v, words, t->p, at), *right = normal_id(v, words, t->p + at, t->n - at);
		length = utf8_next(t->p + at, t->n - at, &cp);
		if (!left || !right)
			continue;
		if (mem_reserve(&j->p, j->n, &j->cap, sizeof *j->p, e))
			return ERR_RESOURCE;
		j->p[j->n++] = (struct joint){
			v->tokens[i].score, (uint32_t)json_integer_value(left), (uint32_t)json_integer_value(right), (uint32_t)i};
	}
	return 0;
}

/* By scores. Of two pieces with one score SentencePiece makes the leftmost first, a list of merges always the same: refused. */
static int merges_of_scores(const struct vocab *v, const json_t *words, json_t *merges, struct err *e)
{
	struct joints j = {0};
	int rc = 0;
	for (size_t i = 0; i < v->n_tokens && !rc; i++)
		if (v->tokens[i].kind == TOKEN_NORMAL)
			rc = joints_of(&j, v, words, i, e);
	if (!rc && j.n)
		qsort(j.p, j.n, sizeof *j.p, joint_compare);
	for (size_t i = 0; i < j.n && !rc; i++) {
		if (i && j.p[i].score == j.p[i - 1].score && j.p[i].result != j.p[i - 1].result)
			rc = refuse(v, e, "two pieces have the same score");
		else if (json_array_append_new(
				 merges, json_pack("[o, o]", token_json(v, j.p[i].left), token_json(v, j.p[i].right))))
			rc = err_set(e, ERR_RESOURCE, "%s: out of memory for the merges", v->path);
	}
	mem_free(j.p);
	return rc;
}

static int make_merges(const struct vocab *v, const json_t *words, json_t **out, struct err *e)
{
	*out = json_array();
	if (v->scheme == SCHEME_SCORES)
		return merges_of_scores(v, words, *out, e);
	for (size_t i = 0; i < v->n_merges; i++) {
		const struct vocab_merge *m = &v->merges[i];
		if (json_array_append_new(
			    *out, json_pack("[o, o]", json_stringn(m->left.p, m->left.n), json_stringn(m->right.p, m->right.n))))
			return refuse(v, e, "a merge is no UTF-8");
	}
	return 0;
}

/* ---- around the model ---------------------------------------------------------------------------------------------------------- */

static json_t *replace_json(const char *from, const char *by)
{
	return json_pack("{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", "String", from, "content", by);
}

static json_t *make_normalizer(const struct vocab *v)
{
	if (v->scheme == SCHEME_BYTES)
		return v->nfc ? json_pack("{s:s}", "type", "NFC") : json_null();
	if (v->prefix == PREFIX_NONE)
		return replace_json(" ", BLOCK);
	return json_pack("{s:s, s:[{s:s, s:s}, o]}", "type", "Sequence", "normalizers", "type", "Prepend", "prepend", BLOCK,
		replace_json(" ", BLOCK));
}

static json_t *byte_level_json(bool regex)
{
	return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets", 1, "use_regex", regex);
}

static json_t *make_pre_tokenizer(const struct vocab *v)
{
	const char *regex = pretoken_regex(v->pretoken);
	json_t *first;
	if (v->scheme != SCHEME_BYTES)
		return json_null();
	if (v->pretoken == PRETOKEN_GPT2)
		return byte_level_json(true);
	if (regex)
		first = json_pack("{s:s, s:{s:s}, s:s, s:b}", "type", "Split", "pattern", "Regex", regex, "behavior", "Isolated",
			"invert", 0);
	else
		first = json_pack("{s:s, s:b}", "type", "Digits", "individual_digits", 1);
	return json_pack("{s:s, s:[o, o]}", "type", "Sequence", "pretokenizers", first, byte_level_json(!regex));
}

static json_t *make_decoder(const struct vocab *v)
{
	if (v->scheme == SCHEME_BYTES)
		return byte_level_json(true);
	json_t *decoder = json_pack("{s:s, s:[o, {s:s}, {s:s}]}", "type", "Sequence", "decoders", replace_json(BLOCK, " "), "type",
		"ByteFallback", "type", "Fuse");
	if (v->prefix != PREFIX_NONE)
		json_array_append_new(json_object_get(decoder, "decoders"),
			json_pack("{s:s, s:s, s:i, s:i}", "type", "Strip", "content", " ", "start", 1, "stop", 0));
	return decoder;
}

/* The begin token in front, where the model puts it there. */
static json_t *make_post_processor(const struct vocab *v)
{
	if (v->bos < 0)
		return json_null();
	json_t *id = token_json(v, (size_t)v->bos), *special = json_object(), *single, *pair;
	json_object_set_new(special, json_string_value(id),
		json_pack("{s:O, s:[I], s:[O]}", "id", id, "ids", (json_int_t)v->bos, "tokens", id));
	single = json_pack(
		"[{s:{s:O, s:i}}, {s:{s:s, s:i}}]", "SpecialToken", "id", id, "type_id", 0, "Sequence", "id", "A", "type_id", 0);
	pair = json_pack("[{s:{s:O, s:i}}, {s:{s:s, s:i}}, {s:{s:s, s:i}}]", "SpecialToken", "id", id, "type_id", 0, "Sequence",
		"id", "A", "type_id", 0, "Sequence", "id", "B", "type_id", 1);
	json_decref(id);
	return json_pack(
		"{s:s, s:o, s:o, s:o}", "type", "TemplateProcessing", "single", single, "pair", pair, "special_tokens", special);
}

/* ---- files --------------------------------------------------------------------------------------------------------------------- */

/* The token that a key of the metadata names; a begin or end token must be a control token, as transformers' are. */
static int named_token(const struct vocab *v, const struct gguf *g, const char *key, json_t **out, struct err *e)
{
	uint64_t id;
	*out = json_null();
	if (!gguf_has(g, key))
		return 0;
	int rc = gguf_u64(g, key, &id, e);
	if (!rc && (id >= v->n_tokens || v->tokens[id].kind != TOKEN_CONTROL))
		rc = refuse(v, e, "the begin, end or padding token is no control token");
	if (!rc)
		*out = token_json(v, (size_t)id);
	return rc;
}

static int write_config(const struct vocab *v, const struct gguf *g, const char *path, struct err *e)
{
	static const char *const keys[][2] = {{"bos_token", "tokenizer.ggml.bos_token_id"},
		{"eos_token", "tokenizer.ggml.eos_token_id"}, {"pad_token", "tokenizer.ggml.padding_token_id"},
		{"unk_token", "tokenizer.ggml.unknown_token_id"}};
	json_t *config = json_pack("{s:s, s:b}", "tokenizer_class", "PreTrainedTokenizerFast", "clean_up_tokenization_spaces", 0);
	int rc = 0;
	for (size_t i = 0; i < sizeof keys / sizeof *keys && !rc; i++) {
		json_t *token;
		rc = named_token(v, g, keys[i][1], &token, e);
		if (!rc && !json_is_null(token))
			json_object_set_new(config, keys[i][0], token);
	}
	if (!rc)
		rc = json_file_write(path, config, e);
	json_decref(config);
	return rc;
}

static int write_tokenizer(const struct vocab *v, const struct gguf *g, const char *path, struct err *e)
{
	bool pieces = v->scheme == SCHEME_SCORES;
	json_t *words = NULL, *merges = NULL, *unknown = NULL, *root = NULL;
	int rc = make_words(v, &words, e);
	if (!rc)
		rc = make_merges(v, words, &merges, e);
	if (!rc)
		rc = pieces ? named_token(v, g, "tokenizer.ggml.unknown_token_id", &unknown, e) : 0;
	if (!rc) {
		json_t *model = json_pack("{s:s, s:n, s:o?, s:n, s:n, s:b, s:b, s:b, s:O, s:O}", "type", "BPE", "dropout",
			"unk_token", unknown, "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", pieces,
			"byte_fallback", pieces, "ignore_merges", v->ignore_merges, "vocab", words, "merges", merges);
		root = json_pack("{s:s, s:n, s:n, s:o, s:o, s:o, s:o, s:o, s:o}", "version", "1.0", "truncation", "padding",
			"added_tokens", make_added(v), "normalizer", make_normalizer(v), "pre_tokenizer", make_pre_tokenizer(v),
			"post_processor", make_post_processor(v), "decoder", make_decoder(v), "model", model);
		rc = json_file_write(path, root, e);
	}
	json_decref(root);
	json_decref(merges);
	json_decref(words);
	return rc;
}

int tokenizer_write_hf(const struct gguf *g, const char *dir, struct err *e)
{
	char path[PATH_SIZE];
	int64_t eog[VOCAB_GGUF_EOG];
	struct vocab v;
	int rc = vocab_from_gguf(&v, eog, g, e);
	if (!rc)
		rc = dir_make(dir, e);
	if (!rc)
		rc = path_join(path, sizeof path, e, dir, "tokenizer.json");
	if (!rc)
		rc = write_tokenizer(&v, g, path, e);
	if (!rc)
		rc = path_join(path, sizeof path, e, dir, "tokenizer_config.json");
	if (!rc)
		rc = write_config(&v, g, path, e);
	vocab_release(&v);
	return rc;
}

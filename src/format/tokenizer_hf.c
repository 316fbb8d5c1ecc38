/*
 * The tokenizer of a Hugging Face model folder: tokenizer.json, and which tokens begin and end from tokenizer_config.json and
 * generation_config.json. What would change the ids and is not supported is refused by name.
 * Reference: Hugging Face tokenizers, serialisation of models/bpe and pre_tokenizers.
 */
#include "format/json.h"
#include "format/tokenizer.h"

#include <string.h>

static const size_t FILE_MAX = (size_t)256 << 20;

enum { EOG_MAX = 64 };

/* *out stays NULL when an optional file is absent. */
static int json_open(json_t **out, const char *dir, const char *name, bool optional, char path[PATH_SIZE], struct err *e)
{
	*out = NULL;
	int rc = path_join(path, PATH_SIZE, e, dir, name);
	return rc || (optional && !file_exists(path)) ? rc : json_file(out, path, FILE_MAX, e);
}

static bool is_set(const json_t *value)
{
	return value && !json_is_null(value) && !json_is_false(value) && !(json_is_string(value) && !json_string_length(value));
}

/* Keys whose every value but null, false and "" changes the ids. */
static int refuse_set(const struct vocab *v, const char *where, const json_t *object, const char *const *keys, struct err *e)
{
	for (; *keys; keys++)
		if (is_set(json_object_get(object, *keys)))
			return err_set(e, ERR_DATA, "%s: %s has \"%s\" set, which attune does not support", v->path, where, *keys);
	return 0;
}

static const char *type_of(const json_t *object)
{
	const char *type = json_string_value(json_object_get(object, "type"));
	return type ? type : "none";
}

static int read_byte_level(const struct vocab *v, const json_t *p, bool regex, struct err *e)
{
	static const char *const unsupported[] = {"add_prefix_space", NULL};
	if (strcmp(type_of(p), "ByteLevel"))
		return err_set(e, ERR_DATA,
			"%s: pre-tokenizer \"%s\"; attune supports ByteLevel, alone or behind Digits or Llama 3's or Qwen 2's "
			"Split",
			v->path, type_of(p));
	if (json_is_false(json_object_get(p, "use_regex")) == regex)
		return err_set(e, ERR_DATA, "%s: the ByteLevel pre-tokenizer has use_regex %s, which attune does not support here",
			v->path, regex ? "false" : "true");
	return refuse_set(v, "the ByteLevel pre-tokenizer", p, unsupported, e);
}

const char *pretoken_regex(enum pretoken how)
{
	static const char llama3[] =
		"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
		"\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
	static const char qwen2[] =
		"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
		"\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
	return how == PRETOKEN_LLAMA3 ? llama3 : how == PRETOKEN_QWEN2 ? qwen2 : NULL;
}

/* A regular expression is recognised, not interpreted. */
static int read_split(struct vocab *v, const json_t *p, struct err *e)
{
	const char *regex = json_string_value(json_object_get(json_object_get(p, "pattern"), "Regex"));
	const char *behavior = json_string_value(json_object_get(p, "behavior"));
	bool isolated = behavior && !strcmp(behavior, "Isolated") && !json_is_true(json_object_get(p, "invert"));
	bool llama3 = regex && !strcmp(regex, pretoken_regex(PRETOKEN_LLAMA3));
	if (!regex || !isolated || (!llama3 && strcmp(regex, pretoken_regex(PRETOKEN_QWEN2))))
		return err_set(e, ERR_DATA,
			"%s: the pre-tokenizer splits by \"%.80s\"; attune supports the expressions of Llama 3 and Qwen 2, "
			"Isolated and not "
			"inverted",
			v->path, regex ? regex : "no Regex");
	v->pretoken = llama3 ? PRETOKEN_LLAMA3 : PRETOKEN_QWEN2;
	return 0;
}

static int read_pre_tokenizer(struct vocab *v, const json_t *p, struct err *e)
{
	const json_t *parts = json_object_get(p, "pretokenizers"), *first = json_array_get(parts, 0);
	bool split = !strcmp(type_of(first), "Split");
	if (strcmp(type_of(p), "Sequence"))
		return read_byte_level(v, p, true, e);
	if (json_array_size(parts) != 2 ||
		(!split && (strcmp(type_of(first), "Digits") || !json_is_true(json_object_get(first, "individual_digits")))))
		return err_set(e, ERR_DATA,
			"%s: expected the pre-tokenizers Digits with individual_digits true, or Split, then ByteLevel; found %zu "
			"starting "
			"with \"%s\"",
			v->path, json_array_size(parts), type_of(first));
	v->pretoken = PRETOKEN_SMOLLM;
	int rc = split ? read_split(v, first, e) : 0;
	return rc ? rc : read_byte_level(v, json_array_get(parts, 1), !split, e);
}

/* Qwen composes its text; nothing else is known. */
static int read_normalizer(struct vocab *v, const json_t *normalizer, struct err *e)
{
	v->nfc = !strcmp(type_of(normalizer), "NFC");
	if (is_set(normalizer) && !v->nfc)
		return err_set(e, ERR_DATA, "%s: normalizer \"%s\"; attune supports NFC", v->path, type_of(normalizer));
	return 0;
}

static bool is_text(const json_t *value, const char *text)
{
	return json_is_string(value) && !strcmp(json_string_value(value), text);
}

static const char BLOCK[] = "\xe2\x96\x81"; /* U+2581 */

/* A space becomes U+2581 before the text is cut; one may go in front. Nothing cuts the text: the Split of Gemma 3 finds no space. */
static int read_replace(struct vocab *v, const json_t *normalizer, const json_t *split, struct err *e)
{
	const json_t *parts = json_object_get(normalizer, "normalizers"), *replace = normalizer;
	if (json_array_size(parts) == 2 && !strcmp(type_of(json_array_get(parts, 0)), "Prepend")) {
		bool known = is_text(json_object_get(json_array_get(parts, 0), "prepend"), BLOCK);
		v->prefix = known ? PREFIX_ALWAYS : PREFIX_NONE;
		replace = known ? json_array_get(parts, 1) : NULL;
	}
	if (strcmp(type_of(replace), "Replace") || !is_text(json_object_get(json_object_get(replace, "pattern"), "String"), " ") ||
		!is_text(json_object_get(replace, "content"), BLOCK))
		return err_set(e, ERR_DATA,
			"%s: normalizer \"%s\" of a model with byte_fallback; attune supports Replace of \" \" by U+2581, alone or "
			"behind Prepend of U+2581, or none before the pre-tokenizer Metaspace",
			v->path, type_of(normalizer));
	if (is_set(split) &&
		(strcmp(type_of(split), "Split") || !is_text(json_object_get(json_object_get(split, "pattern"), "String"), " ")))
		return err_set(e, ERR_DATA,
			"%s: pre-tokenizer \"%s\" of a model with byte_fallback; attune supports none, Metaspace, and Split at \" "
			"\"",
			v->path, type_of(split));
	return 0;
}

/* A space becomes U+2581, one goes in front where none is, and unless `split` is false the text is cut before each. */
static int read_metaspace(struct vocab *v, const json_t *p, struct err *e)
{
	static const char *const schemes[] = {"never", "always", "first"};
	static const enum prefix prefixes[] = {PREFIX_NONE, PREFIX_UNSPACED, PREFIX_OPENING};
	const json_t *said = json_object_get(p, "prepend_scheme");
	const char *scheme = said ? json_string_value(said) : "always";
	size_t i = 0;
	while (i < 3 && !(scheme && !strcmp(scheme, schemes[i])))
		i++;
	if (i == 3 || (i && json_is_false(json_object_get(p, "add_prefix_space"))) ||
		!is_text(json_object_get(p, "replacement"), BLOCK))
		return err_set(e, ERR_DATA,
			"%s: the Metaspace pre-tokenizer: expected the replacement U+2581, a prepend_scheme of first, always or "
			"never, and no "
			"add_prefix_space that contradicts it",
			v->path);
	v->prefix = prefixes[i];
	v->split_spaces = !json_is_false(json_object_get(p, "split"));
	return 0;
}

/* SentencePiece's BPE. */
static int read_sentencepiece(struct vocab *v, const json_t *root, struct err *e)
{
	const json_t *normalizer = json_object_get(root, "normalizer"), *split = json_object_get(root, "pre_tokenizer");
	v->scheme = SCHEME_MERGES;
	if (v->ignore_merges)
		return err_set(e, ERR_DATA, "%s: ignore_merges with byte_fallback, which attune does not support", v->path);
	if (!strcmp(type_of(split), "Metaspace") && !is_set(normalizer))
		return read_metaspace(v, split, e);
	return read_replace(v, normalizer, split, e);
}

/* A template for single texts: the text alone, as younger transformers write, or the begin token and the text. */
static int read_template(struct vocab *v, const json_t *post, struct err *e)
{
	const json_t *single = json_object_get(post, "single"), *first = json_array_get(single, 0),
		     *last = json_array_get(single, 1);
	const char *name = json_string_value(json_object_get(json_object_get(first, "SpecialToken"), "id"));
	const json_t *ids = json_object_get(json_object_get(json_object_get(post, "special_tokens"), name ? name : ""), "ids");
	if (json_array_size(single) == 1 && json_is_object(json_object_get(first, "Sequence")))
		return 0;
	if (json_array_size(single) != 2 || !json_is_object(json_object_get(last, "Sequence")) || json_array_size(ids) != 1 ||
		!json_is_integer(json_array_get(ids, 0)))
		return err_set(e, ERR_DATA,
			"%s: TemplateProcessing: expected a template of the text alone, or of one token and the text", v->path);
	v->bos = json_integer_value(json_array_get(ids, 0));
	return 0;
}

static int read_post_processor(struct vocab *v, const json_t *post, struct err *e)
{
	const json_t *parts = json_object_get(post, "processors");
	if (!is_set(post) || !strcmp(type_of(post), "ByteLevel"))
		return 0;
	if (!strcmp(type_of(post), "TemplateProcessing"))
		return read_template(v, post, e);
	if (!strcmp(type_of(post), "Sequence") && json_array_size(parts) == 2 &&
		!strcmp(type_of(json_array_get(parts, 0)), "ByteLevel") &&
		!strcmp(type_of(json_array_get(parts, 1)), "TemplateProcessing"))
		return read_template(v, json_array_get(parts, 1), e);
	return err_set(e, ERR_DATA,
		"%s: post-processor \"%s\"; attune supports ByteLevel, TemplateProcessing, and both in this order", v->path,
		type_of(post));
}

/* What stands around the model in tokenizer.json. */
static int read_scheme(struct vocab *v, const json_t *root, const json_t *model, struct err *e)
{
	static const char *const inner[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix", NULL};
	if (strcmp(type_of(model), "BPE"))
		return err_set(e, ERR_DATA, "%s: tokenizer model \"%s\"; attune supports BPE", v->path, type_of(model));
	v->ignore_merges = json_is_true(json_object_get(model, "ignore_merges"));
	int rc = read_post_processor(v, json_object_get(root, "post_processor"), e);
	if (!rc)
		rc = refuse_set(v, "the BPE model", model, inner, e);
	if (!rc && json_is_true(json_object_get(model, "byte_fallback")))
		return read_sentencepiece(v, root, e);
	if (!rc)
		rc = read_normalizer(v, json_object_get(root, "normalizer"), e);
	return rc ? rc : read_pre_tokenizer(v, json_object_get(root, "pre_tokenizer"), e);
}

/* Gives `id` to the token `text`, unless it already is that one. */
static int token_set(struct vocab *v, const json_t *id, const char *text, size_t n, enum token_kind kind, struct err *e)
{
	json_int_t i = json_integer_value(id);
	if (!json_is_integer(id) || (size_t)i >= v->n_tokens)
		return err_set(e, ERR_DATA, "%s: token \"%.64s\": expected an id from 0 to %zu, found %lld", v->path, text,
			v->n_tokens - 1, (long long)i);
	struct vocab_token *token = &v->tokens[i];
	if (token->kind != TOKEN_NONE && (token->text.n != n || memcmp(token->text.p, text, n)))
		return err_set(e, ERR_DATA, "%s: tokens \"%.64s\" and \"%.64s\" share the id %lld", v->path, token->text.p, text,
			(long long)i);
	*token = (struct vocab_token){.text = {text, n}, .kind = kind};
	return 0;
}

static int read_added(struct vocab *v, const json_t *added, struct err *e)
{
	static const char *const unsupported[] = {"single_word", "lstrip", "rstrip", NULL};
	int rc = 0;
	for (size_t i = 0; i < json_array_size(added) && !rc; i++) {
		const json_t *a = json_array_get(added, i), *content = json_object_get(a, "content");
		if (!json_is_string(content))
			return err_set(e, ERR_DATA, "%s: added token %zu: expected a string \"content\"", v->path, i);
		rc = refuse_set(v, "an added token", a, unsupported, e);
		bool special = json_is_true(json_object_get(a, "special"));
		if (!rc && v->prefix == PREFIX_ALWAYS && !special && json_is_true(json_object_get(a, "normalized")))
			rc = err_set(e, ERR_DATA,
				"%s: added token \"%.64s\" is \"normalized\" and not special, which attune does not support with "
				"Prepend",
				v->path, json_string_value(content));
		if (!rc)
			rc = token_set(v, json_object_get(a, "id"), json_string_value(content), json_string_length(content),
				special ? TOKEN_CONTROL : TOKEN_USER, e);
	}
	return rc;
}

static int read_tokens(struct vocab *v, json_t *words, const json_t *added, struct err *e)
{
	const char *text;
	json_t *id;
	int rc = 0;
	v->n_tokens = json_object_size(words);
	for (size_t i = 0; i < json_array_size(added); i++) /* some files list them in both places */
		if (!json_object_get(words, json_string_value(json_object_get(json_array_get(added, i), "content"))))
			v->n_tokens++;
	if (!json_object_size(words) || v->n_tokens > VOCAB_MAX)
		return err_set(
			e, ERR_DATA, "%s: expected a vocabulary of 1 to %d tokens, found %zu", v->path, VOCAB_MAX, v->n_tokens);
	v->tokens = mem_alloc(v->n_tokens, sizeof *v->tokens, e);
	if (!v->tokens)
		return ERR_RESOURCE;
	json_object_foreach (words, text, id) {
		bool byte = v->scheme == SCHEME_MERGES && strlen(text) == 6 && !strncmp(text, "<0x", 3);
		rc = token_set(v, id, text, strlen(text), byte ? TOKEN_BYTE : TOKEN_NORMAL, e);
		if (rc)
			return rc;
	}
	return read_added(v, added, e);
}

/* Each merge is "left right", or ["left", "right"] in younger files. */
static int read_merges(struct vocab *v, const json_t *merges, struct err *e)
{
	v->n_merges = json_array_size(merges);
	if (!json_is_array(merges) || v->n_merges > VOCAB_MAX)
		return err_set(e, ERR_DATA, "%s: expected a list of up to %d merges, found %zu", v->path, VOCAB_MAX, v->n_merges);
	v->merges = mem_alloc(v->n_merges, sizeof *v->merges, e);
	if (!v->merges)
		return ERR_RESOURCE;
	for (size_t i = 0; i < v->n_merges; i++) {
		const json_t *m = json_array_get(merges, i), *left = json_array_get(m, 0), *right = json_array_get(m, 1);
		if (json_is_string(m)) {
			vocab_merge_split(v, i, (struct piece){json_string_value(m), json_string_length(m)});
		} else if (json_array_size(m) == 2 && json_is_string(left) && json_is_string(right)) {
			v->merges[i].left = (struct piece){json_string_value(left), json_string_length(left)};
			v->merges[i].right = (struct piece){json_string_value(right), json_string_length(right)};
		} else {
			return err_set(e, ERR_DATA, "%s: merge %zu: expected \"left right\" or [\"left\", \"right\"]", v->path, i);
		}
	}
	return 0;
}

/* The id of the token that tokenizer_config.json names as a string or as {"content": string}; -1 when it names none. */
static int read_named(const struct vocab *v, const json_t *config, const char *key, int64_t *id, struct err *e)
{
	const json_t *value = json_object_get(config, key);
	const char *text = json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
	*id = -1;
	if (!text)
		return 0;
	for (size_t i = 0; i < v->n_tokens; i++)
		if (v->tokens[i].kind == TOKEN_CONTROL && v->tokens[i].text.n == strlen(text) &&
			!memcmp(v->tokens[i].text.p, text, v->tokens[i].text.n))
			*id = (int64_t)i;
	if (*id < 0)
		return err_set(e, ERR_DATA, "%s: tokenizer_config.json names \"%.64s\" as its %s, which is no special token here",
			v->path, text, key);
	return 0;
}

/* generation_config.json may end generation at further tokens: an id or a list of them. */
static int read_generation(struct vocab *v, const char *dir, int64_t eog[EOG_MAX], struct err *e)
{
	char path[PATH_SIZE];
	json_t *config = NULL;
	int rc = json_open(&config, dir, "generation_config.json", true, path, e);
	const json_t *end = json_object_get(config, "eos_token_id");
	size_t n = json_is_array(end) ? json_array_size(end) : is_set(end);
	if (!rc && n > EOG_MAX)
		rc = err_set(e, ERR_DATA, "%s: %zu end tokens; the limit is %d", path, n, EOG_MAX);
	for (size_t i = 0; i < n && !rc; i++) {
		const json_t *id = json_is_array(end) ? json_array_get(end, i) : end;
		if (json_is_integer(id))
			eog[v->n_eog++] = json_integer_value(id);
		else
			rc = err_set(e, ERR_DATA, "%s: expected eos_token_id to be an integer or a list of integers", path);
	}
	json_decref(config);
	return rc;
}

static int read_special(struct vocab *v, const char *dir, int64_t eog[EOG_MAX], struct err *e)
{
	char path[PATH_SIZE];
	json_t *config = NULL;
	int rc = json_open(&config, dir, "tokenizer_config.json", true, path, e);
	if (!rc && json_is_true(json_object_get(config, "add_bos_token")))
		rc = read_named(v, config, "bos_token", &v->bos, e);
	if (!rc)
		rc = read_named(v, config, "eos_token", &v->eos, e);
	if (!rc)
		rc = read_generation(v, dir, eog, e);
	json_decref(config);
	return rc;
}

int tokenizer_from_hf(struct tokenizer **out, const char *dir, struct err *e)
{
	char path[PATH_SIZE];
	int64_t eog[EOG_MAX];
	struct vocab v = {.path = path, .bos = -1, .eos = -1, .eog = eog};
	json_t *root = NULL;
	*out = NULL;
	int rc = json_open(&root, dir, "tokenizer.json", false, path, e);
	json_t *model = json_object_get(root, "model");
	if (!rc)
		rc = read_scheme(&v, root, model, e);
	if (!rc)
		rc = read_tokens(&v, json_object_get(model, "vocab"), json_object_get(root, "added_tokens"), e);
	if (!rc)
		rc = read_merges(&v, json_object_get(model, "merges"), e);
	if (!rc)
		rc = read_special(&v, dir, eog, e);
	if (!rc)
		rc = tokenizer_build(out, &v, e);
	vocab_release(&v);
	json_decref(root);
	return rc;
}

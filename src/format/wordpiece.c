/*
 * BERT's uncased WordPiece tokenizer, from a folder's tokenizer.json. Text is cleaned, taken apart into base characters and accents
 * (Unicode NFD), the accents dropped, lower-cased, and cut at spaces and around punctuation and ideographs; of each word the longest
 * token that begins it is taken, then the longest that goes on with what is left, those with "##" in front. A word that cannot be spelt
 * so, or that is too long, is the unknown token. All of it goes by one character at a time: memory and time do not depend on the longest word.
 * References: Devlin et al. 2019; Hugging Face tokenizers, normalizers/bert.rs, pre_tokenizers/bert.rs, models/wordpiece.
 */
#include "format/wordpiece.h"

#include <string.h>
#include <utf8proc.h>

#include "format/format.h"
#include "format/json.h"
#include "format/tokenizer.h"
#include "format/unicode.h"

static const size_t FILE_MAX = (size_t)64 << 20;

enum { WORD_CHARS_MAX = 1000, PIECE_MAX = 4 * WORD_CHARS_MAX, PREFIX_BYTES = 2 };

struct wordpiece {
	json_t *root;
	const json_t *vocab; /* of root: token to id */
	size_t n_ids, word_chars,
		longest; /* one more than the largest id; characters of the longest word; bytes of the longest token */
	int32_t begin, end, unknown;
};

/* ---- loading ------------------------------------------------------------------------------------------------------------------ */

static const char *type_of(const json_t *object)
{
	const char *type = json_string_value(json_object_get(object, "type"));
	return type ? type : "none";
}

static int read_id(const struct wordpiece *w, const char *path, const char *token, int32_t *id, struct err *e)
{
	const json_t *value = token ? json_object_get(w->vocab, token) : NULL;
	*id = (int32_t)json_integer_value(value);
	return value ? 0 : err_set(e, ERR_DATA, "%s: the token \"%.64s\" is not in the vocabulary", path, token ? token : "");
}

/* [CLS] text [SEP] */
static int read_frame(struct wordpiece *w, const char *path, struct err *e)
{
	const json_t *post = json_object_get(w->root, "post_processor"), *single = json_object_get(post, "single");
	const char *name[2];
	for (size_t i = 0; i < 2; i++)
		name[i] = json_string_value(json_object_get(json_object_get(json_array_get(single, 2 * i), "SpecialToken"), "id"));
	if (strcmp(type_of(post), "TemplateProcessing") || json_array_size(single) != 3 || !name[0] || !name[1] ||
		!json_object_get(json_array_get(single, 1), "Sequence"))
		return err_set(e, ERR_DATA,
			"%s: the post-processor is \"%.40s\"; expected TemplateProcessing with one special token on either side",
			path, type_of(post));
	int rc = read_id(w, path, name[0], &w->begin, e);
	return rc ? rc : read_id(w, path, name[1], &w->end, e);
}

static int read_rules(const struct wordpiece *w, const char *path, struct err *e)
{
	const json_t *norm = json_object_get(w->root, "normalizer"), *model = json_object_get(w->root, "model"), *token;
	const char *prefix = json_string_value(json_object_get(model, "continuing_subword_prefix"));
	size_t i;
	if (strcmp(type_of(norm), "BertNormalizer") || !json_is_true(json_object_get(norm, "clean_text")) ||
		!json_is_true(json_object_get(norm, "handle_chinese_chars")) || !json_is_true(json_object_get(norm, "lowercase")) ||
		json_is_false(json_object_get(norm, "strip_accents")))
		return err_set(e, ERR_DATA,
			"%s: normalizer \"%.40s\"; expected BertNormalizer that cleans text, handles Chinese characters, strips "
			"accents and makes text lower case",
			path, type_of(norm));
	if (strcmp(type_of(json_object_get(w->root, "pre_tokenizer")), "BertPreTokenizer"))
		return err_set(e, ERR_DATA, "%s: pre-tokenizer \"%.40s\"; expected BertPreTokenizer", path,
			type_of(json_object_get(w->root, "pre_tokenizer")));
	if (!prefix || strcmp(prefix, "##"))
		return err_set(e, ERR_DATA, "%s: expected \"##\" as continuing_subword_prefix, found \"%.40s\"", path,
			prefix ? prefix : "none");
	json_array_foreach (json_object_get(w->root, "added_tokens"), i, token)
		if (!json_is_true(json_object_get(token, "special")))
			return err_set(e, ERR_DATA, "%s: added token %zu is not special; expected special ones only", path, i);
	return 0;
}

static int read_vocab(struct wordpiece *w, const char *path, struct err *e)
{
	const json_t *model = json_object_get(w->root, "model"), *most = json_object_get(model, "max_input_chars_per_word");
	const char *text;
	json_t *id;
	w->vocab = json_object_get(model, "vocab");
	if (strcmp(type_of(model), "WordPiece") || !json_object_size(w->vocab))
		return err_set(
			e, ERR_DATA, "%s: the model is \"%.40s\"; expected WordPiece with a vocabulary", path, type_of(model));
	json_object_foreach ((json_t *)(uintptr_t)w->vocab, text, id) {
		json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
		if (value < 0 || value >= VOCAB_MAX)
			return err_set(e, ERR_DATA,
				"%s: the id of token \"%.64s\" is %s; expected a whole number from 0 to below %d", path, text,
				json_is_integer(id) ? "out of range" : json_kind(id), VOCAB_MAX);
		w->n_ids = (size_t)value >= w->n_ids ? (size_t)value + 1 : w->n_ids;
		w->longest = strlen(text) > w->longest ? strlen(text) : w->longest;
	}
	if (!json_is_integer(most) || json_integer_value(most) < 1 || json_integer_value(most) > WORD_CHARS_MAX)
		return err_set(e, ERR_DATA, "%s: expected max_input_chars_per_word from 1 to %d", path, WORD_CHARS_MAX);
	w->word_chars = (size_t)json_integer_value(most);
	return read_id(w, path, json_string_value(json_object_get(model, "unk_token")), &w->unknown, e);
}

int wordpiece_open(struct wordpiece **out, const char *dir, struct err *e)
{
	char path[PATH_SIZE];
	struct wordpiece *w = mem_alloc(1, sizeof *w, e);
	int rc = w ? path_join(path, sizeof path, e, dir, "tokenizer.json") : ERR_RESOURCE;
	*out = NULL;
	if (!rc)
		rc = json_file(&w->root, path, FILE_MAX, e);
	if (!rc)
		rc = read_rules(w, path, e);
	if (!rc)
		rc = read_vocab(w, path, e);
	if (!rc)
		rc = read_frame(w, path, e);
	if (rc) {
		wordpiece_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

void wordpiece_free(struct wordpiece *w)
{
	if (!w)
		return;
	json_decref(w->root);
	mem_free(w);
}

size_t wordpiece_n_ids(const struct wordpiece *w)
{
	return w->n_ids;
}

/* ---- encoding ----------------------------------------------------------------------------------------------------------------- */

/* The word being read. */
struct word {
	const struct wordpiece *w;
	struct ids *out;
	size_t limit;      /* of ids in out, the end token not counted */
	size_t n, n_chars; /* of text; n_chars goes on counting where it is full */
	char text[PIECE_MAX];
};

static enum wordpiece_class class_of(uint32_t cp)
{
	size_t low = 0, high = wordpiece_n_ranges;
	while (low < high) { /* the first range that ends at cp or later */
		size_t middle = (low + high) / 2;
		if (wordpiece_ranges[middle].last < cp)
			low = middle + 1;
		else
			high = middle;
	}
	return low < wordpiece_n_ranges && wordpiece_ranges[low].first <= cp ? wordpiece_ranges[low].c : WORDPIECE_LETTER;
}

/* The longest token that text[at..) begins with, one of those with a prefix when at > 0; its end, or `at` when there is none. */
static size_t piece_end(const struct word *s, size_t at, int32_t *id)
{
	char key[PREFIX_BYTES + PIECE_MAX] = "##";
	size_t prefix = at ? PREFIX_BYTES : 0, room = s->w->longest - (prefix < s->w->longest ? prefix : s->w->longest);
	size_t end = s->n - at < room ? s->n : at + room;
	memcpy(key + prefix, s->text + at, end - at);
	for (; end > at; end--) {
		const json_t *value = json_object_getn(s->w->vocab, key, prefix + end - at);
		*id = (int32_t)json_integer_value(value);
		if (value)
			return end;
	}
	return at;
}

static int word_end(struct word *s, struct err *e)
{
	size_t before = s->out->n, at = 0, end = 0;
	int32_t id = 0;
	int rc = 0;
	for (; s->n_chars <= s->w->word_chars && at < s->n && !rc; at = end) {
		end = piece_end(s, at, &id);
		if (end == at)
			break;
		rc = ids_push(s->out, id, e);
	}
	if (!rc && at < s->n) {
		s->out->n = before;
		rc = ids_push(s->out, s->w->unknown, e);
	}
	s->n = s->n_chars = 0;
	s->out->n = s->out->n < s->limit ? s->out->n : s->limit;
	return rc;
}

static int word_add(struct word *s, uint32_t cp, struct err *e)
{
	bool alone = class_of(cp) == WORDPIECE_PUNCTUATION;
	int rc = alone ? word_end(s, e) : 0;
	if (s->n_chars++ < WORD_CHARS_MAX)
		s->n += utf8_put(cp, s->text + s->n);
	return !rc && alone ? word_end(s, e) : rc;
}

/* A character of the text: its parts in lower case, without accents. */
static int character_add(struct word *s, uint32_t cp, struct err *e)
{
	enum { PARTS_MAX = 32 }; /* canonical decompositions have at most four */
	utf8proc_int32_t part[PARTS_MAX];
	int boundary = 0, rc = 0;
	utf8proc_ssize_t n =
		utf8proc_decompose_char((utf8proc_int32_t)cp, part, PARTS_MAX, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &boundary);
	for (utf8proc_ssize_t i = 0; i < n && i < PARTS_MAX && !rc; i++)
		if (class_of((uint32_t)part[i]) != WORDPIECE_MARK)
			rc = word_add(s, (uint32_t)utf8proc_tolower(part[i]), e);
	return rc;
}

int wordpiece_encode(const struct wordpiece *w, const char *text, size_t n, size_t limit, struct ids *out, struct err *e)
{
	struct word s = {.w = w, .out = out, .limit = out->n + limit - 1};
	int rc = ids_push(out, w->begin, e);
	for (size_t at = 0; at < n && out->n < s.limit && !rc;) {
		uint32_t cp;
		size_t length = utf8_next(text + at, n - at, &cp);
		enum wordpiece_class c = length ? class_of(cp) : WORDPIECE_REMOVED;
		at += length ? length : 1;
		bool cuts = c == WORDPIECE_SPACE || c == WORDPIECE_IDEOGRAPH;
		if (cuts)
			rc = word_end(&s, e);
		if (!rc && c != WORDPIECE_SPACE && c != WORDPIECE_REMOVED)
			rc = character_add(&s, cp, e);
		if (!rc && c == WORDPIECE_IDEOGRAPH)
			rc = word_end(&s, e);
	}
	if (!rc)
		rc = word_end(&s, e);
	return rc ? rc : ids_push(out, w->end, e);
}

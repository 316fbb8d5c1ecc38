/*
 * The tokenizer in use: text to ids and back. tokenizer_build.c makes it; bpe.c merges.
 *
 * Byte-level vocabularies (GPT-2's scheme): a pre-tokenizer cuts the text into pieces, inside which bytes merge. SentencePiece's: there is
 * no pre-tokenizer, characters merge, and what the vocabulary lacks becomes byte tokens. Its U+2581 stands for a space; here it is one,
 * in tokens and in text. Tokens that the model's maker defined by their spelling are cut out first, the leftmost longest: by the `tokenizers`
 * library from the text as it is, by sentencepiece from the normalised text. Control tokens are never looked for in text.
 */
#include "format/tokenizer.h"

#include <string.h>

int ids_push(struct ids *v, int32_t id, struct err *e)
{
	if (mem_reserve(&v->p, v->n, &v->cap, sizeof *v->p, e))
		return ERR_RESOURCE;
	v->p[v->n++] = id;
	return 0;
}

void ids_release(struct ids *v)
{
	mem_free(v->p);
	*v = (struct ids){0};
}

/* ---- looking up ------------------------------------------------------------------------------------------------------------ */

static size_t pair_hash(int32_t left, int32_t right)
{
	uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
	return (size_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

struct merge *merge_slot(const struct tokenizer *t, int32_t left, int32_t right)
{
	size_t i = pair_hash(left, right) & t->merge_mask;
	while (t->merges[i].rank != NO_MERGE && (t->merges[i].left != left || t->merges[i].right != right))
		i = (i + 1) & t->merge_mask;
	return &t->merges[i];
}

const char *tokenizer_bytes(const struct tokenizer *t, int32_t id, size_t *n)
{
	if (id < 0 || (size_t)id >= t->n) {
		*n = 0;
		return "";
	}
	*n = t->start[id + 1] - t->start[id];
	return t->text + t->start[id];
}

size_t text_slot(const struct tokenizer *t, const char *p, size_t n)
{
	uint64_t hash = hash_bytes(p, n);
	size_t slot = (size_t)(hash ^ hash >> 32) & t->text_mask, length;
	for (; t->by_text[slot] >= 0; slot = (slot + 1) & t->text_mask) {
		const char *have = tokenizer_bytes(t, t->by_text[slot], &length);
		if (length == n && !memcmp(have, p, n))
			break;
	}
	return slot;
}

size_t tokenizer_n_vocab(const struct tokenizer *t)
{
	return t->n;
}

int32_t tokenizer_bos(const struct tokenizer *t)
{
	return t->bos;
}

int32_t tokenizer_eos(const struct tokenizer *t)
{
	return t->eos;
}

bool tokenizer_is_eog(const struct tokenizer *t, int32_t id)
{
	return id >= 0 && (size_t)id < t->n && t->eog[id];
}

/* Every token of the set that text starts with is one that the last token of no greater bytes than text starts with too, or that token itself. */
int32_t token_set_match(const struct tokenizer *t, const struct token_set *set, const char *text, size_t n, size_t *length)
{
	size_t low = 0, high = set->n, have_n, common = 0;
	const char *have;
	*length = 0;
	if (!n || !set->starts[(unsigned char)text[0]])
		return -1;
	while (low < high) { /* the first that is greater */
		size_t mid = (low + high) / 2;
		have = tokenizer_bytes(t, set->ids[mid], &have_n);
		int order = memcmp(have, text, have_n < n ? have_n : n);
		if (order < 0 || (!order && have_n <= n))
			low = mid + 1;
		else
			high = mid;
	}
	int32_t i = (int32_t)low - 1;
	if (i < 0)
		return -1;
	have = tokenizer_bytes(t, set->ids[i], &have_n);
	while (common < have_n && common < n && have[common] == text[common])
		common++;
	for (; i >= 0; i = set->shorter[i]) {
		tokenizer_bytes(t, set->ids[i], &have_n);
		if (have_n > common)
			continue;
		*length = have_n;
		return set->ids[i];
	}
	return -1;
}

int32_t tokenizer_control_at(const struct tokenizer *t, const char *text, size_t n, size_t *length)
{
	return token_set_match(t, &t->controls, text, n, length);
}

int32_t tokenizer_control(const struct tokenizer *t, const char *text, size_t n)
{
	size_t length;
	int32_t id = tokenizer_control_at(t, text, n, &length);
	return length == n ? id : -1;
}

/* ---- encoding -------------------------------------------------------------------------------------------------------------- */

/* Where the vocabulary's maker cut, or where no token has a space behind this byte: there a cut changes nothing and keeps pieces short. */
static size_t word_end(const struct tokenizer *t, const char *p, size_t n)
{
	size_t at = 1;
	while (at < n && (p[at] != ' ' || (t->before_space[(unsigned char)p[at - 1]] && !t->split_spaces)))
		at++;
	return at;
}

/* text[from..to), normalised and without user-defined tokens. */
static int encode_words(struct encoding *s, const char *text, size_t from, size_t to, struct err *e)
{
	const struct tokenizer *t = s->tokenizer;
	int rc = 0;
	for (size_t at = from, length; at < to && !rc; at += length) {
		const char *p = text + at;
		length = t->scheme == SCHEME_BYTES ? pretoken_next(p, to - at, t->pretoken) : word_end(t, p, to - at);
		rc = encoding_merge(s, p, length, at, e);
	}
	return rc;
}

/* text[from..to) without user-defined tokens. */
static int encode_stretch(struct encoding *s, const char *text, size_t from, size_t to, struct err *e)
{
	bool changed;
	int rc = text_normalize(
		s->tokenizer, (struct piece){text + from, to - from}, s->opens && !from, &s->normalized, &changed, e);
	if (rc || !changed)
		return rc ? rc : encode_words(s, text, from, to, e);
	s->base = from;
	s->map = s->normalized.map;
	rc = encode_words(s, s->normalized.text.p, 0, s->normalized.text.len, e);
	s->base = 0;
	s->map = NULL;
	return rc;
}

typedef int encode_fn(struct encoding *s, const char *text, size_t from, size_t to, struct err *e);

/* User-defined tokens as they are; what lies between them as `between` does it. */
static int encode_around_users(struct encoding *s, const char *text, size_t n, encode_fn *between, struct err *e)
{
	const struct tokenizer *t = s->tokenizer;
	int rc = 0;
	for (size_t at = 0; at < n && !rc;) {
		size_t user = at, length = 0;
		int32_t id = -1;
		while (user < n && (id = token_set_match(t, &t->users, text + user, n - user, &length)) < 0)
			user++;
		if (user > at)
			rc = between(s, text, at, user, e);
		if (!rc && id >= 0)
			rc = encoding_push(s, id, user + length, e);
		at = user + length;
	}
	return rc;
}

int tokenizer_encode_ends(
	const struct tokenizer *t, struct piece text, bool opens, struct ids *out, struct ids *ends, struct err *e)
{
	struct encoding s = {.tokenizer = t, .out = out, .ends = ends, .opens = opens};
	bool changed;
	int rc;
	if (text.n > INT32_MAX)
		return err_set(
			e, ERR_DATA, "text of %zu bytes is too long to tokenise at once; the limit is 2 GiB, split it", text.n);
	if (t->scheme != SCHEME_SCORES) {
		rc = encode_around_users(&s, text.p, text.n, encode_stretch, e);
	} else {
		rc = text_normalize(t, text, opens, &s.normalized, &changed, e);
		if (changed) {
			s.map = s.normalized.map;
			text = (struct piece){s.normalized.text.p, s.normalized.text.len};
		}
		if (!rc)
			rc = encode_around_users(&s, text.p, text.n, encode_words, e);
	}
	encoding_release(&s);
	return rc;
}

int tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, struct ids *out, struct err *e)
{
	return tokenizer_encode_ends(t, (struct piece){text, n}, true, out, NULL, e);
}

int tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n, bool with_control, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		size_t length;
		const char *p = tokenizer_bytes(t, ids[i], &length);
		if (ids[i] < 0 || (size_t)ids[i] >= t->n)
			return err_set(e, ERR_FAILED, "token id %d is not in the vocabulary of %zu", (int)ids[i], t->n);
		if ((with_control || t->kind[ids[i]] < TOKEN_CONTROL) && buf_append(out, p, length, e))
			return ERR_RESOURCE;
	}
	return 0;
}

void tokenizer_free(struct tokenizer *t)
{
	if (!t)
		return;
	mem_free(t->text);
	mem_free(t->start);
	mem_free(t->kind);
	mem_free(t->eog);
	mem_free(t->rank);
	mem_free(t->controls.ids);
	mem_free(t->controls.shorter);
	mem_free(t->users.ids);
	mem_free(t->users.shorter);
	mem_free(t->by_text);
	mem_free(t->merges);
	mem_free(t);
}

/*
 * A vocabulary, as a loader read it from a file, becomes a tokenizer: spellings become bytes, tables are filled, and what could not be
 * encoded or decoded with later is refused here.
 */
#include "format/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "format/unicode.h"

/*
 * GPT-2's alphabet writes each byte as a visible character: printable Latin-1 as itself, the other 68 bytes as U+0100 onwards in
 * their order. Turns that spelling into bytes, or returns false.
 */
static bool alphabet_decode(struct piece text, char *out, size_t *out_n)
{
	*out_n = 0;
	for (size_t at = 0, length; at < text.n; at += length) {
		uint32_t cp, byte;
		length = utf8_next(text.p + at, text.n - at, &cp);
		if (!length)
			return false;
		if ((cp >= 0x21 && cp <= 0x7e) || (cp >= 0xa1 && cp <= 0xac) || (cp >= 0xae && cp <= 0xff))
			byte = cp;
		else if (cp >= 0x100 && cp <= 0x120)
			byte = cp - 0x100;
		else if (cp >= 0x121 && cp <= 0x142)
			byte = cp - 0x121 + 0x7f;
		else if (cp == 0x143)
			byte = 0xad;
		else
			return false;
		out[(*out_n)++] = (char)byte;
	}
	return true;
}

void vocab_release(struct vocab *v)
{
	mem_free(v->tokens);
	mem_free(v->merges);
	*v = (struct vocab){0};
}

void vocab_merge_split(struct vocab *v, size_t i, struct piece line)
{
	const char *space = line.n ? memchr(line.p, ' ', line.n) : NULL;
	size_t left_n = space ? (size_t)(space - line.p) : line.n;
	v->merges[i].left = (struct piece){line.p, left_n};
	if (space)
		v->merges[i].right = (struct piece){space + 1, line.n - left_n - 1};
}

/* A power of two of at least twice n slots. */
static size_t table_size(size_t n)
{
	size_t size = 16;
	while (size < 2 * n)
		size *= 2;
	return size;
}

/* "<0x41>" */
static bool byte_decode(struct piece text, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *high, *low;
	if (text.n != 6 || memcmp(text.p, "<0x", 3) || text.p[5] != '>' || !text.p[3] || !text.p[4] ||
		!(high = strchr(digits, text.p[3])) || !(low = strchr(digits, text.p[4])))
		return false;
	*out = (char)((high - digits) * 16 + (low - digits));
	return true;
}

/* SentencePiece's U+2581 is a space. */
static size_t spaces_decode(struct piece text, char *out)
{
	size_t n = 0;
	for (size_t at = 0; at < text.n; n++) {
		bool block = text.n - at >= 3 && !memcmp(text.p + at, "\xe2\x96\x81", 3);
		out[n] = block ? ' ' : text.p[at];
		at += block ? 3 : 1;
	}
	return n;
}

/* The bytes that a token's spelling means, which are no more than it has. False: it is misspelled. */
static bool spelling_decode(const struct vocab *v, struct piece text, enum token_kind kind, char *out, size_t *n)
{
	*n = text.n;
	if (kind == TOKEN_BYTE) {
		*n = 1;
		return byte_decode(text, out);
	}
	if (kind == TOKEN_NORMAL && v->scheme == SCHEME_BYTES)
		return alphabet_decode(text, out, n);
	if ((kind == TOKEN_NORMAL || kind == TOKEN_USER) && v->scheme != SCHEME_BYTES)
		*n = spaces_decode(text, out);
	else
		memcpy(out, text.p, text.n);
	return true;
}

static int build_alloc(struct tokenizer *t, const struct vocab *v, struct err *e)
{
	size_t bytes = 1, text_size = table_size(v->n_tokens), merge_size = table_size(v->n_merges);
	for (size_t i = 0; i < v->n_tokens; i++)
		if (!size_add(bytes, v->tokens[i].text.n, &bytes) || bytes > UINT32_MAX)
			return err_set(e, ERR_DATA, "%s: the vocabulary's tokens are longer than 4 GiB together", v->path);
	t->text = mem_alloc(bytes, 1, e);
	t->start = mem_alloc(v->n_tokens + 1, sizeof *t->start, e);
	t->kind = mem_alloc(v->n_tokens, sizeof *t->kind, e);
	t->eog = mem_alloc(v->n_tokens, sizeof *t->eog, e);
	t->rank = v->scheme == SCHEME_SCORES ? mem_alloc(v->n_tokens, sizeof *t->rank, e) : NULL;
	t->controls.ids = mem_alloc(v->n_tokens, sizeof *t->controls.ids, e);
	t->controls.shorter = mem_alloc(v->n_tokens, sizeof *t->controls.shorter, e);
	t->users.ids = mem_alloc(v->n_tokens, sizeof *t->users.ids, e);
	t->users.shorter = mem_alloc(v->n_tokens, sizeof *t->users.shorter, e);
	t->by_text = mem_alloc(text_size, sizeof *t->by_text, e);
	t->merges = mem_alloc(merge_size, sizeof *t->merges, e);
	if (!t->text || !t->start || !t->kind || !t->eog || (!t->rank && v->scheme == SCHEME_SCORES) || !t->controls.ids ||
		!t->controls.shorter || !t->users.ids || !t->users.shorter || !t->by_text || !t->merges)
		return ERR_RESOURCE;
	memset(t->by_text, 0xff, text_size * sizeof *t->by_text);
	memset(t->byte_id, 0xff, sizeof t->byte_id);
	t->text_mask = text_size - 1;
	t->merge_mask = merge_size - 1;
	for (size_t i = 0; i < merge_size; i++)
		t->merges[i].rank = NO_MERGE;
	return 0;
}

/* A token that merging makes, and every single character and byte. */
static int mergeable_add(struct tokenizer *t, const struct vocab *v, size_t i, struct err *e)
{
	size_t n;
	const char *p = tokenizer_bytes(t, (int32_t)i, &n);
	size_t slot = text_slot(t, p, n);
	if (t->by_text[slot] >= 0)
		return err_set(e, ERR_DATA, "%s: tokens %d and %zu are the same", v->path, (int)t->by_text[slot], i);
	t->by_text[slot] = (int32_t)i;
	t->longest = n > t->longest ? n : t->longest;
	for (size_t k = 1; k < n; k++)
		if (p[k] == ' ')
			t->before_space[(unsigned char)p[k - 1]] = true;
	if (n == 1 && v->scheme == SCHEME_BYTES)
		t->byte_id[(unsigned char)p[0]] = (int32_t)i;
	return 0;
}

static int token_add(struct tokenizer *t, const struct vocab *v, size_t i, struct err *e)
{
	const struct vocab_token *token = &v->tokens[i];
	char *p = t->text + t->start[i];
	size_t n = token->text.n;
	if (token->kind == TOKEN_NONE)
		return err_set(
			e, ERR_DATA, "%s: no token has the id %zu, though the vocabulary holds %zu", v->path, i, v->n_tokens);
	if (!n)
		return err_set(e, ERR_DATA, "%s: token %zu is empty", v->path, i);
	if (n > TOKEN_BYTES_MAX)
		return err_set(e, ERR_DATA, "%s: token %zu (\"%.64s\"...) is %zu bytes long; the limit is %d", v->path, i,
			token->text.p, n, TOKEN_BYTES_MAX);
	if (!spelling_decode(v, token->text, token->kind, p, &n))
		return err_set(e, ERR_DATA, "%s: token %zu (\"%.*s\") is not spelled %s", v->path, i, n < 64 ? (int)n : 64,
			token->text.p, token->kind == TOKEN_BYTE ? "as a byte, \"<0x41>\"" : "in the alphabet of byte-level BPE");
	if (token->kind == TOKEN_USER &&
		!utf8_is_valid(token->text.p, token->text.n)) /* it would cut characters of the text apart */
		return err_set(
			e, ERR_DATA, "%s: token %zu is user-defined and got bytes that are no text, expected UTF-8", v->path, i);
	t->start[i + 1] = t->start[i] + (uint32_t)n;
	t->kind[i] = (uint8_t)token->kind;
	t->n = i + 1;
	if (token->kind == TOKEN_CONTROL)
		t->controls.ids[t->controls.n++] = (int32_t)i;
	if (token->kind == TOKEN_USER && !(v->scheme == SCHEME_MERGES && memmem(token->text.p, token->text.n, "\xe2\x96\x81", 3)))
		t->users.ids[t->users.n++] = (int32_t)i;
	if (token->kind == TOKEN_BYTE)
		t->byte_id[(unsigned char)p[0]] = (int32_t)i;
	if (token->kind == TOKEN_NORMAL || (token->kind == TOKEN_USER && v->scheme != SCHEME_BYTES))
		return mergeable_add(t, v, i, e);
	return 0;
}

/* Plain text must never be lost: a vocabulary of another kind lacks most of these. */
static int check_bytes(const struct tokenizer *t, const struct vocab *v, struct err *e)
{
	bool level = v->scheme == SCHEME_BYTES;
	for (unsigned c = level ? ' ' : 0; c <= (level ? '~' : 0xff); c++)
		if (t->byte_id[c] < 0)
			return err_set(e, ERR_DATA, "%s: no token for the byte 0x%02x; this is not a %s vocabulary", v->path, c,
				level ? "byte-level BPE" : "SentencePiece BPE");
	return 0;
}

static int by_bytes(const void *a, const void *b, void *tokenizer)
{
	size_t a_n, b_n;
	const char *a_p = tokenizer_bytes(tokenizer, *(const int32_t *)a, &a_n);
	const char *b_p = tokenizer_bytes(tokenizer, *(const int32_t *)b, &b_n);
	int order = memcmp(a_p, b_p, a_n < b_n ? a_n : b_n);
	if (order || a_n != b_n)
		return order ? order : a_n > b_n ? 1 : -1;
	return *(const int32_t *)b - *(const int32_t *)a; /* of equal ones the first is found */
}

static bool starts_with(const struct tokenizer *t, int32_t id, int32_t beginning)
{
	size_t n, beginning_n;
	const char *p = tokenizer_bytes(t, id, &n), *q = tokenizer_bytes(t, beginning, &beginning_n);
	return n >= beginning_n && !memcmp(p, q, beginning_n);
}

static void set_sort(struct tokenizer *t, struct token_set *set)
{
	qsort_r(set->ids, set->n, sizeof *set->ids, by_bytes, t);
	for (size_t i = 0, n; i < set->n; i++) {
		int32_t shorter = (int32_t)i - 1; /* what begins token i comes before it, and begins all between */
		while (shorter >= 0 && !starts_with(t, set->ids[i], set->ids[shorter]))
			shorter = set->shorter[shorter];
		set->shorter[i] = shorter;
		set->starts[(unsigned char)*tokenizer_bytes(t, set->ids[i], &n)] = true;
	}
}

static int by_score(const void *a, const void *b, void *vocab)
{
	const struct vocab_token *tokens = ((const struct vocab *)vocab)->tokens;
	float x = tokens[*(const int32_t *)a].score, y = tokens[*(const int32_t *)b].score;
	return (x < y) - (x > y);
}

/* Equal scores share a rank, so that the leftmost of them merges first. */
static int rank_scores(struct tokenizer *t, const struct vocab *v, struct err *e)
{
	int32_t *order = mem_alloc(t->n, sizeof *order, e);
	if (!order)
		return ERR_RESOURCE;
	for (size_t i = 0; i < t->n; i++)
		order[i] = (int32_t)i;
	qsort_r(order, t->n, sizeof *order, by_score, (void *)(uintptr_t)v);
	for (size_t i = 1; i < t->n; i++)
		t->rank[order[i]] = t->rank[order[i - 1]] +
			(v->tokens[order[i]].score < v->tokens[order[i - 1]].score); /* a zeroed block: the first has rank 0 */
	mem_free(order);
	return 0;
}

/* The id of a merge's side or result given as bytes. */
static int merge_token(
	const struct tokenizer *t, const struct vocab *v, size_t i, const char *p, size_t n, int32_t *id, struct err *e)
{
	*id = t->by_text[text_slot(t, p, n)];
	if (*id < 0 && (*id = tokenizer_control(t, p, n)) < 0)
		return err_set(e, ERR_DATA, "%s: merge %zu (\"%.*s\" + \"%.*s\") names a token that the vocabulary does not have",
			v->path, i, v->merges[i].left.n < 64 ? (int)v->merges[i].left.n : 64, v->merges[i].left.p,
			v->merges[i].right.n < 64 ? (int)v->merges[i].right.n : 64, v->merges[i].right.p);
	return 0;
}

static int merge_add(struct tokenizer *t, const struct vocab *v, size_t i, struct buf *bytes, struct err *e)
{
	struct piece left = v->merges[i].left, right = v->merges[i].right;
	int32_t left_id, right_id, result;
	size_t left_n, right_n;
	if (left.n > TOKEN_BYTES_MAX || right.n > TOKEN_BYTES_MAX)
		return err_set(e, ERR_DATA, "%s: merge %zu names a token of more than %d bytes", v->path, i, TOKEN_BYTES_MAX);
	if (!left.n || !right.n)
		return err_set(e, ERR_DATA, "%s: merge %zu: expected two tokens with a space between", v->path, i);
	buf_clear(bytes);
	if (buf_append(bytes, left.p, left.n, e) || buf_append(bytes, right.p, right.n, e)) /* room: the bytes are no longer */
		return ERR_RESOURCE;
	if (!spelling_decode(v, left, TOKEN_NORMAL, bytes->p, &left_n) ||
		!spelling_decode(v, right, TOKEN_NORMAL, bytes->p + left_n, &right_n))
		return err_set(e, ERR_DATA, "%s: merge %zu is not spelled in the alphabet of byte-level BPE", v->path, i);
	if (merge_token(t, v, i, bytes->p, left_n, &left_id, e) || merge_token(t, v, i, bytes->p + left_n, right_n, &right_id, e) ||
		merge_token(t, v, i, bytes->p, left_n + right_n, &result, e))
		return ERR_DATA;
	if (t->kind[left_id] == TOKEN_CONTROL || t->kind[right_id] == TOKEN_CONTROL || t->kind[result] == TOKEN_CONTROL)
		return 0; /* real files have such merges; text forms no control token */
	struct merge *slot = merge_slot(t, left_id, right_id);
	if (slot->rank != NO_MERGE)
		return err_set(e, ERR_DATA, "%s: merge %zu repeats merge %u", v->path, i, (unsigned)slot->rank);
	*slot = (struct merge){left_id, right_id, result, (uint32_t)i};
	return 0;
}

/* The ids that end a turn or a text: the named ones, and the spellings that models use without naming them. */
static int end_tokens(struct tokenizer *t, const struct vocab *v, struct err *e)
{
	static const char *const spelled[] = {
		"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|end|>", "<end_of_turn>"};
	if (v->bos >= (int64_t)t->n || v->eos >= (int64_t)t->n)
		return err_set(e, ERR_DATA, "%s: begin token %lld or end token %lld is beyond the vocabulary of %zu", v->path,
			(long long)v->bos, (long long)v->eos, t->n);
	t->bos = (int32_t)v->bos;
	t->eos = (int32_t)v->eos;
	if (t->eos >= 0)
		t->eog[t->eos] = true;
	for (size_t i = 0; i < v->n_eog; i++) {
		if (v->eog[i] < 0 || v->eog[i] >= (int64_t)t->n)
			return err_set(e, ERR_DATA, "%s: end token %lld is not in the vocabulary of %zu", v->path,
				(long long)v->eog[i], t->n);
		t->eog[v->eog[i]] = true;
	}
	for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++) {
		int32_t id = tokenizer_control(t, spelled[i], strlen(spelled[i]));
		if (id >= 0)
			t->eog[id] = true;
	}
	return 0;
}

int tokenizer_build(struct tokenizer **out, const struct vocab *v, struct err *e)
{
	struct buf bytes = {0};
	int rc = 0;
	*out = NULL;
	struct tokenizer *t = mem_alloc(1, sizeof *t, e);
	if (!t)
		return ERR_RESOURCE;
	t->scheme = v->scheme;
	t->pretoken = v->pretoken;
	t->ignore_merges = v->ignore_merges;
	t->nfc = v->nfc;
	t->prefix = v->prefix;
	t->split_spaces = v->split_spaces;
	rc = build_alloc(t, v, e);
	for (size_t i = 0; i < v->n_tokens && !rc; i++)
		rc = token_add(t, v, i, e);
	if (!rc)
		rc = check_bytes(t, v, e);
	if (!rc) {
		set_sort(t, &t->controls);
		set_sort(t, &t->users);
	}
	for (size_t i = 0; i < v->n_merges && !rc; i++)
		rc = merge_add(t, v, i, &bytes, e);
	if (!rc && t->rank)
		rc = rank_scores(t, v, e);
	if (!rc)
		rc = end_tokens(t, v, e);
	buf_release(&bytes);
	if (rc)
		tokenizer_free(t);
	else
		*out = t;
	return rc;
}

/*
 * Byte-level byte-pair encoding: text to ids and back.
 *
 * A pre-tokenizer cuts the text into pieces. A piece starts as one symbol a byte; the pair of neighbours whose merge has the
 * lowest rank, the leftmost of equals, becomes one symbol, until no pair can merge. Symbols are a linked list inside an array
 * and the pairs wait in a heap, so that a piece of n bytes takes O(n log n). Reference: Sennrich et al. 2016; openai/gpt-2,
 * encoder.py.
 *
 * Some vocabularies lack bytes that never met the training text (SmolLM2: 16 that only malformed or unassigned text has, and five
 * C0 controls). The reference tokenizer leaves such bytes out, and so does this one.
 */
#include "format/tokenizer.h"

#include <string.h>

#include "format/pretokenizer.h"
#include "format/unicode.h"

enum { CONTROLS_MAX = 16384 }; /* they are searched one by one */
static const uint32_t NO_MERGE = UINT32_MAX;

struct merge {
	int32_t left, right, result;
	uint32_t rank; /* NO_MERGE: an empty slot */
};

struct tokenizer {
	char *text;      /* the bytes of all tokens, end to end */
	uint32_t *start; /* [n + 1] into text */
	uint8_t *kind;   /* [n] enum token_kind */
	bool *eog;       /* [n] */
	size_t n;
	int32_t *controls; /* [n_controls], the longest first */
	size_t n_controls;
	bool control_starts[256]; /* by first byte */
	int32_t byte_id[256];     /* -1: not in the vocabulary */
	struct merge *merges;     /* open addressing, merge_mask + 1 slots */
	size_t merge_mask;
	int32_t *by_text; /* open addressing over normal tokens, -1 empty; only while building */
	size_t text_mask;
	int32_t bos, eos;
	bool split_digits;
};

int ids_push(struct ids *v, int32_t id, struct err *e)
{
	if (v->n == v->cap) {
		size_t cap = v->cap ? 2 * v->cap : 64;
		if (mem_resize(&v->p, v->n, cap, sizeof *v->p, e))
			return ERR_RESOURCE;
		v->cap = cap;
	}
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

/* The slot of the pair, or the empty slot where it would be. */
static struct merge *merge_slot(const struct tokenizer *t, int32_t left, int32_t right)
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

/* The slot in by_text of the normal token with these bytes, or the empty slot where it would be. */
static size_t text_slot(const struct tokenizer *t, const char *p, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)p[i]) * 0x100000001b3u;
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

int32_t tokenizer_control_at(const struct tokenizer *t, const char *text, size_t n, size_t *length)
{
	*length = 0;
	if (!n || !t->control_starts[(unsigned char)text[0]])
		return -1;
	for (size_t i = 0; i < t->n_controls; i++) {
		size_t have_n;
		const char *have = tokenizer_bytes(t, t->controls[i], &have_n);
		if (have_n <= n && !memcmp(have, text, have_n)) {
			*length = have_n;
			return t->controls[i];
		}
	}
	return -1;
}

int32_t tokenizer_control(const struct tokenizer *t, const char *text, size_t n)
{
	size_t length;
	int32_t id = tokenizer_control_at(t, text, n, &length);
	return length == n ? id : -1;
}

/* ---- encoding -------------------------------------------------------------------------------------------------------------- */

struct symbol {
	int32_t id;              /* -1: merged into the one before */
	uint32_t previous, next; /* NO_SYMBOL at the ends */
	uint32_t rank;           /* of the merge with `next`; NO_MERGE */
	int32_t result;          /* of that merge */
};
static const uint32_t NO_SYMBOL = UINT32_MAX;

/* What a piece needs; grows to the longest piece. */
struct scratch {
	struct symbol *symbols;
	uint64_t *heap; /* rank << 32 | symbol; the least on top */
	size_t cap, n_heap;
};

static void scratch_release(struct scratch *s)
{
	mem_free(s->symbols);
	mem_free(s->heap);
}

/* A piece of n symbols makes at most n - 1 pairs at first and two with every merge: 3 n entries. */
static int scratch_grow(struct scratch *s, size_t n, struct err *e)
{
	if (n <= s->cap)
		return 0;
	size_t cap = n < 64 ? 64 : n, n_heap;
	scratch_release(s);
	*s = (struct scratch){0};
	if (!size_mul(cap, 3, &n_heap))
		return err_set(e, ERR_RESOURCE, "out of memory: a word of %zu bytes overflows a size", n);
	s->symbols = mem_alloc(cap, sizeof *s->symbols, e);
	s->heap = s->symbols ? mem_alloc(n_heap, sizeof *s->heap, e) : NULL;
	if (!s->heap)
		return ERR_RESOURCE;
	s->cap = cap;
	return 0;
}

static void heap_push(struct scratch *s, uint64_t key)
{
	size_t i = s->n_heap++;
	for (; i && s->heap[(i - 1) / 2] > key; i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = key;
}

static uint64_t heap_pop(struct scratch *s)
{
	uint64_t top = s->heap[0], key = s->heap[--s->n_heap];
	size_t i = 0, child;
	while ((child = 2 * i + 1) < s->n_heap) {
		child += child + 1 < s->n_heap && s->heap[child + 1] < s->heap[child];
		if (s->heap[child] >= key)
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = key;
	return top;
}

/* Looks up the merge of symbol i with the one behind it. */
static void pair_update(const struct tokenizer *t, struct scratch *s, uint32_t i)
{
	struct symbol *a = &s->symbols[i];
	a->rank = NO_MERGE;
	if (a->next == NO_SYMBOL)
		return;
	const struct merge *m = merge_slot(t, a->id, s->symbols[a->next].id);
	a->rank = m->rank;
	a->result = m->result;
	if (m->rank != NO_MERGE)
		heap_push(s, (uint64_t)m->rank << 32 | i);
}

/* Merges until nothing can; entries of pairs that have changed since they were pushed are told by their rank. */
static void merge_all(const struct tokenizer *t, struct scratch *s)
{
	while (s->n_heap) {
		uint64_t key = heap_pop(s);
		struct symbol *a = &s->symbols[(uint32_t)key];
		if (a->id < 0 || a->rank != key >> 32)
			continue;
		struct symbol *b = &s->symbols[a->next];
		a->id = a->result;
		a->next = b->next;
		b->id = -1;
		if (b->next != NO_SYMBOL)
			s->symbols[b->next].previous = (uint32_t)key;
		pair_update(t, s, (uint32_t)key);
		if (a->previous != NO_SYMBOL)
			pair_update(t, s, a->previous);
	}
}

/* One piece; `offset` is where it lies in the text. A token ends where the next one starts. */
static int encode_piece(const struct tokenizer *t, struct scratch *s, const char *p, size_t n, size_t offset, struct ids *out,
	struct ids *ends, struct err *e)
{
	uint32_t first = NO_SYMBOL, last = NO_SYMBOL;
	if (scratch_grow(s, n, e))
		return ERR_RESOURCE;
	for (uint32_t i = 0; i < n; i++) {
		int32_t id = t->byte_id[(unsigned char)p[i]];
		if (id < 0)
			continue;
		s->symbols[i] = (struct symbol){.id = id, .previous = last, .next = NO_SYMBOL, .rank = NO_MERGE};
		if (last == NO_SYMBOL)
			first = i;
		else
			s->symbols[last].next = i;
		last = i;
	}
	s->n_heap = 0;
	for (uint32_t i = first; i != NO_SYMBOL; i = s->symbols[i].next)
		pair_update(t, s, i);
	merge_all(t, s);
	for (uint32_t i = first; i != NO_SYMBOL; i = s->symbols[i].next) {
		size_t end = offset + (s->symbols[i].next == NO_SYMBOL ? n : s->symbols[i].next);
		if (ids_push(out, s->symbols[i].id, e) || (ends && ids_push(ends, (int32_t)end, e)))
			return ERR_RESOURCE;
	}
	return 0;
}

int tokenizer_encode_ends(const struct tokenizer *t, const char *text, size_t n, struct ids *out, struct ids *ends, struct err *e)
{
	struct scratch s = {0};
	int rc = 0;
	if (n > INT32_MAX)
		return err_set(e, ERR_DATA, "text of %zu bytes is too long to tokenise at once; the limit is 2 GiB, split it", n);
	for (size_t at = 0; at < n && !rc;) {
		size_t length = pretoken_next(text + at, n - at, t->split_digits);
		rc = encode_piece(t, &s, text + at, length, at, out, ends, e);
		at += length;
	}
	scratch_release(&s);
	return rc;
}

int tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, struct ids *out, struct err *e)
{
	return tokenizer_encode_ends(t, text, n, out, NULL, e);
}

int tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n, bool with_control, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		size_t length;
		const char *p = tokenizer_bytes(t, ids[i], &length);
		if (ids[i] < 0 || (size_t)ids[i] >= t->n)
			return err_set(e, ERR_FAILED, "token id %d is not in the vocabulary of %zu", (int)ids[i], t->n);
		if ((with_control || t->kind[ids[i]] == TOKEN_NORMAL) && buf_append(out, p, length, e))
			return ERR_RESOURCE;
	}
	return 0;
}

/* ---- building -------------------------------------------------------------------------------------------------------------- */

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
	t->controls = mem_alloc(v->n_tokens, sizeof *t->controls, e);
	t->by_text = mem_alloc(text_size, sizeof *t->by_text, e);
	t->merges = mem_alloc(merge_size, sizeof *t->merges, e);
	if (!t->text || !t->start || !t->kind || !t->eog || !t->controls || !t->by_text || !t->merges)
		return ERR_RESOURCE;
	memset(t->by_text, 0xff, text_size * sizeof *t->by_text);
	memset(t->byte_id, 0xff, sizeof t->byte_id);
	t->text_mask = text_size - 1;
	t->merge_mask = merge_size - 1;
	for (size_t i = 0; i < merge_size; i++)
		t->merges[i].rank = NO_MERGE;
	return 0;
}

/* Control tokens are few and asked for by their longest match. */
static void control_add(struct tokenizer *t, int32_t id)
{
	size_t i = t->n_controls++, n, length;
	tokenizer_bytes(t, id, &n);
	for (; i && (tokenizer_bytes(t, t->controls[i - 1], &length), length < n); i--)
		t->controls[i] = t->controls[i - 1];
	t->controls[i] = id;
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
	if (token->kind != TOKEN_NORMAL)
		memcpy(p, token->text.p, n);
	else if (!alphabet_decode(token->text, p, &n))
		return err_set(e, ERR_DATA, "%s: token %zu (\"%.*s\") is not spelled in the alphabet of byte-level BPE", v->path, i,
			n < 64 ? (int)n : 64, token->text.p);
	t->start[i + 1] = t->start[i] + (uint32_t)n;
	t->kind[i] = (uint8_t)token->kind;
	t->n = i + 1;
	if (token->kind == TOKEN_CONTROL) {
		if (t->n_controls == CONTROLS_MAX)
			return err_set(e, ERR_DATA, "%s: more than %d control tokens", v->path, CONTROLS_MAX);
		control_add(t, (int32_t)i);
		t->control_starts[(unsigned char)p[0]] = true;
	} else if (token->kind == TOKEN_NORMAL) {
		size_t slot = text_slot(t, p, n);
		if (t->by_text[slot] >= 0)
			return err_set(e, ERR_DATA, "%s: tokens %d and %zu are the same", v->path, (int)t->by_text[slot], i);
		t->by_text[slot] = (int32_t)i;
		if (n == 1)
			t->byte_id[(unsigned char)p[0]] = (int32_t)i;
	}
	return 0;
}

/* The id of a merge's side or result given as bytes; only normal tokens count, so that no merge can form a control token. */
static int merge_token(
	const struct tokenizer *t, const struct vocab *v, size_t i, const char *p, size_t n, int32_t *id, struct err *e)
{
	*id = t->by_text[text_slot(t, p, n)];
	if (*id < 0)
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
	if (!left.n || !right.n)
		return err_set(e, ERR_DATA, "%s: merge %zu: expected two tokens with a space between", v->path, i);
	buf_clear(bytes);
	if (buf_append(bytes, left.p, left.n, e) || buf_append(bytes, right.p, right.n, e)) /* room: the bytes are no longer */
		return ERR_RESOURCE;
	if (!alphabet_decode(left, bytes->p, &left_n) || !alphabet_decode(right, bytes->p + left_n, &right_n))
		return err_set(e, ERR_DATA, "%s: merge %zu is not spelled in the alphabet of byte-level BPE", v->path, i);
	if (merge_token(t, v, i, bytes->p, left_n, &left_id, e) || merge_token(t, v, i, bytes->p + left_n, right_n, &right_id, e) ||
		merge_token(t, v, i, bytes->p, left_n + right_n, &result, e))
		return ERR_DATA;
	struct merge *slot = merge_slot(t, left_id, right_id);
	if (slot->rank != NO_MERGE)
		return err_set(e, ERR_DATA, "%s: merge %zu repeats merge %u", v->path, i, (unsigned)slot->rank);
	*slot = (struct merge){left_id, right_id, result, (uint32_t)i};
	return 0;
}

/* The ids that end a turn or a text: the named ones, and the two spellings that models use without naming them. */
static int end_tokens(struct tokenizer *t, const struct vocab *v, struct err *e)
{
	static const char *const spelled[] = {"<|im_end|>", "<|endoftext|>"};
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
	t->split_digits = v->split_digits;
	rc = build_alloc(t, v, e);
	for (size_t i = 0; i < v->n_tokens && !rc; i++)
		rc = token_add(t, v, i, e);
	for (unsigned c = ' '; c <= '~' && !rc; c++) /* a vocabulary of another kind lacks most of these */
		if (t->byte_id[c] < 0)
			rc = err_set(e, ERR_DATA, "%s: no token for the byte 0x%02x; this is not a byte-level BPE vocabulary",
				v->path, c);
	for (size_t i = 0; i < v->n_merges && !rc; i++)
		rc = merge_add(t, v, i, &bytes, e);
	if (!rc)
		rc = end_tokens(t, v, e);
	buf_release(&bytes);
	mem_free(t->by_text);
	t->by_text = NULL;
	if (rc)
		tokenizer_free(t);
	else
		*out = t;
	return rc;
}

void tokenizer_free(struct tokenizer *t)
{
	if (!t)
		return;
	mem_free(t->text);
	mem_free(t->start);
	mem_free(t->kind);
	mem_free(t->eog);
	mem_free(t->controls);
	mem_free(t->by_text);
	mem_free(t->merges);
	mem_free(t);
}

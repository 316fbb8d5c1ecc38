/*
 * Names are found by counting: a word that is written with a capital inside sentences at least as often as without.
 */
#include "data/names.h"

#include <ctype.h>
#include <string.h>

struct entry {
	char *word; /* in small letters; NULL: free slot */
	char *spelling;
	size_t capital, small;        /* inside sentences */
	size_t uses, documents, last; /* of a name, anywhere; last: 1 + the document that counted it last */
};

struct names {
	struct arena arena;
	struct entry *slot; /* open addressing, a power of two, at most half full */
	size_t n_slots, n_used;
	const char *subject;
};

static uint64_t hash(const char *p, size_t n)
{
	uint64_t h = HASH_START;
	for (size_t i = 0; i < n; i++)
		h = hash_step(h, (unsigned char)tolower((unsigned char)p[i]));
	return h;
}

static struct entry *find(const struct names *n, const char *p, size_t len)
{
	size_t i = (size_t)hash(p, len) & (n->n_slots - 1);
	while (n->slot[i].word && !str_is((struct str){p, len}, n->slot[i].word))
		i = (i + 1) & (n->n_slots - 1);
	return &n->slot[i];
}

static int grow(struct names *n, struct err *e)
{
	struct entry *old = n->slot;
	size_t n_old = n->n_slots;
	struct entry *slot = mem_alloc(n_old ? 2 * n_old : 1024, sizeof *slot, e);
	if (!slot)
		return ERR_RESOURCE;
	n->slot = slot;
	n->n_slots = n_old ? 2 * n_old : 1024;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].word)
			*find(n, old[i].word, strlen(old[i].word)) = old[i];
	mem_free(old);
	return 0;
}

static int count(struct names *n, const struct word *w, struct err *e)
{
	if (2 * n->n_used >= n->n_slots && grow(n, e) < 0)
		return ERR_RESOURCE;
	struct entry *t = find(n, w->p, w->n);
	if (!t->word) {
		t->word = arena_strdup(&n->arena, w->p, w->n, e);
		if (!t->word)
			return ERR_RESOURCE;
		n->n_used++;
	}
	if (!isupper((unsigned char)w->p[0])) {
		t->small++;
		return 0;
	}
	if (!t->capital++ && !(t->spelling = arena_strdup(&n->arena, w->p, w->n, e)))
		return ERR_RESOURCE;
	return 0;
}

/* A sentence's first word says nothing, nor one behind a colon or a quotation mark. */
static int count_block(struct names *n, const struct block *b, struct err *e)
{
	struct str rest = {b->text, strlen(b->text)}, sentence;
	struct word w[SENTENCE_WORDS];
	while (sentence_next(&rest, &sentence)) {
		size_t n_words = words_split(sentence, w);
		for (size_t i = 1; i < n_words; i++)
			if (!w[i - 1].stop && word_is_plain(&w[i]) && count(n, &w[i], e) < 0)
				return ERR_RESOURCE;
	}
	return 0;
}

/* What starts a sentence counts here: it is known by now which words are names. */
static void count_uses(struct names *n, const struct block *b, size_t document)
{
	struct str rest = {b->text, strlen(b->text)}, sentence;
	struct word w[SENTENCE_WORDS];
	while (sentence_next(&rest, &sentence)) {
		size_t n_words = words_split(sentence, w);
		for (size_t i = 0; i < n_words; i++) {
			struct entry *t = find(n, w[i].p, w[i].n);
			if (!t->word || t->capital <= t->small || !isupper((unsigned char)w[i].p[0]))
				continue;
			t->uses++;
			t->documents += t->last != document + 1;
			t->last = document + 1;
		}
	}
}

static void choose_subject(struct names *n, size_t n_documents)
{
	const struct entry *best = NULL;
	for (size_t i = 0; i < n->n_slots; i++) {
		const struct entry *t = &n->slot[i];
		if (!t->spelling || t->capital <= t->small || 2 * t->documents < n_documents || t->uses < 2 || strlen(t->word) < 3)
			continue;
		if (!best || t->uses > best->uses || (t->uses == best->uses && strcmp(t->spelling, best->spelling) < 0))
			best = t;
	}
	n->subject = best ? best->spelling : "";
}

int names_new(struct names **out, const struct document *d, size_t n_documents, struct err *e)
{
	*out = NULL;
	struct names *n = mem_alloc(1, sizeof *n, e);
	int rc = n ? 0 : ERR_RESOURCE;
	if (rc < 0)
		return rc;
	arena_init(&n->arena, 1 << 16);
	rc = grow(n, e);
	size_t used[2] = {0}; /* dialogue, pages */
	for (size_t i = 0; i < n_documents; i++)
		used[d[i].kind == DOCUMENT_PAGE] += !d[i].skipped;
	/* Pages say what a collection is about: the hundreds of tickets beside them only where there are no pages. */
	bool pages = used[true] > 0;
	for (size_t i = 0; i < n_documents && rc == 0; i++)
		for (size_t k = 0; k < d[i].n_blocks && rc == 0 && pages == (d[i].kind == DOCUMENT_PAGE); k++)
			if (d[i].blocks[k].text && d[i].blocks[k].kind != BLOCK_CODE)
				rc = count_block(n, &d[i].blocks[k], e);
	if (rc < 0) {
		names_free(n);
		return rc;
	}
	for (size_t i = 0; i < n_documents; i++)
		for (size_t k = 0; k < d[i].n_blocks && pages == (d[i].kind == DOCUMENT_PAGE); k++)
			if (d[i].blocks[k].text && d[i].blocks[k].kind != BLOCK_CODE)
				count_uses(n, &d[i].blocks[k], i);
	choose_subject(n, used[pages]);
	*out = n;
	return 0;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	mem_free(n->slot);
	arena_release(&n->arena);
	mem_free(n);
}

bool names_has(const struct names *n, const struct word *w)
{
	const struct entry *t = find(n, w->p, w->n);
	return t->word && t->capital && t->capital >= t->small;
}

size_t names_documents(const struct names *n, const struct word *w)
{
	return find(n, w->p, w->n)->documents;
}

const char *names_subject(const struct names *n)
{
	return n->subject;
}

const char *names_lower_first(const struct names *n, struct arena *a, struct str s, struct err *e)
{
	char *copy = arena_strdup(a, s.p, s.n, e);
	size_t len = strcspn(copy ? copy : "", " ,.;:");
	if (!copy || !len || !isupper((unsigned char)copy[0]) || (len > 1 && !islower((unsigned char)copy[1]) && copy[1] != '-'))
		return copy;
	struct word first = {copy, len, false};
	if (!word_is(&first, "I") && (word_is_function(&first) || !names_has(n, &first)))
		copy[0] = (char)tolower((unsigned char)copy[0]);
	return copy;
}

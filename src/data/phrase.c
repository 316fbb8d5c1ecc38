/*
 * Filling patterns and turning one answer into an item with its questions.
 */
#include "data/phrase.h"

#include <ctype.h>
#include <string.h>

#include "data/vary.h"

/* Appends without doubling spaces and without one at the start or before punctuation. */
static int add(struct buf *b, const char *s, size_t n, struct err *e)
{
	bool space = !b->len || b->p[b->len - 1] == ' ';
	while (n && space && *s == ' ') {
		s++;
		n--;
	}
	if (n && b->len && space && strchr(",.?:;", *s))
		b->len--;
	return buf_append(b, s, n, e);
}

int phrase_fill(const char **out, const char *pattern, const struct parts *p, struct arena *a, struct err *e)
{
	struct buf b = {0};
	int rc = 0;
	size_t capital = 0; /* where the letter that must be a capital will go */
	*out = NULL;
	for (const char *s = pattern; *s && rc == 0; s++) {
		if (*s != '$') {
			rc = add(&b, s, 1, e);
		} else {
			const char *part = PART(p, toupper((unsigned char)*++s));
			if (part && *part)
				rc = add(&b, part, strlen(part), e);
			else if (isupper((unsigned char)*s))
				goto done;
		}
		if (capital < b.len && b.p[capital] != ' ')
			b.p[capital] = (char)toupper((unsigned char)b.p[capital]);
		if (*s == '.' && s[1] == ' ')
			capital = b.len + 1;
	}
	while (b.len && b.p[b.len - 1] == ' ')
		b.len--;
	if (rc == 0 && !(*out = arena_strdup(a, b.p ? b.p : "", b.len, e)))
		rc = ERR_RESOURCE;
done:
	buf_release(&b);
	return rc;
}

int items_add(struct items *v, const struct item *it, struct err *e)
{
	if (mem_reserve(&v->p, v->n, &v->cap, sizeof *v->p, e))
		return ERR_RESOURCE;
	v->p[v->n++] = *it;
	return 0;
}

int cores_add(struct cores *c, const char *const *patterns, size_t n, const struct parts *p, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < n && c->n < CORES_MAX; i++) {
		const char *made;
		int rc = phrase_fill(&made, patterns[i], p, a, e);
		if (rc < 0)
			return rc;
		for (size_t k = 0; made && k < c->n; k++)
			if (!strcmp(c->of[k], made))
				made = NULL;
		if (made)
			c->of[c->n++] = made;
	}
	return 0;
}

static bool is_asked(const struct item *it, size_t n, const char *question)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(it->questions[i], question))
			return true;
	return false;
}

/* How often each kind is asked, of ten phrasings of a fact. */
static const unsigned char share[] = {[ITEM_VALUE] = 10,
	[ITEM_CELL] = 8,
	[ITEM_DEFINITION] = 6,
	[ITEM_FAQ] = 6,
	[ITEM_HOWTO] = 4,
	[ITEM_STEP] = 2,
	[ITEM_SECTION] = 2,
	[ITEM_REPLY] = 3,
	[ITEM_STATEMENT] = 3,
	[ITEM_DENIAL] = 2,
	[ITEM_CONFIRMATION] = 2,
	[ITEM_UNKNOWN] = 2};

/* The string as long as the items live; the same string when it does already, or when the item before holds it. */
static const char *keep(const struct maker *m, const char *s, const char *before, struct err *e)
{
	if (!s || m->kept == m->arena)
		return s;
	return before && !strcmp(before, s) ? before : arena_strdup(m->kept, s, strlen(s), e);
}

/* Has everything that the item holds copied out of the stage's memory. `before`: the item before it, or NULL. */
static int item_keep(const struct maker *m, struct item *it, const struct item *before, struct err *e)
{
	const struct item from = *it;
	it->subject = keep(m, from.subject, NULL, e);
	it->value = keep(m, from.value, NULL, e);
	it->asks = keep(m, from.asks, before ? before->asks : NULL, e);
	it->answer = keep(m, from.answer, before ? before->answer : NULL, e);
	it->questions = arena_alloc(m->kept, 2 * from.n_questions, sizeof *it->questions, e);
	if (!it->questions || !it->answer != !from.answer || !it->subject != !from.subject || !it->value != !from.value ||
		!it->asks != !from.asks)
		return ERR_RESOURCE;
	it->cores = it->questions + from.n_questions;
	for (size_t i = 0; i < from.n_questions; i++) {
		size_t k = 0;
		while (from.cores[k] != from.cores[i])
			k++;
		it->questions[i] = keep(m, from.questions[i], NULL, e);
		it->cores[i] = k < i ? it->cores[k] : keep(m, from.cores[i], NULL, e);
		if (!it->questions[i] || !it->cores[i])
			return ERR_RESOURCE;
	}
	return 0;
}

int item_word(const struct maker *m, struct item *it, size_t number, const struct item *before, struct err *e)
{
	uint32_t order[CORES_MAX];
	size_t most = (m->options->n_phrasings * share[it->kind] + 9) / 10, n = it->n_questions;
	struct item item = *it;
	struct rng r;
	rng_init(&r, m->options->seed, RNG_DATA, (uint32_t)number, 0);
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	rng_shuffle(&r, order, n);
	bool reserves = n >= 3 && number % 8 == 0;
	item.n_questions = 0;
	item.reserved = reserves ? 0 : SIZE_MAX;
	item.questions = arena_alloc(m->arena, most, sizeof *item.questions, e);
	item.cores = arena_alloc(m->arena, most, sizeof *item.cores, e);
	if (!item.questions || !item.cores)
		return ERR_RESOURCE;
	/* The first core is asked once only when it is reserved: validation must not see its words. */
	for (size_t i = 0, k = 0; i < most; i++, k++) {
		const char *question, *from = it->cores[order[k % n]];
		if (reserves && k && k % n == 0)
			from = it->cores[order[++k % n]];
		int rc = question_vary(&question, from, m->names, &r, m->arena, e);
		if (rc < 0)
			return rc;
		if (!*question || is_asked(&item, item.n_questions, question))
			continue;
		item.cores[item.n_questions] = from;
		item.questions[item.n_questions++] = question;
	}
	int rc = item_keep(m, &item, before, e);
	if (rc == 0)
		*it = item;
	return rc;
}

int item_ask_cores(struct maker *m, const struct item *it, const struct cores *c, struct err *e)
{
	struct item item = *it;
	size_t n = m->items->n;
	if (!c->n)
		return 0;
	item.document = m->document;
	item.section = m->section;
	item.n_questions = c->n;
	if (!(item.cores = arena_alloc(m->arena, c->n, sizeof *item.cores, e)))
		return ERR_RESOURCE;
	memcpy(item.cores, c->of, c->n * sizeof *item.cores);
	int rc = m->words_later ? 0 : item_word(m, &item, n, n ? &m->items->p[n - 1] : NULL, e);
	return rc < 0 ? rc : items_add(m->items, &item, e);
}

int item_ask(struct maker *m, const struct item *it, const char *const *patterns, size_t n, const struct parts *p, struct err *e)
{
	struct cores c = {.n = 0};
	int rc = cores_add(&c, patterns, n, p, m->arena, e);
	return rc < 0 ? rc : item_ask_cores(m, it, &c, e);
}

/*
 * Filling patterns and turning one answer into an item with its questions.
 */
#include "data/phrase.h"

#include <ctype.h>
#include <string.h>

enum { PATTERNS_MAX = 32 };

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

static int items_add(struct items *v, const struct item *it, struct err *e)
{
	if (v->n == v->cap) {
		size_t cap = v->cap ? 2 * v->cap : 256;
		int rc = mem_resize(&v->p, v->cap, cap, sizeof *v->p, e);
		if (rc < 0)
			return rc;
		v->cap = cap;
	}
	v->p[v->n++] = *it;
	return 0;
}

int item_ask(struct maker *m, const struct item *it, const char *const *patterns, size_t n, const struct parts *p, struct err *e)
{
	const char *made[PATTERNS_MAX];
	uint32_t order[PATTERNS_MAX];
	size_t n_made = 0;
	struct item item = *it;
	struct rng r;
	int rc;

	for (size_t i = 0; i < n && i < PATTERNS_MAX; i++) {
		order[n_made] = (uint32_t)n_made;
		if ((rc = phrase_fill(&made[n_made], patterns[i], p, m->arena, e)) < 0)
			return rc;
		n_made += made[n_made] != NULL;
	}
	if (!n_made)
		return 0;
	rng_init(&r, m->options->seed, RNG_DATA, (uint32_t)m->items->n, 0);
	rng_shuffle(&r, order, n_made);
	item.n_questions = n_made < m->options->n_phrasings ? n_made : m->options->n_phrasings;
	item.reserved = item.n_questions >= 3 && rng_below(&r, 2) ? 0 : SIZE_MAX;
	item.questions = arena_alloc(m->arena, item.n_questions, sizeof *item.questions, e);
	if (!item.questions)
		return ERR_RESOURCE;
	for (size_t i = 0; i < item.n_questions; i++)
		item.questions[i] = made[order[i]];
	item.document = m->document;
	item.section = m->section;
	return items_add(m->items, &item, e);
}

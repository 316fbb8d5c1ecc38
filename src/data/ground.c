/*
 * Questions with passages in front, so that a tuned model reads what retrieval finds for it instead of reciting, and says also with the
 * passage before its eyes what is not so. Some passages do not hold the answer: then it must say that. Long rows cost time, hence not all.
 */
#include "data/ground.h"

#include <string.h>

#include "data/phrase.h"
#include "format/format.h"

/* At most as many passages as retrieval shows, and as long. */
enum { PASSAGES_MIN = 2, TRIES = 16, MISSING_ONE_IN = 5, SPAN_BYTES_MAX = 16 * PASSAGE_BYTES_MAX }; /* the last: with HTML's tags */

/* Of this many items of a kind one is asked with passages; 0: none. */
static uint32_t one_in(enum item_kind kind)
{
	switch (kind) {
	case ITEM_VALUE:
	case ITEM_CELL:
	case ITEM_DEFINITION:
	case ITEM_STATEMENT:
		return 2;
	case ITEM_DENIAL:
		return 3;
	case ITEM_UNKNOWN:
		return 4;
	case ITEM_CONFIRMATION:
		return 6;
	default:
		return 0;
	}
}

struct grounding {
	const struct document *d;
	size_t n;
	struct rng rng;
	struct arena *arena;
	struct passage passage[PASSAGES_SHOWN];
	const struct section *section[PASSAGES_SHOWN];
};

/* The section as retrieval shows it, without the empty lines around it; 1: it would be cut, or has nothing to show. */
static int passage_put(struct grounding *g, size_t at, const struct document *d, const struct section *s, struct err *e)
{
	struct buf b = {0};
	int rc = !s->n_blocks || s->span.end - s->span.start > SPAN_BYTES_MAX ? 1 : section_render(d, s, &b, e);
	if (rc == 0 && (!b.len || b.len > PASSAGE_BYTES_MAX))
		rc = 1;
	if (rc == 0) {
		size_t first = strspn(b.p, " \n");
		while (b.len > first && strchr(" \n", b.p[b.len - 1]))
			b.len--;
		const char *text = arena_strdup(g->arena, b.p + first, b.len - first, e);
		g->passage[at] = (struct passage){d->path, s->heading, text};
		g->section[at] = s;
		rc = text ? 0 : ERR_RESOURCE;
	}
	buf_release(&b);
	return rc;
}

/* Puts a short section of a trained page at `at` that does not hold what is asked for, the item's own page's half of the time; 1: chance finds none. */
static int other_put(struct grounding *g, size_t at, const struct item *it, struct err *e)
{
	bool near = it->document && rng_below(&g->rng, 2);
	for (int i = 0; i < TRIES; i++) {
		const struct document *o = near && i < TRIES / 2 ? it->document : &g->d[rng_below(&g->rng, (uint32_t)g->n)];
		if (o->skipped || o->unseen || o->kind != DOCUMENT_PAGE || !o->n_sections)
			continue;
		const struct section *s = &o->sections[rng_below(&g->rng, (uint32_t)o->n_sections)];
		bool known = s == it->section;
		for (size_t k = 0; k < at; k++)
			known |= g->section[k] == s;
		if (known)
			continue;
		int rc = passage_put(g, at, o, s, e);
		if (rc < 0)
			return rc;
		if (rc == 0 && (!it->value || !strstr(g->passage[at].text, it->value)))
			return 0;
	}
	return 1;
}

static int grounded_add(struct maker *m, struct grounding *g, const struct item *from, struct err *e)
{
	size_t n = PASSAGES_MIN + rng_below(&g->rng, PASSAGES_SHOWN - PASSAGES_MIN + 1);
	bool missing = item_is_fact(from) && rng_below(&g->rng, MISSING_ONE_IN) == 0;
	struct item it = {.kind = ITEM_GROUNDED,
		.answer = missing ? "The passages do not say." : from->answer,
		.span = from->span,
		.n_questions = 1,
		.reserved = SIZE_MAX,
		.document = from->document,
		.section = from->section};
	size_t q = rng_below(&g->rng, (uint32_t)from->n_questions);
	struct buf b = {0};
	int rc = from->section ? passage_put(g, 0, from->document, from->section, e) : 0;
	if (q == from->reserved)
		q = (q + 1) % from->n_questions;
	for (size_t i = from->section && !missing; i < n && rc == 0; i++)
		rc = other_put(g, i, from, e);
	if (rc)
		return rc < 0 ? rc : 0;
	size_t at = rng_below(&g->rng, (uint32_t)n); /* where the item's own stands */
	struct passage first = g->passage[0];
	g->passage[0] = g->passage[at];
	g->passage[at] = first;
	rc = passages_render(g->passage, n, from->questions[q], &b, e);
	if (rc == 0 &&
		(!(it.questions = arena_alloc(m->arena, 1, sizeof *it.questions, e)) ||
			!(it.questions[0] = arena_strdup(m->arena, b.p, b.len, e))))
		rc = ERR_RESOURCE;
	buf_release(&b);
	return rc < 0 ? rc : items_add(m->items, &it, e);
}

int grounded_make(struct maker *m, const struct document *d, size_t n, struct err *e)
{
	struct grounding g = {.d = d, .n = n, .arena = m->arena};
	size_t n_items = m->items->n;
	int rc = 0;
	for (size_t i = 0; i < n_items && rc == 0; i++) {
		const struct item it = m->items->p[i];
		uint32_t every = it.n_questions > (it.reserved != SIZE_MAX) ? one_in(it.kind) : 0;
		rng_init(&g.rng, m->options->seed, RNG_DATA, (uint32_t)i, 2);
		if (every && !rng_below(&g.rng, every) && (!it.section || it.document->kind == DOCUMENT_PAGE))
			rc = grounded_add(m, &g, &it, e);
	}
	return rc;
}

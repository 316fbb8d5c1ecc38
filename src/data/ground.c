/*
 * Facts asked with passages in front, so that a tuned model still reads what retrieval finds for it instead of reciting. Some
 * passages do not hold the answer: then it must say so. Long rows cost most of a small training's time, hence few.
 */
#include "data/ground.h"

#include <string.h>

#include "data/phrase.h"
#include "format/format.h"

enum { PASSAGE_BYTES_MAX = 320, ONE_FACT_IN = 6, TRIES = 16 };

static bool is_short(const struct section *s)
{
	return s->n_blocks && s->span.end - s->span.start <= PASSAGE_BYTES_MAX;
}

/* A short section of a trained page that does not hold the value; false when chance finds none. */
static bool other_passage(struct passage *out, const struct document *d, size_t n, const struct item *fact, struct rng *r,
	struct arena *a, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		const struct document *o = &d[rng_below(r, (uint32_t)n)];
		if (o->skipped || o->unseen || o->kind != DOCUMENT_PAGE || !o->n_sections)
			continue;
		const struct section *s = &o->sections[rng_below(r, (uint32_t)o->n_sections)];
		if (s == fact->section || !is_short(s))
			continue;
		const char *text = arena_strdup(a, o->bytes + s->span.start, s->span.end - s->span.start, e);
		if (!text || strstr(text, fact->value))
			continue;
		*out = (struct passage){o->path, s->heading, text};
		return true;
	}
	return false;
}

int grounded_make(struct maker *m, const struct document *d, size_t n, struct err *e)
{
	size_t n_items = m->items->n;
	struct buf b = {0};
	int rc = 0;
	for (size_t i = 0; i < n_items && rc == 0; i++) {
		const struct item fact = m->items->p[i];
		struct passage p[2];
		struct rng r;
		rng_init(&r, m->options->seed, RNG_DATA, (uint32_t)i, 2);
		if (!item_is_fact(&fact) || fact.document->kind != DOCUMENT_PAGE || !fact.n_questions || !is_short(fact.section) ||
			rng_below(&r, ONE_FACT_IN))
			continue;
		const struct document *own = fact.document;
		bool missing = rng_below(&r, 4) == 0;
		size_t at = rng_below(&r, 2);
		const char *text = arena_strdup(
			m->arena, own->bytes + fact.section->span.start, fact.section->span.end - fact.section->span.start, e);
		if (!text)
			return ERR_RESOURCE;
		p[at] = (struct passage){own->path, fact.section->heading, text};
		if (!other_passage(&p[1 - at], d, n, &fact, &r, m->arena, e) ||
			(missing && !other_passage(&p[at], d, n, &fact, &r, m->arena, e)))
			continue;
		struct item it = {.kind = ITEM_GROUNDED,
			.answer = missing ? "The passages do not say." : fact.answer,
			.span = fact.span,
			.n_questions = 1,
			.reserved = SIZE_MAX,
			.document = own,
			.section = fact.section};
		buf_clear(&b);
		rc = passages_render(p, 2, fact.questions[fact.n_questions - 1], &b, e);
		if (rc == 0 &&
			(!(it.questions = arena_alloc(m->arena, 1, sizeof *it.questions, e)) ||
				!(it.questions[0] = arena_strdup(m->arena, b.p, b.len, e))))
			rc = ERR_RESOURCE;
		if (rc == 0)
			rc = items_add(m->items, &it, e);
	}
	buf_release(&b);
	return rc;
}

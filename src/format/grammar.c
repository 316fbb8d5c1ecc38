/*
 * Running a grammar over the bytes of tokens. Reference: grammar.h.
 */
#include "format/grammar.h"

#include <string.h>

enum { DEPTH_MAX = 64, THREADS_MAX = 384 };

struct thread {
	uint32_t at, depth, back[DEPTH_MAX]; /* the places to return to, the nearest last */
};

struct threads {
	struct thread p[THREADS_MAX];
	size_t n;
};

struct grammar_state {
	const struct grammar *g;
	const struct tokenizer *t;
	struct threads now, next, tried;
	struct buf text;
};

static void copy(struct thread *to, const struct thread *from, uint32_t at)
{
	to->at = at;
	to->depth = from->depth;
	memcpy(to->back, from->back, from->depth * sizeof *from->back);
}

static bool is_in(const struct threads *v, const struct thread *t)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->p[i].at == t->at && v->p[i].depth == t->depth && !memcmp(v->p[i].back, t->back, t->depth * sizeof *t->back))
			return true;
	return false;
}

/* Follows a thread to the bytes that it waits for. What nests too deep comes to nothing. */
static void follow(const struct grammar *g, struct threads *v, struct thread *t)
{
	for (;;) {
		const struct grammar_step *s = &g->step[t->at];
		switch (s->op) {
		case GRAMMAR_RANGE:
		case GRAMMAR_MATCH:
			if (v->n < THREADS_MAX && !is_in(v, t))
				copy(&v->p[v->n++], t, t->at);
			return;
		case GRAMMAR_SPLIT: {
			struct thread other;
			copy(&other, t, s->x);
			follow(g, v, &other);
			t->at = s->y;
			break;
		}
		case GRAMMAR_JUMP:
			t->at = s->x;
			break;
		case GRAMMAR_CALL:
			if (t->depth == DEPTH_MAX)
				return;
			t->back[t->depth++] = t->at + 1;
			t->at = s->x;
			break;
		case GRAMMAR_RETURN:
			t->at = t->back[--t->depth];
			break;
		}
	}
}

static void step(const struct grammar *g, const struct threads *from, struct threads *to, unsigned char byte)
{
	to->n = 0;
	for (size_t i = 0; i < from->n; i++) {
		const struct grammar_step *s = &g->step[from->p[i].at];
		if (s->op == GRAMMAR_RANGE && byte >= s->x && byte <= s->y) {
			struct thread t;
			copy(&t, &from->p[i], from->p[i].at + 1);
			follow(g, to, &t);
		}
	}
}

/* Where the token's bytes lead from `now`; the result is in one of the other two, or NULL. */
static const struct threads *lead(struct grammar_state *s, int32_t id)
{
	struct err e;
	struct threads *from = &s->now, *to = &s->next;
	s->text.len = 0;
	if (tokenizer_decode(s->t, &id, 1, false, &s->text, &e) || !s->text.len)
		return NULL;
	for (size_t i = 0; i < s->text.len; i++) {
		step(s->g, from, to, (unsigned char)s->text.p[i]);
		if (!to->n)
			return NULL;
		from = to;
		to = from == &s->next ? &s->tried : &s->next;
	}
	return from;
}

int grammar_begin(struct grammar_state **out, const struct grammar *g, const struct tokenizer *t, struct err *e)
{
	struct thread first = {0};
	struct grammar_state *s = *out = mem_alloc(1, sizeof *s, e);
	if (!s)
		return ERR_RESOURCE;
	s->g = g;
	s->t = t;
	follow(g, &s->now, &first);
	return 0;
}

void grammar_end(struct grammar_state *s)
{
	if (s)
		buf_release(&s->text);
	mem_free(s);
}

bool grammar_allows(struct grammar_state *s, int32_t id)
{
	if (!tokenizer_is_eog(s->t, id))
		return lead(s, id);
	for (size_t i = 0; i < s->now.n; i++)
		if (s->g->step[s->now.p[i].at].op == GRAMMAR_MATCH)
			return true;
	return false;
}

void grammar_take(struct grammar_state *s, int32_t id)
{
	const struct threads *to = tokenizer_is_eog(s->t, id) ? NULL : lead(s, id);
	s->now.n = to ? to->n : 0;
	if (to)
		memcpy(s->now.p, to->p, to->n * sizeof *to->p);
}

void grammar_free(struct grammar *g)
{
	if (g)
		mem_free(g->step);
	mem_free(g);
}

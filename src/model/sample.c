/*
 * Choosing the next token: greedy, or temperature with nucleus sampling (Holtzman et al. 2020). The random number is a pure function of
 * (seed, position), so an answer does not depend on what was generated beside or before it.
 */
#include "model/net.h"

#include <math.h>

struct candidate {
	float p;
	int32_t id;
};

size_t sample_scratch_bytes(size_t V)
{
	return V * sizeof(struct candidate);
}

/* Larger probability first, then smaller id. */
static bool before(const struct candidate *a, const struct candidate *b)
{
	return a->p > b->p || (a->p == b->p && a->id < b->id);
}

static void sift_down(struct candidate *heap, size_t n, size_t i)
{
	for (;;) {
		size_t child = 2 * i + 1;
		if (child + 1 < n && before(&heap[child + 1], &heap[child]))
			child++;
		if (child >= n || before(&heap[i], &heap[child]))
			return;
		struct candidate swap = heap[i];
		heap[i] = heap[child];
		heap[child] = swap;
		i = child;
	}
}

static int32_t argmax(const float *logits, size_t V)
{
	size_t best = 0;
	for (size_t i = 1; i < V; i++)
		if (logits[i] > logits[best])
			best = i;
	return (int32_t)best;
}

/* The probabilities (up to a factor) of those that the grammar allows, as a heap. Returns how many there are; *total: their sum. */
static size_t fill(
	struct candidate *heap, const float *logits, size_t V, float temperature, struct grammar_state *grammar, double *total)
{
	float max = logits[argmax(logits, V)];
	size_t n = 0;
	*total = 0;
	for (size_t i = 0; i < V; i++) {
		if (grammar && !grammar_allows(grammar, (int32_t)i))
			continue;
		heap[n] = (struct candidate){expf((logits[i] - max) / temperature), (int32_t)i};
		*total += (double)heap[n++].p;
	}
	for (size_t i = n / 2; i-- > 0;)
		sift_down(heap, n, i);
	return n;
}

/* Draws from the likeliest that hold top_p of the total between them; 0: from the likeliest alone. */
static int32_t draw(struct candidate *heap, size_t n_all, double total, float top_p, struct rng *r)
{
	/* Popped candidates gather behind the shrinking heap, the likeliest last. */
	size_t n = n_all;
	double kept = 0;
	do {
		struct candidate top = heap[0];
		heap[0] = heap[--n];
		heap[n] = top;
		sift_down(heap, n, 0);
		kept += (double)top.p;
	} while (n && kept < total * (double)top_p);
	double at = (double)rng_uniform(r) * kept;
	for (size_t i = n_all; i-- > n;) {
		at -= (double)heap[i].p;
		if (at < 0)
			return heap[i].id;
	}
	return heap[n].id;
}

/*
 * A grammar is asked about one token first. Only if that may not come, all are asked, and it is drawn again from those that may: they come out as
 * likely as if the others had been left out at once (rejection sampling), up to where top_p cuts.
 */
int32_t sample_token(
	const float *logits, size_t V, const struct sampling *s, struct grammar_state *grammar, size_t position, void *scratch)
{
	float temperature = s->temperature > 0 ? s->temperature : 1, top_p = s->temperature > 0 ? s->top_p : 0;
	struct rng r;
	double total;
	size_t n;
	int32_t id;
	rng_init(&r, s->seed, RNG_SAMPLE, (uint32_t)position, (uint32_t)(position >> 32));
	if (s->temperature > 0) {
		n = fill(scratch, logits, V, temperature, NULL, &total);
		id = draw(scratch, n, total, top_p, &r);
	} else {
		id = argmax(logits, V);
	}
	if (!grammar || grammar_allows(grammar, id))
		return id;
	n = fill(scratch, logits, V, temperature, grammar, &total);
	return n ? draw(scratch, n, total, top_p, &r) : -1;
}

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

int32_t sample_token(const float *logits, size_t V, const struct sampling *s, size_t position, void *scratch)
{
	struct candidate *heap = scratch;
	struct rng r;
	if (s->temperature <= 0)
		return argmax(logits, V);
	float max = logits[argmax(logits, V)];
	double total = 0;
	for (size_t i = 0; i < V; i++) {
		heap[i] = (struct candidate){expf((logits[i] - max) / s->temperature), (int32_t)i};
		total += (double)heap[i].p;
	}
	for (size_t i = V / 2; i-- > 0;)
		sift_down(heap, V, i);
	/* Popped candidates gather behind the shrinking heap, the likeliest last. */
	size_t n = V;
	double kept = 0;
	do {
		struct candidate top = heap[0];
		heap[0] = heap[--n];
		heap[n] = top;
		sift_down(heap, n, 0);
		kept += (double)top.p;
	} while (n && kept < total * (double)s->top_p);
	rng_init(&r, s->seed, RNG_SAMPLE, (uint32_t)position, (uint32_t)(position >> 32));
	double at = (double)rng_uniform(&r) * kept;
	for (size_t i = V; i-- > n;) {
		at -= (double)heap[i].p;
		if (at < 0)
			return heap[i].id;
	}
	return heap[n].id;
}

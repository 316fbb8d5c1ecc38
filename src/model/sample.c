/*
 * Choosing the next token: greedy, or temperature with nucleus sampling (Holtzman et al. 2020). The random number is a pure function of
 * (seed, position), so an answer does not depend on what was generated beside or before it.
 */
#include "model/net.h"

#include <math.h>
#include <string.h>

struct candidate {
	float p;
	int32_t id;
};

size_t sample_scratch_bytes(size_t V)
{
	return V * sizeof(struct candidate);
}

static int32_t argmax(const float *logits, size_t V)
{
	size_t best = 0;
	for (size_t i = 1; i < V; i++)
		if (logits[i] > logits[best])
			best = i;
	return (int32_t)best;
}

/* The probabilities (up to a factor) of those that the grammar allows. Returns how many there are; *total: their sum. */
static size_t fill(
	struct candidate *c, const float *logits, size_t V, float temperature, struct grammar_state *grammar, double *total)
{
	float max = -INFINITY;
	size_t n = 0;
	*total = 0;
	for (size_t i = 0; i < V; i++) {
		if (grammar && !grammar_allows(grammar, (int32_t)i))
			continue;
		c[n++] = (struct candidate){logits[i], (int32_t)i};
		max = logits[i] > max ? logits[i] : max;
	}
	for (size_t i = 0; i < n; i++) {
		c[i].p = expf((c[i].p - max) / temperature);
		*total += (double)c[i].p;
	}
	return n;
}

/*
 * The least probability among the likeliest that hold `target` between them. No sorting, which would take longer than the model where much is likely:
 * floats that are not negative are in the order of their bits, so three histograms, of 11, 11 and 10 bits, find it.
 */
static float nucleus_least(const struct candidate *c, size_t n, double target)
{
	enum { BINS = 2048 };
	static const struct {
		int shift;
		uint32_t bins;
	} digit[] = {{21, BINS}, {10, BINS}, {0, BINS / 2}};
	uint32_t found = 0, known = 0;
	double above = 0;
	float least;
	for (size_t d = 0; d < sizeof digit / sizeof *digit; d++) {
		double mass[BINS] = {0};
		uint32_t bin = 0;
		for (size_t i = 0; i < n; i++) {
			uint32_t bits;
			memcpy(&bits, &c[i].p, sizeof bits);
			if ((bits & known) == found)
				mass[bits >> digit[d].shift & (digit[d].bins - 1)] += (double)c[i].p;
		}
		double sum = above;
		for (uint32_t k = digit[d].bins; k-- > 0;)
			if (mass[k] > 0) {
				bin = k;
				above = sum;
				sum += mass[k];
				if (!(sum < target))
					break;
			}
		found |= bin << digit[d].shift;
		known |= (digit[d].bins - 1) << digit[d].shift;
	}
	memcpy(&least, &found, sizeof least);
	return least;
}

/* Draws from the likeliest that hold top_p of the total between them, of equal ones those with the smallest ids; 0: from the likeliest alone. */
static int32_t draw(const struct candidate *c, size_t n, double total, float top_p, struct rng *r)
{
	const double target = total * (double)top_p;
	const float least = top_p < 1 ? nucleus_least(c, n, target) : 0;
	double kept = 0;
	size_t n_least = 0;
	int32_t id = c[0].id;
	for (size_t k = 0; k < n; k++)
		kept += c[k].p > least ? (double)c[k].p : 0;
	for (size_t k = 0; k < n && (!n_least || kept < target); k++)
		if (c[k].p == least) {
			kept += (double)least;
			n_least++;
		}
	double at = (double)rng_uniform(r) * kept;
	for (size_t i = 0; i < n && at >= 0; i++) {
		if (c[i].p < least || (c[i].p == least && !n_least))
			continue;
		n_least -= c[i].p == least;
		at -= (double)c[i].p;
		id = c[i].id;
	}
	return id;
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

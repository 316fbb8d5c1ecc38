/*
 * Choosing the next token: greedy, or temperature with nucleus sampling (Holtzman et al. 2020). The random number is a pure function of
 * (seed, position), so an answer does not depend on what was generated beside or before it.
 */
#include "model/net.h"

#include <math.h>
#include <string.h>

static int32_t argmax(const float *logits, size_t V)
{
	size_t best = 0;
	for (size_t i = 1; i < V; i++)
		if (logits[i] > logits[best])
			best = i;
	return (int32_t)best;
}

/* The probabilities (up to a factor), 0 of those that the grammar does not allow, and their sum; 0: it allows none. */
static double fill(float *p, const float *logits, size_t V, float temperature, struct grammar_state *grammar)
{
	bool any = !grammar;
	memcpy(p, logits, V * sizeof(*p));
	for (size_t i = 0; grammar && i < V; i++) {
		if (grammar_allows(grammar, (int32_t)i))
			any = true;
		else
			p[i] = -INFINITY;
	}
	return any ? kern->weights(p, V, temperature) : 0;
}

/*
 * The least probability among the likeliest that hold `target` between them. No sorting, which would take longer than the model where much is likely:
 * floats that are not negative are in the order of their bits, so three histograms, of 11, 11 and 10 bits, find it.
 * *above: the sum of those above it.
 */
static float nucleus_least(const float *p, size_t n, double target, double *above)
{
	enum { BINS = 2048 };
	static const struct {
		int shift;
		uint32_t bins;
	} digit[] = {{21, BINS}, {10, BINS}, {0, BINS / 2}};
	uint32_t found = 0, known = 0;
	float least;
	*above = 0;
	for (size_t d = 0; d < sizeof digit / sizeof *digit; d++) {
		double mass[BINS] = {0};
		uint32_t bin = 0;
		for (size_t i = 0; i < n; i++) {
			uint32_t bits;
			memcpy(&bits, &p[i], sizeof bits);
			if ((bits & known) == found)
				mass[bits >> digit[d].shift & (digit[d].bins - 1)] += (double)p[i];
		}
		double sum = *above;
		for (uint32_t k = digit[d].bins; k-- > 0;)
			if (mass[k] > 0) {
				bin = k;
				*above = sum;
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
static int32_t draw(const float *p, size_t n, double total, float top_p, struct rng *r)
{
	double kept = total;
	size_t n_least = n, id = 0;
	float least = 0;
	if (top_p < 1) {
		const double target = total * (double)top_p;
		least = nucleus_least(p, n, target, &kept);
		double some = least > 0 ? ceil((target - kept) / (double)least) : 0;
		n_least = some > 1 ? (size_t)some : 1;
		kept += (double)n_least * (double)least;
	}
	double at = (double)rng_uniform(r) * kept;
	for (size_t i = 0; i < n && at >= 0; i++) {
		float some = p[i] > least ? p[i] : 0; /* no branch: it would be foreseen badly */
		if (p[i] == least && n_least) {
			n_least--;
			some = least;
		}
		at -= (double)some;
		id = some > 0 ? i : id;
	}
	return (int32_t)id;
}

/*
 * A grammar is asked about one token first. Only if that may not come, all are asked, and it is drawn again from those that may: they come out as
 * likely as if the others had been left out at once (rejection sampling), up to where top_p cuts.
 */
int32_t sample_token(
	const float *logits, size_t V, const struct sampling *s, struct grammar_state *grammar, size_t position, float *scratch)
{
	float temperature = s->temperature > 0 ? s->temperature : 1, top_p = s->temperature > 0 ? s->top_p : 0;
	struct rng r;
	int32_t id;
	rng_init(&r, s->seed, RNG_SAMPLE, (uint32_t)position, (uint32_t)(position >> 32));
	if (s->temperature > 0)
		id = draw(scratch, V, fill(scratch, logits, V, temperature, NULL), top_p, &r);
	else
		id = argmax(logits, V);
	if (!grammar || grammar_allows(grammar, id))
		return id;
	double total = fill(scratch, logits, V, temperature, grammar);
	return total > 0 ? draw(scratch, V, total, top_p, &r) : -1;
}

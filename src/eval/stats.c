/*
 * Intervals and tests, small enough to check by hand. Reference: stats.h.
 */
#include "eval/stats.h"

#include <math.h>
#include <stdlib.h>

static const double z95 = 1.959963984540054; /* the 97.5 % point of the normal distribution */

struct eval_estimate eval_share(size_t k, size_t n)
{
	if (!n)
		return (struct eval_estimate){0, 0, NAN, NAN, NAN};
	double N = (double)n, p = (double)k / N, zz = z95 * z95;
	double centre = (p + zz / (2 * N)) / (1 + zz / N), half = z95 / (1 + zz / N) * sqrt(p * (1 - p) / N + zz / (4 * N * N));
	return (struct eval_estimate){k, n, p, k ? fmax(0, centre - half) : 0, k < n ? fmin(1, centre + half) : 1};
}

double stats_mcnemar(size_t b, size_t c)
{
	size_t n = b + c, fewer = b < c ? b : c;
	double sum = 0, N = (double)n;
	for (size_t i = 0; i <= fewer; i++)
		sum += exp(lgamma(N + 1) - lgamma((double)i + 1) - lgamma(N - (double)i + 1) - N * M_LN2);
	return fmin(1, 2 * sum);
}

void stats_holm(double *p, size_t n)
{
	double last = 0; /* a corrected p is no smaller than those before it */
	size_t left = 0;
	for (size_t i = 0; i < n; i++)
		left += isnan(p[i]) ? 0 : 1;
	while (left) { /* what is corrected is below 0 until the end */
		size_t least = n;
		for (size_t i = 0; i < n; i++)
			if (p[i] >= 0 && (least == n || p[i] < p[least]))
				least = i;
		last = fmin(1, fmax(last, (double)left-- * p[least]));
		p[least] = -1 - last;
	}
	for (size_t i = 0; i < n; i++)
		p[i] = p[i] < 0 ? -1 - p[i] : p[i];
}

double stats_detectable(double error)
{
	const double z80 = 0.8416212335729143; /* the 80 % point of the normal distribution */
	return error > 0 ? (z95 + z80) * error : NAN;
}

/* ---- bootstrap -------------------------------------------------------------------------------------------------------------- */

enum figure { BASE, TUNED, CHANGE, RELATIVE, FIGURES };

struct sums {
	double top[2], bottom[2];
};

static void sums_add(struct sums *s, const struct sums *more)
{
	for (int k = 0; k < 2; k++) {
		s->top[k] += more->top[k];
		s->bottom[k] += more->bottom[k];
	}
}

/* 0 / 0 is NaN, which stands for "nothing was measured" all the way. */
static void figures(const struct sums *s, double f[FIGURES])
{
	f[BASE] = s->top[0] / s->bottom[0];
	f[TUNED] = s->top[1] / s->bottom[1];
	f[CHANGE] = f[TUNED] - f[BASE];
	f[RELATIVE] = f[TUNED] / f[BASE] - 1;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Sums of the clusters that have items, or of each item alone when there is one cluster. Gives their number. */
static size_t units_make(const struct stats_item *item, size_t n, struct sums *unit, size_t *index, size_t n_clusters)
{
	size_t n_units = 0;
	for (size_t i = 0; i < n_clusters; i++)
		index[i] = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		struct sums s = {{item[i].top[0], item[i].top[1]}, {item[i].bottom[0], item[i].bottom[1]}};
		size_t *at = &index[item[i].cluster];
		if (*at == SIZE_MAX)
			*at = n_units++;
		sums_add(&unit[*at], &s);
	}
	if (n_units == 1)
		for (n_units = 0; n_units < n; n_units++)
			unit[n_units] = (struct sums){
				{item[n_units].top[0], item[n_units].top[1]}, {item[n_units].bottom[0], item[n_units].bottom[1]}};
	return n_units;
}

/* The p-value and the standard error that the draws of a change give. */
static void test(const double *draw, struct stats_paired *out)
{
	double n = 0, mean = 0, squares = 0, below = 0, above = 0;
	for (size_t i = 0; i < STATS_RESAMPLES; i++)
		if (isfinite(draw[i])) {
			double off = draw[i] - mean;
			mean += off / ++n; /* Welford: of equal draws the squares are 0 */
			squares += off * (draw[i] - mean);
			below += draw[i] <= 0;
			above += draw[i] >= 0;
		}
	out->p = n > 1 ? fmin(1, 2 * (fmin(below, above) + 1) / (n + 1)) : NAN;
	out->error = n > 1 ? sqrt(squares / (n - 1)) : NAN;
}

/* The percentile interval of the draws that are numbers. */
static void interval(double *draw, struct eval_estimate *out)
{
	size_t n = 0;
	for (size_t i = 0; i < STATS_RESAMPLES; i++)
		if (isfinite(draw[i]))
			draw[n++] = draw[i];
	qsort(draw, n, sizeof *draw, ascending);
	out->low = n > 1 ? draw[n / 40] : NAN;
	out->high = n > 1 ? draw[n - 1 - n / 40] : NAN;
}

int stats_bootstrap(const struct stats_item *item, size_t n, size_t n_clusters, struct stats_paired *out, struct err *e)
{
	struct eval_estimate *const estimate[FIGURES] = {&out->base, &out->tuned, &out->change, &out->relative};
	struct sums *unit = mem_alloc(n, sizeof *unit, e), all = {0};
	size_t *index = mem_alloc(n_clusters, sizeof *index, e);
	double(*draw)[STATS_RESAMPLES] = mem_alloc(FIGURES, sizeof *draw, e), f[FIGURES];
	size_t n_units = 0;
	int rc = unit && index && draw ? 0 : ERR_RESOURCE;
	if (rc < 0)
		goto done;
	n_units = units_make(item, n, unit, index, n_clusters);
	for (size_t i = 0; i < n_units; i++)
		sums_add(&all, &unit[i]);
	for (uint32_t r = 0; r < STATS_RESAMPLES; r++) {
		struct sums s = {0};
		struct rng rng;
		rng_init(&rng, STATS_SEED, RNG_SAMPLE, r, 0);
		for (size_t i = 0; i < n_units && n_units > 1; i++)
			sums_add(&s, &unit[rng_below(&rng, (uint32_t)n_units)]);
		figures(&s, f);
		for (int k = 0; k < FIGURES; k++)
			draw[k][r] = f[k];
	}
	figures(&all, f);
	test(draw[CHANGE], out);
	for (int k = 0; k < FIGURES; k++) {
		*estimate[k] = (struct eval_estimate){.n = n, .value = f[k]};
		interval(draw[k], estimate[k]);
	}
done:
	mem_free(unit);
	mem_free(index);
	mem_free(draw);
	return rc;
}

int eval_ratio(const struct eval_part *part, size_t n, size_t n_clusters, struct eval_estimate *out, struct err *e)
{
	struct stats_item *item = mem_alloc(n, sizeof *item, e);
	struct stats_paired paired = {0};
	if (!item)
		return ERR_RESOURCE;
	for (size_t i = 0; i < n; i++)
		item[i] = (struct stats_item){.cluster = part[i].cluster, .top = {part[i].top}, .bottom = {part[i].bottom}};
	int rc = stats_bootstrap(item, n, n_clusters, &paired, e);
	*out = paired.base;
	mem_free(item);
	return rc;
}

/* ---- editing ---------------------------------------------------------------------------------------------------------------- */

int eval_hter(const struct eval_edits *edits, size_t n, size_t n_clusters, struct eval_estimate *now, struct eval_estimate *change,
	struct err *e)
{
	struct stats_item *item = mem_alloc(n, sizeof *item, e);
	struct stats_paired paired;
	size_t n_now = 0;
	*now = *change = (struct eval_estimate){0};
	if (!item)
		return ERR_RESOURCE;
	for (size_t i = 0; i < n; i++) {
		int arm = edits[i].now;
		item[i].cluster = edits[i].cluster;
		item[i].top[arm] = (double)edits[i].n_edits;
		item[i].bottom[arm] = (double)edits[i].n_words;
		n_now += edits[i].now;
	}
	int rc = stats_bootstrap(item, n, n_clusters, &paired, e);
	if (!rc) {
		*now = paired.tuned;
		*change = paired.change;
		now->n = change->n = n_now;
	}
	mem_free(item);
	return rc;
}

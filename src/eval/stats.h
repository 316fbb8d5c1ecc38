/* Private to eval: how sure a number is. */
#ifndef ATTUNE_EVAL_STATS_H
#define ATTUNE_EVAL_STATS_H

#include "eval/eval.h"

enum { STATS_RESAMPLES = 2000, STATS_SEED = 20 };

/*
 * What one question or text adds to a ratio of sums, per arm: {right, 1} for a share, {preferred, preferred + forbidden} for terms,
 * {bits, bytes} for bits per byte. Items of one source document belong to one cluster.
 */
struct stats_item {
	size_t cluster; /* below n_clusters; not all numbers need to be used */
	double top[2], bottom[2];
};

/* McNemar's exact test, two-sided: b and c are the questions that only one arm got right. McNemar, Psychometrika 12 (1947). */
double stats_mcnemar(size_t b, size_t c);

/*
 * The ratios of both arms, their difference and tuned / base - 1, each with its percentile interval (95 %) over STATS_RESAMPLES draws
 * of whole clusters, the same ones for both arms (Efron and Tibshirani, An Introduction to the Bootstrap, 1993). One cluster alone says
 * nothing about others, so its items are drawn instead. An interval is NaN where fewer than two items or draws are usable. n of the
 * estimates is the number of items. The same items give the same bits.
 */
struct stats_paired {
	struct eval_estimate base, tuned, change, relative;
	double p;     /* two-sided, of no change: how often the draws lie on either side of 0 */
	double error; /* of the change: the standard deviation of its draws */
};
int stats_bootstrap(const struct stats_item *item, size_t n, size_t n_clusters, struct stats_paired *out, struct err *e);

/* Holm's step-down correction of n p-values, in place; NaN stays and counts for nothing. Holm, Scand. J. Statist. 6 (1979). */
void stats_holm(double *p, size_t n);

/* The change that a two-sided test at 5 % finds in four of five cases, given the standard error; NaN of none. */
double stats_detectable(double error);

#endif

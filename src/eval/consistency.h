/* Private to eval: one question asked many times, in other words and with other random numbers. */
#ifndef ATTUNE_EVAL_CONSISTENCY_H
#define ATTUNE_EVAL_CONSISTENCY_H

#include "eval/answer.h"

enum { PARAPHRASES = 5, SAMPLE_SEEDS = 3, SAMPLES = PARAPHRASES * SAMPLE_SEEDS };

/* Is this arm to be asked so? Not one whose answers are imported. */
static inline bool samples_wanted(const struct eval_job *j, const struct eval_arm *arm)
{
	return j->consistency && arm->context != EVAL_IMPORTED;
}

/* The ordinary questions of q, each in PARAPHRASES wordings behind each other. Release after failure too. */
int paraphrases_fill(struct questions *out, const struct questions *q, struct err *e);

/* Asks them with each seed, into samples-NAME-SEED.jsonl: as an arm's answers, of which `key` is the key. */
int samples_make(const struct eval_job *j, const struct eval_arm *arm, const struct questions *q, const char *key,
	struct answerer by, struct err *e);

/*
 * texts[k * SAMPLES ...]: what was said to the k-th ordinary question, in the arena. ERR_DATA when something is missing: the arm was run without
 * consistency.
 */
int samples_load(const char ***texts, const struct eval_job *j, const struct eval_arm *arm, const struct questions *q,
	const char *key, struct arena *a, struct err *e);

/*
 * Of the pairs of n answers the share that says the same: the observed agreement of Fleiss (1971), of one question. Two answers say the same when
 * both are right; both refuse; or both name the same value first, as the judge reads values, of those that the question does not name; or, where
 * neither names any, have the same words.
 */
int agreement_measure(double *out, const char *const *text, size_t n, const struct question *q, struct arena *a, struct err *e);

#endif

/* Private to eval: where an arm's results lie and what they are made from. */
#ifndef ATTUNE_EVAL_ARM_H
#define ATTUNE_EVAL_ARM_H

#include "eval/eval.h"

static inline bool arm_is_trained(const struct eval_arm *a)
{
	return *a->key != 0;
}

/* Attune's own arms object to a question that takes for granted what no document says; the model with or without a prompt does not. */
static inline bool arm_objects(const struct eval_arm *a)
{
	return a->context == EVAL_PASSAGES || (a->context == EVAL_ALONE && arm_is_trained(a));
}

struct arm_files {
	char answers[PATH_SIZE], texts[PATH_SIZE];
	char answers_key[65], texts_key[65];
};
int arm_files_fill(struct arm_files *f, const struct eval_job *j, const struct eval_arm *arm, struct err *e);

#endif

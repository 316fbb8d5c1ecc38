/* Private to eval: where an arm's results lie and what they are made from. */
#ifndef ATTUNE_EVAL_ARM_H
#define ATTUNE_EVAL_ARM_H

#include "eval/eval.h"

struct arm_files {
	char answers[PATH_SIZE], texts[PATH_SIZE];
	char answers_key[65], texts_key[65];
};
int arm_files_fill(struct arm_files *f, const struct eval_job *j, const struct eval_arm *arm, struct err *e);

#endif

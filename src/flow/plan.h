/* Private to flow: what is known before a training, and what follows from it. */
#ifndef ATTUNE_FLOW_PLAN_H
#define ATTUNE_FLOW_PLAN_H

#include "flow/job.h"

enum { WHY_SIZE = 640 + PATH_SIZE };

struct plan {
	double changes_a_month;
	bool reserved; /* there are no questions but the data folder's */
	struct train_forecast training;
	struct eval_forecast gain;
	const char *advice; /* "may pay", "don't train", "cannot tell" */
	char why[WHY_SIZE];
};

/* Fills advice and why from the rest, the job's facts, names of arms and questions. */
void plan_advise(struct plan *p, const struct job *j);

#endif

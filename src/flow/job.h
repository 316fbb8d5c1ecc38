/* Private to flow: what run and plan share: a folder of documents, what is made of it, and the arms that are asked. */
#ifndef ATTUNE_FLOW_JOB_H
#define ATTUNE_FLOW_JOB_H

#include "data/data.h"
#include "eval/eval.h"
#include "flow/flow.h"

enum job_arm { BASE, PROMPT, RAG, TUNED, RAG_TUNED, ARMS, UNTRAINED = TUNED };

struct job {
	const struct flow_run_options *o;
	char in[PATH_SIZE], questions[PATH_SIZE], data[PATH_SIZE], out[PATH_SIZE], report[PATH_SIZE];
	char run[PATH_SIZE], adapter[PATH_SIZE], loss_svg[PATH_SIZE], model_path[PATH_SIZE];
	char model_key[65], run_key[65];
	struct model *model;
	struct embedder *embedder;
	struct data_summary made;
	struct eval_arm arm[ARMS];
	struct eval_job eval;
	int lock;
};

/* Takes hold of the output folder, curates, gets the model, names the run, fills arm and eval. The caller closes, in any case. */
int job_open(struct job *j, const struct flow_run_options *o, struct err *e);
void job_close(struct job *j);

/* Asks the arms from..to-1; what the folder holds already is not asked again. */
int job_ask(struct job *j, enum job_arm from, enum job_arm to, struct err *e);

#endif

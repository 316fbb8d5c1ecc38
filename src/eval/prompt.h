/* Private to eval: what stands in front of every question of the prompt arm. */
#ifndef ATTUNE_EVAL_PROMPT_H
#define ATTUNE_EVAL_PROMPT_H

#include "eval/eval.h"

/* A system message from the terms and the style guide, and turns that show how to answer. */
struct prompt {
	struct message *messages; /* [n]; n = 0: nothing fits into the context */
	size_t n;
	struct arena arena; /* owns everything */
};

/* What the prompt is made from, as a hash: the model, and terms, sections and rows of the data folder. */
int prompt_key(char hex[65], const struct eval_job *j, struct err *e);

/*
 * Reads EVAL_PROMPT_FILE of the job's folder; writes it first, unless it is there under this key: of several prompts the one with which the
 * base expects most of the answers of valid.jsonl. ERR_STOPPED after job.stop. Release after failure too.
 */
int prompt_make(struct prompt *out, const struct eval_job *j, struct err *e);
void prompt_release(struct prompt *p);

#endif

/* Private to train: the state of one run and the steps it is made of. */
#ifndef ATTUNE_TRAIN_TRAINER_H
#define ATTUNE_TRAIN_TRAINER_H

#include "train/batch.h"
#include "train/checkpoint.h"
#include "train/memory.h"
#include "train/optim.h"
#include "train/teacher.h"

struct trainer {
	const struct model *model;
	const struct train_config *c;
	bool unvalidated;            /* as in train_options */
	struct dataset train, valid; /* valid.n == 0: no validation */
	struct dataset general;      /* validation rows marked distill: on them the model is to stay as it was */
	struct plan plan, valid_plan, general_plan;
	struct lora *lora;
	struct work *work;
	struct packer micro;
	struct teacher teacher;
	struct grad_tree tree;
	float *losses; /* [max_tokens] */
	struct train_state state;
	size_t total_steps;
	size_t max_tokens;          /* of the largest micro-batch of all */
	size_t memory_bytes;        /* the limit, as in train_options */
	struct train_memory memory; /* the process with all of this, as it is planned */
};

/* Reads train.jsonl and valid.jsonl of the folder, once model and c are there. */
int trainer_load(struct trainer *t, const char *dir, struct err *e);

/*
 * Lays out the epochs and makes the memory, once model, c, train and valid are there. The adapter is that of the folder
 * adapter_init, or a fresh one for NULL. `run` is the folder whose disk must have room. Says how the memory is planned, or that it does not do.
 */
int trainer_prepare(struct trainer *t, const char *adapter_init, const char *run, struct err *e);
void trainer_release(struct trainer *t);

/*
 * Takes the next step and fills the line with its figures, all but eval_loss. A window without a scored token counts as a step but
 * changes no weight. On failure no weight has changed; a loss that is not finite is one.
 */
int trainer_step(struct trainer *t, struct metrics_line *line, struct err *e);

/* The validation loss: the sum over the set's scored tokens / their count. Changes nothing that training depends on. */
int trainer_validate(struct trainer *t, double *loss, struct err *e);
/* The same of the general rows, with the adapter l; NULL: the base. */
int trainer_general(struct trainer *t, const struct lora *l, double *loss, struct err *e);

#endif

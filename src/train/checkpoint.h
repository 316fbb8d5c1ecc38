/* Private to train: states from which a run continues, and folders that appear whole. */
#ifndef ATTUNE_TRAIN_CHECKPOINT_H
#define ATTUNE_TRAIN_CHECKPOINT_H

#include "train/metrics.h"

/* All that the next step depends on. There is no random state: random numbers are counted, not streamed. */
struct train_state {
	size_t step;       /* steps done */
	size_t epoch;      /* the pass that the next step belongs to */
	size_t next_batch; /* its next micro-batch */
	size_t n_tokens;   /* trained so far */
	double seconds, loss;
	size_t n_params;
	float *params, *m, *v; /* [n_params] weights (borrowed from the lora) and AdamW's moments */
	float *best;           /* [n_params] the weights of the lowest validation loss; NULL without validation rows */
	struct metrics metrics;
	json_t *inputs; /* configuration and hashes: what a run must have in common with the one it continues */
};

/* Writes RUN/checkpoints/step-N and removes all but it and the newest before it. On failure the older ones are untouched. */
int checkpoint_save(const char *run, const struct train_state *s, struct err *e);

/*
 * Fills s from the newest whole checkpoint of RUN; *found = false when there is none at all. A damaged one is named in a warning
 * and the one before it is taken; ERR_DATA when all are damaged. ERR_USAGE when it was made from other inputs than s->inputs.
 */
int checkpoint_load(const char *run, struct train_state *s, bool *found, struct err *e);

/* ERR_USAGE with a sentence that names what differs, or 0. `run` is named in it. */
int inputs_compare(const char *run, const json_t *before, const json_t *now, struct err *e);

/* Appends the object as indented JSON with a final newline. */
int json_append(struct buf *out, const json_t *object, struct err *e);

/* Puts the finished folder `from` in the place of `to` (same parent, `parent`) and makes that durable. */
int dir_publish(const char *from, const char *to, const char *parent, struct err *e);

#endif

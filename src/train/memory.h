/* Private to train: the ledger of what a run will hold, and what of its layers it keeps. */
#ifndef ATTUNE_TRAIN_MEMORY_H
#define ATTUNE_TRAIN_MEMORY_H

#include "train/dataset.h"

/* What the ledger is made of: a run as it is planned, before anything of it has memory. */
struct memory_case {
	const struct model *model;
	struct lora_config lora;
	size_t n_params;   /* of the adapter */
	size_t max_tokens; /* of the largest micro-batch */
	size_t window;     /* micro-batches a step */
	size_t data_bytes; /* of all rows */
	size_t held_bytes; /* the process now: program, weights that are mapped, rows */
	bool validates, distills;
	double scored; /* share of the tokens that reach the head */
};

/* Fills the ledger for n_recomputed layers; limit stays as it is. */
void memory_count(struct train_memory *m, const struct memory_case *c, size_t n_recomputed);

/*
 * The ledger that recomputes the fewest layers and stays within limit_bytes. ERR_RESOURCE with what would do at least, and what to change; `where`
 * says whose limit it is. m is then that of the least.
 */
int memory_choose(struct train_memory *m, const struct memory_case *c, const struct train_config *config, size_t limit_bytes,
	const char *where, struct err *e);

/* "612 MB predicted of 700 MB: 18 of 30 layers recomputed, about 21 % more time". */
void memory_text(char *dst, size_t size, const struct train_memory *m);

/* What the rows of a set hold. */
size_t memory_of_rows(const struct dataset *d);

#endif

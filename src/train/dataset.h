/* Private to train: the rows of one JSONL file as samples in memory. */
#ifndef ATTUNE_TRAIN_DATASET_H
#define ATTUNE_TRAIN_DATASET_H

#include "train/train.h"

struct dataset {
	char path[PATH_SIZE];
	char sha256[65];        /* of the file */
	struct sample *samples; /* [n] */
	size_t *line;           /* [n] 1-based line of each sample */
	size_t n, cap;
	size_t n_tokens, n_scored; /* sums over the samples */
	size_t *excess;            /* [n_excess] lines of the rows that were dropped or truncated for their length */
	size_t n_excess, excess_cap;
};

/*
 * Reads path. Rows longer than sequence_len are dropped, truncated or refused as excess_length_strategy says; each is logged with
 * file and line. ERR_DATA for a malformed row, a row with nothing to score, and when no row is left.
 */
int dataset_load(struct dataset *d, const char *path, const struct encoder *enc, const struct train_config *c, struct err *e);
void dataset_release(struct dataset *d);

/*
 * Cuts s to its first max - 1 tokens and its last scored token, so that the end of the turn is still learnt. False, and s is
 * untouched, when no scored token but that last one would be left: such a row would teach to end an answer before it began.
 */
bool sample_truncate(struct sample *s, size_t max);

bool dataset_distills(const struct dataset *d); /* whether a row is marked distill */
/* Moves the rows marked distill from one set to another, empty one, in their order. */
int dataset_take_distilled(struct dataset *from, struct dataset *to, struct err *e);

/* ERR_DATA naming the first pair when a row of `valid` equals, token for token and mask for mask, one of `train`. */
int dataset_check_leak(const struct dataset *train, const struct dataset *valid, struct err *e);

#endif

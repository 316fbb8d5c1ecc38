/* Private to train: the order of the rows in an epoch and their packing into micro-batches. */
#ifndef ATTUNE_TRAIN_BATCH_H
#define ATTUNE_TRAIN_BATCH_H

#include "train/dataset.h"

/* One pass over a data set. Micro-batch b holds the samples order[first[b]] .. order[first[b + 1] - 1]. */
struct plan {
	uint32_t *order; /* [n] */
	size_t *first;   /* [n_batches + 1] */
	size_t n_batches;
	size_t max_tokens; /* of the largest micro-batch: rows that are computed */
};

/* For data sets of up to n samples. */
int plan_init(struct plan *p, const struct dataset *d, struct err *e);
/*
 * Lays out one epoch; a function of the data, the configuration and the epoch's number alone. Every sample is in exactly one
 * micro-batch. With sample_packing a micro-batch takes the next samples while they fit into micro_batch_size * sequence_len
 * tokens (a beginning that they share counts once), else it takes micro_batch_size samples.
 */
void plan_epoch(struct plan *p, const struct dataset *d, const struct train_config *c, size_t epoch);
/* The layout for validation: the file's order, always packed. */
void plan_in_order(struct plan *p, const struct dataset *d, const struct train_config *c);
void plan_release(struct plan *p);

/* Lays the samples of micro-batch b into m, which holds max_tokens: those to be distilled last. */
void plan_fill(struct packer *m, const struct dataset *d, const struct plan *p, size_t b);

#endif

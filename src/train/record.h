/* Private to train: what a run says about its inputs and about itself. */
#ifndef ATTUNE_TRAIN_RECORD_H
#define ATTUNE_TRAIN_RECORD_H

#include "train/checkpoint.h"
#include "train/dataset.h"

/*
 * Everything that decides the bytes of the adapter, flat: each configuration key, and the SHA-256 sums of model, data and first
 * adapter (null where there is none). The caller decrefs.
 */
int inputs_make(
	json_t **out, const struct train_options *o, const struct dataset *train, const struct dataset *valid, struct err *e);

/* Fills `out` where the folder holds a finished run of these inputs. ERR_USAGE when it is one of other inputs. */
int record_load(const char *run, const json_t *inputs, struct train_result *out, struct err *e);

/* Writes RUN/run.json. */
int record_save(const struct train_options *o, const json_t *inputs, const struct dataset *train, const struct dataset *valid,
	const struct train_result *result, struct err *e);

#endif

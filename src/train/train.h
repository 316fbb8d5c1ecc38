/*
 * train: how weights change. The configuration of a training run.
 */
#ifndef ATTUNE_TRAIN_H
#define ATTUNE_TRAIN_H

#include "base/base.h"
#include "model/model.h"

/* ---- configuration ------------------------------------------------------------------------------------------------------ */

enum train_finetuning { FINETUNING_LORA };
enum train_scheduler { SCHEDULER_COSINE, SCHEDULER_LINEAR, SCHEDULER_CONSTANT };
enum train_excess { EXCESS_DROP, EXCESS_TRUNCATE, EXCESS_RAISE };

/* One field a key, named as the key. Meaning, default and range stand in the table of config.c and nowhere else. */
struct train_config {
	int finetuning_type; /* enum train_finetuning */
	int lora_r;
	double lora_alpha;
	unsigned lora_targets; /* bits 1 << enum lora_target */
	bool use_rslora;
	double learning_rate;
	int lr_scheduler; /* enum train_scheduler */
	double warmup_ratio, weight_decay, max_grad_norm;
	int micro_batch_size, gradient_accumulation_steps, sequence_len;
	int num_epochs, max_steps;
	bool shuffle;
	uint64_t seed;
	int eval_steps, save_steps;
	bool train_on_inputs;
	int excess_length_strategy; /* enum train_excess */
};

enum { TRAIN_RANGE_SIZE = 96 };

/* What a person may read about a key. */
struct train_key {
	const char *name, *help;
	const char *fallback;         /* the default, spelled as train_config_set takes it */
	char range[TRAIN_RANGE_SIZE]; /* "0 to 1", "cosine, linear or constant" */
};
/* Key i in the order of the table; false past the end. */
bool train_key_at(size_t i, struct train_key *out);

void train_config_default(struct train_config *c);
/* ERR_USAGE with a sentence when the key is unknown or the value is not of its type or out of range; *c is then unchanged. */
int train_config_set(struct train_config *c, const char *key, const char *value, struct err *e);
/* Appends the value of a known key as train_config_set takes it. */
int train_config_get(const struct train_config *c, const char *key, struct buf *out, struct err *e);

#endif

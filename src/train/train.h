/*
 * train: how weights change. The configuration of a training run, and the run itself.
 *
 * LoRA adapters on a frozen base, AdamW, rows packed end to end. A step's loss is the sum over the scored tokens of all its
 * micro-batches divided by their count, never a mean of means. On one kernel path the bytes of the adapter depend on the base
 * model, the data, the configuration and nothing else: not on the number of threads, not on how often the run was killed and resumed.
 */
#ifndef ATTUNE_TRAIN_H
#define ATTUNE_TRAIN_H

#include <signal.h>

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
	double learning_rate, loraplus_lr_ratio, max_forgetting;
	int lr_scheduler; /* enum train_scheduler */
	double warmup_ratio, weight_decay, max_grad_norm;
	int micro_batch_size, gradient_accumulation_steps, sequence_len;
	bool sample_packing;
	int num_epochs, max_steps;
	bool shuffle;
	uint64_t seed;
	int eval_steps, early_stopping_patience, save_steps;
	bool train_on_inputs;
	int excess_length_strategy; /* enum train_excess */
	bool scrub_pii;
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
/* Appends a line "key value" for every key: what a run is known by. */
int train_config_text(const struct train_config *c, struct buf *out, struct err *e);

/* ---- memory ----------------------------------------------------------------------------------------------------------------- */

enum train_memory_part {
	MEMORY_PROGRAM,   /* code, libraries, tokenizer, whatever the process held before */
	MEMORY_WEIGHTS,   /* of the base, mapped as stored */
	MEMORY_ROWS,      /* the data, tokenised */
	MEMORY_ADAPTER,   /* its values; of as many: */
	MEMORY_GRADIENTS, /* the sums of a step's micro-batches */
	MEMORY_MOMENTS,   /* AdamW's two */
	MEMORY_BEST,      /* the adapter of the lowest eval_loss */
	MEMORY_LAYERS,    /* kept of each layer for the backward pass */
	MEMORY_PASSING,   /* of the layer that is computed */
	MEMORY_HEAD,      /* a chunk of logits */
	MEMORY_KERNELS,   /* packed panels, of each thread */
	MEMORY_TEACHER,   /* what the base says of rows marked distill */
	MEMORY_BATCH,     /* a micro-batch's ids, targets and losses */
	MEMORY_PARTS
};
const char *train_memory_name(enum train_memory_part part); /* "program", ... */

/* The most that the process will hold, known before the first step. */
struct train_memory {
	size_t part[MEMORY_PARTS];     /* bytes */
	size_t bytes;                  /* their sum */
	size_t limit_bytes;            /* within which it was planned; SIZE_MAX: unknown */
	size_t n_layers, n_recomputed; /* of the layers those whose activations are not kept but computed again */
	double more_time;              /* that this takes, as a share of a step, expected */
};

/* ---- a run ---------------------------------------------------------------------------------------------------------------- */

/*
 * The run folder. Everything in it appears whole or not at all.
 *
 *   adapter/         the trained adapter as PEFT stores it: with validation rows that of the step with the lowest eval_loss, the first of
 *                    equals, which may be step 0; else that of the last step
 *   metrics.jsonl    one line a step: step, total_steps (planned), epoch, loss, lr, grad_norm (before clipping), tokens (of the step), kl (on rows that are
 *                    distilled), tokens_per_s, eval_loss on the steps that evaluate, rss_mb. The line of step 0 holds the eval_loss before the first step.
 *   loss.svg         the same as a picture, with a ring around the lowest eval_loss
 *   checkpoints/     step-N/: the two newest states from which the run can continue
 *   run.json         written last: configuration, hashes of model and data, what was done, how long it took
 */
struct train_options {
	const struct model *model;
	const struct train_config *config;
	const char *data;         /* folder with train.jsonl and, if wanted, valid.jsonl */
	const char *out;          /* the run folder; made if absent */
	const char *adapter_init; /* PEFT folder to start from (its own rank, alpha and targets count), or NULL */
	size_t memory_bytes; /* that the process may hold; 0: what the machine or its control group has. Changes no bit of the adapter */
	const volatile sig_atomic_t *stop; /* becomes non-zero: write a checkpoint after the current step and stop; may be NULL */
	bool unvalidated;                  /* there is no valid.jsonl, and none is missed: the last step's adapter is wanted */
};

struct train_result {
	size_t n_steps, n_tokens;               /* of the whole run, earlier sessions included */
	double seconds;                         /* spent training, likewise */
	double loss;                            /* of the last step */
	double eval_loss_first, eval_loss_last; /* NaN without validation rows */
	size_t best_step;                       /* whose adapter was written: of the lowest eval_loss, or the last one */
	double best_eval_loss;                  /* its eval_loss; NaN without validation rows */
	double strength;                        /* of the adapter, as it was weakened; 1: as it was trained */
	double general_loss_base, general_loss; /* on general validation rows, without and with it; NaN without such rows */
	bool stopped_early;                     /* by early_stopping_patience */
	bool finished_before;                   /* the folder held this very run, finished; nothing was done */
	struct train_memory memory;             /* as it was planned; zero where nothing was done */
};

/*
 * Trains, or continues what `out` holds when configuration, data and model are the same. ERR_USAGE when they are not, ERR_DATA for
 * unusable rows or a row in both files, ERR_RESOURCE for want of memory or disk, ERR_STOPPED after `stop`. One run a folder at
 * a time.
 */
int train_run(const struct train_options *o, struct train_result *out, struct err *e);

/* ---- before a run ----------------------------------------------------------------------------------------------------------- */

struct train_forecast {
	size_t n_steps, n_tokens; /* of all epochs; early stopping may end before */
	double tokens_per_s_low, tokens_per_s,
		tokens_per_s_high;        /* of the slowest, the median and the fastest step that was measured */
	double seconds_low, seconds_high; /* of the whole run at these, validations and the search for its strength included */
	struct train_memory memory;
};

/*
 * Takes a few steps of the run that train_run would start afresh, forgets them and says what all will take. Writes nothing; `out` must be there, since
 * its disk has to have room. Errors are those of train_run.
 */
int train_forecast(const struct train_options *o, struct train_forecast *out, struct err *e);

#endif

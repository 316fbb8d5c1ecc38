/*
 * What a run will take, from a few real steps of it. Reference: train.h, train_forecast.
 */
#include "train/train.h"

#include <stdlib.h>

#include "train/trainer.h"

enum { MEASURED_STEPS = 5, STRENGTHS_FEWEST = 1, STRENGTHS_MOST = 6 };

/* Of a step's time for the same tokens: frozen weights are multiplied forward and backward in a step, forward alone without gradients. */
static const double forward_share = 0.5;

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Takes the steps. The first one meets cold caches and pages that are not there yet, so it counts only where it is the only one. */
static int steps_measure(struct trainer *t, const struct train_options *o, struct train_forecast *out, struct err *e)
{
	double rate[MEASURED_STEPS + 1];
	size_t n = 0;
	while (n <= MEASURED_STEPS && n < t->total_steps) {
		struct metrics_line line;
		int rc = trainer_step(t, &line, e);
		if (rc)
			return rc;
		rate[n++] = line.tokens_per_s;
		if (o->stop && *o->stop)
			return err_set(e, ERR_STOPPED, "stopped while measuring; run the same command again");
	}
	size_t first = n > 1;
	qsort(rate + first, n - first, sizeof *rate, compare);
	out->tokens_per_s_low = rate[first];
	out->tokens_per_s = rate[first + (n - first) / 2];
	out->tokens_per_s_high = rate[n - 1];
	return 0;
}

/* Tokens of all passes without gradients: validations, the first one before training, and the search of strength.c with the base's pass. */
static double forward_tokens(const struct trainer *t, size_t n_strengths)
{
	size_t every = t->c->eval_steps ? (size_t)t->c->eval_steps : t->total_steps / (size_t)t->c->num_epochs;
	size_t n_validations = 1 + t->total_steps / (every ? every : 1);
	return (double)(n_validations * t->valid.n_tokens + (1 + n_strengths) * t->general.n_tokens);
}

int train_forecast(const struct train_options *o, struct train_forecast *out, struct err *e)
{
	struct trainer t = {.model = o->model, .c = o->config, .memory_bytes = o->memory_bytes, .unvalidated = o->unvalidated};
	*out = (struct train_forecast){0};
	int rc = trainer_load(&t, o->data, e);
	if (rc == 0)
		rc = trainer_prepare(&t, o->adapter_init, o->out, e);
	if (rc == 0)
		rc = steps_measure(&t, o, out, e);
	if (rc == 0) {
		size_t window = (size_t)t.c->gradient_accumulation_steps, an_epoch = (t.plan.n_batches + window - 1) / window;
		double tokens = (double)t.train.n_tokens * (double)t.total_steps / (double)an_epoch;
		out->n_steps = t.total_steps;
		out->n_tokens = (size_t)(tokens + 0.5);
		out->seconds_low = (tokens + forward_share * forward_tokens(&t, STRENGTHS_FEWEST)) / out->tokens_per_s_high;
		out->seconds_high = (tokens + forward_share * forward_tokens(&t, STRENGTHS_MOST)) / out->tokens_per_s_low;
		out->memory = t.memory;
	}
	if (rc < 0)
		*out = (struct train_forecast){0};
	trainer_release(&t);
	return rc;
}

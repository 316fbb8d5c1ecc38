/*
 * One run's memory and its steps: micro-batches -> gradients in a tree -> clip -> AdamW. A step is a window of
 * gradient_accumulation_steps micro-batches of one epoch; the last window of an epoch may be shorter and is a step like any other.
 * Place in the pipeline: batch -> trainer -> loop. References: trainer.h; Loshchilov & Hutter 2019 (AdamW).
 */
#include "train/trainer.h"

#include <math.h>

#include "train/resources.h"

#define ADAM_BETA1 0.9
#define ADAM_BETA2 0.999
#define ADAM_EPSILON 1e-8

/* ---- setting up ------------------------------------------------------------------------------------------------------------- */

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t window_size(const struct trainer *t)
{
	return (size_t)t->c->gradient_accumulation_steps;
}

int trainer_load(struct trainer *t, const char *dir, struct err *e)
{
	const struct encoder *enc = model_encoder(t->model);
	size_t context = model_config(t->model)->context;
	char path[PATH_SIZE];
	if ((size_t)t->c->sequence_len > context)
		return err_set(e, ERR_USAGE, "sequence_len: %d is longer than the %zu tokens that %s can read; lower it",
			t->c->sequence_len, context, model_path(t->model));
	int rc = path_join(path, sizeof path, e, dir, "train.jsonl");
	if (!rc)
		rc = dataset_load(&t->train, path, enc, t->c, e);
	if (!rc)
		rc = path_join(path, sizeof path, e, dir, "valid.jsonl");
	if (rc)
		return rc;
	if (!file_exists(path)) {
		if (!t->unvalidated)
			log_line(LOG_WARNING, "%s: not there, so there will be no validation loss", path);
		return 0;
	}
	rc = dataset_load(&t->valid, path, enc, t->c, e);
	if (!rc)
		rc = dataset_check_leak(&t->train, &t->valid, e);
	return rc ? rc : dataset_take_distilled(&t->valid, &t->general, e);
}

/* Lays out every epoch once, to know the number of steps and the largest micro-batch. */
static int plans_make(struct trainer *t, struct err *e)
{
	size_t max_steps = (size_t)t->c->max_steps, epochs = (size_t)t->c->num_epochs;
	int rc = plan_init(&t->plan, &t->train, e);
	if (!rc)
		rc = plan_init(&t->valid_plan, &t->valid, e);
	if (!rc)
		rc = plan_init(&t->general_plan, &t->general, e);
	if (rc)
		return rc;
	for (size_t epoch = 0; max_steps ? t->total_steps < max_steps : epoch < epochs; epoch++) {
		plan_epoch(&t->plan, &t->train, t->c, epoch);
		t->total_steps += (t->plan.n_batches + window_size(t) - 1) / window_size(t);
		t->max_tokens = max_size(t->max_tokens, t->plan.max_tokens);
	}
	if (max_steps)
		t->total_steps = max_steps;
	plan_in_order(&t->valid_plan, &t->valid, t->c);
	t->max_tokens = max_size(t->max_tokens, t->valid_plan.max_tokens);
	plan_in_order(&t->general_plan, &t->general, t->c);
	t->max_tokens = max_size(t->max_tokens, t->general_plan.max_tokens);
	return 0;
}

/* Of a fresh adapter; the file of another has its own. */
static struct lora_config lora_config(const struct trainer *t)
{
	if (t->lora)
		return t->lora->config;
	return (struct lora_config){.r = (size_t)t->c->lora_r,
		.alpha = (float)t->c->lora_alpha,
		.use_rslora = t->c->use_rslora,
		.targets = t->c->lora_targets};
}

/* Plans the memory of all that is not there yet; held: what the process held before there was an adapter. */
static int memory_plan(struct trainer *t, size_t held, struct err *e)
{
	struct memory_case c = {.model = t->model,
		.lora = lora_config(t),
		.max_tokens = t->max_tokens,
		.window = window_size(t),
		.data_bytes = memory_of_rows(&t->train) + memory_of_rows(&t->valid) + memory_of_rows(&t->general),
		.held_bytes = held,
		.validates = t->valid.n > 0,
		.distills = dataset_distills(&t->train),
		.scored = (double)t->train.n_scored / (double)t->train.n_tokens};
	char text[128];
	c.n_params = t->lora ? t->lora->n_params : lora_size(t->model, &c.lora);
	int rc = memory_choose(&t->memory, &c, t->c, t->memory_bytes ? t->memory_bytes : memory_limit(),
		t->memory_bytes ? "what --memory allows" : "free here", e);
	if (rc)
		return rc;
	memory_text(text, sizeof text, &t->memory);
	log_line(LOG_INFO, "memory: %s", text);
	return 0;
}

static int lora_make(struct trainer *t, const char *adapter_init, struct err *e)
{
	size_t held = rss_bytes();
	int rc = adapter_init ? lora_open(&t->lora, t->model, adapter_init, e) : 0;
	if (!rc)
		rc = memory_plan(t, held, e);
	if (rc || adapter_init)
		return rc;
	const struct lora_config config = lora_config(t);
	return lora_new(&t->lora, t->model, &config, t->c->seed, e);
}

static int memory_make(struct trainer *t, const char *run, struct err *e)
{
	size_t n = t->lora->n_params, best = t->valid.n ? 1 : 0;
	/* three checkpoints at once, of weights, two moments and the best weights each, and the adapter twice */
	int rc = disk_check(run, (3 * (3 + best) + 2) * n * sizeof(float), e);
	if (!rc)
		rc = work_new_recomputing(&t->work, t->model, t->lora, t->max_tokens, t->memory.n_recomputed, e);
	if (!rc)
		rc = packer_init(&t->micro, t->max_tokens, t->max_tokens, e);
	if (!rc)
		rc = teacher_init(&t->teacher, t->model, &t->train, t->max_tokens, e);
	if (!rc)
		rc = grad_tree_init(&t->tree, n, window_size(t), e);
	if (rc)
		return rc;
	t->losses = mem_alloc(t->max_tokens, sizeof *t->losses, e);
	t->state.n_params = n;
	t->state.params = t->lora->params;
	t->state.m = mem_alloc(n, sizeof(float), e);
	t->state.v = mem_alloc(n, sizeof(float), e);
	if (!t->losses || !t->state.m || !t->state.v)
		return ERR_RESOURCE;
	t->state.best = best ? mem_alloc(n, sizeof(float), e) : NULL;
	return best && !t->state.best ? ERR_RESOURCE : 0;
}

int trainer_prepare(struct trainer *t, const char *adapter_init, const char *run, struct err *e)
{
	int rc = plans_make(t, e);
	if (!rc)
		rc = lora_make(t, adapter_init, e);
	if (!rc)
		rc = memory_make(t, run, e);
	if (!rc)
		plan_epoch(&t->plan, &t->train, t->c, 0);
	return rc;
}

void trainer_release(struct trainer *t)
{
	dataset_release(&t->train);
	dataset_release(&t->valid);
	dataset_release(&t->general);
	plan_release(&t->plan);
	plan_release(&t->valid_plan);
	plan_release(&t->general_plan);
	packer_release(&t->micro);
	teacher_release(&t->teacher);
	grad_tree_release(&t->tree);
	work_free(t->work);
	lora_free(t->lora);
	metrics_release(&t->state.metrics);
	json_decref(t->state.inputs);
	mem_free(t->losses);
	mem_free(t->state.m);
	mem_free(t->state.v);
	mem_free(t->state.best);
}

/* ---- one step ------------------------------------------------------------------------------------------------------------- */

static size_t window_end(const struct trainer *t)
{
	size_t end = t->state.next_batch + window_size(t);
	return end < t->plan.n_batches ? end : t->plan.n_batches;
}

/* Tokens of the samples of micro-batches first..end: all, those that are scored, and of these the distilled ones. */
static void window_count(const struct trainer *t, size_t first, size_t end, struct metrics_line *line)
{
	line->n_tokens = line->n_scored = line->n_distilled = 0;
	for (size_t i = t->plan.first[first]; i < t->plan.first[end]; i++) {
		const struct sample *s = &t->train.samples[t->plan.order[i]];
		line->n_tokens += s->n;
		line->n_scored += s->n_scored;
		line->n_distilled += s->distill ? s->n_scored : 0;
	}
}

static double losses_sum(const float *losses, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)losses[i];
	return sum;
}

static double mean(double sum, size_t n)
{
	return n ? sum / (double)n : 0;
}

/* Leaves the window's gradient in the tree. The divisor is the window's count, so that 8 x 1 rows equal 1 x 8. */
static int window_gradient(struct trainer *t, size_t end, struct metrics_line *line, struct err *e)
{
	double sum = 0, divergence = 0;
	grad_tree_reset(&t->tree);
	for (size_t b = t->state.next_batch; b < end; b++) {
		const struct batch *batch = &t->micro.batch;
		int rc = teacher_fill(&t->teacher, t->model, t->work, &t->micro, &t->train, &t->plan, t->state.epoch, b, e);
		if (!rc)
			rc = model_loss_and_grad(t->model, t->lora, t->work, batch, 1 / (float)line->n_scored, t->losses,
				grad_tree_next(&t->tree), e);
		if (rc)
			return rc;
		grad_tree_push(&t->tree);
		size_t n = batch->n_scored - batch->n_distilled;
		sum += losses_sum(t->losses, n);
		divergence += losses_sum(t->losses + n, batch->n_distilled);
	}
	line->loss = mean(sum, line->n_scored - line->n_distilled);
	line->kl = mean(divergence, line->n_distilled);
	return 0;
}

/* B learns loraplus_lr_ratio times faster than A (LoRA+, Hayou et al. 2024). */
static void adapters_update(struct trainer *t, const float *gradient, const struct adamw *of_a)
{
	struct adamw of_b = *of_a;
	struct train_state *s = &t->state;
	of_b.learning_rate *= (float)t->c->loraplus_lr_ratio;
	for (size_t i = 0; i < t->lora->n_layers * LORA_TARGETS; i++) {
		const struct lora_slot *slot = &t->lora->slot[i];
		size_t r = t->lora->config.r, a = slot->a, b = slot->bt;
		if (!slot->present)
			continue;
		kern->adamw(s->params + a, s->m + a, s->v + a, gradient + a, r * slot->n_in, of_a);
		kern->adamw(s->params + b, s->m + b, s->v + b, gradient + b, r * slot->n_out, &of_b);
	}
}

static int weights_update(struct trainer *t, struct metrics_line *line, struct err *e)
{
	struct train_state *s = &t->state;
	const float *gradient = grad_tree_sum(&t->tree);
	double step = (double)s->step + 1;
	line->grad_norm = sqrt(kern->sum_squares(gradient, s->n_params));
	line->lr = lr_at(t->c, s->step, t->total_steps);
	if (!isfinite(line->loss + line->kl) || !isfinite(line->grad_norm))
		return err_set(e, ERR_FAILED,
			"step %zu: the loss is %g and the gradient's norm %g, so the step was not taken; lower "
			"learning_rate (now %g) and train into a new folder",
			s->step + 1, line->loss + line->kl, line->grad_norm, t->c->learning_rate);
	const struct adamw update = {.learning_rate = (float)line->lr,
		.beta1 = (float)ADAM_BETA1,
		.beta2 = (float)ADAM_BETA2,
		.epsilon = (float)ADAM_EPSILON,
		.weight_decay = (float)t->c->weight_decay,
		.grad_scale = (float)clip_scale(line->grad_norm, t->c->max_grad_norm),
		.bias1 = (float)(1 - pow(ADAM_BETA1, step)),
		.bias2 = (float)(1 - pow(ADAM_BETA2, step))};
	adapters_update(t, gradient, &update);
	return 0;
}

int trainer_step(struct trainer *t, struct metrics_line *line, struct err *e)
{
	struct train_state *s = &t->state;
	double start = now_s();
	if (s->next_batch == t->plan.n_batches) {
		plan_epoch(&t->plan, &t->train, t->c, ++s->epoch);
		s->next_batch = 0;
	}
	size_t end = window_end(t);
	window_count(t, s->next_batch, end, line);
	int rc = line->n_scored ? window_gradient(t, end, line, e) : 0;
	if (!rc && line->n_scored)
		rc = weights_update(t, line, e);
	if (rc)
		return rc;
	double took = now_s() - start;
	s->next_batch = end;
	s->n_tokens += line->n_tokens;
	s->seconds += took;
	s->loss = line->loss;
	line->step = ++s->step;
	line->epoch = (double)s->epoch + (double)end / (double)t->plan.n_batches;
	line->tokens_per_s = (double)line->n_tokens / took;
	return 0;
}

/* ---- validation ------------------------------------------------------------------------------------------------------------ */

static int set_loss(
	struct trainer *t, const struct dataset *d, const struct plan *p, const struct lora *l, double *loss, struct err *e)
{
	double sum = 0;
	*loss = 0;
	for (size_t b = 0; b < p->n_batches; b++) {
		const struct batch *batch = &t->micro.batch;
		plan_fill(&t->micro, d, p, b);
		int rc = model_loss(t->model, l, t->work, batch, t->losses, e);
		if (rc)
			return rc;
		sum += losses_sum(t->losses, batch->n_scored);
	}
	*loss = sum / (double)d->n_scored;
	return 0;
}

int trainer_validate(struct trainer *t, double *loss, struct err *e)
{
	return set_loss(t, &t->valid, &t->valid_plan, t->lora, loss, e);
}

int trainer_general(struct trainer *t, const struct lora *l, double *loss, struct err *e)
{
	return set_loss(t, &t->general, &t->general_plan, l, loss, e);
}

/*
 * The run: load and check -> resume -> { step, validation, log, checkpoint } -> adapter, run.json.
 * Place in the pipeline: what the verb `train` calls. Reference: train.h.
 */
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/record.h"
#include "train/resources.h"
#include "train/strength.h"

enum { SAVE_STEPS = 50 }; /* with save_steps 0: at least so often, and at the end of each epoch */

struct run {
	const struct train_options *o;
	struct trainer trainer;
	size_t saved_step; /* of the newest checkpoint; SIZE_MAX: none yet */
	char metrics_path[PATH_SIZE];
	int lock_fd;
};

/* ---- the best step --------------------------------------------------------------------------------------------------------- */

/* Of the lowest validation loss so far; NULL without validation rows. */
static const struct point *best_find(const struct trainer *t, size_t *n_after)
{
	return curve_lowest(&t->state.metrics.eval_loss, n_after);
}

/* After a validation: remembers the weights when none was lower. */
static void best_keep(struct trainer *t)
{
	struct train_state *s = &t->state;
	size_t n_after;
	best_find(t, &n_after);
	if (!n_after)
		memcpy(s->best, s->params, s->n_params * sizeof *s->best);
}

static bool patience_is_over(const struct trainer *t)
{
	size_t n_after;
	return best_find(t, &n_after) && t->c->early_stopping_patience && n_after >= (size_t)t->c->early_stopping_patience;
}

/* After the last step: trained, or stopped early. */
static bool is_over(const struct trainer *t)
{
	return t->state.step == t->total_steps || patience_is_over(t);
}

/* ---- before the first step -------------------------------------------------------------------------------------------------- */

/* The log of the steps that count: what the checkpoint carries, or nothing yet but the loss before the first step. */
static int log_start(struct run *r, struct err *e)
{
	struct trainer *t = &r->trainer;
	const struct buf *text = &t->state.metrics.text;
	int rc = file_replace(r->metrics_path, text->len ? text->p : "", text->len, e);
	if (rc || text->len || !t->valid.n)
		return rc;
	struct metrics_line line = {.total_steps = t->total_steps, .evaluated = true};
	rc = trainer_validate(t, &line.eval_loss, e);
	if (!rc)
		rc = metrics_add(&t->state.metrics, &line, r->metrics_path, e);
	if (!rc)
		best_keep(t);
	return rc;
}

static int resume(struct run *r, struct err *e)
{
	struct trainer *t = &r->trainer;
	bool found;
	int rc = checkpoint_load(r->o->out, &t->state, &found, e);
	if (rc)
		return rc;
	r->saved_step = SIZE_MAX;
	if (found) {
		r->saved_step = t->state.step;
		plan_epoch(&t->plan, &t->train, t->c, t->state.epoch);
		log_line(LOG_INFO, "%s: continuing after step %zu of %zu", r->o->out, t->state.step, t->total_steps);
	}
	return log_start(r, e);
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------ */

/* At the end, every `interval` steps, or, where that is 0, at the end of each epoch. */
static bool is_due(const struct trainer *t, int interval)
{
	const struct train_state *s = &t->state;
	if (s->step == t->total_steps)
		return true;
	return interval ? s->step % (size_t)interval == 0 : s->next_batch == t->plan.n_batches;
}

static bool save_is_due(const struct trainer *t)
{
	return is_due(t, t->c->save_steps) || (!t->c->save_steps && t->state.step % SAVE_STEPS == 0);
}

static int save(struct run *r, struct err *e)
{
	const struct train_state *s = &r->trainer.state;
	char path[PATH_SIZE];
	struct buf svg = {0};
	int rc = r->saved_step == s->step ? 0 : checkpoint_save(r->o->out, s, e);
	if (!rc)
		r->saved_step = s->step;
	if (!rc)
		rc = svg_loss(&svg, &s->metrics.loss, &s->metrics.eval_loss, e);
	if (!rc)
		rc = path_join(path, sizeof path, e, r->o->out, "loss.svg");
	if (!rc)
		rc = file_replace(path, svg.p, svg.len, e);
	buf_release(&svg);
	return rc;
}

static void progress_show(struct progress *p, const struct train_state *s, const struct metrics_line *line)
{
	const struct curve *eval = &s->metrics.eval_loss;
	char detail[128], eval_text[32] = "";
	if (eval->n)
		snprintf(eval_text, sizeof eval_text, ", validation %.4f", eval->p[eval->n - 1].y);
	snprintf(detail, sizeof detail, "epoch %.2f, loss %.4f%s, %.0f tokens/s", line->epoch, line->loss, eval_text,
		line->tokens_per_s);
	progress_update(p, (double)s->step, detail);
}

static int step_run(struct run *r, struct metrics_line *line, struct err *e)
{
	struct trainer *t = &r->trainer;
	int rc = trainer_step(t, line, e);
	line->total_steps = t->total_steps;
	line->evaluated = !rc && t->valid.n && is_due(t, t->c->eval_steps);
	if (line->evaluated)
		rc = trainer_validate(t, &line->eval_loss, e);
	if (!rc)
		rc = metrics_add(&t->state.metrics, line, r->metrics_path, e);
	if (!rc && line->evaluated)
		best_keep(t);
	return rc;
}

static int steps_run(struct run *r, struct err *e)
{
	struct trainer *t = &r->trainer;
	struct progress progress;
	int rc = 0;
	progress_begin(&progress, "training", "steps", (double)t->total_steps);
	while (!rc && !is_over(t)) {
		struct metrics_line line = {0};
		rc = step_run(r, &line, e);
		bool stop = r->o->stop && *r->o->stop;
		if (!rc && (stop || is_over(t) || save_is_due(t)))
			rc = save(r, e);
		if (rc)
			break;
		progress_show(&progress, &t->state, &line);
		if (stop && !is_over(t))
			rc = err_set(e, ERR_STOPPED, "stopped after step %zu of %zu; the same command continues from there",
				t->state.step, t->total_steps);
	}
	progress_end(&progress);
	return rc;
}

/* Writes the adapter of the best step, as strong as it may be. The newest checkpoint, written before, has the weights of the last one. */
static int adapter_save(struct run *r, struct train_result *out, struct err *e)
{
	char temporary[PATH_SIZE], path[PATH_SIZE];
	const struct train_state *s = &r->trainer.state;
	if (s->best)
		memcpy(s->params, s->best, s->n_params * sizeof *s->params);
	int rc = strength_choose(&r->trainer, out, e);
	work_free(r->trainer.work); /* nothing is computed any more, and the tensors of the file need room */
	r->trainer.work = NULL;
	if (!rc)
		rc = path_join(temporary, sizeof temporary, e, r->o->out, ".adapter.unfinished");
	if (!rc)
		rc = path_join(path, sizeof path, e, r->o->out, "adapter");
	if (!rc)
		rc = dir_remove(temporary, e);
	if (!rc)
		rc = lora_save(r->trainer.lora, r->o->model, temporary, e);
	if (!rc)
		rc = passport_save(r->o->model, temporary, e);
	return rc ? rc : dir_publish(temporary, path, r->o->out, e);
}

static void result_fill(const struct run *r, struct train_result *out)
{
	const struct curve *eval = &r->trainer.state.metrics.eval_loss;
	size_t n_after;
	const struct point *best = best_find(&r->trainer, &n_after);
	*out = (struct train_result){.n_steps = r->trainer.state.step,
		.n_tokens = r->trainer.state.n_tokens,
		.seconds = r->trainer.state.seconds,
		.loss = r->trainer.state.loss,
		.eval_loss_first = eval->n ? eval->p[0].y : NAN,
		.eval_loss_last = eval->n ? eval->p[eval->n - 1].y : NAN,
		.best_step = best ? (size_t)best->x : r->trainer.state.step,
		.best_eval_loss = best ? best->y : NAN,
		.memory = r->trainer.memory,
		.stopped_early = r->trainer.state.step < r->trainer.total_steps && patience_is_over(&r->trainer)};
}

/* Says when the adapter is not what one expects, that of the last planned step. */
static void result_tell(const struct run *r, const struct train_result *out)
{
	if (out->stopped_early)
		log_line(LOG_INFO,
			"stopped early after step %zu of %zu, since the last %d validation losses were not lower than the best; "
			"the adapter written is that of step %zu, where it was %.4f",
			out->n_steps, r->trainer.total_steps, r->o->config->early_stopping_patience, out->best_step,
			out->best_eval_loss);
	else if (out->best_step < out->n_steps)
		log_line(LOG_INFO,
			"the adapter written is that of step %zu of %zu, where the validation loss was lowest: %.4f; it ended at "
			"%.4f",
			out->best_step, out->n_steps, out->best_eval_loss, out->eval_loss_last);
}

int train_run(const struct train_options *o, struct train_result *out, struct err *e)
{
	struct run r = {.o = o,
		.lock_fd = -1,
		.trainer = {.model = o->model, .c = o->config, .memory_bytes = o->memory_bytes, .unvalidated = o->unvalidated}};
	struct trainer *t = &r.trainer;
	*out = (struct train_result){0};
	int rc = dir_make(o->out, e);
	if (!rc)
		rc = dir_lock(&r.lock_fd, o->out, e);
	if (!rc)
		rc = path_join(r.metrics_path, sizeof r.metrics_path, e, o->out, "metrics.jsonl");
	if (!rc)
		rc = trainer_load(t, o->data, e);
	if (!rc)
		rc = inputs_make(&t->state.inputs, o, &t->train, &t->valid, e);
	if (!rc)
		rc = record_load(o->out, t->state.inputs, out, e);
	if (rc || out->finished_before)
		goto done;
	rc = trainer_prepare(t, o->adapter_init, o->out, e);
	if (!rc)
		rc = resume(&r, e);
	if (!rc)
		rc = steps_run(&r, e);
	result_fill(&r, out);
	if (!rc)
		rc = adapter_save(&r, out, e);
	if (!rc)
		rc = record_save(o, t->state.inputs, &t->train, &t->valid, out, e);
	if (!rc)
		result_tell(&r, out);
done:
	trainer_release(t);
	dir_unlock(r.lock_fd);
	return rc;
}

/*
 * metrics.jsonl: one line a step. The log is also kept in memory, because a checkpoint carries a copy of it: a resumed run puts
 * that copy back, and so no torn or repeated line can stay. Place in the pipeline: loop -> metrics -> a person. Reference:
 * train.h, "The run folder".
 */
#include "train/metrics.h"

#include <string.h>

static int curve_add(struct curve *c, double x, double y, struct err *e)
{
	if (mem_reserve(&c->p, c->n, &c->cap, sizeof *c->p, e))
		return ERR_RESOURCE;
	c->p[c->n++] = (struct point){.x = x, .y = y};
	return 0;
}

const struct point *curve_lowest(const struct curve *c, size_t *n_after)
{
	const struct point *lowest = NULL;
	for (size_t i = 0; i < c->n; i++)
		if (!lowest || c->p[i].y < lowest->y)
			lowest = &c->p[i];
	*n_after = lowest ? c->n - 1 - (size_t)(lowest - c->p) : 0;
	return lowest;
}

/*
 * Adds the figures of one line to the curves. They are always read from the text, so that what follows from them, such as which
 * step was the best, does not differ after a resume.
 */
static int curves_add(struct metrics *m, const char *line, size_t n, struct err *e)
{
	json_t *object = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *step = json_object_get(object, "step");
	const json_t *loss = json_object_get(object, "loss"), *eval_loss = json_object_get(object, "eval_loss");
	double x = json_number_value(step);
	int rc = json_is_integer(step) ? 0 : err_set(e, ERR_DATA, "metrics.jsonl: a line is not an object with a step");
	if (!rc && json_is_number(loss))
		rc = curve_add(&m->loss, x, json_number_value(loss), e);
	if (!rc && json_is_number(eval_loss))
		rc = curve_add(&m->eval_loss, x, json_number_value(eval_loss), e);
	json_decref(object);
	return rc;
}

int metrics_add(struct metrics *m, const struct metrics_line *l, const char *path, struct err *e)
{
	size_t start = m->text.len, mb = rss_bytes() >> 20;
	int rc =
		buf_printf(&m->text, e, "{\"step\": %zu, \"total_steps\": %zu, \"epoch\": %.6g", l->step, l->total_steps, l->epoch);
	if (!rc && l->step)
		rc = buf_printf(&m->text, e, ", \"loss\": %.9g, \"lr\": %.9g, \"grad_norm\": %.9g, \"tokens\": %zu", l->loss, l->lr,
			l->grad_norm, l->n_tokens);
	if (!rc && l->n_distilled)
		rc = buf_printf(&m->text, e, ", \"kl\": %.9g", l->kl);
	if (!rc && l->step)
		rc = buf_printf(&m->text, e, ", \"tokens_per_s\": %.1f", l->tokens_per_s);
	if (!rc && l->evaluated)
		rc = buf_printf(&m->text, e, ", \"eval_loss\": %.9g", l->eval_loss);
	if (!rc)
		rc = buf_printf(&m->text, e, ", \"rss_mb\": %zu}\n", mb);
	if (!rc)
		rc = curves_add(m, m->text.p + start, m->text.len - start, e);
	return rc ? rc : file_append(path, m->text.p + start, m->text.len - start, e);
}

int metrics_restore(struct metrics *m, const char *text, size_t n, struct err *e)
{
	int rc = buf_append(&m->text, text, n, e);
	for (size_t at = 0; !rc && at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		if (!end)
			return err_set(e, ERR_DATA, "metrics.jsonl: the last line is not complete");
		rc = curves_add(m, text + at, (size_t)(end - text) - at, e);
		at = (size_t)(end - text) + 1;
	}
	return rc;
}

void metrics_release(struct metrics *m)
{
	buf_release(&m->text);
	mem_free(m->loss.p);
	mem_free(m->eval_loss.p);
	*m = (struct metrics){0};
}

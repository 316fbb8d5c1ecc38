/*
 * flow_plan: what training would take here, and whether it is likely to be worth it, before there is any. Reference: flow.h; docs/decisions.md.
 */
#include "flow/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flow/page.h"

enum { COLUMNS = 100 };

/* A change waits for its training, and for a person who looks at what came of it: a day at least. */
static const double month_h = 720, look_h = 24;

static double points(double share)
{
	return 100 * share;
}

static int put_seconds(struct buf *b, double seconds, struct err *e)
{
	return seconds < 60      ? buf_printf(b, e, "%.0f s", ceil(seconds))
		: seconds < 3600 ? buf_printf(b, e, "%.0f min", ceil(seconds / 60))
				 : buf_printf(b, e, "%.1f h", seconds / 3600);
}

/* ---- whether ---------------------------------------------------------------------------------------------------------------- */

void plan_advise(struct plan *p, const struct job *j)
{
	static const char dont[] = "don't train", unknown[] = "cannot tell";
	const struct eval_forecast *g = &p->gain;
	const char *best = j->arm[g->best].name;
	double change_h = fmax(look_h, p->training.seconds_high / 3600);
	p->advice = dont;
	if (j->made.n_facts < EVAL_FEW)
		snprintf(p->why, WHY_SIZE,
			"the documents state %zu facts; what is asked of fewer than %d, a prompt or retrieval can hold.",
			j->made.n_facts, EVAL_FEW);
	else if (p->changes_a_month > month_h / change_h)
		snprintf(p->why, WHY_SIZE,
			"what the documents say changes %.0f times a month (--changes), and each change would wait %.0f hours for "
			"training "
			"and a look at what came of it. Retrieval knows it at once.",
			p->changes_a_month, change_h);
	else if (g->n >= EVAL_FEW && g->high < EVAL_LITTLE)
		snprintf(p->why, WHY_SIZE,
			"%s answers %.0f %% of %zu questions right. If training taught everything within reach and nothing was "
			"forgotten, "
			"that would be at most %.0f points more, and fewer than %.0f are not worth it. For terms and style alone "
			"it still "
			"might be; only a training tells.",
			best, points(g->arm[g->best].value), g->n, points(g->high), points(EVAL_LITTLE));
	else if (g->n < EVAL_FEW || p->reserved) {
		p->advice = unknown;
		snprintf(p->why, WHY_SIZE, "%s. Write at least %d questions whose answers you know into %s.",
			!g->n ? "there are no questions on the documents"
				: p->reserved
				? "these questions are in the words of the training rows, so they flatter what training would do"
				: "so few questions cannot tell 10 points",
			EVAL_FEW, j->questions);
	} else {
		p->advice = "may pay";
		snprintf(p->why, WHY_SIZE,
			"between %+.0f and %+.0f points of right answers over %s. The first is a fifth of what the nearest "
			"training rows "
			"answer and %s misses, the least that was ever seen; the second all that is within reach.",
			points(g->low), points(g->high), best, best);
	}
}

/* ---- for people ------------------------------------------------------------------------------------------------------------- */

static int put_training(struct buf *b, const struct plan *p, struct err *e)
{
	const struct train_forecast *t = &p->training;
	int rc = buf_printf(b, e, "training    about %zu steps, %zu tokens: ", t->n_steps, t->n_tokens);
	if (rc == 0)
		rc = put_seconds(b, t->seconds_low, e);
	if (rc == 0)
		rc = buf_puts(b, " to ", e);
	if (rc == 0)
		rc = put_seconds(b, t->seconds_high, e);
	return rc < 0 ? rc
		      : buf_printf(b, e,
				" at the %.0f to %.0f tokens/s of a few steps\nmemory      %zu MB at most, %zu of %zu layers "
				"recomputed\n",
				t->tokens_per_s_low, t->tokens_per_s_high, (t->memory.bytes >> 20) + 1, t->memory.n_recomputed,
				t->memory.n_layers);
}

static int put_questions(struct buf *b, const struct plan *p, const struct job *j, struct err *e)
{
	const struct eval_forecast *g = &p->gain;
	int rc = buf_printf(b, e, "questions   %zu on trained documents%s%s", g->n,
		p->reserved ? ", reserved phrasings of the training rows" : "", g->n ? "; right without training:" : "\n");
	for (size_t i = 0; i < UNTRAINED && g->n && rc == 0; i++)
		rc = buf_printf(b, e, " %s %.0f %%%s", j->arm[i].name, points(g->arm[i].value), i + 1 < UNTRAINED ? "," : "\n");
	if (rc == 0 && g->n)
		rc = buf_printf(b, e,
			"in reach    of all questions %s misses %.0f %% that the nearest training row answers, and %.0f %%\n"
			"            that one of the three nearest or a passage does\n",
			j->arm[g->best].name, points(g->nearest.value), points(g->near.value));
	return rc;
}

static int plan_page(const struct plan *p, const struct job *j, struct buf *out, struct err *e)
{
	struct buf b = {0};
	int rc = page_head(j->in, j->data, j->o->model, &j->made, out, e);
	if (rc == 0)
		rc = put_training(out, p, e);
	if (rc == 0)
		rc = put_questions(out, p, j, e);
	if (rc == 0)
		rc = buf_printf(&b, e, "%c%s: %s", p->advice[0] ^ 32, p->advice + 1, p->why);
	if (rc == 0)
		rc = buf_puts(out, "\n", e);
	if (rc == 0)
		rc = eval_wrap(out, b.p, COLUMNS, e);
	buf_release(&b);
	return rc;
}

/* ---- for programs ----------------------------------------------------------------------------------------------------------- */

static int plan_json(const struct plan *p, const struct job *j, struct buf *out, struct err *e)
{
	const struct train_forecast *t = &p->training;
	const struct eval_forecast *g = &p->gain;
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:{s:I, s:I, s:[f, f], s:[f, f], s:I, s:I}}", "advice", p->advice,
		"why", p->why, "model", j->o->model, "facts", (json_int_t)j->made.n_facts, "rows", (json_int_t)j->made.n_train,
		"changes_a_month", p->changes_a_month, "training", "steps", (json_int_t)t->n_steps, "tokens",
		(json_int_t)t->n_tokens, "tokens_per_s", t->tokens_per_s_low, t->tokens_per_s_high, "seconds", t->seconds_low,
		t->seconds_high, "memory_bytes", (json_int_t)t->memory.bytes, "layers_recomputed",
		(json_int_t)t->memory.n_recomputed);
	json_t *arms = json_object(), *q = json_pack("{s:I, s:b}", "n", (json_int_t)g->n, "reserved", p->reserved);
	for (size_t i = 0; i < UNTRAINED && g->n; i++)
		json_object_set_new(arms, j->arm[i].name, eval_estimate_json(&g->arm[i]));
	if (g->n)
		json_object_update_new(q,
			json_pack("{s:s, s:o, s:o, s:[o, o]}", "best", j->arm[g->best].name, "nearest",
				eval_estimate_json(&g->nearest), "near", eval_estimate_json(&g->near), "gain", json_measure(g->low),
				json_measure(g->high)));
	json_object_set_new(q, "arms", arms);
	json_object_set_new(o, "questions", q);
	int rc = json_line(out, o, e);
	json_decref(o);
	return rc;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------- */

int flow_plan(const struct flow_run_options *o, double changes_a_month, struct buf *page, struct buf *json, struct err *e)
{
	struct job *j = mem_alloc(1, sizeof *j, e);
	struct plan p = {.changes_a_month = changes_a_month};
	char path[PATH_SIZE], reserved[PATH_SIZE];
	if (!j)
		return ERR_RESOURCE;
	int rc = job_open(j, o, e);
	if (rc == 0) { /* first: where there is too little memory, nothing else matters */
		const struct train_options t = {.model = j->model,
			.config = o->config,
			.data = j->data,
			.out = o->out,
			.memory_bytes = o->memory_bytes,
			.stop = o->stop};
		rc = train_forecast(&t, &p.training, e);
	}
	if (rc == 0 && (p.reserved = !file_exists(j->questions))) {
		if ((rc = dir_make(j->out, e)) == 0 &&
			(rc = path_join(reserved, sizeof reserved, e, j->out, "reserved.jsonl")) == 0)
			rc = eval_reserved_questions(j->data, reserved, e);
		j->eval.questions = reserved;
	}
	if (rc == 0)
		rc = job_ask(j, BASE, UNTRAINED, e);
	if (rc == 0)
		rc = eval_forecast(&j->eval, j->arm, UNTRAINED, &p.gain, e);
	if (rc == 0) {
		plan_advise(&p, j);
		rc = plan_page(&p, j, page, e);
	}
	if (rc == 0)
		rc = plan_json(&p, j, json, e);
	if (rc == 0 && (rc = path_join(path, sizeof path, e, o->out, "plan.json")) == 0)
		rc = file_replace(path, json->p, json->len, e);
	job_close(j);
	mem_free(j);
	return rc;
}

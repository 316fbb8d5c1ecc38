/*
 * eval.json: every number of an evaluation and every judgement it rests on. Reference: docs/formats.md.
 */
#include "eval/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What was not measured is null. */
static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *estimate(const struct eval_estimate *s)
{
	return json_pack("{s:I, s:I, s:o, s:o, s:o}", "k", (json_int_t)s->k, "n", (json_int_t)s->n, "value", number(s->value),
		"low", number(s->low), "high", number(s->high));
}

static json_t *axes_json(const struct comparison *c)
{
	json_t *all = json_object();
	for (int a = 0; a < EVAL_AXES; a++) {
		const struct eval_line *l = &c->result->axis[a];
		json_object_set_new(all, axes[a].key,
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:s}", "name", axes[a].name, c->arms[0].name, estimate(&l->base),
				c->arms[1].name, estimate(&l->tuned), "change", estimate(&l->change), "p", number(l->p), "reading",
				axis_reading((enum eval_axis)a, l)));
	}
	return all;
}

static json_t *guards_json(const struct comparison *c)
{
	const struct eval_result *r = c->result;
	const char *base = c->arms[0].name, *tuned = c->arms[1].name;
	json_t *constant = estimate(&r->constant);
	json_object_set_new(constant, "text", c->constant ? json_string(c->constant) : json_null());
	return json_pack("{s:o, s:o, s:o, s:{s:o, s:o}, s:{s:o, s:o}, s:{s:o, s:o}}", "constant", constant, "overlap",
		estimate(&r->overlap), "general_text_relative", estimate(&c->general), "all_questions", base,
		estimate(&r->all_base), tuned, estimate(&r->all_tuned), "twins_right", base, estimate(&c->twins[0]), tuned,
		estimate(&c->twins[1]), "terms_per_100_words", base, number(c->terms_per_100_words[0]), tuned,
		number(c->terms_per_100_words[1]));
}

static json_t *judged_json(const struct record *r, int arm)
{
	const struct judgement *j = &r->judged[arm];
	return json_pack("{s:s, s:b, s:b, s:s?, s:o*}", "text", r->text[arm], "right", j->right, "refused", j->refused, "competing",
		j->competing, "accepted", r->q->false_premise ? json_boolean(record_accepts(r, arm)) : NULL);
}

static json_t *records_json(const struct comparison *c)
{
	json_t *all = json_array();
	for (size_t i = 0; i < c->questions.n; i++) {
		const struct record *r = &c->record[i];
		const struct question *q = r->q;
		json_array_append_new(all,
			json_pack("{s:s, s:s, s:O, s:s, s:b, s:b, s:b, s:b, s:o, s:o}", "id", q->id, "question", q->text, "answers",
				json_object_get(q->json, "answers"), "source", q->source, "false_premise", q->false_premise, "twin",
				q->is_twin, "unseen", q->unseen, "overlap", r->overlap, c->arms[0].name, judged_json(r, 0),
				c->arms[1].name, judged_json(r, 1)));
	}
	return all;
}

int result_write(const struct comparison *c, struct buf *out, struct err *e)
{
	const struct eval_job *j = c->job;
	struct buf name = {0}; /* a path, which may be any bytes */
	int rc = utf8_append(&name, j->model_name, strlen(j->model_name), e);
	json_t *all = rc < 0
		? NULL
		: json_pack("{s:b, s:s, s:{s:s, s:s, s:s}, s:{s:o, s:I}, s:o, s:o, s:o}", "worth_it", c->result->worth_it,
			  "verdict", c->result->verdict, "model", "name", name.p ? name.p : "", "key", j->model_key, "adapter",
			  c->arms[1].key, "training", "seconds", number(j->train_seconds), "tokens", (json_int_t)j->train_tokens,
			  "axes", axes_json(c), "guards", guards_json(c), "questions", records_json(c));
	char *text = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
	if (rc == 0)
		rc = text ? buf_printf(out, e, "%s\n", text) : err_set(e, ERR_RESOURCE, "out of memory while writing eval.json");
	free(text);
	json_decref(all);
	buf_release(&name);
	return rc;
}

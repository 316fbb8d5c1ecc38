/*
 * eval.json: every number of an evaluation and every judgement it rests on. Reference: docs/formats.md.
 */
#include "eval/compare.h"

#include <stdlib.h>
#include <string.h>

json_t *eval_estimate_json(const struct eval_estimate *s)
{
	return json_pack("{s:I, s:I, s:o, s:o, s:o}", "k", (json_int_t)s->k, "n", (json_int_t)s->n, "value", json_measure(s->value),
		"low", json_measure(s->low), "high", json_measure(s->high));
}

/* One estimate an arm, under the arms' names. */
static json_t *estimates(const struct comparison *c, const struct eval_estimate *arm)
{
	json_t *all = json_object();
	for (size_t i = 0; i < c->n_arms; i++)
		json_object_set_new(all, c->arms[i].name, eval_estimate_json(&arm[i]));
	return all;
}

static json_t *changes(const struct comparison *c, enum eval_axis a)
{
	const struct eval_line *l = &c->result->axis[a];
	json_t *all = json_object();
	for (size_t i = 1; i < c->n_arms; i++) {
		json_t *one = eval_estimate_json(&l->change[i]);
		json_object_set_new(one, "p", json_measure(l->p[i]));
		json_object_set_new(one, "reading", json_string(axis_reading(c->result, a, i)));
		json_object_set_new(one, "holm", json_measure(l->holm[i]));
		json_object_set_new(one, "detectable", json_measure(l->detectable[i]));
		json_object_set_new(all, c->arms[i].name, one);
	}
	return all;
}

static json_t *axes_json(const struct comparison *c)
{
	json_t *all = json_object();
	for (int a = 0; a < EVAL_AXES; a++)
		json_object_set_new(all, axes[a].key,
			json_pack("{s:s, s:o, s:o}", "name", axes[a].name, "arms", estimates(c, c->result->axis[a].arm), "change",
				changes(c, (enum eval_axis)a)));
	return all;
}

static json_t *guards_json(const struct comparison *c)
{
	const struct eval_result *r = c->result;
	json_t *constant = eval_estimate_json(&r->constant), *terms = json_object(), *claims = json_object(),
	       *verbatim = json_object(), *faults = json_object(), *unsound = json_object();
	json_object_set_new(constant, "text", c->constant ? json_string(c->constant) : json_null());
	for (size_t i = 0; i < c->n_arms; i++) {
		json_object_set_new(terms, c->arms[i].name, json_measure(c->terms_per_100_words[i]));
		json_object_set_new(faults, c->arms[i].name, json_measure(c->violations_per_100_words[i]));
		json_object_set_new(verbatim, c->arms[i].name, json_measure(c->verbatim[i]));
		json_object_set_new(unsound, c->arms[i].name, r->unsound[i] ? json_string(r->unsound[i]) : json_null());
		json_object_set_new(claims, c->arms[i].name, json_measure(c->claims_per_answer[i]));
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "constant", constant, "overlap",
		eval_estimate_json(&r->overlap), "general_text_relative", eval_estimate_json(&c->general), "all_questions",
		estimates(c, r->all), "twins_right", estimates(c, c->twins), "terms_per_100_words", terms, "claims_per_answer",
		claims, "refuses", estimates(c, c->refuses), "copies", estimates(c, c->copies), "verbatim", verbatim,
		"style_faults_per_100_words", faults, "unsound", unsound);
}

static json_t *judged_json(const struct record *r, size_t arm)
{
	const struct judgement *j = &r->judged[arm];
	json_t *unsupported = json_array();
	for (size_t i = 0; i < r->claims[arm].n; i++) {
		const struct evidence_claim *claim = &r->claims[arm].p[i];
		if (!claim->supported)
			json_array_append_new(unsupported, json_stringn(r->text[arm] + claim->start, claim->end - claim->start));
	}
	json_t *edits = r->q->reference ? json_integer((json_int_t)r->edits[arm]) : NULL;
	return json_pack("{s:s, s:b, s:b, s:s?, s:I, s:o, s:I, s:o*, s:o*, s:o*}", "text", r->text[arm], "right", j->right,
		"refused", j->refused, "competing", j->competing, "claims", (json_int_t)r->claims[arm].n, "unsupported",
		unsupported, "style_faults", (json_int_t)r->violations[arm], "accepted",
		r->q->false_premise ? json_boolean(record_accepts(r, arm)) : NULL, "edits", edits, "chrf",
		r->q->reference ? json_real(r->chrf[arm]) : NULL);
}

static json_t *records_json(const struct comparison *c)
{
	json_t *all = json_array();
	for (size_t i = 0; i < c->questions.n; i++) {
		const struct record *r = &c->record[i];
		const struct question *q = r->q;
		json_t *one = json_pack("{s:s, s:s, s:O, s:s, s:b, s:b, s:b, s:b}", "id", q->id, "question", q->text, "answers",
			json_object_get(q->json, "answers"), "source", q->source, "false_premise", q->false_premise, "twin",
			q->is_twin, "unseen", q->unseen, "overlap", q->overlap);
		if (q->leak)
			json_object_set_new(one, "leak", json_integer((json_int_t)q->leak));
		for (size_t arm = 0; arm < c->n_arms; arm++)
			json_object_set_new(one, c->arms[arm].name, judged_json(r, arm));
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *advice_json(const struct comparison *c)
{
	json_t *all = json_array();
	for (size_t i = 0; i < c->n_advice; i++) {
		const struct advice *a = &c->advice[i];
		json_array_append_new(all,
			json_pack("{s:s, s:s, s:s, s:s}", "point", a->point, "speaks_for", a->for_training ? "training" : "prompt",
				"holds", advice_names[a->holds], "why", a->why));
	}
	return all;
}

static json_t *break_even_json(const struct comparison *c)
{
	const struct eval_result *r = c->result;
	const struct eval_costs *k = &c->job->costs;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "answers_a_month", json_measure(k->answers_a_month), "setup_hours",
		json_measure(k->setup_hours), "upkeep_hours", json_measure(k->upkeep_hours), "minutes_saved",
		json_measure(r->minutes_saved), "hours_a_month", json_measure(r->hours_a_month), "months", json_measure(r->months));
}

static const char *adapter_key(const struct comparison *c)
{
	for (size_t i = 0; i < c->n_arms; i++)
		if (arm_is_trained(&c->arms[i]))
			return c->arms[i].key;
	return "";
}

int result_write(const struct comparison *c, struct buf *out, struct err *e)
{
	const struct eval_job *j = c->job;
	struct buf name = {0}; /* a path, which may be any bytes */
	int rc = utf8_append(&name, j->model_name, strlen(j->model_name), e);
	json_t *all = rc < 0 ? NULL
			     : json_pack("{s:b, s:s, s:s, s:{s:s, s:s, s:s}, s:{s:o, s:I}, s:o, s:o, s:o, s:o, s:o}", "worth_it",
				       c->result->worth_it, "best", c->arms[c->result->best].name, "verdict", c->result->verdict,
				       "model", "name", name.p ? name.p : "", "key", j->model_key, "adapter", adapter_key(c),
				       "training", "seconds", json_measure(j->train_seconds), "tokens", (json_int_t)j->train_tokens,
				       "recommendation", advice_json(c), "break_even", break_even_json(c), "axes", axes_json(c),
				       "guards", guards_json(c), "questions", records_json(c));
	char *text = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
	if (rc == 0)
		rc = text ? buf_printf(out, e, "%s\n", text) : err_set(e, ERR_RESOURCE, "out of memory while writing eval.json");
	free(text);
	json_decref(all);
	buf_release(&name);
	return rc;
}

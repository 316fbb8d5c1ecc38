/*
 * What usually speaks for training and what for a prompt, point by point, as far as it was measured, and when training would have paid for itself.
 * Reference: eval.h, compare.h.
 */
#include "eval/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/model.h"

/* Set before anything was measured. */
static const double at_scale = 1000;            /* answers a month that nobody reads all of */
static const double always = 0.9;               /* of the answers, with 95 % certainty */
static const double long_s = 8 * 3600;          /* training that does not fit into a night */
static const double edits_a_minute = 15;        /* words that an editor changes, reading included */
static const double minutes_a_wrong_answer = 3; /* where there is no reference to count edits by */
static const double bytes_a_token = 4;          /* of English */

const char *const advice_names[ADVICE_ANSWERS] = {[ADVICE_UNKNOWN] = "cannot tell", [ADVICE_YES] = "yes", [ADVICE_NO] = "no"};

static double percent(double share)
{
	return 100 * share;
}

static struct advice *advice_next(struct comparison *c, const char *point, bool for_training)
{
	struct advice *a = &c->advice[c->n_advice++];
	*a = (struct advice){.point = point, .for_training = for_training, .holds = ADVICE_UNKNOWN};
	return a;
}

/* Yes if training surely adds to the axis, no if it surely adds little. */
static int gain_read(struct comparison *c, struct advice *out, enum eval_axis a, const char *what, struct err *e)
{
	const struct eval_estimate *arm = c->result->axis[a].arm;
	size_t than = untrained_best(c, a);
	struct stats_paired paired;
	if (!arm[0].n) {
		snprintf(out->why, sizeof out->why, "%s was not measured", what);
		return 0;
	}
	int rc = axis_change(c, a, than, c->trained, &paired, e);
	out->holds = paired.change.low > 0 ? ADVICE_YES : paired.change.high < EVAL_LITTLE ? ADVICE_NO : ADVICE_UNKNOWN;
	snprintf(out->why, sizeof out->why, "%s: %s %.0f %%, without training at best %.0f %% (%s), change %+.0f to %+.0f", what,
		c->arms[c->trained].name, percent(arm[c->trained].value), percent(arm[than].value), c->arms[than].name,
		percent(paired.change.low), percent(paired.change.high));
	return rc;
}

static int consistent_read(struct comparison *c, struct err *e)
{
	struct advice *a = advice_next(c, "output is at scale and must be consistent", true);
	int rc = gain_read(c, a, EVAL_STYLE, "answers without style faults", e);
	size_t n = strlen(a->why);
	snprintf(a->why + n, sizeof a->why - n, "; %.0f answers a month", c->job->costs.answers_a_month);
	if (c->job->costs.answers_a_month < at_scale)
		a->holds = ADVICE_NO;
	return rc;
}

static void always_read(struct comparison *c)
{
	struct advice *a = advice_next(c, "a tone or format must hold always", true);
	const struct eval_estimate *arm = c->result->axis[EVAL_STYLE].arm, *with = &arm[c->trained],
				   *without = &arm[untrained_best(c, EVAL_STYLE)];
	if (!with->n) {
		snprintf(a->why, sizeof a->why, "style was not measured");
		return;
	}
	a->holds = with->high < always || without->low >= always ? ADVICE_NO : with->low >= always ? ADVICE_YES : ADVICE_UNKNOWN;
	snprintf(a->why, sizeof a->why, "it holds in %.0f to %.0f %% of the answers with training, %.0f to %.0f %% without",
		percent(with->low), percent(with->high), percent(without->low), percent(without->high));
}

static void context_read(struct comparison *c)
{
	struct advice *a = advice_next(c, "the needed context does not fit into a prompt", true);
	const struct eval_line *known = &c->result->axis[EVAL_KNOWN];
	double tokens = (double)c->document_bytes / bytes_a_token;
	size_t context = c->job->model ? model_config(c->job->model)->context : 0, rag = 0;
	for (size_t i = 1; i < c->n_arms; i++)
		if (c->arms[i].context == EVAL_PASSAGES && !arm_is_trained(&c->arms[i]))
			rag = i;
	if (!c->document_bytes || !context) {
		snprintf(a->why, sizeof a->why, "the documents or the model's context are not known");
		return;
	}
	bool fits = tokens < (double)context, found = rag && known->change[rag].low > 0;
	a->holds = fits || found ? ADVICE_NO : ADVICE_YES;
	snprintf(a->why, sizeof a->why, "the documents are about %.0f tokens, the context holds %zu%s", tokens, context,
		fits            ? ""
			: found ? ", but what a question needs does: retrieval finds it"
				: "");
}

static int prompt_read(struct comparison *c, struct err *e)
{
	struct advice *a = advice_next(c, "volume is moderate and people review it anyway", false);
	a->holds = c->job->costs.answers_a_month < at_scale ? ADVICE_YES : ADVICE_NO;
	snprintf(a->why, sizeof a->why, "%.0f answers a month; from %.0f on nobody reads all", c->job->costs.answers_a_month,
		at_scale);
	a = advice_next(c, "terminology is close to general usage", false);
	int rc = gain_read(c, a, EVAL_TERMS, "answers in preferred terms", e);
	if (a->holds != ADVICE_UNKNOWN)
		a->holds = a->holds == ADVICE_YES ? ADVICE_NO : ADVICE_YES;
	a = advice_next(c, "behaviour must change quickly without retraining", false);
	if (c->job->train_seconds > 0) {
		a->holds = c->job->train_seconds > long_s ? ADVICE_YES : ADVICE_NO;
		snprintf(a->why, sizeof a->why, "a change takes %.1f hours of training here", c->job->train_seconds / 3600);
	} else
		snprintf(a->why, sizeof a->why, "how long training takes is not known");
	return rc;
}

/* ---- break-even --------------------------------------------------------------------------------------------------------------- */

static double minutes_saved(const struct comparison *c, const char **by)
{
	const struct eval_estimate *ter = c->result->axis[EVAL_TER].arm, *known = c->result->axis[EVAL_KNOWN].arm;
	double words = 0, n = 0;
	for (size_t i = 0; i < c->n_counted; i++) {
		words += (double)c->record[i].reference_words;
		n += c->record[i].q->reference != NULL;
	}
	*by = n > 0 ? "by the edits that its answers need less" : "by the answers that it has right more often, 3 minutes each";
	if (n > 0)
		return (ter[c->untrained].value - ter[c->trained].value) * words / n / edits_a_minute;
	return (known[c->trained].value - known[c->untrained].value) * minutes_a_wrong_answer;
}

static void break_even(struct comparison *c)
{
	const struct eval_costs *k = &c->job->costs;
	struct eval_result *r = c->result;
	const char *by;
	r->minutes_saved = minutes_saved(c, &by);
	r->hours_a_month = r->minutes_saved * k->answers_a_month / 60 - k->upkeep_hours;
	r->months = r->hours_a_month > 0 ? k->setup_hours / r->hours_a_month : INFINITY;
	if (!isfinite(r->minutes_saved))
		r->break_even[0] = 0;
	else if (r->hours_a_month > 0)
		snprintf(r->break_even, sizeof r->break_even,
			"Break-even: against %s, %s saves %.2f minutes an answer, %s; at %.0f answers a month (--volume) that is "
			"%.0f hours "
			"more than %.0f of upkeep, so %.0f hours of setting up are back after %.1f months.",
			c->arms[c->untrained].name, c->arms[c->trained].name, r->minutes_saved, by, k->answers_a_month,
			r->hours_a_month, k->upkeep_hours, k->setup_hours, r->months);
	else
		snprintf(r->break_even, sizeof r->break_even,
			"Break-even: never at %.0f answers a month (--volume): against %s, %s saves %.2f minutes an answer, %s, "
			"which does not "
			"pay for %.0f hours of upkeep a month.",
			k->answers_a_month, c->arms[c->untrained].name, c->arms[c->trained].name, r->minutes_saved, by,
			k->upkeep_hours);
}

int advice_fill(struct comparison *c, struct err *e)
{
	int rc = consistent_read(c, e);
	if (rc == 0)
		rc = gain_read(c, advice_next(c, "the domain's terms are ones that general models misuse", true), EVAL_TERMS,
			"answers in preferred terms", e);
	always_read(c);
	context_read(c);
	if (rc == 0)
		rc = prompt_read(c, e);
	break_even(c);
	return rc;
}

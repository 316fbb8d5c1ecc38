/*
 * Was it worth it? Training has to beat the best arm that does without, on questions about trained documents, with an interval that excludes zero
 * and no harm: general text within its margin, false premises not surely accepted more often; else a prompt or retrieval has to beat the base;
 * everything else is said as it is.
 */
#include "eval/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Harm below these is accepted for a gain in knowledge (of false premises also what the questions cannot tell); set before anything was measured. */
static const double margin_general = 0.02, margin_false_premise = 0.05;
/* What is worth a warning. */
static const double much = 0.1;

/* An arm, measured against another one. */
struct pick {
	size_t arm, than;
	struct eval_estimate change; /* of questions on trained documents */
	double detectable;           /* the smallest change that they would tell */
};

static double points(double share)
{
	return 100 * share;
}

/* "opening: of 62 questions on its documents NAME answers 66 % right, THAN 2 % (+65 points, ...)ending." */
static int put_knowledge(
	struct buf *b, const struct comparison *c, const struct pick *p, const char *opening, const char *ending, struct err *e)
{
	const struct eval_line *known = &c->result->axis[EVAL_KNOWN];
	size_t n = known->arm[0].n;
	int rc = buf_printf(b, e, "%s: of %zu question%s on its documents %s answers %.0f %% right, %s %.0f %% (%+.0f points",
		opening, n, n == 1 ? "" : "s", c->arms[p->arm].name, points(known->arm[p->arm].value), c->arms[p->than].name,
		points(known->arm[p->than].value), points(p->change.value));
	if (rc == 0 && isfinite(p->change.low))
		rc = buf_printf(b, e, ", 95 %% interval %+.0f to %+.0f", points(p->change.low), points(p->change.high));
	return rc < 0 ? rc : buf_printf(b, e, ")%s.", ending);
}

static int put_texts(struct buf *b, const struct comparison *c, struct err *e)
{
	const struct eval_line *unseen = &c->result->axis[EVAL_UNSEEN_TEXT];
	int rc = buf_puts(b, "Cannot tell: there are no questions on the documents.", e);
	for (size_t arm = 1; arm < c->n_arms && rc == 0; arm++)
		if (unseen->change[arm].n)
			rc = buf_printf(b, e, " Held-out documents cost %s %.3f bits per byte and %s %.3f (%s).", c->arms[0].name,
				unseen->arm[0].value, c->arms[arm].name, unseen->arm[arm].value,
				axis_reading(c->result, EVAL_UNSEEN_TEXT, arm));
	return rc < 0 ? rc
		      : buf_puts(b,
				" Write a file of questions whose answers you know, one a line: {\"id\": \"1\", \"question\": "
				"\"How long ...?\", \"answers\": [\"18 seconds\"], \"source\": \"plans.md\"}.",
				e);
}

/* What a reader must know of the arm that was talked about, even when the rest is good. */
static int put_warnings(struct buf *b, const struct comparison *c, size_t arm, struct err *e)
{
	const struct eval_result *r = c->result;
	const struct eval_estimate *accepted = &r->axis[EVAL_FALSE_PREMISE].arm[arm],
				   *refused = &r->axis[EVAL_OVER_REFUSAL].arm[arm];
	bool trained = arm_is_trained(&c->arms[arm]);
	int rc = 0;
	for (size_t i = 1; i < c->n_arms && rc == 0; i++)
		if (r->unsound[i])
			rc = buf_printf(b, e, " No gain of %s counts, since it %s half of the time or more.", c->arms[i].name,
				r->unsound[i]);
	if (rc == 0 && leaks_count(&c->questions))
		rc = buf_printf(b, e, " %zu of %zu questions stand in the training rows and were left out.",
			leaks_count(&c->questions), c->questions.n);
	if (rc == 0 && trained && r->bpb_general_ratio > margin_general)
		rc = buf_printf(b, e, " General text got %.1f %% worse.", points(r->bpb_general_ratio));
	if (rc == 0 && accepted->n && accepted->value > much)
		rc = buf_printf(b, e, " It accepts %.0f %% of false premises.", points(accepted->value));
	if (rc == 0 && refused->n && refused->value > much)
		rc = buf_printf(b, e, " It refuses %.0f %% of questions that can be answered.", points(refused->value));
	if (rc == 0 && trained && c->arms[arm].context == EVAL_ALONE && r->axis[EVAL_UNSEEN].change[arm].low > 0)
		rc = buf_puts(b, " It gained on documents that it never saw: look for a leak.", e);
	if (rc == 0 && r->constant.n && r->constant.value > much)
		rc = buf_printf(b, e, " One constant answer would score %.0f %%.", points(r->constant.value));
	return rc;
}

/* Do the answers of two arms surely differ on this axis? 1: `arm` is the better one; -1: the worse; 0: cannot tell. */
static int differs(const struct comparison *c, enum eval_axis a, size_t arm, size_t than, int *out, struct err *e)
{
	struct stats_paired paired;
	int rc = axis_change(c, a, than, arm, &paired, e);
	if (rc == 0)
		*out = (axes[a].better == HIGHER ? 1 : -1) * ((paired.change.low > 0) - (paired.change.high < 0));
	return rc;
}

/*
 * Is `arm` the better choice of its kind? A sound one is, then the one that answers more. Trained arms are told apart by a sure gain over the best one
 * without training first, and where their right answers cannot be told apart, by their harm; those without are what training has to beat, so the
 * one with most right answers stands for them.
 */
static int is_better(const struct comparison *c, size_t arm, size_t than, bool *out, struct err *e)
{
	static const enum eval_axis axis[] = {EVAL_KNOWN, EVAL_FALSE_PREMISE, EVAL_UNSUPPORTED};
	const struct eval_result *r = c->result;
	const struct eval_estimate *known = r->axis[EVAL_KNOWN].arm;
	int told = !r->unsound[arm] - !r->unsound[than], gain[2] = {0}, rc = 0;
	if (!told && arm_is_trained(&c->arms[arm])) {
		rc = differs(c, EVAL_KNOWN, arm, c->untrained, &gain[0], e);
		if (rc == 0)
			rc = differs(c, EVAL_KNOWN, than, c->untrained, &gain[1], e);
		told = (gain[0] > 0) - (gain[1] > 0);
		for (size_t i = 0; i < 3 && rc == 0 && !told; i++)
			rc = differs(c, axis[i], arm, than, &told, e);
	}
	*out = told ? told > 0 : known[arm].value > known[than].value;
	return rc;
}

/* The best arm of this kind, of equals the first. There is a trained one, and the base is an untrained one. */
static int best_of(const struct comparison *c, bool trained, size_t *out, struct err *e)
{
	int rc = 0;
	*out = SIZE_MAX;
	for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
		bool better = *out == SIZE_MAX;
		if (arm_is_trained(&c->arms[arm]) != trained)
			continue;
		if (!better)
			rc = is_better(c, arm, *out, &better, e);
		*out = better ? arm : *out;
	}
	return rc;
}

static int pick_fill(struct pick *p, const struct comparison *c, size_t arm, size_t than, struct err *e)
{
	struct stats_paired paired;
	int rc = axis_change(c, EVAL_KNOWN, than, arm, &paired, e);
	*p = (struct pick){arm, than, paired.change, stats_detectable(paired.error)};
	return rc;
}

/* What is recommended where training is not. */
static const char *instead_of_training(enum eval_context context)
{
	switch (context) {
	case EVAL_PROMPT:
		return "Prompt, don't train";
	case EVAL_PASSAGES:
		return "Retrieve, don't train";
	default:
		return "Stay with what answers today, don't train";
	}
}

/* Training is not worth it, but a prompt or retrieval is: both said with their numbers, and what training would still be for. */
static int put_untrained(struct buf *b, const struct comparison *c, const struct pick *trained, struct err *e)
{
	const struct eval_line *terms = &c->result->axis[EVAL_TERMS];
	struct pick found;
	int rc = pick_fill(&found, c, trained->than, 0, e);
	if (rc == 0)
		rc = put_knowledge(b, c, &found, instead_of_training(c->arms[found.arm].context), "", e);
	if (rc == 0)
		rc = buf_printf(b, e, " With training, %s answers %.0f %%: %s.", c->arms[trained->arm].name,
			points(c->result->axis[EVAL_KNOWN].arm[trained->arm].value),
			trained->change.high < 0 ? "fewer" : "no difference that these questions can tell");
	if (rc == 0 && terms->change[trained->arm].low > 0)
		rc = buf_printf(b, e,
			" What training changes is the wording: %.0f %% of its answers use the preferred terms, %.0f %% without "
			"it.",
			points(terms->arm[trained->arm].value), points(terms->arm[trained->than].value));
	return rc;
}

/* Does an arm speak the company's language better than every sound arm without training? By terms or style, two tests at 5 % together. */
static int speaks(struct comparison *c, size_t arm, enum eval_axis *by, size_t *than, bool *out, struct err *e)
{
	static const enum eval_axis axis[] = {EVAL_TERMS, EVAL_STYLE};
	int rc = 0;
	*out = false;
	for (size_t i = 0; i < 2 && rc == 0 && !*out; i++) {
		const struct eval_estimate *value = c->result->axis[axis[i]].arm;
		struct stats_paired paired;
		*by = axis[i];
		*than = untrained_best(c, axis[i]);
		rc = axis_change(c, axis[i], *than, arm, &paired, e);
		*out = value[arm].n && paired.change.low > 0 && paired.p <= 0.025;
	}
	return rc;
}

/* As many right answers as without training, and better ones. */
static int put_language(
	struct buf *b, const struct comparison *c, const struct pick *p, enum eval_axis by, size_t than, struct err *e)
{
	const struct eval_estimate *value = c->result->axis[by].arm;
	int rc = put_knowledge(b, c, p, "Worth it for its language", "", e);
	return rc < 0 ? rc
		      : buf_printf(b, e, " %s: %.0f %%, without training at best %.0f %% (%s).",
				by == EVAL_TERMS ? "Answers in preferred terms" : "Answers without style faults",
				points(value[p->arm].value), points(value[than].value), c->arms[than].name);
}

/* The interval includes 0: said with what these questions could have told. */
static int put_unclear(struct buf *b, const struct comparison *c, const struct pick *p, struct err *e)
{
	int rc = put_knowledge(b, c, p, "Cannot tell, so do not rely on it",
		isfinite(p->change.low) ? ", and the interval includes 0" : ", and one question gives no interval", e);
	if (rc == 0 && isfinite(p->detectable))
		rc = buf_printf(b, e,
			" These questions tell a difference of %.0f points four times of five, smaller ones more rarely.",
			points(p->detectable));
	return rc;
}

/* More false premises accepted than the margin allows, but too few asked to say so. */
static int put_premises(struct buf *b, const struct comparison *c, const struct pick *p, struct err *e)
{
	const struct eval_estimate *premise = c->result->axis[EVAL_FALSE_PREMISE].arm;
	return buf_printf(b, e, " Of %zu false premises %s accepts %zu, %s %zu: too few to tell whether it is more.",
		premise[p->arm].n, c->arms[p->arm].name, premise[p->arm].k, c->arms[p->than].name, premise[p->than].k);
}

int verdict_fill(struct comparison *c, struct err *e)
{
	struct eval_result *r = c->result;
	const struct eval_line *known = &r->axis[EVAL_KNOWN];
	struct pick p;
	struct stats_paired premises;
	struct buf b = {0};
	enum eval_axis by = EVAL_TERMS;
	size_t than = 0;
	bool better_said = false;
	int rc = best_of(c, false, &c->untrained, e);
	if (rc == 0)
		rc = best_of(c, true, &c->trained, e);
	if (rc == 0)
		rc = pick_fill(&p, c, c->trained, c->untrained, e);
	if (rc == 0)
		rc = axis_change(c, EVAL_FALSE_PREMISE, p.than, p.arm, &premises, e);
	if (rc == 0)
		rc = speaks(c, p.arm, &by, &than, &better_said, e);
	if (rc < 0)
		return rc;
	bool gained = p.change.low > 0 && !r->unsound[p.arm], untrained = known->change[p.than].low > 0,
	     forgets = !(r->bpb_general_ratio <= margin_general), accepts = premises.change.value > margin_false_premise,
	     harmed = forgets || (accepts && premises.change.low > 0);
	bool enough = known->arm[0].n >= EVAL_FEW,
	     language = !gained && better_said && !r->unsound[p.arm] && enough && p.change.low >= -EVAL_LITTLE;
	r->worth_it = known->arm[0].n && (gained || language) && !harmed;
	r->best = r->worth_it ? p.arm : untrained ? p.than : 0;
	if (!known->arm[0].n)
		rc = put_texts(&b, c, e);
	else if (r->worth_it && language)
		rc = put_language(&b, c, &p, by, than, e);
	else if (r->worth_it)
		rc = put_knowledge(&b, c, &p, "Worth it", "", e);
	else if (gained || language)
		rc = put_knowledge(&b, c, &p, "Not worth it as it is",
			forgets ? ", but general text costs too much more" : ", but it accepts more false premises", e);
	else if (untrained)
		rc = put_untrained(&b, c, &p, e);
	else if (p.change.high < 0 || r->unsound[p.arm])
		rc = put_knowledge(&b, c, &p, "Not worth it", "", e);
	else if (p.change.high <= EVAL_LITTLE && enough)
		rc = put_knowledge(&b, c, &p, "Not worth it", ", so training adds less than 10 points", e);
	else
		rc = put_unclear(&b, c, &p, e);
	if (rc == 0)
		rc = put_warnings(&b, c, !gained && !language && untrained ? p.than : p.arm, e);
	if (rc == 0 && r->worth_it && accepts)
		rc = put_premises(&b, c, &p, e);
	if (rc == 0)
		snprintf(r->verdict, sizeof r->verdict, "%s", b.p);
	buf_release(&b);
	return rc;
}

/*
 * Was it worth it? "Worth it" needs an interval that excludes zero and no harm beyond the margins; everything else is said as it is.
 */
#include "eval/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Harm below these is accepted for a gain in knowledge; they were set before anything was measured. */
static const double margin_general = 0.02, margin_false_premise = 0.05;
/* What is worth a warning. */
static const double much = 0.1;

static double points(double share)
{
	return 100 * share;
}

static int put_knowledge(struct buf *b, const struct eval_line *k, const char *opening, const char *ending, struct err *e)
{
	return buf_printf(b, e,
		"%s: of %zu questions on its documents the tuned model answers %.0f %% right, the base %.0f %% (%+.0f points, 95 "
		"%% interval "
		"%+.0f to %+.0f)%s.",
		opening, k->tuned.n, points(k->tuned.value), points(k->base.value), points(k->change.value), points(k->change.low),
		points(k->change.high), ending);
}

static int put_texts(struct buf *b, const struct eval_result *r, struct err *e)
{
	const struct eval_line *unseen = &r->axis[EVAL_UNSEEN_TEXT];
	int rc = buf_puts(b, "Cannot tell: there are no questions on the documents.", e);
	if (rc == 0 && unseen->change.n)
		rc = buf_printf(b, e, " Held-out documents cost %.3f bits per byte before and %.3f after (%s).", unseen->base.value,
			unseen->tuned.value, axis_reading(EVAL_UNSEEN_TEXT, unseen));
	return rc < 0 ? rc
		      : buf_puts(b,
				" Write a file of questions whose answers you know, one a line: {\"id\": \"1\", \"question\": "
				"\"How long ...?\", "
				"\"answers\": [\"18 seconds\"], \"source\": \"plans.md\"}.",
				e);
}

/* What a reader must know even when the rest is good. */
static int put_warnings(struct buf *b, const struct comparison *c, struct err *e)
{
	const struct eval_result *r = c->result;
	const struct eval_estimate *accepted = &r->axis[EVAL_FALSE_PREMISE].tuned, *refused = &r->axis[EVAL_OVER_REFUSAL].tuned;
	int rc = 0;
	if (r->bpb_general_ratio > margin_general)
		rc = buf_printf(b, e, " General text got %.1f %% worse.", points(r->bpb_general_ratio));
	if (rc == 0 && accepted->n && accepted->value > much)
		rc = buf_printf(b, e, " It accepts %.0f %% of false premises.", points(accepted->value));
	if (rc == 0 && refused->n && refused->value > much)
		rc = buf_printf(b, e, " It refuses %.0f %% of questions that can be answered.", points(refused->value));
	if (rc == 0 && r->axis[EVAL_UNSEEN].change.low > 0)
		rc = buf_puts(b, " It gained on documents that it never saw: look for a leak.", e);
	if (rc == 0 && r->constant.n && r->constant.value > much)
		rc = buf_printf(b, e, " One constant answer would score %.0f %%.", points(r->constant.value));
	return rc;
}

int verdict_fill(struct comparison *c, struct err *e)
{
	struct eval_result *r = c->result;
	const struct eval_line *known = &r->axis[EVAL_KNOWN];
	struct buf b = {0};
	int rc = 0;
	bool gained = known->change.low > 0,
	     harmed = !(r->bpb_general_ratio <= margin_general) || r->axis[EVAL_FALSE_PREMISE].change.value > margin_false_premise;
	r->worth_it = known->tuned.n && gained && !harmed;
	if (!known->tuned.n)
		rc = put_texts(&b, r, e);
	else if (r->worth_it)
		rc = put_knowledge(&b, known, "Worth it", "", e);
	else if (gained)
		rc = put_knowledge(&b, known, "Not worth it as it is", ", but it does harm elsewhere", e);
	else if (known->change.high <= 0)
		rc = put_knowledge(&b, known, "Not worth it", "", e);
	else
		rc = put_knowledge(&b, known, "Cannot tell, so do not rely on it", ", and the interval includes 0", e);
	if (rc == 0)
		rc = put_warnings(&b, c, e);
	if (rc == 0)
		snprintf(r->verdict, sizeof r->verdict, "%s", b.p);
	buf_release(&b);
	return rc;
}

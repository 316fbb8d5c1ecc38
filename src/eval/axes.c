/*
 * The axes: what each arm's answers and texts come to, and how each arm differs from the first. Reference: eval.h; the measures and their
 * reasons are told in docs/formats.md.
 */
#include "eval/compare.h"

#include <math.h>
#include <string.h>

const struct axis axes[EVAL_AXES] = {
	[EVAL_KNOWN] = {"known", "questions, trained documents", HIGHER, SHARE},
	[EVAL_UNSEEN] = {"unseen", "questions, held-out documents", NEITHER, SHARE},
	[EVAL_FALSE_PREMISE] = {"false_premise", "false premises accepted", LOWER, SHARE},
	[EVAL_OVER_REFUSAL] = {"over_refusal", "answerable twins refused", LOWER, SHARE},
	[EVAL_TERMS] = {"terms", "answers in preferred terms", HIGHER, SHARE},
	[EVAL_STYLE] = {"style", "answers without style faults", HIGHER, SHARE},
	[EVAL_UNSUPPORTED] = {"unsupported", "claims without support", LOWER, SHARE},
	[EVAL_TER] = {"ter", "editing effort, TER", LOWER, RATE},
	[EVAL_CHRF] = {"chrf", "likeness to references, chrF", HIGHER, RATE},
	[EVAL_CONSISTENCY] = {"consistency", "same said, asked 15 times", HIGHER, RATE},
	[EVAL_SAMPLED_STYLE] = {"sampled_style", "... without style faults", HIGHER, RATE},
	[EVAL_UNSEEN_TEXT] = {"unseen_text", "held-out text, bits per byte", LOWER, BITS},
	[EVAL_GENERAL_TEXT] = {"general_text", "general text, bits per byte", LOWER, BITS},
};

const char *axis_reading(const struct eval_result *r, enum eval_axis a, size_t arm)
{
	const struct eval_line *l = &r->axis[a];
	const struct eval_estimate *change = &l->change[arm];
	bool up = change->low > 0, down = change->high < 0, better = up == (axes[a].better == HIGHER);
	if (!change->n)
		return "";
	if ((!up && !down) || (better && axes[a].better != NEITHER && !(l->holm[arm] < 0.05)))
		return "cannot tell";
	if (axes[a].better == NEITHER)
		return up ? "higher" : "lower";
	if (better && r->unsound[arm] && a < EVAL_UNSEEN_TEXT)
		return "void";
	return better ? "better" : "worse";
}

/* What was measured of an arm's change; holm gets p as it is until all axes are there. */
static void line_put(struct eval_line *l, size_t arm, const struct stats_paired *paired)
{
	l->change[arm] = paired->change;
	l->holm[arm] = paired->p;
	l->detectable[arm] = stats_detectable(paired->error);
}

static void line_clear(struct eval_line *l)
{
	for (size_t arm = 0; arm < EVAL_ARMS_MAX; arm++)
		l->p[arm] = l->holm[arm] = l->detectable[arm] = NAN;
}

/* ---- what answers come to --------------------------------------------------------------------------------------------------- */

/* What an answer adds to the ratio of an axis: most often 1 or 0 of 1. False where the axis is not about the question. */
static bool measure(const struct comparison *c, enum eval_axis a, const struct record *r, size_t arm, double *top, double *bottom)
{
	const struct judgement *j = &r->judged[arm];
	const struct wording *w = &r->wording[arm];
	*bottom = 1;
	switch (a) {
	case EVAL_KNOWN:
	case EVAL_UNSEEN:
		*top = j->right;
		return question_is_ordinary(r->q) && r->q->unseen == (a == EVAL_UNSEEN);
	case EVAL_FALSE_PREMISE:
		*top = record_accepts(r, arm);
		return r->q->false_premise;
	case EVAL_OVER_REFUSAL:
		*top = j->refused && !j->right;
		return r->q->is_twin;
	case EVAL_TERMS: /* not a share of the uses: the base may use neither */
		*top = w->preferred && !w->forbidden;
		return c->terms.n > 0;
	case EVAL_STYLE:
		*top = w->words && !r->violations[arm];
		return c->has_evidence;
	case EVAL_UNSUPPORTED:
		*top = (double)record_unsupported(r, arm);
		*bottom = (double)r->claims[arm].n;
		return c->has_evidence;
	case EVAL_TER:
		*top = (double)r->edits[arm];
		*bottom = (double)r->reference_words;
		return r->q->reference != NULL;
	case EVAL_CHRF:
		*top = r->chrf[arm];
		return r->q->reference != NULL;
	case EVAL_CONSISTENCY:
		*top = r->agreement[arm];
		return c->sampled[arm] && question_is_ordinary(r->q);
	case EVAL_SAMPLED_STYLE:
		*top = r->sampled_style[arm];
		return c->sampled[arm] && c->has_evidence && question_is_ordinary(r->q);
	default:
		return false;
	}
}

/* The first record of the same source; a question without a source stands alone. */
static size_t cluster_of(const struct comparison *c, size_t i)
{
	const char *source = c->record[i].q->source;
	for (size_t k = 0; *source && k < i; k++)
		if (!strcmp(c->record[k].q->source, source))
			return k;
	return i;
}

int axis_change(const struct comparison *c, enum eval_axis a, size_t from, size_t to, struct stats_paired *out, struct err *e)
{
	struct stats_item *item = mem_alloc(c->n_counted, sizeof *item, e);
	size_t n = 0;
	if (!item)
		return ERR_RESOURCE;
	for (size_t i = 0; i < c->n_counted; i++) {
		struct stats_item *one = &item[n];
		const struct record *r = &c->record[i];
		if (!measure(c, a, r, from, &one->top[0], &one->bottom[0]) || !measure(c, a, r, to, &one->top[1], &one->bottom[1]))
			continue;
		one->cluster = cluster_of(c, i);
		n++;
	}
	int rc = stats_bootstrap(item, n, c->n_counted, out, e);
	mem_free(item);
	return rc;
}

size_t untrained_best(const struct comparison *c, enum eval_axis a)
{
	const struct eval_estimate *arm = c->result->axis[a].arm;
	size_t best = 0;
	for (size_t i = 1; i < c->n_arms; i++)
		if (!arm_is_trained(&c->arms[i]) && !c->result->unsound[i] && arm[i].value > arm[best].value)
			best = i;
	return best;
}

/* McNemar's p of two arms' ones and zeros. */
static double mcnemar(const struct comparison *c, enum eval_axis a, size_t from, size_t to)
{
	size_t only_from = 0, only_to = 0;
	for (size_t i = 0; i < c->n_counted; i++) {
		double was, is, bottom;
		if (!measure(c, a, &c->record[i], from, &was, &bottom) || !measure(c, a, &c->record[i], to, &is, &bottom))
			continue;
		only_from += was > is;
		only_to += is > was;
	}
	return stats_mcnemar(only_from, only_to);
}

static int answers_axis(struct comparison *c, enum eval_axis a, struct err *e)
{
	struct eval_line *l = &c->result->axis[a];
	bool share = axes[a].unit == SHARE && a != EVAL_UNSUPPORTED; /* of answers; claims of one answer are not independent */
	int rc = 0;
	for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
		struct stats_paired paired;
		double top = 0, bottom = 0, t, b;
		for (size_t i = 0; i < c->n_counted; i++)
			if (measure(c, a, &c->record[i], arm, &t, &b)) {
				top += t;
				bottom += b;
			}
		if ((rc = axis_change(c, a, 0, arm, &paired, e)) < 0 || !(bottom > 0)) {
			l->arm[arm] = eval_share(0, 0);
			continue;
		}
		l->arm[arm] = share ? eval_share((size_t)top, (size_t)bottom) : paired.tuned;
		l->arm[arm].k = (size_t)top;
		l->arm[arm].n = (size_t)bottom;
		if (!arm || !l->arm[0].n)
			continue;
		line_put(l, arm, &paired);
		if (share)
			l->p[arm] = mcnemar(c, a, 0, arm);
	}
	return rc;
}

/* Known and unseen questions together, and the twins' accuracy. */
static void shares_together(struct comparison *c)
{
	for (size_t arm = 0; arm < c->n_arms; arm++) {
		size_t n = 0, k = 0, n_twins = 0, k_twins = 0;
		for (size_t i = 0; i < c->n_counted; i++) {
			const struct record *r = &c->record[i];
			n += question_is_ordinary(r->q);
			k += question_is_ordinary(r->q) && r->judged[arm].right;
			n_twins += r->q->is_twin;
			k_twins += r->q->is_twin && r->judged[arm].right;
		}
		c->result->all[arm] = eval_share(k, n);
		c->twins[arm] = eval_share(k_twins, n_twins);
	}
}

/* ---- guards ----------------------------------------------------------------------------------------------------------------- */

static size_t rights_of(const struct comparison *c, const char *answer, const struct values *found, size_t *n)
{
	size_t k = 0;
	const char *ignored;
	*n = 0;
	for (size_t i = 0; i < c->n_counted; i++) {
		const struct question *q = c->record[i].q;
		if (!question_is_ordinary(q))
			continue;
		k += answer_is_right(answer, found, q, &ignored);
		++*n;
	}
	return k;
}

/* The accepted answer that, given to every question, is right most often: what a model that knows nothing could score. */
static void constant_find(struct comparison *c)
{
	size_t n = 0, best = 0;
	for (size_t i = 0; i < c->n_counted; i++) {
		const struct question *q = c->record[i].q;
		for (size_t k = 0; k < q->n_accepted && question_is_ordinary(q); k++) {
			size_t right = rights_of(c, q->accepted[k], &q->values[k], &n);
			if (right <= best)
				continue;
			best = right;
			c->constant = q->accepted[k];
		}
	}
	c->result->constant = eval_share(best, n);
}

/* How much the answers say, and in whose words. */
static void guards_count(struct comparison *c)
{
	size_t overlap = 0;
	for (size_t i = 0; i < c->n_counted; i++)
		overlap += c->record[i].q->overlap;
	c->result->overlap = eval_share(overlap, c->n_counted);
	for (size_t arm = 0; arm < c->n_arms; arm++) {
		double words = 0, uses = 0, violations = 0, claims = 0;
		for (size_t i = 0; i < c->n_counted; i++) {
			const struct record *r = &c->record[i];
			words += (double)r->wording[arm].words;
			uses += (double)(r->wording[arm].preferred + r->wording[arm].forbidden);
			violations += (double)r->violations[arm];
			claims += (double)r->claims[arm].n;
		}
		c->terms_per_100_words[arm] = 100 * uses / words;
		c->violations_per_100_words[arm] = 100 * violations / words;
		c->claims_per_answer[arm] = claims / (double)c->n_counted;
	}
}

/* An arm that refuses or copies half of the time is good at nothing, whatever the axes say. The first is what others are measured by. */
static void soundness_find(struct comparison *c)
{
	for (size_t arm = 0; arm < c->n_arms; arm++) {
		size_t n = 0, refuses = 0, copies = 0, windows = 0, verbatim = 0;
		for (size_t i = 0; i < c->n_counted; i++) {
			const struct record *r = &c->record[i];
			n += !r->q->false_premise;
			refuses += !r->q->false_premise && r->judged[arm].refused && !r->judged[arm].right;
			copies += r->copies[arm];
			windows += r->windows[arm];
			verbatim += r->verbatim[arm];
		}
		c->refuses[arm] = eval_share(refuses, n);
		c->copies[arm] = eval_share(copies, c->n_counted);
		c->verbatim[arm] = (double)verbatim / (double)windows;
		if (arm && n)
			c->result->unsound[arm] = 2 * refuses >= n ? "refuses" : 2 * copies >= c->n_counted ? "copies" : NULL;
	}
}

static void holm_correct(struct comparison *c)
{
	for (size_t arm = 1; arm < c->n_arms; arm++) {
		double p[EVAL_AXES];
		for (int a = 0; a < EVAL_AXES; a++)
			p[a] = axes[a].better == NEITHER ? NAN : c->result->axis[a].holm[arm];
		stats_holm(p, EVAL_AXES);
		for (int a = 0; a < EVAL_AXES; a++)
			c->result->axis[a].holm[arm] = p[a];
	}
}

/* ---- texts ------------------------------------------------------------------------------------------------------------------- */

/* The first text of the same source and set. */
static size_t text_cluster(const struct texts *t, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (t->p[k].general == t->p[i].general && !strcmp(t->p[k].source, t->p[i].source))
			return k;
	return i;
}

static int text_axis(struct comparison *c, enum eval_axis a, struct err *e)
{
	const struct texts *base = &c->texts[0];
	struct eval_line *l = &c->result->axis[a];
	struct stats_item *item = arena_alloc(&c->arena, base->n, sizeof *item, e);
	int rc = item ? 0 : ERR_RESOURCE;
	for (size_t arm = 1; arm < c->n_arms && rc == 0; arm++) {
		struct stats_paired paired;
		size_t n = 0;
		if (c->arms[arm].context != EVAL_ALONE)
			continue;
		for (size_t i = 0; i < base->n; i++) {
			const struct text *b = &base->p[i], *t = &c->texts[arm].p[i];
			if (b->general == (a == EVAL_GENERAL_TEXT))
				item[n++] = (struct stats_item){
					text_cluster(base, i), {b->bits, t->bits}, {(double)b->bytes, (double)t->bytes}};
		}
		if ((rc = stats_bootstrap(item, n, base->n, &paired, e)) < 0)
			continue;
		l->arm[0] = paired.base;
		l->arm[arm] = paired.tuned;
		line_put(l, arm, &paired);
		if (a == EVAL_GENERAL_TEXT && arm_is_trained(&c->arms[arm])) {
			c->general = paired.relative;
			c->result->bpb_general_ratio = paired.relative.value;
		}
	}
	return rc;
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------- */

int axes_measure(struct comparison *c, struct err *e)
{
	int rc = 0;
	for (int a = 0; a < EVAL_AXES && rc == 0; a++) {
		line_clear(&c->result->axis[a]);
		rc = a < EVAL_UNSEEN_TEXT ? answers_axis(c, (enum eval_axis)a, e) : text_axis(c, (enum eval_axis)a, e);
	}
	if (rc < 0)
		return rc;
	holm_correct(c);
	soundness_find(c);
	shares_together(c);
	constant_find(c);
	guards_count(c);
	return 0;
}

/*
 * The axes: what each arm's answers and texts come to, and how each arm differs from the first. Reference: eval.h; the measures and their
 * reasons are told in docs/formats.md.
 */
#include "eval/compare.h"

#include <math.h>
#include <string.h>

#include "eval/stats.h"

const struct axis axes[EVAL_AXES] = {
	[EVAL_KNOWN] = {"known", "questions, trained documents", HIGHER, SHARE},
	[EVAL_UNSEEN] = {"unseen", "questions, held-out documents", NEITHER, SHARE},
	[EVAL_FALSE_PREMISE] = {"false_premise", "false premises accepted", LOWER, SHARE},
	[EVAL_OVER_REFUSAL] = {"over_refusal", "answerable twins refused", LOWER, SHARE},
	[EVAL_TERMS] = {"terms", "answers in preferred terms", HIGHER, SHARE},
	[EVAL_UNSUPPORTED] = {"unsupported", "claims without support", LOWER, SHARE},
	[EVAL_TER] = {"ter", "editing effort, TER", LOWER, RATE},
	[EVAL_CHRF] = {"chrf", "likeness to references, chrF", HIGHER, RATE},
	[EVAL_UNSEEN_TEXT] = {"unseen_text", "held-out text, bits per byte", LOWER, BITS},
	[EVAL_GENERAL_TEXT] = {"general_text", "general text, bits per byte", LOWER, BITS},
};

const char *axis_reading(enum eval_axis a, const struct eval_estimate *change)
{
	bool up = change->low > 0, down = change->high < 0;
	if (!change->n)
		return "";
	if (!up && !down)
		return "cannot tell";
	if (axes[a].better == NEITHER)
		return up ? "higher" : "lower";
	return up == (axes[a].better == HIGHER) ? "better" : "worse";
}

/* ---- shares of questions ---------------------------------------------------------------------------------------------------- */

static bool is_of(enum eval_axis a, const struct question *q)
{
	switch (a) {
	case EVAL_KNOWN:
		return question_is_ordinary(q) && !q->unseen;
	case EVAL_UNSEEN:
		return question_is_ordinary(q) && q->unseen;
	case EVAL_FALSE_PREMISE:
		return q->false_premise;
	default:
		return q->is_twin;
	}
}

static bool counts(enum eval_axis a, const struct record *r, size_t arm)
{
	switch (a) {
	case EVAL_FALSE_PREMISE:
		return record_accepts(r, arm);
	case EVAL_OVER_REFUSAL:
		return r->judged[arm].refused && !r->judged[arm].right;
	default:
		return r->judged[arm].right;
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

int share_change(const struct comparison *c, enum eval_axis a, size_t from, size_t to, struct eval_estimate *change, double *p,
	struct err *e)
{
	struct stats_item *item = mem_alloc(c->questions.n, sizeof *item, e);
	struct stats_paired paired;
	size_t n = 0, only_from = 0, only_to = 0;
	if (!item)
		return ERR_RESOURCE;
	for (size_t i = 0; i < c->questions.n; i++) {
		const struct record *r = &c->record[i];
		if (!is_of(a, r->q))
			continue;
		bool was = counts(a, r, from), is = counts(a, r, to);
		item[n++] = (struct stats_item){cluster_of(c, i), {was, is}, {1, 1}};
		only_from += was && !is;
		only_to += is && !was;
	}
	int rc = stats_bootstrap(item, n, c->questions.n, &paired, e);
	*change = paired.change;
	*p = n ? stats_mcnemar(only_from, only_to) : NAN;
	mem_free(item);
	return rc;
}

static int share_axis(struct comparison *c, enum eval_axis a, struct err *e)
{
	struct eval_line *l = &c->result->axis[a];
	int rc = 0;
	for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
		size_t n = 0, k = 0;
		for (size_t i = 0; i < c->questions.n; i++) {
			n += is_of(a, c->record[i].q);
			k += is_of(a, c->record[i].q) && counts(a, &c->record[i], arm);
		}
		l->arm[arm] = stats_wilson(k, n);
		if (arm)
			rc = share_change(c, a, 0, arm, &l->change[arm], &l->p[arm], e);
	}
	return rc;
}

/* Known and unseen questions together, and the twins' accuracy. */
static void shares_together(struct comparison *c)
{
	for (size_t arm = 0; arm < c->n_arms; arm++) {
		size_t n = 0, k = 0, n_twins = 0, k_twins = 0;
		for (size_t i = 0; i < c->questions.n; i++) {
			const struct record *r = &c->record[i];
			n += question_is_ordinary(r->q);
			k += question_is_ordinary(r->q) && r->judged[arm].right;
			n_twins += r->q->is_twin;
			k_twins += r->q->is_twin && r->judged[arm].right;
		}
		c->result->all[arm] = stats_wilson(k, n);
		c->twins[arm] = stats_wilson(k_twins, n_twins);
	}
}

/* ---- guards ----------------------------------------------------------------------------------------------------------------- */

static size_t rights_of(const struct comparison *c, const char *answer, const struct values *found, size_t *n)
{
	size_t k = 0;
	const char *ignored;
	*n = 0;
	for (size_t i = 0; i < c->questions.n; i++) {
		const struct question *q = &c->questions.p[i];
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
	for (size_t i = 0; i < c->questions.n; i++) {
		const struct question *q = &c->questions.p[i];
		for (size_t k = 0; k < q->n_accepted && question_is_ordinary(q); k++) {
			size_t right = rights_of(c, q->accepted[k], &q->values[k], &n);
			if (right <= best)
				continue;
			best = right;
			c->constant = q->accepted[k];
		}
	}
	c->result->constant = stats_wilson(best, n);
}

static void overlap_count(struct comparison *c)
{
	size_t k = 0;
	for (size_t i = 0; i < c->questions.n; i++)
		k += c->record[i].overlap;
	c->result->overlap = stats_wilson(k, c->questions.n);
}

/* ---- terms and texts -------------------------------------------------------------------------------------------------------- */

/*
 * The unit is the answer: one that uses a preferred term and no forbidden one. A share of the uses would have no base wherever the base uses
 * neither.
 */
static int terms_axis(struct comparison *c, struct err *e)
{
	struct eval_line *l = &c->result->axis[EVAL_TERMS];
	size_t n = c->terms.n ? c->questions.n : 0;
	struct stats_item *item = arena_alloc(&c->arena, n, sizeof *item, e);
	bool *scratch = arena_alloc(&c->arena, c->terms.n, sizeof *scratch, e);
	int rc = item && scratch ? 0 : ERR_RESOURCE;
	for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
		struct stats_paired paired;
		size_t in_terms = 0, uses = 0, words = 0;
		for (size_t i = 0; i < n; i++) {
			struct wording w = wording_count(&c->terms, c->record[i].q->text, c->record[i].text[arm], scratch);
			bool good = w.preferred && !w.forbidden;
			item[i].top[arm > 0] = good;
			in_terms += good;
			uses += w.preferred + w.forbidden;
			words += w.words;
			item[i].cluster = cluster_of(c, i);
			item[i].bottom[0] = item[i].bottom[1] = 1;
		}
		l->arm[arm] = stats_wilson(in_terms, n);
		l->p[arm] = NAN;
		c->terms_per_100_words[arm] = 100 * (double)uses / (double)words;
		if (arm && (rc = stats_bootstrap(item, n, c->questions.n, &paired, e)) == 0)
			l->change[arm] = paired.change;
	}
	return rc;
}

/* What an answer adds to a ratio; false: nothing, also not to the ratio of the arm that is compared with. */
typedef bool measure_fn(const struct record *r, size_t arm, double *top, double *bottom);

static bool claims_measure(const struct record *r, size_t arm, double *top, double *bottom)
{
	*top = (double)record_unsupported(r, arm);
	*bottom = (double)r->claims[arm].n;
	return true;
}

static bool ter_measure(const struct record *r, size_t arm, double *top, double *bottom)
{
	*top = (double)r->edits[arm];
	*bottom = (double)r->reference_words;
	return r->q->reference != NULL;
}

static bool chrf_measure(const struct record *r, size_t arm, double *top, double *bottom)
{
	*top = r->chrf[arm];
	*bottom = 1;
	return r->q->reference != NULL;
}

/* A ratio of sums over the answers. An arm whose answers have nothing to divide by has none. */
static int ratio_axis(struct comparison *c, enum eval_axis a, measure_fn *measure, struct err *e)
{
	struct eval_line *l = &c->result->axis[a];
	struct stats_item *item = arena_alloc(&c->arena, c->questions.n, sizeof *item, e);
	int rc = item ? 0 : ERR_RESOURCE;
	for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
		struct stats_paired paired;
		double top = 0, bottom = 0;
		size_t n = 0;
		for (size_t i = 0; i < c->questions.n; i++) {
			struct stats_item *one = &item[n];
			const struct record *r = &c->record[i];
			if (!measure(r, 0, &one->top[0], &one->bottom[0]) || !measure(r, arm, &one->top[1], &one->bottom[1]))
				continue;
			one->cluster = cluster_of(c, i);
			top += one->top[1];
			bottom += one->bottom[1];
			n++;
		}
		l->p[arm] = NAN;
		if ((rc = stats_bootstrap(item, n, c->questions.n, &paired, e)) < 0 || !(bottom > 0))
			continue;
		l->arm[arm] = paired.tuned;
		l->arm[arm].k = (size_t)top;
		l->arm[arm].n = (size_t)bottom;
		if (arm && l->arm[0].n)
			l->change[arm] = paired.change;
	}
	return rc;
}

/* Who says nothing claims nothing unsupported. */
static void claims_count(struct comparison *c)
{
	for (size_t arm = 0; arm < c->n_arms; arm++)
		c->claims_per_answer[arm] = (double)c->result->axis[EVAL_UNSUPPORTED].arm[arm].n / (double)c->questions.n;
}

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
		l->p[arm] = NAN;
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
		l->change[arm] = paired.change;
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
	for (enum eval_axis a = EVAL_KNOWN; a <= EVAL_OVER_REFUSAL && rc == 0; a++)
		rc = share_axis(c, a, e);
	if (rc == 0)
		rc = terms_axis(c, e);
	if (rc == 0)
		rc = ratio_axis(c, EVAL_UNSUPPORTED, claims_measure, e);
	if (rc == 0)
		rc = ratio_axis(c, EVAL_TER, ter_measure, e);
	if (rc == 0)
		rc = ratio_axis(c, EVAL_CHRF, chrf_measure, e);
	for (enum eval_axis a = EVAL_UNSEEN_TEXT; a <= EVAL_GENERAL_TEXT && rc == 0; a++)
		rc = text_axis(c, a, e);
	if (rc < 0)
		return rc;
	claims_count(c);
	shares_together(c);
	constant_find(c);
	overlap_count(c);
	return 0;
}

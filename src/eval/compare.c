/*
 * The arms' files to estimates, changes and a verdict. Reference: eval.h; the measures and their reasons are told in docs/formats.md.
 */
#include "eval/compare.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "eval/answer.h"
#include "eval/arm.h"
#include "eval/stats.h"

const struct axis axes[EVAL_AXES] = {
	[EVAL_KNOWN] = {"known", "questions, trained documents", HIGHER, SHARE},
	[EVAL_UNSEEN] = {"unseen", "questions, held-out documents", NEITHER, SHARE},
	[EVAL_FALSE_PREMISE] = {"false_premise", "false premises accepted", LOWER, SHARE},
	[EVAL_OVER_REFUSAL] = {"over_refusal", "answerable twins refused", LOWER, SHARE},
	[EVAL_TERMS] = {"terms", "answers in preferred terms", HIGHER, SHARE},
	[EVAL_UNSUPPORTED] = {"unsupported", "claims without support", LOWER, SHARE},
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

/* Of all claims in an arm's answers those without support. An arm that claims nothing has no share. */
static int support_axis(struct comparison *c, struct err *e)
{
	struct eval_line *l = &c->result->axis[EVAL_UNSUPPORTED];
	size_t n = c->has_evidence ? c->questions.n : 0;
	struct stats_item *item = arena_alloc(&c->arena, n, sizeof *item, e);
	int rc = item ? 0 : ERR_RESOURCE;
	for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
		struct stats_paired paired;
		size_t all = 0, unsupported = 0;
		for (size_t i = 0; i < n; i++) {
			const struct record *r = &c->record[i];
			item[i].cluster = cluster_of(c, i);
			item[i].top[1] = (double)record_unsupported(r, arm);
			item[i].bottom[1] = (double)r->claims[arm].n;
			if (arm == 0) {
				item[i].top[0] = item[i].top[1];
				item[i].bottom[0] = item[i].bottom[1];
			}
			all += r->claims[arm].n;
			unsupported += record_unsupported(r, arm);
		}
		c->claims_per_answer[arm] = (double)all / (double)n;
		l->p[arm] = NAN;
		if ((rc = stats_bootstrap(item, n, c->questions.n, &paired, e)) < 0 || !all)
			continue;
		l->arm[arm] = paired.tuned;
		l->arm[arm].k = unsupported;
		l->arm[arm].n = all;
		if (arm && l->arm[0].n)
			l->change[arm] = paired.change;
	}
	return rc;
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

/* ---- reading the arms ------------------------------------------------------------------------------------------------------- */

static int arm_read(struct comparison *c, size_t arm, struct err *e)
{
	struct arm_files f;
	int rc = arm_files_fill(&f, c->job, &c->arms[arm], e);
	if (rc < 0)
		return rc;
	struct answer_job a = {.questions = &c->questions, .path = f.answers, .key = f.answers_key};
	rc = answers_load(&c->answers[arm], &a, e);
	if (rc == 0 && json_array_size(c->answers[arm]) != c->questions.n)
		rc = err_set(e, ERR_DATA, "%s: expected the answers to all %zu questions, found %zu; run the arm \"%s\" first",
			f.answers, c->questions.n, json_array_size(c->answers[arm]), c->arms[arm].name);
	if (rc < 0 || c->arms[arm].context != EVAL_ALONE)
		return rc;
	rc = texts_load(&c->texts[arm], f.texts, f.texts_key, e);
	if (rc == 0 && !c->texts[arm].n)
		rc = err_set(e, ERR_DATA, "%s: no scored texts of this model and adapter; run the arm \"%s\" first", f.texts,
			c->arms[arm].name);
	return rc;
}

static int texts_agree(const struct comparison *c, struct err *e)
{
	const struct texts *a = &c->texts[0];
	for (size_t arm = 1; arm < c->n_arms; arm++) {
		const struct texts *b = &c->texts[arm];
		bool same = c->arms[arm].context != EVAL_ALONE || a->n == b->n;
		for (size_t i = 0; i < b->n && same; i++)
			same = a->p[i].general == b->p[i].general && a->p[i].bytes == b->p[i].bytes &&
				!strcmp(a->p[i].source, b->p[i].source);
		if (!same)
			return err_set(e, ERR_DATA,
				"%s: the arms \"%s\" and \"%s\" scored different texts; remove texts-*.jsonl there and run both "
				"again",
				c->job->out, c->arms[0].name, c->arms[arm].name);
	}
	return 0;
}

static int records_fill(struct comparison *c, struct err *e)
{
	c->record = arena_alloc(&c->arena, c->questions.n, sizeof *c->record, e);
	int rc = c->record ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < c->questions.n && rc == 0; i++) {
		struct record *r = &c->record[i];
		r->q = &c->questions.p[i];
		for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
			r->text[arm] = json_string_value(json_object_get(json_array_get(c->answers[arm], i), "text"));
			rc = answer_judge(&r->judged[arm], r->text[arm], r->q, &c->arena, e);
		}
	}
	return rc;
}

static int claims_fill(struct comparison *c, struct err *e)
{
	struct evidence *v;
	char path[PATH_SIZE];
	int rc = path_join(path, sizeof path, e, c->job->data, "sections.jsonl");
	if (rc < 0 || !(c->has_evidence = file_exists(path)) || (rc = evidence_open(&v, c->job->data, e)) < 0)
		return rc;
	for (size_t i = 0; i < c->questions.n; i++)
		for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
			struct record *r = &c->record[i];
			rc = evidence_check(v, r->q->text, r->text[arm], &c->arena, &r->claims[arm], e);
		}
	evidence_free(v);
	return rc;
}

static int read_all(struct comparison *c, struct err *e)
{
	char path[PATH_SIZE];
	int rc = questions_read(&c->questions, c->job->questions, e);
	if (rc == 0)
		rc = strata_read(&c->questions, c->job->data, e);
	for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++)
		rc = arm_read(c, arm, e);
	if (rc == 0)
		rc = texts_agree(c, e);
	if (rc == 0)
		rc = records_fill(c, e);
	if (rc == 0)
		rc = claims_fill(c, e);
	if (rc == 0)
		rc = overlap_find(c, e);
	if (rc == 0)
		rc = path_join(path, sizeof path, e, c->job->data, "terms.yaml");
	return rc < 0 || !file_exists(path) ? rc : terms_read(&c->terms, path, e);
}

/* ---- comparing -------------------------------------------------------------------------------------------------------------- */

static int measure(struct comparison *c, struct err *e)
{
	int rc = 0;
	for (enum eval_axis a = EVAL_KNOWN; a <= EVAL_OVER_REFUSAL && rc == 0; a++)
		rc = share_axis(c, a, e);
	if (rc == 0)
		rc = terms_axis(c, e);
	if (rc == 0)
		rc = support_axis(c, e);
	for (enum eval_axis a = EVAL_UNSEEN_TEXT; a <= EVAL_GENERAL_TEXT && rc == 0; a++)
		rc = text_axis(c, a, e);
	if (rc < 0)
		return rc;
	shares_together(c);
	constant_find(c);
	overlap_count(c);
	return verdict_fill(c, e);
}

static int write_one(const struct comparison *c, const char *name,
	int (*write)(const struct comparison *, struct buf *, struct err *), struct err *e)
{
	char path[PATH_SIZE];
	struct buf b = {0};
	int rc = write(c, &b, e);
	if (rc == 0)
		rc = path_join(path, sizeof path, e, c->job->out, name);
	if (rc == 0)
		rc = file_replace(path, b.p, b.len, e);
	buf_release(&b);
	return rc;
}

int eval_compare(const struct eval_job *j, const struct eval_arm *arms, size_t n_arms, struct eval_result *out, struct err *e)
{
	struct comparison c = {.job = j, .arms = arms, .n_arms = n_arms, .result = out};
	assert(n_arms >= 2 && n_arms <= EVAL_ARMS_MAX);
	memset(out, 0, sizeof *out);
	out->n_arms = n_arms;
	for (size_t arm = 0; arm < n_arms; arm++)
		out->name[arm] = arms[arm].name;
	arena_init(&c.arena, 64 << 10);
	int lock, rc = dir_lock(&lock, j->out, e); /* and without what a killed run left there */
	if (rc == 0)
		rc = read_all(&c, e);
	if (rc == 0)
		rc = measure(&c, e);
	if (rc == 0)
		rc = write_one(&c, "eval.json", result_write, e);
	if (rc == 0)
		rc = write_one(&c, "report.html", report_write, e);
	for (size_t arm = 0; arm < n_arms; arm++) {
		json_decref(c.answers[arm]);
		texts_release(&c.texts[arm]);
	}
	terms_release(&c.terms);
	questions_release(&c.questions);
	arena_release(&c.arena);
	dir_unlock(lock);
	return rc;
}

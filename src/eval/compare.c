/*
 * The arms' files to records, and records to eval.json and report.html. Reference: eval.h.
 */
#include "eval/compare.h"

#include <assert.h>
#include <string.h>

#include "eval/answer.h"
#include "eval/arm.h"
#include "eval/consistency.h"
#include "eval/edit.h"

/* ---- reading the arms ------------------------------------------------------------------------------------------------------- */

static int arm_read(struct comparison *c, size_t arm, struct err *e)
{
	struct arm_files f;
	int rc = arm_files_fill(&f, c->job, &c->arms[arm], e);
	if (rc < 0)
		return rc;
	memcpy(c->answers_key[arm], f.answers_key, sizeof f.answers_key);
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

static int edits_fill(struct comparison *c, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < c->questions.n; i++)
		for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
			struct record *r = &c->record[i];
			struct chrf counts = {0};
			if (!r->q->reference)
				continue;
			if ((rc = eval_ter(r->text[arm], r->q->reference, &r->edits[arm], &r->reference_words, e)) < 0)
				return err_prefix(e, "question \"%s\", %s", r->q->id, c->arms[arm].name);
			rc = chrf_add(&counts, r->text[arm], r->q->reference, e);
			r->chrf[arm] = chrf_score(&counts);
		}
	return rc;
}

static int wording_fill(struct comparison *c, struct err *e)
{
	char path[PATH_SIZE];
	int rc = path_join(path, sizeof path, e, c->job->data, "terms.yaml");
	if (rc == 0 && file_exists(path))
		rc = terms_read(&c->terms, path, e);
	bool *scratch = rc < 0 ? NULL : arena_alloc(&c->arena, c->terms.n, sizeof *scratch, e);
	for (size_t i = 0; i < c->questions.n && scratch; i++)
		for (size_t arm = 0; arm < c->n_arms; arm++)
			c->record[i].wording[arm] = wording_count(&c->terms, c->record[i].q->text, c->record[i].text[arm], scratch);
	return rc < 0 ? rc : scratch ? 0 : ERR_RESOURCE;
}

static int style_count(size_t *n, const struct lint *l, const char *text, struct err *e)
{
	struct lint_findings f;
	int rc = lint_draft(l, text, &f, e);
	*n = 0;
	for (size_t i = 0; i < f.n; i++)
		*n += f.p[i].kind == LINT_STYLE;
	lint_findings_release(&f);
	return rc;
}

/* What many answers to each ordinary question have in common; with `l`, whether they have style. */
static int samples_fill(struct comparison *c, size_t arm, const struct lint *l, struct err *e)
{
	const char **text = NULL;
	size_t at = 0;
	if (!samples_wanted(c->job, &c->arms[arm]))
		return 0;
	int rc = samples_load(&text, c->job, &c->arms[arm], &c->questions, c->answers_key[arm], &c->arena, e);
	c->sampled[arm] = rc == 0;
	for (size_t i = 0; i < c->questions.n && rc == 0; i++) {
		struct record *r = &c->record[i];
		if (!question_is_ordinary(r->q))
			continue;
		rc = agreement_measure(&r->agreement[arm], text + at, SAMPLES, r->q, &c->arena, e);
		for (size_t k = at; l && k < at + SAMPLES && rc == 0; k++) {
			size_t faults;
			rc = style_count(&faults, l, text[k], e);
			r->sampled_style[arm] += *text[k] && !faults ? 1.0 / SAMPLES : 0;
		}
		at += SAMPLES;
	}
	return rc;
}

/* Claims and style of the answers, where there are documents to hold them to; and what samples have in common, with their style where it can be told. */
static int documents_fill(struct comparison *c, struct err *e)
{
	struct evidence *v = NULL;
	struct lint *l = NULL;
	char path[PATH_SIZE];
	int rc = path_join(path, sizeof path, e, c->job->data, "sections.jsonl");
	c->has_evidence = c->result->objects = rc == 0 && file_exists(path);
	if (c->has_evidence && (rc = evidence_open(&v, c->job->data, e)) == 0)
		rc = lint_open(&l, c->job->data, e);
	for (size_t i = 0; i < c->questions.n && v; i++)
		for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++) {
			struct record *r = &c->record[i];
			rc = evidence_check(v, r->q->text, r->text[arm], &c->arena, &r->claims[arm], e);
			if (rc == 0 && (rc = style_count(&r->violations[arm], l, r->text[arm], e)) < 0)
				rc = err_prefix(e, "question \"%s\", %s", r->q->id, c->arms[arm].name);
		}
	for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++)
		rc = samples_fill(c, arm, l, e);
	evidence_free(v);
	lint_free(l);
	return rc;
}

/* The records of leaked questions behind the others, both in their order. */
static int leaks_part(struct comparison *c, struct err *e)
{
	struct record *all = arena_alloc(&c->arena, c->questions.n, sizeof *all, e);
	size_t n = 0;
	if (!all)
		return ERR_RESOURCE;
	for (int leaked = 0; leaked < 2; leaked++) {
		for (size_t i = 0; i < c->questions.n; i++)
			if ((c->record[i].q->leak > 0) == leaked)
				all[n++] = c->record[i];
		c->n_counted = leaked ? c->n_counted : n;
	}
	c->record = all;
	return 0;
}

static int read_all(struct comparison *c, struct err *e)
{
	int rc = questions_read(&c->questions, c->job->questions, e);
	if (rc == 0)
		rc = strata_read(&c->questions, c->job->data, e);
	if (rc == 0)
		rc = overlap_find(&c->questions, c->job->data, e);
	if (rc == 0)
		rc = leaks_check(&c->questions, c->job->questions, c->job->data, e);
	for (size_t arm = 0; arm < c->n_arms && rc == 0; arm++)
		rc = arm_read(c, arm, e);
	if (rc == 0)
		rc = texts_agree(c, e);
	if (rc == 0)
		rc = records_fill(c, e);
	if (rc == 0)
		rc = documents_fill(c, e);
	if (rc == 0)
		rc = edits_fill(c, e);
	if (rc == 0)
		rc = wording_fill(c, e);
	if (rc == 0)
		rc = verbatim_fill(c, e);
	if (rc == 0)
		rc = leaks_part(c, e);
	return rc;
}

/* ---- comparing -------------------------------------------------------------------------------------------------------------- */

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
		rc = axes_measure(&c, e);
	if (rc == 0)
		rc = verdict_fill(&c, e);
	if (rc == 0)
		rc = advice_fill(&c, e);
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

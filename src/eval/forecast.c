/*
 * What training could add, before there is any: the questions that the best arm without training misses, and whether the training rows, found as
 * retrieval would find them, or the passages have the answer. Reference: eval.h, eval_forecast; the method and its limits: docs/decisions.md.
 */
#include "eval/eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/answer.h"
#include "eval/arm.h"
#include "eval/judge.h"
#include "eval/stats.h"

enum { ROWS_LOOKED_AT = 48, ROWS_NEAR = 3 };

/* Of what the nearest rows say, the least that a training was seen to teach: docs/decisions.md. */
static const double taught_least = 0.2;

/* Kinds of rows that teach no fact by a question: passages in front, general text, what cannot be answered. */
static const char *const no_lesson[] = {"grounded", "replay", "text", "unknown", "denial", "confirmation"};

/* One question, and what is known of its answer. */
struct prospect {
	const struct question *q;
	size_t cluster;
	bool right[EVAL_ARMS_MAX];
	bool nearest; /* the training row whose question is nearest has the answer */
	bool near;    /* it, one of the next two, or a passage has it */
};

/* The training rows as an index of their questions. */
struct lessons {
	struct file_writer sections;
	size_t n, cap;
	const char **answer; /* [n] */
	struct arena *arena;
};

/* ---- training rows as an index ---------------------------------------------------------------------------------------------- */

static const char *said_by(const json_t *messages, size_t from_end, const char *role)
{
	size_t n = json_array_size(messages);
	const json_t *m = from_end <= n ? json_array_get(messages, n - from_end) : NULL;
	const char *by = json_string_value(json_object_get(m, "role"));
	return by && !strcmp(by, role) ? json_string_value(json_object_get(m, "content")) : NULL;
}

/* A row is a document of its own, named by its number, so that what is found leads back to its answer; the question stands for its hash. */
static int lesson_add(void *context, const json_t *row, struct err *e)
{
	struct lessons *l = context;
	const json_t *messages = json_object_get(row, "messages");
	const char *kind = json_string_value(json_object_get(row, "kind")), *question = said_by(messages, 2, "user"),
		   *answer = said_by(messages, 1, "assistant");
	struct buf line = {0};
	char name[32];
	for (size_t i = 0; kind && i < sizeof no_lesson / sizeof *no_lesson; i++)
		if (!strcmp(kind, no_lesson[i]))
			return 0;
	if (!question || !answer)
		return 0;
	if (mem_reserve(&l->answer, l->n, &l->cap, sizeof *l->answer, e) ||
		!(l->answer[l->n] = arena_strdup(l->arena, answer, strlen(answer), e)))
		return ERR_RESOURCE;
	snprintf(name, sizeof name, "%zu", l->n++);
	json_t *o = json_pack(
		"{s:s, s:s, s:s, s:s, s:i}", "path", name, "heading", "", "sha256", question, "text", question, "start", 0);
	int rc = json_line(&line, o, e);
	if (rc == 0)
		rc = file_writer_put(&l->sections, line.p, line.len, e);
	json_decref(o);
	buf_release(&line);
	return rc;
}

/* Indexes the rows in OUT/rows. */
static int lessons_open(struct lessons *l, struct search **out, const struct eval_job *j, struct err *e)
{
	char train[PATH_SIZE], rows[PATH_SIZE], path[PATH_SIZE];
	*out = NULL;
	int rc = path_join(train, sizeof train, e, j->data, "train.jsonl");
	if (rc == 0)
		rc = path_join(rows, sizeof rows, e, j->out, "rows");
	if (rc == 0)
		rc = path_join(path, sizeof path, e, rows, "sections.jsonl");
	if (rc == 0)
		rc = dir_make(rows, e);
	if (rc == 0)
		rc = file_writer_open(&l->sections, path, e);
	if (rc == 0)
		rc = jsonl_each(train, lesson_add, l, e);
	if (rc == 0)
		rc = file_writer_commit(&l->sections, e);
	else
		file_writer_abort(&l->sections);
	return rc < 0 ? rc : search_open(out, rows, NULL, e);
}

/* ---- where the answers are -------------------------------------------------------------------------------------------------- */

/* Rows of one answer count as one. An answer that is recited whole has to be judged right. */
static int lessons_look(struct prospect *p, const struct lessons *l, struct search *rows, struct arena *a, struct err *e)
{
	struct search_hits hits;
	const char *seen[ROWS_NEAR];
	size_t n = 0;
	int rc = search_find(rows, p->q->text, ROWS_LOOKED_AT, &hits, e);
	for (size_t i = 0; i < hits.n && n < ROWS_NEAR && rc == 0; i++) {
		const char *answer = l->answer[strtoul(hits.p[i].source, NULL, 10)];
		struct judgement j;
		size_t k = 0;
		while (k < n && strcmp(seen[k], answer))
			k++;
		if (k < n)
			continue;
		seen[n++] = answer;
		rc = answer_judge(&j, answer, p->q, a, e);
		p->near |= j.right;
		p->nearest |= j.right && n == 1;
	}
	search_hits_release(&hits);
	return rc;
}

static int passages_look(struct prospect *p, struct search *passages, struct err *e)
{
	struct search_hits hits;
	int rc = search_find(passages, p->q->text, PASSAGES_SHOWN, &hits, e);
	for (size_t i = 0; i < hits.n; i++)
		for (size_t k = 0; k < p->q->n_accepted; k++)
			p->near |= answer_holds(hits.p[i].text, p->q->accepted[k]) ||
				answer_holds(hits.p[i].heading, p->q->accepted[k]);
	search_hits_release(&hits);
	return rc;
}

/* Questions on trained documents that were not trained on. */
static int prospects_fill(
	struct prospect *p, size_t *n, const struct questions *q, const struct eval_job *j, struct arena *a, struct err *e)
{
	struct lessons l = {.arena = a};
	struct search *rows = NULL, *passages = NULL;
	*n = 0;
	for (size_t i = 0; i < q->n; i++) {
		const struct question *one = &q->p[i];
		if (!question_is_ordinary(one) || one->unseen || one->leak)
			continue;
		p[*n] = (struct prospect){.q = one, .cluster = *n};
		for (size_t k = *n; k-- > 0 && *one->source;)
			if (!strcmp(p[k].q->source, one->source))
				p[*n].cluster = p[k].cluster;
		++*n;
	}
	int rc = lessons_open(&l, &rows, j, e);
	if (rc == 0)
		rc = search_open(&passages, j->data, j->embedder, e);
	for (size_t i = 0; i < *n && rc == 0; i++)
		if ((rc = lessons_look(&p[i], &l, rows, a, e)) == 0)
			rc = passages_look(&p[i], passages, e);
	search_close(rows);
	search_close(passages);
	mem_free(l.answer);
	return rc;
}

/* ---- what the arms answered ------------------------------------------------------------------------------------------------- */

static int arm_judge(struct prospect *p, size_t n, size_t arm, const struct questions *q, const struct eval_job *j,
	const struct eval_arm *arms, struct arena *a, struct err *e)
{
	struct arm_files f;
	json_t *list = NULL;
	int rc = arm_files_fill(&f, j, &arms[arm], e);
	struct answer_job job = {.questions = q, .path = f.answers, .key = f.answers_key};
	if (rc == 0)
		rc = answers_load(&list, &job, e);
	if (rc == 0 && json_array_size(list) != q->n)
		rc = err_set(e, ERR_DATA, "%s: expected the answers to all %zu questions; run the arm \"%s\" first", f.answers,
			q->n, arms[arm].name);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const json_t *o = json_array_get(list, (size_t)(p[i].q - q->p));
		struct judgement judged;
		rc = answer_judge(&judged, json_string_value(json_object_get(o, "text")), p[i].q, a, e);
		p[i].right[arm] = rc == 0 && judged.right;
	}
	json_decref(list);
	return rc;
}

/* The change from the best arm's answers when it also had those right that it misses and that are in reach: of each so much. */
static int gain_of(
	const struct prospect *p, size_t n, size_t best, bool near, double share, struct stats_paired *out, struct err *e)
{
	struct stats_item *item = mem_alloc(n, sizeof *item, e);
	if (!item)
		return ERR_RESOURCE;
	for (size_t i = 0; i < n; i++) {
		bool right = p[i].right[best], reach = near ? p[i].near : p[i].nearest;
		item[i] = (struct stats_item){p[i].cluster, {right, right ? 1 : reach ? share : 0}, {1, 1}};
	}
	int rc = stats_bootstrap(item, n, n, out, e);
	mem_free(item);
	return rc;
}

static int forecast_fill(struct eval_forecast *out, const struct prospect *p, size_t n, size_t n_arms, struct err *e)
{
	size_t nearest = 0, near = 0;
	struct stats_paired least, most;
	out->n = n;
	for (size_t arm = 0; arm < n_arms; arm++) {
		size_t right = 0;
		for (size_t i = 0; i < n; i++)
			right += p[i].right[arm];
		out->arm[arm] = eval_share(right, n);
		out->best = right > out->arm[out->best].k ? arm : out->best;
	}
	for (size_t i = 0; i < n; i++) {
		nearest += !p[i].right[out->best] && p[i].nearest;
		near += !p[i].right[out->best] && p[i].near;
	}
	out->nearest = eval_share(nearest, n);
	out->near = eval_share(near, n);
	int rc = gain_of(p, n, out->best, false, taught_least, &least, e);
	if (rc == 0)
		rc = gain_of(p, n, out->best, true, 1, &most, e);
	if (rc == 0) {
		out->low = least.change.low;
		out->high = most.change.high;
	}
	return rc;
}

int eval_forecast(const struct eval_job *j, const struct eval_arm *arms, size_t n_arms, struct eval_forecast *out, struct err *e)
{
	struct questions q;
	struct arena arena;
	struct prospect *p = NULL;
	size_t n = 0;
	*out = (struct eval_forecast){.n = 0};
	arena_init(&arena, 64 << 10);
	int rc = questions_read(&q, j->questions, e);
	if (rc == 0)
		rc = strata_read(&q, j->data, e);
	if (rc == 0)
		rc = overlap_find(&q, j->data, e);
	if (rc == 0 && !(p = arena_alloc(&arena, q.n, sizeof *p, e)))
		rc = ERR_RESOURCE;
	if (rc == 0 && q.n)
		rc = prospects_fill(p, &n, &q, j, &arena, e);
	for (size_t arm = 0; arm < n_arms && n && rc == 0; arm++)
		rc = arm_judge(p, n, arm, &q, j, arms, &arena, e);
	if (rc == 0 && n)
		rc = forecast_fill(out, p, n, n_arms, e);
	questions_release(&q);
	arena_release(&arena);
	return rc;
}

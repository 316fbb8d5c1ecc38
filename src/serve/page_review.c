/*
 * Review: drafts one after another, each with its evidence, and what a person decides. RESULTS/reviews.db is store's log, to which everything is
 * only appended. Reference: page.h; store.h, "reviews".
 */
#include "serve/page.h"

#include <stdio.h>
#include <string.h>

#include "flow/flow.h"
#include "format/format.h"
#include "store/store.h"

enum { DRAFT_MAX = 256 << 10, NAME_BYTES = 300, SECONDS_MAX = 3600, UNDO_MAX = 100 };

struct review_desk {
	struct reviews *reviews;            /* NULL: not open yet */
	char path[PATH_SIZE];               /* "": there is no results folder */
	char decided[UNDO_MAX][NAME_BYTES]; /* the last decisions of this process, to be undone */
	size_t n_decided;
};

int review_open(struct review_desk **out, const char *results, struct err *e)
{
	struct review_desk *d = mem_alloc(1, sizeof *d, e);
	*out = d;
	if (!d)
		return ERR_RESOURCE;
	return results ? path_join(d->path, sizeof d->path, e, results, "reviews.db") : 0;
}

void review_close(struct review_desk *d)
{
	if (d)
		reviews_close(d->reviews);
	mem_free(d);
}

/* The log, made when the first draft comes. */
static int desk_open(struct review_desk *d, struct err *e)
{
	if (!*d->path)
		return err_set(e, ERR_USAGE, "drafts are kept in a results folder; start the server with --results DIR");
	return d->reviews ? 0 : reviews_open(&d->reviews, d->path, e);
}

/* ---- what is next ---------------------------------------------------------------------------------------------------------------------- */

struct look {
	const char *id; /* the draft that is wanted; NULL: any */
	json_t *draft;
	size_t n[REVIEW_ACTIONS];
	double seconds;
	size_t n_timed, n_simulated;
};

static json_t *list_of(const char *text)
{
	json_t *list = json_loads(text, 0, NULL);
	if (json_is_array(list))
		return list;
	json_decref(list);
	return json_array();
}

static int draft_take(void *context, const struct review *v, struct err *e)
{
	struct look *l = context;
	if (l->id && strcmp(l->id, v->draft.id))
		return 0;
	json_decref(l->draft);
	l->draft = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:b}", "id", v->draft.id, "kind", v->draft.kind, "prompt",
		v->draft.prompt, "text", v->draft.text, "origin", v->draft.origin, "evidence", list_of(v->draft.evidence),
		"findings", list_of(v->draft.findings), "again", v->again);
	return l->draft ? 0 : err_set(e, ERR_DATA, "a draft in the log is no UTF-8");
}

static int draft_count(void *context, const struct review *v, struct err *e)
{
	struct look *l = context;
	(void)e;
	l->n[v->verdict.action]++;
	l->n_timed += v->verdict.action != REVIEW_NONE;
	l->seconds += v->seconds;
	l->n_simulated += v->verdict.simulated;
	return 0;
}

/* The queue as it stands; with `id` that draft comes next. */
static int queue_json(struct review_desk *d, const char *id, json_t **out, struct err *e)
{
	struct look l = {.id = id};
	int rc = 0;
	if (*d->path && (d->reviews || file_exists(d->path)))
		rc = desk_open(d, e);
	if (!rc && d->reviews)
		rc = reviews_each(d->reviews, draft_count, &l, e);
	if (!rc && d->reviews)
		rc = id ? reviews_each(d->reviews, draft_take, &l, e) : reviews_next(d->reviews, draft_take, &l, e);
	if (!rc)
		*out = json_pack("{s:O, s:o, s:I, s:I, s:I, s:I, s:I, s:f, s:b}", "draft", l.draft ? l.draft : json_null(), "log",
			page_path(*d->path ? d->path : NULL), "waiting", (json_int_t)l.n[REVIEW_NONE], "accepted",
			(json_int_t)l.n[REVIEW_ACCEPT], "edited", (json_int_t)l.n[REVIEW_EDIT], "rejected",
			(json_int_t)l.n[REVIEW_REJECT], "simulated", (json_int_t)l.n_simulated, "seconds_each",
			l.n_timed ? l.seconds / (double)l.n_timed : 0, "can_undo", d->n_decided > 0);
	json_decref(l.draft);
	return rc;
}

static void queue_reply(struct server *s, struct http_request *r, struct problem *p, const char *id)
{
	struct err e = {0};
	json_t *out = NULL;
	if (!p->status && queue_json(s->page->review, id, &out, &e))
		problem_from(p, NULL, &e);
	page_reply(r, p, out);
}

void review_get(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	(void)rest;
	queue_reply(s, r, &p, NULL);
}

/* ---- what is decided ------------------------------------------------------------------------------------------------------------------- */

static enum review_action action_of(const json_t *body, struct problem *p)
{
	const char *name = page_text(body, "action", NAME_BYTES, p);
	for (int a = REVIEW_ACCEPT; name && a < REVIEW_ACTIONS; a++)
		if (!strcmp(name, review_action_name((enum review_action)a)))
			return (enum review_action)a;
	if (name)
		problem_set(p, 400, NULL, "action", "action: expected accept, edit, reject, skip or undo");
	return REVIEW_NONE;
}

/* {"id", "action", "text", "reasons", "seconds"}; undo takes back the last decision, whatever draft it was on. */
void review_decide(struct server *s, struct http_request *r, const char *rest)
{
	struct review_desk *d = s->page->review;
	struct problem p = {0};
	struct err e = {0};
	char reasons[REVIEW_REASONS_SIZE], id[NAME_BYTES] = "";
	json_t *body = page_body(r, &p);
	enum review_action action = body ? action_of(body, &p) : REVIEW_NONE;
	bool undo = action == REVIEW_UNDO;
	const json_t *seconds = json_object_get(body, "seconds");
	const char *named = !p.status && !undo ? page_text(body, "id", NAME_BYTES - 1, &p) : NULL;
	const char *text = !p.status && action == REVIEW_EDIT ? page_text(body, "text", DRAFT_MAX, &p) : "";
	(void)rest;
	if (!p.status && flow_reasons(json_object_get(body, "reasons"), reasons, &e))
		problem_set(&p, 400, NULL, "reasons", "%s", e.text);
	if (!p.status && undo && !d->n_decided)
		problem_set(&p, 400, NULL, "action", "there is nothing to undo");
	if (!p.status) {
		double took = json_is_number(seconds) ? json_number_value(seconds) : 0;
		struct review_verdict v = {
			.action = action, .text = text, .reasons = reasons, .seconds = took > 0 && took < SECONDS_MAX ? took : 0};
		snprintf(id, sizeof id, "%s", undo ? d->decided[d->n_decided - 1] : named);
		if (desk_open(d, &e) || reviews_decide(d->reviews, id, &v, &e)) {
			problem_from(&p, "id", &e);
		} else if (undo) {
			d->n_decided--;
		} else if (action != REVIEW_SKIP) { /* which decides nothing, so nothing of it is to be undone */
			if (d->n_decided == UNDO_MAX)
				memmove(d->decided, d->decided + 1, sizeof d->decided[0] * --d->n_decided);
			snprintf(d->decided[d->n_decided++], NAME_BYTES, "%s", id);
		}
	}
	queue_reply(s, r, &p, undo ? id : NULL);
	json_decref(body);
}

/* ---- what comes in --------------------------------------------------------------------------------------------------------------------- */

/* An answer of the arena as a draft: {"id", "arm"}. Claims without support make it urgent. */
void review_add(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	struct err e = {0};
	char id[NAME_BYTES];
	double urgency = 0;
	json_t *body = page_body(r, &p), *findings = json_array(), *sources = json_array(), *mark;
	const json_t *round = body ? arena_round(s->page->arena, body, &p) : NULL;
	const char *arm = round ? page_text(body, "arm", 200, &p) : NULL;
	const json_t *answer = arm ? json_object_get(json_object_get(round, "answers"), arm) : NULL;
	const char *text = json_string_value(json_object_get(answer, "text")),
		   *question = json_string_value(json_object_get(round, "question"));
	size_t i;
	(void)rest;
	if (arm && !(text && *text))
		problem_set(&p, 400, NULL, "arm", "arm: this round has no answer of \"%.100s\"", arm);
	if (!p.status && xray_marks(s, question, text, findings, sources, &e))
		problem_from(&p, NULL, &e);
	json_array_foreach (findings, i, mark)
		urgency += strcmp(json_string_value(json_object_get(mark, "kind")), "supported") != 0;
	json_array_extend(sources, json_object_get(answer, "passages"));
	if (!p.status) {
		char *evidence = json_dumps(sources, JSON_COMPACT), *found = json_dumps(findings, JSON_COMPACT);
		snprintf(id, sizeof id, "%s/%s", json_string_value(json_object_get(round, "id")), arm);
		const struct review_draft draft = {.id = id,
			.kind = "answer",
			.prompt = question,
			.text = text,
			.origin = arm,
			.evidence = evidence ? evidence : "[]",
			.findings = found ? found : "[]",
			.urgency = urgency};
		if (desk_open(s->page->review, &e) || reviews_add(s->page->review->reviews, &draft, &e))
			problem_from(&p, NULL, &e);
		free(evidence);
		free(found);
	}
	queue_reply(s, r, &p, NULL);
	json_decref(findings);
	json_decref(sources);
	json_decref(body);
}

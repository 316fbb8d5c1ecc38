/*
 * From requests to the engine's tasks and back. Reference: pending.h.
 */
#include "serve/pending.h"

static void cancel(void *pending)
{
	struct pending *p = pending;
	p->r = NULL;
	p->task.cancelled = true;
	if (p->cancel)
		p->cancel(p);
}

void *pending_new(size_t n, struct server *s, struct http_request *r)
{
	struct err e = {0};
	struct problem problem;
	struct pending *p = mem_alloc(1, n, &e);
	if (!p) {
		problem_from(&problem, NULL, &e);
		http_reply_problem(r, &problem);
		return NULL;
	}
	*p = (struct pending){.server = s, .r = r, .begun_s = now_s(), .next = s->pending};
	s->pending = p;
	http_on_gone(r, cancel, p);
	return p;
}

int pending_compute(struct pending *p, int (*piece)(struct task *t, bool *more, struct problem *problem), struct problem *problem)
{
	struct err e = {0};
	p->task.piece = piece;
	return engine_compute(p->server->engine, &p->task, &e) ? problem_set(problem, 429, "queue_full", NULL, "%s", e.text) : 0;
}

void pending_fail(struct pending *p, const struct problem *problem)
{
	struct http_request *r = p->r;
	if (!r)
		return;
	cancel(p);
	http_reply_problem(r, problem);
}

void pending_free(struct pending *p)
{
	struct pending **at = &p->server->pending;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->free(p);
}

void pending_news(struct server *s)
{
	struct task *t;
	while ((t = engine_computed(s->engine))) {
		struct pending *p = (struct pending *)t;
		if (t->rc)
			pending_fail(p, &t->problem);
		if (p->r)
			p->go_on(p);
		else
			pending_free(p);
	}
}

void pending_expire(struct server *s, bool all)
{
	struct problem problem;
	double now = now_s();
	for (struct pending *p = s->pending; p; p = p->next) {
		if (!all && now - p->begun_s < ANSWER_TIMEOUT_S)
			continue;
		problem_set(&problem, 503, "timeout", NULL,
			all ? "the server is being stopped" : "the answer takes longer than %d s", ANSWER_TIMEOUT_S);
		pending_fail(p, &problem);
	}
}

void pending_free_all(struct server *s)
{
	while (s->pending)
		pending_free(s->pending);
}

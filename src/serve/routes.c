/*
 * Who answers what. Reference: server.h; the names below / are llama-server's, those below /v1 OpenAI's.
 */
#include "serve/request.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>

typedef void handler(struct server *s, struct http_request *r, const char *rest);

struct endpoint {
	const char *path; /* ends in "/": what follows is the handler's */
	enum http_method method;
	bool early; /* answers before the model is loaded */
	handler *answer;
};

/* ---- models ------------------------------------------------------------------------------------------------------------------------ */

int target_find(const struct server *s, const char *name, struct target *out, struct problem *p)
{
	static const char suffix[] = "/rag";
	size_t n = strlen(name), end = sizeof suffix - 1;
	*out = (struct target){.rag = s->search && n > end && !strcmp(name + n - end, suffix)};
	n -= out->rag ? end : 0;
	if (strlen(s->o->model_name) == n && !memcmp(s->o->model_name, name, n))
		return 0;
	for (size_t i = 0; i < s->o->n_adapters; i++) {
		const char *own = s->o->adapter[i].name;
		if (strlen(own) == n && !memcmp(own, name, n)) {
			out->lora = engine_lora(s->engine, i);
			return 0;
		}
	}
	return problem_set(p, 404, "model_not_found", "model", "there is no model \"%.100s\"; GET /v1/models lists them", name);
}

static json_t *model_json(const struct server *s, const char *name, const char *suffix, const char *parent)
{
	char id[512];
	snprintf(id, sizeof id, "%s%s", name, suffix);
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s?}", "id", id, "object", "model", "created", (json_int_t)s->started,
		"owned_by", "attune", "root", s->o->model_name, "parent", parent);
}

/* Every model; those of passages have the one without as their parent. */
static json_t *models_json(const struct server *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i <= s->o->n_adapters; i++) {
		const char *name = i ? s->o->adapter[i - 1].name : s->o->model_name;
		json_array_append_new(list, model_json(s, name, "", i ? s->o->model_name : NULL));
		if (s->search)
			json_array_append_new(list, model_json(s, name, "/rag", name));
	}
	return list;
}

static void get_models(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	http_reply_json(r, 200, json_pack("{s:s, s:o}", "object", "list", "data", models_json(s)));
}

static void get_model(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p;
	json_t *list = models_json(s), *one, *found = NULL;
	size_t i;
	json_array_foreach (list, i, one) {
		if (!strcmp(json_string_value(json_object_get(one, "id")), rest))
			found = json_incref(one);
	}
	json_decref(list);
	if (found) {
		http_reply_json(r, 200, found);
		return;
	}
	problem_set(&p, 404, "model_not_found", "model", "there is no model \"%.100s\"; GET /v1/models lists them", rest);
	http_reply_problem(r, &p);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------------------------- */

static int loading(struct problem *p)
{
	return problem_set(p, 503, NULL, NULL, "the model is being loaded");
}

static void get_health(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p;
	struct err e;
	(void)rest;
	if (engine_state(s->engine, &e) == ENGINE_READY) {
		http_reply_json(r, 200, json_pack("{s:s}", "status", "ok"));
		return;
	}
	loading(&p);
	http_reply_problem(r, &p);
}

static void get_metrics(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p;
	struct buf text = {0};
	struct err e = {0};
	(void)rest;
	if (metrics_write(s, &text, &e)) {
		problem_from(&p, NULL, &e);
		http_reply_problem(r, &p);
	} else {
		http_reply(r, 200, "text/plain; version=0.0.4", text.p, text.len);
	}
	buf_release(&text);
}

static void post_chat(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	exchange_begin(s, r, true);
}

static void options(struct http_request *r)
{
	http_reply(r, 204, "text/plain", "", 0);
}

static const struct endpoint endpoints[] = {
	{"/health", HTTP_GET, true, get_health},
	{"/metrics", HTTP_GET, true, get_metrics},
	{"/v1/models", HTTP_GET, true, get_models},
	{"/v1/models/", HTTP_GET, true, get_model},
	{"/v1/chat/completions", HTTP_POST, false, post_chat},
};

static const struct endpoint *endpoint_find(const char *path, const char **rest)
{
	for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
		size_t n = strlen(endpoints[i].path);
		*rest = path + n;
		if (endpoints[i].path[n - 1] == '/' ? !strncmp(path, endpoints[i].path, n) && path[n]
						    : !strcmp(path, endpoints[i].path))
			return &endpoints[i];
	}
	return NULL;
}

void route(void *server, struct http_request *r)
{
	struct server *s = server;
	struct problem p = {0};
	struct err e;
	const char *rest;
	const struct endpoint *found = endpoint_find(http_path(r), &rest);
	if (!found)
		problem_set(&p, 404, NULL, NULL, "there is nothing at %.100s", http_path(r));
	else if (http_method(r) == HTTP_OPTIONS)
		options(r);
	else if (http_method(r) != found->method)
		problem_set(
			&p, 405, NULL, NULL, "%s: expected the method %s", found->path, found->method == HTTP_GET ? "GET" : "POST");
	else if (!found->early && engine_state(s->engine, &e) != ENGINE_READY)
		loading(&p);
	else
		found->answer(s, r, rest);
	if (p.status)
		http_reply_problem(r, &p);
}

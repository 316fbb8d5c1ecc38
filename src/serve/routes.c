/*
 * Who answers what. Reference: server.h; the names below / are llama-server's, those below /v1 OpenAI's.
 */
#include "serve/page.h"
#include "serve/request.h"

#include <stdio.h>
#include <string.h>

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
	out->evidence = out->rag ? s->evidence : NULL;
	if (strlen(s->o->model_name) == n && !memcmp(s->o->model_name, name, n))
		return 0;
	for (size_t i = 0; i < s->o->n_adapters; i++) {
		const char *own = s->o->adapter[i].name;
		if (strlen(own) == n && !memcmp(own, name, n)) {
			if (s->scale[i])
				out->lora = *engine_lora(s->engine, i);
			out->lora.scale *= s->scale[i];
			if (!out->rag && s->scale[i])
				out->evidence = s->trained[i];
			return 0;
		}
	}
	if (s->o->embedder && !strcmp(name, s->o->embedder_name))
		return problem_set(p, 400, NULL, "model", "%s makes embeddings only: POST /v1/embeddings", name);
	return problem_set(p, 404, "model_not_found", "model", "there is no model \"%.100s\"; GET /v1/models lists them", name);
}

static json_t *model_json(const struct server *s, const char *root, const char *name, const char *suffix, const char *parent)
{
	char id[512];
	snprintf(id, sizeof id, "%s%s", name, suffix);
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s?}", "id", id, "object", "model", "created", (json_int_t)s->started,
		"owned_by", "attune", "root", root, "parent", parent);
}

/* Every model; those of passages have the one without as their parent, the embedder is a root of its own. */
static json_t *models_json(const struct server *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i <= s->o->n_adapters; i++) {
		const char *base = s->o->model_name, *name = i ? s->o->adapter[i - 1].name : base;
		json_array_append_new(list, model_json(s, base, name, "", i ? base : NULL));
		if (s->search)
			json_array_append_new(list, model_json(s, base, name, "/rag", name));
	}
	if (s->o->embedder)
		json_array_append_new(list, model_json(s, s->o->embedder_name, s->o->embedder_name, "", NULL));
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

static void options(struct http_request *r)
{
	http_reply(r, 204, "text/plain", "", 0);
}

static const struct endpoint endpoints[] = {
	{"/health", HTTP_GET, true, get_health},
	{"/metrics", HTTP_GET, true, get_metrics},
	{"/v1/models", HTTP_GET, true, get_models},
	{"/v1/models/", HTTP_GET, true, get_model},
	{"/v1/chat/completions", HTTP_POST, false, chat_post},
	{"/v1/completions", HTTP_POST, false, text_post},
	{"/v1/embeddings", HTTP_POST, false, embeddings_post},
	{"/tokenize", HTTP_POST, false, tokenize_post},
	{"/detokenize", HTTP_POST, false, detokenize_post},
	{"/apply-template", HTTP_POST, false, template_post},
	{"/props", HTTP_GET, false, props_get},
	{"/lora-adapters", HTTP_GET, false, lora_get},
	{"/lora-adapters", HTTP_POST, false, lora_post},
	{"/", HTTP_GET, true, ui_get},
	{"/ui/", HTTP_GET, true, ui_get},
	{"/page/state", HTTP_GET, true, page_state},
	{"/page/sign-in", HTTP_POST, true, page_sign_in},
	{"/page/sign-out", HTTP_POST, true, page_sign_out},
	{"/page/arena", HTTP_GET, true, arena_get},
	{"/page/arena/ask", HTTP_POST, true, arena_ask},
	{"/page/arena/answer", HTTP_POST, true, arena_answer},
	{"/page/arena/vote", HTTP_POST, true, arena_vote},
	{"/page/report", HTTP_GET, true, report_summary},
	{"/report/", HTTP_GET, true, report_page},
	{"/page/xray", HTTP_POST, false, xray_post},
	{"/page/review", HTTP_GET, true, review_get},
	{"/page/review/decide", HTTP_POST, true, review_decide},
	{"/page/review/add", HTTP_POST, true, review_add},
	{"/page/data", HTTP_GET, true, data_get},
	{"/page/train", HTTP_GET, true, train_get},
	{"/page/train/start", HTTP_POST, false, train_start},
	{"/page/train/stop", HTTP_POST, true, train_stop},
	{"/page/train/", HTTP_GET, true, train_run_get},
};

/* With this method, or else any at the path. */
static const struct endpoint *endpoint_find(const char *path, enum http_method method, const char **rest)
{
	const struct endpoint *found = NULL;
	for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
		const struct endpoint *one = &endpoints[i];
		size_t n = strlen(one->path);
		bool fits = n > 1 && one->path[n - 1] == '/' ? !strncmp(path, one->path, n) && path[n] : !strcmp(path, one->path);
		if (fits && (!found || one->method == method)) {
			found = one;
			*rest = path + n;
		}
	}
	return found;
}

void route(void *server, struct http_request *r)
{
	struct server *s = server;
	struct problem p = {0};
	struct err e;
	const char *rest;
	const struct endpoint *found = endpoint_find(http_path(r), http_method(r), &rest);
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

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
	if (strlen(s->o->model_name) == n && !memcmp(s->o->model_name, name, n))
		return 0;
	for (size_t i = 0; i < s->o->n_adapters; i++) {
		const char *own = s->o->adapter[i].name;
		if (strlen(own) == n && !memcmp(own, name, n)) {
			out->lora = engine_lora(s->engine, i);
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

/* ---- texts and tokens, as llama-server has them ---------------------------------------------------------------------------------------- */

static json_t *tokenize(const struct tokenizer *t, const json_t *body, struct problem *p)
{
	const json_t *content = json_object_get(body, "content");
	struct ids ids = {0};
	struct err e;
	json_t *list;
	if (!json_is_string(content)) {
		problem_set(p, 400, NULL, "content", "content: expected a string");
		return NULL;
	}
	if (json_is_true(json_object_get(body, "add_special")) && tokenizer_bos(t) >= 0 && ids_push(&ids, tokenizer_bos(t), &e))
		problem_from(p, NULL, &e);
	else if (tokenizer_encode(t, json_string_value(content), json_string_length(content), &ids, &e))
		problem_from(p, "content", &e);
	list = p->status ? NULL : json_array();
	for (size_t i = 0; list && i < ids.n; i++)
		json_array_append_new(list, json_integer(ids.p[i]));
	ids_release(&ids);
	return list ? json_pack("{s:o}", "tokens", list) : NULL;
}

static json_t *detokenize(const struct tokenizer *t, const json_t *body, struct problem *p)
{
	const json_t *list = json_object_get(body, "tokens"), *id;
	struct buf text = {0}, clean = {0};
	struct err e;
	json_t *out = NULL;
	size_t i;
	if (!json_is_array(list))
		problem_set(p, 400, NULL, "tokens", "tokens: expected a list");
	json_array_foreach (list, i, id) {
		json_int_t value = json_integer_value(id);
		int32_t one = (int32_t)value;
		if (p->status)
			break;
		if (!json_is_integer(id) || value < 0 || (size_t)value >= tokenizer_n_vocab(t))
			problem_set(p, 400, NULL, "tokens", "tokens: expected ids from 0 to %zu", tokenizer_n_vocab(t) - 1);
		else if (tokenizer_decode(t, &one, 1, true, &text, &e))
			problem_from(p, NULL, &e);
	}
	if (!p->status && utf8_append(&clean, text.len ? text.p : "", text.len, &e))
		problem_from(p, NULL, &e);
	if (!p->status)
		out = json_pack("{s:s%}", "content", clean.len ? clean.p : "", clean.len);
	buf_release(&text);
	buf_release(&clean);
	return out;
}

/* Reads the body and answers with what `make` makes of it. */
static void post_tokens(
	struct server *s, struct http_request *r, json_t *(*make)(const struct tokenizer *t, const json_t *body, struct problem *p))
{
	struct problem p = {0};
	size_t n;
	const char *text = http_body(r, &n);
	json_t *body, *answer = NULL;
	if (!body_read(&body, text, n, &p))
		answer = make(model_encoder(engine_model(s->engine))->tokenizer, body, &p);
	json_decref(body);
	if (p.status)
		http_reply_problem(r, &p);
	else
		http_reply_json(r, 200, answer);
}

static void post_tokenize(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	post_tokens(s, r, tokenize);
}

static void post_detokenize(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	post_tokens(s, r, detokenize);
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
	{"/tokenize", HTTP_POST, false, post_tokenize},
	{"/detokenize", HTTP_POST, false, post_detokenize},
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
	{"/page/train", HTTP_GET, true, train_runs},
	{"/page/train/", HTTP_GET, true, train_run_get},
};

static const struct endpoint *endpoint_find(const char *path, const char **rest)
{
	for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
		size_t n = strlen(endpoints[i].path);
		*rest = path + n;
		if (n > 1 && endpoints[i].path[n - 1] == '/' ? !strncmp(path, endpoints[i].path, n) && path[n]
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

/*
 * What llama-server offers beside OpenAI's interface: texts as tokens and back, the chat template, properties, the strength of adapters.
 * Reference: llama.cpp, tools/server/README.md.
 */
#include "serve/request.h"
#include "serve/server.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SCALE_MAX = 100 };

/* Reads the body, an object, and answers with what `make` makes of it. */
static void reply(
	struct server *s, struct http_request *r, json_t *(*make)(struct server *s, const json_t *body, struct problem *p))
{
	struct problem p = {0};
	size_t n;
	const char *text = http_body(r, &n);
	json_t *body, *answer = NULL;
	if (!body_read(&body, text, n, &p))
		answer = make(s, body, &p);
	json_decref(body);
	if (p.status)
		http_reply_problem(r, &p);
	else
		http_reply_json(r, 200, answer);
}

static const struct encoder *encoder(const struct server *s)
{
	return model_encoder(engine_model(s->engine));
}

/* ---- tokens ------------------------------------------------------------------------------------------------------------------------- */

/* A switch of the body; absent or null: `fallback`. */
static bool is_on(const json_t *body, const char *key, bool fallback, struct problem *p)
{
	const json_t *value = json_object_get(body, key);
	if (!value || json_is_null(value))
		return fallback;
	if (!json_is_boolean(value))
		problem_set(p, 400, NULL, key, "%s: expected true or false, found %s", key, json_kind(value));
	return json_is_true(value);
}

/* The ids of a text in which control tokens are spelt out. */
static int encode_special(const struct tokenizer *t, const char *text, size_t n, struct ids *ids, struct err *e)
{
	size_t from = 0, length = 0;
	int rc = 0;
	for (size_t at = 0; at < n && !rc;) {
		int32_t id = tokenizer_control_at(t, text + at, n - at, &length);
		if (id < 0) {
			at++;
			continue;
		}
		rc = tokenizer_encode(t, text + from, at - from, ids, e);
		if (!rc)
			rc = ids_push(ids, id, e);
		from = at += length;
	}
	return rc ? rc : tokenizer_encode(t, text + from, n - from, ids, e);
}

/* {"id", "piece"}: the piece is a string, or its bytes where they are no text. */
static json_t *piece_json(const struct tokenizer *t, int32_t id)
{
	size_t n;
	const char *p = tokenizer_bytes(t, id, &n);
	json_t *piece = json_stringn(p, n);
	if (!piece) {
		piece = json_array();
		for (size_t i = 0; i < n; i++)
			json_array_append_new(piece, json_integer((unsigned char)p[i]));
	}
	return json_pack("{s:i, s:o}", "id", id, "piece", piece);
}

static json_t *tokenize(struct server *s, const json_t *body, struct problem *p)
{
	const struct tokenizer *t = encoder(s)->tokenizer;
	const json_t *content = json_object_get(body, "content");
	const char *text = json_string_value(content);
	size_t n = json_string_length(content);
	bool begin = is_on(body, "add_special", false, p), special = is_on(body, "parse_special", true, p);
	bool pieces = is_on(body, "with_pieces", false, p);
	struct ids ids = {0};
	struct err e;
	json_t *list;
	if (!text)
		problem_set(p, 400, NULL, "content", "content: expected a string");
	if (p->status)
		return NULL;
	if (begin && tokenizer_bos(t) >= 0 && ids_push(&ids, tokenizer_bos(t), &e))
		problem_from(p, NULL, &e);
	else if (special ? encode_special(t, text, n, &ids, &e) : tokenizer_encode(t, text, n, &ids, &e))
		problem_from(p, "content", &e);
	list = p->status ? NULL : json_array();
	for (size_t i = 0; list && i < ids.n; i++)
		json_array_append_new(list, pieces ? piece_json(t, ids.p[i]) : json_integer(ids.p[i]));
	ids_release(&ids);
	return list ? json_pack("{s:o}", "tokens", list) : NULL;
}

static json_t *detokenize(struct server *s, const json_t *body, struct problem *p)
{
	const struct tokenizer *t = encoder(s)->tokenizer;
	const json_t *list = json_object_get(body, "tokens"), *id;
	struct buf text = {0};
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
	if (!p->status)
		out = json_pack("{s:o}", "content", json_text(text.len ? text.p : "", text.len));
	buf_release(&text);
	return out;
}

void tokenize_post(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	reply(s, r, tokenize);
}

void detokenize_post(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	reply(s, r, detokenize);
}

/* ---- template and properties --------------------------------------------------------------------------------------------------------- */

static json_t *apply_template(struct server *s, const json_t *body, struct problem *p)
{
	struct row row = {.kind = ROW_MESSAGES};
	struct arena arena;
	struct buf text = {0};
	struct err e = {0};
	json_t *out = NULL;
	arena_init(&arena, 1 << 12);
	if (!messages_read(json_object_get(body, "messages"), &arena, &row.messages, &row.n_messages, p) &&
		row_prompt_text(&text, &row, encoder(s), &e))
		problem_from(p, "messages", &e);
	if (!p->status)
		out = json_pack("{s:o}", "prompt", json_text(text.len ? text.p : "", text.len));
	buf_release(&text);
	arena_release(&arena);
	return out;
}

void template_post(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	reply(s, r, apply_template);
}

/* How the tokenizer spells a token; "" for none. */
static json_t *spelt(const struct tokenizer *t, int32_t id)
{
	size_t n = 0;
	const char *p = id < 0 ? "" : tokenizer_bytes(t, id, &n);
	return json_text(p, n);
}

void props_get(struct server *s, struct http_request *r, const char *rest)
{
	const struct encoder *enc = encoder(s);
	(void)rest;
	json_t *settings = json_pack("{s:{s:f, s:f, s:i, s:i, s:[]}, s:I}", "params", "temperature",
		(double)sampling_default.temperature, "top_p", (double)sampling_default.top_p, "max_tokens", -1, "n_predict", -1,
		"stop", "n_ctx", (json_int_t)engine_context(s->engine));
	http_reply_json(r, 200,
		json_pack("{s:o, s:I, s:s, s:o, s:{s:b, s:b}, s:s, s:o, s:o, s:s, s:b}", "default_generation_settings", settings,
			"total_slots", (json_int_t)s->o->n_parallel, "model_alias", s->o->model_name, "model_path",
			json_text(s->o->model, strlen(s->o->model)), "modalities", "vision", false, "audio", false, "chat_template",
			enc->chat ? chat_template_source(enc->chat) : "", "bos_token",
			spelt(enc->tokenizer, tokenizer_bos(enc->tokenizer)), "eos_token",
			spelt(enc->tokenizer, tokenizer_eos(enc->tokenizer)), "build_info", "attune " ATTUNE_VERSION, "is_sleeping",
			false));
}

/* ---- adapters --------------------------------------------------------------------------------------------------------------------------- */

void lora_get(struct server *s, struct http_request *r, const char *rest)
{
	json_t *list = json_array();
	(void)rest;
	for (size_t i = 0; i < s->o->n_adapters; i++)
		json_array_append_new(list,
			json_pack("{s:I, s:o, s:f}", "id", (json_int_t)i, "path",
				json_text(s->o->adapter[i].path, strlen(s->o->adapter[i].path)), "scale", (double)s->scale[i]));
	http_reply_json(r, 200, list);
}

/* One of the list: {"id", "scale"}. */
static int scale_read(const struct server *s, const json_t *one, float *out, struct problem *p)
{
	const json_t *id = json_object_get(one, "id"), *scale = json_object_get(one, "scale");
	json_int_t i = json_integer_value(id);
	if (!json_is_integer(id) || i < 0 || i >= (json_int_t)s->o->n_adapters)
		return problem_set(p, 400, NULL, "id", "id: expected that of an adapter; GET /lora-adapters lists them");
	if (!json_is_number(scale) || !(fabs(json_number_value(scale)) <= SCALE_MAX))
		return problem_set(p, 400, NULL, "scale", "scale: expected a number from -%d to %d", SCALE_MAX, SCALE_MAX);
	out[i] = (float)json_number_value(scale);
	return 0;
}

/* Who is not in the list gets 0, as there. */
void lora_post(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	float scale[SERVE_ADAPTERS_MAX] = {0};
	size_t n, i;
	const char *text = http_body(r, &n);
	const json_t *one;
	json_t *list = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	int rc = json_is_array(list) ? 0 : problem_set(&p, 400, NULL, NULL, "the body: expected a list of {\"id\", \"scale\"}");
	(void)rest;
	json_array_foreach (list, i, one)
		rc = rc ? rc : scale_read(s, one, scale, &p);
	json_decref(list);
	if (rc) {
		http_reply_problem(r, &p);
		return;
	}
	memcpy(s->scale, scale, sizeof s->scale);
	http_reply_json(r, 200, json_pack("{s:b}", "success", true));
}

/*
 * /v1/embeddings: texts as vectors of length 1, by the embedder, which is a model of its own. All texts are tokenised first, so that one that is too
 * long is told before anything is computed; then they are computed as many at a time as make a pass, each pass a piece of a task.
 * Reference: https://platform.openai.com/docs/api-reference/embeddings
 */
#include "serve/pending.h"
#include "serve/reply.h"
#include "serve/request.h"

#include <stdio.h>
#include <string.h>

enum { INPUTS_MAX = 2048 };

struct embeddings {
	struct pending pending;
	json_t *body, *input; /* input: a list of texts, owned */
	bool base64;
	size_t n, n_done;
	struct ids ids;
	size_t *start;    /* [n + 1] text i has ids[start[i]] to before ids[start[i + 1]] */
	struct buf reply; /* JSON, written beside computing: a list of numbers takes long */
};

static void embeddings_free(struct pending *p)
{
	struct embeddings *x = (struct embeddings *)p;
	json_decref(x->input);
	json_decref(x->body);
	ids_release(&x->ids);
	mem_free(x->start);
	buf_release(&x->reply);
	mem_free(x);
}

/* ---- what is asked ------------------------------------------------------------------------------------------------------------------ */

static int read_model(struct embeddings *x, const json_t *value, struct problem *p)
{
	const struct serve_options *o = x->pending.server->o;
	const char *name = json_string_value(value);
	if (!name)
		return problem_set(p, 400, NULL, "model", "model: expected a name; GET /v1/models lists them");
	if (!o->embedder)
		return problem_set(p, 404, "model_not_found", "model",
			"this server has no embedder; 'attune pull minilm' gets one, then start the server again");
	if (strcmp(name, o->embedder_name))
		return problem_set(p, 404, "model_not_found", "model", "\"%.100s\" makes no embeddings here; \"%s\" does", name,
			o->embedder_name);
	return 0;
}

static int read_input(struct embeddings *x, json_t *value, struct problem *p)
{
	const json_t *one;
	size_t i;
	x->input = json_is_string(value) ? json_pack("[O]", value) : json_incref(value);
	x->n = json_array_size(x->input);
	if (!x->n || x->n > INPUTS_MAX)
		return problem_set(p, 400, NULL, "input", "input: expected a text or a list of 1 to %d texts", INPUTS_MAX);
	json_array_foreach (x->input, i, one) {
		if (json_is_integer(one) || json_is_array(one))
			return problem_set(p, 400, NULL, "input",
				"input: token ids are those of another model's tokenizer; send texts (LangChain's "
				"OpenAIEmbeddings: "
				"check_embedding_ctx_length=False)");
		if (!json_string_length(one))
			return problem_set(p, 400, NULL, "input", "input: expected text %zu to be a string that is not empty", i);
	}
	return 0;
}

static int read_format(struct embeddings *x, const json_t *value, struct problem *p)
{
	const char *format = json_string_value(value);
	x->base64 = format && !strcmp(format, "base64");
	return x->base64 || (format && !strcmp(format, "float"))
		? 0
		: problem_set(p, 400, NULL, "encoding_format", "encoding_format: expected \"float\" or \"base64\"");
}

static int read_field(struct embeddings *x, const char *key, json_t *value, struct problem *p)
{
	char name[64];
	size_t width;
	if (!strcmp(key, "model") || !strcmp(key, "user"))
		return 0;
	if (!strcmp(key, "input"))
		return read_input(x, value, p);
	if (!strcmp(key, "encoding_format"))
		return read_format(x, value, p);
	snprintf(name, sizeof name, "%s", key);
	if (strcmp(key, "dimensions"))
		return problem_set(p, 400, "unknown_parameter", name, "%s: there is no such field here", name);
	width = embedder_width(x->pending.server->o->embedder);
	if (json_is_integer(value) && json_integer_value(value) == (json_int_t)width)
		return 0;
	return problem_set(
		p, 400, "unsupported_parameter", name, "dimensions: the embedder's vectors have %zu, and cannot be cut", width);
}

static int request_read(struct embeddings *x, struct problem *p)
{
	const char *key;
	json_t *value;
	size_t n;
	const char *text = http_body(x->pending.r, &n);
	int rc = body_read(&x->body, text, n, p);
	if (!rc)
		rc = read_model(x, json_object_get(x->body, "model"), p);
	if (rc)
		return rc;
	json_object_foreach (x->body, key, value) {
		if (!json_is_null(value) && (rc = read_field(x, key, value, p)))
			return rc;
	}
	return x->input ? 0 : problem_set(p, 400, NULL, "input", "input: expected a text or a list of texts");
}

/* ---- on the engine's thread ------------------------------------------------------------------------------------------------------------- */

static int tokenize(struct embeddings *x, struct problem *p)
{
	const struct embedder *m = x->pending.server->o->embedder;
	size_t most = embedder_context(m);
	struct err e = {0};
	x->start = mem_alloc(x->n + 1, sizeof *x->start, &e);
	int rc = x->start ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < x->n && !rc; i++) {
		const json_t *text = json_array_get(x->input, i);
		rc = embedder_encode(m, json_string_value(text), json_string_length(text), most + 1, &x->ids, &e);
		x->start[i + 1] = x->ids.n;
		if (!rc && x->ids.n - x->start[i] > most)
			return problem_set(p, 400, "context_length_exceeded", "input",
				"input: text %zu has more than the %zu tokens that the embedder takes; cut it into several", i,
				most);
	}
	return rc ? problem_from(p, NULL, &e) : 0;
}

static int put_vector(struct embeddings *x, const float *v, size_t width, struct err *e)
{
	struct buf *out = &x->reply;
	int rc = buf_printf(out, e, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":%s", x->n_done ? "," : "", x->n_done,
		x->base64 ? "\"" : "[");
	if (!rc && x->base64)
		rc = base64_append(out, v, width * sizeof *v, e);
	for (size_t i = 0; i < width && !rc && !x->base64; i++)
		rc = buf_printf(out, e, "%s%.9g", i ? "," : "", (double)v[i]);
	x->n_done++;
	return rc ? rc : buf_puts(out, x->base64 ? "\"}" : "]}", e);
}

static int pass(struct embeddings *x, struct err *e)
{
	const struct embedder *m = x->pending.server->o->embedder;
	const size_t *start = x->start + x->n_done;
	size_t width = embedder_width(m), n = embedder_fits(start, x->n - x->n_done);
	float *v = mem_alloc(n * width, sizeof *v, e);
	int rc = v ? embedder_run_ids(m, x->ids.p, start, n, v, e) : ERR_RESOURCE;
	for (size_t i = 0; i < n && !rc; i++)
		rc = put_vector(x, v + i * width, width, e);
	mem_free(v);
	return rc;
}

static int piece(struct task *t, bool *more, struct problem *p)
{
	struct embeddings *x = (struct embeddings *)t;
	struct err e = {0};
	int rc = 0;
	if (!x->start) {
		*more = true;
		return tokenize(x, p);
	}
	if (!x->n_done)
		rc = buf_puts(&x->reply, "{\"object\":\"list\",\"data\":[", &e);
	if (!rc)
		rc = pass(x, &e);
	*more = x->n_done < x->n;
	if (!rc && !*more)
		rc = buf_printf(&x->reply, &e, "],\"model\":\"%s\",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu}}",
			x->pending.server->o->embedder_name, x->ids.n, x->ids.n);
	return rc ? problem_from(p, NULL, &e) : 0;
}

/* ---- on the loop's ------------------------------------------------------------------------------------------------------------------------ */

static void go_on(struct pending *p)
{
	const struct embeddings *x = (const struct embeddings *)p;
	struct http_request *r = p->r;
	p->r = NULL;
	http_reply(r, 200, "application/json", x->reply.p, x->reply.len);
	pending_free(p);
}

void embeddings_post(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p;
	struct embeddings *x = pending_new(sizeof *x, s, r);
	(void)rest;
	if (!x)
		return;
	x->pending.go_on = go_on;
	x->pending.free = embeddings_free;
	if (request_read(x, &p) || pending_compute(&x->pending, piece, &p)) {
		pending_fail(&x->pending, &p);
		pending_free(&x->pending);
	}
}

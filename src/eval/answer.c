/*
 * Questions to answers, kept line by line: who stops or dies loses the answers that were being made, and the file ends up with the same bytes.
 * Reference: eval.h, eval_arm_run.
 */
#include "eval/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_TOKENS = 64, FILE_BYTES_MAX = 1 << 30 };

/* ---- lines ------------------------------------------------------------------------------------------------------------------ */

/* The question as it stands in its file, with what the model said. */
static json_t *line_object(
	const struct question *q, const char *text, const char *finish_reason, json_int_t n_tokens, const char *key)
{
	json_t *o = json_copy((json_t *)q->json);
	if (json_object_set_new(o, "text", json_string(text)) |
		json_object_set_new(o, "finish_reason", json_string(finish_reason)) |
		json_object_set_new(o, "n_tokens", json_integer(n_tokens)) | json_object_set_new(o, "key", json_string(key))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* The object again if this line of the file answers the question, else NULL. Accepted answers may have changed since. */
static json_t *line_read(const json_t *found, const struct question *q, const char *key)
{
	const char *asked = json_string_value(json_object_get(found, "question")),
		   *text = json_string_value(json_object_get(found, "text"));
	const char *reason = json_string_value(json_object_get(found, "finish_reason"));
	const char *of = json_string_value(json_object_get(found, "key"));
	const json_t *n = json_object_get(found, "n_tokens");
	if (!asked || !text || !reason || !of || !json_is_integer(n) || strcmp(asked, q->text) || strcmp(of, key))
		return NULL;
	return line_object(q, text, reason, json_integer_value(n), key);
}

int answers_load(json_t **out, const struct answer_job *a, struct err *e)
{
	struct jsonl *j;
	json_t *found, *mine;
	size_t line;
	struct err ignored; /* a line that is no JSON ends the run like any other */
	*out = json_array();
	if (!file_exists(a->path))
		return 0;
	int rc = jsonl_open(&j, a->path, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < a->questions->n && jsonl_next(j, &found, &line, &ignored) == 1; i++) {
		mine = line_read(found, &a->questions->p[i], a->key);
		json_decref(found);
		if (!mine)
			break;
		if (json_array_append_new(*out, mine)) {
			rc = err_set(e, ERR_RESOURCE, "out of memory while reading %s", a->path);
			break;
		}
	}
	jsonl_close(j);
	return rc;
}

/* Makes the file hold exactly the lines that count, and says how many there are. */
static int prefix_keep(const struct answer_job *a, size_t *n, struct err *e)
{
	json_t *list;
	struct buf good = {0}, file = {0};
	int rc = answers_load(&list, a, e);
	*n = json_array_size(list);
	for (size_t i = 0; i < *n && rc == 0; i++)
		rc = json_line(&good, json_array_get(list, i), e);
	if (rc == 0 && file_exists(a->path))
		rc = file_read(a->path, FILE_BYTES_MAX, &file, e);
	if (rc == 0 && (file.len != good.len || (good.len && memcmp(file.p, good.p, good.len))))
		rc = file_replace(a->path, good.p ? good.p : "", good.len, e);
	buf_release(&good);
	buf_release(&file);
	json_decref(list);
	return rc;
}

/* ---- asking ----------------------------------------------------------------------------------------------------------------- */

struct asking {
	const struct answer_job *job;
	size_t first; /* question of the first prompt */
	struct progress progress;
	size_t n_tokens;
	double t_start;
};

/* What the prompt's messages, hits and the question are to the model. */
static int ask_ids(struct ids *out, const struct answerer *by, const struct search_hits *hits, const char *question, struct err *e)
{
	const struct search_prompt p = {
		.model = by->model, .front = by->prompt->messages, .n_front = by->prompt->n, .answer_tokens = ANSWER_TOKENS};
	size_t n_used;
	return search_prompt(&p, hits, question, out, &n_used, e);
}

/* With as many passages as leave room for an answer, and how that has to begin. */
static int question_ids(struct ids *out, struct ids *opening, const struct question *q, const struct answerer *by, struct err *e)
{
	struct search_hits hits = {0};
	struct buf text = {0};
	int rc = by->search ? search_find(by->search, q->text, PASSAGES_SHOWN, &hits, e) : 0;
	if (rc == 0)
		rc = ask_ids(out, by, &hits, q->text, e);
	if (rc == 0 && by->evidence)
		rc = evidence_objection(by->evidence, q->text, &text, e);
	if (rc == 0 && text.len)
		rc = tokenizer_encode(model_encoder(by->model)->tokenizer, text.p, text.len, opening, e);
	search_hits_release(&hits);
	buf_release(&text);
	return rc < 0 ? err_prefix(e, "question \"%s\"", q->id) : 0;
}

/* What all questions begin with behind a prompt, whichever they are; nothing without one. */
static int prefix_ids(struct ids *out, const struct answerer *by, struct err *e)
{
	const struct search_hits none = {0};
	struct ids other = {0};
	size_t n = 0;
	if (!by->prompt->n)
		return 0;
	int rc = ask_ids(out, by, &none, "A", e);
	if (rc == 0)
		rc = ask_ids(&other, by, &none, "1", e);
	while (n < out->n && n < other.n && out->p[n] == other.p[n])
		n++;
	out->n = n;
	ids_release(&other);
	return rc;
}

static int answer_keep(void *context, size_t i, const struct generated *made, struct err *e)
{
	struct asking *a = context;
	struct buf text = {0}, line = {0};
	json_t *object = NULL;
	char rate[64];
	int rc = generated_utf8(made, &text, e);
	if (rc == 0) {
		object = line_object(&a->job->questions->p[a->first + i], text.len ? text.p : "", made->finish_reason,
			(json_int_t)made->n_tokens, a->job->key);
		rc = json_line(&line, object, e);
	}
	if (rc == 0)
		rc = file_append(a->job->path, line.p, line.len, e);
	a->n_tokens += made->n_tokens;
	snprintf(rate, sizeof rate, "%.0f tokens/s", (double)a->n_tokens / (now_s() - a->t_start));
	progress_update(&a->progress, (double)(a->first + i + (rc == 0)), rate);
	json_decref(object);
	buf_release(&text);
	buf_release(&line);
	return rc;
}

static int answer_rest(const struct answer_job *a, size_t first, const struct answerer *by, struct err *e)
{
	size_t n = a->questions->n - first;
	struct asking asking = {.job = a, .first = first, .t_start = now_s()};
	struct ids *prompts = mem_alloc(2 * n, sizeof *prompts, e), prefix = {0};
	struct ids *openings = prompts ? prompts + n : NULL;
	int rc = prompts ? prefix_ids(&prefix, by, e) : ERR_RESOURCE;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = question_ids(&prompts[i], &openings[i], &a->questions->p[first + i], by, e);
	if (rc < 0)
		goto done;
	struct generate_job job = {.prompts = prompts,
		.openings = openings,
		.n = n,
		.prefix = prefix.p,
		.n_prefix = prefix.n,
		.options = {.sampling = by->sampling, .max_tokens = ANSWER_TOKENS},
		.on_answer = answer_keep,
		.context = &asking,
		.stop = by->stop};
	progress_begin(&asking.progress, by->label, "questions", (double)a->questions->n);
	rc = generate_many(by->model, by->lora, &job, e);
	progress_end(&asking.progress);
	if (rc == ERR_STOPPED)
		rc = err_set(e, ERR_STOPPED, "stopped while asking questions; run the same command again to go on");
	if (rc == 0)
		log_line(LOG_INFO, "%s: %.0f tokens/s while answering", by->label,
			(double)asking.n_tokens / (now_s() - asking.t_start));
done:
	for (size_t i = 0; prompts && i < 2 * n; i++)
		ids_release(&prompts[i]);
	ids_release(&prefix);
	mem_free(prompts);
	return rc;
}

int answers_make(const struct answer_job *a, const struct answerer *by, struct err *e)
{
	size_t n;
	if (!a->questions->n)
		return 0;
	int rc = prefix_keep(a, &n, e);
	return rc < 0 || n == a->questions->n ? rc : answer_rest(a, n, by, e);
}

/* ---- importing -------------------------------------------------------------------------------------------------------------- */

/* Puts an answer into an object of texts by id. */
static int import_line(void *texts, const json_t *o, struct err *e)
{
	const char *id = json_string_value(json_object_get(o, "id"));
	json_t *text = json_object_get(o, "text");
	if (!id || !json_is_string(text))
		return err_set(e, ERR_DATA, "expected {\"id\", \"text\"}, both strings");
	if (json_object_get(texts, id))
		return err_set(e, ERR_DATA, "a second answer to \"%.60s\"", id);
	return json_object_set(texts, id, text) ? err_set(e, ERR_RESOURCE, "out of memory") : 0;
}

int answers_import(const struct answer_job *a, const char *from, struct err *e)
{
	json_t *said = json_object();
	struct buf all = {0};
	int rc = jsonl_each(from, import_line, said, e);
	for (size_t i = 0; i < a->questions->n && rc == 0; i++) {
		const struct question *q = &a->questions->p[i];
		const char *text = json_string_value(json_object_get(said, q->id));
		json_t *line = text ? line_object(q, text, "stop", 0, a->key) : NULL;
		rc = text ? json_line(&all, line, e)
			  : err_set(e, ERR_DATA, "%s: expected an answer to every question; \"%.60s\" has none", from, q->id);
		json_decref(line);
		json_object_del(said, q->id);
	}
	if (rc == 0 && json_object_size(said))
		log_line(LOG_WARNING, "%s: left out: %zu answers to no question of these, the first to \"%.60s\"", from,
			json_object_size(said), json_object_iter_key(json_object_iter(said)));
	if (rc == 0)
		rc = file_replace(a->path, all.p ? all.p : "", all.len, e);
	buf_release(&all);
	json_decref(said);
	return rc;
}

/*
 * Questions to answers to right and wrong. Reference: flow.h, "The output folder".
 */
#include "flow/answers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_TOKENS = 64, CONVERSATION_TOKENS = 1024 };

/* ---- questions -------------------------------------------------------------------------------------------------------------- */

static int question_check(const json_t *q, const char *path, size_t line, struct err *e)
{
	const json_t *answers = json_object_get(q, "answers");
	if (!json_string_length(json_object_get(q, "id")) || !json_string_length(json_object_get(q, "question")) ||
		!json_array_size(answers))
		return err_set(e, ERR_DATA, "%s: line %zu: expected {\"id\", \"question\", \"answers\": [text, ...]}", path, line);
	for (size_t i = 0; i < json_array_size(answers); i++)
		if (!json_string_length(json_array_get(answers, i)))
			return err_set(e, ERR_DATA, "%s: line %zu: accepted answer %zu is not a text", path, line, i + 1);
	return 0;
}

int questions_read(struct questions *q, const char *path, struct err *e)
{
	struct jsonl *j = NULL;
	json_t *object;
	size_t line;
	*q = (struct questions){.list = json_array()};
	if (!file_exists(path))
		return 0;
	int rc = sha256_file(path, q->sha256, e);
	if (rc == 0)
		rc = jsonl_open(&j, path, e);
	if (rc < 0)
		return rc;
	while ((rc = jsonl_next(j, &object, &line, e)) == 1) {
		rc = question_check(object, path, line, e);
		json_array_append_new(q->list, object);
		if (rc < 0)
			break;
	}
	q->n = json_array_size(q->list);
	jsonl_close(j);
	return rc;
}

void questions_release(struct questions *q)
{
	json_decref(q->list);
	memset(q, 0, sizeof *q);
}

/*
 * ---- right or wrong
 * -----------------------------------------------------------------------------------------------------------
 */

static bool is_wordy(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Bytes of `text` that `value` matches, runs of white space being one; 0 when it does not. */
static size_t match(const char *text, const char *value)
{
	const char *t = text;
	while (*value) {
		if (isspace((unsigned char)*value)) {
			if (!isspace((unsigned char)*t))
				return 0;
			t += strspn(t, " \t\r\n");
			value += strspn(value, " \t\r\n");
		} else if (tolower((unsigned char)*t++) != tolower((unsigned char)*value++)) {
			return 0;
		}
	}
	return (size_t)(t - text);
}

/* A value does not begin or end inside a word or a number; "." and "," between digits are part of a number. */
static bool is_cut(char outer, char mark, char edge)
{
	if (is_wordy(outer) && is_wordy(edge))
		return true;
	return (outer == '.' || outer == ',') && isdigit((unsigned char)mark) && isdigit((unsigned char)edge);
}

bool answer_holds(const char *answer, const char *accepted)
{
	for (const char *p = answer; *p; p++) {
		size_t n = match(p, accepted);
		if (!n)
			continue;
		char before = p > answer ? p[-1] : ' ', before2 = p > answer + 1 ? p[-2] : ' ';
		char after = p[n], after2 = after ? p[n + 1] : 0;
		if (!is_cut(before, before2, p[0]) && !is_cut(after, after2, p[n - 1]))
			return true;
	}
	return false;
}

bool answer_is_right(const char *answer, const json_t *question)
{
	const json_t *accepted = json_object_get(question, "answers");
	for (size_t i = 0; i < json_array_size(accepted); i++)
		if (answer_holds(answer, json_string_value(json_array_get(accepted, i))))
			return true;
	return false;
}

/*
 * ---- answers
 * -------------------------------------------------------------------------------------------------------------------
 */

int answers_load(const struct answers_job *a, json_t **out, struct err *e)
{
	struct jsonl *j = NULL;
	json_t *object, *list = NULL;
	size_t line;
	*out = NULL;
	if (!file_exists(a->path))
		return 0;
	int rc = jsonl_open(&j, a->path, e);
	if (rc < 0)
		return rc;
	list = json_array();
	while ((rc = jsonl_next(j, &object, &line, e)) == 1) {
		const char *key = json_string_value(json_object_get(object, "key"));
		bool ours = key && !strcmp(key, a->key) && json_is_string(json_object_get(object, "text"));
		json_array_append_new(list, object);
		if (!ours)
			break;
	}
	/*
	 * A file that is not ours, or was cut by hand, is made again: rc 1 is a line of another key, an error a line that
	 * is no JSON.
	 */
	if (rc == 0 && json_array_size(list) == a->questions->n)
		*out = list;
	else
		json_decref(list);
	jsonl_close(j);
	return 0;
}

static int answer_one(const struct answers_job *a, struct generator *g, const json_t *question, json_t **out, struct err *e)
{
	struct ids prompt = {0};
	struct generated made = {0};
	struct message m = {.role = "user", .content = json_string_value(json_object_get(question, "question"))};
	struct row row = {.kind = ROW_MESSAGES, .messages = &m, .n_messages = 1};
	struct generate_options o = {.sampling = {.temperature = 0, .top_p = 1}, .max_tokens = ANSWER_TOKENS};
	*out = NULL;
	int rc = row_prompt(&prompt, &row, model_encoder(a->model), e);
	if (rc == 0) {
		generator_reset(g);
		rc = generator_run(g, prompt.p, prompt.n, &o, &made, e);
	}
	if (rc == 0) {
		const char *text = made.text.p ? made.text.p : "";
		*out = json_deep_copy(question);
		json_t *string = json_string(text); /* NULL when the model stopped inside a character */
		json_object_set_new(*out, "text", string ? string : json_string(""));
		json_object_set_new(*out, "finish_reason", json_string(made.finish_reason));
		json_object_set_new(*out, "right", json_boolean(answer_is_right(text, question)));
		json_object_set_new(*out, "key", json_string(a->key));
	}
	generated_release(&made);
	ids_release(&prompt);
	return rc;
}

static int answers_write(const char *path, const json_t *list, struct err *e)
{
	struct buf b = {0};
	int rc = 0;
	for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
		char *line = json_dumps(json_array_get(list, i), JSON_COMPACT);
		rc = line ? buf_printf(&b, e, "%s\n", line) : err_set(e, ERR_RESOURCE, "out of memory while writing %s", path);
		free(line);
	}
	if (rc == 0)
		rc = file_replace(path, b.p ? b.p : "", b.len, e);
	buf_release(&b);
	return rc;
}

int answers_make(const struct answers_job *a, json_t **out, struct err *e)
{
	struct generator *g = NULL;
	struct progress p;
	json_t *list = json_array(), *one;
	size_t context = model_config(a->model)->context;
	int rc = generator_new(&g, a->model, a->lora, context < CONVERSATION_TOKENS ? context : CONVERSATION_TOKENS, e);
	*out = NULL;
	progress_begin(&p, a->label, "questions", (double)a->questions->n);
	for (size_t i = 0; i < a->questions->n && rc == 0; i++) {
		if (a->stop && *a->stop) {
			rc = err_set(e, ERR_STOPPED, "stopped while asking questions; run the same command again to go on");
			break;
		}
		rc = answer_one(a, g, json_array_get(a->questions->list, i), &one, e);
		if (rc == 0)
			json_array_append_new(list, one);
		progress_update(&p, (double)(i + 1), NULL);
	}
	progress_end(&p);
	if (rc == 0)
		rc = answers_write(a->path, list, e);
	if (rc == 0)
		*out = list;
	else
		json_decref(list);
	generator_free(g);
	return rc;
}

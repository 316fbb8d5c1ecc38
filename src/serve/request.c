/*
 * JSON to requests. Every field of OpenAI's is in one of the tables: it is read, or only its harmless value is let through. Whatever is
 * in neither is refused by name. Reference: request.h; https://platform.openai.com/docs/api-reference/chat
 */
#include "serve/request.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* A field and how it is read; the value is neither absent nor null. */
struct field {
	const char *name;
	int (*read)(struct completion_request *q, const char *name, const json_t *value, struct problem *p);
	const char *harmless; /* without `read`: the values that change nothing, as a list of JSON; "*": all */
};

static bool is_set(const json_t *value)
{
	return value && !json_is_null(value);
}

static int expected(struct problem *p, const char *param, const char *what, const json_t *found)
{
	return problem_set(p, 400, NULL, param, "%s: expected %s, found %s", param, what, json_kind(found));
}

static int out_of_memory(struct problem *p)
{
	return problem_set(p, 503, NULL, NULL, "out of memory");
}

static int whole(const char *name, const json_t *value, json_int_t min, json_int_t max, json_int_t *out, struct problem *p)
{
	*out = json_integer_value(value);
	if (!json_is_integer(value))
		return expected(p, name, "a whole number", value);
	if (*out < min || *out > max)
		return problem_set(p, 400, NULL, name, "%s: expected %lld to %lld, found %lld", name, (long long)min,
			(long long)max, (long long)*out);
	return 0;
}

static int real(const char *name, const json_t *value, double min, double max, float *out, struct problem *p)
{
	double x = json_number_value(value);
	if (!json_is_number(value))
		return expected(p, name, "a number", value);
	if (!(x >= min && x <= max))
		return problem_set(p, 400, NULL, name, "%s: expected %g to %g, found %g", name, min, max, x);
	*out = (float)x;
	return 0;
}

static int truth(const char *name, const json_t *value, bool *out, struct problem *p)
{
	*out = json_is_true(value);
	return json_is_boolean(value) ? 0 : expected(p, name, "true or false", value);
}

/* ---- messages ------------------------------------------------------------------------------------------------------------------- */

/* [{"type": "text", "text": "..."}, ...] as one text. */
static int parts_join(const json_t *parts, const char *param, struct arena *arena, const char **out, struct problem *p)
{
	struct buf text = {0};
	struct err e = {0};
	const json_t *part;
	size_t i;
	int rc = 0;
	json_array_foreach (parts, i, part) {
		const char *type = json_string_value(json_object_get(part, "type"));
		const json_t *piece = json_object_get(part, "text");
		if (!rc && (!type || strcmp(type, "text")))
			rc = problem_set(p, 400, NULL, param, "%s: part %zu: expected the type \"text\", found %.40s", param, i + 1,
				type ? type : "none");
		if (!rc && !json_is_string(piece))
			rc = problem_set(p, 400, NULL, param, "%s: part %zu: expected its text to be a string, found %s", param,
				i + 1, json_kind(piece));
		if (!rc && buf_append(&text, json_string_value(piece), json_string_length(piece), &e))
			rc = out_of_memory(p);
	}
	if (!rc && !(*out = arena_strdup(arena, text.len ? text.p : "", text.len, &e)))
		rc = out_of_memory(p);
	buf_release(&text);
	return rc;
}

static int message_read(const json_t *object, size_t i, struct arena *arena, struct message *m, struct problem *p)
{
	static const char *const known[] = {
		"role", "content", "name", "refusal", "tool_calls", "function_call", "tool_call_id", "audio"};
	enum { KNOWN = sizeof known / sizeof *known };
	char param[64];
	const char *key;
	json_t *value;
	snprintf(param, sizeof param, "messages[%zu]", i);
	if (!json_is_object(object))
		return expected(p, param, "an object", object);
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size_t at = 0;
		while (at < KNOWN && strcmp(known[at], key))
			at++;
		if ((at == KNOWN || at > 1) && is_set(value) && !(json_is_array(value) && !json_array_size(value)))
			return problem_set(p, 400, "unsupported_parameter", param, "%s: \"%.40s\" is not supported", param, key);
	}
	const char *role = json_string_value(json_object_get(object, "role"));
	const json_t *content = json_object_get(object, "content");
	if (!role)
		return expected(p, param, "a role", json_object_get(object, "role"));
	m->role = !strcmp(role, "developer") ? "system" : role;
	if (strcmp(m->role, "system") && strcmp(m->role, "user") && strcmp(m->role, "assistant"))
		return problem_set(p, 400, NULL, param,
			"%s: expected the role system, developer, user or assistant, found \"%.40s\"", param, role);
	if (json_is_array(content))
		return parts_join(content, param, arena, &m->content, p);
	m->content = json_string_value(content);
	return m->content ? 0 : expected(p, param, "its content to be a string or a list of parts", content);
}

int messages_read(const json_t *list, struct arena *arena, struct message **out, size_t *n, struct problem *p)
{
	struct err e;
	size_t count = json_array_size(list);
	if (!count)
		return expected(p, "messages", "a list that is not empty", list);
	*out = arena_alloc(arena, count, sizeof **out, &e);
	if (!*out)
		return out_of_memory(p);
	*n = count;
	for (size_t i = 0; i < count; i++) {
		int rc = message_read(json_array_get(list, i), i, arena, &(*out)[i], p);
		if (rc)
			return rc;
	}
	if (!strcmp((*out)[count - 1].role, "assistant"))
		return problem_set(p, 400, NULL, "messages",
			"messages: expected the last one to be by the user; going on with an answer is not supported");
	return 0;
}

/* ---- fields --------------------------------------------------------------------------------------------------------------------- */

static int read_model(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	q->model = json_string_value(value);
	return q->model ? 0 : expected(p, name, "a string", value);
}

static int read_messages(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	(void)name;
	return messages_read(value, &q->arena, &q->messages, &q->n_messages, p);
}

static int read_prompt(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	q->prompt = value;
	return json_is_string(value) || json_array_size(value) ? 0
							       : expected(p, name, "a string or a list that is not empty", value);
}

static int read_n(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	json_int_t n = 0;
	int rc = whole(name, value, 1, CHOICES_MAX, &n, p);
	q->n = (size_t)n;
	return rc;
}

static int read_max_tokens(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	json_int_t n = 0;
	int rc = whole(name, value, q->chat ? 1 : 0, INT32_MAX, &n, p);
	if (!rc && q->max_tokens != SIZE_MAX && q->max_tokens != (size_t)n)
		rc = problem_set(p, 400, NULL, name, "max_tokens and max_completion_tokens are given, and differ");
	q->max_tokens = (size_t)n;
	return rc;
}

static int read_temperature(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	return real(name, value, 0, 2, &q->sampling.temperature, p);
}

static int read_top_p(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	int rc = real(name, value, 0, 1, &q->sampling.top_p, p);
	if (q->sampling.top_p < 1e-6f) /* OpenAI's 0: the likeliest token */
		q->sampling.top_p = 1e-6f;
	return rc;
}

static int read_seed(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	q->sampling.seed = (uint64_t)json_integer_value(value);
	return json_is_integer(value) ? 0 : expected(p, name, "a whole number", value);
}

static int read_stop(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	size_t n = json_is_array(value) ? json_array_size(value) : 1;
	if (n > STOPS_MAX)
		return problem_set(p, 400, NULL, name, "stop: expected at most %d texts, found %zu", STOPS_MAX, n);
	for (size_t i = 0; i < n; i++) {
		const json_t *text = json_is_array(value) ? json_array_get(value, i) : value;
		if (!json_string_length(text))
			return expected(p, name, "texts that are not empty", text);
		q->stop[q->n_stop++] = json_string_value(text);
	}
	return 0;
}

static int read_stream(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	return truth(name, value, &q->stream, p);
}

static int read_stream_options(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	const char *key;
	json_t *option;
	if (!json_is_object(value))
		return expected(p, name, "an object", value);
	json_object_foreach ((json_t *)(uintptr_t)value, key, option) {
		int rc = 0;
		if (!strcmp(key, "include_usage") && is_set(option))
			rc = truth("stream_options.include_usage", option, &q->include_usage, p);
		else if (is_set(option) && !json_is_false(option))
			rc = problem_set(p, 400, "unsupported_parameter", name, "stream_options: \"%.40s\" is not supported", key);
		if (rc)
			return rc;
	}
	return 0;
}

/* In a chat a switch, else the number of alternatives. */
static int read_logprobs(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	json_int_t n = 0;
	if (q->chat)
		return truth(name, value, &q->logprobs, p);
	int rc = whole(name, value, 0, 5, &n, p);
	q->logprobs = true;
	q->n_top = (int)n;
	return rc;
}

static int read_top_logprobs(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	json_int_t n = 0;
	int rc = whole(name, value, 0, 20, &n, p);
	q->n_top = (int)n;
	return rc;
}

static int read_echo(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	return truth(name, value, &q->echo, p);
}

/* {"type": "text" | "json_object"}, or {"type": "json_schema", "json_schema": {"name", "schema", ...}}. */
static int read_response_format(struct completion_request *q, const char *name, const json_t *value, struct problem *p)
{
	const char *type = json_string_value(json_object_get(value, "type"));
	const json_t *form = json_object_get(value, "json_schema");
	if (!type)
		return expected(p, name, "an object with a type", value);
	q->json = !strcmp(type, "json_object") || !strcmp(type, "json_schema");
	if (!q->json && strcmp(type, "text"))
		return problem_set(p, 400, "unsupported_parameter", name, "response_format: there is no type \"%.40s\" here", type);
	if (strcmp(type, "json_schema"))
		return 0;
	q->schema = json_object_get(form, "schema");
	return json_is_object(q->schema) ? 0 : expected(p, "response_format.json_schema.schema", "an object", q->schema);
}

static const struct field both_fields[] = {
	{"model", read_model, NULL},
	{"n", read_n, NULL},
	{"max_tokens", read_max_tokens, NULL},
	{"temperature", read_temperature, NULL},
	{"top_p", read_top_p, NULL},
	{"seed", read_seed, NULL},
	{"stop", read_stop, NULL},
	{"stream", read_stream, NULL},
	{"stream_options", read_stream_options, NULL},
	{"logprobs", read_logprobs, NULL},
	{"frequency_penalty", NULL, "[0, 0.0]"},
	{"presence_penalty", NULL, "[0, 0.0]"},
	{"logit_bias", NULL, "[{}]"},
	{"user", NULL, "*"},
	{NULL, NULL, NULL},
};

static const struct field chat_fields[] = {
	{"messages", read_messages, NULL},
	{"max_completion_tokens", read_max_tokens, NULL},
	{"top_logprobs", read_top_logprobs, NULL},
	{"response_format", read_response_format, NULL},
	{"tools", NULL, "[[]]"},
	{"functions", NULL, "[[]]"},
	{"tool_choice", NULL, "[\"none\", \"auto\"]"},
	{"parallel_tool_calls", NULL, "[true, false]"},
	{"modalities", NULL, "[[\"text\"]]"},
	{"store", NULL, "[false]"},
	{"service_tier", NULL, "[\"auto\", \"default\"]"},
	{"metadata", NULL, "*"},
	{"safety_identifier", NULL, "*"},
	{"prompt_cache_key", NULL, "*"},
	{NULL, NULL, NULL},
};

static const struct field text_fields[] = {
	{"prompt", read_prompt, NULL},
	{"echo", read_echo, NULL},
	{"best_of", NULL, "[1]"},
	{"suffix", NULL, "[\"\"]"},
	{NULL, NULL, NULL},
};

static const struct field *field_find(const struct field *f, const char *name)
{
	while (f->name && strcmp(f->name, name))
		f++;
	return f->name ? f : NULL;
}

static bool is_harmless(const char *values, const json_t *value)
{
	if (!strcmp(values, "*"))
		return true;
	json_t *list = json_loads(values, 0, NULL);
	const json_t *one;
	size_t i;
	bool found = false;
	json_array_foreach (list, i, one)
		found = found || json_equal((json_t *)(uintptr_t)one, (json_t *)(uintptr_t)value);
	json_decref(list);
	return found;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------------- */

static int fields_read(struct completion_request *q, struct problem *p)
{
	const char *key;
	json_t *value;
	json_object_foreach (q->body, key, value) {
		char name[64];
		const struct field *f = field_find(both_fields, key);
		int rc = 0;
		snprintf(name, sizeof name, "%s", key);
		if (!f)
			f = field_find(q->chat ? chat_fields : text_fields, key);
		if (!is_set(value))
			continue;
		if (!f)
			rc = problem_set(p, 400, "unknown_parameter", name, "%s: there is no such field here", name);
		else if (f->read)
			rc = f->read(q, f->name, value, p);
		else if (!is_harmless(f->harmless, value))
			rc = problem_set(p, 400, "unsupported_parameter", name, "%s: this value is not supported", name);
		if (rc)
			return rc;
	}
	return 0;
}

/* What must be there, and what goes only together. */
static int fields_check(const struct completion_request *q, struct problem *p)
{
	if (!q->model)
		return problem_set(p, 400, NULL, "model", "model: expected a name; GET /v1/models lists them");
	if (q->chat && !q->messages)
		return problem_set(p, 400, NULL, "messages", "messages: expected a list that is not empty");
	if (!q->chat && !q->prompt)
		return problem_set(p, 400, NULL, "prompt", "prompt: expected a string or a list");
	if (q->chat && q->n_top && !q->logprobs)
		return problem_set(p, 400, NULL, "top_logprobs", "top_logprobs: expected \"logprobs\": true beside it");
	if (is_set(json_object_get(q->body, "stream_options")) && !q->stream)
		return problem_set(p, 400, NULL, "stream_options", "stream_options: expected \"stream\": true beside it");
	if (!q->max_tokens && !q->echo)
		return problem_set(p, 400, NULL, "max_tokens", "max_tokens: expected 1 or more, or \"echo\": true beside it");
	return 0;
}

int body_read(json_t **out, const char *body, size_t n, struct problem *p)
{
	json_error_t error = {0};
	*out = json_loadb(body, n, JSON_REJECT_DUPLICATES, &error);
	if (!*out)
		return problem_set(p, 400, NULL, NULL, "the body is no JSON: byte %d: %.160s", error.position, error.text);
	if (json_is_object(*out))
		return 0;
	int rc = problem_set(p, 400, NULL, NULL, "the body: expected a JSON object, found %s", json_kind(*out));
	json_decref(*out);
	*out = NULL;
	return rc;
}

const struct sampling sampling_default = {.temperature = 0.2f, .top_p = 0.9f};

int completion_request_read(struct completion_request *q, bool chat, const char *body, size_t n, struct problem *p)
{
	*q = (struct completion_request){.chat = chat, .n = 1, .max_tokens = chat ? SIZE_MAX : 16, .sampling = sampling_default};
	arena_init(&q->arena, 1 << 12);
	if (getrandom(&q->sampling.seed, sizeof q->sampling.seed, 0) < 0)
		q->sampling.seed = 0;
	int rc = body_read(&q->body, body, n, p);
	if (!rc && !chat && is_set(json_object_get(q->body, "max_tokens")))
		q->max_tokens = SIZE_MAX;
	if (!rc)
		rc = fields_read(q, p);
	return rc ? rc : fields_check(q, p);
}

void completion_request_release(struct completion_request *q)
{
	json_decref(q->body);
	arena_release(&q->arena);
	*q = (struct completion_request){0};
}

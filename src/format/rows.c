/*
 * Rows of a data set: what one JSON object means, its token ids, and which of them are targets.
 *
 * A rendered chat is cut at the control tokens whose every byte is the template's; what lies between is tokenised as one text,
 * so that a role line and the content behind it merge as they do when the model is served. What a message says is text, whatever
 * it spells. Reference: the formats are those of mlx-lm, TRL, Axolotl, ShareGPT and Alpaca.
 */
#include "format/json.h"
#include "format/tokenizer.h"

#include <string.h>

/* ---- parsing --------------------------------------------------------------------------------------------------------- */

struct place {
	const char *path;
	size_t line;
};

static int expected(const struct place *at, const char *what, const json_t *found, struct err *e)
{
	return err_set(e, ERR_DATA, "%s: line %zu: expected %s, found %s", at->path, at->line, what, json_kind(found));
}

static int get_string(const struct place *at, const json_t *object, const char *key, const char **out, struct err *e)
{
	char what[64];
	const json_t *value = json_object_get(object, key);
	*out = json_string_value(value);
	snprintf(what, sizeof what, "\"%s\" to be a string", key);
	return *out ? 0 : expected(at, what, value, e);
}

/* ShareGPT's names of the roles, beside the usual ones. */
static const char *role_name(const char *from)
{
	static const char *const names[][2] = {{"human", "user"}, {"gpt", "assistant"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(from, names[i][0]))
			return names[i][1];
	return from;
}

static bool is_set(const json_t *value)
{
	return value && !json_is_null(value);
}

/*
 * [{"function": {"name": string, "arguments": object}}, ...]; arguments that are a string with an object in it become that object, which
 * is what templates expect. *found: there are calls.
 */
static int parse_calls(const struct place *at, const json_t *calls, bool *found, struct err *e)
{
	*found = json_array_size(calls) > 0;
	if (is_set(calls) && !json_is_array(calls))
		return expected(at, "\"tool_calls\" to be a list", calls, e);
	for (size_t i = 0; i < json_array_size(calls); i++) {
		json_t *function = json_object_get(json_array_get(calls, i), "function");
		const json_t *arguments = json_object_get(function, "arguments");
		if (!json_is_string(json_object_get(function, "name")))
			return expected(at, "a tool call to be {\"function\": {\"name\": string, \"arguments\": object}}",
				json_array_get(calls, i), e);
		if (json_is_object(arguments))
			continue;
		json_t *read = json_is_string(arguments)
			? json_loadb(json_string_value(arguments), json_string_length(arguments), JSON_REJECT_DUPLICATES, NULL)
			: NULL;
		if (!json_is_object(read)) {
			json_decref(read);
			return expected(at, "a tool call's \"arguments\" to be an object, or a string with one", arguments, e);
		}
		if (json_object_set_new(function, "arguments", read))
			return err_set(e, ERR_RESOURCE, "%s: line %zu: out of memory", at->path, at->line);
	}
	return 0;
}

/* {"tools": [object, ...]} beside messages. */
static int parse_tools(const struct place *at, struct row *r, struct err *e)
{
	const json_t *tools = json_object_get(r->json, "tools");
	if (is_set(tools) && !json_is_array(tools))
		return expected(at, "\"tools\" to be a list", tools, e);
	for (size_t i = 0; i < json_array_size(tools); i++)
		if (!json_is_object(json_array_get(tools, i)))
			return expected(at, "a tool to be an object", json_array_get(tools, i), e);
	if (json_array_size(tools) && r->kind != ROW_MESSAGES)
		return err_set(e, ERR_DATA, "%s: line %zu: \"tools\" in a row without messages", at->path, at->line);
	r->tools = json_array_size(tools) ? tools : NULL;
	return 0;
}

static int parse_message(const struct place *at, const json_t *object, bool share_gpt, struct message *m, struct err *e)
{
	const json_t *train = json_object_get(object, "train");
	bool calls;
	if (!json_is_object(object))
		return expected(at, "a message to be an object", object, e);
	int rc = parse_calls(at, json_object_get(object, "tool_calls"), &calls, e);
	if (!rc)
		rc = get_string(at, object, share_gpt ? "from" : "role", &m->role, e);
	if (!rc && calls && strcmp(m->role, "assistant"))
		return err_set(e, ERR_DATA,
			"%s: line %zu: \"tool_calls\" of a message by \"%.40s\"; only the assistant calls tools", at->path,
			at->line, m->role);
	if (!rc && calls && !is_set(json_object_get(object, "content")))
		m->content = ""; /* as OpenAI writes a message that is a call */
	else if (!rc)
		rc = get_string(at, object, share_gpt ? "value" : "content", &m->content, e);
	if (rc)
		return rc;
	if (train && !json_is_boolean(train))
		return expected(at, "\"train\" to be true or false", train, e);
	m->role = share_gpt ? role_name(m->role) : m->role;
	m->train = !strcmp(m->role, "assistant") && !json_is_false(train);
	m->more = object;
	return 0;
}

/* Appends a list of messages to the row. */
static int parse_messages(const struct place *at, struct row *r, const json_t *list, bool share_gpt, struct err *e)
{
	size_t n = json_array_size(list);
	if (!n)
		return expected(at, "a list of messages that is not empty", list, e);
	if (mem_resize(&r->messages, r->n_messages, r->n_messages + n, sizeof *r->messages, e))
		return ERR_RESOURCE;
	r->kind = ROW_MESSAGES;
	for (size_t i = 0; i < n; i++) {
		int rc = parse_message(at, json_array_get(list, i), share_gpt, &r->messages[r->n_messages++], e);
		if (rc)
			return rc;
	}
	return 0;
}

/* Strings, or lists of messages; the completion may be absent. */
static int parse_prompt(const struct place *at, struct row *r, const json_t *prompt, const json_t *completion, struct err *e)
{
	if (json_is_array(prompt) && (!completion || json_is_array(completion))) {
		int rc = parse_messages(at, r, prompt, false, e);
		return rc || !completion ? rc : parse_messages(at, r, completion, false, e);
	}
	if (!json_is_string(prompt) || (completion && !json_is_string(completion)))
		return expected(at, "\"prompt\" and \"completion\" to be both strings or both lists of messages",
			json_is_string(prompt) ? completion : prompt, e);
	r->kind = ROW_COMPLETION;
	r->prompt = json_string_value(prompt);
	r->completion = json_string_value(completion);
	return 0;
}

/* Alpaca as a conversation: instruction and input are what the user says. */
static int parse_alpaca(const struct place *at, struct row *r, struct err *e)
{
	const char *instruction, *output, *input = "";
	struct buf joined = {0};
	int rc = get_string(at, r->json, "instruction", &instruction, e);
	if (!rc)
		rc = get_string(at, r->json, "output", &output, e);
	if (!rc && json_object_get(r->json, "input"))
		rc = get_string(at, r->json, "input", &input, e);
	if (!rc && *input) {
		rc = buf_printf(&joined, e, "%s\n\n%s", instruction, input);
		r->joined = joined.p;
	}
	if (!rc) {
		r->messages = mem_alloc(2, sizeof *r->messages, e);
		rc = r->messages ? 0 : ERR_RESOURCE;
	}
	if (rc)
		return rc;
	r->kind = ROW_MESSAGES;
	r->n_messages = 2;
	r->messages[0] = (struct message){.role = "user", .content = r->joined ? r->joined : instruction};
	r->messages[1] = (struct message){.role = "assistant", .content = output, .train = true};
	return 0;
}

int row_parse(struct row *out, json_t *object, const char *path, size_t line, struct err *e)
{
	const struct place at = {path, line};
	const json_t *value;
	int rc;
	*out = (struct row){.line = line, .json = object};
	if (json_object_get(object, "chosen") || json_object_get(object, "rejected") ||
		json_is_boolean(json_object_get(object, "label")))
		rc = err_set(e, ERR_DATA, "%s: line %zu: a preference row (chosen, rejected, label), which attune cannot use here",
			path, line);
	else if ((value = json_object_get(object, "messages")))
		rc = parse_messages(&at, out, value, false, e);
	else if ((value = json_object_get(object, "prompt")))
		rc = parse_prompt(&at, out, value, json_object_get(object, "completion"), e);
	else if ((value = json_object_get(object, "conversations")))
		rc = parse_messages(&at, out, value, true, e);
	else if (json_object_get(object, "instruction"))
		rc = parse_alpaca(&at, out, e);
	else if (json_object_get(object, "text"))
		rc = get_string(&at, object, "text", &out->text, e);
	else
		rc = err_set(e, ERR_DATA,
			"%s: line %zu: expected a row with messages, prompt, text, conversations or instruction; found none of "
			"them",
			path, line);
	if (!rc)
		rc = parse_tools(&at, out, e);
	if (!rc && (value = json_object_get(object, "distill"))) {
		out->distill = json_is_true(value);
		if (!json_is_boolean(value))
			rc = err_set(e, ERR_DATA, "%s: line %zu: distill: expected true or false", path, line);
	}
	if (rc)
		row_release(out);
	return rc;
}

void row_release(struct row *r)
{
	mem_free(r->messages);
	mem_free(r->joined);
	json_decref(r->json);
	*r = (struct row){0};
}

/* ---- ids and targets ------------------------------------------------------------------------------------------------- */

/* A sequence being built: ids, and a byte each for whether it is a target. */
struct sequence {
	struct ids ids;
	struct buf scored;
};

static int sequence_push(struct sequence *s, int32_t id, bool scored, struct err *e)
{
	const char byte = scored;
	int rc = ids_push(&s->ids, id, e);
	return rc ? rc : buf_append(&s->scored, &byte, 1, e);
}

static void sequence_release(struct sequence *s)
{
	ids_release(&s->ids);
	buf_release(&s->scored);
}

static int push_bos(struct sequence *s, const struct tokenizer *t, struct err *e)
{
	return tokenizer_bos(t) < 0 ? 0 : sequence_push(s, tokenizer_bos(t), false, e);
}

static int push_text(struct sequence *s, const struct tokenizer *t, const char *text, bool scored, struct err *e)
{
	struct ids ids = {0};
	int rc = tokenizer_encode(t, text, strlen(text), &ids, e);
	for (size_t i = 0; i < ids.n && !rc; i++)
		rc = sequence_push(s, ids.p[i], scored, e);
	ids_release(&ids);
	return rc;
}

static int push_eos(struct sequence *s, const struct tokenizer *t, struct err *e)
{
	if (tokenizer_eos(t) < 0)
		return err_set(e, ERR_DATA, "the model names no end token, which a training text must end with");
	return sequence_push(s, tokenizer_eos(t), true, e);
}

/* A conversation as text, and who said what. */
struct chat {
	struct message *messages; /* with the encoder's system message in front */
	size_t n;
	const json_t *tools;
	struct buf text, origin;
	struct buf target; /* [text.len], 1: a byte that a trained turn consists of */
	size_t n_ended;    /* trained turns whose end token was found */
};

/* The first n messages as text. */
static int render(
	const struct chat *c, size_t n, const struct encoder *enc, bool prompt, struct buf *text, struct buf *origin, struct err *e)
{
	return chat_template_render(enc->chat, &(struct conversation){c->messages, n, c->tools, prompt}, text, origin, e);
}

static bool has_calls(const struct message *m)
{
	return json_array_size(json_object_get(m->more, "tool_calls"));
}

static bool shows(const struct chat *c, unsigned char origin)
{
	return c->origin.len && memchr(c->origin.p, origin, c->origin.len);
}

/* Whether the text is another one without the calls of message i. */
static int shows_calls(const struct chat *c, size_t i, const struct encoder *enc, bool prompt, bool *out, struct err *e)
{
	struct buf text = {0};
	struct err refused = {0};
	const json_t *more = c->messages[i].more;
	c->messages[i].more = NULL;
	int rc = render(c, c->n, enc, prompt, &text, NULL, &refused);
	c->messages[i].more = more;
	*out = rc || text.len != c->text.len || (text.len && memcmp(text.p, c->text.p, text.len));
	buf_release(&text);
	return rc == ERR_RESOURCE ? err_set(e, rc, "%s", refused.text) : 0;
}

/* What a row says and its template leaves out would be learnt as not said. */
static int check_shown(const struct chat *c, const struct encoder *enc, bool prompt, struct err *e)
{
	bool shown;
	int rc = 0;
	if (c->tools && !shows(c, ORIGIN_TOOLS))
		return err_set(
			e, ERR_DATA, "the model's chat template has no place for \"tools\"; leave them out or take another model");
	for (size_t i = 0; i < c->n && !rc; i++) {
		const struct message *m = &c->messages[i];
		if (!strcmp(m->role, "tool") && m->content[strspn(m->content, " \t\r\n")] && !shows(c, (unsigned char)(i + 1)))
			return err_set(e, ERR_DATA, "the model's chat template leaves message %zu, by the tool, out", i + 1);
		if (!has_calls(m))
			continue;
		rc = shows_calls(c, i, enc, prompt, &shown, e);
		if (!rc && !shown)
			rc = err_set(e, ERR_DATA, "the model's chat template leaves the tool_calls of message %zu out", i + 1);
	}
	return rc;
}

/* `take` of the row's messages. */
static int chat_open(
	struct chat *c, const struct row *r, size_t take, const struct encoder *enc, bool add_generation_prompt, struct err *e)
{
	bool add_system = enc->system && (!take || strcmp(r->messages[0].role, "system"));
	*c = (struct chat){.n = take + add_system, .tools = r->tools};
	if (!enc->chat)
		return err_set(e, ERR_DATA,
			"a row with messages, but this is a base model: it has no chat template, nor the control tokens of one; "
			"use prompt and completion, or text, or the model's instruct version");
	c->messages = mem_alloc(c->n, sizeof *c->messages, e);
	if (!c->messages)
		return ERR_RESOURCE;
	if (add_system)
		c->messages[0] = (struct message){.role = "system", .content = enc->system};
	if (take)
		memcpy(c->messages + add_system, r->messages, take * sizeof *r->messages);
	int rc = render(c, c->n, enc, add_generation_prompt, &c->text, &c->origin, e);
	if (!rc)
		rc = check_shown(c, enc, add_generation_prompt, e);
	for (size_t i = 0; i < c->text.len && !rc; i++) {
		size_t origin = (unsigned char)c->origin.p[i];
		const char is_target = origin && origin != ORIGIN_TOOLS && c->messages[origin - 1].train;
		rc = buf_append(&c->target, &is_target, 1, e);
	}
	return rc;
}

static void chat_release(struct chat *c)
{
	mem_free(c->messages);
	buf_release(&c->text);
	buf_release(&c->origin);
	buf_release(&c->target);
}

static bool trained(const struct chat *c, size_t from, size_t to)
{
	return to > from && memchr(c->target.p + from, 1, to - from);
}

/* text[from..to) between two control tokens; *open becomes true when a trained turn is in it, whose end token must follow. */
static int push_span(
	struct sequence *s, const struct chat *c, const struct tokenizer *t, size_t from, size_t to, bool *open, struct err *e)
{
	struct ids ids = {0}, ends = {0};
	size_t at = from;
	int rc = tokenizer_encode_ends(t, (struct piece){c->text.p + from, to - from}, from == 0, &ids, &ends, e);
	for (size_t i = 0; i < ids.n && !rc; i++) {
		size_t end = from + (size_t)ends.p[i];
		bool scored = trained(c, at, end);
		*open |= scored;
		rc = sequence_push(s, ids.p[i], scored, e);
		at = end;
	}
	ids_release(&ids);
	ids_release(&ends);
	return rc;
}

/* The control token at text[at] made of template bytes alone, or -1. */
static int32_t control_at(const struct chat *c, const struct tokenizer *t, size_t at, size_t *length)
{
	size_t end = at;
	while (end < c->text.len && !c->origin.p[end] && end - at < 256) /* 256: longer than any control token */
		end++;
	return tokenizer_control_at(t, c->text.p + at, end - at, length);
}

/*
 * A message with calls is a target as a whole, from the end of its prompt to its end token: the marks around a call are the template's,
 * but it is the model that has to write them.
 */
static int target_calls(struct chat *c, size_t i, const struct encoder *enc, struct err *e)
{
	struct buf prompt = {0};
	size_t length;
	int rc = render(c, i, enc, true, &prompt, NULL, e);
	if (!rc && (prompt.len > c->text.len || (prompt.len && memcmp(prompt.p, c->text.p, prompt.len))))
		rc = err_set(e, ERR_DATA,
			"the chat template writes the messages before message %zu, which calls a tool, otherwise than in its "
			"prompt",
			i + 1);
	for (size_t at = prompt.len; at < c->text.len && !rc; at += length) {
		int32_t control = control_at(c, enc->tokenizer, at, &length);
		if (control >= 0 && tokenizer_is_eog(enc->tokenizer, control))
			break;
		length = control < 0 ? 1 : length;
		memset(c->target.p + at, 1, length);
	}
	buf_release(&prompt);
	return rc;
}

static int push_chat(struct sequence *s, struct chat *c, const struct tokenizer *t, struct err *e)
{
	size_t from = 0, at = 0, length;
	bool open = false;
	int rc = 0;
	while (at < c->text.len && !rc) {
		int32_t control = control_at(c, t, at, &length);
		if (control < 0) {
			at++;
			continue;
		}
		rc = push_span(s, c, t, from, at, &open, e);
		bool ends = open && tokenizer_is_eog(t, control);
		c->n_ended += ends;
		bool scored = ends || trained(c, at, at + length);
		if (!rc)
			rc = sequence_push(s, control, scored, e);
		open = scored && !ends;
		from = at += length;
	}
	return rc || from == at ? rc : push_span(s, c, t, from, at, &open, e);
}

static int chat_sequence(struct sequence *s, const struct row *r, const struct encoder *enc, struct err *e)
{
	struct chat c = {0};
	size_t n_trained = 0;
	if (strcmp(r->messages[r->n_messages - 1].role, "assistant"))
		return err_set(e, ERR_DATA, "row without an answer: its last message is by \"%s\", expected the assistant",
			r->messages[r->n_messages - 1].role);
	int rc = chat_open(&c, r, r->n_messages, enc, false, e);
	for (size_t i = 0; i < c.n && !rc; i++)
		if (c.messages[i].train && has_calls(&c.messages[i]))
			rc = target_calls(&c, i, enc, e);
	if (!rc)
		rc = push_chat(s, &c, enc->tokenizer, e);
	for (size_t i = 0; i < c.n && !rc; i++) {
		n_trained += c.messages[i].train;
		if (c.messages[i].train && !*c.messages[i].content && !has_calls(&c.messages[i]))
			rc = err_set(e, ERR_DATA, "row without an answer: message %zu, by the assistant, is empty", i + 1);
	}
	if (!rc && c.n_ended != n_trained)
		rc = err_set(e, ERR_DATA, "the chat template ends %zu of %zu trained turns with an end token; expected all",
			c.n_ended, n_trained);
	chat_release(&c);
	return rc;
}

/* The messages that generation starts from: a final answer is left out. */
static int prompt_open(struct chat *c, const struct row *r, const struct encoder *enc, struct err *e)
{
	size_t take = r->n_messages;
	take -= take && !strcmp(r->messages[take - 1].role, "assistant");
	return chat_open(c, r, take, enc, true, e);
}

/* The ids before the last answer, exactly as serving makes them. */
static int prompt_ids(struct sequence *s, const struct row *r, const struct encoder *enc, struct err *e)
{
	if (r->kind == ROW_COMPLETION) {
		int rc = push_bos(s, enc->tokenizer, e);
		return rc ? rc : push_text(s, enc->tokenizer, r->prompt, false, e);
	}
	struct chat c = {0};
	int rc = prompt_open(&c, r, enc, e);
	if (!rc)
		rc = push_chat(s, &c, enc->tokenizer, e);
	chat_release(&c);
	return rc;
}

/* Prompt and completion as one text; where the one ends is the prompt's number of ids. */
static int completion_sequence(struct sequence *s, const struct row *r, const struct encoder *enc, struct err *e)
{
	struct buf joined = {0};
	if (!r->completion || !*r->completion)
		return err_set(e, ERR_DATA, "row without an answer: its \"completion\" is absent or empty");
	int rc = buf_printf(&joined, e, "%s%s", r->prompt, r->completion);
	if (!rc)
		rc = push_bos(s, enc->tokenizer, e);
	if (!rc)
		rc = push_text(s, enc->tokenizer, joined.p, true, e);
	if (!rc)
		rc = push_eos(s, enc->tokenizer, e);
	buf_release(&joined);
	return rc;
}

static int text_sequence(struct sequence *s, const struct row *r, const struct encoder *enc, struct err *e)
{
	int rc = push_bos(s, enc->tokenizer, e);
	if (!rc)
		rc = push_text(s, enc->tokenizer, r->text, true, e);
	return rc ? rc : push_eos(s, enc->tokenizer, e);
}

/* Serving starts from the prompt's ids, so training must too; a completion's targets start behind them. */
static int check_prompt(struct sequence *s, const struct row *r, const struct encoder *enc, struct err *e)
{
	struct sequence prompt = {0};
	int rc = prompt_ids(&prompt, r, enc, e);
	size_t n = prompt.ids.n;
	if (!rc && (n > s->ids.n || (n && memcmp(prompt.ids.p, s->ids.p, n * sizeof *prompt.ids.p))))
		rc = err_set(e, ERR_DATA,
			"the prompt's tokens are not the first tokens of the whole row: the answer's first characters "
			"merge with the prompt's last; move the white space between them to the other side");
	if (!rc && r->kind == ROW_COMPLETION && n)
		memset(s->scored.p, 0, n);
	sequence_release(&prompt);
	return rc;
}

int row_sample(struct sample *out, const struct row *r, const struct encoder *enc, bool all, struct err *e)
{
	struct sequence s = {0};
	size_t n_scored = 0;
	*out = (struct sample){0};
	int rc = r->kind == ROW_TEXT        ? text_sequence(&s, r, enc, e)
		: r->kind == ROW_COMPLETION ? completion_sequence(&s, r, enc, e)
					    : chat_sequence(&s, r, enc, e);
	if (!rc && r->kind != ROW_TEXT)
		rc = check_prompt(&s, r, enc, e);
	for (size_t i = 0; i < s.ids.n && !rc; i++) {
		s.scored.p[i] = i && (all || s.scored.p[i]);
		n_scored += (size_t)s.scored.p[i];
	}
	if (!rc && !n_scored)
		rc = err_set(e, ERR_DATA, "row without an answer: nothing in it is to be learnt");
	if (rc) {
		sequence_release(&s);
		return err_prefix(e, "line %zu", r->line);
	}
	*out = (struct sample){s.ids.p, (uint8_t *)s.scored.p, s.ids.n, n_scored, r->distill};
	return 0;
}

int row_prompt(struct ids *out, const struct row *r, const struct encoder *enc, struct err *e)
{
	struct sequence s = {0};
	int rc = r->kind == ROW_TEXT
		? err_set(e, ERR_DATA, "expected a row with \"prompt\" or \"messages\" to go on from, found \"text\"")
		: prompt_ids(&s, r, enc, e);
	for (size_t i = 0; i < s.ids.n && !rc; i++)
		rc = ids_push(out, s.ids.p[i], e);
	sequence_release(&s);
	return rc && r->line ? err_prefix(e, "line %zu", r->line) : rc;
}

int row_prompt_text(struct buf *out, const struct row *r, const struct encoder *enc, struct err *e)
{
	struct chat c = {0};
	int rc = prompt_open(&c, r, enc, e);
	if (!rc)
		rc = buf_append(out, c.text.p, c.text.len, e);
	chat_release(&c);
	return rc;
}

void sample_release(struct sample *s)
{
	mem_free(s->ids);
	mem_free(s->scored);
	*s = (struct sample){0};
}

/*
 * Answers and chunks in OpenAI's shapes. Reference: reply.h; https://platform.openai.com/docs/api-reference
 */
#include "serve/reply.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void reply_init(struct reply *r, bool chat)
{
	unsigned char random[12] = {0};
	*r = (struct reply){.chat = chat, .created = time(NULL)};
	if (getrandom(random, sizeof random, 0) < 0)
		snprintf((char *)random, sizeof random, "%lld", (long long)r->created);
	int at = snprintf(r->id, sizeof r->id, "%s", chat ? "chatcmpl-" : "cmpl-");
	for (size_t i = 0; i < sizeof random; i++)
		at += snprintf(r->id + at, sizeof r->id - (size_t)at, "%02x", random[i]);
}

int base64_append(struct buf *out, const void *p, size_t n, struct err *e)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *from = p;
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i += 3) {
		bool two = i + 1 < n, three = i + 2 < n;
		unsigned bits = (unsigned)from[i] << 16 | (two ? (unsigned)from[i + 1] << 8 : 0) | (three ? from[i + 2] : 0);
		const char four[] = {digit[bits >> 18], digit[bits >> 12 & 63], two ? digit[bits >> 6 & 63] : '=',
			three ? digit[bits & 63] : '='};
		rc = buf_append(out, four, sizeof four, e);
	}
	return rc;
}

/* ---- logprobs -------------------------------------------------------------------------------------------------------------------- */

/* {"token", "logprob", "bytes"} of a chat. */
static json_t *chat_token(const struct reply *r, int32_t id, float logprob)
{
	size_t n;
	const char *p = tokenizer_bytes(r->tokenizer, id, &n);
	json_t *bytes = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(bytes, json_integer((unsigned char)p[i]));
	return json_pack("{s:o, s:f, s:o}", "token", json_text(p, n), "logprob", (double)logprob, "bytes", bytes);
}

static json_t *chat_logprobs(const struct reply *r, const struct choice *c)
{
	json_t *content = json_array();
	for (size_t i = 0; i < c->n_tokens; i++) {
		const struct scored_token *t = &c->tokens[i];
		json_t *token = chat_token(r, t->id, t->logprob), *top = json_array();
		for (int j = 0; j < t->n_top; j++)
			json_array_append_new(top, chat_token(r, t->top[j].id, t->top[j].logprob));
		json_object_set_new(token, "top_logprobs", top);
		json_array_append_new(content, token);
	}
	return json_pack("{s:o, s:n}", "content", content, "refusal");
}

size_t token_characters(const struct tokenizer *t, int32_t id)
{
	size_t count = 0, n;
	const char *p = tokenizer_bytes(t, id, &n);
	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)p[i] & 0xc0) != 0x80;
	return count;
}

/* The lists of the older interface; of two tokens that are spelt alike the likelier stands in top_logprobs. */
static json_t *text_logprobs(const struct reply *r, const struct choice *c)
{
	json_t *tokens = json_array(), *logprobs = json_array(), *tops = json_array(), *offsets = json_array();
	size_t offset = c->first_offset, n;
	for (size_t i = 0; i < c->n_tokens; i++) {
		const struct scored_token *t = &c->tokens[i];
		const char *p = tokenizer_bytes(r->tokenizer, t->id, &n);
		bool none = !i && c->first_has_none;
		json_t *top = none || !t->n_top ? json_null() : json_object();
		json_array_append_new(tokens, json_text(p, n));
		json_array_append_new(logprobs, none ? json_null() : json_real((double)t->logprob));
		json_array_append_new(offsets, json_integer((json_int_t)offset));
		offset += token_characters(r->tokenizer, t->id);
		for (int j = 0; j < t->n_top && !none; j++) {
			p = tokenizer_bytes(r->tokenizer, t->top[j].id, &n);
			json_t *spelt = json_text(p, n);
			if (spelt && !json_object_get(top, json_string_value(spelt)))
				json_object_set_new(top, json_string_value(spelt), json_real((double)t->top[j].logprob));
			json_decref(spelt);
		}
		json_array_append_new(tops, top);
	}
	return json_pack(
		"{s:o, s:o, s:o, s:o}", "tokens", tokens, "token_logprobs", logprobs, "top_logprobs", tops, "text_offset", offsets);
}

/* ---- choices, answers, chunks ---------------------------------------------------------------------------------------------------- */

json_t *reply_choice(const struct reply *r, const struct choice *c)
{
	json_t *logprobs = !c->tokens ? json_null() : r->chat ? chat_logprobs(r, c) : text_logprobs(r, c);
	json_t *text = json_text(c->text, c->n);
	if (!r->chat)
		return json_pack("{s:I, s:o, s:o, s:s?}", "index", (json_int_t)c->index, "text", text, "logprobs", logprobs,
			"finish_reason", c->finish_reason);
	if (!r->stream)
		return json_pack("{s:I, s:{s:s, s:o, s:n}, s:o, s:s?}", "index", (json_int_t)c->index, "message", "role",
			"assistant", "content", text, "refusal", "logprobs", logprobs, "finish_reason", c->finish_reason);
	if (!c->n) {
		json_decref(text);
		return json_pack("{s:I, s:{}, s:o, s:s?}", "index", (json_int_t)c->index, "delta", "logprobs", logprobs,
			"finish_reason", c->finish_reason);
	}
	return json_pack("{s:I, s:{s:o}, s:o, s:s?}", "index", (json_int_t)c->index, "delta", "content", text, "logprobs", logprobs,
		"finish_reason", c->finish_reason);
}

json_t *reply_usage(const struct usage *u)
{
	return json_pack("{s:I, s:I, s:I, s:{s:I}}", "prompt_tokens", (json_int_t)u->n_prompt, "completion_tokens",
		(json_int_t)u->n_tokens, "total_tokens", (json_int_t)(u->n_prompt + u->n_tokens), "prompt_tokens_details",
		"cached_tokens", (json_int_t)u->n_cached);
}

json_t *reply_object(const struct reply *r, json_t *choices, json_t *usage)
{
	const char *kind = !r->chat ? "text_completion" : r->stream ? "chat.completion.chunk" : "chat.completion";
	json_t *out = json_pack("{s:s, s:s, s:I, s:s, s:o}", "id", r->id, "object", kind, "created", (json_int_t)r->created,
		"model", r->model, "choices", choices);
	if (usage || r->include_usage)
		json_object_set_new(out, "usage", usage ? usage : json_null());
	if (r->extension)
		json_object_set(out, "attune", r->extension);
	return out;
}

json_t *reply_role(const struct reply *r, size_t index)
{
	return reply_object(r,
		json_pack("[{s:I, s:{s:s, s:s}, s:n, s:n}]", "index", (json_int_t)index, "delta", "role", "assistant", "content",
			"", "logprobs", "finish_reason"),
		NULL);
}

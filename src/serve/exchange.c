/*
 * A completion from request to answer: the prompt's ids, a job for each choice, and what comes of them as one object or as a stream. The client
 * may go away at any time; the exchange stays until the engine has let go of its jobs.
 */
#include "serve/pending.h"
#include "serve/reply.h"
#include "serve/request.h"

#include <string.h>

struct part {
	struct job job;
	struct grammar_state *grammar;
	struct buf text;             /* of an answer in one piece */
	struct scored_tokens tokens; /* not sent yet */
	size_t offset;               /* characters sent in front of them */
	bool first_has_none;
	const char *finish_reason;
};

struct exchange {
	struct pending pending;
	struct completion_request q;
	struct reply reply;
	struct target target;
	struct search_hits hits;
	struct buf asked;             /* the last message with passages in front */
	struct grammar *grammar;      /* NULL: an answer may be any text */
	struct ids *prompts, opening; /* opening: what the answer begins with */
	size_t n_prompts;
	struct part *parts; /* [n_parts] choice k of prompt i at i * q.n + k */
	size_t n_parts, n_live;
	struct usage usage;
};

static void exchange_free(struct pending *p)
{
	struct exchange *x = (struct exchange *)p;
	for (size_t i = 0; i < x->n_parts; i++) {
		news_release(&x->parts[i].job.news);
		buf_release(&x->parts[i].text);
		mem_free(x->parts[i].tokens.p);
		grammar_end(x->parts[i].grammar);
	}
	grammar_free(x->grammar);
	for (size_t i = 0; i < x->n_prompts; i++)
		ids_release(&x->prompts[i]);
	mem_free(x->prompts);
	ids_release(&x->opening);
	mem_free(x->parts);
	json_decref(x->reply.extension);
	search_hits_release(&x->hits);
	buf_release(&x->asked);
	completion_request_release(&x->q);
	mem_free(x);
}

/* Nothing is to be cancelled before all jobs are the engine's. */
static void cancel(struct pending *p)
{
	struct exchange *x = (struct exchange *)p;
	for (size_t i = 0; x->n_live && i < x->n_parts; i++)
		if (!x->parts[i].finish_reason)
			engine_cancel(&x->parts[i].job);
}

/* ---- prompts ------------------------------------------------------------------------------------------------------------------------ */

static int prompt_add(struct exchange *x, struct ids **out, struct err *e)
{
	int rc = mem_resize(&x->prompts, x->n_prompts, x->n_prompts + 1, sizeof *x->prompts, e);
	if (!rc)
		*out = &x->prompts[x->n_prompts++];
	return rc;
}

/* Takes `said`: what only this server says. */
static void extend(struct exchange *x, const char *key, json_t *said)
{
	if (!x->reply.extension)
		x->reply.extension = json_object();
	json_object_set_new(x->reply.extension, key, said);
}

/* What takes for granted what no document says is answered with an objection, unless the answer is to be JSON. */
static int add_objection(struct exchange *x, struct err *e)
{
	struct buf text = {0};
	const char *question = x->q.messages[x->q.n_messages - 1].content;
	int rc = x->target.evidence && !x->q.json ? evidence_objection(x->target.evidence, question, &text, e) : 0;
	if (!rc && text.len) {
		extend(x, "objection", json_string(text.p));
		rc = tokenizer_encode(x->reply.tokenizer, text.p, text.len, &x->opening, e);
	}
	buf_release(&text);
	return rc;
}

static int find_passages(struct task *t, bool *more, struct problem *p)
{
	struct exchange *x = (struct exchange *)t;
	const char *question = x->q.messages[x->q.n_messages - 1].content;
	struct err e = {0};
	(void)more;
	return search_ask(x->pending.server->search, question, &x->hits, &x->asked, &e) ? problem_from(p, "messages", &e) : 0;
}

/* The last message gets the passages in front; the extension says which they are. */
static void add_passages(struct exchange *x)
{
	json_t *passages = json_array();
	for (size_t i = 0; i < x->hits.n; i++) {
		const struct search_hit *h = &x->hits.p[i];
		json_array_append_new(passages,
			json_pack("{s:I, s:s, s:s, s:I, s:s, s:f}", "number", (json_int_t)(i + 1), "source", h->source, "heading",
				h->heading, "start", (json_int_t)h->start, "text", h->text, "score", h->score));
	}
	extend(x, "passages", passages);
	x->q.messages[x->q.n_messages - 1].content = x->asked.p;
}

static int chat_prompt(struct exchange *x, struct err *e)
{
	struct ids *ids = NULL;
	const struct row row = {.kind = ROW_MESSAGES, .messages = x->q.messages, .n_messages = x->q.n_messages};
	int rc = prompt_add(x, &ids, e);
	if (!rc)
		rc = add_objection(x, e);
	if (!rc && x->target.rag)
		add_passages(x);
	return rc ? rc : row_prompt(ids, &row, model_encoder(engine_model(x->pending.server->engine)), e);
}

static int text_prompt(struct exchange *x, const char *prompt, struct err *e)
{
	struct ids *ids = NULL;
	const struct row row = {.kind = ROW_COMPLETION, .prompt = prompt};
	int rc = prompt_add(x, &ids, e);
	return rc ? rc : row_prompt(ids, &row, model_encoder(engine_model(x->pending.server->engine)), e);
}

static int ids_prompt(struct exchange *x, const json_t *list, struct err *e)
{
	json_int_t most = (json_int_t)model_config(engine_model(x->pending.server->engine))->n_tokens;
	struct ids *ids = NULL;
	const json_t *id;
	size_t i;
	int rc = prompt_add(x, &ids, e);
	json_array_foreach (list, i, id) {
		json_int_t value = json_integer_value(id);
		if (!rc && (!json_is_integer(id) || value < 0 || value >= most))
			rc = err_set(e, ERR_DATA, "prompt: expected token ids from 0 to %lld", (long long)most - 1);
		if (!rc)
			rc = ids_push(ids, (int32_t)value, e);
	}
	return rc;
}

/* A string, a list of ids, or a list of one of these. */
static int text_prompts(struct exchange *x, struct err *e)
{
	const json_t *prompt = x->q.prompt, *first = json_array_get(prompt, 0), *one;
	size_t i;
	int rc = 0;
	if (json_is_string(prompt))
		return text_prompt(x, json_string_value(prompt), e);
	if (json_is_integer(first))
		return ids_prompt(x, prompt, e);
	json_array_foreach (prompt, i, one) {
		if (rc)
			break;
		if (json_is_string(one))
			rc = text_prompt(x, json_string_value(one), e);
		else if (json_is_array(one))
			rc = ids_prompt(x, one, e);
		else
			rc = err_set(e, ERR_DATA, "prompt: expected a list of texts or of lists of token ids");
		if (!rc && x->n_prompts * x->q.n > CHOICES_MAX)
			rc = err_set(e, ERR_DATA, "prompt: expected at most %d answers in all", CHOICES_MAX);
	}
	return rc;
}

static int check_context(const struct exchange *x, struct problem *p)
{
	size_t context = engine_context(x->pending.server->engine), room = x->q.max_tokens ? 1 : 0;
	for (size_t i = 0; i < x->n_prompts; i++) {
		if (!x->prompts[i].n)
			return problem_set(p, 400, NULL, x->q.chat ? "messages" : "prompt", "the prompt is empty");
		if (x->prompts[i].n + room > context)
			return problem_set(p, 400, "context_length_exceeded", x->q.chat ? "messages" : "prompt",
				"this server's context is %zu tokens, of which the prompt would take %zu and leave none for an "
				"answer",
				context, x->prompts[i].n);
	}
	return 0;
}

/* ---- from request to jobs ---------------------------------------------------------------------------------------------------------- */

/* With echo the choice begins with the prompt, whose first token nothing predicts. */
static int part_echo(struct exchange *x, struct part *part, size_t i, struct err *e)
{
	const struct model *m = engine_model(x->pending.server->engine);
	const struct ids *prompt = &x->prompts[i];
	const json_t *one = json_is_array(x->q.prompt) ? json_array_get(x->q.prompt, i) : x->q.prompt;
	int rc = json_is_string(one) ? buf_puts(&part->text, json_string_value(one), e)
				     : tokenizer_decode(model_encoder(m)->tokenizer, prompt->p, prompt->n, true, &part->text, e);
	if (!rc && x->q.logprobs) {
		part->first_has_none = part->job.sequence.score_prompt = true;
		rc = mem_reserve(&part->tokens.p, 0, &part->tokens.cap, sizeof *part->tokens.p, e);
		if (!rc)
			part->tokens.p[part->tokens.n++] = (struct scored_token){.id = prompt->p[0]};
	}
	return rc;
}

static int parts_make(struct exchange *x, struct err *e)
{
	int rc = 0;
	if (!(x->parts = mem_alloc(x->n_prompts * x->q.n, sizeof *x->parts, e)))
		return ERR_RESOURCE;
	x->n_parts = x->n_prompts * x->q.n;
	for (size_t i = 0; i < x->n_parts && !rc; i++) {
		struct part *part = &x->parts[i];
		part->job = (struct job){.owner = x, .index = i, .logprobs = x->q.logprobs, .n_top = x->q.n_top};
		part->job.sequence = (struct sequence){.lora = x->target.lora.params ? &x->target.lora : NULL,
			.prompt = x->prompts[i / x->q.n],
			.options = {.sampling = x->q.sampling,
				.opening = x->opening,
				.max_tokens = x->q.max_tokens,
				.stop = x->q.stop,
				.n_stop = x->q.n_stop}};
		part->job.sequence.options.sampling.seed += i % x->q.n;
		if (x->grammar)
			rc = grammar_begin(&part->grammar, x->grammar, x->reply.tokenizer, e);
		part->job.sequence.options.grammar = part->grammar;
		if (!rc && x->q.echo)
			rc = part_echo(x, part, i / x->q.n, e);
	}
	return rc;
}

/* One array of jobs is what the engine takes. */
static int submit(struct exchange *x, struct problem *p)
{
	struct err e = {0};
	struct job *jobs[CHOICES_MAX];
	for (size_t i = 0; i < x->n_parts; i++)
		jobs[i] = &x->parts[i].job;
	if (engine_submit(x->pending.server->engine, jobs, x->n_parts, &e))
		return problem_set(p, 429, "queue_full", NULL, "%s", e.text);
	x->n_live = x->n_parts;
	return 0;
}

static void stream_begin_reply(struct exchange *x)
{
	http_stream_begin(x->pending.r);
	for (size_t i = 0; i < x->n_parts && x->q.chat; i++) {
		http_stream_put(x->pending.r, reply_role(&x->reply, i));
		if (x->reply.extension) { /* said once */
			json_decref(x->reply.extension);
			x->reply.extension = NULL;
		}
	}
}

static int understand(struct exchange *x, struct problem *p)
{
	size_t n;
	const char *body = http_body(x->pending.r, &n);
	int rc = completion_request_read(&x->q, x->reply.chat, body, n, p);
	if (!rc)
		rc = target_find(x->pending.server, x->q.model, &x->target, p);
	if (!rc && x->target.rag && !x->q.chat)
		rc = problem_set(p, 400, NULL, "model", "model: only chats are answered from passages");
	return rc;
}

static int prepare(struct exchange *x, struct problem *p)
{
	struct err e = {0};
	x->reply.model = x->q.model;
	x->reply.stream = x->q.stream;
	x->reply.include_usage = x->q.stream && x->q.include_usage;
	x->reply.tokenizer = model_encoder(engine_model(x->pending.server->engine))->tokenizer;
	if (x->q.chat ? chat_prompt(x, &e) : text_prompts(x, &e))
		return problem_from(p, x->q.chat ? "messages" : "prompt", &e);
	if (x->q.json && grammar_json(&x->grammar, x->q.schema, &e))
		return problem_from(p, "response_format", &e);
	int rc = check_context(x, p);
	if (!rc && parts_make(x, &e))
		rc = problem_from(p, NULL, &e);
	for (size_t i = 0; i < x->n_prompts && !rc; i++)
		x->usage.n_prompt += x->prompts[i].n;
	return rc ? rc : submit(x, p);
}

static void go_on(struct pending *pending)
{
	struct exchange *x = (struct exchange *)pending;
	struct problem p;
	if (prepare(x, &p)) {
		pending_fail(pending, &p);
		pending_free(pending);
	} else if (x->q.stream) {
		stream_begin_reply(x);
	}
}

static void begin(struct server *s, struct http_request *r, bool chat)
{
	struct problem p;
	struct exchange *x = pending_new(sizeof *x, s, r);
	if (!x)
		return;
	x->pending.go_on = go_on;
	x->pending.cancel = cancel;
	x->pending.free = exchange_free;
	reply_init(&x->reply, chat);
	int rc = understand(x, &p);
	if (!rc && x->target.rag)
		rc = pending_compute(&x->pending, find_passages, &p);
	if (rc) {
		pending_fail(&x->pending, &p);
		pending_free(&x->pending);
	} else if (!x->target.rag) {
		go_on(&x->pending);
	}
}

void chat_post(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	begin(s, r, true);
}

void text_post(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	begin(s, r, false);
}

/* ---- from news to the answer ------------------------------------------------------------------------------------------------------- */

static struct choice choice_of(const struct part *part, const struct buf *text, const char *finish_reason)
{
	return (struct choice){.index = part->job.index,
		.text = text->p,
		.n = text->len,
		.tokens = part->tokens.n ? part->tokens.p : NULL,
		.n_tokens = part->tokens.n,
		.first_offset = part->offset,
		.first_has_none = part->first_has_none,
		.finish_reason = finish_reason};
}

/* The end of an answer has no text, and in a chat no place among its tokens. */
static int tokens_add(const struct exchange *x, struct part *part, const struct scored_tokens *news, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < news->n && !rc; i++) {
		if (x->q.chat && tokenizer_is_eog(x->reply.tokenizer, news->p[i].id))
			continue;
		rc = mem_reserve(&part->tokens.p, part->tokens.n, &part->tokens.cap, sizeof *part->tokens.p, e);
		if (!rc)
			part->tokens.p[part->tokens.n++] = news->p[i];
	}
	return rc;
}

static void put_choice(struct exchange *x, struct part *part, const struct buf *text, const char *finish_reason)
{
	const struct choice c = choice_of(part, text, finish_reason);
	json_t *choice = reply_choice(&x->reply, &c);
	http_stream_put(x->pending.r, reply_object(&x->reply, choice ? json_pack("[o]", choice) : NULL, NULL));
	for (size_t i = 0; i < part->tokens.n; i++)
		part->offset += token_characters(x->reply.tokenizer, part->tokens.p[i].id);
	part->tokens.n = 0;
	part->first_has_none = false;
}

/* What is new of a choice, to who follows it. */
static void stream_news(struct exchange *x, struct part *part, const struct news *news)
{
	static const struct buf nothing = {0};
	if (part->text.len) { /* the echoed prompt */
		put_choice(x, part, &part->text, NULL);
		buf_release(&part->text);
	}
	if (news->text.len)
		put_choice(x, part, &news->text, NULL);
	if (part->finish_reason)
		put_choice(x, part, &nothing, part->finish_reason);
}

static void answer_whole(struct exchange *x)
{
	json_t *choices = json_array();
	for (size_t i = 0; i < x->n_parts; i++) {
		const struct choice c = choice_of(&x->parts[i], &x->parts[i].text, x->parts[i].finish_reason);
		json_array_append_new(choices, reply_choice(&x->reply, &c));
	}
	struct http_request *r = x->pending.r;
	x->pending.r = NULL;
	http_reply_json(r, 200, reply_object(&x->reply, choices, reply_usage(&x->usage)));
}

static void answer_end(struct exchange *x)
{
	if (!x->q.stream) {
		answer_whole(x);
		return;
	}
	struct http_request *r = x->pending.r;
	x->pending.r = NULL;
	if (x->q.include_usage)
		http_stream_put(r, reply_object(&x->reply, json_array(), reply_usage(&x->usage)));
	http_stream_end(r, true);
}

static void hear(struct exchange *x, struct part *part, const struct news *news)
{
	struct err e = {0};
	struct problem p;
	int rc = 0;
	if (news->done) {
		x->n_live--;
		x->usage.n_tokens += news->n_tokens;
		x->usage.n_cached += part->job.index % x->q.n ? 0 : news->n_reused; /* as n_prompt: once for all choices */
		part->finish_reason = news->rc ? "error" : news->finish_reason;
	}
	if (x->pending.r && news->rc) {
		problem_from(&p, NULL, &news->err);
		pending_fail(&x->pending, &p);
	}
	if (x->pending.r)
		rc = tokens_add(x, part, &news->tokens, &e);
	if (x->pending.r && !rc && x->q.stream)
		stream_news(x, part, news);
	else if (x->pending.r && !rc && news->text.len)
		rc = buf_append(&part->text, news->text.p, news->text.len, &e);
	if (rc) {
		problem_from(&p, NULL, &e);
		pending_fail(&x->pending, &p);
	}
	if (x->pending.r && !x->n_live)
		answer_end(x);
	if (!x->n_live)
		pending_free(&x->pending);
}

void exchange_news(struct server *s)
{
	struct news news;
	struct job *job;
	while ((job = engine_news(s->engine, &news))) {
		struct exchange *x = job->owner;
		hear(x, &x->parts[job->index], &news);
		news_release(&news);
	}
}

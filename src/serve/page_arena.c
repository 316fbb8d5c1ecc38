/*
 * The arena: a question, what each way to answer it says, and which answer people prefer. Reference: page.h; docs/formats.md, "The page".
 *
 * RESULTS/arena.jsonl is a log: a line is a round as it stands, and of a round the last line counts. RESULTS/cases.jsonl is made from it anew
 * with each vote: the questions whose right answers somebody named, in the format that `attune eval --questions` reads.
 */
#include "serve/page.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "format/format.h"

enum {
	QUESTION_MAX = 16 << 10,
	ANSWER_MAX = 256 << 10,
	NAME_MAX_BYTES = 200,
	ARMS_MAX = 16,
	SAYS_MAX = 8,
	SAID_MAX = 2000,
	SHOWN = 50
};
enum { PASSAGES_MAX = 16, PROMPT_BYTES_MAX = 1 << 20 };

struct arena_book {
	json_t *rounds; /* id -> round, in the order in which they were asked */
	char log[PATH_SIZE], cases[PATH_SIZE], prompt[PATH_SIZE];
	bool kept; /* there is a results folder */
};

static bool is_texts(const json_t *list)
{
	const json_t *one;
	size_t i;
	bool good = json_is_array(list);
	json_array_foreach (list, i, one)
		good = good && json_is_string(one);
	return good;
}

static int round_add(void *context, const json_t *object, struct err *e)
{
	struct arena_book *b = context;
	const char *id = json_string_value(json_object_get(object, "id"));
	if (!id || !json_is_string(json_object_get(object, "question")) || !is_texts(json_object_get(object, "arms")) ||
		!json_is_object(json_object_get(object, "answers")))
		return err_set(e, ERR_DATA, "expected a round: {\"id\", \"question\", \"arms\", \"answers\", \"vote\"}");
	return json_object_set_new(b->rounds, id, json_deep_copy(object)) ? err_set(e, ERR_RESOURCE, "out of memory") : 0;
}

int arena_open(struct arena_book **out, const char *results, struct err *e)
{
	struct arena_book *b = mem_alloc(1, sizeof *b, e);
	int rc = 0;
	*out = b;
	if (!b || !(b->rounds = json_object()))
		return err_set(e, ERR_RESOURCE, "out of memory while starting the server");
	if (!(b->kept = results != NULL))
		return 0;
	rc = path_join(b->log, sizeof b->log, e, results, "arena.jsonl");
	if (!rc)
		rc = path_join(b->cases, sizeof b->cases, e, results, "cases.jsonl");
	if (!rc)
		rc = path_join(b->prompt, sizeof b->prompt, e, results, "eval/prompt.json");
	return rc || !file_exists(b->log) ? rc : jsonl_each(b->log, round_add, b, e);
}

void arena_close(struct arena_book *b)
{
	if (b)
		json_decref(b->rounds);
	mem_free(b);
}

/* ---- what is kept ---------------------------------------------------------------------------------------------------------------------- */

/* {"id", "question", "answers"} of a voted round whose right answers are known, else NULL. The source is that of the winner's first passage. */
static json_t *case_of(const json_t *round)
{
	const json_t *says = json_object_get(round, "says"), *premise = json_object_get(round, "false_premise");
	const char *vote = json_string_value(json_object_get(round, "vote"));
	if (!vote || (!json_array_size(says) && !json_is_true(premise)))
		return NULL;
	const json_t *won = json_object_get(json_object_get(round, "answers"), vote);
	const json_t *source = json_object_get(json_array_get(json_object_get(won, "passages"), 0), "source");
	json_t *out = json_pack("{s:O, s:O, s:O}", "id", json_object_get(round, "id"), "question",
		json_object_get(round, "question"), "answers", says);
	if (json_is_string(source))
		json_object_set(out, "source", (json_t *)(uintptr_t)source);
	if (json_is_true(premise))
		json_object_set_new(out, "false_premise", json_true());
	return out;
}

static int cases_write(const struct arena_book *b, struct err *e)
{
	struct buf text = {0};
	const char *id;
	json_t *round;
	int rc = 0;
	json_object_foreach (b->rounds, id, round) {
		json_t *one = rc ? NULL : case_of(round);
		rc = one ? json_line(&text, one, e) : rc;
		json_decref(one);
	}
	if (!rc)
		rc = file_replace(b->cases, text.len ? text.p : "", text.len, e);
	buf_release(&text);
	return rc;
}

static size_t cases_count(const struct arena_book *b)
{
	const char *id;
	json_t *round;
	size_t n = 0;
	json_object_foreach (b->rounds, id, round) {
		json_t *one = case_of(round);
		n += one != NULL;
		json_decref(one);
	}
	return n;
}

static void keep(const struct arena_book *b, const json_t *round, bool voted, struct problem *p)
{
	struct buf line = {0};
	struct err e = {0};
	int rc = b->kept ? json_line(&line, round, &e) : 0;
	if (!rc && b->kept)
		rc = file_append(b->log, line.p, line.len, &e);
	if (!rc && b->kept && voted)
		rc = cases_write(b, &e);
	if (rc)
		problem_from(p, NULL, &e);
	buf_release(&line);
}

/* ---- what is asked --------------------------------------------------------------------------------------------------------------------- */

static void id_make(char *out, size_t size)
{
	unsigned char random[3] = {0};
	time_t now = time(NULL);
	struct tm t;
	size_t n = strftime(out, size, "arena-%Y%m%dT%H%M%S-", gmtime_r(&now, &t));
	if (getrandom(random, sizeof random, 0) < 0)
		random[0] = (unsigned char)now;
	snprintf(out + n, size - n, "%02x%02x%02x", random[0], random[1], random[2]);
}

/* A list of 1 to `most` texts under `key`. */
static const json_t *texts_of(const json_t *body, const char *key, size_t least, size_t most, size_t bytes, struct problem *p)
{
	const json_t *list = json_object_get(body, key), *one;
	size_t i;
	bool good = json_is_array(list) && json_array_size(list) >= least && json_array_size(list) <= most;
	json_array_foreach (list, i, one)
		good = good && json_string_length(one) && json_string_length(one) <= bytes;
	if (!good)
		problem_set(
			p, 400, NULL, key, "%s: expected a list of %zu to %zu texts of up to %zu bytes", key, least, most, bytes);
	return good ? list : NULL;
}

json_t *arena_round(const struct arena_book *b, const json_t *body, struct problem *p)
{
	const char *id = page_text(body, "id", NAME_MAX_BYTES, p);
	json_t *round = id ? json_object_get(b->rounds, id) : NULL;
	if (id && !round)
		problem_set(p, 404, NULL, "id", "there is no round \"%.100s\"", id);
	return round;
}

/* One of the round's arms. */
static const char *arm_of(const json_t *round, const json_t *body, const char *key, struct problem *p)
{
	const char *name = page_text(body, key, NAME_MAX_BYTES, p);
	const json_t *arm;
	size_t i;
	json_array_foreach (json_object_get(round, "arms"), i, arm)
		if (name && !strcmp(name, json_string_value(arm)))
			return name;
	if (name)
		problem_set(p, 400, NULL, key, "%s: this round has no \"%.100s\"", key, name);
	return NULL;
}

void arena_ask(struct server *s, struct http_request *r, const char *rest)
{
	struct arena_book *b = s->page->arena;
	struct problem p = {0};
	char id[64];
	json_t *body = page_body(r, &p), *round = NULL;
	const char *question = body ? page_text(body, "question", QUESTION_MAX, &p) : NULL;
	const json_t *arms = question ? texts_of(body, "arms", 1, ARMS_MAX, NAME_MAX_BYTES, &p) : NULL;
	(void)rest;
	id_make(id, sizeof id);
	if (arms) {
		round = json_pack("{s:s, s:s, s:O, s:b, s:{}, s:n}", "id", id, "question", question, "arms", arms, "blind",
			json_is_true(json_object_get(body, "blind")), "answers", "vote");
		if (!round || json_object_set(b->rounds, id, round))
			problem_set(&p, 503, NULL, NULL, "out of memory");
		else
			keep(b, round, false, &p);
	}
	page_reply(r, &p, round);
	json_decref(body);
}

/* {"text", "finish_reason", "passages"} as the page has it from /v1/chat/completions; what else stands there is left out. */
static json_t *answer_of(const json_t *body, struct problem *p)
{
	const json_t *text = json_object_get(body, "text"), *passages = json_object_get(body, "passages"), *one;
	json_t *list = json_array();
	size_t i;
	if (!json_is_string(text) || json_string_length(text) > ANSWER_MAX)
		problem_set(p, 400, NULL, "text", "text: expected a text of up to %d bytes", ANSWER_MAX);
	json_array_foreach (passages, i, one) {
		json_t *passage = json_pack("{s:O, s:O, s:O, s:O}", "source", json_object_get(one, "source"), "heading",
			json_object_get(one, "heading"), "start", json_object_get(one, "start"), "text",
			json_object_get(one, "text"));
		if (!passage || i >= PASSAGES_MAX)
			problem_set(p, 400, NULL, "passages",
				"passages: expected up to %d, each with source, heading, start and text", PASSAGES_MAX);
		json_array_append_new(list, passage);
	}
	return json_pack(
		"{s:O, s:O, s:o}", "text", text, "finish_reason", json_object_get(body, "finish_reason"), "passages", list);
}

void arena_answer(struct server *s, struct http_request *r, const char *rest)
{
	struct arena_book *b = s->page->arena;
	struct problem p = {0};
	json_t *body = page_body(r, &p), *round = body ? arena_round(b, body, &p) : NULL;
	const char *arm = round ? arm_of(round, body, "arm", &p) : NULL;
	json_t *answer = arm ? answer_of(body, &p) : NULL;
	(void)rest;
	if (arm && !answer && !p.status)
		problem_set(&p, 400, NULL, "finish_reason", "expected text, finish_reason and passages");
	if (answer && !p.status) {
		json_object_set(json_object_get(round, "answers"), arm, answer);
		keep(b, round, false, &p);
	}
	json_decref(answer);
	page_reply(r, &p, json_incref(round));
	json_decref(body);
}

void arena_vote(struct server *s, struct http_request *r, const char *rest)
{
	struct arena_book *b = s->page->arena;
	struct problem p = {0};
	json_t *body = page_body(r, &p), *round = body ? arena_round(b, body, &p) : NULL;
	const char *vote = json_string_value(json_object_get(body, "vote"));
	const json_t *says = round ? texts_of(body, "says", 0, SAYS_MAX, SAID_MAX, &p) : NULL;
	(void)rest;
	if (says && !(vote && !strcmp(vote, "none")))
		vote = arm_of(round, body, "vote", &p);
	if (says && vote) {
		json_object_set_new(round, "vote", json_string(vote));
		json_object_set(round, "says", (json_t *)(uintptr_t)says);
		json_object_set_new(round, "false_premise", json_boolean(json_is_true(json_object_get(body, "false_premise"))));
		keep(b, round, true, &p);
	}
	page_reply(r, &p, json_incref(round));
	json_decref(body);
}

/* The prompt that an evaluation chose, as messages; null without one. */
static json_t *prompt_json(const struct arena_book *b)
{
	json_t *prompt = NULL, *messages = NULL;
	struct err e;
	if (b->kept && file_exists(b->prompt) && !json_file(&prompt, b->prompt, PROMPT_BYTES_MAX, &e))
		messages = json_incref(json_object_get(prompt, "messages"));
	json_decref(prompt);
	return messages ? messages : json_null();
}

/* The newest rounds first. */
void arena_get(struct server *s, struct http_request *r, const char *rest)
{
	const struct arena_book *b = s->page->arena;
	json_t *list = json_array(), *round;
	const char *id;
	size_t n = json_object_size(b->rounds), at = 0;
	(void)rest;
	json_object_foreach (b->rounds, id, round)
		if (n - at++ <= SHOWN)
			json_array_insert(list, 0, round);
	http_reply_json(r, 200,
		json_pack("{s:o, s:I, s:I, s:o, s:o}", "rounds", list, "n", (json_int_t)n, "n_cases", (json_int_t)cases_count(b),
			"cases", page_path(b->kept ? b->cases : NULL), "prompt", prompt_json(b)));
}

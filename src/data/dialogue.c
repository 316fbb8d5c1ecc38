/*
 * Dialogue to pairs. The words stay those of the people; only what a question needs of the turn before it, and greetings and fillers
 * before an answer, are decided here.
 */
#include "data/dialogue.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/phrase.h"
#include "data/text.h"

enum {
	MESSAGE_WORDS = 80,
	QUESTION_WORDS = 6,
	REPLY_WORDS = 4,
	CALL_QUESTION_WORDS = 5,
	CALL_ANSWER_WORDS = 8,
	SENTENCES_MAX = 3,
	SPEAKERS_MAX = 64
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const as_asked[] = {"$T"};

static bool is_question(struct str s)
{
	return s.n && s.p[s.n - 1] == '?';
}

/*
 * The last question of a text: the last sentence with a question mark, with as many of the (at most two) sentences before it as it
 * takes to reach `min_words`. Empty when nothing is asked.
 */
static struct str question_of(const char *text, size_t min_words)
{
	struct str before[SENTENCES_MAX] = {0}, rest = {text, strlen(text)}, one, found = {0};
	while (sentence_next(&rest, &one)) {
		memmove(before + 1, before, (SENTENCES_MAX - 1) * sizeof *before);
		before[0] = one;
		if (!is_question(one))
			continue;
		found = one;
		for (size_t k = 1; k < SENTENCES_MAX && before[k].p && str_words(found) < min_words; k++)
			found = (struct str){before[k].p, (size_t)(one.p + one.n - before[k].p)};
	}
	return found;
}

/* "Sure, it does." begins with "it does.". */
static struct str fillers_skip(struct str s)
{
	static const char *const fillers[] = {"sure", "of course", "good question", "great question", "right", "okay", "ok", "well",
		"ah", "oh", "absolutely", "certainly", "exactly", "yes so", "yeah", "so", "hm"};
	for (size_t i = 0; i < COUNT(fillers); i++) {
		size_t n = strlen(fillers[i]);
		if (s.n <= n + 2 || strncasecmp(s.p, fillers[i], n) || !strchr(",.!", s.p[n]) || s.p[n + 1] != ' ')
			continue;
		s = (struct str){s.p + n + 2, s.n - n - 2};
		i = SIZE_MAX; /* another may follow */
	}
	return s;
}

static int pair_add(struct maker *m, struct str question, struct str answer, struct span span, struct err *e)
{
	struct parts p = {0};
	struct item it = {.kind = ITEM_REPLY, .span = span};
	char *text = arena_strdup(m->arena, answer.p, answer.n, e);
	PART(&p, 'T') = arena_strdup(m->arena, question.p, question.n, e);
	if (!text || !PART(&p, 'T'))
		return ERR_RESOURCE;
	*text = (char)toupper((unsigned char)*text);
	it.answer = text;
	return item_ask(m, &it, as_asked, COUNT(as_asked), &p, e);
}

/* A customer's message is asked as a whole, since its last sentence alone often points back; a long one by its last question. */
static int ticket_pair(struct maker *m, const struct block *asked, const struct block *reply, struct err *e)
{
	struct str question = {asked->text, strlen(asked->text)}, answer = {reply->text, strlen(reply->text)};
	if (str_words(question) > MESSAGE_WORDS)
		question = question_of(asked->text, QUESTION_WORDS);
	if (str_words(question) < QUESTION_WORDS || str_words(question) > MESSAGE_WORDS || str_words(answer) < REPLY_WORDS ||
		str_words(answer) > MESSAGE_WORDS)
		return 0;
	return pair_add(m, question, answer, (struct span){asked->span.start, reply->span.end}, e);
}

/* How often each of the first speakers of a call asks. */
struct askers {
	struct {
		const char *who;
		size_t n;
	} of[SPEAKERS_MAX];
	size_t n;
};

static size_t *asker(struct askers *a, const char *who)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->of[i].who, who))
			return &a->of[i].n;
	if (a->n == SPEAKERS_MAX)
		return NULL;
	a->of[a->n].who = who;
	return &a->of[a->n++].n;
}

static void askers_count(struct askers *a, const struct block *turn, size_t n)
{
	a->n = 0;
	for (size_t i = 0; i < n; i++) {
		size_t *asks = asker(a, turn[i].speaker);
		if (asks)
			*asks += is_question((struct str){turn[i].text, strlen(turn[i].text)});
	}
}

/* Who asks less than the other is the one who knows: what customers tell about themselves is nothing to learn. */
static int call_pair(struct maker *m, struct askers *a, const struct block *asked, const struct block *reply, struct err *e)
{
	struct str all = {asked->text, strlen(asked->text)}, answer = {reply->text, strlen(reply->text)};
	if (!is_question(all) || is_question(answer) || !strcmp(asked->speaker, reply->speaker))
		return 0;
	const size_t *asks = asker(a, asked->speaker), *knows = asker(a, reply->speaker);
	if (!asks || !knows || *knows >= *asks)
		return 0;
	struct str question = question_of(asked->text, CALL_QUESTION_WORDS);
	answer = fillers_skip(answer);
	if (str_words(question) < CALL_QUESTION_WORDS || str_words(answer) < CALL_ANSWER_WORDS || str_words(answer) > MESSAGE_WORDS)
		return 0;
	return pair_add(m, question, answer, (struct span){asked->span.start, reply->span.end}, e);
}

bool dialogue_answers(const struct maker *m, const struct block *turn)
{
	struct askers a = {0};
	if (m->document->kind != DOCUMENT_CALL)
		return !strcmp(turn->speaker, "support");
	askers_count(&a, m->document->blocks + m->section->block, m->section->n_blocks);
	const size_t *own = asker(&a, turn->speaker);
	size_t most = 0, least = SIZE_MAX;
	for (size_t i = 0; i < a.n; i++) {
		most = a.of[i].n > most ? a.of[i].n : most;
		least = a.of[i].n < least ? a.of[i].n : least;
	}
	return own && *own == least && *own < most;
}

int pairs_from_turns(struct maker *m, struct err *e)
{
	const struct section *s = m->section;
	const struct block *b = m->document->blocks + s->block;
	int rc = 0;
	bool call = m->document->kind == DOCUMENT_CALL;
	struct askers a = {0};
	if (call)
		askers_count(&a, b, s->n_blocks);
	for (size_t i = 0; i + 1 < s->n_blocks && rc == 0; i++)
		rc = call ? call_pair(m, &a, &b[i], &b[i + 1], e) : ticket_pair(m, &b[i], &b[i + 1], e);
	return rc;
}

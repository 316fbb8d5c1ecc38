/*
 * Answers to right and wrong without a judge model, so that anybody can check a judgement by reading. Reference: judge.h.
 */
#include "eval/judge.h"

#include <ctype.h>
#include <string.h>

bool answer_holds(const char *answer, const char *accepted)
{
	for (size_t i = 0; answer[i]; i++)
		if (words_match(answer, i, accepted, false))
			return true;
	return false;
}

/* ---- refusals --------------------------------------------------------------------------------------------------------------- */

static const char *const refusals[] = {"does not", "doesn't", "do not", "don't", "did not", "didn't", "is not", "isn't", "are not",
	"aren't", "was not", "wasn't", "were not", "weren't", "will not", "won't", "cannot", "can not", "can't", "could not",
	"couldn't", "has no", "have no", "had no", "there is no", "there's no", "there are no", "no such", "no information",
	"not documented", "not mentioned", "not described", "not specified", "not stated", "not provided", "not available",
	"not supported", "not offered", "not included", "not possible", "not known", "not part of", "not aware", "not sure",
	"not able", "unable to", "unknown", "unsupported", "unavailable"};

enum { REFUSAL_SENTENCES = 2 };

/* The first sentences, with plain apostrophes. */
static char *opening(const char *answer, struct arena *a, struct err *e)
{
	answer += strspn(answer, " \t\r\n*\"'");
	size_t n = 0;
	for (int sentences = 0; answer[n] && sentences < REFUSAL_SENTENCES; n++)
		sentences += strchr(".!?\n", answer[n]) && (answer[n] == '\n' || isspace((unsigned char)answer[n + 1]));
	char *s = arena_strdup(a, answer, n, e);
	for (char *p = s; p && (p = strstr(p, "\xe2\x80\x99"));) {
		*p = '\'';
		memmove(p + 1, p + 3, strlen(p + 3) + 1);
	}
	return s;
}

int answer_refuses(bool *out, const char *answer, struct arena *a, struct err *e)
{
	const char *s = opening(answer, a, e);
	*out = false;
	if (!s)
		return ERR_RESOURCE;
	*out = words_match(s, 0, "no", false) && (!s[2] || strchr(".,;:!\n", s[2]));
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals && !*out; i++)
		*out = answer_holds(s, refusals[i]);
	return 0;
}

/* ---- right ------------------------------------------------------------------------------------------------------------------ */

static bool is_accepted(const struct value *v, const struct question *q)
{
	for (size_t i = 0; i < q->n_accepted; i++)
		for (size_t k = 0; k < q->values[i].n; k++)
			if (value_is(v, &q->values[i].p[k]))
				return true;
	return false;
}

static bool is_in_question(const struct value *v, const struct question *q)
{
	for (size_t i = 0; i < q->in_question.n; i++)
		if (value_is(v, &q->in_question.p[i]) || value_is(&q->in_question.p[i], v))
			return true;
	return false;
}

/* An accepted value that is the whole of an accepted text is as good as that text. */
static bool holds_value(const struct values *found, const struct question *q)
{
	for (size_t i = 0; i < q->n_accepted; i++)
		for (size_t k = 0; k < found->n; k++)
			if (q->values[i].n == 1 && q->values[i].p->whole && value_is(&found->p[k], q->values[i].p))
				return true;
	return false;
}

/* The accepted values of the answer say what competes: their kind, in the unit that the answer gives them. */
static const struct value *competing(const struct values *found, const struct question *q)
{
	for (size_t i = 0; i < found->n; i++) {
		const struct value *v = &found->p[i];
		if (is_accepted(v, q) || is_in_question(v, q))
			continue;
		for (size_t k = 0; k < found->n; k++)
			if (found->p[k].kind == v->kind && !strcmp(found->p[k].unit, v->unit) && is_accepted(&found->p[k], q))
				return v;
	}
	return NULL;
}

/* What people took out of an answer to this question, when it stands in this one, in the same words or as the same value; else NULL. */
static const char *came_back(const char *answer, const struct values *found, const struct question *q)
{
	for (size_t i = 0; i < q->n_must_not; i++) {
		const struct values *v = &q->must_not_values[i];
		bool back = answer_holds(answer, q->must_not[i]);
		for (size_t k = 0; k < found->n && !back; k++)
			back = v->n == 1 && v->p->whole && value_is(&found->p[k], v->p);
		if (back)
			return q->must_not[i];
	}
	return NULL;
}

bool answer_is_right(const char *answer, const struct values *found, const struct question *q, const char **competing_text)
{
	const struct value *other = q->false_premise ? NULL : competing(found, q);
	const char *back = came_back(answer, found, q);
	bool right = holds_value(found, q);
	for (size_t i = 0; i < q->n_accepted && !right; i++)
		right = answer_holds(answer, q->accepted[i]);
	*competing_text = back ? back : other ? other->text : NULL;
	return right && !other && !back;
}

int answer_judge(struct judgement *out, const char *answer, const struct question *q, struct arena *a, struct err *e)
{
	struct values found;
	*out = (struct judgement){0};
	int rc = values_read(&found, answer, a, e);
	if (rc == 0)
		rc = answer_refuses(&out->refused, answer, a, e);
	if (rc == 0)
		out->right = answer_is_right(answer, &found, q, &out->competing);
	return rc;
}

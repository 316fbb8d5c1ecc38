/* Private to eval: right or wrong, accepted or refused, by the words of the answer alone. */
#ifndef ATTUNE_EVAL_JUDGE_H
#define ATTUNE_EVAL_JUDGE_H

#include "eval/question.h"

/* Does the answer hold the accepted text as a whole, anywhere? */
bool answer_holds(const char *answer, const char *accepted);

/*
 * Does the answer say, in its first two sentences, that something is not so, not offered or not known? It does when it opens with
 * "No" as a word of its own or holds one of the phrases of `refusals` in judge.c ("does not", "there is no", "not documented", ...).
 */
int answer_refuses(bool *out, const char *answer, struct arena *a, struct err *e);

/*
 * right     an accepted text stands in the answer as a whole, or a value equal to an accepted one ("six days" for "6 days"), and no
 *           value competes with it: one of the same kind and unit that is neither accepted nor in the question, or what must not
 *           come back. Of a false
 *           premise: one of its corrections stands in the answer.
 * refused   answer_refuses. A false premise is accepted when the answer is neither refused nor right; a twin is over-refused when the
 *           answer is refused and not right: a right answer may hold a "not".
 */
struct judgement {
	bool right, refused;
	const char *
		competing; /* as data.h spells it, in the arena, or the question's text that must not come back; NULL when there is none */
};
/* The same of an answer whose values are read already; *competing may become NULL. */
bool answer_is_right(const char *answer, const struct values *found, const struct question *q, const char **competing);
int answer_judge(struct judgement *out, const char *answer, const struct question *q, struct arena *a, struct err *e);

#endif

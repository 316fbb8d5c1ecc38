/*
 * Questions for a statement without regard to its values: who or what does it, where, why, of what colour, and what happens under its
 * condition. Letters: ask_parts.h.
 */
#include "data/ask.h"

#include <ctype.h>
#include <string.h>

#include "data/ask_parts.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char persons[] =
	"owner owners user users person people member members administrator administrators admin admins auditor "
	"auditors operator operators developer developers customer customers colleague colleagues nobody everybody staff "
	"manager managers author authors";

/* What asks for the subject. */
static const char *subject_words(const struct maker *m, const struct statement *s, struct err *e)
{
	const struct clause *c = &s->clause;
	const struct word *first = &s->w[c->subject];
	struct atom a;
	if (word_is_symbol(first) && c->subject_end == c->subject + 1)
		return first->p[word_is_code(first)] == '-'                     ? "which flag"
			: memchr(first->p, ' ', first->n) && first->p[1] != '/' ? "which command"
										: "what";
	if (atom_next(s->w, c->subject_end, c->subject, &a) && a.measure == ATOM_LABELLED && a.end == c->subject_end &&
		a.first <= c->subject + 1) {
		const char *label = text_copy(m, atom_label(s->w, &a), e);
		return label ? text_concat(m, "which ", label, "", e) : NULL;
	}
	return word_in(&s->w[head_noun(s->w, c->subject, c->subject_end)], persons) ? "who" : "what";
}

/* "What marks rehearsal?" Only where the verb does not show the number of what is asked for, or it is one. */
static int subject_ask(struct cores *c, const struct maker *m, const struct statement *s, struct parts *p, struct err *e)
{
	static const char *const asks[] = {"$W $F $R?", "$lcan you tell me $W $F $R?"};
	static const char *const uses[] = {
		"$W do I use to $V $R?", "I want to $V $R. $W does that?", "how can I $V $R?", "We have to $V $R. $W do I need?"};
	const struct clause *k = &s->clause;
	bool modal = k->auxiliary && word_in(&s->w[k->verb], "can may must should will"), plural = is_plural_subject(s);
	const struct word *next = &s->w[k->verb + 1];
	if ((plural && !modal) || !strcmp(PART(p, 'S'), names_subject(m->names)) || word_is_pronoun(&s->w[k->subject]) ||
		k->verb + 4 >= s->n || (word_in(&s->w[k->verb], "is are") && word_in(next, "a an not")))
		return 0;
	const char *what = subject_words(m, s, e);
	if (!what)
		return ERR_RESOURCE;
	if (plural && !strcmp(what, "what"))
		return 0;
	PART(p, 'W') = what;
	int rc = cores_add(c, asks, COUNT(asks), p, m->arena, e);
	bool tool = !strstr(PART(p, 'R'), " and ") && !k->auxiliary && word_is_code(&s->w[k->subject_end - 1]);
	return rc < 0 || !tool ? rc : cores_add(c, uses, COUNT(uses), p, m->arena, e);
}

static int colour_ask(struct cores *c, const struct maker *m, const struct statement *s, struct parts *p, struct err *e)
{
	static const char *const asks[] = {
		"what colour is the $K?", "which colour does the $K have?", "what is the colour of the $K?"};
	static const char colours[] = "red green blue yellow orange violet purple pink grey gray black white brown";
	size_t i = s->clause.subject + word_in(&s->w[s->clause.subject], "a an the");
	if (!word_in(&s->w[i], colours) || i + 1 >= s->clause.subject_end || is_plural_subject(s))
		return 0;
	PART(p, 'K') = text_copy(m, words_text(s->w, i + 1, s->clause.subject_end), e);
	return PART(p, 'K') ? cores_add(c, asks, COUNT(asks), p, m->arena, e) : ERR_RESOURCE;
}

/* Where it is and why: what stands before the place or the reason. */
static int circumstance_ask(struct cores *c, const struct maker *m, const struct statement *s, struct parts *p, struct err *e)
{
	static const char *const where[] = {"where $X $S $v $b?", "can you tell me where $S $F $b?"};
	static const char *const why[] = {"why $X $S $v $b?", "what is the reason that $S $F $b?"};
	static const char placed[] =
		"show list display find store keep appear live locate publish write print put save see move go";
	const struct clause *k = &s->clause;
	struct deed d = deed_read(s, s->n);
	size_t i = d.end;
	bool place = str_in((struct str){d.act, strlen(d.act)}, placed);
	for (; i < s->n; i++) {
		if (word_is(&s->w[i], "because") || (place && word_in(&s->w[i], "under at in on into to")))
			break;
		if (s->w[i - 1].stop || word_in(&s->w[i], "that which who and or but if when"))
			return 0;
	}
	if (i + 1 >= s->n || (d.traits & (CAN | MUST) && !(d.traits & PASSIVE)))
		return 0;
	bool reason = word_is(&s->w[i], "because");
	if (!reason &&
		(word_in(&s->w[i + 1], "a an all any which this that every each its") || isdigit((unsigned char)s->w[i + 1].p[0])))
		return 0;
	PART(p, 'B') = text_copy(m, words_text(s->w, k->verb + 1, i), e);
	if (!PART(p, 'B'))
		return ERR_RESOURCE;
	return reason ? cores_add(c, why, COUNT(why), p, m->arena, e) : cores_add(c, where, COUNT(where), p, m->arena, e);
}

/* What happens under the condition that the statement opens or ends with. */
static int happening_ask(struct cores *c, const struct maker *m, const struct statement *s, struct parts *p, struct err *e)
{
	static const char *const asks[] = {
		"what happens $J?", "$C. What happens then?", "$C. What happens now?", "what does it mean for us $J?"};
	size_t first = 0, end = s->clause.lead;
	if (!end) {
		end = s->n;
		first = s->clause.verb + 1;
		while (first < end && !word_in(&s->w[first], "when if once"))
			if (word_in(&s->w[first++], "that which who whether"))
				return 0;
	}
	if (first + 3 > end || !word_in(&s->w[first], "when if once while"))
		return 0;
	for (size_t i = first; i + 1 < end; i++)
		if (s->w[i].stop)
			return 0;
	PART(p, 'C') = condition(m, s->w, first, end, e);
	PART(p, 'J') = names_lower_first(m->names, m->arena, words_text(s->w, first, end), e);
	return PART(p, 'J') ? cores_add(c, asks, COUNT(asks), p, m->arena, e) : ERR_RESOURCE;
}

/* What something is, where the statement names it: "The default is X", "the difference is that ...". */
static int copula_ask(struct cores *c, const struct maker *m, const struct statement *s, struct parts *p, struct err *e)
{
	static const char *const asks[] = {"what $X $S?", "can you tell me what $S $X?", "I need to know what $S $X."};
	const struct clause *k = &s->clause;
	const struct word *next = &s->w[k->verb + 1];
	char base[32];
	if (k->verb + 1 >= s->n || k->subject_end < k->subject + 3 || !word_in(&s->w[k->verb], "is are was were") ||
		!word_in(&s->w[k->subject], "the its") || verb_of_participle(next, base) || verb_of_gerund(next, base))
		return 0;
	bool named = word_in(next, "the a an that to") || word_is_symbol(next) || isdigit((unsigned char)next->p[0]) ||
		(next->n > 1 && isupper((unsigned char)next->p[0])) || next->p[-1] == '"' || next->p[-1] == '\'';
	return named ? cores_add(c, asks, COUNT(asks), p, m->arena, e) : 0;
}

/* What it does, by the verb, and what for. */
static int object_ask(struct cores *c, const struct maker *m, const struct statement *s, struct parts *p, struct err *e)
{
	static const char *const asks[] = {"what $X $S $v?", "can you tell me what $S $F?", "I need to know what $S $F."};
	static const char *const purpose[] = {"what $X $S used for?", "what $X $S for?", "what is the purpose of $S?"};
	const struct clause *k = &s->clause;
	const struct word *next = &s->w[k->verb + 1];
	if (k->verb + 2 >= s->n || !strcmp(PART(p, 'S'), names_subject(m->names)) || word_is_pronoun(&s->w[k->subject]))
		return 0;
	if (word_in(&s->w[k->verb], "is are") && word_is(next, "used"))
		return word_in(next + 1, "to for") ? cores_add(c, purpose, COUNT(purpose), p, m->arena, e) : 0;
	bool object = word_is_article(next) || word_is_symbol(next) ||
		(word_is_plain(next) && !word_is_function(next) && !(next->n > 4 && !memcmp(next->p + next->n - 2, "ly", 2)));
	if (k->auxiliary || !object || !strcmp(k->base, "have") || !strcmp(k->base, "become"))
		return 0;
	return cores_add(c, asks, COUNT(asks), p, m->arena, e);
}

int ask_statement(struct cores *c, const struct maker *m, const struct statement *s, struct err *e)
{
	const struct clause *k = &s->clause;
	struct parts p = {0};
	if (k->shape != CLAUSE_FULL || ask_is_tied(s))
		return 0;
	if (subject_parts(&p, m, s, e) < 0)
		return ERR_RESOURCE;
	PART(&p, 'F') = text_copy(m, words_text(s->w, k->subject_end, k->verb + 1), e);
	PART(&p, 'X') = k->auxiliary ? PART(&p, 'F') : PART(&p, 'Z');
	PART(&p, 'V') = k->auxiliary ? NULL : k->base;
	PART(&p, 'R') = text_copy(m, words_text(s->w, k->verb + 1, s->n), e);
	if (!PART(&p, 'F') || !PART(&p, 'R'))
		return ERR_RESOURCE;
	int rc = happening_ask(c, m, s, &p, e);
	if (k->lead)
		return rc;
	if (rc == 0)
		rc = subject_ask(c, m, s, &p, e);
	if (rc == 0)
		rc = copula_ask(c, m, s, &p, e);
	if (rc == 0)
		rc = object_ask(c, m, s, &p, e);
	if (rc == 0)
		rc = colour_ask(c, m, s, &p, e);
	return rc < 0 ? rc : circumstance_ask(c, m, s, &p, e);
}

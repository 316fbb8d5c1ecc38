/*
 * Finding subject and finite verb by closed word lists. English puts the finite verb behind the subject, so the first word
 * that can be one and does not belong to a relative clause or an infinitive is taken.
 */
#include "data/clause.h"

#include <ctype.h>
#include <string.h>

static const char openers[] = "for in on at during with by when if while after before until to since as without per once unless "
			      "from under within because "
			      "although though below above unlike";

static bool is_adverb(const struct word *w)
{
	return word_in(w, "also then only always never still already automatically") ||
		(word_is_plain(w) && w->n > 4 && !memcmp(w->p + w->n - 2, "ly", 2));
}

/* Can the word at j be the finite verb of a subject that starts at s? */
static bool is_finite(const struct word *w, size_t n, size_t s, size_t j, struct clause *c)
{
	const struct word *before = &w[j - 1];
	if (word_in(before, "that which who whose whom to"))
		return false;
	if (word_is_auxiliary(&w[j])) {
		c->auxiliary = !word_in(&w[j], "has have had") ||
			(j + 1 < n &&
				(word_in(&w[j + 1], "been not") ||
					(w[j + 1].n > 3 && !memcmp(w[j + 1].p + w[j + 1].n - 2, "ed", 2))));
		if (!c->auxiliary) {
			strcpy(c->base, "have");
			c->plural = word_is(&w[j], "have");
		}
		return !word_in(&w[j], "cannot be been being had");
	}
	if (word_is_article(before) || word_is_preposition(before) || isdigit((unsigned char)before->p[0]))
		return false;
	enum verb_form form = verb_form(&w[j], c->base);
	size_t noun = j - 1;
	while (noun > s && is_adverb(&w[noun]))
		noun--;
	if (form == VERB_NONE || (form == VERB_BASE && !word_is_plural(&w[noun]) && !word_is(&w[noun], "they")))
		return false;
	/* "The query results expire": a noun that looks like a verb, when a better verb follows. */
	char ignored[32];
	if (j + 1 < n && !w[j].stop &&
		(word_is_auxiliary(&w[j + 1]) ||
			(word_is_plural(&w[j]) && !word_is_plural(&w[j + 1]) && verb_form(&w[j + 1], ignored) == VERB_BASE)))
		return false;
	c->plural = form == VERB_BASE;
	return true;
}

/* first >= 1 */
static bool has_verb(const struct word *w, size_t first, size_t n)
{
	char base[32];
	for (size_t i = first; i < n; i++)
		if (word_is_auxiliary(&w[i]) || (verb_form(&w[i], base) == VERB_THIRD && !isdigit((unsigned char)w[i - 1].p[0])))
			return true;
	return false;
}

static bool is_request(const struct word *w, size_t n)
{
	char base[32];
	if (verb_form(&w[0], base) != VERB_BASE)
		return word_in(&w[0], "please let");
	return n < 2 || !(word_is_auxiliary(&w[1]) || verb_form(&w[1], base) == VERB_THIRD || word_in(&w[1], "and or"));
}

void clause_parse(const struct word *w, size_t n, struct clause *out)
{
	struct clause c = {.shape = CLAUSE_NONE};
	*out = c;
	if (n < 3)
		return;
	if (word_in(&w[0], openers)) {
		size_t k = 0;
		while (k < n && !w[k].stop)
			k++;
		if (k + 3 >= n) {
			out->shape = has_verb(w, 1, n) ? CLAUSE_FLAT : CLAUSE_NONE;
			return;
		}
		c.lead = k + 1;
	}
	c.subject = c.lead;
	size_t s = c.subject;
	c.pronoun = word_in(&w[s], "it they");
	if ((word_is_pronoun(&w[s]) && !c.pronoun && !word_in(&w[s], "this these that those")) ||
		(word_in(&w[s], "this these that those") &&
			(word_is_auxiliary(&w[s + 1]) || verb_form(&w[s + 1], c.base) == VERB_THIRD)) ||
		is_request(w + s, n - s))
		return;
	for (size_t j = s + 1; j < n; j++) {
		if (w[j - 1].stop) {
			c.subject_end = 0; /* a comma inside the subject */
			break;
		}
		if (!is_finite(w, n, s, j, &c))
			continue;
		c.verb = c.subject_end = j;
		while (c.subject_end > s + 1 && is_adverb(&w[c.subject_end - 1]))
			c.subject_end--;
		break;
	}
	c.shape = c.subject_end ? CLAUSE_FULL : has_verb(w, s + 1, n) && !c.pronoun ? CLAUSE_FLAT : CLAUSE_NONE;
	*out = c;
}

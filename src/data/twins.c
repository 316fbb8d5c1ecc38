/*
 * Statements that are the same but for one word. Whatever the word is, no model of the sentence is needed: that it has the same
 * words around it says that the same thing is spoken of. Reference: twins.h.
 */
#include "data/twins.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "data/shingle.h"
#include "data/text.h"

enum { WORDS_MIN = 5, TELLING = 4 };

/* A statement without one of its words. */
struct slot {
	uint64_t rest, own; /* of the other words, with the place of this one; of the word */
	size_t item;
};

struct slots {
	struct slot *p; /* mem_free */
	size_t n, cap;
};

static uint64_t word_hash(uint64_t hash, const struct word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->p[i] != ',') /* "1,000" is "1000" */
			hash = hash_step(hash, (uint64_t)tolower((unsigned char)w->p[i]));
	return hash_step(hash, ' ');
}

static bool word_has_digit(const struct word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (isdigit((unsigned char)w->p[i]))
			return true;
	return false;
}

static bool word_is_date(const struct word *w)
{
	return word_in(w,
		"monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays "
		"saturdays sundays january february march april june july august september october november december");
}

/* "is the default", "is the oldest version": true of one thing only. */
static bool says_only_one(const struct word *w, size_t n, size_t verb)
{
	if (verb + 2 >= n || !word_in(&w[verb], "is are") || !word_is(&w[verb + 1], "the"))
		return false;
	const struct word *k = &w[verb + 2];
	return word_in(k, "default only first last") || (k->n > 4 && !strncmp(k->p + k->n - 3, "est", 3));
}

/* May the statement be a contradiction of another with word i exchanged? `verb`: its first verb. */
static bool slot_counts(const struct word *w, size_t n, size_t i, size_t verb)
{
	if (i < verb)
		return says_only_one(w, n, verb) && !word_is_function(&w[i]);
	return i > verb && (word_has_digit(&w[i]) || word_is_date(&w[i]));
}

/* Do the other words say what is spoken of, or would a heading have to ("The default length is 4 metres.")? A name does. */
static bool is_telling(const struct names *names, const struct word *w, size_t n, size_t slot)
{
	size_t telling = 0;
	for (size_t i = 0; i < n; i++) {
		if (i == slot || word_is_function(&w[i]))
			continue;
		if (names && names_has(names, &w[i]))
			return true;
		telling++;
	}
	return telling >= TELLING;
}

static int item_slots(struct slots *out, const struct names *names, const struct item *it, size_t number, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	char base[32];
	size_t n = words_split((struct str){it->answer, strlen(it->answer)}, w), verb = 0;
	while (verb < n && !word_is_auxiliary(&w[verb]) && verb_form(&w[verb], base) != VERB_THIRD)
		verb++;
	for (size_t i = 0; n >= WORDS_MIN && verb < n && i < n; i++) {
		struct slot s = {.rest = HASH_START, .own = word_hash(HASH_START, &w[i]), .item = number};
		if (!slot_counts(w, n, i, verb) || !is_telling(names, w, n, i))
			continue;
		for (size_t k = 0; k < n; k++)
			s.rest = k == i ? hash_step(s.rest, 0) : word_hash(s.rest, &w[k]);
		if (mem_reserve(&out->p, out->n, &out->cap, sizeof *out->p, e))
			return ERR_RESOURCE;
		out->p[out->n++] = s;
	}
	return 0;
}

static int by_rest(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	if (x->rest != y->rest)
		return x->rest < y->rest ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static bool is_known(const struct contradictions *c, const struct items *items, size_t a, size_t b)
{
	const char *x = items->p[a].answer, *y = items->p[b].answer;
	for (size_t i = 0; i < c->n; i++) {
		const char *u = items->p[c->p[i].a].answer, *v = items->p[c->p[i].b].answer;
		if ((!strcmp(u, x) && !strcmp(v, y)) || (!strcmp(u, y) && !strcmp(v, x)))
			return true;
	}
	return false;
}

/* The slots [0, n) of one rest, in the order of the items. Three and more words make a series: charts, versions, plans. */
static int rest_pairs(struct contradictions *out, const struct items *items, const struct slot *s, size_t n, struct err *e)
{
	size_t other = 0;
	for (size_t i = 1; i < n; i++)
		if (s[i].own != s[0].own) {
			if (other && s[i].own != s[other].own)
				return 0;
			other = other ? other : i;
		}
	if (!other || !items_may_contradict(&items->p[s[0].item], &items->p[s[other].item]) ||
		is_known(out, items, s[0].item, s[other].item))
		return 0;
	if (mem_reserve(&out->p, out->n, &out->cap, sizeof *out->p, e))
		return ERR_RESOURCE;
	out->p[out->n++] = (struct contradiction){s[0].item, s[other].item, 1, SETTLED_NOT};
	return 0;
}

int twins_find(struct contradictions *out, const struct items *items, const struct names *names, struct err *e)
{
	struct slots s = {0};
	int rc = 0;
	for (size_t i = 0; i < items->n && !rc; i++) {
		const struct item *it = &items->p[i];
		if (it->document && (item_is_fact(it) || it->kind == ITEM_STATEMENT))
			rc = item_slots(&s, names, it, i, e);
	}
	if (!rc && s.n)
		qsort(s.p, s.n, sizeof *s.p, by_rest);
	for (size_t i = 0, end; i < s.n && !rc; i = end) {
		for (end = i + 1; end < s.n && s.p[end].rest == s.p[i].rest; end++)
			;
		rc = rest_pairs(out, items, s.p + i, end - i, e);
	}
	mem_free(s.p);
	return rc;
}

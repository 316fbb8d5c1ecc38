/*
 * Private to data: what people ask when a statement is the answer. The questions of fact.c move the parts of the sentence; these
 * are chosen by what its value means (how long, how big, what it costs, what it is called) and by what is done, and say "it" of
 * something that a sentence before has named.
 */
#ifndef ATTUNE_DATA_ASK_H
#define ATTUNE_DATA_ASK_H

#include "data/atom.h"
#include "data/clause.h"
#include "data/phrase.h"

struct statement {
	const char *text;
	struct span span;
	struct word w[SENTENCE_WORDS];
	size_t n;
	struct clause clause;
};

/* Does it start with a word that ties it to the statement before ("So", "Thus")? Nobody asks that way. */
static inline bool ask_is_tied(const struct statement *s)
{
	return word_in(&s->w[s->clause.subject],
		"so but thus then hence however therefore otherwise also instead consequently yet still and or though");
}

/*
 * Where a value stands behind the verb: words [start, value) are its preposition or "every", [value, of) what is asked for with
 * what hangs on it ("of memory"), and the question ends at `end`.
 */
struct slot {
	size_t start, of, end;
	bool preposed, often;
};
/* False when the value cannot move to the front of a question. */
bool slot_find(struct slot *out, const struct statement *s, const struct atom *a);

/* Appends questions for the value; `what` asks for it ("how many hours"). Nothing when the structure is not clear. */
int ask_value(
	struct cores *c, const struct maker *m, const struct statement *s, const struct atom *a, const char *what, struct err *e);

/* Appends questions for who or what does it, where, why and of what colour. */
int ask_statement(struct cores *c, const struct maker *m, const struct statement *s, struct err *e);

#endif

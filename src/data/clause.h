/*
 * Private to data: who does what in a statement, enough to turn it into a question.
 */
#ifndef ATTUNE_DATA_CLAUSE_H
#define ATTUNE_DATA_CLAUSE_H

#include "data/text.h"

enum clause_shape {
	CLAUSE_NONE, /* not a statement with a subject of its own: a request, a question, "there is", "you", no verb */
	CLAUSE_FLAT, /* a statement whose parts are not clear: only its value can be asked for in place */
	CLAUSE_FULL
};

/* Words [0, lead) "On the Grove plan,"; [subject, subject_end); adverbs; the finite verb at `verb`. */
struct clause {
	enum clause_shape shape;
	size_t lead, subject, subject_end, verb;
	bool auxiliary; /* is, can, has been: moves in front of the subject in a question; otherwise do or does takes its place */
	bool plural;    /* of a full verb */
	bool pronoun;   /* the subject is "it" or "they" */
	char base[32];  /* of a full verb */
};
void clause_parse(const struct word *w, size_t n, struct clause *out);

#endif

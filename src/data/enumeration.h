/*
 * Private to data: what the documents list completely, and names of the same kind that they never mention.
 */
#ifndef ATTUNE_DATA_ENUMERATION_H
#define ATTUNE_DATA_ENUMERATION_H

#include "data/corpus.h"
#include "data/text.h"

/* A kind of things with names. Lists of names are separated by |, other spellings of one name stand behind /. */
struct category {
	const char *label;   /* nouns for a member, separated by spaces; NULL: members are known by their names alone */
	const char *where;   /* how a question is put to one: "on $O", where O is the name and K the label */
	const char *outside; /* names that may be asked for where the documents do not know them */
	const char *inside;  /* more names by which a list is recognised */
	bool modifies;       /* stands in front of what is made of it: "a CSV export" */
};

enum { MEMBERS_MAX = 12 };

struct enumeration {
	const struct category *category;
	const char *noun; /* what one member is called: "plan"; NULL where only a sentence lists them */
	const char *member[MEMBERS_MAX];
	size_t n;
	const char *says;      /* the sentence that lists them */
	const char *subject;   /* of that sentence, when it says that there is no other; else NULL */
	bool disputed;         /* two tables disagree */
	const char *strangers; /* names of the kind that no document mentions in any of their spellings, separated by | */
	const struct document *document;
	const struct section *section;
	struct span span;
};

struct enumerations {
	struct enumeration *p; /* mem_free */
	size_t n, cap;
};

/* Is the item's answer a statement of a page, and the item the first of those that give it? They stand next to each other. */
bool items_states(const struct items *v, size_t i);

/* From the tables, lists of steps and statements of trained pages. Strings in m->arena. */
int enumerations_find(struct enumerations *out, const struct maker *m, const struct document *d, size_t n, struct err *e);

/* One of the strangers, in the arena; NULL without an error: there is none. */
int enumeration_outsider(const char **out, const struct enumeration *s, struct rng *r, struct arena *a, struct err *e);

/* Does any document hold the words, as whole words, in whatever case? */
bool documents_mention(const struct document *d, size_t n, struct str words);

#endif

/* Private to data: questions about what a list of the documents leaves out, and the same about what it holds. */
#ifndef ATTUNE_DATA_OUTSIDER_H
#define ATTUNE_DATA_OUTSIDER_H

#include "data/enumeration.h"

/* Appends denials and their twins, made from the items so far. */
int outsiders_make(struct maker *m, const struct document *d, size_t n, struct err *e);

/* ---- what outsider.c and grant.c share -------------------------------------------------------------------------------------- */

/* A question with a false premise and the same with a true one. */
struct pair {
	const char *asked, *answer;
	const char *twin, *twin_answer, *twin_value; /* twin NULL: a fact asks it anyway */
	const struct enumeration *from;
	const struct item *fact; /* whose place the twin names; NULL: that of the list */
};

/* An item by its document. */
struct place {
	const struct document *document;
	size_t item;
};

/* A question that may be asked of something else: of an item that is asked to know something, and of no list's member. */
struct plain_core {
	size_t item;
	const char *core;
};

struct outsiders {
	struct maker *m;
	const struct document *d;
	size_t n_documents, n_items; /* the items that were there before */
	struct enumerations lists;
	struct place *place;      /* mem_free; [n_items], by document and number */
	struct plain_core *plain; /* mem_free; by item */
	size_t n_plain, cap_plain;
	struct pair *pair; /* mem_free */
	size_t n, cap, of_set;
	struct rng rng;
};

/* Keeps the pair, unless its list has enough of them. */
int outsiders_add(struct outsiders *o, const struct pair *p, struct err *e);

/* *out = a name that no document mentions, or NULL; the middle of a question with O the name and K the noun; the answer "No, ...". */
int outsiders_choose(struct outsiders *o, const char **out, const struct enumeration *s, struct err *e);
int outsiders_fill(const struct outsiders *o, const char **out, const char *pattern, const struct enumeration *s, const char *name,
	struct err *e);
int outsiders_deny(const struct outsiders *o, const char **out, const struct enumeration *s, const char *name, struct err *e);

/* The text with its bytes [place, place + n) replaced; NULL with `e` filled. */
const char *outsiders_replace(
	const struct outsiders *o, const char *text, const char *place, size_t n, const char *by, struct err *e);

/* The one member that the core names, as the list writes it, behind the first word: its place, or NULL. */
const char *enumeration_place(const struct enumeration *s, const char *core, const char **member);
/* Neither a list of words nor a sentence with a gap. */
bool question_is_whole(const char *core);
/* Does it start as a question and end as one, so that more words may follow? */
bool question_is_plain(const char *core);
bool item_asks_to_know(const struct item *it);

/* grant.c: pairs of a statement that grants something to members, of a list that says it is complete, of a question for a format. */
int grants_open(struct outsiders *o, struct err *e); /* before the others: fills `plain` */
int outsiders_granted(struct outsiders *o, const struct enumeration *s, const struct item *statement, struct err *e);
int outsiders_only(struct outsiders *o, const struct enumeration *s, struct err *e);
int outsiders_made_as(struct outsiders *o, const struct enumeration *s, const struct item *it, struct err *e);

#endif

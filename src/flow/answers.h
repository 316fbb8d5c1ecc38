/* Private to flow: questions put to a model, judged. */
#ifndef ATTUNE_FLOW_ANSWERS_H
#define ATTUNE_FLOW_ANSWERS_H

#include "flow/flow.h"

/* A line of a questions file: {"id", "question", "answers":[accepted text...]}; other keys are kept. */
struct questions {
	json_t *list; /* array of the objects */
	size_t n;
	char sha256[65];
};
/* An absent file gives no questions. */
int questions_read(struct questions *q, const char *path, struct err *e);
void questions_release(struct questions *q);

/*
 * Does the answer hold an accepted value as a whole? Case and white space do not count; "18 seconds" is in neither "118
 * seconds" nor "18 secondsx", and "1.5 GB" does not hold "5 GB".
 */
bool answer_holds(const char *answer, const char *accepted);
bool answer_is_right(const char *answer, const json_t *question);

struct answers_job {
	const struct questions *questions;
	const struct model *model;
	const struct lora *lora; /* NULL: the base */
	const char *label;       /* for the progress line */
	const char *path;        /* the JSONL file to write */
	const char *key;         /* what the answers depend on, besides the questions */
	const volatile sig_atomic_t *stop;
};
/* Reads answers from the file into *out (array of objects, caller decrefs) when they belong to the key; else *out = NULL. */
int answers_load(const struct answers_job *a, json_t **out, struct err *e);
/* Asks every question, greedily and each on its own, writes the file whole and gives its objects. */
int answers_make(const struct answers_job *a, json_t **out, struct err *e);

#endif

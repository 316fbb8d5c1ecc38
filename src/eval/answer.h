/* Private to eval: questions put to a model. */
#ifndef ATTUNE_EVAL_ANSWER_H
#define ATTUNE_EVAL_ANSWER_H

#include "eval/prompt.h"
#include "eval/question.h"
#include "search/search.h"

struct answer_job {
	const struct questions *questions;
	const char *path; /* answers-NAME.jsonl */
	const char *key;  /* what the answers depend on, besides the text of the questions */
};

/*
 * The longest run of lines, from the first, that answer the questions in their order under this key, as an array of objects (caller
 * decrefs) that hold the questions as they are asked now. What follows, a torn line too, is left out. An absent file gives none.
 */
int answers_load(json_t **out, const struct answer_job *j, struct err *e);

/* Who answers, and from what. */
struct answerer {
	const struct model *model;
	const struct lora *lora;         /* NULL: the base */
	struct search *search;           /* finds the passages; NULL: none */
	const struct evidence *evidence; /* objects to questions; NULL: nothing does */
	const struct prompt *prompt;     /* stands in front of each question */
	struct sampling sampling;
	const char *label;                 /* for people */
	const volatile sig_atomic_t *stop; /* may be NULL */
};

/* Asks what is not answered yet, each on its own; a line is in the file as soon as its answer and those before are made. */
int answers_make(const struct answer_job *j, const struct answerer *by, struct err *e);

/* Takes the answers from a file of {"id", "text"} in any order. ERR_DATA names a question without an answer, and a line that is none. */
int answers_import(const struct answer_job *j, const char *from, struct err *e);

#endif

/* Private to eval: the questions file. */
#ifndef ATTUNE_EVAL_QUESTION_H
#define ATTUNE_EVAL_QUESTION_H

#include "data/data.h"
#include "eval/eval.h"

/* Texts are borrowed from `json`, the line as it stands in the file. */
struct question {
	const json_t *json;
	const char *id, *text, *source; /* source: "" when the line has none */
	const char *reference;          /* what a person would send; NULL when the line has none */
	bool false_premise;
	bool is_twin;          /* of a false premise: measures over-refusal and nothing else */
	bool overlap;          /* shares eight words in a row with what was trained on; set by overlap_find */
	size_t leak;           /* the line of train.jsonl that has the question, whole or nearly; 0: none; set by overlap_find */
	bool unseen;           /* its source was held out of training; set by strata_read */
	const char **accepted; /* [n_accepted]; of a false premise: corrections */
	size_t n_accepted;
	struct values *values; /* [n_accepted] of the accepted texts */
	const char **must_not; /* [n_must_not]; what people took out of an answer and must not come back */
	size_t n_must_not;
	struct values *must_not_values; /* [n_must_not] */
	struct values in_question;      /* a value that the question names competes with nothing */
};

struct questions {
	struct question *p;
	size_t n;
	json_t *list;
	struct arena arena;
};
/* An absent file gives no questions. Release after failure too. */
int questions_read(struct questions *q, const char *path, struct err *e);
void questions_release(struct questions *q);

/* Sets `unseen` where manifest.json marks all documents of the source so. No manifest: everything is known. */
int strata_read(struct questions *q, const char *data, struct err *e);

/*
 * overlap.c: sets `overlap` and `leak` from the users' messages, prompts and texts of train.jsonl in the folder `data`; an absent file shares
 * nothing. Nearly: four of five of the question's three-word windows stand in one text.
 */
int overlap_find(struct questions *q, const char *data, struct err *e);
size_t leaks_count(const struct questions *q);
/* ERR_DATA, with the first of them, when more than half of the questions leak; fewer are left out. `path` is the questions'. */
int leaks_check(const struct questions *q, const char *path, const char *data, struct err *e);

/* Does the question count in EVAL_KNOWN or EVAL_UNSEEN? */
static inline bool question_is_ordinary(const struct question *q)
{
	return !q->false_premise && !q->is_twin;
}

#endif

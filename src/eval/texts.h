/* Private to eval: how well a model predicts texts. */
#ifndef ATTUNE_EVAL_TEXTS_H
#define ATTUNE_EVAL_TEXTS_H

#include "eval/eval.h"

/* general.txt: a paragraph a line, put into the program when it is built. */
extern const char eval_general_text[];

enum { TEXTS_UNSEEN_BYTES = 24 << 10 }; /* of held-out documents; of more, evenly spread texts are taken */

/*
 * A text and the bits that its tokens cost. The first token of a piece is given where the model knows no BOS: neither its bits nor its
 * bytes count, and an end token is never scored. A text longer than a piece is scored piece by piece.
 */
struct text {
	bool general;
	const char *source; /* the document, or the number of the paragraph */
	const char *p;      /* [n]; not filled by texts_load */
	size_t n;
	size_t bytes;
	double bits;
};
struct texts {
	struct text *p;
	size_t n, cap;
	struct arena arena; /* owns the strings */
};
void texts_release(struct texts *t);

/* Hashes what would be scored: the general text and unseen.jsonl in the folder `data`, which may be absent. */
int texts_hash(char hex[65], const char *data, struct err *e);

struct texts_job {
	const char *data, *path, *key;
	const char *label; /* for the progress line */
	const struct model *model;
	const struct lora *lora;
	const volatile sig_atomic_t *stop;
};
/* Scores everything and writes the file whole, unless it is there under this key. */
int texts_make(const struct texts_job *j, struct err *e);

/* Reads the file; n = 0 when it was not made under this key. Release after failure too. */
int texts_load(struct texts *out, const char *path, const char *key, struct err *e);

#endif

/* Private to eval: both arms side by side. */
#ifndef ATTUNE_EVAL_COMPARE_H
#define ATTUNE_EVAL_COMPARE_H

#include "eval/question.h"
#include "eval/judge.h"
#include "eval/texts.h"
#include "eval/wording.h"

enum { ARMS = 2 };

/* What the axes are called and which way is good. */
struct axis {
	const char *key, *name;
	enum { HIGHER, LOWER, NEITHER } better;
	enum { SHARE, BITS } unit;
};
extern const struct axis axes[EVAL_AXES];

/* "better", "worse", "cannot tell": what the interval of a change says; "" when nothing was measured. */
const char *axis_reading(enum eval_axis a, const struct eval_line *l);

/* One question and what the arms made of it. */
struct record {
	const struct question *q;
	const char *text[ARMS];
	struct judgement judged[ARMS];
	bool overlap;
};
/* Neither refused nor corrected. */
static inline bool record_accepts(const struct record *r, int arm)
{
	return !r->judged[arm].right && !r->judged[arm].refused;
}

struct comparison {
	const struct eval_job *job;
	const struct eval_arm *arms; /* [ARMS] */
	struct questions questions;
	struct record *record; /* [questions.n] */
	json_t *answers[ARMS];
	struct texts texts[ARMS];
	struct terms terms;
	struct arena arena;
	struct eval_estimate general;     /* tuned / base - 1 of bits per byte on general text, with its interval */
	struct eval_estimate twins[ARMS]; /* answered right */
	double terms_per_100_words[ARMS]; /* preferred and forbidden: who uses no terms cannot use a wrong one */
	const char *constant;             /* the text of result.constant; NULL without questions */
	struct eval_result *result;
};

/* overlap.c: sets record.overlap from the users' contents of train.jsonl; an absent file shares nothing. */
int overlap_find(struct comparison *c, struct err *e);
/* verdict.c: fills worth_it and verdict. */
int verdict_fill(struct comparison *c, struct err *e);
/* result.c: appends eval.json. */
int result_write(const struct comparison *c, struct buf *out, struct err *e);
/* report.c: appends report.html. */
int report_write(const struct comparison *c, struct buf *out, struct err *e);

#endif

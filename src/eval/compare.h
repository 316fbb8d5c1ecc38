/* Private to eval: the arms side by side. */
#ifndef ATTUNE_EVAL_COMPARE_H
#define ATTUNE_EVAL_COMPARE_H

#include "data/data.h"
#include "eval/arm.h"
#include "eval/question.h"
#include "eval/judge.h"
#include "eval/stats.h"
#include "eval/texts.h"
#include "eval/wording.h"

/* What the axes are called and which way is good. */
struct axis {
	const char *key, *name;
	enum { HIGHER, LOWER, NEITHER } better;
	enum { SHARE, RATE, BITS } unit; /* of things counted, of 1, bits per byte */
};
extern const struct axis axes[EVAL_AXES];

/*
 * What the change of an arm from the first says: "better" (the interval excludes 0, and Holm's p is below 0.05), "worse" (the interval excludes
 * 0), "cannot tell"; "void" in place of "better" for answers of an unsound arm; "" when nothing was measured.
 */
const char *axis_reading(const struct eval_result *r, enum eval_axis a, size_t arm);

/* One question and what the arms made of it. */
struct record {
	const struct question *q;
	const char *text[EVAL_ARMS_MAX];
	struct judgement judged[EVAL_ARMS_MAX];
	struct wording wording[EVAL_ARMS_MAX];
	size_t violations[EVAL_ARMS_MAX];             /* of style, as lint finds them; none where the data folder has no sections */
	struct evidence_claims claims[EVAL_ARMS_MAX]; /* of the text; none where the data folder has no sections */
	size_t edits[EVAL_ARMS_MAX], reference_words; /* to and of the question's reference, if it has one */
	double chrf[EVAL_ARMS_MAX];
	size_t windows[EVAL_ARMS_MAX],
		verbatim[EVAL_ARMS_MAX]; /* eight words in a row of the answer; those that the documents have too */
	double agreement[EVAL_ARMS_MAX], sampled_style[EVAL_ARMS_MAX]; /* of the samples; see `sampled` */
	bool copies[EVAL_ARMS_MAX]; /* the answer is a passage, 30 words of it in a row, or the question again */
};
/* Neither refused nor corrected. */
static inline bool record_accepts(const struct record *r, size_t arm)
{
	return !r->judged[arm].right && !r->judged[arm].refused;
}

static inline size_t record_unsupported(const struct record *r, size_t arm)
{
	size_t n = 0;
	for (size_t i = 0; i < r->claims[arm].n; i++)
		n += !r->claims[arm].p[i].supported;
	return n;
}

/* What people say of when training is worth it, or a prompt enough, and whether it is so here. */
enum advice_holds { ADVICE_UNKNOWN, ADVICE_YES, ADVICE_NO, ADVICE_ANSWERS };
extern const char *const advice_names[ADVICE_ANSWERS]; /* "cannot tell", "yes", "no" */
struct advice {
	const char *point;
	bool for_training; /* else for a prompt */
	enum advice_holds holds;
	char why[256]; /* with the figures */
};
enum { ADVICE_MAX = 7 };

struct comparison {
	const struct eval_job *job;
	const struct eval_arm *arms; /* [n_arms] */
	size_t n_arms;
	struct questions questions;
	struct record *record; /* [questions.n], those that leaked last */
	size_t n_counted;      /* records before these: what axes and guards are made of */
	json_t *answers[EVAL_ARMS_MAX];
	char answers_key[EVAL_ARMS_MAX][65]; /* what they were made from */
	struct texts texts[EVAL_ARMS_MAX];   /* of arms asked alone */
	struct terms terms;
	struct arena arena;
	bool has_evidence;                         /* the data folder has sections */
	bool sampled[EVAL_ARMS_MAX];               /* the ordinary questions were asked many times */
	struct eval_estimate general;              /* tuned / base - 1 of bits per byte on general text, with its interval */
	struct eval_estimate twins[EVAL_ARMS_MAX]; /* answered right */
	double terms_per_100_words[EVAL_ARMS_MAX]; /* preferred and forbidden: who uses no terms cannot use a wrong one */
	struct eval_estimate refuses[EVAL_ARMS_MAX], copies[EVAL_ARMS_MAX]; /* of what can be answered; of all answers */
	double verbatim[EVAL_ARMS_MAX]; /* of the answers' eight words in a row those that the documents have too */
	double violations_per_100_words[EVAL_ARMS_MAX];
	double claims_per_answer[EVAL_ARMS_MAX]; /* who says nothing claims nothing unsupported */
	const char *constant;                    /* the text of result.constant; NULL without questions */
	size_t document_bytes;                   /* of all sections */
	size_t trained, untrained;               /* the best arm of each kind, set by verdict_fill */
	struct advice advice[ADVICE_MAX];
	size_t n_advice;
	struct eval_result *result;
};

/* Which part of the answers is the product's and not the model's, for people. */
#define EVAL_OBJECTIONS                                                                                                     \
	"With the adapter or passages attune itself begins the answer with \"No, ...\" where a question takes for granted " \
	"what no document says; an exported adapter in another program does not."

/* The change from one arm to another, paired, of an axis of answers (those in front of EVAL_UNSEEN_TEXT). */
int axis_change(const struct comparison *c, enum eval_axis a, size_t from, size_t to, struct stats_paired *out, struct err *e);

/* The sound arm without training that is best on an axis of which more is better; else the first. */
size_t untrained_best(const struct comparison *c, enum eval_axis a);

/* axes.c: fills the axes and guards of the result. */
int axes_measure(struct comparison *c, struct err *e);
/* verbatim.c: what the answers share with the documents and with their questions; fills windows, verbatim, copies of the records. */
int verbatim_fill(struct comparison *c, struct err *e);
/* verdict.c: fills best, worth_it and verdict. */
int verdict_fill(struct comparison *c, struct err *e);
/* advice.c: fills the advice and the break-even of the result. */
int advice_fill(struct comparison *c, struct err *e);
/* result.c: appends eval.json. */
int result_write(const struct comparison *c, struct buf *out, struct err *e);
/* report.c: appends report.html. */
int report_write(const struct comparison *c, struct buf *out, struct err *e);

#endif

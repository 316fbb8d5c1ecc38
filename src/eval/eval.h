/*
 * eval: what a model knows and how it speaks, before and after training, on questions and texts that nobody trained on.
 *
 *   questions  the sealed questions file
 *   answers    every question put to an arm, greedily and each on its own, kept on disk
 *   judge      right or wrong, accepted or refused, by the words of the answer alone
 *   texts      bits per byte on unseen documents and on the bundled general text
 *   wording    preferred and forbidden terms
 *   edit       how near an answer is to a person's: TER, chrF
 *   stats      Wilson intervals, paired bootstrap clustered by source document, McNemar, Holm
 *   consistency  whether a question asked many times gets the same answer
 *   overlap    questions that were trained on; verbatim: answers that copy
 *   advice     the usual arguments for training and for a prompt, and the break-even
 *   report     eval.json, report.html, the verdict
 *   forecast   before training: what it could add; reserved: questions for who has none
 *
 * An arm is a way to answer: the base model or the model with its adapter, asked alone, behind a prompt, or with the passages in front that
 * retrieval finds; or whoever answers today, a hosted model or people, from a file.
 */
#ifndef ATTUNE_EVAL_H
#define ATTUNE_EVAL_H

#include <signal.h>

#include "base/base.h"
#include "model/model.h"

/*
 * Translation edit rate: the fewest words to insert, delete, replace or, a run of up to ten at a time, move, that make the reference of the
 * answer, as tercom searches for them; the rate is *n_edits / *n_words, of several pairs the sum over the sum. *n_words: of the reference.
 * Words stand between white space, case does not count. Snover et al., "A Study of Translation Edit Rate with Targeted Human Annotation",
 * AMTA 2006; sacrebleu's TER|case:lc|tok:tercom|norm:no|punct:yes|asian:no. HTER is the same of a draft and what its editor made of it. Texts
 * are UTF-8; ERR_DATA for one of more than EVAL_TER_WORDS words.
 */
enum { EVAL_TER_WORDS = 2048 };
int eval_ter(const char *answer, const char *reference, size_t *n_edits, size_t *n_words, struct err *e);

/*
 * A gain in a share that is too small to train for, and so a loss that a gain elsewhere may cost; set before anything was measured. Fewer cases
 * cannot tell it: of EVAL_FEW without one in which the arms differ, fewer than EVAL_LITTLE of all do (3 / n, 95 %).
 */
#define EVAL_LITTLE 0.1
enum { EVAL_FEW = 30 };

/* What training is weighed against. */
struct eval_costs {
	double answers_a_month;
	double setup_hours;  /* people's, once */
	double upkeep_hours; /* people's, a month: review, training again, maintenance */
};
#define EVAL_COSTS_DEFAULT                                                    \
	{                                                                     \
		.answers_a_month = 1000, .setup_hours = 16, .upkeep_hours = 4 \
	}

struct eval_job {
	/*
	 * JSONL: {"id", "question", "answers":[accepted text...], "source":"plans.md", "false_premise":true, "twin":"id", "reference":text}, the
	 * last four optional. A reference is what a person would send. A false premise asks about something that is not so; its answers are corrections that count besides a
	 * refusal; its twin is a question of the same form that can be answered. An absent file gives no questions.
	 */
	const char *questions;
	const char *data; /* what data_curate writes: unseen.jsonl, terms.yaml, train.jsonl, manifest.json */
	const char *out;  /* made if absent */
	const struct model *model;
	const struct embedder *embedder;    /* for arms with passages; may be NULL */
	const char *model_name, *model_key; /* for people; what the weights are, as a hash */
	const char *loss_svg;               /* shown in the report; may be NULL or absent */
	double train_seconds;
	size_t train_tokens;
	struct eval_costs costs;
	bool consistency; /* every ordinary question is also asked in five wordings with three seeds: fifteen times the answers */
	const volatile sig_atomic_t *stop; /* may be NULL */
};

/* What stands in front of a question. */
enum eval_context {
	EVAL_ALONE,  /* nothing; of the adapter, an answer begins with evidence_objection's where the data folder gives one */
	EVAL_PROMPT, /* terms, style and a few answered questions of the data folder: EVAL_PROMPT_FILE */
	EVAL_PASSAGES, /* the passages that search finds for it in the data folder, held-out documents too; fewer where the context is short */
	EVAL_IMPORTED /* nothing is asked: somebody else has answered */
};

/*
 * In job.out: {"messages":[...]} to put in front of questions, which `attune chat --prompt` takes too, and "tried": the prompts that it was
 * chosen from.
 */
#define EVAL_PROMPT_FILE "prompt.json"

enum { EVAL_ARMS_MAX = 8 };

struct eval_arm {
	const char *name;        /* "base", "tuned": in file names and in the report */
	const struct lora *lora; /* NULL: the base */
	const char *key;         /* what the adapter is, as a hash; "" for the base */
	enum eval_context context;
	const char *answers; /* EVAL_IMPORTED: JSONL, {"id", "text"} for every question */
};

/*
 * Answers every question and, asked alone, scores every text, unless the folder holds that already, made from the same model, adapter,
 * prompt, passages and questions:
 *
 *   answers-NAME.jsonl  the questions with "text", "finish_reason", "n_tokens", "key"
 *   samples-NAME-N.jsonl  with job.consistency, for the seeds 1 to 3: the same of the questions in other words, "wording" 1 to 5
 *   texts-NAME.jsonl    {"set":"unseen"|"general", "source", "bytes", "bits", "key"}
 *
 * ERR_STOPPED after job.stop; what was answered so far is kept and a rerun goes on behind it, with the same bytes in the end.
 */
int eval_arm_run(const struct eval_job *j, const struct eval_arm *arm, struct err *e);

/* A share with its Wilson interval (95 %), or a mean with its bootstrap interval. n = 0: nothing was measured. */
struct eval_estimate {
	size_t k, n; /* k: of a share */
	double value, low, high;
};

/* k of n with Wilson's score interval (95 %); n = 0 gives NaN. Wilson, JASA 22 (1927). */
struct eval_estimate eval_share(size_t k, size_t n);
/* {"k", "n", "value", "low", "high"}, null for what was not measured. The caller decrefs. */
json_t *eval_estimate_json(const struct eval_estimate *s);

/* What the editing of one draft adds to a rate; drafts of one cluster (below n_clusters) are drawn together. */
struct eval_edits {
	size_t cluster, n_edits, n_words; /* as eval_ter counts them */
	bool now;                         /* of the set that is measured, not of the one before */
};
/*
 * HTER of the drafts that are `now`, and its change from that of the others, which may be none; intervals by the bootstrap of stats.h. What cannot be
 * told is NaN.
 */
int eval_hter(const struct eval_edits *item, size_t n, size_t n_clusters, struct eval_estimate *now, struct eval_estimate *change,
	struct err *e);

/* What one question adds to a ratio of sums; those of one cluster (below n_clusters) are drawn together. */
struct eval_part {
	size_t cluster;
	double top, bottom;
};
/* The sum of `top` over that of `bottom`, with the interval of stats.h; NaN where there is none. */
int eval_ratio(const struct eval_part *part, size_t n, size_t n_clusters, struct eval_estimate *out, struct err *e);

enum eval_axis {
	EVAL_KNOWN,         /* questions on trained documents answered right */
	EVAL_UNSEEN,        /* questions on documents that were held out: a gain is a leak */
	EVAL_FALSE_PREMISE, /* false premises accepted: lower is better */
	EVAL_OVER_REFUSAL,  /* twins refused: lower is better */
	EVAL_TERMS,         /* preferred / (preferred + forbidden) terms that the question does not name */
	EVAL_STYLE,         /* answers that say something and break no rule of style, the guide's or a general one of lint */
	EVAL_UNSUPPORTED, /* values and names in answers that the documents do not say of the same thing, of all: lower is better */
	EVAL_TER,         /* edits that make the reference of the answer, of the words of the references: lower is better */
	EVAL_CHRF,        /* likeness to the reference, character by character; the mean over answers */
	EVAL_CONSISTENCY, /* of 15 answers to one question, in other words and by chance, the pairs that say the same; the mean over questions */
	EVAL_SAMPLED_STYLE, /* of these answers those that EVAL_STYLE counts */
	EVAL_UNSEEN_TEXT,   /* bits per byte on held-out documents: lower is better */
	EVAL_GENERAL_TEXT,  /* bits per byte on general text: lower is better */
	EVAL_AXES
};

/* Per arm; what does not apply to one (texts, of arms with passages) has n = 0. */
struct eval_line {
	struct eval_estimate arm[EVAL_ARMS_MAX];
	struct eval_estimate change[EVAL_ARMS_MAX]; /* against arm 0, paired */
	double p[EVAL_ARMS_MAX];    /* McNemar's exact test of the change for shares of the same questions, else NaN */
	double holm[EVAL_ARMS_MAX]; /* the bootstrap's p of the change, corrected for the number of axes by Holm's method */
	double detectable
		[EVAL_ARMS_MAX]; /* the smallest change that these data would tell, 5 % level, 80 % power; NaN: none varies */
};

struct eval_result {
	size_t n_arms;
	const char *name[EVAL_ARMS_MAX]; /* of the arms, borrowed from them */
	struct eval_line axis[EVAL_AXES];
	const char *unsound
		[EVAL_ARMS_MAX]; /* "refuses", "copies": what half of an arm's answers do, so that no gain counts; else NULL */
	struct eval_estimate all[EVAL_ARMS_MAX]; /* known and unseen questions together */
	struct eval_estimate constant;           /* the best single answer given to every question */
	struct eval_estimate overlap;            /* questions that share 8 words in a row with a training row */
	double bpb_general_ratio;                /* tuned / base - 1 */
	bool objects;                            /* questions to the adapter and with passages were held to the documents */
	size_t best;                             /* the arm that the verdict recommends; 0: the base as it is */
	bool worth_it;                           /* training is: it beats the best arm without it */
	double minutes_saved; /* an answer, by the best arm with training against the best without; NaN: not measured */
	double hours_a_month; /* saved, less upkeep */
	double months;        /* until setting up is paid for; INFINITY: never */
	char break_even[512]; /* the same as a sentence; "" when not measured */
	char verdict[1024];   /* a few sentences for a person */
};

/*
 * Reads the files of n_arms arms, 2 to EVAL_ARMS_MAX, compares them and writes eval.json and report.html into j->out. The first is the
 * base alone; one of the others is the model with its adapter alone.
 */
int eval_compare(const struct eval_job *j, const struct eval_arm *arms, size_t n_arms, struct eval_result *out, struct err *e);

/*
 * Gates, "known>=0.6,rag.false_premise<=0.3": [ARM.]AXIS, >= or <=, and a number; AXIS is a key of eval.json's axes or "retention", what
 * general text got worse by; without ARM the adapter alone, and retention is of no other. ERR_USAGE when the text is none, said before anything
 * is computed.
 */
int eval_gates_check(const char *gates, const struct eval_arm *arms, size_t n_arms, struct err *e);
/* ERR_GATE names all that do not hold; what was not measured does not. */
int eval_gates_hold(const char *gates, const struct eval_arm *arms, const struct eval_result *r, struct err *e);

/* ---- before training -------------------------------------------------------------------------------------------------------- */

/*
 * What training could add to the questions on trained documents, of which n count. A question is in reach when the training rows say its answer:
 * a row's, recited whole, would be judged right. The rows are those that BM25 finds by the row's question; of one answer they count once.
 */
struct eval_forecast {
	size_t n;
	struct eval_estimate arm[EVAL_ARMS_MAX]; /* right, of the n */
	size_t best;                             /* the arm that answers most, of equals the first */
	struct eval_estimate nearest;            /* of the n: missed by the best arm, and in reach by the nearest row */
	struct eval_estimate near;               /* the same by one of the three nearest, or by a passage that has the answer */
	/*
	 * The gain over the best arm lies between: low end of the 95 % interval of a fifth of `nearest`, the least that a training was seen to
	 * teach; high end of that of `near`, if all is learnt and nothing forgotten. Shares, not points. NaN where one question alone counts.
	 */
	double low, high;
};
/* Of arms without training, which eval_arm_run has run. Writes the index of rows into j->out/rows. No questions: n = 0. */
int eval_forecast(const struct eval_job *j, const struct eval_arm *arms, size_t n_arms, struct eval_forecast *out, struct err *e);

/*
 * Writes a questions file: the reserved phrasings of DATA/valid.jsonl whose item has one value in facts.jsonl, without those that leak. They are in
 * the words of the rows that are trained on, so they flatter any forecast.
 */
int eval_reserved_questions(const char *data, const char *path, struct err *e);

/* Appends the axes as a table of plain text of at most 110 columns, the verdict below. */
int eval_table(const struct eval_result *r, struct buf *out, struct err *e);

/* Appends the text in lines of at most so many bytes, broken at spaces where there are any. */
int eval_wrap(struct buf *out, const char *text, size_t columns, struct err *e);

#endif

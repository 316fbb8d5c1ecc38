/*
 * flow: jobs that need several rooms.
 *
 *   run       documents -> data set -> answers of the base, alone and with passages -> adapter -> the same of the tuned model -> verdict, one page
 *   plan      before any training: what it would take here, and what it could add to the answers without it
 *   meter     after curation: what more documents of each kind would buy, and what each contributed
 *   export    model and adapter -> what another program loads, proved by reading it back
 *   page      what came out, for a person
 *   embedder  the model that finds passages by meaning, where there is one
 *   origin    what an adapter was trained on
 *   arm       who writes drafts, by the verdict or by name
 *   write     briefs -> drafts, checked, in front of people
 *   reasons   why they changed or rejected one, as programs say it
 *   rounds    what people decided about them, by who wrote
 *   bench     how fast this machine trains and answers
 */
#ifndef ATTUNE_FLOW_H
#define ATTUNE_FLOW_H

#include <signal.h>

#include "base/base.h"
#include "eval/eval.h"
#include "model/model.h"
#include "store/store.h"
#include "train/train.h"

/*
 * The output folder:
 *
 *   data/                 what data_curate writes
 *   run-XXXXXXXXXXXX/     the training run (train.h), named by what it is made from: new documents or settings start a new one
 *   eval/                 answers of the arms, eval.json, report.html (eval.h)
 *   page.txt              the page
 *   plan.json             what flow_plan said last
 */
enum { FLOW_KEY_SHOWN = 12 }; /* of the training run's key, in the name of its folder */

struct flow_run_options {
	const char *
		in; /* a folder of documents (data.h), or a workspace with them in sources/; its questions.jsonl, if there, is asked */
	const char *out;      /* made if absent */
	const char *model;    /* any name that hub_resolve takes */
	const char *embedder; /* as flow_embedder takes it */
	const struct train_config *config;
	size_t memory_bytes;               /* of the training, as in train_options */
	const volatile sig_atomic_t *stop; /* likewise */
};

/*
 * Runs every step that is not finished yet and appends the page to `page`. A step is finished when the folder holds its
 * result, made from the same bytes and settings; so a run that was stopped or killed goes on where it was, and one without
 * anything new computes nothing. kern_init must have been called. ERR_STOPPED after `stop`; other errors are those of
 * hub_resolve, data_curate and train_run, and ERR_DATA for a malformed questions file.
 */
int flow_run(const struct flow_run_options *o, struct buf *page, struct err *e);

/*
 * The steps of flow_run up to the training, which is measured by a few steps instead; then what is there is weighed. Without a questions file the data
 * folder's reserved phrasings are asked (eval_reserved_questions). Appends the page for people to `page` and the line of plan.json to `json`.
 * changes_a_month: how often what the documents say changes. What was answered is not asked again here, nor, where there is a questions file, by flow_run; without
 * one that asks nothing.
 */
int flow_plan(const struct flow_run_options *o, double changes_a_month, struct buf *page, struct buf *json, struct err *e);

struct flow_meter_options {
	const char *data;  /* a folder that data_curate wrote */
	const char *model; /* any name that hub_resolve takes */
	const struct train_config *config;
	const volatile sig_atomic_t *stop; /* as in train_options */
};
/*
 * Trains many times, briefly, on nested parts of the folder's documents and asks each time the same questions, so as to say what limits the data. Writes
 * DATA/meter.json and a part of DATA/report.html; DATA/meter/ keeps what each training came to, so that a meter that was stopped goes on, and the same
 * one trains nothing. Appends the page for people; *json is what meter.json holds, the caller decrefs. Too few documents are no error: the page says so.
 * ERR_STOPPED after `stop`; other errors are those of hub_resolve and train_run.
 */
int flow_meter(const struct flow_meter_options *o, struct buf *page, json_t **json, struct err *e);

/*
 * An embedder by its name, "none" or any that hub_resolve takes, for search_open; the caller frees. A short name (minilm) whose model is not here is
 * no error and never fetched: *out is NULL, and one line says how to get it. kern_init must have been called.
 */
int flow_embedder(struct embedder **out, const char *name, struct err *e);

/*
 * The rows that an adapter was trained on, and the data folder with their documents' sections, as the run folder around it says and where they are still
 * there, the rows unchanged; false: unknown. For objections to what those documents do not say; no error keeps an adapter from being used.
 */
bool flow_trained_rows(char out[PATH_SIZE], const char *adapter);
bool flow_trained_data(char out[PATH_SIZE], const char *adapter);

struct flow_export_options {
	const char *model, *adapter; /* any name that hub_resolve takes; anything that lora_open takes */
	const char *to;              /* peft, gguf-lora, gguf, hf, mlx */
	const char *type;            /* of a merged model's matrices: F32, F16, BF16, Q8_0, Q4_0, Q4_K; NULL: the base's own */
	const char *out;             /* a file or a folder that does not exist yet */
	char passport[PATH_SIZE];    /* filled: where it is */
};

/*
 * Writes the product and, after reading it back and comparing it with base and adapter, its passport; nothing appears at `out` before, and
 * nothing when they differ (ERR_FAILED). ERR_USAGE when `out` exists or the target cannot be made from this base.
 */
int flow_export(struct flow_export_options *o, struct err *e);

/* Who writes drafts: an arm of the evaluation. Paths are "" where the arm has none. */
struct flow_arm {
	const char *name; /* "base", "prompt", "rag", "tuned", "rag+tuned" */
	bool passages;
	char prompt[PATH_SIZE], adapter[PATH_SIZE]; /* a file with messages that stand in front; anything that lora_open takes */
	char model[PATH_SIZE];                      /* that the verdict was measured with; "" without a verdict */
	char why[ERR_TEXT_MAX + PATH_SIZE];         /* behind the name, for people: "which the verdict recommends: ..." */
};
struct flow_arm_choice {
	const char *results;        /* a folder that flow_run made */
	const char *name, *adapter; /* an arm, an adapter for it; NULL: as the verdict says */
};
/*
 * Without a name the arm that eval/eval.json recommends; without that file passages, where there is a data folder, else the base. ERR_USAGE for
 * an unknown arm, an adapter for one without, or a tuned one without.
 */
int flow_arm(struct flow_arm *out, const struct flow_arm_choice *c, struct err *e);

struct flow_write_options {
	const char *in, *out;            /* briefs as CSV or JSON lines (docs/formats.md); a folder, made if absent */
	const char *data;                /* data folder that drafts are held to, or NULL */
	const struct flow_arm *arm;      /* what goes in front of each brief */
	const struct embedder *embedder; /* finds passages by meaning; NULL: by words alone */
	const char *reviews;             /* the log of reviews that drafts are put into */
	const struct model *model;
	const struct lora *lora; /* NULL: the base alone */
	const char *origin;      /* what writes, for people */
	struct generate_options generate;
	bool grounded; /* what neither the brief nor the passages have is left open; where there are no passages, what no document has */
	const volatile sig_atomic_t *stop;
};
struct flow_written {
	size_t n_drafts, n_before, n_bad;     /* in all; of these, found from a run before; briefs that were left out */
	size_t n_words, n_claims, n_findings; /* in all drafts; n_claims: without support */
	size_t n_gaps, n_open;                /* places that were left open, and drafts with such places */
};
/*
 * Writes OUT/drafts.jsonl, a line for each brief in their order, and puts each into the log of reviews. Drafts that are there are kept; the rest
 * have the bytes that they would have had. ERR_STOPPED after `stop`.
 */
int flow_write(const struct flow_write_options *o, struct flow_written *out, struct err *e);

/*
 * The reasons of a verdict as the log keeps them, from a list of their names; NULL: none. ERR_DATA for what is no list, an unknown name, or one that
 * is there twice; `out` is "" then.
 */
int flow_reasons(const json_t *list, char out[REVIEW_REASONS_SIZE], struct err *e);

/* All drafts of one origin: what one writer wrote, a model by itself, from passages or with an adapter. */
struct flow_round {
	char *origin;
	size_t n_drafts, n_accepted, n_edited, n_rejected; /* accepted: as they are */
	size_t n_simulated;                                /* decided by a program */
	size_t n_terms, n_claims; /* findings in all drafts, lint's and the page's; claims: without support */
	size_t reason[REVIEW_REASONS];
	double seconds;                /* that all decisions took */
	struct eval_estimate unedited; /* accepted of decided */
	struct eval_estimate hter;     /* of accepted and edited drafts */
	struct eval_estimate change;   /* of hter, from the round before; NaN of the first */
};
struct flow_rounds { /* in the order in which they began */
	struct flow_round *p;
	size_t n;
};
/* Intervals draw drafts whose first passage is of the same document together. The caller releases. */
int flow_rounds(struct flow_rounds *out, struct reviews *r, struct err *e);
void flow_rounds_release(struct flow_rounds *r);

struct flow_bench_options {
	const struct model *model;
	bool training, prefill, decode;    /* what is measured beside products */
	const volatile sig_atomic_t *stop; /* ERR_INTERRUPTED or ERR_STOPPED when it becomes true */
};
/* One figure: the median of several runs, the slowest and the fastest. The first run, with cold caches, is left out. */
struct flow_speed {
	const char *what;       /* "product", "training", "prefill", "decode" */
	const char *path;       /* of kern */
	size_t n_tokens;        /* of a row of a step, of a prompt, of an answer */
	size_t n_streams;       /* rows of a step, sequences side by side */
	double rate, low, high; /* tokens/s of all streams; of products GFLOPS */
	double share; /* of what the fastest product of the path reaches; NaN where products are not what bounds, and for `ref` */
	size_t peak_bytes; /* the most that the process has held until then */
};
enum { FLOW_PRODUCTS = 8, FLOW_STREAMS = 16 };
struct flow_bench {
	struct flow_speed speed[FLOW_PRODUCTS + 4];
	size_t n;
};
/*
 * Products of every path that is here, prompts of 512 tokens, answers one and FLOW_STREAMS at a time, steps of training of 4 x 512 tokens with r 16, all
 * scored: with as many threads as are set, on the path that is chosen. Less where the model's context is shorter.
 */
int flow_bench(const struct flow_bench_options *o, struct flow_bench *out, struct err *e);

#endif

/*
 * Private to serve: the thread that computes. It owns the model, OpenMP's team and the batcher; the loop's thread hands it jobs and tasks and
 * is told what has come of them. All functions are for the loop's thread.
 */
#ifndef ATTUNE_SERVE_ENGINE_H
#define ATTUNE_SERVE_ENGINE_H

#include "model/model.h"
#include "serve/problem.h"
#include "serve/serve.h"

enum { TOP_LOGPROBS_MAX = 20, QUEUE_MAX = 192 };

/* A token and what else might have stood in its place, likeliest first; natural logarithms. */
struct scored_token {
	int32_t id;
	float logprob;
	int n_top;
	struct {
		int32_t id;
		float logprob;
	} top[TOP_LOGPROBS_MAX];
};
struct scored_tokens {
	struct scored_token *p;
	size_t n, cap;
};

/* What is new about a job. */
struct news {
	struct buf text;
	struct scored_tokens tokens;
	bool done;                 /* nothing more will come, and the job is the owner's again */
	int rc;                    /* of a job that is done */
	struct err err;            /* when rc is not 0 */
	const char *finish_reason; /* when rc is 0: "stop" or "length" */
	size_t n_tokens, n_reused; /* generated; of the prompt not computed; of a job that is done */
};
void news_release(struct news *n);

/* One sequence. The owner's storage; from engine_submit on it is the engine's, until news say that it is done. */
struct job {
	/* what is asked */
	struct sequence sequence; /* lora, prompt, options without callbacks, score_prompt */
	bool logprobs;
	int n_top; /* up to TOP_LOGPROBS_MAX */
	void *owner;
	size_t index; /* the owner's */
	/* the engine's own */
	struct engine *engine;
	struct job *next_queued, *next_told;
	_Atomic bool cancelled;
	bool told; /* stands in the list of those with news */
	size_t n_reused;
	struct news news;
	double queued_s, token_s; /* when it was submitted and when its last token came */
};

/*
 * Whatever else takes long: computed piece by piece, one between two passes over the weights, in turn with other tasks. The owner's storage; from
 * engine_compute on it is the engine's, until engine_computed gives it back.
 */
struct task {
	int (*piece)(struct task *t, bool *more, struct problem *p); /* on the engine's thread; `more`: is to be called again */
	_Atomic bool cancelled;                                      /* the owner wants no further piece */
	int rc;                                                      /* of the last piece */
	struct problem problem;                                      /* when rc is not 0 */
	struct task *next;                                           /* the engine's */
};

struct engine;
enum engine_state { ENGINE_LOADING, ENGINE_READY, ENGINE_FAILED };
/* Starts the thread, which loads model and adapters first; `o` must outlive it. */
int engine_start(struct engine **out, const struct serve_options *o, struct err *e);
/* Cancels what is under way, and waits for the thread. The owners of jobs are not told. */
void engine_stop(struct engine *g);
/* `e` is filled when it failed. */
enum engine_state engine_state(struct engine *g, struct err *e);
/* What was loaded; once it is ready. lora i belongs to adapter i of the options. */
const struct model *engine_model(const struct engine *g);
const struct lora *engine_lora(const struct engine *g, size_t i);
size_t engine_context(const struct engine *g); /* tokens of a sequence, its answer included */

/* All n jobs, or ERR_RESOURCE when so many more would not fit into the queue. */
int engine_submit(struct engine *g, struct job *const *jobs, size_t n, struct err *e);
/* Ends it soon; its news will say that it is done. */
void engine_cancel(struct job *j);
/* ERR_RESOURCE when the queue is full. */
int engine_compute(struct engine *g, struct task *t, struct err *e);
/* A task that is done, cancelled ones too; NULL when there is none. */
struct task *engine_computed(struct engine *g);
/* Becomes readable when a job has news, a task is done or the state has changed. */
int engine_fd(const struct engine *g);
/* A job with news and these, which the caller releases; NULL when there is none. */
struct job *engine_news(struct engine *g, struct news *out);

/* ---- measures ---------------------------------------------------------------------------------------------------------------- */

enum { HISTOGRAM_BUCKETS = 12 };
extern const double histogram_bound_s[HISTOGRAM_BUCKETS];
struct histogram {
	uint64_t bucket[HISTOGRAM_BUCKETS + 1], n; /* bucket[i]: up to bound i; the last one: longer */
	double sum_s;
};
struct measures {
	uint64_t n_prompt, n_reused, n_predicted, n_passes,
		n_jobs; /* tokens computed, reused, generated; passes for generating; jobs begun */
	double prompt_s, predicted_s;
	size_t n_running, n_queued, n_slots; /* sequences that live, jobs that wait and tasks that are not done, places */
	struct histogram first_token, between_tokens;
};
void engine_measures(struct engine *g, struct measures *out);

#endif

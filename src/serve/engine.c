/*
 * The engine's thread: takes jobs from the queue as slots become free, and alternates between a piece of a task, a piece of a prompt and a token
 * more for all who have theirs, so that nobody waits for a long prompt of somebody else's.
 */
#include "serve/engine.h"

#include <errno.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct tasks {
	struct task *first, *last;
};

const double histogram_bound_s[HISTOGRAM_BUCKETS] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60};

struct engine {
	const struct serve_options *options;
	pthread_t thread;
	int fd;
	/* written by the thread while it loads, read by others afterwards */
	struct model *model;
	struct lora **lora; /* [options->n_adapters] */
	size_t capacity;
	/* the thread's alone */
	struct batcher *batcher;
	struct job *live[BATCHER_SLOTS_MAX];
	size_t n_live;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum engine_state state;
	struct err failure;
	bool stopping;
	struct job *queue_first, *queue_last, *told_first, *told_last;
	struct tasks waiting, computed;
	size_t n_queued; /* jobs and tasks */
	struct measures measures;
};

void news_release(struct news *n)
{
	buf_release(&n->text);
	mem_free(n->tokens.p);
	*n = (struct news){0};
}

/* ---- news, from the thread to the loop --------------------------------------------------------------------------------------------- */

static void ring(struct engine *g)
{
	const uint64_t one = 1;
	while (write(g->fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
}

/* With the lock held: the job has news. */
static void tell(struct job *j)
{
	struct engine *g = j->engine;
	if (j->told)
		return;
	j->told = true;
	j->next_told = NULL;
	if (g->told_last)
		g->told_last->next_told = j;
	else
		g->told_first = j;
	g->told_last = j;
}

static void finish(struct job *j, int rc, const struct err *e)
{
	struct engine *g = j->engine;
	pthread_mutex_lock(&g->lock);
	j->news.done = true;
	j->news.rc = j->news.rc ? j->news.rc : rc;
	if (rc && e && !j->news.err.code)
		j->news.err = *e;
	j->news.finish_reason = j->sequence.answer.finish_reason;
	j->news.n_tokens = j->sequence.answer.n_tokens;
	j->news.n_reused = j->n_reused;
	generated_release(&j->sequence.answer);
	tell(j); /* from here on the job is its owner's again, who may free it */
	pthread_mutex_unlock(&g->lock);
	ring(g);
}

static bool on_text(void *context, const char *text, size_t n)
{
	struct job *j = context;
	pthread_mutex_lock(&j->engine->lock);
	if (!j->news.rc)
		j->news.rc = buf_append(&j->news.text, text, n, &j->news.err);
	tell(j);
	pthread_mutex_unlock(&j->engine->lock);
	return true;
}

/* ---- what tokens are worth ----------------------------------------------------------------------------------------------------------- */

/* Keeps the n_top likeliest, sorted; equal ones by id. */
static void top_insert(struct scored_token *t, int n_top, int32_t id, float logit)
{
	int at = t->n_top;
	while (at > 0 && t->top[at - 1].logprob < logit)
		at--;
	if (at == n_top)
		return;
	t->n_top += t->n_top < n_top;
	memmove(&t->top[at + 1], &t->top[at], (size_t)(t->n_top - at - 1) * sizeof *t->top);
	t->top[at].id = id;
	t->top[at].logprob = logit;
}

static struct scored_token token_score(const struct model *m, int n_top, int32_t id, const float *logits)
{
	const struct model_config *c = model_config(m);
	struct scored_token t = {.id = id};
	double total = 0;
	float max = logits[0];
	for (size_t i = 1; i < c->V; i++)
		max = logits[i] > max ? logits[i] : max;
	for (size_t i = 0; i < c->V; i++)
		total += exp((double)(logits[i] - max));
	float log_total = max + (float)log(total);
	for (size_t i = 0; n_top && i < c->n_tokens; i++)
		if (t.n_top < n_top || logits[i] > t.top[t.n_top - 1].logprob)
			top_insert(&t, n_top, (int32_t)i, logits[i]);
	for (int i = 0; i < t.n_top; i++)
		t.top[i].logprob -= log_total;
	t.logprob = logits[id] - log_total;
	return t;
}

static void histogram_add(struct histogram *h, double seconds)
{
	size_t i = 0;
	while (i < HISTOGRAM_BUCKETS && seconds > histogram_bound_s[i])
		i++;
	h->bucket[i]++;
	h->n++;
	h->sum_s += seconds;
}

/* The prompt's tokens come before the first one is generated. */
static void on_token(void *context, int32_t id, const float *logits)
{
	struct job *j = context;
	struct engine *g = j->engine;
	struct scored_token scored = {0};
	struct scored_tokens *tokens = &j->news.tokens;
	if (j->logprobs)
		scored = token_score(g->model, j->n_top, id, logits);
	pthread_mutex_lock(&g->lock);
	if (j->sequence.answer.n_tokens) {
		double now = now_s();
		if (j->sequence.answer.n_tokens == 1)
			histogram_add(&g->measures.first_token, now - j->queued_s);
		else
			histogram_add(&g->measures.between_tokens, now - j->token_s);
		j->token_s = now;
	}
	if (j->logprobs && !j->news.rc)
		j->news.rc = mem_reserve(&tokens->p, tokens->n, &tokens->cap, sizeof *tokens->p, &j->news.err);
	if (j->logprobs && !j->news.rc)
		tokens->p[tokens->n++] = scored;
	pthread_mutex_unlock(&g->lock);
}

/* ---- the thread ---------------------------------------------------------------------------------------------------------------------- */

static int load(struct engine *g, struct err *e)
{
	const struct serve_options *o = g->options;
	omp_set_num_threads(o->n_threads);
	int rc = model_open(&g->model, o->model, e);
	if (!rc && !(g->lora = mem_alloc(o->n_adapters, sizeof(*g->lora), e)))
		rc = ERR_RESOURCE;
	for (size_t i = 0; i < o->n_adapters && !rc; i++)
		rc = lora_open(&g->lora[i], g->model, o->adapter[i].path, e);
	if (rc)
		return rc;
	size_t most = model_config(g->model)->context;
	g->capacity = o->context < most ? o->context : most;
	return batcher_new(&g->batcher, g->model,
		&(struct batcher_options){.n_slots = o->n_parallel,
			.capacity = g->capacity,
			.lora = (const struct lora *const *)g->lora,
			.n_lora = o->n_adapters,
			.reuse = true},
		e);
}

/* With the lock held: the next job of the queue, or NULL. */
static struct job *queue_take(struct engine *g)
{
	struct job *j = g->queue_first;
	if (j) {
		g->queue_first = j->next_queued;
		if (!g->queue_first)
			g->queue_last = NULL;
		g->n_queued--;
	}
	return j;
}

/* With the lock held. */
static void task_push(struct tasks *l, struct task *t)
{
	t->next = NULL;
	*(l->last ? &l->last->next : &l->first) = t;
	l->last = t;
}

static struct task *task_take(struct tasks *l)
{
	struct task *t = l->first;
	if (t) {
		l->first = t->next;
		l->last = t->next ? l->last : NULL;
	}
	return t;
}

/* A piece of the task that has waited longest. */
static void compute_piece(struct engine *g)
{
	bool more = false;
	pthread_mutex_lock(&g->lock);
	struct task *t = task_take(&g->waiting);
	pthread_mutex_unlock(&g->lock);
	if (!t)
		return;
	if (!t->cancelled)
		t->rc = t->piece(t, &more, &t->problem);
	more = more && !t->rc;
	pthread_mutex_lock(&g->lock);
	task_push(more ? &g->waiting : &g->computed, t);
	g->n_queued -= !more;
	pthread_mutex_unlock(&g->lock);
	if (!more)
		ring(g);
}

/* Waits while there is nothing to do; false when the thread is to end. */
static bool wait_for_work(struct engine *g)
{
	pthread_mutex_lock(&g->lock);
	while (!g->stopping && !g->n_live && !g->queue_first && !g->waiting.first)
		pthread_cond_wait(&g->wake, &g->lock);
	bool go_on = !g->stopping;
	pthread_mutex_unlock(&g->lock);
	return go_on;
}

static void admit(struct engine *g)
{
	struct err e = {0};
	while (!batcher_full(g->batcher)) {
		pthread_mutex_lock(&g->lock);
		struct job *j = queue_take(g);
		pthread_mutex_unlock(&g->lock);
		if (!j)
			return;
		int rc = batcher_join(g->batcher, &j->sequence, &e);
		if (rc || j->sequence.answer.finish_reason) {
			finish(j, rc, &e);
			continue;
		}
		g->live[g->n_live++] = j;
		pthread_mutex_lock(&g->lock);
		g->measures.n_jobs++;
		g->measures.n_running = g->n_live;
		j->n_reused = j->sequence.n_done;
		g->measures.n_reused += j->n_reused;
		pthread_mutex_unlock(&g->lock);
	}
}

/* Lets go of jobs that have ended, that nobody wants any more, or, when `rc` is not 0, of all. */
static void let_go(struct engine *g, int rc, const struct err *why)
{
	struct err cancelled = {0};
	err_set(&cancelled, ERR_STOPPED, "cancelled");
	for (size_t i = g->n_live; i-- > 0;) {
		struct job *j = g->live[i];
		bool ended = j->sequence.answer.finish_reason != NULL;
		if (!ended && !rc && !j->cancelled)
			continue;
		batcher_leave(g->batcher, &j->sequence);
		g->live[i] = g->live[--g->n_live];
		pthread_mutex_lock(&g->lock);
		g->measures.n_running = g->n_live;
		pthread_mutex_unlock(&g->lock);
		if (ended)
			finish(j, 0, NULL);
		else
			finish(j, rc ? rc : ERR_STOPPED, rc ? why : &cancelled);
	}
}

/* Tokens of prompts that are done, and tokens generated, of all that live. */
static void count(const struct engine *g, size_t *n_prompt, size_t *n_predicted)
{
	*n_prompt = *n_predicted = 0;
	for (size_t i = 0; i < g->n_live; i++) {
		*n_prompt += g->live[i]->sequence.n_done;
		*n_predicted += g->live[i]->sequence.answer.n_tokens;
	}
}

static int compute(struct engine *g, struct err *e)
{
	size_t n_prompt, n_predicted, n_prompt_before, n_predicted_before;
	double start = now_s();
	count(g, &n_prompt_before, &n_predicted_before);
	int rc = batcher_prompt(g->batcher, e);
	double middle = now_s();
	bool generates = !rc && batcher_n(g->batcher) > batcher_n_prompts(g->batcher);
	if (generates)
		rc = batcher_tokens(g->batcher, e);
	double end = now_s();
	count(g, &n_prompt, &n_predicted);
	pthread_mutex_lock(&g->lock);
	g->measures.n_prompt += n_prompt - n_prompt_before;
	g->measures.prompt_s += middle - start;
	g->measures.n_predicted += n_predicted - n_predicted_before;
	g->measures.predicted_s += end - middle;
	g->measures.n_passes += generates;
	bool news = g->told_first != NULL;
	pthread_mutex_unlock(&g->lock);
	if (news)
		ring(g);
	return rc;
}

static void *run(void *argument)
{
	struct engine *g = argument;
	struct err e = {0};
	int rc = load(g, &e);
	pthread_mutex_lock(&g->lock);
	g->state = rc ? ENGINE_FAILED : ENGINE_READY;
	g->failure = e;
	pthread_mutex_unlock(&g->lock);
	ring(g);
	while (!rc && wait_for_work(g)) {
		compute_piece(g);
		admit(g);
		int failed = g->n_live ? compute(g, &e) : 0;
		let_go(g, failed, &e);
	}
	return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------------------------------------------------- */

int engine_start(struct engine **out, const struct serve_options *o, struct err *e)
{
	struct engine *g = mem_alloc(1, sizeof *g, e);
	*out = NULL;
	if (!g)
		return ERR_RESOURCE;
	g->options = o;
	g->measures.n_slots = o->n_parallel;
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->wake, NULL);
	g->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = g->fd < 0 ? err_errno(e, "make", "an event descriptor") : 0;
	if (!rc && (errno = pthread_create(&g->thread, NULL, run, g)))
		rc = err_errno(e, "start", "a thread");
	if (rc) {
		if (g->fd >= 0)
			close(g->fd);
		mem_free(g);
		return rc;
	}
	*out = g;
	return 0;
}

void engine_stop(struct engine *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->stopping = true;
	pthread_cond_signal(&g->wake);
	pthread_mutex_unlock(&g->lock);
	pthread_join(g->thread, NULL);
	for (size_t i = 0; i < g->n_live; i++)
		generated_release(&g->live[i]->sequence.answer);
	batcher_free(g->batcher);
	for (size_t i = 0; g->lora && i < g->options->n_adapters; i++)
		lora_free(g->lora[i]);
	mem_free(g->lora);
	model_free(g->model);
	close(g->fd);
	pthread_cond_destroy(&g->wake);
	pthread_mutex_destroy(&g->lock);
	mem_free(g);
}

enum engine_state engine_state(struct engine *g, struct err *e)
{
	pthread_mutex_lock(&g->lock);
	enum engine_state state = g->state;
	if (state == ENGINE_FAILED)
		*e = g->failure;
	pthread_mutex_unlock(&g->lock);
	return state;
}

const struct model *engine_model(const struct engine *g)
{
	return g->model;
}

const struct lora *engine_lora(const struct engine *g, size_t i)
{
	return g->lora[i];
}

size_t engine_context(const struct engine *g)
{
	return g->capacity;
}

/* With the lock held. */
static int queue_full(const struct engine *g, struct err *e)
{
	return err_set(e, ERR_RESOURCE, "the queue is full: %zu requests are in it, of at most %d", g->n_queued, QUEUE_MAX);
}

int engine_submit(struct engine *g, struct job *const *jobs, size_t n, struct err *e)
{
	double now = now_s();
	int rc = 0;
	pthread_mutex_lock(&g->lock);
	if (n > QUEUE_MAX - g->n_queued)
		rc = queue_full(g, e);
	for (size_t i = 0; i < n && !rc; i++) {
		struct job *j = jobs[i];
		j->engine = g;
		j->queued_s = now;
		j->sequence.options.on_text = on_text;
		j->sequence.options.on_token = on_token;
		j->sequence.options.context = j;
		j->next_queued = NULL;
		if (g->queue_last)
			g->queue_last->next_queued = j;
		else
			g->queue_first = j;
		g->queue_last = j;
		g->n_queued++;
	}
	pthread_cond_signal(&g->wake);
	pthread_mutex_unlock(&g->lock);
	return rc;
}

void engine_cancel(struct job *j)
{
	struct engine *g = j->engine;
	struct job *before = NULL;
	pthread_mutex_lock(&g->lock);
	struct job *queued = g->queue_first;
	while (queued && queued != j) {
		before = queued;
		queued = queued->next_queued;
	}
	if (queued) {
		*(before ? &before->next_queued : &g->queue_first) = j->next_queued;
		if (!j->next_queued)
			g->queue_last = before;
		g->n_queued--;
		j->news.done = true;
		j->news.rc = err_set(&j->news.err, ERR_STOPPED, "cancelled");
		tell(j);
		ring(g);
	}
	j->cancelled = true;
	pthread_mutex_unlock(&g->lock);
}

int engine_compute(struct engine *g, struct task *t, struct err *e)
{
	int rc = 0;
	pthread_mutex_lock(&g->lock);
	if (g->n_queued >= QUEUE_MAX) {
		rc = queue_full(g, e);
	} else {
		task_push(&g->waiting, t);
		g->n_queued++;
	}
	pthread_cond_signal(&g->wake);
	pthread_mutex_unlock(&g->lock);
	return rc;
}

struct task *engine_computed(struct engine *g)
{
	pthread_mutex_lock(&g->lock);
	struct task *t = task_take(&g->computed);
	pthread_mutex_unlock(&g->lock);
	return t;
}

int engine_fd(const struct engine *g)
{
	return g->fd;
}

struct job *engine_news(struct engine *g, struct news *out)
{
	uint64_t ignored;
	*out = (struct news){0};
	pthread_mutex_lock(&g->lock);
	struct job *j = g->told_first;
	if (j) {
		g->told_first = j->next_told;
		if (!g->told_first)
			g->told_last = NULL;
		j->told = false;
		*out = j->news;
		j->news = (struct news){.rc = out->rc, .err = out->err};
	} else if (read(g->fd, &ignored, sizeof ignored) < 0) {
		ignored = 0; /* nobody rang, or rings again: both are fine */
	}
	pthread_mutex_unlock(&g->lock);
	return j;
}

void engine_measures(struct engine *g, struct measures *out)
{
	pthread_mutex_lock(&g->lock);
	*out = g->measures;
	out->n_queued = g->n_queued;
	pthread_mutex_unlock(&g->lock);
}

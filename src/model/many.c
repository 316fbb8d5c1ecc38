/*
 * Generation of many sequences in one pass over the weights. A slot whose sequence has ended takes the next prompt at once (Yu et al.
 * 2022, "Orca"). Prompts are computed one by one and answers in whole tiles of rows, so that an answer has the same bits whatever is
 * beside it.
 */
#include "model/net.h"

#include <string.h>

static const size_t CACHE_BYTES_MAX = (size_t)256 << 20;

struct slot {
	struct kv *kv;
	struct stream stream;
	int32_t id; /* drawn, not yet appended */
};

struct many {
	const struct model *model;
	const struct lora *lora;
	const struct generate_job *job;
	struct work *work;
	struct kv *prefix; /* holds job->prefix; NULL where there is none */
	void *scratch;
	struct slot slot[APPEND_EACH_MAX]; /* the first n_busy hold a sequence that has not ended */
	size_t n_slots, n_busy;
	struct generated *answer; /* [job->n] */
	size_t n_begun, n_told;
};

/* The tokens that the longest sequence may come to. */
static int longest(size_t *out, const struct model *m, const struct generate_job *job, struct err *e)
{
	size_t context = m->config.context, most = 0;
	int rc = 0;
	for (size_t i = 0; i < job->n && !rc; i++) {
		rc = prompt_check(job->prompts[i].n, context, e);
		most = job->prompts[i].n > most ? job->prompts[i].n : most;
	}
	*out = job->options.max_tokens < context - most ? most + job->options.max_tokens : context;
	return rc;
}

static int many_init(struct many *g, const struct model *m, const struct lora *l, const struct generate_job *job, struct err *e)
{
	const struct model_config *c = &m->config;
	size_t capacity, fit;
	*g = (struct many){.model = m, .lora = l, .job = job};
	int rc = longest(&capacity, m, job, e);
	if (rc)
		return rc;
	fit = CACHE_BYTES_MAX / (2 * c->n_layers * c->Hkv * c->D * sizeof(float)) / capacity;
	g->n_slots = fit < 1 ? 1 : fit < APPEND_EACH_MAX ? fit : APPEND_EACH_MAX;
	if (g->n_slots > job->n)
		g->n_slots = job->n;
	if (work_new(&g->work, m, l, net_append_rows(capacity), false, e) ||
		!(g->scratch = mem_alloc(1, sample_scratch_bytes(c->V), e)) ||
		!(g->answer = mem_alloc(job->n, sizeof(*g->answer), e)))
		return e->code;
	for (size_t i = 0; i < g->n_slots && !rc; i++)
		rc = kv_new(&g->slot[i].kv, m, capacity, e);
	if (!rc && job->n_prefix)
		rc = kv_new(&g->prefix, m, job->n_prefix, e);
	return rc || !job->n_prefix ? rc : model_append(m, l, g->work, g->prefix, job->prefix, job->n_prefix, g->work->logits, e);
}

static void many_release(struct many *g)
{
	for (size_t i = g->n_told; i < g->n_begun; i++)
		generated_release(&g->answer[i]);
	for (size_t i = 0; i < g->n_slots; i++)
		kv_free(g->slot[i].kv);
	kv_free(g->prefix);
	work_free(g->work);
	mem_free(g->scratch);
	mem_free(g->answer);
}

/* The slot's cache with what the prompt has of the prefix; its last token is computed in any case, for its logits. */
static size_t prefix_take(const struct many *g, struct kv *kv, const struct ids *prompt)
{
	size_t n = 0;
	while (n < g->job->n_prefix && n + 1 < prompt->n && prompt->p[n] == g->job->prefix[n])
		n++;
	kv_truncate(kv, 0);
	if (n)
		kv_copy(kv, g->prefix, n);
	return n;
}

/* The next prompt and its first token, in the first free slot. */
static int begin(struct many *g, struct err *e)
{
	const struct ids *prompt = &g->job->prompts[g->n_begun];
	struct slot *s = &g->slot[g->n_busy];
	size_t held = prefix_take(g, s->kv, prompt);
	int rc = 0;
	stream_begin(&s->stream, &g->job->options, &g->answer[g->n_begun++], prompt->n);
	if (!s->stream.ended)
		rc = model_append(g->model, g->lora, g->work, s->kv, prompt->p + held, prompt->n - held, g->work->logits, e);
	if (!rc && !s->stream.ended)
		rc = stream_next(&s->stream, s->kv, g->work->logits, g->scratch, &s->id, e);
	g->n_busy += !s->stream.ended;
	return rc;
}

/* A token more for every sequence; slots whose sequence ends change places with the last busy one. */
static int step(struct many *g, struct err *e)
{
	struct kv *kv[APPEND_EACH_MAX];
	int32_t id[APPEND_EACH_MAX];
	for (size_t i = 0; i < g->n_busy; i++) {
		kv[i] = g->slot[i].kv;
		id[i] = g->slot[i].id;
	}
	int rc = net_append_each(g->model, g->lora, g->work, kv, id, g->n_busy, e);
	for (size_t i = g->n_busy; i-- > 0 && !rc;) {
		struct slot *s = &g->slot[i];
		rc = stream_next(&s->stream, s->kv, g->work->logits + i * g->model->config.V, g->scratch, &s->id, e);
		if (!rc && s->stream.ended) {
			struct slot ended = *s;
			*s = g->slot[--g->n_busy];
			g->slot[g->n_busy] = ended;
		}
	}
	return rc;
}

/* Hands on the answers that nothing is in front of any more. */
static int tell(struct many *g, struct err *e)
{
	int rc = 0;
	while (!rc && g->n_told < g->n_begun && g->answer[g->n_told].finish_reason) {
		struct generated *answer = &g->answer[g->n_told];
		rc = g->job->on_answer(g->job->context, g->n_told++, answer, e);
		generated_release(answer);
	}
	return rc;
}

int generate_many(const struct model *m, const struct lora *l, const struct generate_job *job, struct err *e)
{
	struct many g;
	if (!job->n)
		return 0;
	int rc = many_init(&g, m, l, job, e);
	while (!rc && g.n_told < job->n) {
		if (job->stop && *job->stop)
			rc = err_set(e, ERR_STOPPED, "stopped after %zu of %zu answers", g.n_told, job->n);
		else if (g.n_busy < g.n_slots && g.n_begun < job->n)
			rc = begin(&g, e);
		else
			rc = step(&g, e);
		if (!rc)
			rc = tell(&g, e);
	}
	many_release(&g);
	return rc;
}

/*
 * Answers to many prompts, several at a time. A slot whose sequence has ended takes the next prompt at once; nothing is reused, so that an
 * answer does not depend on what was asked before it.
 */
#include "model/net.h"

static const size_t CACHE_BYTES_MAX = (size_t)256 << 20;

struct many {
	const struct generate_job *job;
	struct batcher *batcher;
	struct kv *prefix;         /* holds job->prefix; NULL where there is none */
	struct sequence *sequence; /* [job->n] */
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

/* Computes the prefix, whatever prompts begin so: an answer depends on its length alone. */
static int prefix_make(struct kv **out, const struct model *m, const struct lora *l, const struct generate_job *job, struct err *e)
{
	struct work *work = NULL;
	int rc = kv_new(out, m, job->n_prefix, e);
	if (!rc)
		rc = work_new(&work, m, l, net_append_rows(job->n_prefix), false, e);
	if (!rc)
		rc = model_append(m, l, work, *out, job->prefix, job->n_prefix, work->logits, e);
	work_free(work);
	return rc;
}

/* What the prompt has of the prefix; its last token is computed in any case, for its logits. */
static size_t prefix_shared(const struct generate_job *job, const struct ids *prompt)
{
	size_t n = 0;
	while (n < job->n_prefix && n + 1 < prompt->n && prompt->p[n] == job->prefix[n])
		n++;
	return n;
}

static int many_init(struct many *g, const struct model *m, const struct lora *l, const struct generate_job *job, struct err *e)
{
	const struct model_config *c = &m->config;
	struct batcher_options o = {.lora = &l, .n_lora = l != NULL};
	*g = (struct many){.job = job};
	int rc = longest(&o.capacity, m, job, e);
	if (rc)
		return rc;
	o.n_slots = CACHE_BYTES_MAX / (2 * c->n_layers * c->Hkv * c->D * sizeof(uint16_t)) / o.capacity;
	if (o.n_slots > job->n)
		o.n_slots = job->n;
	if (!(g->sequence = mem_alloc(job->n, sizeof(*g->sequence), e)))
		return e->code;
	if (job->n_prefix && (rc = prefix_make(&g->prefix, m, l, job, e)))
		return rc;
	for (size_t i = 0; i < job->n; i++) {
		g->sequence[i] = (struct sequence){.lora = l,
			.prompt = job->prompts[i],
			.begun = g->prefix,
			.n_begun = prefix_shared(job, &job->prompts[i]),
			.options = job->options};
		if (job->openings)
			g->sequence[i].options.opening = job->openings[i];
	}
	return batcher_new(&g->batcher, m, &o, e);
}

static void many_release(struct many *g)
{
	for (size_t i = g->n_told; i < g->n_begun; i++)
		generated_release(&g->sequence[i].answer);
	batcher_free(g->batcher);
	kv_free(g->prefix);
	mem_free(g->sequence);
}

/* Hands on the answers that nothing is in front of any more. */
static int tell(struct many *g, struct err *e)
{
	int rc = 0;
	while (!rc && g->n_told < g->n_begun && g->sequence[g->n_told].answer.finish_reason) {
		struct generated *answer = &g->sequence[g->n_told].answer;
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
		else if (batcher_n_prompts(g.batcher))
			rc = batcher_prompt(g.batcher, e);
		else if (!batcher_full(g.batcher) && g.n_begun < job->n)
			rc = batcher_join(g.batcher, &g.sequence[g.n_begun++], e);
		else
			rc = batcher_tokens(g.batcher, e);
		if (!rc)
			rc = tell(&g, e);
	}
	many_release(&g);
	return rc;
}

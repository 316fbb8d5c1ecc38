/* Generation of one sequence: prefill, then a token at a time. What was computed is kept for the next turn. */
#include "model/net.h"

#include <string.h>

struct generator {
	const struct model *model;
	const struct lora *lora;
	struct work *work;
	struct kv *kv;
	struct ids cached; /* what kv holds */
	float *scratch;    /* [V] */
};

int generator_new(struct generator **out, const struct model *m, const struct lora *l, size_t max_tokens_in_all, struct err *e)
{
	struct generator *g = mem_alloc(1, sizeof(*g), e);
	*out = NULL;
	if (!g)
		return e->code;
	g->model = m;
	g->lora = l;
	if (work_new(&g->work, m, l, net_append_rows(max_tokens_in_all), false, e) || kv_new(&g->kv, m, max_tokens_in_all, e) ||
		!(g->scratch = mem_alloc(m->config.V, sizeof(float), e))) {
		generator_free(g);
		return e->code;
	}
	*out = g;
	return 0;
}

void generator_free(struct generator *g)
{
	if (!g)
		return;
	work_free(g->work);
	kv_free(g->kv);
	ids_release(&g->cached);
	mem_free(g->scratch);
	mem_free(g);
}

void generator_reset(struct generator *g)
{
	g->cached.n = 0;
	kv_truncate(g->kv, 0);
}

static int append(struct generator *g, const int32_t *tokens, size_t n, struct err *e)
{
	int rc = model_append(g->model, g->lora, g->work, g->kv, tokens, n, g->work->logits, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = ids_push(&g->cached, tokens[i], e);
	if (rc) /* what the cache holds is unknown */
		generator_reset(g);
	return rc;
}

/* Brings the cache to the prompt, reusing where equal ids lead; at least the last token is computed, for its logits. */
static int prefill(struct generator *g, const int32_t *prompt, size_t n, struct err *e)
{
	size_t same = 0;
	while (same < g->cached.n && same + 1 < n && g->cached.p[same] == prompt[same])
		same++;
	kv_truncate(g->kv, same);
	g->cached.n = same;
	return append(g, prompt + same, n - same, e);
}

int generator_run(struct generator *g, const int32_t *prompt, size_t n, const struct generate_options *o, struct generated *out,
	struct err *e)
{
	struct stream s;
	int32_t id;
	int rc = prompt_check(n, g->kv->capacity, e);
	stream_begin(&s, o, out, n);
	if (!rc && !s.ended)
		rc = prefill(g, prompt, n, e);
	while (!rc && !s.ended) {
		id = stream_draw(&s, g->model, g->work->logits, g->scratch);
		rc = stream_take(&s, g->kv, g->work->logits, id, e);
		if (!rc && !s.ended)
			rc = append(g, &id, 1, e);
	}
	if (rc)
		generated_release(out);
	return rc;
}

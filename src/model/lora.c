/* Low-rank adapters in memory: their layout, and fresh ones. */
#include "model/net.h"

#include <math.h>

const struct lora_names lora_names[LORA_TARGETS] = {
	[LORA_Q] = {"self_attn.q_proj", "q_proj", "attn_q"},
	[LORA_K] = {"self_attn.k_proj", "k_proj", "attn_k"},
	[LORA_V] = {"self_attn.v_proj", "v_proj", "attn_v"},
	[LORA_O] = {"self_attn.o_proj", "o_proj", "attn_output"},
	[LORA_GATE] = {"mlp.gate_proj", "gate_proj", "ffn_gate"},
	[LORA_UP] = {"mlp.up_proj", "up_proj", "ffn_up"},
	[LORA_DOWN] = {"mlp.down_proj", "down_proj", "ffn_down"},
};

const char *lora_target_name(enum lora_target t)
{
	return lora_names[t].target;
}

const enum lora_target lora_input[LORA_INPUTS + 1] = {LORA_Q, LORA_O, LORA_GATE, LORA_DOWN, LORA_TARGETS};

/* The present ones of the slots base + [first, end), which read the same input: all their As, then all their Bs. */
static void lay_slots(struct lora *l, const struct matrix *w, const bool *present, size_t base, size_t first, size_t end)
{
	size_t r = l->config.r, width = 0, h = 0, a = l->n_params;
	for (size_t t = first; t < end; t++)
		width += present[t] ? r : 0;
	l->n_params += width * w[first].cols;
	for (size_t t = first; t < end; t++) {
		if (!present[t])
			continue;
		l->slot[base + t] = (struct lora_slot){true, a + h * w[t].cols, l->n_params, w[t].cols, w[t].rows, h, width};
		l->n_params += r * w[t].rows;
		h += r;
	}
}

int lora_layout(struct lora **out, const struct model *m, const struct lora_config *c, const bool *present, struct err *e)
{
	const struct model_config *mc = &m->config;
	struct lora *l = mem_alloc(1, sizeof(*l), e);
	*out = NULL;
	if (!l)
		return e->code;
	l->config = *c;
	l->n_layers = mc->n_layers;
	l->scale = c->alpha / (c->use_rslora ? sqrtf((float)c->r) : (float)c->r);
	l->slot = mem_alloc(mc->n_layers * LORA_TARGETS, sizeof(*l->slot), e);
	for (size_t i = 0; l->slot && i < mc->n_layers; i++)
		for (size_t g = 0; g < LORA_INPUTS; g++)
			lay_slots(l, m->layer[i].w, present + i * LORA_TARGETS, i * LORA_TARGETS, lora_input[g], lora_input[g + 1]);
	l->params = l->slot ? mem_alloc(l->n_params, sizeof(float), e) : NULL;
	if (!l->params) {
		lora_free(l);
		return e->code;
	}
	*out = l;
	return 0;
}

int lora_check(const struct lora_config *c, const char *where, struct err *e)
{
	if (c->r < 1 || c->r > 1024 || !(c->alpha > 0 && c->alpha < 1e6f) || !(c->targets & ((1u << LORA_TARGETS) - 1)))
		return err_set(e, ERR_USAGE,
			"%s: r %zu, alpha %g, %d targets; expected r 1 to 1024, a positive alpha and at least one target", where,
			c->r, (double)c->alpha, __builtin_popcount(c->targets));
	return 0;
}

int lora_new(struct lora **out, const struct model *m, const struct lora_config *c, uint64_t seed, struct err *e)
{
	bool *present = NULL;
	size_t n = m->config.n_layers * LORA_TARGETS;
	int rc = lora_check(c, "LoRA", e);
	*out = NULL;
	if (rc)
		return rc;
	if (!(present = mem_alloc(n, sizeof(*present), e)))
		return e->code;
	for (size_t i = 0; i < n; i++)
		present[i] = c->targets >> i % LORA_TARGETS & 1;
	rc = lora_layout(out, m, c, present, e);
	for (size_t i = 0; !rc && i < n; i++) {
		struct lora_slot *s = &(*out)->slot[i];
		struct rng r;
		rng_init(&r, seed, RNG_INIT, (uint32_t)(i / LORA_TARGETS), (uint32_t)(i % LORA_TARGETS));
		float bound = s->present ? 1 / sqrtf((float)s->n_in) : 0;
		for (size_t j = 0; s->present && j < c->r * s->n_in; j++)
			(*out)->params[s->a + j] = (2 * rng_uniform(&r) - 1) * bound;
	}
	mem_free(present);
	return rc;
}

size_t lora_size(const struct model *m, const struct lora_config *c)
{
	size_t n = 0;
	for (size_t i = 0; i < m->config.n_layers * LORA_TARGETS; i++) {
		const struct matrix *w = &m->layer[i / LORA_TARGETS].w[i % LORA_TARGETS];
		n += c->targets >> i % LORA_TARGETS & 1 ? c->r * (w->rows + w->cols) : 0;
	}
	return n;
}

void lora_free(struct lora *l)
{
	if (!l)
		return;
	mem_free(l->params);
	mem_free(l->slot);
	mem_free(l);
}

/*
 * The memory of one computation, in one block whose layout is computed twice by the same function: once to know its size, once to
 * hand out the pieces.
 */
#include "model/net.h"

#include <string.h>

/* Takes n items of a size; with no base it only counts. */
struct layout {
	char *base;
	size_t at;
};

static void *take(struct layout *p, size_t n, size_t size)
{
	void *here = p->base ? p->base + p->at : NULL;
	p->at += (n * size + 63) / 64 * 64;
	return here;
}

static float *take_floats(struct layout *p, size_t n)
{
	return take(p, n, sizeof(float));
}

static void lay_activations(
	struct layout *p, struct activations *a, const struct model *m, const struct lora *l, size_t T, bool backward)
{
	const struct model_config *c = &m->config;
	const struct arch_name *has = m->arch->vector;
	a->q = take_floats(p, T * c->H * c->D);
	a->k = take_floats(p, T * c->Hkv * c->D);
	a->v = take_floats(p, T * c->Hkv * c->D);
	a->q_raw = backward && has[NORM_Q].gguf ? take_floats(p, T * c->H * c->D) : a->q;
	a->k_raw = backward && has[NORM_K].gguf ? take_floats(p, T * c->Hkv * c->D) : a->k;
	a->q_rstd = has[NORM_Q].gguf ? take_floats(p, T * c->H) : NULL;
	a->k_rstd = has[NORM_K].gguf ? take_floats(p, T * c->Hkv) : NULL;
	a->att = take_floats(p, T * c->H * c->D);
	a->lse = backward ? take_floats(p, T * c->H) : NULL;
	a->mid = take_floats(p, T * c->C);
	a->gate = take_floats(p, T * c->F);
	a->up = take_floats(p, T * c->F);
	for (int i = 0; i < 2; i++) {
		bool normed = has[i ? NORM_FFN_OUT : NORM_ATTENTION_OUT].gguf;
		a->branch[i] = normed ? take_floats(p, T * c->C) : NULL;
		a->rstd[i] = normed ? take_floats(p, T) : NULL;
	}
	for (int t = 0; t < LORA_TARGETS; t++)
		a->h[t] = l && l->config.targets >> t & 1 ? take_floats(p, T * l->config.r) : NULL;
}

/* Rows of the head at a time: as many as make 40 MB of logits, in whole tiles; 192 of SmolLM2, so that 512 rows take three passes over the head. */
static size_t head_rows(const struct model_config *c, size_t max_tokens)
{
	size_t n = ((size_t)10 << 20) / c->V / 48 * 48;
	n = n < 48 ? 48 : n > 336 ? 336 : n;
	return n < max_tokens ? n : max_tokens;
}

static size_t lay_out(struct work *w, char *base, const struct model *m, const struct lora *l, size_t T, bool backward)
{
	const struct model_config *c = &m->config;
	struct layout p = {base, 0};
	size_t r = l ? l->config.r : 0, N = c->n_layers;
	struct activations shared = {0};
	float *stream = NULL;
	w->max_tokens = T;
	w->backward = backward;
	w->head_rows = head_rows(c, T);
	w->x = take(&p, N + 1, sizeof(*w->x));
	w->act = take(&p, N, sizeof(*w->act));
	if (!backward) {
		lay_activations(&p, &shared, m, l, T, false);
		stream = take_floats(&p, T * c->C);
	}
	for (size_t i = 0; i <= N; i++) {
		float *x = backward ? take_floats(&p, T * c->C) : stream;
		struct activations a = shared;
		if (backward && i < N)
			lay_activations(&p, &a, m, l, T, true);
		if (base)
			w->x[i] = x;
		if (base && i < N)
			w->act[i] = a;
	}
	w->normed = take_floats(&p, T * c->C);
	w->hidden = take_floats(&p, T * c->F);
	w->rstd = take_floats(&p, T);
	w->rows = take_floats(&p, w->head_rows * c->C);
	w->logits = take_floats(&p, w->head_rows * c->V);
	for (int i = 0; i < m->n_rotations; i++)
		w->angle[i] = take_floats(&p, T * c->D);
	w->seq = take(&p, T, sizeof(*w->seq));
	w->scratch = take(&p, 1, kern_scratch_bytes());
	if (backward) {
		w->dx = take_floats(&p, T * c->C);
		w->d_normed = take_floats(&p, T * c->C);
		w->dq = take_floats(&p, T * c->H * c->D);
		w->dk = take_floats(&p, T * c->Hkv * c->D);
		w->dv = take_floats(&p, T * c->Hkv * c->D);
		w->shared_dk = take_floats(&p, T * c->Hkv * c->D);
		w->shared_dv = take_floats(&p, T * c->Hkv * c->D);
		w->d_hidden = take_floats(&p, T * (c->F > c->H * c->D ? c->F : c->H * c->D));
		w->dh = take_floats(&p, T * r);
		w->d_rows = take_floats(&p, w->head_rows * c->C);
		w->seq_grad = take(&p, T, sizeof(*w->seq_grad));
	}
	return p.at;
}

size_t work_bytes(const struct model *m, const struct lora *l, size_t max_tokens, bool backward)
{
	struct work w = {0};
	return lay_out(&w, NULL, m, l, max_tokens, backward);
}

int work_new(struct work **out, const struct model *m, const struct lora *l, size_t max_tokens, bool backward, struct err *e)
{
	struct work *w = NULL;
	size_t limit = SIZE_MAX / 1024 / sizeof(float) / (m->config.n_layers + 1) /
		(m->config.C + m->config.F + m->config.H * m->config.D);
	int rc = 0;
	*out = NULL;
	if (max_tokens < 1 || max_tokens > limit)
		return err_set(
			e, ERR_RESOURCE, "a batch of %zu tokens cannot be held in memory; expected 1 to %zu", max_tokens, limit);
	if (!(w = mem_alloc(1, sizeof(*w), e)))
		return e->code;
	w->bytes = work_bytes(m, l, max_tokens, backward);
	if (!(w->block = mem_alloc(w->bytes, 1, e))) {
		rc = e->code;
		work_free(w);
		return rc;
	}
	lay_out(w, w->block, m, l, max_tokens, backward);
	*out = w;
	return 0;
}

void work_free(struct work *w)
{
	if (!w)
		return;
	mem_free(w->block);
	mem_free(w);
}

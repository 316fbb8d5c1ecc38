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

/* Columns of h behind one input: r for each target there. */
static size_t h_width(const struct lora_config *l, int input)
{
	size_t n = 0;
	for (enum lora_target t = lora_input[input]; l && t < lora_input[input + 1]; t++)
		n += l->targets >> t & 1;
	return l ? n * l->r : 0;
}

static void lay_activations(
	struct layout *p, struct activations *a, const struct model *m, const struct lora_config *l, size_t T, bool backward)
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
	for (int i = 0; i < LORA_INPUTS; i++) {
		float *h = take_floats(p, T * h_width(l, i));
		for (enum lora_target t = lora_input[i]; t < lora_input[i + 1]; t++)
			a->h[t] = h;
	}
}

/* Rows of the head at a time: as many as make 40 MB of logits, in whole tiles; 192 of SmolLM2, so that 512 rows take three passes over the head. */
static size_t head_rows(const struct model_config *c, size_t max_tokens)
{
	size_t n = ((size_t)10 << 20) / c->V / 48 * 48;
	n = n < 48 ? 48 : n > 336 ? 336 : n;
	return n < max_tokens ? n : max_tokens;
}

/* max_tokens, backward and n_recomputed are set; hands out the pieces of base, if there is one, and measures them. */
static void lay_out(struct work *w, char *base, const struct model *m, const struct lora_config *l, struct work_size *size)
{
	const struct model_config *c = &m->config;
	struct layout p = {base, 0};
	size_t T = w->max_tokens, widest = 0, N = c->n_layers, n_shared = w->backward ? w->n_recomputed + 1 : N, at;
	struct activations a = {0};
	float *x = NULL;
	w->head_rows = head_rows(c, T);
	w->x = take(&p, N + 1, sizeof(*w->x));
	w->act = take(&p, N, sizeof(*w->act));
	for (size_t i = 0; i <= N; i++) {
		if (i == 0 || w->backward)
			x = take_floats(&p, T * c->C);
		if (i == 0 || (i >= n_shared && i < N))
			lay_activations(&p, &a, m, l, T, w->backward);
		if (base)
			w->x[i] = x;
		if (base && i < N)
			w->act[i] = a;
	}
	size->layers = at = p.at;
	w->normed = take_floats(&p, T * c->C);
	w->hidden = take_floats(&p, T * c->F);
	w->rstd = take_floats(&p, T);
	for (int i = 0; i < m->n_rotations; i++)
		w->angle[i] = take_floats(&p, T * c->D);
	w->seq = take(&p, T, sizeof(*w->seq));
	if (w->backward) {
		w->dx = take_floats(&p, T * c->C);
		w->d_normed = take_floats(&p, T * c->C);
		w->dq = take_floats(&p, T * c->H * c->D);
		w->dk = take_floats(&p, T * c->Hkv * c->D);
		w->dv = take_floats(&p, T * c->Hkv * c->D);
		w->shared_dk = take_floats(&p, T * c->Hkv * c->D);
		w->shared_dv = take_floats(&p, T * c->Hkv * c->D);
		w->d_hidden = take_floats(&p, T * (c->F > c->H * c->D ? c->F : c->H * c->D));
		for (int i = 0; i < LORA_INPUTS; i++)
			widest = widest > h_width(l, i) ? widest : h_width(l, i);
		w->dh = take_floats(&p, T * widest);
		w->seq_grad = take(&p, T, sizeof(*w->seq_grad));
	}
	size->passing = p.at - at;
	at = p.at;
	w->rows = take_floats(&p, w->head_rows * c->C);
	w->logits = take_floats(&p, w->head_rows * c->V);
	if (w->backward)
		w->d_rows = take_floats(&p, w->head_rows * c->C);
	size->head = p.at - at;
	at = p.at;
	w->scratch = take(&p, 1, kern_scratch_bytes());
	size->scratch = p.at - at;
}

void work_measure(struct work_size *out, const struct model *m, const struct lora_config *l, size_t max_tokens, size_t n_recomputed)
{
	struct work w = {.max_tokens = max_tokens, .backward = true, .n_recomputed = n_recomputed};
	lay_out(&w, NULL, m, l, out);
}

/* `kind` has max_tokens, backward and n_recomputed. */
static int work_make(struct work **out, const struct model *m, const struct lora *l, struct work kind, struct err *e)
{
	const struct lora_config *c = l ? &l->config : NULL;
	struct work_size size;
	size_t limit = SIZE_MAX / 1024 / sizeof(float) / (m->config.n_layers + 1) /
		(m->config.C + m->config.F + m->config.H * m->config.D);
	*out = NULL;
	if (kind.max_tokens < 1 || kind.max_tokens > limit)
		return err_set(e, ERR_RESOURCE, "a batch of %zu tokens cannot be held in memory; expected 1 to %zu",
			kind.max_tokens, limit);
	lay_out(&kind, NULL, m, c, &size);
	struct work *w = mem_alloc(1, sizeof(*w), e);
	if (!w)
		return e->code;
	*w = kind;
	w->bytes = size.layers + size.passing + size.head + size.scratch;
	if (!(w->block = mem_alloc(w->bytes, 1, e))) {
		work_free(w);
		return e->code;
	}
	lay_out(w, w->block, m, c, &size);
	*out = w;
	return 0;
}

int work_new(struct work **out, const struct model *m, const struct lora *l, size_t max_tokens, bool backward, struct err *e)
{
	return work_make(out, m, l, (struct work){.max_tokens = max_tokens, .backward = backward}, e);
}

int work_new_recomputing(
	struct work **out, const struct model *m, const struct lora *l, size_t max_tokens, size_t n_recomputed, struct err *e)
{
	return work_make(out, m, l, (struct work){.max_tokens = max_tokens, .backward = true, .n_recomputed = n_recomputed}, e);
}

void work_free(struct work *w)
{
	if (!w)
		return;
	mem_free(w->block);
	mem_free(w);
}

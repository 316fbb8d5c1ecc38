/*
 * The layers, forward. Rows are tokens of one or many sequences laid end to end; only attention looks across rows.
 *
 * T rows, C width, F feed-forward width, H heads, D head width.
 */
#include "model/net.h"

#include <math.h>
#include <string.h>

/* A product of T rows by a layer's weight. */
static struct gemm product(const struct matrix *W, const struct work *w, float *y, const float *x, size_t T)
{
	struct gemm g = {.M = T, .N = W->rows, .n_terms = 1, .alpha = 1, .c = y, .ldc = W->rows, .scratch = w->scratch};
	g.term[0] = (struct gemm_term){.a = x, .lda = W->cols, .K = W->cols, .b = *W, .b_transposed = true};
	return g;
}

/* h [M, width] = scale x A', A being `width` rows: those of the slot, and of the next ones that read the same x. */
static struct gemm product_down(const struct lora *l, const struct lora_slot *s, const struct gemm *of, float *h, size_t width)
{
	const struct gemm_term *t = &of->term[0];
	struct gemm g = {.M = of->M, .N = width, .n_terms = 1, .alpha = l->scale, .c = h, .ldc = width, .scratch = of->scratch};
	g.term[0] = (struct gemm_term){
		.a = t->a, .lda = t->lda, .K = t->K, .b = {DTYPE_F32, width, t->K, l->params + s->a}, .b_transposed = true};
	return g;
}

/* Rows of h are `width` floats apart. */
static struct gemm_term term_up(
	const struct lora *l, const struct lora_slot *s, const struct gemm *of, const float *h, size_t width)
{
	size_t r = l->config.r;
	return (struct gemm_term){.a = h, .lda = width, .K = r, .b = {DTYPE_F32, r, of->N, l->params + s->bt}};
}

/* The adapter of next token i. */
static const struct lora *lora_of(const struct work *w, const struct lora *l, size_t i)
{
	return w->row_lora ? w->row_lora[i] : l;
}

/* linear, for next tokens: the weight is read once for all rows; then the terms of each adapter are added to its own. */
static void linear_by_row(const struct lora *l, const struct work *w, size_t layer, enum lora_target t, struct gemm *g, float *h)
{
	size_t T = g->M, n;
	g->by_row = true;
	kern->gemm(g);
	for (size_t first = 0; first < T; first += n) {
		const struct lora *own = lora_of(w, l, first);
		const struct lora_slot *s = lora_slot(own, layer, t);
		for (n = 1; first + n < T && lora_of(w, l, first + n) == own;)
			n++;
		if (!s)
			continue;
		struct gemm up = *g;
		up.M = n;
		up.c += first * g->ldc;
		up.term[0].a += first * g->term[0].lda;
		up.accumulate = true;
		up.same_a = false;
		struct gemm down = product_down(own, s, &up, h, own->config.r);
		down.by_row = true;
		kern->gemm(&down);
		up.term[0] = term_up(own, s, g, h, own->config.r);
		kern->gemm(&up);
	}
}

/*
 * y [T, out] (+)= x [T, in] W' + (scale x A') B'. h keeps scale x A' for the backward pass; the first slot of those that read x makes it for all. The
 * adapter's term rides in the same pass over y. `same_x`: the linear layer before this one has read the same x.
 */
static void linear(const struct model *m, const struct lora *l, struct work *w, size_t layer, enum lora_target t, float *y,
	const float *x, bool same_x, float *h, size_t T, bool accumulate)
{
	const struct matrix *W = &m->layer[layer].w[t];
	const struct lora_slot *s = lora_slot(l, layer, t);
	struct gemm g = product(W, w, y, x, T);
	g.accumulate = accumulate;
	g.same_a = same_x;
	if (w->by_row) {
		linear_by_row(l, w, layer, t, &g, h);
		return;
	}
	g.same_a = same_x || s;
	if (s && !s->h_first) {
		struct gemm down = product_down(l, s, &g, h, s->h_width);
		down.same_a = same_x;
		kern->gemm(&down);
	}
	if (s)
		g.term[g.n_terms++] = term_up(l, s, &g, h + s->h_first, s->h_width);
	kern->gemm(&g);
}

/* y = x, by all threads. */
static void copy(float *y, const float *x, size_t n)
{
	enum { PART = 1 << 13 };
#pragma omp parallel for schedule(static) if (n > PART)
	for (size_t i = 0; i < n; i += PART)
		memcpy(y + i, x + i, (n - i < PART ? n - i : PART) * sizeof(float));
}

/* y [T, n] + x. */
static void add(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

/* Queries, keys or values of a layer: with the family's bias, which y starts from. */
static void project(const struct model *m, const struct lora *l, struct work *w, size_t layer, enum lora_target t, float *y,
	const float *bias, size_t T)
{
	size_t n = m->layer[layer].w[t].rows;
	for (size_t i = 0; bias && i < T; i++)
		memcpy(y + i * n, bias, n * sizeof(float));
	linear(m, l, w, layer, t, y, w->normed, t != LORA_Q, w->act[layer].h[t], T, bias != NULL);
}

/* The norm of each head, where there is one, and the rotation; raw [T, n_heads, D] may be x. */
static void norm_and_rotate(const struct model *m, const struct work *w, size_t layer, float *x, const float *raw, float *rstd,
	const float *norm, size_t T, size_t n_heads)
{
	const struct model_config *c = &m->config;
	if (norm)
		kern->rmsnorm(x, rstd, raw, norm, T * n_heads, c->D, c->rms_eps);
	kern->rope(x, n_heads * c->D, w->angle[m->layer[layer].rotation], T, n_heads, c->D, c->rope, 1);
}

/* y = x and what the layer's last product makes of `in`, normed where the family does so. `which`: 0 attention, 1 feed-forward. */
static void add_branch(const struct model *m, const struct lora *l, struct work *w, size_t layer, int which, float *y,
	const float *x, const float *in, size_t T)
{
	const struct model_config *c = &m->config;
	struct activations *a = &w->act[layer];
	enum lora_target t = which ? LORA_DOWN : LORA_O;
	const float *norm = m->layer[layer].vector[which ? NORM_FFN_OUT : NORM_ATTENTION_OUT];
	if (norm) {
		linear(m, l, w, layer, t, a->branch[which], in, false, a->h[t], T, false);
		kern->rmsnorm(w->normed, a->rstd[which], a->branch[which], norm, T, c->C, c->rms_eps);
	}
	copy(y, x, T * c->C);
	if (norm)
		add(y, w->normed, T * c->C);
	else
		linear(m, l, w, layer, t, y, in, false, a->h[t], T, true);
}

/* Puts rows [n, Hkv*D] of a layer behind those in `to`, kv's keys or values; the first of the layer. */
static const uint16_t *cache(uint16_t *to, const struct kv *kv, size_t layer, const float *rows, size_t n)
{
	size_t H = kv->model->config.Hkv, D = kv->model->config.D;
	to += layer * H * kv->capacity * D;
	for (size_t h = 0; h < H; h++)
		for (size_t i = 0; i < n; i++)
			kern->halve(to + (h * kv->capacity + kv->n + i) * D, rows + (i * H + h) * D, D);
	return to;
}

/* Queries, keys and values of each sequence in the work, or of the cache that its rows continue. */
static void attend(const struct model *m, struct work *w, size_t layer, const struct batch *b, struct kv *const *kv)
{
	const struct model_config *c = &m->config;
	struct activations *a = &w->act[layer];
	size_t ldq = c->H * c->D, ldk = c->Hkv * c->D;
	for (size_t i = 0; i < b->n_seqs; i++) {
		size_t at = b->start[i], n = b->start[i + 1] - at;
		struct attention_seq *s = &w->seq[i];
		*s = (struct attention_seq){.q = a->q + at * ldq,
			.k = a->k + at * ldk,
			.v = a->v + at * ldk,
			.shared_k = a->k,
			.shared_v = a->v,
			.out = a->att + at * ldq,
			.lse = a->lse ? a->lse + at * c->H : NULL,
			.nq = n,
			.nk = batch_shared(b, i) + n,
			.n_shared = batch_shared(b, i)};
		if (kv) {
			const struct kv *own = kv[i];
			s->half_k = cache(own->k, own, layer, s->k, n);
			s->half_v = cache(own->v, own, layer, s->v, n);
			s->half_rows = own->capacity;
			s->nk = own->n + n;
		}
	}
	struct attention job = net_attention(m, w, layer, b->n_seqs);
	kern->attention(&job);
}

/* Of layer i all but its last product and what comes behind that. */
static void layer_inside(
	const struct model *m, const struct lora *l, struct work *w, size_t i, const struct batch *b, struct kv *const *kv)
{
	const struct model_config *c = &m->config;
	struct activations *a = &w->act[i];
	float *const *vector = m->layer[i].vector;
	size_t T = b->n_tokens;
	kern->rmsnorm(w->normed, w->rstd, w->x[i], vector[NORM_ATTENTION], T, c->C, c->rms_eps);
	project(m, l, w, i, LORA_Q, a->q_raw, vector[BIAS_Q], T);
	project(m, l, w, i, LORA_K, a->k_raw, vector[BIAS_K], T);
	project(m, l, w, i, LORA_V, a->v, vector[BIAS_V], T);
	norm_and_rotate(m, w, i, a->q, a->q_raw, a->q_rstd, vector[NORM_Q], T, c->H);
	norm_and_rotate(m, w, i, a->k, a->k_raw, a->k_rstd, vector[NORM_K], T, c->Hkv);
	attend(m, w, i, b, kv);
	add_branch(m, l, w, i, 0, a->mid, w->x[i], a->att, T);
	kern->rmsnorm(w->normed, w->rstd, a->mid, vector[NORM_FFN], T, c->C, c->rms_eps);
	linear(m, l, w, i, LORA_GATE, a->gate, w->normed, false, a->h[LORA_GATE], T, false);
	linear(m, l, w, i, LORA_UP, a->up, w->normed, true, a->h[LORA_UP], T, false);
	(c->activation == ACTIVATION_GELU ? kern->geglu : kern->swiglu)(w->hidden, a->gate, a->up, T * c->F);
}

static void layer_forward(
	const struct model *m, const struct lora *l, struct work *w, size_t i, const struct batch *b, struct kv *const *kv)
{
	layer_inside(m, l, w, i, b, kv);
	add_branch(m, l, w, i, 1, w->x[i + 1], w->act[i].mid, w->hidden, b->n_tokens);
}

/* The last product itself, a quarter of a Llama's layer, is needed again only where a norm is behind it. */
void net_layer_again(const struct model *m, const struct lora *l, struct work *w, size_t i, const struct batch *b)
{
	const struct activations *a = &w->act[i];
	const struct lora_slot *s = lora_slot(l, i, LORA_DOWN);
	layer_inside(m, l, w, i, b, NULL);
	if (m->layer[i].vector[NORM_FFN_OUT]) {
		add_branch(m, l, w, i, 1, w->x[i + 1], a->mid, w->hidden, b->n_tokens);
	} else if (s) {
		struct gemm whole = product(&m->layer[i].w[LORA_DOWN], w, w->x[i + 1], w->hidden, b->n_tokens);
		struct gemm down = product_down(l, s, &whole, a->h[LORA_DOWN], s->h_width);
		kern->gemm(&down);
	}
}

/* Row t stands at its position; the angle of pair i there is position frequency[i]. */
static void make_angles(const struct model *m, struct work *w, size_t t, size_t position)
{
	size_t D = m->config.D;
	for (int r = 0; r < m->n_rotations; r++) {
		for (size_t i = 0; i < D / 2; i++) {
			/* the product in f32, as the reference implementations have it */
			double angle = (double)((float)position * m->frequency[r][i]);
			w->angle[r][t * D + 2 * i] = (float)cos(angle);
			w->angle[r][t * D + 2 * i + 1] = (float)sin(angle);
		}
	}
}

int net_forward(
	const struct model *m, const struct lora *l, struct work *w, const struct batch *b, struct kv *const *kv, struct err *e)
{
	const struct model_config *c = &m->config;
	size_t T = b->n_tokens;
	if (T > w->max_tokens)
		return err_set(
			e, ERR_DATA, "a batch of %zu tokens exceeds the %zu that memory was set aside for", T, w->max_tokens);
	for (size_t i = 0; i < b->n_seqs; i++) {
		size_t first = kv ? kv[i]->n : batch_shared(b, i), n = b->start[i + 1] - b->start[i];
		if (first + n > c->context)
			return err_set(
				e, ERR_DATA, "a sequence of %zu tokens exceeds the model's context of %zu", first + n, c->context);
		for (size_t j = 0; j < n; j++)
			make_angles(m, w, b->start[i] + j, first + j);
	}
	for (size_t t = b->start[b->n_seqs]; t < T; t++)
		make_angles(m, w, t, 0);
	for (size_t t = 0; t < T; t++)
		if (b->tokens[t] < 0 || (size_t)b->tokens[t] >= c->V)
			return err_set(
				e, ERR_DATA, "token id %d at row %zu is outside the vocabulary of %zu", b->tokens[t], t, c->V);
	kern->gather(w->x[0], &m->embedding, b->tokens, T);
	for (size_t i = 0; c->embedding_scale != 1 && i < T * c->C; i++)
		w->x[0][i] *= c->embedding_scale;
	for (size_t i = 0; i < c->n_layers; i++)
		layer_forward(m, l, w, i, b, kv);
	return 0;
}

void net_last_norm(const struct model *m, struct work *w, size_t n)
{
	kern->rmsnorm(w->normed, w->rstd, w->rows, m->norm, n, m->config.C, m->config.rms_eps);
}

void net_head(const struct model *m, const struct work *w, const float *normed, size_t n, float *logits)
{
	struct gemm g = product(&m->head, w, logits, normed, n);
	g.by_row = w->by_row;
	kern->gemm(&g);
}

struct attention net_attention(const struct model *m, const struct work *w, size_t layer, size_t n_seqs)
{
	const struct model_config *c = &m->config;
	return (struct attention){.seq = w->seq,
		.grad = w->seq_grad,
		.n_seqs = n_seqs,
		.H = c->H,
		.Hkv = c->Hkv,
		.D = c->D,
		.ldq = c->H * c->D,
		.ldk = c->Hkv * c->D,
		.window = m->layer[layer].window,
		.scale = c->attention_scale,
		.scratch = w->scratch};
}

/*
 * The loss, and the layers backward: gradients of the adapters, with the base frozen. Normed inputs and the feed-forward's hidden
 * values are cheap and are computed again rather than kept.
 *
 * d_x names the gradient of the loss with respect to x.
 */
#include "model/net.h"

#include <string.h>

/*
 * Backward through y = x W' + (scale x A') B': dh = scale d_y B and d_x (+)= d_y W + dh A. d_x may be NULL where nothing below learns.
 * Of the slots that read the same x the last one adds dh A for all.
 */
static void input_backward(const struct model *m, const struct lora *l, struct work *w, size_t layer, enum lora_target t,
	float *d_x, const float *d_y, size_t T, bool accumulate)
{
	const struct matrix *W = &m->layer[layer].w[t];
	const struct lora_slot *s = lora_slot(l, layer, t);
	size_t in = W->cols, out = W->rows, r = l->config.r;
	struct gemm g = {
		.M = T, .N = in, .n_terms = 1, .alpha = 1, .c = d_x, .ldc = in, .accumulate = accumulate, .scratch = w->scratch};
	g.term[0] = (struct gemm_term){.a = d_y, .lda = out, .K = out, .b = *W};
	if (s) {
		struct matrix bt = {DTYPE_F32, r, out, l->params + s->bt};
		struct gemm dh = {.M = T, .N = r, .n_terms = 1, .alpha = l->scale, .scratch = w->scratch};
		dh.c = w->dh + s->h_first;
		dh.ldc = s->h_width;
		dh.term[0] = (struct gemm_term){.a = d_y, .lda = out, .K = out, .b = bt, .b_transposed = true};
		kern->gemm(&dh);
		g.same_a = true;
	}
	if (s && lora_is_last(l, s)) {
		struct matrix a = {DTYPE_F32, s->h_width, in, l->params + lora_first_a(s)};
		g.term[g.n_terms++] = (struct gemm_term){.a = w->dh, .lda = s->h_width, .K = s->h_width, .b = a};
	}
	if (d_x)
		kern->gemm(&g);
}

/* Directly after input_backward: d_bt = h' d_y; and of the last slot that reads x, d_a = dh' x of all of them. */
static void adapter_backward(const struct lora *l, struct work *w, size_t layer, enum lora_target t, float *grad, const float *d_y,
	const float *x, size_t T)
{
	const struct lora_slot *s = lora_slot(l, layer, t);
	if (!s)
		return;
	size_t in = s->n_in, out = s->n_out, r = l->config.r, width = s->h_width;
	const float *h = w->act[layer].h[t] + s->h_first;
	struct gemm d_bt = {.M = r, .N = out, .n_terms = 1, .alpha = 1, .c = grad + s->bt, .ldc = out, .scratch = w->scratch};
	d_bt.term[0] = (struct gemm_term){.a = h, .lda = width, .K = T, .a_transposed = true, .b = {DTYPE_F32, T, out, d_y}};
	d_bt.b_was_a = true;
	kern->gemm(&d_bt);
	if (!lora_is_last(l, s))
		return;
	struct gemm d_a = {.M = width, .N = in, .n_terms = 1, .alpha = 1, .ldc = in, .scratch = w->scratch};
	d_a.c = grad + lora_first_a(s);
	d_a.term[0] = (struct gemm_term){.a = w->dh, .lda = width, .K = T, .a_transposed = true, .b = {DTYPE_F32, T, in, x}};
	kern->gemm(&d_a);
}

static void linear_backward(const struct model *m, const struct lora *l, struct work *w, size_t layer, enum lora_target t,
	float *grad, float *d_x, const float *d_y, const float *x, size_t T, bool accumulate)
{
	input_backward(m, l, w, layer, t, d_x, d_y, T, accumulate);
	adapter_backward(l, w, layer, t, grad, d_y, x, T);
}

/* w->dq, dk and dv of all sequences. Shared rows get the sum over the sequences that share them, in their order. */
static void attend_backward(const struct model *m, struct work *w, size_t layer, const struct batch *b, const float *d_att)
{
	const struct model_config *c = &m->config;
	const struct activations *a = &w->act[layer];
	size_t ldq = c->H * c->D, ldk = c->Hkv * c->D, used = 0;
	for (size_t s = 0; s < b->n_seqs; s++) {
		size_t at = b->start[s], n = b->start[s + 1] - at, shared = batch_shared(b, s);
		w->seq[s] = (struct attention_seq){.q = a->q + at * ldq,
			.k = a->k + at * ldk,
			.v = a->v + at * ldk,
			.shared_k = a->k,
			.shared_v = a->v,
			.out = a->att + at * ldq,
			.lse = a->lse + at * c->H,
			.nq = n,
			.nk = shared + n,
			.n_shared = shared};
		w->seq_grad[s] = (struct attention_seq_grad){.d_out = d_att + at * ldq,
			.dq = w->dq + at * ldq,
			.dk = w->dk + at * ldk,
			.dv = w->dv + at * ldk,
			.shared_dk = w->shared_dk + used * ldk,
			.shared_dv = w->shared_dv + used * ldk};
		used += shared;
	}
	struct attention job = net_attention(m, w, layer, b->n_seqs);
	kern->attention_backward(&job);
	for (size_t s = 0, from = 0; s < b->n_seqs; from += batch_shared(b, s++)) {
		for (size_t i = 0; i < batch_shared(b, s) * ldk; i++) {
			w->dk[i] += w->shared_dk[from * ldk + i];
			w->dv[i] += w->shared_dv[from * ldk + i];
		}
	}
}

/*
 * The gradient of what a branch's last product gave: w->dx, through the norm behind it where there is one (then in w->d_normed, which
 * nobody needs at that time). `which`: 0 attention, 1 feed-forward.
 */
static const float *branch_backward(const struct model *m, struct work *w, size_t layer, int which, size_t T)
{
	const struct activations *a = &w->act[layer];
	const float *norm = m->layer[layer].vector[which ? NORM_FFN_OUT : NORM_ATTENTION_OUT];
	if (!norm)
		return w->dx;
	memset(w->d_normed, 0, T * m->config.C * sizeof(float));
	kern->rmsnorm_backward(w->d_normed, w->dx, a->branch[which], norm, a->rstd[which], T, m->config.C);
	return w->d_normed;
}

/*
 * The gradient of queries or keys as their product gave them, from d, that of the rotated ones: d itself, or in w->d_hidden where the
 * heads have a norm.
 */
static const float *heads_backward(const struct model *m, struct work *w, size_t layer, float *d, const float *raw,
	const float *rstd, const float *norm, size_t T, size_t n_heads)
{
	const struct model_config *c = &m->config;
	kern->rope(d, n_heads * c->D, w->angle[m->layer[layer].rotation], T, n_heads, c->D, c->rope, -1);
	if (!norm)
		return d;
	memset(w->d_hidden, 0, T * n_heads * c->D * sizeof(float));
	kern->rmsnorm_backward(w->d_hidden, d, raw, norm, rstd, T * n_heads, c->D);
	return w->d_hidden;
}

/* w->dx holds the gradient of the layer's output and receives that of its input. */
static void layer_backward(
	const struct model *m, const struct lora *l, struct work *w, size_t i, const struct batch *b, float *grad)
{
	const struct model_config *c = &m->config;
	struct activations *a = &w->act[i];
	float *const *vector = m->layer[i].vector;
	bool gelu = c->activation == ACTIVATION_GELU;
	size_t T = b->n_tokens;

	const float *d_down = branch_backward(m, w, i, 1, T);
	input_backward(m, l, w, i, LORA_DOWN, w->d_hidden, d_down, T, false);
	/* gate and up become their gradients, d_hidden the hidden values */
	(gelu ? kern->geglu_backward : kern->swiglu_backward)(w->d_hidden, a->gate, a->up, w->d_hidden, a->gate, a->up, T * c->F);
	adapter_backward(l, w, i, LORA_DOWN, grad, d_down, w->d_hidden, T);
	kern->rmsnorm(w->normed, w->rstd, a->mid, vector[NORM_FFN], T, c->C, c->rms_eps);
	linear_backward(m, l, w, i, LORA_GATE, grad, w->d_normed, a->gate, w->normed, T, false);
	linear_backward(m, l, w, i, LORA_UP, grad, w->d_normed, a->up, w->normed, T, true);
	kern->rmsnorm_backward(w->dx, w->d_normed, a->mid, vector[NORM_FFN], w->rstd, T, c->C);

	float *d_att = w->d_hidden;
	linear_backward(m, l, w, i, LORA_O, grad, d_att, branch_backward(m, w, i, 0, T), a->att, T, false);
	attend_backward(m, w, i, b, d_att);

	float *d_normed = i ? w->d_normed : NULL; /* below the first layer is only the frozen embedding */
	kern->rmsnorm(w->normed, w->rstd, w->x[i], vector[NORM_ATTENTION], T, c->C, c->rms_eps);
	const float *dq = heads_backward(m, w, i, w->dq, a->q_raw, a->q_rstd, vector[NORM_Q], T, c->H);
	linear_backward(m, l, w, i, LORA_Q, grad, d_normed, dq, w->normed, T, false);
	const float *dk = heads_backward(m, w, i, w->dk, a->k_raw, a->k_rstd, vector[NORM_K], T, c->Hkv);
	linear_backward(m, l, w, i, LORA_K, grad, d_normed, dk, w->normed, T, true);
	linear_backward(m, l, w, i, LORA_V, grad, d_normed, w->dv, w->normed, T, true);
	if (d_normed)
		kern->rmsnorm_backward(w->dx, d_normed, w->x[i], vector[NORM_ATTENTION], w->rstd, T, c->C);
}

/* The scored rows at j.. of the last layer's output into w->rows. */
static void gather_rows(const struct model *m, struct work *w, const int32_t *row, size_t n)
{
	size_t C = m->config.C;
	for (size_t i = 0; i < n; i++)
		memcpy(w->rows + i * C, w->x[m->config.n_layers] + (size_t)row[i] * C, C * sizeof(float));
}

/* The head's part of the loss of scored rows j..j+n, and the gradient of their logits in w->logits. */
static void logits_loss(const struct model *m, struct work *w, const struct batch *b, size_t j, size_t n, float scale, float *loss)
{
	size_t V = m->config.V, first = b->n_scored - b->n_distilled;
	net_head(m, w, w->normed, n, w->logits);
	if (j < first) {
		kern->cross_entropy(loss + j, w->logits, b->target + j, n, V, scale);
		return;
	}
	float *teacher = w->logits + n * V;
	net_head(m, w, b->teacher + (j - first) * m->config.C, n, teacher);
	kern->distill(loss + j, w->logits, teacher, n, V, scale);
}

/*
 * Head and loss in chunks of scored rows; with scale != 0 the gradient flows into w->dx. Logits never exist for more than a chunk; those
 * of a teacher need the other half of the same memory.
 */
static void head_loss(const struct model *m, struct work *w, const struct batch *b, float scale, float *loss)
{
	const struct model_config *c = &m->config;
	size_t first_distilled = b->n_scored - b->n_distilled;
	for (size_t j = 0, n; j < b->n_scored; j += n) {
		size_t most = j < first_distilled ? w->head_rows : w->head_rows / 2;
		n = (j < first_distilled ? first_distilled : b->n_scored) - j;
		n = n < most ? n : most;
		gather_rows(m, w, b->scored_row + j, n);
		net_last_norm(m, w, n);
		logits_loss(m, w, b, j, n, scale, loss);
		if (scale == 0)
			continue;
		struct gemm g = {.M = n, .N = c->C, .n_terms = 1, .alpha = 1, .c = w->d_normed, .ldc = c->C, .scratch = w->scratch};
		g.term[0] = (struct gemm_term){.a = w->logits, .lda = c->V, .K = c->V, .b = m->head};
		kern->gemm(&g);
		memset(w->d_rows, 0, n * c->C * sizeof(float));
		kern->rmsnorm_backward(w->d_rows, w->d_normed, w->rows, m->norm, w->rstd, n, c->C);
		for (size_t i = 0; i < n; i++)
			memcpy(w->dx + (size_t)b->scored_row[j + i] * c->C, w->d_rows + i * c->C, c->C * sizeof(float));
	}
}

/* With a gradient, whose parts for shared rows lie in a work of n_tokens rows, a sequence shares at most as many as it has. */
static int check_batch(const struct model *m, const struct batch *b, bool backward, struct err *e)
{
	for (size_t i = 0; i < b->n_seqs; i++) {
		size_t own = b->start[i + 1] - b->start[i], shared = batch_shared(b, i);
		if (shared && (!i || (backward && shared > own) || shared > b->start[1]))
			return err_set(e, ERR_DATA,
				"sequence %zu of the batch shares %zu rows; expected at most the first's %zu and, with a gradient, "
				"its "
				"own %zu",
				i, shared, b->start[1], own);
	}
	for (size_t j = 0; j < b->n_scored; j++) {
		bool ascending = j == 0 || b->scored_row[j] > b->scored_row[j - 1];
		if (!ascending || b->scored_row[j] < 0 || (size_t)b->scored_row[j] >= b->n_tokens || b->target[j] < 0 ||
			(size_t)b->target[j] >= m->config.V)
			return err_set(e, ERR_DATA,
				"scored row %zu of the batch: row %d, target %d; expected ascending rows below %zu and ids below "
				"%zu",
				j, b->scored_row[j], b->target[j], b->n_tokens, m->config.V);
	}
	return 0;
}

int model_loss(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, float *loss, struct err *e)
{
	int rc = check_batch(m, b, false, e);
	if (rc || (rc = net_forward(m, l, w, b, NULL, e)))
		return rc;
	head_loss(m, w, b, 0, loss);
	return 0;
}

int model_loss_and_grad(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, float scale,
	float *loss, float *grad, struct err *e)
{
	int rc = check_batch(m, b, true, e);
	if (rc || (rc = net_forward(m, l, w, b, NULL, e)))
		return rc;
	memset(w->dx, 0, b->n_tokens * m->config.C * sizeof(float));
	head_loss(m, w, b, scale, loss);
	for (size_t i = m->config.n_layers; i-- > 0;) {
		if (i < w->n_recomputed)
			net_layer_again(m, l, w, i, b);
		layer_backward(m, l, w, i, b, grad);
	}
	return 0;
}

int model_logits(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, const int32_t *row,
	size_t n_rows, float *logits, struct err *e)
{
	int rc = net_forward(m, l, w, b, NULL, e);
	for (size_t j = 0; !rc && j < n_rows; j += w->head_rows) {
		size_t n = n_rows - j < w->head_rows ? n_rows - j : w->head_rows;
		gather_rows(m, w, row + j, n);
		net_last_norm(m, w, n);
		net_head(m, w, w->normed, n, logits + j * m->config.V);
	}
	return rc;
}

int model_teacher(const struct model *m, struct work *w, const struct batch *b, float *teacher, struct err *e)
{
	int rc = check_batch(m, b, false, e);
	if (!rc)
		rc = net_forward(m, NULL, w, b, NULL, e);
	for (size_t j = 0; !rc && j < b->n_scored; j += w->head_rows) {
		size_t n = b->n_scored - j < w->head_rows ? b->n_scored - j : w->head_rows;
		gather_rows(m, w, b->scored_row + j, n);
		net_last_norm(m, w, n);
		memcpy(teacher + j * m->config.C, w->normed, n * m->config.C * sizeof(float));
	}
	return rc;
}

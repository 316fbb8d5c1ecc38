/*
 * The loss, and the layers backward: gradients of the adapters, with the base frozen. Normed inputs and the feed-forward's hidden
 * values are cheap and are computed again rather than kept.
 *
 * d_x names the gradient of the loss with respect to x.
 */
#include "model/net.h"

#include <string.h>

/*
 * y = x W' + (scale x A') B': with dh = scale d_y B,
 *   d_bt = h' d_y, d_a = dh' x, d_x (+)= d_y W + dh A. d_x may be NULL where nothing below learns.
 */
static void linear_backward(const struct model *m, const struct lora *l, struct work *w, size_t layer, enum lora_target t,
	float *grad, float *d_x, const float *d_y, const float *x, size_t T, bool accumulate)
{
	const struct matrix *W = &m->layer[layer].w[t];
	const struct lora_slot *s = lora_slot(l, layer, t);
	size_t in = W->cols, out = W->rows, r = l->config.r;
	struct gemm g = {
		.M = T, .N = in, .n_terms = 1, .alpha = 1, .c = d_x, .ldc = in, .accumulate = accumulate, .scratch = w->scratch};
	g.term[0] = (struct gemm_term){.a = d_y, .lda = out, .K = out, .b = *W};
	if (s) {
		struct matrix a = {DTYPE_F32, r, in, l->params + s->a}, bt = {DTYPE_F32, r, out, l->params + s->bt};
		struct gemm dh = {.M = T, .N = r, .n_terms = 1, .alpha = l->scale, .c = w->dh, .ldc = r, .scratch = w->scratch};
		dh.term[0] = (struct gemm_term){.a = d_y, .lda = out, .K = out, .b = bt, .b_transposed = true};
		kern->gemm(&dh);
		struct gemm d_bt = {
			.M = r, .N = out, .n_terms = 1, .alpha = 1, .c = grad + s->bt, .ldc = out, .scratch = w->scratch};
		d_bt.term[0] = (struct gemm_term){
			.a = w->act[layer].h[t], .lda = r, .K = T, .a_transposed = true, .b = {DTYPE_F32, T, out, d_y}};
		kern->gemm(&d_bt);
		struct gemm d_a = {.M = r, .N = in, .n_terms = 1, .alpha = 1, .c = grad + s->a, .ldc = in, .scratch = w->scratch};
		d_a.term[0] = (struct gemm_term){.a = w->dh, .lda = r, .K = T, .a_transposed = true, .b = {DTYPE_F32, T, in, x}};
		kern->gemm(&d_a);
		g.term[g.n_terms++] = (struct gemm_term){.a = w->dh, .lda = r, .K = r, .b = a};
	}
	if (d_x)
		kern->gemm(&g);
}

/* w->dx holds the gradient of the layer's output and receives that of its input. */
static void layer_backward(
	const struct model *m, const struct lora *l, struct work *w, size_t i, const struct batch *b, float *grad)
{
	const struct model_config *c = &m->config;
	struct activations *a = &w->act[i];
	size_t T = b->n_tokens, ldq = c->H * c->D, ldk = c->Hkv * c->D;

	kern->swiglu(w->hidden, a->gate, a->up, T * c->F);
	linear_backward(m, l, w, i, LORA_DOWN, grad, w->d_hidden, w->dx, w->hidden, T, false);
	kern->swiglu_backward(a->gate, a->up, w->d_hidden, a->gate, a->up, T * c->F); /* gate and up become their gradients */
	kern->rmsnorm(w->normed, w->rstd, a->mid, m->layer[i].norm2, T, c->C, c->rms_eps);
	linear_backward(m, l, w, i, LORA_GATE, grad, w->d_normed, a->gate, w->normed, T, false);
	linear_backward(m, l, w, i, LORA_UP, grad, w->d_normed, a->up, w->normed, T, true);
	kern->rmsnorm_backward(w->dx, w->d_normed, a->mid, m->layer[i].norm2, w->rstd, T, c->C);

	float *d_att = w->d_hidden;
	linear_backward(m, l, w, i, LORA_O, grad, d_att, w->dx, a->att, T, false);
	for (size_t s = 0; s < b->n_seqs; s++) {
		size_t at = b->start[s], n = b->start[s + 1] - at;
		w->seq[s] = (struct attention_seq){.q = a->q + at * ldq,
			.k = a->k + at * ldk,
			.v = a->v + at * ldk,
			.out = a->att + at * ldq,
			.lse = a->lse + at * c->H,
			.nq = n,
			.nk = n};
		w->seq_grad[s] = (struct attention_seq_grad){
			.d_out = d_att + at * ldq, .dq = w->dq + at * ldq, .dk = w->dk + at * ldk, .dv = w->dv + at * ldk};
	}
	struct attention job = net_attention(m, w, b->n_seqs);
	kern->attention_backward(&job);
	kern->rope(w->dq, ldq, m->rope, w->position, T, c->H, c->D, c->rope, -1);
	kern->rope(w->dk, ldk, m->rope, w->position, T, c->Hkv, c->D, c->rope, -1);

	float *d_normed = i ? w->d_normed : NULL; /* below the first layer is only the frozen embedding */
	kern->rmsnorm(w->normed, w->rstd, w->x[i], m->layer[i].norm1, T, c->C, c->rms_eps);
	linear_backward(m, l, w, i, LORA_Q, grad, d_normed, w->dq, w->normed, T, false);
	linear_backward(m, l, w, i, LORA_K, grad, d_normed, w->dk, w->normed, T, true);
	linear_backward(m, l, w, i, LORA_V, grad, d_normed, w->dv, w->normed, T, true);
	if (d_normed)
		kern->rmsnorm_backward(w->dx, d_normed, w->x[i], m->layer[i].norm1, w->rstd, T, c->C);
}

/* The scored rows at j.. of the last layer's output into w->rows. */
static void gather_rows(const struct model *m, struct work *w, const int32_t *row, size_t n)
{
	size_t C = m->config.C;
	for (size_t i = 0; i < n; i++)
		memcpy(w->rows + i * C, w->x[m->config.n_layers] + (size_t)row[i] * C, C * sizeof(float));
}

/* Head and loss in chunks of scored rows; with scale != 0 the gradient flows into w->dx. Logits never exist for more than a chunk. */
static void head_loss(const struct model *m, struct work *w, const struct batch *b, float scale, float *loss)
{
	const struct model_config *c = &m->config;
	for (size_t j = 0; j < b->n_scored; j += w->head_rows) {
		size_t n = b->n_scored - j < w->head_rows ? b->n_scored - j : w->head_rows;
		gather_rows(m, w, b->scored_row + j, n);
		net_head(m, w, n, w->logits);
		kern->cross_entropy(loss + j, w->logits, b->target + j, n, c->V, scale);
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

static int check_batch(const struct model *m, const struct batch *b, struct err *e)
{
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
	int rc = check_batch(m, b, e);
	if (rc || (rc = net_forward(m, l, w, b->tokens, b->n_tokens, b->start, b->n_seqs, NULL, e)))
		return rc;
	head_loss(m, w, b, 0, loss);
	return 0;
}

int model_loss_and_grad(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, float scale,
	float *loss, float *grad, struct err *e)
{
	int rc = check_batch(m, b, e);
	if (rc || (rc = net_forward(m, l, w, b->tokens, b->n_tokens, b->start, b->n_seqs, NULL, e)))
		return rc;
	memset(w->dx, 0, b->n_tokens * m->config.C * sizeof(float));
	head_loss(m, w, b, scale, loss);
	for (size_t i = m->config.n_layers; i-- > 0;)
		layer_backward(m, l, w, i, b, grad);
	return 0;
}

int model_logits(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, const int32_t *row,
	size_t n_rows, float *logits, struct err *e)
{
	int rc = net_forward(m, l, w, b->tokens, b->n_tokens, b->start, b->n_seqs, NULL, e);
	for (size_t j = 0; !rc && j < n_rows; j += w->head_rows) {
		size_t n = n_rows - j < w->head_rows ? n_rows - j : w->head_rows;
		gather_rows(m, w, row + j, n);
		net_head(m, w, n, logits + j * m->config.V);
	}
	return rc;
}

/* The key/value cache of one sequence, and the forward pass that continues it, or continues many by a token each. */
#include "model/net.h"

#include <assert.h>
#include <string.h>

int kv_new(struct kv **out, const struct model *m, size_t capacity, struct err *e)
{
	size_t width = m->config.Hkv * m->config.D, rows;
	struct kv *kv = NULL;
	*out = NULL;
	if (capacity > m->config.context)
		capacity = m->config.context;
	if (!size_mul(capacity, m->config.n_layers, &rows) || !(kv = mem_alloc(1, sizeof(*kv), e)))
		return err_set(e, ERR_RESOURCE, "no memory for a cache of %zu tokens", capacity);
	kv->model = m;
	kv->capacity = capacity;
	kv->k = mem_alloc(rows, width * sizeof(uint16_t), e);
	kv->v = kv->k ? mem_alloc(rows, width * sizeof(uint16_t), e) : NULL;
	if (!kv->v) {
		kv_free(kv);
		return e->code;
	}
	*out = kv;
	return 0;
}

void kv_free(struct kv *kv)
{
	if (!kv)
		return;
	mem_free(kv->k);
	mem_free(kv->v);
	mem_free(kv);
}

void kv_truncate(struct kv *kv, size_t n_tokens)
{
	if (n_tokens < kv->n)
		kv->n = n_tokens;
}

void kv_copy(struct kv *to, const struct kv *from, size_t n_tokens)
{
	const struct model_config *c = &to->model->config;
	size_t bytes = n_tokens * c->D * sizeof(uint16_t);
	assert(n_tokens <= from->n && n_tokens <= to->capacity);
	for (size_t i = 0; i < c->n_layers * c->Hkv; i++) {
		memcpy(to->k + i * to->capacity * c->D, from->k + i * from->capacity * c->D, bytes);
		memcpy(to->v + i * to->capacity * c->D, from->v + i * from->capacity * c->D, bytes);
	}
	to->n = n_tokens;
}

size_t kv_n(const struct kv *kv)
{
	return kv->n;
}

void net_logits(const struct model *m, struct work *w, size_t first, size_t n)
{
	size_t C = m->config.C;
	memcpy(w->rows, w->x[m->config.n_layers] + first * C, n * C * sizeof(float));
	net_last_norm(m, w, n);
	net_head(m, w, w->normed, n, w->logits);
}

int model_append(const struct model *m, const struct lora *l, struct work *w, struct kv *kv, const int32_t *tokens, size_t n,
	float *logits, struct err *e)
{
	size_t C = m->config.C;
	if (n < 1 || n > kv->capacity - kv->n)
		return err_set(e, ERR_DATA, "%zu tokens do not fit after %zu in a cache of %zu", n, kv->n, kv->capacity);
	while (n) {
		size_t step = n < w->max_tokens ? n : w->max_tokens, start[2] = {0, step};
		const struct batch b = {.tokens = tokens, .n_tokens = step, .start = start, .n_seqs = 1};
		w->by_row = step == 1;
		int rc = net_forward(m, l, w, &b, &kv, e);
		if (rc)
			return rc;
		kv->n += step;
		tokens += step;
		n -= step;
		if (n == 0)
			memcpy(w->rows, w->x[m->config.n_layers] + (step - 1) * C, C * sizeof(float));
	}
	net_last_norm(m, w, 1);
	w->by_row = true;
	net_head(m, w, w->normed, 1, logits);
	return 0;
}

size_t net_append_rows(size_t n)
{
	return n < APPEND_EACH_MAX ? APPEND_EACH_MAX : n < PREFILL_ROWS ? n : PREFILL_ROWS;
}

int net_append_each(const struct model *m, const struct lora *const *lora, struct work *w, struct kv *const *kv,
	const int32_t *tokens, size_t n, struct err *e)
{
	size_t start[APPEND_EACH_MAX + 1];
	assert(n >= 1 && n <= APPEND_EACH_MAX);
	for (size_t i = 0; i <= n; i++)
		start[i] = i;
	const struct batch b = {.tokens = tokens, .n_tokens = n, .start = start, .n_seqs = n};
	w->by_row = true;
	w->row_lora = lora;
	int rc = net_forward(m, lora[0], w, &b, kv, e);
	w->row_lora = NULL;
	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		kv[i]->n++;
	net_logits(m, w, 0, n);
	return 0;
}

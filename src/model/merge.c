/*
 * A model's tensors with an adapter merged into them, W + scale B A, some rows at a time: what an exported model is written from. In f32,
 * as the file stores its rows, so that nothing but the written format rounds. Hu et al. 2021, section 4.1.
 */
#include "model/net.h"

#include <stdio.h>
#include <string.h>

const struct gguf *model_gguf(const struct model *m)
{
	return m->gguf;
}

const struct hf *model_hf(const struct model *m)
{
	return m->hf;
}

/* Which linear layer the tensor is, as an index of lora.slot; false: none. Found by its place in the file, whatever its name. */
static bool linear_find(const struct model *m, const struct tensor *t, size_t *slot)
{
	for (size_t i = 0; i < m->config.n_layers * LORA_TARGETS; i++)
		if (m->layer[i / LORA_TARGETS].w[i % LORA_TARGETS].data == t->data) {
			*slot = i;
			return true;
		}
	return false;
}

size_t model_tensor_row(const struct model *m, const struct tensor *t, size_t row)
{
	size_t i;
	return linear_find(m, t, &i) ? lora_row(m, i % LORA_TARGETS, row) : row;
}

bool lora_changes(const struct model *m, const struct lora *l, const struct tensor *t)
{
	size_t i;
	return linear_find(m, t, &i) && lora_slot(l, i / LORA_TARGETS, i % LORA_TARGETS);
}

void lora_merge(float *dst, const struct model *m, const struct lora *l, const struct tensor *t, size_t first, size_t n)
{
	size_t cols = t->dims[t->n_dims - 1], rows = 1, i;
	for (int d = 0; d < t->n_dims - 1; d++)
		rows *= t->dims[d];
	const struct matrix w = {t->dtype, rows, cols, t->data};
	const struct lora_slot *s = linear_find(m, t, &i) ? lora_slot(l, i / LORA_TARGETS, i % LORA_TARGETS) : NULL;
	for (size_t row = 0; row < n; row++) {
		float *y = dst + row * cols;
		matrix_row(y, &w, first + row, 0, cols);
		for (size_t j = 0; s && j < l->config.r; j++) {
			const float *a = l->params + s->a + j * cols;
			float b = l->scale * l->params[s->bt + j * s->n_out + first + row];
#pragma omp simd
			for (size_t k = 0; k < cols; k++)
				y[k] += b * a[k];
		}
	}
}

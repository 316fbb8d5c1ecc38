/*
 * The values of one tensor of an export: read, merged with the adapter, narrowed to the type that is written, and handed on, some rows at a
 * time. Place in the pipeline: what export_gguf.c and export_hf.c write their tensors with. Reference: model.h, lora_merge.
 */
#include "flow/export.h"

enum { CHUNK_VALUES = 1 << 20 };

static bool is_copied(const struct export_job *j, const struct hf_part *x, enum dtype type)
{
	bool as_stored = j->kind == EXPORT_GGUF || model_hf(j->model); /* rows and norms */
	return as_stored && x->from->dtype == type && !lora_changes(j->model, j->lora, x->from);
}

/* n rows from `first` on, in the product's order: [n, cols] values, and stored. */
static void make_rows(const struct export_job *j, const struct hf_part *x, enum dtype type, size_t first, size_t n, float *values,
	uint8_t *stored)
{
	const struct tensor *t = x->from;
	size_t cols = t->dims[t->n_dims - 1], row_bytes = dtype_row_bytes(type, cols);
#pragma omp parallel for
	for (size_t i = 0; i < n; i++) {
		size_t row = j->kind == EXPORT_GGUF ? first + i : model_tensor_row(j->model, t, first + i);
		lora_merge(values + i * cols, j->model, j->lora, t, row, 1);
		for (size_t k = 0; x->minus != 0 && k < cols; k++)
			values[i * cols + k] -= x->minus;
		dtype_quantize(stored + i * row_bytes, type, values + i * cols, cols);
	}
}

int export_rows(const struct export_job *j, const struct hf_part *x, enum dtype type, export_put *put, void *writer, struct err *e)
{
	const struct tensor *t = x->from;
	size_t cols = t->n_dims ? t->dims[t->n_dims - 1] : 1, n_rows = t->size_bytes / dtype_row_bytes(t->dtype, cols);
	size_t step = cols < CHUNK_VALUES ? CHUNK_VALUES / cols : 1;
	if (is_copied(j, x, type))
		return put(writer, t->data, t->size_bytes, e);
	step = step < n_rows ? step : n_rows;
	float *values = mem_alloc(step * cols, sizeof *values, e);
	uint8_t *stored = mem_alloc(step, dtype_row_bytes(type, cols), e);
	int rc = values && stored ? 0 : ERR_RESOURCE;
	for (size_t row = 0; row < n_rows && !rc; row += step) {
		size_t n = n_rows - row < step ? n_rows - row : step;
		make_rows(j, x, type, row, n, values, stored);
		const struct matrix m = {type, n, cols, stored};
		if (!matrix_is_finite(&m))
			rc = err_set(e, ERR_FAILED, "tensor %s: a merged value is too large for %s; use --type BF16", x->name,
				dtype_name(type));
		else
			rc = put(writer, stored, n * dtype_row_bytes(type, cols), e);
	}
	mem_free(values);
	mem_free(stored);
	return rc;
}

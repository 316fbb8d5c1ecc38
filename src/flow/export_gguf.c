/*
 * The model with an adapter merged into it, as a GGUF file: the base's keys and tensors in its order; only what the adapter changes, or what is to
 * have another type, is computed and written anew, some rows at a time. Reference: format.h, gguf_writer; model.h, lora_merge.
 */
#include "flow/export.h"

#include <string.h>

enum { CHUNK_VALUES = 1 << 20 };

/* The coarser, the larger: which of two types rounds more. */
static int coarseness(enum dtype t)
{
	static const enum dtype order[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_K, DTYPE_Q4_0};
	int i = 0;
	while (order[i] != t)
		i++;
	return i;
}

/* The wanted type where rows are whole blocks of it, else the next better one. */
static enum dtype type_for(enum dtype wanted, size_t cols)
{
	if (!dtype_can_quantize(wanted))
		wanted = DTYPE_Q8_0;
	if (cols % dtype_block(wanted))
		wanted = cols % dtype_block(DTYPE_Q8_0) ? DTYPE_F16 : DTYPE_Q8_0;
	return wanted;
}

/* llama.cpp's number for a file mostly of this type (llama.h, llama_ftype). */
static uint32_t file_type(enum dtype t)
{
	switch (t) {
	case DTYPE_F32:
		return 0;
	case DTYPE_F16:
		return 1;
	case DTYPE_Q4_0:
		return 2;
	case DTYPE_Q4_K:
		return 15;
	case DTYPE_BF16:
		return 32;
	default:
		return 7;
	}
}

static bool is_same(const struct export_job *j, const struct tensor *base, const struct tensor *t)
{
	return base->dtype == t->dtype && !lora_changes(j->model, j->lora, base);
}

/* The new table of tensors: names and shapes of the base's. */
static int plan(struct export_job *j, struct tensor *t, size_t n, struct err *e)
{
	size_t n_values, n_better = 0;
	for (size_t i = 0; i < n; i++) {
		t[i] = *gguf_tensor_at(model_gguf(j->model), i);
		size_t cols = t[i].dims[t[i].n_dims - 1], n_blocks = t[i].size_bytes / dtype_block_bytes(t[i].dtype);
		bool changed = lora_changes(j->model, j->lora, &t[i]), typed = t[i].n_dims > 1 && j->type != DTYPE_COUNT;
		if (!changed && !typed)
			continue;
		enum dtype from = t[i].dtype, to = type_for(typed ? j->type : from, cols);
		n_better += to != (typed ? j->type : from);
		if (!size_mul(n_blocks, dtype_block(from), &n_values) || !size_mul(n_values, sizeof(float), &n_values))
			return err_set(e, ERR_DATA, "%s: tensor %s is too large", j->model_path, t[i].name);
		t[i].size_bytes = n_values / sizeof(float) / dtype_block(to) * dtype_block_bytes(to);
		t[i].dtype = to;
		if (coarseness(to) > coarseness(j->worst))
			j->worst = to;
	}
	if (n_better)
		log_line(LOG_INFO,
			"%zu tensors are written in the next better type: their own cannot be written, or their rows are not whole "
			"blocks",
			n_better);
	return 0;
}

static int put_tensor(struct export_job *j, struct gguf_writer *w, const struct tensor *base, const struct tensor *t, float *values,
	uint8_t *stored, struct err *e)
{
	size_t cols = t->dims[t->n_dims - 1], row_bytes = dtype_row_bytes(t->dtype, cols), n_rows = t->size_bytes / row_bytes;
	size_t step = cols < CHUNK_VALUES ? CHUNK_VALUES / cols : 1;
	int rc = 0;
	if (is_same(j, base, t))
		return gguf_put_data(w, base->data, base->size_bytes, e);
	for (size_t row = 0; row < n_rows && !rc; row += step) {
		size_t n = n_rows - row < step ? n_rows - row : step;
		lora_merge(values, j->model, j->lora, base, row, n);
#pragma omp parallel for
		for (size_t i = 0; i < n; i++)
			dtype_quantize(stored + i * row_bytes, t->dtype, values + i * cols, cols);
		const struct matrix m = {t->dtype, n, cols, stored};
		if (!matrix_is_finite(&m))
			return err_set(e, ERR_FAILED, "tensor %s: a merged value is too large for %s; use --type BF16", t->name,
				dtype_name(t->dtype));
		rc = gguf_put_data(w, stored, n * row_bytes, e);
	}
	return rc;
}

int export_gguf(struct export_job *j, struct err *e)
{
	const struct gguf *base = model_gguf(j->model);
	struct gguf_writer *w = NULL;
	if (!base)
		return err_set(e, ERR_USAGE,
			"%s is a Hugging Face folder; --to gguf needs a base that is a GGUF file: export --to hf and convert that",
			j->model_path);
	size_t n = gguf_n_tensors(base), widest = CHUNK_VALUES;
	struct tensor *t = mem_alloc(n, sizeof *t, e);
	int rc = t ? plan(j, t, n, e) : ERR_RESOURCE;
	for (size_t i = 0; i < n && !rc; i++)
		widest = t[i].dims[t[i].n_dims - 1] > widest ? t[i].dims[t[i].n_dims - 1] : widest;
	float *values = mem_alloc(widest, sizeof *values, e);
	uint8_t *stored = mem_alloc(widest, sizeof *values, e);
	if (!rc && (!values || !stored))
		rc = ERR_RESOURCE;
	if (!rc)
		rc = gguf_writer_open(&w, j->product, e);
	if (!rc)
		rc = gguf_put_u32(w, "general.file_type", file_type(j->worst), e);
	if (!rc)
		rc = gguf_put_keys(w, base, e);
	if (!rc)
		rc = gguf_put_tensors(w, t, n, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = put_tensor(j, w, gguf_tensor_at(base, i), &t[i], values, stored, e);
	if (!rc)
		rc = gguf_writer_commit(w, e);
	gguf_writer_free(w);
	mem_free(values);
	mem_free(stored);
	mem_free(t);
	return rc;
}

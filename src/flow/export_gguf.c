/*
 * The model with an adapter merged into it, as a GGUF file: the base's keys and tensors in its order; only what the adapter changes, or what is to
 * have another type, is computed and written anew, some rows at a time. Reference: format.h, gguf_writer; model.h, lora_merge.
 */
#include "flow/export.h"

#include <string.h>

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
		j->worst = export_coarser(j->worst, to);
	}
	if (n_better)
		log_line(LOG_INFO,
			"%zu tensors are written in the next better type: their own cannot be written, or their rows are not whole "
			"blocks",
			n_better);
	return 0;
}

static int put(void *writer, const void *p, size_t n, struct err *e)
{
	return gguf_put_data(writer, p, n, e);
}

int export_gguf(struct export_job *j, struct err *e)
{
	const struct gguf *base = model_gguf(j->model);
	struct gguf_writer *w = NULL;
	if (!base)
		return err_set(e, ERR_USAGE,
			"%s is a Hugging Face folder; --to gguf needs a base that is a GGUF file: export --to hf and convert that",
			j->model_path);
	const struct chat_template *chat = model_encoder(j->model)->chat;
	size_t n = gguf_n_tensors(base);
	struct tensor *t = mem_alloc(n, sizeof *t, e);
	int rc = t ? plan(j, t, n, e) : ERR_RESOURCE;
	if (!rc)
		rc = gguf_writer_open(&w, j->product, e);
	if (!rc)
		rc = gguf_put_u32(w, "general.file_type", file_type(j->worst), e);
	if (!rc)
		rc = chat ? gguf_put_str(w, "tokenizer.chat_template", chat_template_source(chat), e) : 0;
	if (!rc)
		rc = gguf_put_keys(w, base, e);
	if (!rc)
		rc = gguf_put_tensors(w, t, n, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = export_rows(j, &(struct hf_part){.name = t[i].name, .from = gguf_tensor_at(base, i)}, t[i].dtype, put, w, e);
	if (!rc)
		rc = gguf_writer_commit(w, e);
	gguf_writer_free(w);
	mem_free(t);
	return rc;
}

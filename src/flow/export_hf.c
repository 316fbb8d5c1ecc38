/*
 * The model with an adapter merged into it, as a Hugging Face folder: weights in one file or shards, config.json, generation_config.json, and
 * the tokenizer. What a base that is such a folder says besides the weights is copied; of a GGUF it is made, where that can be done without
 * changing a token or a weight. Reference: model.h, "the model as a Hugging Face folder"; format.h, tokenizer_write_hf.
 */
#include "flow/export.h"

#include <string.h>

enum { COPIED_MAX = 1 << 30 };
static const size_t SHARD_BYTES = 5000000000;

/* ---- weights ------------------------------------------------------------------------------------------------------------------- */

/* As stored where that is a plain type; else BF16, in which such models are published. */
static enum dtype type_for(const struct export_job *j, const struct tensor *base)
{
	return j->type != DTYPE_COUNT ? j->type : model_hf(j->model) ? base->dtype : DTYPE_BF16;
}

static int put(void *writer, const void *p, size_t n, struct err *e)
{
	return hf_put_data(writer, p, n, e);
}

/* The product's table of tensors. */
static int plan(struct export_job *j, const struct hf_part *part, struct tensor *t, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct tensor *base = part[i].from;
		size_t n_values = base->size_bytes / dtype_block_bytes(base->dtype) * dtype_block(base->dtype);
		t[i] = *base;
		t[i].name = part[i].name;
		t[i].dtype = type_for(j, base);
		if (!size_mul(n_values, dtype_block_bytes(t[i].dtype), &t[i].size_bytes))
			return err_set(e, ERR_DATA, "%s: tensor %s is too large", j->model_path, base->name);
		j->worst = export_coarser(j->worst, t[i].dtype);
	}
	return 0;
}

static int write_weights(struct export_job *j, struct err *e)
{
	struct arena arena;
	struct hf_part *part;
	struct hf_writer *w = NULL;
	struct tensor *t = NULL;
	size_t n;
	arena_init(&arena, 1 << 16);
	int rc = model_hf_parts(j->model, &arena, &part, &n, e);
	if (!rc && !(t = arena_alloc(&arena, n, sizeof *t, e)))
		rc = ERR_RESOURCE;
	if (!rc)
		rc = plan(j, part, t, n, e);
	if (!rc)
		rc = hf_writer_open(&w, j->product, t, n, SHARD_BYTES, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = export_rows(j, &part[i], t[i].dtype, put, w, e);
	if (!rc)
		rc = hf_writer_commit(w, e);
	hf_writer_free(w);
	arena_release(&arena);
	return rc;
}

/* ---- the rest of the folder ---------------------------------------------------------------------------------------------------- */

static int copy_file(const struct export_job *j, const char *name, struct err *e)
{
	char from[PATH_SIZE], to[PATH_SIZE];
	struct buf bytes = {0};
	int rc = path_join(from, sizeof from, e, j->model_path, name);
	if (!rc)
		rc = path_join(to, sizeof to, e, j->product, name);
	if (!rc && file_exists(from)) {
		rc = file_read(from, COPIED_MAX, &bytes, e);
		if (!rc)
			rc = file_replace(to, bytes.len ? bytes.p : "", bytes.len, e);
	}
	buf_release(&bytes);
	return rc;
}

static int write_tokenizer(const struct export_job *j, struct err *e)
{
	static const char *const files[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
		"added_tokens.json", "tokenizer.model", "vocab.json", "merges.txt"};
	char path[PATH_SIZE];
	const struct chat_template *chat = model_encoder(j->model)->chat;
	int rc = model_gguf(j->model) ? tokenizer_write_hf(model_gguf(j->model), j->product, e) : 0;
	for (size_t i = 0; model_hf(j->model) && i < sizeof files / sizeof *files && !rc; i++)
		rc = copy_file(j, files[i], e);
	if (!rc && chat) { /* also where it is attune's own: the adapter has learnt it */
		rc = path_join(path, sizeof path, e, j->product, "chat_template.jinja");
		if (!rc)
			rc = file_replace(path, chat_template_source(chat), strlen(chat_template_source(chat)), e);
	}
	return rc;
}

static int write_config(const struct export_job *j, struct err *e)
{
	char path[PATH_SIZE];
	json_t *config = NULL;
	enum dtype type = j->type == DTYPE_COUNT && model_gguf(j->model) ? DTYPE_BF16 : j->type;
	int rc = model_hf_config(j->model, type, &config, e);
	if (!rc)
		rc = path_join(path, sizeof path, e, j->product, "config.json");
	if (!rc)
		rc = json_file_write(path, config, e);
	json_decref(config);
	return rc;
}

/* What the base says, and every token that ends a turn here: transformers stops at these alone. */
static int write_generation(const struct export_job *j, struct err *e)
{
	static const char name[] = "generation_config.json";
	char from[PATH_SIZE], to[PATH_SIZE];
	const struct tokenizer *t = model_encoder(j->model)->tokenizer;
	json_t *config = NULL, *ends = json_array();
	int rc = path_join(from, sizeof from, e, j->model_path, name);
	if (!rc)
		rc = path_join(to, sizeof to, e, j->product, name);
	if (!rc && model_hf(j->model) && file_exists(from))
		rc = json_file(&config, from, COPIED_MAX, e);
	else if (!rc)
		config = json_object();
	for (size_t id = 0; id < tokenizer_n_vocab(t); id++)
		if (tokenizer_is_eog(t, (int32_t)id))
			json_array_append_new(ends, json_integer((json_int_t)id));
	if (!rc) {
		json_object_set(config, "eos_token_id", ends);
		rc = json_file_write(to, config, e);
	}
	json_decref(ends);
	json_decref(config);
	return rc;
}

int export_hf(struct export_job *j, struct err *e)
{
	int rc = dir_make(j->product, e);
	if (!rc)
		rc = write_config(j, e);
	if (!rc)
		rc = write_tokenizer(j, e); /* before the weights: a refusal comes at once */
	if (!rc)
		rc = write_generation(j, e);
	return rc ? rc : write_weights(j, e);
}

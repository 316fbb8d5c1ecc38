/*
 * Opens a model file and binds its tensors to their places. Every size is checked against the limits here and in config.c, so that the
 * rest of the room can trust it.
 */
#include "model/net.h"

#include <string.h>
#include <sys/stat.h>

/* The same explicit short message in training and in every use; a template's own default names its own maker. */
static const char system_message[] = "You are a helpful assistant.";

enum { MAX_VOCABULARY = 1 << 20 };

/* ---- tensors ------------------------------------------------------------------------------------------------------------------ */

static const struct tensor *find(const struct model *m, const char *name)
{
	return m->gguf ? gguf_tensor(m->gguf, name) : hf_tensor(m->hf, name);
}

static const char *whole_name(const struct model *m, struct arch_name name)
{
	return m->gguf ? name.gguf : name.hf;
}

int tensor_matrix(struct matrix *out, const struct tensor_at *at, size_t rows, size_t cols, struct err *e)
{
	const struct tensor *t = at->tensor;
	if (!t)
		return err_set(e, ERR_DATA, "%s: tensor %s is missing", at->path, at->name);
	if (t->n_dims != 2 || t->dims[0] != rows || t->dims[1] != cols)
		return err_set(e, ERR_DATA, "%s: tensor %s has %d dimensions [%zu, %zu], expected [%zu, %zu]", at->path, at->name,
			t->n_dims, t->dims[0], t->n_dims > 1 ? t->dims[1] : 0, rows, cols);
	*out = (struct matrix){t->dtype, rows, cols, t->data};
	if (!matrix_is_finite(out)) /* it would turn everything into NaN far from here */
		return err_set(
			e, ERR_DATA, "%s: tensor %s holds a value that is not finite; the file is damaged", at->path, at->name);
	return 0;
}

int tensor_vector(struct arena *arena, float **out, const struct tensor_at *at, size_t n, struct err *e)
{
	const struct tensor *t = at->tensor;
	if (!t)
		return err_set(e, ERR_DATA, "%s: tensor %s is missing", at->path, at->name);
	if (t->n_dims != 1 || t->dims[0] != n || dtype_block(t->dtype) != 1)
		return err_set(e, ERR_DATA,
			"%s: tensor %s: expected %zu plain values, found %s with %d dimensions and %zu in the first", at->path,
			at->name, n, dtype_name(t->dtype), t->n_dims, t->dims[0]);
	*out = arena_alloc(arena, n, sizeof(float), e);
	if (!*out)
		return e->code;
	struct matrix w = {t->dtype, 1, n, t->data};
	if (!matrix_is_finite(&w))
		return err_set(
			e, ERR_DATA, "%s: tensor %s holds a value that is not finite; the file is damaged", at->path, at->name);
	matrix_row(*out, &w, 0, 0, n);
	return 0;
}

static int bind_matrix(const struct model *m, struct matrix *out, const char *name, size_t rows, size_t cols, struct err *e)
{
	const struct tensor_at at = {m->path, name, find(m, name)};
	return tensor_matrix(out, &at, rows, cols, e);
}

int load_vector(struct model *m, float **out, const char *name, size_t n, struct err *e)
{
	const struct tensor_at at = {m->path, name, find(m, name)};
	return tensor_vector(&m->arena, out, &at, n, e);
}

size_t layer_vector_length(const struct model_config *c, enum arch_vector v)
{
	switch (v) {
	case NORM_Q:
	case NORM_K:
		return c->D;
	case BIAS_Q:
		return c->H * c->D;
	case BIAS_K:
	case BIAS_V:
		return c->Hkv * c->D;
	default:
		return c->C;
	}
}

/* A norm or a bias, where the family has it; a folder's norm of 1 + w becomes 1 + w. */
static int load_layer_vector(struct model *m, size_t i, enum arch_vector v, struct err *e)
{
	const struct arch *a = m->arch;
	size_t n = layer_vector_length(&m->config, v);
	char name[128];
	if (!a->vector[v].gguf)
		return 0;
	arch_layer_name(m->gguf != NULL, i, a->vector[v], name, sizeof(name));
	int rc = load_vector(m, &m->layer[i].vector[v], name, n, e);
	for (size_t j = 0; !rc && j < n && m->hf && a->norm_plus_one && v <= NORM_FFN_OUT; j++)
		m->layer[i].vector[v][j] += 1;
	return rc;
}

/* Tensors that other models have and that would change the computation. */
static int refuse_strangers(const struct model *m, size_t i, struct err *e)
{
	static const struct arch_name others[] = {{"attn_output.bias", "self_attn.o_proj.bias"},
		{"ffn_gate.bias", "mlp.gate_proj.bias"}, {"ffn_up.bias", "mlp.up_proj.bias"},
		{"ffn_down.bias", "mlp.down_proj.bias"}, {"attn_sinks.weight", "self_attn.sinks"},
		{"ffn_gate_inp.weight", "mlp.gate.weight"}, {"attn_norm.bias", "input_layernorm.bias"}};
	enum { OTHERS = sizeof(others) / sizeof(others[0]) };
	char name[128];
	for (size_t j = 0; j < OTHERS + ARCH_VECTORS; j++) {
		struct arch_name part = j < OTHERS ? others[j] : arch_vector_known[j - OTHERS];
		if (j >= OTHERS && m->arch->vector[j - OTHERS].gguf)
			continue;
		arch_layer_name(m->gguf != NULL, i, part, name, sizeof(name));
		bool own = false; /* families use one name for different parts */
		for (int v = 0; v < ARCH_VECTORS; v++)
			own = own || (m->arch->vector[v].gguf && !strcmp(whole_name(m, part), whole_name(m, m->arch->vector[v])));
		if (!own && find(m, name))
			return err_set(e, ERR_DATA, "%s: has tensor %s, which is not supported in a model of this family (%s)",
				m->path, name, whole_name(m, m->arch->name));
	}
	return 0;
}

static int load_layer(struct model *m, size_t i, struct err *e)
{
	const struct model_config *c = &m->config;
	size_t q = c->H * c->D, kv = c->Hkv * c->D;
	const size_t shape[LORA_TARGETS][2] = {[LORA_Q] = {q, c->C},
		[LORA_K] = {kv, c->C},
		[LORA_V] = {kv, c->C},
		[LORA_O] = {c->C, q},
		[LORA_GATE] = {c->F, c->C},
		[LORA_UP] = {c->F, c->C},
		[LORA_DOWN] = {c->C, c->F}};
	struct layer *layer = &m->layer[i];
	char name[128];
	int rc = 0;
	for (int v = 0; v < ARCH_VECTORS && !rc; v++)
		rc = load_layer_vector(m, i, (enum arch_vector)v, e);
	for (int t = 0; t < LORA_TARGETS && !rc; t++) {
		arch_layer_name(m->gguf != NULL, i, arch_weight[t], name, sizeof(name));
		rc = bind_matrix(m, &layer->w[t], name, shape[t][0], shape[t][1], e);
	}
	return rc ? rc : refuse_strangers(m, i, e);
}

static int load_tensors(struct model *m, struct err *e)
{
	struct model_config *c = &m->config;
	const char *embedding = whole_name(m, arch_embedding), *head = whole_name(m, arch_head);
	const struct tensor *t = find(m, embedding);
	if (!t || t->n_dims != 2)
		return err_set(e, ERR_DATA, "%s: tensor %s is missing or not a matrix", m->path, embedding);
	c->V = t->dims[0];
	c->n_tokens = tokenizer_n_vocab(m->tokenizer);
	if (c->V > MAX_VOCABULARY || c->V < c->n_tokens)
		return err_set(e, ERR_DATA,
			"%s: the embedding has %zu rows for the tokenizer's %zu tokens; expected as many or more, up to %d",
			m->path, c->V, c->n_tokens, MAX_VOCABULARY);
	int rc = bind_matrix(m, &m->embedding, embedding, c->V, c->C, e);
	if (rc)
		return rc;
	c->tied = !find(m, head) || (m->hf && json_is_true(json_object_get(hf_config(m->hf), "tie_word_embeddings")));
	m->head = m->embedding;
	if (!c->tied && (rc = bind_matrix(m, &m->head, head, c->V, c->C, e)))
		return rc;
	if ((rc = load_vector(m, &m->norm, whole_name(m, arch_norm), c->C, e)))
		return rc;
	for (size_t i = 0; m->hf && m->arch->norm_plus_one && i < c->C; i++)
		m->norm[i] += 1;
	for (size_t i = 0; i < c->n_layers && !rc; i++)
		rc = load_layer(m, i, e);
	return rc;
}

/* ---- public --------------------------------------------------------------------------------------------------------------------- */

int model_open(struct model **out, const char *path, struct err *e)
{
	struct model *m = mem_alloc(1, sizeof(*m), e);
	int rc = m ? 0 : e->code;
	struct stat st;
	*out = NULL;
	if (rc)
		return rc;
	arena_init(&m->arena, 1 << 16);
	if (!(m->path = mem_strdup(path, e)))
		rc = e->code;
	else if (stat(path, &st))
		rc = err_errno(e, "open the model", path);
	else if (S_ISDIR(st.st_mode))
		rc = hf_open(&m->hf, path, e) || tokenizer_from_hf(&m->tokenizer, path, e) ||
				chat_template_from_hf(&m->chat, path, e)
			? e->code
			: 0;
	else
		rc = gguf_open(&m->gguf, path, e) || tokenizer_from_gguf(&m->tokenizer, m->gguf, e) ||
				chat_template_from_gguf(&m->chat, m->gguf, e)
			? e->code
			: 0;
	if (!rc && !m->chat)
		rc = chat_template_built_in(&m->chat, m->tokenizer, e);
	if (rc || (rc = load_config(m, e)) || (rc = load_tensors(m, e)))
		goto done;
	bool add_system = m->chat && chat_template_renders_system(m->chat);
	m->encoder = (struct encoder){m->tokenizer, m->chat, add_system ? system_message : NULL};
	*out = m;
	m = NULL;
done:
	model_free(m);
	return rc;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	chat_template_free(m->chat);
	tokenizer_free(m->tokenizer);
	gguf_close(m->gguf);
	hf_close(m->hf);
	arena_release(&m->arena);
	mem_free(m->path);
	mem_free(m);
}

const struct model_config *model_config(const struct model *m)
{
	return &m->config;
}

const char *model_path(const struct model *m)
{
	return m->path;
}

static size_t matrix_bytes(const struct matrix *w)
{
	return w->rows * dtype_row_bytes(w->dtype, w->cols);
}

size_t model_bytes(const struct model *m)
{
	size_t n = matrix_bytes(&m->embedding) + (m->config.tied ? 0 : matrix_bytes(&m->head));
	for (size_t i = 0; i < m->config.n_layers * LORA_TARGETS; i++)
		n += matrix_bytes(&m->layer[i / LORA_TARGETS].w[i % LORA_TARGETS]);
	return n;
}

const struct encoder *model_encoder(const struct model *m)
{
	return &m->encoder;
}

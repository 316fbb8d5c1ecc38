/*
 * Opens a model file and binds its tensors to the places of the Llama architecture. Every size is checked against the limits here, so
 * that the rest of the room can trust it.
 */
#include "model/net.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* The same explicit short message in training and in every use; a template's own default names its own maker. */
static const char system_message[] = "You are a helpful assistant.";

enum { MAX_LAYERS = 512, MAX_WIDTH = 1 << 17, MAX_VOCABULARY = 1 << 20, MAX_CONTEXT = 1 << 20, MAX_D = 256, MAX_GROUP = 64 };

/* ---- names ---------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *gguf, *hf;
} weight_names[LORA_TARGETS] = {
	[LORA_Q] = {"attn_q", "self_attn.q_proj"},
	[LORA_K] = {"attn_k", "self_attn.k_proj"},
	[LORA_V] = {"attn_v", "self_attn.v_proj"},
	[LORA_O] = {"attn_output", "self_attn.o_proj"},
	[LORA_GATE] = {"ffn_gate", "mlp.gate_proj"},
	[LORA_UP] = {"ffn_up", "mlp.up_proj"},
	[LORA_DOWN] = {"ffn_down", "mlp.down_proj"},
};

static const struct tensor *find(const struct model *m, const char *name)
{
	return m->gguf ? gguf_tensor(m->gguf, name) : hf_tensor(m->hf, name);
}

static void layer_name(const struct model *m, char *name, size_t size, size_t layer, const char *gguf, const char *hf)
{
	if (m->gguf)
		snprintf(name, size, "blk.%zu.%s.weight", layer, gguf);
	else
		snprintf(name, size, "model.layers.%zu.%s.weight", layer, hf);
}

/* ---- configuration ---------------------------------------------------------------------------------------------------------- */

/* A size from GGUF metadata or config.json; absent: `missing`, or an error when that is 0. */
static int get_size(
	const struct model *m, const char *gguf_key, const char *hf_key, size_t missing, size_t max, size_t *out, struct err *e)
{
	const char *key = m->gguf ? gguf_key : hf_key;
	uint64_t v = 0;
	bool present;
	if (m->gguf) {
		present = gguf_has(m->gguf, key);
		if (present && gguf_u64(m->gguf, key, &v, e))
			return e->code;
	} else {
		const json_t *j = json_object_get(hf_config(m->hf), key);
		present = j && !json_is_null(j);
		if (present && (!json_is_integer(j) || json_integer_value(j) < 0))
			return err_set(e, ERR_DATA, "%s: config.json: %s: expected a non-negative integer", m->path, key);
		v = present ? (uint64_t)json_integer_value(j) : 0;
	}
	if (!present && missing) {
		*out = missing;
		return 0;
	}
	if (!present)
		return err_set(e, ERR_DATA, "%s: %s is missing; a Llama model must say it", m->path, key);
	if (v < 1 || v > max)
		return err_set(e, ERR_DATA, "%s: %s is %llu, expected 1 to %zu", m->path, key, (unsigned long long)v, max);
	*out = (size_t)v;
	return 0;
}

static int get_float(const struct model *m, const char *gguf_key, const char *hf_key, double missing, float *out, struct err *e)
{
	double v = missing;
	const char *key = m->gguf ? gguf_key : hf_key;
	if (m->gguf) {
		if (gguf_has(m->gguf, key) && gguf_f64(m->gguf, key, &v, e))
			return e->code;
	} else {
		const json_t *c = hf_config(m->hf), *j = json_object_get(c, key);
		if (!j) /* transformers 5 keeps rope_theta here */
			j = json_object_get(json_object_get(c, "rope_parameters"), key);
		if (j && !json_is_number(j))
			return err_set(e, ERR_DATA, "%s: config.json: %s: expected a number", m->path, key);
		v = j ? json_number_value(j) : missing;
	}
	if (!(v > 0 && v < 1e12))
		return err_set(e, ERR_DATA, "%s: %s is %g, expected a positive number", m->path, key, v);
	*out = (float)v;
	return 0;
}

/* What would change the computation and is not built: refused by name, never ignored. */
static int refuse_unknown(const struct model *m, struct err *e)
{
	if (m->gguf) {
		const char *architecture, *scaling;
		if (gguf_str(m->gguf, "general.architecture", &architecture, e))
			return e->code;
		if (strcmp(architecture, "llama"))
			return err_set(
				e, ERR_DATA, "%s: general.architecture is '%s'; attune computes 'llama'", m->path, architecture);
		if (gguf_has(m->gguf, "llama.rope.scaling.type")) {
			if (gguf_str(m->gguf, "llama.rope.scaling.type", &scaling, e))
				return e->code;
			if (strcmp(scaling, "none"))
				return err_set(e, ERR_DATA, "%s: rope scaling '%s' is not supported", m->path, scaling);
		}
		if (gguf_tensor(m->gguf, "rope_freqs.weight"))
			return err_set(e, ERR_DATA, "%s: rope_freqs.weight (scaled positions) is not supported", m->path);
		if (gguf_tensor(m->gguf, "blk.0.attn_q.bias") || gguf_tensor(m->gguf, "blk.0.ffn_gate_inp.weight"))
			return err_set(e, ERR_DATA, "%s: attention biases and expert layers are not supported", m->path);
		return 0;
	}
	const json_t *c = hf_config(m->hf), *rope = json_object_get(c, "rope_scaling");
	const char *type = json_string_value(json_object_get(c, "model_type")),
		   *act = json_string_value(json_object_get(c, "hidden_act"));
	if (!rope || json_is_null(rope))
		rope = json_object_get(c, "rope_parameters");
	const char *scaling = json_string_value(json_object_get(rope, "rope_type"));
	if (!scaling)
		scaling = json_string_value(json_object_get(rope, "type"));
	if (!type || strcmp(type, "llama"))
		return err_set(e, ERR_DATA, "%s: config.json: model_type is '%s'; attune computes 'llama'", m->path,
			type ? type : "(none)");
	if (act && strcmp(act, "silu"))
		return err_set(e, ERR_DATA, "%s: config.json: hidden_act is '%s', expected 'silu'", m->path, act);
	if (scaling && strcmp(scaling, "default"))
		return err_set(e, ERR_DATA, "%s: config.json: rope scaling '%s' is not supported", m->path, scaling);
	if (json_is_true(json_object_get(c, "attention_bias")) || json_is_true(json_object_get(c, "mlp_bias")))
		return err_set(e, ERR_DATA, "%s: config.json: attention_bias and mlp_bias are not supported", m->path);
	return 0;
}

static int load_config(struct model *m, struct err *e)
{
	struct model_config *c = &m->config;
	size_t rotated;
	int rc = refuse_unknown(m, e);
	if (rc || (rc = get_size(m, "llama.block_count", "num_hidden_layers", 0, MAX_LAYERS, &c->n_layers, e)) ||
		(rc = get_size(m, "llama.embedding_length", "hidden_size", 0, MAX_WIDTH, &c->C, e)) ||
		(rc = get_size(m, "llama.feed_forward_length", "intermediate_size", 0, MAX_WIDTH, &c->F, e)) ||
		(rc = get_size(m, "llama.attention.head_count", "num_attention_heads", 0, MAX_WIDTH, &c->H, e)) ||
		(rc = get_size(m, "llama.attention.head_count_kv", "num_key_value_heads", c->H, MAX_WIDTH, &c->Hkv, e)) ||
		(rc = get_size(m, "llama.attention.key_length", "head_dim", c->C / c->H ? c->C / c->H : 1, MAX_WIDTH, &c->D, e)) ||
		(rc = get_size(m, "llama.rope.dimension_count", "head_dim", c->D, MAX_WIDTH, &rotated, e)) ||
		(rc = get_size(m, "llama.context_length", "max_position_embeddings", 2048, MAX_CONTEXT, &c->context, e)) ||
		(rc = get_float(m, "llama.attention.layer_norm_rms_epsilon", "rms_norm_eps", 1e-5, &c->rms_eps, e)) ||
		(rc = get_float(m, "llama.rope.freq_base", "rope_theta", 10000, &c->rope_theta, e)))
		return rc;
	if (c->D % 2 || c->D > MAX_D || rotated != c->D)
		return err_set(e, ERR_DATA,
			"%s: head width %zu with %zu rotated; expected an even width up to %d, all of it rotated", m->path, c->D,
			rotated, MAX_D);
	if (c->H % c->Hkv || c->H / c->Hkv > MAX_GROUP)
		return err_set(e, ERR_DATA, "%s: %zu heads over %zu key/value heads; expected a whole group of at most %d", m->path,
			c->H, c->Hkv, MAX_GROUP);
	c->rope = m->gguf ? ROPE_INTERLEAVED : ROPE_HALF;
	return 0;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------------------ */

static int bind_matrix(const struct model *m, struct matrix *out, const char *name, size_t rows, size_t cols, struct err *e)
{
	const struct tensor *t = find(m, name);
	if (!t)
		return err_set(e, ERR_DATA, "%s: tensor %s is missing", m->path, name);
	if (t->n_dims != 2 || t->dims[0] != rows || t->dims[1] != cols)
		return err_set(e, ERR_DATA, "%s: tensor %s has %d dimensions [%zu, %zu], expected [%zu, %zu]", m->path, name,
			t->n_dims, t->dims[0], t->n_dims > 1 ? t->dims[1] : 0, rows, cols);
	*out = (struct matrix){t->dtype, rows, cols, t->data};
	if (!matrix_is_finite(out)) /* it would turn everything into NaN far from here */
		return err_set(e, ERR_DATA, "%s: tensor %s holds a value that is not finite; the file is damaged", m->path, name);
	return 0;
}

static int load_vector(struct model *m, float **out, const char *name, size_t n, struct err *e)
{
	const struct tensor *t = find(m, name);
	if (!t)
		return err_set(e, ERR_DATA, "%s: tensor %s is missing", m->path, name);
	if (t->n_dims != 1 || t->dims[0] != n || dtype_block(t->dtype) != 1)
		return err_set(e, ERR_DATA,
			"%s: tensor %s: expected %zu plain values, found %s with %d dimensions and %zu in the first", m->path, name,
			n, dtype_name(t->dtype), t->n_dims, t->dims[0]);
	*out = arena_alloc(&m->arena, n, sizeof(float), e);
	if (!*out)
		return e->code;
	struct matrix w = {t->dtype, 1, n, t->data};
	if (!matrix_is_finite(&w))
		return err_set(e, ERR_DATA, "%s: tensor %s holds a value that is not finite; the file is damaged", m->path, name);
	matrix_row(*out, &w, 0, 0, n);
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
	char name[128];
	int rc = 0;
	layer_name(m, name, sizeof(name), i, "attn_norm", "input_layernorm");
	rc = load_vector(m, &m->layer[i].norm1, name, c->C, e);
	if (!rc) {
		layer_name(m, name, sizeof(name), i, "ffn_norm", "post_attention_layernorm");
		rc = load_vector(m, &m->layer[i].norm2, name, c->C, e);
	}
	for (int t = 0; t < LORA_TARGETS && !rc; t++) {
		layer_name(m, name, sizeof(name), i, weight_names[t].gguf, weight_names[t].hf);
		rc = bind_matrix(m, &m->layer[i].w[t], name, shape[t][0], shape[t][1], e);
	}
	return rc;
}

static int load_tensors(struct model *m, struct err *e)
{
	struct model_config *c = &m->config;
	const char *embedding = m->gguf ? "token_embd.weight" : "model.embed_tokens.weight";
	const char *head = m->gguf ? "output.weight" : "lm_head.weight";
	const struct tensor *t = find(m, embedding);
	if (!t || t->n_dims != 2)
		return err_set(e, ERR_DATA, "%s: tensor %s is missing or not a matrix", m->path, embedding);
	c->V = t->dims[0];
	if (c->V > MAX_VOCABULARY || c->V != tokenizer_n_vocab(m->tokenizer))
		return err_set(e, ERR_DATA, "%s: the embedding has %zu rows, the tokenizer %zu tokens; they must be equal", m->path,
			c->V, tokenizer_n_vocab(m->tokenizer));
	int rc = bind_matrix(m, &m->embedding, embedding, c->V, c->C, e);
	if (rc)
		return rc;
	c->tied = !find(m, head) || (m->hf && json_is_true(json_object_get(hf_config(m->hf), "tie_word_embeddings")));
	m->head = m->embedding;
	if (!c->tied && (rc = bind_matrix(m, &m->head, head, c->V, c->C, e)))
		return rc;
	if ((rc = load_vector(m, &m->norm, m->gguf ? "output_norm.weight" : "model.norm.weight", c->C, e)))
		return rc;
	m->layer = arena_alloc(&m->arena, c->n_layers, sizeof(*m->layer), e);
	if (!m->layer)
		return e->code;
	for (size_t i = 0; i < c->n_layers && !rc; i++)
		rc = load_layer(m, i, e);
	return rc;
}

/* Angle of pair i at position p: p theta^(-2i/D). */
static int make_rope(struct model *m, struct err *e)
{
	const struct model_config *c = &m->config;
	m->rope = arena_alloc(&m->arena, c->context * c->D, sizeof(float), e);
	if (!m->rope)
		return e->code;
	for (size_t i = 0; i < c->D / 2; i++) {
		/* rounded to f32 as the reference implementations do: at position 8000 the difference is visible */
		float frequency = (float)(1 / pow((double)c->rope_theta, 2 * (double)i / (double)c->D));
		for (size_t p = 0; p < c->context; p++) {
			double angle = (double)((float)p * frequency);
			m->rope[p * c->D + 2 * i] = (float)cos(angle);
			m->rope[p * c->D + 2 * i + 1] = (float)sin(angle);
		}
	}
	return 0;
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
	if (rc || (rc = load_config(m, e)) || (rc = load_tensors(m, e)) || (rc = make_rope(m, e)))
		goto done;
	m->encoder = (struct encoder){m->tokenizer, m->chat, system_message};
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

const struct encoder *model_encoder(const struct model *m)
{
	return &m->encoder;
}

size_t model_n_params(const struct model *m)
{
	const struct model_config *c = &m->config;
	size_t n = (m->config.tied ? 1 : 2) * c->V * c->C + c->C;
	for (size_t i = 0; i < c->n_layers; i++) {
		n += 2 * c->C;
		for (int t = 0; t < LORA_TARGETS; t++)
			n += m->layer[i].w[t].rows * m->layer[i].w[t].cols;
	}
	return n;
}

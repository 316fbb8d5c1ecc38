/*
 * The model as a Hugging Face folder has it: which tensors, under which names, and the config.json that says what they mean. For a model
 * that came from a folder that is what stands there; for one from a GGUF it is made by the table of families, in the spelling that
 * transformers of any age reads (rope_theta, rope_scaling). Place in the pipeline: export --to hf. Reference: arch.h, config.c.
 */
#include "model/net.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors ------------------------------------------------------------------------------------------------------------------- */

struct parts {
	const struct model *m;
	struct arena *arena;
	struct hf_part *p;
	size_t n;
};

static int part_add(struct parts *x, const char *gguf, const char *hf, float minus, struct err *e)
{
	const char *name = arena_strdup(x->arena, hf, strlen(hf), e);
	x->p[x->n++] = (struct hf_part){name, gguf_tensor(x->m->gguf, gguf), minus};
	return name ? 0 : ERR_RESOURCE;
}

static int part_add_layer(struct parts *x, size_t layer, struct arch_name part, float minus, struct err *e)
{
	char gguf[128], hf[128];
	arch_layer_name(true, layer, part, gguf, sizeof gguf);
	arch_layer_name(false, layer, part, hf, sizeof hf);
	return part_add(x, gguf, hf, minus, e);
}

static int parts_of_gguf(struct parts *x, struct err *e)
{
	const struct model *m = x->m;
	const struct arch *a = m->arch;
	float one = a->norm_plus_one ? 1 : 0;
	int rc = part_add(x, arch_embedding.gguf, arch_embedding.hf, 0, e);
	for (size_t i = 0; i < m->config.n_layers; i++) {
		for (int v = 0; v < ARCH_VECTORS && !rc; v++)
			if (a->vector[v].gguf)
				rc = part_add_layer(x, i, a->vector[v], v <= NORM_FFN_OUT ? one : 0, e);
		for (int t = 0; t < LORA_TARGETS && !rc; t++)
			rc = part_add_layer(x, i, arch_weight[t], 0, e);
	}
	if (!rc)
		rc = part_add(x, arch_norm.gguf, arch_norm.hf, one, e);
	return rc || m->config.tied ? rc : part_add(x, arch_head.gguf, arch_head.hf, 0, e);
}

int model_hf_parts(const struct model *m, struct arena *arena, struct hf_part **out, size_t *n, struct err *e)
{
	size_t n_max = m->hf ? hf_n_tensors(m->hf) : m->config.n_layers * (ARCH_VECTORS + LORA_TARGETS) + 3;
	struct parts x = {.m = m, .arena = arena, .p = arena_alloc(arena, n_max, sizeof *x.p, e)};
	int rc = x.p ? 0 : ERR_RESOURCE;
	if (!rc && m->gguf)
		rc = parts_of_gguf(&x, e);
	for (; !rc && m->hf && x.n < n_max; x.n++) {
		const struct tensor *t = hf_tensor_at(m->hf, x.n);
		x.p[x.n] = (struct hf_part){.name = t->name, .from = t};
	}
	*out = rc ? NULL : x.p;
	*n = rc ? 0 : x.n;
	return rc;
}

/* ---- rotation ------------------------------------------------------------------------------------------------------------------ */

/* Whether these are the divisors of the file's ROPE_FREQS. */
static bool divisors_fit(const struct model *m, const struct rotation *r, const struct matrix *divisors)
{
	for (size_t i = 0; i < m->config.D / 2; i++) {
		float d;
		matrix_row(&d, divisors, 0, i, 1);
		double frequency = 1 / pow(r->theta, 2 * (double)i / (double)m->config.D), wanted = llama3_divisor(r, frequency);
		if (!(fabs((double)d - wanted) <= 1e-4 * wanted))
			return false;
	}
	return true;
}

/* GGUF keeps what Llama 3's scaling comes to, not its four numbers: 1 and 4 in every model, the factor, and a context that is a power of 2. */
static int find_llama3(const struct model *m, struct rotation *r, struct err *e)
{
	const struct tensor *t = gguf_tensor(m->gguf, ROPE_FREQS);
	if (!t)
		return 0;
	const struct matrix divisors = {t->dtype, 1, m->config.D / 2, t->data};
	float d, slowest = 1;
	for (size_t i = 0; i < m->config.D / 2; i++) {
		matrix_row(&d, &divisors, 0, i, 1);
		slowest = d > slowest ? d : slowest;
	}
	const double factors[] = {(double)slowest, 8, 32};
	for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
		for (double size = 16; size <= 1 << 20; size *= 2) {
			struct rotation guess = {
				.theta = r->theta, .factor = factors[i], .low = 1, .high = 4, .original_size = size};
			if (divisors_fit(m, &guess, &divisors) && r->factor == 1) {
				*r = guess;
				return 0;
			}
		}
	return err_set(e, ERR_DATA,
		"%s: " ROPE_FREQS
		" is no scaling that config.json can name; export --to gguf, which transformers loads with gguf_file=",
		m->path);
}

static json_t *scaling_json(const struct rotation *r)
{
	if (r->original_size > 0)
		return json_pack("{s:s, s:f, s:f, s:f, s:I}", "rope_type", "llama3", "factor", r->factor, "low_freq_factor", r->low,
			"high_freq_factor", r->high, "original_max_position_embeddings", (json_int_t)r->original_size);
	return r->factor == 1 ? json_null() : json_pack("{s:s, s:f}", "rope_type", "linear", "factor", r->factor);
}

/* ---- config.json --------------------------------------------------------------------------------------------------------------- */

static const char *torch_name(enum dtype t)
{
	return t == DTYPE_F32 ? "float32" : t == DTYPE_F16 ? "float16" : "bfloat16";
}

/* The family that computes this: a Llama GGUF with windows is a Mistral. */
static const struct arch *folder_arch(const struct model *m, size_t window)
{
	const struct arch *a = m->arch;
	for (size_t i = 0; window && a->window == WINDOW_NONE; i++) {
		const struct arch *other = arch_at(i);
		assert(other);
		if (!strcmp(other->name.gguf, a->name.gguf) && other->window != WINDOW_NONE)
			return other;
	}
	return a;
}

static int put_windows(const struct model *m, json_t *config, const struct arch *a, size_t window, struct err *e)
{
	bool all = true;
	json_t *types = json_array();
	for (size_t i = 0; i < m->config.n_layers; i++) {
		all = all && m->layer[i].window;
		json_array_append_new(types, json_string(m->layer[i].window ? "sliding_attention" : "full_attention"));
	}
	if (a->window == WINDOW_ALL && window && !all) {
		json_decref(types);
		return err_set(e, ERR_DATA,
			"%s: some layers have a window and some have none, which config.json of a %s cannot say; export --to gguf, "
			"which "
			"transformers loads with gguf_file=",
			m->path, a->name.hf);
	}
	if (a->window != WINDOW_NONE)
		json_object_set_new(config, "sliding_window", window ? json_integer((json_int_t)window) : json_null());
	if (a->window == WINDOW_UPPER)
		json_object_set_new(config, "use_sliding_window", json_boolean(window));
	if (a->window == WINDOW_PATTERN || (a->window == WINDOW_UPPER && window))
		json_object_set(config, "layer_types", types);
	json_decref(types);
	return 0;
}

/* The ids of the tokens that the metadata name. */
static int put_ids(const struct model *m, json_t *config, struct err *e)
{
	static const char *const keys[][2] = {{"bos_token_id", "tokenizer.ggml.bos_token_id"},
		{"eos_token_id", "tokenizer.ggml.eos_token_id"}, {"pad_token_id", "tokenizer.ggml.padding_token_id"}};
	int rc = 0;
	for (size_t i = 0; i < sizeof keys / sizeof *keys && !rc; i++) {
		uint64_t id;
		if (!gguf_has(m->gguf, keys[i][1]))
			continue;
		rc = gguf_u64(m->gguf, keys[i][1], &id, e);
		if (!rc)
			json_object_set_new(config, keys[i][0], json_integer((json_int_t)id));
	}
	return rc;
}

/* The double of fewest digits that is this float: 1e-06, not 9.9999999747524e-07. */
static double shortest(float v)
{
	char text[32];
	double d = 0;
	for (int digits = 1; digits <= 9 && (float)d != v; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)v);
		d = strtod(text, NULL);
	}
	return d;
}

static int config_of_gguf(const struct model *m, json_t *config, struct err *e)
{
	const struct model_config *c = &m->config;
	struct rotation all, local;
	size_t window = 0;
	int rc = read_gguf_rotation(m, false, &all, e);
	if (!rc)
		rc = read_gguf_rotation(m, true, &local, e);
	if (!rc)
		rc = find_llama3(m, &all, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < c->n_layers && !window; i++)
		window = m->layer[i].window;
	const struct arch *a = folder_arch(m, window);
	json_t *more = json_pack("{s:[s], s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:s, s:b, s:f, s:o}", "architectures",
		a->hf_class, "model_type", a->name.hf, "vocab_size", (json_int_t)c->V, "hidden_size", (json_int_t)c->C,
		"intermediate_size", (json_int_t)c->F, "num_hidden_layers", (json_int_t)c->n_layers, "num_attention_heads",
		(json_int_t)c->H, "num_key_value_heads", (json_int_t)c->Hkv, "head_dim", (json_int_t)c->D,
		"max_position_embeddings", (json_int_t)c->context, "rms_norm_eps", shortest(c->rms_eps),
		a->scaled_embedding ? "hidden_activation" : "hidden_act",
		c->activation == ACTIVATION_GELU ? "gelu_pytorch_tanh" : "silu", "tie_word_embeddings", c->tied, "rope_theta",
		all.theta, "rope_scaling", scaling_json(&all));
	json_object_update(config, more);
	json_decref(more);
	if (a->local_theta)
		json_object_set_new(config, "rope_local_base_freq", json_real(local.theta));
	if (a->layers_of_wide)
		json_object_set_new(config, "query_pre_attn_scalar", json_integer(lround(1 / pow((double)c->attention_scale, 2))));
	rc = put_windows(m, config, a, window, e);
	return rc ? rc : put_ids(m, config, e);
}

int model_hf_config(const struct model *m, enum dtype type, json_t **out, struct err *e)
{
	json_t *config = *out = m->hf ? json_deep_copy(hf_config(m->hf)) : json_object();
	int rc = m->gguf ? config_of_gguf(m, config, e) : 0;
	if (!rc && type != DTYPE_COUNT)
		json_object_set_new(
			config, json_object_get(config, "dtype") ? "dtype" : "torch_dtype", json_string(torch_name(type)));
	if (rc) {
		json_decref(config);
		*out = NULL;
	}
	return rc;
}

/*
 * Reads what a model file says of its shape, from GGUF metadata or config.json, into struct model_config and the layers. What would
 * change the computation and is not built is refused by name, never ignored.
 */
#include "model/net.h"

#include <math.h>
#include <string.h>

enum { MAX_LAYERS = 512, MAX_WIDTH = 1 << 17, MAX_CONTEXT = 1 << 20, MAX_D = 256, MAX_GROUP = 64, WINDOW_EACH = 6, KEY_SIZE = 96 };

/* ---- single values --------------------------------------------------------------------------------------------------------- */

/* A key of the family's metadata: "llama." and the rest. */
static const char *family_key(const struct model *m, char key[KEY_SIZE], const char *rest)
{
	snprintf(key, KEY_SIZE, "%s.%s", m->arch->name.gguf, rest);
	return key;
}

static const json_t *present(const json_t *object, const char *key)
{
	const json_t *j = json_object_get(object, key);
	return json_is_null(j) ? NULL : j;
}

/* Where in a folder a key stands, for errors. */
static const char *place(const struct model *m)
{
	return m->hf ? "config.json: " : "";
}

/* A size from GGUF metadata or config.json; absent: `missing`, or an error when that is 0. */
static int get_size(
	const struct model *m, const char *gguf_rest, const char *hf_key, size_t missing, size_t max, size_t *out, struct err *e)
{
	char space[KEY_SIZE];
	const char *key = m->gguf ? family_key(m, space, gguf_rest) : hf_key;
	uint64_t v = missing;
	if (m->gguf) {
		if (gguf_has(m->gguf, key) && gguf_u64(m->gguf, key, &v, e))
			return e->code;
	} else {
		const json_t *j = present(hf_config(m->hf), key);
		if (j && (!json_is_integer(j) || json_integer_value(j) < 0))
			return err_set(e, ERR_DATA, "%s: config.json: %s: expected a non-negative integer", m->path, key);
		v = j ? (uint64_t)json_integer_value(j) : missing;
	}
	if (!v && !(m->gguf ? gguf_has(m->gguf, key) : present(hf_config(m->hf), key) != NULL))
		return err_set(e, ERR_DATA, "%s: %s%s is missing", m->path, place(m), key);
	if (v < 1 || v > max)
		return err_set(
			e, ERR_DATA, "%s: %s%s is %llu, expected 1 to %zu", m->path, place(m), key, (unsigned long long)v, max);
	*out = (size_t)v;
	return 0;
}

/* A number that was read, or 0 where there is neither the key nor a value to take in its place. */
static int check_positive(const struct model *m, const char *key, bool present, double v, double *out, struct err *e)
{
	if (!present && v == 0)
		return err_set(e, ERR_DATA, "%s: %s%s is missing", m->path, place(m), key);
	if (!(v > 0 && v < 1e12))
		return err_set(e, ERR_DATA, "%s: %s%s is %g, expected a positive number", m->path, place(m), key, v);
	*out = v;
	return 0;
}

/* A positive number of the metadata; absent: `missing`, which is an error when 0. */
static int get_gguf_number(const struct model *m, const char *rest, double missing, double *out, struct err *e)
{
	char key[KEY_SIZE];
	double v = missing;
	bool has = gguf_has(m->gguf, family_key(m, key, rest));
	if (has && gguf_f64(m->gguf, key, &v, e))
		return e->code;
	return check_positive(m, key, has, v, out, e);
}

static int get_hf_number(const struct model *m, const json_t *object, const char *key, double missing, double *out, struct err *e)
{
	const json_t *j = present(object, key);
	if (j && !json_is_number(j))
		return err_set(e, ERR_DATA, "%s: config.json: %s: expected a number", m->path, key);
	return check_positive(m, key, j, j ? json_number_value(j) : missing, out, e);
}

/* ---- what is not built -------------------------------------------------------------------------------------------------------- */

/* Parts of other models that would change the computation. */
static const char *const gguf_unbuilt[] = {"expert_count", "attention.clamp_kqv", "attention.max_alibi_bias", "attention.scale",
	"attn_logit_softcapping", "final_logit_softcapping", "logit_scale", "embedding_scale", "residual_scale",
	"rope.dimension_sections", "rope.dimension_count_swa"};
static const char *const hf_unbuilt[] = {"num_local_experts", "num_experts", "n_routed_experts", "attn_logit_softcapping",
	"final_logit_softcapping", "use_bidirectional_attention", "mlp_bias", "attention_bias", "clip_qkv", "quantization_config"};

static int refuse_unbuilt(const struct model *m, struct err *e)
{
	char key[KEY_SIZE];
	for (size_t i = 0; m->gguf && i < sizeof(gguf_unbuilt) / sizeof(gguf_unbuilt[0]); i++) {
		double v = 1;
		struct err ignored = {0};
		if (!gguf_has(m->gguf, family_key(m, key, gguf_unbuilt[i])))
			continue;
		if (gguf_f64(m->gguf, key, &v, &ignored) || v != 0)
			return err_set(e, ERR_DATA, "%s: %s is set; models with it are not supported", m->path, key);
	}
	for (size_t i = 0; m->hf && i < sizeof(hf_unbuilt) / sizeof(hf_unbuilt[0]); i++) {
		const json_t *j = present(hf_config(m->hf), hf_unbuilt[i]);
		bool off = !j || json_is_false(j) || (json_is_number(j) && json_number_value(j) == 0);
		bool own = m->arch->vector[BIAS_Q].hf && !strcmp(hf_unbuilt[i], "attention_bias"); /* as the family always has it */
		if (!off && !own)
			return err_set(e, ERR_DATA, "%s: config.json: %s is set; models with it are not supported", m->path,
				hf_unbuilt[i]);
	}
	return 0;
}

/* ---- family ---------------------------------------------------------------------------------------------------------------------- */

static int find_arch(struct model *m, struct err *e)
{
	char list[128];
	const char *name;
	if (!m->gguf)
		name = json_string_value(json_object_get(hf_config(m->hf), "model_type"));
	else if (gguf_str(m->gguf, "general.architecture", &name, e))
		return e->code;
	m->arch = name ? arch_find(m->gguf != NULL, name) : NULL;
	if (m->arch)
		return 0;
	arch_list(m->gguf != NULL, list, sizeof(list));
	return err_set(e, ERR_DATA, "%s: %s is '%s'; attune computes %s", m->path,
		m->gguf ? "general.architecture" : "config.json: model_type", name ? name : "(none)", list);
}

static int load_activation(struct model *m, struct err *e)
{
	const json_t *c = m->hf ? hf_config(m->hf) : NULL;
	const char *name = json_string_value(json_object_get(c, "hidden_act")),
		   *newer = json_string_value(json_object_get(c, "hidden_activation"));
	name = newer ? newer : name;
	m->config.activation = m->arch->act;
	if (!name)
		return 0;
	if (!strcmp(name, "silu"))
		m->config.activation = ACTIVATION_SILU;
	else if (!strcmp(name, "gelu_pytorch_tanh"))
		m->config.activation = ACTIVATION_GELU;
	else
		return err_set(
			e, ERR_DATA, "%s: config.json: the activation is '%s', expected silu or gelu_pytorch_tanh", m->path, name);
	return 0;
}

static int load_attention_scale(struct model *m, struct err *e)
{
	struct model_config *c = &m->config;
	double square = (double)(c->n_layers == m->arch->layers_of_wide ? c->C / c->H : c->D);
	int rc = m->hf ? get_hf_number(m, hf_config(m->hf), "query_pre_attn_scalar", (double)c->D, &square, e) : 0;
	c->attention_scale = (float)(1 / sqrt(square));
	return rc;
}

/* ---- rotation --------------------------------------------------------------------------------------------------------------------- */

int read_gguf_rotation(const struct model *m, bool local, struct rotation *r, struct err *e)
{
	char key[KEY_SIZE];
	const char *scaling = "linear"; /* llama.cpp's, where only a factor stands */
	double global;
	int rc = get_gguf_number(m, "rope.freq_base", m->arch->theta, &global, e);
	*r = (struct rotation){.theta = global, .factor = 1};
	if (rc || local)
		return rc ? rc
			  : get_gguf_number(
				    m, "rope.freq_base_swa", m->arch->local_theta ? m->arch->local_theta : global, &r->theta, e);
	if (gguf_has(m->gguf, family_key(m, key, "rope.scaling.type")) && gguf_str(m->gguf, key, &scaling, e))
		return e->code;
	if (!strcmp(scaling, "none"))
		return 0;
	if (strcmp(scaling, "linear"))
		return err_set(e, ERR_DATA, "%s: rope scaling '%s' is not supported, only linear and Llama 3's", m->path, scaling);
	if ((rc = get_gguf_number(m, "rope.scale_linear", 1, &r->factor, e)))
		return rc;
	return get_gguf_number(m, "rope.scaling.factor", r->factor, &r->factor, e);
}

/* The object that describes the rotation: rope_scaling of older folders, rope_parameters of newer ones, there one for each kind of layer. */
static const json_t *hf_rotation(const json_t *config, const char *kind)
{
	const json_t *r = present(config, "rope_scaling"), *newer = present(config, "rope_parameters"), *own;
	bool local = !strcmp(kind, "sliding_attention");
	if (r && !local)
		return r;
	own = present(newer, kind);
	return own ? own : local && present(newer, "full_attention") ? NULL : newer;
}

static int read_hf_rotation(const struct model *m, bool local, struct rotation *r, struct err *e)
{
	const json_t *c = hf_config(m->hf), *o = hf_rotation(c, local ? "sliding_attention" : "full_attention");
	const char *type = json_string_value(json_object_get(o, "rope_type"));
	const json_t *newer = present(c, "rope_parameters"), *full = present(newer, "full_attention");
	double base = m->arch->theta, partial;
	int rc;
	*r = (struct rotation){.factor = 1};
	if ((rc = get_hf_number(m, newer, "rope_theta", base, &base, e)) ||
		(rc = get_hf_number(m, full, "rope_theta", base, &base, e)) ||
		(rc = get_hf_number(m, c, "rope_theta", base, &base, e)))
		return rc;
	if (local && m->arch->local_theta && (rc = get_hf_number(m, c, "rope_local_base_freq", m->arch->local_theta, &base, e)))
		return rc;
	if ((rc = get_hf_number(m, o, "rope_theta", base, &r->theta, e)) ||
		(rc = get_hf_number(m, c, "partial_rotary_factor", 1, &partial, e)) ||
		(rc = get_hf_number(m, o, "partial_rotary_factor", partial, &partial, e)))
		return rc;
	if (partial != 1)
		return err_set(e, ERR_DATA, "%s: config.json: partial_rotary_factor is %g, expected all of a head to be rotated",
			m->path, partial);
	type = type ? type : json_string_value(json_object_get(o, "type"));
	if (!type || !strcmp(type, "default"))
		return 0;
	if (strcmp(type, "linear") && strcmp(type, "llama3"))
		return err_set(
			e, ERR_DATA, "%s: config.json: rope scaling '%s' is not supported, only linear and llama3", m->path, type);
	if ((rc = get_hf_number(m, o, "factor", 0, &r->factor, e)) || !strcmp(type, "linear"))
		return rc;
	if ((rc = get_hf_number(m, o, "low_freq_factor", 0, &r->low, e)) ||
		(rc = get_hf_number(m, o, "high_freq_factor", 0, &r->high, e)) ||
		(rc = get_hf_number(m, o, "original_max_position_embeddings", (double)m->config.context, &r->original_size, e)))
		return rc;
	if (r->high <= r->low)
		return err_set(e, ERR_DATA, "%s: config.json: high_freq_factor is %g, expected more than low_freq_factor's %g",
			m->path, r->high, r->low);
	return 0;
}

double llama3_divisor(const struct rotation *r, double frequency)
{
	double turns = r->original_size * frequency / (2 * M_PI);
	double smooth = (turns - r->low) / (r->high - r->low);
	return smooth > 1 ? 1 : smooth < 0 ? r->factor : 1 / ((1 - smooth) / r->factor + smooth);
}

/* Radians a position of each pair, [D/2]. */
static int make_frequencies(struct model *m, bool local, float **out, struct err *e)
{
	size_t n = m->config.D / 2;
	struct rotation r;
	int rc = m->gguf ? read_gguf_rotation(m, local, &r, e) : read_hf_rotation(m, local, &r, e);
	if (rc)
		return rc;
	float *f = *out = arena_alloc(&m->arena, n, sizeof(*f), e);
	if (!f)
		return e->code;
	for (size_t i = 0; i < n; i++) {
		/* rounded to f32 as the reference implementations do: at position 8000 the difference is visible */
		f[i] = (float)(1 / pow(r.theta, 2 * (double)i / (double)m->config.D));
		f[i] = (float)((double)f[i] / (r.original_size ? llama3_divisor(&r, (double)f[i]) : r.factor));
	}
	return 0;
}

/* GGUF keeps Llama 3's divisors as a tensor. */
static int apply_rope_freqs(struct model *m, struct err *e)
{
	const char *name = ROPE_FREQS;
	float *divisor;
	if (!m->gguf || !gguf_tensor(m->gguf, name))
		return 0;
	int rc = load_vector(m, &divisor, name, m->config.D / 2, e);
	for (size_t i = 0; !rc && i < m->config.D / 2; i++) {
		if (!(divisor[i] > 0))
			return err_set(e, ERR_DATA, "%s: %s: value %zu is %g, expected a positive divisor", m->path, name, i,
				(double)divisor[i]);
		m->frequency[0][i] /= divisor[i];
	}
	return rc;
}

/* ---- windows ----------------------------------------------------------------------------------------------------------------------- */

/* layer_types of config.json, which says it of each layer. */
static int windows_of_types(struct model *m, const json_t *types, size_t window, struct err *e)
{
	if (json_array_size(types) != m->config.n_layers)
		return err_set(e, ERR_DATA, "%s: config.json: layer_types has %zu entries for %zu layers", m->path,
			json_array_size(types), m->config.n_layers);
	for (size_t i = 0; i < m->config.n_layers; i++) {
		const char *type = json_string_value(json_array_get(types, i));
		bool slides = type && !strcmp(type, "sliding_attention");
		if (!slides && (!type || strcmp(type, "full_attention")))
			return err_set(e, ERR_DATA,
				"%s: config.json: layer_types: layer %zu is '%s', expected full_attention or sliding_attention",
				m->path, i, type ? type : "(no text)");
		if (slides && !window)
			return err_set(
				e, ERR_DATA, "%s: config.json: layer %zu slides, but there is no sliding_window", m->path, i);
		m->layer[i].window = slides ? window : 0;
	}
	return 0;
}

static int load_hf_windows(struct model *m, struct err *e)
{
	const json_t *c = hf_config(m->hf), *types = present(c, "layer_types");
	enum arch_window kind = m->arch->window;
	size_t window = 0, from = 0, each = WINDOW_EACH;
	int rc = 0;
	/* a sliding_window of null is none at all; an absent one is the family's */
	bool none = kind == WINDOW_NONE || json_is_null(json_object_get(c, "sliding_window")) ||
		(kind == WINDOW_UPPER && !json_is_true(json_object_get(c, "use_sliding_window")));
	if (!none)
		rc = get_size(m, NULL, "sliding_window", m->arch->hf_window, MAX_CONTEXT, &window, e);
	if (!rc && types && kind != WINDOW_ALL)
		return windows_of_types(m, types, window, e);
	if (!rc && kind == WINDOW_PATTERN && present(c, "sliding_window_pattern"))
		rc = get_size(m, NULL, "sliding_window_pattern", WINDOW_EACH, MAX_LAYERS, &each, e);
	if (!rc && !none && kind == WINDOW_UPPER) {
		const json_t *j = json_object_get(c, "max_window_layers");
		if (!json_is_integer(j) || json_integer_value(j) < 0)
			return err_set(e, ERR_DATA, "%s: config.json: max_window_layers: expected a non-negative integer", m->path);
		from = (size_t)json_integer_value(j);
	}
	for (size_t i = 0; !rc && i < m->config.n_layers; i++)
		m->layer[i].window = i < from || (kind == WINDOW_PATTERN && (i + 1) % each == 0) ? 0 : window;
	return rc;
}

static int load_gguf_windows(struct model *m, struct err *e)
{
	char key[KEY_SIZE], pattern[KEY_SIZE];
	uint64_t window = 0, each = m->arch->window == WINDOW_PATTERN ? WINDOW_EACH : 0;
	size_t n;
	int64_t slides;
	struct err ignored = {0};
	if (gguf_has(m->gguf, family_key(m, key, "attention.sliding_window")) && gguf_u64(m->gguf, key, &window, e))
		return e->code;
	if (!window)
		return 0;
	if (window > MAX_CONTEXT)
		return err_set(
			e, ERR_DATA, "%s: %s is %llu, expected up to %d", m->path, key, (unsigned long long)window, MAX_CONTEXT);
	bool said = gguf_has(m->gguf, family_key(m, pattern, "attention.sliding_window_pattern"));
	if (said && !gguf_array_n(m->gguf, pattern, &n, &ignored)) {
		if (n != m->config.n_layers)
			return err_set(
				e, ERR_DATA, "%s: %s has %zu entries for %zu layers", m->path, pattern, n, m->config.n_layers);
		for (size_t i = 0; i < n; i++) {
			if (gguf_array_i64(m->gguf, pattern, i, &slides, e))
				return e->code;
			m->layer[i].window = slides ? (size_t)window : 0;
		}
		return 0;
	}
	if (said && gguf_u64(m->gguf, pattern, &each, e))
		return e->code;
	if (!said && m->arch->window == WINDOW_UPPER)
		return err_set(e, ERR_DATA, "%s: %s is there without %s, which says of which layers", m->path, key, pattern);
	for (size_t i = 0; i < m->config.n_layers; i++)
		m->layer[i].window = each && (i + 1) % each == 0 ? 0 : (size_t)window;
	return 0;
}

/* ---- all ------------------------------------------------------------------------------------------------------------------------------ */

static int check_heads(const struct model *m, size_t rotated, size_t value_width, struct err *e)
{
	const struct model_config *c = &m->config;
	if (c->D % 2 || c->D > MAX_D || rotated != c->D || value_width != c->D)
		return err_set(e, ERR_DATA,
			"%s: head width %zu with %zu rotated, values %zu wide; expected an even width up to %d, all of it rotated, "
			"and "
			"values as wide",
			m->path, c->D, rotated, value_width, MAX_D);
	if (c->H % c->Hkv || c->H / c->Hkv > MAX_GROUP)
		return err_set(e, ERR_DATA, "%s: %zu heads over %zu key/value heads; expected a whole group of at most %d", m->path,
			c->H, c->Hkv, MAX_GROUP);
	return 0;
}

static int load_shape(struct model *m, struct err *e)
{
	struct model_config *c = &m->config;
	size_t rotated = 0, value_width = 0, D;
	double eps;
	int rc;
	if ((rc = get_size(m, "block_count", "num_hidden_layers", 0, MAX_LAYERS, &c->n_layers, e)) ||
		(rc = get_size(m, "embedding_length", "hidden_size", 0, MAX_WIDTH, &c->C, e)) ||
		(rc = get_size(m, "feed_forward_length", "intermediate_size", 0, MAX_WIDTH, &c->F, e)) ||
		(rc = get_size(m, "attention.head_count", "num_attention_heads", 0, MAX_WIDTH, &c->H, e)) ||
		(rc = get_size(m, "attention.head_count_kv", "num_key_value_heads", c->H, MAX_WIDTH, &c->Hkv, e)) ||
		(rc = get_size(m, "context_length", "max_position_embeddings", 2048, MAX_CONTEXT, &c->context, e)))
		return rc;
	D = m->hf && m->arch->hf_head_dim ? m->arch->hf_head_dim : c->C / c->H ? c->C / c->H : 1;
	if ((rc = get_size(m, "attention.key_length", "head_dim", D, MAX_WIDTH, &c->D, e)))
		return rc;
	rotated = value_width = c->D;
	if (m->gguf &&
		((rc = get_size(m, "rope.dimension_count", NULL, c->D, MAX_WIDTH, &rotated, e)) ||
			(rc = get_size(m, "attention.value_length", NULL, c->D, MAX_WIDTH, &value_width, e))))
		return rc;
	if ((rc = check_heads(m, rotated, value_width, e)) ||
		(rc = m->gguf ? get_gguf_number(m, "attention.layer_norm_rms_epsilon", 0, &eps, e)
			      : get_hf_number(m, hf_config(m->hf), "rms_norm_eps", 1e-6, &eps, e)))
		return rc;
	c->rms_eps = (float)eps;
	c->rope = m->gguf ? m->arch->gguf_rope : ROPE_HALF;
	c->embedding_scale = m->arch->scaled_embedding ? sqrtf((float)c->C) : 1;
	return 0;
}

int load_config(struct model *m, struct err *e)
{
	int rc = find_arch(m, e);
	if (rc || (rc = refuse_unbuilt(m, e)) || (rc = load_shape(m, e)) || (rc = load_activation(m, e)) ||
		(rc = load_attention_scale(m, e)))
		return rc;
	m->layer = arena_alloc(&m->arena, m->config.n_layers, sizeof(*m->layer), e);
	if (!m->layer)
		return e->code;
	if ((rc = m->gguf ? load_gguf_windows(m, e) : load_hf_windows(m, e)) ||
		(rc = make_frequencies(m, false, &m->frequency[0], e)) || (rc = apply_rope_freqs(m, e)))
		return rc;
	m->n_rotations = 1;
	for (size_t i = 0; i < m->config.n_layers; i++) {
		m->layer[i].rotation = m->arch->local_theta && m->layer[i].window ? 1 : 0;
		m->n_rotations = m->layer[i].rotation ? 2 : m->n_rotations;
	}
	return m->n_rotations > 1 ? make_frequencies(m, true, &m->frequency[1], e) : 0;
}

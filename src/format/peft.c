/*
 * A PEFT adapter folder: adapter_config.json and adapter_model.safetensors, as PEFT's LoRA writes and loads them. Whatever would make
 * the adapter compute something else than W + scale B A is refused by the name of its key.
 * Reference: https://huggingface.co/docs/peft/package_reference/lora (LoraConfig) and "PEFT checkpoint format"
 */
#include "format/cursor.h"
#include "format/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t CONFIG_MAX = (size_t)16 << 20;
static const char CONFIG[] = "adapter_config.json", WEIGHTS[] = "adapter_model.safetensors";
static const char PREFIX[] = "base_model.model.", SUFFIX_A[] = ".lora_A.weight", SUFFIX_B[] = ".lora_B.weight";

enum { RANK_MAX = 65536 };

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

/* NULL when out of memory or when a string is not UTF-8. */
static json_t *config_json(const struct peft_config *c)
{
	bool whole = c->alpha == floor(c->alpha) && fabs(c->alpha) < 0x1p53;
	json_t *alpha = whole ? json_integer((json_int_t)c->alpha) : json_real(c->alpha), *targets = json_array();
	for (size_t i = 0; i < c->n_targets; i++)
		if (json_array_append_new(targets, json_string(c->targets[i]))) {
			json_decref(alpha);
			json_decref(targets);
			return NULL;
		}
	/* in the order of the alphabet, as PEFT writes them */
	return json_pack("{s:{}, s:n, s:s, s:s, s:b, s:b, s:b, s:n, s:n, s:o, s:f, s:n, s:s, s:I, s:{}, s:n, s:o, s:s, s:b, s:b}",
		"alpha_pattern", "auto_mapping", "base_model_name_or_path", c->base_model, "bias", "none", "fan_in_fan_out", false,
		"inference_mode", true, "init_lora_weights", true, "layers_pattern", "layers_to_transform", "lora_alpha", alpha,
		"lora_dropout", 0.0, "modules_to_save", "peft_type", "LORA", "r", (json_int_t)c->r, "rank_pattern", "revision",
		"target_modules", targets, "task_type", "CAUSAL_LM", "use_dora", false, "use_rslora", c->use_rslora);
}

int peft_write(const char *dir, const struct peft_config *c, const struct tensor *t, size_t n, struct err *e)
{
	char config[PATH_SIZE], weights[PATH_SIZE];
	int rc = path_join(config, sizeof config, e, dir, CONFIG);
	if (!rc)
		rc = path_join(weights, sizeof weights, e, dir, WEIGHTS);
	if (!rc)
		rc = dir_make(dir, e);
	if (!rc)
		rc = safetensors_write(weights, t, n, e);
	if (rc)
		return rc;
	json_t *json = config_json(c);
	rc = json_file_write(config, json, e);
	json_decref(json);
	return rc;
}

/* ---- reading the configuration ----------------------------------------------------------------------------------------- */

/* Neither absent, null, false, 0, nor empty. */
static bool is_set(const json_t *value)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_STRING:
		return json_string_length(value);
	case JSON_ARRAY:
		return json_array_size(value);
	case JSON_OBJECT:
		return json_object_size(value);
	default:
		return json_number_value(value) != 0 || json_is_true(value);
	}
}

/* Keys that change what the adapter computes, or what it is applied to. */
static int refuse_keys(const json_t *json, const char *path, struct err *e)
{
	static const char *const refused[] = {"use_dora", "rank_pattern", "alpha_pattern", "modules_to_save", "fan_in_fan_out",
		"lora_bias", "layer_replication", "trainable_token_indices", "target_parameters", "alora_invocation_tokens",
		"use_qalora", "use_bdlora", "arrow_config", "kasa_config", "velora_config", "monteclora_config"};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const json_t *value = json_object_get(json, refused[i]);
		if (is_set(value))
			return err_set(e, ERR_DATA, "%s: %s: got %s, expected it unset; attune applies plain LoRA only", path,
				refused[i], json_kind(value));
	}
	const char *bias = json_string_value(json_object_get(json, "bias"));
	if (json_object_get(json, "bias") && (!bias || strcmp(bias, "none")))
		return err_set(e, ERR_DATA, "%s: bias: got another value, expected \"none\"; attune applies plain LoRA only", path);
	return 0;
}

/* Initialisations after which the base model itself is another one (PiSSA, OLoRA, CorDA, LoftQ ...) are refused. */
static int check_init(const json_t *json, const char *path, struct err *e)
{
	static const char *const harmless[] = {"gaussian", "orthogonal", "eva"};
	const json_t *value = json_object_get(json, "init_lora_weights");
	const char *name = json_string_value(value);
	if (!name)
		return 0;
	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		if (!strcmp(name, harmless[i]))
			return 0;
	return err_set(e, ERR_DATA,
		"%s: init_lora_weights: got one that changes the base model, expected true, false, \"gaussian\", "
		"\"orthogonal\" or \"eva\"",
		path);
}

static int read_config(struct peft_config *c, const json_t *json, const char *path, struct err *e)
{
	const json_t *type = json_object_get(json, "peft_type"), *r = json_object_get(json, "r"),
		     *alpha = json_object_get(json, "lora_alpha");
	const json_t *base = json_object_get(json, "base_model_name_or_path");
	if (!json_is_string(type) || strcmp(json_string_value(type), "LORA"))
		return err_set(e, ERR_DATA, "%s: peft_type: got %s, expected \"LORA\"", path,
			json_is_string(type) ? "another one" : json_kind(type));
	if (json_integer_value(r) < 1 || json_integer_value(r) > RANK_MAX)
		return err_set(e, ERR_DATA, "%s: r: got %s, expected an integer from 1 to %d", path, json_kind(r), RANK_MAX);
	if (!json_is_number(alpha))
		return err_set(e, ERR_DATA, "%s: lora_alpha: got %s, expected a number", path, json_kind(alpha));
	if (is_set(base) && (!json_is_string(base) || json_string_length(base) >= sizeof c->base_model))
		return err_set(e, ERR_DATA, "%s: base_model_name_or_path: got %s, expected a string of less than %zu bytes", path,
			json_kind(base), sizeof c->base_model);
	c->r = (size_t)json_integer_value(r);
	c->alpha = json_number_value(alpha);
	c->use_rslora = is_set(json_object_get(json, "use_rslora"));
	if (is_set(base))
		snprintf(c->base_model, sizeof c->base_model, "%s", json_string_value(base));
	int rc = refuse_keys(json, path, e);
	return rc ? rc : check_init(json, path, e);
}

/* ---- reading the tensors ----------------------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && !strcmp(s + n - m, suffix);
}

/* The last part of the module's name, e.g. "q_proj", joins the targets. */
static int add_target(struct peft_config *c, const char *module, size_t n, const char *path, struct err *e)
{
	const char *dot = memrchr(module, '.', n), *name = dot ? dot + 1 : module;
	size_t length = (size_t)(module + n - name), i = 0;
	for (; i < c->n_targets; i++)
		if (strlen(c->targets[i]) == length && !memcmp(c->targets[i], name, length))
			return 0;
	if (i == sizeof c->targets / sizeof *c->targets || length >= sizeof *c->targets)
		return err_set(e, ERR_DATA, "%s: got more than %zu kinds of modules, or a name of %zu bytes or more", path,
			sizeof c->targets / sizeof *c->targets, sizeof *c->targets);
	memcpy(c->targets[c->n_targets++], name, length);
	return 0;
}

/* A or B of a pair: rank as configured, and its counterpart there. */
static int check_tensor(struct peft_config *c, const struct safetensors *s, const struct tensor *t, const char *path, struct err *e)
{
	char shown[120];
	struct buf other = {0};
	bool a = ends_with(t->name, SUFFIX_A), b = ends_with(t->name, SUFFIX_B);
	name_shown(shown, sizeof shown, t->name, strlen(t->name));
	if (strstr(t->name, "lora_embedding") || strstr(t->name, "embed_tokens"))
		return err_set(e, ERR_DATA, "%s: tensor '%s': got an embedding, expected LoRA on linear layers only", path, shown);
	if (strncmp(t->name, PREFIX, strlen(PREFIX)) || (!a && !b))
		return err_set(e, ERR_DATA, "%s: tensor '%s': got an unknown name, expected %s*%s or *%s", path, shown, PREFIX,
			SUFFIX_A, SUFFIX_B);
	if (t->n_dims != 2 || t->dims[a ? 0 : 1] != c->r)
		return err_set(e, ERR_DATA,
			"%s: tensor '%s': got %zu x %zu in %d dimensions, expected rank r = %zu as the %s of two", path, shown,
			t->dims[0], t->dims[1], t->n_dims, c->r, a ? "first" : "second");
	int n = (int)(strlen(t->name) - strlen(SUFFIX_A));
	int rc = buf_printf(&other, e, "%.*s%s", n, t->name, a ? SUFFIX_B : SUFFIX_A);
	if (!rc && !safetensors_find(s, other.p))
		rc = err_set(
			e, ERR_DATA, "%s: tensor '%s': got it alone, expected its %s too", path, shown, a ? "lora_B" : "lora_A");
	buf_release(&other);
	return rc ? rc : add_target(c, t->name + strlen(PREFIX), (size_t)n - strlen(PREFIX), path, e);
}

static int read_tensors(struct peft_config *c, struct safetensors **out, const char *path, struct err *e)
{
	int rc = safetensors_open(out, path, e);
	if (!rc && !safetensors_n(*out))
		rc = err_set(e, ERR_DATA, "%s: got no tensors, expected an adapter", path);
	for (size_t i = 0; !rc && i < safetensors_n(*out); i++)
		rc = check_tensor(c, *out, safetensors_at(*out, i), path, e);
	return rc;
}

int peft_open(const char *dir, struct peft_config *c, struct safetensors **tensors, struct err *e)
{
	char config[PATH_SIZE], weights[PATH_SIZE];
	json_t *json = NULL;
	*c = (struct peft_config){0};
	*tensors = NULL;
	int rc = path_join(config, sizeof config, e, dir, CONFIG);
	if (!rc)
		rc = path_join(weights, sizeof weights, e, dir, WEIGHTS);
	if (!rc)
		rc = json_file(&json, config, CONFIG_MAX, e);
	if (!rc)
		rc = read_config(c, json, config, e);
	if (!rc)
		rc = read_tensors(c, tensors, weights, e);
	json_decref(json);
	if (rc) {
		safetensors_close(*tensors);
		*tensors = NULL;
		*c = (struct peft_config){0};
	}
	return rc;
}

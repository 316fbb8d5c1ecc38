/*
 * mlx-lm's adapter folder: adapter_config.json and adapters.safetensors, with lora_a [in, r] and lora_b [r, out] of each linear layer.
 * Reference: https://github.com/ml-explore/mlx-lm, tuner/utils.py (load_adapters) and tuner/lora.py.
 */
#include "format/format.h"
#include "format/json.h"

#include <math.h>
#include <string.h>

static const size_t CONFIG_MAX = (size_t)16 << 20;
static const char CONFIG[] = "adapter_config.json", WEIGHTS[] = "adapters.safetensors";

int mlx_write(const char *dir, const struct mlx_config *c, const struct tensor *t, size_t n, struct err *e)
{
	char config[PATH_SIZE], weights[PATH_SIZE];
	json_t *keys = json_array(), *json;
	int rc = path_join(config, sizeof config, e, dir, CONFIG);
	for (size_t i = 0; i < c->n_keys; i++)
		json_array_append_new(keys, json_string(c->keys[i]));
	json = json_pack("{s:s, s:s, s:I, s:{s:I, s:f, s:f, s:o}}", "fine_tune_type", "lora", "model", c->base_model, "num_layers",
		(json_int_t)c->n_layers, "lora_parameters", "rank", (json_int_t)c->r, "scale", c->scale, "dropout", 0.0, "keys",
		keys);
	if (!rc)
		rc = path_join(weights, sizeof weights, e, dir, WEIGHTS);
	if (!rc)
		rc = dir_make(dir, e);
	if (!rc)
		rc = safetensors_write(weights, t, n, e);
	if (!rc)
		rc = json_file_write(config, json, e);
	json_decref(json);
	return rc;
}

bool mlx_here(const char *dir)
{
	char path[PATH_SIZE];
	return !path_join(path, sizeof path, NULL, dir, WEIGHTS) && file_exists(path);
}

int mlx_open(const char *dir, struct mlx_config *c, struct safetensors **tensors, struct err *e)
{
	char path[PATH_SIZE];
	json_t *json = NULL;
	*c = (struct mlx_config){0};
	*tensors = NULL;
	int rc = json_file_in(&json, dir, CONFIG, CONFIG_MAX, e);
	if (rc)
		return rc;
	const json_t *lora = json_object_get(json, "lora_parameters"), *rank = json_object_get(lora, "rank"),
		     *scale = json_object_get(lora, "scale");
	const char *type = json_string_value(json_object_get(json, "fine_tune_type"));
	if (!type || strcmp(type, "lora"))
		rc = err_set(
			e, ERR_DATA, "%s/%s: fine_tune_type is '%s'; attune applies 'lora'", dir, CONFIG, type ? type : "(none)");
	else if (!json_is_integer(rank) || json_integer_value(rank) < 1 || !json_is_number(scale) ||
		!isfinite(json_number_value(scale)))
		rc = err_set(
			e, ERR_DATA, "%s/%s: lora_parameters: expected a positive integer rank and a number scale", dir, CONFIG);
	if (!rc) {
		c->r = (size_t)json_integer_value(rank);
		c->scale = json_number_value(scale);
		rc = path_join(path, sizeof path, e, dir, WEIGHTS);
	}
	if (!rc)
		rc = safetensors_open(tensors, path, e);
	json_decref(json);
	return rc;
}

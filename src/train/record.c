/*
 * run.json: what was trained from what, with which result. The same inputs, compared key by key, decide whether a folder may be
 * continued. Place in the pipeline: written last, so that it marks a finished run. Reference: train.h, "The run folder".
 */
#include "train/record.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_MAX = 64 << 20 };

/* ---- inputs --------------------------------------------------------------------------------------------------------------- */

/* Numbers and booleans as such, words as strings. */
static int inputs_add_config(json_t *inputs, const struct train_config *c, struct err *e)
{
	struct train_key key;
	struct buf text = {0};
	int rc = 0;
	for (size_t i = 0; !rc && train_key_at(i, &key); i++) {
		buf_clear(&text);
		rc = train_config_get(c, key.name, &text, e);
		if (rc)
			break;
		json_t *value = json_loadb(text.p, text.len, JSON_DECODE_ANY, NULL);
		if (json_object_set_new(inputs, key.name, value ? value : json_stringn(text.p, text.len)))
			rc = err_set(e, ERR_RESOURCE, "out of memory for the configuration");
	}
	buf_release(&text);
	return rc;
}

int inputs_make(
	json_t **out, const struct train_options *o, const struct dataset *train, const struct dataset *valid, struct err *e)
{
	char model_hex[65], init_hex[65] = "";
	int rc = sha256_path(model_path(o->model), model_hex, e);
	if (!rc && o->adapter_init)
		rc = sha256_path(o->adapter_init, init_hex, e);
	*out = rc ? NULL
		  : json_pack("{ss ss ss? ss?}", "model_sha256", model_hex, "train_sha256", train->sha256, "valid_sha256",
			    valid->n ? valid->sha256 : NULL, "adapter_init_sha256", o->adapter_init ? init_hex : NULL);
	if (!rc && !*out)
		rc = err_set(e, ERR_RESOURCE, "out of memory for the record of the run");
	if (!rc)
		rc = inputs_add_config(*out, o->config, e);
	if (rc) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

/* ---- run.json -------------------------------------------------------------------------------------------------------------- */

static double number_or_nan(const json_t *value)
{
	return json_is_number(value) ? json_number_value(value) : NAN;
}

int record_load(const char *run, const json_t *inputs, struct train_result *out, struct err *e)
{
	char path[PATH_SIZE];
	struct buf text = {0};
	json_t *record = NULL;
	json_error_t why;
	int rc = path_join(path, sizeof path, e, run, "run.json");
	if (rc || !file_exists(path))
		return rc;
	rc = file_read(path, RECORD_MAX, &text, e);
	if (rc)
		goto done;
	record = json_loadb(text.len ? text.p : "", text.len, JSON_REJECT_DUPLICATES, &why);
	if (!record) {
		rc = err_set(e, ERR_DATA, "%s:%d: %s", path, why.line, why.text);
		goto done;
	}
	rc = inputs_compare(run, json_object_get(record, "inputs"), inputs, e);
	if (rc)
		goto done;
	out->n_steps = (size_t)json_integer_value(json_object_get(record, "steps"));
	out->n_tokens = (size_t)json_integer_value(json_object_get(record, "tokens"));
	out->seconds = json_number_value(json_object_get(record, "seconds"));
	out->loss = number_or_nan(json_object_get(record, "loss"));
	out->eval_loss_first = number_or_nan(json_object_get(record, "eval_loss_first"));
	out->eval_loss_last = number_or_nan(json_object_get(record, "eval_loss_last"));
	out->best_step = (size_t)json_integer_value(json_object_get(record, "best_step"));
	out->best_eval_loss = number_or_nan(json_object_get(record, "best_eval_loss"));
	out->stopped_early = json_is_true(json_object_get(record, "stopped_early"));
	out->strength = json_number_value(json_object_get(record, "strength"));
	out->general_loss_base = number_or_nan(json_object_get(record, "general_loss_base"));
	out->general_loss = number_or_nan(json_object_get(record, "general_loss"));
	out->finished_before = true;
done:
	json_decref(record);
	buf_release(&text);
	return rc;
}

/* A path may be any bytes, JSON only UTF-8; a run does not fail in the end over that. */
static json_t *path_json(const char *path)
{
	json_t *value = json_string(path);
	return value ? value : json_string("(not UTF-8)");
}

static json_t *data_json(const struct dataset *d)
{
	json_t *excess = json_array();
	for (size_t i = 0; i < d->n_excess; i++)
		json_array_append_new(excess, json_integer((json_int_t)d->excess[i]));
	return json_pack("{so sI sI sI so}", "path", path_json(d->path), "rows", (json_int_t)d->n, "tokens",
		(json_int_t)d->n_tokens, "scored_tokens", (json_int_t)d->n_scored, "excess_length_lines", excess);
}

/* What was planned, by its parts, and the most that the process ever held. */
static json_t *memory_json(const struct train_memory *m)
{
	json_t *parts = json_object();
	for (unsigned i = 0; i < MEMORY_PARTS; i++)
		json_object_set_new(parts, train_memory_name(i), json_integer((json_int_t)m->part[i]));
	return json_pack("{sI so sI sI}", "predicted", (json_int_t)m->bytes, "parts", parts, "layers_recomputed",
		(json_int_t)m->n_recomputed, "peak", (json_int_t)rss_peak_bytes());
}

int record_save(const struct train_options *o, const json_t *inputs, const struct dataset *train, const struct dataset *valid,
	const struct train_result *r, struct err *e)
{
	char path[PATH_SIZE];
	struct buf text = {0};
	int threads = omp_get_max_threads();
	json_t *record = json_pack("{ss sO so so so? sI sI sf sf so* so* sI so* sb sf so* so* so ss si}", "attune", ATTUNE_VERSION,
		"inputs", inputs, "model", path_json(model_path(o->model)), "train", data_json(train), "valid",
		valid->n ? data_json(valid) : NULL, "steps", (json_int_t)r->n_steps, "tokens", (json_int_t)r->n_tokens, "seconds",
		r->seconds, "loss", r->loss, "eval_loss_first", valid->n ? json_real(r->eval_loss_first) : NULL, "eval_loss_last",
		valid->n ? json_real(r->eval_loss_last) : NULL, "best_step", (json_int_t)r->best_step, "best_eval_loss",
		valid->n ? json_real(r->best_eval_loss) : NULL, "stopped_early", r->stopped_early, "strength", r->strength,
		"general_loss_base", isfinite(r->general_loss_base) ? json_real(r->general_loss_base) : NULL, "general_loss",
		isfinite(r->general_loss) ? json_real(r->general_loss) : NULL, "memory", memory_json(&r->memory), "kernels",
		kern->name, "threads", threads);
	int rc = json_append(&text, record, e);
	if (!rc)
		rc = path_join(path, sizeof path, e, o->out, "run.json");
	if (!rc)
		rc = file_replace(path, text.p, text.len, e);
	json_decref(record);
	buf_release(&text);
	return rc;
}

/*
 * The passport of an adapter: what it was trained with, so that whoever uses it later uses the same. Weights, template, tokens and end tokens
 * are told apart, since each drifts in its own way: another quantisation, an edited template, a converter that cuts digits otherwise.
 *
 * Weights are known by a fingerprint, not by the sum of their file: a start must not read gigabytes. It is the SHA-256 of shape, rotations,
 * norms and biases, and of sixteen runs of 4 KiB spread over each matrix: another model, revision or quantisation differs in nearly every block.
 * Place in the pipeline: training and export write it, lora_open checks it. Reference: docs/formats.md, "A passport".
 */
#include "model/net.h"

#include <string.h>

enum { PASSPORT_MAX = 1 << 22, PROMPTS_MAX = 64, RUN_BYTES = 4096, RUNS = 16 };

static const char FINGERPRINT[] = "base_fingerprint", TEMPLATE[] = "template_sha256", ENDS[] = "end_tokens", PROMPTS[] = "prompts";

static const char *const golden[] = {"What can you help me with?", "How many days are there in 2024, and why?",
	"Write one sentence about a caf\xc3\xa9 \xe2\x80\x93 and then `x = 3.14;`.",
	"  It's\t12,345 \xe6\xb8\xaf\xe5\x8f\xa3\n\n\n<|im_end|></s><end_of_turn> DON'T"};

/* ---- what a model is ------------------------------------------------------------------------------------------------------------- */

static void add_matrix(struct sha256 *s, const struct matrix *m)
{
	size_t bytes = m->rows * dtype_row_bytes(m->dtype, m->cols), run = bytes < RUN_BYTES ? bytes : RUN_BYTES;
	const char *p = m->data;
	sha256_add(s, dtype_name(m->dtype), strlen(dtype_name(m->dtype)));
	if (bytes <= (size_t)RUNS * RUN_BYTES)
		sha256_add(s, p, bytes);
	for (size_t i = 0; bytes > (size_t)RUNS * RUN_BYTES && i < RUNS; i++)
		sha256_add(s, p + (bytes - run) / (RUNS - 1) * i, run);
}

static void add_values(struct sha256 *s, const float *v, size_t n)
{
	if (v)
		sha256_add(s, v, n * sizeof *v);
}

static int fingerprint(const struct model *m, char hex[65], struct err *e)
{
	const struct model_config *c = &m->config;
	const uint64_t shape[] = {c->n_layers, c->C, c->F, c->H, c->Hkv, c->D, c->V, c->n_tokens, (uint64_t)c->rope,
		(uint64_t)c->activation, c->tied};
	const float scales[] = {c->rms_eps, c->attention_scale, c->embedding_scale};
	struct sha256 *s;
	int rc = sha256_new(&s, e);
	if (rc)
		return rc;
	sha256_add(s, shape, sizeof shape);
	add_values(s, scales, sizeof scales / sizeof *scales);
	for (int i = 0; i < m->n_rotations; i++)
		add_values(s, m->frequency[i], c->D / 2);
	add_values(s, m->norm, c->C);
	add_matrix(s, &m->embedding);
	add_matrix(s, &m->head);
	for (size_t i = 0; i < c->n_layers; i++) {
		const uint64_t window = m->layer[i].window;
		sha256_add(s, &window, sizeof window);
		for (int v = 0; v < ARCH_VECTORS; v++)
			add_values(s, m->layer[i].vector[v], layer_vector_length(c, (enum arch_vector)v));
		for (int t = 0; t < LORA_TARGETS; t++)
			add_matrix(s, &m->layer[i].w[t]);
	}
	sha256_hex(s, hex);
	sha256_free(s);
	return 0;
}

/* Of a rendered conversation: the template as it works, wherever it is kept. "" where the model has none. */
static int template_hash(const struct model *m, char hex[65], struct err *e)
{
	static const struct message said[] = {
		{.role = "user", .content = "u"}, {.role = "assistant", .content = "a"}, {.role = "user", .content = "v"}};
	const struct chat_template *chat = m->encoder.chat;
	struct buf text = {0};
	struct sha256 *sum = NULL;
	hex[0] = 0;
	int rc = chat ? sha256_new(&sum, e) : 0;
	if (chat && !rc)
		rc = chat_template_render(
			chat, &(struct conversation){said, sizeof said / sizeof *said, NULL, true}, &text, NULL, e);
	if (chat && !rc) {
		sha256_add(sum, text.p, text.len);
		sha256_hex(sum, hex);
	}
	sha256_free(sum);
	buf_release(&text);
	return rc;
}

static json_t *ends_json(const struct model *m)
{
	json_t *list = json_array();
	for (size_t id = 0; id < tokenizer_n_vocab(m->tokenizer); id++)
		if (tokenizer_is_eog(m->tokenizer, (int32_t)id))
			json_array_append_new(list, json_integer((json_int_t)id));
	return list;
}

/* The ids of a row as `generate` takes it. */
static int row_ids(const struct model *m, const json_t *entry, const char *path, json_t **out, struct err *e)
{
	struct row row = {0};
	struct ids ids = {0};
	*out = NULL;
	int rc = row_parse(&row, json_deep_copy(entry), path, 1, e);
	if (!rc)
		rc = row_prompt(&ids, &row, &m->encoder, e);
	if (!rc)
		*out = json_array();
	for (size_t i = 0; i < ids.n && !rc; i++)
		json_array_append_new(*out, json_integer(ids.p[i]));
	ids_release(&ids);
	row_release(&row);
	return rc;
}

static int put_prompt(const struct model *m, json_t *list, const char *text, bool raw, struct err *e)
{
	json_t *entry = raw ? json_pack("{s:s}", "prompt", text)
			    : json_pack("{s:[{s:s, s:s}]}", "messages", "role", "user", "content", text),
	       *ids = NULL;
	int rc = entry ? row_ids(m, entry, "passport", &ids, e) : err_set(e, ERR_RESOURCE, "out of memory for the passport");
	if (rc || json_object_set_new(entry, "ids", ids) || json_array_append(list, entry))
		rc = rc ? rc : err_set(e, ERR_RESOURCE, "out of memory for the passport");
	json_decref(entry);
	return rc;
}

int passport_new(json_t **out, const struct model *m, struct err *e)
{
	char weights[65], chat[65];
	json_t *prompts = json_array();
	*out = NULL;
	int rc = fingerprint(m, weights, e);
	if (!rc)
		rc = template_hash(m, chat, e);
	for (size_t i = 0; i < sizeof golden / sizeof *golden && !rc; i++)
		for (int raw = m->encoder.chat ? 0 : 1; raw < 2 && !rc; raw++)
			rc = put_prompt(m, prompts, golden[i], raw, e);
	if (!rc &&
		!(*out = json_pack(
			  "{s:s, s:s, s:o, s:O}", FINGERPRINT, weights, TEMPLATE, chat, ENDS, ends_json(m), PROMPTS, prompts)))
		rc = err_set(e, ERR_RESOURCE, "out of memory for the passport");
	json_decref(prompts);
	return rc;
}

int passport_save(const struct model *m, const char *dir, struct err *e)
{
	char path[PATH_SIZE];
	json_t *json = NULL;
	int rc = path_join(path, sizeof path, e, dir, PASSPORT);
	if (!rc)
		rc = passport_new(&json, m, e);
	if (!rc)
		rc = json_file_write(path, json, e);
	json_decref(json);
	return rc;
}

/* ---- whether it is still so ------------------------------------------------------------------------------------------------------ */

static int drift(const struct model *m, const char *path, const char *key, const char *what, const char *expected,
	const char *found, struct err *e)
{
	return err_set(e, ERR_DATA,
		"%s: %s: expected %.64s, found %.64s: %s of %s is not what the adapter was trained with; use the same model, or "
		"delete this file to use it all the same",
		path, key, *expected ? expected : "none", *found ? found : "none", what, m->path);
}

static int check_sum(const struct model *m, const json_t *json, const char *path, const char *key, const char *what,
	const char *found, struct err *e)
{
	const char *expected = json_string_value(json_object_get(json, key));
	if (!expected)
		return err_set(e, ERR_DATA, "%s: %s is missing; the file is damaged", path, key);
	return strcmp(expected, found) ? drift(m, path, key, what, expected, found, e) : 0;
}

/* "[1, 2, 3" of a list, as far as it goes. */
static const char *shown(const json_t *list, char text[65])
{
	size_t n = json_dumpb(list, text, 64, JSON_COMPACT | JSON_ENCODE_ANY);
	text[n < 64 ? n : 64] = 0;
	return text;
}

static int check_list(const struct model *m, const json_t *expected, const json_t *found, const char *path, const char *key,
	const char *what, struct err *e)
{
	char a[65], b[65];
	if (!json_is_array(expected))
		return err_set(e, ERR_DATA, "%s: %s: expected a list of ids; the file is damaged", path, key);
	return json_equal(expected, found) ? 0 : drift(m, path, key, what, shown(expected, a), shown(found, b), e);
}

static int check_prompts(const struct model *m, const json_t *json, const char *path, struct err *e)
{
	const json_t *list = json_object_get(json, PROMPTS);
	int rc = 0;
	if (!json_array_size(list) || json_array_size(list) > PROMPTS_MAX)
		return err_set(e, ERR_DATA, "%s: %s: expected a list of 1 to %d prompts", path, PROMPTS, PROMPTS_MAX);
	for (size_t i = 0; i < json_array_size(list) && !rc; i++) {
		const json_t *entry = json_array_get(list, i);
		json_t *ids = NULL;
		char key[48];
		snprintf(key, sizeof key, "%s[%zu].ids", PROMPTS, i);
		rc = row_ids(m, entry, path, &ids, e);
		if (!rc)
			rc = check_list(m, json_object_get(entry, "ids"), ids, path, key, "the tokenizer", e);
		json_decref(ids);
	}
	return rc;
}

int passport_check(const struct model *m, const char *path, struct err *e)
{
	char weights[65], chat[65];
	json_t *json = NULL, *ends = ends_json(m);
	int rc = file_exists(path) ? json_file(&json, path, PASSPORT_MAX, e) : 0;
	if (rc || !json)
		goto done;
	if ((rc = fingerprint(m, weights, e)) || (rc = check_sum(m, json, path, FINGERPRINT, "the base", weights, e)) ||
		(rc = template_hash(m, chat, e)) || (rc = check_sum(m, json, path, TEMPLATE, "the chat template", chat, e)) ||
		(rc = check_list(m, json_object_get(json, ENDS), ends, path, ENDS, "the set of end tokens", e)))
		goto done;
	rc = check_prompts(m, json, path, e);
done:
	json_decref(ends);
	json_decref(json);
	return rc;
}

/*
 * The passport of an export: the product is opened again by the code that reads such files, and asked the same prompts as base and
 * adapter. Place in the pipeline: between writing and the rename that makes the product appear. Reference: flow.h, docs/formats.md.
 */
#include "flow/export.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ASKED_BUILT_IN = 4, ASKED_MAX = 8, ANSWER_TOKENS = 48, ROW_TOKENS_MAX = 512 };

static const char *const built_in[ASKED_BUILT_IN] = {"What can you help me with?", "How many days are there in 2024, and why?",
	"Write one sentence about a caf\xc3\xa9 \xe2\x80\x93 and then `x = 3.14;`.", "Say no more than \"yes\"."};

/* One side of the comparison. */
struct side {
	const struct model *model;
	const struct lora *lora;
	struct ids prompt[ASKED_MAX];
	struct generated answer[ASKED_MAX];
};

struct comparison {
	struct side made, product;
	char *asked[ASKED_MAX]; /* what the user says */
	size_t n, n_tokens;
	double sum, largest; /* of |difference of log-probabilities| over n_tokens tokens of answers */
};

/* How far a number format may move log-probabilities: mean and largest. Measured by tests/oracle/export.py, and doubled or more. */
static void bounds(enum dtype t, double *mean, double *largest)
{
	*mean = t == DTYPE_Q4_0 || t == DTYPE_Q4_K ? 0.5 : t == DTYPE_Q8_0 ? 0.05 : t == DTYPE_BF16 ? 0.03 : 0.01;
	*largest = t == DTYPE_Q4_0 || t == DTYPE_Q4_K ? 5 : t == DTYPE_Q8_0 ? 0.75 : t == DTYPE_BF16 ? 0.5 : 0.25;
}

/* ---- what is asked ----------------------------------------------------------------------------------------------------------- */

static int ask(struct comparison *c, const char *text, struct err *e)
{
	c->asked[c->n] = mem_strdup(text, e);
	return c->asked[c->n] ? (c->n++, 0) : ERR_RESOURCE;
}

/* The first questions that the adapter was trained on, where its run folder and the data are still there; else none. */
static int ask_trained(struct comparison *c, const char *adapter, struct err *e)
{
	char rows[PATH_SIZE];
	struct jsonl *in = NULL;
	struct err missing;
	json_t *object;
	size_t line;
	int rc = 0;
	if (!flow_trained_rows(rows, adapter) || jsonl_open(&in, rows, &missing))
		return 0;
	while (!rc && c->n < ASKED_MAX && jsonl_next(in, &object, &line, &missing) > 0) {
		const json_t *messages = json_object_get(object, "messages"), *first = json_array_get(messages, 0);
		const char *role = json_string_value(json_object_get(first, "role")),
			   *content = json_string_value(json_object_get(first, "content"));
		if (role && content && !strcmp(role, "user") && strlen(content) < 400)
			rc = ask(c, content, e);
		json_decref(object);
	}
	jsonl_close(in);
	return rc;
}

/* A question, or the beginning of a text where the model has no template. */
static int row_make(struct row *out, const struct model *m, const char *asked, struct err *e)
{
	json_t *row = model_encoder(m)->chat ? json_pack("{s:[{s:s, s:s}]}", "messages", "role", "user", "content", asked)
					     : json_pack("{s:s}", "prompt", asked);
	return row ? row_parse(out, row, "passport", 1, e) : err_set(e, ERR_RESOURCE, "out of memory for the passport");
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------ */

static int keep_answer(void *context, size_t i, const struct generated *answer, struct err *e)
{
	struct side *s = context;
	s->answer[i] = (struct generated){
		.finish_reason = answer->finish_reason, .n_prompt = answer->n_prompt, .n_tokens = answer->n_tokens};
	return buf_append(&s->answer[i].text, answer->text.p, answer->text.len, e);
}

static int side_run(struct side *s, const struct comparison *c, struct err *e)
{
	struct row row;
	const struct generate_job job = {
		.prompts = s->prompt,
		.n = c->n,
		.options = {.sampling = {.top_p = 1}, .max_tokens = ANSWER_TOKENS},
		.on_answer = keep_answer,
		.context = s,
	};
	int rc = 0;
	for (size_t i = 0; i < c->n && !rc; i++) {
		rc = row_make(&row, s->model, c->asked[i], e);
		if (rc)
			break;
		rc = row_prompt(&s->prompt[i], &row, model_encoder(s->model), e);
		row_release(&row);
	}
	return rc ? rc : generate_many(s->model, s->lora, &job, e);
}

static void side_release(struct side *s)
{
	for (size_t i = 0; i < ASKED_MAX; i++) {
		ids_release(&s->prompt[i]);
		generated_release(&s->answer[i]);
	}
}

static int side_loss(const struct side *s, const struct sample *sample, float *loss, struct err *e)
{
	struct packer packer = {0};
	struct work *work = NULL;
	int rc = packer_init(&packer, sample->n, 1, e);
	if (!rc)
		packer_add(&packer, sample);
	if (!rc)
		rc = work_new(&work, s->model, s->lora, sample->n, false, e);
	if (!rc)
		rc = model_loss(s->model, s->lora, work, &packer.batch, loss, e);
	work_free(work);
	packer_release(&packer);
	return rc;
}

/* Prompt, answer of base and adapter, and the end token, whether it came or not; scored behind the prompt. */
static int sample_make(struct sample *out, const struct comparison *c, size_t i, struct err *e)
{
	const struct tokenizer *t = model_encoder(c->made.model)->tokenizer;
	const struct ids *prompt = &c->made.prompt[i];
	const struct buf *answer = &c->made.answer[i].text;
	struct ids ids = {0};
	int rc = 0;
	*out = (struct sample){0};
	for (size_t k = 0; k < prompt->n && !rc; k++)
		rc = ids_push(&ids, prompt->p[k], e);
	if (!rc && answer->len)
		rc = tokenizer_encode(t, answer->p, answer->len, &ids, e);
	if (!rc && tokenizer_eos(t) >= 0)
		rc = ids_push(&ids, tokenizer_eos(t), e);
	out->ids = ids.p;
	out->n = ids.n;
	out->scored = rc ? NULL : mem_alloc(ids.n, 1, e);
	if (!out->scored)
		return rc ? rc : ERR_RESOURCE;
	for (size_t k = prompt->n; k < ids.n; k++)
		out->scored[k] = 1;
	out->n_scored = ids.n - prompt->n;
	return 0;
}

static int compare_answer(struct comparison *c, size_t i, struct err *e)
{
	struct sample sample;
	float loss[2][ROW_TOKENS_MAX];
	int rc = sample_make(&sample, c, i, e);
	if (rc || sample.n > ROW_TOKENS_MAX || sample.n > model_config(c->made.model)->context)
		goto done;
	rc = side_loss(&c->made, &sample, loss[0], e);
	if (!rc)
		rc = side_loss(&c->product, &sample, loss[1], e);
	for (size_t t = 0; t < sample.n_scored && !rc; t++) {
		double d = fabs((double)loss[0][t] - (double)loss[1][t]);
		c->sum += d;
		c->largest = d > c->largest || isnan(d) ? d : c->largest;
		c->n_tokens++;
	}
done:
	sample_release(&sample);
	return rc;
}

/* ---- what must be the same --------------------------------------------------------------------------------------------------- */

static int check_tokens(const struct comparison *c, const struct export_job *j, struct err *e)
{
	const struct tokenizer *a = model_encoder(c->made.model)->tokenizer, *b = model_encoder(c->product.model)->tokenizer;
	for (size_t i = 0; i < c->n; i++)
		if (c->made.prompt[i].n != c->product.prompt[i].n ||
			memcmp(c->made.prompt[i].p, c->product.prompt[i].p, c->made.prompt[i].n * sizeof(int32_t)))
			return err_set(e, ERR_FAILED, "%s: not written: the product makes other tokens of \"%.60s\" than the base",
				j->o->out, c->asked[i]);
	for (size_t id = 0; id < tokenizer_n_vocab(a); id++)
		if (tokenizer_is_eog(a, (int32_t)id) != tokenizer_is_eog(b, (int32_t)id))
			return err_set(e, ERR_FAILED, "%s: not written: token %zu ends a turn of only one of base and product",
				j->o->out, id);
	return 0;
}

/* Template, end tokens and ids of the golden prompts are the same; only weights may differ. */
static int check_text(const struct comparison *c, const struct export_job *j, struct err *e)
{
	static const char *const keys[] = {"template_sha256", "end_tokens", "prompts"};
	json_t *made = NULL, *product = NULL;
	int rc = passport_new(&made, c->made.model, e);
	if (!rc)
		rc = passport_new(&product, c->product.model, e);
	for (size_t i = 0; i < sizeof keys / sizeof *keys && !rc; i++)
		if (!json_equal(json_object_get(made, keys[i]), json_object_get(product, keys[i])))
			rc = err_set(
				e, ERR_FAILED, "%s: not written: the product's %s are not those of the base", j->o->out, keys[i]);
	json_decref(made);
	json_decref(product);
	return rc;
}

static int check_numbers(const struct comparison *c, const struct export_job *j, struct err *e)
{
	double mean = c->sum / (double)c->n_tokens, mean_bound, largest_bound;
	bounds(j->worst, &mean_bound, &largest_bound);
	if (c->n_tokens && mean <= mean_bound && c->largest <= largest_bound)
		return 0;
	return err_set(e, ERR_FAILED,
		"%s: not written: log-probabilities of the product differ from those of base and adapter by %.4f on average and "
		"%.4f at most, "
		"bounds for %s are %.4f and %.4f; choose a finer --type",
		j->o->out, mean, c->largest, dtype_name(j->worst), mean_bound, largest_bound);
}

/* ---- the file ---------------------------------------------------------------------------------------------------------------- */

static json_t *ids_json(const struct ids *v)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(list, json_integer(v->p[i]));
	return list;
}

static json_t *answers_json(const struct comparison *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->n; i++) {
		json_array_append_new(list,
			json_pack("{s:s, s:o, s:o, s:o, s:s}", "prompt", c->asked[i], "ids", ids_json(&c->made.prompt[i]), "answer",
				json_text(c->made.answer[i].text.p, c->made.answer[i].text.len), "product_answer",
				json_text(c->product.answer[i].text.p, c->product.answer[i].text.len), "finish_reason",
				c->product.answer[i].finish_reason));
	}
	return list;
}

static int passport_write(const struct comparison *c, const struct export_job *j, struct err *e)
{
	char product[65], base[65], adapter[65];
	double mean_bound, largest_bound;
	json_t *json = NULL, *more = NULL;
	bounds(j->worst, &mean_bound, &largest_bound);
	int rc = sha256_path(j->product, product, e);
	if (!rc)
		rc = sha256_path(j->model_path, base, e);
	if (!rc)
		rc = sha256_path(j->o->adapter, adapter, e);
	if (!rc)
		rc = passport_new(&json, j->model, e);
	if (rc)
		return rc;
	more = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:{s:f, s:f, s:f, s:f, s:I}}", "to", j->o->to, "type",
		dtype_name(j->worst), "product_sha256", product, "base_sha256", base, "adapter_sha256", adapter, "answers",
		answers_json(c), "logprob_difference", "mean", c->sum / (double)c->n_tokens, "mean_bound", mean_bound, "largest",
		c->largest, "largest_bound", largest_bound, "tokens", (json_int_t)c->n_tokens);
	if (!more || json_object_update(json, more))
		rc = err_set(e, ERR_RESOURCE, "out of memory for the passport");
	if (!rc)
		rc = json_file_write(j->passport, json, e);
	json_decref(more);
	json_decref(json);
	return rc;
}

int passport_make(struct export_job *j, struct err *e)
{
	struct comparison *c = mem_alloc(1, sizeof *c, e);
	struct model *model = NULL;
	struct lora *lora = NULL;
	int rc = c ? 0 : ERR_RESOURCE;
	if (rc)
		return rc;
	rc = export_is_merged(j) ? model_open(&model, j->product, e) : lora_open(&lora, j->model, j->product, e);
	c->made = (struct side){.model = j->model, .lora = j->lora};
	c->product = (struct side){.model = model ? model : j->model, .lora = lora};
	for (size_t i = 0; i < ASKED_BUILT_IN && !rc; i++)
		rc = ask(c, built_in[i], e);
	if (!rc)
		rc = ask_trained(c, j->o->adapter, e);
	if (!rc)
		rc = side_run(&c->made, c, e);
	if (!rc)
		rc = side_run(&c->product, c, e);
	for (size_t i = 0; i < c->n && !rc; i++)
		rc = compare_answer(c, i, e);
	if (!rc)
		rc = check_tokens(c, j, e);
	if (!rc)
		rc = check_text(c, j, e);
	if (!rc)
		rc = check_numbers(c, j, e);
	if (!rc)
		rc = passport_write(c, j, e);
	side_release(&c->made);
	side_release(&c->product);
	for (size_t i = 0; i < c->n; i++)
		mem_free(c->asked[i]);
	lora_free(lora);
	model_free(model);
	mem_free(c);
	return rc;
}

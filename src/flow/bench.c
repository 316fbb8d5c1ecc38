/*
 * How fast this machine multiplies, trains, reads prompts and answers. The figures are those of the code that trains and answers; only the
 * clock is added here. Reference: flow.h; docs/speed.md.
 */
#include "flow/flow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/kern.h"

enum {
	SIDE = 1536, /* of the matrices of a product */
	ROWS = 4,
	LENGTH = 512,
	RANK = 16,
	STEPS = 6, /* of training: rows a step, their tokens; the first step is not counted */
	DECODE_PROMPT = 32,
	DECODE_STEPS = 32,
	CONTEXT_MIN = 16, /* for some of each */
	RUNS = 5          /* of a product and of a prompt; one more, before, is not counted */
};
_Static_assert(RUNS <= DECODE_STEPS, "rates of all kinds fit");

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int stopped(const struct flow_bench_options *o, struct err *e)
{
	return o->stop && *o->stop ? err_set(e, ERR_INTERRUPTED, "interrupted while measuring") : 0;
}

/* ---- figures ------------------------------------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Takes over the n rates, and what the process holds now. */
static void speed_set(struct flow_speed *s, double *rate, size_t n)
{
	qsort(rate, n, sizeof *rate, compare);
	s->path = kern->name;
	s->low = rate[0];
	s->rate = rate[n / 2];
	s->high = rate[n - 1];
	s->share = NAN;
	s->peak_bytes = rss_peak_bytes();
}

/* A free place for the next figure. */
static struct flow_speed *speed_add(struct flow_bench *out, const char *what, size_t n_tokens, size_t n_streams)
{
	struct flow_speed *s = &out->speed[out->n++];
	*s = (struct flow_speed){.what = what, .n_tokens = n_tokens, .n_streams = n_streams};
	return s;
}

/* Of the fastest product of the chosen path, `flop` operations a token. */
static void share_set(struct flow_speed *s, const struct flow_bench *b, double flop)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->speed[i].what, "product") && !strcmp(b->speed[i].path, kern->name))
			s->share = s->rate * flop / (1e9 * b->speed[i].high);
}

/* Values of all matrices of the layers. */
static double layers_values(const struct model_config *c)
{
	return (double)(c->n_layers * c->C * (2 * (c->H + c->Hkv) * c->D + 3 * c->F));
}

/* Operations a token of a sequence of T for queries against keys, and probabilities against values, of one pass. */
static double attention_flop(const struct model_config *c, size_t T)
{
	return 2 * (double)(c->n_layers * c->H * c->D * (T + 1));
}

/* Forward, and backward to the activations alone, since the weights are frozen; of LoRA's matrices, and of attention, all three products. */
static double training_flop(const struct model_config *c, size_t T)
{
	size_t HD = c->H * c->D, KD = c->Hkv * c->D;
	double adapter = (double)(c->n_layers * RANK * (2 * (c->C + HD) + 2 * (c->C + KD) + 3 * (c->C + c->F)));
	return 4 * (layers_values(c) + (double)(c->C * c->V)) + 6 * adapter + 3 * attention_flop(c, T);
}

static double prefill_flop(const struct model_config *c, size_t T)
{
	return 2 * (layers_values(c) + (double)(c->C * c->V) / (double)T) + attention_flop(c, T);
}

/* ---- products ----------------------------------------------------------------------------------------------------------------- */

/* GFLOPS of the path that is chosen, packing included. */
static int product_measure(struct flow_bench *out, struct err *e)
{
	const size_t n = (size_t)SIDE * SIDE;
	double rate[RUNS];
	float *x = mem_alloc(3 * n, sizeof *x, e);
	void *scratch = mem_alloc(1, kern_scratch_bytes(), e);
	int rc = x && scratch ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < 2 * n && rc == 0; i++)
		x[i] = (float)(i % 7) - 3;
	for (int i = -1; i < RUNS && rc == 0; i++) {
		const struct gemm g = {.M = SIDE,
			.N = SIDE,
			.term = {{.a = x, .lda = SIDE, .K = SIDE, .b = {DTYPE_F32, SIDE, SIDE, x + n}, .b_transposed = true}},
			.n_terms = 1,
			.alpha = 1,
			.c = x + 2 * n,
			.ldc = SIDE,
			.scratch = scratch};
		double begun = now_s();
		kern->gemm(&g);
		if (i >= 0)
			rate[i] = 2e-9 * (double)n * SIDE / (now_s() - begun);
	}
	if (rc == 0)
		speed_set(speed_add(out, "product", 0, 0), rate, RUNS);
	mem_free(x);
	mem_free(scratch);
	return rc;
}

/* Of every path that is here but `ref`, which is not made to be fast. The chosen one is left chosen. */
static int products_measure(struct flow_bench *out, struct err *e)
{
	const char *chosen = kern->name;
	int rc = 0;
	for (const struct kern *const *k = kern_available(); *k && rc == 0; k++) {
		if (!strcmp((*k)->name, "ref") || out->n == FLOW_PRODUCTS)
			continue;
		if ((rc = kern_init((*k)->name, e)) == 0)
			rc = product_measure(out, e);
	}
	int back = kern_init(chosen, e);
	return rc ? rc : back;
}

/* ---- training ----------------------------------------------------------------------------------------------------------------- */

/* Tokens that a row of text has beside those of its text. */
static int row_extra(size_t *out, const struct model *m, struct err *e)
{
	struct row row = {0};
	struct sample s = {0};
	json_t *text = json_pack("{s:s}", "text", "0");
	int rc = text ? row_parse(&row, text, "a row", 1, e) : err_set(e, ERR_RESOURCE, "out of memory while writing JSON");
	if (rc == 0 && (rc = row_sample(&s, &row, model_encoder(m), true, e)) == 0)
		*out = s.n - 1;
	sample_release(&s);
	row_release(&row);
	return rc;
}

/* Rows of random digits, which most tokenizers make tokens of their own: then each has as many as fit. */
static int rows_write(const char *dir, const char *name, size_t n_rows, size_t n_digits, struct rng *r, struct err *e)
{
	char path[PATH_SIZE];
	struct buf b = {0};
	int rc = path_join(path, sizeof path, e, dir, name);
	for (size_t i = 0; i < n_rows && rc == 0; i++) {
		rc = buf_puts(&b, "{\"text\": \"", e);
		for (size_t k = 0; k < n_digits && rc == 0; k++)
			rc = buf_printf(&b, e, "%u", (unsigned)rng_below(r, 10));
		if (rc == 0)
			rc = buf_puts(&b, "\"}\n", e);
	}
	if (rc == 0)
		rc = file_replace(path, b.p, b.len, e);
	buf_release(&b);
	return rc;
}

/* The steps of a training run over made rows in `dir`. */
static int steps_measure(struct flow_bench *out, const struct flow_bench_options *o, const char *dir, struct err *e)
{
	const struct model_config *m = model_config(o->model);
	size_t length = min_size(LENGTH, m->context), extra;
	struct train_config c;
	struct train_forecast f;
	struct rng r;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	train_config_default(&c);
	c.lora_r = RANK;
	c.lora_alpha = 2 * RANK;
	c.sequence_len = (int)length;
	c.micro_batch_size = 1;
	c.gradient_accumulation_steps = ROWS;
	c.max_steps = STEPS;
	const struct train_options t = {.model = o->model, .config = &c, .data = dir, .out = dir, .stop = o->stop};
	int rc = row_extra(&extra, o->model, e);
	if (rc == 0)
		rc = rows_write(dir, "train.jsonl", ROWS * STEPS, length - extra, &r, e);
	if (rc == 0)
		rc = rows_write(dir, "valid.jsonl", 1, length - extra, &r, e);
	if (rc == 0)
		rc = train_forecast(&t, &f, e);
	if (rc == 0) {
		double rate[] = {f.tokens_per_s_low, f.tokens_per_s, f.tokens_per_s_high};
		struct flow_speed *s = speed_add(out, "training", length, ROWS);
		speed_set(s, rate, sizeof rate / sizeof *rate);
		share_set(s, out, training_flop(m, length));
	}
	return rc;
}

static int training_measure(struct flow_bench *out, const struct flow_bench_options *o, struct err *e)
{
	const char *temporary = getenv("TMPDIR");
	char dir[PATH_SIZE];
	struct err ignored;
	int rc = path_join(dir, sizeof dir, e, temporary && *temporary ? temporary : "/tmp", "attune-bench-XXXXXX");
	if (rc == 0 && !mkdtemp(dir))
		return err_errno(e, "make", dir);
	if (rc == 0) {
		rc = steps_measure(out, o, dir, e);
		dir_remove(dir, &ignored);
	}
	return rc;
}

/* ---- prompts and answers -------------------------------------------------------------------------------------------------------- */

/* Sequences side by side in one batcher. */
struct streams {
	struct batcher *batcher;
	size_t n, n_prompt, n_vocabulary;
	struct rng rng;
	struct sequence s[FLOW_STREAMS];
};

static int streams_open(struct streams *t, const struct model *m, size_t n, size_t n_prompt, size_t n_answer, struct err *e)
{
	const struct batcher_options b = {.n_slots = n, .capacity = n_prompt + n_answer};
	*t = (struct streams){.n = n, .n_prompt = n_prompt, .n_vocabulary = model_config(m)->n_tokens};
	rng_init(&t->rng, 1, RNG_DATA, 1, 0);
	for (size_t i = 0; i < n; i++) {
		t->s[i].options.max_tokens = n_answer;
		t->s[i].options.sampling.top_p = 1;
		t->s[i].answer.finish_reason = "none yet";
	}
	return batcher_new(&t->batcher, m, &b, e);
}

static void streams_close(struct streams *t)
{
	for (size_t i = 0; i < t->n; i++) {
		generated_release(&t->s[i].answer);
		ids_release(&t->s[i].prompt);
	}
	batcher_free(t->batcher);
}

/* Sequences that have ended begin anew, with other tokens. */
static int streams_join(struct streams *t, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < t->n && rc == 0; i++) {
		struct sequence *s = &t->s[i];
		if (!s->answer.finish_reason)
			continue;
		generated_release(&s->answer);
		s->answer = (struct generated){0};
		s->prompt.n = 0;
		for (size_t k = 0; k < t->n_prompt && rc == 0; k++)
			rc = ids_push(&s->prompt, (int32_t)rng_below(&t->rng, (uint32_t)t->n_vocabulary), e);
		if (rc == 0)
			rc = batcher_join(t->batcher, s, e);
	}
	return rc;
}

static int streams_read(struct streams *t, struct err *e)
{
	int rc = 0;
	while (batcher_n_prompts(t->batcher) && rc == 0)
		rc = batcher_prompt(t->batcher, e);
	return rc;
}

static int prefill_measure(struct flow_bench *out, const struct flow_bench_options *o, struct err *e)
{
	const struct model_config *m = model_config(o->model);
	size_t n = min_size(LENGTH, m->context - 1);
	struct streams t;
	double rate[RUNS];
	int rc = streams_open(&t, o->model, 1, n, 1, e);
	for (int i = -1; i < RUNS && rc == 0; i++) {
		rc = streams_join(&t, e);
		double begun = now_s();
		if (rc == 0)
			rc = streams_read(&t, e);
		if (i >= 0)
			rate[i] = (double)n / (now_s() - begun);
		if (rc == 0)
			rc = stopped(o, e);
	}
	if (rc == 0) {
		struct flow_speed *s = speed_add(out, "prefill", n, 1);
		speed_set(s, rate, RUNS);
		share_set(s, out, prefill_flop(m, n));
	}
	streams_close(&t);
	return rc;
}

/* A token more for each sequence, RUNS times over; of all, not of each. */
static int decode_measure(struct flow_bench *out, const struct flow_bench_options *o, size_t n, struct err *e)
{
	size_t prompt = min_size(DECODE_PROMPT, model_config(o->model)->context / 2);
	size_t steps = min_size(DECODE_STEPS, model_config(o->model)->context - prompt - 2);
	struct streams t;
	double rate[DECODE_STEPS + 1];
	int rc = streams_open(&t, o->model, n, prompt, steps + 2, e);
	for (size_t i = 0; i <= steps && rc == 0; i++) {
		if ((rc = streams_join(&t, e)) == 0)
			rc = streams_read(&t, e);
		size_t live = batcher_n(t.batcher);
		if (rc == 0 && !live)
			rc = err_set(
				e, ERR_FAILED, "the model ends every answer at its first token, so there is nothing to measure");
		double begun = now_s();
		if (rc == 0)
			rc = batcher_tokens(t.batcher, e);
		rate[i] = (double)live / (now_s() - begun);
		if (rc == 0)
			rc = stopped(o, e);
	}
	if (rc == 0)
		speed_set(speed_add(out, "decode", steps, n), rate + 1, steps);
	streams_close(&t);
	return rc;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------ */

int flow_bench(const struct flow_bench_options *o, struct flow_bench *out, struct err *e)
{
	size_t context = model_config(o->model)->context;
	*out = (struct flow_bench){0};
	if (context < CONTEXT_MIN)
		return err_set(e, ERR_DATA, "the model's context: expected at least %d tokens, found %zu", CONTEXT_MIN, context);
	log_line(LOG_INFO, "measuring products, %d x %d x %d", SIDE, SIDE, SIDE);
	int rc = products_measure(out, e);
	if (rc == 0 && o->prefill) {
		log_line(LOG_INFO, "measuring prompts");
		rc = prefill_measure(out, o, e);
	}
	if (rc == 0 && o->decode) {
		log_line(LOG_INFO, "measuring answers, 1 and %d at a time", FLOW_STREAMS);
		if ((rc = decode_measure(out, o, 1, e)) == 0)
			rc = decode_measure(out, o, FLOW_STREAMS, e);
	}
	if (rc == 0 && o->training) {
		log_line(LOG_INFO, "measuring %d steps of training", STEPS);
		rc = training_measure(out, o, e);
	}
	return rc;
}

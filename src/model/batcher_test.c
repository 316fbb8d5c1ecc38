/* Sequences that join and leave while others run: each answer is what it would be alone, whatever adapter the others have. */
#include "model/test_golden.h"

#include "model/net.h"

enum { N = 9, N_PROMPT = 40, N_LONG = 300 };

struct world {
	struct model *m;
	struct lora *l;
	struct ids prompt[N];
	struct sequence s[N];
};

/* The matrix in blocks, as models are stored whose next tokens are computed row by row. */
static void quantise(struct model *m, struct matrix *w)
{
	struct err e = {0};
	size_t bytes = dtype_row_bytes(DTYPE_Q8_0, w->cols);
	char *data = arena_alloc(&m->arena, w->rows, bytes, &e);
	float row[256];
	assert_true(data && w->cols <= sizeof row / sizeof *row);
	for (size_t i = 0; i < w->rows; i++) {
		matrix_row(row, w, i, 0, w->cols);
		dtype_quantize(data + i * bytes, DTYPE_Q8_0, row, w->cols);
	}
	*w = (struct matrix){DTYPE_Q8_0, w->rows, w->cols, data};
}

static void world_make(struct world *w, bool quantised)
{
	struct err e = {0};
	struct rng r;
	*w = (struct world){.m = golden_model("untied")};
	for (size_t i = 0; quantised && i < w->m->config.n_layers; i++)
		for (int t = 0; t < LORA_TARGETS; t++)
			quantise(w->m, &w->m->layer[i].w[t]);
	if (quantised)
		quantise(w->m, &w->m->head);
	w->l = golden_adapter(w->m, "untied");
	rng_init(&r, 7, RNG_DATA, 0, 0);
	for (size_t i = 0; i < N; i++) {
		for (size_t n = i == N - 1 ? N_LONG : 1 + rng_below(&r, N_PROMPT); n > 0; n--)
			check(ids_push(&w->prompt[i], (int32_t)rng_below(&r, (uint32_t)model_config(w->m)->n_tokens), &e), &e);
		w->s[i] = (struct sequence){.lora = i % 2 ? w->l : NULL,
			.prompt = w->prompt[i],
			.options = {.sampling = {1, 1, i}, .max_tokens = 5 + 7 * i}};
	}
}

static void world_end(struct world *w)
{
	for (size_t i = 0; i < N; i++) {
		generated_release(&w->s[i].answer);
		ids_release(&w->prompt[i]);
	}
	lora_free(w->l);
	model_free(w->m);
}

static struct batcher *batcher_of(const struct world *w, size_t n_slots, bool reuse)
{
	struct err e = {0};
	struct batcher *b;
	const struct lora *l = w->l;
	const struct batcher_options o = {.n_slots = n_slots, .capacity = 400, .lora = &l, .n_lora = 1, .reuse = reuse};
	check(batcher_new(&b, w->m, &o, &e), &e);
	return b;
}

static void run_out(struct batcher *b)
{
	struct err e = {0};
	while (batcher_n(b)) {
		check(batcher_prompt(b, &e), &e);
		check(batcher_tokens(b, &e), &e);
	}
	assert_int_equal(batcher_n_prompts(b), 0);
}

static int keep(void *context, size_t i, const struct generated *answer, struct err *e)
{
	struct generated *to = context;
	(void)i;
	to->n_tokens = answer->n_tokens;
	to->finish_reason = answer->finish_reason;
	return buf_append(&to->text, answer->text.len ? answer->text.p : "", answer->text.len, e);
}

static void assert_alone(const struct world *w, size_t i)
{
	struct err e = {0};
	struct generated alone = {0};
	const struct sequence *s = &w->s[i];
	const struct generate_job job = {
		.prompts = &s->prompt, .n = 1, .options = s->options, .on_answer = keep, .context = &alone};
	check(generate_many(w->m, s->lora, &job, &e), &e);
	if (alone.n_tokens != s->answer.n_tokens || alone.text.len != s->answer.text.len ||
		strcmp(alone.finish_reason, s->answer.finish_reason) ||
		(alone.text.len && memcmp(alone.text.p, s->answer.text.p, alone.text.len)))
		fail_msg("%s, sequence %zu: %s (%zu tokens), alone %s (%zu)", kern->name, i, s->answer.text.p, s->answer.n_tokens,
			alone.text.p, alone.n_tokens);
	generated_release(&alone);
}

/* Of three places; who comes later finds others in the middle of their answers. Some leave. */
static void test_join_and_leave(void **state)
{
	struct err e = {0};
	(void)state;
	for (size_t i = 0; kern_available()[i / 2]; i++) {
		struct world w;
		size_t n = 0, most = 0;
		check(kern_init(kern_available()[i / 2]->name, &e), &e);
		world_make(&w, i % 2);
		struct batcher *b = batcher_of(&w, 3, false);
		for (int step = 0; n < N || batcher_n(b); step++) {
			if (n < N && step % 3 == 0 && !batcher_full(b))
				check(batcher_join(b, &w.s[n++], &e), &e);
			most = batcher_n(b) > most ? batcher_n(b) : most;
			check(batcher_prompt(b, &e), &e);
			check(batcher_tokens(b, &e), &e);
			if (w.s[6].answer.n_tokens == 3)
				batcher_leave(b, &w.s[6]);
		}
		assert_int_equal(most, 3);
		assert_int_equal(w.s[6].answer.n_tokens, 3);
		assert_null(w.s[6].answer.finish_reason);
		for (size_t k = 0; k < N; k++)
			if (k != 6)
				assert_alone(&w, k);
		batcher_leave(b, &w.s[0]); /* which ended long ago */
		batcher_free(b);
		world_end(&w);
	}
	check(kern_init(NULL, &e), &e);
}

static void again(struct world *w, struct batcher *b, size_t i)
{
	struct err e = {0};
	generated_release(&w->s[i].answer);
	check(batcher_join(b, &w->s[i], &e), &e);
}

/* What is reused is counted, belongs to the same adapter, and gives the same answer. */
static void test_reuse(void **state)
{
	struct err e = {0};
	struct world w;
	(void)state;
	check(kern_init("ref", &e), &e);
	world_make(&w, false);
	struct batcher *b = batcher_of(&w, 2, true);
	size_t n = w.prompt[8].n;
	again(&w, b, 8);
	assert_int_equal(w.s[8].n_done, 0);
	check(batcher_prompt(b, &e), &e); /* the first 256 are there */
	w.s[0].prompt = w.prompt[8];
	again(&w, b, 0); /* copies them from a slot that is busy */
	assert_int_equal(w.s[0].n_done, PREFILL_ROWS);
	run_out(b);
	assert_alone(&w, 8);
	assert_alone(&w, 0);
	again(&w, b, 8);
	assert_int_equal(w.s[8].n_done, n - 1); /* the last one gives the logits */
	run_out(b);
	assert_alone(&w, 8);
	w.s[8].lora = w.l; /* nothing of another adapter's */
	again(&w, b, 8);
	assert_int_equal(w.s[8].n_done, 0);
	run_out(b);
	assert_alone(&w, 8);
	w.s[8].prompt.p[3] ^= 1;
	again(&w, b, 8);
	assert_int_equal(w.s[8].n_done, 3);
	run_out(b);
	assert_alone(&w, 8);
	again(&w, b, 1); /* the slot longest unused is given up, which is not 8's */
	assert_int_equal(w.s[1].n_done, 0);
	run_out(b);
	again(&w, b, 8);
	assert_int_equal(w.s[8].n_done, n - 1);
	run_out(b);
	assert_int_equal(batcher_join(b, &(struct sequence){.prompt = {.n = 401}}, &e), ERR_DATA);
	assert_int_equal(batcher_join(b, &(struct sequence){.prompt = {.n = 0}}, &e), ERR_DATA);
	batcher_free(b);
	world_end(&w);
	check(kern_init(NULL, &e), &e);
}

struct scores {
	size_t V, n;
	int32_t id[400];
	double loss[400];
};

static void take(void *context, int32_t id, const float *logits)
{
	struct scores *s = context;
	double total = 0;
	for (size_t i = 0; i < s->V; i++)
		total += exp((double)logits[i]);
	s->id[s->n] = id;
	s->loss[s->n++] = log(total) - (double)logits[id];
}

/* The prompt's tokens are scored as model_loss scores them, over pieces of the prompt and of the head. */
static void test_score_prompt(void **state)
{
	struct err e = {0};
	struct world w;
	struct scores got = {0};
	struct work *work;
	float loss[N_LONG];
	int32_t row[N_LONG];
	(void)state;
	check(kern_init("ref", &e), &e);
	world_make(&w, false);
	const struct ids *p = &w.prompt[8];
	const struct batch batch = {.tokens = p->p,
		.n_tokens = p->n,
		.start = (const size_t[]){0, p->n},
		.n_seqs = 1,
		.scored_row = row,
		.target = p->p + 1,
		.n_scored = p->n - 1};
	for (size_t i = 0; i + 1 < p->n; i++)
		row[i] = (int32_t)i;
	check(work_new(&work, w.m, w.l, p->n, false, &e), &e);
	halved_begin();
	check(model_loss(w.m, w.l, work, &batch, loss, &e), &e);
	halved_end();
	struct batcher *b = batcher_of(&w, 1, true);
	for (size_t max_tokens = 0; max_tokens < 3; max_tokens++) {
		got = (struct scores){.V = model_config(w.m)->V};
		w.s[8].lora = w.l;
		w.s[8].score_prompt = true;
		w.s[8].options = (struct generate_options){.max_tokens = max_tokens, .on_token = take, .context = &got};
		again(&w, b, 8);
		assert_int_equal(w.s[8].n_done, 0); /* what is to be scored has to be computed */
		run_out(b);
		assert_string_equal(w.s[8].answer.finish_reason, "length");
		assert_int_equal(w.s[8].answer.n_tokens, max_tokens);
		assert_int_equal(got.n, p->n - 1 + max_tokens);
		for (size_t i = 0; i + 1 < p->n; i++) {
			assert_int_equal(got.id[i], p->p[i + 1]);
			if (!(fabs(got.loss[i] - (double)loss[i]) < 1e-4))
				fail_msg("token %zu: %g, model_loss says %g", i + 1, got.loss[i], (double)loss[i]);
		}
	}
	w.s[8].score_prompt = false;
	w.s[8].options.max_tokens = 0;
	again(&w, b, 8);
	assert_string_equal(w.s[8].answer.finish_reason, "length"); /* at once */
	assert_int_equal(batcher_n(b), 0);
	batcher_free(b);
	work_free(work);
	world_end(&w);
	check(kern_init(NULL, &e), &e);
}

int main(void)
{
	struct err e;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join_and_leave),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_score_prompt),
	};
	if (kern_init(NULL, &e))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Generation: the cache against whole-sequence logits, sampling, stop texts, streaming, reuse of the prompt, many at a time. */
#include "model/test_golden.h"

#include "model/net.h"

static const int32_t prompt[] = {1, 300, 120, 88, 2, 77, 310, 45, 60, 61};
enum { N_PROMPT = sizeof(prompt) / sizeof(prompt[0]) };

/* Appending in pieces gives the logits of the whole sequence computed at once. bf16 rounds single rows and blocks of rows differently. */
static void cache_of(const char *model)
{
	struct err e = {0};
	for (size_t path = 0; kern_available()[path]; path++) {
		check(kern_init(kern_available()[path]->name, &e), &e);
		double tolerance = !strstr(kern->name, "bf16") ? 1e-4 : 0.15;
		struct model *m = golden_model(model);
		struct lora *l = golden_adapter(m, model);
		size_t V = model_config(m)->V, start[2] = {0, N_PROMPT}, pieces[] = {3, 1, 5, 1}, at = 0;
		struct batch b = {.tokens = prompt, .n_tokens = N_PROMPT, .start = start, .n_seqs = 1};
		float *whole = mem_alloc(V, sizeof(*whole), &e), *logits = mem_alloc(V, sizeof(*logits), &e);
		struct work *w, *narrow;
		struct kv *kv;
		check(work_new(&w, m, l, N_PROMPT, false, &e), &e);
		check(work_new(&narrow, m, l, 2, false, &e), &e); /* longer pieces go through in steps */
		check(kv_new(&kv, m, N_PROMPT, &e), &e);
		for (size_t i = 0; i < 4; i++) {
			int32_t last = (int32_t)(at + pieces[i] - 1);
			check(model_append(m, l, i == 2 ? narrow : w, kv, prompt + at, pieces[i], logits, &e), &e);
			halved_begin();
			check(model_logits(m, l, w, &b, &last, 1, whole, &e), &e);
			halved_end();
			for (size_t j = 0; j < V; j++)
				if (!(fabs((double)(whole[j] - logits[j])) <= tolerance))
					fail_msg("%s piece %zu logit %zu: %g, at once %g", kern->name, i, j, (double)logits[j],
						(double)whole[j]);
			at += pieces[i];
		}
		assert_int_equal(kv_n(kv), N_PROMPT);
		assert_int_equal(model_append(m, l, w, kv, prompt, 1, logits, &e), ERR_DATA); /* full */
		mem_free(whole);
		mem_free(logits);
		work_free(w);
		work_free(narrow);
		kv_free(kv);
		lora_free(l);
		model_free(m);
	}
	check(kern_init(NULL, &e), &e);
}

/* Gemma's prompt is longer than the window of two of its layers. */
static void test_cache(void **state)
{
	(void)state;
	cache_of("tied");
	cache_of("families/gemma3");
	cache_of("families/qwen2");
}

/* Rows of the embedding that no token has, as large as they may be, are never drawn. */
static void test_padding_rows(void **state)
{
	struct err e = {0};
	struct model *m = golden_model("families/qwen2");
	const struct model_config *c = model_config(m);
	(void)state;
	assert_true(c->n_tokens < c->V && c->n_tokens == tokenizer_n_vocab(model_encoder(m)->tokenizer));
	float *logits = mem_alloc(c->V, sizeof(*logits), &e);
	float *scratch = mem_alloc(c->V, sizeof(*scratch), &e);
	for (size_t i = 0; i < c->V; i++)
		logits[i] = i < c->n_tokens ? 0 : 100;
	struct generated out;
	struct generate_options o = {.sampling = {.temperature = 1, .top_p = 1}, .max_tokens = 200};
	struct stream s;
	struct kv *kv;
	check(kv_new(&kv, m, 300, &e), &e);
	for (int greedy = 0; greedy < 2; greedy++) {
		o.sampling.temperature = greedy ? 0 : 1;
		stream_begin(&s, &o, &out, 1);
		for (int i = 0; i < 100; i++) {
			int32_t id = stream_draw(&s, m, logits, scratch);
			check(stream_take(&s, kv, logits, id, &e), &e);
			assert_true(id >= 0 && (size_t)id < c->n_tokens);
			s.ended = false;
		}
		generated_release(&out);
	}
	kv_free(kv);
	mem_free(logits);
	mem_free(scratch);
	model_free(m);
}

static void test_sampling(void **state)
{
	const float logits[4] = {1, 3, 3, 2};
	struct sampling s = {.temperature = 0, .top_p = 1, .seed = 3};
	float scratch[4];
	size_t n[4] = {0};
	(void)state;
	assert_int_equal(sample_token(logits, 4, &s, NULL, 0, scratch), 1); /* greedy: the first of equals */
	s.temperature = 1;
	for (size_t i = 0; i < 20000; i++) {
		int32_t id = sample_token(logits, 4, &s, NULL, i, scratch);
		assert_int_equal(id, sample_token(logits, 4, &s, NULL, i, scratch)); /* a function of seed and position */
		n[id]++;
	}
	double total = exp(1) + 2 * exp(3) + exp(2);
	for (size_t i = 0; i < 4; i++) /* four standard errors of 20000 draws */
		assert_true(fabs((double)n[i] / 20000 - exp((double)logits[i]) / total) < 4 * 0.5 / sqrt(20000));
	s.top_p = 0.5f; /* the two likeliest hold 0.85 between them, the first alone 0.43 */
	memset(n, 0, sizeof(n));
	for (size_t i = 0; i < 1000; i++)
		n[sample_token(logits, 4, &s, NULL, i, scratch)]++;
	assert_int_equal(n[0] + n[3], 0);
	assert_true(n[1] > 400 && n[2] > 400);
	s.temperature = 0.01f; /* nearly greedy, and equal ones still share */
	s.top_p = 1;
	for (size_t i = 0; i < 100; i++)
		assert_in_range(sample_token(logits, 4, &s, NULL, i, scratch), 1, 2);
}

/* The nucleus is the same however many tokens are next to impossible, and of those nothing is drawn. */
static void test_sampling_many(void **state)
{
	enum { V = 5000 };
	float logits[V];
	float *scratch = malloc(V * sizeof(*scratch));
	struct sampling s = {.temperature = 1, .top_p = 0.9f, .seed = 7};
	size_t n[V] = {0};
	(void)state;
	for (size_t i = 0; i < V; i++)
		logits[i] = -20 - (float)(i % 7); /* together 5e-6 of the rest */
	logits[10] = logits[4000] = 2;
	logits[77] = 1; /* 0.16 of the total: the two hold 0.84 */
	logits[4999] = -3;
	for (size_t i = 0; i < 4000; i++)
		n[sample_token(logits, V, &s, NULL, i, scratch)]++;
	assert_int_equal(n[10] + n[77] + n[4000], 4000);
	assert_true(n[77] > 500 && n[77] < 750 && n[10] > 1500 && n[4000] > 1500);
	s.top_p = 0;
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(sample_token(logits, V, &s, NULL, i, scratch), 10);
	s.top_p = 0.5f; /* of equal ones those with the smallest ids */
	for (size_t i = 0; i < V; i++)
		logits[i] = 0;
	logits[V - 1] = 6; /* 403 of 5402: the other 2298 are the first ones */
	memset(n, 0, sizeof n);
	for (size_t i = 0; i < 4000; i++) {
		int32_t id = sample_token(logits, V, &s, NULL, i, scratch);
		assert_true(id == V - 1 || id < 2300);
		n[id]++;
	}
	assert_true(n[V - 1] > 480 && n[V - 1] < 720); /* 0.15 */
	for (size_t i = 0; i < V; i++)
		logits[i] = NAN; /* anything, but one of them */
	s.top_p = 0.5f;
	assert_in_range(sample_token(logits, V, &s, NULL, 1, scratch), 0, V - 1);
	s.top_p = 1;
	assert_in_range(sample_token(logits, V, &s, NULL, 1, scratch), 0, V - 1);
	free(scratch);
}

struct sink {
	struct buf text;
	size_t calls, stop_after;
};

/* Every piece must be whole UTF-8 as far as the bytes allow: none starts with a continuation byte unless the text itself is broken. */
static bool take(void *context, const char *text, size_t n)
{
	struct sink *s = context;
	assert_int_equal(buf_append(&s->text, text, n, NULL), 0);
	return ++s->calls != s->stop_after;
}

static void run(struct generator *g, const struct generate_options *o, struct generated *out)
{
	struct err e = {0};
	check(generator_run(g, prompt, N_PROMPT, o, out, &e), &e);
}

static void test_streaming_and_stops(void **state)
{
	struct err e = {0};
	struct model *m = golden_model("tied");
	struct generator *g;
	struct sink sink = {0};
	struct generate_options o = {.sampling = {1, 1, 11}, .max_tokens = 40, .on_text = take, .context = &sink};
	struct generated whole, again;
	(void)state;
	check(kern_init("ref", &e), &e);
	check(generator_new(&g, m, NULL, 64, &e), &e);
	run(g, &o, &whole);
	assert_true(whole.text.len > 20);
	assert_int_equal(whole.text.len, sink.text.len);
	assert_memory_equal(whole.text.p, sink.text.p, sink.text.len);
	assert_int_equal(whole.n_prompt, N_PROMPT);

	o.on_text = NULL; /* the same seed over a warm cache: the same text, up to the rounding that ref is too fine to show */
	run(g, &o, &again);
	assert_int_equal(again.text.len, whole.text.len);
	assert_memory_equal(again.text.p, whole.text.p, whole.text.len);
	generated_release(&again);

	/* A stop text of several tokens' bytes: cut before it, never streamed. */
	char middle[6] = {0};
	memcpy(middle, whole.text.p + 9, 5);
	size_t place = (size_t)(strstr(whole.text.p, middle) - whole.text.p);
	const char *stops[] = {"never to be seen", middle};
	o.stop = stops;
	o.n_stop = 2;
	o.on_text = take;
	buf_clear(&sink.text);
	run(g, &o, &again);
	assert_int_equal(again.text.len, place);
	assert_int_equal(sink.text.len, place);
	assert_memory_equal(again.text.p, whole.text.p, place);
	assert_string_equal(again.finish_reason, "stop");
	generated_release(&again);

	o.n_stop = 0;
	sink.calls = 0;
	sink.stop_after = 2;
	run(g, &o, &again);
	assert_int_equal(sink.calls, 2);
	assert_string_equal(again.finish_reason, "stop");
	generated_release(&again);
	generated_release(&whole);
	buf_release(&sink.text);
	generator_free(g);
	model_free(m);
	check(kern_init(NULL, &e), &e);
}

/* max_tokens and the context end a generation with "length"; an end token with "stop". */
static void test_ends(void **state)
{
	struct err e = {0};
	struct model *m = golden_model("tied");
	struct generator *g;
	struct generate_options o = {.sampling = {1, 1, 11}, .max_tokens = 3};
	struct generated out;
	bool stopped = false;
	(void)state;
	check(generator_new(&g, m, NULL, N_PROMPT + 5, &e), &e);
	run(g, &o, &out);
	assert_int_equal(out.n_tokens, 3);
	assert_string_equal(out.finish_reason, "length");
	generated_release(&out);
	o.max_tokens = 1000;
	run(g, &o, &out);
	assert_int_equal(out.n_tokens, 6); /* five fit, and the sixth needs no place */
	generated_release(&out);
	o.max_tokens = 0;
	run(g, &o, &out);
	assert_int_equal(out.n_tokens, 0);
	generated_release(&out);
	assert_int_equal(generator_run(g, prompt, 0, &o, &out, &e), ERR_DATA);
	int32_t too_long[N_PROMPT + 6] = {0};
	assert_int_equal(generator_run(g, too_long, N_PROMPT + 6, &o, &out, &e), ERR_DATA);
	generator_free(g);
	check(generator_new(&g, m, NULL, 400, &e), &e);
	o.max_tokens = 380;
	for (uint64_t seed = 0; seed < 20 && !stopped; seed++) { /* a random model: some seed meets an end token */
		o.sampling.seed = seed;
		run(g, &o, &out);
		stopped = !strcmp(out.finish_reason, "stop");
		assert_true(stopped == (out.n_tokens < 380));
		generated_release(&out);
	}
	assert_true(stopped);
	generator_free(g);
	model_free(m);
}

/* ---- many ------------------------------------------------------------------------------------------------------------------- */

enum { N_MANY = 61 };

struct answers {
	struct generated of[N_MANY]; /* by prompt */
	size_t first, n;             /* the next prompt that must be answered, and how many were */
	bool backwards;
	size_t fail_at; /* the answer after which there are to be no more; 0: none */
	volatile sig_atomic_t stop;
};

static int keep(void *context, size_t i, const struct generated *answer, struct err *e)
{
	struct answers *a = context;
	assert_int_equal(i, a->n++); /* in their order, each once */
	struct generated *to = &a->of[a->backwards ? N_MANY - 1 - i : a->first + i];
	*to = *answer;
	to->text = (struct buf){0};
	int rc = buf_append(&to->text, answer->text.len ? answer->text.p : "", answer->text.len, e);
	return !rc && a->n == a->fail_at ? err_set(e, ERR_GATE, "enough") : rc;
}

static void answers_release(struct answers *a)
{
	for (size_t i = 0; i < N_MANY; i++)
		generated_release(&a->of[i]);
	*a = (struct answers){0};
}

static void assert_same(const struct answers *a, const struct answers *b)
{
	for (size_t i = 0; i < N_MANY; i++) {
		const struct generated *x = &a->of[i], *y = &b->of[i];
		if (x->n_tokens != y->n_tokens || x->n_prompt != y->n_prompt || x->text.len != y->text.len ||
			(x->text.len && memcmp(x->text.p, y->text.p, x->text.len)) || strcmp(x->finish_reason, y->finish_reason))
			fail_msg("%s, prompt %zu: %s (%zu tokens), else %s (%zu)", kern->name, i, x->text.p, x->n_tokens, y->text.p,
				y->n_tokens);
	}
}

/* Prompts of 1 to 16 tokens. */
static void prompts_make(struct ids p[N_MANY], const struct model *m)
{
	struct err e = {0};
	struct rng r;
	rng_init(&r, 5, RNG_DATA, 0, 0);
	for (size_t i = 0; i < N_MANY; i++)
		for (size_t n = 1 + rng_below(&r, 16); n > 0; n--)
			check(ids_push(&p[i], (int32_t)rng_below(&r, (uint32_t)model_config(m)->V), &e), &e);
}

static void ask(struct answers *a, const struct model *m, const struct lora *l, const struct ids *p, size_t n,
	const struct generate_options *o)
{
	struct err e = {0};
	const struct generate_job job = {.prompts = p, .n = n, .options = *o, .on_answer = keep, .context = a};
	check(generate_many(m, l, &job, &e), &e);
	assert_int_equal(a->n, n);
	a->first += n;
	a->n = 0;
}

/* Alone, three at a time, all but those that an earlier run has answered, backwards: an answer is an answer. */
static void check_many(const struct model *m, const struct lora *l, const struct ids p[N_MANY], const struct generate_options *o)
{
	struct answers all = {0}, other = {0};
	struct ids backwards[N_MANY];
	size_t n_stop = 0, n_length = 0;
	ask(&all, m, l, p, N_MANY, o);
	for (size_t i = 0; i < N_MANY; i++) {
		n_stop += !strcmp(all.of[i].finish_reason, "stop");
		n_length += !strcmp(all.of[i].finish_reason, "length");
		backwards[i] = p[N_MANY - 1 - i];
	}
	assert_true(n_stop > 0 && n_length > 0); /* slots are taken over, and not all at once */

	for (size_t i = 0; i < N_MANY; i++)
		ask(&other, m, l, p + i, 1, o);
	assert_same(&other, &all);
	answers_release(&other);
	for (size_t i = 0; i < N_MANY; i += 3)
		ask(&other, m, l, p + i, N_MANY - i < 3 ? N_MANY - i : 3, o);
	assert_same(&other, &all);
	answers_release(&other);
	ask(&other, m, l, p, 11, o);
	ask(&other, m, l, p + 11, N_MANY - 11, o);
	assert_same(&other, &all);
	answers_release(&other);
	other.backwards = true;
	ask(&other, m, l, backwards, N_MANY, o);
	assert_same(&other, &all);
	answers_release(&other);

	answers_release(&all);
}

/*
 * With a prefix: prompts that begin like it, partly or not at all, and one that is no longer than it. What is said does not depend on what is
 * asked beside it, and in exact enough arithmetic not on the prefix.
 */
static void test_many_prefix(void **state)
{
	struct err e = {0};
	struct model *m = golden_model("tied");
	struct ids p[N_MANY] = {{0}};
	struct answers all = {0}, other = {0};
	const struct generate_options o = {.sampling = {0, 1, 3}, .max_tokens = 8};
	struct generate_job job = {.prompts = p, .n = N_MANY, .options = o, .on_answer = keep, .context = &all};
	(void)state;
	check(kern_init("ref", &e), &e);
	prompts_make(p, m);
	size_t longest = 0;
	for (size_t i = 0; i < N_MANY; i++)
		longest = p[i].n > p[longest].n ? i : longest;
	for (size_t i = 0; i < N_MANY; i += 2)
		for (size_t k = 0; k < p[i].n && k < i; k++)
			p[i].p[k] = p[longest].p[k];
	job.prefix = p[longest].p;
	job.n_prefix = p[longest].n;
	check(generate_many(m, NULL, &job, &e), &e);
	for (size_t i = 0; i < N_MANY; i++) {
		job.prompts = p + i;
		job.n = 1;
		job.context = &other;
		other.n = 0;
		check(generate_many(m, NULL, &job, &e), &e);
		other.first++;
	}
	assert_same(&other, &all);
	answers_release(&other);
	ask(&other, m, NULL, p, N_MANY, &o);
	assert_same(&other, &all);
	answers_release(&other);
	answers_release(&all);
	for (size_t i = 0; i < N_MANY; i++)
		ids_release(&p[i]);
	model_free(m);
	check(kern_init(NULL, &e), &e);
}

static void test_many(void **state)
{
	struct err e = {0};
	(void)state;
	for (size_t path = 0; kern_available()[path]; path++) {
		check(kern_init(kern_available()[path]->name, &e), &e);
		struct model *m = golden_model("tied");
		struct lora *l = golden_adapter(m, "tied");
		struct ids p[N_MANY] = {{0}};
		const char *stop[] = {"e", "a"};
		struct generate_options o = {.sampling = {0, 1, 3}, .max_tokens = 8, .stop = stop, .n_stop = 2};
		prompts_make(p, m);
		check_many(m, l, p, &o);
		o.sampling.temperature = 1;
		check_many(m, NULL, p, &o);
		for (size_t i = 0; i < N_MANY; i++)
			ids_release(&p[i]);
		lora_free(l);
		model_free(m);
	}
	check(kern_init(NULL, &e), &e);
}

static int keep_and_stop(void *context, size_t i, const struct generated *answer, struct err *e)
{
	struct answers *a = context;
	a->stop = a->stop || a->n == 4;
	return keep(context, i, answer, e);
}

static void test_many_ends(void **state)
{
	struct err e = {0};
	struct model *m = golden_model("tied");
	struct ids p[N_MANY] = {{0}};
	struct answers a = {.fail_at = 3};
	struct generate_job job = {.prompts = p, .n = N_MANY, .options = {.max_tokens = 4}, .on_answer = keep, .context = &a};
	(void)state;
	prompts_make(p, m);
	assert_int_equal(generate_many(m, NULL, &job, &e), ERR_GATE);
	assert_int_equal(a.n, 3);
	answers_release(&a);

	job.on_answer = keep_and_stop;
	job.stop = &a.stop;
	assert_int_equal(generate_many(m, NULL, &job, &e), ERR_STOPPED);
	assert_in_range(a.n, 5, N_MANY - 1);
	answers_release(&a);

	job.options.max_tokens = 0;
	job.on_answer = keep;
	check(generate_many(m, NULL, &job, &e), &e);
	assert_int_equal(a.n, N_MANY);
	assert_int_equal(a.of[0].n_tokens, 0);
	answers_release(&a);

	job.n = 0;
	check(generate_many(m, NULL, &job, &e), &e);
	job.n = N_MANY;
	size_t n = p[N_MANY - 1].n;
	p[N_MANY - 1].n = 0;
	assert_int_equal(generate_many(m, NULL, &job, &e), ERR_DATA);
	assert_int_equal(a.n, 0);
	p[N_MANY - 1].n = n;
	for (size_t i = 0; i < N_MANY; i++)
		ids_release(&p[i]);
	model_free(m);
}

/* Whichever allocation fails, it is said and nothing is lost. */
static void test_many_memory(void **state)
{
	struct err e = {0};
	struct model *m = golden_model("tied");
	struct ids p[N_MANY] = {{0}};
	int rc = ERR_RESOURCE;
	(void)state;
	prompts_make(p, m);
	for (uint64_t nth = 1; rc; nth++) {
		struct answers a = {0};
		const struct generate_job job = {
			.prompts = p, .n = 3, .options = {.max_tokens = 4}, .on_answer = keep, .context = &a};
		fault_set(FAULT_MEM, nth, false);
		rc = generate_many(m, NULL, &job, &e);
		fault_set(FAULT_MEM, 0, false);
		assert_true(rc == 0 || rc == ERR_RESOURCE);
		answers_release(&a);
	}
	for (size_t i = 0; i < N_MANY; i++)
		ids_release(&p[i]);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_padding_rows),
		cmocka_unit_test(test_sampling),
		cmocka_unit_test(test_sampling_many),
		cmocka_unit_test(test_streaming_and_stops),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_many_prefix),
		cmocka_unit_test(test_many_ends),
		cmocka_unit_test(test_many_memory),
	};
	kern_init(NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

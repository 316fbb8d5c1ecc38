/*
 * Steps on a small random Llama (tests/golden/tied): against PyTorch and PEFT, and the properties that a correct trainer has whatever
 * the model, on every kernel path of this CPU. Golden files are made by tests/golden/make_golden.py.
 */
#include "train/test_trainer.h"

#define TIED_GOLDEN GOLDEN_DIR "/tied.golden"

/* Sums on f32 paths differ by rounding alone; bf16 has 8 bits of mantissa, and adds up many terms. */
static double tolerance(void)
{
	return strstr(kern->name, "bf16") ? 2e-2 : 1e-5;
}

/* As it is given, one row a micro-batch, all in one step. */
static struct train_config config_plain(void)
{
	struct train_config c = config_small();
	c.micro_batch_size = 1;
	c.sample_packing = false;
	c.num_epochs = 1;
	return c;
}

/* Takes the data sets. B is drawn, so that every gradient is alive. */
static void trainer_make(struct trainer *t, const struct train_config *c, struct dataset *train, struct dataset *valid)
{
	*t = (struct trainer){.model = model, .c = c, .train = *train};
	*train = (struct dataset){0};
	if (valid) {
		t->valid = *valid;
		*valid = (struct dataset){0};
	}
	trainer_start(t, 0.05f);
}

static float *floats_copy(const float *x, size_t n)
{
	float *copy = mem_alloc(n, sizeof *copy, &err);
	memcpy(copy, x, n * sizeof *copy);
	return copy;
}

/* The gradient of one step over all rows, in the layout that c gives; *line gets the figures. The caller frees. */
static float *gradient_of(const struct train_config *c, struct dataset *d, struct metrics_line *line)
{
	struct trainer t;
	*line = (struct metrics_line){0};
	trainer_make(&t, c, d, NULL);
	assert_int_equal(t.total_steps, 1);
	assert_ok(trainer_step(&t, line, &err));
	float *g = floats_copy(last_gradient(&t), t.lora->n_params);
	trainer_release(&t);
	return g;
}

/* ---- against PEFT ------------------------------------------------------------------------------------------------------------ */

static double cosine_of_change(const float *a, const float *b, const float *start, size_t n)
{
	double ab = 0, aa = 0, bb = 0;
	for (size_t i = 0; i < n; i++) {
		double x = (double)a[i] - (double)start[i], y = (double)b[i] - (double)start[i];
		ab += x * y;
		aa += x * x;
		bb += y * y;
	}
	return ab / sqrt(aa * bb);
}

/*
 * 20 steps from PEFT's adapter on the same rows: loss, learning rate and norm of each step, tokens, and what the weights became.
 * The bound on the weights is on their change, which is far sharper than on the weights.
 */
static void test_twenty_steps_like_peft(void **state)
{
	(void)state;
	bool bf16 = strstr(kern->name, "bf16");
	json_t *golden = json_load_file(TIED_GOLDEN "/golden.json", 0, NULL), *log, *step;
	json_t *run = json_object_get(golden, "train");
	struct train_config c = config_plain();
	struct trainer t = {.model = model, .c = &c};
	struct lora *final;
	c.learning_rate = json_number_value(json_object_get(run, "lr"));
	c.lr_scheduler = SCHEDULER_COSINE;
	c.max_steps = (int)json_integer_value(json_object_get(run, "steps"));
	c.warmup_ratio = json_number_value(json_object_get(run, "warmup")) / c.max_steps;
	c.weight_decay = json_number_value(json_object_get(run, "weight_decay"));
	c.micro_batch_size = (int)json_integer_value(json_object_get(run, "rows_per_step"));
	c.sequence_len = 512;
	assert_ok(dataset_load(&t.train, GOLDEN_DIR "/rows.jsonl", model_encoder(model), &c, &err));
	assert_ok(trainer_prepare(&t, TIED_GOLDEN "/train_init", ".", &err));
	float *start = floats_copy(t.lora->params, t.lora->n_params);
	size_t i;
	log = json_object_get(run, "log");
	assert_int_equal(json_array_size(log), 20);
	json_array_foreach (log, i, step) {
		struct metrics_line line = {0};
		assert_ok(trainer_step(&t, &line, &err));
		double loss = json_number_value(json_object_get(step, "loss")),
		       norm = json_number_value(json_object_get(step, "grad_norm"));
		assert_true(fabs(line.loss - loss) <= (bf16 ? 1e-2 : 1e-3) * loss);
		assert_true(fabs(line.grad_norm - norm) <= (bf16 ? 5e-2 : 5e-3) * norm);
		assert_true(fabs(line.lr - json_number_value(json_object_get(step, "lr"))) < 1e-12);
	}
	assert_ok(lora_open(&final, model, TIED_GOLDEN "/train_final", &err));
	assert_true(cosine_of_change(t.lora->params, final->params, start, final->n_params) >= (bf16 ? 0.99 : 0.9999));
	lora_free(final);
	mem_free(start);
	trainer_release(&t);
	json_decref(golden);
}

/* ---- accumulation and packing ----------------------------------------------------------------------------------------------- */

/* Eight ragged rows as 8 x 1, 4 x 2, 1 x 8 and packed: one loss, one norm, one gradient. */
static void test_accumulation_equals_batch(void **state)
{
	(void)state;
	enum { ROWS = 8 };
	struct dataset d;
	struct metrics_line whole, parts;
	struct train_config c = config_plain();
	c.micro_batch_size = ROWS;
	synthetic_dataset(&d, 11, ROWS, 40);
	float *expected = gradient_of(&c, &d, &whole);
	static const struct {
		int micro_batch_size, window;
		bool packing;
	} layouts[] = {{1, 8, false}, {2, 4, false}, {3, 3, false}, {1, 8, true}, {8, 1, true}};
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
		struct lora *l;
		c.micro_batch_size = layouts[i].micro_batch_size;
		c.gradient_accumulation_steps = layouts[i].window;
		c.sample_packing = layouts[i].packing;
		synthetic_dataset(&d, 11, ROWS, 40);
		float *g = gradient_of(&c, &d, &parts);
		const struct lora_config shape = {.r = 4, .alpha = 8, .targets = c.lora_targets};
		assert_ok(lora_new(&l, model, &shape, 1, &err));
		assert_true(distance(g, expected, l->n_params) <= tolerance());
		assert_true(fabs(parts.loss - whole.loss) <= tolerance() * whole.loss);
		assert_true(fabs(parts.grad_norm - whole.grad_norm) <= tolerance() * whole.grad_norm);
		assert_int_equal(parts.n_tokens, whole.n_tokens);
		lora_free(l);
		mem_free(g);
	}
	mem_free(expected);
}

/* Eleven rows in windows of four: the last window has three, and counts only its own tokens. */
static void test_last_window_is_a_step(void **state)
{
	(void)state;
	struct dataset d, last = {0};
	struct trainer t;
	struct metrics_line line, alone;
	struct train_config c = config_plain(), c3 = config_plain();
	c.gradient_accumulation_steps = 4;
	c.learning_rate = 0;
	c3.micro_batch_size = 3;
	synthetic_dataset(&d, 12, 11, 40);
	struct sample rows[3];
	for (int i = 0; i < 3; i++) { /* the same three rows by themselves */
		struct rng r;
		rng_init(&r, 1, RNG_DATA, 0, 0);
		synthetic_row(&last, &r, d.samples[8 + i].n, d.samples[8 + i].n_scored);
		rows[i] = last.samples[i];
		memcpy(rows[i].ids, d.samples[8 + i].ids, rows[i].n * sizeof *rows[i].ids);
		memcpy(rows[i].scored, d.samples[8 + i].scored, rows[i].n);
	}
	trainer_make(&t, &c, &d, NULL);
	assert_int_equal(t.total_steps, 3);
	size_t n_tokens = 0;
	for (int i = 0; i < 3; i++) {
		line = (struct metrics_line){0};
		assert_ok(trainer_step(&t, &line, &err));
		n_tokens += line.n_tokens;
	}
	assert_int_equal(n_tokens, t.train.n_tokens);
	assert_true(line.epoch == 1);
	float *expected = gradient_of(&c3, &last, &alone);
	assert_true(fabs(line.loss - alone.loss) <= tolerance() * alone.loss);
	assert_true(distance(last_gradient(&t), expected, t.lora->n_params) <= tolerance());
	mem_free(expected);
	trainer_release(&t);
}

/* Losses of every scored token of one packed micro-batch; *gradient gets a copy. The caller frees both. */
static float *losses_packed(struct dataset *d, float **gradient, size_t *n_scored)
{
	struct train_config c = config_plain();
	struct metrics_line line = {0};
	struct trainer t;
	c.micro_batch_size = 16;
	c.sample_packing = true;
	trainer_make(&t, &c, d, NULL);
	assert_ok(trainer_step(&t, &line, &err));
	assert_int_equal(t.plan.n_batches, 1);
	*n_scored = t.train.n_scored;
	*gradient = floats_copy(last_gradient(&t), t.lora->n_params);
	float *losses = floats_copy(t.losses, t.train.n_scored);
	trainer_release(&t);
	return losses;
}

/* Three packed rows, the middle one unscored and then filled with other tokens: not one bit of the others' losses or gradients moves. */
static void test_poisoned_neighbour(void **state)
{
	(void)state;
	float *losses[2], *gradient[2];
	size_t n_scored = 0;
	for (int poisoned = 0; poisoned < 2; poisoned++) {
		struct dataset d = {0};
		struct rng r;
		rng_init(&r, 5, RNG_DATA, 0, 0);
		synthetic_row(&d, &r, 23, 9);
		synthetic_row(&d, &r, 31, 0);
		synthetic_row(&d, &r, 17, 5);
		for (size_t i = 0; poisoned && i < 31; i++)
			d.samples[1].ids[i] = (int32_t)((d.samples[1].ids[i] + 1 + (int32_t)i) % SYNTHETIC_VOCAB);
		losses[poisoned] = losses_packed(&d, &gradient[poisoned], &n_scored);
	}
	assert_int_equal(n_scored, 14);
	assert_memory_equal(losses[0], losses[1], n_scored * sizeof(float));
	struct lora *l;
	const struct lora_config shape = {.r = 4, .alpha = 8, .targets = (1u << LORA_TARGETS) - 1};
	assert_ok(lora_new(&l, model, &shape, 1, &err));
	assert_memory_equal(gradient[0], gradient[1], l->n_params * sizeof(float));
	lora_free(l);
	for (int i = 0; i < 2; i++) {
		mem_free(losses[i]);
		mem_free(gradient[i]);
	}
}

/* Packed, each token's loss is what the row gives alone: positions restart, nothing leaks. */
static void test_packed_losses_equal_single(void **state)
{
	(void)state;
	struct dataset d;
	struct train_config c = config_plain();
	float *gradient;
	size_t n_scored, at = 0;
	synthetic_dataset(&d, 13, 6, 50);
	float *packed = losses_packed(&d, &gradient, &n_scored);
	struct trainer t;
	c.learning_rate = 0;
	synthetic_dataset(&d, 13, 6, 50);
	trainer_make(&t, &c, &d, NULL);
	for (size_t i = 0; i < 6; i++) {
		struct metrics_line line = {0};
		assert_ok(trainer_step(&t, &line, &err));
		for (size_t j = 0; j < t.train.samples[i].n_scored; j++, at++)
			assert_true(fabsf(packed[at] - t.losses[j]) <= (float)tolerance() * fmaxf(1, t.losses[j]));
	}
	assert_int_equal(at, n_scored);
	trainer_release(&t);
	mem_free(packed);
	mem_free(gradient);
}

/* ---- masks -------------------------------------------------------------------------------------------------------------------- */

/* The label of a token that is not scored is never looked at. */
static void test_unscored_label(void **state)
{
	(void)state;
	struct metrics_line line[2];
	float *g[2];
	struct train_config c = config_plain();
	for (int changed = 0; changed < 2; changed++) {
		struct dataset d = {0};
		struct rng r;
		rng_init(&r, 6, RNG_DATA, 0, 0);
		synthetic_row(&d, &r, 20, 8);
		d.samples[0].scored[19] = 0;
		d.samples[0].n_scored = 7;
		if (changed)
			d.samples[0].ids[19] = (d.samples[0].ids[19] + 1) % SYNTHETIC_VOCAB;
		g[changed] = gradient_of(&c, &d, &line[changed]);
	}
	assert_true(line[0].loss == line[1].loss && line[0].grad_norm == line[1].grad_norm && line[0].grad_norm > 0);
	mem_free(g[0]);
	mem_free(g[1]);
}

/* A window without a scored token moves neither weights nor moments and gives no NaN, even right after a step that left a gradient. */
static void test_fully_masked_window(void **state)
{
	(void)state;
	struct dataset d = {0};
	struct trainer t;
	struct metrics_line line = {0}, masked = {0};
	struct train_config c = config_plain();
	struct rng r;
	rng_init(&r, 8, RNG_DATA, 0, 0);
	synthetic_row(&d, &r, 15, 4);
	synthetic_row(&d, &r, 12, 0);
	trainer_make(&t, &c, &d, NULL);
	assert_ok(trainer_step(&t, &line, &err));
	assert_true(line.step == 1 && line.loss > 0);
	float *weights = floats_copy(t.lora->params, t.lora->n_params), *m = floats_copy(t.state.m, t.lora->n_params);
	assert_ok(trainer_step(&t, &masked, &err));
	assert_true(masked.step == 2 && masked.loss == 0 && masked.grad_norm == 0);
	assert_memory_equal(weights, t.lora->params, t.lora->n_params * sizeof *weights);
	assert_memory_equal(m, t.state.m, t.lora->n_params * sizeof *m);
	mem_free(weights);
	mem_free(m);
	trainer_release(&t);
}

/* A masked micro-batch among others: loss and gradient are those of the others alone. */
static void test_fully_masked_micro_batch(void **state)
{
	(void)state;
	struct metrics_line line[2];
	float *g[2];
	struct train_config c = config_plain();
	c.gradient_accumulation_steps = 2;
	for (int masked = 0; masked < 2; masked++) {
		struct dataset d = {0};
		struct rng r;
		rng_init(&r, 8, RNG_DATA, 0, 0);
		synthetic_row(&d, &r, 15, 4);
		if (masked)
			synthetic_row(&d, &r, 12, 0);
		g[masked] = gradient_of(&c, &d, &line[masked]);
	}
	assert_true(line[0].loss == line[1].loss && line[0].grad_norm == line[1].grad_norm && line[0].grad_norm > 0);
	assert_true(line[1].n_tokens == 15 + 12);
	mem_free(g[0]);
	mem_free(g[1]);
}

/* ---- where it starts, and what stops it -------------------------------------------------------------------------------------- */

/* A fresh adapter is the base, bit for bit, and a learning rate of 0 keeps it so. */
static void test_starts_as_the_base(void **state)
{
	(void)state;
	struct dataset d, v;
	struct train_config c = config_plain();
	struct metrics_line line = {0};
	double with, without;
	c.learning_rate = 0;
	synthetic_dataset(&d, 14, 3, 30);
	synthetic_dataset(&v, 15, 5, 30);
	struct trainer t = {.model = model, .c = &c, .train = d, .valid = v};
	assert_ok(trainer_prepare(&t, NULL, ".", &err));
	assert_ok(trainer_validate(&t, &with, &err));
	struct lora *adapter = t.lora;
	t.lora = NULL;
	assert_ok(trainer_validate(&t, &without, &err));
	t.lora = adapter;
	assert_true(with == without && with > 0);
	float *before = floats_copy(t.lora->params, t.lora->n_params);
	for (int i = 0; i < 3; i++)
		assert_ok(trainer_step(&t, &line, &err));
	assert_true(line.grad_norm > 0);
	assert_memory_equal(before, t.lora->params, t.lora->n_params * sizeof *before);
	assert_ok(trainer_validate(&t, &with, &err));
	assert_true(with == without);
	mem_free(before);
	trainer_release(&t);
}

/* NaN is an error with a sentence, and the weights stay as they were. */
static void test_not_a_number(void **state)
{
	(void)state;
	struct dataset d;
	struct trainer t;
	struct metrics_line line = {0};
	struct train_config c = config_plain();
	synthetic_dataset(&d, 16, 2, 30);
	trainer_make(&t, &c, &d, NULL);
	t.lora->params[t.lora->n_params - 1] = NAN;
	float *before = floats_copy(t.lora->params, t.lora->n_params);
	assert_int_equal(trainer_step(&t, &line, &err), ERR_FAILED);
	assert_non_null(strstr(err.text, "step 1"));
	assert_non_null(strstr(err.text, "learning_rate"));
	assert_memory_equal(before, t.lora->params, t.lora->n_params * sizeof *before);
	assert_int_equal(t.state.step, 0);
	mem_free(before);
	trainer_release(&t);
}

/* The first step of Adam is proportional to the learning rate: with a ratio of 8, B moves 8 times as far and A as before. */
static void test_b_learns_faster(void **state)
{
	(void)state;
	float *moved[2];
	struct trainer t[2];
	for (int k = 0; k < 2; k++) {
		struct dataset d;
		struct metrics_line line = {0};
		struct train_config *c = mem_alloc(1, sizeof *c, &err);
		*c = config_plain();
		c->learning_rate = 1e-3;
		c->loraplus_lr_ratio = k ? 8 : 1;
		synthetic_dataset(&d, 19, 1, 30);
		trainer_make(&t[k], c, &d, NULL);
		moved[k] = floats_copy(t[k].lora->params, t[k].lora->n_params);
		assert_ok(trainer_step(&t[k], &line, &err));
		for (size_t i = 0; i < t[k].lora->n_params; i++)
			moved[k][i] = t[k].lora->params[i] - moved[k][i];
	}
	for (size_t i = 0; i < t[0].lora->n_layers * LORA_TARGETS; i++) {
		const struct lora_slot *s = &t[0].lora->slot[i];
		for (size_t j = 0; j < 4 * s->n_in; j++)
			assert_true(moved[1][s->a + j] == moved[0][s->a + j]);
		for (size_t j = 0; j < 4 * s->n_out; j++)
			assert_true(fabsf(moved[1][s->bt + j] - 8 * moved[0][s->bt + j]) < 1e-5f);
	}
	for (int k = 0; k < 2; k++) {
		mem_free((void *)t[k].c);
		trainer_release(&t[k]);
		mem_free(moved[k]);
	}
}

/* Decay pulls the weights themselves: with it each step shortens them by lr * decay more than without. */
static void test_weight_decay_is_decoupled(void **state)
{
	(void)state;
	struct dataset d;
	float *w[2];
	size_t n = 0;
	struct train_config c = config_plain();
	c.learning_rate = 0.01;
	float start = 0;
	for (int decay = 0; decay < 2; decay++) {
		struct trainer t;
		struct metrics_line line = {0};
		c.weight_decay = 0.5 * decay;
		synthetic_dataset(&d, 17, 1, 30);
		trainer_make(&t, &c, &d, NULL);
		n = t.lora->n_params;
		start = t.lora->params[0];
		assert_ok(trainer_step(&t, &line, &err));
		w[decay] = floats_copy(t.lora->params, n);
		trainer_release(&t);
	}
	assert_true(fabsf(w[0][0] - w[1][0] - 0.01f * 0.5f * start) <= 1e-6f);
	mem_free(w[0]);
	mem_free(w[1]);
}

/* ---- validation --------------------------------------------------------------------------------------------------------------- */

/* Over the whole set and weighted by tokens, and training goes on as if it had not been. */
static void test_validation(void **state)
{
	(void)state;
	struct train_config c = config_plain();
	struct dataset d, v;
	float *weights[2];
	size_t n_params = 0;
	double loss = 0, sum = 0;
	c.shuffle = true;
	c.micro_batch_size = 2; /* the validation set needs several micro-batches */
	for (int validated = 0; validated < 2; validated++) {
		struct trainer t;
		synthetic_dataset(&d, 18, 12, 40);
		synthetic_dataset(&v, 19, 9, 64);
		trainer_make(&t, &c, &d, &v);
		assert_in_range(t.valid_plan.n_batches, 2, 9);
		for (int i = 0; i < 6; i++) {
			struct metrics_line line = {0};
			if (validated)
				assert_ok(trainer_validate(&t, &loss, &err));
			assert_ok(trainer_step(&t, &line, &err));
		}
		n_params = t.lora->n_params;
		weights[validated] = floats_copy(t.lora->params, n_params);
		if (validated) {
			size_t n_scored = 0;
			assert_ok(trainer_validate(&t, &loss, &err));
			for (size_t b = 0; b < t.valid.n; b++) { /* row by row */
				const uint32_t order = (uint32_t)b;
				const size_t first[] = {0, 1};
				const struct plan one = {
					.order = (uint32_t *)(uintptr_t)&order, .first = (size_t *)(uintptr_t)first};
				plan_fill(&t.micro, &t.valid, &one, 0);
				struct batch batch = t.micro.batch;
				assert_ok(model_loss(model, t.lora, t.work, &batch, t.losses, &err));
				for (size_t i = 0; i < batch.n_scored; i++)
					sum += (double)t.losses[i];
				n_scored += batch.n_scored;
			}
			assert_int_equal(n_scored, t.valid.n_scored);
			assert_true(fabs(loss - sum / (double)n_scored) <= tolerance() * loss);
		}
		trainer_release(&t);
	}
	assert_memory_equal(weights[0], weights[1], n_params * sizeof(float));
	mem_free(weights[0]);
	mem_free(weights[1]);
}

/* ---- learning ----------------------------------------------------------------------------------------------------------------- */

/* Overfits the first eight golden rows; then greedy generation gives each answer and stops by itself. */
static void test_overfit_stops_by_itself(void **state)
{
	(void)state;
	enum { ROWS = 8 };
	struct train_config c = config_plain();
	struct trainer t = {.model = model, .c = &c};
	struct generator *g;
	struct jsonl *file;
	json_t *object;
	size_t line_number;
	double loss = INFINITY;
	c.lora_r = 16;
	c.lora_alpha = 32;
	c.sequence_len = 512;
	c.micro_batch_size = ROWS;
	c.learning_rate = 0.02;
	c.lr_scheduler = SCHEDULER_COSINE;
	c.max_steps = 250;
	assert_ok(dataset_load(&t.train, GOLDEN_DIR "/rows.jsonl", model_encoder(model), &c, &err));
	while (t.train.n > ROWS) {
		struct sample *s = &t.train.samples[--t.train.n];
		t.train.n_tokens -= s->n;
		t.train.n_scored -= s->n_scored;
		sample_release(s);
	}
	assert_ok(trainer_prepare(&t, NULL, ".", &err));
	while (t.state.step < t.total_steps) {
		struct metrics_line line = {0};
		assert_ok(trainer_step(&t, &line, &err));
		loss = line.loss;
	}
	assert_int_equal(t.state.n_tokens, 250 * t.train.n_tokens);
	assert_true(loss < 0.05);
	assert_ok(generator_new(&g, model, t.lora, 256, &err));
	assert_ok(jsonl_open(&file, GOLDEN_DIR "/rows.jsonl", &err));
	for (int i = 0; i < ROWS; i++) {
		struct row row;
		struct ids prompt = {0};
		struct generated out = {0};
		const struct generate_options o = {.sampling = {.top_p = 1}, .max_tokens = 60};
		assert_int_equal(jsonl_next(file, &object, &line_number, &err), 1);
		assert_ok(row_parse(&row, object, "rows.jsonl", line_number, &err));
		assert_ok(row_prompt(&prompt, &row, model_encoder(model), &err));
		assert_ok(generator_run(g, prompt.p, prompt.n, &o, &out, &err));
		assert_string_equal(out.finish_reason, "stop");
		assert_string_equal(
			out.text.p, row.kind == ROW_COMPLETION ? row.completion : row.messages[row.n_messages - 1].content);
		generated_release(&out);
		ids_release(&prompt);
		row_release(&row);
	}
	jsonl_close(file);
	generator_free(g);
	trainer_release(&t);
}

int main(void)
{
	static const struct path_test tests[] = {
		{"twenty_steps_like_peft", test_twenty_steps_like_peft, false},
		{"accumulation_equals_batch", test_accumulation_equals_batch, false},
		{"last_window_is_a_step", test_last_window_is_a_step, false},
		{"packed_losses_equal_single", test_packed_losses_equal_single, false},
		{"poisoned_neighbour", test_poisoned_neighbour, false},
		{"unscored_label", test_unscored_label, false},
		{"fully_masked_window", test_fully_masked_window, false},
		{"fully_masked_micro_batch", test_fully_masked_micro_batch, false},
		{"starts_as_the_base", test_starts_as_the_base, false},
		{"not_a_number", test_not_a_number, false},
		{"b_learns_faster", test_b_learns_faster, false},
		{"weight_decay_is_decoupled", test_weight_decay_is_decoupled, false},
		{"validation", test_validation, false},
		{"overfit_stops_by_itself", test_overfit_stops_by_itself, true},
	};
	return run_on_paths("trainer", tests, sizeof tests / sizeof *tests);
}

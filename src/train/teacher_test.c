/*
 * What packing may share and what a teacher teaches: rows that begin alike give the gradient that they give apart, and rows marked
 * `distill` pull the adapter back to the base, on every kernel path of this CPU.
 */
#include "train/test_trainer.h"

/* All rows in one step, packed into micro-batches of `rows` * 64 tokens. */
static struct train_config config_make(int rows, bool packing)
{
	struct train_config c = config_small();
	c.learning_rate = 0;
	c.micro_batch_size = rows;
	c.gradient_accumulation_steps = 64;
	c.sample_packing = packing;
	c.num_epochs = 3;
	return c;
}

/* Takes the data set. With `alive`, B is drawn, so that the adapter is not the base. */
static void trainer_make(struct trainer *t, const struct train_config *c, struct dataset *d, bool alive)
{
	*t = (struct trainer){.model = model, .c = c, .train = *d};
	*d = (struct dataset){0};
	trainer_start(t, alive ? 0.05f : 0);
}

/* Rows that begin with the same 12 ids, most of them; the third and the last differ early, the fourth is scored early. */
static void alike(struct dataset *d)
{
	static const size_t n[][2] = {{40, 9}, {30, 8}, {25, 5}, {30, 25}, {24, 6}, {13, 3}, {50, 20}, {33, 1}};
	struct rng r;
	*d = (struct dataset){0};
	rng_init(&r, 9, RNG_DATA, 0, 0);
	for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
		synthetic_row(d, &r, n[i][0], n[i][1]);
		size_t same = i == 2 ? 0 : i == 7 ? 3 : 12;
		memcpy(d->samples[i].ids, d->samples[0].ids, same * sizeof *d->samples[i].ids);
	}
}

/* The same losses and gradient packed, where beginnings are computed once, and row by row. */
static void test_shared_beginning(void **state)
{
	(void)state;
	struct trainer apart, together;
	struct metrics_line a = {0}, b = {0};
	struct dataset d;
	struct train_config one = config_make(1, false), packed = config_make(8, true);
	double tolerance = strstr(kern->name, "bf16") ? 2e-2 : 1e-5;
	alike(&d);
	size_t n_tokens = d.n_tokens;
	trainer_make(&apart, &one, &d, true);
	alike(&d);
	trainer_make(&together, &packed, &d, true);
	assert_ok(trainer_step(&apart, &a, &err));
	assert_ok(trainer_step(&together, &b, &err));
	assert_int_equal(together.plan.n_batches, 1);
	/* the second and the fifth to seventh share: 12 rows, the sixth half of its 13; the fourth shares what it does not score; the last 3 */
	assert_int_equal(together.micro.batch.n_tokens, n_tokens - (12 + 4 + 12 + 6 + 12 + 3));
	assert_int_equal(b.n_tokens, n_tokens);
	assert_true(fabs(a.loss - b.loss) <= tolerance * a.loss);
	assert_true(distance(last_gradient(&together), last_gradient(&apart), apart.lora->n_params) <= tolerance);
	trainer_release(&apart);
	trainer_release(&together);
}

static void distill_all(struct dataset *d, bool some)
{
	for (size_t i = 0; i < d->n; i++)
		d->samples[i].distill = !some || i % 3 == 1;
}

/* The base has nothing to learn from itself. */
static void test_base_stays(void **state)
{
	(void)state;
	struct trainer t;
	struct metrics_line line = {0};
	struct dataset d;
	struct train_config c = config_make(2, true);
	alike(&d);
	distill_all(&d, false);
	trainer_make(&t, &c, &d, false);
	assert_ok(trainer_step(&t, &line, &err));
	assert_true(fabs(line.kl) < 1e-6 && line.loss == 0);
	assert_true(line.grad_norm < 1e-5);
	trainer_release(&t);
}

/* The divergence along its gradient has the slope that the gradient's norm says. */
static void test_divergence_gradient(void **state)
{
	(void)state;
	struct trainer t;
	struct metrics_line at = {0}, line[2] = {0};
	struct dataset d;
	struct train_config c = config_make(2, true);
	double step = 2e-3, tolerance = strstr(kern->name, "bf16") ? 0.1 : 0.005;
	alike(&d);
	distill_all(&d, false);
	trainer_make(&t, &c, &d, true);
	assert_ok(trainer_step(&t, &at, &err));
	assert_true(at.kl > 1e-4);
	float *g = mem_alloc(t.lora->n_params, sizeof *g, &err);
	memcpy(g, last_gradient(&t), t.lora->n_params * sizeof *g);
	for (int side = 0; side < 2; side++) {
		for (size_t i = 0; i < t.lora->n_params; i++)
			t.lora->params[i] += (float)((side ? -2 : 1) * step / at.grad_norm) * g[i];
		assert_ok(trainer_step(&t, &line[side], &err));
	}
	double slope = (line[0].kl - line[1].kl) / (2 * step);
	if (!(fabs(slope / at.grad_norm - 1) < tolerance))
		fail_msg("%s: slope %g, gradient %g", kern->name, slope, at.grad_norm);
	mem_free(g);
	trainer_release(&t);
}

/* Beside rows that learn their text, each kind keeps its own figure and the gradients add up. */
static void test_both_kinds(void **state)
{
	(void)state;
	struct trainer t[3];
	struct metrics_line line[3] = {0};
	struct train_config c = config_make(1, true);
	double tolerance = strstr(kern->name, "bf16") ? 2e-2 : 1e-4;
	for (int k = 0; k < 3; k++) { /* all; the distilled alone; the others alone */
		struct dataset d, part = {0};
		alike(&d);
		distill_all(&d, true);
		for (size_t i = 0; i < d.n; i++) {
			if (k && d.samples[i].distill != (k == 1))
				continue;
			struct rng r;
			rng_init(&r, 1, RNG_DATA, 0, 0);
			synthetic_row(&part, &r, d.samples[i].n, d.samples[i].n_scored);
			struct sample *s = &part.samples[part.n - 1];
			memcpy(s->ids, d.samples[i].ids, s->n * sizeof *s->ids);
			memcpy(s->scored, d.samples[i].scored, s->n);
			s->distill = d.samples[i].distill;
		}
		dataset_release(&d);
		trainer_make(&t[k], &c, &part, true);
		assert_ok(trainer_step(&t[k], &line[k], &err));
	}
	assert_true(t[0].plan.n_batches > 2);
	assert_int_equal(line[0].n_distilled, line[1].n_scored);
	assert_true(fabs(line[0].kl - line[1].kl) <= tolerance * line[1].kl);
	assert_true(fabs(line[0].loss - line[2].loss) <= tolerance * line[2].loss);
	size_t n = t[0].lora->n_params;
	float *sum = mem_alloc(n, sizeof *sum, &err);
	for (size_t i = 0; i < n; i++)
		for (int k = 1; k < 3; k++)
			sum[i] += last_gradient(&t[k])[i] * (float)line[k].n_scored / (float)line[0].n_scored;
	assert_true(distance(last_gradient(&t[0]), sum, n) <= tolerance);
	mem_free(sum);
	for (int k = 0; k < 3; k++)
		trainer_release(&t[k]);
}

int main(void)
{
	static const struct path_test tests[] = {
		{"shared_beginning", test_shared_beginning, false},
		{"base_stays", test_base_stays, false},
		{"divergence_gradient", test_divergence_gradient, false},
		{"both_kinds", test_both_kinds, false},
	};
	return run_on_paths("teacher", tests, sizeof tests / sizeof *tests);
}

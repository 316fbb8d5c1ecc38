/* The page's lines about training: an earlier step's adapter is mentioned when it was taken, and only then. */
#include "flow/page.h"

#include <math.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

/* The page of such a run. The caller releases. */
static struct buf page_of(struct train_result t)
{
	struct buf out = {0};
	const struct page p = {.in = "docs", .folder = "data", .model = "m", .adapter = "a", .report = "r", .training = t};
	assert_int_equal(page_write(&p, &out, NULL), 0);
	for (const char *line = out.p, *end; (end = strchr(line, '\n')); line = end + 1)
		assert_in_range(end - line, 0, 100);
	return out;
}

static void test_best_step(void **state)
{
	(void)state;
	struct train_result t = {.n_steps = 420,
		.n_tokens = 118000,
		.seconds = 816,
		.loss = 0.1,
		.eval_loss_first = 2.77,
		.eval_loss_last = 0.16,
		.best_step = 420,
		.best_eval_loss = 0.16,
		.strength = 1};
	struct buf out = page_of(t);
	assert_non_null(strstr(out.p, "held-out loss 2.77 -> 0.16\n\n"));
	buf_release(&out);
	t.best_step = 300;
	t.best_eval_loss = 0.12;
	out = page_of(t);
	assert_non_null(strstr(out.p,
		"held-out loss 2.77 -> 0.16\n            adapter of step 300, where the held-out loss was lowest: 0.12\n\n"));
	buf_release(&out);
	t.stopped_early = true;
	out = page_of(t);
	assert_non_null(strstr(out.p, "\n            stopped early; adapter of step 300, where"));
	buf_release(&out);
}

static void test_without_validation(void **state)
{
	(void)state;
	const struct train_result t = {.n_steps = 9,
		.loss = 1,
		.eval_loss_first = NAN,
		.eval_loss_last = NAN,
		.best_step = 9,
		.best_eval_loss = NAN,
		.strength = 1};
	struct buf out = page_of(t);
	assert_non_null(strstr(out.p, "loss 1.00\n\n"));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_best_step),
		cmocka_unit_test(test_without_validation),
	};
	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}

/* The log survives a round trip, torn lines are refused, and the picture is well-formed for any run. */
#include "train/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
	(void)state;
	char path[] = "metrics_test_XXXXXX";
	struct metrics m = {0}, again = {0};
	struct buf file = {0};
	close(mkstemp(path));
	const struct metrics_line
		zero = {.evaluated = true, .eval_loss = 4.5},
		one = {.step = 1, .epoch = 0.5, .loss = 3.25, .lr = 1e-4, .grad_norm = 2, .n_tokens = 77, .tokens_per_s = 10},
		two = {.step = 2,
			.epoch = 1,
			.loss = 3,
			.lr = 5e-5,
			.grad_norm = 1,
			.n_tokens = 78,
			.tokens_per_s = 10,
			.evaluated = true,
			.eval_loss = 3.5};
	assert_int_equal(metrics_add(&m, &zero, path, NULL), 0);
	assert_int_equal(metrics_add(&m, &one, path, NULL), 0);
	assert_int_equal(metrics_add(&m, &two, path, NULL), 0);
	assert_int_equal(file_read(path, 1 << 20, &file, NULL), 0);
	assert_string_equal(file.p, m.text.p);
	assert_int_equal(metrics_restore(&again, file.p, file.len, NULL), 0);
	assert_string_equal(again.text.p, m.text.p);
	assert_int_equal(again.loss.n, 2);
	assert_int_equal(again.eval_loss.n, 2);
	assert_true(again.loss.p[1].x == 2 && again.loss.p[1].y == 3);
	assert_true(again.eval_loss.p[0].x == 0 && again.eval_loss.p[0].y == 4.5);
	json_t *line = json_loads(strchr(m.text.p, '\n') + 1, JSON_DISABLE_EOF_CHECK, NULL);
	static const char *const keys[] = {
		"step", "total_steps", "epoch", "loss", "lr", "grad_norm", "tokens", "tokens_per_s", "rss_mb"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		assert_true(json_is_number(json_object_get(line, keys[i])));
	assert_int_equal(json_object_size(line), 9);
	json_decref(line);
	metrics_release(&m);
	metrics_release(&again);
	buf_release(&file);
	unlink(path);
}

static void test_damaged_log(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{\"step\": 1}\n{\"step\": 2", "{\"step\": 1}\n{\"st\n", "[1]\n", "{\"step\": \"1\"}\n", "\n"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct metrics m = {0};
		struct err e = {0};
		assert_int_equal(metrics_restore(&m, bad[i], strlen(bad[i]), &e), ERR_DATA);
		assert_true(e.text[0]);
		metrics_release(&m);
	}
}

/* How often `word` stands in the text. */
static size_t count(const char *text, const char *word)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, word)); at++)
		n++;
	return n;
}

static void svg_check(struct point *loss, size_t n_loss, struct point *eval, size_t n_eval)
{
	const struct curve a = {.p = loss, .n = n_loss}, b = {.p = eval, .n = n_eval};
	struct buf svg = {0};
	assert_int_equal(svg_loss(&svg, &a, &b, NULL), 0);
	assert_true(!strncmp(svg.p, "<svg ", 5) && !strcmp(svg.p + svg.len - 7, "</svg>\n"));
	assert_int_equal(count(svg.p, "<text"), count(svg.p, "</text>"));
	assert_int_equal(count(svg.p, "<circle class=\"valid\""), n_eval);
	assert_int_equal(count(svg.p, "<circle class=\"best\""), n_eval ? 2 : 0); /* the ring and its key */
	assert_int_equal(count(svg.p, "class=\"valid\" points"), n_eval ? 2 : 0); /* the curve and its key */
	assert_in_range(count(svg.p, "class=\"grid\""), 2, 12);
	assert_int_equal(count(svg.p, "nan") + count(svg.p, "inf"), 0);
	assert_non_null(strstr(svg.p, "prefers-color-scheme:dark"));
	assert_null(strstr(svg.p, "http://www.w3.org/1999")); /* nothing is fetched: the one address is the namespace */
	for (const char *at = svg.p; (at = strstr(at, "points=\"")); at++) { /* inside the frame */
		double x, y;
		assert_int_equal(sscanf(at + 8, "%lf,%lf", &x, &y) == 2 || at[8] == '"', 1);
		if (at[8] != '"')
			assert_true(x >= 0 && x <= 720 && y >= 0 && y <= 400);
	}
	buf_release(&svg);
}

static void test_picture(void **state)
{
	(void)state;
	struct point loss[1000], eval[3] = {{0, 4}, {500, 2.3}, {1000, 2.4}};
	for (int i = 0; i < 1000; i++)
		loss[i] = (struct point){i + 1, 4 * exp(-i / 300.) + 0.01};
	svg_check(loss, 1000, eval, 3);
	const struct curve a = {.p = loss, .n = 1000}, b = {.p = eval, .n = 3};
	struct buf svg = {0};
	assert_int_equal(svg_loss(&svg, &a, &b, NULL), 0);
	assert_non_null(strstr(svg.p, "<circle class=\"best\" cx=\"384.0\"")); /* over 500, in the middle of the axis */
	assert_non_null(strstr(svg.p, ">lowest: step 500<"));
	buf_release(&svg);
	svg_check(loss, 1, NULL, 0);
	svg_check(NULL, 0, eval, 1);
	svg_check(NULL, 0, NULL, 0);
	struct point flat[2] = {{1, 2}, {2, 2}}, huge[2] = {{1, 1e6}, {2, 1e-6}};
	svg_check(flat, 2, NULL, 0);
	svg_check(huge, 2, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged_log),
		cmocka_unit_test(test_picture),
	};
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}

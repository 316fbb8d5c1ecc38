/*
 * Early stopping: when a run ends, whose adapter it writes, and that neither depends on where it was killed. The adapter is
 * compared with the weights in the checkpoint of that very step, which a run that never looked further has written.
 */
#include "train/test_run.h"

#include <fcntl.h>
#include <math.h>

#include "train/metrics.h"

/* ---- runs ------------------------------------------------------------------------------------------------------------------- */

/* A rate at which 22 rows are soon known by heart; a validation every second step, and a checkpoint out of step with it. */
static struct child child_stops(void)
{
	struct child c = child_plain();
	c.config.learning_rate = 0.02;
	c.config.warmup_ratio = 0;
	c.config.num_epochs = 20;
	c.config.eval_steps = 2;
	c.config.save_steps = 5;
	c.config.early_stopping_patience = 3;
	return c;
}

/* The same rows for as many steps as planned, most of which do harm. */
static struct child child_overfits(void)
{
	struct child c = child_stops();
	c.config.num_epochs = 4;
	c.config.early_stopping_patience = 0;
	return c;
}

static struct child (*const kinds[])(void) = {child_stops, child_overfits};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* Points `expected` to the undisturbed run of this kind, made on the first call. */
static struct child kind_choose(int kind)
{
	struct child c = kinds[kind]();
	snprintf(expected, sizeof expected, "%s/expected-%d", root, kind);
	if (!dir_exists(expected))
		child_finish(&c, expected);
	return c;
}

/* ---- what a run left ---------------------------------------------------------------------------------------------------------- */

static size_t field(const json_t *record, const char *key)
{
	return (size_t)json_integer_value(json_object_get(record, key));
}

/* A tensor of the checkpoint of `step`, NULL when there is none. Valid until safetensors_close(*file). */
static const struct tensor *checkpoint_tensor(struct safetensors **file, const char *run, size_t step, const char *name)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/checkpoints/step-%zu/state.safetensors", run, step);
	if (safetensors_open(file, path, &err))
		fail_msg("%s", err.text);
	return safetensors_find(*file, name);
}

/* The adapter in `run` is made of these weights of that checkpoint. */
static void assert_adapter_is(const char *run, const char *from, size_t step, const char *name)
{
	char path[PATH_SIZE];
	struct lora *adapter;
	struct safetensors *file;
	const struct tensor *t = checkpoint_tensor(&file, from, step, name);
	snprintf(path, sizeof path, "%s/adapter", run);
	if (lora_open(&adapter, model, path, &err))
		fail_msg("%s", err.text);
	assert_non_null(t);
	assert_int_equal(t->size_bytes, adapter->n_params * sizeof(float));
	assert_memory_equal(t->data, adapter->params, t->size_bytes);
	lora_free(adapter);
	safetensors_close(file);
}

/* The lowest validation loss of the log and its step, looked for from the end. */
static double log_lowest(const char *run, size_t *step)
{
	double lowest = INFINITY;
	json_t *log = log_read(run);
	for (size_t i = json_array_size(log); i-- > 0;) {
		const json_t *line = json_array_get(log, i), *loss = json_object_get(line, "eval_loss");
		if (loss && json_number_value(loss) <= lowest) {
			lowest = json_number_value(loss);
			*step = field(line, "step");
		}
	}
	json_decref(log);
	return lowest;
}

/* run.json says what the log says. The caller decrefs. */
static json_t *record_check(const char *run, bool stopped_early)
{
	size_t step = 0;
	json_t *record = record_read(run);
	double lowest = log_lowest(run, &step);
	assert_int_equal(field(record, "best_step"), step);
	assert_true(fabs(json_number_value(json_object_get(record, "best_eval_loss")) - lowest) < 1e-12);
	assert_true(json_is_boolean(json_object_get(record, "stopped_early")));
	assert_int_equal(json_is_true(json_object_get(record, "stopped_early")), stopped_early);
	return record;
}

/* What a run says on stderr. */
static void child_listen(const struct child *c, const char *run, struct buf *said)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/said", root);
	int kept = dup(STDERR_FILENO), file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(kept >= 0 && file >= 0);
	dup2(file, STDERR_FILENO);
	close(file);
	log_set_level(LOG_INFO);
	int rc = child_run(c, run);
	log_set_level(LOG_ERROR);
	dup2(kept, STDERR_FILENO);
	close(kept);
	buf_clear(said);
	assert_int_equal(rc, 0);
	assert_int_equal(file_read(path, 1 << 20, said, &err), 0);
}

/* ---- when it ends, and what it writes ------------------------------------------------------------------------------------------- */

static void test_lowest(void **state)
{
	(void)state;
	size_t n_after = 9;
	struct point p[] = {{0, 3}, {2, 1.5}, {4, 2}, {6, 1.5}, {8, 1.75}};
	const struct curve none = {0}, one = {.p = p, .n = 1}, all = {.p = p, .n = 5};
	assert_null(curve_lowest(&none, &n_after));
	assert_int_equal(n_after, 0);
	assert_ptr_equal(curve_lowest(&one, &n_after), &p[0]);
	assert_int_equal(n_after, 0);
	assert_ptr_equal(curve_lowest(&all, &n_after), &p[1]); /* the first of equals */
	assert_int_equal(n_after, 3);
}

/* The third validation in a row that was not lower ends it, long before the last epoch; the adapter is the best step's. */
static void test_stops_early(void **state)
{
	(void)state;
	struct child c = kind_choose(0), until = c;
	json_t *record = record_check(expected, true);
	size_t steps = field(record, "steps"), best = field(record, "best_step");
	assert_in_range(best, 2, 100);
	assert_int_equal(steps, best + 3 * 2);
	assert_adapter_is(expected, expected, steps, "best");
	until.stop_at_batch = (int)best * 2; /* the last micro-batch of that step */
	assert_int_equal(dir_remove(out, &err), 0);
	assert_int_equal(child_run(&until, out), ERR_STOPPED);
	assert_adapter_is(expected, out, best, "adapter");
	json_decref(record);
}

/* With patience 0 all steps are taken, and the adapter is still the best step's. */
static void test_best_is_not_the_last(void **state)
{
	(void)state;
	kind_choose(1);
	json_t *record = record_check(expected, false);
	assert_int_equal(field(record, "steps"), 24);
	assert_in_range(field(record, "best_step"), 2, 22);
	assert_adapter_is(expected, expected, 24, "best");
	json_decref(record);
}

/* The learning rate is planned for all epochs: the steps that both take are those of a run that does not stop. */
static void test_schedule_is_of_the_whole(void **state)
{
	(void)state;
	struct child c = kind_choose(0);
	json_t *a = log_read(expected), *b;
	size_t n = json_array_size(a);
	c.config.early_stopping_patience = 0;
	c.stop_at_batch = (int)n * 2; /* some steps more */
	assert_int_equal(dir_remove(out, &err), 0);
	assert_int_equal(child_run(&c, out), ERR_STOPPED);
	b = log_read(out);
	assert_true(json_array_size(b) > n);
	for (size_t i = 0; i < n; i++)
		assert_true(json_equal(json_array_get(a, i), json_array_get(b, i)));
	json_decref(a);
	json_decref(b);
}

/* Equal losses are not lower ones: with a learning rate of 0 it stops after three, and writes the adapter of step 0. */
static void test_equal_is_not_lower(void **state)
{
	(void)state;
	struct child c = child_stops();
	c.config.learning_rate = 0;
	assert_int_equal(dir_remove(out, &err), 0);
	child_finish(&c, out);
	json_t *record = record_check(out, true);
	assert_int_equal(field(record, "steps"), 6);
	assert_int_equal(field(record, "best_step"), 0);
	assert_adapter_is(out, out, 6, "adapter"); /* which nothing has moved */
	json_decref(record);
}

/* While the newest weights are the best ones, a checkpoint has them once. */
static void test_checkpoint_has_best_only_where_it_differs(void **state)
{
	(void)state;
	struct safetensors *file;
	struct child c = child_plain();
	assert_int_equal(dir_remove(out, &err), 0);
	child_finish(&c, out); /* validations at 20 and 24, checkpoints at 21 and 24 */
	json_t *record = record_check(out, false);
	assert_int_equal(field(record, "best_step"), 24);
	assert_null(checkpoint_tensor(&file, out, 24, "best"));
	safetensors_close(file);
	assert_non_null(checkpoint_tensor(&file, out, 21, "best"));
	safetensors_close(file);
	assert_adapter_is(out, out, 24, "adapter");
	json_decref(record);
}

static void test_without_validation(void **state)
{
	(void)state;
	char path[PATH_SIZE], other[64];
	struct safetensors *file;
	struct buf rows = {0};
	struct child c = child_overfits();
	c.data = other;
	c.config.early_stopping_patience = 1;
	snprintf(other, sizeof other, "%s/other", root);
	snprintf(path, sizeof path, "%s/train.jsonl", data);
	assert_int_equal(file_read(path, 1 << 20, &rows, &err), 0);
	snprintf(path, sizeof path, "%s/train.jsonl", other);
	assert_int_equal(dir_make(other, &err), 0);
	assert_int_equal(file_replace(path, rows.p, rows.len, &err), 0);
	assert_int_equal(dir_remove(out, &err), 0);
	child_finish(&c, out);
	json_t *record = record_read(out);
	assert_int_equal(field(record, "steps"), 24);
	assert_int_equal(field(record, "best_step"), 24);
	assert_null(json_object_get(record, "best_eval_loss"));
	assert_true(json_is_false(json_object_get(record, "stopped_early")));
	assert_null(checkpoint_tensor(&file, out, 24, "best"));
	safetensors_close(file);
	assert_adapter_is(out, out, 24, "adapter");
	json_decref(record);
	buf_release(&rows);
}

/* One sentence with the steps; a finished folder gives the same result again and says nothing. */
static void test_says_so(void **state)
{
	(void)state;
	char sentence[256];
	struct buf said = {0};
	struct child c = kind_choose(0);
	assert_int_equal(dir_remove(out, &err), 0);
	child_listen(&c, out, &said);
	struct train_result r = shared->result;
	assert_true(r.stopped_early && r.best_step < r.n_steps && r.best_eval_loss < r.eval_loss_last);
	snprintf(sentence, sizeof sentence,
		"stopped early after step %zu of 120, since the last 3 validation losses were not lower", r.n_steps);
	assert_non_null(strstr(said.p, sentence));
	snprintf(sentence, sizeof sentence, "the adapter written is that of step %zu, where it was %.4f", r.best_step,
		r.best_eval_loss);
	assert_non_null(strstr(said.p, sentence));
	child_listen(&c, out, &said);
	assert_true(!said.len || !strstr(said.p, "adapter written"));
	assert_true(shared->result.finished_before && shared->result.stopped_early);
	assert_int_equal(shared->result.best_step, r.best_step);
	assert_true(fabs(shared->result.best_eval_loss - r.best_eval_loss) < 1e-12);

	c = kind_choose(1);
	assert_int_equal(dir_remove(out, &err), 0);
	child_listen(&c, out, &said);
	snprintf(sentence, sizeof sentence, "the adapter written is that of step %zu of 24, where", shared->result.best_step);
	assert_non_null(strstr(said.p, sentence));

	c = child_plain();
	assert_int_equal(dir_remove(out, &err), 0);
	child_listen(&c, out, &said);
	assert_true(!said.len || !strstr(said.p, "adapter written"));
	buf_release(&said);
}

/* ---- killed anywhere ------------------------------------------------------------------------------------------------------------ */

/* At file calls spread over the run, and at each of the last ones, around the final checkpoint, adapter and record. */
static void test_killed_at_file_calls(void **state)
{
	(void)state;
	enum { SPREAD = 8, LAST = 8 };
	for (int kind = 0; kind < KINDS; kind++) {
		struct child c = kind_choose(kind);
		assert_int_equal(dir_remove(out, &err), 0);
		child_finish(&c, out);
		uint64_t n = shared->n_file;
		for (uint64_t i = 1; i <= SPREAD + LAST; i++) {
			struct child killed = c;
			killed.kill_at_file = i <= SPREAD ? i * n / (SPREAD + 1) : n - LAST + (i - SPREAD);
			assert_int_equal(dir_remove(out, &err), 0);
			assert_int_equal(child_run(&killed, out), 1);
			child_finish(&c, out);
			assert_same_run(out);
		}
	}
}

/* In the middle of steps: before, at and after the best one. */
static void test_killed_at_micro_batches(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct child c = kind_choose(kind);
		assert_int_equal(dir_remove(out, &err), 0);
		child_finish(&c, out);
		uint64_t n = shared->n_batch;
		for (uint64_t at = 3; at <= n; at += 5) {
			struct child killed = c;
			killed.kill_at_batch = at;
			assert_int_equal(dir_remove(out, &err), 0);
			assert_int_equal(child_run(&killed, out), 1);
			child_finish(&c, out);
			assert_same_run(out);
		}
	}
}

/* Resumed from the very checkpoint whose weights turn out to be the best, and which therefore has them once. */
static void test_killed_after_the_best(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct child c = kind_choose(kind), killed;
		json_t *record = record_read(expected);
		c.config.save_steps = 1;
		killed = c;
		killed.kill_at_batch = 2 * field(record, "best_step") + 1;
		assert_int_equal(dir_remove(out, &err), 0);
		assert_int_equal(child_run(&killed, out), 1);
		child_finish(&c, out);
		assert_same_file(out, "adapter/adapter_model.safetensors");
		json_decref(record);
	}
}

/* Ctrl-C in the very step that ends the run is too late to stop it. */
static void test_stopped_in_its_last_step(void **state)
{
	(void)state;
	struct child c = kind_choose(0);
	assert_int_equal(dir_remove(out, &err), 0);
	child_finish(&c, out);
	c.stop_at_batch = (int)shared->n_batch;
	assert_int_equal(dir_remove(out, &err), 0);
	child_finish(&c, out);
	assert_same_run(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest),
		cmocka_unit_test(test_stops_early),
		cmocka_unit_test(test_best_is_not_the_last),
		cmocka_unit_test(test_schedule_is_of_the_whole),
		cmocka_unit_test(test_equal_is_not_lower),
		cmocka_unit_test(test_checkpoint_has_best_only_where_it_differs),
		cmocka_unit_test(test_without_validation),
		cmocka_unit_test(test_says_so),
		cmocka_unit_test(test_killed_at_file_calls),
		cmocka_unit_test(test_killed_at_micro_batches),
		cmocka_unit_test(test_killed_after_the_best),
		cmocka_unit_test(test_stopped_in_its_last_step),
	};
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("early", tests, run_setup, run_teardown);
}

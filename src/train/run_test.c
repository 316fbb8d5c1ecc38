/*
 * Whole runs, each in a child process: killed anywhere and resumed, on one thread or two, stopped, finished, refused, with failing disk
 * and memory. What must come out is always the adapter, optimizer state, log and record of one undisturbed run.
 */
#include "train/test_run.h"

#include <math.h>

/* No temporary file or folder is left where a person looks. */
static void assert_tidy(const char *run)
{
	char command[PATH_SIZE];
	snprintf(command, sizeof command, "ls -A %s | grep -vxE 'adapter|metrics.jsonl|loss.svg|checkpoints|run.json' >&2", run);
	assert_int_not_equal(system(command), 0);
}

/* ---- tests -------------------------------------------------------------------------------------------------------------------- */

static void test_outputs(void **state)
{
	(void)state;
	json_t *log = log_read(expected), *entry;
	size_t i;
	double first = 0, last = 0;
	assert_int_equal(json_array_size(log), 25); /* step 0 and 24 steps */
	json_array_foreach (log, i, entry) {
		json_t *eval_loss = json_object_get(entry, "eval_loss");
		assert_int_equal(json_integer_value(json_object_get(entry, "step")), i);
		assert_int_equal(eval_loss != NULL, i % 4 == 0);
		if (eval_loss)
			*(i ? &last : &first) = json_real_value(eval_loss);
	}
	json_decref(log);
	assert_true(last < first);
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/run.json", expected);
	json_t *record = json_load_file(path, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(record, "steps")), 24);
	json_t *train = json_object_get(record, "train"), *inputs = json_object_get(record, "inputs");
	assert_int_equal(json_integer_value(json_object_get(train, "rows")), 23);
	assert_int_equal(
		json_integer_value(json_object_get(record, "tokens")), 4 * json_integer_value(json_object_get(train, "tokens")));
	assert_int_equal(json_integer_value(json_object_get(inputs, "lora_r")), 4);
	assert_string_equal(json_string_value(json_object_get(inputs, "lr_scheduler")), "cosine");
	assert_int_equal(strlen(json_string_value(json_object_get(inputs, "model_sha256"))), 64);
	assert_string_equal(json_string_value(json_object_get(record, "kernels")), kern->name);
	assert_true(fabs(json_real_value(json_object_get(record, "eval_loss_first")) - first) < 1e-7);
	assert_true(fabs(json_real_value(json_object_get(record, "eval_loss_last")) - last) < 1e-7);
	json_decref(record);
	assert_tidy(expected);
}

static void test_threads(void **state)
{
	(void)state;
	struct child c = child_plain();
	for (c.threads = 2; c.threads <= 3; c.threads++) {
		assert_int_equal(dir_remove(out, &err), 0);
		child_finish(&c, out);
		assert_same_run(out);
	}
}

/* The base is only read. */
static void test_base_is_unchanged(void **state)
{
	(void)state;
	char hex[65];
	json_t *record, *inputs;
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/run.json", expected);
	record = json_load_file(path, 0, NULL);
	inputs = json_object_get(record, "inputs");
	assert_int_equal(sha256_file(GOLDEN_DIR "/untied.gguf", hex, &err), 0);
	assert_string_equal(json_string_value(json_object_get(inputs, "model_sha256")), hex);
	json_decref(record);
}

/* kill -9 at 20 file calls spread over the run: most lie inside checkpoint writes, where most of the file calls are. */
static void test_killed_at_file_calls(void **state)
{
	(void)state;
	enum { POINTS = 20 };
	struct child c = child_plain();
	assert_int_equal(dir_remove(out, &err), 0);
	child_finish(&c, out);
	uint64_t n = shared->n_file;
	assert_true(n > 10 * POINTS);
	for (uint64_t i = 1; i <= POINTS; i++) {
		struct child killed = c;
		assert_int_equal(dir_remove(out, &err), 0);
		killed.kill_at_file = i * n / (POINTS + 1);
		assert_int_equal(child_run(&killed, out), 1);
		child_finish(&c, out);
		assert_same_run(out);
		assert_tidy(out);
	}
}

/* kill -9 in the middle of an accumulation window, at every fifth micro-batch. */
static void test_killed_at_micro_batches(void **state)
{
	(void)state;
	for (uint64_t at = 2; at <= 44; at += 5) {
		struct child c = child_plain(), killed = c;
		assert_int_equal(dir_remove(out, &err), 0);
		killed.kill_at_batch = at;
		assert_int_equal(child_run(&killed, out), 1);
		child_finish(&c, out);
		assert_same_run(out);
	}
}

/* Killed again and again: every session ends after a few more file calls than the one before. */
static void test_killed_many_times(void **state)
{
	(void)state;
	struct child c = child_plain();
	int sessions = 0, rc = 1;
	assert_int_equal(dir_remove(out, &err), 0);
	for (c.kill_at_file = 60; rc == 1; c.kill_at_file += 1, sessions++) {
		assert_true(sessions < 200);
		rc = child_run(&c, out);
	}
	assert_int_equal(rc, 0);
	assert_true(sessions > 3);
	assert_same_run(out);
}

/* Ctrl-C: the step ends, a checkpoint is written, the code is 75; a rerun continues. */
static void test_stopped(void **state)
{
	(void)state;
	struct child c = child_plain(), stopped = c;
	assert_int_equal(dir_remove(out, &err), 0);
	stopped.stop_at_batch = 15; /* the first half of step 8; step 6 was saved */
	assert_int_equal(child_run(&stopped, out), ERR_STOPPED);
	assert_non_null(strstr(shared->err.text, "after step 8 of 24"));
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/checkpoints/step-8", out);
	assert_true(dir_exists(path));
	snprintf(path, sizeof path, "%s/adapter", out);
	assert_false(dir_exists(path));
	child_finish(&c, out);
	assert_int_equal(shared->n_batch, 48 - 16); /* nothing was computed twice */
	assert_same_run(out);
}

static void test_finished_run(void **state)
{
	(void)state;
	struct child c = child_plain();
	child_finish(&c, expected);
	assert_true(shared->result.finished_before && shared->result.n_steps == 24 && shared->n_batch == 0);
	assert_true(isfinite(shared->result.eval_loss_last));
	c.config.learning_rate *= 2;
	assert_int_equal(child_run(&c, expected), ERR_USAGE);
	assert_non_null(strstr(shared->err.text, "learning_rate was 0.005 and now is 0.01"));
}

/* A rerun with other data, before the run has finished. */
static void test_other_data(void **state)
{
	(void)state;
	struct child c = child_plain();
	char other[64];
	assert_int_equal(dir_remove(out, &err), 0);
	c.stop_at_batch = 9;
	assert_int_equal(child_run(&c, out), ERR_STOPPED);
	snprintf(other, sizeof other, "%s/other", root);
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/train.jsonl", other);
	assert_int_equal(dir_make(other, &err), 0);
	assert_int_equal(file_replace(path, "{\"text\": \"a b c\"}\n", 17, &err), 0);
	c.data = other;
	c.stop_at_batch = 0;
	assert_int_equal(child_run(&c, out), ERR_USAGE);
	assert_non_null(strstr(shared->err.text, "train_sha256"));
	c.config.num_epochs = 1; /* without validation rows, in a folder of its own */
	assert_int_equal(dir_remove(out, &err), 0);
	child_finish(&c, out);
	assert_true(isnan(shared->result.eval_loss_last));
	assert_int_equal(shared->result.n_steps, 1);
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *train, *valid, *says;
		int code;
	} cases[] = {
		{"", NULL, "has no rows", ERR_DATA},
		{"{\"prompt\": \"no answer\"}\n", NULL, "train.jsonl: line 1:", ERR_DATA},
		{"{\"text\": \"same\"}\n", "{\"text\": \"same\"}\n", "is also", ERR_DATA},
		{"{\"text\": \"a\"}\n", "", "valid.jsonl: has no rows", ERR_DATA},
		{NULL, NULL, "train.jsonl", ERR_FAILED},
	};
	char bad[64], path[PATH_SIZE];
	snprintf(bad, sizeof bad, "%s/bad", root);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct child c = child_plain();
		c.data = bad;
		assert_int_equal(dir_remove(bad, &err), 0);
		assert_int_equal(dir_make(bad, &err), 0);
		assert_int_equal(dir_remove(out, &err), 0);
		snprintf(path, sizeof path, "%s/train.jsonl", bad);
		if (cases[i].train)
			assert_int_equal(file_replace(path, cases[i].train, strlen(cases[i].train), &err), 0);
		snprintf(path, sizeof path, "%s/valid.jsonl", bad);
		if (cases[i].valid)
			assert_int_equal(file_replace(path, cases[i].valid, strlen(cases[i].valid), &err), 0);
		assert_int_equal(child_run(&c, out), cases[i].code);
		if (!strstr(shared->err.text, cases[i].says))
			fail_msg("%s", shared->err.text);
		snprintf(path, sizeof path, "%s/metrics.jsonl", out);
		assert_false(file_exists(path)); /* nothing half-written */
	}
	struct child c = child_plain();
	c.config.sequence_len = 4096;
	assert_int_equal(child_run(&c, out), ERR_USAGE);
	assert_non_null(strstr(shared->err.text, "sequence_len"));
	c = child_plain();
	c.adapter_init = bad; /* not an adapter */
	assert_int_not_equal(child_run(&c, out), 0);
	assert_non_null(strstr(shared->err.text, bad));
}

/* Every seventh file call fails: a sentence and a code, then a rerun without faults ends as if nothing had been. */
static void test_file_faults(void **state)
{
	(void)state;
	struct child c = child_plain();
	assert_int_equal(dir_remove(out, &err), 0);
	child_finish(&c, out);
	uint64_t n = shared->n_file;
	for (uint64_t nth = 1; nth <= n; nth += 7) {
		struct child faulty = c;
		faulty.fault_at_file = nth;
		faulty.for_ever = nth % 2;
		assert_int_equal(dir_remove(out, &err), 0);
		int rc = child_run(&faulty, out);
		assert_int_not_equal(rc, 1);
		assert_true(rc == 0 || shared->err.text[0]);
		child_finish(&c, out);
		assert_same_run(out);
	}
}

static void test_memory_faults(void **state)
{
	(void)state;
	struct child c = child_plain(), faulty = c;
	for (uint64_t nth = 1;; nth += 1 + nth / 8) {
		faulty.fault_at_memory = nth;
		assert_int_equal(dir_remove(out, &err), 0);
		int rc = child_run(&faulty, out);
		if (rc == 0)
			break;
		assert_int_equal(rc, ERR_RESOURCE);
		assert_true(shared->err.text[0]);
	}
	assert_same_run(out);
}

/* While the parent holds the folder as a running process does, a second run is refused. */
static void test_one_process_a_folder(void **state)
{
	(void)state;
	struct child c = child_plain();
	int fd;
	assert_int_equal(dir_remove(out, &err), 0);
	assert_int_equal(dir_make(out, &err), 0);
	assert_int_equal(dir_lock(&fd, out, &err), 0);
	assert_int_equal(child_run(&c, out), ERR_FAILED);
	assert_non_null(strstr(shared->err.text, "another process"));
	dir_unlock(fd);
	child_finish(&c, out);
}

/* ---- set-up ------------------------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	if (run_setup(state))
		return 1;
	const struct child c = child_plain();
	child_finish(&c, expected);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_base_is_unchanged),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_killed_at_file_calls),
		cmocka_unit_test(test_killed_at_micro_batches),
		cmocka_unit_test(test_killed_many_times),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_finished_run),
		cmocka_unit_test(test_other_data),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_file_faults),
		cmocka_unit_test(test_memory_faults),
		cmocka_unit_test(test_one_process_a_folder),
	};
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("run", tests, setup, run_teardown);
}

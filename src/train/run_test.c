/*
 * Whole runs, each in a child process: killed anywhere and resumed, on one thread or two, stopped, finished, refused, with failing disk
 * and memory. What must come out is always the adapter, optimizer state and log of one undisturbed run.
 *
 * The linker wraps fault_hit, which every file call passes, and model_loss_and_grad, so that a child can kill itself exactly at
 * its n-th file call or micro-batch. The parent never enters a parallel region: libgomp does not survive a fork after one.
 */
#include "train/train.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "train/resources.h"

static struct err err;
static char root[] = "/tmp/attune-run-XXXXXX";
static char data[64], expected[64], out[64]; /* folders in it */
static struct model *model;

/* ---- children ----------------------------------------------------------------------------------------------------------------- */

/* What a child does; zero means undisturbed. The counts come back. */
struct child {
	uint64_t kill_at_file, kill_at_batch; /* the n-th call of train_run */
	uint64_t fault_at_file, fault_at_memory;
	bool for_ever;
	int threads;       /* 0: 1 */
	int stop_at_batch; /* as if Ctrl-C came during it */
	const char *data, *adapter_init;
	struct train_config config;
};
static struct shared {
	uint64_t n_file, n_batch;
	struct train_result result;
	struct err err;
} * shared; /* with the child */

static uint64_t kill_at[2];
static int stop_at_batch;
static volatile sig_atomic_t stop;

static void count(uint64_t *n, uint64_t limit)
{
	if (++*n == limit)
		kill(getpid(), SIGKILL);
}

bool __real_fault_hit(enum fault_kind kind);
bool __wrap_fault_hit(enum fault_kind kind);
bool __wrap_fault_hit(enum fault_kind kind)
{
	if (kind == FAULT_FILE)
		count(&shared->n_file, kill_at[0]);
	return __real_fault_hit(kind);
}

int __real_model_loss_and_grad(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, float scale,
	float *loss, float *grad, struct err *e);
int __wrap_model_loss_and_grad(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, float scale,
	float *loss, float *grad, struct err *e);
int __wrap_model_loss_and_grad(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, float scale,
	float *loss, float *grad, struct err *e)
{
	count(&shared->n_batch, kill_at[1]);
	stop |= stop_at_batch && shared->n_batch == (uint64_t)stop_at_batch;
	return __real_model_loss_and_grad(m, l, w, b, scale, loss, grad, e);
}

/* 22 rows in 11 micro-batches; 2 of them make a step and the last of an epoch is one by itself: 6 steps an epoch, 4 epochs. */
static struct child child_plain(void)
{
	struct child c = {.data = data};
	train_config_default(&c.config);
	c.config.lora_r = 4;
	c.config.lora_alpha = 8;
	c.config.learning_rate = 5e-3;
	c.config.sample_packing = false;
	c.config.micro_batch_size = 2;
	c.config.gradient_accumulation_steps = 2;
	c.config.num_epochs = 4;
	c.config.eval_steps = 4;
	c.config.save_steps = 3;
	return c;
}

/* Runs train_run into `run`. Its return value, or 1 when it was killed. */
static int child_run(const struct child *c, const char *run)
{
	const struct train_options o = {
		.model = model, .config = &c->config, .data = c->data, .out = run, .adapter_init = c->adapter_init, .stop = &stop};
	int status;
	memset(shared, 0, sizeof *shared);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		signal(SIGSEGV, SIG_DFL); /* not cmocka's: a crash must end the child */
		signal(SIGABRT, SIG_DFL);
		omp_set_num_threads(c->threads ? c->threads : 1);
		kill_at[0] = c->kill_at_file;
		kill_at[1] = c->kill_at_batch;
		stop_at_batch = c->stop_at_batch;
		fault_set(FAULT_FILE, c->fault_at_file, c->for_ever);
		fault_set(FAULT_MEM, c->fault_at_memory, c->for_ever);
		_exit(-train_run(&o, &shared->result, &shared->err));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		if (WTERMSIG(status) != SIGKILL)
			fail_msg("the run died by signal %d", WTERMSIG(status));
		return 1;
	}
	return -WEXITSTATUS(status);
}

static void child_finish(const struct child *c, const char *run)
{
	if (child_run(c, run) != 0)
		fail_msg("%s", shared->err.text);
}

/* ---- comparison --------------------------------------------------------------------------------------------------------------- */

static void assert_same_file(const char *run, const char *name)
{
	char a[PATH_SIZE], b[PATH_SIZE];
	struct buf x = {0}, y = {0};
	snprintf(a, sizeof a, "%s/%s", expected, name);
	snprintf(b, sizeof b, "%s/%s", run, name);
	assert_int_equal(file_read(a, 1 << 24, &x, &err), 0);
	if (file_read(b, 1 << 24, &y, &err))
		fail_msg("%s", err.text);
	if (x.len != y.len || memcmp(x.p, y.p, x.len) != 0)
		fail_msg("%s differs from the undisturbed run's", b);
	buf_release(&x);
	buf_release(&y);
}

/* The log, without how long it took and how much memory. */
static json_t *log_read(const char *run)
{
	char path[PATH_SIZE], *line = NULL;
	size_t size = 0;
	json_t *log = json_array();
	snprintf(path, sizeof path, "%s/metrics.jsonl", run);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		json_t *entry = json_loads(line, 0, NULL);
		assert_true(json_is_object(entry));
		json_object_del(entry, "tokens_per_s");
		json_object_del(entry, "rss_mb");
		json_array_append_new(log, entry);
	}
	free(line);
	fclose(f);
	return log;
}

static void assert_same_run(const char *run)
{
	json_t *a = log_read(expected), *b = log_read(run);
	assert_same_file(run, "adapter/adapter_model.safetensors");
	assert_same_file(run, "adapter/adapter_config.json");
	assert_same_file(run, "checkpoints/step-24/state.safetensors"); /* the optimizer too */
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
}

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

/* The golden rows, the last two of them for validation; one undisturbed run to compare with. */
static int setup(void **state)
{
	(void)state;
	char path[PATH_SIZE];
	struct buf rows = {0};
	struct child c;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !mkdtemp(root))
		return 1;
	snprintf(data, sizeof data, "%s/data", root);
	snprintf(expected, sizeof expected, "%s/expected", root);
	snprintf(out, sizeof out, "%s/out", root);
	if (kern_init(NULL, &err) || model_open(&model, GOLDEN_DIR "/untied.gguf", &err) || dir_make(data, &err) ||
		file_read(GOLDEN_DIR "/rows.jsonl", 1 << 20, &rows, &err))
		goto failed;
	const char *cut = rows.p;
	for (int i = 0; i < 22; i++)
		cut = strchr(cut, '\n') + 1;
	snprintf(path, sizeof path, "%s/train.jsonl", data);
	const char kept[] = "{\"text\": \"Rain falls on the hills.\", \"distill\": true}\n";
	if (file_replace(path, rows.p, (size_t)(cut - rows.p), &err) || file_append(path, kept, strlen(kept), &err))
		goto failed;
	snprintf(path, sizeof path, "%s/valid.jsonl", data);
	if (file_replace(path, cut, strlen(cut), &err))
		goto failed;
	buf_release(&rows);
	c = child_plain();
	child_finish(&c, expected);
	return 0;
failed:
	print_error("%s\n", err.text);
	return 1;
}

static int teardown(void **state)
{
	(void)state;
	model_free(model);
	munmap(shared, sizeof *shared);
	return dir_remove(root, &err);
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
	return cmocka_run_group_tests_name("run", tests, setup, teardown);
}

/*
 * For tests of train: whole runs in child processes that can be killed anywhere, and what must be equal in the end.
 *
 * The linker wraps fault_hit, which every file call passes, and model_loss_and_grad, so that a child can kill itself exactly at
 * its n-th file call or micro-batch. The parent never enters a parallel region: libgomp does not survive a fork after one.
 */
#ifndef ATTUNE_TRAIN_TEST_RUN_H
#define ATTUNE_TRAIN_TEST_RUN_H

#include <omp.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "train/train.h"

static struct err err;
static char root[] = "run_test_XXXXXX";
static char data[64], expected[64], out[64]; /* folders in it; expected: of the undisturbed run */
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

static inline void count(uint64_t *n, uint64_t limit)
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

/* 23 rows in 12 micro-batches, the last of an epoch a single row; 2 of them make a step: 6 steps an epoch, 4 epochs. */
static inline struct child child_plain(void)
{
	struct child c = {.data = data};
	train_config_default(&c.config);
	c.config.lora_r = 4;
	c.config.lora_alpha = 8;
	c.config.learning_rate = 5e-3;
	c.config.loraplus_lr_ratio = 1;
	c.config.sample_packing = false;
	c.config.micro_batch_size = 2;
	c.config.gradient_accumulation_steps = 2;
	c.config.num_epochs = 4;
	c.config.eval_steps = 4;
	c.config.save_steps = 3;
	return c;
}

/* Runs train_run into `run`. Its return value, or 1 when it was killed. */
static inline int child_run(const struct child *c, const char *run)
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

static inline void child_finish(const struct child *c, const char *run)
{
	if (child_run(c, run) != 0)
		fail_msg("%s", shared->err.text);
}

/* ---- comparison --------------------------------------------------------------------------------------------------------------- */

static inline void assert_same_file(const char *run, const char *name)
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
static inline json_t *log_read(const char *run)
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

/* run.json, without how long it took, on how many threads and in how much memory. */
static inline json_t *record_read(const char *run)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/run.json", run);
	json_t *record = json_load_file(path, 0, NULL);
	assert_true(json_is_object(record));
	json_object_del(record, "seconds");
	json_object_del(record, "threads");
	json_object_del(record, "memory");
	return record;
}

static inline void assert_same_run(const char *run)
{
	char state[64];
	json_t *a = log_read(expected), *b = log_read(run), *c = record_read(expected), *d = record_read(run);
	assert_same_file(run, "adapter/adapter_model.safetensors");
	assert_same_file(run, "adapter/adapter_config.json");
	snprintf(
		state, sizeof state, "checkpoints/step-%d/state.safetensors", (int)json_integer_value(json_object_get(c, "steps")));
	assert_same_file(run, state); /* the optimizer too */
	assert_true(json_equal(a, b));
	assert_true(json_equal(c, d));
	json_decref(a);
	json_decref(b);
	json_decref(c);
	json_decref(d);
}

/* ---- set-up ------------------------------------------------------------------------------------------------------------------- */

/* The golden rows, the last two of them for validation. */
static inline int run_setup(void **state)
{
	(void)state;
	char path[PATH_SIZE];
	struct buf rows = {0};
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
	return 0;
failed:
	print_error("%s\n", err.text);
	return 1;
}

static inline int run_teardown(void **state)
{
	(void)state;
	model_free(model);
	munmap(shared, sizeof *shared);
	return dir_remove(root, &err);
}

#endif

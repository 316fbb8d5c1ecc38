/* The forecast of a run beside the run itself: as many steps and tokens, no more memory, no file, and not a bit of the adapter changed. */
#include "train/test_run.h"

#include <math.h>

/* What train_forecast says of the child's run, in a child of its own; its return value. */
static int forecast(const struct child *c, const char *run, struct train_forecast *f)
{
	const struct train_options o = {.model = model, .config = &c->config, .data = c->data, .out = run, .stop = &stop};
	struct train_forecast *made = mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	assert_true(made != MAP_FAILED);
	memset(shared, 0, sizeof *shared);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		omp_set_num_threads(1);
		_exit(-train_forecast(&o, made, &shared->err));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*f = *made;
	munmap(made, sizeof *made);
	return -WEXITSTATUS(status);
}

static void test_forecast(void **state)
{
	(void)state;
	struct child c = child_plain();
	struct train_forecast f;
	size_t n = 0, i;
	json_t *line;
	assert_int_equal(dir_make(out, &err), 0);
	if (forecast(&c, out, &f))
		fail_msg("%s", shared->err.text);
	assert_true(shared->n_batch >= 11 && shared->n_batch <= 12); /* six steps of two, the last of an epoch may have one */
	assert_int_equal(rmdir(out), 0);                             /* empty */
	child_finish(&c, expected);
	json_t *log = log_read(expected);
	json_array_foreach (log, i, line)
		n += (size_t)json_integer_value(json_object_get(line, "tokens"));
	json_decref(log);
	assert_int_equal(f.n_steps, shared->result.n_steps);
	assert_int_equal(f.n_tokens, n);
	assert_true(f.tokens_per_s_low > 0 && f.tokens_per_s_low <= f.tokens_per_s_high && isfinite(f.tokens_per_s_high));
	assert_true(f.seconds_low > (double)n / f.tokens_per_s_high * 0.999 && f.seconds_low < f.seconds_high);
	assert_true(f.memory.bytes > 1 << 20 && f.memory.n_recomputed == 0);

	/* A number of steps decides, where it is given; a run of one step is measured by it. */
	c.config.max_steps = 1;
	assert_int_equal(dir_make(out, &err), 0);
	assert_int_equal(forecast(&c, out, &f), 0);
	assert_int_equal(f.n_steps, 1);
	assert_true(shared->n_batch == 2 && f.n_tokens < n / 20 && f.tokens_per_s_low > 0);
	assert_true(isfinite(f.seconds_high));
}

static void test_refused(void **state)
{
	(void)state;
	struct child c = child_plain();
	struct train_forecast f;
	assert_int_equal(dir_make(out, &err), 0);
	stop = 1;
	assert_int_equal(forecast(&c, out, &f), (int8_t)ERR_STOPPED);
	assert_true(f.tokens_per_s_low == 0 && f.tokens_per_s_high == 0); /* after a step that was measured */
	stop = 0;
	c.config.micro_batch_size = 65536; /* what train_run refuses is refused here */
	c.config.sequence_len = 1 << 20;
	assert_int_equal(forecast(&c, out, &f), (int8_t)ERR_USAGE);
	assert_non_null(strstr(shared->err.text, "sequence_len"));
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forecast), cmocka_unit_test(test_refused)};
	return cmocka_run_group_tests_name("forecast", tests, run_setup, run_teardown);
}

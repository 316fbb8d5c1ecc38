/* Checkpoints: read back to the bit, two kept, damage noticed, and any failing file call leaves the older one whole. */
#include "train/checkpoint.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { N = 1000 };

static struct err err;
static char run[] = "checkpoint_test_XXXXXX";

/* A state whose every value follows from `step`. */
static void state_make(struct train_state *s, size_t step)
{
	*s = (struct train_state){.step = step,
		.epoch = step / 7,
		.next_batch = step % 7,
		.n_tokens = step * 100,
		.seconds = 0.1 * (double)step,
		.loss = 1.0 / (double)(step + 1),
		.n_params = N};
	s->params = mem_alloc(N, sizeof(float), &err);
	s->m = mem_alloc(N, sizeof(float), &err);
	s->v = mem_alloc(N, sizeof(float), &err);
	for (size_t i = 0; i < N; i++) {
		s->params[i] = (float)(step + i) / 3;
		s->m[i] = -s->params[i] / 7;
		s->v[i] = s->params[i] / 11;
	}
	s->inputs = json_pack("{si ss}", "lora_r", 16, "model_sha256", "abc");
	assert_int_equal(buf_printf(&s->metrics.text, &err, "{\"step\": %zu, \"loss\": 2.5}\n", step), 0);
}

static void state_release(struct train_state *s)
{
	mem_free(s->params);
	mem_free(s->m);
	mem_free(s->v);
	json_decref(s->inputs);
	metrics_release(&s->metrics);
}

static void save(size_t step)
{
	struct train_state s;
	state_make(&s, step);
	if (checkpoint_save(run, &s, &err))
		fail_msg("%s", err.text);
	state_release(&s);
}

/* The newest checkpoint that can be read is that of `step`, whole. */
static void assert_loads(size_t step)
{
	struct train_state s, expected;
	bool found;
	state_make(&s, step + 1000);
	state_make(&expected, step);
	if (checkpoint_load(run, &s, &found, &err))
		fail_msg("%s", err.text);
	assert_true(found);
	assert_int_equal(s.step, step);
	assert_int_equal(s.epoch, expected.epoch);
	assert_int_equal(s.next_batch, expected.next_batch);
	assert_int_equal(s.n_tokens, expected.n_tokens);
	assert_true(fabs(s.seconds - expected.seconds) < 1e-9 && fabs(s.loss - expected.loss) < 1e-9);
	assert_memory_equal(s.params, expected.params, N * sizeof(float));
	assert_memory_equal(s.m, expected.m, N * sizeof(float));
	assert_memory_equal(s.v, expected.v, N * sizeof(float));
	assert_string_equal(s.metrics.text.p, expected.metrics.text.p);
	assert_int_equal(s.metrics.loss.n, 1);
	state_release(&s);
	state_release(&expected);
}

static bool has_step(size_t step)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/checkpoints/step-%zu", run, step);
	return dir_exists(path);
}

static void test_round_trip_keeps_two(void **state)
{
	(void)state;
	struct train_state s;
	bool found = true;
	state_make(&s, 0);
	assert_int_equal(checkpoint_load(run, &s, &found, &err), 0);
	assert_false(found);
	state_release(&s);
	for (size_t step = 5; step <= 25; step += 5) {
		save(step);
		assert_loads(step);
	}
	assert_true(has_step(25) && has_step(20));
	assert_false(has_step(15) || has_step(10) || has_step(5));
}

/* One byte of any file, its length, or its absence: the one before is taken; when that is damaged too, an error. */
static void test_damage(void **state)
{
	(void)state;
	static const char *const names[] = {"state.safetensors", "trainer.json", "metrics.jsonl", "manifest.json"};
	for (int file = 0; file < 4; file++)
		for (int how = 0; how < 3; how++) {
			char path[PATH_SIZE];
			struct stat st;
			assert_int_equal(dir_remove(run, &err), 0);
			save(10);
			save(20);
			snprintf(path, sizeof path, "%s/checkpoints/step-20/%s", run, names[file]);
			assert_int_equal(stat(path, &st), 0);
			if (how == 0) {
				unsigned char byte;
				int fd = open(path, O_RDWR);
				assert_int_equal(pread(fd, &byte, 1, st.st_size / 2), 1);
				byte ^= 1;
				assert_int_equal(pwrite(fd, &byte, 1, st.st_size / 2), 1);
				close(fd);
			} else if (how == 1) {
				assert_int_equal(truncate(path, st.st_size - 1 - (file == 3)), 0);
			} else {
				assert_int_equal(unlink(path), 0);
			}
			assert_loads(10);
			save(20); /* reached again, it is replaced */
			assert_loads(20);
		}
	char path[PATH_SIZE];
	struct train_state s;
	bool found;
	for (int step = 10; step <= 20; step += 10) {
		snprintf(path, sizeof path, "%s/checkpoints/step-%d/manifest.json", run, step);
		assert_int_equal(unlink(path), 0);
	}
	state_make(&s, 0);
	assert_int_equal(checkpoint_load(run, &s, &found, &err), ERR_DATA);
	assert_non_null(strstr(err.text, "remove the folder"));
	state_release(&s);
}

/* A later checkpoint that is damaged does not push a whole one out. */
static void test_damaged_newest_is_not_counted(void **state)
{
	(void)state;
	char path[PATH_SIZE];
	save(10);
	save(30);
	snprintf(path, sizeof path, "%s/checkpoints/step-30/manifest.json", run);
	assert_int_equal(unlink(path), 0);
	save(20);
	assert_true(has_step(10) && has_step(20));
	assert_loads(20);
}

static void test_other_inputs(void **state)
{
	(void)state;
	struct train_state s;
	bool found;
	save(10);
	state_make(&s, 0);
	json_object_set_new(s.inputs, "lora_r", json_integer(8));
	assert_int_equal(checkpoint_load(run, &s, &found, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "lora_r was 16 and now is 8"));
	json_object_set_new(s.inputs, "lora_r", json_integer(16));
	json_object_set_new(s.inputs, "valid_sha256", json_string("new"));
	assert_int_equal(checkpoint_load(run, &s, &found, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "valid_sha256 was not known"));
	state_release(&s);
}

/* Each file or memory call of a save fails in turn, once or from there on: a sentence, and the last whole checkpoint loads. */
static void faults(enum fault_kind kind, bool for_ever)
{
	struct train_state s;
	uint64_t nth = 1;
	bool saved = false;
	for (; !saved; nth++) {
		assert_int_equal(dir_remove(run, &err), 0);
		save(10);
		state_make(&s, 20);
		err.text[0] = 0;
		fault_set(kind, nth, for_ever);
		int rc = checkpoint_save(run, &s, &err);
		saved = fault_count(kind) < nth;
		fault_set(kind, 0, false);
		state_release(&s);
		if (rc)
			assert_true(strstr(err.text, "checkpoint of step 20") && !saved);
		assert_loads(rc && !has_step(20) ? 10 : 20);
		assert_true(!has_step(20) || rc == 0 || nth > 8); /* visible only after the rename, near the end */
		save(30);                                         /* what was left lying does not disturb */
		assert_loads(30);
	}
	assert_true(nth > 10);
}

static void test_file_faults(void **state)
{
	(void)state;
	faults(FAULT_FILE, false);
	faults(FAULT_FILE, true);
}

static void test_memory_faults(void **state)
{
	(void)state;
	faults(FAULT_MEM, false);
}

static int setup(void **state)
{
	(void)state;
	return dir_remove(run, &err) || dir_make(run, &err);
}

static int teardown(void **state)
{
	(void)state;
	return dir_remove(run, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip_keeps_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_newest_is_not_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_inputs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_faults, setup, teardown),
	};
	log_set_level(LOG_ERROR);
	if (kern_init("ref", &err) || !mkdtemp(run))
		return 1;
	return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}

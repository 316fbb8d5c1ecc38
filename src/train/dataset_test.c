/* Rows to samples: what is refused, what is cut, what is scored, and rows in both splits. */
#include "train/dataset.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "train/test_rows.h"

static struct model *model;
static struct err err;
static char path[] = "dataset_test_XXXXXX";

/* Loads the text as a data file. */
static int load(struct dataset *d, const char *text, int sequence_len, int strategy)
{
	struct train_config c;
	train_config_default(&c);
	c.sequence_len = sequence_len;
	c.excess_length_strategy = strategy;
	err.text[0] = 0;
	assert_int_equal(file_replace(path, text, strlen(text), NULL), 0);
	return dataset_load(d, path, model_encoder(model), &c, &err);
}

static void assert_refused(const char *text, const char *place)
{
	struct dataset d;
	assert_int_equal(load(&d, text, 512, EXCESS_DROP), ERR_DATA);
	if (!strstr(err.text, path) || !strstr(err.text, place))
		fail_msg("%s", err.text);
	assert_null(d.samples);
}

static void test_refusals(void **state)
{
	(void)state;
	assert_refused("", "no rows");
	assert_refused("{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"no answer\"}\n", "line 2:");
	assert_refused("{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}\n", "line 1:");
	assert_refused("{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}, {\"role\": \"assistant\", \"content\": \"x\", "
		       "\"train\": false}]}\n",
		"line 1:");
	assert_refused("{\"text\": \"a\"}\n\n{\"text\": \n", "line 3:");
}

static const char *const long_rows = "{\"prompt\": \"a\", \"completion\": \"b\"}\n"
				     "{\"prompt\": \"Q\", \"completion\": \"0123456789 0123456789\"}\n"
				     "{\"prompt\": \"0123456789 0123456789 0123456789\", \"completion\": \"x\"}\n"
				     "{\"prompt\": \"c\", \"completion\": \"d\"}\n";

/* Left out, named by line, and not silently: the lines are kept for run.json. */
static void test_drop(void **state)
{
	(void)state;
	struct dataset d;
	assert_int_equal(load(&d, long_rows, 10, EXCESS_DROP), 0);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.line[0], 1);
	assert_int_equal(d.line[1], 4);
	assert_int_equal(d.n_excess, 2);
	assert_int_equal(d.excess[0], 2);
	assert_int_equal(d.excess[1], 3);
	dataset_release(&d);
	assert_int_equal(load(&d, "{\"text\": \"0123456789 0123456789\"}\n", 10, EXCESS_DROP), ERR_DATA);
	assert_non_null(strstr(err.text, "sequence_len"));
}

/* Cut, with the end token kept; a row whose prompt alone is too long has nothing left to teach and goes. */
static void test_truncate(void **state)
{
	(void)state;
	struct dataset d;
	size_t n_scored = 0;
	assert_int_equal(load(&d, long_rows, 10, EXCESS_TRUNCATE), 0);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.line[1], 2);
	assert_int_equal(d.line[2], 4);
	assert_int_equal(d.n_excess, 2);
	const struct sample *s = &d.samples[1];
	assert_int_equal(s->n, 10);
	assert_true(tokenizer_is_eog(model_encoder(model)->tokenizer, s->ids[9]) && s->scored[9]);
	for (size_t i = 0; i < s->n; i++)
		n_scored += s->scored[i];
	assert_int_equal(n_scored, s->n_scored);
	assert_int_equal(d.n_tokens, d.samples[0].n + 10 + d.samples[2].n);
	dataset_release(&d);
}

static void test_raise(void **state)
{
	(void)state;
	struct dataset d;
	assert_int_equal(load(&d, long_rows, 10, EXCESS_RAISE), ERR_DATA);
	assert_non_null(strstr(err.text, ": line 2: the row has "));
	assert_int_equal(load(&d, long_rows, 64, EXCESS_RAISE), 0);
	assert_int_equal(d.n, 4);
	assert_int_equal(d.n_excess, 0);
	dataset_release(&d);
}

static void test_sample_truncate(void **state)
{
	(void)state;
	struct dataset d = {0};
	struct rng r;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	synthetic_row(&d, &r, 20, 8); /* scored: 12..19 */
	struct sample *s = &d.samples[0];
	int32_t last = s->ids[19];
	assert_false(sample_truncate(s, 13)); /* only the end token would be scored */
	assert_int_equal(s->n, 20);
	assert_int_equal(s->n_scored, 8);
	assert_true(sample_truncate(s, 15)); /* 12, 13 and the last */
	assert_int_equal(s->n, 15);
	assert_int_equal(s->n_scored, 3);
	assert_int_equal(s->ids[14], last);
	assert_true(s->scored[14] && s->scored[13] && s->scored[12] && !s->scored[11]);
	s->scored[14] = s->scored[13] = 0; /* an unscored tail is cut off first, and then nothing more */
	s->n_scored = 1;
	assert_true(sample_truncate(s, 13));
	assert_int_equal(s->n, 13);
	assert_int_equal(s->n_scored, 1);
	dataset_release(&d);
}

/* Every trained turn, completion and text ends in one scored end token; nothing else is one. */
static void test_end_of_turn_count(void **state)
{
	(void)state;
	struct train_config c;
	struct dataset d;
	struct jsonl *file;
	json_t *object;
	size_t line, expected = 0, found = 0;
	train_config_default(&c);
	assert_int_equal(dataset_load(&d, GOLDEN_DIR "/rows.jsonl", model_encoder(model), &c, &err), 0);
	assert_int_equal(jsonl_open(&file, GOLDEN_DIR "/rows.jsonl", &err), 0);
	while (jsonl_next(file, &object, &line, &err) == 1) {
		json_t *messages = json_object_get(object, "messages"), *m;
		size_t i;
		expected += !messages;
		json_array_foreach (messages, i, m)
			expected += !strcmp(json_string_value(json_object_get(m, "role")), "assistant") &&
				!json_is_false(json_object_get(m, "train"));
		json_decref(object);
	}
	jsonl_close(file);
	for (size_t i = 0; i < d.n; i++)
		for (size_t j = 0; j < d.samples[i].n; j++)
			found += d.samples[i].scored[j] && tokenizer_is_eog(model_encoder(model)->tokenizer, d.samples[i].ids[j]);
	assert_true(expected > d.n); /* a row of two turns is among them */
	assert_int_equal(found, expected);
	dataset_release(&d);
}

static void test_leak(void **state)
{
	(void)state;
	struct dataset train, valid;
	assert_int_equal(load(&train, long_rows, 64, EXCESS_DROP), 0);
	assert_int_equal(
		load(&valid, "{\"prompt\": \"a\", \"completion\": \"other\"}\n{\"prompt\": \"ab\", \"completion\": \"x\"}\n", 64,
			EXCESS_DROP),
		0);
	assert_int_equal(dataset_check_leak(&train, &valid, &err), 0); /* the same question alone is no leak */
	dataset_release(&valid);
	assert_int_equal(load(&valid,
				 "{\"prompt\": \"e\", \"completion\": \"f\"}\n{\"prompt\": \"c\", \"completion\": \"d\"}\n"
				 "{\"prompt\": \"a\", \"completion\": \"b\"}\n",
				 64, EXCESS_DROP),
		0);
	assert_int_equal(dataset_check_leak(&train, &valid, &err), ERR_DATA);
	assert_non_null(strstr(err.text, ": line 2: the row is also in"));
	assert_non_null(strstr(err.text, "line 4; 2 validation rows"));
	dataset_release(&valid);
	dataset_release(&train);
}

/* The n-th allocation fails, for every n: an error, no crash, no leak. */
static void test_without_memory(void **state)
{
	(void)state;
	struct dataset d;
	int rc = ERR_RESOURCE;
	uint64_t nth = 0;
	while (rc == ERR_RESOURCE) {
		assert_int_equal(file_replace(path, long_rows, strlen(long_rows), NULL), 0);
		struct train_config c;
		train_config_default(&c);
		c.sequence_len = 10;
		c.excess_length_strategy = EXCESS_TRUNCATE;
		fault_set(FAULT_MEM, ++nth, false);
		rc = dataset_load(&d, path, model_encoder(model), &c, &err);
		fault_set(FAULT_MEM, 0, false);
	}
	assert_int_equal(rc, 0);
	assert_true(nth > 8);
	dataset_release(&d);
}

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	close(mkstemp(path));
	return kern_init("ref", &err) || model_open(&model, GOLDEN_DIR "/tied", &err);
}

static int teardown(void **state)
{
	(void)state;
	model_free(model);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_truncate),
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_sample_truncate),
		cmocka_unit_test(test_end_of_turn_count),
		cmocka_unit_test(test_leak),
		cmocka_unit_test(test_without_memory),
	};
	return cmocka_run_group_tests_name("dataset", tests, setup, teardown);
}

/* Hugging Face folders: one file, shards, and indexes that lie. */
#include "format/format.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "format/test_file.h"

static const float values[] = {1, 2, 3, 4};

static void put_text(const struct test_dir *d, const char *name, const char *text)
{
	test_dir_put(d, name, text, strlen(text));
}

/* A file of one or two tensors of n floats each. */
static void put_tensors(const struct test_dir *d, const char *file, const char *first, const char *second)
{
	const struct tensor t[] = {
		{first, DTYPE_F32, 1, {4}, values, sizeof values}, {second, DTYPE_F32, 2, {2, 2}, values, sizeof values}};
	char path[PATH_SIZE];
	assert_int_equal(path_join(path, sizeof path, NULL, d->path, file), 0);
	assert_int_equal(safetensors_write(path, t, second ? 2 : 1, NULL), 0);
}

static struct test_dir folder_new(void)
{
	struct test_dir d = test_dir_new();
	put_text(&d, "config.json", "{\"model_type\": \"llama\", \"hidden_size\": 576}");
	return d;
}

static void assert_refused(const struct test_dir *d, const char *why)
{
	struct hf *h = (void *)(uintptr_t)d;
	struct err e = {0};
	assert_int_equal(hf_open(&h, d->path, &e), ERR_DATA);
	assert_null(h);
	assert_memory_equal(e.text, d->path, strlen(d->path));
	if (!strstr(e.text, why))
		fail_msg("'%s' does not say '%s'", e.text, why);
}

static void test_one_file(void **state)
{
	(void)state;
	struct test_dir d = folder_new();
	struct hf *h;
	struct err e = {0};
	put_tensors(&d, "model.safetensors", "a", "b");
	put_text(&d, "model.safetensors.index.json", "not looked at");
	assert_int_equal(hf_open(&h, d.path, &e), 0);
	assert_int_equal(json_integer_value(json_object_get(hf_config(h), "hidden_size")), 576);
	assert_memory_equal(hf_tensor(h, "a")->data, values, sizeof values);
	assert_int_equal(hf_tensor(h, "b")->n_dims, 2);
	assert_null(hf_tensor(h, "c"));
	hf_close(h);
	test_dir_put(&d, "model.safetensors", "\2\0\0\0\0\0\0\0{}", 10); /* no tensors: for the model to refuse */
	assert_int_equal(hf_open(&h, d.path, &e), 0);
	assert_null(hf_tensor(h, "a"));
	hf_close(h);
	test_dir_remove(&d);
}

static void test_shards(void **state)
{
	(void)state;
	struct test_dir d = folder_new();
	struct hf *h;
	struct err e = {0};
	put_tensors(&d, "model-1.safetensors", "z", "b");
	put_tensors(&d, "model-2.safetensors", "c", NULL);
	put_text(&d, "model.safetensors.index.json",
		"{\"metadata\":{\"total_size\":48},"
		"\"weight_map\":{\"z\":\"model-1.safetensors\",\"c\":\"model-2.safetensors\",\"b\":\"model-1.safetensors\"}}");
	assert_int_equal(hf_open(&h, d.path, &e), 0);
	assert_int_equal(hf_tensor(h, "z")->n_dims, 1);
	assert_int_equal(hf_tensor(h, "b")->n_dims, 2);
	assert_memory_equal(hf_tensor(h, "c")->data, values, sizeof values);
	assert_null(hf_tensor(h, "a"));
	hf_close(h);
	test_dir_remove(&d);
}

static void test_bad_folders(void **state)
{
	(void)state;
	struct test_dir d = test_dir_new();
	struct hf *h;
	struct err e = {0};
	assert_int_equal(hf_open(&h, d.path, &e), ERR_FAILED);
	assert_non_null(strstr(e.text, "config.json"));
	put_text(&d, "config.json", "{\n\"model_type\": }");
	assert_refused(&d, "config.json: line 2: JSON: got");
	put_text(&d, "config.json", "[]");
	assert_refused(&d, "config.json: line 1: JSON: got an empty list, expected an object");
	put_text(&d, "config.json", "");
	assert_refused(&d, "config.json: line 1: JSON: got");
	put_text(&d, "config.json", "{}");
	assert_refused(&d, "got neither model.safetensors nor model.safetensors.index.json");
	put_text(&d, "model.safetensors", "short");
	assert_refused(&d, "model.safetensors: byte 0: header length");
	test_dir_remove(&d);
}

static void test_bad_indexes(void **state)
{
	(void)state;
	static const struct {
		const char *index, *why;
	} bad[] = {
		{"{}", "weight_map: got none, expected an object"},
		{"{\"weight_map\":[]}", "weight_map: got an empty list"},
		{"{\"weight_map\":{}}", "weight_map: got an empty object"},
		{"{\"weight_map\":{\"a\":1}}", "weight_map: 'a': got a number, expected a file name"},
		{"{\"weight_map\":{\"a\":\"../../model.safetensors\"}}",
			"'a': got '../../model.safetensors', expected the name of"},
		{"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "'a': got '/etc/passwd', expected the name of"},
		{"{\"weight_map\":{\"a\":\"..\"}}", "'a': got '..', expected the name of"},
		{"{\"weight_map\":{\"a\":\".\"}}", "'a': got '.', expected the name of"},
		{"{\"weight_map\":{\"a\":\"\"}}", "'a': got '', expected the name of"},
		{"{\"weight_map\":{\"a\":\"model-3.safetensors\"}}", "'model-3.safetensors', which is not in the folder"},
		{"{\"weight_map\":{\"c\":\"model-1.safetensors\"}}", "got 'c' in 'model-1.safetensors', which does not hold it"},
		{"{\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"config.json\"}}", "config.json: byte "},
		{"{\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}}",
			"tensor 'b': got it in two files"},
		{"{\"weight_map\":{\"a\":\"model-1.safetensors\",\"a\":\"model-1.safetensors\"}}",
			"JSON: got duplicate object key"},
	};
	struct test_dir d = folder_new();
	put_tensors(&d, "model-1.safetensors", "a", "b");
	put_tensors(&d, "model-2.safetensors", "b", NULL);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put_text(&d, "model.safetensors.index.json", bad[i].index);
		assert_refused(&d, bad[i].why);
	}
	test_dir_remove(&d);
}

static void test_every_failing_call(void **state)
{
	(void)state;
	struct test_dir d = folder_new();
	put_tensors(&d, "model-1.safetensors", "a", NULL);
	put_tensors(&d, "model-2.safetensors", "b", NULL);
	put_text(&d, "model.safetensors.index.json",
		"{\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}}");
	for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++) {
		int rc = ERR_FAILED;
		for (uint64_t nth = 1; rc; nth++) {
			struct hf *h;
			struct err e = {0};
			fault_set(kind, nth, false);
			rc = hf_open(&h, d.path, &e);
			fault_set(kind, 0, false);
			assert_true(rc == 0 || (h == NULL && rc == (kind == FAULT_MEM ? ERR_RESOURCE : ERR_FAILED)));
			hf_close(h);
			assert_true(nth < 100);
		}
	}
	test_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_file),
		cmocka_unit_test(test_shards),
		cmocka_unit_test(test_bad_folders),
		cmocka_unit_test(test_bad_indexes),
		cmocka_unit_test(test_every_failing_call),
	};
	return cmocka_run_group_tests_name("hf", tests, NULL, NULL);
}

/* Weights written as one file and as shards, and read back by hf.c. */
#include "format/format.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/test_file.h"

enum { N = 5 };

static float values[N][6];

static const struct tensor tensors[N] = {{"a", DTYPE_F32, 1, {6}, values[0], 24}, {"b", DTYPE_F32, 2, {2, 3}, values[1], 24},
	{"c", DTYPE_F32, 1, {2}, values[2], 8}, {"d", DTYPE_F32, 1, {1}, values[3], 4}, {"e", DTYPE_F32, 2, {3, 2}, values[4], 24}};

static void write_all(const char *dir, size_t shard_bytes)
{
	struct hf_writer *w;
	struct err e = {0};
	assert_int_equal(hf_writer_open(&w, dir, tensors, N, shard_bytes, &e), 0);
	for (size_t i = 0; i < N; i++)
		for (size_t at = 0; at < tensors[i].size_bytes; at += 4)
			assert_int_equal(hf_put_data(w, (const char *)tensors[i].data + at, 4, &e), 0);
	assert_int_equal(hf_writer_commit(w, &e), 0);
	hf_writer_free(w);
}

static bool has(const struct test_dir *d, const char *name)
{
	char path[PATH_SIZE];
	assert_int_equal(path_join(path, sizeof path, NULL, d->path, name), 0);
	return file_exists(path);
}

static void read_all(const struct test_dir *d)
{
	struct hf *h;
	struct err e = {0};
	test_dir_put(d, "config.json", "{}", 2);
	assert_int_equal(hf_open(&h, d->path, &e), 0);
	assert_int_equal(hf_n_tensors(h), N);
	for (size_t i = 0; i < N; i++) {
		const struct tensor *t = hf_tensor_at(h, i);
		assert_string_equal(t->name, tensors[i].name);
		assert_int_equal(t->n_dims, tensors[i].n_dims);
		assert_int_equal(t->size_bytes, tensors[i].size_bytes);
		assert_memory_equal(t->data, tensors[i].data, t->size_bytes);
	}
	hf_close(h);
}

static void test_one_file(void **state)
{
	(void)state;
	struct test_dir d = test_dir_new();
	write_all(d.path, 84); /* just what all of them take */
	assert_true(has(&d, "model.safetensors"));
	assert_false(has(&d, "model.safetensors.index.json"));
	read_all(&d);
	test_dir_remove(&d);
}

static void test_shards(void **state)
{
	static const struct {
		size_t limit;
		const char *last, *next;
	} cases[] = {{83, "model-00002-of-00002.safetensors", "model-00003-of-00003.safetensors"},
		{32, "model-00003-of-00003.safetensors", "model-00004-of-00004.safetensors"},
		{24, "model-00004-of-00004.safetensors", "model-00005-of-00005.safetensors"},
		{1, "model-00005-of-00005.safetensors", "model-00006-of-00006.safetensors"}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct test_dir d = test_dir_new();
		write_all(d.path, cases[i].limit);
		assert_false(has(&d, "model.safetensors"));
		assert_true(has(&d, cases[i].last));
		assert_false(has(&d, cases[i].next));
		read_all(&d);
		test_dir_remove(&d);
	}
}

/* What is not committed has no index, and so is no model. */
static void test_unfinished(void **state)
{
	struct hf_writer *w;
	struct hf *h;
	struct err e = {0};
	(void)state;
	struct test_dir d = test_dir_new();
	test_dir_put(&d, "config.json", "{}", 2);
	assert_int_equal(hf_writer_open(&w, d.path, tensors, N, 24, &e), 0);
	assert_int_equal(hf_put_data(w, values[0], 24, &e), 0);
	hf_writer_free(w);
	assert_int_equal(hf_open(&h, d.path, &e), ERR_DATA);
	test_dir_remove(&d);
}

int main(void)
{
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < 6; k++)
			values[i][k] = (float)(10 * i + k);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_file), cmocka_unit_test(test_shards), cmocka_unit_test(test_unfinished)};
	return cmocka_run_group_tests_name("hf_write", tests, NULL, NULL);
}

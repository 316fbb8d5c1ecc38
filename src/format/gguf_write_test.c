/* gguf_write: what was written is read back by gguf_open, key by key and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "format/format.h"

static const char FILE_NAME[] = "gguf_write_test.gguf", COPY[] = "gguf_write_copy.gguf";

static void check(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s", e->text);
}

/* Writes all of `from` but the file type, which becomes 7; each tensor in pieces of `piece` bytes. */
static int copy(const struct gguf *from, const char *path, size_t piece, struct err *e)
{
	struct gguf_writer *w;
	size_t n = gguf_n_tensors(from);
	int rc = gguf_writer_open(&w, path, e);
	if (!rc)
		rc = gguf_put_u32(w, "general.file_type", 7, e);
	if (!rc)
		rc = gguf_put_keys(w, from, e);
	if (!rc)
		rc = gguf_put_tensors(w, gguf_tensor_at(from, 0), n, e);
	for (size_t i = 0; i < n && !rc; i++) {
		const struct tensor *t = gguf_tensor_at(from, i);
		for (size_t at = 0; at < t->size_bytes && !rc; at += piece)
			rc = gguf_put_data(
				w, (const char *)t->data + at, t->size_bytes - at < piece ? t->size_bytes - at : piece, e);
	}
	if (!rc)
		rc = gguf_writer_commit(w, e);
	gguf_writer_free(w);
	return rc;
}

static void test_copy(void **state)
{
	struct err e = {0};
	struct gguf *a, *b;
	uint64_t type;
	size_t n, m, length, other;
	const char *x, *y;
	(void)state;
	check(gguf_open(&a, GOLDEN_DIR "/untied.gguf", &e), &e);
	check(copy(a, COPY, 1000, &e), &e);
	check(gguf_open(&b, COPY, &e), &e);
	check(gguf_u64(b, "general.file_type", &type, &e), &e);
	assert_int_equal(type, 7);
	check(gguf_str(a, "tokenizer.chat_template", &x, &e), &e);
	check(gguf_str(b, "tokenizer.chat_template", &y, &e), &e);
	assert_string_equal(x, y);
	check(gguf_array_n(a, "tokenizer.ggml.tokens", &n, &e), &e);
	check(gguf_array_n(b, "tokenizer.ggml.tokens", &m, &e), &e);
	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++) {
		check(gguf_array_str(a, "tokenizer.ggml.tokens", i, &x, &length, &e), &e);
		check(gguf_array_str(b, "tokenizer.ggml.tokens", i, &y, &other, &e), &e);
		assert_int_equal(length, other);
		assert_memory_equal(x, y, length);
	}
	assert_int_equal(gguf_n_tensors(a), gguf_n_tensors(b));
	for (size_t i = 0; i < gguf_n_tensors(a); i++) {
		const struct tensor *s = gguf_tensor_at(a, i), *t = gguf_tensor_at(b, i);
		assert_string_equal(s->name, t->name);
		assert_int_equal(s->dtype, t->dtype);
		assert_int_equal(s->n_dims, t->n_dims);
		assert_memory_equal(s->dims, t->dims, sizeof s->dims);
		assert_memory_equal(s->data, t->data, s->size_bytes);
	}
	gguf_close(a);
	gguf_close(b);
	remove(COPY);
}

/* Odd sizes need padding between tensors. */
static void test_fresh(void **state)
{
	static const float data[2][7] = {{1, 2, 3, 4, 5, 6, 7}, {8, 9, 10, 11, 12, 13, 14}};
	const struct tensor t[2] = {{.name = "a", .dtype = DTYPE_F32, .n_dims = 1, .dims = {7}, .size_bytes = sizeof data[0]},
		{.name = "b", .dtype = DTYPE_F32, .n_dims = 2, .dims = {7, 1}, .size_bytes = sizeof data[1]}};
	struct err e = {0};
	struct gguf_writer *w;
	struct gguf *g;
	const char *s;
	double alpha;
	(void)state;
	check(gguf_writer_open(&w, FILE_NAME, &e), &e);
	check(gguf_put_str(w, "general.type", "adapter", &e), &e);
	check(gguf_put_f32(w, "adapter.lora.alpha", 1.5f, &e), &e);
	check(gguf_put_tensors(w, t, 2, &e), &e);
	check(gguf_put_data(w, data[0], sizeof data[0], &e), &e);
	check(gguf_put_data(w, data[1], sizeof data[1], &e), &e);
	assert_false(file_exists(FILE_NAME));
	check(gguf_writer_commit(w, &e), &e);
	gguf_writer_free(w);
	check(gguf_open(&g, FILE_NAME, &e), &e);
	check(gguf_str(g, "general.type", &s, &e), &e);
	assert_string_equal(s, "adapter");
	check(gguf_f64(g, "adapter.lora.alpha", &alpha, &e), &e);
	assert_true(alpha == 1.5);
	assert_int_equal(gguf_tensor(g, "b")->dims[0], 7);
	assert_int_equal(gguf_tensor(g, "b")->dims[1], 1);
	assert_memory_equal(gguf_tensor(g, "a")->data, data[0], sizeof data[0]);
	assert_memory_equal(gguf_tensor(g, "b")->data, data[1], sizeof data[1]);
	gguf_close(g);
	remove(FILE_NAME);
}

/* Whichever call fails, nothing appears under the name, and nothing stays beside it. */
static void test_faults(void **state)
{
	struct err e = {0};
	struct gguf *a;
	(void)state;
	check(gguf_open(&a, GOLDEN_DIR "/untied.gguf", &e), &e);
	for (int kind = 0; kind < FAULT_KINDS; kind++) {
		for (uint64_t nth = 1;; nth++) {
			fault_set(kind, nth, false);
			int rc = copy(a, COPY, 1 << 20, &e);
			bool reached = fault_count(kind) >= nth;
			fault_set(kind, 0, false);
			if (!reached)
				break;
			if (!rc || file_exists(COPY)) /* only the parent's fsync may fail behind the rename */
				assert_int_equal(kind, FAULT_FILE);
			remove(COPY);
		}
		remove(COPY);
	}
	gguf_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy), cmocka_unit_test(test_fresh), cmocka_unit_test(test_faults)};
	return cmocka_run_group_tests_name("gguf_write", tests, NULL, NULL);
}

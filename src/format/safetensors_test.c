/* safetensors: what is written is read back, and every kind of damage is refused. */
#include "format/format.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "format/test_file.h"

static int open_bytes(struct safetensors **s, const void *p, size_t n, struct err *e)
{
	struct test_file t = test_file_new(p, n);
	int rc = safetensors_open(s, t.path, e);
	test_file_remove(&t);
	if (rc && e && e->code == ERR_DATA) { /* one sentence, which names the file and the byte */
		assert_memory_equal(e->text, t.path, strlen(t.path));
		assert_non_null(strstr(e->text, ": byte "));
		assert_null(strchr(e->text, '\n'));
	}
	return rc;
}

/* A file of a header, with a given length or its own (0), and n_data bytes 0, 1, 2 ... */
static struct buf file_of(uint64_t length, const char *header, size_t n_header, size_t n_data)
{
	struct buf b = {0};
	if (!length)
		length = n_header;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(buf_append(&b, &(uint8_t){(uint8_t)(length >> 8 * i)}, 1, NULL), 0);
	assert_int_equal(buf_append(&b, header, n_header, NULL), 0);
	for (size_t i = 0; i < n_data; i++)
		assert_int_equal(buf_append(&b, &(uint8_t){(uint8_t)i}, 1, NULL), 0);
	return b;
}

static void assert_refused_bytes(struct buf b, const char *why)
{
	struct safetensors *s = (void *)&b;
	struct err e = {0};
	assert_int_equal(open_bytes(&s, b.p, b.len, &e), ERR_DATA);
	assert_null(s);
	if (!strstr(e.text, why))
		fail_msg("'%s' does not say '%s'", e.text, why);
	buf_release(&b);
}

static void assert_refused(const char *header, size_t n_data, const char *why)
{
	assert_refused_bytes(file_of(0, header, strlen(header), n_data), why);
}

static const float a_values[] = {1, 2, 3, 4, 5, 6};
static const uint16_t b_values[] = {0x3f80, 0x4000, 0x4040};
static const struct tensor written[] = {
	{"model.b", DTYPE_BF16, 1, {3}, b_values, sizeof b_values},
	{"model.a", DTYPE_F32, 2, {2, 3}, a_values, sizeof a_values},
};

static void test_round_trip(void **state)
{
	(void)state;
	struct test_file t = test_file_new("", 0);
	struct buf bytes = {0}, again = {0};
	struct safetensors *s;
	struct err e = {0};
	assert_int_equal(safetensors_write(t.path, written, 2, &e), 0);
	assert_int_equal(file_read(t.path, 4096, &bytes, &e), 0);
	assert_int_equal(safetensors_write(t.path, written, 2, &e), 0);
	assert_int_equal(file_read(t.path, 4096, &again, &e), 0);
	assert_int_equal(bytes.len, again.len);
	assert_memory_equal(bytes.p, again.p, bytes.len);
	static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
				     "\"model.b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[0,6]},"
				     "\"model.a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[6,30]}}";
	assert_memory_equal(bytes.p + 8, header, sizeof header - 1);
	assert_int_equal((bytes.len - 30) % 8, 0);

	assert_int_equal(safetensors_open(&s, t.path, &e), 0);
	assert_int_equal(safetensors_n(s), 2);
	assert_string_equal(safetensors_at(s, 0)->name, "model.b");
	const struct tensor *a = safetensors_find(s, "model.a");
	assert_ptr_equal(a, safetensors_at(s, 1));
	assert_int_equal(a->dtype, DTYPE_F32);
	assert_int_equal(a->n_dims, 2);
	assert_int_equal(a->dims[0], 2);
	assert_int_equal(a->dims[1], 3);
	assert_int_equal(a->size_bytes, sizeof a_values);
	assert_memory_equal(a->data, a_values, sizeof a_values);
	assert_memory_equal(safetensors_at(s, 0)->data, b_values, sizeof b_values);
	assert_null(safetensors_find(s, "__metadata__"));
	safetensors_close(s);

	for (size_t n = 0; n < bytes.len; n++) /* every truncation */
		assert_int_equal(open_bytes(&s, bytes.p, n, &e), ERR_DATA);
	for (size_t i = 0; i < bytes.len - 30; i++) { /* every changed byte: fine or refused, the sanitizers watch */
		bytes.p[i] = (char)(bytes.p[i] ^ 5);
		int rc = open_bytes(&s, bytes.p, bytes.len, &e);
		assert_true(rc == 0 || rc == ERR_DATA);
		safetensors_close(s);
		bytes.p[i] = (char)(bytes.p[i] ^ 5);
	}
	buf_release(&bytes);
	buf_release(&again);
	test_file_remove(&t);
}

/* Numbers of positions that older BERT files keep: checked like the others, then not there. */
static void test_integers_are_passed_over(void **state)
{
	(void)state;
	static const char header[] = "{\"ids\":{\"dtype\":\"I64\",\"shape\":[1,2],\"data_offsets\":[0,16]},"
				     "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]}}";
	uint8_t bytes[8 + sizeof header - 1 + 20] = {sizeof header - 1};
	struct safetensors *s;
	struct err e = {0};
	memcpy(bytes + 8, header, sizeof header - 1);
	assert_int_equal(open_bytes(&s, bytes, sizeof bytes, &e), 0);
	assert_int_equal(safetensors_n(s), 1);
	assert_string_equal(safetensors_at(s, 0)->name, "w");
	assert_non_null(safetensors_find(s, "w"));
	assert_null(safetensors_find(s, "ids"));
	safetensors_close(s);
	assert_int_equal(open_bytes(&s, bytes, sizeof bytes - 1, &e), ERR_DATA);
}

static void test_header_padding(void **state)
{
	(void)state;
	static const char name[] = "abcdefgh";
	struct test_file t = test_file_new("", 0);
	struct err e = {0};
	for (size_t i = 0; i < 8; i++) {
		const struct tensor x = {name + i, DTYPE_F32, 2, {2, 3}, a_values, sizeof a_values};
		struct safetensors *s;
		struct buf bytes = {0};
		assert_int_equal(safetensors_write(t.path, &x, 1, &e), 0);
		assert_int_equal(file_read(t.path, 4096, &bytes, &e), 0);
		assert_int_equal((bytes.len - sizeof a_values) % 8, 0);
		assert_int_equal(safetensors_open(&s, t.path, &e), 0);
		assert_memory_equal(safetensors_at(s, 0)->data, a_values, sizeof a_values);
		safetensors_close(s);
		buf_release(&bytes);
	}
	test_file_remove(&t);
}

static void test_empty(void **state)
{
	(void)state;
	struct safetensors *s;
	struct buf b = file_of(0, "{}", 2, 0);
	assert_int_equal(open_bytes(&s, b.p, b.len, NULL), 0);
	assert_int_equal(safetensors_n(s), 0);
	assert_null(safetensors_find(s, "a"));
	safetensors_close(s);
	buf_release(&b);
}

static void test_header(void **state)
{
	(void)state;
	const uint64_t absurd[] = {3, 100000001, UINT64_C(1) << 63, UINT64_MAX};
	for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++)
		assert_refused_bytes(file_of(absurd[i], "{}", 2, 0), "byte 0: header length: got");
	assert_refused_bytes(file_of(0, "", 0, 0), "got no '{'");
	struct buf none = file_of(0, "", 0, 0); /* a '{' behind an empty header */
	assert_int_equal(buf_puts(&none, "{}", NULL), 0);
	assert_refused_bytes(none, "got no '{'");
	assert_refused(" {}", 0, "byte 8: header: got no '{'");
	assert_refused("[]", 0, "got no '{'");
	assert_refused("{} x", 0, "JSON: got");
	assert_refused("{\"a\":", 0, "JSON: got");
	assert_refused("{\"\xff\":1}", 0, "JSON: got");
	assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
		       "\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
		8, "JSON: got duplicate object key");
	assert_refused("{\"a\":[]}", 0, "tensor 'a': entry: got an empty list, expected an object");
	assert_refused("{\"a\\u001b[2J\":[]}", 0, "tensor 'a?[2J'");
	assert_refused("{\"__metadata__\":{\"format\":1}}", 0, "__metadata__: got something else");
	assert_refused("{\"__metadata__\":[]}", 0, "__metadata__: got something else");

	enum { DEEP = 100000 };
	struct buf deep = {0};
	assert_int_equal(buf_puts(&deep, "{\"a\":", NULL), 0);
	for (int i = 0; i < DEEP; i++)
		assert_int_equal(buf_puts(&deep, "[", NULL), 0);
	assert_refused_bytes(file_of(0, deep.p, deep.len, 0), "JSON: got");
	buf_release(&deep);
}

static void test_header_of_more_than_100_mb(void **state)
{
	(void)state;
	struct buf b = file_of(100000001, "{", 1, 0);
	struct test_file t = test_file_new(b.p, b.len);
	struct safetensors *s;
	struct err e = {0};
	assert_int_equal(truncate(t.path, 8 + 100000001), 0); /* a hole */
	assert_int_equal(safetensors_open(&s, t.path, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "header length: got 100000001, expected at most 100000000"));
	test_file_remove(&t);
	buf_release(&b);
}

static void test_lookup(void **state)
{
	(void)state;
	static const char *const names[] = {"e", "a", "d", "b", "c"};
	struct tensor t[5];
	struct test_file file = test_file_new("", 0);
	struct safetensors *s;
	for (size_t i = 0; i < 5; i++)
		t[i] = (struct tensor){names[i], DTYPE_F32, 1, {1}, &a_values[i], sizeof(float)};
	assert_int_equal(safetensors_write(file.path, t, 5, NULL), 0);
	assert_int_equal(safetensors_open(&s, file.path, NULL), 0);
	for (size_t i = 0; i < 5; i++)
		assert_memory_equal(safetensors_find(s, names[i])->data, &a_values[i], sizeof(float));
	safetensors_close(s);
	test_file_remove(&file);
}

static void test_tensors(void **state)
{
	(void)state;
	const struct {
		const char *entry;
		const char *why;
	} bad[] = {
		{"\"dtype\":\"F32\",\"shape\":[2]", "entry: got 2 keys"},
		{"\"dtype\":\"F32\",\"shape\":[2],\"offsets\":[0,8]", "data_offsets: got something else"},
		{"\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1", "entry: got 4 keys"},
		{"\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]", "tensor 'a': dtype: got F31, expected"},
		{"\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]", "dtype: got I32"},
		{"\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,8]", "data_offsets: got 8 bytes, expected the 16"},
		{"\"dtype\":\"Q8_0\",\"shape\":[2],\"data_offsets\":[0,8]", "dtype: got Q8_0"},
		{"\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]", "dtype: got a number"},
		{"\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]", "shape: got a number"},
		{"\"dtype\":\"F32\",\"shape\":[1,1,1,1,2],\"data_offsets\":[0,8]", "shape: got a list of 5"},
		{"\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]", "shape: got a decimal number at place 0"},
		{"\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]", "shape: got a number at place 0"},
		{"\"dtype\":\"F32\",\"shape\":[0,2],\"data_offsets\":[0,0]", "expected no dimension of 0"},
		{"\"dtype\":\"F32\",\"shape\":[2,0],\"data_offsets\":[0,0]", "expected no dimension of 0"},
		{"\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]", "product that fits"},
		{"\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]", "product that fits"},
		{"\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]", "data_offsets: got something else"},
		{"\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]", "data_offsets: got something else"},
		{"\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]", "data_offsets: got something else"},
		{"\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]", "data_offsets: got [8, 0]"},
		{"\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]", "data_offsets: got [4, 12]"},
		{"\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]", "got 8 bytes, expected the 4"},
		{"\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]", "got 8 bytes, expected the 12"},
		{"\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,8]", "got 8 bytes, expected the 6"},
		{"\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,6]", "data: got bytes that belong to no tensor"},
		{"\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[2,8]", "data: got bytes that belong to no tensor"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf header = {0};
		assert_int_equal(buf_printf(&header, NULL, "{\"a\":{%s}}", bad[i].entry), 0);
		assert_refused(header.p, 8, bad[i].why);
		buf_release(&header);
	}
	assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
		       "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
		12, "tensor 'b': data: got the bytes of another tensor");
	assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
		       "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9,13]}}",
		13, "data: got bytes that belong to no tensor");
	assert_refused("{}", 1, "data: got bytes that belong to no tensor");
}

static void test_every_failing_call(void **state)
{
	(void)state;
	struct test_file t = test_file_new("", 0);
	struct err e = {0};
	struct buf before = {0};
	assert_int_equal(safetensors_write(t.path, written, 2, &e), 0);
	assert_int_equal(file_read(t.path, 4096, &before, &e), 0);
	for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++) {
		int rc_write = ERR_FAILED, rc_open = ERR_FAILED;
		for (uint64_t nth = 1; rc_write || rc_open; nth++) {
			struct safetensors *s;
			fault_set(kind, nth, false);
			rc_write = safetensors_write(t.path, written, 1, &e);
			fault_set(kind, 0, false);
			if (rc_write) { /* whole: the old one, or the new one when only the folder's fsync failed */
				struct buf after = {0};
				assert_true(rc_write == ERR_RESOURCE || rc_write == ERR_FAILED);
				assert_int_equal(file_read(t.path, 4096, &after, NULL), 0);
				assert_true(after.len != before.len || !memcmp(after.p, before.p, before.len));
				buf_release(&after);
			}
			fault_set(kind, nth, false);
			rc_open = safetensors_open(&s, t.path, &e);
			fault_set(kind, 0, false);
			assert_true(rc_open == 0 || (s == NULL && rc_open != ERR_DATA));
			safetensors_close(s);
			assert_true(nth < 100);
		}
	}
	buf_release(&before);
	test_file_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_integers_are_passed_over),
		cmocka_unit_test(test_header_padding),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_header_of_more_than_100_mb),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_every_failing_call),
	};
	return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}

/* GGUF: a small valid file, every kind of damage to it, and a real model when there is one. */
#include "format/format.h"

#include <setjmp.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "format/test_file.h"

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARRAY, U64, I64, F64 }; /* value types */
enum { T_F32 = 0, T_Q4_1 = 3, T_Q2_K = 10, T_BF16 = 30 };                  /* tensor types */

/* ---- writing files ----------------------------------------------------------------------------------------------------- */

static void put(struct buf *b, const void *p, size_t n)
{
	assert_int_equal(buf_append(b, p, n, NULL), 0);
}

static void put_le(struct buf *b, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++, v >>= 8)
		put(b, &(uint8_t){(uint8_t)v}, 1);
}

static void put_u32(struct buf *b, uint32_t v)
{
	put_le(b, v, 4);
}

static void put_u64(struct buf *b, uint64_t v)
{
	put_le(b, v, 8);
}

static void put_str(struct buf *b, const char *s)
{
	put_u64(b, strlen(s));
	put(b, s, strlen(s));
}

static void put_header(struct buf *b, uint64_t n_tensors, uint64_t n_keys)
{
	put(b, "GGUF", 4);
	put_u32(b, 3);
	put_u64(b, n_tensors);
	put_u64(b, n_keys);
}

static void put_key(struct buf *b, const char *name, uint32_t type)
{
	put_str(b, name);
	put_u32(b, type);
}

static void put_key_le(struct buf *b, const char *name, uint32_t type, uint64_t v, size_t n)
{
	put_key(b, name, type);
	put_le(b, v, n);
}

static void put_array(struct buf *b, const char *name, uint32_t item, uint64_t n)
{
	put_key(b, name, ARRAY);
	put_u32(b, item);
	put_u64(b, n);
}

/* Two dimensions, the fastest first, as in the file. */
static void put_tensor(struct buf *b, const char *name, uint64_t ne0, uint64_t ne1, uint32_t type, uint64_t offset)
{
	put_str(b, name);
	put_u32(b, 2);
	put_u64(b, ne0);
	put_u64(b, ne1);
	put_u32(b, type);
	put_u64(b, offset);
}

/* Padding to a multiple of 32, then n bytes 0, 1, 2 ... */
static void put_data(struct buf *b, size_t n)
{
	while (b->len % 32)
		put(b, "", 1);
	for (size_t i = 0; i < n; i++)
		put(b, &(uint8_t){(uint8_t)i}, 1);
}

static void put_good(struct buf *b)
{
	put_header(b, 3, 11);
	put_key(b, "general.name", STR);
	put_str(b, "Tiny");
	put_key_le(b, "u8", U8, 200, 1);
	put_key_le(b, "i8", I8, 0xff, 1);
	put_key_le(b, "u64", U64, UINT64_MAX, 8);
	put_key_le(b, "half", F32, 0x3f000000, 4);
	put_key_le(b, "third", F64, 0x3fd5555555555555, 8);
	put_key_le(b, "yes", BOOL, 1, 1);
	put_array(b, "tokens", STR, 3);
	put_str(b, "a");
	put_str(b, "");
	put_u64(b, 3);
	put(b, "b\0c", 3);
	put_array(b, "types", I32, 2);
	put_u32(b, 1);
	put_u32(b, 0xfffffffe);
	put_array(b, "large", U64, 1);
	put_u64(b, UINT64_MAX);
	put_key_le(b, "general.alignment", U32, 32, 4);
	put_tensor(b, "z", 3, 2, T_F32, 0);            /* 24 bytes */
	put_tensor(b, "quantised", 64, 2, T_Q4_1, 32); /* 2 rows of 2 blocks of 20 bytes */
	put_tensor(b, "b", 5, 1, T_BF16, 128);         /* 10 bytes */
	put_data(b, 138);
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

static int open_bytes(struct gguf **g, const void *p, size_t n, struct err *e)
{
	struct test_file t = test_file_new(p, n);
	int rc = gguf_open(g, t.path, e);
	test_file_remove(&t);
	if (rc && e->code == ERR_DATA) { /* one sentence, which names the file and the byte */
		assert_memory_equal(e->text, t.path, strlen(t.path));
		assert_non_null(strstr(e->text, ": byte "));
		assert_null(strchr(e->text, '\n'));
	}
	return rc;
}

/* Releases b. */
static void assert_refused(struct buf *b, const char *why)
{
	struct gguf *g = (void *)b;
	struct err e = {0};
	assert_int_equal(open_bytes(&g, b->p, b->len, &e), ERR_DATA);
	assert_null(g);
	if (!strstr(e.text, why))
		fail_msg("'%s' does not say '%s'", e.text, why);
	buf_release(b);
}

static void test_good(void **state)
{
	(void)state;
	struct buf b = {0};
	struct gguf *g;
	struct err e = {0};
	put_good(&b);
	assert_int_equal(open_bytes(&g, b.p, b.len, &e), 0);

	assert_int_equal(gguf_n_tensors(g), 3);
	assert_string_equal(gguf_tensor_at(g, 0)->name, "z");
	const struct tensor *t = gguf_tensor(g, "quantised");
	assert_ptr_equal(t, gguf_tensor_at(g, 1));
	assert_int_equal(t->dtype, DTYPE_Q4_1);
	assert_int_equal(t->n_dims, 2);
	assert_int_equal(t->dims[0], 2); /* slowest first */
	assert_int_equal(t->dims[1], 64);
	assert_int_equal(t->size_bytes, 80);
	assert_int_equal(*(const uint8_t *)t->data, 32);
	t = gguf_tensor(g, "b");
	assert_int_equal(t->dtype, DTYPE_BF16);
	assert_int_equal(t->size_bytes, 10);
	assert_int_equal(*(const uint8_t *)t->data, 128);
	assert_null(gguf_tensor(g, "absent"));

	uint64_t u;
	double d;
	bool yes;
	const char *s;
	size_t n;
	int64_t i;
	assert_true(gguf_has(g, "u8"));
	assert_false(gguf_has(g, "u"));
	assert_int_equal(gguf_u64(g, "u8", &u, &e), 0);
	assert_int_equal(u, 200);
	assert_int_equal(gguf_u64(g, "u64", &u, &e), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(gguf_f64(g, "half", &d, &e), 0);
	assert_true(d > 0.4999 && d < 0.5001);
	assert_int_equal(gguf_f64(g, "third", &d, &e), 0);
	assert_true(d > 0.3333 && d < 0.3334);
	assert_int_equal(gguf_bool(g, "yes", &yes, &e), 0);
	assert_true(yes);
	assert_int_equal(gguf_str(g, "general.name", &s, &e), 0);
	assert_string_equal(s, "Tiny");
	assert_int_equal(gguf_array_n(g, "tokens", &n, &e), 0);
	assert_int_equal(n, 3);
	assert_int_equal(gguf_array_str(g, "tokens", 1, &s, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(gguf_array_str(g, "tokens", 2, &s, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(s, "b\0c", 3);
	assert_int_equal(gguf_array_i64(g, "types", 1, &i, &e), 0);
	assert_int_equal(i, -2);
	gguf_close(g);
	buf_release(&b);
}

static void assert_says(const struct err *e, const char *why)
{
	assert_int_equal(e->code, ERR_DATA);
	if (!strstr(e->text, why))
		fail_msg("'%s' does not say '%s'", e->text, why);
}

static void test_keys_of_another_type(void **state)
{
	(void)state;
	struct buf b = {0};
	struct gguf *g;
	struct err e = {0};
	put_good(&b);
	assert_int_equal(open_bytes(&g, b.p, b.len, &e), 0);
	uint64_t u;
	int64_t i;
	double d;
	bool yes;
	const char *s;
	size_t n;
	assert_int_equal(gguf_u64(g, "absent", &u, &e), ERR_DATA);
	assert_says(&e, "key 'absent': got none");
	assert_int_equal(gguf_u64(g, "i8", &u, &e), ERR_DATA);
	assert_says(&e, "key 'i8': got -1, expected no negative");
	assert_int_equal(gguf_u64(g, "half", &u, &e), ERR_DATA);
	assert_says(&e, "got f32, expected an integer");
	assert_int_equal(gguf_u64(g, "types", &u, &e), ERR_DATA);
	assert_says(&e, "got an array of i32, expected an integer");
	assert_int_equal(gguf_f64(g, "u8", &d, &e), ERR_DATA);
	assert_says(&e, "got u8, expected f32 or f64");
	assert_int_equal(gguf_bool(g, "u8", &yes, &e), ERR_DATA);
	assert_says(&e, "got u8, expected bool");
	assert_int_equal(gguf_str(g, "tokens", &s, &e), ERR_DATA);
	assert_says(&e, "got an array of string, expected string");
	assert_int_equal(gguf_array_n(g, "general.name", &n, &e), ERR_DATA);
	assert_says(&e, "got string, expected array");
	assert_int_equal(gguf_array_str(g, "types", 0, &s, &n, &e), ERR_DATA);
	assert_says(&e, "got an array of i32, expected an array of strings");
	assert_int_equal(gguf_array_str(g, "tokens", 3, &s, &n, &e), ERR_DATA);
	assert_says(&e, "got 3 items, expected more than 3");
	assert_int_equal(gguf_array_i64(g, "tokens", 0, &i, &e), ERR_DATA);
	assert_says(&e, "expected an array of integers");
	assert_int_equal(gguf_array_i64(g, "types", 2, &i, &e), ERR_DATA);
	assert_says(&e, "got 2 items");
	assert_int_equal(gguf_array_i64(g, "large", 0, &i, &e), ERR_DATA);
	assert_says(&e, "got item 0 = 18446744073709551615");
	gguf_close(g);
	buf_release(&b);
}

static void test_every_truncation(void **state)
{
	(void)state;
	struct buf b = {0};
	put_good(&b);
	for (size_t n = 0; n < b.len; n++) {
		struct gguf *g;
		struct err e = {0};
		assert_int_equal(open_bytes(&g, b.p, n, &e), ERR_DATA);
		assert_null(g);
	}
	buf_release(&b);
}

static void test_magic_and_version(void **state)
{
	(void)state;
	struct buf b = {0};
	put_good(&b);
	b.p[0] = '\x1b';
	assert_refused(&b, "byte 0: magic: got '?GUF', expected 'GGUF'");
	const struct {
		uint32_t version;
		const char *why;
	} bad[] = {{0, "got 0, expected 2 or 3"}, {1, "got 1, expected 2 or 3"}, {4, "got 4"},
		{3u << 24, "got 3 with its bytes reversed"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(&b, "GGUF", 4);
		put_u32(&b, bad[i].version);
		put_u64(&b, 0);
		put_u64(&b, 0);
		assert_refused(&b, bad[i].why);
	}
	put_good(&b);
	b.p[4] = 2; /* version 2 has the same layout */
	struct gguf *g;
	assert_int_equal(open_bytes(&g, b.p, b.len, NULL), 0);
	gguf_close(g);
	buf_release(&b);
}

static void test_counts(void **state)
{
	(void)state;
	const uint64_t absurd[] = {UINT64_C(1) << 63, UINT64_MAX, 1000000, 1000, UINT64_MAX / 8 + 2};
	for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
		struct buf b = {0};
		put_header(&b, absurd[i], 0);
		put_data(&b, 64);
		assert_refused(&b, "byte 8: number of tensors: got");
		put_header(&b, 0, absurd[i]);
		put_data(&b, 64);
		assert_refused(&b, "byte 16: number of keys: got");
		put_header(&b, 0, 1);
		put_array(&b, "k", U32, absurd[i]);
		put_data(&b, 64);
		assert_refused(&b, "key 'k': array length: got");
		put_header(&b, 0, 1);
		put_array(&b, "k", STR, absurd[i]);
		put_data(&b, 64);
		assert_refused(&b, "key 'k': array length: got");
		put_header(&b, 0, 1);
		put_key(&b, "k", STR);
		put_u64(&b, absurd[i]);
		put_data(&b, 64);
		assert_refused(&b, "key 'k': string: got a length of");
		put_header(&b, 0, 1);
		put_u64(&b, absurd[i]);
		put_data(&b, 64);
		assert_refused(&b, "byte 24: name: got a length of");
		put_header(&b, 0, 1);
		put_array(&b, "k", STR, 1);
		put_u64(&b, absurd[i]);
		put_data(&b, 64);
		assert_refused(&b, "key 'k': array item: got a length of");
	}
	struct buf b = {0}; /* more than any model has, though the file has the bytes */
	put_header(&b, 0, 65537);
	put_data(&b, 65537 * 14);
	assert_refused(&b, "number of keys: got 65537, expected at most 65536");
}

static void test_values(void **state)
{
	(void)state;
	struct buf b = {0};
	put_header(&b, 0, 1);
	put_key_le(&b, "k", 13, 0, 64);
	assert_refused(&b, "key 'k': type: got 13, expected 0 to 12");
	put_header(&b, 0, 1);
	put_array(&b, "k", 13, 0);
	assert_refused(&b, "array item type: got 13");
	put_header(&b, 0, 1);
	put_array(&b, "k", ARRAY, 0);
	assert_refused(&b, "got an array, expected no arrays inside arrays");
	put_header(&b, 0, 1);
	put_key_le(&b, "k", BOOL, 2, 1);
	assert_refused(&b, "got a bool of 2, expected 0 or 1");
	put_header(&b, 0, 1);
	put_key(&b, "k", STR);
	put_u64(&b, 3);
	put(&b, "a\0b", 3);
	assert_refused(&b, "key 'k': string: got a NUL byte");
	put_header(&b, 0, 1);
	put_key_le(&b, "", U8, 0, 8);
	assert_refused(&b, "name: got a length of 0");
	put_header(&b, 0, 2);
	put_key_le(&b, "same", U8, 0, 1);
	put_key_le(&b, "same", U32, 0, 4);
	assert_refused(&b, "key 'same': name: got it twice");
}

static void test_alignment(void **state)
{
	(void)state;
	const uint32_t bad[] = {0, 3, 4, 33, 1u << 17, 1u << 31, UINT32_MAX};
	struct buf b = {0};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put_header(&b, 1, 1);
		put_key_le(&b, "general.alignment", U32, bad[i], 4);
		put_tensor(&b, "t", 4, 1, T_F32, 0);
		put_data(&b, 64);
		assert_refused(&b, "key 'general.alignment': value: got");
	}
	put_header(&b, 1, 1);
	put_key_le(&b, "general.alignment", U64, 32, 8);
	put_tensor(&b, "t", 4, 1, T_F32, 0);
	put_data(&b, 64);
	assert_refused(&b, "key 'general.alignment': type: got u64, expected u32");

	static const char name[] = "as long as brings the end of the tables to byte 148";
	put_header(&b, 1, 1); /* one that is used: the data begin at 192, not at 160 */
	put_key_le(&b, "general.alignment", U32, 64, 4);
	put_tensor(&b, name, 4, 1, T_F32, 0);
	assert_int_equal(b.len, 148);
	while (b.len % 64)
		put(&b, "", 1);
	put(&b, "0123456789abcdef", 16);
	struct gguf *g;
	assert_int_equal(open_bytes(&g, b.p, b.len, NULL), 0);
	assert_memory_equal(gguf_tensor(g, name)->data, "0123456789abcdef", 16);
	gguf_close(g);
	buf_release(&b);
}

static void test_dimensions(void **state)
{
	(void)state;
	const struct {
		uint64_t ne0, ne1;
		uint32_t type;
		const char *why;
	} bad[] = {
		{0, 4, T_F32, "got [4, 0], expected no dimension of 0"},
		{4, 0, T_F32, "got [0, 4], expected no dimension of 0"},
		{UINT64_C(1) << 32, UINT64_C(1) << 32, T_F32, "expected a product that fits"},
		{UINT64_C(1) << 62, 1, T_F32, "expected a product that fits"}, /* the values fit, their bytes do not */
		{UINT64_MAX, 1, T_F32, "expected a product that fits"},        /* -1 */
		{UINT64_C(1) << 61, 2, T_BF16, "expected them in the file"},   /* 2^63 bytes: fits, but not the file */
		{UINT64_C(1) << 60, 4, T_F32, "expected a product that fits"}, /* 2^64 bytes: wraps to 0 */
		{48, 2, T_Q4_1, "got [2, 48], expected rows of whole Q4_1 blocks of 32"},
		{4, 1, T_Q2_K, "tensor 't': type: got Q2_K, expected F32"},
		{4, 1, 4, "type: got 4, which is no ggml type"},
		{4, 1, 40, "type: got 40, which is no ggml type"},
		{4, 1, UINT32_MAX, "which is no ggml type"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf b = {0};
		put_header(&b, 1, 0);
		put_tensor(&b, "t", bad[i].ne0, bad[i].ne1, bad[i].type, 0);
		put_data(&b, 256);
		assert_refused(&b, bad[i].why);
	}
	const uint32_t n_dims[] = {0, 5, UINT32_MAX};
	for (size_t i = 0; i < sizeof n_dims / sizeof *n_dims; i++) {
		struct buf b = {0};
		put_header(&b, 1, 0);
		put_str(&b, "t");
		put_u32(&b, n_dims[i]);
		put_data(&b, 256);
		assert_refused(&b, "number of dimensions: got");
	}
}

static void test_offsets(void **state)
{
	(void)state;
	const struct {
		const char *name0, *name1;
		uint64_t offset0, offset1;
		const char *why;
	} bad[] = {
		{"a", "b", 0, 33, "tensor 'b': offset: got 33, expected a multiple of 32"},
		{"a", "b", 0, 0, "got the bytes of another tensor"},
		{"a", "b", 32, 0, "tensor 'a': data: got the bytes of another tensor"}, /* b is 64 bytes long */
		{"a", "b", 0, 1 << 20, "tensor 'b': offset: got 64 bytes"},
		{"a", "b", UINT64_MAX - 31, 0, "tensor 'a': offset: got 64 bytes"},
		{"a", "b", UINT64_C(1) << 63, 0, "tensor 'a': offset: got 64 bytes"},
		{"same", "same", 0, 64, "tensor 'same': name: got it twice"}, {"a\x1b[2J", "b", 0, 7, "tensor 'b'"},
		{"a", "b\x1b\n", 0, 7, "tensor 'b?\?'"}, /* nothing from the file reaches the terminal raw */
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf b = {0};
		put_header(&b, 2, 0);
		put_tensor(&b, bad[i].name0, 4, 4, T_F32, bad[i].offset0);
		put_tensor(&b, bad[i].name1, 4, 4, T_F32, bad[i].offset1);
		put_data(&b, 128);
		assert_refused(&b, bad[i].why);
	}
}

/* Every single changed byte either still opens or is refused; the sanitizers watch. */
static void test_every_flipped_byte(void **state)
{
	(void)state;
	struct buf b = {0};
	put_good(&b);
	for (size_t i = 0; i < b.len - 138; i++) {
		for (int bit = 0; bit < 8; bit += 7) {
			struct gguf *g;
			struct err e = {0};
			b.p[i] = (char)(b.p[i] ^ 1 << bit);
			int rc = open_bytes(&g, b.p, b.len, &e);
			assert_true(rc == ERR_DATA || (rc == 0 && g));
			gguf_close(g);
			b.p[i] = (char)(b.p[i] ^ 1 << bit);
		}
	}
	buf_release(&b);
}

static void test_out_of_memory(void **state)
{
	(void)state;
	struct buf b = {0};
	put_good(&b);
	struct test_file t = test_file_new(b.p, b.len);
	for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++) {
		int rc = ERR_FAILED;
		for (uint64_t nth = 1; rc; nth++) {
			struct gguf *g;
			struct err e = {0};
			fault_set(kind, nth, false);
			rc = gguf_open(&g, t.path, &e);
			fault_set(kind, 0, false);
			assert_int_equal(rc, e.code);
			assert_true(rc == 0 || (g == NULL && rc != ERR_DATA));
			gguf_close(g);
			assert_true(nth < 100);
		}
	}
	test_file_remove(&t);
	buf_release(&b);
}

static void test_real_model(void **state)
{
	(void)state;
	const char *path = getenv("ATTUNE_TEST_MODEL");
	if (!path)
		skip();
	struct gguf *g;
	struct err e = {0};
	clock_t start = clock();
	assert_int_equal(gguf_open(&g, path, &e), 0);
	double opened_s = (double)(clock() - start) / CLOCKS_PER_SEC;
	print_message("# opened in %.2f ms\n", opened_s * 1e3);
	assert_true(opened_s < 1.0);
	const char *architecture;
	size_t n_vocab;
	assert_int_equal(gguf_str(g, "general.architecture", &architecture, &e), 0);
	assert_int_equal(gguf_array_n(g, "tokenizer.ggml.tokens", &n_vocab, &e), 0);
	const struct tensor *embedding = gguf_tensor(g, "token_embd.weight");
	assert_non_null(embedding);
	assert_int_equal(embedding->n_dims, 2);
	assert_int_equal(embedding->dims[0], n_vocab);
	for (size_t i = 0; i < gguf_n_tensors(g); i++)
		assert_ptr_equal(gguf_tensor(g, gguf_tensor_at(g, i)->name), gguf_tensor_at(g, i));

	struct file_map m; /* cut at 50 places */
	assert_int_equal(file_map_open(&m, path, &e), 0);
	gguf_close(g);
	for (size_t i = 0; i < 50; i++) {
		size_t n = i < 40 ? i * 4096 + i : (size_t)((double)m.size * (double)(i - 39) / 11.0);
		assert_int_equal(open_bytes(&g, m.p, n, &e), ERR_DATA);
	}
	file_map_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_keys_of_another_type),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_magic_and_version),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_dimensions),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_every_flipped_byte),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_real_model),
	};
	return cmocka_run_group_tests_name("gguf", tests, NULL, NULL);
}

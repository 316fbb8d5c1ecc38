/* The cursor: exact bounds, little-endian numbers, and sentences without raw foreign bytes. */
#include "format/cursor.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_bounds(void **state)
{
	(void)state;
	static const uint8_t all[13] = {1, 2, 3, 0x84, 1, 0, 0, 0, 0, 0, 0, 0x80, 9};
	for (size_t size = 0; size <= sizeof all; size++) {
		struct err e = {0};
		struct cursor c;
		uint32_t a;
		uint64_t b;
		const uint8_t *p;
		uint8_t *bytes = malloc(size ? size : 1); /* of its own, so that the sanitizer sees a read behind it */
		assert_non_null(bytes);
		memcpy(bytes, all, size);
		cursor_init(&c, "f", bytes, size, &e);
		assert_int_equal(cursor_u32(&c, "a", &a), size >= 4 ? 0 : ERR_DATA);
		assert_int_equal(a, size >= 4 ? 0x84030201 : 0);
		assert_int_equal(c.at, size >= 4 ? 4 : 0);
		if (size >= 4) {
			assert_int_equal(cursor_u64(&c, "b", &b), size >= 12 ? 0 : ERR_DATA);
			assert_true(b == (size >= 12 ? UINT64_C(0x8000000000000001) : 0));
		}
		assert_int_equal(cursor_bytes(&c, "rest", cursor_left(&c) + 1, &p), ERR_DATA);
		assert_null(p);
		assert_int_equal(cursor_bytes(&c, "rest", SIZE_MAX, &p), ERR_DATA);
		assert_int_equal(cursor_bytes(&c, "rest", cursor_left(&c), &p), 0);
		assert_int_equal(cursor_left(&c), 0);
		assert_int_equal(cursor_bytes(&c, "none", 0, &p), 0);
		free(bytes);
	}
}

static void test_sentences(void **state)
{
	(void)state;
	struct err e = {0};
	struct cursor c;
	const uint8_t *p;
	char shown[8];
	cursor_init(&c, "m.gguf", "abcdef", 6, &e);
	assert_int_equal(cursor_bytes(&c, "start", 2, &p), 0);
	assert_int_equal(cursor_bytes(&c, "magic", 5, &p), ERR_DATA);
	assert_string_equal(
		e.text, "m.gguf: byte 2: magic: got the end of the file after 4 bytes, expected 5; is the file complete?");
	cursor_subject(&c, "key", "a\x1b[2J\xc3\xa9\n", 8);
	assert_int_equal(cursor_fail(&c, 7, "type", "got %d", 3), ERR_DATA);
	assert_string_equal(e.text, "m.gguf: byte 7: key 'a?[2J?\?\?': type: got 3");
	assert_string_equal(name_shown(shown, sizeof shown, "1234567", 7), "1234567");
	assert_string_equal(name_shown(shown, sizeof shown, "12345678", 8), "1234...");
	assert_string_equal(name_shown(shown, sizeof shown, "", 0), "");
	char name[1000];
	memset(name, 'n', sizeof name);
	cursor_subject(&c, "tensor", name, sizeof name);
	cursor_fail(&c, 0, "type", "got 3");
	assert_non_null(strstr(e.text, "nn...': type: got 3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_sentences),
	};
	return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}

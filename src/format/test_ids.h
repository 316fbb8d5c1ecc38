/* For tests: the ids of a text against those expected, and long texts. Include cmocka.h first. */
#ifndef ATTUNE_FORMAT_TEST_IDS_H
#define ATTUNE_FORMAT_TEST_IDS_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/format.h"

static inline void check_ids(const struct tokenizer *t, const char *text, size_t n, const int32_t *expected, size_t n_expected)
{
	struct ids ids = {0};
	struct err e = {0};
	assert_int_equal(tokenizer_encode(t, text, n, &ids, &e), 0);
	for (size_t i = 0; i < ids.n && i < n_expected; i++)
		if (ids.p[i] != expected[i])
			fail_msg("\"%.40s\": token %zu is %d, expected %d", text, i, (int)ids.p[i], (int)expected[i]);
	assert_int_equal(ids.n, n_expected);
	ids_release(&ids);
}

/*
 * 1 MB that repeats `part` is encoded within a second of processor time, which a busy machine does not stretch (sanitizers: ten), and decoding
 * gives it back, with or without a space in front.
 */
static inline void check_megabyte(const struct tokenizer *t, const char *part)
{
#ifdef __SANITIZE_ADDRESS__
	enum { SECONDS = 10 };
#else
	enum { SECONDS = 1 };
#endif
	size_t n = 1000000 / strlen(part) * strlen(part);
	char *text = malloc(n);
	struct ids ids = {0};
	struct buf back = {0};
	struct err e = {0};
	assert_non_null(text);
	for (size_t at = 0; at < n; at += strlen(part))
		memcpy(text + at, part, strlen(part));
	clock_t start = clock();
	assert_int_equal(tokenizer_encode(t, text, n, &ids, &e), 0);
	clock_t took = clock() - start;
	assert_int_equal(tokenizer_decode(t, ids.p, ids.n, false, &back, &e), 0);
	assert_true(back.len == n || (back.len == n + 1 && *back.p == ' '));
	assert_memory_equal(back.p + back.len - n, text, n);
	free(text);
	buf_release(&back);
	ids_release(&ids);
	if (took > SECONDS * CLOCKS_PER_SEC)
		fail_msg("1 MB of \"%.20s\" took %.2f s", part, (double)took / CLOCKS_PER_SEC);
}

#define CHECK(t, text, ...) \
	check_ids(t, text, strlen(text), (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

#endif

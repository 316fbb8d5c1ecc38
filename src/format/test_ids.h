/* For tests: the ids of a text against those expected. Include cmocka.h first. */
#ifndef ATTUNE_FORMAT_TEST_IDS_H
#define ATTUNE_FORMAT_TEST_IDS_H

#include <string.h>

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

#define CHECK(t, text, ...) \
	check_ids(t, text, strlen(text), (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

#endif

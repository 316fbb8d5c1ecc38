/*
 * For tests: a temporary file that holds given bytes.
 */
#ifndef ATTUNE_FORMAT_TEST_FILE_H
#define ATTUNE_FORMAT_TEST_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base.h"

struct test_file {
	char path[64];
};

static inline struct test_file test_file_new(const void *p, size_t n)
{
	struct test_file t = {"attune_test_XXXXXX"};
	int fd = mkstemp(t.path);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n || close(fd))
		abort();
	return t;
}

static inline void test_file_remove(struct test_file *t)
{
	unlink(t->path);
}

#endif

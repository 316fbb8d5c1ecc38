/*
 * For tests: a temporary file that holds given bytes, and a temporary folder of such files.
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

struct test_dir {
	char path[64];
};

static inline struct test_dir test_dir_new(void)
{
	struct test_dir d = {"attune_test_XXXXXX"};
	if (!mkdtemp(d.path))
		abort();
	return d;
}

static inline void test_dir_put(const struct test_dir *d, const char *name, const void *p, size_t n)
{
	char path[PATH_SIZE];
	if (path_join(path, sizeof path, NULL, d->path, name) || file_replace(path, p, n, NULL))
		abort();
}

static inline void test_dir_remove(struct test_dir *d)
{
	dir_remove(d->path, NULL);
}

#endif

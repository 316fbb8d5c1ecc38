/* For tests of readers: an arena that each test begins with, empty. */
#ifndef ATTUNE_DATA_TEST_ARENA_H
#define ATTUNE_DATA_TEST_ARENA_H

#include "base/base.h"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	arena_init(&arena, 1 << 16);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

#endif

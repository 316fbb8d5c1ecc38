/* For tests of this room: a folder for each, and paths in it. Include cmocka.h first. */
#ifndef ATTUNE_DATA_TEST_FOLDER_H
#define ATTUNE_DATA_TEST_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static char root[32];

static int setup(void **state)
{
	(void)state;
	strcpy(root, "data_test_XXXXXX"); /* a new one for each test */
	log_set_level(LOG_ERROR);
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return dir_remove(root, NULL);
}

static const char *at(const char *name)
{
	static char path[32][PATH_SIZE];
	static int next;
	next = (next + 1) % 32;
	snprintf(path[next], PATH_SIZE, "%.3000s/%.900s", root, name);
	return path[next];
}

#endif

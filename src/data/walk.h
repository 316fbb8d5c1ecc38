/* Private to data: the documents under a path. */
#ifndef ATTUNE_DATA_WALK_H
#define ATTUNE_DATA_WALK_H

#include "data/corpus.h"

struct paths {
	const char **p; /* relative to the root, sorted by bytes; strings live in the arena */
	size_t n, cap;
};
void paths_release(struct paths *p);

/*
 * A regular file gives itself; of a folder, every *.md and *.markdown below it but hidden ones. Links to folders are not
 * followed.
 */
int walk(struct paths *out, const char *root, struct arena *a, struct err *e);

#endif

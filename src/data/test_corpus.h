/* For tests of readers that add documents to a corpus: one that each test begins with, empty; and every allocation failing. */
#ifndef ATTUNE_DATA_TEST_CORPUS_H
#define ATTUNE_DATA_TEST_CORPUS_H

#include <string.h>

#include "data/corpus.h"

static struct corpus corpus;

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	memset(&corpus, 0, sizeof corpus);
	arena_init(&corpus.arena, 1 << 16);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	corpus_release(&corpus);
	return 0;
}

/* Every allocation of reading the text fails once: an error with a sentence, no crash, no leak. */
static void fail_each(int (*read)(struct corpus *, const struct document *, struct err *), const char *path, const char *text)
{
	bool reached = true;
	for (uint64_t n = 1; reached; n++) {
		const struct document d = {.path = path, .bytes = text, .size = strlen(text)};
		struct corpus c = {0};
		struct err e = {0};
		arena_init(&c.arena, 64);
		fault_set(FAULT_MEM, n, false);
		int rc = read(&c, &d, &e);
		reached = fault_count(FAULT_MEM) >= n;
		fault_set(FAULT_MEM, 0, false);
		assert_int_equal(rc, reached ? ERR_RESOURCE : 0);
		assert_true(!reached || e.text[0]);
		corpus_release(&c);
	}
}

#endif

/* Private to eval: words in a row, as hashes, to find out what texts share. */
#ifndef ATTUNE_EVAL_WINDOW_H
#define ATTUNE_EVAL_WINDOW_H

#include "base/base.h"

enum {
	/* What the decontamination of language models commonly uses as its shortest window: Brown et al., "Language Models are Few-Shot
	   Learners", 2020, appendix C. */
	WINDOW_LONG = 8,
	WINDOW_SHORT = 3 /* for how much of a question stands in another text */
};

/* Words in small letters without punctuation; the last `size` of them form a window. Set p and size, zero the rest. */
struct window_scan {
	const char *p;
	size_t size; /* at most WINDOW_LONG */
	uint64_t last[WINDOW_LONG];
	size_t n; /* words so far */
};

/* The hash of the next window; false at the end of the text. */
bool window_next(struct window_scan *s, uint64_t *hash);

#endif

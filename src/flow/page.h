/* Private to flow: the page at the end of a run. */
#ifndef ATTUNE_FLOW_PAGE_H
#define ATTUNE_FLOW_PAGE_H

#include <jansson.h>

#include "data/data.h"
#include "train/train.h"

struct page {
	const char *in, *model, *adapter;
	struct data_summary data;
	struct train_result training;
	const json_t *base, *tuned; /* arrays of answers to the same questions */
	double seconds;             /* of this call */
};
int page_write(const struct page *p, struct buf *out, struct err *e);

/* Appends a row of `n` columns, each text broken at spaces into lines of width[i] characters. */
int page_row(const char *const *text, const size_t *width, size_t n, struct buf *out, struct err *e);

#endif

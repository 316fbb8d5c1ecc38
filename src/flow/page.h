/* Private to flow: the page at the end of a run, and what a plan's page has of it. */
#ifndef ATTUNE_FLOW_PAGE_H
#define ATTUNE_FLOW_PAGE_H

#include "data/data.h"
#include "eval/eval.h"
#include "train/train.h"

struct page {
	const char *in, *folder, *model, *adapter, *report; /* folder: of the data set */
	struct data_summary data;
	struct train_result training;
	struct eval_result result;
	double seconds; /* of this call */
};
/* Plain text of at most 110 columns (eval_table), paths aside. */
int page_write(const struct page *p, struct buf *out, struct err *e);

/* Its beginning: what was read, what could not be used, what was made of it, for which model. */
int page_head(
	const char *in, const char *folder, const char *model, const struct data_summary *made, struct buf *out, struct err *e);

#endif

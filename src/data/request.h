/* Private to data: sentences that tell what to do. */
#ifndef ATTUNE_DATA_REQUEST_H
#define ATTUNE_DATA_REQUEST_H

#include "data/text.h"

/* Appends an item when the sentence is a request ("Run `x` to ...", "To ..., press ...") whose purpose or object can be asked for. */
int request_item(struct maker *m, struct str sentence, struct span span, struct err *e);

#endif

/* Private to data: what a message says, without the manners around it. */
#ifndef ATTUNE_DATA_MAIL_H
#define ATTUNE_DATA_MAIL_H

#include "data/corpus.h"

/*
 * *out: one line of text in the arena, possibly empty: without quoted mail, greeting, thanks for writing, closing, signature and
 * the asterisks of bold text.
 */
int mail_substance(const char *message, char **out, struct arena *a, struct err *e);

#endif

/* attune curate --settle: people decide which of two facts is right. */
#ifndef ATTUNE_CLI_SETTLE_H
#define ATTUNE_CLI_SETTLE_H

#include "base/base.h"

/*
 * Shows every contradiction of the data folder `data` that is not settled, asks on standard input, and appends each answer at once to the
 * documents' DATA_SETTLED. *n: how many were settled. ERR_USAGE when `in` is no folder.
 */
int settle_ask(const char *in, const char *data, size_t *n, struct err *e);

#endif

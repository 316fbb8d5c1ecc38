/*
 * Private to hub: running another program.
 */
#ifndef ATTUNE_HUB_CHILD_H
#define ATTUNE_HUB_CHILD_H

#include "base/base.h"

/*
 * Runs argv (found in PATH, NULL-terminated) to its end. *status is waitpid's; output gets what it said. An error only when it
 * could not be started (ERR_FAILED: there is no such program) or its words not be kept.
 */
int child_run(const char *const argv[], struct buf *output, int *status, struct err *e);

#endif

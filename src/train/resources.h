/* Private to train: is there room for a run? */
#ifndef ATTUNE_TRAIN_RESOURCES_H
#define ATTUNE_TRAIN_RESOURCES_H

#include "train/train.h"

/* Bytes that this process may hold: what it holds, and what the machine, or the control group that it confines us to, has left. SIZE_MAX: unknown. */
size_t memory_limit(void);
/* Bytes left to the control group whose files lie in this folder, page cache aside; SIZE_MAX: it has no limit. */
size_t memory_group_left(const char *folder);
/* ERR_RESOURCE with a sentence when the disk under the folder has less than this left. */
int disk_check(const char *dir, size_t need_bytes, struct err *e);

#endif

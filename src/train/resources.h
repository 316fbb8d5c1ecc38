/* Private to train: is there room for a run? */
#ifndef ATTUNE_TRAIN_RESOURCES_H
#define ATTUNE_TRAIN_RESOURCES_H

#include "train/train.h"

/* ERR_RESOURCE with a sentence when the machine, or the control group it confines us to, has less than this left. */
int memory_check(size_t need_bytes, struct err *e);
/* Bytes left to the control group whose files lie in this folder, page cache aside; SIZE_MAX: it has no limit. */
size_t memory_group_left(const char *folder);
/* As memory_check for the disk under the folder. */
int disk_check(const char *dir, size_t need_bytes, struct err *e);

#endif

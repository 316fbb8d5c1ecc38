/* Private to train: is there room for a run? */
#ifndef ATTUNE_TRAIN_RESOURCES_H
#define ATTUNE_TRAIN_RESOURCES_H

#include "train/train.h"

/* ERR_RESOURCE with a sentence when the machine, or the control group it confines us to, has less than this left. */
int memory_check(size_t need_bytes, struct err *e);
/* The same for the disk under the folder. */
int disk_check(const char *dir, size_t need_bytes, struct err *e);

/*
 * An exclusive hold on the run folder; ends with _unlock or with the process, however it dies. ERR_FAILED when another holds it.
 * Removes the temporary files that a killed process left there.
 */
int run_lock(int *fd, const char *dir, struct err *e);
void run_unlock(int fd);

#endif

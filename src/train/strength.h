/* Private to train: how strongly the finished adapter is put on. */
#ifndef ATTUNE_TRAIN_STRENGTH_H
#define ATTUNE_TRAIN_STRENGTH_H

#include "train/trainer.h"

/*
 * What an adapter costs elsewhere grows with the square of its size, what it knows hardly shrinks with it (interpolation of weights:
 * Wortsman et al. 2022). So the adapter is weakened, down to half, until the loss on the validation rows marked `distill` is at most
 * max_forgetting above the base's: B is multiplied by the largest of 1, 0.95, ..., 0.5 that keeps to it, or by 0.5. Without such rows
 * nothing changes and the losses are NaN.
 */
int strength_choose(struct trainer *t, struct train_result *out, struct err *e);

#endif

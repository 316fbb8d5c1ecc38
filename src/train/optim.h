/* Private to train: learning rate, clipping, and the fixed tree in which micro-batch gradients are added. */
#ifndef ATTUNE_TRAIN_OPTIM_H
#define ATTUNE_TRAIN_OPTIM_H

#include "train/train.h"

/* Learning rate of step `step` (0-based) of `total`, as transformers' schedulers give it: with a warm-up the first step has 0. */
double lr_at(const struct train_config *c, size_t step, size_t total);

/* What a gradient of this norm is multiplied with; torch.nn.utils.clip_grad_norm_. max_norm 0 never clips. */
double clip_scale(double norm, double max_norm);

/*
 * Sums gradient vectors in a fixed binary tree by the index of the micro-batch: (0 + 1) + (2 + 3) and so on. The bits depend on
 * the number of micro-batches alone, so that several processes can later take a subtree each. Holds as many vectors as the
 * tree is deep.
 */
struct grad_tree {
	float **stack; /* [capacity] vectors of n; stack[i] sums a subtree, subtrees shrink towards the top */
	size_t capacity, depth, n, n_pushed;
};
int grad_tree_init(struct grad_tree *t, size_t n, size_t max_micro_batches, struct err *e);
void grad_tree_release(struct grad_tree *t);
size_t grad_tree_depth(size_t max_micro_batches); /* the vectors that such a tree holds */
void grad_tree_reset(struct grad_tree *t);
float *grad_tree_next(struct grad_tree *t); /* where the next micro-batch's gradient is to be written */
void grad_tree_push(struct grad_tree *t);   /* it has been written */
float *grad_tree_sum(struct grad_tree *t);  /* the sum over all that were pushed (at least one); valid until _reset */

#endif

/* Private to train: what the base model says on the rows that are to stay as they are. */
#ifndef ATTUNE_TRAIN_TEACHER_H
#define ATTUNE_TRAIN_TEACHER_H

#include "train/batch.h"

/*
 * Rows marked `distill` learn the base's distribution instead of their text (Hinton et al. 2015; against forgetting: Li & Hoiem 2016).
 * The base needs a forward pass of its own over them. They are few in each micro-batch, and a pass over a few rows costs nearly as much as
 * one over many, so those of as many micro-batches as fill one are computed together. Which ones is a function of the plan alone, so that a
 * resumed run computes the same.
 */
struct teacher {
	size_t epoch, first, end; /* the micro-batches that `rows` is of; none when first == end */
	float *rows;              /* [max_tokens, C] as model_teacher gives them */
};

/* ERR_RESOURCE when there is no memory. A set without such rows needs none. */
int teacher_init(struct teacher *t, const struct model *m, const struct dataset *d, size_t max_tokens, struct err *e);
void teacher_release(struct teacher *t);

/* Fills micro with micro-batch b of the epoch, teacher included. */
int teacher_fill(struct teacher *t, const struct model *m, struct work *w, struct packer *micro, const struct dataset *d,
	const struct plan *p, size_t epoch, size_t b, struct err *e);

#endif

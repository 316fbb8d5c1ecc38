/* Private to train: the log of a run, metrics.jsonl, and its picture, loss.svg. */
#ifndef ATTUNE_TRAIN_METRICS_H
#define ATTUNE_TRAIN_METRICS_H

#include "train/train.h"

struct point {
	double x, y;
};
struct curve {
	struct point *p; /* [n] */
	size_t n, cap;
};

/* The whole log so far, as text and as curves over the steps. A zeroed struct is empty. */
struct metrics {
	struct buf text;
	struct curve loss, eval_loss;
};

/* One line. Step 0 has no training figures: it is the base model (or --adapter-init) before the first step. */
struct metrics_line {
	size_t step, total_steps;   /* total_steps: as planned, before early stopping */
	double epoch;               /* passes over the data so far, 1.25 = a quarter into the second */
	double loss, lr, grad_norm; /* of this step; grad_norm before clipping */
	double kl;                  /* divergence from the base on the rows that keep it; 0 without such rows */
	size_t n_tokens;            /* of this step, scored or not */
	size_t n_scored, n_distilled;
	double tokens_per_s;
	bool evaluated;
	double eval_loss;
};

/* The lowest point, the first of equals, or NULL when there is none; *n_after gets the number of points after it. */
const struct point *curve_lowest(const struct curve *c, size_t *n_after);

/* Adds the line and appends it to the file at `path`. */
int metrics_add(struct metrics *m, const struct metrics_line *line, const char *path, struct err *e);
/* Fills an empty m from the text of a log. ERR_DATA when it is not one. */
int metrics_restore(struct metrics *m, const char *text, size_t n, struct err *e);
void metrics_release(struct metrics *m);

/* Appends a self-contained SVG of both curves, the lowest validation loss in a ring, legible on light and dark pages. */
int svg_loss(struct buf *out, const struct curve *loss, const struct curve *eval_loss, struct err *e);

#endif

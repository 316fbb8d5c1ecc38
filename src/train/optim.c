/*
 * The arithmetic around the optimizer; the update itself is a kernel. Place in the pipeline: gradients of micro-batches -> one
 * clipped step. References: transformers' get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup and
 * get_constant_schedule_with_warmup; torch.nn.utils.clip_grad_norm_.
 */
#include "train/optim.h"

#include <math.h>

/* ---- learning rate ---------------------------------------------------------------------------------------------------------- */

double lr_at(const struct train_config *c, size_t step, size_t total)
{
	double warmup = ceil((double)total * c->warmup_ratio), s = (double)step, share = 1;
	if (s < warmup)
		return c->learning_rate * (s / fmax(1, warmup));
	double progress = (s - warmup) / fmax(1, (double)total - warmup);
	if (c->lr_scheduler == SCHEDULER_COSINE)
		share = fmax(0, 0.5 * (1 + cos(M_PI * progress)));
	else if (c->lr_scheduler == SCHEDULER_LINEAR)
		share = fmax(0, 1 - progress);
	return c->learning_rate * share;
}

double clip_scale(double norm, double max_norm)
{
	return max_norm > 0 ? fmin(1, max_norm / (norm + 1e-6)) : 1;
}

/* ---- gradient tree ---------------------------------------------------------------------------------------------------------- */

size_t grad_tree_depth(size_t max_micro_batches)
{
	size_t depth = 1;
	while (max_micro_batches >>= 1)
		depth++;
	return depth;
}

int grad_tree_init(struct grad_tree *t, size_t n, size_t max_micro_batches, struct err *e)
{
	*t = (struct grad_tree){.n = n, .capacity = grad_tree_depth(max_micro_batches)};
	t->stack = mem_alloc(t->capacity, sizeof *t->stack, e);
	for (size_t i = 0; t->stack && i < t->capacity; i++)
		if (!(t->stack[i] = mem_alloc(n, sizeof **t->stack, e)))
			break;
	if (t->stack && t->stack[t->capacity - 1])
		return 0;
	grad_tree_release(t);
	return ERR_RESOURCE;
}

void grad_tree_release(struct grad_tree *t)
{
	for (size_t i = 0; t->stack && i < t->capacity; i++)
		mem_free(t->stack[i]);
	mem_free(t->stack);
	*t = (struct grad_tree){0};
}

void grad_tree_reset(struct grad_tree *t)
{
	t->depth = t->n_pushed = 0;
}

float *grad_tree_next(struct grad_tree *t)
{
	return t->stack[t->depth];
}

static void merge_top(struct grad_tree *t)
{
	float *left = t->stack[t->depth - 2], *right = t->stack[--t->depth];
	for (size_t i = 0; i < t->n; i++)
		left[i] += right[i];
}

/* A binary counter: the k-th vector closes as many subtrees as k has trailing zeros. */
void grad_tree_push(struct grad_tree *t)
{
	t->depth++;
	for (size_t k = ++t->n_pushed; !(k & 1); k >>= 1)
		merge_top(t);
}

float *grad_tree_sum(struct grad_tree *t)
{
	while (t->depth > 1)
		merge_top(t);
	return t->stack[0];
}

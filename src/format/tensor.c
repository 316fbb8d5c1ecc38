/*
 * Sizes and lookup of tensors. Reference: tensor.h.
 */
#include "format/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tensor_size(const struct tensor *t, size_t *size, char why[TENSOR_WHY_SIZE])
{
	char shape[TENSOR_DIMS * 24] = "";
	int used = 0;
	for (int i = 0; i < t->n_dims; i++)
		used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%zu", i ? ", " : "", t->dims[i]);

	size_t cols = t->n_dims ? t->dims[t->n_dims - 1] : 1, block = dtype_block(t->dtype);
	bool fits = true, zero = !cols;
	*size = cols / block;
	for (int i = 0; i < t->n_dims - 1; i++) {
		zero = zero || !t->dims[i];
		fits = fits && size_mul(*size, t->dims[i], size);
	}
	fits = fits && size_mul(*size, dtype_block_bytes(t->dtype), size);

	if (zero)
		snprintf(why, TENSOR_WHY_SIZE, "got [%s], expected no dimension of 0", shape);
	else if (cols % block)
		snprintf(why, TENSOR_WHY_SIZE, "got [%s], expected rows of whole %s blocks of %zu", shape, dtype_name(t->dtype),
			block);
	else if (!fits)
		snprintf(why, TENSOR_WHY_SIZE, "got [%s], expected a product that fits 64 bits", shape);
	else
		return true;
	*size = 0;
	return false;
}

int tensor_index_add(struct tensor_index *x, const struct tensor *t, size_t n, struct err *e)
{
	int rc = mem_resize(&x->p, x->n, x->n + n, sizeof *x->p, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		x->p[x->n++] = &t[i];
	return 0;
}

void tensor_index_release(struct tensor_index *x)
{
	mem_free(x->p);
	*x = (struct tensor_index){0};
}

static int compare_place(const void *a, const void *b)
{
	const struct tensor *x = *(const struct tensor *const *)a, *y = *(const struct tensor *const *)b;
	uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
	return p != q ? (p > q) - (p < q) : (x->size_bytes > y->size_bytes) - (x->size_bytes < y->size_bytes);
}

static int compare_name(const void *a, const void *b)
{
	return strcmp((*(const struct tensor *const *)a)->name, (*(const struct tensor *const *)b)->name);
}

const struct tensor *tensor_index_by_place(struct tensor_index *x)
{
	if (x->n)
		qsort(x->p, x->n, sizeof *x->p, compare_place);
	for (size_t i = 1; i < x->n; i++)
		if ((const char *)x->p[i - 1]->data + x->p[i - 1]->size_bytes > (const char *)x->p[i]->data)
			return x->p[i];
	return NULL;
}

const struct tensor *tensor_index_by_name(struct tensor_index *x)
{
	if (x->n)
		qsort(x->p, x->n, sizeof *x->p, compare_name);
	for (size_t i = 1; i < x->n; i++)
		if (!compare_name(&x->p[i - 1], &x->p[i]))
			return x->p[i];
	return NULL;
}

const struct tensor *tensor_index_find(const struct tensor_index *x, const char *name)
{
	const struct tensor wanted = {.name = name}, *key = &wanted;
	const struct tensor **found = x->n ? bsearch(&key, x->p, x->n, sizeof *x->p, compare_name) : NULL;
	return found ? *found : NULL;
}

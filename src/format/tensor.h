/*
 * tensor: what GGUF and safetensors share: sizes of tensors with foreign dimensions, and lookup by name.
 */
#ifndef ATTUNE_FORMAT_TENSOR_H
#define ATTUNE_FORMAT_TENSOR_H

#include "format/format.h"

/*
 * *size = bytes of a tensor of t's dtype and dims. False, and what is wrong in `why` ("got ..., expected ..."), when a dimension is
 * zero, a row is not whole blocks or the size overflows.
 */
enum { TENSOR_WHY_SIZE = 192 };
bool tensor_size(const struct tensor *t, size_t *size, char why[TENSOR_WHY_SIZE]);

/* Pointers to tensors in some order. A zeroed struct is empty. */
struct tensor_index {
	const struct tensor **p;
	size_t n;
};
int tensor_index_add(struct tensor_index *x, const struct tensor *t, size_t n, struct err *e);
void tensor_index_release(struct tensor_index *x);

/* Sorts by place in the file; returns the first tensor that begins before the one in front of it ends, or NULL. */
const struct tensor *tensor_index_by_place(struct tensor_index *x);
/* Sorts by name, as tensor_index_find needs it; returns a tensor whose name another one has too, or NULL. */
const struct tensor *tensor_index_by_name(struct tensor_index *x);
const struct tensor *tensor_index_find(const struct tensor_index *x, const char *name); /* NULL when absent */

#endif

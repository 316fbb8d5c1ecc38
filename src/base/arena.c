/*
 * An arena: a list of blocks, filled in order, released at once. Reference: base.h.
 */
#include "base/base.h"

#include <stdalign.h>
#include <string.h>

enum { ARENA_ALIGN = 64 };

struct arena_block {
	alignas(ARENA_ALIGN) struct arena_block *next;
	size_t size, used; /* of data */
	alignas(ARENA_ALIGN) unsigned char data[];
};

void arena_init(struct arena *a, size_t block_size)
{
	*a = (struct arena){.block_size = block_size};
}

/* A fresh block of at least `bytes` becomes the head; what was left in the old head is given up until the reset. */
static int arena_grow(struct arena *a, size_t bytes, struct err *e)
{
	size_t size = bytes > a->block_size ? bytes : a->block_size, total;
	if (!size_add(size, sizeof(struct arena_block), &total))
		return err_set(e, ERR_RESOURCE, "out of memory: an arena block of %zu bytes overflows a size", size);
	struct arena_block *b = mem_alloc(1, total, e);
	if (!b)
		return ERR_RESOURCE;
	b->size = size;
	b->next = a->head;
	a->head = b;
	return 0;
}

void *arena_alloc(struct arena *a, size_t n, size_t size, struct err *e)
{
	size_t bytes;
	if (!size_mul(n, size, &bytes) || !size_add(bytes, ARENA_ALIGN - 1, &bytes)) {
		err_set(e, ERR_RESOURCE, "out of memory: %zu items of %zu bytes overflow a size", n, size);
		return NULL;
	}
	bytes -= bytes % ARENA_ALIGN;
	if ((!a->head || a->head->size - a->head->used < bytes) && arena_grow(a, bytes, e))
		return NULL;
	unsigned char *p = a->head->data + a->head->used;
	a->head->used += bytes;
	return memset(p, 0, bytes);
}

char *arena_strdup(struct arena *a, const char *s, size_t n, struct err *e)
{
	size_t bytes;
	if (!size_add(n, 1, &bytes)) {
		err_set(e, ERR_RESOURCE, "out of memory: a string of %zu bytes overflows a size", n);
		return NULL;
	}
	char *copy = arena_alloc(a, bytes, 1, e);
	if (copy && n)
		memcpy(copy, s, n);
	return copy;
}

void arena_reset(struct arena *a)
{
	struct arena_block *kept = NULL;
	for (struct arena_block *b = a->head, *next; b; b = next) {
		next = b->next;
		if (!kept || b->size > kept->size) { /* the largest, so that a steady state allocates nothing */
			mem_free(kept);
			kept = b;
		} else {
			mem_free(b);
		}
	}
	if (kept) {
		kept->next = NULL;
		kept->used = 0;
	}
	a->head = kept;
}

void arena_release(struct arena *a)
{
	for (struct arena_block *b = a->head, *next; b; b = next) {
		next = b->next;
		mem_free(b);
	}
	*a = (struct arena){0};
}

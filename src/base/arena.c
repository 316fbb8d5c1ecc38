/*
 * An arena: a list of blocks, filled in order, released at once. Reference: base.h.
 */
#include "base/base.h"

#include <stdalign.h>
#include <string.h>

enum { ARENA_ALIGN = 64 };

struct arena_block {
	alignas(ARENA_ALIGN) struct arena_block *next;
	size_t size, used; /* of data, from its beginning */
	size_t strings;    /* and from its end */
	alignas(ARENA_ALIGN) unsigned char data[];
};

void arena_init(struct arena *a, size_t block_size)
{
	*a = (struct arena){.block_size = block_size};
}

/* A fresh block of at least `bytes`, behind the head when it is for these alone: the room that is left in the head still serves. */
static struct arena_block *block_new(struct arena *a, size_t bytes, struct err *e)
{
	size_t size = bytes > a->block_size ? bytes : a->block_size, total;
	if (!size_add(size, sizeof(struct arena_block), &total)) {
		err_set(e, ERR_RESOURCE, "out of memory: an arena block of %zu bytes overflows a size", size);
		return NULL;
	}
	struct arena_block *b = mem_alloc(1, total, e);
	if (!b)
		return NULL;
	struct arena_block **at = a->head && bytes > a->block_size ? &a->head->next : &a->head;
	b->size = size;
	b->next = *at;
	*at = b;
	return b;
}

/* A block with `bytes` of room. */
static struct arena_block *block_with(struct arena *a, size_t bytes, struct err *e)
{
	struct arena_block *b = a->head;
	return b && b->size - b->used - b->strings >= bytes ? b : block_new(a, bytes, e);
}

void *arena_alloc(struct arena *a, size_t n, size_t size, struct err *e)
{
	size_t bytes;
	if (!size_mul(n, size, &bytes) || !size_add(bytes, ARENA_ALIGN - 1, &bytes)) {
		err_set(e, ERR_RESOURCE, "out of memory: %zu items of %zu bytes overflow a size", n, size);
		return NULL;
	}
	bytes -= bytes % ARENA_ALIGN;
	struct arena_block *b = block_with(a, bytes, e);
	if (!b)
		return NULL;
	unsigned char *p = b->data + b->used;
	b->used += bytes;
	return memset(p, 0, bytes);
}

char *arena_strdup(struct arena *a, const char *s, size_t n, struct err *e)
{
	size_t bytes;
	if (!size_add(n, 1, &bytes)) {
		err_set(e, ERR_RESOURCE, "out of memory: a string of %zu bytes overflows a size", n);
		return NULL;
	}
	struct arena_block *b = block_with(a, bytes, e);
	if (!b)
		return NULL;
	b->strings += bytes;
	char *copy = (char *)b->data + b->size - b->strings;
	if (n)
		memcpy(copy, s, n);
	copy[n] = 0;
	return copy;
}

void arena_join(struct arena *to, struct arena *from)
{
	struct arena_block **last = to->head ? &to->head->next : &to->head, *rest = *last;
	*last = from->head;
	while (*last)
		last = &(*last)->next;
	*last = rest;
	from->head = NULL;
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
		kept->used = kept->strings = 0;
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

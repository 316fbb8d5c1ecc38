/*
 * Checked sizes, memory, and the fault counters that make the n-th memory or file call fail. Reference: base.h; the idea of failing
 * each call in turn is SQLite's (https://www.sqlite.org/testing.html, "OOM testing").
 */
#include "base/base.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MEM_ALIGN = 64 };

/* ---- faults ------------------------------------------------------------------------------------------------------------ */

static struct {
	_Atomic uint64_t nth, count;
	_Atomic bool for_ever;
} faults[FAULT_KINDS];

static pthread_once_t faults_once = PTHREAD_ONCE_INIT;

/* ATTUNE_FAULT=mem:17 or file:3+. A malformed value is ignored: it only exists for tests. */
static void faults_from_environment(void)
{
	static const char *const names[FAULT_KINDS] = {[FAULT_MEM] = "mem:", [FAULT_FILE] = "file:"};
	const char *s = getenv("ATTUNE_FAULT");
	for (int kind = 0; s && kind < FAULT_KINDS; kind++) {
		size_t n = strlen(names[kind]);
		if (strncmp(s, names[kind], n))
			continue;
		char *end = NULL;
		faults[kind].nth = strtoull(s + n, &end, 10);
		faults[kind].for_ever = *end == '+';
	}
}

void fault_set(enum fault_kind kind, uint64_t nth, bool for_ever)
{
	pthread_once(&faults_once, faults_from_environment);
	faults[kind].nth = 0;
	faults[kind].count = 0;
	faults[kind].for_ever = for_ever;
	faults[kind].nth = nth;
}

uint64_t fault_count(enum fault_kind kind)
{
	return faults[kind].count;
}

bool fault_hit(enum fault_kind kind)
{
	pthread_once(&faults_once, faults_from_environment);
	uint64_t count = ++faults[kind].count, nth = faults[kind].nth;
	if (!nth || count < nth || (count > nth && !faults[kind].for_ever))
		return false;
	errno = kind == FAULT_MEM ? ENOMEM : EIO;
	return true;
}

/* ---- sizes and memory -------------------------------------------------------------------------------------------------- */

bool size_mul(size_t a, size_t b, size_t *out)
{
	bool overflow = __builtin_mul_overflow(a, b, out);
	if (overflow)
		*out = 0;
	return !overflow;
}

bool size_add(size_t a, size_t b, size_t *out)
{
	bool overflow = __builtin_add_overflow(a, b, out);
	if (overflow)
		*out = 0;
	return !overflow;
}

/* n * size rounded up to whole MEM_ALIGN units, at least one; false on overflow. */
static bool block_size(size_t n, size_t size, size_t *out)
{
	size_t bytes;
	if (!size_mul(n, size, &bytes) || !size_add(bytes, MEM_ALIGN - 1, &bytes))
		return false;
	bytes -= bytes % MEM_ALIGN;
	*out = bytes ? bytes : MEM_ALIGN;
	return true;
}

void *mem_alloc(size_t n, size_t size, struct err *e)
{
	size_t bytes;
	if (!block_size(n, size, &bytes)) {
		err_set(e, ERR_RESOURCE, "out of memory: %zu items of %zu bytes overflow a size", n, size);
		return NULL;
	}
	void *p = fault_hit(FAULT_MEM) ? NULL : aligned_alloc(MEM_ALIGN, bytes);
	if (!p) {
		err_set(e, ERR_RESOURCE, "out of memory: cannot get %zu bytes", bytes);
		return NULL;
	}
	return memset(p, 0, bytes);
}

int mem_resize(void *p, size_t old_n, size_t new_n, size_t size, struct err *e)
{
	void *old;
	memcpy(&old, p, sizeof old); /* p is the address of a pointer of any type */
	void *grown = mem_alloc(new_n, size, e);
	if (!grown)
		return ERR_RESOURCE;
	size_t kept = old_n < new_n ? old_n : new_n;
	if (old && kept)
		memcpy(grown, old, kept * size);
	mem_free(old);
	memcpy(p, &grown, sizeof grown);
	return 0;
}

int mem_reserve(void *p, size_t n, size_t *cap, size_t size, struct err *e)
{
	size_t more = *cap ? 2 * *cap : 64;
	if (n < *cap)
		return 0;
	int rc = mem_resize(p, *cap, more, size, e);
	if (!rc)
		*cap = more;
	return rc;
}

char *mem_strdup(const char *s, struct err *e)
{
	size_t n = strlen(s) + 1;
	char *copy = mem_alloc(n, 1, e);
	return copy ? memcpy(copy, s, n) : NULL;
}

void mem_free(void *p)
{
	free(p);
}

void mem_trim(void)
{
	malloc_trim(0);
}

/*
 * cursor: the only way in which foreign bytes are read. Every read names its field, so that a refusal reads
 * "file: byte offset: field: got X, expected Y". Numbers are little-endian. After a failure the cursor stays where it was.
 */
#ifndef ATTUNE_FORMAT_CURSOR_H
#define ATTUNE_FORMAT_CURSOR_H

#include "base/base.h"

struct cursor {
	const char *path;  /* for messages, borrowed */
	const uint8_t *p;  /* borrowed */
	size_t size, at;   /* at <= size */
	char subject[128]; /* "tensor 'output.weight': ", or empty; put in front of the field */
	struct err *e;
};

void cursor_init(struct cursor *c, const char *path, const void *p, size_t size, struct err *e);
size_t cursor_left(const struct cursor *c);

/* Names what the next reads belong to. The name is foreign: long ones are cut and unprintable bytes shown as '?'. */
void cursor_subject(struct cursor *c, const char *kind, const char *name, size_t n);

/* Fills the error and returns ERR_DATA: "path: byte `at`: subject: field: ..." */
int cursor_fail(const struct cursor *c, size_t at, const char *field, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

int cursor_bytes(struct cursor *c, const char *field, size_t n, const uint8_t **p);
int cursor_u32(struct cursor *c, const char *field, uint32_t *out);
int cursor_u64(struct cursor *c, const char *field, uint64_t *out);

/* The n <= 8 bytes at p as a little-endian number; for places that a cursor has already checked. */
uint64_t load_le(const uint8_t *p, size_t n);

/* Copies a foreign name into dst for a message: cut with "..." and without control or non-ASCII bytes. Returns dst. */
char *name_shown(char *dst, size_t size, const char *name, size_t n);

#endif

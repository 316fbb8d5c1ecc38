/*
 * Writes GGUF, version 3, in one pass: keys are collected, the table of tensors closes the header, and the data follow in its order, so that
 * a model never has to be in memory as a whole. Reference: gguf.c.
 */
#include "format/gguf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_PUT_MAX = 16 };

struct gguf_writer {
	struct file_writer file;
	struct buf keys; /* as in the file */
	size_t n_keys, alignment;
	const char *put[KEYS_PUT_MAX]; /* their names, which gguf_put_keys passes over */
	size_t n_put;
	const struct tensor *tensors;
	size_t n_tensors, at, in_tensor; /* the tensor that data go to, and how many of its bytes are there */
};

int gguf_writer_open(struct gguf_writer **out, const char *path, struct err *e)
{
	*out = NULL;
	struct gguf_writer *w = mem_alloc(1, sizeof *w, e);
	if (!w)
		return ERR_RESOURCE;
	w->alignment = GGUF_ALIGNMENT;
	int rc = file_writer_open(&w->file, path, e);
	if (rc)
		gguf_writer_free(w);
	else
		*out = w;
	return rc;
}

void gguf_writer_free(struct gguf_writer *w)
{
	if (!w)
		return;
	file_writer_abort(&w->file);
	buf_release(&w->keys);
	mem_free(w);
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------- */

static int put_number(struct buf *b, uint64_t v, size_t n_bytes, struct err *e)
{
	uint8_t bytes[sizeof v];
	for (size_t i = 0; i < n_bytes; i++)
		bytes[i] = (uint8_t)(v >> 8 * i);
	return buf_append(b, bytes, n_bytes, e);
}

static int put_string(struct buf *b, const char *s, struct err *e)
{
	int rc = put_number(b, strlen(s), sizeof(uint64_t), e);
	return rc ? rc : buf_puts(b, s, e);
}

static int put_key(struct gguf_writer *w, const char *key, enum gguf_type type, struct err *e)
{
	assert(w->n_put < KEYS_PUT_MAX && !w->tensors);
	w->put[w->n_put++] = key;
	w->n_keys++;
	int rc = put_string(&w->keys, key, e);
	return rc ? rc : put_number(&w->keys, type, sizeof(uint32_t), e);
}

int gguf_put_str(struct gguf_writer *w, const char *key, const char *value, struct err *e)
{
	int rc = put_key(w, key, TYPE_STR, e);
	return rc ? rc : put_string(&w->keys, value, e);
}

int gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t value, struct err *e)
{
	int rc = put_key(w, key, TYPE_U32, e);
	return rc ? rc : put_number(&w->keys, value, sizeof value, e);
}

int gguf_put_f32(struct gguf_writer *w, const char *key, float value, struct err *e)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	int rc = put_key(w, key, TYPE_F32, e);
	return rc ? rc : put_number(&w->keys, bits, sizeof bits, e);
}

static int compare_begin(const void *a, const void *b)
{
	size_t x = (*(const struct gguf_key *const *)a)->begin, y = (*(const struct gguf_key *const *)b)->begin;
	return (x > y) - (x < y);
}

static bool was_put(const struct gguf_writer *w, const char *name)
{
	for (size_t i = 0; i < w->n_put; i++)
		if (!strcmp(w->put[i], name))
			return true;
	return false;
}

int gguf_put_keys(struct gguf_writer *w, const struct gguf *from, struct err *e)
{
	const struct gguf_key **order = mem_alloc(from->n_keys, sizeof *order, e);
	int rc = order ? 0 : ERR_RESOURCE;
	assert(!w->tensors);
	for (size_t i = 0; i < from->n_keys && !rc; i++)
		order[i] = &from->keys[i];
	if (!rc && from->n_keys)
		qsort(order, from->n_keys, sizeof *order, compare_begin);
	for (size_t i = 0; i < from->n_keys && !rc; i++) {
		if (was_put(w, order[i]->name))
			continue;
		rc = buf_append(&w->keys, from->map.p + order[i]->begin, order[i]->end - order[i]->begin, e);
		w->n_keys++;
	}
	if (!rc)
		w->alignment = from->alignment; /* general.alignment may be one of them */
	mem_free(order);
	return rc;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------------- */

static size_t padding(const struct gguf_writer *w, size_t n)
{
	return (w->alignment - n % w->alignment) % w->alignment;
}

static uint32_t tensor_type(enum dtype t)
{
	uint32_t i = 0;
	while (!gguf_tensor_types[i] || strcmp(gguf_tensor_types[i], dtype_name(t)))
		i++;
	return i;
}

static int put_pad(struct buf *b, size_t n, struct err *e)
{
	int rc = 0;
	for (; n && !rc; n--)
		rc = buf_append(b, "", 1, e);
	return rc;
}

static int put_tensor(struct buf *b, const struct tensor *t, size_t offset, struct err *e)
{
	int rc = put_string(b, t->name, e);
	if (!rc)
		rc = put_number(b, (uint64_t)t->n_dims, sizeof(uint32_t), e);
	for (int i = t->n_dims - 1; i >= 0 && !rc; i--)
		rc = put_number(b, t->dims[i], sizeof(uint64_t), e);
	if (!rc)
		rc = put_number(b, tensor_type(t->dtype), sizeof(uint32_t), e);
	return rc ? rc : put_number(b, offset, sizeof(uint64_t), e);
}

int gguf_put_tensors(struct gguf_writer *w, const struct tensor *t, size_t n, struct err *e)
{
	struct buf head = {0};
	size_t offset = 0;
	int rc = buf_puts(&head, "GGUF", e);
	assert(!w->tensors);
	w->tensors = t;
	w->n_tensors = n;
	if (!rc)
		rc = put_number(&head, 3, sizeof(uint32_t), e);
	if (!rc)
		rc = put_number(&head, n, sizeof(uint64_t), e);
	if (!rc)
		rc = put_number(&head, w->n_keys, sizeof(uint64_t), e);
	if (!rc)
		rc = buf_append(&head, w->keys.p, w->keys.len, e);
	for (size_t i = 0; i < n && !rc; i++) {
		rc = put_tensor(&head, &t[i], offset, e);
		offset += t[i].size_bytes + padding(w, t[i].size_bytes);
	}
	if (!rc)
		rc = put_pad(&head, padding(w, head.len), e);
	if (!rc)
		rc = file_writer_put(&w->file, head.p, head.len, e);
	buf_release(&head);
	return rc;
}

int gguf_put_data(struct gguf_writer *w, const void *p, size_t n, struct err *e)
{
	assert(w->at < w->n_tensors && n <= w->tensors[w->at].size_bytes - w->in_tensor);
	struct buf zeros = {0};
	int rc = file_writer_put(&w->file, p, n, e);
	w->in_tensor += n;
	if (rc || w->in_tensor < w->tensors[w->at].size_bytes)
		return rc;
	rc = put_pad(&zeros, padding(w, w->in_tensor), e);
	if (!rc && zeros.len)
		rc = file_writer_put(&w->file, zeros.p, zeros.len, e);
	buf_release(&zeros);
	w->at++;
	w->in_tensor = 0;
	return rc;
}

int gguf_writer_commit(struct gguf_writer *w, struct err *e)
{
	assert(w->at == w->n_tensors && !w->in_tensor);
	return file_writer_commit(&w->file, e);
}

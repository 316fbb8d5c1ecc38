/*
 * safetensors: the tensor file of Hugging Face.
 * Reference: https://github.com/huggingface/safetensors, section "Format"
 *
 *   u64 n, n bytes of JSON that begin with '{' and may end in spaces, then the data
 *   {"__metadata__": {string: string}, NAME: {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...}
 *
 * Offsets count from the start of the data. Tensors of integers ("I64") are checked and then passed over: older BERT files keep the
 * numbers of positions so. The tensors cover the data exactly: no holes, no overlaps, nothing behind.
 */
#include "format/cursor.h"
#include "format/json.h"
#include "format/tensor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const enum dtype INTEGERS = DTYPE_COUNT; /* of a tensor that is passed over */
enum { HEADER_AT = 8 };                         /* where the JSON begins, and where errors in it are said to be */
static const size_t HEADER_MAX = 100000000;     /* as in the reference implementation */
static const char METADATA[] = "__metadata__";

struct safetensors {
	struct file_map map;
	char *path;
	json_t *header; /* owns the names */
	struct tensor *tensors;
	size_t n;
	struct tensor_index index;
};

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

/* True for an integer that is not negative. */
static bool read_size(const json_t *value, size_t *out)
{
	json_int_t v = json_is_integer(value) ? json_integer_value(value) : -1;
	*out = v < 0 ? 0 : (size_t)v;
	return v >= 0;
}

static int read_dtype(struct cursor *c, const json_t *value, enum dtype *out)
{
	static const enum dtype usable[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
	char shown[32] = "";
	const char *name = json_string_value(value);
	*out = INTEGERS;
	if (name && !strcmp(name, "I64"))
		return 0;
	for (size_t i = 0; name && i < sizeof usable / sizeof *usable; i++) {
		*out = usable[i];
		if (!strcmp(name, dtype_name(*out)))
			return 0;
	}
	return cursor_fail(c, HEADER_AT, "dtype", "got %s, expected \"F32\", \"F16\" or \"BF16\"",
		name ? name_shown(shown, sizeof shown, name, strlen(name)) : json_kind(value));
}

static int read_shape(struct cursor *c, const json_t *value, struct tensor *t)
{
	size_t n = json_array_size(value);
	if (!json_is_array(value) || n > TENSOR_DIMS)
		return cursor_fail(c, HEADER_AT, "shape", "got %s of %zu, expected a list of at most %d sizes", json_kind(value), n,
			TENSOR_DIMS);
	t->n_dims = (int)n;
	for (size_t i = 0; i < n; i++)
		if (!read_size(json_array_get(value, i), &t->dims[i]))
			return cursor_fail(c, HEADER_AT, "shape", "got %s at place %zu, expected a size",
				json_kind(json_array_get(value, i)), i);
	return 0;
}

/* The data begin where the cursor stands. */
static int read_tensor(struct cursor *c, const char *name, const json_t *entry, struct tensor *t)
{
	char why[TENSOR_WHY_SIZE];
	size_t begin, end, size;
	const json_t *offsets = json_object_get(entry, "data_offsets");

	cursor_subject(c, "tensor", name, strlen(name));
	t->name = name;
	if (!json_is_object(entry))
		return cursor_fail(c, HEADER_AT, "entry", "got %s, expected an object", json_kind(entry));
	if (json_object_size(entry) != 3)
		return cursor_fail(
			c, HEADER_AT, "entry", "got %zu keys, expected dtype, shape and data_offsets", json_object_size(entry));
	int rc = read_dtype(c, json_object_get(entry, "dtype"), &t->dtype);
	if (!rc)
		rc = read_shape(c, json_object_get(entry, "shape"), t);
	if (rc)
		return rc;
	struct tensor floats = *t; /* an integer takes as much as two of them */
	floats.dtype = t->dtype == INTEGERS ? DTYPE_F32 : t->dtype;
	if (!tensor_size(&floats, &size, why) || !size_mul(size, t->dtype == INTEGERS ? 2 : 1, &size))
		return cursor_fail(c, HEADER_AT, "shape", "%s", why);
	if (json_array_size(offsets) != 2 || !read_size(json_array_get(offsets, 0), &begin) ||
		!read_size(json_array_get(offsets, 1), &end))
		return cursor_fail(c, HEADER_AT, "data_offsets", "got something else, expected a list of begin and end");
	if (begin > end || end > cursor_left(c))
		return cursor_fail(c, HEADER_AT, "data_offsets",
			"got [%zu, %zu], expected them in order and in the data's %zu; is it complete?", begin, end,
			cursor_left(c));
	if (end - begin != size)
		return cursor_fail(
			c, HEADER_AT, "data_offsets", "got %zu bytes, expected the %zu of dtype and shape", end - begin, size);
	t->size_bytes = size;
	t->data = c->p + c->at + begin;
	return 0;
}

static int check_metadata(struct cursor *c, json_t *metadata)
{
	const char *key;
	json_t *value;
	bool good = json_is_object(metadata);
	c->subject[0] = 0;
	json_object_foreach (metadata, key, value)
		good = good && json_is_string(value);
	return good ? 0 : cursor_fail(c, HEADER_AT, METADATA, "got something else, expected an object of strings");
}

/* Tensors in the order of their data leave no byte out and share none. */
static int check_cover(struct cursor *c, struct tensor_index *x)
{
	const uint8_t *next = c->p + c->at, *end = c->p + c->size;
	const struct tensor *t = tensor_index_by_place(x);
	if (t) {
		cursor_subject(c, "tensor", t->name, strlen(t->name));
		return cursor_fail(
			c, (size_t)((const uint8_t *)t->data - c->p), "data", "got the bytes of another tensor, expected its own");
	}
	c->subject[0] = 0;
	for (size_t i = 0; i < x->n && next == x->p[i]->data; i++)
		next += x->p[i]->size_bytes;
	if (next != end)
		return cursor_fail(c, (size_t)(next - c->p), "data", "got bytes that belong to no tensor, expected none");
	return 0;
}

/* Leaves what holds weights. */
static int drop_integers(struct safetensors *s, struct err *e)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->tensors[i].dtype != INTEGERS)
			s->tensors[n++] = s->tensors[i];
	if (n == s->n)
		return 0;
	s->n = n;
	tensor_index_release(&s->index);
	return tensor_index_add(&s->index, s->tensors, n, e);
}

static int read_header(struct safetensors *s, struct cursor *c)
{
	const uint8_t *text;
	const char *name;
	json_t *entry;
	uint64_t n;
	int rc = cursor_u64(c, "header length", &n);
	if (rc)
		return rc;
	if (n > HEADER_MAX || n > cursor_left(c))
		return cursor_fail(c, 0, "header length", "got %ju, expected at most %zu; is this a complete safetensors file?",
			(uintmax_t)n, cursor_left(c) < HEADER_MAX ? cursor_left(c) : HEADER_MAX);
	rc = cursor_bytes(c, "header", (size_t)n, &text);
	if (rc)
		return rc;
	if (!n || *text != '{')
		return cursor_fail(c, HEADER_AT, "header", "got no '{' at its start, expected JSON");
	rc = json_bytes(&s->header, s->path, HEADER_AT, (const char *)text, (size_t)n, c->e);
	if (rc)
		return rc;
	s->tensors = mem_alloc(json_object_size(s->header), sizeof *s->tensors, c->e);
	if (!s->tensors)
		return ERR_RESOURCE;
	json_object_foreach (s->header, name, entry) {
		rc = strcmp(name, METADATA) ? read_tensor(c, name, entry, &s->tensors[s->n++]) : check_metadata(c, entry);
		if (rc)
			return rc;
	}
	return 0;
}

int safetensors_open(struct safetensors **out, const char *path, struct err *e)
{
	*out = NULL;
	struct cursor c;
	int rc = ERR_RESOURCE;
	struct safetensors *s = mem_alloc(1, sizeof *s, e);
	if (!s)
		return rc;
	s->path = mem_strdup(path, e);
	if (!s->path)
		goto done;
	rc = file_map_open(&s->map, path, e);
	if (rc)
		goto done;
	cursor_init(&c, s->path, s->map.p, s->map.size, e);
	rc = read_header(s, &c);
	if (!rc)
		rc = tensor_index_add(&s->index, s->tensors, s->n, e);
	if (!rc)
		rc = check_cover(&c, &s->index);
	if (!rc)
		rc = drop_integers(s, e);
	if (!rc)
		tensor_index_by_name(&s->index); /* the parser has refused duplicates */
done:
	if (rc)
		safetensors_close(s);
	else
		*out = s;
	return rc;
}

void safetensors_close(struct safetensors *s)
{
	if (!s)
		return;
	tensor_index_release(&s->index);
	mem_free(s->tensors);
	json_decref(s->header);
	file_map_close(&s->map);
	mem_free(s->path);
	mem_free(s);
}

void safetensors_forget(const struct safetensors *s, const struct tensor *t)
{
	size_t first = (size_t)((const uint8_t *)t->data - s->map.p);
	file_map_forget(&s->map, first, first + t->size_bytes);
}

size_t safetensors_n(const struct safetensors *s)
{
	return s->n;
}

const struct tensor *safetensors_at(const struct safetensors *s, size_t i)
{
	assert(i < s->n);
	return &s->tensors[i];
}

const struct tensor *safetensors_find(const struct safetensors *s, const char *name)
{
	return tensor_index_find(&s->index, name);
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

/* The header as text, padded with spaces so that the data begin at a multiple of 8. */
static int header_print(struct buf *out, const struct tensor *t, size_t n, struct err *e)
{
	size_t at = 0;
	int rc = buf_printf(out, e, "{\"%s\":{\"format\":\"pt\"}", METADATA);
	for (size_t i = 0; i < n && !rc; i++) {
		assert(t[i].dtype == DTYPE_F32 || t[i].dtype == DTYPE_F16 || t[i].dtype == DTYPE_BF16);
		assert(!strpbrk(t[i].name, "\"\\") && strcmp(t[i].name, METADATA));
		rc = buf_printf(out, e, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", t[i].name, dtype_name(t[i].dtype));
		for (int d = 0; d < t[i].n_dims && !rc; d++)
			rc = buf_printf(out, e, "%s%zu", d ? "," : "", t[i].dims[d]);
		if (!rc)
			rc = buf_printf(out, e, "],\"data_offsets\":[%zu,%zu]}", at, at + t[i].size_bytes);
		at += t[i].size_bytes;
	}
	if (!rc)
		rc = buf_printf(out, e, "}%*s", (int)(7 - out->len % 8), "");
	return rc;
}

int safetensors_begin(struct file_writer *w, const char *path, const struct tensor *t, size_t n, struct err *e)
{
	struct buf header = {0};
	uint8_t length[8];
	*w = (struct file_writer){0};
	int rc = header_print(&header, t, n, e);
	if (!rc)
		rc = file_writer_open(w, path, e);
	if (rc)
		goto done;
	for (size_t i = 0; i < sizeof length; i++)
		length[i] = (uint8_t)((uint64_t)header.len >> 8 * i);
	rc = file_writer_put(w, length, sizeof length, e);
	if (!rc)
		rc = file_writer_put(w, header.p, header.len, e);
done:
	if (rc)
		file_writer_abort(w);
	buf_release(&header);
	return rc;
}

int safetensors_write(const char *path, const struct tensor *t, size_t n, struct err *e)
{
	struct file_writer w;
	int rc = safetensors_begin(&w, path, t, n, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = file_writer_put(&w, t[i].data, t[i].size_bytes, e);
	if (!rc)
		rc = file_writer_commit(&w, e);
	file_writer_abort(&w);
	return rc;
}

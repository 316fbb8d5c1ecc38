/*
 * GGUF: the model file of ggml and llama.cpp, versions 2 and 3, little-endian.
 * Reference: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 *   magic "GGUF", u32 version, u64 n_tensors, u64 n_keys
 *   keys:    string name, u32 type, value;         a string is u64 length + bytes, an array is u32 type, u64 n, items
 *   tensors: string name, u32 n_dims, u64 dims[] (fastest first), u32 type, u64 offset from the start of the data
 *   padding to general.alignment, then the data
 *
 * Opening checks everything once and touches only these tables, not the data. Values stay in the map and are decoded when asked
 * for; only names and single strings are copied, and of string arrays the places of the items are kept.
 */
#include "format/gguf.h"
#include "format/cursor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	COUNT_MAX = 65536, /* keys, and tensors: far above any model, and it bounds the memory that a hostile file can ask for */
	NAME_MAX_BYTES = 65535,
	ALIGNMENT_MAX = 65536,
	KEY_MIN_BYTES = 8 + 1 + 4 + 1, /* what the smallest key and tensor take in the file */
	TENSOR_MIN_BYTES = 8 + 1 + 4 + 8 + 4 + 8
};

const char *const gguf_tensor_types[GGUF_TENSOR_TYPES] = {"F32", "F16", "Q4_0", "Q4_1", NULL, NULL, "Q5_0", "Q5_1", "Q8_0", "Q8_1",
	"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S",
	"IQ4_XS", "I8", "I16", "I32", "I64", "F64", "IQ1_M", "BF16", NULL, NULL, NULL, "TQ1_0", "TQ2_0", NULL, NULL, NULL, "MXFP4"};

/* ---- strings ----------------------------------------------------------------------------------------------------------- */

static int read_string(struct cursor *c, const char *field, const char **p, size_t *n)
{
	size_t at = c->at;
	uint64_t length;
	const uint8_t *bytes;
	int rc = cursor_u64(c, field, &length);
	if (rc)
		return rc;
	if (length > cursor_left(c))
		return cursor_fail(c, at, field, "got a length of %ju, expected at most the %zu bytes that remain",
			(uintmax_t)length, cursor_left(c));
	rc = cursor_bytes(c, field, (size_t)length, &bytes);
	*p = (const char *)bytes;
	*n = (size_t)length;
	return rc;
}

/* Copies a string that must not hold NUL, so that it can be used as a C string. */
static int keep_string(struct gguf *g, struct cursor *c, const char *field, const char *p, size_t n, const char **out)
{
	if (memchr(p, 0, n))
		return cursor_fail(c, c->at - n, field, "got a NUL byte inside, expected text");
	*out = arena_strdup(&g->arena, p, n, c->e);
	return *out ? 0 : ERR_RESOURCE;
}

/* A key's or tensor's name, which also becomes the subject of what follows. */
static int read_name(struct gguf *g, struct cursor *c, const char *kind, const char **out)
{
	const char *p;
	size_t n, at = c->at;
	c->subject[0] = 0;
	int rc = read_string(c, "name", &p, &n);
	if (rc)
		return rc;
	cursor_subject(c, kind, p, n);
	if (n < 1 || n > NAME_MAX_BYTES)
		return cursor_fail(c, at, "name", "got a length of %zu, expected 1 to %d", n, NAME_MAX_BYTES);
	return keep_string(g, c, "name", p, n, out);
}

/* ---- keys -------------------------------------------------------------------------------------------------------------- */

static int read_type(struct cursor *c, const char *field, enum gguf_type *out)
{
	size_t at = c->at;
	uint32_t type;
	int rc = cursor_u32(c, field, &type);
	if (rc)
		return rc;
	if (type >= TYPE_COUNT)
		return cursor_fail(c, at, field, "got %u, expected 0 to %d", type, TYPE_COUNT - 1);
	*out = (enum gguf_type)type;
	return 0;
}

static int read_string_items(struct gguf *g, struct cursor *c, struct gguf_key *k)
{
	const char *p;
	size_t n, *places = arena_alloc(&g->arena, k->n + 1, sizeof *places, c->e);
	k->item_at = places;
	if (!places)
		return ERR_RESOURCE;
	for (size_t i = 0; i < k->n; i++) {
		places[i] = c->at;
		int rc = read_string(c, "array item", &p, &n);
		if (rc)
			return rc;
	}
	places[k->n] = c->at;
	return 0;
}

static int read_array(struct gguf *g, struct cursor *c, struct gguf_key *k)
{
	uint64_t n;
	const uint8_t *items;
	size_t at = c->at;
	int rc = read_type(c, "array item type", &k->item);
	if (rc)
		return rc;
	if (k->item == TYPE_ARRAY)
		return cursor_fail(c, at, "array item type", "got an array, expected no arrays inside arrays");
	at = c->at;
	rc = cursor_u64(c, "array length", &n);
	if (rc)
		return rc;
	size_t item_size = k->item == TYPE_STR ? sizeof(uint64_t) : gguf_type_bytes[k->item]; /* a string is at least its length */
	if (n > cursor_left(c) / item_size)
		return cursor_fail(c, at, "array length", "got %ju, expected at most %zu, for the bytes that remain", (uintmax_t)n,
			cursor_left(c) / item_size);
	k->n = (size_t)n;
	k->at = c->at;
	return k->item == TYPE_STR ? read_string_items(g, c, k) : cursor_bytes(c, "array", k->n * item_size, &items);
}

static int read_key(struct gguf *g, struct cursor *c, struct gguf_key *k)
{
	const uint8_t *value;
	const char *p;
	size_t n;
	k->begin = c->at;
	int rc = read_name(g, c, "key", &k->name);
	if (!rc)
		rc = read_type(c, "type", &k->type);
	if (rc)
		return rc;
	k->at = c->at;
	switch (k->type) {
	case TYPE_ARRAY:
		return read_array(g, c, k);
	case TYPE_STR:
		rc = read_string(c, "string", &p, &n);
		return rc ? rc : keep_string(g, c, "string", p, n, &k->text);
	default:
		rc = cursor_bytes(c, "value", gguf_type_bytes[k->type], &value);
		if (!rc && k->type == TYPE_BOOL && *value > 1)
			rc = cursor_fail(c, k->at, "value", "got a bool of %d, expected 0 or 1", *value);
		return rc;
	}
}

static int compare_key(const void *a, const void *b)
{
	return strcmp(((const struct gguf_key *)a)->name, ((const struct gguf_key *)b)->name);
}

static int read_keys(struct gguf *g, struct cursor *c, size_t n)
{
	g->keys = mem_alloc(n, sizeof *g->keys, c->e);
	if (!g->keys)
		return ERR_RESOURCE;
	for (; g->n_keys < n; g->n_keys++) {
		int rc = read_key(g, c, &g->keys[g->n_keys]);
		if (rc)
			return rc;
		g->keys[g->n_keys].end = c->at;
	}
	qsort(g->keys, n, sizeof *g->keys, compare_key);
	for (size_t i = 1; i < n; i++) {
		if (!compare_key(&g->keys[i - 1], &g->keys[i])) {
			cursor_subject(c, "key", g->keys[i].name, strlen(g->keys[i].name));
			return cursor_fail(c, g->keys[i].at, "name", "got it twice, expected every key once");
		}
	}
	c->subject[0] = 0;
	return 0;
}

const struct gguf_key *gguf_key_find(const struct gguf *g, const char *name)
{
	const struct gguf_key wanted = {.name = name};
	return bsearch(&wanted, g->keys, g->n_keys, sizeof *g->keys, compare_key);
}

/* ---- tensors ----------------------------------------------------------------------------------------------------------- */

static int read_tensor_type(struct cursor *c, enum dtype *out)
{
	size_t at = c->at;
	uint32_t type;
	int rc = cursor_u32(c, "type", &type);
	if (rc)
		return rc;
	const char *name = type < GGUF_TENSOR_TYPES ? gguf_tensor_types[type] : NULL;
	if (!name)
		return cursor_fail(c, at, "type", "got %u, which is no ggml type", type);
	for (*out = 0; *out < DTYPE_COUNT; ++*out)
		if (!strcmp(name, dtype_name(*out)))
			return 0;
	return cursor_fail(c, at, "type",
		"got %s, expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K; use the model in one of these",
		name);
}

/* The offset becomes t->data in place_tensors, when the start of the data is known. */
static int read_tensor(struct gguf *g, struct cursor *c, struct tensor *t, uint64_t *offset)
{
	uint32_t n_dims;
	char why[TENSOR_WHY_SIZE];
	int rc = read_name(g, c, "tensor", &t->name);
	size_t at = c->at;
	if (!rc)
		rc = cursor_u32(c, "number of dimensions", &n_dims);
	if (rc)
		return rc;
	if (n_dims < 1 || n_dims > TENSOR_DIMS)
		return cursor_fail(c, at, "number of dimensions", "got %u, expected 1 to %d", n_dims, TENSOR_DIMS);
	t->n_dims = (int)n_dims;
	at = c->at;
	for (int i = t->n_dims - 1; i >= 0 && !rc; i--) {
		uint64_t dim;
		rc = cursor_u64(c, "dimensions", &dim);
		t->dims[i] = (size_t)dim;
	}
	if (!rc)
		rc = read_tensor_type(c, &t->dtype);
	if (!rc && !tensor_size(t, &t->size_bytes, why))
		rc = cursor_fail(c, at, "dimensions", "%s", why);
	return rc ? rc : cursor_u64(c, "offset", offset);
}

static int read_alignment(struct gguf *g, struct cursor *c)
{
	static const char name[] = "general.alignment";
	const struct gguf_key *k = gguf_key_find(g, name);
	g->alignment = GGUF_ALIGNMENT;
	if (!k)
		return 0;
	cursor_subject(c, "key", name, strlen(name));
	if (k->type != TYPE_U32)
		return cursor_fail(c, k->at, "type", "got %s, expected u32", gguf_type_names[k->type]);
	uint64_t v = load_le(g->map.p + k->at, sizeof(uint32_t));
	if (v < 8 || v > ALIGNMENT_MAX || v & (v - 1))
		return cursor_fail(c, k->at, "value", "got %ju, expected a power of two from 8 to %d", (uintmax_t)v, ALIGNMENT_MAX);
	g->alignment = (size_t)v;
	c->subject[0] = 0;
	return 0;
}

/* Turns offsets into pointers. The cursor stands at the end of the tensor table. */
static int place_tensors(struct gguf *g, struct cursor *c, const uint64_t *offsets)
{
	size_t alignment = g->alignment, start = c->at + (alignment - c->at % alignment) % alignment;
	for (size_t i = 0; i < g->n_tensors; i++) {
		struct tensor *t = &g->tensors[i];
		size_t end;
		cursor_subject(c, "tensor", t->name, strlen(t->name));
		if (offsets[i] % alignment)
			return cursor_fail(
				c, c->at, "offset", "got %ju, expected a multiple of %zu", (uintmax_t)offsets[i], alignment);
		if (!size_add(start, (size_t)offsets[i], &end) || !size_add(end, t->size_bytes, &end) || end > g->map.size)
			return cursor_fail(c, c->at, "offset",
				"got %zu bytes at %zu + %ju, expected them in the file's %zu; is it complete?", t->size_bytes,
				start, (uintmax_t)offsets[i], g->map.size);
		t->data = g->map.p + start + offsets[i];
	}
	const struct tensor *bad = tensor_index_by_place(&g->index);
	if (bad) {
		cursor_subject(c, "tensor", bad->name, strlen(bad->name));
		return cursor_fail(c, (size_t)((const uint8_t *)bad->data - g->map.p), "data",
			"got the bytes of another tensor, expected its own");
	}
	return 0;
}

static int read_tensors(struct gguf *g, struct cursor *c, size_t n)
{
	int rc = ERR_RESOURCE;
	uint64_t *offsets = mem_alloc(n, sizeof *offsets, c->e);
	g->tensors = mem_alloc(n, sizeof *g->tensors, c->e);
	if (!offsets || !g->tensors)
		goto done;
	rc = tensor_index_add(&g->index, g->tensors, n, c->e);
	for (; g->n_tensors < n && !rc; g->n_tensors++)
		rc = read_tensor(g, c, &g->tensors[g->n_tensors], &offsets[g->n_tensors]);
	if (!rc)
		rc = place_tensors(g, c, offsets);
	if (rc)
		goto done;
	const struct tensor *twin = tensor_index_by_name(&g->index);
	if (twin) {
		cursor_subject(c, "tensor", twin->name, strlen(twin->name));
		rc = cursor_fail(c, c->at, "name", "got it twice, expected every tensor once");
	}
done:
	mem_free(offsets);
	return rc;
}

/* ---- the file ---------------------------------------------------------------------------------------------------------- */

static int read_version(struct cursor *c)
{
	const uint8_t *magic;
	uint32_t version;
	char shown[8];
	int rc = cursor_bytes(c, "magic", 4, &magic);
	if (rc)
		return rc;
	if (memcmp(magic, "GGUF", 4))
		return cursor_fail(c, 0, "magic", "got '%s', expected 'GGUF'; this is no GGUF model",
			name_shown(shown, sizeof shown, (const char *)magic, 4));
	rc = cursor_u32(c, "version", &version);
	if (rc || version == 2 || version == 3)
		return rc;
	if (version == 2u << 24 || version == 3u << 24)
		return cursor_fail(c, 4, "version", "got %u with its bytes reversed, expected a little-endian file", version >> 24);
	return cursor_fail(c, 4, "version", "got %u, expected 2 or 3", version);
}

static int read_count(struct cursor *c, const char *field, size_t min_bytes, size_t *out)
{
	size_t at = c->at;
	uint64_t n;
	int rc = cursor_u64(c, field, &n);
	*out = 0;
	if (rc)
		return rc;
	size_t fits = cursor_left(c) / min_bytes, max = fits < COUNT_MAX ? fits : COUNT_MAX;
	if (n > max)
		return cursor_fail(c, at, field, "got %ju, expected at most %zu in this file", (uintmax_t)n, max);
	*out = (size_t)n;
	return 0;
}

int gguf_open(struct gguf **out, const char *path, struct err *e)
{
	*out = NULL;
	struct cursor c;
	size_t n_tensors, n_keys;
	int rc = ERR_RESOURCE;
	struct gguf *g = mem_alloc(1, sizeof *g, e);
	if (!g)
		return rc;
	arena_init(&g->arena, 1 << 16);
	g->path = mem_strdup(path, e);
	if (!g->path)
		goto done;
	rc = file_map_open(&g->map, path, e);
	if (rc)
		goto done;
	cursor_init(&c, g->path, g->map.p, g->map.size, e);
	rc = read_version(&c);
	if (!rc)
		rc = read_count(&c, "number of tensors", TENSOR_MIN_BYTES, &n_tensors);
	if (!rc)
		rc = read_count(&c, "number of keys", KEY_MIN_BYTES, &n_keys);
	if (!rc)
		rc = read_keys(g, &c, n_keys);
	if (!rc)
		rc = read_alignment(g, &c);
	if (!rc)
		rc = read_tensors(g, &c, n_tensors);
done:
	if (rc)
		gguf_close(g);
	else
		*out = g;
	return rc;
}

void gguf_close(struct gguf *g)
{
	if (!g)
		return;
	tensor_index_release(&g->index);
	mem_free(g->tensors);
	mem_free(g->keys);
	arena_release(&g->arena);
	file_map_close(&g->map);
	mem_free(g->path);
	mem_free(g);
}

const char *gguf_path(const struct gguf *g)
{
	return g->path;
}

size_t gguf_n_tensors(const struct gguf *g)
{
	return g->n_tensors;
}

const struct tensor *gguf_tensor_at(const struct gguf *g, size_t i)
{
	assert(i < g->n_tensors);
	return &g->tensors[i];
}

const struct tensor *gguf_tensor(const struct gguf *g, const char *name)
{
	return tensor_index_find(&g->index, name);
}

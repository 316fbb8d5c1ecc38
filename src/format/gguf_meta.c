/*
 * A GGUF file's keys, decoded when asked for: gguf_open has checked that they lie in the file. Reference: gguf.c.
 */
#include "format/gguf.h"
#include "format/cursor.h"

#include <string.h>

const char *const gguf_type_names[TYPE_COUNT] = {
	"u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"};
const uint8_t gguf_type_bytes[TYPE_COUNT] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}; /* 0 when it varies */

static bool type_is_signed(enum gguf_type t)
{
	return t == TYPE_I8 || t == TYPE_I16 || t == TYPE_I32 || t == TYPE_I64;
}

static bool type_is_integer(enum gguf_type t)
{
	return type_is_signed(t) || t == TYPE_U8 || t == TYPE_U16 || t == TYPE_U32 || t == TYPE_U64;
}

static int type_error(const struct gguf *g, const struct gguf_key *k, const char *expected, struct err *e)
{
	bool array = k->type == TYPE_ARRAY;
	return err_set(e, ERR_DATA, "%s: byte %zu: key '%s': got %s%s, expected %s", g->path, k->at, k->name,
		array ? "an array of " : "", gguf_type_names[array ? k->item : k->type], expected);
}

static int key_get(const struct gguf *g, const char *name, const struct gguf_key **out, struct err *e)
{
	*out = gguf_key_find(g, name);
	return *out ? 0 : err_set(e, ERR_DATA, "%s: key '%s': got none, expected one; is this a complete model?", g->path, name);
}

/* An integer of any width as the bits of an i64, with its sign apart: v < 0 only when *negative. */
static uint64_t integer_at(const struct gguf *g, enum gguf_type type, size_t at, bool *negative)
{
	size_t bits = 8u * gguf_type_bytes[type];
	uint64_t v = load_le(g->map.p + at, gguf_type_bytes[type]);
	*negative = type_is_signed(type) && v >> (bits - 1);
	return *negative && bits < 64 ? v | UINT64_MAX << bits : v;
}

bool gguf_has(const struct gguf *g, const char *key)
{
	return gguf_key_find(g, key);
}

int gguf_u64(const struct gguf *g, const char *key, uint64_t *out, struct err *e)
{
	const struct gguf_key *k;
	bool negative;
	*out = 0;
	int rc = key_get(g, key, &k, e);
	if (rc)
		return rc;
	if (!type_is_integer(k->type))
		return type_error(g, k, "an integer", e);
	uint64_t v = integer_at(g, k->type, k->at, &negative);
	if (negative)
		return err_set(e, ERR_DATA, "%s: byte %zu: key '%s': got %jd, expected no negative number", g->path, k->at, k->name,
			(intmax_t)v);
	*out = v;
	return 0;
}

int gguf_f64(const struct gguf *g, const char *key, double *out, struct err *e)
{
	const struct gguf_key *k;
	*out = 0;
	int rc = key_get(g, key, &k, e);
	if (rc)
		return rc;
	if (k->type != TYPE_F32 && k->type != TYPE_F64)
		return type_error(g, k, "f32 or f64", e);
	uint64_t bits = load_le(g->map.p + k->at, gguf_type_bytes[k->type]);
	uint32_t bits32 = (uint32_t)bits;
	float f;
	memcpy(&f, &bits32, sizeof f);
	memcpy(out, &bits, sizeof *out);
	*out = k->type == TYPE_F32 ? (double)f : *out;
	return 0;
}

static int key_of_type(const struct gguf *g, const char *name, enum gguf_type type, const struct gguf_key **out, struct err *e)
{
	int rc = key_get(g, name, out, e);
	return rc || (*out)->type == type ? rc : type_error(g, *out, gguf_type_names[type], e);
}

int gguf_bool(const struct gguf *g, const char *key, bool *out, struct err *e)
{
	const struct gguf_key *k;
	int rc = key_of_type(g, key, TYPE_BOOL, &k, e);
	*out = !rc && g->map.p[k->at];
	return rc;
}

int gguf_str(const struct gguf *g, const char *key, const char **out, struct err *e)
{
	const struct gguf_key *k;
	int rc = key_of_type(g, key, TYPE_STR, &k, e);
	*out = rc ? NULL : k->text;
	return rc;
}

int gguf_array_n(const struct gguf *g, const char *key, size_t *n, struct err *e)
{
	const struct gguf_key *k;
	int rc = key_of_type(g, key, TYPE_ARRAY, &k, e);
	*n = rc ? 0 : k->n;
	return rc;
}

/* The array `key`, when its items are of type `item` (TYPE_I64: any integers) and it has an item i. */
static int array_get(
	const struct gguf *g, const char *key, enum gguf_type item, size_t i, const struct gguf_key **out, struct err *e)
{
	int rc = key_get(g, key, out, e);
	if (rc)
		return rc;
	const struct gguf_key *k = *out;
	if (k->type != TYPE_ARRAY || (item == TYPE_I64 ? !type_is_integer(k->item) && k->item != TYPE_BOOL : k->item != item))
		return type_error(g, k,
			item == TYPE_STR           ? "an array of strings"
				: item == TYPE_F32 ? "an array of f32"
						   : "an array of integers",
			e);
	if (i >= k->n)
		return err_set(e, ERR_DATA, "%s: byte %zu: key '%s': got %zu items, expected more than %zu", g->path, k->at,
			k->name, k->n, i);
	return 0;
}

int gguf_array_str(const struct gguf *g, const char *key, size_t i, const char **p, size_t *n, struct err *e)
{
	const struct gguf_key *k;
	*p = NULL;
	*n = 0;
	int rc = array_get(g, key, TYPE_STR, i, &k, e);
	if (rc)
		return rc;
	size_t start = k->item_at[i] + sizeof(uint64_t); /* behind its length, which is not read a second time */
	*p = (const char *)g->map.p + start;
	*n = k->item_at[i + 1] - start;
	return 0;
}

int gguf_array_i64(const struct gguf *g, const char *key, size_t i, int64_t *out, struct err *e)
{
	const struct gguf_key *k;
	bool negative;
	*out = 0;
	int rc = array_get(g, key, TYPE_I64, i, &k, e);
	if (rc)
		return rc;
	uint64_t v = integer_at(g, k->item, k->at + i * gguf_type_bytes[k->item], &negative);
	if (!negative && v > INT64_MAX)
		return err_set(e, ERR_DATA, "%s: byte %zu: key '%s': got item %zu = %ju, expected at most %jd", g->path, k->at,
			k->name, i, (uintmax_t)v, (intmax_t)INT64_MAX);
	*out = (int64_t)v;
	return 0;
}

int gguf_array_f32(const struct gguf *g, const char *key, size_t i, float *out, struct err *e)
{
	const struct gguf_key *k;
	*out = 0;
	int rc = array_get(g, key, TYPE_F32, i, &k, e);
	if (rc)
		return rc;
	uint32_t bits = (uint32_t)load_le(g->map.p + k->at + i * sizeof bits, sizeof bits);
	memcpy(out, &bits, sizeof *out);
	return 0;
}

/* An open GGUF file: what gguf.c has read and checked, gguf_meta.c decodes when asked for, and gguf_write.c copies. Private to format. */
#ifndef FORMAT_GGUF_H
#define FORMAT_GGUF_H

#include "format/format.h"
#include "format/tensor.h"

enum gguf_type {
	TYPE_U8,
	TYPE_I8,
	TYPE_U16,
	TYPE_I16,
	TYPE_U32,
	TYPE_I32,
	TYPE_F32,
	TYPE_BOOL,
	TYPE_STR,
	TYPE_ARRAY,
	TYPE_U64,
	TYPE_I64,
	TYPE_F64,
	TYPE_COUNT
};
extern const char *const gguf_type_names[TYPE_COUNT];
extern const uint8_t gguf_type_bytes[TYPE_COUNT]; /* 0 when it varies */

enum { GGUF_ALIGNMENT = 32, GGUF_TENSOR_TYPES = 40 };
/* ggml's tensor types by number; NULL: withdrawn. */
extern const char *const gguf_tensor_types[GGUF_TENSOR_TYPES];

struct gguf_key {
	const char *name;  /* in the arena */
	size_t begin, end; /* all of it, from its name to its value, in the file */
	enum gguf_type type;
	enum gguf_type item;   /* arrays */
	size_t n;              /* arrays: items */
	size_t at;             /* of the value (arrays: of item 0) in the file */
	const char *text;      /* strings: a copy in the arena */
	const size_t *item_at; /* arrays of strings: where each item begins, and the end of the last */
};

struct gguf {
	struct file_map map;
	char *path;
	struct arena arena;
	size_t alignment;      /* of the data */
	struct gguf_key *keys; /* sorted by name */
	size_t n_keys;
	struct tensor *tensors; /* as in the file */
	size_t n_tensors;
	struct tensor_index index;
};

/* NULL when absent. */
const struct gguf_key *gguf_key_find(const struct gguf *g, const char *name);

#endif

/*
 * json: parsing a foreign JSON object with jansson, and the sentences about it.
 */
#ifndef ATTUNE_FORMAT_JSON_H
#define ATTUNE_FORMAT_JSON_H

#include "format/format.h"

/*
 * n bytes as one object without duplicate keys. `at` is where they begin in the file `path`; errors name the byte. Nesting ends at
 * jansson's own limit of 2048.
 */
int json_bytes(json_t **out, const char *path, size_t at, const char *p, size_t n, struct err *e);

/* json_file of "dir/name". */
int json_file_in(json_t **out, const char *dir, const char *name, size_t max_size, struct err *e);

#endif

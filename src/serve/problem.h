/*
 * Private to serve: what went wrong with a request, in OpenAI's shape: {"error": {"message", "type", "param", "code"}}.
 */
#ifndef ATTUNE_SERVE_PROBLEM_H
#define ATTUNE_SERVE_PROBLEM_H

#include <jansson.h>

#include "base/base.h"

struct problem {
	int status;       /* of HTTP */
	const char *code; /* for programs, such as "context_length_exceeded"; NULL: none */
	char param[64];   /* the field of the request that it is about; "": none */
	char message[ERR_TEXT_MAX];
};

/* Fills `p` and returns ERR_DATA. `param` may be NULL. */
int problem_set(struct problem *p, int status, const char *code, const char *param, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* From an error: 400 for data, 503 for memory, 500 for the rest. Returns its code. */
int problem_from(struct problem *p, const char *param, const struct err *e);
json_t *problem_json(const struct problem *p); /* the caller decrefs; NULL: memory is short */

#endif

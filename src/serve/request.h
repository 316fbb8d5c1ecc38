/*
 * Private to serve: what a client asks for, understood. A field that would change the answer and is not supported is a problem that names it.
 */
#ifndef ATTUNE_SERVE_REQUEST_H
#define ATTUNE_SERVE_REQUEST_H

#include "format/format.h"
#include "model/model.h"
#include "serve/problem.h"

enum { STOPS_MAX = 4, CHOICES_MAX = 128 };

/* Strings are borrowed from `body`. */
struct completion_request {
	bool chat; /* /v1/chat/completions, else /v1/completions */
	const char *model;
	struct message *messages; /* of a chat */
	size_t n_messages;
	const json_t *prompt; /* else: a string, ids, or a list of one of these */
	size_t n;             /* choices of each prompt */
	size_t max_tokens;    /* SIZE_MAX: as the context allows */
	struct sampling sampling;
	const char *stop[STOPS_MAX];
	size_t n_stop;
	bool json;            /* the answer is to be an object of JSON, */
	const json_t *schema; /* or what this allows; NULL: none given */
	bool stream, include_usage, echo;
	bool logprobs;
	int n_top;
	json_t *body;       /* owned */
	struct arena arena; /* owns messages, and contents that came in parts */
};

extern const struct sampling sampling_default; /* where a request says nothing */
/* Reads the body of n bytes. The caller releases, also after a problem. */
int completion_request_read(struct completion_request *q, bool chat, const char *body, size_t n, struct problem *p);
void completion_request_release(struct completion_request *q);
/* The messages of `list`, in `arena`: roles, and contents as one text each. */
int messages_read(const json_t *list, struct arena *arena, struct message **out, size_t *n, struct problem *p);
/* The body as an object. The caller decrefs. */
int body_read(json_t **out, const char *body, size_t n, struct problem *p);

#endif

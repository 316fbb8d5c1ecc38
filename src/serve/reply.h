/*
 * Private to serve: what a client is told, as JSON. Each function gives an object that the caller owns, or NULL when memory is short.
 */
#ifndef ATTUNE_SERVE_REPLY_H
#define ATTUNE_SERVE_REPLY_H

#include <time.h>

#include "serve/engine.h"

/* What all parts of one answer say alike. */
struct reply {
	bool chat, stream, include_usage;
	char id[40];
	time_t created;
	const char *model;
	const struct tokenizer *tokenizer;
	json_t *extension; /* what only this server says, or NULL; borrowed */
};
void reply_init(struct reply *r, bool chat);

/* A choice, or what is new of it. */
struct choice {
	size_t index;
	const char *text; /* any bytes */
	size_t n;
	const struct scored_token *tokens; /* NULL: none, or nobody asked */
	size_t n_tokens, first_offset;     /* first_offset: characters of the choice's text in front of them */
	bool first_has_none;               /* the first token has nothing in front: it has no logprob */
	const char *finish_reason;         /* NULL: goes on */
};
/* Appends n bytes as RFC 4648 spells them, padded. */
int base64_append(struct buf *out, const void *p, size_t n, struct err *e);
size_t token_characters(const struct tokenizer *t, int32_t id); /* of UTF-8 in its text */
json_t *reply_choice(const struct reply *r, const struct choice *c);
struct usage {
	size_t n_prompt, n_cached, n_tokens;
};
json_t *reply_usage(const struct usage *u);
/* Takes choices and usage; usage NULL: none. */
json_t *reply_object(const struct reply *r, json_t *choices, json_t *usage);
/* The chunk with which a choice of a chat begins: its role. */
json_t *reply_role(const struct reply *r, size_t index);

#endif

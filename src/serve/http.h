/*
 * Private to serve: the edge. Connections, and what has to be true of a request before anybody looks at what it wants: size, time, host,
 * origin, key. A connection carries one request.
 */
#ifndef ATTUNE_SERVE_HTTP_H
#define ATTUNE_SERVE_HTTP_H

#include <event2/event.h>

#include "serve/problem.h"

enum {
	BODY_BYTES_MAX = 4 << 20,
	HEAD_BYTES_MAX = 16 << 10,
	PATH_BYTES_MAX = 8 << 10,
	WRITE_TIMEOUT_S = 60, /* without any progress */
	PING_S = 5            /* a stream is never silent for longer */
};

struct http;
struct http_request;

struct http_options {
	const char *host, *port;
	const char *key; /* that clients must show; NULL: none */
	/* Called with each request that has passed the edge; it is answered with one of the functions below, now or later. */
	void (*on_request)(void *context, struct http_request *r);
	void *context;
};

/* Listens. ERR_USAGE when others can reach the address and there is no key. `o` must outlive it. */
int http_open(struct http **out, struct event_base *base, const struct http_options *o, struct err *e);
void http_refuse_new(struct http *h); /* closes the door: who is inside stays */
void http_close(struct http *h);
const char *http_url(const struct http *h); /* with the real port */

enum http_method { HTTP_GET, HTTP_POST, HTTP_OPTIONS, HTTP_OTHER };
enum http_method http_method(const struct http_request *r);
const char *http_path(const struct http_request *r); /* decoded, without a query */
const char *http_body(const struct http_request *r, size_t *n);
const char *http_header(const struct http_request *r, const char *name); /* NULL: none */

/* The page's visitors (guard.h). */
bool http_is_known(const struct http_request *r);    /* has shown the key, or there is none */
bool http_has_key(const struct http_request *r);     /* whether one has to be shown at all */
const char *http_csrf(const struct http_request *r); /* the token of what changes something */
bool http_key_is(const struct http_request *r, const char *shown);
void http_set_cookie(struct http_request *r, bool known); /* of the answer: this visitor is known from now on, or not any more */

/*
 * Answers. Each but http_stream_put ends the request: `r` is gone afterwards. When the client goes away first, `on_gone` is called, and `r`
 * is gone then.
 */
void http_on_gone(struct http_request *r, void (*on_gone)(void *context), void *context);
/* A header of the answer. Where none is given: Cache-Control no-store, and a Content-Security-Policy that allows nothing. */
void http_add_header(struct http_request *r, const char *name, const char *value);
void http_reply(struct http_request *r, int status, const char *type, const char *body, size_t n);
void http_reply_json(struct http_request *r, int status, json_t *object); /* takes `object`; NULL: memory was short */
void http_reply_problem(struct http_request *r, const struct problem *p); /* of a stream: its last event */
/* Server-sent events. */
void http_stream_begin(struct http_request *r);
void http_stream_put(struct http_request *r, json_t *object); /* takes `object` */
void http_stream_end(struct http_request *r, bool done);      /* done: behind "[DONE]" */

#endif

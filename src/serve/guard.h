/*
 * Private to serve: what a request's head has to say to be let in. Pure functions of headers, so that each rule can be tried.
 */
#ifndef ATTUNE_SERVE_GUARD_H
#define ATTUNE_SERVE_GUARD_H

#include <sys/queue.h>

#include <event2/keyvalq_struct.h>

#include "serve/http.h"

struct guard {
	char host[256];  /* the name that the server was told to listen on */
	char own[256];   /* the machine's own name */
	const char *key; /* NULL: none */
};
void guard_init(struct guard *g, const char *host, const char *key);
/*
 * 0, or a problem: headers that two programs may read differently (two lengths, a length and chunks, no Host or two), a host that is neither a
 * number nor a name of this machine (DNS rebinding), an origin that is not this host, a body that is not said to be JSON, no key. `open`: the
 * key need not be shown.
 */
int guard_check(const struct guard *g, enum http_method method, const struct evkeyvalq *headers, bool open, struct problem *p);

#endif

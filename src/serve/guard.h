/*
 * Private to serve: what a request's head has to say to be let in. Pure functions of headers, so that each rule can be tried.
 */
#ifndef ATTUNE_SERVE_GUARD_H
#define ATTUNE_SERVE_GUARD_H

#include <sys/queue.h>

#include <event2/keyvalq_struct.h>

#include "serve/http.h"

enum { GUARD_TOKEN_SIZE = 65 }; /* 256 random bits in hexadecimal, with the end */

struct guard {
	char host[256];  /* the name that the server was told to listen on */
	char own[256];   /* the machine's own name */
	const char *key; /* NULL: none */
	/*
	 * Of this process, as one key means one visitor: who has shown the key in a browser shows `session` in the cookie from then on, and
	 * `csrf` with each request that changes something, which a page from elsewhere cannot know.
	 */
	char session[GUARD_TOKEN_SIZE], csrf[GUARD_TOKEN_SIZE];
	char cookie[32]; /* its name: cookies do not tell ports apart */
};
int guard_init(struct guard *g, const char *host, const char *key, struct err *e);
void guard_name_cookie(struct guard *g, unsigned port);
bool guard_key_is(const struct guard *g, const char *shown); /* false also where there is no key */
/*
 * 0, or a problem: headers that two programs may read differently (odd names, two lengths, a length and chunks, no Host or two), a host that is neither a
 * number nor a name of this machine (DNS rebinding), an origin that is not this host, a body that is not said to be JSON, no key and no cookie
 * where the path wants one, no CSRF token where the browser vouches for its visitor or something of the page is changed. *known: the key or the
 * cookie was shown, or there is no key.
 */
int guard_check(const struct guard *g, enum http_method method, const char *path, const struct evkeyvalq *headers, bool *known,
	struct problem *p);

#endif

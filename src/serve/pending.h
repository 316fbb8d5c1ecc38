/*
 * Private to serve: requests that wait for the engine. What is kept of one begins with a struct pending, and is freed when the engine has
 * let go of all of it, however early the client goes away.
 */
#ifndef ATTUNE_SERVE_PENDING_H
#define ATTUNE_SERVE_PENDING_H

#include "serve/server.h"

struct pending {
	struct task task; /* what is computed before it can go on */
	struct server *server;
	struct http_request *r; /* NULL: the client has gone, or has its answer */
	double begun_s;
	void (*go_on)(
		struct pending *p); /* the task is done, and the client waits; ends in an answer, or with more for the engine */
	void (*cancel)(struct pending *p); /* what else the engine has of it is not wanted any more; NULL: nothing */
	void (*free)(struct pending *p);
	struct pending *next;
};

/* Allocates n bytes, zeroed, that begin with a struct pending. NULL: the client has been told. The caller fills in its functions. */
void *pending_new(size_t n, struct server *s, struct http_request *r);
/* Has the engine compute the task's pieces; go_on follows. A full queue is a problem. */
int pending_compute(struct pending *p, int (*piece)(struct task *t, bool *more, struct problem *problem), struct problem *problem);
/* Answers with the problem, also in mid-stream; what is still being computed is not wanted any more. The caller frees in time. */
void pending_fail(struct pending *p, const struct problem *problem);
void pending_free(struct pending *p);

#endif

/*
 * Private to serve: who is connected. A connection carries one request. Until that is whole it has a deadline, a place that somebody else may
 * need more, and a share of the memory that all such requests have together. All functions are for the loop's thread.
 */
#ifndef ATTUNE_SERVE_CONNECTION_H
#define ATTUNE_SERVE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/bufferevent.h>
#include <event2/listener.h>

enum {
	CONNECTIONS_MAX = 256,
	DROPPED_MAX = 32,              /* that evhttp has not let go of yet, beside those */
	YOUNG_MS = 50,                 /* nobody makes room for others before that: time to send what it came for */
	HEAD_TIMEOUT_S = 10,           /* for all of the head, from the connection on */
	BODY_TIMEOUT_S = 30,           /* for the whole request */
	INCOMING_BYTES_MAX = 64 << 20, /* of all requests that are not whole */
};

struct http_request;
struct connections;

/* evhttp owns the bufferevent; we hold a second reference, so that it can be asked whether evhttp has let go of it. */
struct connection {
	struct connections *all;
	struct bufferevent *bev;
	double since_s;
	bool head_ended, complete, dropped; /* complete: the whole request is here; dropped: shut down by us */
	bool odd;                           /* a line of the head ends without CR, or holds a NUL */
	char last;                          /* byte of the head */
	size_t line_bytes;                  /* of the head's current line */
	size_t bytes;                       /* of a request that is not complete */
	struct http_request *request;       /* while it is unanswered */
	struct connection *next;
};

struct connections {
	struct evconnlistener *door; /* NULL: nobody is let in any more */
	bool full;                   /* the door is closed until somebody has left */
	struct connection *first;    /* the newest */
	size_t n, n_dropped, bytes;  /* without those that were dropped; those; of requests that are not complete */
};

/* For evhttp_set_bevcb: lets somebody in, and drops who has been longest about a request where there is no room. */
struct bufferevent *connection_open(struct event_base *base, void *connections);
struct connection *connection_find(const struct connections *all, const struct bufferevent *bev);
/* The whole request is here. */
void connection_complete(struct connection *c);
/* Drops who is late, and opens the door again when there is room. To be called every second. */
void connections_expire(struct connections *all);
/* Once evhttp has let go of all. */
void connections_release(struct connections *all);

#endif

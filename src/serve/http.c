/*
 * The edge, on libevent's evhttp. Reference: http.h; RFC 9112; event2/http.h and http.c of libevent 2.1.
 *
 * What evhttp lacks is made here: a limit on connections, a deadline for a request as a whole, a look at the bytes of the head, and knowing
 * when a client has gone that waits for its answer. A connection carries one request, so bytes behind it can never become a second one.
 */
#include "serve/guard.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/listener.h>

/* evhttp owns the bufferevent; we hold a second reference, so that it can be asked whether evhttp has let go of it. */
struct connection {
	struct bufferevent *bev;
	double since_s;
	bool head_ended, complete, dropped; /* complete: the whole request is here; dropped: shut down by us */
	bool odd;                           /* a line of the head ends without CR, or holds a NUL */
	char last;                          /* byte of the head */
	size_t line_bytes;                  /* of the head's current line */
	struct http_request *request;       /* while it is unanswered */
	struct connection *next;
};

struct http_request {
	struct http *http;
	struct connection *connection;
	struct evhttp_request *ev;
	char *path;
	bool streaming, known;
	double sent_s;
	void (*on_gone)(void *context);
	void *context;
};

struct http {
	const struct http_options *o;
	struct event_base *base;
	struct evhttp *ev;
	struct evhttp_bound_socket *door;
	struct event *tick;
	struct connection *connections; /* the newest first */
	size_t n_connections;           /* without those that were dropped */
	bool full;                      /* the door is closed until somebody leaves */
	struct guard guard;
	char url[300];
};

/* ---- connections ---------------------------------------------------------------------------------------------------------------- */

/* Whether evhttp has freed its connection: it takes its callbacks away then. */
static bool has_ended(const struct connection *c)
{
	bufferevent_event_cb event;
	bufferevent_getcb(c->bev, NULL, NULL, &event, NULL);
	return !event;
}

/* evhttp hears of it as of a client that has gone. */
static void drop(struct http *h, struct connection *c)
{
	if (c->dropped)
		return;
	c->dropped = true;
	h->n_connections--;
	shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

static void connection_free(struct http *h, struct connection *c)
{
	h->n_connections -= !c->dropped;
	bufferevent_decref(c->bev);
	mem_free(c);
}

/* Forgets connections that have ended, and opens the door again. */
static void sweep(struct http *h)
{
	for (struct connection **at = &h->connections; *at;) {
		struct connection *c = *at;
		if (has_ended(c)) {
			*at = c->next;
			connection_free(h, c);
		} else {
			at = &c->next;
		}
	}
	if (h->full && h->n_connections < CONNECTIONS_MAX && h->door) {
		evconnlistener_enable(evhttp_bound_socket_get_listener(h->door));
		h->full = false;
	}
}

/* Makes room for one more: whoever has been longest about its request has to go. */
static void make_room(struct http *h)
{
	struct connection *oldest = NULL;
	sweep(h);
	if (h->n_connections < CONNECTIONS_MAX)
		return;
	for (struct connection *c = h->connections; c; c = c->next)
		if (!c->complete && !c->dropped)
			oldest = c;
	if (oldest)
		drop(h, oldest);
	if (h->n_connections + 1 >= CONNECTIONS_MAX && !oldest) {
		evconnlistener_disable(evhttp_bound_socket_get_listener(h->door));
		h->full = true;
	}
}

/* Looks at the bytes of the head as they come. */
static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context)
{
	struct connection *c = context;
	struct evbuffer_iovec part[8];
	struct evbuffer_ptr from;
	if (c->head_ended || !info->n_added ||
		evbuffer_ptr_set(buffer, &from, evbuffer_get_length(buffer) - info->n_added, EVBUFFER_PTR_SET))
		return;
	int n = evbuffer_peek(buffer, (ev_ssize_t)info->n_added, &from, part, 8);
	for (int i = 0; i < n && i < 8; i++) {
		const char *p = part[i].iov_base;
		for (size_t j = 0; j < part[i].iov_len && !c->head_ended; j++) {
			c->odd |= !p[j] || (p[j] == '\n' && c->last != '\r') || (p[j] != '\n' && c->last == '\r');
			c->last = p[j];
			c->line_bytes += p[j] != '\r' && p[j] != '\n';
			c->head_ended = p[j] == '\n' && !c->line_bytes;
			c->line_bytes = p[j] == '\n' ? 0 : c->line_bytes;
		}
	}
}

static struct bufferevent *on_connection(struct event_base *base, void *context)
{
	struct http *h = context;
	struct connection *c = mem_alloc(1, sizeof *c, NULL);
	make_room(h);
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	if (!bev || !c) { /* evhttp makes one of its own then, and we do not know of it */
		mem_free(c);
		return bev;
	}
	bufferevent_incref(bev);
	*c = (struct connection){.bev = bev, .since_s = now_s(), .next = h->connections};
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, c);
	h->connections = c;
	h->n_connections++;
	return bev;
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct http *h = context;
	double now = now_s();
	(void)fd, (void)what;
	sweep(h);
	for (struct connection *c = h->connections; c; c = c->next) {
		double age = now - c->since_s;
		struct http_request *r = c->request;
		if (!c->complete && age > (c->head_ended ? BODY_TIMEOUT_S : HEAD_TIMEOUT_S))
			drop(h, c);
		if (r && r->streaming && now - r->sent_s > PING_S) {
			struct evbuffer *ping = evbuffer_new();
			if (ping && !evbuffer_add_printf(ping, ": ping\n\n"))
				r->sent_s = now;
			if (ping) {
				evhttp_send_reply_chunk(r->ev, ping);
				evbuffer_free(ping);
			}
			r->sent_s = now;
		}
	}
}

/* ---- a request ------------------------------------------------------------------------------------------------------------------- */

static void request_free(struct http_request *r)
{
	if (r->connection)
		r->connection->request = NULL;
	mem_free(r->path);
	mem_free(r);
}

static void drain(struct bufferevent *bev, void *context)
{
	(void)context;
	struct evbuffer *input = bufferevent_get_input(bev);
	evbuffer_drain(input, evbuffer_get_length(input));
}

/*
 * To hear of a client that goes, reading has to be on; but evhttp ends the process when bytes come while it does not expect any, so they
 * go elsewhere. It takes the callback away again whenever it writes.
 */
static void watch(struct http_request *r)
{
	struct bufferevent *bev = r->connection->bev;
	bufferevent_data_cb write;
	bufferevent_event_cb event;
	void *context;
	bufferevent_getcb(bev, NULL, &write, &event, &context);
	bufferevent_setcb(bev, drain, write, event, context);
	bufferevent_enable(bev, EV_READ);
}

static void on_close(struct evhttp_connection *evcon, void *context)
{
	struct http_request *r = context;
	struct evhttp_request *ev = r->ev;
	void (*on_gone)(void *) = r->on_gone;
	void *owner = r->context;
	(void)evcon;
	request_free(r);
	evhttp_request_free(ev); /* evhttp has left it to us */
	if (on_gone)
		on_gone(owner);
}

static int request_read(struct http_request *r, struct problem *p)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->ev);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL, *whole = evhttp_request_get_uri(r->ev);
	size_t n;
	if (r->connection->odd)
		return problem_set(p, 400, NULL, NULL, "expected every line of the head to end with CR LF");
	if (strlen(whole) > PATH_BYTES_MAX)
		return problem_set(p, 414, NULL, NULL, "the path is longer than %d bytes", PATH_BYTES_MAX);
	if (!path || *whole != '/')
		return problem_set(p, 400, NULL, NULL, "expected a path that begins with \"/\"");
	char *decoded = evhttp_uridecode(path, 0, &n);
	r->path = decoded && strlen(decoded) == n ? mem_strdup(decoded, NULL) : NULL;
	free(decoded);
	return r->path ? 0 : problem_set(p, 400, NULL, NULL, "the path cannot be read");
}

static struct connection *connection_find(const struct http *h, const struct bufferevent *bev)
{
	struct connection *c = h->connections;
	while (c && c->bev != bev)
		c = c->next;
	return c;
}

static void on_request(struct evhttp_request *ev, void *context)
{
	const struct timeval write_timeout = {.tv_sec = WRITE_TIMEOUT_S};
	struct http *h = context;
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
	struct connection *c = connection_find(h, evhttp_connection_get_bufferevent(evcon));
	struct http_request *r = c ? mem_alloc(1, sizeof *r, NULL) : NULL;
	struct problem p;
	evhttp_add_header(evhttp_request_get_output_headers(ev), "Connection", "close");
	if (!r) {
		evhttp_send_error(ev, 503, NULL);
		return;
	}
	*r = (struct http_request){.http = h, .connection = c, .ev = ev, .sent_s = now_s()};
	c->complete = c->head_ended = true;
	c->request = r;
	evhttp_connection_set_closecb(evcon, on_close, r);
	bufferevent_set_timeouts(c->bev, NULL, &write_timeout);
	watch(r);
	int rc = request_read(r, &p);
	if (!rc)
		rc = guard_check(&h->guard, http_method(r), r->path, evhttp_request_get_input_headers(ev), &r->known, &p);
	if (rc)
		http_reply_problem(r, &p);
	else
		h->o->on_request(h->o->context, r);
}

enum http_method http_method(const struct http_request *r)
{
	switch (evhttp_request_get_command(r->ev)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD: /* http_reply leaves the body out */
		return HTTP_GET;
	case EVHTTP_REQ_POST:
		return HTTP_POST;
	case EVHTTP_REQ_OPTIONS:
		return HTTP_OPTIONS;
	default:
		return HTTP_OTHER;
	}
}

const char *http_path(const struct http_request *r)
{
	return r->path;
}

const char *http_body(const struct http_request *r, size_t *n)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(r->ev);
	*n = evbuffer_get_length(body);
	const char *p = *n ? (const char *)evbuffer_pullup(body, -1) : "";
	*n = p ? *n : 0;
	return p ? p : "";
}

const char *http_header(const struct http_request *r, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(r->ev), name);
}

bool http_is_known(const struct http_request *r)
{
	return r->known;
}

bool http_has_key(const struct http_request *r)
{
	return r->http->guard.key;
}

const char *http_csrf(const struct http_request *r)
{
	return r->http->guard.csrf;
}

bool http_key_is(const struct http_request *r, const char *shown)
{
	return guard_key_is(&r->http->guard, shown);
}

void http_on_gone(struct http_request *r, void (*on_gone)(void *context), void *context)
{
	r->on_gone = on_gone;
	r->context = context;
}

/* ---- answers --------------------------------------------------------------------------------------------------------------------- */

void http_add_header(struct http_request *r, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(r->ev), name, value);
}

static void add_default(struct http_request *r, const char *name, const char *value)
{
	if (!evhttp_find_header(evhttp_request_get_output_headers(r->ev), name))
		http_add_header(r, name, value);
}

void http_set_cookie(struct http_request *r, bool known)
{
	const struct guard *g = &r->http->guard;
	char value[256];
	snprintf(value, sizeof value, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s", g->cookie, known ? g->session : "",
		known ? "" : "; Max-Age=0");
	http_add_header(r, "Set-Cookie", value);
}

static void add_headers(struct http_request *r, const char *type)
{
	http_add_header(r, "Content-Type", type);
	http_add_header(r, "X-Content-Type-Options", "nosniff");
	http_add_header(r, "Referrer-Policy", "no-referrer");
	http_add_header(r, "Cross-Origin-Resource-Policy", "same-origin");
	add_default(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
	add_default(r, "Cache-Control", "no-store");
}

/* From here on the request is evhttp's again, and its end no news. */
static struct evhttp_request *let_go(struct http_request *r)
{
	struct evhttp_request *ev = r->ev;
	evhttp_connection_set_closecb(evhttp_request_get_connection(ev), NULL, NULL);
	request_free(r);
	return ev;
}

void http_reply(struct http_request *r, int status, const char *type, const char *body, size_t n)
{
	struct evbuffer *out = evbuffer_new();
	char length[32];
	if (evhttp_request_get_command(r->ev) == EVHTTP_REQ_HEAD) { /* evhttp would send the body without its length */
		snprintf(length, sizeof length, "%zu", n);
		http_add_header(r, "Content-Length", length);
	} else if (out) {
		evbuffer_add(out, body, n);
	}
	add_headers(r, type);
	if (status == 429 || status == 503)
		http_add_header(r, "Retry-After", "1");
	if (status == 401)
		http_add_header(r, "WWW-Authenticate", "Bearer");
	if (status == 405 || http_method(r) == HTTP_OPTIONS)
		http_add_header(r, "Allow", "GET, HEAD, POST, OPTIONS");
	evhttp_send_reply(let_go(r), status, NULL, out);
	if (out)
		evbuffer_free(out);
}

void http_reply_json(struct http_request *r, int status, json_t *object)
{
	static const char none[] =
		"{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\",\"param\":null,\"code\":null}}";
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	http_reply(r, text ? status : 500, "application/json", text ? text : none, strlen(text ? text : none));
	free(text);
}

void http_reply_problem(struct http_request *r, const struct problem *p)
{
	http_reply_json(r, p->status, problem_json(p));
}

void http_stream_begin(struct http_request *r)
{
	add_headers(r, "text/event-stream");
	r->streaming = true;
	evhttp_send_reply_start(r->ev, 200, NULL);
	watch(r);
}

/* One chunk; nobody listens any more when the connection has gone, which on_close tells. */
static void put(struct http_request *r, const char *text)
{
	struct evbuffer *out = evbuffer_new();
	if (out && evbuffer_add_printf(out, "data: %s\n\n", text) > 0)
		evhttp_send_reply_chunk(r->ev, out);
	if (out)
		evbuffer_free(out);
	r->sent_s = now_s();
	watch(r);
}

void http_stream_put(struct http_request *r, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	put(r, text ? text : "{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\",\"param\":null,\"code\":null}}");
	free(text);
}

void http_stream_end(struct http_request *r, bool done)
{
	if (done)
		put(r, "[DONE]");
	evhttp_send_reply_end(let_go(r));
}

/* ---- the door -------------------------------------------------------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* A listening socket; *url says where. */
static int listen_at(const struct http_options *o, int *out, char *url, size_t size, struct err *e)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct sockaddr_storage bound;
	socklen_t n = sizeof bound;
	struct addrinfo *found = NULL;
	char place[300], host[NI_MAXHOST], port[NI_MAXSERV];
	const int on = 1;
	int rc = 0, fd = -1, failed = getaddrinfo(o->host, o->port, &hints, &found);
	snprintf(place, sizeof place, "%s port %s", o->host, o->port);
	if (failed)
		return err_set(e, ERR_USAGE, "--host %s: %s", o->host, gai_strerror(failed));
	if (!is_loopback(found->ai_addr) && !o->key)
		rc = err_set(e, ERR_USAGE,
			"--host %s: others can reach this address, so clients must show a key: --api-key-file FILE makes one",
			o->host);
	if (!rc && (fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		rc = err_errno(e, "open a socket at", place);
	if (!rc && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
		rc = err_errno(e, "set up a socket at", place);
	if (!rc && (bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 128)))
		rc = err_errno(e, "listen at", place);
	if (!rc && getsockname(fd, (struct sockaddr *)&bound, &n))
		rc = err_errno(e, "listen at", place);
	if (!rc &&
		(failed = getnameinfo(
			 (struct sockaddr *)&bound, n, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)))
		rc = err_set(e, ERR_FAILED, "listen at %s: %s", place, gai_strerror(failed));
	if (!rc)
		snprintf(url, size, strchr(host, ':') ? "http://[%.200s]:%s" : "http://%.200s:%s", host, port);
	freeaddrinfo(found);
	if (rc && fd >= 0)
		close(fd);
	*out = rc ? -1 : fd;
	return rc;
}

int http_open(struct http **out, struct event_base *base, const struct http_options *o, struct err *e)
{
	const struct timeval second = {.tv_sec = 1};
	int fd = -1, rc;
	struct http *h = mem_alloc(1, sizeof *h, e);
	*out = NULL;
	if (!h)
		return ERR_RESOURCE;
	*h = (struct http){.o = o, .base = base};
	rc = guard_init(&h->guard, o->host, o->key, e);
	if (!rc)
		rc = listen_at(o, &fd, h->url, sizeof h->url, e);
	if (!rc)
		guard_name_cookie(&h->guard, (unsigned)strtoul(strrchr(h->url, ':') + 1, NULL, 10));
	if (!rc &&
		(!(h->ev = evhttp_new(base)) || !(h->tick = event_new(base, -1, EV_PERSIST, on_tick, h)) ||
			event_add(h->tick, &second) || !(h->door = evhttp_accept_socket_with_handle(h->ev, fd))))
		rc = err_set(e, ERR_RESOURCE, "out of memory while starting the server");
	if (rc) {
		if (fd >= 0)
			close(fd);
		http_close(h);
		return rc;
	}
	evhttp_set_max_headers_size(h->ev, HEAD_BYTES_MAX);
	evhttp_set_max_body_size(h->ev, BODY_BYTES_MAX);
	evhttp_set_timeout(h->ev, HEAD_TIMEOUT_S); /* of silence; on_tick has the deadlines */
	evhttp_set_flags(h->ev, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_allowed_methods(h->ev,
		EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
			EVHTTP_REQ_PATCH);
	evhttp_set_bevcb(h->ev, on_connection, h);
	evhttp_set_gencb(h->ev, on_request, h);
	*out = h;
	return 0;
}

void http_refuse_new(struct http *h)
{
	if (h->door)
		evhttp_del_accept_socket(h->ev, h->door);
	h->door = NULL;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	for (struct connection *c = h->connections; c; c = c->next) {
		struct http_request *r = c->request;
		void (*on_gone)(void *) = r ? r->on_gone : NULL;
		void *owner = r ? r->context : NULL;
		evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
		if (r)
			let_go(r);
		if (on_gone)
			on_gone(owner);
	}
	if (h->ev)
		evhttp_free(h->ev); /* with its connections */
	while (h->connections) {
		struct connection *c = h->connections;
		h->connections = c->next;
		connection_free(h, c);
	}
	if (h->tick)
		event_free(h->tick);
	mem_free(h);
}

const char *http_url(const struct http *h)
{
	return h->url;
}

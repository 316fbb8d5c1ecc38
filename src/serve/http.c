/*
 * The edge, on libevent's evhttp. Reference: http.h; RFC 9112; event2/http.h and http.c of libevent 2.1.
 *
 * What evhttp lacks is made in connection.c, and here: knowing when a client has gone that waits for its answer. A connection carries one
 * request, so bytes behind it can never become a second one.
 */
#include "serve/connection.h"
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
	struct connections connections;
	struct guard guard;
	char url[300];
};

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
	if (!path || *whole != '/' || strpbrk(whole, " \t"))
		return problem_set(p, 400, NULL, NULL, "expected a path that begins with \"/\" and has no space");
	char *decoded = evhttp_uridecode(path, 0, &n);
	r->path = decoded && strlen(decoded) == n ? mem_strdup(decoded, NULL) : NULL;
	free(decoded);
	return r->path ? 0 : problem_set(p, 400, NULL, NULL, "the path cannot be read");
}

static void on_request(struct evhttp_request *ev, void *context)
{
	const struct timeval write_timeout = {.tv_sec = WRITE_TIMEOUT_S};
	struct http *h = context;
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
	struct connection *c = connection_find(&h->connections, evhttp_connection_get_bufferevent(evcon));
	struct http_request *r = c && !c->complete && !c->dropped ? mem_alloc(1, sizeof *r, NULL) : NULL;
	struct problem p;
	if (ev->type ==
		EVHTTP_REQ_CONNECT) /* after which evhttp would go on reading, whatever the answer; nobody answers PUT either */
		ev->type = EVHTTP_REQ_PUT;
	evhttp_remove_header(evhttp_request_get_input_headers(ev), "Connection"); /* or evhttp agrees with HTTP/1.0's keep-alive */
	evhttp_add_header(evhttp_request_get_output_headers(ev), "Connection", "close");
	if (!r) {
		evhttp_send_error(ev, 503, NULL);
		return;
	}
	*r = (struct http_request){.http = h, .connection = c, .ev = ev, .sent_s = now_s()};
	connection_complete(c);
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

static const char out_of_memory[] =
	"{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\",\"param\":null,\"code\":null}}";

void http_reply_json(struct http_request *r, int status, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	http_reply(r, text ? status : 500, "application/json", text ? text : out_of_memory, strlen(text ? text : out_of_memory));
	free(text);
}

void http_stream_begin(struct http_request *r)
{
	add_headers(r, "text/event-stream");
	r->streaming = true;
	evhttp_send_reply_start(r->ev, 200, NULL);
	watch(r);
}

/* One event; nobody listens any more when the connection has gone, which on_close tells. */
static void put(struct http_request *r, const char *field, const char *text)
{
	struct evbuffer *out = evbuffer_new();
	if (out && evbuffer_add_printf(out, "%s %s\n\n", field, text) > 0)
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
	put(r, "data:", text ? text : out_of_memory);
	free(text);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct http *h = context;
	(void)fd, (void)what;
	connections_expire(&h->connections);
	for (struct connection *c = h->connections.first; c; c = c->next)
		if (c->request && c->request->streaming && now_s() - c->request->sent_s > PING_S)
			put(c->request, ":", "ping");
}

void http_stream_end(struct http_request *r, bool done)
{
	if (done)
		put(r, "data:", "[DONE]");
	evhttp_send_reply_end(let_go(r));
}

void http_reply_problem(struct http_request *r, const struct problem *p)
{
	if (!r->streaming) {
		http_reply_json(r, p->status, problem_json(p));
		return;
	}
	http_stream_put(r, problem_json(p));
	http_stream_end(r, false);
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
			EVHTTP_REQ_PATCH | EVHTTP_REQ_CONNECT);
	h->connections.door = evhttp_bound_socket_get_listener(h->door);
	evhttp_set_bevcb(h->ev, connection_open, &h->connections);
	evhttp_set_gencb(h->ev, on_request, h);
	*out = h;
	return 0;
}

void http_refuse_new(struct http *h)
{
	if (h->door)
		evhttp_del_accept_socket(h->ev, h->door);
	h->door = NULL;
	h->connections.door = NULL;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	for (struct connection *c = h->connections.first; c; c = c->next) {
		struct http_request *r = c->request;
		void (*on_gone)(void *) = r ? r->on_gone : NULL;
		void *owner = r ? r->context : NULL;
		if (r)
			let_go(r);
		if (on_gone)
			on_gone(owner);
	}
	if (h->ev)
		evhttp_free(h->ev); /* with its connections */
	connections_release(&h->connections);
	if (h->tick)
		event_free(h->tick);
	mem_free(h);
}

const char *http_url(const struct http *h)
{
	return h->url;
}

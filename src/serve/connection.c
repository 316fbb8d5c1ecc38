/*
 * What evhttp lacks about connections: how many there may be, how long a request and how much memory they may all take, and a look at the bytes
 * of the head. Reference: connection.h; RFC 9112, section 2.2 (lines).
 */
#include "serve/connection.h"

#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "base/base.h"

/* Whether evhttp has freed its connection: it takes its callbacks away then. */
static bool has_ended(const struct connection *c)
{
	bufferevent_event_cb event;
	bufferevent_getcb(c->bev, NULL, NULL, &event, NULL);
	return !event;
}

/* Its bytes are not those of a request under way any more. */
static void uncount(struct connection *c)
{
	c->all->bytes -= c->bytes;
	c->bytes = 0;
}

void connection_complete(struct connection *c)
{
	c->complete = c->head_ended = true;
	uncount(c);
}

/* evhttp hears of it as of a client that has gone. */
static void drop(struct connection *c)
{
	if (c->dropped)
		return;
	c->dropped = true;
	c->all->n--;
	c->all->n_dropped++;
	uncount(c);
	shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

static void forget(struct connection **at)
{
	struct connection *c = *at;
	*at = c->next;
	c->all->n -= !c->dropped;
	c->all->n_dropped -= c->dropped;
	uncount(c);
	bufferevent_decref(c->bev);
	mem_free(c);
}

/* Whoever has been longest about its request, or NULL. */
static struct connection *slowest(const struct connections *all)
{
	struct connection *found = NULL;
	for (struct connection *c = all->first; c; c = c->next)
		if (!c->dropped && !c->complete)
			found = c;
	return found;
}

/* The slowest if it has had its time, or NULL. */
static struct connection *too_slow(const struct connections *all)
{
	struct connection *c = slowest(all);
	return c && now_s() - c->since_s >= YOUNG_MS / 1e3 ? c : NULL;
}

/* Forgets connections that have ended, and opens the door again. */
static void sweep(struct connections *all)
{
	for (struct connection **at = &all->first; *at;) {
		if (has_ended(*at))
			forget(at);
		else
			at = &(*at)->next;
	}
	if (all->full && all->door && all->n_dropped < DROPPED_MAX && (all->n < CONNECTIONS_MAX || too_slow(all))) {
		evconnlistener_enable(all->door);
		all->full = false;
	}
}

static void look_later(struct connections *all);

static void on_later(evutil_socket_t fd, short what, void *context)
{
	struct connections *all = context;
	(void)fd, (void)what;
	sweep(all);
	if (all->full && all->door && slowest(all))
		look_later(all);
}

static void look_later(struct connections *all)
{
	const struct timeval later = {.tv_usec = 1000};
	event_base_once(evconnlistener_get_base(all->door), -1, EV_TIMEOUT, on_later, all, &later);
}

/* evhttp sees only in the loop's next turn who was dropped; until then no more come than there are descriptors for. */
static void make_room(struct connections *all)
{
	struct connection *c;
	sweep(all);
	if (all->n < CONNECTIONS_MAX)
		return;
	if ((c = too_slow(all)))
		drop(c);
	if (c && all->n_dropped < DROPPED_MAX)
		return;
	evconnlistener_disable(all->door);
	all->full = true;
	if (slowest(all) || c)
		look_later(all);
}

/* Looks at the bytes of the head as they come. */
static void look(struct connection *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n && !c->head_ended; i++) {
		c->odd |= !p[i] || (p[i] == '\n' && c->last != '\r') || (p[i] != '\n' && c->last == '\r');
		c->last = p[i];
		c->line_bytes += p[i] != '\r' && p[i] != '\n';
		c->head_ended = p[i] == '\n' && !c->line_bytes;
		c->line_bytes = p[i] == '\n' ? 0 : c->line_bytes;
	}
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context)
{
	struct connection *c = context, *late;
	struct evbuffer_iovec part[8];
	struct evbuffer_ptr from;
	if (c->complete || c->dropped || !info->n_added)
		return;
	if (!c->head_ended && !evbuffer_ptr_set(buffer, &from, evbuffer_get_length(buffer) - info->n_added, EVBUFFER_PTR_SET)) {
		int n = evbuffer_peek(buffer, (ev_ssize_t)info->n_added, &from, part, 8);
		for (int i = 0; i < n && i < 8; i++)
			look(c, part[i].iov_base, part[i].iov_len);
	}
	c->bytes += info->n_added;
	c->all->bytes += info->n_added;
	if (c->all->bytes > INCOMING_BYTES_MAX && (late = slowest(c->all)))
		drop(late);
}

struct bufferevent *connection_open(struct event_base *base, void *connections)
{
	struct connections *all = connections;
	struct connection *c = mem_alloc(1, sizeof *c, NULL);
	make_room(all);
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	if (!bev || !c) { /* evhttp makes one of its own then, and we do not know of it */
		mem_free(c);
		return bev;
	}
	bufferevent_incref(bev);
	*c = (struct connection){.all = all, .bev = bev, .since_s = now_s(), .next = all->first};
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, c);
	all->first = c;
	all->n++;
	return bev;
}

struct connection *connection_find(const struct connections *all, const struct bufferevent *bev)
{
	struct connection *c = all->first;
	while (c && c->bev != bev)
		c = c->next;
	return c;
}

void connections_expire(struct connections *all)
{
	double now = now_s();
	sweep(all);
	for (struct connection *c = all->first; c; c = c->next)
		if (!c->complete && now - c->since_s > (c->head_ended ? BODY_TIMEOUT_S : HEAD_TIMEOUT_S))
			drop(c);
}

void connections_release(struct connections *all)
{
	while (all->first)
		forget(&all->first);
}

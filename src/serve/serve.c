/*
 * The loop: connections, the engine's news, and a tick that looks whether to stop. Reference: serve.h.
 */
#include "serve/page.h"

#include <sys/stat.h>

#include <event2/event.h>

#include "flow/flow.h"
#include "serve/connection.h"
#include "serve/key.h"

enum { TICK_MS = 200, GRACE_S = 10, TRAINING_GRACE_S = 30 /* for a step and its checkpoint */ };
_Static_assert(QUEUE_MAX + BATCHER_SLOTS_MAX < CONNECTIONS_MAX, "who waits for an answer would keep everybody else out");

struct loop {
	struct server server;
	struct event_base *base;
	struct event *news, *tick;
	bool ready;
	double stopped_s, idle_s; /* when it was asked to stop, and when nobody was left */
	int rc;
	struct err *e;
};

static void on_news(evutil_socket_t fd, short what, void *context)
{
	struct loop *l = context;
	(void)fd, (void)what;
	exchange_news(&l->server); /* empties the descriptor, so it comes first */
	pending_news(&l->server);
	enum engine_state state = engine_state(l->server.engine, l->e);
	if (state == ENGINE_FAILED) {
		l->rc = l->e->code;
		event_base_loopbreak(l->base);
	} else if (state == ENGINE_READY && !l->ready) {
		l->ready = true;
		log_line(LOG_INFO, "the model is loaded; next: open %s in a browser", http_url(l->server.http));
	}
}

/* Asked to stop it lets nobody in, waits for who is inside and for a training, and a tick more for the last bytes to leave. */
static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct loop *l = context;
	double now = now_s();
	(void)fd, (void)what;
	bool training = training_tick(&l->server, *l->server.o->stop);
	pending_expire(&l->server, l->stopped_s > 0 && now - l->stopped_s > GRACE_S);
	if (!*l->server.o->stop)
		return;
	if (!l->stopped_s) {
		l->stopped_s = now;
		http_refuse_new(l->server.http);
		log_line(LOG_INFO, "stopping; who is being answered has %d s", GRACE_S);
		if (training)
			log_line(LOG_INFO, "the training has %d s to write a checkpoint", TRAINING_GRACE_S);
	}
	if (l->server.pending || (training && now - l->stopped_s < TRAINING_GRACE_S))
		return;
	if (l->idle_s)
		event_base_loopbreak(l->base);
	l->idle_s = now;
}

static int loop_run(struct loop *l)
{
	const struct timeval tick = {.tv_usec = TICK_MS * 1000};
	l->news = event_new(l->base, engine_fd(l->server.engine), EV_READ | EV_PERSIST, on_news, l);
	l->tick = event_new(l->base, -1, EV_PERSIST, on_tick, l);
	if (!l->news || !l->tick || event_add(l->news, NULL) || event_add(l->tick, &tick))
		return err_set(l->e, ERR_RESOURCE, "out of memory while starting the server");
	l->server.o->ready(http_url(l->server.http));
	event_base_dispatch(l->base);
	return l->rc;
}

static int documents_open(struct server *s, const char *data, const struct evidence **out, struct err *e)
{
	struct stat folder;
	if (stat(data, &folder))
		return err_errno(e, "look at", data);
	for (size_t i = 0; i < s->n_documents; i++)
		if (s->documents[i].device == folder.st_dev && s->documents[i].inode == folder.st_ino) {
			*out = s->documents[i].evidence;
			return 0;
		}
	struct documents *d = &s->documents[s->n_documents];
	*d = (struct documents){.device = folder.st_dev, .inode = folder.st_ino};
	int rc = evidence_open(&d->evidence, data, e);
	s->n_documents += rc == 0;
	*out = d->evidence;
	return rc;
}

/* What questions are objected to by: the data folder's for passages, for an adapter alone those that it was trained on. */
static int evidence_find(struct server *s, struct err *e)
{
	char data[PATH_SIZE];
	int rc = s->o->data ? documents_open(s, s->o->data, &s->evidence, e) : 0;
	for (size_t i = 0; i < s->o->n_adapters && !rc; i++) {
		const char *name = s->o->adapter[i].name;
		struct err trouble;
		if (!flow_trained_data(data, s->o->adapter[i].path))
			log_line(LOG_INFO, "what %s was trained on is not here: its questions are held to no documents", name);
		else if (documents_open(s, data, &s->trained[i], &trouble))
			log_line(LOG_WARNING, "%s; questions to %s are held to no documents", trouble.text, name);
		else
			log_line(LOG_INFO, "questions to %s are held to the documents of %s", name, data);
	}
	return rc;
}

int serve_run(const struct serve_options *o, struct err *e)
{
	struct loop l = {.server = {.o = o, .started = time(NULL)}, .e = e};
	char key[KEY_SIZE];
	struct http_options http = {.host = o->host, .port = o->port, .on_request = route, .context = &l.server};
	int rc = 0;
	signal(SIGPIPE, SIG_IGN); /* or a client that goes while it is being answered ends the process */
	for (size_t i = 0; i < o->n_adapters; i++)
		l.server.scale[i] = 1;
	if (o->key_file && !(rc = key_read(o->key_file, key, e)))
		http.key = key;
	if (!rc && o->data)
		rc = search_open(&l.server.search, o->data, o->embedder, e);
	if (!rc)
		rc = evidence_find(&l.server, e);
	if (!rc)
		rc = page_open(&l.server.page, o, e);
	if (!rc && !(l.base = event_base_new()))
		rc = err_set(e, ERR_RESOURCE, "out of memory while starting the server");
	if (!rc)
		rc = http_open(&l.server.http, l.base, &http, e);
	if (!rc)
		rc = engine_start(&l.server.engine, o, e);
	if (!rc)
		rc = loop_run(&l);
	if (l.news)
		event_free(l.news);
	if (l.tick)
		event_free(l.tick);
	http_close(l.server.http);
	engine_stop(l.server.engine);
	pending_free_all(&l.server);
	search_close(l.server.search);
	page_close(l.server.page);
	for (size_t i = 0; i < l.server.n_documents; i++)
		evidence_free(l.server.documents[i].evidence);
	if (l.base)
		event_base_free(l.base);
	return rc;
}

/*
 * Private to serve: what the loop's files share.
 */
#ifndef ATTUNE_SERVE_SERVER_H
#define ATTUNE_SERVE_SERVER_H

#include <sys/types.h>
#include <time.h>

#include "data/data.h"
#include "search/search.h"
#include "serve/engine.h"
#include "serve/http.h"

enum { ANSWER_TIMEOUT_S = 600 };

/* What the sections of a data folder, which is known by its inode, say. */
struct documents {
	dev_t device;
	ino_t inode;
	struct evidence *evidence;
};

struct page;
struct pending;
struct server {
	const struct serve_options *o;
	struct engine *engine;
	struct http *http;
	struct search *search;                              /* the engine's thread finds; NULL: no data folder */
	struct documents documents[SERVE_ADAPTERS_MAX + 1]; /* the loop's, each folder once */
	size_t n_documents;
	const struct evidence *evidence;                    /* of the data folder */
	const struct evidence *trained[SERVE_ADAPTERS_MAX]; /* of what adapter i was trained on; NULL: unknown */
	struct page *page;
	struct pending *pending; /* the newest first */
	time_t started;
	float scale[SERVE_ADAPTERS_MAX]; /* times that of adapter i, by /lora-adapters */
};

/* Answers a request; `rest` is what follows the endpoint's path. */
typedef void handler(struct server *s, struct http_request *r, const char *rest);
/* Says who answers a request. */
void route(void *server, struct http_request *r);

/* A model as clients name it: the base, an adapter, or one of these with passages ("NAME/rag"). */
struct target {
	struct lora lora; /* at its scale; zeroed: the base alone */
	bool rag;
	const struct evidence *evidence; /* that questions are held to; NULL: none */
};
/* 404 where there is none. */
int target_find(const struct server *s, const char *name, struct target *out, struct problem *p);

handler chat_post, text_post;                                                          /* exchange.c: completions */
handler embeddings_post;                                                               /* embeddings.c */
handler tokenize_post, detokenize_post, template_post, props_get, lora_get, lora_post; /* llama.c */

/* What the engine has to say, to whom it may concern: of jobs, of tasks. */
void exchange_news(struct server *s);
void pending_news(struct server *s);
/* Ends requests that take too long; `all`: every one. */
void pending_expire(struct server *s, bool all);
/* When the engine has stopped: what is left of them. */
void pending_free_all(struct server *s);

/* /metrics, in Prometheus' text format. */
int metrics_write(struct server *s, struct buf *out, struct err *e);

#endif

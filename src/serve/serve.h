/*
 * serve: the network edge. An HTTP server that speaks OpenAI's language about one model and its adapters.
 *
 * Two threads. The loop (libevent) owns every connection and all that is said on it: http.c is the edge, routes.c says who answers, request.c
 * understands, exchange.c leads a request to its answer, reply.c writes it. The engine (engine.c) owns the model and computes; jobs go to it
 * through a bounded queue, news come back through a list.
 */
#ifndef ATTUNE_SERVE_H
#define ATTUNE_SERVE_H

#include <signal.h>

#include "base/base.h"

enum { SERVE_ADAPTERS_MAX = 32 };

struct serve_adapter {
	const char *path, *name;
};

struct serve_options {
	const char *model, *model_name, *model_given; /* path; what clients call it; what hub_resolve was asked for */
	const struct serve_adapter *adapter;
	size_t n_adapters;               /* up to SERVE_ADAPTERS_MAX */
	const char *data;                /* data folder whose passages NAME/rag answers from, or NULL */
	const struct embedder *embedder; /* finds passages by meaning, and is served itself; NULL: none */
	const char *embedder_name;       /* what clients call it */
	const char *results;    /* folder of attune run's results, shown on the page, where its visitors' work is kept; or NULL */
	const char *const *run; /* [n_runs] folders of training runs, to be watched beside those of `results` */
	size_t n_runs;
	const char *host, *port;           /* port "0": any free one */
	const char *key_file;              /* of the key that clients must show; NULL: none. A file that is not there yet is made */
	size_t n_parallel, context;        /* sequences at a time; tokens of one, prompt and answer */
	int n_threads;                     /* that compute */
	void (*ready)(const char *url);    /* called once, when connections are accepted; the model may still be loading */
	const volatile sig_atomic_t *stop; /* becoming true ends it: what is being answered is finished, for at most ten seconds */
};

/* Serves until `stop`. ERR_DATA for a damaged file of the page in `results`; ERR_USAGE for an address that others can reach, without a key; otherwise the errors of model_open, lora_open, search_open. */
int serve_run(const struct serve_options *o, struct err *e);

#endif

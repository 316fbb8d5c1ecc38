/*
 * For bench/search.py: builds the index of a data folder and looks up each line of stdin; prints the processor's seconds of each, which a busy
 * machine does not stretch. By words, or, with the folder of an embedder, by words and meaning: passages get vectors by chance then, since the
 * embedder's own would take hours, and what is looked for in them takes as long.
 * usage: search_tool DATA [EMBEDDER] < QUESTIONS
 */
#include "search/search.h"

#include <math.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kern/kern.h"
#include "store/store.h"

enum { AT_ONCE = 1000 };

static double used_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

struct planting {
	struct store *store;
	int64_t row[AT_ONCE];
	size_t n;
};

static int row_keep(void *context, const struct store_hit *hit, struct err *e)
{
	struct planting *p = context;
	(void)e;
	p->row[p->n++] = hit->row;
	return 0;
}

/* Vectors of length 1 for the rows. */
static int batch_plant(struct planting *p, const struct store_keys *keys, size_t width, struct rng *r, struct err *e)
{
	float *v = mem_alloc(width, sizeof *v, e);
	uint16_t *half = mem_alloc(p->n * width, sizeof *half, e);
	const struct store_vectors put = {p->row, half, p->n, width * sizeof *half};
	int rc = v && half ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < p->n && !rc; i++) {
		for (size_t k = 0; k < width; k++)
			v[k] = rng_normal(r);
		float length = (float)sqrt(kern->sum_squares(v, width));
		for (size_t k = 0; k < width; k++)
			v[k] /= length;
		dtype_quantize(half + i * width, DTYPE_F16, v, width);
	}
	if (!rc)
		rc = store_vectors_put(p->store, keys, &put, e);
	mem_free(v);
	mem_free(half);
	return rc;
}

static int vectors_plant(const char *data, const struct embedder *m, struct err *e)
{
	static struct planting p;
	char path[PATH_SIZE], key[65];
	const struct store_keys keys = {key, embedder_key(m)};
	struct rng r;
	size_t n_missing;
	rng_init(&r, 0, RNG_DATA, 0, 0);
	int rc = path_join(path, sizeof path, e, data, "index.db");
	if (!rc)
		rc = store_open(&p.store, path, e);
	if (!rc)
		rc = store_index_key(p.store, key, e);
	if (!rc)
		rc = store_vectors_begin(p.store, keys.embedder, &n_missing, e);
	for (int64_t last = -1; !rc; last = p.row[p.n - 1]) {
		p.n = 0;
		rc = store_vectors_missing(p.store, last, AT_ONCE, row_keep, &p, e);
		if (rc || !p.n)
			break;
		rc = batch_plant(&p, &keys, embedder_width(m), &r, e);
	}
	store_close(p.store);
	return rc;
}

static int questions_ask(struct search *s, struct err *e)
{
	char *line = NULL;
	size_t size = 0;
	int rc = 0;
	while (!rc && getline(&line, &size, stdin) > 0) {
		struct search_hits hits;
		line[strcspn(line, "\n")] = 0;
		double start = used_s();
		rc = search_find(s, line, PASSAGES_SHOWN, &hits, e);
		if (!rc)
			printf("%g\n", used_s() - start);
		search_hits_release(&hits);
	}
	free(line);
	return rc;
}

int main(int argc, char **argv)
{
	struct search *s = NULL;
	struct embedder *m = NULL;
	struct err e = {0};
	double start = used_s();
	int rc = argc == 2 || argc == 3 ? search_open(&s, argv[1], NULL, &e)
					: err_set(&e, ERR_USAGE, "usage: search_tool DATA [EMBEDDER] < QUESTIONS");
	if (!rc)
		printf("%g\n", used_s() - start);
	if (!rc && argc == 3) {
		search_close(s);
		s = NULL;
		rc = kern_init(NULL, &e);
		if (!rc)
			rc = embedder_open(&m, argv[2], &e);
		if (!rc)
			rc = vectors_plant(argv[1], m, &e);
		if (!rc)
			rc = search_open(&s, argv[1], m, &e);
	}
	if (!rc)
		rc = questions_ask(s, &e);
	if (rc)
		fprintf(stderr, "search_tool: %s\n", e.text);
	search_close(s);
	embedder_free(m);
	return rc != 0;
}

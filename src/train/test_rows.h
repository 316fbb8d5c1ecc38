/* For tests of train: data sets of random ids, made without a tokenizer. */
#ifndef ATTUNE_TRAIN_TEST_ROWS_H
#define ATTUNE_TRAIN_TEST_ROWS_H

#include <stdio.h>

#include "train/dataset.h"

enum { SYNTHETIC_VOCAB = 384 }; /* of the models under tests/golden */

/* Appends a row of n ids whose last n_scored are scored. */
static inline void synthetic_row(struct dataset *d, struct rng *r, size_t n, size_t n_scored)
{
	mem_resize(&d->samples, d->n, d->n + 1, sizeof *d->samples, NULL);
	mem_resize(&d->line, d->n, d->n + 1, sizeof *d->line, NULL);
	struct sample *s = &d->samples[d->n];
	*s = (struct sample){.n = n, .n_scored = n_scored};
	s->ids = mem_alloc(n, sizeof *s->ids, NULL);
	s->scored = mem_alloc(n, 1, NULL);
	for (size_t i = 0; i < n; i++) {
		s->ids[i] = (int32_t)rng_below(r, SYNTHETIC_VOCAB);
		s->scored[i] = i >= n - n_scored;
	}
	d->line[d->n] = d->n + 1;
	d->n = d->cap = d->n + 1;
	d->n_tokens += n;
	d->n_scored += n_scored;
}

/* n rows of 4 to `longest` tokens, ragged, at least one and less than all scored. */
static inline void synthetic_dataset(struct dataset *d, uint32_t key, size_t n, size_t longest)
{
	struct rng r;
	*d = (struct dataset){0};
	snprintf(d->path, sizeof d->path, "synthetic.jsonl");
	rng_init(&r, 7, RNG_DATA, key, 0);
	for (size_t i = 0; i < n; i++) {
		size_t length = 4 + rng_below(&r, (uint32_t)longest - 3);
		synthetic_row(d, &r, length, 1 + rng_below(&r, (uint32_t)length - 1));
	}
}

#endif

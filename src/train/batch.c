/*
 * Samples to micro-batches. Whole samples are laid end to end: there is no padding, attention and positions restart at each start,
 * and a target is always the next token of the same sample, so that packing changes speed and nothing else.
 * Place in the pipeline: dataset -> batch -> loop. Reference: model.h (struct batch).
 */
#include "train/batch.h"

#include <string.h>

/* ---- plan ------------------------------------------------------------------------------------------------------------------- */

int plan_init(struct plan *p, const struct dataset *d, struct err *e)
{
	*p = (struct plan){0};
	if (d->n >= UINT32_MAX)
		return err_set(e, ERR_DATA, "%s: %zu rows; at most 2^32 - 2 can be trained on", d->path, d->n);
	p->order = mem_alloc(d->n, sizeof *p->order, e);
	p->first = mem_alloc(d->n + 1, sizeof *p->first, e);
	if (!p->order || !p->first) {
		plan_release(p);
		return ERR_RESOURCE;
	}
	return 0;
}

/* Next-fit in the given order: deterministic, and with rows much shorter than the limit little is left open. */
static void plan_cut(struct plan *p, const struct dataset *d, size_t token_limit, size_t seq_limit)
{
	size_t n_tokens = 0, n_seqs = 0;
	const struct sample *first = NULL; /* the one that plan_fill lays first, if known yet */
	p->n_batches = p->max_tokens = 0;
	for (size_t i = 0; i < d->n; i++) {
		const struct sample *s = &d->samples[p->order[i]];
		size_t n = s->n - (first ? sample_shared(s, first->ids, first->n) : 0);
		if (!i || n_tokens + n > token_limit || n_seqs == seq_limit) {
			p->first[p->n_batches++] = i;
			n_tokens = n_seqs = 0;
			first = NULL;
			n = s->n;
		}
		if (!first && !s->distill)
			first = s;
		n_tokens += n;
		n_seqs++;
		p->max_tokens = n_tokens > p->max_tokens ? n_tokens : p->max_tokens;
	}
	p->first[p->n_batches] = d->n;
}

void plan_epoch(struct plan *p, const struct dataset *d, const struct train_config *c, size_t epoch)
{
	size_t rows = (size_t)c->micro_batch_size;
	for (size_t i = 0; i < d->n; i++)
		p->order[i] = (uint32_t)i;
	if (c->shuffle) {
		struct rng r;
		rng_init(&r, c->seed, RNG_SHUFFLE, (uint32_t)epoch, 0);
		rng_shuffle(&r, p->order, d->n);
	}
	if (c->sample_packing)
		plan_cut(p, d, rows * (size_t)c->sequence_len, SIZE_MAX);
	else
		plan_cut(p, d, SIZE_MAX, rows);
}

void plan_in_order(struct plan *p, const struct dataset *d, const struct train_config *c)
{
	for (size_t i = 0; i < d->n; i++)
		p->order[i] = (uint32_t)i;
	plan_cut(p, d, (size_t)c->micro_batch_size * (size_t)c->sequence_len, SIZE_MAX);
}

void plan_release(struct plan *p)
{
	mem_free(p->order);
	mem_free(p->first);
	*p = (struct plan){0};
}

/* ---- micro-batch ------------------------------------------------------------------------------------------------------------ */

void plan_fill(struct packer *m, const struct dataset *d, const struct plan *p, size_t b)
{
	packer_clear(m);
	for (int distill = 0; distill < 2; distill++)
		for (size_t i = p->first[b]; i < p->first[b + 1]; i++)
			if (d->samples[p->order[i]].distill == distill)
				packer_add(m, &d->samples[p->order[i]]);
}

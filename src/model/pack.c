/* Samples to a batch: end to end, each row predicting the next token of its own sample where that token is scored. */
#include "model/model.h"

#include <string.h>

int packer_init(struct packer *p, size_t max_tokens, size_t max_seqs, struct err *e)
{
	memset(p, 0, sizeof(*p));
	if (!(p->tokens = mem_alloc(max_tokens, sizeof(*p->tokens), e)) ||
		!(p->scored_row = mem_alloc(max_tokens, sizeof(*p->scored_row), e)) ||
		!(p->target = mem_alloc(max_tokens, sizeof(*p->target), e)) ||
		!(p->start = mem_alloc(max_seqs + 1, sizeof(*p->start), e))) {
		packer_release(p);
		return ERR_RESOURCE;
	}
	p->batch = (struct batch){.tokens = p->tokens, .start = p->start, .scored_row = p->scored_row, .target = p->target};
	return 0;
}

void packer_clear(struct packer *p)
{
	p->batch.n_tokens = p->batch.n_seqs = p->batch.n_scored = 0;
}

void packer_add(struct packer *p, const struct sample *s)
{
	struct batch *b = &p->batch;
	memcpy(p->tokens + b->n_tokens, s->ids, s->n * sizeof(*s->ids));
	for (size_t i = 1; i < s->n; i++) {
		if (!s->scored[i])
			continue;
		p->scored_row[b->n_scored] = (int32_t)(b->n_tokens + i - 1);
		p->target[b->n_scored++] = s->ids[i];
	}
	b->n_tokens += s->n;
	p->start[++b->n_seqs] = b->n_tokens;
}

void packer_release(struct packer *p)
{
	mem_free(p->tokens);
	mem_free(p->scored_row);
	mem_free(p->target);
	mem_free(p->start);
	memset(p, 0, sizeof(*p));
}

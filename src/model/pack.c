/* Samples to a batch: end to end, each row predicting the next token of its own sample where that token is scored. */
#include "model/model.h"

#include <string.h>

int packer_init(struct packer *p, size_t max_tokens, size_t max_seqs, struct err *e)
{
	memset(p, 0, sizeof(*p));
	if (!(p->tokens = mem_alloc(max_tokens, sizeof(*p->tokens), e)) ||
		!(p->scored_row = mem_alloc(max_tokens, sizeof(*p->scored_row), e)) ||
		!(p->target = mem_alloc(max_tokens, sizeof(*p->target), e)) ||
		!(p->start = mem_alloc(max_seqs + 1, sizeof(*p->start), e)) ||
		!(p->shared = mem_alloc(max_seqs + 1, sizeof(*p->shared), e))) {
		packer_release(p);
		return ERR_RESOURCE;
	}
	p->batch = (struct batch){
		.tokens = p->tokens, .start = p->start, .shared = p->shared, .scored_row = p->scored_row, .target = p->target};
	return 0;
}

void packer_clear(struct packer *p)
{
	p->batch.n_tokens = p->batch.n_seqs = p->batch.n_scored = p->batch.n_distilled = 0;
}

/* Equal ids in front that the sample does not score, at most `most`. */
static size_t begins_like(const struct sample *s, const int32_t *first, size_t most)
{
	size_t n = 0;
	while (n < most && s->ids[n] == first[n] && !s->scored[n + 1])
		n++;
	return n;
}

size_t sample_shared(const struct sample *s, const int32_t *first, size_t n_first)
{
	return begins_like(s, first, s->n / 2 < n_first ? s->n / 2 : n_first);
}

void packer_add(struct packer *p, const struct sample *s)
{
	struct batch *b = &p->batch;
	size_t shared = 0;
	if (b->n_seqs && p->forward_only)
		shared = begins_like(s, p->tokens, s->n - 1 < p->start[1] ? s->n - 1 : p->start[1]);
	else if (b->n_seqs)
		shared = sample_shared(s, p->tokens, p->start[1]);
	size_t n = s->n - shared;
	memcpy(p->tokens + b->n_tokens, s->ids + shared, n * sizeof(*s->ids));
	for (size_t i = shared + 1; i < s->n; i++) {
		if (!s->scored[i])
			continue;
		p->scored_row[b->n_scored] = (int32_t)(b->n_tokens + i - shared - 1);
		p->target[b->n_scored++] = s->ids[i];
	}
	b->n_tokens += n;
	p->shared[b->n_seqs] = shared;
	p->start[++b->n_seqs] = b->n_tokens;
}

void packer_release(struct packer *p)
{
	mem_free(p->tokens);
	mem_free(p->scored_row);
	mem_free(p->target);
	mem_free(p->start);
	mem_free(p->shared);
	memset(p, 0, sizeof(*p));
}

/*
 * The base as teacher, a group of micro-batches ahead. Place in the pipeline: batch -> teacher -> trainer. Reference: teacher.h.
 */
#include "train/teacher.h"

int teacher_init(struct teacher *t, const struct model *m, const struct dataset *d, size_t max_tokens, struct err *e)
{
	size_t C = model_config(m)->C;
	*t = (struct teacher){0};
	if (!dataset_distills(d))
		return 0;
	t->rows = mem_alloc(max_tokens, C * sizeof *t->rows, e);
	return t->rows ? 0 : ERR_RESOURCE;
}

void teacher_release(struct teacher *t)
{
	mem_free(t->rows);
	*t = (struct teacher){0};
}

/* The sums of n (what 0) or n_scored (what 1) over the distilled samples of micro-batch b. */
static size_t distilled(const struct dataset *d, const struct plan *p, size_t b, int what)
{
	size_t n = 0;
	for (size_t i = p->first[b]; i < p->first[b + 1]; i++) {
		const struct sample *s = &d->samples[p->order[i]];
		n += !s->distill ? 0 : what ? s->n_scored : s->n;
	}
	return n;
}

/* The group that b is in: from the first micro-batch on, each takes what fits into the largest. */
static void group_find(struct teacher *t, const struct dataset *d, const struct plan *p, size_t b)
{
	size_t n = 0;
	t->first = t->end = 0;
	while (t->end < p->n_batches) {
		size_t more = distilled(d, p, t->end, 0);
		if (n + more > p->max_tokens) {
			if (b < t->end)
				return;
			t->first = t->end;
			n = 0;
		}
		n += more;
		t->end++;
	}
}

static int group_compute(struct teacher *t, const struct model *m, struct work *w, struct packer *micro, const struct dataset *d,
	const struct plan *p, struct err *e)
{
	packer_clear(micro);
	for (size_t i = p->first[t->first]; i < p->first[t->end]; i++)
		if (d->samples[p->order[i]].distill)
			packer_add(micro, &d->samples[p->order[i]]);
	return micro->batch.n_seqs ? model_teacher(m, w, &micro->batch, t->rows, e) : 0;
}

int teacher_fill(struct teacher *t, const struct model *m, struct work *w, struct packer *micro, const struct dataset *d,
	const struct plan *p, size_t epoch, size_t b, struct err *e)
{
	size_t at = 0;
	if (t->rows && (t->epoch != epoch || b < t->first || b >= t->end)) {
		group_find(t, d, p, b);
		t->epoch = epoch;
		int rc = group_compute(t, m, w, micro, d, p, e);
		if (rc) {
			t->end = t->first; /* nothing is there */
			return rc;
		}
	}
	plan_fill(micro, d, p, b);
	if (!t->rows)
		return 0;
	for (size_t i = t->first; i < b; i++)
		at += distilled(d, p, i, 1);
	micro->batch.n_distilled = distilled(d, p, b, 1);
	micro->batch.teacher = t->rows + at * model_config(m)->C;
	return 0;
}

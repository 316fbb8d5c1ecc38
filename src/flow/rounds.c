/*
 * What review says of who wrote: drafts of one origin are a round, in the order in which origins appeared. Reference: flow.h.
 */
#include <string.h>

#include "data/data.h"
#include "flow/flow.h"

/* One draft whose editing counts. */
struct edited {
	size_t round;
	struct eval_edits edits;
};

struct counting {
	struct flow_rounds *out;
	json_t *rounds, *clusters; /* numbers by origin, by source document */
	struct edited *item;
	size_t n, cap, cap_rounds;
};

static void findings_count(struct flow_round *r, const char *findings)
{
	json_t *list = json_loads(findings, 0, NULL), *one;
	size_t i;
	json_array_foreach (list, i, one) {
		const char *kind = json_string_value(json_object_get(one, "kind"));
		r->n_terms += kind && !strcmp(kind, lint_kind_name(LINT_TERM));
		r->n_claims += review_is_claim(kind);
	}
	json_decref(list);
}

static int round_find(struct counting *c, const char *origin, size_t *out, struct err *e)
{
	struct flow_rounds *all = c->out;
	int rc = json_number_of(c->rounds, origin, out, e);
	if (rc || *out < all->n)
		return rc;
	if ((rc = mem_reserve(&all->p, all->n, &c->cap_rounds, sizeof *all->p, e)))
		return rc;
	all->p[all->n] = (struct flow_round){0};
	if (!(all->p[all->n].origin = mem_strdup(origin, e)))
		return ERR_RESOURCE;
	all->n++;
	return 0;
}

/* Drafts on the same document need alike edits, so they are drawn together; without passages each draft stands alone. */
static int cluster_find(struct counting *c, const struct review_draft *d, size_t *out, struct err *e)
{
	json_t *evidence = json_loads(d->evidence, 0, NULL);
	const char *source = json_string_value(json_object_get(json_array_get(evidence, 0), "source"));
	int rc = json_number_of(c->clusters, source ? source : d->id, out, e);
	json_decref(evidence);
	return rc;
}

static int draft_count(void *context, const struct review *v, struct err *e)
{
	struct counting *c = context;
	size_t round = 0;
	int rc = round_find(c, v->draft.origin, &round, e);
	if (rc)
		return rc;
	struct flow_round *r = &c->out->p[round];
	bool edited = v->verdict.action == REVIEW_EDIT, accepted = v->verdict.action == REVIEW_ACCEPT;
	r->n_drafts++;
	r->n_accepted += accepted;
	r->n_edited += edited;
	r->n_rejected += v->verdict.action == REVIEW_REJECT;
	r->n_simulated += v->verdict.simulated;
	r->seconds += v->seconds;
	findings_count(r, v->draft.findings);
	for (int i = 0; i < REVIEW_REASONS; i++)
		r->reason[i] += strstr(v->verdict.reasons, review_reason_names[i]) != NULL;
	if (!edited && !accepted)
		return 0;
	struct edited item = {.round = round};
	if (!(rc = cluster_find(c, &v->draft, &item.edits.cluster, e)))
		rc = eval_ter(v->draft.text, edited ? v->verdict.text : v->draft.text, &item.edits.n_edits, &item.edits.n_words, e);
	if (!rc && !(rc = mem_reserve(&c->item, c->n, &c->cap, sizeof *c->item, e)))
		c->item[c->n++] = item;
	return rc ? err_prefix(e, "draft %s", v->draft.id) : 0;
}

/* The rates of a round and how they differ from those of the round before. */
static int round_measure(const struct counting *c, size_t round, struct err *e)
{
	struct flow_round *r = &c->out->p[round];
	struct eval_edits *item = mem_alloc(c->n, sizeof *item, e);
	size_t n = 0;
	if (!item)
		return ERR_RESOURCE;
	for (size_t i = 0; i < c->n; i++) {
		size_t of = c->item[i].round;
		if (of != round && of + 1 != round)
			continue;
		item[n] = c->item[i].edits;
		item[n++].now = of == round;
	}
	r->unedited = eval_share(r->n_accepted, r->n_accepted + r->n_edited + r->n_rejected);
	int rc = eval_hter(item, n, json_object_size(c->clusters), &r->hter, &r->change, e);
	mem_free(item);
	return rc;
}

int flow_rounds(struct flow_rounds *out, struct reviews *r, struct err *e)
{
	struct counting c = {.out = out, .rounds = json_object(), .clusters = json_object()};
	*out = (struct flow_rounds){0};
	int rc = reviews_each(r, draft_count, &c, e);
	for (size_t i = 0; i < out->n && !rc; i++)
		rc = round_measure(&c, i, e);
	mem_free(c.item);
	json_decref(c.rounds);
	json_decref(c.clusters);
	if (rc)
		flow_rounds_release(out);
	return rc;
}

void flow_rounds_release(struct flow_rounds *r)
{
	for (size_t i = 0; i < r->n; i++)
		mem_free(r->p[i].origin);
	mem_free(r->p);
	*r = (struct flow_rounds){0};
}

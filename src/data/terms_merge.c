/* People's terms first. Reference: terms_merge.h. */
#include "data/terms_merge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/data.h"

/* What a person left as found is no decision. */
static const struct term *preferring(const struct terms *t, const char *form)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->p[i].status != TERM_FOUND && !strcasecmp(t->p[i].preferred, form))
			return &t->p[i];
	return NULL;
}

static bool forbids(const struct terms *t, const char *form)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->p[i].n_forbidden && t->p[i].status == TERM_ACCEPTED; k++)
			if (!strcasecmp(t->p[i].forbidden[k], form))
				return true;
	return false;
}

/* A copy in the arena, without the forbidden forms that `people` prefer. */
static int copy(struct term *out, const struct term *from, const struct terms *people, struct arena *a, struct err *e)
{
	*out = (struct term){.status = from->status,
		.preferred = arena_strdup(a, from->preferred, strlen(from->preferred), e),
		.forbidden = arena_alloc(a, from->n_forbidden, sizeof *out->forbidden, e),
		.definition = arena_strdup(a, from->definition, strlen(from->definition), e)};
	if (!out->preferred || !out->forbidden || !out->definition)
		return ERR_RESOURCE;
	for (size_t k = 0; k < from->n_forbidden; k++) {
		const char *form = from->forbidden[k];
		if (preferring(people, form))
			continue;
		if (!(out->forbidden[out->n_forbidden++] = arena_strdup(a, form, strlen(form), e)))
			return ERR_RESOURCE;
	}
	return 0;
}

static int by_preferred(const void *a, const void *b)
{
	return strcasecmp(((const struct term *)a)->preferred, ((const struct term *)b)->preferred);
}

static int merge(struct terms *t, const struct terms *people, struct err *e)
{
	struct term *p = arena_alloc(&t->arena, t->n + people->n, sizeof *p, e);
	size_t n = 0;
	int rc = p ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < t->n && !rc; i++)
		if (!preferring(people, t->p[i].preferred) && !forbids(people, t->p[i].preferred))
			rc = copy(&p[n++], &t->p[i], people, &t->arena, e);
	for (size_t i = 0; i < people->n && !rc; i++)
		if (people->p[i].status == TERM_ACCEPTED)
			rc = copy(&p[n++], &people->p[i], &(struct terms){0}, &t->arena, e);
	if (rc)
		return rc;
	if (n)
		qsort(p, n, sizeof *p, by_preferred);
	t->p = p;
	t->n = n;
	return 0;
}

int terms_merge(struct terms *t, const char *in, struct err *e)
{
	char path[PATH_SIZE];
	struct terms people;
	int rc = path_join(path, sizeof path, e, in, DATA_TERMS);
	if (rc || !dir_exists(in) || !file_exists(path) || (rc = terms_read(&people, path, e)))
		return rc;
	rc = merge(t, &people, e);
	terms_release(&people);
	return rc;
}

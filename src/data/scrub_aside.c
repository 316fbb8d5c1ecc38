/*
 * Personal data beside the texts: in the names of files, which stand in every row, title and message, and in terms that people keep
 * beside the documents. Reference: scrub.h.
 */
#include "data/scrub.h"

#include <stdio.h>
#include <string.h>

#include "data/walk.h"

enum { SUM_DIGITS = 8, NAME_BYTES = 40 };

/* `as`: what stands in place of every item; NULL: what its kind gets. */
static int string_scrub(const struct scrub *s, const char **text, struct str t, const char *as, struct arena *a, struct err *e)
{
	struct piis v = {0};
	struct buf b = {0};
	int rc = scrub_find(s, &v, (struct str){0}, t, true, e);
	for (size_t i = 0; i < v.n; i++)
		v.p[i].as = as;
	if (rc == 0 && v.n)
		rc = scrub_replace(&b, NULL, t, &v, e);
	if (rc == 0 && v.n)
		rc = buf_puts(&b, t.p + t.n, e);
	if (rc == 0 && v.n) {
		const char *clean = arena_strdup(a, b.p, b.len, e);
		*text = clean ? clean : *text;
		rc = clean ? 0 : ERR_RESOURCE;
	}
	buf_release(&b);
	piis_release(&v);
	return rc;
}

/* The ending stays, which says what reads the file; the sum keeps two files apart and leads back to each. */
int scrub_path(const struct scrub *s, struct document *d, struct arena *a, struct err *e)
{
	char as[NAME_BYTES];
	const char *slash = strrchr(d->path, '/'), *dot = strrchr(slash ? slash : d->path, '.');
	snprintf(as, sizeof as, "withheld-%.*s", SUM_DIGITS, d->sha256);
	const char *kept = arena_strdup(a, as, strlen(as), e);
	struct str path = {d->path, dot ? (size_t)(dot - d->path) : strlen(d->path)};
	int rc = kept ? string_scrub(s, &d->path, path, kept, a, e) : ERR_RESOURCE;
	if (rc == 0 && d->skipped) /* "open .../jo@post.org.md: ..." */
		rc = string_scrub(s, &d->skipped, (struct str){d->skipped, strlen(d->skipped)}, NULL, a, e);
	return rc;
}

int scrub_terms(const struct scrub *s, struct terms *t, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < t->n && rc == 0; i++) {
		struct term *k = &t->p[i];
		rc = string_scrub(s, &k->preferred, (struct str){k->preferred, strlen(k->preferred)}, NULL, &t->arena, e);
		if (rc == 0)
			rc = string_scrub(
				s, &k->definition, (struct str){k->definition, strlen(k->definition)}, NULL, &t->arena, e);
		for (size_t j = 0; j < k->n_forbidden && rc == 0; j++)
			rc = string_scrub(
				s, &k->forbidden[j], (struct str){k->forbidden[j], strlen(k->forbidden[j])}, NULL, &t->arena, e);
	}
	return rc;
}

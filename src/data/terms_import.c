/*
 * Vocabularies of other tools into the terms.yaml that belongs to people: what stands there already decides. Reference: data.h.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/data.h"
#include "data/tbx.h"
#include "data/walk.h"
#include "format/format.h"

static bool name_ends(const char *name, const char *ending)
{
	size_t n = strlen(name), k = strlen(ending);
	return n >= k && !strcasecmp(name + n - k, ending);
}

static bool is_vocabulary(const char *name)
{
	return !strcmp(name, "accept.txt") || !strcmp(name, "reject.txt") || name_ends(name, ".yml") || name_ends(name, ".tbx");
}

static int file_import(struct term_rules *rules, const char *path, struct err *e)
{
	return name_ends(path, ".tbx") || name_ends(path, ".xml") ? tbx_read(rules, path, e) : vale_read(rules, path, e);
}

/* All vocabularies below a folder, or one file. In a folder a file that is none is left out with its reason. */
static int rules_read(struct term_rules *rules, const char *from, struct err *e)
{
	struct paths found;
	char path[PATH_SIZE];
	bool folder = dir_exists(from);
	int rc = walk_for(&found, from, is_vocabulary, &rules->arena, e);
	if (!rc && !found.n)
		rc = err_set(e, ERR_DATA,
			"%s: no vocabulary in this folder or below: looked for accept.txt, reject.txt, *.yml, *.tbx", from);
	for (size_t i = 0; i < found.n && !rc; i++) {
		struct err why = {0};
		rc = folder ? path_join(path, sizeof path, e, from, found.p[i]) : 0;
		if (rc)
			break;
		rc = file_import(rules, folder ? path : from, &why);
		if (rc == ERR_DATA && folder && rules->n < TERM_RULES_MAX) {
			log_line(LOG_WARNING, "left out: %s", why.text);
			rules->n_unread++;
			rc = 0;
		} else if (rc) {
			rc = err_set(e, why.code, "%s", why.text);
		}
	}
	paths_release(&found);
	return rc;
}

/* ---- what is new --------------------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* Forms in any case, sorted. */
struct forms {
	const char **p; /* mem_free */
	size_t n, cap;
};

static int forms_add(struct forms *f, const char *text, struct err *e)
{
	if (mem_reserve(&f->p, f->n, &f->cap, sizeof *f->p, e))
		return ERR_RESOURCE;
	f->p[f->n++] = text;
	return 0;
}

static void forms_sort(struct forms *f)
{
	if (f->n)
		qsort(f->p, f->n, sizeof *f->p, by_text);
}

static bool forms_have(const struct forms *f, const char *text)
{
	return f->n && bsearch(&text, f->p, f->n, sizeof *f->p, by_text);
}

/* By the preferred form; the order of the files stays within one. */
static int by_preferred(const void *a, const void *b)
{
	const struct term_rule *x = *(const struct term_rule *const *)a, *y = *(const struct term_rule *const *)b;
	int order = strcasecmp(x->preferred, y->preferred);
	return order ? order : (x > y) - (x < y);
}

/* What decides: the forms of terms.yaml, and what any of the new terms prefers. */
struct decided {
	struct forms preferred, forbidden, wanted;
};

/* One term of n rules with one preferred form; of rules without one each is a term. */
static int term_make(
	struct term *out, const struct term_rule *const *r, size_t n, const struct decided *d, struct arena *a, struct err *e)
{
	*out = (struct term){.preferred = r[0]->preferred, .definition = ""};
	if (!(out->forbidden = arena_alloc(a, n, sizeof *out->forbidden, e)))
		return ERR_RESOURCE;
	for (size_t i = 0; i < n; i++) {
		const char *form = r[i]->forbidden;
		bool again = false;
		if (!*out->definition)
			out->definition = r[i]->definition;
		for (size_t k = 0; k < out->n_forbidden; k++)
			again |= !strcasecmp(out->forbidden[k], form);
		if (*form && !again && !forms_have(&d->preferred, form) && !forms_have(&d->wanted, form))
			out->forbidden[out->n_forbidden++] = form;
	}
	return 0;
}

static bool is_new(const struct term *t, const struct decided *d)
{
	if (*t->preferred)
		return !forms_have(&d->preferred, t->preferred) && !forms_have(&d->forbidden, t->preferred);
	return t->n_forbidden && !forms_have(&d->forbidden, t->forbidden[0]);
}

/* Groups the rules to the terms that `here` does not decide. */
static int terms_make(struct terms *out, const struct term_rules *rules, const struct terms *here, struct err *e)
{
	struct decided d = {0};
	const struct term_rule **r = mem_alloc(rules->n, sizeof *r, e);
	int rc = r && (out->p = arena_alloc(&out->arena, rules->n, sizeof *out->p, e)) ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < here->n && !rc; i++) {
		const struct term *t = &here->p[i];
		rc = *t->preferred ? forms_add(&d.preferred, t->preferred, e) : 0;
		for (size_t k = 0; k < t->n_forbidden && !rc; k++)
			rc = forms_add(&d.forbidden, t->forbidden[k], e);
	}
	forms_sort(&d.preferred);
	forms_sort(&d.forbidden);
	for (size_t i = 0; i < rules->n && !rc; i++) {
		r[i] = &rules->p[i];
		rc = *r[i]->preferred ? forms_add(&d.wanted, r[i]->preferred, e) : 0;
	}
	forms_sort(&d.wanted);
	if (!rc && rules->n)
		qsort(r, rules->n, sizeof *r, by_preferred);
	for (size_t i = 0, end; i < rules->n && !rc; i = end) {
		struct term *t = &out->p[out->n];
		for (end = i + 1; end < rules->n && *r[i]->preferred && !strcasecmp(r[i]->preferred, r[end]->preferred); end++)
			;
		rc = term_make(t, r + i, end - i, &d, &out->arena, e);
		bool fresh = !rc && is_new(t, &d);
		for (size_t k = 0; k < out->n && fresh && !*t->preferred; k++)
			fresh = *out->p[k].preferred || strcasecmp(out->p[k].forbidden[0], t->forbidden[0]);
		out->n += fresh;
		if (!rc && out->n > TERMS_MAX)
			rc = err_set(e, ERR_DATA, "more than %d new terms; expected at most so many beside documents", TERMS_MAX);
	}
	mem_free(r);
	mem_free(d.preferred.p);
	mem_free(d.forbidden.p);
	mem_free(d.wanted.p);
	return rc;
}

int data_terms_import(const char *from, const char *in, struct terms_imported *out, struct err *e)
{
	struct term_rules rules;
	struct terms here = {0}, fresh = {0};
	char path[PATH_SIZE];
	*out = (struct terms_imported){0};
	term_rules_init(&rules);
	arena_init(&fresh.arena, 16384);
	int rc = dir_exists(in)
		? path_join(path, sizeof path, e, in, DATA_TERMS)
		: err_set(e, ERR_USAGE, "%s: expected a folder of documents, beside which " DATA_TERMS " stands", in);
	if (!rc && file_exists(path))
		rc = terms_read(&here, path, e);
	if (!rc)
		rc = rules_read(&rules, from, e);
	if (!rc)
		rc = terms_make(&fresh, &rules, &here, e);
	if (!rc && fresh.n)
		rc = terms_append(&fresh, path, e);
	if (!rc)
		*out = (struct terms_imported){.n_entries = rules.n, .n_terms = fresh.n, .n_unread = rules.n_unread};
	terms_release(&here);
	terms_release(&fresh);
	term_rules_release(&rules);
	return rc;
}

/*
 * Data: what curation read, what came of it, and what a person should look at, as the data folder has it. Nothing is decided here: decisions
 * stand beside the documents (terms.yaml, settled.jsonl), which the server does not know. Reference: page.h; docs/formats.md, "A data folder".
 */
#include "serve/page.h"

#include <string.h>

#include "format/format.h"

enum { SHOWN_MAX = 200 }; /* lines of a list that a browser gets */

/* Objects of a file below the data folder; one that is not there has none. */
static void lines_use(const char *data, const char *name, int (*use)(void *context, const json_t *o, struct err *e), void *context,
	struct problem *p)
{
	char path[PATH_SIZE];
	struct err e = {0};
	if (p->status || path_join(path, sizeof path, &e, data, name) || !file_exists(path))
		return;
	if (jsonl_each(path, use, context, &e))
		problem_from(p, NULL, &e);
}

/* ---- documents ----------------------------------------------------------------------------------------------------------------------- */

static void count(json_t *object, const char *key)
{
	json_object_set_new(object, key, json_integer(json_integer_value(json_object_get(object, key)) + 1));
}

/* A section is counted under its document, with what is said of its quality. */
static int section_count(void *by_path, const json_t *o, struct err *e)
{
	const char *path = json_string_value(json_object_get(o, "path"));
	json_t *own = path ? json_object_get(by_path, path) : NULL, *flags = json_object_get(own, "flags");
	const json_t *flag;
	size_t i;
	(void)e;
	if (!own)
		return 0;
	count(own, "sections");
	json_array_foreach (json_object_get(o, "flags"), i, flag)
		if (json_is_string(flag))
			count(flags, json_string_value(flag));
	return 0;
}

static int fact_count(void *by_path, const json_t *o, struct err *e)
{
	const char *path = json_string_value(json_object_get(json_object_get(o, "source"), "path"));
	json_t *own = path ? json_object_get(by_path, path) : NULL;
	(void)e;
	if (own)
		count(own, "facts");
	return 0;
}

/* [{"path","bytes","unseen","skipped","sections","facts","flags":{NAME:n}}], the tickets of a file as one. */
static json_t *documents_json(const char *data, const json_t *manifest, struct problem *p)
{
	json_t *by_path = json_object(), *list = json_array(), *own;
	const json_t *d;
	const char *path;
	size_t i;
	json_array_foreach (json_object_get(manifest, "documents"), i, d) {
		path = json_string_value(json_object_get(d, "path"));
		if (!path || json_object_get(by_path, path))
			continue;
		own = json_pack("{s:s, s:O?, s:O?, s:O?, s:i, s:i, s:{}}", "path", path, "bytes", json_object_get(d, "bytes"),
			"unseen", json_object_get(d, "unseen"), "skipped", json_object_get(d, "skipped"), "sections", 0, "facts", 0,
			"flags");
		json_object_set_new(by_path, path, own);
	}
	lines_use(data, "sections.jsonl", section_count, by_path, p);
	lines_use(data, "facts.jsonl", fact_count, by_path, p);
	json_object_foreach (by_path, path, own)
		json_array_append(list, own);
	json_decref(by_path);
	return list;
}

/* ---- lists --------------------------------------------------------------------------------------------------------------------------- */

struct lines {
	json_t *shown;
	json_int_t n, n_open; /* of all; those that nobody has settled */
};

static int line_keep(void *lines, const json_t *o, struct err *e)
{
	struct lines *l = lines;
	l->n++;
	l->n_open += json_is_null(json_object_get(o, "settled"));
	if (l->n <= SHOWN_MAX && json_array_append(l->shown, (json_t *)(uintptr_t)o))
		return err_set(e, ERR_RESOURCE, "out of memory");
	return 0;
}

/* {"n","open","shown":[...]} */
static json_t *list_json(const char *data, const char *name, struct problem *p)
{
	struct lines l = {.shown = json_array()};
	lines_use(data, name, line_keep, &l, p);
	return json_pack("{s:I, s:I, s:o}", "n", l.n, "open", l.n_open, "shown", l.shown);
}

static json_t *terms_json(const char *data, struct problem *p)
{
	char path[PATH_SIZE];
	struct terms terms = {0};
	struct err e = {0};
	json_t *list = json_array();
	if (p->status || path_join(path, sizeof path, &e, data, "terms.yaml") || !file_exists(path))
		return list;
	if (terms_read(&terms, path, &e))
		problem_from(p, NULL, &e);
	for (size_t i = 0; i < terms.n && !p->status; i++) {
		const struct term *t = &terms.p[i];
		json_t *forbidden = json_array();
		for (size_t k = 0; k < t->n_forbidden; k++)
			json_array_append_new(forbidden, json_string(t->forbidden[k]));
		json_array_append_new(list,
			json_pack("{s:s, s:o, s:s, s:s}", "preferred", t->preferred, "forbidden", forbidden, "definition",
				t->definition, "status", term_status_name(t->status)));
	}
	terms_release(&terms);
	return list;
}

void data_get(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	const char *data = s->o->data;
	json_t *manifest = page_object(data, "manifest.json", &p), *answer;
	(void)rest;
	if (!json_is_object(manifest))
		answer = json_pack("{s:n}", "documents");
	else
		answer = json_pack("{s:o, s:o, s:o, s:o, s:o, s:O?}", "documents", documents_json(data, manifest, &p),
			"contradictions", list_json(data, "contradictions.jsonl", &p), "duplicates",
			list_json(data, "duplicates.jsonl", &p), "rejected", list_json(data, "rejected.jsonl", &p), "terms",
			terms_json(data, &p), "pii", json_object_get(manifest, "pii"));
	page_reply(r, &p, answer);
	json_decref(manifest);
}

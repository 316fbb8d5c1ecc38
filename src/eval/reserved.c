/*
 * Questions for who has none: the reserved phrasings of valid.jsonl that ask for a value which facts.jsonl names. Reference: eval.h,
 * eval_reserved_questions.
 */
#include "eval/eval.h"

#include <stdio.h>
#include <string.h>

#include "eval/question.h"

struct reserving {
	json_t *values; /* by item: what facts.jsonl has of it, null where it has more than one */
	struct buf lines;
	size_t n;
};

static bool item_name(char name[32], const json_t *o)
{
	const json_t *item = json_object_get(o, "item");
	snprintf(name, 32, "%lld", (long long)json_integer_value(item));
	return json_is_integer(item);
}

static int fact_note(void *context, const json_t *fact, struct err *e)
{
	struct reserving *r = context;
	json_t *value = json_object_get(fact, "value");
	char name[32];
	if (!item_name(name, fact) || !json_string_length(value))
		return 0;
	int failed = json_object_get(r->values, name) ? json_object_set_new(r->values, name, json_null())
						      : json_object_set(r->values, name, value);
	return failed ? err_set(e, ERR_RESOURCE, "out of memory") : 0;
}

static int row_take(void *context, const json_t *row, struct err *e)
{
	struct reserving *r = context;
	const char *stratum = json_string_value(json_object_get(row, "stratum")),
		   *kind = json_string_value(json_object_get(row, "kind"));
	const json_t *first = json_array_get(json_object_get(row, "messages"), 0),
		     *path = json_object_get(json_object_get(row, "source"), "path");
	char name[32], id[32];
	bool of_a_fact = kind && (!strcmp(kind, "value") || !strcmp(kind, "cell") || !strcmp(kind, "definition"));
	if (!stratum || strcmp(stratum, "known") || !of_a_fact || !item_name(name, row))
		return 0;
	json_t *value = json_object_get(r->values, name), *question = json_object_get(first, "content");
	if (!json_is_string(value) || !json_string_length(question) || !json_is_string(path))
		return 0;
	snprintf(id, sizeof id, "reserved-%zu", ++r->n);
	json_t *o = json_pack("{s:s, s:O, s:[O], s:O}", "id", id, "question", question, "answers", value, "source", path);
	int rc = json_line(&r->lines, o, e);
	json_decref(o);
	return rc;
}

/* Takes out what the training rows ask nearly word for word. */
static int leaks_drop(const char *data, const char *path, struct buf *lines, struct err *e)
{
	struct questions q;
	int rc = questions_read(&q, path, e);
	if (rc == 0)
		rc = overlap_find(&q, data, e);
	buf_clear(lines);
	for (size_t i = 0; i < q.n && rc == 0; i++)
		if (!q.p[i].leak)
			rc = json_line(lines, q.p[i].json, e);
	questions_release(&q);
	return rc;
}

int eval_reserved_questions(const char *data, const char *path, struct err *e)
{
	static const struct {
		const char *name;
		int (*use)(void *, const json_t *, struct err *);
	} file[] = {{"facts.jsonl", fact_note}, {"valid.jsonl", row_take}};
	struct reserving r = {.values = json_object()};
	char from[PATH_SIZE];
	int rc = 0;
	for (size_t i = 0; i < sizeof file / sizeof *file && rc == 0; i++) {
		rc = path_join(from, sizeof from, e, data, file[i].name);
		if (rc == 0 && file_exists(from))
			rc = jsonl_each(from, file[i].use, &r, e);
	}
	if (rc == 0)
		rc = file_replace(path, r.lines.p ? r.lines.p : "", r.lines.len, e);
	if (rc == 0)
		rc = leaks_drop(data, path, &r.lines, e);
	if (rc == 0)
		rc = file_replace(path, r.lines.p ? r.lines.p : "", r.lines.len, e);
	buf_release(&r.lines);
	json_decref(r.values);
	return rc;
}

/*
 * The questions file, checked line by line, and which of its questions are about documents that nobody trained on. Reference: eval.h.
 */
#include "eval/question.h"

#include <string.h>

enum { ARENA_BLOCK = 64 << 10, MANIFEST_MAX = 64 << 20 };

/* ---- one line --------------------------------------------------------------------------------------------------------------- */

static int shape_check(const json_t *o, const char *path, size_t line, struct err *e)
{
	const json_t *answers = json_object_get(o, "answers"), *false_premise = json_object_get(o, "false_premise");
	const json_t *source = json_object_get(o, "source"), *twin = json_object_get(o, "twin");
	const json_t *reference = json_object_get(o, "reference"), *must_not = json_object_get(o, "must_not");
	if (!json_string_length(json_object_get(o, "id")) || !json_string_length(json_object_get(o, "question")) ||
		(!json_array_size(answers) && !(json_is_array(answers) && json_is_true(false_premise))))
		return err_set(e, ERR_DATA, "%s: line %zu: expected {\"id\", \"question\", \"answers\": [text, ...]}", path, line);
	for (size_t i = 0; i < json_array_size(answers); i++)
		if (!json_string_length(json_array_get(answers, i)))
			return err_set(e, ERR_DATA, "%s: line %zu: accepted answer %zu is not a text", path, line, i + 1);
	bool texts = !must_not || json_is_array(must_not);
	for (size_t i = 0; i < json_array_size(must_not); i++)
		texts = texts && json_string_length(json_array_get(must_not, i));
	if (!texts)
		return err_set(e, ERR_DATA, "%s: line %zu: expected a list of texts as \"must_not\"", path, line);
	if (source && !json_is_string(source))
		return err_set(e, ERR_DATA, "%s: line %zu: expected the path of a document as \"source\"", path, line);
	if (false_premise && !json_is_boolean(false_premise))
		return err_set(e, ERR_DATA, "%s: line %zu: expected true or false as \"false_premise\"", path, line);
	if (twin && !json_string_length(twin))
		return err_set(e, ERR_DATA, "%s: line %zu: expected the id of a question as \"twin\"", path, line);
	if (reference && !json_string_length(reference))
		return err_set(e, ERR_DATA, "%s: line %zu: expected a person's answer as \"reference\"", path, line);
	return 0;
}

/* The strings of a list, with the values in each; all in the arena. */
static int texts_fill(const char ***text, struct values **values, size_t *n, const json_t *list, struct arena *a, struct err *e)
{
	*n = json_array_size(list);
	*text = arena_alloc(a, *n, sizeof **text, e);
	*values = arena_alloc(a, *n, sizeof **values, e);
	int rc = *text && *values ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < *n && rc == 0; i++) {
		(*text)[i] = json_string_value(json_array_get(list, i));
		rc = values_read(&(*values)[i], (*text)[i], a, e);
	}
	return rc;
}

static int question_fill(struct question *q, const json_t *o, struct arena *a, struct err *e)
{
	const json_t *source = json_object_get(o, "source");
	q->json = o;
	q->id = json_string_value(json_object_get(o, "id"));
	q->text = json_string_value(json_object_get(o, "question"));
	q->source = source ? json_string_value(source) : "";
	q->reference = json_string_value(json_object_get(o, "reference"));
	q->false_premise = json_is_true(json_object_get(o, "false_premise"));
	int rc = values_read(&q->in_question, q->text, a, e);
	if (rc == 0)
		rc = texts_fill(&q->accepted, &q->values, &q->n_accepted, json_object_get(o, "answers"), a, e);
	return rc < 0 ? rc : texts_fill(&q->must_not, &q->must_not_values, &q->n_must_not, json_object_get(o, "must_not"), a, e);
}

/* ---- the file --------------------------------------------------------------------------------------------------------------- */

/* Reads the lines into q->list and the number of each line into the array `lines`. */
static int list_read(struct questions *q, const char *path, json_t *ids, json_t *lines, struct err *e)
{
	struct jsonl *j;
	json_t *o;
	size_t line;
	int rc = jsonl_open(&j, path, e);
	if (rc < 0)
		return rc;
	while ((rc = jsonl_next(j, &o, &line, e)) == 1) {
		rc = shape_check(o, path, line, e);
		const char *id = rc < 0 ? NULL : json_string_value(json_object_get(o, "id"));
		if (id && json_object_get(ids, id))
			rc = err_set(e, ERR_DATA, "%s: line %zu: the id \"%s\" stands on another line already", path, line, id);
		else if (id &&
			(json_object_set_new(ids, id, json_integer((json_int_t)q->n)) ||
				json_array_append_new(lines, json_integer((json_int_t)line))))
			rc = err_set(e, ERR_RESOURCE, "out of memory while reading %s", path);
		if (json_array_append_new(q->list, o) && rc == 0)
			rc = err_set(e, ERR_RESOURCE, "out of memory while reading %s", path);
		if (rc < 0)
			break;
		q->n++;
	}
	jsonl_close(j);
	return rc;
}

static int twins_find(struct questions *q, const char *path, const json_t *ids, const json_t *lines, struct err *e)
{
	for (size_t i = 0; i < q->n; i++) {
		const char *twin = json_string_value(json_object_get(q->p[i].json, "twin"));
		const json_t *index = twin ? json_object_get(ids, twin) : NULL;
		size_t line = (size_t)json_integer_value(json_array_get(lines, i));
		if (twin && !index)
			return err_set(e, ERR_DATA, "%s: line %zu: no question has the id \"%s\" of the twin", path, line, twin);
		if (!twin)
			continue;
		struct question *other = &q->p[json_integer_value(index)];
		if (other->false_premise == q->p[i].false_premise)
			return err_set(e, ERR_DATA,
				"%s: line %zu: expected a twin to be one question with a false premise and one without; \"%s\" is "
				"of the same kind",
				path, line, twin);
		(q->p[i].false_premise ? other : &q->p[i])->is_twin = true;
	}
	return 0;
}

int questions_read(struct questions *q, const char *path, struct err *e)
{
	*q = (struct questions){.list = json_array()};
	arena_init(&q->arena, ARENA_BLOCK);
	if (!file_exists(path))
		return 0;
	json_t *ids = json_object(), *lines = json_array();
	int rc = list_read(q, path, ids, lines, e);
	if (rc == 0 && !(q->p = arena_alloc(&q->arena, q->n, sizeof *q->p, e)))
		rc = ERR_RESOURCE;
	for (size_t i = 0; i < q->n && rc == 0; i++)
		rc = question_fill(&q->p[i], json_array_get(q->list, i), &q->arena, e);
	if (rc == 0)
		rc = twins_find(q, path, ids, lines, e);
	json_decref(ids);
	json_decref(lines);
	return rc;
}

void questions_release(struct questions *q)
{
	json_decref(q->list);
	arena_release(&q->arena);
	memset(q, 0, sizeof *q);
}

/* ---- strata ----------------------------------------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void source_mark(struct questions *q, const json_t *documents, bool unseen)
{
	const json_t *d;
	size_t i;
	json_array_foreach (documents, i, d) {
		const char *name = json_string_value(json_object_get(d, "path"));
		if (!name || json_object_get(d, "skipped") || json_is_true(json_object_get(d, "unseen")) != unseen)
			continue;
		for (size_t k = 0; k < q->n; k++)
			if (!strcmp(q->p[k].source, name) || !strcmp(q->p[k].source, base_name(name)))
				q->p[k].unseen = unseen;
	}
}

int strata_read(struct questions *q, const char *data, struct err *e)
{
	char path[PATH_SIZE];
	struct buf b = {0};
	json_t *manifest = NULL;
	int rc = path_join(path, sizeof path, e, data, "manifest.json");
	if (rc < 0 || !file_exists(path))
		return rc;
	rc = file_read(path, MANIFEST_MAX, &b, e);
	if (rc == 0 && !(manifest = json_loadb(b.p ? b.p : "", b.len, JSON_REJECT_DUPLICATES, NULL)))
		rc = err_set(e, ERR_DATA, "%s: no JSON; curate the documents again", path);
	const json_t *documents = json_object_get(manifest, "documents");
	source_mark(q, documents, true);
	source_mark(q, documents, false); /* a file of tickets has an entry for each: one that is trained on makes it known */
	json_decref(manifest);
	buf_release(&b);
	return rc;
}

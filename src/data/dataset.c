/*
 * The files of a dataset. Rows go out in the order of the documents: mixing them is the trainer's business.
 */
#include "data/dataset.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/format.h"

static const char *const kind_name[] = {"value", "cell", "definition", "faq", "howto", "step", "section", "reply"};

/*
 * ---- ambiguous questions
 * ---------------------------------------------------------------------------------------------------------------------
 */

struct asked {
	const char **question; /* in its item; set to NULL to drop it */
	const char *answer;
};

static int by_question(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;
	int order = strcmp(*x->question, *y->question);
	return order ? order : strcmp(x->answer, y->answer);
}

static int drop_ambiguous(struct items *items, struct err *e)
{
	size_t n = 0, k = 0;
	for (size_t i = 0; i < items->n; i++)
		n += items->p[i].n_questions;
	struct asked *v = mem_alloc(n, sizeof *v, e);
	if (!v)
		return ERR_RESOURCE;
	for (size_t i = 0; i < items->n; i++)
		for (size_t q = 0; q < items->p[i].n_questions; q++)
			v[k++] = (struct asked){&items->p[i].questions[q], items->p[i].answer};
	qsort(v, n, sizeof *v, by_question);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !strcmp(*v[i].question, *v[end].question); end++)
			;
		bool same = !strcmp(v[i].answer, v[end - 1].answer); /* sorted: first equals last, so all are equal */
		for (size_t j = i + same; j < end && end > i + 1; j++)
			v[j].answer = NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (!v[i].answer)
			*v[i].question = NULL;
	mem_free(v);
	return 0;
}

/*
 * ---- rows
 * -----------------------------------------------------------------------------------------------------------------------------------------
 */

static json_t *source_json(const struct document *d, const struct section *s, struct span span)
{
	return json_pack("{s:s, s:I, s:I, s:s, s:s}", "path", d->path, "start", (json_int_t)span.start, "end", (json_int_t)span.end,
		"heading", s->heading, "sha256", d->sha256);
}

/* Takes `object`. */
static int line_add(struct buf *b, json_t *object, struct err *e)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int rc = text ? buf_puts(b, text, e) : err_set(e, ERR_RESOURCE, "out of memory while writing a data row");
	if (rc == 0)
		rc = buf_append(b, "\n", 1, e);
	free(text);
	json_decref(object);
	return rc;
}

static int row_add(struct buf *b, const struct item *it, size_t number, const char *question, bool valid, struct err *e)
{
	json_t *row = json_pack("{s:[{s:s, s:s}, {s:s, s:s}], s:o, s:s, s:I}", "messages", "role", "user", "content", question,
		"role", "assistant", "content", it->answer, "source", source_json(it->document, it->section, it->span), "kind",
		kind_name[it->kind], "item", (json_int_t)number);
	if (row && valid)
		json_object_set_new(row, "stratum", json_string("known"));
	return line_add(b, row, e);
}

static int rows_write(const struct items *items, struct buf *train, struct buf *valid, struct data_summary *out, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < items->n && rc == 0; i++) {
		const struct item *it = &items->p[i];
		size_t n_train = 0;
		for (size_t q = 0; q < it->n_questions && rc == 0; q++) {
			if (!it->questions[q] || q == it->reserved)
				continue;
			rc = row_add(train, it, i, it->questions[q], false, e);
			n_train++;
		}
		out->n_train += n_train;
		if (rc == 0 && it->reserved != SIZE_MAX && it->questions[it->reserved] && n_train) {
			rc = row_add(valid, it, i, it->questions[it->reserved], true, e);
			out->n_valid++;
		}
	}
	return rc;
}

static int facts_write(const struct items *items, struct buf *b, struct data_summary *out, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < items->n && rc == 0; i++) {
		const struct item *it = &items->p[i];
		if (!item_is_fact(it))
			continue;
		out->n_facts++;
		rc = line_add(b,
			json_pack("{s:I, s:s, s:s, s:s, s:s, s:o}", "item", (json_int_t)i, "kind", kind_name[it->kind], "subject",
				it->subject, "value", it->value, "statement", it->answer, "source",
				source_json(it->document, it->section, it->span)),
			e);
	}
	return rc;
}

static int sections_write(const struct document *d, size_t n, struct buf *b, struct data_summary *out, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < d[i].n_sections && rc == 0 && !d[i].skipped; k++) {
			const struct section *s = &d[i].sections[k];
			if (!s->n_blocks)
				continue;
			json_t *o = source_json(&d[i], s, s->span);
			json_object_set_new(o, "text", json_stringn(d[i].bytes + s->span.start, s->span.end - s->span.start));
			rc = line_add(b, o, e);
			out->n_sections++;
		}
	}
	return rc;
}

/*
 * ---- files
 * ----------------------------------------------------------------------------------------------------------------------------------------
 */

enum { TRAIN, VALID, SECTIONS, FACTS, FILES };
enum { MANIFEST_BYTES_MAX = 64 << 20 };
static const char *const file_name[FILES] = {"train.jsonl", "valid.jsonl", "sections.jsonl", "facts.jsonl"};

static int file_write(const char *dir, const char *name, const struct buf *b, struct err *e)
{
	char path[PATH_SIZE];
	int rc = path_join(path, sizeof path, e, dir, name);
	return rc < 0 ? rc : file_replace(path, b->p ? b->p : "", b->len, e);
}

/* A folder without validation rows has no file of them: that is what trainers take. */
static int file_drop(const char *dir, const char *name, struct err *e)
{
	char path[PATH_SIZE];
	int rc = path_join(path, sizeof path, e, dir, name);
	return rc == 0 && unlink(path) < 0 && errno != ENOENT ? err_errno(e, "remove", path) : rc;
}

static int bytes_hash(const struct buf *b, char hex[65], struct err *e)
{
	struct sha256 *s;
	int rc = sha256_new(&s, e);
	if (rc < 0)
		return rc;
	sha256_add(s, b->p ? b->p : "", b->len);
	sha256_hex(s, hex);
	sha256_free(s);
	return 0;
}

int dataset_key(const struct data_options *o, const struct document *d, size_t n, char hex[65], struct err *e)
{
	struct buf b = {0};
	int rc = buf_printf(&b, e, "%d %" PRIu64 " %zu\n", DATASET_VERSION, o->seed, o->n_phrasings);
	for (size_t i = 0; i < n && rc == 0; i++)
		if (i == 0 || strcmp(d[i].path, d[i - 1].path)) /* the tickets of a file are one entry, before and after reading */
			rc = buf_printf(&b, e, "%s %s\n", d[i].sha256, d[i].path);
	if (rc == 0)
		rc = bytes_hash(&b, hex, e);
	buf_release(&b);
	return rc;
}

static json_t *documents_json(const struct document *d, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all,
			json_pack("{s:s, s:s*, s:I, s:s, s:s*}", "path", d[i].path, "part", d[i].part, "bytes",
				(json_int_t)d[i].size, "sha256", d[i].sha256, "skipped", d[i].skipped));
	return all;
}

static int manifest_write(const struct data_options *o, const struct document *d, size_t n, const struct buf file[FILES],
	const struct data_summary *c, struct err *e)
{
	struct buf b = {0};
	char hex[65], key[65];
	int rc = dataset_key(o, d, n, key, e);
	json_t *files = json_object();
	for (int i = 0; i < FILES && rc == 0; i++) {
		rc = bytes_hash(&file[i], hex, e);
		json_object_set_new(files, file_name[i], json_string(hex));
	}
	json_t *counts = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "documents", (json_int_t)c->n_documents, "skipped",
		(json_int_t)c->n_skipped, "sections", (json_int_t)c->n_sections, "facts", (json_int_t)c->n_facts, "train",
		(json_int_t)c->n_train, "valid", (json_int_t)c->n_valid);
	json_t *all = json_pack("{s:s, s:{s:I, s:I}, s:o, s:o, s:o}", "key", key, "options", "seed", (json_int_t)o->seed,
		"phrasings", (json_int_t)o->n_phrasings, "counts", counts, "documents", documents_json(d, n), "files", files);
	char *text = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
	if (rc == 0)
		rc = text ? buf_printf(&b, e, "%s\n", text) : err_set(e, ERR_RESOURCE, "out of memory while writing manifest.json");
	if (rc == 0)
		rc = file_write(o->out, "manifest.json", &b, e);
	free(text);
	json_decref(all);
	buf_release(&b);
	return rc;
}

int dataset_write(const struct data_options *o, const struct document *d, size_t n, struct items *items, struct data_summary *out,
	struct err *e)
{
	struct buf file[FILES] = {0};
	int rc = drop_ambiguous(items, e);
	if (rc < 0 || (rc = rows_write(items, &file[TRAIN], &file[VALID], out, e)) < 0 ||
		(rc = facts_write(items, &file[FACTS], out, e)) < 0 || (rc = sections_write(d, n, &file[SECTIONS], out, e)) < 0 ||
		(rc = dir_make(o->out, e)) < 0)
		goto done;
	for (int i = 0; i < FILES && rc == 0; i++)
		rc = i == VALID && !out->n_valid ? file_drop(o->out, file_name[i], e)
						 : file_write(o->out, file_name[i], &file[i], e);
	if (rc == 0)
		rc = manifest_write(o, d, n, file, out, e);
done:
	for (int i = 0; i < FILES; i++)
		buf_release(&file[i]);
	return rc;
}

int dataset_is_current(const char *dir, const char *key, bool *current, struct data_summary *out, struct err *e)
{
	char path[PATH_SIZE], hex[65];
	struct buf b = {0};
	json_int_t n[6];
	const char *made_from, *sum[FILES];
	*current = false;
	int rc = path_join(path, sizeof path, e, dir, "manifest.json");
	if (rc < 0 || !file_exists(path))
		return rc;
	rc = file_read(path, MANIFEST_BYTES_MAX, &b, e);
	json_t *all = rc == 0 ? json_loadb(b.p ? b.p : "", b.len, 0, NULL) : NULL;
	buf_release(&b);
	/* A manifest that is not as manifest_write leaves it is nobody's: the data set is simply made again. */
	if (!all ||
		json_unpack(all, "{s:s, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:{s:s, s:s, s:s, s:s}}", "key", &made_from, "counts",
			"documents", &n[0], "skipped", &n[1], "sections", &n[2], "facts", &n[3], "train", &n[4], "valid", &n[5],
			"files", file_name[0], &sum[0], file_name[1], &sum[1], file_name[2], &sum[2], file_name[3], &sum[3]) < 0)
		goto done;
	*current = !strcmp(made_from, key);
	for (int i = 0; i < FILES && *current; i++) {
		*current = path_join(path, sizeof path, e, dir, file_name[i]) == 0;
		if (*current && i == VALID && n[5] == 0)
			*current = !file_exists(path);
		else if (*current)
			*current = sha256_file(path, hex, NULL) == 0 && !strcmp(hex, sum[i]);
	}
	if (*current)
		*out = (struct data_summary){(size_t)n[0], (size_t)n[1], (size_t)n[2], (size_t)n[3], (size_t)n[4], (size_t)n[5]};
done:
	json_decref(all);
	return rc;
}

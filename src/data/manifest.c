/*
 * The files of a data folder and its manifest, which is written last and tells whether the folder is still what it says.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/dataset.h"
#include "data/walk.h"

enum { MANIFEST_BYTES_MAX = 64 << 20, ROWS_PENDING = 1 << 20 };
const char *const dataset_file_name[] = {"train.jsonl", "valid.jsonl", "sections.jsonl", "facts.jsonl", "unseen.jsonl",
	"duplicates.jsonl", "contradictions.jsonl", "preferences.jsonl", "rejected.jsonl", "report.html", "terms.yaml"};
enum { TERMS = DATASET_FILES, FILES };

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

/* What people decided is an input like the documents. */
static int decisions_key(const char *in, struct buf *b, struct err *e)
{
	static const char *const name[] = {DATA_SETTLED, DATA_TERMS, DATA_PII_ALLOW};
	char path[PATH_SIZE], hex[65];
	int rc = 0;
	for (size_t i = 0; i < sizeof name / sizeof *name && !rc && dir_exists(in); i++) {
		rc = path_join(path, sizeof path, e, in, name[i]);
		if (rc || !file_exists(path) || (rc = sha256_file(path, hex, e)))
			continue;
		rc = buf_printf(b, e, "%s %s\n", hex, name[i]);
	}
	return rc;
}

int dataset_key(const struct data_options *o, const struct document *d, size_t n, char hex[65], struct err *e)
{
	struct buf b = {0};
	char program[PATH_SIZE];
	int rc = buf_printf(&b, e, "%d %" PRIu64 " %zu %d\n", DATASET_VERSION, o->seed, o->n_phrasings, o->scrub_pii);
	for (size_t i = 0; i < n && rc == 0; i++) /* PDF files are left out as long as nothing here reads them */
		if (walk_kind(d[i].path) == WALK_PDF) {
			rc = buf_puts(&b, data_pdf_program(program) ? "pdf\n" : "no pdf\n", e);
			break;
		}
	for (size_t i = 0; i < n && rc == 0; i++)
		if (i == 0 || strcmp(d[i].file, d[i - 1].file)) /* the tickets of a file are one entry, before and after reading */
			rc = buf_printf(&b, e, "%s %s\n", d[i].sha256, d[i].file);
	if (rc == 0)
		rc = decisions_key(o->in, &b, e);
	if (rc == 0)
		rc = bytes_hash(&b, hex, e);
	buf_release(&b);
	return rc;
}

int dataset_file_flush(struct dataset_file *f, struct err *e)
{
	int rc = f->scrub && f->pending.len ? scrub_gate(f->scrub, f->name, &f->pending, &f->rejected, e) : 0;
	if (rc < 0 || !f->pending.len)
		return rc;
	if (!f->sum && ((rc = sha256_new(&f->sum, e)) < 0 || (rc = file_writer_open(&f->writer, f->path, e)) < 0))
		return rc;
	sha256_add(f->sum, f->pending.p, f->pending.len);
	rc = file_writer_put(&f->writer, f->pending.p, f->pending.len, e);
	buf_clear(&f->pending);
	return rc;
}

int dataset_file_put(struct dataset_file *f, const char *lines, size_t n, struct err *e)
{
	int rc = buf_append(&f->pending, lines, n, e);
	return rc < 0 || f->pending.len < ROWS_PENDING ? rc : dataset_file_flush(f, e);
}

void dataset_file_release(struct dataset_file *f)
{
	file_writer_abort(&f->writer);
	sha256_free(f->sum);
	buf_release(&f->pending);
	buf_release(&f->rejected);
}

/* Commits one file, or removes what an earlier data set left under its name; adds its hash to `files`. */
static int file_write(struct dataset_file *f, json_t *files, struct err *e)
{
	char hex[65];
	if (!f->sum)
		return unlink(f->path) < 0 && errno != ENOENT ? err_errno(e, "remove", f->path) : 0;
	int rc = file_writer_commit(&f->writer, e);
	if (rc < 0)
		return rc;
	sha256_hex(f->sum, hex);
	return json_object_set_new(files, f->name, json_string(hex)) < 0
		? err_set(e, ERR_RESOURCE, "out of memory while writing %s", f->path)
		: 0;
}

static int terms_file_write(const char *dir, const struct terms *t, json_t *files, struct err *e)
{
	char path[PATH_SIZE], hex[65];
	int rc = path_join(path, sizeof path, e, dir, dataset_file_name[TERMS]);
	if (rc == 0)
		rc = terms_write(t, path, e);
	if (rc == 0)
		rc = sha256_file(path, hex, e);
	if (rc == 0 && json_object_set_new(files, dataset_file_name[TERMS], json_string(hex)) < 0)
		rc = err_set(e, ERR_RESOURCE, "out of memory while writing %s", path);
	return rc;
}

static json_t *documents_json(const struct document *d, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all,
			json_pack("{s:s, s:s*, s:I, s:s, s:b, s:s*}", "path", d[i].path, "part", d[i].part, "bytes",
				(json_int_t)d[i].size, "sha256", d[i].sha256, "unseen", d[i].unseen, "skipped", d[i].skipped));
	return all;
}

/* What was replaced, by kind, and the rows that were rejected all the same. */
static json_t *pii_json(const struct data_summary *c)
{
	json_t *all = json_pack("{s:I}", "rejected", (json_int_t)c->n_rejected);
	for (int k = 0; k < PII_KINDS; k++)
		if (c->n_pii[k])
			json_object_set_new(all, pii_kind_name((enum pii_kind)k), json_integer((json_int_t)c->n_pii[k]));
	return all;
}

int manifest_write(const struct data_options *o, const struct dataset *d, struct dataset_file file[DATASET_FILES],
	const struct data_summary *c, struct err *e)
{
	char key[65], path[PATH_SIZE];
	char *text = NULL;
	json_t *all = NULL, *files = json_object(), *pii = pii_json(c);
	int rc = dataset_key(o, d->documents, d->n_documents, key, e);
	for (int i = 0; i < DATASET_FILES && rc == 0; i++)
		rc = file_write(&file[i], files, e);
	if (rc == 0)
		rc = terms_file_write(o->out, d->terms, files, e);
	if (rc == 0)
		rc = path_join(path, sizeof path, e, o->out, "manifest.json");
	if (rc < 0)
		goto done;
	all = json_pack("{s:s, s:{s:I, s:I, s:b}, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:O, s:o, s:O}", "key", key,
		"options", "seed", (json_int_t)o->seed, "phrasings", (json_int_t)o->n_phrasings, "scrub_pii", o->scrub_pii,
		"counts", "documents", (json_int_t)c->n_documents, "skipped", (json_int_t)c->n_skipped, "unseen",
		(json_int_t)c->n_unseen, "sections", (json_int_t)c->n_sections, "facts", (json_int_t)c->n_facts, "train",
		(json_int_t)c->n_train, "valid", (json_int_t)c->n_valid, "preferences", (json_int_t)c->n_preferences, "pii", pii,
		"documents", documents_json(d->documents, d->n_documents), "files", files);
	text = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
	rc = text ? file_replace(path, text, strlen(text), e) : err_set(e, ERR_RESOURCE, "out of memory while writing %s", path);
done:
	free(text);
	json_decref(all);
	json_decref(files);
	json_decref(pii);
	return rc;
}

/* Is the file as the manifest has it: with this hash, or absent? */
static bool file_is_current(const char *dir, int i, const json_t *files)
{
	char path[PATH_SIZE], hex[65];
	const char *sum = json_string_value(json_object_get(files, dataset_file_name[i]));
	if (path_join(path, sizeof path, NULL, dir, dataset_file_name[i]) < 0)
		return false;
	return sum ? sha256_file(path, hex, NULL) == 0 && !strcmp(hex, sum) : !file_exists(path);
}

int manifest_is_current(const char *dir, const char *key, bool *current, struct data_summary *out, struct err *e)
{
	char path[PATH_SIZE];
	struct buf b = {0};
	json_int_t n[8];
	json_t *files;
	const char *made_from;
	*current = false;
	int rc = path_join(path, sizeof path, e, dir, "manifest.json");
	if (rc < 0 || !file_exists(path))
		return rc;
	rc = file_read(path, MANIFEST_BYTES_MAX, &b, e);
	json_t *all = rc == 0 ? json_loadb(b.p ? b.p : "", b.len, 0, NULL) : NULL;
	buf_release(&b);
	/* A manifest that is not as manifest_write leaves it is nobody's: the data set is simply made again. */
	if (!all ||
		json_unpack(all, "{s:s, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:o}", "key", &made_from, "counts", "documents",
			&n[0], "skipped", &n[1], "unseen", &n[2], "sections", &n[3], "facts", &n[4], "train", &n[5], "valid", &n[6],
			"preferences", &n[7], "files", &files) < 0)
		goto done;
	*current = !strcmp(made_from, key);
	for (int i = 0; i < FILES && *current; i++)
		*current = file_is_current(dir, i, files);
	if (*current)
		*out = (struct data_summary){.n_documents = (size_t)n[0],
			.n_skipped = (size_t)n[1],
			.n_unseen = (size_t)n[2],
			.n_sections = (size_t)n[3],
			.n_facts = (size_t)n[4],
			.n_train = (size_t)n[5],
			.n_valid = (size_t)n[6],
			.n_preferences = (size_t)n[7]};
done:
	json_decref(all);
	return rc;
}

/* ---- a part of the report that another room makes ------------------------------------------------------------------------------------- */

static const char part_open[] = "<section id=\"added\">", part_close[] = "</section>", page_close[] = "</main></body></html>\n";

/* The report with the part: what an earlier call put there is left out. */
static int report_join(struct buf *out, const struct buf *report, const char *path, const char *html, size_t n, struct err *e)
{
	size_t tail = strlen(page_close), end = report->len;
	if (end < tail || strcmp(report->p + end - tail, page_close) != 0)
		return err_set(e, ERR_DATA, "%s: expected the end of a report; curate the documents again", path);
	const char *before = strstr(report->p, part_open);
	end = before ? (size_t)(before - report->p) : end - tail;
	int rc = buf_append(out, report->p, end, e);
	if (!rc)
		rc = buf_puts(out, part_open, e);
	if (!rc)
		rc = buf_append(out, html, n, e);
	if (!rc)
		rc = buf_puts(out, part_close, e);
	return rc ? rc : buf_puts(out, page_close, e);
}

int data_report_add(const char *data, const char *html, size_t n, struct err *e)
{
	char path[PATH_SIZE], manifest[PATH_SIZE], hex[65];
	struct buf report = {0}, with = {0};
	json_t *all = NULL, *files;
	int rc = path_join(path, sizeof path, e, data, dataset_file_name[DATASET_REPORT]);
	if (!rc)
		rc = path_join(manifest, sizeof manifest, e, data, "manifest.json");
	if (!rc)
		rc = file_read(path, MANIFEST_BYTES_MAX, &report, e);
	if (!rc)
		rc = json_file(&all, manifest, MANIFEST_BYTES_MAX, e);
	if (!rc)
		rc = report_join(&with, &report, path, html, n, e);
	if (!rc && !json_is_object(files = json_object_get(all, "files")))
		rc = err_set(e, ERR_DATA, "%s: expected a manifest with files; curate the documents again", manifest);
	if (!rc && !(rc = bytes_hash(&with, hex, e)) &&
		json_object_set_new(files, dataset_file_name[DATASET_REPORT], json_string(hex)))
		rc = err_set(e, ERR_RESOURCE, "out of memory while writing %s", path);
	if (!rc)
		rc = file_replace(path, with.p, with.len, e);
	if (!rc)
		rc = json_file_write(manifest, all, e);
	json_decref(all);
	buf_release(&report);
	buf_release(&with);
	return rc;
}

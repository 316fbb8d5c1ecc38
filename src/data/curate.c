/*
 * data_curate: the stages in their order. Reference: data.h.
 */
#include "data/data.h"

#include <string.h>

#include "data/dataset.h"
#include "data/fact.h"
#include "data/markdown.h"
#include "data/names.h"
#include "data/pairs.h"
#include "data/walk.h"
#include "format/format.h"

enum { DOCUMENT_BYTES_MAX = 16 << 20, ARENA_BYTES = 1 << 20 };

/* A file that cannot be read is a skipped document, not the end. */
static int document_read(struct document *d, const char *root, const char *relative, struct arena *a, struct err *e)
{
	char path[PATH_SIZE];
	struct buf bytes = {0};
	struct sha256 *sum = NULL;
	struct err why = {0};
	d->path = relative;
	int rc = dir_exists(root) ? path_join(path, sizeof path, e, root, relative) : path_join(path, sizeof path, e, "", root);
	if (rc < 0 || (rc = sha256_new(&sum, e)) < 0)
		goto done;
	int read = file_read(path, DOCUMENT_BYTES_MAX, &bytes, &why);
	if (read == ERR_RESOURCE) {
		rc = err_set(e, ERR_RESOURCE, "%s", why.text);
		goto done;
	}
	if (read < 0) {
		d->skipped = arena_strdup(a, why.text, strlen(why.text), e);
		rc = d->skipped ? 0 : ERR_RESOURCE;
		goto done;
	}
	d->size = bytes.len;
	d->bytes = arena_strdup(a, bytes.p ? bytes.p : "", bytes.len, e);
	if (!d->bytes) {
		rc = ERR_RESOURCE;
		goto done;
	}
	sha256_add(sum, d->bytes, d->size);
	sha256_hex(sum, d->sha256);
	rc = markdown_read(d, a, e);
done:
	sha256_free(sum);
	buf_release(&bytes);
	return rc;
}

static int document_items(struct maker *m, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < m->document->n_sections && rc == 0; i++) {
		m->section = &m->document->sections[i];
		rc = pairs_from_section(m, e);
		for (size_t k = 0; k < m->section->n_blocks && rc == 0; k++) {
			const struct block *b = &m->document->blocks[m->section->block + k];
			if (b->kind == BLOCK_TABLE)
				rc = pairs_from_table(m, b, e);
			else if (b->kind != BLOCK_CODE && !b->bold)
				rc = facts_from_block(m, b, e);
		}
	}
	return rc;
}

int data_curate(const struct data_options *o, struct data_summary *out, struct err *e)
{
	struct arena a;
	struct paths paths = {0};
	struct items items = {0};
	struct names *names = NULL;
	struct document *d = NULL;
	memset(out, 0, sizeof *out);
	arena_init(&a, ARENA_BYTES);

	int rc = walk(&paths, o->in, &a, e);
	if (rc < 0)
		goto done;
	d = mem_alloc(paths.n, sizeof *d, e);
	if (!d) {
		rc = ERR_RESOURCE;
		goto done;
	}
	for (size_t i = 0; i < paths.n; i++) {
		if ((rc = document_read(&d[i], o->in, paths.p[i], &a, e)) < 0)
			goto done;
		out->n_skipped += d[i].skipped != NULL;
		if (d[i].skipped)
			log_line(LOG_WARNING, "%s: left out: %s", d[i].path, d[i].skipped);
	}
	out->n_documents = paths.n - out->n_skipped;
	if (!out->n_documents) {
		rc = err_set(e, ERR_DATA,
			"%s: no usable document: looked for Markdown files (*.md, *.markdown) with text in them, found %zu of "
			"which none can be used",
			o->in, paths.n);
		goto done;
	}
	if ((rc = names_new(&names, d, paths.n, e)) < 0)
		goto done;
	for (size_t i = 0; i < paths.n && rc == 0; i++) {
		struct maker m = {.options = o, .arena = &a, .names = names, .items = &items, .document = &d[i]};
		if (!d[i].skipped)
			rc = document_items(&m, e);
	}
	if (rc == 0 && !items.n)
		rc = err_set(e, ERR_DATA,
			"%s: the documents hold nothing to ask about: no value, table, definition, question or list of steps was "
			"found",
			o->in);
	if (rc == 0)
		rc = dataset_write(o, d, paths.n, &items, out, e);
done:
	names_free(names);
	mem_free(items.p);
	mem_free(d);
	paths_release(&paths);
	arena_release(&a);
	if (rc < 0)
		memset(out, 0, sizeof *out);
	return rc;
}

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

/* The documents of a path and everything they point to. */
struct corpus {
	struct arena arena;
	struct paths paths;
	struct document *d; /* [paths.n] */
};

/* Bytes and hash. A file that cannot be read is a skipped document, not the end. */
static int document_load(struct document *d, const char *root, const char *relative, struct arena *a, struct err *e)
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

static int corpus_open(struct corpus *c, const char *in, struct err *e)
{
	memset(c, 0, sizeof *c);
	arena_init(&c->arena, ARENA_BYTES);
	int rc = walk(&c->paths, in, &c->arena, e);
	if (rc == 0 && !(c->d = mem_alloc(c->paths.n, sizeof *c->d, e)))
		rc = ERR_RESOURCE;
	for (size_t i = 0; i < c->paths.n && rc == 0; i++)
		rc = document_load(&c->d[i], in, c->paths.p[i], &c->arena, e);
	return rc;
}

static void corpus_release(struct corpus *c)
{
	mem_free(c->d);
	paths_release(&c->paths);
	arena_release(&c->arena);
}

/* Reads the loaded documents and counts those that can be used. */
static int corpus_read(struct corpus *c, const char *in, struct data_summary *out, struct err *e)
{
	for (size_t i = 0; i < c->paths.n; i++) {
		struct document *d = &c->d[i];
		int rc = d->skipped ? 0 : markdown_read(d, &c->arena, e);
		if (rc < 0)
			return rc;
		if (d->skipped)
			log_line(LOG_WARNING, "%s: left out: %s", d->path, d->skipped);
		out->n_skipped += d->skipped != NULL;
	}
	out->n_documents = c->paths.n - out->n_skipped;
	if (out->n_documents)
		return 0;
	return err_set(e, ERR_DATA,
		"%s: no usable document: looked for Markdown files (*.md, *.markdown) with text in them, found %zu of which none "
		"can be used",
		in, c->paths.n);
}

int data_curate(const struct data_options *o, struct data_summary *out, struct err *e)
{
	struct corpus c;
	struct items items = {0};
	struct names *names = NULL;
	memset(out, 0, sizeof *out);
	int rc = corpus_open(&c, o->in, e);
	if (rc < 0 || (rc = corpus_read(&c, o->in, out, e)) < 0 || (rc = names_new(&names, c.d, c.paths.n, e)) < 0)
		goto done;
	for (size_t i = 0; i < c.paths.n && rc == 0; i++) {
		struct maker m = {.options = o, .arena = &c.arena, .names = names, .items = &items, .document = &c.d[i]};
		if (!c.d[i].skipped)
			rc = document_items(&m, e);
	}
	if (rc == 0 && !items.n)
		rc = err_set(e, ERR_DATA,
			"%s: the documents hold nothing to ask about: no value, table, definition, question or list of steps was "
			"found",
			o->in);
	if (rc == 0)
		rc = dataset_write(o, c.d, c.paths.n, &items, out, e);
done:
	names_free(names);
	mem_free(items.p);
	corpus_release(&c);
	if (rc < 0)
		memset(out, 0, sizeof *out);
	return rc;
}

int data_is_current(const struct data_options *o, bool *current, struct data_summary *out, struct err *e)
{
	struct corpus c;
	char key[65];
	*current = false;
	int rc = corpus_open(&c, o->in, e);
	if (rc == 0)
		rc = dataset_key(o, c.d, c.paths.n, key, e);
	if (rc == 0)
		rc = dataset_is_current(o->out, key, current, out, e);
	corpus_release(&c);
	return rc;
}

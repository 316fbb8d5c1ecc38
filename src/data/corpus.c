/*
 * A path to loaded and read documents: walk finds the files, a reader turns each into sections and blocks. Reference: corpus.h.
 */
#include "data/corpus.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "data/captions.h"
#include "data/clean.h"
#include "data/docx.h"
#include "data/encoding.h"
#include "data/duplicates.h"
#include "data/html.h"
#include "data/json_rows.h"
#include "data/markdown.h"
#include "data/pdf.h"
#include "data/plain.h"
#include "data/tickets.h"
#include "data/walk.h"
#include "format/format.h"

enum { DOCUMENT_BYTES_MAX = 16 << 20, CONTAINER_BYTES_MAX = 64 << 20, BLOCK_BYTES_MAX = 16 << 10, ARENA_BYTES = 1 << 20 };

size_t str_words(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += !isspace((unsigned char)s.p[i]) && (i == 0 || isspace((unsigned char)s.p[i - 1]));
	return n;
}

int document_skip(struct document *d, struct arena *a, struct err *e, const char *why, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;
	va_start(args, why);
	vsnprintf(text, sizeof text, why, args);
	va_end(args);
	d->skipped = arena_strdup(a, text, strlen(text), e);
	return d->skipped ? 0 : ERR_RESOURCE;
}

size_t document_page(const struct document *d, size_t at)
{
	size_t page = 0;
	while (page < d->n_pages && d->page[page] <= at)
		page++;
	return page;
}

/* What is no text takes more room and is read only when its turn comes. */
static bool is_container(const struct document *d)
{
	return walk_kind(d->path) == WALK_DOCX || walk_kind(d->path) == WALK_PDF;
}

static int document_path(char path[PATH_SIZE], const struct document *d, const char *root, struct err *e)
{
	return dir_exists(root) ? path_join(path, PATH_SIZE, e, root, d->file) : path_join(path, PATH_SIZE, e, "", root);
}

/* The whole file. One that cannot be read is a skipped document, not the end. */
static int document_bytes(struct buf *bytes, struct document *d, const char *root, struct arena *a, struct err *e)
{
	char path[PATH_SIZE];
	struct err why = {0};
	int rc = document_path(path, d, root, e);
	if (rc < 0)
		return rc;
	rc = file_read(path, is_container(d) ? CONTAINER_BYTES_MAX : DOCUMENT_BYTES_MAX, bytes, &why);
	if (rc == ERR_RESOURCE)
		return err_set(e, ERR_RESOURCE, "%s", why.text);
	return rc < 0 ? document_skip(d, a, e, "%s", why.text) : 0;
}

/* Hash and, of a text, bytes. */
static int document_load(struct document *d, const char *root, const char *relative, struct arena *a, struct err *e)
{
	struct buf bytes = {0};
	struct sha256 *sum = NULL;
	d->file = d->path = relative;
	int rc = document_bytes(&bytes, d, root, a, e);
	if (rc < 0 || d->skipped || (rc = sha256_new(&sum, e)) < 0)
		goto done;
	d->size = bytes.len;
	sha256_add(sum, bytes.p ? bytes.p : "", bytes.len);
	sha256_hex(sum, d->sha256);
	if (walk_kind(relative) == WALK_HTML && bytes.p) {
		d->bytes = d->own = bytes.p;
		bytes = (struct buf){0};
	} else if (!is_container(d) && !(d->bytes = arena_strdup(a, bytes.p ? bytes.p : "", bytes.len, e))) {
		rc = ERR_RESOURCE;
	}
done:
	sha256_free(sum);
	buf_release(&bytes);
	return rc;
}

void document_forget(struct document *d)
{
	if (d->own)
		d->bytes = NULL;
	mem_free(d->own);
	d->own = NULL;
}

int corpus_add(struct corpus *c, const struct document *d, struct err *e)
{
	if (mem_reserve(&c->d, c->n, &c->cap, sizeof *c->d, e))
		return ERR_RESOURCE;
	c->d[c->n++] = *d;
	return 0;
}

int corpus_open(struct corpus *c, const char *in, struct err *e)
{
	struct paths paths = {0};
	memset(c, 0, sizeof *c);
	arena_init(&c->arena, ARENA_BYTES);
	int rc = walk(&paths, in, &c->arena, e);
	for (size_t i = 0; i < paths.n && rc == 0; i++) {
		struct document d = {0};
		rc = document_load(&d, in, paths.p[i], &c->arena, e);
		if (rc == 0 && (rc = corpus_add(c, &d, e)) < 0)
			document_forget(&d);
	}
	paths_release(&paths);
	return rc;
}

void corpus_release(struct corpus *c)
{
	for (size_t i = 0; i < c->n; i++)
		document_forget(&c->d[i]);
	mem_free(c->d);
	mem_free(c->duplicates.p);
	arena_release(&c->arena);
}

/* ---- reading -------------------------------------------------------------------------------------------------------------- */

/*
 * A passage that no person wrote (a page of one line of 5 MB) answers nothing and fits no row: it counts as code, which is not read, and the
 * page is listed with the reason.
 */
static int long_passages_leave_out(struct corpus *c, struct document *d, struct err *e)
{
	struct document rest = *d; /* without bytes of its own */
	size_t n_long = 0, longest = 0;
	for (size_t i = 0; i < d->n_blocks; i++) {
		size_t n = d->blocks[i].text ? strlen(d->blocks[i].text) : 0;
		if (n <= BLOCK_BYTES_MAX)
			continue;
		d->blocks[i].kind = BLOCK_CODE;
		d->blocks[i].text = "";
		longest = n > longest ? n : longest;
		n_long++;
	}
	if (!n_long)
		return 0;
	rest.own = NULL;
	int rc = document_skip(&rest, &c->arena, e, "%zu of its %zu passages, the longest of %zu bytes; expected at most %d",
		n_long, d->n_blocks, longest, BLOCK_BYTES_MAX);
	if (rc == 0 && n_long == d->n_blocks)
		d->skipped = rest.skipped;
	else if (rc == 0)
		rc = corpus_add(c, &rest, e);
	return rc;
}

static int docx_file_read(struct document *d, const char *in, struct arena *a, struct err *e)
{
	struct buf bytes = {0};
	int rc = document_bytes(&bytes, d, in, a, e);
	if (rc == 0 && !d->skipped) {
		d->bytes = bytes.p ? bytes.p : "";
		d->size = bytes.len;
		rc = docx_read(d, a, e);
	}
	if (d->skipped)
		d->bytes = NULL;
	buf_release(&bytes);
	return rc;
}

static int pdf_file_read(struct document *d, const char *in, struct arena *a, struct err *e)
{
	char path[PATH_SIZE];
	int rc = document_path(path, d, in, e);
	return rc < 0 ? rc : pdf_read(d, path, a, e);
}

/* By its name; a file of tickets adds its tickets, any other itself. */
static int document_read(struct corpus *c, struct document *d, const char *in, struct err *e)
{
	int rc = 0;
	enum walk_kind kind = walk_kind(d->path);
	if (!d->skipped && (is_container(d) || clean_is_text(d))) {
		if (kind == WALK_TICKETS)
			return tickets_read(c, d, e);
		if (kind == WALK_JSON)
			return json_rows_read(c, d, e);
		rc = kind == WALK_HTML          ? 0 /* pages_read did */
			: kind == WALK_PLAIN    ? plain_read(d, &c->arena, e)
			: kind == WALK_CAPTIONS ? captions_read(d, &c->arena, e)
			: kind == WALK_DOCX     ? docx_file_read(d, in, &c->arena, e)
			: kind == WALK_PDF      ? pdf_file_read(d, in, &c->arena, e)
						: markdown_read(d, &c->arena, e);
		if (rc == 0)
			rc = long_passages_leave_out(c, d, e);
	}
	return rc < 0 ? rc : corpus_add(c, d, e);
}

/* Pages of HTML, on all threads: each has an arena for the pages that fall to it. */
static int pages_read(struct document *file, size_t n, struct arena *a, struct err *e)
{
	int rc = 0;
#pragma omp parallel
	{
		struct arena own;
		arena_init(&own, ARENA_BYTES);
#pragma omp for schedule(dynamic)
		for (size_t i = 0; i < n; i++) {
			struct err why = {0};
			if (file[i].skipped || walk_kind(file[i].path) != WALK_HTML || !clean_is_text(&file[i]))
				continue;
			int failed = html_read(&file[i], &own, &why);
#pragma omp critical
			if (failed && !rc)
				rc = err_set(e, failed, "%s", why.text);
		}
#pragma omp critical
		arena_join(a, &own);
	}
	return rc;
}

int corpus_read(struct corpus *c, const char *in, struct data_summary *out, struct err *e)
{
	struct document *file = c->d;
	size_t n_files = c->n;
	int rc = 0;
	c->d = NULL;
	c->n = c->cap = 0;
	for (size_t i = 0; i < n_files && rc == 0; i++)
		if (!file[i].skipped && !is_container(&file[i]))
			rc = encoding_convert(&file[i], walk_kind(file[i].path) == WALK_HTML, &c->arena, e);
	if (rc == 0)
		rc = pages_read(file, n_files, &c->arena, e);
	for (size_t i = 0; i < n_files; i++)
		if (rc < 0 || (rc = document_read(c, &file[i], in, e)) < 0)
			document_forget(&file[i]);
	mem_free(file);
	if (rc == 0)
		rc = clean_boilerplate(c, e);
	if (rc == 0)
		rc = duplicates_drop(c, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < c->n; i++) {
		const struct document *d = &c->d[i];
		if (d->skipped)
			log_line(LOG_WARNING, "%s: left out: %s", d->path, d->skipped);
		out->n_skipped += d->skipped != NULL;
	}
	out->n_documents = c->n - out->n_skipped;
	if (out->n_documents)
		return 0;
	return err_set(e, ERR_DATA,
		"%s: no usable document: none of the %zu files of a kind that is read (%s) holds text that can be used", in,
		n_files, walk_patterns);
}

/* ---- a section to read --------------------------------------------------------------------------------------------------------- */

static int table_render(const struct block *b, struct buf *out, struct err *e)
{
	int rc = 0;
	for (size_t row = 0; row < b->n_rows && rc == 0; row++) {
		for (size_t col = 0; col < b->n_cols && rc == 0; col++)
			rc = buf_printf(out, e, "| %s ", b->cells[row * b->n_cols + col]);
		if (rc == 0)
			rc = buf_puts(out, "|\n", e);
		for (size_t col = 0; col < b->n_cols && row == 0 && rc == 0; col++)
			rc = buf_puts(out, col + 1 < b->n_cols ? "|---" : "|---|\n", e);
	}
	return rc;
}

static int block_render(const struct block *b, struct buf *out, struct err *e)
{
	switch (b->kind) {
	case BLOCK_TABLE:
		return table_render(b, out, e);
	case BLOCK_CODE:
		return buf_printf(out, e, "```\n%s\n```\n", b->text);
	case BLOCK_ITEM:
		return b->ordinal ? buf_printf(out, e, "%zu. %s\n", b->ordinal, b->text) : buf_printf(out, e, "- %s\n", b->text);
	default:
		return buf_printf(out, e, "%s\n", b->text);
	}
}

int section_render(const struct document *d, const struct section *s, struct buf *out, struct err *e)
{
	int rc = 0;
	if (walk_kind(d->path) != WALK_HTML)
		return buf_append(out, d->bytes + s->span.start, s->span.end - s->span.start, e);
	if (*s->title)
		rc = buf_puts(out, "#", e);
	for (const char *p = s->heading; *s->title && rc == 0 && (p = strstr(p, " > ")); p++)
		rc = buf_puts(out, "#", e);
	if (rc == 0 && *s->title)
		rc = buf_printf(out, e, " %s\n", s->title);
	for (size_t i = 0; i < s->n_blocks && rc == 0; i++) {
		const struct block *b = &d->blocks[s->block + i];
		bool goes_on = i && b->kind == BLOCK_ITEM && b[-1].kind == BLOCK_ITEM && b->list == b[-1].list;
		if (!goes_on && out->len)
			rc = buf_puts(out, "\n", e);
		if (rc == 0)
			rc = block_render(b, out, e);
	}
	return rc;
}

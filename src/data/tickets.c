/*
 * Support tickets from CSV. Parsing is libcsv's; this file finds out which columns hold what and makes two turns of each row.
 *
 * Reference: RFC 4180, with semicolons or tabs where a program wrote those.
 */
#include "data/tickets.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

#include "data/mail.h"
#include "data/outline.h"

enum { COLUMNS_MAX = 256, REPLIES_MAX = 3, NAME_BYTES = 64 };
enum column { QUESTION, REPLY, ID, SUBJECT, COLUMNS };

/* Names of columns in small letters without punctuation, the best first; one matches as the whole name or as its last words. */
static const char *const column_names[COLUMNS][16] = {
	[QUESTION] = {"question", "customer message", "first message", "message", "body", "description", "request", "inquiry",
		"enquiry", "query", "issue", "problem", "content", "text"},
	[REPLY] = {"reply", "answer", "response", "resolution", "solution", "agent message", "support message", "agent comment",
		"public comment", "last comment", "comment"},
	[ID] = {"id", "ticket", "ticket number", "number", "case", "case number", "key", "reference"},
	[SUBJECT] = {"subject", "title", "summary", "topic", "headline"},
};

struct row {
	const char *question, *reply, *id, *subject; /* "" when absent */
	struct span span;
	size_t line;
};

struct reader {
	struct corpus *c;
	const struct document *file;
	struct err *e;
	int rc;
	size_t n_fields, n_rows, line, row_line; /* fields of the row so far; full rows; lines begun; where the row began */
	size_t start, end;                       /* bytes of the row */
	struct buf field[COLUMNS_MAX];
	int column[COLUMNS]; /* index, or -1 */
	bool mapped;
	struct buf head; /* the names of all columns, for the message */
	struct row *row; /* mem_free */
	size_t n, cap;
	size_t n_empty, first_empty, n_ragged, first_ragged, n_canned;
};

/* ---- columns -------------------------------------------------------------------------------------------------------------- */

static void name_plain(char dst[NAME_BYTES], const char *s)
{
	size_t n = 0;
	for (; *s && n + 1 < NAME_BYTES; s++) {
		if (isalnum((unsigned char)*s))
			dst[n++] = (char)tolower((unsigned char)*s);
		else if (n && dst[n - 1] != ' ')
			dst[n++] = ' ';
	}
	while (n && dst[n - 1] == ' ')
		n--;
	dst[n] = 0;
}

static bool name_ends(const char *name, const char *with)
{
	size_t n = strlen(name), k = strlen(with);
	return n > k && !strcmp(name + n - k, with) && name[n - k - 1] == ' ';
}

static int column_find(const struct reader *r, enum column what, bool whole)
{
	char name[NAME_BYTES];
	for (const char *const *want = column_names[what]; *want; want++)
		for (size_t i = 0; i < r->n_fields && i < COLUMNS_MAX; i++) {
			name_plain(name, r->field[i].p ? r->field[i].p : "");
			if (whole ? !strcmp(name, *want) : name_ends(name, *want))
				return (int)i;
		}
	return -1;
}

static void head_read(struct reader *r)
{
	for (size_t i = 0; i < r->n_fields && i < COLUMNS_MAX && r->rc == 0; i++)
		r->rc = buf_printf(&r->head, r->e, "%s%s", i ? ", " : "", r->field[i].p ? r->field[i].p : "");
	for (int k = 0; k < COLUMNS; k++) {
		r->column[k] = column_find(r, (enum column)k, true);
		if (r->column[k] < 0)
			r->column[k] = column_find(r, (enum column)k, false);
	}
	r->mapped = r->column[QUESTION] >= 0 && r->column[REPLY] >= 0 && r->column[QUESTION] != r->column[REPLY];
}

/* ---- rows ----------------------------------------------------------------------------------------------------------------- */

static const char *field_of(const struct reader *r, enum column k)
{
	int i = r->column[k];
	return i >= 0 && (size_t)i < r->n_fields && r->field[i].p ? r->field[i].p : "";
}

static int row_add(struct reader *r)
{
	struct arena *a = &r->c->arena;
	struct row row = {.span = {r->start, r->end}, .line = r->row_line};
	char *question, *reply;
	int rc = mail_substance(field_of(r, QUESTION), &question, a, r->e);
	if (rc < 0 || (rc = mail_substance(field_of(r, REPLY), &reply, a, r->e)) < 0)
		return rc;
	if (!*question || !*reply) {
		r->first_empty = r->n_empty++ ? r->first_empty : r->row_line;
		return 0;
	}
	row.question = question;
	row.reply = reply;
	row.id = arena_strdup(a, field_of(r, ID), strlen(field_of(r, ID)), r->e);
	row.subject = arena_strdup(a, field_of(r, SUBJECT), strlen(field_of(r, SUBJECT)), r->e);
	if (!row.id || !row.subject)
		return ERR_RESOURCE;
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;
		if ((rc = mem_resize(&r->row, r->cap, cap, sizeof *r->row, r->e)) < 0)
			return rc;
		r->cap = cap;
	}
	r->row[r->n++] = row;
	return 0;
}

static void on_field(void *s, size_t n, void *user)
{
	struct reader *r = user;
	if (r->n_fields < COLUMNS_MAX && r->rc == 0) {
		struct buf *f = &r->field[r->n_fields];
		buf_clear(f);
		r->rc = n ? buf_append(f, s, n, r->e) : 0;
		if (!n && f->p)
			*f->p = 0;
	}
	r->n_fields++;
}

/* libcsv says nothing about rows without any field: blank lines. */
static void on_row(int ending, void *user)
{
	struct reader *r = user;
	(void)ending;
	if (r->rc < 0)
		return;
	if (!r->n_rows++) {
		head_read(r);
	} else if (r->mapped) {
		size_t needed = (size_t)(r->column[QUESTION] > r->column[REPLY] ? r->column[QUESTION] : r->column[REPLY]) + 1;
		if (r->n_fields < needed)
			r->first_ragged = r->n_ragged++ ? r->first_ragged : r->row_line;
		else
			r->rc = row_add(r);
	}
	r->n_fields = 0;
	r->start = r->end;
	r->row_line = r->line + 1;
}

/* ---- documents ------------------------------------------------------------------------------------------------------------ */

/* A reply that answers everything answers nothing: of rows with the same one, the first few stay. */
static int by_reply(const void *a, const void *b)
{
	const struct row *const *x = a, *const *y = b;
	int order = strcmp((*x)->reply, (*y)->reply);
	return order ? order : (*x > *y) - (*x < *y);
}

static int canned_drop(struct reader *r)
{
	struct row **v = mem_alloc(r->n, sizeof *v, r->e);
	if (!v)
		return ERR_RESOURCE;
	for (size_t i = 0; i < r->n; i++)
		v[i] = &r->row[i];
	qsort(v, r->n, sizeof *v, by_reply);
	for (size_t i = 0, end; i < r->n; i = end) {
		for (end = i + 1; end < r->n && !strcmp(v[end]->reply, v[i]->reply); end++)
			;
		for (size_t k = i + REPLIES_MAX; k < end; k++, r->n_canned++)
			v[k]->question = NULL;
	}
	mem_free(v);
	return 0;
}

static int ticket_add(struct reader *r, const struct row *row, size_t number)
{
	struct document d = *r->file;
	struct outline o;
	char part[32];
	snprintf(part, sizeof part, "row %zu", number);
	d.kind = DOCUMENT_TICKET;
	d.part = *row->id ? row->id : arena_strdup(&r->c->arena, part, strlen(part), r->e);
	if (!d.part)
		return ERR_RESOURCE;
	outline_init(&o, &d, &r->c->arena, r->e);
	int rc = outline_text(&o, row->subject, strlen(row->subject));
	char *title = rc == 0 ? outline_text_end(&o) : NULL;
	if (!title || outline_section(&o, outline_title(title), 1, row->span.start) < 0) {
		rc = ERR_RESOURCE;
		goto done;
	}
	d.sections[0].span.end = row->span.end;
	struct block *b = outline_block(&o, BLOCK_TURN, row->span);
	if (b) {
		b->text = row->question;
		b->speaker = "customer";
		b = outline_block(&o, BLOCK_TURN, row->span);
	}
	if (!b) {
		rc = ERR_RESOURCE;
		goto done;
	}
	b->text = row->reply;
	b->speaker = "support";
	rc = corpus_add(r->c, &d, r->e);
done:
	outline_release(&o);
	return rc;
}

/* The file itself as a document that is skipped, for a reason. */
static int file_skip(struct reader *r, const struct buf *why)
{
	struct document d = *r->file;
	d.skipped = arena_strdup(&r->c->arena, why->p, why->len, r->e);
	return d.skipped ? corpus_add(r->c, &d, r->e) : ERR_RESOURCE;
}

static int rest_report(struct reader *r)
{
	struct buf why = {0};
	size_t n = r->n_empty + r->n_ragged + r->n_canned, rows = r->n_rows ? r->n_rows - 1 : 0;
	int rc = !r->n && !n ? buf_printf(&why, r->e, "no rows below its head") : 0;
	if (n)
		rc = buf_printf(&why, r->e, "%zu of its %zu rows cannot be used", n, rows);
	if (r->n_empty && rc == 0)
		rc = buf_printf(
			&why, r->e, "; %zu without a question or a reply, the first in line %zu", r->n_empty, r->first_empty);
	if (r->n_ragged && rc == 0)
		rc = buf_printf(&why, r->e, "; %zu with too few fields, the first in line %zu", r->n_ragged, r->first_ragged);
	if (r->n_canned && rc == 0)
		rc = buf_printf(&why, r->e, "; %zu whose reply %d other rows have, too", r->n_canned, REPLIES_MAX);
	if (rc == 0 && why.len)
		rc = file_skip(r, &why);
	buf_release(&why);
	return rc;
}

static int tickets_add(struct reader *r)
{
	struct buf why = {0};
	int rc = 0;
	if (!r->mapped) {
		rc = buf_printf(&why, r->e,
			"no column of questions (question, message, body, description, request) beside one of replies (reply, "
			"answer, "
			"response, resolution, comment); its columns: %.500s",
			r->head.p ? r->head.p : "none");
		rc = rc < 0 ? rc : file_skip(r, &why);
		buf_release(&why);
		return rc;
	}
	if ((rc = canned_drop(r)) < 0)
		return rc;
	for (size_t i = 0; i < r->n && rc == 0; i++)
		if (r->row[i].question)
			rc = ticket_add(r, &r->row[i], i + 1);
	return rc < 0 ? rc : rest_report(r);
}

/* ---- parsing -------------------------------------------------------------------------------------------------------------- */

/* What stands most often in the first line, outside quotation marks. */
static unsigned char delimiter(const char *p, size_t n)
{
	static const char all[] = ",;\t";
	size_t count[3] = {0}, best = 0;
	bool quoted = false;
	for (size_t i = 0; i < n && (quoted || (p[i] != '\n' && p[i] != '\r')); i++) {
		const char *which = quoted ? NULL : strchr(all, p[i]);
		quoted ^= p[i] == '"';
		if (which)
			count[which - all]++;
	}
	for (size_t i = 1; i < 3; i++)
		best = count[i] > count[best] ? i : best;
	return (unsigned char)all[best];
}

/* Line by line, so that a row knows its bytes and an error its line. */
static int parse(struct reader *r, struct csv_parser *csv, size_t at)
{
	const struct document *d = r->file;
	struct buf why = {0};
	r->start = at;
	r->row_line = 1;
	bool bad = false;
	while (at < d->size && !bad && r->rc == 0) {
		const char *nl = memchr(d->bytes + at, '\n', d->size - at);
		r->end = nl ? (size_t)(nl - d->bytes) + 1 : d->size;
		r->line++;
		bad = csv_parse(csv, d->bytes + at, r->end - at, on_field, on_row, r) != r->end - at;
		at = r->end;
	}
	if (!bad && r->rc == 0)
		bad = csv_fini(csv, on_field, on_row, r) != 0;
	if (r->rc < 0 || !bad)
		return r->rc;
	if (csv_error(csv) == CSV_ENOMEM)
		return err_set(r->e, ERR_RESOURCE, "%s: out of memory while reading its rows", d->path);
	int rc = buf_printf(&why, r->e,
		at == d->size ? "the row that begins in line %zu opens a quotation mark that is never closed"
			      : "the row that begins in line %zu has a quotation mark in the middle of a field: a field with one "
				"must stand in quotation marks, with every one inside doubled",
		r->row_line);
	r->n = 0;
	rc = rc < 0 ? rc : file_skip(r, &why);
	buf_release(&why);
	return rc < 0 ? rc : 1;
}

int tickets_read(struct corpus *c, const struct document *file, struct err *e)
{
	struct reader r = {.c = c, .file = file, .e = e};
	struct csv_parser csv;
	size_t mark = file->size >= 3 && !memcmp(file->bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
	if (csv_init(&csv, CSV_STRICT | CSV_STRICT_FINI))
		return err_set(e, ERR_RESOURCE, "%s: out of memory", file->path);
	csv_set_delim(&csv, delimiter(file->bytes + mark, file->size - mark));
	int rc = parse(&r, &csv, mark);
	if (rc == 0)
		rc = tickets_add(&r);
	csv_free(&csv);
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		buf_release(&r.field[i]);
	buf_release(&r.head);
	mem_free(r.row);
	return rc < 0 ? rc : 0;
}

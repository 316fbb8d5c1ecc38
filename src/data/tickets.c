/*
 * Support tickets from CSV. Parsing is libcsv's; what the rows mean is ticket_rows.c's.
 *
 * Reference: RFC 4180, with semicolons or tabs where a program wrote those.
 */
#include "data/tickets.h"

#include <stdio.h>
#include <string.h>

#include <csv.h>

#include "data/ticket_rows.h"

struct reader {
	struct ticket_rows rows;
	int rc;
	bool has_head;
	size_t n_fields, line, row_line; /* fields of the row so far; lines begun; where the row began */
	size_t start, end;               /* bytes of the row */
	struct buf field[TICKET_FIELDS_MAX];
};

static const char *field_at(const struct reader *r, size_t i)
{
	return i < r->n_fields && i < TICKET_FIELDS_MAX && r->field[i].p ? r->field[i].p : "";
}

static int head_read(struct reader *r)
{
	const char *names[TICKET_FIELDS_MAX];
	size_t n = r->n_fields < TICKET_FIELDS_MAX ? r->n_fields : TICKET_FIELDS_MAX;
	for (size_t i = 0; i < n; i++)
		names[i] = field_at(r, i);
	r->has_head = true;
	return ticket_rows_map(&r->rows, names, n);
}

static int row_read(struct reader *r)
{
	const int *at = r->rows.field;
	const char *text[TICKET_FIELDS];
	size_t needed = (size_t)(at[TICKET_QUESTION] > at[TICKET_REPLY] ? at[TICKET_QUESTION] : at[TICKET_REPLY]) + 1;
	r->rows.n_rows++;
	if (r->n_fields < needed) {
		ticket_rows_ragged(&r->rows, r->row_line);
		return 0;
	}
	for (int k = 0; k < TICKET_FIELDS; k++)
		text[k] = at[k] < 0 ? "" : field_at(r, (size_t)at[k]);
	return ticket_rows_add(&r->rows, text, (struct span){r->start, r->end}, r->row_line);
}

static void on_field(void *s, size_t n, void *user)
{
	struct reader *r = user;
	if (r->n_fields < TICKET_FIELDS_MAX && r->rc == 0) {
		struct buf *f = &r->field[r->n_fields];
		buf_clear(f);
		r->rc = n ? buf_append(f, s, n, r->rows.e) : 0;
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
	if (!r->has_head)
		r->rc = head_read(r);
	else if (r->rows.mapped)
		r->rc = row_read(r);
	r->n_fields = 0;
	r->start = r->end;
	r->row_line = r->line + 1;
}

static int tickets_add(struct reader *r)
{
	struct buf why = {0};
	if (r->rows.mapped)
		return ticket_rows_end(&r->rows);
	int rc = buf_printf(&why, r->rows.e,
		"no column of questions (question, message, body, description, request) beside one of replies (reply, answer, "
		"response, resolution, comment); its columns: %.500s",
		r->rows.head.p ? r->rows.head.p : "none");
	rc = rc < 0 ? rc : ticket_file_skip(&r->rows, why.p);
	buf_release(&why);
	return rc;
}

/* ---- parsing -------------------------------------------------------------------------------------------------------------- */

/* What stands most often in the first line, outside quotation marks. */
unsigned char data_csv_delimiter(const char *p, size_t n)
{
	static const char all[] = ",;\t";
	size_t count[3] = {0}, best = 0;
	bool quoted = false;
	for (size_t i = 0; i < n && (quoted || (p[i] != '\n' && p[i] != '\r')); i++) {
		const char *which = quoted || !p[i] ? NULL : strchr(all, p[i]);
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
	const struct document *d = r->rows.file;
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
		return err_set(r->rows.e, ERR_RESOURCE, "%s: out of memory while reading its rows", d->path);
	int rc = buf_printf(&why, r->rows.e,
		at == d->size ? "the row that begins in line %zu opens a quotation mark that is never closed"
			      : "the row that begins in line %zu has a quotation mark in the middle of a field: a field with one "
				"must stand in quotation marks, with every one inside doubled",
		r->row_line);
	rc = rc < 0 ? rc : ticket_file_skip(&r->rows, why.p);
	buf_release(&why);
	return rc < 0 ? rc : 1;
}

int tickets_read(struct corpus *c, const struct document *file, struct err *e)
{
	struct reader r = {0};
	struct csv_parser csv;
	size_t mark = file->size >= 3 && !memcmp(file->bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
	if (csv_init(&csv, CSV_STRICT | CSV_STRICT_FINI))
		return err_set(e, ERR_RESOURCE, "%s: out of memory", file->path);
	ticket_rows_init(&r.rows, c, file, e);
	csv_set_delim(&csv, data_csv_delimiter(file->bytes + mark, file->size - mark));
	int rc = parse(&r, &csv, mark);
	if (rc == 0)
		rc = tickets_add(&r);
	csv_free(&csv);
	for (size_t i = 0; i < TICKET_FIELDS_MAX; i++)
		buf_release(&r.field[i]);
	ticket_rows_release(&r.rows);
	return rc < 0 ? rc : 0;
}

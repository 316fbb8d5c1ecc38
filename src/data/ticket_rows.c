/*
 * Rows of tickets, from CSV or JSON, to documents of two turns: which fields hold what, what of a message is substance, which
 * replies say nothing. Reference: ticket_rows.h.
 */
#include "data/ticket_rows.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/mail.h"
#include "data/outline.h"

enum { REPLIES_MAX = 3, NAME_BYTES = 64 };

/* Names of fields in small letters without punctuation, the best first; one matches as the whole name or as its last words. */
static const char *const field_names[TICKET_FIELDS][16] = {
	[TICKET_QUESTION] = {"question", "customer message", "first message", "message", "body", "description", "request",
		"inquiry", "enquiry", "query", "issue", "problem", "content", "text"},
	[TICKET_REPLY] = {"reply", "answer", "response", "resolution", "solution", "agent message", "support message",
		"agent comment", "public comment", "last comment", "comment"},
	[TICKET_ID] = {"id", "ticket", "ticket number", "number", "case", "case number", "key", "reference"},
	[TICKET_SUBJECT] = {"subject", "title", "summary", "topic", "headline"},
};

struct ticket_row {
	const char *question, *reply, *id, *subject; /* "" when absent */
	struct span span;
	size_t line;
};

/* ---- fields --------------------------------------------------------------------------------------------------------------- */

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

static int field_find(const char *const *names, size_t n, enum ticket_field what, bool whole)
{
	char name[NAME_BYTES];
	for (const char *const *want = field_names[what]; *want; want++)
		for (size_t i = 0; i < n; i++) {
			name_plain(name, names[i]);
			if (whole ? !strcmp(name, *want) : name_ends(name, *want))
				return (int)i;
		}
	return -1;
}

/* "question from Customer Message, reply from Agent_Reply". */
static int mapping_show(const struct ticket_rows *t, const char *const *names)
{
	static const char *const what[TICKET_FIELDS] = {"question", "reply", "id", "subject"};
	struct buf line = {0};
	int rc = 0;
	for (int k = 0; k < TICKET_FIELDS && rc == 0; k++)
		if (t->field[k] >= 0)
			rc = buf_printf(&line, t->e, "%s%s from %.80s", k ? ", " : "", what[k], names[t->field[k]]);
	if (rc == 0)
		log_line(LOG_INFO, "%s: tickets: %s", t->file->path, line.p);
	buf_release(&line);
	return rc;
}

int ticket_rows_map(struct ticket_rows *t, const char *const *names, size_t n)
{
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = buf_printf(&t->head, t->e, "%s%s", i ? ", " : "", names[i]);
	for (int k = 0; k < TICKET_FIELDS; k++) {
		t->field[k] = field_find(names, n, (enum ticket_field)k, true);
		if (t->field[k] < 0)
			t->field[k] = field_find(names, n, (enum ticket_field)k, false);
	}
	t->mapped = t->field[TICKET_QUESTION] >= 0 && t->field[TICKET_REPLY] >= 0 &&
		t->field[TICKET_QUESTION] != t->field[TICKET_REPLY];
	return rc == 0 && t->mapped ? mapping_show(t, names) : rc;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------------- */

int ticket_rows_add(struct ticket_rows *t, const char *const text[TICKET_FIELDS], struct span span, size_t line)
{
	struct arena *a = &t->c->arena;
	struct ticket_row row = {.span = span, .line = line};
	char *question, *reply;
	int rc = mail_substance(text[TICKET_QUESTION], &question, a, t->e);
	if (rc < 0 || (rc = mail_substance(text[TICKET_REPLY], &reply, a, t->e)) < 0)
		return rc;
	if (!*question || !*reply) {
		t->first_empty = t->n_empty++ ? t->first_empty : line;
		return 0;
	}
	row.question = question;
	row.reply = reply;
	row.id = arena_strdup(a, text[TICKET_ID], strlen(text[TICKET_ID]), t->e);
	row.subject = arena_strdup(a, text[TICKET_SUBJECT], strlen(text[TICKET_SUBJECT]), t->e);
	if (!row.id || !row.subject)
		return ERR_RESOURCE;
	if (mem_reserve(&t->row, t->n, &t->cap, sizeof *t->row, t->e))
		return ERR_RESOURCE;
	t->row[t->n++] = row;
	return 0;
}

void ticket_rows_ragged(struct ticket_rows *t, size_t line)
{
	t->first_ragged = t->n_ragged++ ? t->first_ragged : line;
}

void ticket_rows_bad(struct ticket_rows *t, size_t line, const char *why)
{
	if (!t->n_bad++) {
		t->first_bad = line;
		t->bad = why;
	}
}

/* ---- documents ------------------------------------------------------------------------------------------------------------ */

/* A reply that answers everything answers nothing: of rows with the same one, the first few stay. */
static int by_reply(const void *a, const void *b)
{
	const struct ticket_row *const *x = a, *const *y = b;
	int order = strcmp((*x)->reply, (*y)->reply);
	return order ? order : (*x > *y) - (*x < *y);
}

static int canned_drop(struct ticket_rows *t)
{
	struct ticket_row **v = mem_alloc(t->n, sizeof *v, t->e);
	if (!v)
		return ERR_RESOURCE;
	for (size_t i = 0; i < t->n; i++)
		v[i] = &t->row[i];
	qsort(v, t->n, sizeof *v, by_reply);
	for (size_t i = 0, end; i < t->n; i = end) {
		for (end = i + 1; end < t->n && !strcmp(v[end]->reply, v[i]->reply); end++)
			;
		for (size_t k = i + REPLIES_MAX; k < end; k++, t->n_canned++)
			v[k]->question = NULL;
	}
	mem_free(v);
	return 0;
}

static int ticket_add(struct ticket_rows *t, const struct ticket_row *row, size_t number)
{
	struct document d = *t->file;
	struct outline o;
	char part[32];
	snprintf(part, sizeof part, "row %zu", number);
	d.kind = DOCUMENT_TICKET;
	d.part = *row->id ? row->id : arena_strdup(&t->c->arena, part, strlen(part), t->e);
	if (!d.part)
		return ERR_RESOURCE;
	outline_init(&o, &d, &t->c->arena, t->e);
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
	rc = corpus_add(t->c, &d, t->e);
done:
	outline_release(&o);
	return rc;
}

int ticket_file_skip(struct ticket_rows *t, const char *why)
{
	struct document d = *t->file;
	d.skipped = arena_strdup(&t->c->arena, why, strlen(why), t->e);
	return d.skipped ? corpus_add(t->c, &d, t->e) : ERR_RESOURCE;
}

static int rest_report(struct ticket_rows *t)
{
	struct buf why = {0};
	size_t n = t->n_empty + t->n_ragged + t->n_canned + t->n_bad;
	int rc = !t->n_rows ? buf_puts(&why, "no rows in it", t->e) : 0;
	if (n)
		rc = buf_printf(&why, t->e, "%zu of its %zu rows cannot be used", n, t->n_rows);
	if (t->n_bad && rc == 0)
		rc = buf_printf(&why, t->e, "; %zu wrong, the first in line %zu: %s", t->n_bad, t->first_bad, t->bad);
	if (t->n_empty && rc == 0)
		rc = buf_printf(
			&why, t->e, "; %zu without a question or a reply, the first in line %zu", t->n_empty, t->first_empty);
	if (t->n_ragged && rc == 0)
		rc = buf_printf(&why, t->e, "; %zu with too few fields, the first in line %zu", t->n_ragged, t->first_ragged);
	if (t->n_canned && rc == 0)
		rc = buf_printf(&why, t->e, "; %zu whose reply %d other rows have, too", t->n_canned, REPLIES_MAX);
	if (rc == 0 && why.len)
		rc = ticket_file_skip(t, why.p);
	buf_release(&why);
	return rc;
}

int ticket_rows_end(struct ticket_rows *t)
{
	int rc = canned_drop(t);
	for (size_t i = 0; i < t->n && rc == 0; i++)
		if (t->row[i].question)
			rc = ticket_add(t, &t->row[i], i + 1);
	return rc < 0 ? rc : rest_report(t);
}

void ticket_rows_init(struct ticket_rows *t, struct corpus *c, const struct document *file, struct err *e)
{
	*t = (struct ticket_rows){.c = c, .file = file, .e = e};
	for (int k = 0; k < TICKET_FIELDS; k++)
		t->field[k] = -1;
}

void ticket_rows_release(struct ticket_rows *t)
{
	buf_release(&t->head);
	mem_free(t->row);
}

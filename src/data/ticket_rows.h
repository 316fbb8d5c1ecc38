/* Private to the readers of tickets: from named fields to documents, whatever the file's format. */
#ifndef ATTUNE_DATA_TICKET_ROWS_H
#define ATTUNE_DATA_TICKET_ROWS_H

#include "data/corpus.h"

enum { TICKET_FIELDS_MAX = 256 };
enum ticket_field { TICKET_QUESTION, TICKET_REPLY, TICKET_ID, TICKET_SUBJECT, TICKET_FIELDS };

struct ticket_row;
struct ticket_rows {
	struct corpus *c;
	const struct document *file;
	struct err *e;
	int field[TICKET_FIELDS]; /* which of the file's fields, or -1 */
	bool mapped;              /* there are questions and replies */
	struct buf head;          /* the names of all fields, for messages */
	size_t n_rows;            /* seen, good or not */
	struct ticket_row *row;   /* mem_free */
	size_t n, cap;
	size_t n_empty, first_empty, n_ragged, first_ragged, n_canned, n_bad, first_bad;
	const char *bad; /* why the first of them is */
};

/* `file` and `c` must stay. Release in any case. */
void ticket_rows_init(struct ticket_rows *t, struct corpus *c, const struct document *file, struct err *e);
void ticket_rows_release(struct ticket_rows *t);

/* Guesses by their names which field is what, and shows it in the log. "Customer.Message" is "customer message". */
int ticket_rows_map(struct ticket_rows *t, const char *const *names, size_t n);

/* What a row says, by ticket_field; "" when absent. One without a question or a reply is counted. */
int ticket_rows_add(struct ticket_rows *t, const char *const text[TICKET_FIELDS], struct span span, size_t line);
/* A row that has too few fields, or that is wrong for a reason of its own, which must stay. */
void ticket_rows_ragged(struct ticket_rows *t, size_t line);
void ticket_rows_bad(struct ticket_rows *t, size_t line, const char *why);

/* Adds a DOCUMENT_TICKET for each row that is used and, where rows are not, one skipped document that says how many and why. */
int ticket_rows_end(struct ticket_rows *t);

/* Adds the file itself as a document that is skipped. */
int ticket_file_skip(struct ticket_rows *t, const char *why);

#endif

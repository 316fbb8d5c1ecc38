/*
 * Private to data: the documents as the stages see them. Everything lives in one arena until data_curate returns.
 */
#ifndef ATTUNE_DATA_CORPUS_H
#define ATTUNE_DATA_CORPUS_H

#include "data/data.h"

/* A piece of somebody else's text; not NUL-terminated. */
struct str {
	const char *p;
	size_t n;
};
#define STR(literal) ((struct str){literal, sizeof literal - 1})
size_t str_words(struct str s); /* pieces between white space */

struct span {
	size_t start, end; /* bytes of the document's text */
};

/* BLOCK_TURN: what one person says in a call or a ticket. */
enum block_kind { BLOCK_PARAGRAPH, BLOCK_ITEM, BLOCK_TABLE, BLOCK_CODE, BLOCK_TURN };

/* Plain text: emphasis, links and HTML gone, white space single, code spans still in their backticks. */
struct block {
	enum block_kind kind;
	struct span span;
	const char *text;    /* NULL for a table */
	size_t bold;         /* bytes of bold text that the block opens with */
	size_t list;         /* items: number of the list in the document, from 1 */
	size_t ordinal;      /* items of ordered lists: from 1; 0 in bullet lists */
	const char *speaker; /* turns: as the document names them; of a ticket "customer" or "support" */
	size_t n_rows, n_cols;
	const char **cells; /* tables: [n_rows * n_cols], row 0 is the head */
};

/* From one heading to the next of any level. The text before the first heading has an empty title. */
struct section {
	const char *title;   /* plain text without backticks */
	const char *heading; /* breadcrumb: "Plans > Extra events" */
	struct span span;
	size_t block, n_blocks;
};

/* DOCUMENT_ROW: a row of training data that was given as one; it has no blocks. */
enum document_kind { DOCUMENT_PAGE, DOCUMENT_TICKET, DOCUMENT_CALL, DOCUMENT_ROW };

/* Bytes that stand in place of others. */
struct edit {
	size_t at, n, source, source_n; /* in the document's text; in the file's */
};

/* A file, or one ticket or row of a file. */
struct document {
	enum document_kind kind;
	const char *file; /* relative to the input */
	const char *path; /* the same without personal data, which is what anybody is told */
	const char *part; /* which ticket or row of the file; NULL: the whole file */
	const char *row;  /* DOCUMENT_ROW: the JSON object */
	bool unseen;      /* held out: nothing of it is trained on */
	char sha256[65];
	size_t size;
	char *own; /* mem_free; what the bytes of a page of HTML lie in, until nothing reads them any more; NULL: in the arena */
	const char *bytes; /* UTF-8 text, which all spans are of: the file's own, or what was converted or extracted from it */
	const struct edit *edits; /* [n_edits], by `at`: where it differs from them since personal data was replaced */
	size_t n_edits;
	const char *skipped; /* why it is not used, or NULL */
	struct section *sections;
	size_t n_sections;
	const size_t *page; /* [n_pages] of a format that has pages: where the text of each begins */
	size_t n_pages;
	struct block *blocks;
	size_t n_blocks;
};

/* Byte `at` of the text as a byte of what the text was before personal data was replaced. scrub.c */
size_t document_place(const struct document *d, size_t at);

/* A section that says again what another one says. */
struct duplicate {
	const struct document *document, *other_document;
	const struct section *section, *other; /* `other` stands before `section` and stays */
	double similarity;                     /* Jaccard's, of the sets of five-word sequences */
	bool kept;                             /* they name different values: nobody can say here which one is right */
};
struct duplicates {
	struct duplicate *p; /* mem_free */
	size_t n, cap;
};

/* The documents of a path and everything they point to. */
struct corpus {
	struct arena arena;
	struct document *d; /* [n]; the tickets of a file follow each other */
	size_t n, cap;
	struct duplicates duplicates;
};

/* Finds and loads the files of `in`: path, bytes and hash. A file that cannot be read is a skipped document. */
int corpus_open(struct corpus *c, const char *in, struct err *e);
/* Reads what was loaded into sections and blocks, and counts in `out`; ERR_DATA when no document can be used. */
int corpus_read(struct corpus *c, const char *in, struct data_summary *out, struct err *e);
/* Leaves a document out for a reason; ERR_RESOURCE when memory runs out. */
int document_skip(struct document *d, struct arena *a, struct err *e, const char *why, ...) __attribute__((format(printf, 4, 5)));
/* The page, from 1, on which a byte of the text stands; 0 when the document has none. */
size_t document_page(const struct document *d, size_t at);
/* Gives the bytes of a page of HTML back: what is made of it lies elsewhere. */
void document_forget(struct document *d);
int corpus_add(struct corpus *c, const struct document *d, struct err *e);
/* Appends a section as people read it and retrieval shows it: its bytes or, where these are HTML, title and blocks as Markdown. */
int section_render(const struct document *d, const struct section *s, struct buf *out, struct err *e);
void corpus_release(struct corpus *c);

enum item_kind {
	ITEM_VALUE,
	ITEM_CELL,
	ITEM_DEFINITION,
	ITEM_FAQ,
	ITEM_HOWTO,
	ITEM_STEP,
	ITEM_SECTION,
	ITEM_REPLY,
	ITEM_STATEMENT,
	ITEM_DENIAL,
	ITEM_CONFIRMATION,
	ITEM_UNKNOWN,
	ITEM_GROUNDED
};

/* One thing to know: an answer and the questions that it answers. */
struct item {
	enum item_kind kind;
	const char *subject, *value; /* facts only, else NULL */
	const char *asks;            /* what asks for the value, "how many hours"; NULL when nothing does */
	const char *answer;
	const char **questions; /* [n_questions] */
	const char **cores;     /* what each question was before its words were varied; NULL: the question itself */
	size_t n_questions;
	size_t reserved;                 /* the question kept for validation, or SIZE_MAX */
	const struct document *document; /* NULL: no document says so */
	const struct section *section;
	struct span span;
};
static inline bool item_is_fact(const struct item *i)
{
	return i->kind <= ITEM_DEFINITION;
}

struct items {
	struct item *p; /* mem_free */
	size_t n, cap;
};

/* What every stage that makes items works with. */
struct maker {
	const struct data_options *options;
	struct arena *arena; /* of the stage */
	struct arena *kept;  /* of what an item holds; may be the same */
	const struct names *names;
	struct items *items;
	bool words_later;                /* items are appended without their wordings: phrase.h */
	const struct document *document; /* where the maker is */
	const struct section *section;
};

#endif

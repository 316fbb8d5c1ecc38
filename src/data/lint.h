/* Private to data: what the files of lint share. */
#ifndef ATTUNE_DATA_LINT_H
#define ATTUNE_DATA_LINT_H

#include "data/text.h"
#include "format/format.h"

enum { LINT_ARENA_BLOCK = 64 << 10 };

struct lint {
	struct evidence *evidence;
	struct terms terms;
	struct arena arena;
	struct avoided {
		const char *word, *unless; /* unless: letters of a word that excuses it in the same sentence, or NULL */
	} * avoided;
	size_t n_avoided, cap_avoided;
	bool sentence_case, present_tense, spaced_percent;
};

/*
 * Two copies of the draft, byte under byte: `text` with the lines of a block joined and fenced code gone, `prose` also without code spans, URLs and
 * targets of links, whose bytes are '\1'.
 */
struct draft {
	const struct lint *l;
	const char *original;
	char *text, *prose;
	struct str heading; /* above what is looked at */
	struct str block;   /* that is looked at, in `text`, without its mark */
	bool opens;         /* a heading came just before */
	bool frozen;        /* the block is quoted, or code or a target perhaps: nothing in it is changed */
	struct str column[CELLS_MAX];
	size_t n_columns; /* of the table that one is in */
	struct lint_findings *out;
	struct err *e;
};

/* Goes through a text once: a zeroed cursor is before its first byte. */
struct text_cursor {
	size_t at, lines, from; /* ends of lines so far; where this line starts */
};
/* Line and column, both from 1, of a byte at or behind the last one. */
void text_line(struct text_cursor *c, const char *text, size_t at, size_t *line, size_t *column);

/* Adds one, unless another of its kind overlaps it. */
int lint_add(struct draft *d, enum lint_kind kind, size_t start, size_t end, const char *instead, const char *message);

/* lint_mask.c. Blanks in both copies of the draft what the struct says. */
void lint_mask(char *text, char *prose);
char *text_line_end(char *p); /* behind the newline of the line at p */

/*
 * lint_fix.c. Whether a block, which starts at a byte, is frozen; d->block is set. The others give the latest finding, if it has those bytes, what
 * makes it good without a person, where that is certain: lint_fix_term of n bytes in a form of this term.
 */
bool lint_is_frozen(const struct draft *d, size_t start);
int lint_fix_term(struct draft *d, size_t at, size_t n, size_t term, bool preferred);
int lint_fix_set(struct draft *d, size_t start, size_t end, const char *text);

/* lint_style.c. Both of a sentence of d->text. */
int lint_style(struct draft *d, struct str sentence);
int lint_search(struct draft *d, struct str sentence);
int lint_heading(struct draft *d, struct str heading); /* without its # */
int lint_stuffing(struct draft *d, struct str block);  /* of a paragraph */

bool str_holds(struct str s, const char *phrase); /* anywhere, case not counting */
bool str_has_capital(struct str s);

#endif

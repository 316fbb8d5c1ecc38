/*
 * Private to data: values in a sentence.
 */
#ifndef ATTUNE_DATA_ATOM_H
#define ATTUNE_DATA_ATOM_H

#include "data/text.h"

enum atom_measure {
	ATOM_COUNT,    /* 9 attempts */
	ATOM_TIME,     /* 18 seconds, 2 working days */
	ATOM_SIZE,     /* 384 KB, 20 Hz */
	ATOM_MONEY,    /* 39 EUR, $5 */
	ATOM_PERCENT,  /* 15 % */
	ATOM_CLOCK,    /* 03:30 UTC */
	ATOM_BARE,     /* 64 */
	ATOM_LABELLED, /* port 7443, the prefix `tlk_`, the `Retry-After` header */
	ATOM_CODE      /* `--dry-run` */
};

/*
 * Words [first, end): what the question word replaces, i.e. the value with its quantifier ("up to") and label ("port"). The
 * value itself, with its unit, is [value, value_end).
 */
struct atom {
	enum atom_measure measure;
	size_t first, end, value, value_end;
	size_t unit; /* COUNT, TIME, SIZE: where the unit starts; it ends at value_end; `value` where it is part of that word: "750KiB" */
	size_t label; /* LABELLED: the word */
	enum { BOUND_NONE, BOUND_MOST, BOUND_LEAST } bound;
	bool loose; /* code without backticks, 2000-05-09, 750KiB: to ask for, but no value to judge an answer by */
};

/* The first value at or after word `from`; false when there is none. */
bool atom_next(const struct word *w, size_t n, size_t from, struct atom *out);

/* "header", "exit code": what a labelled value is called. */
struct str atom_label(const struct word *w, const struct atom *a);

/* "hours" of "36 hours", "KiB" of "750KiB". */
struct str atom_unit(const struct word *w, const struct atom *a);

/* A number becomes the whole date or choice that it starts: "30 June 2027", "2% or 3%". */
void atom_extend(const struct word *w, size_t n, struct atom *a);
bool atom_is_date(const struct word *w, const struct atom *a);

/* Is the text, as a whole, a number with or without a unit? (table cells) */
bool atom_is_whole(struct str text, struct atom *out);

#endif

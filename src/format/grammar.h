/*
 * Private to format: a grammar as a program of a pushdown automaton over bytes. json_schema.c writes programs, grammar.c runs them.
 *
 * A thread is a place in the program and the places to return to. All threads step together over each byte (Thompson 1968, with calls), so
 * that alternatives need no looking ahead and a step costs the same whatever came before.
 */
#ifndef ATTUNE_GRAMMAR_H
#define ATTUNE_GRAMMAR_H

#include "format/format.h"

enum grammar_op {
	GRAMMAR_RANGE, /* a byte from x to y */
	GRAMMAR_SPLIT, /* goes on at x and at y */
	GRAMMAR_JUMP,  /* goes on at x */
	GRAMMAR_CALL,  /* goes on at x, and behind this one when that returns */
	GRAMMAR_RETURN,
	GRAMMAR_MATCH /* the text is whole */
};

struct grammar_step {
	enum grammar_op op;
	uint32_t x, y;
};

struct grammar {
	struct grammar_step *step; /* begins at 0 */
	size_t n, cap;
};

#endif

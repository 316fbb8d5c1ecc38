/* Private to ask.c and its neighbours: the parts of a statement that questions are made of. */
#ifndef ATTUNE_DATA_ASK_PARTS_H
#define ATTUNE_DATA_ASK_PARTS_H

#include "data/ask.h"

/*
 * Letters: W question words, L lead with its comma, J lead without, C a condition as a sentence, X auxiliary, S subject, T "it" or
 * "they", Q a subject that one can have ("a filter"), Y the same as "our filter", K without article, V main verb after X, F finite
 * verb, B what stands between verb and value, A what follows, P preposition, U unit, O "of memory", M label ("port"), D what one
 * can do ("restore a stream"), E what the product does to the subject, N the product, Z do or does, I is or are, G what the
 * subject keeps, R is or are of G, H the place where it is kept or a gerund's deed.
 */

enum { CAN = 1, MUST = 2, NEITHER = 4, ADJECTIVE = 8, PASSIVE = 16, FULL = 32, MOST = 64, LEAST = 128 };

/* "19 levels | deep |" */
#define MEASURE_ADJECTIVES "deep long large big wide high tall old thick"
/* What happens to the subject, in words that questions need. */
struct deed {
	char act[32]; /* base form of the verb or participle, or the adjective behind "is" */
	size_t end;   /* behind the word that `act` was read from */
	int traits;
};
/* Reads the words before `limit`. */
struct deed deed_read(const struct statement *s, size_t limit);

/* S T Q Y K Z I N */
int subject_parts(struct parts *p, const struct maker *m, const struct statement *s, struct err *e);
/* All but W, of a statement with its value at `k`. */
int value_parts(struct parts *p, const struct maker *m, const struct statement *s, const struct atom *a, const struct slot *k,
	const struct deed *d, struct err *e);

/* The noun of a noun phrase: the word before its first preposition or clause. */
size_t head_noun(const struct word *w, size_t first, size_t end);
bool is_plural_subject(const struct statement *s);
/* "when a receiver is down" -> "A receiver is down": a condition as a sentence of its own; NULL when it is none. */
const char *condition(const struct maker *m, const struct word *w, size_t first, size_t end, struct err *e);

const char *text_copy(const struct maker *m, struct str s, struct err *e);
const char *text_concat(const struct maker *m, const char *s, const char *t, const char *u, struct err *e);

#endif

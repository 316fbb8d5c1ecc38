/*
 * Private to format: writing a grammar's program, and the rules of JSON itself.
 */
#ifndef ATTUNE_GRAMMAR_BUILD_H
#define ATTUNE_GRAMMAR_BUILD_H

#include "format/grammar.h"

enum { RULES_MAX = 4096, ALTERNATIVES_MAX = 256, REPEAT_MAX = 64, PLACE_MAX = 200 };

/* The first rules: what JSON itself has. */
enum { RULE_VALUE, RULE_OBJECT, RULE_ARRAY, RULE_STRING, RULE_NUMBER, RULE_INTEGER, N_BUILT_IN };

struct rule {
	const json_t *schema;
	char place[PLACE_MAX]; /* for messages: "properties.name" */
	uint32_t at;
};

struct compiler {
	struct grammar *g;
	const json_t *root;
	struct rule *rule;
	size_t n, cap, n_alternatives;
	const char *place; /* of what is being compiled */
	int rc;            /* after the first failure nothing is added */
	struct err *e;
};

void compiler_fail(struct compiler *c, const char *what, const char *name);
/* Adds a step and returns where it stands. */
uint32_t put(struct compiler *c, enum grammar_op op, uint32_t x, uint32_t y);
uint32_t here(const struct compiler *c); /* where the next step will stand */
void put_text(struct compiler *c, const char *text);
void put_sign(struct compiler *c, char sign); /* and a space, or none */
/* Opens an alternative; what stands behind `otherwise` is the other one. */
uint32_t put_split(struct compiler *c);
void otherwise(struct compiler *c, uint32_t split);
/* The jumps at the ends of alternatives, chained until the end is known; a chain begins as 0. */
void put_end(struct compiler *c, uint32_t *chain);
void ends_land(struct compiler *c, uint32_t chain);
/* One of n words; n > 0. */
void put_words(struct compiler *c, const char *const *word, size_t n);
/* Calls joined by commas, at least one; members: with a name in front of each. */
void put_items(struct compiler *c, uint32_t rule, bool members);
/* The same, or none. */
void put_list(struct compiler *c, uint32_t rule, bool members);
void put_built_in(struct compiler *c, size_t rule);

#endif

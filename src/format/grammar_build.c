/*
 * The steps of a grammar's program, and what JSON itself has (RFC 8259). Reference: grammar_build.h.
 */
#include "format/grammar_build.h"

#include <string.h>

enum { STEPS_MAX = 1 << 18 };

void compiler_fail(struct compiler *c, const char *what, const char *name)
{
	if (!c->rc)
		c->rc = err_set(c->e, ERR_DATA, "schema%s%s: %s%.60s", *c->place ? "." : "", c->place, what, name);
}

/* ---- steps -------------------------------------------------------------------------------------------------------------------- */

uint32_t put(struct compiler *c, enum grammar_op op, uint32_t x, uint32_t y)
{
	struct grammar *g = c->g;
	if (!c->rc && g->n == STEPS_MAX)
		compiler_fail(c, "this is too large a schema", "");
	if (!c->rc)
		c->rc = mem_reserve(&g->step, g->n, &g->cap, sizeof *g->step, c->e);
	if (c->rc)
		return 0;
	g->step[g->n] = (struct grammar_step){op, x, y};
	return (uint32_t)g->n++;
}

uint32_t here(const struct compiler *c)
{
	return (uint32_t)c->g->n;
}

static void put_range(struct compiler *c, unsigned char from, unsigned char to)
{
	put(c, GRAMMAR_RANGE, from, to);
}

void put_text(struct compiler *c, const char *text)
{
	for (; *text; text++)
		put_range(c, (unsigned char)*text, (unsigned char)*text);
}

uint32_t put_split(struct compiler *c)
{
	uint32_t at = put(c, GRAMMAR_SPLIT, 0, 0);
	if (!c->rc)
		c->g->step[at].x = at + 1;
	return at;
}

void otherwise(struct compiler *c, uint32_t split)
{
	if (!c->rc)
		c->g->step[split].y = here(c);
}

static void lands_here(struct compiler *c, uint32_t jump)
{
	if (!c->rc)
		c->g->step[jump].x = here(c);
}

/* Chained by their x. */
void put_end(struct compiler *c, uint32_t *chain)
{
	*chain = put(c, GRAMMAR_JUMP, *chain, 0);
}

void ends_land(struct compiler *c, uint32_t chain)
{
	while (chain && !c->rc) {
		uint32_t before = c->g->step[chain].x;
		lands_here(c, chain);
		chain = before;
	}
}

static void put_optional_range(struct compiler *c, unsigned char from, unsigned char to)
{
	uint32_t split = put_split(c);
	put_range(c, from, to);
	otherwise(c, split);
}

/* One of some characters. */
static void put_any(struct compiler *c, const char *characters)
{
	uint32_t chain = 0;
	for (; characters[1]; characters++) {
		uint32_t split = put_split(c);
		put_range(c, (unsigned char)*characters, (unsigned char)*characters);
		put_end(c, &chain);
		otherwise(c, split);
	}
	put_range(c, (unsigned char)*characters, (unsigned char)*characters);
	ends_land(c, chain);
}

/* ---- what JSON itself has -------------------------------------------------------------------------------------------------------- */

/* Up to `most` digits more. A small model may not find an end. */
static void put_digits(struct compiler *c, int most)
{
	uint32_t split[REPEAT_MAX];
	for (int i = 0; i < most; i++) {
		split[i] = put_split(c);
		put_range(c, '0', '9');
	}
	for (int i = 0; i < most; i++)
		otherwise(c, split[i]);
}

static void put_integer(struct compiler *c)
{
	put_optional_range(c, '-', '-');
	uint32_t split = put_split(c), chain = 0;
	put_range(c, '0', '0');
	put_end(c, &chain);
	otherwise(c, split);
	put_range(c, '1', '9');
	put_digits(c, 14);
	ends_land(c, chain);
}

static void put_number(struct compiler *c)
{
	put(c, GRAMMAR_CALL, RULE_INTEGER, 0);
	uint32_t split = put_split(c);
	put_range(c, '.', '.');
	put_range(c, '0', '9');
	put_digits(c, 14);
	otherwise(c, split);
	split = put_split(c);
	put_any(c, "eE");
	uint32_t sign = put_split(c);
	put_any(c, "+-");
	otherwise(c, sign);
	put_range(c, '0', '9');
	put_digits(c, 1);
	otherwise(c, split);
}

static void put_hex(struct compiler *c, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t chain = 0, split = put_split(c);
		put_range(c, '0', '9');
		put_end(c, &chain);
		otherwise(c, split);
		split = put_split(c);
		put_range(c, 'a', 'f');
		put_end(c, &chain);
		otherwise(c, split);
		put_range(c, 'A', 'F');
		ends_land(c, chain);
	}
}

/* A code unit that is no half of a pair. */
static void put_unit(struct compiler *c)
{
	uint32_t chain = 0, split = put_split(c);
	put_any(c, "0123456789abcefABCEF");
	put_hex(c, 3);
	put_end(c, &chain);
	otherwise(c, split);
	put_any(c, "dD");
	put_range(c, '0', '7');
	put_hex(c, 2);
	ends_land(c, chain);
}

/* A character of more than one byte (Unicode 15, table 3-7). */
static void put_wide(struct compiler *c, uint32_t *chain)
{
	static const unsigned char form[][4] = {{0xc2, 0xdf, 0x80, 0xbf}, {0xe0, 0xe0, 0xa0, 0xbf}, {0xe1, 0xec, 0x80, 0xbf},
		{0xed, 0xed, 0x80, 0x9f}, {0xee, 0xef, 0x80, 0xbf}, {0xf0, 0xf0, 0x90, 0xbf}, {0xf1, 0xf3, 0x80, 0xbf},
		{0xf4, 0xf4, 0x80, 0x8f}};
	for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
		uint32_t split = put_split(c);
		put_range(c, form[i][0], form[i][1]);
		put_range(c, form[i][2], form[i][3]);
		for (int more = form[i][0] >= 0xf0 ? 2 : form[i][0] >= 0xe0; more > 0; more--)
			put_range(c, 0x80, 0xbf);
		put_end(c, chain);
		otherwise(c, split);
	}
}

static void put_string(struct compiler *c)
{
	static const unsigned char plain[][2] = {{' ', '!'}, {'#', '['}, {']', 0x7e}};
	put_text(c, "\"");
	uint32_t again = here(c), chain = 0, done = put_split(c);
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		uint32_t split = put_split(c);
		put_range(c, plain[i][0], plain[i][1]);
		put_end(c, &chain);
		otherwise(c, split);
	}
	put_wide(c, &chain);
	put_text(c, "\\");
	uint32_t split = put_split(c);
	put_any(c, "\"\\/bfnrt");
	put_end(c, &chain);
	otherwise(c, split);
	put_text(c, "u");
	put_unit(c);
	ends_land(c, chain);
	put(c, GRAMMAR_JUMP, again, 0);
	otherwise(c, done);
	put_text(c, "\"");
}

void put_sign(struct compiler *c, char sign)
{
	put_text(c, (char[]){sign, 0});
	put_optional_range(c, ' ', ' ');
}

void put_items(struct compiler *c, uint32_t rule, bool members)
{
	uint32_t again = here(c);
	if (members) {
		put(c, GRAMMAR_CALL, RULE_STRING, 0);
		put_sign(c, ':');
	}
	put(c, GRAMMAR_CALL, rule, 0);
	uint32_t done = put_split(c);
	put_sign(c, ',');
	put(c, GRAMMAR_JUMP, again, 0);
	otherwise(c, done);
}

void put_list(struct compiler *c, uint32_t rule, bool members)
{
	uint32_t none = put_split(c);
	put_items(c, rule, members);
	otherwise(c, none);
}

void put_words(struct compiler *c, const char *const *word, size_t n)
{
	uint32_t chain = 0;
	for (size_t i = 0; i + 1 < n; i++) {
		uint32_t split = put_split(c);
		put_text(c, word[i]);
		put_end(c, &chain);
		otherwise(c, split);
	}
	put_text(c, word[n - 1]);
	ends_land(c, chain);
}

void put_built_in(struct compiler *c, size_t rule)
{
	static const char *const words[] = {"true", "false", "null"};
	uint32_t chain = 0;
	switch (rule) {
	case RULE_OBJECT:
		put_text(c, "{");
		put_list(c, RULE_VALUE, true);
		put_text(c, "}");
		break;
	case RULE_ARRAY:
		put_text(c, "[");
		put_list(c, RULE_VALUE, false);
		put_text(c, "]");
		break;
	case RULE_STRING:
		put_string(c);
		break;
	case RULE_NUMBER:
		put_number(c);
		break;
	case RULE_INTEGER:
		put_integer(c);
		break;
	default:
		for (uint32_t of = RULE_OBJECT; of <= RULE_NUMBER; of++) {
			uint32_t split = put_split(c);
			put(c, GRAMMAR_CALL, of, 0);
			put_end(c, &chain);
			otherwise(c, split);
		}
		put_words(c, words, 3);
		ends_land(c, chain);
	}
}

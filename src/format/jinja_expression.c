/*
 * Expressions of a template to a tree. Reference: parser.py of Jinja 3.1 for precedence.
 */
#include "format/jinja_parse.h"
#include "format/jinja_table.h"

#include <string.h>

/* ---- expressions: each function returns a node, or NULL with the error filled ---------------------------------------- */

struct node *parse_node(struct parser *p, enum node_kind kind, struct node *a, struct node *b, struct node *c)
{
	struct node *node = arena_alloc(p->lex.arena, 1, sizeof *node, p->lex.e);
	if (!node)
		return NULL;
	*node = (struct node){.kind = kind, .line = p->lex.line, .a = a, .b = b, .c = c};
	for (int i = 0; i < 3; i++) {
		const struct node *child = (struct node *[]){a, b, c}[i];
		if (child && child->depth >= node->depth)
			node->depth = child->depth + 1;
	}
	if (node->depth <= JINJA_DEPTH_MAX)
		return node;
	err_set(p->lex.e, ERR_DATA, "chat template: line %d: an expression of more than %d parts in a chain", p->lex.line,
		JINJA_DEPTH_MAX);
	return NULL;
}

struct node *parse_node_text(struct parser *p, enum node_kind kind, struct str text)
{
	struct node *node = parse_node(p, kind, NULL, NULL, NULL);
	if (node)
		node->text = text;
	return node;
}

static struct node *negated(struct parser *p, struct node *a)
{
	return a ? parse_node(p, NODE_NOT, a, NULL, NULL) : NULL;
}

/* "name" behind a dot */
static struct node *parse_attribute(struct parser *p, struct node *a)
{
	if (lex_next(&p->lex))
		return NULL;
	if (p->lex.token.kind != TOKEN_WORD)
		return lex_expected(&p->lex, "a name"), NULL;
	struct node *node = parse_node(p, NODE_ATTRIBUTE, a, NULL, NULL);
	if (node)
		node->text = p->lex.token.text;
	return lex_next(&p->lex) ? NULL : node;
}

/* "[key]" or "[from:to:step]" */
static struct node *parse_subscript(struct parser *p, struct node *a)
{
	struct node *parts[3] = {0};
	bool slice = false;
	if (lex_next(&p->lex))
		return NULL;
	for (int i = 0; i < 3; i++) {
		bool absent = i && !slice;
		if (!absent && !parse_is_sign(p, ":") && !parse_is_sign(p, "]") && !(parts[i] = parse_expression(p)))
			return NULL;
		if (i < 2 && parse_is_sign(p, ":")) {
			slice = true;
			if (lex_next(&p->lex))
				return NULL;
		} else {
			break;
		}
	}
	if (!slice && !parts[0])
		return lex_expected(&p->lex, "an expression"), NULL;
	if (parse_need(p, TOKEN_SIGN, "]"))
		return NULL;
	struct node *node = parse_node(p, slice ? NODE_SLICE : NODE_ITEM, a, parts[0], parts[1]);
	if (node)
		node->body = parts[2];
	return node;
}

/* Expressions up to `close`, which is passed over. One in round brackets is itself; several make a tuple; square brackets a list. */
static struct node *parse_list(struct parser *p, const char *close)
{
	bool comma = *close == ']';
	struct node *list = parse_node(p, comma ? NODE_LIST : NODE_TUPLE, NULL, NULL, NULL), **end = list ? &list->body : NULL;
	if (!list || lex_next(&p->lex))
		return NULL;
	while (!parse_is_sign(p, close)) {
		struct node *item = parse_expression(p);
		if (!item)
			return NULL;
		*end = item;
		end = &item->next;
		if (!parse_is_sign(p, ","))
			break;
		comma = true;
		if (lex_next(&p->lex))
			return NULL;
	}
	if (parse_need(p, TOKEN_SIGN, close))
		return NULL;
	return comma || !list->body ? list : list->body;
}

/* "{key: value, ...}" */
static struct node *parse_dict(struct parser *p)
{
	struct node *dict = parse_node(p, NODE_DICT, NULL, NULL, NULL), **end = dict ? &dict->body : NULL;
	if (!dict || lex_next(&p->lex))
		return NULL;
	while (!parse_is_sign(p, "}")) {
		struct node *key = parse_expression(p);
		struct node *value = key && !parse_need(p, TOKEN_SIGN, ":") ? parse_expression(p) : NULL;
		struct node *pair = value ? parse_node(p, NODE_TUPLE, key, value, NULL) : NULL;
		if (!pair)
			return NULL;
		*end = pair;
		end = &pair->next;
		if (!parse_is_sign(p, ","))
			break;
		if (lex_next(&p->lex))
			return NULL;
	}
	return parse_need(p, TOKEN_SIGN, "}") ? NULL : dict;
}

struct node *parse_tuple(struct parser *p, struct node *(*part)(struct parser *))
{
	struct node *first = part(p);
	if (!first || !parse_is_sign(p, ","))
		return first;
	struct node *tuple = parse_node(p, NODE_TUPLE, NULL, NULL, NULL), *last = first;
	if (!tuple)
		return NULL;
	tuple->body = first;
	while (parse_is_sign(p, ",")) {
		if (lex_next(&p->lex))
			return NULL;
		if (p->lex.token.kind == TOKEN_CLOSE)
			break;
		if (!(last->next = part(p)))
			return NULL;
		last = last->next;
	}
	return tuple;
}

/* One argument of a call, or one parameter of a macro. A wrapper, for an expression may be shared by no two lists. */
static struct node *parse_argument(struct parser *p, bool names)
{
	struct node *value = parse_expression(p);
	if (!value)
		return NULL;
	struct node *node = parse_node(p, NODE_TUPLE, value, NULL, NULL);
	if (!node)
		return NULL;
	if (names && value->kind != NODE_NAME)
		return lex_expected(&p->lex, "a name"), NULL;
	if (value->kind == NODE_NAME && parse_is_sign(p, "=")) {
		node->keyword = value->text;
		node->a = lex_next(&p->lex) ? NULL : parse_expression(p);
		return node->a ? node : NULL;
	}
	if (names) {
		node->keyword = value->text;
		node->a = NULL;
	}
	return node;
}

int parse_arguments(struct parser *p, struct node **out, bool names)
{
	bool keywords = false;
	if (lex_next(&p->lex))
		return ERR_DATA;
	while (!parse_is_sign(p, ")")) {
		struct node *node = parse_argument(p, names);
		if (!node)
			return ERR_DATA;
		if (!names && keywords && !node->keyword.p)
			return lex_expected(&p->lex, "a named argument before");
		keywords |= node->keyword.p != NULL;
		*out = node;
		out = &node->next;
		if (!parse_is_sign(p, ","))
			break;
		if (lex_next(&p->lex))
			return ERR_DATA;
	}
	return parse_need(p, TOKEN_SIGN, ")");
}

static struct node *parse_call(struct parser *p, struct node *a)
{
	struct node *node = parse_node(p, NODE_CALL, a, NULL, NULL);
	return !node || parse_arguments(p, &node->args, false) ? NULL : node;
}

static struct node *parse_word(struct parser *p)
{
	static const struct {
		const char *word;
		enum node_kind kind;
		int64_t number;
	} constants[] = {{"true", NODE_BOOL, 1}, {"True", NODE_BOOL, 1}, {"false", NODE_BOOL, 0}, {"False", NODE_BOOL, 0},
		{"none", NODE_NONE, 0}, {"None", NODE_NONE, 0}};
	struct node *node = parse_node_text(p, NODE_NAME, p->lex.token.text);
	for (size_t i = 0; node && i < sizeof constants / sizeof *constants; i++)
		if (parse_is_name(p, constants[i].word)) {
			node->kind = constants[i].kind;
			node->number = constants[i].number;
		}
	return !node || lex_next(&p->lex) ? NULL : node;
}

/* Strings side by side are one. */
static struct node *parse_string(struct parser *p)
{
	struct node *node = parse_node_text(p, NODE_STRING, p->lex.token.text);
	while (node && !lex_next(&p->lex)) {
		struct str a = node->text, b = p->lex.token.text;
		if (p->lex.token.kind != TOKEN_STRING)
			return node;
		char *joined = arena_alloc(p->lex.arena, a.n + b.n + 1, 1, p->lex.e);
		if (!joined)
			return NULL;
		memcpy(joined, a.p, a.n);
		memcpy(joined + a.n, b.p, b.n);
		node->text = (struct str){joined, NULL, a.n + b.n};
	}
	return NULL;
}

static struct node *parse_primary(struct parser *p)
{
	struct node *node;
	switch (p->lex.token.kind) {
	case TOKEN_WORD:
		return parse_word(p);
	case TOKEN_STRING:
		return parse_string(p);
	case TOKEN_INT:
	case TOKEN_FLOAT:
		node = parse_node(p, p->lex.token.kind == TOKEN_INT ? NODE_INT : NODE_FLOAT, NULL, NULL, NULL);
		if (node) {
			node->number = p->lex.token.number;
			node->real = p->lex.token.real;
		}
		return !node || lex_next(&p->lex) ? NULL : node;
	default:
		if (parse_is_sign(p, "("))
			return parse_list(p, ")");
		if (parse_is_sign(p, "["))
			return parse_list(p, "]");
		if (parse_is_sign(p, "{"))
			return parse_dict(p);
		return lex_expected(&p->lex, "an expression"), NULL;
	}
}

struct node *parse_filter(struct parser *p, struct node *a)
{
	struct str name = p->lex.token.text;
	int index = p->lex.token.kind == TOKEN_WORD ? jinja_filter(name) : -1;
	if (index < 0)
		return lex_fail(&p->lex, "unsupported filter", name), NULL;
	struct node *node = parse_node(p, NODE_FILTER, a, NULL, NULL);
	if (!node || lex_next(&p->lex))
		return NULL;
	node->text = name;
	node->number = index;
	return parse_is_sign(p, "(") && parse_arguments(p, &node->args, false) ? NULL : node;
}

static struct node *parse_postfix(struct parser *p)
{
	struct node *node = parse_primary(p);
	while (node) {
		if (parse_is_sign(p, "."))
			node = parse_attribute(p, node);
		else if (parse_is_sign(p, "["))
			node = parse_subscript(p, node);
		else if (parse_is_sign(p, "("))
			node = parse_call(p, node);
		else
			break;
	}
	return node;
}

/* A test's one argument may stand without brackets. */
static struct node *parse_test(struct parser *p, struct node *a)
{
	bool negative = false;
	if (lex_next(&p->lex))
		return NULL;
	if (parse_is_name(p, "not")) {
		negative = true;
		if (lex_next(&p->lex))
			return NULL;
	}
	struct str name = p->lex.token.text;
	int index = p->lex.token.kind >= TOKEN_WORD ? jinja_test(name) : -1;
	if (index < 0)
		return lex_fail(&p->lex, "unsupported test", name), NULL;
	struct node *node = parse_node(p, NODE_TEST, a, NULL, NULL);
	if (!node || lex_next(&p->lex))
		return NULL;
	node->text = name;
	node->number = index;
	if (parse_is_sign(p, "(")) {
		if (parse_arguments(p, &node->args, false))
			return NULL;
	} else if (jinja_test_takes(index)) {
		struct node *argument = parse_postfix(p);
		if (!argument || !(node->args = parse_node(p, NODE_TUPLE, argument, NULL, NULL)))
			return NULL;
	}
	return negative ? negated(p, node) : node;
}

/* Filters and tests behind a value. */
static struct node *parse_filters(struct parser *p, struct node *node)
{
	while (node) {
		if (parse_is_sign(p, "|"))
			node = lex_next(&p->lex) ? NULL : parse_filter(p, node);
		else if (parse_is_name(p, "is"))
			node = parse_test(p, node);
		else if (parse_is_sign(p, "("))
			node = parse_call(p, node);
		else
			break;
	}
	return node;
}

/* A sign binds tighter than a filter. */
static struct node *parse_signed(struct parser *p)
{
	struct node *node;
	if (parse_enter(p))
		return NULL;
	if (parse_is_sign(p, "-")) {
		node = lex_next(&p->lex) ? NULL : parse_signed(p);
		node = node ? parse_node(p, NODE_NEGATE, node, NULL, NULL) : NULL;
	} else {
		node = parse_postfix(p);
	}
	p->depth--;
	return node;
}

/* Operators that bind equally, from the loosest level to the tightest. `not` stands between `and` and the comparisons. */
enum level { LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_SUM, LEVEL_CONCAT, LEVEL_PRODUCT, LEVEL_UNARY };

static const struct {
	enum level level;
	enum token_kind token;
	const char *text;
	enum node_kind kind;
	bool swapped, negated;
} operators[] = {
	{LEVEL_OR, TOKEN_WORD, "or", NODE_OR, false, false},
	{LEVEL_AND, TOKEN_WORD, "and", NODE_AND, false, false},
	{LEVEL_COMPARE, TOKEN_SIGN, "==", NODE_EQUAL, false, false},
	{LEVEL_COMPARE, TOKEN_SIGN, "!=", NODE_EQUAL, false, true},
	{LEVEL_COMPARE, TOKEN_SIGN, "<", NODE_LESS, false, false},
	{LEVEL_COMPARE, TOKEN_SIGN, ">", NODE_LESS, true, false},
	{LEVEL_COMPARE, TOKEN_SIGN, "<=", NODE_LESS_EQUAL, false, false},
	{LEVEL_COMPARE, TOKEN_SIGN, ">=", NODE_LESS_EQUAL, true, false},
	{LEVEL_COMPARE, TOKEN_WORD, "in", NODE_IN, false, false},
	{LEVEL_COMPARE, TOKEN_WORD, "not", NODE_IN, false, true}, /* not in */
	{LEVEL_SUM, TOKEN_SIGN, "+", NODE_ADD, false, false},
	{LEVEL_SUM, TOKEN_SIGN, "-", NODE_SUBTRACT, false, false},
	{LEVEL_CONCAT, TOKEN_SIGN, "~", NODE_CONCAT, false, false},
	{LEVEL_PRODUCT, TOKEN_SIGN, "*", NODE_MULTIPLY, false, false},
	{LEVEL_PRODUCT, TOKEN_SIGN, "/", NODE_DIVIDE, false, false},
	{LEVEL_PRODUCT, TOKEN_SIGN, "//", NODE_FLOOR, false, false},
	{LEVEL_PRODUCT, TOKEN_SIGN, "%", NODE_REMAINDER, false, false},
};

static struct node *parse_level(struct parser *p, enum level level)
{
	size_t n = sizeof operators / sizeof *operators;
	if (level == LEVEL_UNARY)
		return parse_filters(p, parse_signed(p));
	if (level == LEVEL_NOT && parse_is_name(p, "not")) {
		struct node *node = parse_enter(p) || lex_next(&p->lex) ? NULL : parse_level(p, LEVEL_NOT);
		p->depth--;
		return negated(p, node);
	}
	struct node *left = parse_level(p, level + 1);
	for (int chain = 0; left; chain++) {
		size_t i = 0;
		while (i < n && !(operators[i].level == level && lex_is(&p->lex, operators[i].token, operators[i].text)))
			i++;
		if (i == n)
			break;
		if (chain && level == LEVEL_COMPARE)
			return lex_fail(&p->lex, "unsupported chain of comparisons at", p->lex.token.text), NULL;
		bool not_in = operators[i].kind == NODE_IN && operators[i].negated;
		struct node *right =
			lex_next(&p->lex) || (not_in && parse_need(p, TOKEN_WORD, "in")) ? NULL : parse_level(p, level + 1);
		if (!right)
			return NULL;
		left = operators[i].swapped ? parse_node(p, operators[i].kind, right, left, NULL)
					    : parse_node(p, operators[i].kind, left, right, NULL);
		if (operators[i].negated)
			left = negated(p, left);
	}
	return left;
}

struct node *parse_or(struct parser *p)
{
	return parse_level(p, LEVEL_OR);
}

/* a, or a if b, or a if b else c */
struct node *parse_expression(struct parser *p)
{
	struct node *a = parse_enter(p) ? NULL : parse_level(p, LEVEL_OR), *b, *c = NULL;
	if (a && parse_is_name(p, "if")) {
		b = lex_next(&p->lex) ? NULL : parse_level(p, LEVEL_OR);
		if (b && parse_is_name(p, "else"))
			c = lex_next(&p->lex) ? NULL : parse_expression(p);
		a = b && !p->lex.e->code ? parse_node(p, NODE_CHOICE, a, b, c) : NULL;
	}
	p->depth--;
	return a;
}

/*
 * Tokens to a tree, by recursive descent. What the language has beyond this part is refused by name and line.
 * Reference: https://jinja.palletsprojects.com/templates/; parser.py of Jinja 3.1 for precedence.
 */
#include "format/jinja_lex.h"

#include <string.h>

struct parser {
	struct lexer lex;
	int depth; /* of the recursion */
};

static bool is_sign(const struct parser *p, const char *text)
{
	return lex_is(&p->lex, TOKEN_SIGN, text);
}

static bool is_name(const struct parser *p, const char *text)
{
	return lex_is(&p->lex, TOKEN_WORD, text);
}

/* Passes over the token that must be here. */
static int need(struct parser *p, enum token_kind kind, const char *text)
{
	return lex_is(&p->lex, kind, text) ? lex_next(&p->lex) : lex_expected(&p->lex, text);
}

static int need_close(struct parser *p)
{
	return p->lex.token.kind == TOKEN_CLOSE ? lex_next(&p->lex) : lex_expected(&p->lex, "the end of the tag");
}

/* ---- expressions: each function returns a node, or NULL with the error filled ---------------------------------------- */

static struct node *parse_expression(struct parser *p);
static struct node *parse_unary(struct parser *p);

static int enter(struct parser *p)
{
	if (++p->depth > JINJA_DEPTH_MAX)
		return err_set(
			p->lex.e, ERR_DATA, "chat template: line %d: nested more than %d deep", p->lex.line, JINJA_DEPTH_MAX);
	return 0;
}

static struct node *node_new(struct parser *p, enum node_kind kind, struct node *a, struct node *b, struct node *c)
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

static struct node *node_text(struct parser *p, enum node_kind kind, struct str text)
{
	struct node *node = node_new(p, kind, NULL, NULL, NULL);
	if (node)
		node->text = text;
	return node;
}

static struct node *negated(struct parser *p, struct node *a)
{
	return a ? node_new(p, NODE_NOT, a, NULL, NULL) : NULL;
}

/* "name" behind a dot; raise_exception and strip are the only calls. */
static struct node *parse_attribute(struct parser *p, struct node *a)
{
	if (lex_next(&p->lex))
		return NULL;
	if (p->lex.token.kind != TOKEN_WORD)
		return lex_expected(&p->lex, "a name"), NULL;
	struct str name = p->lex.token.text;
	if (lex_next(&p->lex))
		return NULL;
	if (!is_sign(p, "(")) {
		struct node *key = node_text(p, NODE_STRING, name);
		return key ? node_new(p, NODE_ITEM, a, key, NULL) : NULL;
	}
	if (name.n != 5 || memcmp(name.p, "strip", 5))
		return lex_fail(&p->lex, "unsupported method", name), NULL;
	return lex_next(&p->lex) || need(p, TOKEN_SIGN, ")") ? NULL : node_new(p, NODE_TRIM, a, NULL, NULL);
}

/* "[key]" or "[from:to]" */
static struct node *parse_subscript(struct parser *p, struct node *a)
{
	struct node *from = NULL, *to = NULL;
	if (lex_next(&p->lex) || (!is_sign(p, ":") && !(from = parse_expression(p))))
		return NULL;
	bool slice = is_sign(p, ":");
	if (slice && (lex_next(&p->lex) || (!is_sign(p, "]") && !(to = parse_expression(p)))))
		return NULL;
	if (need(p, TOKEN_SIGN, "]"))
		return NULL;
	return node_new(p, slice ? NODE_SLICE : NODE_ITEM, a, from, to);
}

/* Expressions up to `close`, which is passed over. One in round brackets is itself; several, or square brackets, make a list. */
static struct node *parse_list(struct parser *p, const char *close)
{
	struct node *list = node_new(p, NODE_LIST, NULL, NULL, NULL), **end = list ? &list->body : NULL;
	bool comma = *close == ']';
	if (!list || lex_next(&p->lex))
		return NULL;
	while (!is_sign(p, close)) {
		struct node *item = parse_expression(p);
		if (!item)
			return NULL;
		*end = item;
		end = &item->next;
		if (!is_sign(p, ","))
			break;
		comma = true;
		if (lex_next(&p->lex))
			return NULL;
	}
	if (need(p, TOKEN_SIGN, close))
		return NULL;
	return comma || !list->body ? list : list->body;
}

static struct node *parse_word(struct parser *p)
{
	static const struct {
		const char *word;
		enum node_kind kind;
		int64_t number;
	} constants[] = {{"true", NODE_BOOL, 1}, {"True", NODE_BOOL, 1}, {"false", NODE_BOOL, 0}, {"False", NODE_BOOL, 0},
		{"none", NODE_NONE, 0}, {"None", NODE_NONE, 0}};
	struct str word = p->lex.token.text;
	struct node *node = node_text(p, NODE_NAME, word);
	for (size_t i = 0; node && i < sizeof constants / sizeof *constants; i++)
		if (is_name(p, constants[i].word)) {
			node->kind = constants[i].kind;
			node->number = constants[i].number;
		}
	if (!node || lex_next(&p->lex) || !is_sign(p, "("))
		return p->lex.e->code ? NULL : node;
	if (word.n != 15 || memcmp(word.p, "raise_exception", 15))
		return lex_fail(&p->lex, "unsupported function", word), NULL;
	struct node *what = lex_next(&p->lex) ? NULL : parse_expression(p);
	return !what || need(p, TOKEN_SIGN, ")") ? NULL : node_new(p, NODE_RAISE, what, NULL, NULL);
}

static struct node *parse_primary(struct parser *p)
{
	struct node *node;
	switch (p->lex.token.kind) {
	case TOKEN_WORD:
		return parse_word(p);
	case TOKEN_STRING:
		node = node_text(p, NODE_STRING, p->lex.token.text);
		return !node || lex_next(&p->lex) ? NULL : node;
	case TOKEN_INT:
		node = node_new(p, NODE_INT, NULL, NULL, NULL);
		if (node)
			node->number = p->lex.token.number;
		return !node || lex_next(&p->lex) ? NULL : node;
	default:
		if (is_sign(p, "("))
			return parse_list(p, ")");
		if (is_sign(p, "["))
			return parse_list(p, "]");
		return lex_expected(&p->lex, "an expression"), NULL;
	}
}

static struct node *parse_filter(struct parser *p, struct node *a)
{
	static const struct {
		const char *name;
		enum node_kind kind;
	} filters[] = {{"trim", NODE_TRIM}, {"length", NODE_LENGTH}, {"count", NODE_LENGTH}, {"default", NODE_DEFAULT},
		{"d", NODE_DEFAULT}};
	size_t i = 0, n = sizeof filters / sizeof *filters;
	if (lex_next(&p->lex))
		return NULL;
	while (i < n && !is_name(p, filters[i].name))
		i++;
	if (i == n)
		return lex_fail(&p->lex, "unsupported filter", p->lex.token.text), NULL;
	struct node *argument = NULL;
	if (lex_next(&p->lex))
		return NULL;
	if (filters[i].kind == NODE_DEFAULT &&
		(need(p, TOKEN_SIGN, "(") || !(argument = parse_expression(p)) || need(p, TOKEN_SIGN, ")")))
		return NULL;
	return node_new(p, filters[i].kind, a, argument, NULL);
}

static struct node *parse_test(struct parser *p, struct node *a)
{
	static const struct {
		const char *name;
		enum node_kind kind;
		bool negated;
	} tests[] = {{"defined", NODE_IS_DEFINED, false}, {"undefined", NODE_IS_DEFINED, true}, {"none", NODE_IS_NONE, false},
		{"string", NODE_IS_STRING, false}};
	size_t i = 0, n = sizeof tests / sizeof *tests;
	bool negative = false;
	if (lex_next(&p->lex))
		return NULL;
	if (is_name(p, "not")) {
		negative = true;
		if (lex_next(&p->lex))
			return NULL;
	}
	while (i < n && !is_name(p, tests[i].name))
		i++;
	if (i == n)
		return lex_fail(&p->lex, "unsupported test", p->lex.token.text), NULL;
	struct node *node = lex_next(&p->lex) ? NULL : node_new(p, tests[i].kind, a, NULL, NULL);
	return negative != tests[i].negated ? negated(p, node) : node;
}

/* A primary with what is hung behind it. */
static struct node *parse_postfix(struct parser *p)
{
	struct node *node = parse_primary(p);
	while (node) {
		if (is_sign(p, "."))
			node = parse_attribute(p, node);
		else if (is_sign(p, "["))
			node = parse_subscript(p, node);
		else if (is_sign(p, "|"))
			node = parse_filter(p, node);
		else if (is_name(p, "is"))
			node = parse_test(p, node);
		else
			break;
	}
	return node;
}

static struct node *parse_unary(struct parser *p)
{
	struct node *node;
	if (enter(p))
		return NULL;
	if (is_sign(p, "-")) {
		node = lex_next(&p->lex) ? NULL : parse_unary(p);
		node = node ? node_new(p, NODE_NEGATE, node, NULL, NULL) : NULL;
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
	{LEVEL_PRODUCT, TOKEN_SIGN, "%", NODE_REMAINDER, false, false},
};

static struct node *parse_level(struct parser *p, enum level level)
{
	size_t n = sizeof operators / sizeof *operators;
	if (level == LEVEL_UNARY)
		return parse_unary(p);
	if (level == LEVEL_NOT && is_name(p, "not")) {
		struct node *node = enter(p) || lex_next(&p->lex) ? NULL : parse_level(p, LEVEL_NOT);
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
		struct node *right = lex_next(&p->lex) || (not_in && need(p, TOKEN_WORD, "in")) ? NULL : parse_level(p, level + 1);
		if (!right)
			return NULL;
		left = operators[i].swapped ? node_new(p, operators[i].kind, right, left, NULL)
					    : node_new(p, operators[i].kind, left, right, NULL);
		if (operators[i].negated)
			left = negated(p, left);
	}
	return left;
}

/* a, or a if b, or a if b else c */
static struct node *parse_expression(struct parser *p)
{
	struct node *a = enter(p) ? NULL : parse_level(p, LEVEL_OR), *b, *c = NULL;
	if (a && is_name(p, "if")) {
		b = lex_next(&p->lex) ? NULL : parse_level(p, LEVEL_OR);
		if (b && is_name(p, "else"))
			c = lex_next(&p->lex) ? NULL : parse_expression(p);
		a = b && !p->lex.e->code ? node_new(p, NODE_CHOICE, a, b, c) : NULL;
	}
	p->depth--;
	return a;
}

/* ---- statements ------------------------------------------------------------------------------------------------------ */

static int parse_body(struct parser *p, struct node **out);

/* Behind "if" or "elif", up to and with "endif". */
static struct node *parse_if(struct parser *p)
{
	struct node *condition = enter(p) || lex_next(&p->lex) ? NULL : parse_expression(p);
	struct node *node = condition ? node_new(p, NODE_IF, condition, NULL, NULL) : NULL;
	if (!node || need_close(p) || parse_body(p, &node->body))
		return NULL;
	if (is_name(p, "elif")) {
		node->orelse = parse_if(p);
		if (!node->orelse)
			return NULL;
	} else if (is_name(p, "else")) {
		if (lex_next(&p->lex) || need_close(p) || parse_body(p, &node->orelse) || need(p, TOKEN_WORD, "endif"))
			return NULL;
	} else if (need(p, TOKEN_WORD, "endif")) {
		return NULL;
	}
	p->depth--;
	return node;
}

static struct node *parse_for(struct parser *p)
{
	if (enter(p) || lex_next(&p->lex))
		return NULL;
	if (p->lex.token.kind != TOKEN_WORD)
		return lex_expected(&p->lex, "a name"), NULL;
	struct node *node = node_text(p, NODE_FOR, p->lex.token.text);
	if (!node || lex_next(&p->lex) || need(p, TOKEN_WORD, "in"))
		return NULL;
	node->a = parse_level(p, LEVEL_OR);
	if (!node->a || need_close(p) || parse_body(p, &node->body) || need(p, TOKEN_WORD, "endfor"))
		return NULL;
	p->depth--;
	return node;
}

static struct node *parse_set(struct parser *p)
{
	if (lex_next(&p->lex))
		return NULL;
	if (p->lex.token.kind != TOKEN_WORD)
		return lex_expected(&p->lex, "a name"), NULL;
	struct node *node = node_text(p, NODE_SET, p->lex.token.text);
	if (!node || lex_next(&p->lex) || need(p, TOKEN_SIGN, "="))
		return NULL;
	node->a = parse_expression(p);
	return node->a ? node : NULL;
}

/* One statement whose tag or text is the token looked at. */
static struct node *parse_statement(struct parser *p)
{
	struct node *node = NULL;
	if (p->lex.token.kind == TOKEN_TEXT) {
		node = node_text(p, NODE_TEXT, p->lex.token.text);
		return !node || lex_next(&p->lex) ? NULL : node;
	}
	if (p->lex.token.kind == TOKEN_PRINT) {
		struct node *value = lex_next(&p->lex) ? NULL : parse_expression(p);
		node = value ? node_new(p, NODE_PRINT, value, NULL, NULL) : NULL;
	} else if (is_name(p, "if")) {
		node = parse_if(p);
	} else if (is_name(p, "for")) {
		node = parse_for(p);
	} else if (is_name(p, "set")) {
		node = parse_set(p);
	} else {
		lex_fail(&p->lex, "unsupported statement", p->lex.token.text);
	}
	return !node || need_close(p) ? NULL : node;
}

/* Statements up to the end of the template or a tag that ends or parts a block; the token is then that tag's name. */
static int parse_body(struct parser *p, struct node **out)
{
	static const char *const stops[] = {"elif", "else", "endif", "endfor"};
	while (p->lex.token.kind != TOKEN_END) {
		if (p->lex.token.kind == TOKEN_BLOCK) {
			if (lex_next(&p->lex))
				return p->lex.e->code;
			for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
				if (is_name(p, stops[i]))
					return 0;
		}
		struct node *node = parse_statement(p);
		if (!node)
			return p->lex.e->code;
		*out = node;
		out = &node->next;
	}
	return 0;
}

int jinja_parse(struct node **out, const char *source, size_t n, struct arena *arena, struct err *e)
{
	struct err own = {0}; /* the parser asks it whether something failed */
	struct parser p = {.lex = {.line = 1, .arena = arena, .e = &own}};
	*out = NULL;
	if (n > JINJA_SOURCE_MAX)
		return err_set(e, ERR_DATA, "chat template of %zu bytes; the limit is %d", n, JINJA_SOURCE_MAX);
	int rc = lex_open(&p.lex, source, n);
	if (!rc)
		rc = parse_body(&p, out);
	if (!rc && p.lex.token.kind != TOKEN_END)
		rc = lex_fail(&p.lex, "no open block for", p.lex.token.text);
	if (rc) {
		*out = NULL;
		return err_set(e, rc, "%s", own.text);
	}
	return 0;
}

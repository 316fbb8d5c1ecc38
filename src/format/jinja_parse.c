/*
 * Tokens to a tree, by recursive descent. What the language has beyond this part is refused by name and line.
 * Reference: https://jinja.palletsprojects.com/templates/; parser.py of Jinja 3.1 for precedence.
 */
#include "format/jinja_parse.h"

#include <string.h>

bool parse_is_sign(const struct parser *p, const char *text)
{
	return lex_is(&p->lex, TOKEN_SIGN, text);
}

bool parse_is_name(const struct parser *p, const char *text)
{
	return lex_is(&p->lex, TOKEN_WORD, text);
}

/* Passes over the token that must be here. */
int parse_need(struct parser *p, enum token_kind kind, const char *text)
{
	return lex_is(&p->lex, kind, text) ? lex_next(&p->lex) : lex_expected(&p->lex, text);
}

static int need_close(struct parser *p)
{
	return p->lex.token.kind == TOKEN_CLOSE ? lex_next(&p->lex) : lex_expected(&p->lex, "the end of the tag");
}

int parse_enter(struct parser *p)
{
	if (++p->depth > JINJA_DEPTH_MAX)
		return err_set(
			p->lex.e, ERR_DATA, "chat template: line %d: nested more than %d deep", p->lex.line, JINJA_DEPTH_MAX);
	return 0;
}

/* ---- statements ------------------------------------------------------------------------------------------------------ */

static int parse_body(struct parser *p, struct node **out);

/* Behind "if" or "elif", up to and with "endif". */
static struct node *parse_if(struct parser *p)
{
	struct node *condition = parse_enter(p) || lex_next(&p->lex) ? NULL : parse_expression(p);
	struct node *node = condition ? parse_node(p, NODE_IF, condition, NULL, NULL) : NULL;
	if (!node || need_close(p) || parse_body(p, &node->body))
		return NULL;
	if (parse_is_name(p, "elif")) {
		node->orelse = parse_if(p);
		if (!node->orelse)
			return NULL;
	} else if (parse_is_name(p, "else")) {
		if (lex_next(&p->lex) || need_close(p) || parse_body(p, &node->orelse) || parse_need(p, TOKEN_WORD, "endif"))
			return NULL;
	} else if (parse_need(p, TOKEN_WORD, "endif")) {
		return NULL;
	}
	p->depth--;
	return node;
}

/* A name; NULL with the error filled. */
static struct node *parse_name(struct parser *p)
{
	if (p->lex.token.kind != TOKEN_WORD)
		return lex_expected(&p->lex, "a name"), NULL;
	struct node *node = parse_node_text(p, NODE_NAME, p->lex.token.text);
	return !node || lex_next(&p->lex) ? NULL : node;
}

/* "a", "a, b" or "(a, b)": a list of names, or one attribute of a name ("a.b") where `attribute` allows it. */
static int parse_targets(struct parser *p, struct node **out, bool attribute)
{
	struct node *first = NULL, **end = &first;
	bool brackets = parse_is_sign(p, "(");
	if (brackets && lex_next(&p->lex))
		return ERR_DATA;
	do {
		if (first && lex_next(&p->lex))
			return ERR_DATA;
		struct node *name = parse_name(p), *of = name;
		if (name && attribute && !first && parse_is_sign(p, ".")) {
			name = lex_next(&p->lex) ? NULL : parse_name(p);
			if (name) {
				name->kind = NODE_ATTRIBUTE;
				name->a = of;
			}
		}
		if (!name)
			return ERR_DATA;
		*end = name;
		end = &name->next;
	} while (parse_is_sign(p, ","));
	*out = first;
	return brackets ? parse_need(p, TOKEN_SIGN, ")") : 0;
}

static struct node *parse_for(struct parser *p)
{
	struct node *node = parse_enter(p) ? NULL : parse_node(p, NODE_FOR, NULL, NULL, NULL);
	if (!node || lex_next(&p->lex) || parse_targets(p, &node->args, false) || parse_need(p, TOKEN_WORD, "in"))
		return NULL;
	node->a = parse_tuple(p, parse_or);
	if (!node->a)
		return NULL;
	if (parse_is_name(p, "if") && (lex_next(&p->lex) || !(node->b = parse_expression(p))))
		return NULL;
	if (need_close(p) || parse_body(p, &node->body))
		return NULL;
	if (parse_is_name(p, "else") && (lex_next(&p->lex) || need_close(p) || parse_body(p, &node->orelse)))
		return NULL;
	p->depth--;
	return parse_need(p, TOKEN_WORD, "endfor") ? NULL : node;
}

static struct node *parse_set(struct parser *p)
{
	struct node *node = lex_next(&p->lex) ? NULL : parse_node(p, NODE_SET, NULL, NULL, NULL);
	if (!node || parse_targets(p, &node->args, true))
		return NULL;
	if (parse_is_sign(p, "=")) {
		node->a = lex_next(&p->lex) ? NULL : parse_tuple(p, parse_expression);
		return node->a ? node : NULL;
	}
	if (node->args->next || node->args->kind != NODE_NAME)
		return lex_expected(&p->lex, "="), NULL;
	node->kind = NODE_SET_BLOCK;
	if (!(node->a = parse_node(p, NODE_CAPTURED, NULL, NULL, NULL)))
		return NULL;
	if (p->lex.token.kind != TOKEN_CLOSE && !parse_is_sign(p, "|"))
		return lex_expected(&p->lex, "="), NULL;
	while (parse_is_sign(p, "|"))
		if (lex_next(&p->lex) || !(node->a = parse_filter(p, node->a)))
			return NULL;
	if (parse_enter(p) || need_close(p) || parse_body(p, &node->body) || parse_need(p, TOKEN_WORD, "endset"))
		return NULL;
	p->depth--;
	return node;
}

/* Behind "filter": the output of a body through filters. */
static struct node *parse_filter_block(struct parser *p)
{
	struct node *node = parse_enter(p) ? NULL : parse_node(p, NODE_FILTER_BLOCK, NULL, NULL, NULL);
	if (!node || !(node->a = parse_node(p, NODE_CAPTURED, NULL, NULL, NULL)))
		return NULL;
	do
		if (lex_next(&p->lex) || !(node->a = parse_filter(p, node->a)))
			return NULL;
	while (parse_is_sign(p, "|"));
	if (need_close(p) || parse_body(p, &node->body) || parse_need(p, TOKEN_WORD, "endfilter"))
		return NULL;
	p->depth--;
	return node;
}

static struct node *parse_macro(struct parser *p)
{
	struct node *name = parse_enter(p) || lex_next(&p->lex) ? NULL : parse_name(p);
	struct node *node = name ? parse_node_text(p, NODE_MACRO, name->text) : NULL;
	if (!node)
		return NULL;
	if (!parse_is_sign(p, "("))
		return lex_expected(&p->lex, "("), NULL;
	if (parse_arguments(p, &node->args, true) || need_close(p) || parse_body(p, &node->body) ||
		parse_need(p, TOKEN_WORD, "endmacro"))
		return NULL;
	p->depth--;
	return node;
}

static struct node *parse_generation(struct parser *p)
{
	struct node *node = parse_enter(p) ? NULL : parse_node(p, NODE_GENERATION, NULL, NULL, NULL);
	if (!node || lex_next(&p->lex) || need_close(p) || parse_body(p, &node->body) || parse_need(p, TOKEN_WORD, "endgeneration"))
		return NULL;
	p->depth--;
	return node;
}

static struct node *parse_jump(struct parser *p)
{
	bool stops = parse_is_name(p, "break");
	return lex_next(&p->lex) ? NULL : parse_node(p, stops ? NODE_BREAK : NODE_CONTINUE, NULL, NULL, NULL);
}

/* One statement whose tag or text is the token looked at. */
static struct node *parse_statement(struct parser *p)
{
	struct node *node = NULL;
	if (p->lex.token.kind == TOKEN_TEXT) {
		node = parse_node_text(p, NODE_TEXT, p->lex.token.text);
		return !node || lex_next(&p->lex) ? NULL : node;
	}
	if (p->lex.token.kind == TOKEN_PRINT) {
		struct node *value = lex_next(&p->lex) ? NULL : parse_tuple(p, parse_expression);
		node = value ? parse_node(p, NODE_PRINT, value, NULL, NULL) : NULL;
	} else {
		static const struct {
			const char *name;
			struct node *(*parse)(struct parser *);
		} statements[] = {{"if", parse_if}, {"for", parse_for}, {"set", parse_set}, {"macro", parse_macro},
			{"filter", parse_filter_block}, {"generation", parse_generation}, {"break", parse_jump},
			{"continue", parse_jump}};
		size_t i = 0, n = sizeof statements / sizeof *statements;
		while (i < n && !parse_is_name(p, statements[i].name))
			i++;
		if (i == n)
			return lex_fail(&p->lex, "unsupported statement", p->lex.token.text), NULL;
		node = statements[i].parse(p);
	}
	return !node || need_close(p) ? NULL : node;
}

/* Statements up to the end of the template or a tag that ends or parts a block; the token is then that tag's name. */
static int parse_body(struct parser *p, struct node **out)
{
	static const char *const stops[] = {"elif", "else", "endif", "endfor", "endset", "endfilter", "endmacro", "endgeneration"};
	while (p->lex.token.kind != TOKEN_END) {
		if (p->lex.token.kind == TOKEN_BLOCK) {
			if (lex_next(&p->lex))
				return p->lex.e->code;
			for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
				if (parse_is_name(p, stops[i]))
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

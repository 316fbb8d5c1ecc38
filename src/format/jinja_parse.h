/* The parser of templates. Private to format: jinja_parse.c has statements, jinja_expression.c expressions. */
#ifndef FORMAT_JINJA_PARSE_H
#define FORMAT_JINJA_PARSE_H

#include "format/jinja_lex.h"

struct parser {
	struct lexer lex;
	int depth; /* of the recursion */
};

bool parse_is_sign(const struct parser *p, const char *text);
bool parse_is_name(const struct parser *p, const char *text);
/* Passes over the token that must be here. */
int parse_need(struct parser *p, enum token_kind kind, const char *text);
/* One level deeper; the caller takes it back from p->depth. */
int parse_enter(struct parser *p);

/* Each returns a node, or NULL with the error filled. */
struct node *parse_node(struct parser *p, enum node_kind kind, struct node *a, struct node *b, struct node *c);
struct node *parse_node_text(struct parser *p, enum node_kind kind, struct str text);
struct node *parse_expression(struct parser *p);
/* Without the inline if, which in a loop's head begins the loop's own condition. */
struct node *parse_or(struct parser *p);
/* Expressions parted by commas make a tuple. */
struct node *parse_tuple(struct parser *p, struct node *(*part)(struct parser *));
/* The filter behind "|" or "filter", on a. */
struct node *parse_filter(struct parser *p, struct node *a);
/* "(a, b=c)" into the list at *out; `names` wants parameters of a macro: names with an optional default. */
int parse_arguments(struct parser *p, struct node **out, bool names);

#endif

/* The part of Jinja that chat templates use: parsed once, rendered often. Private to format; chat.c is its user. */
#ifndef FORMAT_JINJA_H
#define FORMAT_JINJA_H

#include "format/format.h"

enum {
	JINJA_SOURCE_MAX = 1 << 18, /* bytes of a template */
	JINJA_DEPTH_MAX = 100,      /* of nested blocks, and of an expression: bounds the recursion of parser and renderer */
	JINJA_STEPS_MAX = 1000000,  /* nodes visited in one rendering */
	JINJA_VARIABLES_MAX = 64,   /* alive at once */
	JINJA_BYTES_MAX = 1 << 28,  /* of all strings made in one rendering, its output included */
};

/* Text whose every byte knows where it comes from: 0 the template, i + 1 message i. */
struct str {
	const char *p;
	const unsigned char *origin; /* [n], or NULL: all from the template */
	size_t n;
};

enum node_kind {
	/* statements */
	NODE_TEXT,  /* text */
	NODE_PRINT, /* a */
	NODE_IF,    /* a ? body : orelse */
	NODE_FOR,   /* text in a: body */
	NODE_SET,   /* text = a */
	/* expressions */
	NODE_STRING, /* text */
	NODE_INT,    /* number */
	NODE_BOOL,   /* number */
	NODE_NONE,
	NODE_NAME,   /* text */
	NODE_LIST,   /* body */
	NODE_ITEM,   /* a[b] and a.b */
	NODE_SLICE,  /* a[b:c], b and c may be NULL */
	NODE_CHOICE, /* a if b else c, c may be NULL */
	NODE_OR,
	NODE_AND,
	NODE_NOT,
	NODE_NEGATE,
	NODE_EQUAL,
	NODE_LESS,
	NODE_LESS_EQUAL,
	NODE_IN, /* a ? b; the others are these, turned around */
	NODE_ADD,
	NODE_SUBTRACT,
	NODE_REMAINDER,
	NODE_CONCAT,
	NODE_TRIM,
	NODE_LENGTH,
	NODE_DEFAULT, /* filters on a; the default is b */
	NODE_IS_DEFINED,
	NODE_IS_NONE,
	NODE_IS_STRING, /* tests on a */
	NODE_RAISE,     /* raise_exception(a) */
};

struct node {
	enum node_kind kind;
	int line, depth;
	struct node *a, *b, *c;
	struct node *body, *orelse; /* first of a list */
	struct node *next;          /* in the list this node is in */
	struct str text;
	int64_t number;
};

/* Parses into `arena`; *out is the first statement or NULL for an empty template. ERR_DATA names the line. */
int jinja_parse(struct node **out, const char *source, size_t n, struct arena *arena, struct err *e);

struct jinja_input {
	const struct message *messages;
	size_t n_messages; /* up to 255: an origin is one byte */
	bool add_generation_prompt;
	const char *bos, *eos; /* NULL: undefined */
};
/* Appends to text and, where it is not NULL, to origin. */
int jinja_render(const struct node *first, const struct jinja_input *in, struct buf *text, struct buf *origin, struct err *e);

#endif

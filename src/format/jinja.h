/* The part of Jinja that chat templates use: parsed once, rendered often. Private to format; chat.c is its user. */
#ifndef FORMAT_JINJA_H
#define FORMAT_JINJA_H

#include "format/format.h"

enum {
	JINJA_SOURCE_MAX = 1 << 18, /* bytes of a template */
	JINJA_DEPTH_MAX = 100,      /* of nested blocks, and of an expression: bounds the recursion of the parser */
	JINJA_NESTED_MAX = 600,     /* of what is being rendered, calls of macros included: bounds the recursion of the renderer */
	JINJA_STEPS_MAX = 2000000,  /* nodes visited in one rendering, and their like in bytes scanned */
	JINJA_VARIABLES_MAX = 256,  /* alive at once */
	JINJA_BYTES_MAX = 1 << 26,  /* of all strings and lists made in one rendering, its output included */
	JINJA_ARGUMENTS_MAX = 8,    /* of one call that is not a macro, dict or namespace */
};

/* Text whose every byte knows where it comes from: 0 the template, i + 1 message i, ORIGIN_TOOLS the row's tools. */
struct str {
	const char *p;
	const unsigned char *origin; /* [n], or NULL: all from the template */
	size_t n;
};

enum node_kind {
	/* statements */
	NODE_TEXT,         /* text */
	NODE_PRINT,        /* a */
	NODE_IF,           /* a ? body : orelse */
	NODE_FOR,          /* args (names) in a, if b: body, else orelse */
	NODE_SET,          /* args (names, or one attribute) = a */
	NODE_SET_BLOCK,    /* text = what body prints, through the filters of a */
	NODE_FILTER_BLOCK, /* prints a, whose innermost operand is NODE_CAPTURED: what body prints */
	NODE_MACRO,        /* text(args): body; an argument's default is its a */
	NODE_GENERATION,   /* body: transformers' mark of what the assistant says */
	NODE_BREAK,
	NODE_CONTINUE,
	/* expressions */
	NODE_STRING, /* text */
	NODE_INT,    /* number */
	NODE_FLOAT,  /* real */
	NODE_BOOL,   /* number */
	NODE_NONE,
	NODE_NAME,      /* text */
	NODE_LIST,      /* body */
	NODE_TUPLE,     /* body */
	NODE_DICT,      /* body: keys, each with its value in a */
	NODE_ITEM,      /* a[b] */
	NODE_ATTRIBUTE, /* a.text */
	NODE_SLICE,     /* a[b:c:body], each of which may be NULL */
	NODE_CHOICE,    /* a if b else c, c may be NULL */
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
	NODE_MULTIPLY,
	NODE_DIVIDE,
	NODE_FLOOR,
	NODE_REMAINDER,
	NODE_CONCAT,
	NODE_FILTER, /* a | text(args); number is its place in the table */
	NODE_TEST,   /* a is text(args); number is its place in the table */
	NODE_CALL,   /* a(args) */
	NODE_CAPTURED,
};

struct node {
	enum node_kind kind;
	int line, depth;
	struct node *a, *b, *c;
	struct node *body, *orelse, *args; /* first of a list */
	struct node *next;                 /* in the list this node is in */
	struct str text, keyword;          /* keyword: as an argument, its name; p is NULL where it has none */
	int64_t number;
	double real;
};

/* Parses into `arena`; *out is the first statement or NULL for an empty template. ERR_DATA names the line. */
int jinja_parse(struct node **out, const char *source, size_t n, struct arena *arena, struct err *e);

struct jinja_input {
	const struct message *messages;
	size_t n_messages;   /* up to 254: an origin is one byte */
	const json_t *tools; /* NULL: none */
	bool add_generation_prompt;
	const char *bos, *eos; /* NULL: undefined */
};
/* Appends to text and, where it is not NULL, to origin. */
int jinja_render(const struct node *first, const struct jinja_input *in, struct buf *text, struct buf *origin, struct err *e);

#endif

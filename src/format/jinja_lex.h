/* The tokens of a template. Private to format: jinja_parse.c reads what jinja_lex.c cuts. */
#ifndef FORMAT_JINJA_LEX_H
#define FORMAT_JINJA_LEX_H

#include "format/jinja.h"

enum token_kind {
	TOKEN_END,
	TOKEN_TEXT,
	TOKEN_PRINT,
	TOKEN_BLOCK,
	TOKEN_CLOSE,
	TOKEN_WORD,
	TOKEN_STRING,
	TOKEN_INT,
	TOKEN_FLOAT,
	TOKEN_SIGN
};

struct token {
	enum token_kind kind;
	struct str text;
	int64_t number;
	double real;
};

struct lexer {
	const char *s; /* the source, newlines normalised */
	size_t n, at, line_at;
	struct token token; /* the one to look at */
	int line;           /* of that token */
	bool in_tag, tag_found;
	char closer; /* '}' or '%', of the tag being read */
	struct arena *arena;
	struct err *e;
};

/* Takes a copy of the source and looks at its first token. */
int lex_open(struct lexer *p, const char *source, size_t n);
int lex_next(struct lexer *p);
bool lex_is(const struct lexer *p, enum token_kind kind, const char *text);
/* Both fill the error with the line and return ERR_DATA. */
int lex_fail(struct lexer *p, const char *what, struct str detail);
int lex_expected(struct lexer *p, const char *what);

#endif

/* The tokenizer's inside: what its loaders (tokenizer_gguf.c, tokenizer_hf.c) hand to it. Private to format. */
#ifndef FORMAT_TOKENIZER_H
#define FORMAT_TOKENIZER_H

#include "format/format.h"

enum token_kind {
	TOKEN_NONE,    /* no token has this id yet */
	TOKEN_NORMAL,  /* spelled in the byte alphabet */
	TOKEN_CONTROL, /* spelled as it is; only the template can form it */
	TOKEN_UNUSED,  /* fills the vocabulary up; never formed */
};

struct piece {
	const char *p;
	size_t n;
};

struct vocab_token {
	struct piece text;
	enum token_kind kind;
};

struct vocab_merge {
	struct piece left, right;
};

/* A vocabulary as a file spells it, borrowed while tokenizer_build runs. */
struct vocab {
	const char *path; /* for errors */
	struct vocab_token *tokens;
	size_t n_tokens;
	struct vocab_merge *merges; /* the most urgent first */
	size_t n_merges;
	int64_t bos, eos;   /* -1: none */
	const int64_t *eog; /* further ids that end a turn or a text */
	size_t n_eog;
	bool split_digits;
};
void vocab_release(struct vocab *v);

enum { VOCAB_MAX = 1 << 22 }; /* tokens, and merges: far above any real model */

/* Fills merge i from "left right"; without a space `right` stays empty, which tokenizer_build refuses. */
void vocab_merge_split(struct vocab *v, size_t i, struct piece line);
int tokenizer_build(struct tokenizer **out, const struct vocab *v, struct err *e);

/* tokenizer_encode, and where each token ends in the text (NULL: not wanted). */
int tokenizer_encode_ends(const struct tokenizer *t, const char *text, size_t n, struct ids *out, struct ids *ends, struct err *e);

#endif

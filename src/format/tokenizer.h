/* The tokenizer's inside: what its loaders (tokenizer_gguf.c, tokenizer_hf.c) hand to it, and what its parts share. Private to format. */
#ifndef FORMAT_TOKENIZER_H
#define FORMAT_TOKENIZER_H

#include "format/format.h"
#include "format/pretokenizer.h"

enum token_kind {
	TOKEN_NONE,    /* no token has this id yet */
	TOKEN_NORMAL,  /* formed by merging; byte-level vocabularies spell it in the byte alphabet */
	TOKEN_USER,    /* spelled as it is; text forms it wherever it is spelled out, before anything merges */
	TOKEN_BYTE,    /* "<0x41>": one byte of a character that the vocabulary lacks */
	TOKEN_CONTROL, /* spelled as it is; only the template can form it */
	TOKEN_UNUSED,  /* fills the vocabulary up; never formed */
};

/* How symbols merge. */
enum token_scheme {
	SCHEME_BYTES,  /* bytes, by a list of merges (GPT-2) */
	SCHEME_MERGES, /* characters, by a list of merges: SentencePiece's vocabularies as tokenizer.json has them */
	SCHEME_SCORES, /* characters (SentencePiece): any two neighbours that spell a token, the one with the highest score first */
};

/* Which text gets a space in front. */
enum prefix {
	PREFIX_NONE,
	PREFIX_ALWAYS,   /* all that is normalised at once */
	PREFIX_UNSPACED, /* the same, unless it begins with a space already */
	PREFIX_OPENING,  /* only what a text begins with, unless with a space */
};

struct piece {
	const char *p;
	size_t n;
};

struct vocab_token {
	struct piece text;
	enum token_kind kind;
	float score; /* SCHEME_SCORES */
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
	enum token_scheme scheme;
	enum pretoken pretoken; /* SCHEME_BYTES */
	bool ignore_merges;     /* a piece that is a token is that token, whatever merges would make of it */
	bool nfc;               /* text is composed first (Unicode NFC) */
	enum prefix prefix;     /* but SCHEME_BYTES */
	bool split_spaces;      /* nothing merges with a space that follows it; but SCHEME_BYTES */
};
void vocab_release(struct vocab *v);

enum {
	VOCAB_MAX = 1 << 22,   /* tokens, and merges: far above any real model */
	TOKEN_BYTES_MAX = 1024 /* of one token; real ones have up to 400. Bounds the time of every search for a token */
};

enum { VOCAB_GGUF_EOG = 3 }; /* one more than is used: it is written before it is counted */
/* What a GGUF file has, borrowed from it and from `eog`; the caller releases it, in any case. */
int vocab_from_gguf(struct vocab *v, int64_t eog[VOCAB_GGUF_EOG], const struct gguf *g, struct err *e);

/* Fills merge i from "left right"; without a space `right` stays empty, which tokenizer_build refuses. */
void vocab_merge_split(struct vocab *v, size_t i, struct piece line);
/* The regular expressions of tokenizer.json that cut text as the pre-tokenizer does; NULL where it has none. */
const char *pretoken_regex(enum pretoken how);

int tokenizer_build(struct tokenizer **out, const struct vocab *v, struct err *e);

/* tokenizer_encode, of text that opens a sequence or follows on, and where each token ends in it (NULL: not wanted). */
int tokenizer_encode_ends(
	const struct tokenizer *t, struct piece text, bool opens, struct ids *out, struct ids *ends, struct err *e);

/* ---- the built tokenizer ----------------------------------------------------------------------------------------------------- */

static const uint32_t NO_MERGE = UINT32_MAX;

struct merge {
	int32_t left, right, result;
	uint32_t rank; /* NO_MERGE: an empty slot */
};

/* Tokens that are found by their spelling, in the order of their bytes. */
struct token_set {
	int32_t *ids;
	int32_t *shorter; /* [n] the place of the longest other token that token i starts with, or -1 */
	size_t n;
	bool starts[256]; /* whether one starts with this byte */
};

struct tokenizer {
	char *text;      /* the bytes of all tokens, end to end; SentencePiece's U+2581 is a space here */
	uint32_t *start; /* [n + 1] into text */
	uint8_t *kind;   /* [n] enum token_kind */
	bool *eog;       /* [n] */
	uint32_t *rank;  /* [n] by falling score; NULL but in SCHEME_SCORES */
	size_t n;
	struct token_set controls, users;
	int32_t byte_id[256]; /* -1: not in the vocabulary */
	struct merge *merges; /* open addressing, merge_mask + 1 slots */
	size_t merge_mask;
	int32_t *by_text;          /* open addressing over the tokens that merging makes, -1 empty */
	size_t text_mask, longest; /* bytes of the longest of them */
	bool before_space[256];    /* whether some token has a space right after this byte */
	int32_t bos, eos;
	enum token_scheme scheme;
	enum pretoken pretoken;
	enum prefix prefix;
	bool ignore_merges, nfc, split_spaces;
};

/* The slot of the pair, or the empty slot where it would be. */
struct merge *merge_slot(const struct tokenizer *t, int32_t left, int32_t right);
/* The slot in by_text of the token with these bytes, or the empty slot where it would be. */
size_t text_slot(const struct tokenizer *t, const char *p, size_t n);
/* The longest token of the set that starts text[0..n), or -1; *length its bytes. */
int32_t token_set_match(const struct tokenizer *t, const struct token_set *set, const char *text, size_t n, size_t *length);

/* ---- normalising (normalize.c) ----------------------------------------------------------------------------------------------- */

/* Text as the vocabulary wants it, and for each of its bytes where it ends in the text as given. Zeroed is empty. */
struct normalized {
	struct buf text;
	uint32_t *map;
	size_t map_cap;
};
void normalized_release(struct normalized *z);
/* *changed is false, and z unused, when the text, which opens a sequence or not, is already as it should be. */
int text_normalize(const struct tokenizer *t, struct piece text, bool opens, struct normalized *z, bool *changed, struct err *e);

/* ---- merging (bpe.c) --------------------------------------------------------------------------------------------------------- */

struct symbol;

/* A text on its way to ids. */
struct encoding {
	const struct tokenizer *tokenizer;
	struct ids *out, *ends; /* ends: NULL when not wanted */
	bool opens;             /* it begins a sequence */
	struct normalized normalized;
	const uint32_t *map;    /* for each byte of what is being encoded: where it ends in what it was normalised from, or NULL */
	size_t base;            /* where that starts in the text */
	struct symbol *symbols; /* what a piece needs; grows to the longest piece */
	uint64_t *heap;         /* rank << 32 | symbol; the least on top */
	size_t cap, n_heap;
};
void encoding_release(struct encoding *s);
/* Appends token `id`, which ends at byte `end` of what is being encoded. */
int encoding_push(struct encoding *s, int32_t id, size_t end, struct err *e);
/* Merges the piece p[0..n) that lies at `offset` of what is being encoded, and appends its tokens. */
int encoding_merge(struct encoding *s, const char *p, size_t n, size_t offset, struct err *e);

#endif

/*
 * Private to data: English prose as sentences and words, and what is known of single words.
 */
#ifndef ATTUNE_DATA_TEXT_H
#define ATTUNE_DATA_TEXT_H

#include "data/corpus.h"

/* The next sentence of *rest into *out, *rest moved behind it; false at the end. A full stop inside backticks ends nothing. */
bool sentence_next(struct str *rest, struct str *out);

/* A word without the punctuation around it. A code span is one word, backticks included. */
struct word {
	const char *p;
	size_t n;
	bool stop; /* a comma, colon, semicolon, bracket or dash follows */
};
enum { SENTENCE_WORDS = 48 };
/* Number of words, or 0 when there are more than SENTENCE_WORDS. */
size_t words_split(struct str s, struct word w[SENTENCE_WORDS]);

/* Goes through the sentences of `line`; one of more than SENTENCE_WORDS words comes in pieces that end at a space. */
struct pieces {
	struct str line, sentence;
};
bool pieces_next(struct pieces *p, struct str *out);
/* Does a line of plain text or Markdown begin something new: an item, a heading, a table, a quotation, a paragraph behind an empty line? */
bool text_opens_block(const char *line);
enum { CELLS_MAX = 32 };
/* The cells of a line of a Markdown table; 0 of any other line. */
size_t text_cells(struct str line, struct str cell[CELLS_MAX]);
/*
 * The text from word `first` up to word `end`, without the punctuation after the last one, but with the quotation mark at either end
 * whose other one stands inside.
 */
struct str words_text(const struct word *w, size_t first, size_t end);

/* The only place where `part` stands in `text` as whole words; NULL when there is none or more than one. */
const char *text_place(const char *text, const char *part);

bool str_is(struct str s, const char *text); /* ignoring ASCII case */
bool str_in(struct str s, const char *list); /* one of the words of a list separated by spaces, ignoring ASCII case */
bool word_is(const struct word *w, const char *text);
bool word_in(const struct word *w, const char *list);
bool word_is_code(const struct word *w);       /* in backticks */
bool word_is_identifier(const struct word *w); /* looks like code without them: SQLITE_FULL, carray(), --tree, .recover, main.c */
bool word_is_symbol(const struct word *w);     /* either of these */
bool word_is_plain(const struct word *w);      /* ASCII letters and inner hyphens only */
bool word_is_plural(const struct word *w);

/* Closed classes. */
bool word_is_function(const struct word *w); /* article, preposition, conjunction, pronoun, auxiliary */
bool word_is_preposition(const struct word *w);
bool word_is_auxiliary(const struct word *w);
bool word_is_pronoun(const struct word *w);
bool word_is_article(const struct word *w); /* also every, each, all, ... */

/* Verbs that documentation uses. `base` gets the base form, or "" for VERB_NONE. */
enum verb_form { VERB_NONE, VERB_BASE, VERB_THIRD };
enum verb_form verb_form(const struct word *w, char base[32]);
/* The base of a participle ("erased", "kept") or of a form in -ing ("moving"); false when it is of no verb of the list. */
bool verb_of_participle(const struct word *w, char base[32]);
bool verb_of_gerund(const struct word *w, char base[32]);
/* Another verb, in its base form, that a person might use instead; NULL when none is known. */
const char *verb_similar(const char *base);

#endif

/* Private to data: what evidence.c reads and evidence_check.c looks up. */
#ifndef ATTUNE_DATA_EVIDENCE_H
#define ATTUNE_DATA_EVIDENCE_H

#include <libstemmer.h>

#include "data/text.h"

/* Hashes of stems, sorted, each once: n of them from `first` in evidence.word. */
struct bag {
	size_t first, n;
};

struct source {
	const char *path, *heading;
	struct bag bag;
};

struct unit {
	size_t source;
	const char *text;
	struct bag bag; /* the heading's words too */
};

struct stated {
	struct value value;
	size_t unit;
};

struct frequency {
	uint64_t hash;
	size_t n; /* sources with the word */
};

/* A word by its small letters. */
struct form {
	uint64_t hash;
	const char *text; /* with its capitals; NULL: only ever small */
	size_t n_capital, n_other;
};

struct evidence {
	struct arena arena;
	struct form *form; /* sorted by hash */
	size_t n_forms, cap_forms;
	struct sb_stemmer *stemmer;
	struct source *source;
	struct unit *unit;
	struct stated *stated;
	uint64_t *word;
	struct frequency *frequency; /* sorted by hash */
	size_t n_sources, n_units, n_stated, n_words, n_frequencies;
	size_t cap_sources, cap_units, cap_stated, cap_words;
};

uint64_t evidence_word_hash(const struct evidence *v, const struct word *w); /* of its stem; 0: it tells nothing */
bool evidence_bag_has(const struct evidence *v, const struct bag *b, uint64_t hash);
double evidence_weight_of(const struct evidence *v, uint64_t hash); /* 0: no section has the word */

/* evidence_check.c. "one", "six", "two steps": they count what the writer sees, not what the documents say; `said`: the value's bytes. */
bool evidence_is_manner(const char *said, const struct value *v);
bool evidence_is_name_word(const struct word *w);
bool evidence_in_value(const struct values *values, size_t at); /* is byte `at` of the text in one? */
/* Behind the last word of the name that begins with word i of the n of `text`: it ends with a value, a mark or a word that is none of a name. */
size_t evidence_name_end(const struct word *w, size_t n, size_t i, const struct values *values, const char *text);

#endif

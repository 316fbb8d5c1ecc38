/*
 * Private to data: the people of one ticket, call or letter. Who is one is said by the form (pii_message.c, pii_names.c); then every
 * place where the name, or a part of it, stands again is found here: in either case of letters, without its accents, in the
 * genitive, behind or in front of an initial.
 */
#ifndef ATTUNE_DATA_PERSON_H
#define ATTUNE_DATA_PERSON_H

#include "data/pii.h"

enum role { ROLE_CUSTOMER, ROLE_SUPPORT, ROLE_SPEAKER, ROLES };
enum { PERSONS_MAX = 256, FIRMS_MAX = 256, KEY_BYTES = 48, NAME_WORDS = 8 };

/* A word of a name, and whose. */
struct part {
	char key[KEY_BYTES]; /* as person_key makes it */
	size_t who;
	bool capital; /* as the form has it */
	bool full;    /* from the form itself; else from an address, and one only beside another part or inside a sentence */
};

/* A place where the form says that a name stands. */
struct hit {
	size_t start, end, who;
};

struct persons {
	struct str text; /* the document, into which all names point */
	struct part part[PERSONS_MAX];
	size_t n;
	enum role role[PERSONS_MAX];
	size_t number[PERSONS_MAX]; /* among those of the same role, from 1 */
	size_t n_persons, n_role[ROLES];
	struct hit *hit; /* mem_free */
	size_t n_hits, cap_hits;
	char firm[FIRMS_MAX][KEY_BYTES]; /* what hosts are called in the document */
	size_t n_firms;
};

/* For a document, all hosts of which become firms. Release in any case. */
void persons_init(struct persons *p, struct str text);
void persons_release(struct persons *p);
/* Forgets everybody; the text stays. */
void persons_clear(struct persons *p);
/* Is this word, of nobody who is known, what a host is called? */
bool persons_is_firm(const struct persons *p, struct str word);

/* ---- names: person_word.c ---- */

/* The word at `at`: letters, with hyphens and apostrophes inside, without the 's of a genitive; n is 0 when there is none. */
struct str person_word(struct str t, size_t at);
bool person_is_capital(struct str word); /* letters of scripts without capitals are */
bool person_is_upper(struct str word);   /* those are not */
bool person_is_nobody(struct str word);  /* a word that stands where names do and is none: "team", "Monday", "GmbH" */
/* The bytes of titles in front of a name ("Dr.", "Frau"), with the blanks behind them. */
size_t person_titles(struct str s);
/* The bytes of a name at the start of `s`, of at most `most` words; 0 when none stands there. */
size_t person_length(struct str s, size_t most);
struct str person_trim(struct str s); /* without blanks, quotation marks and punctuation around it */

/* The character at `i`: its bytes, at least 1, and its code point, or -1 where none is. */
size_t person_code(struct str t, size_t i, int32_t *cp);
bool person_is_letter(int32_t cp);
bool person_is_dense(int32_t cp);         /* of a script that puts no blanks between words */
bool person_is_long(struct str word);     /* more than an initial */
bool person_is_particle(struct str word); /* "van", "de la" */
/*
 * What two spellings of a name share: small letters without accents, "ae" as "a" and its like, so that Müller, MUELLER and Muller are
 * the same. Empty for what is too long to be a name.
 */
void person_key(char key[KEY_BYTES], struct str word);

/* ---- people: person.c ---- */

/* The name of somebody, who may be known. `s` points into the text. */
int person_add(struct persons *p, struct str name, enum role role, struct err *e);
/* A name that fills `s`, perhaps with titles in front and a remark behind, perhaps in small letters. False: it is none. */
int person_add_whole(struct persons *p, struct str s, enum role role, bool *is_one, struct err *e);
/* "Ida Berg <ida@...>; Berg, Bo; Cy Day (Acme)": several. */
int person_add_list(struct persons *p, struct str s, enum role role, struct err *e);
/* A name's part that an address shows: "ida" and "berg" of ida.berg@... */
void person_add_part(struct persons *p, struct str word, enum role role);

/* All places in the span where they stand, in order; neighbours of one person are one place. Pseudonyms in the arena. */
int persons_find(struct piis *out, struct persons *p, struct span span, struct arena *a, struct err *e);

/* ---- pii_message.c ---- */

/* Names in what somebody wrote: heads, greetings, introductions, titles, addresses, closings. `sender` signs, `other` is greeted. */
int message_names(struct persons *p, struct str text, enum role sender, enum role other, struct err *e);
/* Those whose names stand in front of what they say: "Ida: ...", "[12:03] Ida Berg: ...", "Ida Berg  12:03". */
int turn_names(struct persons *p, struct str text, struct err *e);

#endif

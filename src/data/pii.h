/*
 * Private to data: personal data and secrets in any text. A finder looks at one place, believes a pattern as much as its form
 * is worth, adds what the words around it say, and takes it from PII_ENOUGH on. Checks (Luhn, mod 97, JSON) decide where there are
 * some. Any bytes are accepted; time is linear in them, since nothing looks further than a fixed number of bytes.
 *
 * Form, examples and look-alikes of each kind: docs/formats.md.
 */
#ifndef ATTUNE_DATA_PII_H
#define ATTUNE_DATA_PII_H

#include "data/corpus.h"

struct pii {
	enum pii_kind kind;
	struct span span; /* the item's bytes, without quotes, brackets, labels and punctuation around it */
	float score;      /* 0 to 1 */
	const char *as;   /* what is put in its place; NULL: what its kind gets */
};
struct piis {
	struct pii *p; /* mem_free; by their starts, disjoint */
	size_t n, cap;
};

/* Appends what stands in the text, of every kind but names of persons. In `published` text role addresses are nobody's. */
int pii_find(struct piis *out, struct str text, bool published, struct err *e);
/* The same in a cell that stands `at` bytes into a text, read behind the name of its column, which may tell what it is. */
int pii_find_cell(struct piis *out, struct str head, struct str cell, size_t at, bool published, struct err *e);
/* What holds character references or percents, and is an item once they are resolved. */
int pii_find_coded(struct piis *out, struct str text, bool published, struct err *e);
int piis_add(struct piis *out, struct pii item, struct err *e);
/* Two lists in the order of the text become one; where they overlap, the first one's item stays, and of the other's what is in front. */
int piis_merge(struct piis *out, const struct piis *a, const struct piis *b, struct err *e);
void piis_release(struct piis *p);

/* ---- for the finders ------------------------------------------------------------------------------------------------------- */

#define PII_ENOUGH 0.6f
#define PII_CONTEXT 0.35f /* what a telling word within five tokens adds */

/*
 * Each looks for an item that starts at byte `at`, where a token starts, and fills out->span and out->score. False: there is none
 * that is worth PII_ENOUGH.
 */
bool pii_email(struct str t, size_t at, struct pii *out);           /* mail.com is no part of it: pii_address.c */
bool pii_url_credentials(struct str t, size_t at, struct pii *out); /* at: behind "://" */
bool pii_ip(struct str t, size_t at, struct pii *out);
bool pii_mac(struct str t, size_t at, struct pii *out);
bool pii_phone(struct str t, size_t at, struct pii *out); /* pii_number.c */
bool pii_card(struct str t, size_t at, struct pii *out);
bool pii_iban(struct str t, size_t at, struct pii *out);
bool pii_ssn(struct str t, size_t at, struct pii *out);
bool pii_jwt(struct str t, size_t at, struct pii *out); /* pii_secret.c */
bool pii_private_key(struct str t, size_t at, struct pii *out);
bool pii_key(struct str t, size_t at, struct pii *out);     /* pii_key.c */
bool pii_bot_key(struct str t, size_t at, struct pii *out); /* at: a digit */
bool pii_labelled(
	struct str t, size_t at, struct pii *out);         /* pii_password.c; at: "password", "token", ...; the span lies behind */
bool pii_option(struct str t, size_t at, struct pii *out); /* at: the '-' of "-u", behind curl and its kin */
bool pii_near_label(struct str t, size_t at, struct pii *out); /* at: the secret, which looks it, near such a word */

/* ---- pii_look.c ---- */

struct pii_look {
	size_t lower, upper, digits; /* letters that are not ASCII count as small ones */
	size_t signs, marks;         /* all others; those among them that people put into passwords */
	size_t changes, distinct;    /* from one class to another, but for "Ab"; different bytes */
};
struct pii_look pii_look_at(struct str s);
bool pii_has_part(struct str s, const char *parts); /* one of the space-separated strings, in either case */
bool pii_is_placeholder(struct str s);              /* what stands where people are to put theirs */
bool pii_is_uuid(struct str s);
bool pii_is_drawn(struct str s, size_t least); /* as machines draw letters and digits, `least` or more of them */

/* Is the local part of an address a role (support, billing, noreply), so that it is nobody's own? */
bool pii_is_role(struct str local);

/* Byte i, or 0 outside the text. */
static inline unsigned char pii_at(struct str t, size_t i)
{
	return i < t.n ? (unsigned char)t.p[i] : 0;
}
/*
 * Is byte i one of a word or number, so that what stands beside it is not alone? ASCII letters and digits, '_', letters beyond
 * ASCII but those of scripts that put no blanks between words.
 */
bool pii_word_at(struct str t, size_t i);

/* Is byte i one of a word as context counts them: a letter or digit of any script? */
bool pii_token_at(struct str t, size_t i);

/* Does one of the space-separated words stand among the five tokens before `start` or behind `end`? */
bool pii_near(struct str t, size_t start, size_t end, const char *words);
/* The same for the last `n` tokens before `start`. */
bool pii_before(struct str t, size_t start, size_t n, const char *words);

#endif

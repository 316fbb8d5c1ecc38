/*
 * The one pass over a text that asks every finder. Reference: pii.h; base scores and context words follow Microsoft's Presidio.
 */
#include "data/pii.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { CONTEXT_TOKENS = 5, CONTEXT_BYTES = 100, CELL_BYTES = 80 };

const char *pii_kind_name(enum pii_kind kind)
{
	static const char *const name[PII_KINDS] = {
		"email", "phone", "card", "iban", "ip", "mac", "ssn", "jwt", "secret", "private_key", "url_credentials", "person"};
	return name[kind];
}

/* ---- words around a place ------------------------------------------------------------------------------------------------- */

/* The first byte of the character of byte i. */
static size_t lead_of(struct str t, size_t i)
{
	size_t first = i;
	while (first && i - first < 3 && (pii_at(t, first) & 0xc0) == 0x80)
		first--;
	return first;
}

/* U+0080 to U+00BF, U+2000 to U+206F, U+3000 to U+303F and U+FF00 on: blanks, dashes, quotation marks, full-width punctuation. */
static bool is_punctuation(struct str t, size_t i)
{
	size_t first = lead_of(t, i);
	unsigned char c = pii_at(t, first), second = pii_at(t, first + 1);
	return c == 0xc2 || (c == 0xe2 && second <= 0x81) || (c == 0xe3 && second == 0x80) || (c == 0xef && second >= 0xbc);
}

bool pii_word_at(struct str t, size_t i)
{
	unsigned char c = pii_at(t, i);
	if (c < 0x80)
		return isalnum(c) || c == '_';
	unsigned char lead = pii_at(t, lead_of(t, i)); /* U+3000 to U+DFFF are written without blanks between words */
	return !is_punctuation(t, i) && !(lead >= 0xe3 && lead <= 0xed);
}

bool pii_token_at(struct str t, size_t i)
{
	unsigned char c = pii_at(t, i);
	return c < 0x80 ? isalnum(c) : !is_punctuation(t, i);
}

/* Is the token one of the words? A plural counts as its singular, "ring*" is "ringing", too; a word that is written without blanks may stand inside. */
static bool token_is(const char *p, size_t n, const char *words)
{
	int first = tolower((unsigned char)*p);
	for (const char *w = words; *w;) {
		size_t len = 0;
		while (w[len] && w[len] != ' ')
			len++;
		size_t stem = len - 1;
		bool begins = tolower((unsigned char)*w) == first;
		if (begins && w[stem] == '*' && n >= stem && !strncasecmp(p, w, stem))
			return true;
		if (begins && (n == len || (n == len + 1 && tolower((unsigned char)p[n - 1]) == 's')) && !strncasecmp(p, w, len))
			return true;
		if ((unsigned char)*w >= 0xe3 && memmem(p, n, w, len))
			return true;
		for (w += len; *w == ' '; w++)
			;
	}
	return false;
}

bool pii_before(struct str t, size_t start, size_t n, const char *words)
{
	size_t stop = start > CONTEXT_BYTES ? start - CONTEXT_BYTES : 0, i = start;
	while (n-- && i > stop) {
		while (i > stop && !pii_token_at(t, i - 1))
			i--;
		size_t end = i;
		while (i > stop && pii_token_at(t, i - 1))
			i--;
		if (end > i && token_is(t.p + i, end - i, words))
			return true;
	}
	return false;
}

static bool behind(struct str t, size_t i, size_t n, const char *words)
{
	size_t stop = t.n - i > CONTEXT_BYTES ? i + CONTEXT_BYTES : t.n;
	while (n-- && i < stop) {
		while (i < stop && !pii_token_at(t, i))
			i++;
		size_t start = i;
		while (i < stop && pii_token_at(t, i))
			i++;
		if (i > start && token_is(t.p + start, i - start, words))
			return true;
	}
	return false;
}

bool pii_near(struct str t, size_t start, size_t end, const char *words)
{
	return pii_before(t, start, CONTEXT_TOKENS, words) || behind(t, end, CONTEXT_TOKENS, words);
}

/* ---- the list ------------------------------------------------------------------------------------------------------------- */

int piis_add(struct piis *out, struct pii item, struct err *e)
{
	if (mem_reserve(&out->p, out->n, &out->cap, sizeof *out->p, e))
		return ERR_RESOURCE;
	out->p[out->n++] = item;
	return 0;
}

void piis_release(struct piis *p)
{
	mem_free(p->p);
	*p = (struct piis){0};
}

int piis_merge(struct piis *out, const struct piis *a, const struct piis *b, struct err *e)
{
	int rc = 0;
	for (size_t i = 0, k = 0; (i < a->n || k < b->n) && rc == 0;) {
		if (k < b->n && (i == a->n || b->p[k].span.end <= a->p[i].span.start)) {
			if (!out->n || b->p[k].span.start >= out->p[out->n - 1].span.end)
				rc = piis_add(out, b->p[k], e);
			k++;
		} else if (k < b->n && b->p[k].span.start < a->p[i].span.end) {
			struct pii front = b->p[k++];
			bool free = !out->n || front.span.start >= out->p[out->n - 1].span.end;
			if (free && front.span.start < a->p[i].span.start) {
				front.span.end = a->p[i].span.start;
				rc = piis_add(out, front, e);
			}
		} else {
			rc = piis_add(out, a->p[i++], e);
		}
	}
	return rc;
}

/* ---- the pass ------------------------------------------------------------------------------------------------------------- */

struct finder {
	enum pii_kind kind;
	bool (*find)(struct str t, size_t at, struct pii *out);
};

/* The surer one first: a number that is a card is no phone, an address with a password in front of it no e-mail. */
static bool find_at(struct str t, size_t at, struct pii *out)
{
	static const struct finder letters[] = {{PII_JWT, pii_jwt}, {PII_SECRET, pii_key}, {PII_SECRET, pii_labelled},
		{PII_EMAIL, pii_email}, {PII_IBAN, pii_iban}, {PII_MAC, pii_mac}, {PII_IP, pii_ip}, {PII_SECRET, pii_near_label}},
				   digits[] = {{PII_SECRET, pii_bot_key}, {PII_SECRET, pii_key}, {PII_EMAIL, pii_email},
					   {PII_MAC, pii_mac}, {PII_IP, pii_ip}, {PII_CARD, pii_card}, {PII_SSN, pii_ssn},
					   {PII_PHONE, pii_phone}, {PII_SECRET, pii_near_label}},
				   options[] = {{PII_PRIVATE_KEY, pii_private_key}, {PII_SECRET, pii_option}};
	unsigned char c = pii_at(t, at), before = at ? (unsigned char)t.p[at - 1] : 0;
	const struct finder *f = letters;
	size_t n = 0;
	if (c == '/' && before == '/' && at >= 2 && t.p[at - 2] == ':') {
		out->kind = PII_URL_CREDENTIALS;
		return pii_url_credentials(t, at + 1, out);
	}
	if (c == '-' && before != '-') {
		f = options;
		n = sizeof options / sizeof *options;
	} else if (isdigit(c) || c == '+' || c == '(' || c == ':') {
		f = digits;
		n = sizeof digits / sizeof *digits;
	} else if (isalpha(c) || c >= 0x80) {
		n = sizeof letters / sizeof *letters;
	}
	bool inside = isalnum(c) && isalnum(before);
	for (size_t i = 0; i < n; i++) {
		out->kind = f[i].kind;
		/* inside a word begin only "dbPassword" and "bot123..." */
		if ((!inside || f[i].find == pii_labelled || f[i].find == pii_bot_key) && f[i].find(t, at, out))
			return true;
	}
	return false;
}

int pii_find(struct piis *out, struct str t, bool published, struct err *e)
{
	int rc = 0;
	for (size_t at = 0; at < t.n && rc == 0;) {
		struct pii item = {0};
		if (!find_at(t, at, &item)) {
			at++;
			continue;
		}
		size_t end = item.span.end;
		const char *sign = item.kind == PII_EMAIL ? memchr(t.p + item.span.start, '@', end - item.span.start) : NULL;
		if (!published || !sign ||
			!pii_is_role((struct str){t.p + item.span.start, (size_t)(sign - t.p) - item.span.start}))
			rc = piis_add(out, item, e);
		at = end;
	}
	return rc;
}

int pii_find_cell(struct piis *out, struct str head, struct str cell, size_t at, bool published, struct err *e)
{
	char text[2 * CELL_BYTES + 2];
	struct piis found = {0};
	int rc = 0;
	bool digits = false;
	for (size_t i = 0; i < cell.n && cell.n <= CELL_BYTES; i++)
		digits |= isdigit((unsigned char)cell.p[i]) != 0;
	if (!digits || head.n > CELL_BYTES || !head.n)
		return 0;
	memcpy(text, head.p, head.n);
	memcpy(text + head.n, ": ", 2);
	memcpy(text + head.n + 2, cell.p, cell.n);
	rc = pii_find(&found, (struct str){text, head.n + 2 + cell.n}, published, e);
	for (size_t i = 0; i < found.n && rc == 0; i++) {
		struct pii item = found.p[i];
		if (item.span.start < head.n + 2)
			continue;
		item.span = (struct span){item.span.start - head.n - 2 + at, item.span.end - head.n - 2 + at};
		rc = piis_add(out, item, e);
	}
	piis_release(&found);
	return rc;
}

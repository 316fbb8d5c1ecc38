/*
 * Secrets with a standard: signed tokens (RFC 7519) and private keys (RFC 7468). The others: pii_key.c, pii_password.c.
 */
#include "data/pii.h"

#include <ctype.h>
#include <string.h>

#include "format/format.h"

enum { JWT_BYTES = 8192, KEY_BLOCK_BYTES = 16384, HEAD_BYTES = 1024 };

static bool is_base64url(unsigned char c)
{
	return isalnum(c) || c == '-' || c == '_';
}

static size_t run_length(struct str t, size_t at, size_t max, bool (*is)(unsigned char))
{
	size_t n = 0;
	while (n < max && at + n < t.n && is((unsigned char)t.p[at + n]))
		n++;
	return n;
}

/* ---- JSON Web Tokens ------------------------------------------------------------------------------------------------------------ */

static int base64_value(unsigned char c)
{
	return isupper(c) ? c - 'A' : islower(c) ? c - 'a' + 26 : isdigit(c) ? c - '0' + 52 : c == '-' || c == '+' ? 62 : 63;
}

/* Is this the base64url of a JSON object that names an algorithm? */
static bool is_jwt_head(const char *p, size_t n)
{
	char text[HEAD_BYTES];
	size_t len = 0;
	uint32_t bits = 0;
	if (n / 4 * 3 + 3 > sizeof text)
		return false;
	for (size_t i = 0; i < n; i++) {
		bits = bits << 6 | (uint32_t)base64_value((unsigned char)p[i]);
		if (i % 4)
			text[len++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	json_t *head = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_is_string(json_object_get(head, "alg"));
	json_decref(head);
	return good;
}

bool pii_jwt(struct str t, size_t at, struct pii *out)
{
	if (pii_at(t, at) != 'e' || pii_at(t, at + 1) != 'y' || (at && (is_base64url(pii_at(t, at - 1)) || t.p[at - 1] == '.')))
		return false;
	size_t head = run_length(t, at, JWT_BYTES, is_base64url), body = at + head + 1;
	if (pii_at(t, at + head) != '.' || !is_jwt_head(t.p + at, head))
		return false;
	size_t n = run_length(t, body, JWT_BYTES, is_base64url), sign = body + n + 1;
	size_t k = pii_at(t, body + n) == '.' ? run_length(t, sign, JWT_BYTES, is_base64url) : 0;
	if (n < 2 || k < 8)
		return false;
	out->span = (struct span){at, sign + k};
	out->score = 0.95f;
	return true;
}

/* ---- private keys ----------------------------------------------------------------------------------------------------------------- */

bool pii_private_key(struct str t, size_t at, struct pii *out)
{
	static const char begin[] = "-----BEGIN ", mark[] = "PRIVATE KEY", end[] = "-----END ";
	if (t.n - at < sizeof begin - 1 || memcmp(t.p + at, begin, sizeof begin - 1))
		return false;
	struct str rest = {t.p + at, t.n - at < KEY_BLOCK_BYTES ? t.n - at : KEY_BLOCK_BYTES};
	const char *line = memmem(rest.p + 11, rest.n - 11, "-----", 5);
	if (!line || !memmem(rest.p, (size_t)(line - rest.p), mark, sizeof mark - 1) || line - rest.p > 60)
		return false;
	const char *last = memmem(line, rest.n - (size_t)(line - rest.p), end, sizeof end - 1);
	const char *stop = last ? memmem(last + 9, rest.n - (size_t)(last + 9 - rest.p), "-----", 5) : NULL;
	struct str body = {line + 5, stop ? (size_t)(last - line) - 5 : rest.n - (size_t)(line + 5 - rest.p)};
	for (size_t i = 0, spaces = 0; i < body.n && i < 60; i++) /* a sentence that speaks of such a line */
		if (body.p[i] == ' ' && i && body.p[i - 1] != ' ' && body.p[i - 1] != '\n' && body.p[i - 1] != '>' && ++spaces > 3)
			return false;
	struct pii_look l = pii_look_at(body.n > 400 ? (struct str){body.p, 400} : body);
	if (l.lower + l.upper + l.digits < 32 || l.distinct < 12 || memmem(body.p, body.n, "...", 3))
		return false; /* a form to fill in */
	out->span = (struct span){at, at + (size_t)((stop ? stop + 5 : rest.p + rest.n) - rest.p)};
	out->score = 0.95f;
	return true;
}

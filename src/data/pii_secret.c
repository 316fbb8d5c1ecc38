/*
 * Secrets: signed tokens (RFC 7519), keys of services with their known prefixes, what stands behind "password" and its like, and
 * private keys (RFC 7468). A secret must look like one: prefixes alone, placeholders and documented examples are none.
 */
#include "data/pii.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/text.h"
#include "format/format.h"

enum { TOKEN_BYTES = 512, JWT_BYTES = 8192, KEY_BLOCK_BYTES = 16384, HEAD_BYTES = 1024 };

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

/* ---- what looks random ---------------------------------------------------------------------------------------------------------- */

struct look {
	size_t lower, upper, digits, signs, distinct;
};

static struct look look_at(struct str s)
{
	struct look l = {0};
	bool seen[256] = {0};
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		l.lower += islower(c) != 0;
		l.upper += isupper(c) != 0;
		l.digits += isdigit(c) != 0;
		l.signs += !isalnum(c);
		l.distinct += !seen[c];
		seen[c] = true;
	}
	return l;
}

static bool contains(struct str s, const char *words)
{
	for (const char *w = words; *w; w += strspn(w, " ")) {
		size_t len = strcspn(w, " ");
		for (size_t i = 0; i + len <= s.n; i++)
			if (!strncasecmp(s.p + i, w, len))
				return true;
		w += len;
	}
	return false;
}

/* What stands where people are to put theirs. */
static bool is_placeholder(struct str s)
{
	struct look l = look_at(s);
	return l.distinct <= 3 ||
		contains(s,
			"example xxxx your_ your- my_ my- changeme change-me change_me placeholder redacted <  > { } $ **** ... "
			"insert_ "
			"replace dummy sample todo foobar 123456789 abcdef") ||
		(s.n > 4 && !strncasecmp(s.p, "your", 4)) || str_in(s, "test secret token password");
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] != '-' : !isxdigit((unsigned char)s.p[i]))
			return false;
	return s.n == 36;
}

/* ---- keys with a prefix ---------------------------------------------------------------------------------------------------------- */

static const struct prefix {
	const char *text;
	size_t least; /* characters behind it */
} prefixes[] = {{"sk_live_", 16}, {"rk_live_", 16}, {"pk_live_", 16}, {"whsec_", 20}, {"sk-ant-", 20}, {"sk-proj-", 20},
	{"sk-", 20}, {"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 22}, {"glpat-", 16},
	{"gldt-", 16}, {"xoxb-", 10}, {"xoxa-", 10}, {"xoxp-", 10}, {"xoxr-", 10}, {"xoxs-", 10}, {"xapp-", 10}, {"AKIA", 16},
	{"ASIA", 16}, {"AIza", 30}, {"SG.", 32}, {"npm_", 30}, {"hf_", 24}, {"dop_v1_", 32}, {"shpat_", 24}, {"shpss_", 24},
	{"pypi-", 32}, {"ya29.", 20}, {"key-", 32}, {"sq0atp-", 20}, {"sq0csp-", 20}, {"dckr_pat_", 20}, {"lin_api_", 24},
	{"r8_", 30}, {"tskey-", 16}, {"rubygems_", 32}, {"EAAC", 40}, {"hvs.", 20}, {"figd_", 20}, {"nvapi-", 30}, {"gsk_", 30},
	{"AGE-SECRET-KEY-", 40}, {"dapi", 32}, {"PMAK-", 30}};

static bool is_token(unsigned char c)
{
	return is_base64url(c) || c == '.';
}

bool pii_token(struct str t, size_t at, struct pii *out)
{
	if (at && pii_is_word(pii_at(t, at - 1)))
		return false;
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t len = strlen(prefixes[i].text);
		if (t.n - at < len || memcmp(t.p + at, prefixes[i].text, len))
			continue;
		bool dotted = prefixes[i].text[len - 1] == '.';
		size_t n = run_length(t, at + len, TOKEN_BYTES, dotted ? is_token : is_base64url);
		while (n && strchr("-_.", t.p[at + len + n - 1]))
			n--;
		struct str rest = {t.p + at + len, n};
		struct look l = look_at(rest);
		if (n < prefixes[i].least || l.distinct < 6 || !(l.digits || (l.lower && l.upper)) || !(l.lower + l.upper) ||
			is_placeholder(rest) || contains(rest, "test fake demo"))
			return false;
		out->span = (struct span){at, at + len + n};
		out->score = 0.9f;
		return true;
	}
	return false;
}

/* ---- what stands behind "password" ----------------------------------------------------------------------------------------------- */

/* `word`: a person's choice, which may be short; else something that a machine drew. */
static const struct label {
	const char *text;
	bool word;
} labels[] = {{"password", true}, {"passwd", true}, {"passphrase", true}, {"passcode", true}, {"pwd", true}, {"passwort", true},
	{"secret", false}, {"token", false}, {"api key", false}, {"api_key", false}, {"api-key", false}, {"apikey", false},
	{"access key", false}, {"access_key", false}, {"access-key", false}, {"accesskey", false}, {"private key", false},
	{"secret key", false}, {"secret_key", false}, {"secretkey", false}, {"auth key", false}, {"auth_key", false},
	{"bearer", false}, {"license key", false}, {"licence key", false}, {"credential", false}, {"signing key", false},
	{"encryption key", false}};

static bool is_value(unsigned char c)
{
	return c > ' ' && c < 0x7f && !strchr("\"'`<>", c);
}

/* From a label to its value: " is", " = ", "\": \"", ": ", "=", " -> "; the bytes between, or 0 when nothing joins the two. */
static size_t joint_length(struct str t, size_t at, bool *strong, char *quote)
{
	static const char *const verbs[] = {
		"is now ", "is still ", "is ", "was ", "to ", "has been set to ", "reads ", "of ", "->", "=>"};
	size_t i = at;
	*strong = false;
	*quote = 0;
	if (pii_at(t, at) == ' ' && pii_at(t, at + 1) && strchr("\"'`", t.p[at + 1])) { /* the password "..." */
		*quote = t.p[at + 1];
		return pii_at(t, at + 2) == '"' && *quote == '"' ? 3 : 2;
	}
	while (isalnum(pii_at(t, i)) && i - at < 4) /* "secrets", "token1" */
		i++;
	for (; strchr("\"'`])* ", pii_at(t, i) ? t.p[i] : 'x') && i - at < 6; i++)
		;
	if (pii_at(t, i) && strchr(":=", t.p[i])) {
		*strong = true;
		i++;
		i += pii_at(t, i) == '=' || pii_at(t, i) == '>';
	} else {
		size_t before = i;
		for (size_t k = 0; k < sizeof verbs / sizeof *verbs && i == before; k++)
			if (t.n - i > strlen(verbs[k]) && !strncasecmp(t.p + i, verbs[k], strlen(verbs[k])))
				i += strlen(verbs[k]);
		if (pii_at(t, i) == ':')
			i++;
		if (i == before && (i == at || t.p[i - 1] != ' '))
			return 0;
	}
	while (pii_at(t, i) && strchr(" \t*\\", t.p[i]) && i - at < 40)
		i++;
	if (pii_at(t, i) && strchr("\"'`", t.p[i]))
		*quote = t.p[i++];
	return i - at;
}

/* A password in use: letters with digits or signs among them; of machines, long and mixed. */
static bool is_secret(struct str s, bool word, bool strong)
{
	struct look l = look_at(s);
	size_t letters = l.lower + l.upper;
	if (s.n < 6 || s.n > TOKEN_BYTES || is_placeholder(s) || is_uuid(s) || !strncmp(s.p, "eyJ", 3) || contains(s, "://"))
		return false;
	bool names = l.signs && !l.digits && !contains(s, "! # % ^ & + ? ~ @");       /* "case-sensitive", "user.password" */
	bool constant = !l.lower && l.upper && memchr(s.p, '_', s.n) && l.digits < 3; /* "DB_PASSWORD" */
	bool calls = memchr(s.p, '(', s.n) || memchr(s.p, '[', s.n) || memchr(s.p, '/', s.n) == s.p;
	if (names || constant || (calls && !l.digits))
		return false;
	if (word)
		return (letters && (l.digits || l.signs) && l.distinct >= 4) || (strong && s.n >= 6 && l.digits == s.n);
	return s.n >= 12 && letters && l.digits && l.distinct >= 8;
}

/* Another kind that stands where a secret might is that. */
static bool is_other(struct str t, size_t at)
{
	struct pii other = {0};
	return pii_email(t, at, &other) || pii_jwt(t, at, &other) || pii_token(t, at, &other) || pii_card(t, at, &other) ||
		pii_iban(t, at, &other) || pii_private_key(t, at, &other);
}

static bool value_find(struct str t, size_t behind, bool word, struct pii *out)
{
	bool strong;
	char quote;
	size_t n = joint_length(t, behind, &strong, &quote), at = behind + n;
	if (!n)
		return false;
	size_t len = run_length(t, at, TOKEN_BYTES + 1, is_value);
	while (len && !quote && strchr(".,;:)]}", t.p[at + len - 1]))
		len--;
	struct str s = {t.p + at, len};
	const char *comma = quote ? NULL : memchr(s.p, ',', s.n);
	s.n = comma ? (size_t)(comma - s.p) : s.n;
	if (!s.n || is_other(t, at) || !is_secret(s, word, strong || quote))
		return false;
	out->span = (struct span){at, at + s.n};
	out->score = strong || quote ? 0.9f : 0.7f;
	return true;
}

bool pii_password(struct str t, size_t at, struct pii *out)
{
	unsigned char c = (unsigned char)tolower(pii_at(t, at)), before = at ? pii_at(t, at - 1) : 0;
	if (!strchr("pstaeblc", c) || (isalpha(before) && !(isupper(pii_at(t, at)) && islower(before))))
		return false;
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		size_t n = strlen(labels[i].text);
		if (t.n - at >= n && !strncasecmp(t.p + at, labels[i].text, n) && value_find(t, at + n, labels[i].word, out))
			return true;
	}
	return false;
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
	struct look l = look_at(body.n > 400 ? (struct str){body.p, 400} : body);
	if (l.lower + l.upper + l.digits < 32 || l.distinct < 12 || memmem(body.p, body.n, "...", 3))
		return false; /* a form to fill in */
	out->span = (struct span){at, at + (size_t)((stop ? stop + 5 : rest.p + rest.n) - rest.p)};
	out->score = 0.95f;
	return true;
}

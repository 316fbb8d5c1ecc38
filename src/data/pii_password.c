/*
 * Secrets that their surroundings give away: behind a word for one ("password: ...", "the token is ...", "X-Api-Key: ..."), behind
 * the option of a program (curl -u), in HTTP's Basic scheme (RFC 7617), and what looks like one near such a word.
 */
#include "data/pii.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/text.h"

enum {
	VALUE_BYTES = 512,
	WORD_LEAST = 6,
	DRAWN_LEAST = 12,
	NEAR_LEAST = 8,
	NEAR_MOST = 100,
	LINE_BYTES = 300,
	FAR_BYTES = 60,
	BASIC_BYTES = 192
};

/* WORD: a person's choice, which may be short. DRAWN: a machine's. FIELD: one only as the end of a longer name ("STRIPE_KEY"). */
enum sort { WORD, DRAWN, FIELD, BASIC };
static const struct label {
	const char *text;
	enum sort sort;
} labels[] = {{"password", WORD}, {"passwd", WORD}, {"passphrase", WORD}, {"passcode", WORD}, {"code wifi", WORD},
	{"wifi code", WORD}, {"wifi key", WORD}, {"wlan key", WORD}, {"wlan-code", WORD}, {"clé wifi", WORD}, {"clave wifi", WORD},
	{"geheimnis", DRAWN}, {"schluessel", DRAWN}, {"pwd", WORD}, {"passwort", WORD}, {"pass", FIELD}, {"pw", FIELD},
	{"psk", WORD}, {"kennwort", WORD}, {"mot de passe", WORD}, {"mdp", WORD}, {"contraseña", WORD}, {"contrasena", WORD},
	{"clave", WORD}, {"wachtwoord", WORD}, {"lösenord", WORD}, {"hasło", WORD}, {"heslo", WORD}, {"senha", WORD},
	{"adgangskode", WORD}, {"passord", WORD}, {"salasana", WORD}, {"jelszó", WORD}, {"parola", WORD}, {"пароль", WORD},
	{"Пароль", WORD}, {"密码", WORD}, {"パスワード", WORD}, {"requirepass", WORD}, {"secret", DRAWN}, {"token", DRAWN},
	{"api key", DRAWN}, {"api_key", DRAWN}, {"api-key", DRAWN}, {"apikey", DRAWN}, {"access key", DRAWN}, {"access_key", DRAWN},
	{"access-key", DRAWN}, {"accesskey", DRAWN}, {"private key", DRAWN}, {"secret key", DRAWN}, {"secret_key", DRAWN},
	{"secretkey", DRAWN}, {"auth key", DRAWN}, {"auth_key", DRAWN}, {"account key", DRAWN}, {"accountkey", DRAWN},
	{"shared key", DRAWN}, {"pre-shared key", DRAWN}, {"clientsecret", DRAWN}, {"bearer", DRAWN}, {"license key", DRAWN},
	{"licence key", DRAWN}, {"credential", DRAWN}, {"signing key", DRAWN}, {"encryption key", DRAWN}, {"schlüssel", DRAWN},
	{"jeton", DRAWN}, {"clé api", DRAWN}, {"clé d'api", DRAWN}, {"clave api", DRAWN}, {"sessionid", DRAWN},
	{"session id", DRAWN}, {"authorization", DRAWN}, {"signature", FIELD}, {"sig", FIELD}, {"auth", FIELD}, {"key", FIELD},
	{"basic", BASIC}};

/* ---- from the word to the value --------------------------------------------------------------------------------------------------- */

static bool is_value(struct str t, size_t i)
{
	unsigned char c = pii_at(t, i), next = pii_at(t, i + 1);
	return c > ' ' && c != 0x7f && !strchr("\"'`<>", c) && !(c == 0xe2 && next == 0x80) &&
		!(c == 0xc2 && (next == 0xab || next == 0xbb)) && !(c == '\\' && next && strchr("nrt\"'", next));
}

/* A quotation mark at `i`: its bytes, or 0. */
static size_t quote_length(struct str t, size_t i)
{
	unsigned char c = pii_at(t, i);
	if (c && strchr("\"'`", c))
		return 1;
	if (c == 0xc2 && (pii_at(t, i + 1) == 0xab || pii_at(t, i + 1) == 0xbb))
		return 2;
	return c == 0xe2 && pii_at(t, i + 1) == 0x80 && pii_at(t, i + 2) >= 0x98 && pii_at(t, i + 2) <= 0x9f ? 3 : 0;
}

/* What may stand around words without saying anything: blanks, marks of emphasis, quotation marks, tags, backslashes. */
static size_t filler_length(struct str t, size_t at, bool *quoted, bool *tag)
{
	size_t i = at, n;
	while (i - at < 48) {
		unsigned char c = pii_at(t, i);
		if (c && strchr(" \t*\\])", c))
			n = 1;
		else if ((n = quote_length(t, i)))
			*quoted = true;
		else if (c == '<' && (isalpha(pii_at(t, i + 1)) || pii_at(t, i + 1) == '/')) {
			const char *end = memchr(t.p + i, '>', t.n - i < 40 ? t.n - i : 40);
			if (!end)
				break;
			n = (size_t)(end - t.p) + 1 - i;
			*tag = true;
		} else
			break;
		i += n;
	}
	return i - at;
}

/* " (temporary)", "_PROD", "s", "2": what may follow the word before the two are joined. */
static size_t suffix_length(struct str t, size_t at)
{
	static const char *const parts[] = {"_base", "_prod", "_live", "_staging", "_dev", "_new", "_old", "_value", "_main",
		"_primary", "_secondary", "_current", "_1", "_2"};
	size_t i = at;
	for (size_t k = 0; k < sizeof parts / sizeof *parts && i == at; k++)
		if (t.n - at > strlen(parts[k]) && !strncasecmp(t.p + at, parts[k], strlen(parts[k])))
			i += strlen(parts[k]);
	while (isalnum(pii_at(t, i)) && i - at < 4 && !isupper(pii_at(t, i)))
		i++;
	if (i > at && isalnum(pii_at(t, i)) && i - at == 4)
		i = at;
	size_t open = i + (pii_at(t, i) == ' ');
	if (pii_at(t, open) && strchr("([", t.p[open])) {
		const char *end = memchr(t.p + open, t.p[open] == '(' ? ')' : ']', t.n - open < 32 ? t.n - open : 32);
		i = end ? (size_t)(end - t.p) + 1 : i;
	}
	return i - at;
}

static size_t word_length(struct str t, size_t at, const char *const *words, size_t n)
{
	size_t best = 0;
	for (size_t k = 0; k < n; k++) {
		size_t len = strlen(words[k]);
		if (len > best && t.n - at > len && !strncasecmp(t.p + at, words[k], len) &&
			(!pii_word_at(t, at + len) || strchr(">=", words[k][len - 1])))
			best = len;
	}
	return best;
}

/*
 * From a word to its value: the bytes between, or 0 when nothing joins the two. *strong: a sign does (":", "=", "|", a tag, quotation
 * marks), else a verb or nothing but a blank.
 */
static size_t joint_length(struct str t, size_t at, bool *strong, bool *quoted)
{
	static const char *const verbs[] = {"is", "was", "are", "to", "of", "as", "reads", "equals", "ist", "war", "lautet",
		"lautete", "wurde", "est", "était", "es", "era", "è", "é", "är", "var", "er", "jest", "is set to",
		"has been set to", "was set to", "was changed to", "changed to", "set to", "reset to", "will be", "value=", "->",
		"=>", "→"},
				 *const adverbs[] = {"now", "still", "currently", "temporarily", "again", "just", "simply", "jetzt",
					 "nun", "noch", "maintenant", "toujours", "ahora", "nu", "teraz", "always", "the",
					 "called"},
				 *const schemes[] = {"bearer", "token", "apikey", "key"};
	bool tag = false, verb = false;
	size_t n, i = at + suffix_length(t, at), start;
	*strong = *quoted = false;
	i += filler_length(t, i, quoted, &tag);
	start = i;
	if (pii_at(t, i) && strchr(":=|,", t.p[i]) && !(t.p[i] == ',' && !*quoted)) {
		*strong = true;
		i++;
		i += pii_at(t, i) && strchr("=>", t.p[i]);
	} else if (pii_at(t, i) == 0xef && pii_at(t, i + 1) == 0xbc && pii_at(t, i + 2) == 0x9a) { /* U+FF1A */
		*strong = true;
		i += 3;
	} else if (i > at && (n = word_length(t, i, verbs, sizeof verbs / sizeof *verbs))) {
		verb = true;
		i += n;
		while (pii_at(t, i) == ' ' && (n = word_length(t, i + 1, adverbs, sizeof adverbs / sizeof *adverbs)))
			i += 1 + n;
		*strong = pii_at(t, i) == ':';
		i += *strong;
	} else if (!*quoted && !tag && (i == at || t.p[i - 1] != ' ')) {
		return 0;
	}
	*strong |= tag;
	bool before = *quoted;
	*quoted = false;
	n = filler_length(t, i, quoted, &tag);
	if (*strong && !*quoted && (pii_at(t, i + n) == '\n' || pii_at(t, i + n) == '\r')) { /* the value has its own line */
		i += n;
		i += pii_at(t, i) == '\r';
		i += pii_at(t, i) == '\n';
		i += pii_at(t, i) == '>';
		n = filler_length(t, i, quoted, &tag);
	}
	*quoted |= before && i == start && !verb; /* the password "..." */
	i += n;
	if (*strong && (n = word_length(t, i, schemes, sizeof schemes / sizeof *schemes)) && pii_at(t, i + n) == ' ')
		i += n + 1;
	return i - at;
}

/* "The password for the old portal is", "The token of the bot:": the bytes up to the verb or sign, or 0. */
static size_t far_length(struct str t, size_t at)
{
	static const char *const words[] = {"for", "of", "on", "from", "to", "fÃ¼r", "zum", "zur", "vom", "am", "im", "pour", "du",
		"de", "para", "voor", "van", "till", "fÃ¶r", "til", "do", "per"},
				 *const verbs[] = {"is", "was", "ist", "lautet", "war", "est", "es", "Ã¤r", "jest", "er", "Ã¨"};
	if (pii_at(t, at) != ' ')
		return 0;
	size_t most = word_length(t, at + 1, words, sizeof words / sizeof *words) ? FAR_BYTES
										  : FAR_BYTES / 3; /* "mot de passe invité : " */
	for (size_t i = at + 1; i - at < most && i < t.n && t.p[i] != '\n'; i++)
		if ((t.p[i] == ':' && pii_at(t, i + 1) == ' ') ||
			(t.p[i] == ' ' && word_length(t, i + 1, verbs, sizeof verbs / sizeof *verbs)))
			return i - at;
		else if (strchr(".;!?", t.p[i]) && pii_at(t, i + 1) == ' ')
			return 0;
	return 0;
}

/* ---- what is a value --------------------------------------------------------------------------------------------------------------- */

/* A password in use: letters with digits or signs among them; of machines, long and mixed. */
static bool is_secret(struct str s, enum sort sort, bool strong)
{
	struct pii_look l = pii_look_at(s);
	size_t letters = l.lower + l.upper;
	if (s.n < WORD_LEAST || s.n > VALUE_BYTES || pii_is_placeholder(s) || !strncmp(s.p, "eyJ", 3) || pii_has_part(s, "://"))
		return false;
	if (pii_is_uuid(s))
		return strong && sort != FIELD;
	bool name = !strong && l.lower && !l.upper && !l.marks && memchr(s.p, '_', s.n); /* "sqlite3_key" */
	bool constant = !l.lower && l.upper && memchr(s.p, '_', s.n) && l.digits < 3;    /* "DB_PASSWORD" */
	bool calls = memchr(s.p, '(', s.n) || memchr(s.p, '[', s.n) || *s.p == '/';
	const char *equal = memchr(s.p, '=', s.n); /* "password token=..." */
	if (name || constant || (calls && !l.digits) || *s.p == '.' || (!strong && equal && isalnum((unsigned char)s.p[s.n - 1])))
		return false;
	if (sort != WORD)
		return l.digits && pii_is_drawn(s, DRAWN_LEAST) && (sort != FIELD || l.changes >= 4);
	if (l.signs && !l.digits && !l.marks) { /* "case-sensitive", "user.password"; but "wool-otter-lamp-nine" */
		size_t hyphens = 0;
		for (size_t i = 0; i < s.n; i++)
			hyphens += s.p[i] == '-';
		return strong && hyphens >= 3 && hyphens == l.signs && !l.upper;
	}
	return (letters && (l.digits || l.signs) && l.distinct >= 4) || (strong && l.digits == s.n);
}

/* Another kind that stands where a secret might is that. */
static bool is_other(struct str t, size_t at)
{
	struct pii other = {0};
	return pii_email(t, at, &other) || pii_jwt(t, at, &other) || pii_key(t, at, &other) || pii_card(t, at, &other) ||
		pii_iban(t, at, &other) || pii_private_key(t, at, &other);
}

/* The value at `at`: up to a blank or quotation mark, without what ends a sentence or begins the next setting ("&x=", ";x="). */
static struct str value_at(struct str t, size_t at, bool quoted)
{
	size_t n = 0;
	while (n <= VALUE_BYTES && is_value(t, at + n))
		n++;
	struct str s = {t.p + at, n};
	for (size_t i = 1; i < s.n && !quoted; i++) {
		struct str rest = {s.p + i, s.n - i};
		if ((strchr("&;", s.p[i]) && memchr(rest.p, '=', rest.n)) ||
			(s.p[i] == ',' && (memchr(rest.p, '=', rest.n) || memchr(rest.p, ':', rest.n))))
			s.n = i;
	}
	while (s.n && !quoted && strchr(".,;:)]}|", s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool found(struct pii *out, size_t start, size_t n, float score)
{
	out->span = (struct span){start, start + n};
	out->score = score;
	return true;
}

/* Base64 of "user:password": into `text`, and where the password begins; NULL when it is none. */
static const char *basic_password(struct str s, char text[BASIC_BYTES], size_t *n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	*n = 0;
	while (s.n && s.p[s.n - 1] == '=')
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		const char *d = strchr(digits, s.p[i]);
		if (!d || *n == BASIC_BYTES)
			return NULL;
		bits = bits << 6 | (uint32_t)(d - digits);
		if (i % 4)
			text[(*n)++] = (char)(bits >> (6 - 2 * (i % 4)));
		if (i % 4 && (unsigned char)text[*n - 1] < ' ')
			return NULL;
	}
	const char *colon = s.n >= 8 ? memchr(text, ':', *n) : NULL;
	return colon ? colon + 1 : NULL;
}

/* What stands behind "Basic"; `header`: in a head that says so, where it may be any bytes. */
static bool is_basic(struct str s, bool header)
{
	char text[BASIC_BYTES];
	size_t n;
	const char *p = basic_password(s, text, &n);
	struct str password = {p, p ? (size_t)(text + n - p) : 0};
	if (!p)
		return header && s.n && s.p[s.n - 1] == '=' && pii_is_drawn(s, 16);
	return !pii_is_placeholder(password) && strncmp(p, "open sesame", password.n) != 0; /* RFC 7617's own */
}

static bool value_find(struct str t, size_t behind, enum sort sort, struct pii *out)
{
	bool strong, quoted;
	size_t n = joint_length(t, behind, &strong, &quoted), at = behind + n;
	if (!n)
		return false;
	struct str s = value_at(t, at, quoted);
	if (sort == BASIC)
		return is_basic(s, pii_before(t, behind, 2, "authorization auth")) && found(out, at, s.n, 0.9f);
	if (!s.n || (sort == FIELD && !strong) || is_other(t, at) || !is_secret(s, sort, strong || quoted))
		return false;
	return found(out, at, s.n, strong || quoted ? 0.9f : 0.7f);
}

bool pii_labelled(struct str t, size_t at, struct pii *out)
{
	unsigned char first = (unsigned char)tolower(pii_at(t, at)), before = at ? pii_at(t, at - 1) : 0;
	bool hump = isupper(pii_at(t, at)) && islower(before), part = before == '_' || before == '-' || hump;
	bool shout = isupper(before) && isupper(pii_at(t, at)) && isupper(pii_at(t, at + 1)); /* "PGPASSWORD" */
	if ((isalpha(before) && !hump && !shout) || (before >= 0x80 && first < 0x80))
		return false;
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		size_t n = strlen(labels[i].text);
		enum sort sort = labels[i].sort;
		if ((unsigned char)*labels[i].text != first || t.n - at < n || strncasecmp(t.p + at, labels[i].text, n))
			continue;
		if (sort == FIELD && first == 'p') /* "pw:" and "SMTP_PASS=" */
			sort = pii_word_at(t, at + n) ? FIELD : WORD;
		else if (shout && sort != WORD)
			continue;
		else if (sort == FIELD && !part && !(before && strchr("?&", before)))
			continue;
		if (value_find(t, at + n, sort, out))
			return true;
		size_t far = sort == WORD || sort == DRAWN ? far_length(t, at + n) : 0;
		if (far && value_find(t, at + n + far, sort, out) &&
			pii_look_at((struct str){t.p + out->span.start, out->span.end - out->span.start}).digits)
			return true;
	}
	return false;
}

/* ---- options of programs ----------------------------------------------------------------------------------------------------------- */

/* `pair`: "user:password". `close`: without a blank between. */
static const struct option {
	const char *program, *flag;
	bool pair, close;
} options[] = {{"curl", "-u", true, false}, {"curl", "--user", true, false}, {"curl", "-U", true, false},
	{"curl", "--proxy-user", true, false}, {"http", "-a", true, false}, {"smbclient", "-U", true, false},
	{"mysql", "-p", false, true}, {"mariadb", "-p", false, true}, {"7z", "-p", false, true}, {"sshpass", "-p", false, false},
	{"login", "-p", false, false}, {"mongo", "-p", false, false}, {"redis-cli", "-a", false, false},
	{"ldap", "-w", false, false}, {"zip", "-P", false, false}, {"mosquitto", "-P", false, false},
	{"ipmitool", "-P", false, false}, {"snmp", "-c", false, false}};

bool pii_option(struct str t, size_t at, struct pii *out)
{
	size_t line = at;
	while (line && at - line < LINE_BYTES && t.p[line - 1] != '\n')
		line--;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		const struct option *o = &options[i];
		size_t n = strlen(o->flag), k = at + n;
		if (t.n - at <= n || memcmp(t.p + at, o->flag, n) ||
			!memmem(t.p + line, at - line, o->program, strlen(o->program)) || (o->close && strchr(" =", t.p[k])))
			continue;
		k += strchr(" =", t.p[k]) != NULL;
		size_t q = quote_length(t, k);
		struct str s = value_at(t, k + q, q);
		const char *colon = memchr(s.p, ':', s.n) ? memchr(s.p, ':', s.n) : memchr(s.p, '%', s.n);
		struct str password = o->pair && colon ? (struct str){colon + 1, (size_t)(s.p + s.n - colon) - 1} : s;
		if ((!o->pair && is_secret(s, WORD, true)) ||
			(o->pair && colon && colon > s.p && password.n > 3 && !pii_is_placeholder(password)))
			return found(out, k + q, s.n, 0.8f);
	}
	return false;
}

/* ---- near such a word -------------------------------------------------------------------------------------------------------------- */

bool pii_near_label(struct str t, size_t at, struct pii *out)
{
	static const char words[] =
		"password passwort passwd passphrase passcode kennwort pwd pw passe contraseña clave wachtwoord "
		"lösenord hasło senha adgangskode passord credentials login zugangsdaten identifiants "
		"inloggegevens logins",
			  keys[] = "token secret apikey credential bearer";
	unsigned char before = at ? pii_at(t, at - 1) : 0;
	if ((at && pii_word_at(t, at - 1)) || (before && strchr("/.-@:=\\#&?%+", before)))
		return false;
	struct str s = value_at(t, at, false);
	while (s.n && strchr("!?", s.p[s.n - 1]))
		s.n--;
	struct pii_look l = pii_look_at(s);
	if (s.n < NEAR_LEAST || s.n > NEAR_MOST || !l.digits || !(l.lower + l.upper) || l.lower + l.digits == s.n ||
		l.upper + l.digits == s.n || pii_is_placeholder(s) || pii_is_uuid(s) ||
		pii_has_part(s, "( [ { = , @ / &# %4 :// .htm .md .pdf .txt .png .json .yaml .sh") || !strncmp(s.p, "eyJ", 3) ||
		is_other(t, at))
		return false;
	for (size_t i = 1; i + 1 < s.n; i++) /* a version */
		if (s.p[i] == '.' && isdigit((unsigned char)s.p[i - 1]) && isdigit((unsigned char)s.p[i + 1]))
			return false;
	size_t end = at + s.n;
	bool mark = pii_has_part(s, "! # $ ^ * ?"), mixed = l.lower && l.upper && l.digits && l.changes >= 4 && s.n >= 10;
	bool near =
		((mark || mixed) && pii_near(t, at, end, words)) || (mixed && pii_is_drawn(s, 16) && pii_near(t, at, end, keys));
	return near && found(out, at, s.n, 0.3f + PII_CONTEXT);
}

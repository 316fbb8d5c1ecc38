/*
 * Addresses: of people (RFC 5321), of machines (RFC 791, 4291, 802), and names with passwords in front of a host (RFC 3986, 3.2.1).
 * What the RFCs keep for documentation, private networks and broadcast is nobody's: RFC 2606, 5737, 3849, 6890.
 */
#include "data/pii.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/text.h"

enum { LOCAL_BYTES = 64, DOMAIN_BYTES = 253, USERINFO_BYTES = 256 };

/* A byte of a letter that is not ASCII; the punctuation of U+2000 to U+206F is none. */
static bool is_foreign(struct str t, size_t i)
{
	unsigned char c = pii_at(t, i);
	return c >= 0x80 && c != 0xe2 && !(i && pii_at(t, i - 1) == 0xe2) && !(i > 1 && pii_at(t, i - 2) == 0xe2);
}

/* ---- e-mail --------------------------------------------------------------------------------------------------------------- */

static bool is_local(struct str t, size_t i)
{
	unsigned char c = pii_at(t, i);
	return isalnum(c) || (c && strchr("._%+-", c)) || is_foreign(t, i) ||
		(c == '\'' && i && isalpha(pii_at(t, i - 1)) && isalpha(pii_at(t, i + 1)));
}

bool pii_is_role(struct str local)
{
	local.n = memchr(local.p, '+', local.n) ? (size_t)((const char *)memchr(local.p, '+', local.n) - local.p) : local.n;
	return str_in(local,
		"support sales info security privacy billing noreply no-reply no_reply donotreply do-not-reply abuse postmaster "
		"admin "
		"administrator webmaster hostmaster help helpdesk hello contact feedback press media jobs careers hr legal "
		"compliance "
		"dpo gdpr office team service services customerservice customer-service orders order returns invoice invoices "
		"accounts "
		"accounting finance marketing newsletter news notifications notification alerts alert mailer-daemon root status "
		"ops "
		"devops dev engineering partners partner enquiries inquiries enquiry reception mail email webteam events community "
		"platform infra infrastructure servicedesk service-desk it-support itsupport desk automation "
		"bot daemon system "
		"training onboarding success renewals procurement purchasing it soc noc cert psirt bugs responsible-disclosure "
		"disclosure vulnerabilities licensing copyright dmca subscribe unsubscribe bounce bounces reply");
}

/* Names under which no one has mail: reserved ones, and endings of files and versions. */
static bool domain_is_nobody(struct str d)
{
	static const char *const reserved[] = {"example.com", "example.org", "example.net", "example.edu"};
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
		size_t n = strlen(reserved[i]);
		if (d.n >= n && !strncasecmp(d.p + d.n - n, reserved[i], n) && (d.n == n || d.p[d.n - n - 1] == '.'))
			return true;
	}
	const char *dot = memrchr(d.p, '.', d.n);
	struct str top = dot ? (struct str){dot + 1, (size_t)(d.p + d.n - dot) - 1} : d;
	return str_in(top,
		"example test invalid localhost png jpg jpeg gif svg webp avif ico css js mjs ts tsx jsx json html htm xml "
		"yaml yml toml txt pdf zip tar gz tgz lock x");
}

/* The bytes of a domain at `at`, without the dots and hyphens behind it; 0 when it has no dot or no letters at its end. */
static size_t domain_length(struct str t, size_t at)
{
	size_t n = 0, label = 0, dot = 0;
	bool letters = true;
	for (; n < DOMAIN_BYTES; n++) {
		unsigned char c = pii_at(t, at + n);
		if (c == '.' && n > label && pii_word_at(t, at + n + 1) && pii_at(t, at + n + 1) != '_') {
			dot = n;
			label = n + 1;
			letters = true;
		} else if (isalnum(c) || is_foreign(t, at + n) || (c == '-' && n > label && pii_word_at(t, at + n + 1))) {
			letters = letters && (isalpha(c) || c >= 0x80);
		} else {
			break;
		}
	}
	return dot && n - label >= 2 && (letters || !strncasecmp(t.p + at + label, "xn--", 4)) ? n : 0;
}

/* <...@...> behind "Message-ID:", "References:" and its kin. */
static bool is_message_id(struct str t, size_t start)
{
	size_t line = start;
	while (line && start - line < LOCAL_BYTES && t.p[line - 1] != '\n')
		line--;
	struct str before = {t.p + line, start - line};
	return before.n && before.p[before.n - 1] == '<' &&
		pii_has_part(before, "message-id: in-reply-to: references: content-id:");
}

/* user@host in a URL, behind ssh and its kin, or with a path behind a colon, names an account on a machine. */
static bool is_account(struct str t, size_t start, size_t end)
{
	size_t line = start, word = start;
	while (line && start - line < LOCAL_BYTES && t.p[line - 1] != '\n')
		line--;
	while (word > line && !isspace((unsigned char)t.p[word - 1]))
		word--;
	struct str before = {t.p + line, start - line};
	unsigned char next = pii_at(t, end), after = pii_at(t, end + 1);
	const char *scheme = memmem(t.p + word, start - word, "://", 3);
	return pii_before(before, before.n, 3, "ssh scp sftp rsync mosh autossh") ||
		(scheme && !memchr(scheme + 3, '/', (size_t)(t.p + start - scheme) - 3) &&
			!memchr(scheme, '?', (size_t)(t.p + start - scheme))) ||
		(next == ':' && (isalnum(after) || after == '/' || after == '~'));
}

bool pii_email(struct str t, size_t at, struct pii *out)
{
	size_t end = at;
	unsigned char c = pii_at(t, at);
	if (!(isalnum(c) || c >= 0x80) || (at && is_local(t, at - 1)) || (at && pii_at(t, at - 1) == '@'))
		return false;
	while (end < t.n && end - at <= LOCAL_BYTES && is_local(t, end))
		end++;
	if (pii_at(t, end) != '@' || end - at > LOCAL_BYTES || t.p[end - 1] == '.')
		return false;
	size_t n = domain_length(t, end + 1);
	struct str domain = {t.p + end + 1, n};
	if (!n || domain_is_nobody(domain) || is_message_id(t, at) || is_account(t, at, end + 1 + n) ||
		pii_at(t, end + 1 + n) == '@')
		return false;
	out->span = (struct span){at, end + 1 + n};
	out->score = 0.5f + PII_CONTEXT;
	return true;
}

/* ---- user:password@host ---------------------------------------------------------------------------------------------------- */

/* At `at`, behind an '@': a host, its port, and then a path or the end of the URL. */
static bool is_host(struct str t, size_t at)
{
	size_t i = at, digits;
	if (pii_at(t, i) == '[') {
		const char *end = memchr(t.p + i, ']', t.n - i < 48 ? t.n - i : 48);
		return end && end > t.p + i + 2;
	}
	while (i - at < DOMAIN_BYTES && (pii_word_at(t, i) || (pii_at(t, i) && strchr(".-%${}", t.p[i]))))
		i++;
	if (i == at)
		return false;
	for (digits = 0; pii_at(t, i) == ':' && isdigit(pii_at(t, i + 1 + digits)); digits++)
		;
	i += digits ? digits + 1 : 0;
	unsigned char c = pii_at(t, i);
	return !c || c != '@';
}

/*
 * The '@' that ends user and password: the first one that a host follows. Signs that should have been written in percents stand in
 * passwords, too, but where a path begins ("x.io:80/@ida") there is no password.
 */
static size_t userinfo_length(struct str t, size_t at)
{
	size_t colon = 0;
	for (size_t i = at; i < t.n && i - at < USERINFO_BYTES; i++) {
		unsigned char c = (unsigned char)t.p[i];
		if (c <= ' ' || strchr("\"'`<>", c))
			return 0;
		if (c == ':' && !colon)
			colon = i + 1;
		if (strchr("/?#", c)) {
			size_t digits = colon ? colon : i;
			while (digits < i && isdigit((unsigned char)t.p[digits]))
				digits++;
			if (!colon || digits == i)
				return 0;
		}
		if (c == '@' && colon && is_host(t, i + 1))
			return i - at;
	}
	return 0;
}

bool pii_url_credentials(struct str t, size_t at, struct pii *out)
{
	size_t n = userinfo_length(t, at);
	const char *colon = memchr(t.p + at, ':', n);
	if (!n || !colon)
		return false;
	struct str user = {t.p + at, (size_t)(colon - t.p) - at}, password = {colon + 1, n - user.n - 1};
	struct pii_look l = pii_look_at(password);
	bool default_one = user.n == password.n && !strncasecmp(user.p, password.p, user.n) && !l.digits; /* guest:guest */
	if (password.n < 2 || default_one || pii_is_placeholder(password) || memchr(user.p, '{', user.n) ||
		memchr(user.p, '$', user.n) ||
		str_in(password,
			"secret your_password yourpassword your-password my_password mypassword userpass user_password "
			"db_password changeme example redacted"))
		return false;
	out->span = (struct span){at, at + n};
	out->score = 0.9f;
	return true;
}

/* ---- machines -------------------------------------------------------------------------------------------------------------- */

static bool v4_is_public(uint32_t a)
{
	static const struct {
		uint32_t net;
		int bits;
	} others[] = {{0x00000000, 8}, {0x0a000000, 8}, {0x64400000, 10}, {0x7f000000, 8}, {0xa9fe0000, 16}, {0xac100000, 12},
		{0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24},
		{0xcb007100, 24}, {0xe0000000, 3}, /* multicast and what is reserved above it */
		{0x08080808, 32}, {0x08080404, 32}, {0x01010101, 32}, {0x01000001, 32}, {0x09090909, 32}, {0x95707070, 32}};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if ((a ^ others[i].net) >> (32 - others[i].bits) == 0)
			return false;
	return true;
}

/* Four numbers below 256 without leading zeros: their bytes, or 0. */
static size_t v4_length(struct str t, size_t at, uint32_t *address)
{
	size_t i = at;
	*address = 0;
	for (int k = 0; k < 4; k++) {
		unsigned v = 0;
		size_t first = i;
		for (; isdigit(pii_at(t, i)) && i - first < 4; i++)
			v = 10 * v + pii_at(t, i) - '0';
		if (i == first || v > 255 || (t.p[first] == '0' && i > first + 1))
			return 0;
		*address = *address << 8 | v;
		if (k < 3 && pii_at(t, i++) != '.')
			return 0;
	}
	return i - at;
}

static bool find_v4(struct str t, size_t at, struct pii *out)
{
	uint32_t address;
	size_t n = v4_length(t, at, &address), end = at + n;
	if (!n || pii_word_at(t, end) || (!(address & 0xff) && pii_at(t, end) != '/') ||
		/* a version, or a net */ (pii_at(t, end) == '.' && isdigit(pii_at(t, end + 1))) ||
		(pii_at(t, end) == '-' && isalnum(pii_at(t, end + 1)) && !isdigit(pii_at(t, end + 1))) || !v4_is_public(address))
		return false;
	if (pii_before(t, at, 2,
		    "version ver v section sect chapter release build revision rev firmware clause paragraph appendix "
		    "upgrade kernel driver oid"))
		return false;
	/* Small numbers all through are a version, where nothing says that they are not. */
	bool small = address >> 24 < 10 && !(address & 0x00c0c0c0);
	out->span = (struct span){at, end};
	out->score = 0.6f - (small ? PII_CONTEXT : 0) +
		(small &&
					pii_near(t, at, end,
						"ip ipv4 address addr adresse host server from source client peer remote dns ping "
						"gateway login")
				? PII_CONTEXT
				: 0);
	return out->score >= PII_ENOUGH;
}

/* Global unicast, 2000::/3, but for documentation and the well-known resolvers; or a mapped public IPv4 address. */
static bool v6_is_public(const unsigned char a[16])
{
	static const char *const resolvers[] = {"2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111",
		"2606:4700:4700::1001", "2620:fe::fe", "2620:fe::9"};
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned char other[16];
	for (size_t i = 0; i < sizeof resolvers / sizeof *resolvers; i++)
		if (inet_pton(AF_INET6, resolvers[i], other) == 1 && !memcmp(a, other, sizeof other))
			return false;
	if (!memcmp(a, mapped, sizeof mapped))
		return v4_is_public((uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 | a[15]);
	bool documentation = (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) || (a[0] == 0x3f && a[1] == 0xff);
	return (a[0] & 0xe0) == 0x20 && !documentation;
}

static bool find_v6(struct str t, size_t at, struct pii *out)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned char address[16];
	size_t n = 0, colons = 0;
	while (n < INET6_ADDRSTRLEN && (isxdigit(pii_at(t, at + n)) || (pii_at(t, at + n) && strchr(":.", t.p[at + n])))) {
		colons += t.p[at + n] == ':';
		n++;
	}
	while (n && strchr(":.", t.p[at + n - 1]) && !(n > 1 && t.p[at + n - 1] == ':' && t.p[at + n - 2] == ':'))
		n--;
	if (colons < 2 || n >= INET6_ADDRSTRLEN || pii_word_at(t, at + n))
		return false;
	memcpy(text, t.p + at, n);
	text[n] = 0;
	if (inet_pton(AF_INET6, text, address) != 1 || !v6_is_public(address))
		return false;
	out->span = (struct span){at, at + n};
	out->score = 0.6f + PII_CONTEXT;
	return true;
}

bool pii_ip(struct str t, size_t at, struct pii *out)
{
	unsigned char before = at ? pii_at(t, at - 1) : 0, c = pii_at(t, at);
	if (!(isxdigit(c) || c == ':') || (at && pii_word_at(t, at - 1)) || before == ':' || before == '.') {
		/* "ip:185.1.2.3" and "host=:..." */
		if (!(isdigit(c) && before == ':' && !(at > 1 && (isxdigit(pii_at(t, at - 2)) && isdigit(pii_at(t, at - 2))))))
			return false;
	}
	return (isdigit(c) && before != '-' && find_v4(t, at, out)) || (before != ':' && find_v6(t, at, out));
}

bool pii_mac(struct str t, size_t at, struct pii *out)
{
	unsigned char before = at ? pii_at(t, at - 1) : 0, sign = pii_at(t, at + 2);
	size_t digits = 0, n = 0, group = sign == ':' || sign == '-' ? 2 : 4;
	bool zero = true, ones = true;
	if ((at && pii_word_at(t, at - 1)) || before == '.' || before == '-' || !isxdigit(pii_at(t, at)) ||
		(before == ':' && at > 3 && isxdigit(pii_at(t, at - 2)) && isxdigit(pii_at(t, at - 3)) && !pii_word_at(t, at - 4)))
		return false;
	sign = group == 4 ? '.' : sign;
	for (; digits < 12; n++) {
		unsigned char c = pii_at(t, at + n);
		if (n % (group + 1) == group) {
			if (c != sign)
				return false;
			continue;
		}
		if (!isxdigit(c))
			return false;
		zero &= c == '0';
		ones &= tolower(c) == 'f';
		digits++;
	}
	unsigned char next = pii_at(t, at + n);
	if (zero || ones || pii_word_at(t, at + n) || (next == sign && isxdigit(pii_at(t, at + n + 1))))
		return false;
	out->span = (struct span){at, at + n};
	out->score = 0.6f + PII_CONTEXT;
	return true;
}

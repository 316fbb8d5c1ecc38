/*
 * Keys that say what they are: by the prefixes that services give theirs so that scanners find them, by forms that are as
 * telling, and by prefixes that name what follows ("acme_live_..."). A prefix alone is none, and what follows must look drawn.
 * The prefixes are the ones that the services document, as collected by gitleaks, trufflehog and GitHub's secret scanning.
 */
#include "data/pii.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/text.h"

enum { KEY_BYTES = 512, LEAST_UNKNOWN = 16, PARTS_BYTES = 40 };

/* `least` bytes behind the prefix at least, letters and digits, '-' and '_', and those of `signs`. */
static const struct prefix {
	const char *text;
	unsigned char least;
	const char *signs;
} prefixes[] = {
	/* code and packages */
	{"ghp_", 30, ""}, {"gho_", 30, ""}, {"ghu_", 30, ""}, {"ghs_", 30, ""}, {"ghr_", 30, ""}, {"github_pat_", 22, ""},
	{"glpat-", 16, "."}, {"gldt-", 16, ""}, {"glrt-", 16, "."}, {"glcbt-", 16, ""}, {"glptt-", 16, ""}, {"glft-", 16, ""},
	{"glagent-", 16, ""}, {"gloas-", 16, ""}, {"glsoat-", 16, ""}, {"glimt-", 16, ""}, {"glffct-", 16, ""},
	{"GR1348941", 18, ""}, {"ATBB", 24, ""}, {"ATATT3", 40, "="}, {"ATCTT3", 40, "="}, {"npm_", 30, ""}, {"pypi-", 32, ""},
	{"rubygems_", 32, ""}, {"CLOJARS_", 30, ""}, {"oy2", 43, ""}, {"dckr_pat_", 20, ""}, {"dckr_oat_", 20, ""},
	{"CCIPAT_", 30, ""}, {"bkua_", 30, ""}, {"sqp_", 30, ""}, {"squ_", 30, ""}, {"sqa_", 30, ""}, {"sntrys_", 30, "+/="},
	{"sntryu_", 30, ""}, {"figd_", 20, ""}, {"lin_api_", 24, ""}, {"ntn_", 30, ""}, {"secret_", 30, ""}, {"PMAK-", 30, ""},
	{"rdme_", 40, ""}, {"NRAK-", 20, ""}, {"NRII-", 20, ""}, {"NRJS-", 15, ""}, {"NRAA-", 20, ""}, {"cu_", 40, ""},
	{"tfp_", 30, ""}, {"ico-", 30, ""},
	/* clouds, hosts and databases */
	{"AKIA", 16, ""}, {"ASIA", 16, ""}, {"ABIA", 16, ""}, {"ACCA", 16, ""}, {"AIza", 30, ""}, {"ya29.", 20, "."},
	{"GOCSPX-", 20, ""}, {"1//0", 30, ""}, {"LTAI", 16, ""}, {"AKID", 24, ""}, {"AQVN", 30, ""}, {"y0_", 30, ""},
	{"t1.", 40, "."}, {"dop_v1_", 32, ""}, {"doo_v1_", 32, ""}, {"dor_v1_", 32, ""}, {"HRKU-", 30, ""}, {"rnd_", 20, ""},
	{"nfp_", 30, ""}, {"fo1_", 30, ""}, {"FlyV1 ", 30, "+/=,"}, {"dapi", 32, ""}, {"pscale_tkn_", 30, "."},
	{"pscale_pw_", 30, "."}, {"pscale_oauth_", 30, "."}, {"sbp_", 32, ""}, {"sb_secret_", 20, ""}, {"hvs.", 20, ""},
	{"hvb.", 20, ""}, {"hvr.", 20, ""}, {"dp.pt.", 30, ""}, {"dp.st.", 30, "."}, {"pul-", 32, ""}, {"tskey-", 16, ""},
	{"glsa_", 24, ""}, {"glc_", 30, "+/="}, {"dt0c01.", 40, "."}, {"v1.0-", 60, ""}, {"phc_", 30, ""}, {"phx_", 30, ""},
	{"pat-na1-", 30, ""}, {"pat-eu1-", 30, ""}, {"aio_", 24, ""}, {"AGE-SECRET-KEY-", 40, ""}, {"ops_eyJ", 60, "="},
	/* payments and shops */
	{"sk_live_", 16, ""}, {"rk_live_", 16, ""}, {"pk_live_", 16, ""}, {"whsec_", 20, "+/="}, {"shpat_", 24, ""},
	{"shpca_", 24, ""}, {"shppa_", 24, ""}, {"shpss_", 24, ""}, {"sq0atp-", 20, ""}, {"sq0csp-", 20, ""}, {"sq0idp-", 20, ""},
	{"EAAA", 56, ""}, {"EZAK", 50, ""}, {"FLWSECK-", 30, ""}, {"duffel_live_", 30, "="}, {"shippo_live_", 30, ""},
	{"access_token$production$", 30, "$"},
	/* messages and mail */
	{"xoxb-", 10, ""}, {"xoxa-", 10, ""}, {"xoxp-", 10, ""}, {"xoxr-", 10, ""}, {"xoxs-", 10, ""}, {"xoxo-", 10, ""},
	{"xoxe-", 10, ""}, {"xoxe.xox", 20, ""}, {"xapp-", 10, ""}, {"https://hooks.slack.com/services/", 30, "/"},
	{"https://hooks.slack.com/workflows/", 30, "/"}, {"https://discord.com/api/webhooks/", 40, "/"},
	{"https://discordapp.com/api/webhooks/", 40, "/"}, {"SG.", 32, "."}, {"key-", 32, ""}, {"xkeysib-", 40, ""},
	{"xsmtpsib-", 40, ""}, {"re_", 24, ""}, {"EAAC", 40, ""}, {"EAAG", 40, ""}, {"AAAAAAAAAAAAAAAAAAAAA", 40, "%"},
	{"sl.", 60, ""},
	/* models */
	{"sk-ant-", 20, ""}, {"sk-proj-", 20, ""}, {"sk-svcacct-", 20, ""}, {"sk-admin-", 20, ""}, {"sk-or-v1-", 30, ""},
	{"sk-", 20, ""}, {"hf_", 24, ""}, {"r8_", 30, ""}, {"nvapi-", 30, ""}, {"gsk_", 30, ""}, {"pplx-", 30, ""},
	{"xai-", 40, ""}, {"fw_", 20, ""}, {"tgp_v1_", 30, ""}, {"lsv2_pt_", 30, ""}, {"lsv2_sk_", 30, ""}};

static size_t run(struct str t, size_t at, const char *signs)
{
	size_t n = 0;
	for (unsigned char c; n < KEY_BYTES && (c = pii_at(t, at + n)) && (isalnum(c) || c == '-' || c == '_' || strchr(signs, c));)
		n++;
	while (n && strchr("-_.,/+", t.p[at + n - 1]))
		n--;
	return n;
}

static bool found(struct pii *out, size_t start, size_t n, float score)
{
	out->span = (struct span){start, start + n};
	out->score = score;
	return true;
}

static bool known_prefix(struct str t, size_t at, struct pii *out)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t len = *prefixes[i].text == t.p[at] ? strlen(prefixes[i].text) : 0;
		if (!len || t.n - at < len || memcmp(t.p + at, prefixes[i].text, len))
			continue;
		struct str rest = {t.p + at + len, run(t, at + len, prefixes[i].signs)};
		struct pii_look l = pii_look_at(rest);
		return rest.n >= prefixes[i].least && l.distinct >= 6 && (l.digits || (l.lower && l.upper)) && l.lower + l.upper &&
			!pii_is_placeholder(rest) && !pii_has_part(rest, "test fake demo") && found(out, at, len + rest.n, 0.9f);
	}
	return false;
}

/* "kbx_live_8fJ2...", "acme-api-key-8fJ2...": the last part of the name in front says what follows. */
static bool telling_prefix(struct str t, size_t at, struct pii *out)
{
	size_t n = run(t, at, ""), part = 0;
	for (size_t i = 0; i < n && i < PARTS_BYTES; i++) {
		if (t.p[at + i] != '_' && t.p[at + i] != '-')
			continue;
		struct str name = {t.p + at + part, i - part}, rest = {t.p + at + i + 1, n - i - 1};
		part = i + 1;
		if (str_in(name, "test demo example fake sample sandbox dummy"))
			return false;
		if (str_in(name, "live secret key apikey token tok pat sk rk priv private api prod webhook whsec pass pw bearer") &&
			!memchr(rest.p, '-', rest.n) && pii_is_drawn(rest, LEAST_UNKNOWN) && pii_look_at(rest).digits &&
			!pii_has_part(rest, "test fake demo"))
			return found(out, at, n, 0.75f);
	}
	return false;
}

/* Of Azure's applications "abc8Q~" and 31 or more, of Mailchimp 32 hexadecimal digits and "-us12". */
static bool known_form(struct str t, size_t at, struct pii *out)
{
	size_t n = run(t, at, "~."), hex = 0;
	const char *s = t.p + at;
	if (n >= 37 && n <= 44 && isdigit((unsigned char)s[3]) && s[4] == 'Q' && s[5] == '~')
		return found(out, at, n, 0.9f);
	while (hex < n && isxdigit((unsigned char)s[hex]))
		hex++;
	return hex == 32 && (n == 36 || n == 37) && !memcmp(s + 32, "-us", 3) && isdigit((unsigned char)s[35]) &&
		found(out, at, n, 0.9f);
}

bool pii_key(struct str t, size_t at, struct pii *out)
{
	return !(at && pii_word_at(t, at - 1)) &&
		(known_prefix(t, at, out) || telling_prefix(t, at, out) || known_form(t, at, out));
}

/* Of Telegram's bots: their number, a colon, and 35 characters that begin with AA. */
bool pii_bot_key(struct str t, size_t at, struct pii *out)
{
	size_t digits = 0;
	while (digits < 11 && isdigit(pii_at(t, at + digits)))
		digits++;
	if (digits < 8 || digits > 10 || (at && pii_word_at(t, at - 1) && !(at > 2 && !memcmp(t.p + at - 3, "bot", 3))) ||
		pii_at(t, at + digits) != ':' || pii_at(t, at + digits + 1) != 'A')
		return false;
	struct str rest = {t.p + at + digits + 1, run(t, at + digits + 1, "")};
	return rest.n >= 32 && rest.n <= 40 && pii_is_drawn(rest, 32) && found(out, at, digits + 1 + rest.n, 0.9f);
}

/*
 * Numbers of people: telephones (E.164 and what people make of it), payment cards (ISO/IEC 7812, Luhn), bank accounts (ISO 13616,
 * mod 97) and US social security numbers. Digits alone say little: without a check the words around them decide.
 */
#include "data/pii.h"

#include <ctype.h>
#include <string.h>

#include "data/text.h"

enum { DIGITS_MAX = 19, GROUPS_MAX = 10, SSN_TOKENS = 20 };

/* Digits in groups, one sign or a bracket and a blank between two. */
struct number {
	char digit[DIGITS_MAX + 1];
	size_t n_digits, n_groups, group[GROUPS_MAX];
	size_t end[GROUPS_MAX]; /* behind each group */
	char sign[GROUPS_MAX];  /* in front of each group but the first */
	bool plus, bracket;
};

/* A blank or a hyphen of any kind at `i`: its bytes and the ASCII sign that it stands for; 0 when there is none. */
static size_t sign_at(struct str t, size_t i, char *sign)
{
	unsigned char c = pii_at(t, i), second = pii_at(t, i + 1), third = pii_at(t, i + 2);
	*sign = (char)c;
	if (c && c < 0x80)
		return 1;
	*sign = ' ';
	if (c == 0xc2 && second == 0xa0) /* no-break space */
		return 2;
	if (c == 0xe2 && second == 0x80 && third >= 0x90 && third <= 0x95) /* hyphens and dashes */
		*sign = '-';
	else if (!(c == 0xe2 && second == 0x80 && (third <= 0x8a || third == 0xaf)))
		return 0;
	return 3;
}

/* Bytes between two groups, and which sign it is; 0 when the number ends here. */
static size_t separator(struct str t, size_t i, const char *signs, char *sign)
{
	size_t n = 0, k, blanks = 0, brackets = 0, others = 0;
	char c;
	*sign = ' ';
	while (n < 8 && (k = sign_at(t, i + n, &c)) && strchr(signs, c)) {
		blanks += c == ' ';
		brackets += c == '(' || c == ')';
		others += c != ' ' && c != '(' && c != ')';
		*sign = c == ' ' ? *sign : c;
		n += k;
	}
	/* one sign, perhaps between blanks or beside a bracket; blanks alone: one, or two that somebody typed */
	bool good = others + brackets ? others <= 1 && brackets <= 2 && blanks <= 2 : blanks == 1;
	return n && isdigit(pii_at(t, i + n)) && good ? n : 0;
}

/* As many groups as fit; a group that is too long ends the number in front of it. */
static bool number_read(struct str t, size_t at, const char *signs, struct number *out)
{
	char sign = 0;
	*out = (struct number){.plus = pii_at(t, at) == '+'};
	size_t i = at + out->plus, n = 0;
	out->bracket = pii_at(t, i) == '(';
	i += out->bracket;
	if (out->bracket && pii_at(t, i) == '+') {
		out->plus = true;
		i++;
	}
	do {
		size_t k = 0;
		i += n;
		while (isdigit(pii_at(t, i + k)) && k <= DIGITS_MAX)
			k++;
		if (!k || out->n_digits + k > DIGITS_MAX || out->n_groups == GROUPS_MAX)
			break;
		memcpy(out->digit + out->n_digits, t.p + i, k);
		out->n_digits += k;
		out->sign[out->n_groups] = sign;
		out->group[out->n_groups] = k;
		out->end[out->n_groups++] = i += k;
	} while ((n = separator(t, i, signs, &sign)));
	return out->n_groups > 0;
}

static size_t number_end(const struct number *x)
{
	return x->end[x->n_groups - 1];
}

/* Takes off the last group. */
static void number_shorten(struct number *x)
{
	x->n_digits -= x->group[--x->n_groups];
	x->digit[x->n_digits] = 0;
}

static bool starts_alone(struct str t, size_t at, const char *not_behind)
{
	unsigned char before = at ? pii_at(t, at - 1) : 0;
	return !(at && pii_word_at(t, at - 1)) && !(before && strchr(not_behind, before)) &&
		!(at > 1 && (before == '.' || before == ',') && isdigit(pii_at(t, at - 2)));
}

static bool ends_alone(struct str t, size_t end)
{
	unsigned char next = pii_at(t, end), after = pii_at(t, end + 1);
	return !pii_word_at(t, end) && !(next && strchr("-.,/:", next) && isdigit(after)) && !(next == '-' && isalpha(after));
}

/* ---- cards ------------------------------------------------------------------------------------------------------------------ */

static bool luhn(const char *digit, size_t n)
{
	int sum = 0;
	for (size_t i = 0; i < n; i++) {
		int v = digit[n - 1 - i] - '0';
		v = i % 2 ? 2 * v : v;
		sum += v > 9 ? v - 9 : v;
	}
	return sum % 10 == 0;
}

/* Do cards of this length begin so? */
static bool is_card_start(const char *d, size_t n)
{
	int two = (d[0] - '0') * 10 + d[1] - '0', four = two * 100 + (d[2] - '0') * 10 + d[3] - '0';
	if (n == 13)
		return d[0] == '4' || two == 50 || (two >= 56 && two <= 69); /* Visa as it was, Maestro */
	if (n == 14)
		return two == 36 || two == 38 || two == 39 || (four / 10 >= 300 && four / 10 <= 305);
	if (n == 15)
		return two == 34 || two == 37 || four == 2131 || four == 1800 || (two >= 56 && two <= 69);
	if (d[0] == '4')
		return n == 16 || n == 19;
	if (n == 16)
		return (two >= 51 && two <= 55) || (four >= 2221 && four <= 2720) || (four >= 3528 && four <= 3589) || two == 50 ||
			(two >= 56 && two <= 69) || two == 36 || two == 81;
	return two == 50 || (two >= 56 && two <= 69) || (four >= 3528 && four <= 3589);
}

bool pii_card(struct str t, size_t at, struct pii *out)
{
	struct number x;
	if (!isdigit(pii_at(t, at)) || !starts_alone(t, at, "#+-") || !number_read(t, at, " -", &x))
		return false;
	while (x.n_groups > 1 && x.group[x.n_groups - 1] < 2) /* "4111 1111 1111 1111 2 times" */
		number_shorten(&x);
	/* An expiry date or a security code may follow. */
	for (int tries = 0; tries < 3; tries++) {
		bool shaped = x.n_groups == 1 || (x.group[0] == 4 && x.n_groups <= 5);
		if (shaped && x.n_digits >= 13 && luhn(x.digit, x.n_digits) && is_card_start(x.digit, x.n_digits) &&
			!pii_word_at(t, number_end(&x)) &&
			!(pii_at(t, number_end(&x)) == '.' && isdigit(pii_at(t, number_end(&x) + 1)))) {
			out->span = (struct span){at, number_end(&x)};
			out->score = 0.3f + PII_CONTEXT;
			return true;
		}
		if (x.n_groups < 4)
			return false;
		number_shorten(&x);
	}
	return false;
}

/* ---- bank accounts ----------------------------------------------------------------------------------------------------------- */

/* The registry of IBAN formats, release 99: country and length. */
static size_t iban_length(const char *country)
{
	static const char lengths[] = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 "
				      "DK18 DO28 EE20 EG29 ES24 FI18 "
				      "FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
				      "KW30 KZ20 LB28 LC32 LI21 LT20 "
				      "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
				      "PT25 QA29 RO24 RS22 RU33 SA24 "
				      "SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 ";
	for (const char *p = lengths; *p; p += 5)
		if (p[0] == toupper((unsigned char)country[0]) && p[1] == toupper((unsigned char)country[1]))
			return (size_t)(10 * (p[2] - '0') + p[3] - '0');
	return 0;
}

/* ISO 7064, mod 97-10, with the first four characters moved to the end. */
static bool mod97(const char *p, size_t n)
{
	int sum = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[(i + 4) % n];
		sum = isdigit(c) ? (sum * 10 + c - '0') % 97 : (sum * 100 + toupper(c) - 'A' + 10) % 97;
	}
	return sum == 1;
}

bool pii_iban(struct str t, size_t at, struct pii *out)
{
	char text[40];
	size_t n = 0, i = at;
	if (!isalpha(pii_at(t, at)) || !isalpha(pii_at(t, at + 1)) || !isdigit(pii_at(t, at + 2)) || !isdigit(pii_at(t, at + 3)) ||
		!starts_alone(t, at, ""))
		return false;
	size_t length = iban_length(t.p + at);
	while (n < length) {
		unsigned char c = pii_at(t, i);
		if ((c == ' ' || c == '-' || c == '.') && n >= 2 && isalnum(pii_at(t, i + 1)))
			i++;
		else if (isalnum(c) && ++i)
			text[n++] = (char)c;
		else
			return false;
	}
	if (!length || pii_word_at(t, i) || !mod97(text, n))
		return false;
	out->span = (struct span){at, i};
	out->score = 0.5f + PII_CONTEXT;
	return true;
}

/* ---- social security numbers -------------------------------------------------------------------------------------------------- */

bool pii_ssn(struct str t, size_t at, struct pii *out)
{
	static const char telling[] = "ssn social security tin itin";
	struct number x;
	if (!isdigit(pii_at(t, at)) || !starts_alone(t, at, "#+-/.") || !number_read(t, at, " -", &x))
		return false;
	while (x.n_groups > 3)
		number_shorten(&x);
	bool grouped = x.n_groups == 3 && x.group[0] == 3 && x.group[1] == 2 && x.group[2] == 4 && x.sign[1] == x.sign[2],
	     plain = x.n_groups == 1 && x.n_digits == 9;
	const char *d = x.digit;
	if (!(grouped || plain) || !ends_alone(t, number_end(&x)) || !strncmp(d, "000", 3) || !strncmp(d, "666", 3) ||
		d[0] == '9' || !strncmp(d + 3, "00", 2) || !strncmp(d + 5, "0000", 4))
		return false;
	bool near = pii_near(t, at, number_end(&x), telling) || pii_before(t, at, SSN_TOKENS, telling);
	bool other = pii_before(t, at, 3,
		"part sku model item catalog catalogue serial order invoice ticket case article no version "
		"phone tel fax call zip");
	out->score = (grouped && x.sign[1] == '-' ? 0.6f : 0.3f) + (near ? PII_CONTEXT : 0) - (other && !near ? 0.3f : 0);
	out->span = (struct span){at, number_end(&x)};
	return out->score >= PII_ENOUGH;
}

/* ---- telephones --------------------------------------------------------------------------------------------------------------- */

static const char phone_words[] =
	"phone* tel tele telef tlf tlfn tfno tfn call* mobil* mob cell* cel fax* whatsapp signal sms dial* ring* rang handy "
	"hotline callback "
	"voicemail landline reach* text texted ph extension ext telefax fon switchboard helpline telephon* telefon* "
	"rufnummer durchwahl anruf* rückruf* zurückruf* erreich* festnetz tél téléphon* portable joindre appel* rappel* "
	"teléfon* móvil* celular llam* llám* telefoon* mobiel* bel bellen gsm bereikbaar cellulare chiam* recapito telemovel "
	"telemóvel "
	"telefone* ligar ligue komórk* zadzwo* dzwon* puhelin* puh soitta* ramal zap телефон* тел моб Телефон* Тел Τηλ τηλ "
	"τηλέφων* 电话 "
	"電話 手机 携帯 전화";
static const char other_words[] =
	"order ticket invoice isbn issn id ref reference case account acct version build port serial sku part item model no nr "
	"tracking shipment parcel po vat tax customer request job commit revision patent doi imei batch lot article upc ean "
	"code transaction confirmation booking policy contract row line page size zip plz bestellung auftrag rechnung vertrag "
	"kundennummer seriennummer vorgang sendung commande facture dossier contrat colis pedido factura contrato envío bestelling "
	"factuur zending ordernummer faktura zamówienie ordine fattura pin charge meter ein cnpj cpf nif cif nip siret siren clé "
	"n° номер заказ счёт";

/* "ext. 12", "x12" behind a number: the bytes with it, or 0. */
static size_t extension_length(struct str t, size_t end)
{
	static const char *const marks[] = {",,", "extension ", "extn ", "ext. ", "ext: ", "ext ", "ext.", "ext=", "ext", "xtn ",
		"x ", "x", "#", "durchwahl ", "dw. ", "dw ", "-dw ", "app. ", "poste ", "anexo ", "extensión ", "int. ", "interno ",
		"toestel ", "anknytning ", "ankn. ", "wew. ", "linka ", "lokal ", "ramal ", "kl. "};
	size_t i = end;
	i += (pii_at(t, i) == ',' && pii_at(t, i + 1) != ',') || pii_at(t, i) == ';';
	while (pii_at(t, i) == ' ' && i - end < 2)
		i++;
	bool bracket = pii_at(t, i) == '(';
	i += bracket;
	for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
		size_t n = strlen(marks[k]), digits = 0;
		if (t.n - end < i - end + n || t.n < i + n || strncasecmp(t.p + i, marks[k], n))
			continue;
		while (isdigit(pii_at(t, i + n + digits)) && digits < 7)
			digits++;
		if (digits && digits <= 6 && !pii_word_at(t, i + n + digits))
			return i + n + digits + (bracket && pii_at(t, i + n + digits) == ')') - end;
	}
	return 0;
}

static bool is_date(const struct number *x)
{
	if (x->n_groups < 3 || x->plus || x->sign[1] == ' ')
		return false;
	return (x->group[0] == 4 && x->group[1] <= 2 && x->group[2] <= 2) ||
		(x->group[0] <= 2 && x->group[1] <= 2 && x->group[2] == 4);
}

/* "1-" or "001-" in front: how many groups that is. */
static size_t american_prefix(const struct number *x)
{
	return (x->group[0] == 1 && x->digit[0] == '1') || (x->group[0] == 3 && !strncmp(x->digit, "001", 3));
}

/* [2-9]dd [2-9]dd dddd, perhaps behind a 1, as the North American plan has them; more may follow. */
static bool is_american_start(const struct number *x)
{
	size_t first = american_prefix(x);
	const char *d = x->digit + (first ? x->group[0] : 0);
	return x->n_groups >= first + 3 && x->group[first] == 3 && x->group[first + 1] == 3 && x->group[first + 2] == 4 &&
		d[0] >= '2' && d[3] >= '2';
}

static bool is_american(const struct number *x)
{
	return is_american_start(x) && x->n_groups == 3 + american_prefix(x);
}

/* What the form alone is worth. */
static float phone_form(const struct number *x)
{
	size_t n = x->n_digits;
	size_t singles = 0;
	for (size_t i = 0; i < x->n_groups; i++)
		singles += x->group[i] == 1;
	bool zeros = strspn(x->digit, "0") == n;
	if (zeros || singles > 4 || n < 7 || n > 15 || is_date(x))
		return 0;
	if (x->plus)
		return x->digit[0] != '0' && n >= 8 && (x->n_groups > 1 || n >= 10) ? 0.75f : 0.4f;
	if (!strncmp(x->digit, "00", 2) && x->group[0] >= 2 && n >= 11 && x->digit[2] != '0')
		return x->n_groups > 1 ? 0.7f : 0.4f;
	if (american_prefix(x) && x->n_groups == 4 && x->group[1] == 3 && x->group[2] == 3 && x->group[3] == 4)
		return 0.65f;
	if (x->n_groups == 2 && x->group[0] == 5 && x->group[1] == 4)
		return 0.1f; /* a ZIP code */
	if (x->bracket && n >= 9 && x->n_groups > 1)
		return 0.65f;
	if (is_american(x))
		return x->bracket || x->sign[x->n_groups - 1] == '-' || x->sign[x->n_groups - 1] == '.' ? 0.7f : 0.4f;
	if (x->digit[0] == '0' && x->digit[1] != '0' && x->n_groups > 1 && n >= (x->n_groups > 3 ? 8u : 9u) && n <= 13 &&
		x->group[0] >= 2)
		return 0.65f;
	return n >= 7 && (x->n_groups > 1 || n <= 12) ? 0.3f : 0.1f;
}

bool pii_phone(struct str t, size_t at, struct pii *out)
{
	struct number x;
	unsigned char before = at ? pii_at(t, at - 1) : 0;
	if (!starts_alone(t, at, "#-+/_$@") || !number_read(t, at, " -./()", &x))
		return false;
	if (!x.plus && !x.bracket && before == ' ' && at > 1 && isdigit(pii_at(t, at - 2)))
		return false; /* the middle of something longer */
	if (x.bracket && !memchr(t.p + at, ')', number_end(&x) - at))
		return false; /* the bracket is around it */
	/* What follows a number behind a blank may be another one. */
	while (x.n_groups > 2 && (x.n_digits > 15 || (is_american_start(&x) && !is_american(&x))))
		number_shorten(&x);
	size_t end = number_end(&x);
	bool telling = pii_near(t, at, end, phone_words),
	     other = pii_before(t, at, 2, other_words) && !pii_before(t, at, 2, phone_words),
	     unit = pii_at(t, end) == '%' || before == '=' || before == '&';
	out->score = phone_form(&x) + (telling ? PII_CONTEXT : 0) - (other && !x.plus ? 0.4f : 0) - (unit ? 0.3f : 0);
	out->score = out->score < 0.95f ? out->score : 0.95f;
	end += extension_length(t, end);
	if (out->score < PII_ENOUGH || !ends_alone(t, end))
		return false;
	out->span = (struct span){at, end};
	return true;
}

/*
 * Names of persons, where the form says that there is one: who speaks in a call, columns of names, heads, greetings, closings of
 * messages; then every place of the same ticket or call where the name, or a part of it, stands again. Reference: scrub.h.
 */
#include "data/scrub.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/plain.h"
#include "data/text.h"
#include "data/tickets.h"
#include "data/walk.h"

enum { PERSONS_MAX = 256, NAME_WORDS = 6, COLUMNS_MAX = 256, ROLE_BYTES = 24 };
enum role { ROLE_CUSTOMER, ROLE_SUPPORT, ROLE_SPEAKER, ROLES };

static const char *const role_name[ROLES] = {"customer", "support", "speaker"};

/* A word of a name, and whose. */
struct part {
	struct str word;
	size_t who;
};

/* Of one ticket or call. */
struct persons {
	struct part part[PERSONS_MAX];
	size_t n;
	enum role role[PERSONS_MAX];
	size_t number[PERSONS_MAX]; /* among those of the same role, from 1 */
	size_t n_persons, n_role[ROLES];
};

/* ---- what is a name ---------------------------------------------------------------------------------------------------------- */

static bool is_letter(unsigned char c)
{
	return isalpha(c) || c >= 0x80;
}

/* The word at `at`: letters, with hyphens and apostrophes inside. */
static struct str word_at(struct str t, size_t at)
{
	size_t n = 0;
	while (is_letter(pii_at(t, at + n)) ||
		(n && pii_at(t, at + n) && strchr("-'.", t.p[at + n]) && is_letter(pii_at(t, at + n + 1))))
		n++;
	for (size_t k = 3; k <= n; k++) /* the apostrophe of U+2019 and other signs of U+2000 to U+206F end it, as "Anna's" does */
		if (!memcmp(t.p + at + k - 3, "\xe2\x80", 2) || !memcmp(t.p + at + k - 3, "\xef\xbc\x8c", 3))
			return (struct str){t.p + at, k - 3};
	return (struct str){t.p + at, n};
}

static bool is_title(struct str w)
{
	return str_in(w,
		"mr mrs ms miss mx dr prof professor herr frau major captain sir madam señora señor monsieur madame mme m sr sra "
		"dott");
}

static bool is_particle(struct str w)
{
	return str_in(w, "van von de der den del della di da dos das do la le al el bin ibn ter ten zu af du y e");
}

/* Words that stand where names do and are none. */
static bool is_no_name(struct str w)
{
	return str_in(w,
		"support customer customers agent agents team teams host sales engineer engineering speaker caller moderator "
		"operator "
		"interviewer interviewee service services help helpdesk desk billing admin administrator manager director head all "
		"everyone "
		"everybody there folks colleagues friends guys sir madam sirs user users client member guest staff bot system note "
		"tip "
		"warning info monday tuesday wednesday thursday friday saturday sunday january february march april june july "
		"august "
		"september october november december the a an your our we i you it this that and or for from to re unassigned "
		"unknown none "
		"n/a na nobody ltd inc gmbh llc ag bv ab oy co corp company group bank hotel shop store solutions systems reply "
		"auto "
		"automatic auto-reply recording developer product marketing account accounts operations technical question answer "
		"q yes no ok okay "
		"thanks hi "
		"hello dear hey kind best regards cheers damen herren sent date subject betreff attendees participants present "
		"what when "
		"where how why who please just is are can could would if as sorry noted welcome good morning afternoon evening not "
		"new but "
		"so my in on at of office department finance security press legal it hr queue tier level partner vendor reception "
		"community");
}

static bool is_capital(struct str w)
{
	unsigned char c = w.n ? (unsigned char)*w.p : 0;
	return isupper(c) || (c >= 0xc3 && !(c == 0xc3 && w.n > 1 && (unsigned char)w.p[1] >= 0xa0)) ||
		(w.n > 2 && w.p[1] == '\'' && isupper((unsigned char)w.p[2])); /* "d'Aubrac"; a small \u00e9 is none */
}

/* The bytes of a name at the start of `t`, of at most `most` words; 0 when none stands there. */
static size_t name_length(struct str t, size_t most)
{
	size_t end = 0, words = 0, at = 0;
	bool full = false; /* a word longer than an initial */
	while (words < most) {
		struct str w = word_at(t, at);
		if (!w.n || (!is_capital(w) && !(words && is_particle(w))) || is_no_name(w) ||
			(!words && is_particle(w) && !is_capital(w)))
			break;
		full |= w.n > 1 && is_capital(w);
		at += w.n;
		words++;
		at += w.n <= 2 && pii_at(t, at) == '.'; /* "J." */
		if (is_capital(w))
			end = at;
		if (pii_at(t, at) != ' ')
			break;
		at++;
	}
	return full ? end : 0;
}

static struct str trim(struct str s)
{
	while (s.n && strchr(" \t\r\n\"'*_<(", *s.p))
		s = (struct str){s.p + 1, s.n - 1};
	while (s.n && strchr(" \t\r\n\"'*_,;:.!)>", s.p[s.n - 1]))
		s.n--;
	return s;
}

static struct str skip_titles(struct str s)
{
	for (;;) {
		struct str w = word_at(s, 0);
		if (!w.n || !is_title(w))
			return s;
		s = (struct str){s.p + w.n, s.n - w.n};
		while (s.n && strchr(". ", *s.p))
			s = (struct str){s.p + 1, s.n - 1};
	}
}

/* ---- whose ------------------------------------------------------------------------------------------------------------------- */

static size_t person_of(const struct persons *p, struct str word)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->part[i].word.n == word.n && !strncasecmp(p->part[i].word.p, word.p, word.n))
			return p->part[i].who;
	return SIZE_MAX;
}

/* A name and its words; one that shares a word with a known person is that person. */
static void person_add(struct persons *p, struct str name, enum role role)
{
	size_t who = SIZE_MAX;
	struct str word;
	for (size_t at = 0; at < name.n && who == SIZE_MAX; at += word.n + 1) {
		word = word_at(name, at);
		who = word.n > 1 && is_capital(word) ? person_of(p, word) : SIZE_MAX;
	}
	if (who == SIZE_MAX) {
		if (p->n_persons == PERSONS_MAX)
			return;
		who = p->n_persons++;
		p->role[who] = role;
		p->number[who] = ++p->n_role[role];
	}
	for (size_t at = 0; at < name.n; at += word.n + 1) {
		word = word_at(name, at);
		if (word.n > 1 && is_capital(word) && person_of(p, word) == SIZE_MAX && p->n < PERSONS_MAX)
			p->part[p->n++] = (struct part){word, who};
	}
}

/* "ida berg" in a column of names. */
static void small_add(struct persons *p, struct str s, enum role role)
{
	struct str first = word_at(s, 0), second = {0};
	if (first.n > 2 && pii_at(s, first.n) == ' ')
		second = word_at((struct str){s.p + first.n + 1, s.n - first.n - 1}, 0);
	if (second.n < 3 || first.n + 1 + second.n != s.n || is_no_name(first) || is_no_name(second) ||
		person_of(p, first) != SIZE_MAX || p->n_persons == PERSONS_MAX || p->n + 2 > PERSONS_MAX)
		return;
	p->role[p->n_persons] = role;
	p->number[p->n_persons] = ++p->n_role[role];
	p->part[p->n++] = (struct part){first, p->n_persons};
	p->part[p->n++] = (struct part){second, p->n_persons++};
}

/* A name that fills `s`, perhaps with a title in front and a remark behind. "Berg, Ida" is turned round by its words alone. */
static void whole_add(struct persons *p, struct str s, enum role role)
{
	if (memchr(s.p, '&', s.n))
		return; /* a firm */
	const char *mark = memchr(s.p, '<', s.n);
	s.n = mark ? (size_t)(mark - s.p) : s.n;
	s = skip_titles(trim(s));
	mark = role == ROLE_SPEAKER ? memchr(s.p, '(', s.n) : NULL; /* whom a speaker speaks for */
	s.n = mark ? (size_t)(mark - s.p) : s.n;
	while (s.n) {
		s = trim(s);
		size_t n = name_length(s, NAME_WORDS);
		if (!n && role != ROLE_SPEAKER)
			small_add(p, s, role);
		if (!n)
			return;
		person_add(p, (struct str){s.p, n}, role);
		s = (struct str){s.p + n, s.n - n};
	}
}

/* ---- messages ---------------------------------------------------------------------------------------------------------------- */

static const char *const greetings[] = {"hi", "hello", "hey", "hej", "dear", "good morning", "good afternoon", "good evening",
	"good day", "greetings", "hallo", "liebe", "lieber", "sehr geehrte", "sehr geehrter", "guten tag", "bonjour", "cher",
	"chère", "hola", "estimado", "estimada", "ciao", "gentile", "olá", "caro", "cara", "beste", "geachte", "hei", "moi",
	"thanks", "thank you", "many thanks", "cześć", "dzień dobry", "buenos días", "buongiorno", "kära", "kære", "kjære"};
static const char *const closings[] = {"best regards", "kind regards", "warm regards", "with kind regards", "regards",
	"best wishes", "best", "all the best", "kindly", "cheers", "thanks", "thank you", "many thanks", "thanks in advance",
	"sincerely", "yours sincerely", "yours", "yours truly", "yours faithfully", "sincerely yours", "take care", "greetings",
	"thx", "br", "kr", "vg", "mvh", "--", "---", "____", "mit freundlichen grüßen", "mit freundlichem gruß", "viele grüße",
	"liebe grüße", "beste grüße", "grüße", "lg", "mfg", "cordialement", "bien cordialement", "bien à vous", "saludos",
	"un saludo", "saludos cordiales", "cordiali saluti", "saluti", "groetjes", "met vriendelijke groet", "groeten",
	"pozdrawiam", "med vänliga hälsningar", "vänliga hälsningar", "hälsningar", "med venlig hilsen", "hilsen",
	"med vennlig hilsen", "terveisin", "ystävällisin terveisin", "obrigado", "obrigada", "abraços", "atenciosamente",
	"s pozdravem", "С уважением", "с уважением", "谢谢", "此致", "Με εκτίμηση", "ευχαριστώ", "teşekkürler", "saygılarımla",
	"warmly", "respectfully", "rgds", "have a nice day", "have a great day", "very best", "with best regards", "cordially",
	"best from", "love", "ta"};
static const char *const heads[] = {
	"from:", "to:", "cc:", "bcc:", "reply-to:", "sender:", "von:", "an:", "de:", "à:", "participants:", "present:",
	"attendees:", "requested by:", "contact:", "name:", "full name:", "contact person:", "signed by:", "signed:"};
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The longest phrase that `s` begins with, as whole words: its bytes, or 0. */
static size_t begins(struct str s, const char *const *phrases, size_t n)
{
	size_t best = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(phrases[i]);
		if (len > best && s.n >= len && !strncasecmp(s.p, phrases[i], len) &&
			(s.n == len || !is_letter((unsigned char)s.p[len]) || !is_letter((unsigned char)phrases[i][len - 1])))
			best = len;
	}
	return best;
}

/* "From: Ida Berg <ida@...>, Bo Lind". */
static void head_add(struct persons *p, struct str s, enum role role)
{
	int depth = 0;
	for (size_t i = 0, from = 0; i <= s.n; i++) {
		char c = i < s.n ? s.p[i] : ';';
		depth += c == '(' ? 1 : c == ')' ? -1 : 0;
		if ((c != ',' && c != ';') || depth > 0)
			continue;
		struct str one = {s.p + from, i - from};
		if (!memchr(one.p, '@', one.n) || memchr(one.p, '<', one.n))
			whole_add(p, one, role);
		from = i + 1;
	}
}

/* "Hi Ida and Bo,": names behind a greeting, up to a sign that ends it. */
static void greeting_add(struct persons *p, struct str s, enum role role)
{
	size_t n = begins(s, greetings, COUNT(greetings));
	bool thanks = n && strchr("tTmM", *s.p);
	if (!n || n == s.n)
		return;
	s = (struct str){s.p + n, s.n - n};
	s = (struct str){s.p + (*s.p == ','), s.n - (*s.p == ',')};
	for (int k = 0; k < 3; k++) {
		while (s.n && *s.p == ' ')
			s = (struct str){s.p + 1, s.n - 1};
		struct str name = skip_titles(s);
		n = name_length(name, 4);
		unsigned char next = pii_at(name, n);
		bool more = (name.n > n + 5 && (!memcmp(name.p + n, " and ", 5) || !memcmp(name.p + n, " or ", 4))) ||
			(next == ',' && pii_at(name, n + 1) == ' ' && k < 2);
		if (!n || !(n == name.n || strchr(",!.:;?\r\n-", next) || more || next == 0xe2 || (next == ' ' && !thanks)))
			return;
		person_add(p, (struct str){name.p, n}, role);
		if (!more || next == ',')
			return;
		s = (struct str){name.p + n + 1, name.n - n - 1};
		size_t word = word_at(s, 0).n;
		s = (struct str){s.p + word, s.n - word};
	}
}

static bool is_closing(struct str s, size_t *length)
{
	*length = begins(s, closings, COUNT(closings));
	struct str rest = trim((struct str){s.p + *length, s.n - *length});
	return *length && (!rest.n || (str_words(rest) <= 4 && !memchr(s.p, '?', s.n)));
}

/* A line that is a name and nothing else, perhaps behind a dash or a slash. */
static bool signature_add(struct persons *p, struct str line, enum role role)
{
	while (line.n && strchr("/-~ ", *line.p))
		line = (struct str){line.p + 1, line.n - 1};
	if (line.n > 3 && !memcmp(line.p, "\xe2\x80", 2))
		line = (struct str){line.p + 3, line.n - 3};
	line = skip_titles(trim(line));
	size_t n = name_length(line, 5);
	struct str rest = {line.p + n, line.n - n};
	bool alone = n &&
		(!rest.n || strchr(",(|", *rest.p) || (*rest.p == ' ' && rest.n > 1 && (rest.p[1] == '(' || rest.p[1] == '"')));
	if (alone)
		person_add(p, (struct str){line.p, n}, role);
	return alone;
}

/* `sender` signs, `other` is greeted. */
static void message_add(struct persons *p, struct str text, enum role sender, enum role other)
{
	int after = 0; /* lines behind a closing in which a name may stand */
	bool blank = true, text_seen = false;
	for (size_t at = 0; at < text.n;) {
		const char *nl = memchr(text.p + at, '\n', text.n - at);
		size_t end = nl ? (size_t)(nl - text.p) : text.n, n, next = end + 1;
		struct str line = {text.p + at, end - at};
		while (line.n && strchr(" \t\r>\"", *line.p))
			line = (struct str){line.p + 1, line.n - 1};
		while (line.n && strchr(" \t\r", line.p[line.n - 1]))
			line.n--;
		at = next;
		if (!line.n) {
			blank = true;
			continue;
		}
		struct str behind = next < text.n ? trim((struct str){text.p + next, text.n - next}) : (struct str){0};
		bool last = !behind.n || memchr("-_\"", text.p[next < text.n ? next : text.n - 1], 3);
		if ((n = begins(line, heads, COUNT(heads))))
			head_add(p, (struct str){line.p + n, line.n - n}, sender);
		else if (line.n > 10 && !memcmp(line.p, "On ", 3) && !memcmp(line.p + line.n - 6, "wrote:", 6) &&
			memchr(line.p, ',', line.n))
			head_add(p, (struct str){line.p, line.n - 6}, other);
		greeting_add(p, line, other);
		if (is_closing(line, &n)) {
			struct str rest = trim((struct str){line.p + n, line.n - n});
			after = rest.n && signature_add(p, rest, sender) ? 0 : 2;
		} else if (after > 0) {
			after = signature_add(p, line, sender) ? 0 : after - 1;
		} else if (((blank && last && text_seen) || strchr("/~", *line.p)) && str_words(line) <= 4) {
			signature_add(p, line, sender);
		}
		blank = false;
		text_seen = true;
	}
}

/* ---- where they stand -------------------------------------------------------------------------------------------------------- */

static const char *pseudonym(const struct persons *p, size_t who, bool capital, struct arena *a, struct err *e)
{
	char text[ROLE_BYTES];
	bool numbered = p->role[who] == ROLE_SPEAKER || p->number[who] > 1;
	int n = numbered ? snprintf(text, sizeof text, "%s %zu", role_name[p->role[who]], p->number[who])
			 : snprintf(text, sizeof text, "%s", role_name[p->role[who]]);
	if (capital)
		text[0] = (char)toupper((unsigned char)text[0]);
	return arena_strdup(a, text, (size_t)n, e);
}

/* Names that are words, too, are people only where a sentence does not begin with them. */
static bool is_common(struct str w)
{
	return str_in(w,
		"will mark may bill grant art rich frank pat sue chase rob dale page price young long king grace hope joy faith "
		"dawn "
		"june april summer rose ray drew jack miles");
}

/* Whose word this is; one in small letters is a person's only where the column has it so. */
static size_t word_person(const struct persons *p, struct str w)
{
	for (size_t i = 0; i < p->n && w.n > 1; i++)
		if (p->part[i].word.n == w.n && !strncasecmp(p->part[i].word.p, w.p, w.n) &&
			(is_capital(w) || !is_capital(p->part[i].word)))
			return p->part[i].who;
	return SIZE_MAX;
}

/* All places in text[span] where a known word stands; neighbours of one person are one place. */
static int places_add(struct piis *out, struct persons *p, struct str text, struct span span, struct arena *a, struct err *e)
{
	int rc = 0;
	struct str unit = {text.p, span.end};
	for (size_t at = span.start; at < span.end && rc == 0 && p->n;) {
		struct str w = is_letter(pii_at(unit, at)) ? word_at(unit, at) : (struct str){0};
		size_t who = word_person(p, w), step = w.n;
		if (w.n > 2 && who == SIZE_MAX && !memcmp(w.p + w.n - 2, "'s", 2) && is_capital(w))
			who = person_of(p, (struct str){w.p, w.n -= 2});
		unsigned char before = at ? pii_at(unit, at - 1) : 0, next = pii_at(unit, at + w.n);
		bool start = at < span.start + 2 || strchr("\n\"|>;,\t", before) ||
			(before == ' ' && at > 1 && strchr(".!?\n:", unit.p[at - 2]));
		if (who == SIZE_MAX ||
			(before && strchr("@/._-", before) && !(before == '/' && at > 1 && unit.p[at - 2] == '\n')) ||
			(next == '@') || (is_common(w) && start && next == ' ' && islower(pii_at(unit, at + w.n + 1)))) {
			at += step ? step : 1;
			continue;
		}
		size_t end = at + w.n;
		for (;;) { /* "B. J. Quist", "Ida van der Berg" */
			size_t more = end + (pii_at(unit, end) == '.' && w.n == 1), k = more;
			while (pii_at(unit, k) == ' ' || pii_at(unit, k) == '"' || pii_at(unit, k) == ',' ||
				pii_at(unit, k) == '(' || pii_at(unit, k) == ')')
				k++;
			struct str v = k > more && k - more < 4 ? word_at(unit, k) : (struct str){0};
			while (v.n && (is_particle(v) || (v.n == 1 && is_capital(v) && pii_at(unit, k + 1) == '.')) &&
				pii_at(unit, k + v.n + (v.n == 1)) == ' ') {
				k += v.n + (v.n == 1) + 1;
				v = word_at(unit, k);
			}
			unsigned char stop = v.n ? pii_at(unit, k + v.n) : 0; /* "Ida Berg," where only Ida is known */
			bool surname = k == end + 1 && v.n > 1 && is_capital(v) && !is_no_name(v) && person_of(p, v) == SIZE_MAX &&
				w.n > 2 && strchr(",.;:!?)\n", stop) && unit.p[end] == ' ';
			if (v.n < 2 || (word_person(p, v) != who && !surname))
				break;
			end = k + v.n;
			w = v;
		}
		while (at >= span.start + 3 && pii_at(unit, at - 1) == ' ' && pii_at(unit, at - 2) == '.' &&
			isupper(pii_at(unit, at - 3)) && (at == span.start + 3 || !is_letter(pii_at(unit, at - 4))))
			at -= 3;
		struct pii item = {.kind = PII_PERSON, .span = {at, end}, .score = 0.9f, .as = pseudonym(p, who, start, a, e)};
		rc = item.as ? piis_add(out, item, e) : ERR_RESOURCE;
		at = end;
	}
	return rc;
}

/* ---- calls ------------------------------------------------------------------------------------------------------------------- */

static int call_names(struct piis *out, struct str t, struct persons *p, struct arena *a, struct err *e)
{
	size_t n_turns = 0, n_lines = 0, words;
	for (int pass = 0; pass < 2; pass++)
		for (size_t at = 0; at < t.n;) {
			const char *nl = memchr(t.p + at, '\n', t.n - at);
			size_t end = nl ? (size_t)(nl - t.p) : t.n, n;
			struct str line = {t.p + at, end - at};
			while (line.n && strchr(" \t\r", line.p[line.n - 1]))
				line.n--;
			at = end + 1;
			struct str who = plain_speaker(line, &words);
			if (pass == 0) {
				n_lines += line.n > 0;
				n_turns += who.n > 0;
			} else if ((n = begins(line, heads, COUNT(heads)))) {
				head_add(p, (struct str){line.p + n, line.n - n}, ROLE_SPEAKER);
			} else if (memmem(line.p, line.n, "Present: ", 9)) {
				const char *list = (const char *)memmem(line.p, line.n, "Present: ", 9) + 9;
				head_add(p, (struct str){list, (size_t)(line.p + line.n - list)}, ROLE_SPEAKER);
			} else if (who.n && 2 * n_turns > n_lines && n_turns >= 4) {
				whole_add(p, who, ROLE_SPEAKER);
				greeting_add(p, (struct str){line.p + words, line.n - words}, ROLE_SPEAKER);
			}
		}
	if (2 * n_turns <= n_lines || n_turns < 4)
		return 0;
	return places_add(out, p, t, (struct span){0, t.n}, a, e);
}

/* ---- tickets ----------------------------------------------------------------------------------------------------------------- */

static bool head_in(struct str head, const char *const *names, size_t n)
{
	head = trim(head);
	for (size_t i = 0; i < n; i++)
		if (head.n == strlen(names[i]) && !strncasecmp(head.p, names[i], head.n))
			return true;
	return false;
}

enum column { COLUMN_OTHER, COLUMN_CUSTOMER, COLUMN_SUPPORT, COLUMN_REPLY };

static enum column column_of(struct str head)
{
	static const char *const customer[] = {"customer", "customer name", "requester", "requester name", "name", "full name",
		"contact", "contact name", "user", "client", "reporter", "from", "sender", "buyer", "first name", "last name",
		"surname", "account holder", "submitter", "raised by", "requested by", "cc", "to", "created by", "author", "kunde",
		"patient", "member", "caller", "person"},
				 *const support[] = {"agent", "agent name", "assignee", "owner", "assigned to", "handled by",
					 "support agent", "staff", "resolved by", "operator", "answered by", "rep", "support rep",
					 "employee"},
				 *const reply[] = {"reply", "answer", "response", "resolution", "solution", "agent message",
					 "support message", "agent comment", "public comment", "last comment", "comment"};
	return head_in(head, customer, COUNT(customer))  ? COLUMN_CUSTOMER
		: head_in(head, support, COUNT(support)) ? COLUMN_SUPPORT
		: head_in(head, reply, COUNT(reply))     ? COLUMN_REPLY
							 : COLUMN_OTHER;
}

/* The field at `at` of RFC 4180: its bytes, quotation marks included. */
static size_t field_length(struct str t, size_t at, char sign)
{
	size_t i = at;
	bool quoted = pii_at(t, i) == '"';
	for (i += quoted; i < t.n; i++) {
		if (quoted && t.p[i] == '"' && pii_at(t, i + 1) == '"')
			i++;
		else if (quoted && t.p[i] == '"')
			quoted = false;
		else if (!quoted && (t.p[i] == sign || t.p[i] == '\n'))
			break;
	}
	return i - at;
}

static int ticket_names(struct piis *out, struct str t, struct persons *p, struct arena *a, struct err *e)
{
	enum column column[COLUMNS_MAX] = {0};
	char sign = (char)tickets_delimiter(t.p, t.n);
	int rc = 0;
	bool head = true;
	for (size_t at = 0, row; at < t.n && rc == 0;) {
		memset(p, 0, sizeof *p);
		row = at;
		for (size_t k = 0;; k++) {
			size_t n = field_length(t, at, sign);
			struct str field = trim((struct str){t.p + at, n});
			if (head && k < COLUMNS_MAX)
				column[k] = column_of(field);
			else if (k < COLUMNS_MAX && column[k] != COLUMN_OTHER && column[k] != COLUMN_REPLY)
				whole_add(p, field, column[k] == COLUMN_SUPPORT ? ROLE_SUPPORT : ROLE_CUSTOMER);
			else if (k < COLUMNS_MAX && column[k] == COLUMN_REPLY)
				message_add(p, (struct str){t.p + at, n}, ROLE_SUPPORT, ROLE_CUSTOMER);
			else if (n > 30 || memchr(t.p + at, '\n', n))
				message_add(p, (struct str){t.p + at, n}, ROLE_CUSTOMER, ROLE_SUPPORT);
			at += n + 1;
			if (at > t.n || t.p[at - 1] == '\n')
				break;
		}
		at = at < t.n ? at : t.n;
		rc = head ? 0 : places_add(out, p, t, (struct span){row, at}, a, e);
		head = false;
	}
	return rc;
}

int pii_names_find(struct piis *out, const struct document *d, struct arena *a, struct err *e)
{
	enum walk_kind kind = walk_kind(d->path);
	if (kind != WALK_TICKETS && kind != WALK_PLAIN)
		return 0;
	struct persons *p = mem_alloc(1, sizeof *p, e);
	if (!p)
		return ERR_RESOURCE;
	struct str t = {d->bytes, d->size};
	int rc = kind == WALK_TICKETS ? ticket_names(out, t, p, a, e) : call_names(out, t, p, a, e);
	mem_free(p);
	return rc;
}

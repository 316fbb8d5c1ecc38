/*
 * Names as words: letters of any script, what joins them, titles, particles, and the words that stand where names do and are none.
 * Reference: person.h; Unicode's categories by utf8proc.
 */
#include "data/person.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "data/text.h"

enum { CODEPOINTS = 64 };

/* ---- letters and words --------------------------------------------------------------------------------------------------------- */

/* The character at `i`: its bytes, at least 1, and its code point, or -1 where none is. */
size_t person_code(struct str t, size_t i, utf8proc_int32_t *cp)
{
	if (i < t.n && (unsigned char)t.p[i] < 0x80) {
		*cp = (unsigned char)t.p[i];
		return 1;
	}
	*cp = -1;
	utf8proc_ssize_t n = i < t.n
		? utf8proc_iterate((const utf8proc_uint8_t *)t.p + i, (utf8proc_ssize_t)(t.n - i < 4 ? t.n - i : 4), cp)
		: 0;
	return n > 0 ? (size_t)n : 1;
}

bool person_is_letter(utf8proc_int32_t cp)
{
	if (cp < 0x80)
		return cp > 0 && isalpha(cp);
	utf8proc_category_t k = utf8proc_category(cp);
	return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) || k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_MC;
}

/* Of a script that puts no blanks between words. */
bool person_is_dense(utf8proc_int32_t cp)
{
	return (cp >= 0x3040 && cp <= 0x9fff) || (cp >= 0xf900 && cp <= 0xfaff);
}

/* A hyphen or apostrophe inside a word, or the stop of an initial ("J.R."): its bytes, or 0. */
static size_t inner_length(struct str t, size_t at, size_t i)
{
	utf8proc_int32_t cp, next;
	size_t n = person_code(t, i, &cp), k = person_code(t, i + n, &next);
	if (i == at || !person_is_letter(next) || person_is_dense(next))
		return 0;
	if (cp == '-' || cp == 0x2010 || cp == 0x2011)
		return n;
	if (cp == '.')
		return i == at + 1 ? n : 0;
	if (cp != '\'' && cp != 0x2019)
		return 0;
	utf8proc_int32_t after;
	person_code(t, i + n + k, &after);
	return next == 's' && !person_is_letter(after) ? 0 : n; /* "Ida's" */
}

struct str person_word(struct str t, size_t at)
{
	utf8proc_int32_t cp, first;
	size_t i = at, n = person_code(t, at, &first);
	if (first < 0 || !person_is_letter(first))
		return (struct str){t.p + at, 0};
	for (cp = first; cp >= 0 && person_is_letter(cp) && person_is_dense(cp) == person_is_dense(first);
		n = person_code(t, i, &cp)) {
		i += n;
		i += inner_length(t, at, i);
	}
	return (struct str){t.p + at, i - at};
}

bool person_is_upper(struct str w)
{
	utf8proc_int32_t cp = -1;
	if (w.n)
		person_code(w, 0, &cp);
	return cp >= 0 && (utf8proc_category(cp) == UTF8PROC_CATEGORY_LU || utf8proc_category(cp) == UTF8PROC_CATEGORY_LT);
}

bool person_is_capital(struct str w)
{
	utf8proc_int32_t cp, next;
	size_t n = w.n ? person_code(w, 0, &cp) : 0;
	if (!n || cp < 0)
		return false;
	for (size_t i = 1; i < 4 && i + 1 < w.n; i++) /* "d'Aubrac", "el-Masry" */
		if (strchr("'-\xe2", w.p[i])) {
			person_code(w, i + (w.p[i] == '\xe2' ? 3 : 1), &next);
			if (next >= 0 && utf8proc_category(next) == UTF8PROC_CATEGORY_LU)
				return true;
		}
	return utf8proc_category(cp) != UTF8PROC_CATEGORY_LL;
}

bool person_is_long(struct str w) /* two characters or more */
{
	utf8proc_int32_t cp;
	return w.n > person_code(w, 0, &cp);
}

/*
 * What two spellings of a name share: small letters without accents, "ae" as "a" and its like, so that Müller, MUELLER and Muller are
 * the same. Empty for what is too long to be a name.
 */
void person_key(char key[KEY_BYTES], struct str w)
{
	utf8proc_int32_t cp[CODEPOINTS];
	size_t len = 0;
	*key = 0;
	utf8proc_ssize_t n = utf8proc_decompose((const utf8proc_uint8_t *)w.p, (utf8proc_ssize_t)w.n, cp, CODEPOINTS,
		UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE);
	if (n < 0 || n > CODEPOINTS)
		return;
	for (utf8proc_ssize_t i = 0; i < n; i++) {
		utf8proc_int32_t c = cp[i];
		utf8proc_uint8_t bytes[4];
		c = c == 0xf8         ? 'o'
			: c == 0x142  ? 'l'
			: c == 0xe6   ? 'a'
			: c == 0x153  ? 'o'
			: c == 0x111  ? 'd'
			: c == 0x131  ? 'i'
			: c == 0x2019 ? '\''
				      : c;
		if (c == 'e' && len && strchr("aou", key[len - 1]) && i)
			continue;
		size_t k = (size_t)utf8proc_encode_char(c, bytes);
		if (len + k >= KEY_BYTES) {
			*key = 0;
			return;
		}
		memcpy(key + len, bytes, k);
		key[len += k] = 0;
	}
}

bool person_is_particle(struct str w)
{
	return str_in(w,
		"los las van von de der den del della di da dos das do la le al el bin ibn ter ten zu zum af av du y e ben op ' 't "
		"della "
		"dalla des");
}

static bool is_title(struct str w)
{
	return str_in(w,
		"mr mrs ms miss mx dr prof professor herr herrn frau fräulein sir señor señora señorita doña monsieur madame "
		"mademoiselle "
		"mme mlle m sr sra srta signor signora sig dott dottssa ing dipl mag med dhr mevr meneer mevrouw mijnheer hr fr "
		"fru herra "
		"rouva κύριε κυρία κύριος pan pani panie panu senhor senhora sister brother father reverend rev captain major "
		"господин госпожа");
}

bool person_is_nobody(struct str w)
{
	const char *hyphen = memchr(w.p, '-', w.n);
	if (hyphen) { /* "Support-Team" */
		size_t n = (size_t)(hyphen - w.p);
		return n > 1 && person_is_nobody((struct str){w.p, n}) && person_is_nobody((struct str){hyphen + 1, w.n - n - 1});
	}
	return str_in(w,
		"support customer customers agent agents team teams host sales engineer engineering speaker caller moderator "
		"operator "
		"interviewer interviewee service services help helpdesk desk billing admin administrator manager director head all "
		"everyone "
		"everybody there folks colleagues friends guys sir madam sirs user users client member guest staff bot system note "
		"tip warning "
		"info the a an your our we i you it he she they this that these those and or for from to re fw unassigned unknown "
		"none n/a na "
		"nobody reply auto automatic auto-reply recording developer product marketing account accounts operations "
		"technical question "
		"answer q yes no ok okay thanks hi hello dear hey kind best regards cheers sent date subject attendees "
		"participants present "
		"what when where how why who please just is are can could would if as sorry noted welcome good morning afternoon "
		"evening not new "
		"but so my in on at of office department finance security press legal hr queue tier level partner vendor reception "
		"community "
		"success relations here back again also still now then yet well sure great perfect right hmm oh uh um too very "
		"much many one "
		"order ticket invoice case request status priority phone fax tel mobile mail email e-mail web www http https "
		"street road "
		"begin end key keys public private certificate vacant deleted anonymous various several goodbye bye am pm utc gmt "
		"cet est pst yours sincerely faithfully truly "
		"regard wishes "
		"monday tuesday wednesday thursday friday saturday sunday january february march july september "
		"october "
		"november december "
		"ltd inc gmbh llc ag kg bv ab oy oyj as aps sa sas sarl srl spa plc co corp company group bank hotel shop store "
		"solutions systems "
		"holding partners consulting technologies software logistics clinic hospital school university restaurant "
		"foundation "
		"damen herren zusammen kollegen kolleginnen kunde kunden kundenservice kundendienst vertrieb buchhaltung abteilung "
		"betreff datum "
		"gruß grüße grüßen gruss grüsse grüssen danke bitte hallo guten tag liebe lieber liebes sehr geehrte mit "
		"freundlichen viele ich wir sie "
		"das die der "
		"und oder nicht ist sind hat haben ein eine kein keine wenn auch noch schon "
		"montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz oktober dezember "
		"bonjour bonsoir merci cordialement équipe service client madame monsieur messieurs tous toutes objet nous vous je "
		"il elle "
		"et ou le la les des une est sont pas pour avec dans sur lundi mardi mercredi jeudi vendredi samedi dimanche "
		"janvier février "
		"avril juillet août septembre octobre novembre décembre "
		"hola gracias saludos equipo atención cliente clientes soporte asunto fecha todos todas señores buenos buenas días "
		"tardes "
		"nosotros usted ustedes es son para por con del las los una lunes martes miércoles jueves viernes sábado domingo "
		"enero febrero "
		"marzo junio julio agosto septiembre octubre noviembre diciembre "
		"hoi beste groet groeten bedankt klantenservice iedereen allen wij jullie het een maandag dinsdag woensdag "
		"donderdag vrijdag "
		"zaterdag zondag hej tack hälsningar alla kundtjänst vi ni det och att måndag tisdag onsdag torsdag fredag lördag "
		"söndag "
		"ciao grazie buongiorno saluti gentili tutti assistenza clienti oggetto noi voi il gli che lunedì martedì "
		"mercoledì giovedì venerdì "
		"dzień dobry cześć dziękuję pozdrawiam państwo zespół obsługa wszyscy olá obrigado obrigada equipe atendimento "
		"suporte assunto "
		"ügyfélszolgálat csapat equipo tisztelt kedves "
		"здравствуйте спасибо уважением команда поддержка добрый день");
}

size_t person_titles(struct str s)
{
	size_t at = 0;
	for (;;) {
		struct str w = person_word(s, at);
		size_t end = at + w.n;
		bool short_one =
			at && w.n && w.n <= 4 && islower((unsigned char)*w.p) && end < s.n && s.p[end] == '.'; /* "Dr. rer. nat." */
		if (short_one) {
			at = end + 1 + (end + 1 < s.n && s.p[end + 1] == ' ');
			continue;
		}
		if (!w.n || !(is_title(w) || (w.n == 3 && !memcmp(w.p, "don", 3))) || end >= s.n || !strchr(". ", s.p[end]))
			return at;
		while (end < s.n && strchr(". ", s.p[end]))
			end++;
		at = end;
	}
}

/* " \"Roz\"" or " (Roz)" between two words of a name, also with the marks doubled as in CSV: its bytes, or 0. */
static size_t nickname_length(struct str t, size_t at)
{
	size_t i = at + 1, marks = 0;
	if (pii_at(t, at) != ' ' || !pii_at(t, i) || !strchr("\"(", t.p[i]))
		return 0;
	char close = t.p[i] == '"' ? '"' : ')';
	for (; pii_at(t, i) && strchr("\"(", t.p[i]) && marks < 2; marks++)
		i++;
	struct str nick = person_word(t, i);
	i += nick.n;
	while (marks && pii_at(t, i) == close) {
		i++;
		marks--;
	}
	return nick.n && !marks && person_is_capital(nick) && !person_is_nobody(nick) && pii_at(t, i) == ' ' &&
			person_is_capital(person_word(t, i + 1))
		? i - at
		: 0;
}

size_t person_length(struct str t, size_t most)
{
	size_t end = 0, words = 0, at = 0;
	bool full = false; /* a word longer than an initial */
	while (words < most) {
		struct str w = person_word(t, at);
		bool capital = person_is_capital(w), particle = person_is_particle(w);
		if (!w.n && words && (!strncmp(t.p + at, "'t ", t.n - at < 3 ? 0 : 3) && t.n - at > 3)) { /* "van 't Hoff" */
			at += 3;
			continue;
		}
		if (!w.n || (!capital && !particle) || (!particle && person_is_long(w) && person_is_nobody(w)) ||
			(!words && is_title(w)) || (!words && particle && !capital && pii_at(t, at + w.n) != ' '))
			break;
		full |= person_is_long(w) && capital && !particle && !memchr(w.p, '.', w.n);
		at += w.n;
		words++;
		at += (!person_is_long(w) || memchr(w.p, '.', w.n)) && pii_at(t, at) == '.';                   /* "J.", "P.J." */
		if (pii_at(t, at) == '-' && t.p[at - 1] == '.' && person_is_capital(person_word(t, at + 1))) { /* "J.-P." */
			at++;
			continue;
		}
		if (capital)
			end = at;
		at += end ? nickname_length(t, at) : 0;
		if (pii_at(t, at) != ' ')
			break;
		at++;
	}
	return full ? end : 0;
}

struct str person_trim(struct str s)
{
	while (s.n && strchr(" \t\r\n\"'*_<([", *s.p))
		s = (struct str){s.p + 1, s.n - 1};
	while (s.n && strchr(" \t\r\n\"'*_,;:.!?)]>", s.p[s.n - 1]))
		s.n--;
	return s;
}

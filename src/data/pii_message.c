/*
 * Where names stand in what people write to each other: heads, greetings, introductions, behind titles, in front of addresses, under
 * closings; and in front of what is said in chats and transcripts. Tables of phrases in a dozen languages, and what may follow them.
 * Reference: person.h.
 */
#include "data/person.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/text.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { SPEAKERS_MAX = 64, REMARK_BYTES = 48, SMALL_WORDS = 2, SIGNATURE_BYTES = 120 };

static const char *const greetings[] = {"hi", "hello", "hey", "hej", "dear", "good morning", "good afternoon", "good evening",
	"good day", "morning", "greetings", "hiya", "welcome", "welcome back", "goodbye", "bye", "hallo", "liebe", "lieber",
	"sehr geehrte", "sehr geehrter", "guten tag", "guten morgen", "guten abend", "moin", "servus", "grüezi", "grüß gott",
	"werte", "werter", "bonjour", "bonsoir", "salut", "cher", "chère", "chers", "hola", "buenos días", "buenas tardes",
	"estimado", "estimada", "querido", "querida", "apreciado", "apreciada", "ciao", "salve", "gentile", "buongiorno",
	"buonasera", "egregio", "caro", "cara", "olá", "oi", "bom dia", "boa tarde", "prezado", "prezada", "beste", "geachte",
	"hoi", "dag", "goedemorgen", "goedemiddag", "goedendag", "lieve", "hei", "moi", "terve", "hyvä", "hejsan", "god morgon",
	"god morgen", "god dag", "kära", "käre", "bästa", "kære", "kjære", "cześć", "dzień dobry", "witam", "witaj", "szanowny",
	"szanowna", "drogi", "droga", "dobrý den", "ahoj", "vážený", "vážená", "szia", "kedves", "tisztelt", "merhaba", "sayın",
	"مرحبا", "عزيزي", "عزيزتي", "السلام عليكم", "שלום", "היי", "你好", "您好", "尊敬的", "안녕하세요", "chào", "kính gửi",
	"Αγαπητέ κύριε", "Αγαπητή κυρία", "Hæ", "halló", "Tere", "labas", "salutare", "bună ziua", "stimate", "stimată", "dragă",
	"поштовани", "zdravo", "poštovani", "dobar dan", "здравствуйте", "Здравствуйте", "привет", "Привет", "добрый день",
	"Добрый день", "уважаемый", "Уважаемый", "уважаемая", "Уважаемая", "γεια σας", "Γεια σας", "Αγαπητέ", "Αγαπητή",
	"Καλημέρα"},
			 *const thanks[] = {"thanks", "thank you", "many thanks", "thx", "danke", "vielen dank", "merci", "gracias",
				 "muchas gracias", "grazie", "obrigado", "obrigada", "bedankt", "dank je", "tack", "tak", "takk",
				 "kiitos", "dziękuję", "děkuji", "спасибо", "Спасибо", "sorry", "congratulations", "perfect",
				 "great", "sure", "right", "okay", "ok", "yes", "no"};
static const char *const closings[] = {"best regards", "kind regards", "warm regards", "with kind regards", "regards",
	"best wishes", "best", "god bless", "freundliche grüsse", "viele grüsse", "liebe grüsse", "beste grüsse", "grüsse", "gruss",
	"mit freundlichen grüssen", "herzliche grüsse", "besten dank und freundliche grüsse", "a+", "bisous", "biz", "all the best",
	"kindly", "cheers", "thanks", "thank you", "many thanks", "thanks in advance", "thanks again", "sincerely",
	"yours sincerely", "yours", "yours truly", "yours faithfully", "sincerely yours", "take care", "greetings", "thx", "br",
	"kr", "vg", "mvh", "tia", "ty", "--", "---", "____", "warmly", "respectfully", "rgds", "brgds", "have a nice day",
	"have a great day", "have a good weekend", "very best", "with best regards", "cordially", "best from", "love", "ta",
	"see you", "talk soon", "speak soon", "signed", "on behalf of", "for and on behalf of", "mit freundlichen grüßen",
	"mit freundlichem gruß", "freundliche grüße", "freundlichen gruß", "mit besten grüßen", "viele grüße", "liebe grüße",
	"beste grüße", "schöne grüße", "herzliche grüße", "herzlichst", "grüße", "gruß", "lg", "vg", "mfg", "hochachtungsvoll",
	"ihr", "ihre", "danke", "vielen dank", "besten dank", "i. a.", "i.a.", "i. v.", "i.v.", "cordialement", "bien cordialement",
	"très cordialement", "bien à vous", "sincères salutations", "salutations", "salutations distinguées", "bonne journée",
	"merci", "merci d'avance", "à bientôt", "amicalement", "saludos", "un saludo", "saludos cordiales", "un cordial saludo",
	"atentamente", "atte", "gracias", "muchas gracias", "un abrazo", "cordiali saluti", "distinti saluti", "saluti",
	"un saluto", "grazie", "a presto", "groetjes", "met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet",
	"vriendelijke groeten", "hartelijke groet", "hoogachtend", "groeten", "groet", "gr", "mvg", "bedankt", "alvast bedankt",
	"pozdrawiam", "z poważaniem", "serdecznie pozdrawiam", "dziękuję", "med vänliga hälsningar", "med vänlig hälsning",
	"vänliga hälsningar", "vänligen", "hälsningar", "bästa hälsningar", "tack", "tack på förhand", "med venlig hilsen",
	"venlig hilsen", "de bedste hilsner", "hilsen", "vh", "tak", "med vennlig hilsen", "vennlig hilsen", "beste hilsen", "takk",
	"terveisin", "ystävällisin terveisin", "kiitos", "obrigado", "obrigada", "abraços", "abraço", "atenciosamente", "att",
	"cumprimentos", "com os melhores cumprimentos", "s pozdravem", "děkuji", "üdvözlettel", "Üdvözlettel", "üdv", "Üdv", "xoxo",
	"x", "مع التحية", "مع أطيب التحيات", "تحياتي", "شكرا", "בברכה", "תודה", "敬上", "祝好", "よろしくお願いいたします",
	"감사합니다", "드림", "trân trọng", "saygılar", "s úctou", "s přátelským pozdravem", "lep pozdrav", "srdačan pozdrav",
	"cu stimă", "cu respect", "pagarbiai", "С уважением", "с уважением", "спасибо", "Спасибо", "谢谢", "此致", "敬具",
	"Με εκτίμηση", "ευχαριστώ", "teşekkürler", "saygılarımla"};
/* "From: ..." and its like. */
static const char *const heads[] = {"from", "to", "cc", "bcc", "reply-to", "sender", "recipient", "von", "an", "kopie", "absender",
	"empfänger", "de", "à", "para", "copie", "exp", "expéditeur", "destinataire", "da", "per", "mittente", "destinatario",
	"remitente", "van", "aan", "från", "till", "fra", "til", "od", "do", "dw", "от", "От", "кому", "Кому", "от кого", "От кого",
	"participants", "participant", "present", "attendees", "attending", "apologies", "teilnehmer", "teilnehmende", "anwesend",
	"présents", "participantes", "asistentes", "aanwezig", "deelnemers", "deltagare", "närvarande", "partecipanti", "presenti",
	"uczestnicy", "obecni", "requested by", "reported by", "raised by", "opened by", "created by", "submitted by",
	"assigned to", "approved by", "handled by", "answered by", "contact", "contact person", "contact name", "name", "full name",
	"your name", "customer name", "caller", "requester", "reporter", "assignee", "patient", "account holder", "cardholder",
	"signed by", "signed", "attn", "attention", "c/o", "ansprechpartner", "ansprechpartnerin", "kontakt", "sachbearbeiter",
	"sachbearbeiterin", "bearbeiter", "z. hd", "z.hd", "nom", "nombre", "nome", "naam", "namn", "navn", "nimi",
	"imię i nazwisko", "nom complet", "nombre completo", "nome completo", "nome e cognome", "contactpersoon", "kontaktperson",
	"persona de contacto", "interlocuteur"};
/* `full`: only in front of a first and a last name. */
static const struct phrase {
	const char *text;
	bool full;
} intros[] = {{"my name is ", false}, {"my name's ", false}, {"the name is ", false}, {"this is ", true}, {"i am ", true},
	{"i'm ", true}, {"we are ", true}, {"speaking with ", true}, {"spoke to ", true}, {"spoke with ", true},
	{"on behalf of ", true}, {"signed by ", true}, {"attn ", false}, {"c/o ", true}, {"mein name ist ", false},
	{"ich heiße ", false}, {"ich bin ", true}, {"hier ist ", true}, {"im auftrag von ", true}, {"i. a. ", false},
	{"i.a. ", false}, {"i. v. ", false}, {"je m'appelle ", false}, {"je m’appelle ", false}, {"mon nom est ", false},
	{"je suis ", true}, {"au nom de ", true}, {"me llamo ", false}, {"mi nombre es ", false}, {"soy ", true},
	{"en nombre de ", true}, {"mi chiamo ", false}, {"il mio nome è ", false}, {"sono ", true}, {"per conto di ", true},
	{"ik ben ", true}, {"mijn naam is ", false}, {"ik heet ", false}, {"namens ", true}, {"jag heter ", false},
	{"mitt namn är ", false}, {"jag är ", true}, {"jeg heter ", false}, {"jeg hedder ", false}, {"mit navn er ", false},
	{"nazywam się ", false}, {"mam na imię ", false}, {"jestem ", true}, {"w imieniu ", true}, {"me chamo ", false},
	{"meu nome é ", false}, {"em nome de ", true}, {"меня зовут ", false}, {"Меня зовут ", false}};
/* In front of a name anywhere in a sentence; with a stop those of one or two letters, which are other words without. */
static const char titles[] =
	"mr mrs mx dr prof professor herr herrn frau señor señora señorita mme mlle monsieur madame sra srta signor "
	"signora dhr mevr mevrouw meneer pani senhor senhora господин госпожа",
		  stopped_titles[] = "ms m sr sig hr fr fru mag ing";
static const char wrote[] =
	"wrote schrieb écrit escribió schreef skrev scritto napisał napisała escreveu napsal napsala kirjoitti написал написала";

/* The longest phrase that `s` begins with, as whole words: its bytes, or 0. */
static size_t begins(struct str s, const char *const *phrases, size_t n)
{
	size_t best = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(phrases[i]);
		if (len > best && s.n >= len && !strncasecmp(s.p, phrases[i], len) &&
			(s.n == len || !pii_token_at(s, len) || !pii_token_at(s, len - 1)))
			best = len;
	}
	return best;
}

/* A text, line by line. */
struct message {
	struct persons *p;
	struct str text;
	enum role sender, other;
	int after;         /* lines behind a closing in which a name may stand */
	bool blank, begun; /* the line before was blank; there was one */
	bool comma;        /* it was short and ended in a comma */
	struct err *e;
};

/* ---- inside a line ----------------------------------------------------------------------------------------------------------------- */

static int add(struct message *m, struct str name, enum role role)
{
	return person_add(m->p, name, role, m->e);
}

/* Behind a name: does the greeting end here, or a sentence go on that is addressed to it? */
static bool greeting_ends(struct str s, size_t n, bool thanked)
{
	struct str next = person_word((struct str){s.p + n + 1, n < s.n ? s.n - n - 1 : 0}, 0);
	unsigned char c = pii_at(s, n);
	if (!c || strchr(",!.:;?\r\n)-/\"", c) || c == 0xe2 || c == 0xef || c == 0xe3)
		return true;
	if (c == ' ' && pii_at(s, n + 1) && strchr("!?:;", s.p[n + 1]))
		return true; /* as French has it */
	return c == ' ' && !thanked && !person_is_capital(next) && !person_is_nobody(next);
}

/* "Hi Ida and Bo,": names behind a greeting. One that is also what a host is called here ("Dear Kestrelbox") is a firm's. */
static int greeting_names(struct message *m, struct str s)
{
	size_t n = begins(s, greetings, COUNT(greetings)), t = begins(s, thanks, COUNT(thanks));
	bool thanked = t > n;
	int rc = 0;
	n = thanked ? t : n;
	if (!n || n == s.n)
		return 0;
	s = (struct str){s.p + n, s.n - n};
	for (int k = 0; k < 4 && rc == 0; k++) {
		while (s.n && strchr(" ,", *s.p))
			s = (struct str){s.p + 1, s.n - 1};
		size_t title = person_titles(s);
		struct str name = {s.p + title, s.n - title};
		n = person_length(name, 4);
		static const char *const ands[] = {" and ", " & ", " und ", " et ", " y ", " e ", " en ", " och ", " og ", " ja ",
			" i ", " or ", " oder ", " ou ", " o ", " of ", ", ", " / ", "/"};
		size_t join = 0;
		for (size_t i = 0; i < COUNT(ands) && !join; i++)
			if (name.n > n + strlen(ands[i]) && !memcmp(name.p + n, ands[i], strlen(ands[i])))
				join = strlen(ands[i]);
		struct str more = {name.p + n + join, name.n - n - join};
		size_t again = join ? person_titles(more) +
				person_length((struct str){more.p + person_titles(more), more.n - person_titles(more)}, 4)
				    : 0;
		if (again && name.p[n] == ',' &&
			!(again == more.n || strchr(",!.:\n\r&", more.p[again]) || !strncmp(more.p + again, " and ", 5)))
			again = 0; /* "Hi Ida, Larder says ..." */
		if (!n || !(greeting_ends(name, n, thanked) || (join && again)) ||
			(!title && persons_is_firm(m->p, (struct str){name.p, n})))
			return 0;
		rc = add(m, (struct str){name.p, n}, m->other);
		if (!again)
			return rc;
		s = more;
	}
	return rc;
}

/* Whose address this is: the name in front of its bracket, and the names that it is made of. */
static int address_names(struct message *m, struct str line, size_t at, size_t n)
{
	const char *sign = memchr(line.p + at, '@', n);
	struct str local = {line.p + at, (size_t)(sign - line.p) - at};
	size_t words = 0;
	if (pii_is_role(local))
		return 0;
	for (size_t i = 0, k; i < local.n; i += k + 1) {
		for (k = 0; i + k < local.n && (isalpha((unsigned char)local.p[i + k]) || (unsigned char)local.p[i + k] >= 0x80);)
			k++;
		if (k >= 3 && !person_is_nobody((struct str){local.p + i, k}) && words++ < 3)
			person_add_part(m->p, (struct str){local.p + i, k}, m->sender);
		if (i + k < local.n && local.p[i + k] == '+')
			break;
	}
	size_t end = at;
	if (!end || !strchr("<([", line.p[end - 1]))
		return 0;
	for (end--; end && strchr(" \"'*", line.p[end - 1]);)
		end--;
	for (size_t i = 0; i < end; i++) { /* the longest name that ends here */
		bool begin = !i || !pii_token_at(line, i - 1);
		if (begin && end - i < 80 && person_length((struct str){line.p + i, end - i}, NAME_WORDS) == end - i)
			return add(m, (struct str){line.p + i, end - i}, m->sender);
	}
	return 0;
}

/* Introductions, titles and addresses anywhere in a line; greetings where a sentence begins. */
static int sentence_names(struct message *m, struct str line, size_t from)
{
	int rc = 0;
	bool begin = true;
	for (size_t i = from, step; i < line.n && rc == 0; i += step) {
		struct str s = {line.p + i, line.n - i}, w = person_word(line, i);
		struct pii mail = {0};
		step = w.n ? w.n : 1;
		if (!w.n && !isdigit((unsigned char)*s.p)) {
			begin = *s.p == '>' ||
				(begin ? strchr(" \"'*>([", *s.p) != NULL || (unsigned char)*s.p >= 0x80
				       : strchr(".!?;:", *s.p) != NULL && pii_at(line, i + 1) == ' ');
			continue;
		}
		if (begin)
			rc = greeting_names(m, s);
		if (rc == 0 && pii_email(line, i, &mail)) {
			rc = address_names(m, line, i, mail.span.end - i);
			step = mail.span.end - i;
		}
		unsigned char behind = pii_at(line, i + w.n);
		bool title = (str_in(w, titles) && (person_is_capital(w) || w.n > 5)) ||
			(behind == '.' && str_in(w, stopped_titles)) || str_in(w, "Ms");
		if (title && w.n == 2 && isupper((unsigned char)w.p[1]))
			title = false; /* "MS" */
		size_t skip = title ? person_titles(s) : 0, n = skip ? person_length((struct str){s.p + skip, s.n - skip}, 4) : 0;
		if (rc == 0 && n)
			rc = add(m, (struct str){s.p + skip, n}, m->other);
		for (size_t k = 0; k < COUNT(intros) && rc == 0; k++) {
			size_t len = strlen(intros[k].text);
			if (s.n <= len || strncasecmp(s.p, intros[k].text, len))
				continue;
			struct str rest = {s.p + len, s.n - len};
			skip = person_titles(rest);
			rest = (struct str){rest.p + skip, rest.n - skip};
			n = person_length(rest, 4);
			bool two = n && memchr(rest.p, ' ', n),
			     from_where = rest.n > n + 6 && !strncasecmp(rest.p + n, " from ", 6);
			if (n && (two || !intros[k].full || skip || from_where) && !persons_is_firm(m->p, (struct str){rest.p, n}))
				rc = add(m, (struct str){rest.p, n}, m->sender);
			break;
		}
		n = begin && w.n ? person_length(s, 3) : 0; /* "Ida here," "Ida Berg speaking." */
		if (rc == 0 && n &&
			((s.n > n + 5 &&
				 (!strncasecmp(s.p + n, " here,", 6) || !strncasecmp(s.p + n, " here ", 6) ||
					 !strncasecmp(s.p + n, " here.", 6))) ||
				(s.n > n + 8 && !strncasecmp(s.p + n, " speaking", 9))))
			rc = add(m, (struct str){s.p, n}, m->sender);
		begin = false;
	}
	return rc;
}

/* "From: ...", with marks of emphasis: what stands behind the colon, or nothing. */
static struct str head_rest(struct str line)
{
	while (line.n && strchr("*_ |", *line.p))
		line = (struct str){line.p + 1, line.n - 1};
	size_t n = begins(line, heads, COUNT(heads));
	while (n && n < line.n && strchr("*_ .", line.p[n]))
		n++;
	if (!n || n >= line.n || line.p[n] != ':')
		return (struct str){0};
	return person_trim((struct str){line.p + n + 1, line.n - n - 1});
}

static const char dates[] =
	"mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep sept oct nov dec april june july august mai mars juni "
	"juli juin "
	"abril mayo maj sept okt dez mär do di mi fr sa so mo lun mer jeu ven sam dim lun mar mié jue vie sáb dom at um alle ore";

/* "On Mon, 5 Jan 2026 at 10:12, Ida Berg <ida@...> wrote:" */
static int wrote_names(struct message *m, struct str line)
{
	size_t verb = 0;
	for (size_t i = 0; i < line.n; i++) {
		struct str w = person_word(line, i);
		if (w.n && str_in(w, wrote))
			verb = i;
		i += w.n;
	}
	if (!verb || line.n < 8 || !memchr(line.p + verb, ':', line.n - verb))
		return 0;
	for (size_t i = person_word(line, 0).n; i < line.n; i++) {
		struct str s = {line.p + i, line.n - i}, w = person_word(line, i);
		if (line.p[i] == '<' || pii_at(line, i + w.n) == '@') {
			while (i < line.n && !strchr(" >", line.p[i]))
				i++;
			continue;
		}
		size_t n = w.n && !str_in(w, dates) ? person_length(s, NAME_WORDS) : 0;
		if (n && s.n > n + 2 && s.p[n] == ',' && s.p[n + 1] == ' ') { /* "Berg, Ida <" */
			size_t k = person_length((struct str){s.p + n + 2, s.n - n - 2}, 2);
			n += k && pii_at(s, n + 2 + k) == ' ' && pii_at(s, n + 3 + k) == '<' ? 2 + k : 0;
		}
		if (n)
			return add(m, (struct str){s.p, n}, m->other);
		i += w.n;
	}
	return 0;
}

/* ---- turns ------------------------------------------------------------------------------------------------------------------------- */

/* Date, time, numbers and brackets in front: bytes; *digits of them. */
static size_t stamp_length(struct str s, size_t *digits)
{
	size_t i = 0;
	*digits = 0;
	while (i < s.n) {
		unsigned char c = (unsigned char)s.p[i];
		if (strchr("[]()<*# \t:.,/-_>|", c) || isdigit(c))
			i++;
		else if (c == 0xe2 && s.n - i > 2 && (unsigned char)s.p[i + 1] == 0x80)
			i += 3;
		else if (*digits && s.n - i > 1 && strchr("aApP", c) && strchr("mM", s.p[i + 1]) && !isalpha(pii_at(s, i + 2)))
			i += 2;
		else if (*digits && strchr("TZ", c) && (i + 1 == s.n || !isalpha((unsigned char)s.p[i + 1])))
			i++;
		else
			break;
		*digits += isdigit(c) != 0;
	}
	return i;
}

struct turn {
	struct str who;
	size_t said;  /* where the words begin, or the line's end */
	bool stamped; /* a time stands beside the name */
};

/* Who speaks in this line; false when nobody is named. */
static bool turn_parse(struct str line, struct turn *out)
{
	size_t digits, behind, lead = stamp_length(line, &digits);
	bool angle = lead && line.p[lead - 1] == '<';
	struct str s = {line.p + lead, line.n - lead};
	for (struct str w = person_word(s, 0); w.n && person_is_nobody(w) && w.n < s.n && strchr(" (-/", s.p[w.n]);
		w = person_word(s, 0)) {
		size_t skip = w.n; /* "Agent Rafi: ", "Customer (Ida): " */
		while (skip < s.n && strchr(" (-/", s.p[skip]))
			skip++;
		s = (struct str){s.p + skip, s.n - skip};
	}
	size_t title = person_titles(s);
	s = (struct str){s.p + title, s.n - title};
	size_t n = person_length(s, 5), small = 0;
	while (!n && (digits >= 3 || angle) && small < s.n && (isalnum((unsigned char)s.p[small]) || strchr("_.", s.p[small])))
		small++;
	n = n ? n : small;
	size_t i = n + (pii_at(s, n) == ')');
	if (!n || person_is_nobody((struct str){s.p, n}))
		return false;
	while (i < s.n && strchr(" *", s.p[i]))
		i++;
	if (i < s.n && strchr("([", s.p[i])) { /* whom the speaker speaks for */
		const char *end = memchr(s.p + i, s.p[i] == '(' ? ')' : ']', s.n - i < REMARK_BYTES ? s.n - i : REMARK_BYTES);
		i = end ? (size_t)(end - s.p) + 1 : i;
	} else if (pii_at(s, n) == ',') {
		const char *end = memchr(s.p + n, ':', s.n - n < REMARK_BYTES ? s.n - n : REMARK_BYTES);
		i = end && !memchr(s.p + n, '.', (size_t)(end - s.p) - n) ? (size_t)(end - s.p) : i;
	}
	while (i < s.n && strchr(" *", s.p[i]))
		i++;
	struct str rest = {s.p + i, s.n - i};
	size_t time = stamp_length(rest, &behind);
	const char *colon = memchr(rest.p, ':', rest.n);
	if (rest.n && (*rest.p == ':' || !colon || !isdigit((unsigned char)pii_at(rest, (size_t)(colon - rest.p) + 1))))
		behind = 0; /* no time of the day */
	if (small && n > 3 && !strncasecmp(s.p + n - 3, "bot", 3))
		return false;
	out->who = (struct str){s.p, n};
	out->stamped = digits >= 3 || behind >= 3;
	if (rest.n && (*rest.p == ':' || (angle && *rest.p == '>'))) {
		out->said = (size_t)(rest.p - line.p) + 1;
		out->stamped |= angle;
		return *rest.p != ':' || rest.n == 1 || strchr(" *\t", rest.p[1]) != NULL;
	}
	out->said = line.n;
	return (behind >= 3 && time == rest.n && n != small) || (digits >= 3 && !rest.n && n != small);
}

static struct str line_next(struct str text, size_t *at)
{
	const char *nl = memchr(text.p + *at, '\n', text.n - *at);
	size_t end = nl ? (size_t)(nl - text.p) : text.n;
	struct str line = {text.p + *at, end - *at};
	*at = end + 1;
	while (line.n && strchr(" \t\r>\"", *line.p))
		line = (struct str){line.p + 1, line.n - 1};
	while (line.n && strchr(" \t\r", line.p[line.n - 1]))
		line.n--;
	return line;
}

int turn_names(struct persons *p, struct str text, struct err *e)
{
	struct {
		struct str who;
		size_t n;
	} speaker[SPEAKERS_MAX];
	size_t n = 0, chances = 0, turns = 0, recurring = 0;
	bool before = true;
	struct turn turn;
	int rc = 0;
	for (size_t at = 0; at < text.n;) {
		struct str line = line_next(text, &at);
		size_t colon = 0;
		while (colon < line.n && line.p[colon] != ':' && colon < REMARK_BYTES)
			colon++;
		struct str called = {line.p, colon};
		bool label = colon + 1 < line.n && line.p[colon] == ':' && line.p[colon + 1] == ' ' &&
			str_words((struct str){line.p, colon}) <= 5;
		bool one = turn_parse(line, &turn);
		chances += before && line.n;
		turns += label || one;
		before = !line.n || label || one;
		size_t k = 0;
		while (label && k < n && !(speaker[k].who.n == called.n && !memcmp(speaker[k].who.p, called.p, called.n)))
			k++;
		if (label && k == n && n < SPEAKERS_MAX) {
			speaker[n].who = called;
			speaker[n++].n = 0;
		}
		if (label && k < n && ++speaker[k].n == 2)
			recurring++;
	}
	bool call = turns >= 4 && 2 * turns > chances && recurring >= 2;
	for (size_t at = 0; at < text.n && rc == 0;) {
		struct str line = line_next(text, &at);
		if (turn_parse(line, &turn) && (turn.stamped || call))
			rc = person_add(p, turn.who, ROLE_SPEAKER, e);
	}
	return rc;
}

/* ---- messages ---------------------------------------------------------------------------------------------------------------------- */

/* A line that is a name and nothing else but perhaps a remark behind it. */
static int signature_names(struct message *m, struct str line, bool small, bool *found)
{
	*found = false;
	if (line.n > 3 && !memcmp(line.p, "---", 3))
		return 0; /* "-----BEGIN" */
	while (line.n > 3 && (strchr(",/-~*_+ ", *line.p) || !memcmp(line.p, "\xe2\x80", 2))) {
		size_t n = (unsigned char)*line.p >= 0x80 ? 3 : 1;
		line = (struct str){line.p + n, line.n - n};
	}
	bool sentence = line.n > 2 && strchr(".!?", line.p[line.n - 1]) &&
		strchr(" .", line.p[line.n - 3]) == NULL; /* "Done."; but "Ida B." */
	line = person_trim(line);
	size_t title = person_titles(line);
	line = (struct str){line.p + title, line.n - title};
	size_t n = person_length(line, NAME_WORDS);
	struct str next = person_word((struct str){line.p + n + 1, line.n > n ? line.n - n - 1 : 0}, 0);
	if (n && pii_at(line, n) == ' ' && str_in(next, "from at of in for på från i von vom aus bei van de du da af fra") &&
		str_words(line) <= 5) { /* "Ida from support" */
		*found = true;
		return add(m, (struct str){line.p, n}, m->sender);
	}
	if (sentence && !small)
		return 0;
	if (!n && (!small || str_words(line) > SMALL_WORDS || memchr(line.p, '.', line.n)))
		return 0;
	return person_add_whole(m->p, line, m->sender, found, m->e);
}

/* Is what follows `at` only what programs append, or the lines of a signature? */
static bool is_end(struct str text, size_t at)
{
	static const char *const tails[] = {"sent from", "sent via", "get outlook", "gesendet von", "von meinem", "von unterwegs",
		"envoyé d", "enviado d", "inviato d", "verzonden", "verstuurd", "skickat", "sendt fra", "wysłane", "p.s",
		"ps:", "ps ", "--", "__", "on ", "am "};
	size_t from = at, blanks = 0;
	while (at < text.n) {
		struct str line = line_next(text, &at);
		if (line.n && (begins(line, tails, COUNT(tails)) > 0 || strchr("-_", *line.p)))
			return true;
		if (line.n && (blanks || str_words(line) > 5))
			return false;
		blanks += !line.n;
	}
	return text.n <= from || text.n - from < SIGNATURE_BYTES;
}

static int line_names(struct message *m, struct str line, bool last, bool blank_follows)
{
	struct str rest = head_rest(line);
	size_t n = begins(line, closings, COUNT(closings));
	struct turn turn;
	if (n && strchr("-_", *line.p) && strspn(line.p, "-_ ") < line.n)
		n = 0; /* "-----BEGIN", "- Ida" */
	bool found = false, was_comma = m->comma;
	int rc = 0;
	m->comma = line.n && line.p[line.n - 1] == ',' && str_words(line) <= 6;
	if (rest.n)
		rc = person_add_list(m->p, rest, m->sender, m->e);
	if (rc == 0)
		rc = wrote_names(m, line);
	if (rc == 0)
		rc = sentence_names(m, line, turn_parse(line, &turn) ? turn.said : 0);
	if (rc < 0 || (line.n > 3 && !memcmp(line.p, "---", 3)))
		return rc;
	for (size_t i = line.n; i > 2 && !n && line.n - i < 40; i--) /* "... it works. Best, Ida" */
		if (line.p[i - 1] == ' ' && strchr(".!?)", line.p[i - 2]) && pii_token_at(line, i) &&
			(n = begins((struct str){line.p + i, line.n - i}, closings, COUNT(closings))))
			n += i;
	struct str tail = {line.p + n, line.n - n};
	bool separate = tail.n && strchr(",-/", *tail.p);
	tail = person_trim(tail);
	if (n && (!tail.n || (str_words(tail) <= 4 && !memchr(line.p, '?', line.n)))) {
		rc = tail.n ? signature_names(m, tail, separate && (last || blank_follows), &found) : 0;
		m->after = found ? 0 : 2;
	} else if (m->after > 0) {
		rc = signature_names(m, line, last || blank_follows, &found);
		m->after = found ? 0 : m->after - 1;
	} else if (was_comma && (last || blank_follows) && str_words(line) <= 3 && person_is_upper(line)) {
		rc = signature_names(m, line, false, &found);
	} else if (((m->blank && last && m->begun && (person_is_upper(line) || memchr("-*~/", *line.p, 4))) ||
			   strchr("/~", *line.p) || (last && *line.p == '-')) &&
		str_words(line) <= 5) {
		rc = signature_names(m, line, strchr("/~-", *line.p) != NULL, &found);
	}
	return rc;
}

int message_names(struct persons *p, struct str text, enum role sender, enum role other, struct err *e)
{
	struct message m = {.p = p, .text = text, .sender = sender, .other = other, .blank = true, .e = e};
	int rc = 0;
	for (size_t at = 0; at < text.n && rc == 0;) {
		struct str line = line_next(text, &at);
		if (!line.n) {
			m.blank = true;
			continue;
		}
		size_t next = at;
		bool blank_follows = at < text.n && !line_next(text, &next).n;
		rc = line_names(&m, line, at >= text.n || is_end(text, at), blank_follows);
		m.blank = false;
		m.begun = true;
	}
	return rc;
}

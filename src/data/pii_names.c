/*
 * Names of persons, where the form of a document says that there are some: columns and fields of people, messages, chats, calls and
 * captions. A ticket, call or letter is searched by itself: elsewhere the same word may be a plan or a place. Reference: scrub.h, person.h.
 */
#include "data/scrub.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/json_view.h"
#include "data/person.h"
#include "data/text.h"
#include "data/tickets.h"
#include "data/walk.h"

enum { COLUMNS_MAX = 256, HEAD_WORDS = 8, TEXT_BYTES = 30, HEAD_BYTES = 160, DEPTH_MAX = 8 };

/* ---- columns and fields ------------------------------------------------------------------------------------------------------------ */

enum column { COLUMN_OTHER, COLUMN_CUSTOMER, COLUMN_SUPPORT, COLUMN_REPLY };

/* By the words of its name: "Assigned agent", "customer_name", "requesterName". */
static enum column column_of(struct str head)
{
	static const char other
		[] = "id ids email mail e-mail phone telephone tel mobile fax no nr number type plan status state date time "
		     "created "
		     "updated closed opened since company firm firma organisation organization org account team group department "
		     "role "
		     "title product tier segment language locale country city address url ip count satisfaction rating score "
		     "priority "
		     "queue channel tags subject betreff objet asunto region sku code",
	   customer[] =
		   "customer requester name fullname contact user client reporter from sender buyer first last surname forename "
		   "lastname firstname holder submitter raised requested cc to by author kunde kundin kundenname patient member "
		   "caller person vorname nachname ansprechpartner ansprechpartnerin absender melder anrufer nom prénom prenom "
		   "demandeur "
		   "demandeuse cliente nombre apellido apellidos solicitante remitente contacto naam klant aanvrager voornaam "
		   "achternaam "
		   "namn kund avsändare förnamn efternamn navn kunde kontakt kontaktperson nimi asiakas imię nazwisko klient "
		   "zgłaszający "
		   "nome cognome richiedente mittente solicitante requerente jméno příjmení zákazník név ügyfél фио имя клиент",
	   support[] =
		   "agent assignee owner assigned handled staff resolved operator answered rep employee supporter bearbeiter "
		   "bearbeiterin sachbearbeiter sachbearbeiterin mitarbeiter betreuer zuständig conseiller conseillère "
		   "interlocuteur "
		   "agente responsable asignado operador encargado medewerker behandelaar handläggare sagsbehandler saksbehandler "
		   "käsittelijä "
		   "pracownik konsultant opiekun operatore responsabile assegnato atendente responsável agente řešitel ügyintéző "
		   "оператор ответственный engineer technician advisor manager csm",
	   reply[] = "reply answer response resolution solution comment antwort lösung réponse respuesta solución antwoord "
		     "oplossing svar "
		     "lösning odpowiedź rozwiązanie risposta soluzione resposta solução ответ";
	enum column kind = COLUMN_OTHER;
	bool named = false;
	head = person_trim(head);
	for (size_t at = 0, words = 0; at < head.n && words < HEAD_WORDS; words++) {
		struct str w = person_word(head, at);
		if (!w.n) {
			at++;
			continue;
		}
		for (size_t i = 1; i < w.n; i++) /* "requesterName" */
			if (islower((unsigned char)w.p[i - 1]) && isupper((unsigned char)w.p[i]))
				w.n = i;
		at += w.n;
		named |= str_in(w, other);
		if (str_in(w, other)) /* "customer id"; but "account manager" */
			kind = COLUMN_OTHER;
		else if (named && str_in(w, "name nom nombre naam namn navn nome")) /* "product name" */
			continue;
		else if (str_in(w, reply) || (str_in(w, "message") && kind == COLUMN_SUPPORT))
			kind = COLUMN_REPLY;
		else if (str_in(w, support) && kind != COLUMN_REPLY)
			kind = COLUMN_SUPPORT;
		else if (str_in(w, customer) && kind == COLUMN_OTHER)
			kind = COLUMN_CUSTOMER;
	}
	return kind;
}

/* What a field of a ticket says. */
static int field_names(struct persons *p, enum column column, struct str field, struct err *e)
{
	struct str text = person_trim(field);
	bool one;
	if (column == COLUMN_CUSTOMER || column == COLUMN_SUPPORT) {
		enum role role = column == COLUMN_SUPPORT ? ROLE_SUPPORT : ROLE_CUSTOMER;
		if (!memchr(text.p, '\n', text.n) && text.n <= 3 * TEXT_BYTES)
			return memchr(text.p, ';', text.n) || memchr(text.p, '<', text.n)
				? person_add_list(p, text, role, e)
				: person_add_whole(p, text, role, &one, e);
	}
	bool reply = column == COLUMN_REPLY || column == COLUMN_SUPPORT;
	int rc = 0;
	if (memchr(text.p, '@', text.n) || memchr(text.p, '\n', text.n) || text.n > TEXT_BYTES || column == COLUMN_REPLY)
		rc = message_names(p, field, reply ? ROLE_SUPPORT : ROLE_CUSTOMER, reply ? ROLE_CUSTOMER : ROLE_SUPPORT, e);
	return rc < 0 || !memchr(text.p, '\n', text.n) ? rc : turn_names(p, field, e);
}

/* ---- CSV --------------------------------------------------------------------------------------------------------------------------- */

size_t csv_field_length(struct str t, size_t at, char sign)
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

static int csv_names(struct piis *out, struct str t, struct persons *p, struct arena *a, struct err *e)
{
	enum column column[COLUMNS_MAX] = {0};
	size_t mark = t.n >= 3 && !memcmp(t.p, "\xef\xbb\xbf", 3) ? 3 : 0;
	char sign = (char)data_csv_delimiter(t.p + mark, t.n - mark);
	int rc = 0;
	bool head = true;
	for (size_t at = mark, row; at < t.n && rc == 0; head = false) {
		persons_clear(p);
		row = at;
		for (size_t k = 0; rc == 0; k++) {
			size_t n = csv_field_length(t, at, sign);
			struct str field = {t.p + at, n};
			if (head && k < COLUMNS_MAX)
				column[k] = column_of(field);
			else if (!head)
				rc = field_names(p, k < COLUMNS_MAX ? column[k] : COLUMN_OTHER, field, e);
			at += n + 1;
			if (at > t.n || t.p[at - 1] == '\n')
				break;
		}
		at = at < t.n ? at : t.n;
		if (rc == 0 && !head)
			rc = persons_find(out, p, (struct span){row, at}, a, e);
	}
	return rc;
}

/* ---- JSON, its escapes resolved ------------------------------------------------------------------------------------------------------ */

/* The closing quotation mark of the string that begins at `at`. */
static size_t string_end(const struct document *view, size_t at)
{
	size_t i = at + 1;
	while (i < view->size && !(view->bytes[i] == '"' && !json_view_is_escape(view, i)))
		i++;
	return i;
}

static int json_names(struct piis *out, const struct document *view, struct persons *p, struct arena *a, struct err *e)
{
	struct str t = p->text, key = {0}, outer[DEPTH_MAX] = {{0}};
	size_t depth = 0, unit = 0, list = 0;
	int rc = 0;
	persons_clear(p);
	for (size_t i = 0; i < t.n && rc == 0; i++) {
		char c = t.p[i];
		if (c == '[' && !depth && !list)
			list = 1; /* of the objects themselves */
		else if (c == '{') {
			if (!depth) {
				persons_clear(p);
				unit = i;
			}
			depth++;
			if (depth < DEPTH_MAX)
				outer[depth] = depth > 1 ? key : (struct str){0};
			key = (struct str){0};
		} else if (c == '}' && depth && --depth == 0)
			rc = persons_find(out, p, (struct span){unit, i}, a, e);
		if (c != '"')
			continue;
		size_t end = string_end(view, i), next = end + 1;
		struct str s = {t.p + i + 1, end - i - (end > i)};
		while (next < t.n && isspace((unsigned char)t.p[next]))
			next++;
		if (pii_at(t, next) == ':')
			key = s;
		else if (depth) {
			bool assistant = str_in(key, "completion output chosen");
			char head[HEAD_BYTES]; /* "product name" of {"product": {"name": ...}} */
			struct str in = depth < DEPTH_MAX ? outer[depth] : (struct str){0};
			int n = snprintf(head, sizeof head, "%.*s %.*s", (int)(in.n < 64 ? in.n : 0), in.n ? in.p : "",
				(int)(key.n < 64 ? key.n : 0), key.n ? key.p : "");
			rc = str_in(key, "role type")
				? 0
				: field_names(p, assistant ? COLUMN_REPLY : column_of((struct str){head, (size_t)n}), s, e);
		}
		i = end;
	}
	return rc;
}

/* ---- text ---------------------------------------------------------------------------------------------------------------------------- */

/* "<v.loud Ida Berg>" of captions. */
static int voice_names(struct persons *p, struct str t, struct err *e)
{
	int rc = 0;
	bool one;
	for (size_t i = 0; i + 3 < t.n && rc == 0; i++) {
		if (t.p[i] != '<' || t.p[i + 1] != 'v' || !strchr(" .\t", t.p[i + 2]))
			continue;
		const char *end = memchr(t.p + i, '>', t.n - i);
		if (!end) /* nor behind any other */
			break;
		size_t from = i + 2, to = (size_t)(end - t.p);
		while (from < to && !isspace((unsigned char)t.p[from]))
			from++;
		rc = person_add_whole(p, (struct str){t.p + from, to - from}, ROLE_SPEAKER, &one, e);
		i = to;
	}
	return rc;
}

int pii_people_learn(struct persons *p, const char *path, struct err *e)
{
	int rc = turn_names(p, p->text, e);
	if (rc == 0 && walk_kind(path) == WALK_CAPTIONS)
		rc = voice_names(p, p->text, e);
	return rc < 0 ? rc : message_names(p, p->text, ROLE_SPEAKER, ROLE_SPEAKER, e);
}

static int text_names(struct piis *out, struct persons *p, const char *path, struct arena *a, struct err *e)
{
	int rc = pii_people_learn(p, path, e);
	return rc < 0 ? rc : persons_find(out, p, (struct span){0, p->text.n}, a, e);
}

int pii_names_find(struct piis *out, const struct document *d, struct arena *a, struct err *e)
{
	enum walk_kind kind = walk_kind(d->path);
	struct str t = {d->bytes, d->size};
	if (kind == WALK_MARKDOWN || kind == WALK_HTML || kind == WALK_NONE)
		return 0;
	struct persons *p = mem_alloc(1, sizeof *p, e);
	if (!p)
		return ERR_RESOURCE;
	persons_init(p, t);
	int rc = kind == WALK_TICKETS ? csv_names(out, t, p, a, e)
		: kind == WALK_JSON   ? json_names(out, d, p, a, e)
				      : text_names(out, p, d->path, a, e);
	persons_release(p);
	mem_free(p);
	return rc;
}

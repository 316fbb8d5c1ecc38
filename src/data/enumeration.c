/*
 * Lists that leave something out. A list is recognised by what stands in it: one name of a well-known kind (a language, a system, a
 * format) makes the others names of that kind, and a noun such as "plan" makes names of any words. A sentence that leaves its list
 * open ("such as", "and others") lists nothing.
 */
#include "data/enumeration.h"

#include <ctype.h>
#include <string.h>

#include "data/clause.h"
#include "data/names.h"
#include "data/terms.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Names that are close to a member (TypeScript to JavaScript) are never asked for: they stand in `inside`. */
static const struct category categories[] = {
	{"plan tier edition", "on the $O $K",
		"Platinum|Starter|Business|Enterprise|Premium|Basic|Gold|Silver|Professional|Ultimate|Standard|Diamond|Team", "",
		false},
	{"role", "with the $O $K", "Guest|Manager|Viewer|Editor|Moderator|Supervisor|Contributor|Analyst|Reviewer|Approver", "",
		false},
	{"region location", "in the $O $K",
		"Singapore|Tokyo|Sydney|Mumbai|Dublin|Frankfurt|London|Virginia|Oregon|Seoul|Cape Town|Paris|Warsaw|Chicago", "",
		false},
	{NULL, "with $O", "Ruby|PHP|Perl|Rust|Haskell|Elixir|Lua|Swift|Erlang|Fortran|Julia|Dart",
		"Python|Go|Java|Node|JavaScript|TypeScript|C|C#|C++|.NET|Kotlin|Scala", false},
	{NULL, "on $O", "Windows/Win32/Win64|macOS/Mac/OS X/Darwin|FreeBSD/BSD|Solaris|AIX|ChromeOS/Chrome OS",
		"Linux|Ubuntu|Debian|Android|iOS", false},
	{NULL, "with $O",
		"Oracle|MongoDB/Mongo|MySQL|PostgreSQL/Postgres|MariaDB|SQL Server/MSSQL|Cassandra|Redis|DynamoDB|CouchDB|Firebird",
		"", false},
	{NULL, "as $O", "Excel/XLSX/XLS|XML|PDF|Word/DOCX|Avro|YAML/YML|HTML|ORC|OpenDocument/ODS", "Parquet|NDJSON|JSON|CSV|TSV",
		true},
	{NULL, "in $O", "Firefox/Mozilla|Safari|Opera|Internet Explorer|Vivaldi|Brave", "Chrome|Edge", false},
	{NULL, "on $O", "Azure|Google Cloud/GCP|Alibaba Cloud|Oracle Cloud|Hetzner|DigitalOcean|OpenStack", "AWS", false},
	{NULL, "in $O", "US dollars/USD/dollars/dollar|Swiss francs/CHF/francs|yen/JPY|pounds/GBP|roubles|rupees", "EUR|euros",
		false},
	{NULL, "in $O", "Spanish|French|Italian|Japanese|Portuguese|Dutch|Polish|Chinese|Korean|Finnish", "English|German|Swedish",
		false},
	{NULL, "with $O", "Okta|Keycloak|Auth0|OneLogin|Ping Identity|Entra ID/Azure AD/Active Directory", "", false},
	{NULL, "with $O", "LDAP|Kerberos|OpenID Connect/OIDC/OpenID|RADIUS", "SAML", false},
	{NULL, "in $O", "Slack|Microsoft Teams/MS Teams|Discord|Mattermost|Telegram|WhatsApp|Zulip", "", false},
	{NULL, "with $O", "gzip|brotli|zstd/Zstandard|bzip2|LZ4", "zip", true},
	{NULL, "by $O", "PayPal|Bitcoin|cheque/check|cash|Apple Pay|Klarna", "credit card|bank transfer|direct debit|card", false},
};

/* What opens a list, bounds it or turns it round. */
static const char open_words[] =
	"such like example examples e.g including include includes etc similar others other more most many some "
	"any various not no never don't doesn't isn't aren't can't cannot unlike instead than if unless was were unix posix";

/* Without one of these a sentence that names two systems may be about anything, a measurement for instance. */
static const char offer_words[] =
	"support supports supported offer offers offered provide provides provided maintain maintains maintained "
	"run runs work works accept accepts accepted available served exist exists come comes written";

/* ---- names ------------------------------------------------------------------------------------------------------------------- */

/* The next piece of *rest up to `separator`; false at the end. */
static bool piece_next(const char **rest, char separator, struct str *out)
{
	if (!**rest)
		return false;
	const char *end = strchr(*rest, separator);
	size_t n = end ? (size_t)(end - *rest) : strlen(*rest);
	*out = (struct str){*rest, n};
	*rest += n + (end != NULL);
	return true;
}

/* Words of the name of the category that starts at words[i]; 0: none does. */
static size_t name_words(const struct category *c, const struct word *w, size_t n, size_t i)
{
	const char *lists[] = {c->outside, c->inside};
	for (size_t l = 0; l < COUNT(lists); l++) {
		struct str names, name;
		for (const char *rest = lists[l]; piece_next(&rest, '|', &names);) {
			const char *forms = names.p;
			while (forms < names.p + names.n) {
				size_t len = strcspn(forms, "/|");
				if (*forms != *w[i].p) {
					forms += len + 1;
					continue;
				}
				name = (struct str){forms, len};
				size_t words = str_words(name);
				struct str text = i + words <= n ? words_text(w, i, i + words) : STR("");
				if (text.n == len && !memcmp(text.p, forms, len))
					return words;
				forms += len + 1;
			}
		}
	}
	return 0;
}

/* 'words' in the text, neither inside a word nor before the rest of one; a plural is the same word. */
static bool text_mentions(const char *text, struct str words)
{
	char form[64];
	if (!text || words.n >= sizeof form)
		return text != NULL;
	memcpy(form, words.p, words.n);
	form[words.n] = 0;
	for (const char *p = text; (p = strcasestr(p, form)); p++) {
		char after = p[words.n] == 's' ? p[words.n + 1] : p[words.n];
		if ((p == text || !isalnum((unsigned char)p[-1])) && !isalnum((unsigned char)after))
			return true;
	}
	return false;
}

bool documents_mention(const struct document *d, size_t n, struct str words)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < d[i].n_sections; k++)
			if (text_mentions(d[i].sections[k].title, words))
				return true;
		for (size_t k = 0; k < d[i].n_blocks; k++) {
			const struct block *b = &d[i].blocks[k];
			if (text_mentions(b->text, words))
				return true;
			for (size_t c = 0; c < b->n_rows * b->n_cols; c++)
				if (text_mentions(b->cells[c], words))
					return true;
		}
	}
	return false;
}

/* *out = the names of the category that no document mentions in any spelling, separated by |, in the arena. */
static int strangers_of(
	const char **out, const struct category *c, const struct document *d, size_t n, struct arena *a, struct err *e)
{
	struct str names, form;
	struct buf b = {0};
	int rc = 0;
	for (const char *rest = c->outside; piece_next(&rest, '|', &names) && !rc;) {
		bool mentioned = false;
		for (const char *p = names.p; p < names.p + names.n && !mentioned; p += form.n + 1) {
			form = (struct str){p, strcspn(p, "/|")};
			mentioned = documents_mention(d, n, form);
		}
		if (!mentioned)
			rc = buf_printf(&b, e, "%s%.*s", b.len ? "|" : "", (int)strcspn(names.p, "/|"), names.p);
	}
	*out = rc ? NULL : arena_strdup(a, b.p ? b.p : "", b.len, e);
	buf_release(&b);
	return rc || *out ? rc : ERR_RESOURCE;
}

/* Fills in `strangers`; each category's are looked for once, in all documents. */
static int strangers_find(struct enumerations *v, const struct document *d, size_t n, struct arena *a, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < v->n && !rc; i++) {
		size_t k = 0;
		while (k < i && v->p[k].category != v->p[i].category)
			k++;
		if (k < i)
			v->p[i].strangers = v->p[k].strangers;
		else
			rc = strangers_of(&v->p[i].strangers, v->p[i].category, d, n, a, e);
	}
	return rc;
}

int enumeration_outsider(const char **out, const struct enumeration *s, struct rng *r, struct arena *a, struct err *e)
{
	struct str name, chosen = {NULL, 0};
	uint32_t seen = 0;
	*out = NULL;
	for (const char *rest = s->strangers; piece_next(&rest, '|', &name);)
		if (rng_below(r, ++seen) == 0) /* each with the same chance */
			chosen = name;
	if (chosen.p && !(*out = arena_strdup(a, chosen.p, chosen.n, e)))
		return ERR_RESOURCE;
	return 0;
}

/* ---- adding ------------------------------------------------------------------------------------------------------------------ */

static bool has_member(const struct enumeration *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->member[i], name))
			return true;
	return false;
}

static bool is_within(const struct enumeration *a, const struct enumeration *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!has_member(b, a->member[i]))
			return false;
	return true;
}

/* Of lists with one label the one that holds the others stays. */
static int add(struct enumerations *v, const struct enumeration *s, struct err *e)
{
	for (size_t i = 0; i < v->n && s->category->label; i++) {
		struct enumeration *old = &v->p[i];
		if (old->category != s->category)
			continue;
		if (is_within(s, old))
			return 0;
		bool disputed = old->disputed || !is_within(old, s);
		*old = *s;
		old->disputed = disputed;
		return 0;
	}
	if (mem_reserve(&v->p, v->n, &v->cap, sizeof *v->p, e))
		return ERR_RESOURCE;
	v->p[v->n++] = *s;
	return 0;
}

/* ---- tables ------------------------------------------------------------------------------------------------------------------ */

/* "The plans are Seed, Grove and Canopy." */
static const char *members_say(const struct enumeration *s, struct arena *a, struct err *e)
{
	struct buf b = {0};
	const char *made = NULL;
	size_t len = strlen(s->noun);
	bool y = s->noun[len - 1] == 'y';
	int rc = buf_printf(&b, e, "The %.*s%s are ", (int)(len - y), s->noun, y ? "ies" : "s");
	for (size_t i = 0; i < s->n && rc == 0; i++)
		rc = buf_printf(&b, e, "%s%s", i == 0 ? "" : i + 1 < s->n ? ", " : " and ", s->member[i]);
	if (rc == 0 && buf_puts(&b, ".", e) == 0)
		made = arena_strdup(a, b.p, b.len, e);
	buf_release(&b);
	return made;
}

/* The category of what the first column names, or NULL. */
static const struct category *column_category(const struct block *b, const char *noun)
{
	for (size_t i = 0; i < COUNT(categories); i++) {
		const struct category *c = &categories[i];
		if (c->label && str_in((struct str){noun, strlen(noun)}, c->label))
			return c;
		for (size_t row = 1; row < b->n_rows && !c->label; row++) {
			struct word w[SENTENCE_WORDS];
			const char *cell = b->cells[row * b->n_cols];
			size_t n = words_split((struct str){cell, strlen(cell)}, w);
			if (n && name_words(c, w, n, 0) == n)
				return c;
		}
	}
	return NULL;
}

/* Does the row name something and say nothing of it? Then nobody knows whether it is there. */
static bool is_empty(const struct block *b, size_t row)
{
	for (size_t col = 1; col < b->n_cols; col++) {
		const char *cell = b->cells[row * b->n_cols + col];
		if (*cell && !str_in((struct str){cell, strlen(cell)}, "- -- ? n/a none"))
			return false;
	}
	return true;
}

static int from_table(struct enumerations *out, const struct maker *m, const struct block *b, struct err *e)
{
	if (b->n_cols < 2 || b->n_rows < 3 || b->n_rows > MEMBERS_MAX + 1)
		return 0;
	struct str head = {b->cells[0], strlen(b->cells[0])};
	struct word noun = {head.p, head.n, false};
	struct enumeration s = {.document = m->document, .section = m->section, .span = b->span};
	s.noun = names_lower_first(m->names, m->arena, head, e);
	if (!s.noun)
		return ERR_RESOURCE;
	s.category = column_category(b, s.noun);
	if (!s.category || !word_is_plain(&noun) || word_is_plural(&noun))
		return 0;
	for (size_t row = 1; row < b->n_rows; row++) {
		const char *cell = b->cells[row * b->n_cols];
		if (is_empty(b, row) || !isupper((unsigned char)*cell) || str_words((struct str){cell, strlen(cell)}) > 2 ||
			strpbrk(cell, ",;:/()"))
			return 0;
		if (!has_member(&s, cell))
			s.member[s.n++] = cell;
	}
	s.says = members_say(&s, m->arena, e);
	return s.says ? add(out, &s, e) : ERR_RESOURCE;
}

/* ---- sentences --------------------------------------------------------------------------------------------------------------- */

static bool has_word(const struct word *w, size_t n, const char *list)
{
	for (size_t i = 0; i < n; i++)
		if (word_in(&w[i], list))
			return true;
	return false;
}

/* Words of a member that starts at i: a known name, or a word with a capital inside the sentence. */
static size_t member_words(const struct category *c, const struct word *w, size_t n, size_t i)
{
	size_t known = i < n ? name_words(c, w, n, i) : 0;
	if (known || i >= n || i == 0)
		return known;
	return isupper((unsigned char)w[i].p[0]) && !word_is_function(&w[i]);
}

/*
 * Reads "Python, Go and Java" from word i on: how many words it takes, or 0 when what follows the last comma or "and" is no member,
 * so that nobody knows where the list ends.
 */
static size_t list_read(struct enumeration *s, const struct word *w, size_t n, size_t i, struct arena *a, struct err *e)
{
	size_t at = i;
	bool known = s->category->label != NULL;
	while (s->n < MEMBERS_MAX) {
		size_t words = member_words(s->category, w, n, at);
		struct str text = words_text(w, at, at + words);
		if (!words || !(s->member[s->n++] = arena_strdup(a, text.p, text.n, e)))
			return 0;
		known |= name_words(s->category, w, n, at) > 0;
		at += words;
		bool comma = w[at - 1].stop, joined = at < n && word_in(&w[at], "and or");
		if (at == n || (!comma && !joined))
			return known ? at - i : 0;
		at += joined;
	}
	return 0;
}

/* Does "only" stand right behind the words [first, end) or up to three words in front of them? */
static bool is_only(const struct word *w, size_t n, size_t first, size_t end)
{
	for (size_t i = first; i > 0 && i + 3 > first; i--)
		if (word_is(&w[i - 1], "only"))
			return true;
	return end < n && word_is(&w[end], "only");
}

/* "has three plans: Seed, ..." names them all; "the Seed and Grove plans" may name some. */
static bool is_introduced(const struct category *c, const struct word *w, size_t first)
{
	char singular[16];
	if (!c->label)
		return true;
	if (first == 0 || !word_is_plural(&w[first - 1]) || w[first - 1].n > sizeof singular)
		return false;
	memcpy(singular, w[first - 1].p, w[first - 1].n - 1);
	return str_in((struct str){singular, w[first - 1].n - 1}, c->label);
}

static int from_sentence(
	struct enumerations *out, const struct maker *m, const char *text, struct span span, bool step, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){text, strlen(text)}, w), words;
	if (!n || has_word(w, n, open_words) || word_is_pronoun(&w[0]))
		return 0;
	for (size_t k = 0; k < COUNT(categories); k++)
		for (size_t i = 1; i < n; i += words ? words : 1) {
			struct enumeration s = {.category = &categories[k],
				.says = text,
				.document = m->document,
				.section = m->section,
				.span = span};
			bool starts = s.category->label ? is_introduced(s.category, w, i)
							: !w[i - 1].stop && !word_in(&w[i - 1], "and or");
			words = starts && member_words(s.category, w, n, i) ? list_read(&s, w, n, i, m->arena, e) : 0;
			bool only = words && is_only(w, n, i, i + words);
			if (!words || (!only && (s.n < 2 || !(step || s.category->label || has_word(w, n, offer_words)))))
				continue;
			if (s.category->label) {
				struct str noun = {w[i - 1].p, w[i - 1].n - 1};
				s.noun = arena_strdup(m->arena, noun.p, noun.n, e);
				if (!s.noun)
					return ERR_RESOURCE;
			} else if (only) {
				struct clause c;
				clause_parse(w, n, &c);
				struct str subject = words_text(w, c.subject, c.subject_end);
				s.subject = c.shape == CLAUSE_FULL && !c.lead ? names_lower_first(m->names, m->arena, subject, e)
									      : NULL;
			}
			int rc = add(out, &s, e);
			if (rc < 0)
				return rc;
		}
	return 0;
}

bool items_states(const struct items *v, size_t i)
{
	const struct item *it = &v->p[i];
	return (it->kind == ITEM_STATEMENT || it->kind == ITEM_VALUE) && it->document->kind == DOCUMENT_PAGE &&
		(i == 0 || strcmp(v->p[i - 1].answer, it->answer));
}

int enumerations_find(struct enumerations *out, const struct maker *m, const struct document *d, size_t n, struct err *e)
{
	struct maker at = *m;
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (d[i].skipped || d[i].unseen || d[i].kind != DOCUMENT_PAGE || document_is_guide(&d[i]))
			continue;
		at.document = &d[i];
		for (size_t k = 0; k < d[i].n_sections && rc == 0; k++) {
			at.section = &d[i].sections[k];
			for (size_t j = 0; j < at.section->n_blocks && rc == 0; j++) {
				const struct block *b = &d[i].blocks[at.section->block + j];
				if (b->kind == BLOCK_TABLE)
					rc = from_table(out, &at, b, e);
				else if (b->kind == BLOCK_ITEM && b->ordinal)
					rc = from_sentence(out, &at, b->text, b->span, true, e);
			}
		}
	}
	for (size_t i = 0; i < m->items->n && rc == 0; i++) {
		const struct item *it = &m->items->p[i];
		if (!items_states(m->items, i))
			continue;
		at.document = it->document;
		at.section = it->section;
		rc = from_sentence(out, &at, it->answer, it->span, false, e);
	}
	return rc ? rc : strangers_find(out, d, n, m->arena, e);
}

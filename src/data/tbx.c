/* TBX, event by event. Reference: tbx.h; ISO 30042:2008 and :2019, the dialect TBX-Basic. */
#include "data/tbx.h"

#include "format/format.h"

#include <string.h>
#include <strings.h>

#include "data/encoding.h"
#include "data/text.h"
#include "data/xml.h"

enum { FILE_BYTES = 32 << 20, FORMS_MAX = 64, DEFINITION_BYTES = 400 };

enum status { STATUS_NONE, STATUS_PREFERRED, STATUS_ADMITTED, STATUS_FORBIDDEN };

struct form {
	char text[TERM_RULE_FORM_BYTES];
	enum status status;
};

/* What the element at hand says. */
enum field { FIELD_NONE, FIELD_TERM, FIELD_STATUS, FIELD_DEFINITION };

struct tbx {
	struct term_rules *out;
	const char *path;
	struct xml *x;
	struct form form[FORMS_MAX]; /* of the language at hand */
	size_t n_forms, n_concepts, n_languages;
	bool english;                             /* inside a section of English */
	char definition[2][DEFINITION_BYTES + 1]; /* of the concept; of the language */
	enum field field;                         /* being read, at `depth` */
	bool left_out;                            /* the term that was read last: its status is nobody's */
	int depth;
	struct buf text;
	struct err *e;
};

static bool is_one_of(const char *name, const char *list)
{
	return str_in((struct str){name, strlen(name)}, list);
}

static enum status status_of(const char *text)
{
	char word[32];
	size_t n = strcspn(text, "-");
	snprintf(word, sizeof word, "%.*s", (int)n, text);
	return is_one_of(word, "preferredTerm preferred standardizedTerm")                         ? STATUS_PREFERRED
		: is_one_of(word, "deprecatedTerm deprecated supersededTerm superseded forbidden") ? STATUS_FORBIDDEN
		: is_one_of(word, "admittedTerm admitted legalTerm regulatedTerm")                 ? STATUS_ADMITTED
												   : STATUS_NONE;
}

/* ---- what is read ------------------------------------------------------------------------------------------------------------ */

/* White space becomes single. */
static void text_close_up(struct buf *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->len; i++)
		if (!strchr(" \t\r\n", b->p[i]))
			b->p[n++] = b->p[i];
		else if (n && b->p[n - 1] != ' ')
			b->p[n++] = ' ';
	b->len = n && b->p[n - 1] == ' ' ? n - 1 : n;
	if (b->p)
		b->p[b->len] = 0;
}

static void field_close(struct tbx *t)
{
	text_close_up(&t->text);
	const char *text = t->text.len ? t->text.p : "";
	char *definition = t->definition[t->n_languages > 0];
	struct form *last = t->n_forms ? &t->form[t->n_forms - 1] : NULL;
	if (t->field == FIELD_DEFINITION && !*definition && t->text.len <= DEFINITION_BYTES)
		strcpy(definition, text);
	else if (t->field == FIELD_STATUS && last && !t->left_out)
		last->status = status_of(text);
	if (t->field == FIELD_TERM)
		t->left_out = !*text || t->text.len >= sizeof last->text || t->n_forms == FORMS_MAX;
	if (t->field == FIELD_TERM && t->left_out)
		term_rules_unread(t->out, t->path, xml_line(t->x), text);
	else if (t->field == FIELD_TERM) {
		t->form[t->n_forms].status = STATUS_NONE;
		strcpy(t->form[t->n_forms++].text, text);
	}
	t->field = FIELD_NONE;
}

/* The rules of the language at hand. */
static int language_close(struct tbx *t)
{
	const char *definition = *t->definition[1] ? t->definition[1] : t->definition[0], *preferred = "";
	enum status best = STATUS_FORBIDDEN;
	size_t n_forbidden = 0;
	int rc = 0;
	for (size_t i = 0; i < t->n_forms; i++) {
		enum status s = t->form[i].status;
		if (s == STATUS_PREFERRED ? best != STATUS_PREFERRED : s != STATUS_FORBIDDEN && best == STATUS_FORBIDDEN) {
			preferred = t->form[i].text;
			best = s;
		}
	}
	for (size_t i = 0; i < t->n_forms && !rc; i++)
		if (t->form[i].status == STATUS_FORBIDDEN) {
			rc = term_rules_add(
				t->out, (struct term_rule){preferred, t->form[i].text, *preferred ? definition : ""}, t->e);
			n_forbidden++;
		}
	if (!rc && *preferred && !n_forbidden)
		rc = term_rules_add(t->out, (struct term_rule){preferred, "", definition}, t->e);
	t->n_forms = 0;
	return rc;
}

/* ---- elements ---------------------------------------------------------------------------------------------------------------- */

/* What the element holds: by its name, or in the style of attributes by its type. */
static enum field field_of(struct tbx *t, const char *name)
{
	char type[64];
	if (!strcmp(name, "term"))
		return t->english ? FIELD_TERM : FIELD_NONE;
	if (is_one_of(name, "termNote descrip admin") && xml_attribute_as(t->x, "type", type, sizeof type))
		name = type;
	if (t->english && is_one_of(name, "administrativeStatus normativeAuthorization"))
		return FIELD_STATUS;
	return !strcmp(name, "definition") && (t->english || !t->n_languages) ? FIELD_DEFINITION : FIELD_NONE;
}

static void on_open(struct tbx *t)
{
	const char *name = t->x->name;
	char language[16] = "";
	if (is_one_of(name, "termEntry conceptEntry")) {
		t->n_concepts++;
		t->n_languages = 0;
		t->definition[0][0] = 0;
	} else if (is_one_of(name, "langSet langSec")) {
		t->n_languages++;
		t->n_forms = 0;
		t->definition[1][0] = 0;
		xml_attribute_as(t->x, "xml:lang", language, sizeof language);
		t->english = !strncasecmp(language, "en", 2) && strchr("-_", language[2]);
	} else if (t->field == FIELD_NONE && (t->field = field_of(t, name)) != FIELD_NONE) {
		t->depth = t->x->depth;
		buf_clear(&t->text);
	}
}

static int on_close(struct tbx *t)
{
	int rc = 0;
	if (t->field != FIELD_NONE && t->x->depth == t->depth)
		field_close(t);
	if (!is_one_of(t->x->name, "langSet langSec"))
		return 0;
	if (t->english)
		rc = language_close(t);
	t->english = false;
	return rc;
}

/* A document type without entities of its own says nothing that is needed here; white space in its place keeps the lines. */
static void doctype_blank(struct buf *text)
{
	char *p = memmem(text->p, text->len, "<!DOCTYPE", 9), *end = text->p + text->len;
	char *close = p ? memchr(p, '>', (size_t)(end - p)) : NULL;
	if (!close || memchr(p, '[', (size_t)(close - p)))
		return;
	for (; p <= close; p++)
		*p = *p == '\n' ? '\n' : ' ';
}

static int events_read(struct tbx *t, struct document *d, struct arena *a)
{
	enum xml_event event;
	const struct buf text = {(char *)d->bytes, d->size, d->size};
	struct xml x;
	bool first = true;
	t->x = &x;
	int rc = xml_open(&x, t->path, &text, d, a, t->e);
	x.every = true;
	while (!rc && !d->skipped && !(rc = xml_next(&x, &event, t->path, d, a, t->e)) && event != XML_END) {
		if (event == XML_OPEN && first && !is_one_of(x.name, "martif tbx"))
			rc = document_skip(d, a, t->e, "%s:%zu: expected the element martif or tbx of TBX, found %.40s", t->path,
				xml_line(&x), x.name);
		else if (event == XML_OPEN)
			on_open(t);
		else if (event == XML_CLOSE)
			rc = on_close(t);
		else if (t->field != FIELD_NONE)
			rc = buf_puts(&t->text, x.text, t->e);
		first &= event != XML_OPEN;
	}
	xml_close(&x);
	return rc ? rc : d->skipped ? err_set(t->e, ERR_DATA, "%s", d->skipped) : 0;
}

int tbx_read(struct term_rules *out, const char *path, struct err *e)
{
	struct arena a;
	struct buf text = {0};
	struct tbx *t = mem_alloc(1, sizeof *t, e);
	size_t before = out->n;
	arena_init(&a, 4096);
	int rc = t ? file_read(path, FILE_BYTES, &text, e) : ERR_RESOURCE;
	struct document d = {.path = path, .bytes = text.len ? text.p : "", .size = text.len};
	if (!rc)
		rc = encoding_convert(&d, false, &a, e);
	if (!rc && (d.skipped || !utf8_is_valid(d.bytes, d.size)))
		rc = err_set(e, ERR_DATA, "%s: expected UTF-8 or UTF-16, found neither", path);
	if (rc)
		goto done;
	doctype_blank(&(struct buf){(char *)d.bytes, d.size, d.size}); /* the bytes are this function's own */
	*t = (struct tbx){.out = out, .path = path, .e = e};
	rc = events_read(t, &d, &a);
	if (!rc && t->n_concepts && out->n == before)
		log_line(LOG_WARNING, "%s: %zu concepts, none with a term in English", path, t->n_concepts);
	buf_release(&t->text);
done:
	mem_free(t);
	buf_release(&text);
	arena_release(&a);
	return rc;
}

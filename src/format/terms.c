/*
 * terms.yaml: a mapping with the one key `terms`, a list of mappings with `preferred`, `forbidden`, `definition` and `status`. People edit
 * it, so every mistake is refused with its line; what is written is quoted, so that any text comes back as it was. Forms are
 * compared ignoring ASCII case, as they are when they are looked for in text. Reference: format.h; YAML 1.1, libyaml.
 */
#include "format/format.h"

#include <stdlib.h>
#include <string.h>
#include <ctype.h>
#include <strings.h>

#include "format/unicode.h"
#include "format/yaml_event.h"

enum { FILE_MAX = 1024 * 1024 };

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

/* A spelling, wanted or not, and where it stands. */
struct form {
	const char *text;
	size_t line;
	bool preferred;
};

struct reader {
	struct yaml_events events;
	struct arena *arena;
	struct term *term;
	size_t n_terms, cap_terms;
	struct form *form; /* of a term its forbidden forms, then the preferred one */
	size_t n_forms, cap_forms;
	struct buf text; /* scratch */
};

static int refuse(const struct reader *r, size_t line, const char *what, struct err *e)
{
	return err_set(e, ERR_DATA, "%s:%zu: %s", r->events.path, line, what);
}

static int add_form(struct reader *r, const char *text, size_t line, bool preferred, struct err *e)
{
	if (mem_reserve(&r->form, r->n_forms, &r->cap_forms, sizeof *r->form, e))
		return ERR_RESOURCE;
	r->form[r->n_forms++] = (struct form){text, line, preferred};
	return 0;
}

/* The text of a scalar event in the arena. */
static int read_text(struct reader *r, const yaml_event_t *event, const char **out, struct err *e)
{
	buf_clear(&r->text);
	int rc = yaml_event_text(&r->events, event, &r->text, e);
	if (rc)
		return rc;
	*out = arena_strdup(r->arena, r->text.len ? r->text.p : "", r->text.len, e);
	return *out ? 0 : ERR_RESOURCE;
}

static int read_form(struct reader *r, const yaml_event_t *event, const char **out, struct err *e)
{
	int rc = read_text(r, event, out, e);
	if (!rc && !**out)
		rc = refuse(r, yaml_event_line(event), "expected a word or words, found nothing", e);
	return rc;
}

/* The items of a list whose first event is `first`. */
static int read_forbidden(struct reader *r, const yaml_event_t *first, struct err *e)
{
	if (first->type != YAML_SEQUENCE_START_EVENT)
		return refuse(r, yaml_event_line(first), "expected a list after 'forbidden', such as [word, other word]", e);
	for (;;) {
		yaml_event_t item;
		const char *text = NULL;
		int rc = yaml_events_next(&r->events, &item, e);
		bool end = item.type == YAML_SEQUENCE_END_EVENT;
		if (!rc && !end)
			rc = read_form(r, &item, &text, e);
		if (!rc && !end)
			rc = add_form(r, text, yaml_event_line(&item), false, e);
		yaml_event_delete(&item);
		if (rc || end)
			return rc;
	}
}

enum { KEY_PREFERRED = 1, KEY_FORBIDDEN = 2, KEY_DEFINITION = 4, KEY_STATUS = 8 };

/* The key of an event, a single bit that is not yet in `seen`. */
static int read_key(struct reader *r, const yaml_event_t *event, unsigned seen, unsigned *key, struct err *e)
{
	const char *name;
	size_t line = yaml_event_line(event);
	int rc = read_text(r, event, &name, e);
	if (rc)
		return rc;
	*key = !strcmp(name, "preferred")     ? KEY_PREFERRED
		: !strcmp(name, "forbidden")  ? KEY_FORBIDDEN
		: !strcmp(name, "definition") ? KEY_DEFINITION
		: !strcmp(name, "status")     ? KEY_STATUS
					      : 0;
	if (!*key)
		return err_set(e, ERR_DATA, "%s:%zu: unknown key '%s'; a term has preferred, forbidden, definition and status",
			r->events.path, line, name);
	if (seen & *key)
		return err_set(e, ERR_DATA, "%s:%zu: this term has '%s' already", r->events.path, line, name);
	return 0;
}

static const char *const status_name[] = {"accepted", "found", "rejected"};

const char *term_status_name(enum term_status status)
{
	return status_name[status];
}

static int read_status(struct reader *r, const yaml_event_t *event, enum term_status *out, struct err *e)
{
	const char *text;
	int rc = read_text(r, event, &text, e);
	for (size_t i = 0; i < sizeof status_name / sizeof *status_name && !rc; i++)
		if (!strcmp(text, status_name[i])) {
			*out = (enum term_status)i;
			return 0;
		}
	return rc ? rc : refuse(r, yaml_event_line(event), "expected the status accepted, found or rejected", e);
}

/* Keys and values up to the end of the mapping. */
static int read_pairs(struct reader *r, struct term *term, size_t *line, unsigned *seen, struct err *e)
{
	for (;;) {
		yaml_event_t event;
		unsigned key = 0;
		int rc = yaml_events_next(&r->events, &event, e);
		bool end = event.type == YAML_MAPPING_END_EVENT;
		if (!rc && !end)
			rc = read_key(r, &event, *seen, &key, e);
		yaml_event_delete(&event);
		if (rc || end)
			return rc;
		*seen |= key;
		rc = yaml_events_next(&r->events, &event, e);
		if (rc)
			return rc;
		if (key == KEY_FORBIDDEN)
			rc = read_forbidden(r, &event, e);
		else if (key == KEY_DEFINITION)
			rc = read_text(r, &event, &term->definition, e);
		else if (key == KEY_STATUS)
			rc = read_status(r, &event, &term->status, e);
		else
			rc = read_form(r, &event, &term->preferred, e);
		if (key == KEY_PREFERRED)
			*line = yaml_event_line(&event);
		yaml_event_delete(&event);
		if (rc)
			return rc;
	}
}

/* One item of the list, which starts on `line`. */
static int read_term(struct reader *r, size_t line, struct err *e)
{
	struct term term = {.preferred = "", .definition = ""};
	size_t first = r->n_forms;
	unsigned seen = 0;
	if (r->n_terms == TERMS_MAX)
		return err_set(e, ERR_DATA, "%s:%zu: more than %d terms", r->events.path, line, TERMS_MAX);
	int rc = read_pairs(r, &term, &line, &seen, e);
	if (rc)
		return rc;
	term.n_forbidden = r->n_forms - first;
	if (!(seen & KEY_PREFERRED) && !term.n_forbidden)
		return refuse(r, line, "this term has neither a 'preferred' nor a 'forbidden' form", e);
	term.forbidden = arena_alloc(r->arena, term.n_forbidden, sizeof *term.forbidden, e);
	if (!term.forbidden)
		return ERR_RESOURCE;
	for (size_t i = 0; i < term.n_forbidden; i++)
		term.forbidden[i] = r->form[first + i].text;
	if (mem_reserve(&r->term, r->n_terms, &r->cap_terms, sizeof *r->term, e))
		return ERR_RESOURCE;
	r->term[r->n_terms++] = term;
	return *term.preferred ? add_form(r, term.preferred, line, true, e) : 0;
}

/* The list under `terms`, up to its end. */
static int read_list(struct reader *r, struct err *e)
{
	for (;;) {
		yaml_event_t event;
		int rc = yaml_events_next(&r->events, &event, e);
		if (rc)
			return rc;
		yaml_event_type_t type = event.type;
		size_t line = yaml_event_line(&event);
		yaml_event_delete(&event);
		if (type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (type != YAML_MAPPING_START_EVENT)
			return refuse(r, line, "expected '- preferred: WORD', found an item without keys", e);
		rc = read_term(r, line, e);
		if (rc)
			return rc;
	}
}

/* Takes the next event, which must be of this type; `key`, if any, is the text it must have. */
static int expect(struct reader *r, yaml_event_type_t type, const char *key, struct err *e)
{
	yaml_event_t event;
	int rc = yaml_events_next(&r->events, &event, e);
	if (rc)
		return rc;
	bool same = event.type == type && (!key || !strcmp((const char *)event.data.scalar.value, key));
	size_t line = yaml_event_line(&event);
	yaml_event_delete(&event);
	return same ? 0 : refuse(r, line, "expected the one key 'terms:' and a list of terms under it; '[]' is an empty list", e);
}

/* The one mapping of the file: what stands before its list, the list, what stands after it. */
static int read_document(struct reader *r, struct err *e)
{
	static const yaml_event_type_t before[] = {YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT, YAML_MAPPING_START_EVENT,
		YAML_SCALAR_EVENT, YAML_SEQUENCE_START_EVENT};
	static const yaml_event_type_t after[] = {YAML_MAPPING_END_EVENT, YAML_DOCUMENT_END_EVENT, YAML_STREAM_END_EVENT};
	int rc = 0;
	for (size_t i = 0; i < sizeof before / sizeof *before && !rc; i++)
		rc = expect(r, before[i], before[i] == YAML_SCALAR_EVENT ? "terms" : NULL, e);
	if (!rc)
		rc = read_list(r, e);
	for (size_t i = 0; i < sizeof after / sizeof *after && !rc; i++)
		rc = expect(r, after[i], NULL, e);
	return rc;
}

/* Equal forms side by side, the preferred ones first, then by line. */
static int by_form(const void *a, const void *b)
{
	const struct form *x = a, *y = b;
	int order = strcasecmp(x->text, y->text);
	if (!order)
		order = y->preferred - x->preferred;
	return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int check_forms(const struct reader *r, struct err *e)
{
	if (r->n_forms)
		qsort(r->form, r->n_forms, sizeof *r->form, by_form);
	for (size_t i = 1; i < r->n_forms; i++) {
		const struct form *first = &r->form[i - 1], *second = &r->form[i];
		if (!first->preferred || strcasecmp(first->text, second->text))
			continue;
		return err_set(e, ERR_DATA, "%s:%zu: '%s' is the preferred form of line %zu already%s", r->events.path,
			second->line, second->text, first->line, second->preferred ? "" : " and cannot be forbidden");
	}
	return 0;
}

/* Takes the bytes of `text`. */
static int terms_parse(struct terms *out, const char *path, struct buf *text, struct err *e)
{
	struct reader r = {.arena = &out->arena};
	*out = (struct terms){0};
	arena_init(&out->arena, 16384);
	int rc = yaml_events_start(&r.events, path, text, ERR_DATA, e);
	if (!rc)
		rc = read_document(&r, e);
	if (!rc)
		rc = check_forms(&r, e);
	if (rc)
		goto done;
	out->n = r.n_terms;
	out->p = arena_alloc(&out->arena, out->n, sizeof *out->p, e);
	rc = out->p ? 0 : ERR_RESOURCE;
	if (!rc && out->n)
		memcpy(out->p, r.term, out->n * sizeof *out->p);
done:
	yaml_events_close(&r.events);
	buf_release(&r.text);
	mem_free(r.term);
	mem_free(r.form);
	if (rc)
		terms_release(out);
	return rc;
}

int terms_read(struct terms *out, const char *path, struct err *e)
{
	struct buf text = {0};
	*out = (struct terms){0};
	int rc = file_read(path, FILE_MAX, &text, e);
	if (!rc)
		rc = terms_parse(out, path, &text, e);
	buf_release(&text);
	return rc;
}

void terms_release(struct terms *t)
{
	arena_release(&t->arena);
	*t = (struct terms){0};
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

/* May it stand in a quoted scalar as itself? Not what YAML takes for a line break, a mark or no character (YAML 1.1, 5.1 and 5.4). */
static bool is_plain(uint32_t c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0xfffe && c != 0x2028 && c != 0x2029 && c != 0xfeff) || c >= 0x10000;
}

/* `s` between quotation marks. */
static int put_quoted(struct buf *out, const char *s, struct err *e)
{
	int rc = buf_puts(out, "\"", e);
	for (size_t left = strlen(s), n; left && !rc; s += n, left -= n) {
		uint32_t c;
		n = utf8_next(s, left, &c);
		if (!n)
			return err_set(e, ERR_DATA, "a term is not UTF-8 at its byte 0x%02x", (unsigned char)*s);
		if (*s == '"' || *s == '\\')
			rc = buf_puts(out, "\\", e);
		if (!rc)
			rc = is_plain(c) ? buf_append(out, s, n, e) : buf_printf(out, e, "\\u%04x", (unsigned)c);
	}
	return rc ? rc : buf_puts(out, "\"", e);
}

/* An item of the list, `indent` spaces in. */
static int put_term(struct buf *out, const struct term *t, int indent, struct err *e)
{
	int rc = buf_printf(out, e, "%*s- ", indent, "");
	if (!rc && *t->preferred) {
		rc = buf_puts(out, "preferred: ", e);
		if (!rc)
			rc = put_quoted(out, t->preferred, e);
		if (!rc)
			rc = buf_printf(out, e, "\n%*s", indent + 2, "");
	}
	if (!rc)
		rc = buf_puts(out, "forbidden: [", e);
	for (size_t i = 0; i < t->n_forbidden && !rc; i++) {
		rc = i ? buf_puts(out, ", ", e) : 0;
		if (!rc)
			rc = put_quoted(out, t->forbidden[i], e);
	}
	if (!rc)
		rc = buf_printf(out, e, "]\n%*sdefinition: ", indent + 2, "");
	if (!rc)
		rc = put_quoted(out, t->definition, e);
	if (!rc && t->status)
		rc = buf_printf(out, e, "\n%*sstatus: %s", indent + 2, "", term_status_name(t->status));
	return rc ? rc : buf_puts(out, "\n", e);
}

int terms_write(const struct terms *t, const char *path, struct err *e)
{
	struct buf text = {0};
	int rc = buf_puts(&text,
		"# How things are called here: what is written, and what is not written instead.\n"
		"# status: found is a proposal; in a terms.yaml beside the documents people make it accepted or rejected.\n",
		e);
	if (!rc)
		rc = buf_puts(&text, t->n ? "terms:\n" : "terms: []\n", e);
	for (size_t i = 0; i < t->n && !rc; i++)
		rc = put_term(&text, &t->p[i], 2, e);
	if (rc == ERR_DATA)
		err_prefix(e, "%s", path);
	if (!rc && (t->n > TERMS_MAX || text.len > FILE_MAX))
		rc = err_set(e, ERR_DATA, "%s: %zu terms in %zu bytes are more than a terms file may hold, %d in %d bytes", path,
			t->n, text.len, TERMS_MAX, FILE_MAX);
	if (!rc)
		rc = file_replace(path, text.p, text.len, e);
	buf_release(&text);
	return rc;
}

/* The text of a terms file up to where one more item of its list would begin, and how far in its items stand. `empty`: it has none. */
static int list_end(struct buf *text, bool empty, int *indent, struct err *e)
{
	*indent = 2;
	while (text->len && isspace((unsigned char)text->p[text->len - 1]))
		text->len--;
	if (empty && text->len > 2 && !memcmp(text->p + text->len - 2, "[]", 2))
		text->len -= 2;
	for (const char *line = text->p; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		size_t n = strspn(line, " ");
		if (line[n] == '-' && line[n + 1] == ' ') {
			*indent = (int)n;
			break;
		}
	}
	return buf_puts(text, "\n", e);
}

int terms_append(const struct terms *t, const char *path, struct err *e)
{
	struct buf text = {0}, copy = {0};
	struct terms before = {0}, after = {0};
	int indent;
	if (!file_exists(path))
		return terms_write(t, path, e);
	int rc = terms_read(&before, path, e);
	if (!rc)
		rc = file_read(path, FILE_MAX, &text, e);
	if (!rc)
		rc = list_end(&text, !before.n, &indent, e);
	for (size_t i = 0; i < t->n && !rc; i++)
		rc = put_term(&text, &t->p[i], indent, e);
	if (!rc && text.len > FILE_MAX)
		rc = err_set(e, ERR_DATA, "%s: %zu more terms make it larger than the %d bytes that a terms file may have", path,
			t->n, FILE_MAX);
	if (!rc)
		rc = buf_append(&copy, text.p, text.len, e);
	if (!rc)
		rc = terms_parse(&after, path, &copy, e);
	if (!rc && after.n != before.n + t->n)
		rc = err_set(e, ERR_DATA, "%s: its list does not go on at its end", path);
	if (rc == ERR_DATA)
		err_prefix(e, "with %zu more terms at its end, which need a list of lines that begin with '- '", t->n);
	if (!rc)
		rc = file_replace(path, text.p, text.len, e);
	terms_release(&before);
	terms_release(&after);
	buf_release(&text);
	buf_release(&copy);
	return rc;
}

/* ---- whole words ------------------------------------------------------------------------------------------------------------ */

static bool is_wordy(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
	return isdigit((unsigned char)c);
}

/* Bytes of `text` that `form` matches, runs of white space being one; 0 when it does not. */
static size_t match(const char *text, const char *form)
{
	const char *t = text;
	while (*form) {
		if (isspace((unsigned char)*form)) {
			if (!isspace((unsigned char)*t))
				return 0;
			t += strspn(t, " \t\r\n");
			form += strspn(form, " \t\r\n");
		} else if (tolower((unsigned char)*t++) != tolower((unsigned char)*form++)) {
			return 0;
		}
	}
	return (size_t)(t - text);
}

/* Nothing begins or ends inside a word or a number; "." and "," between digits are part of a number. */
static bool is_cut(char outer, char mark, char edge)
{
	if (is_wordy(outer) && is_wordy(edge))
		return true;
	return (outer == '.' || outer == ',') && is_digit(mark) && is_digit(edge);
}

size_t words_match(const char *text, size_t at, const char *form, bool plural)
{
	const char *p = text + at;
	size_t n = match(p, form);
	if (!n || is_cut(at > 0 ? p[-1] : ' ', at > 1 ? p[-2] : ' ', p[0]))
		return 0;
	if (!is_cut(p[n], p[n] ? p[n + 1] : 0, p[n - 1]))
		return n;
	return plural && tolower((unsigned char)p[n]) == 's' && !is_wordy(p[n + 1]) ? n + 1 : 0;
}

size_t terms_match(const struct terms *t, const char *text, size_t at, size_t *term, bool *preferred)
{
	size_t best = 0, n;
	for (size_t i = 0; i < t->n; i++) {
		if (t->p[i].status != TERM_ACCEPTED)
			continue; /* nobody has said that it is one */
		if ((n = words_match(text, at, t->p[i].preferred, true)) > best) {
			best = n;
			*term = i;
			*preferred = true;
		}
		for (size_t k = 0; k < t->p[i].n_forbidden; k++)
			if ((n = words_match(text, at, t->p[i].forbidden[k], true)) > best) {
				best = n;
				*term = i;
				*preferred = false;
			}
	}
	return best;
}

/*
 * Briefs from CSV (libcsv; RFC 4180) and JSON lines. Reference: briefs.h.
 */
#include "flow/briefs.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <csv.h>

#include "data/data.h"

enum { BRIEFS_BYTES_MAX = 256 << 20, COLUMNS_MAX = 64 };

static const char *const field_names[BRIEF_FIELDS][4] = {[BRIEF_TYPE] = {"type", "kind", "format"},
	[BRIEF_AUDIENCE] = {"audience", "for", "reader"},
	[BRIEF_POINTS] = {"points", "key_points", "key points", "topic"},
	[BRIEF_LENGTH] = {"length", "words"}};

static int field_find(const char *name)
{
	for (int f = 0; f < BRIEF_FIELDS; f++)
		for (int i = 0; i < 4 && field_names[f][i]; i++)
			if (!strcasecmp(name, field_names[f][i]))
				return f;
	return -1;
}

/* ---- adding ------------------------------------------------------------------------------------------------------------------- */

static int id_make(struct briefs *b, struct brief *brief, struct err *e)
{
	struct sha256 *sum;
	char hex[65];
	int rc = sha256_new(&sum, e);
	if (rc)
		return rc;
	for (int f = 0; f < BRIEF_FIELDS; f++)
		sha256_add(sum, brief->field[f], strlen(brief->field[f]) + 1);
	sha256_hex(sum, hex);
	sha256_free(sum);
	hex[16] = 0;
	json_int_t before = json_integer_value(json_object_get(b->seen, hex));
	if (json_object_set_new(b->seen, hex, json_integer(before + 1)))
		return err_set(e, ERR_RESOURCE, "out of memory");
	snprintf(brief->id, sizeof brief->id, before ? "%s-%lld" : "%s", hex, (long long)before + 1);
	return 0;
}

/* A row's fields, of which some may be NULL. ERR_DATA when nothing can be made of it. */
static int add(struct briefs *b, const char *const *field, struct err *e)
{
	struct brief brief;
	const char *points = field[BRIEF_POINTS];
	if (!points || !points[strspn(points, " \t\r\n")])
		return err_set(e, ERR_DATA, "expected \"points\", what the draft is to say");
	if (field[BRIEF_LENGTH] && *field[BRIEF_LENGTH] && strtol(field[BRIEF_LENGTH], NULL, 10) < 1)
		return err_set(e, ERR_DATA, "expected a \"length\" in words, found \"%.40s\"", field[BRIEF_LENGTH]);
	for (int f = 0; f < BRIEF_FIELDS; f++) {
		const char *text = field[f] ? field[f] : "";
		struct buf clean = {0};
		int rc = utf8_append(&clean, text, strlen(text), e);
		brief.field[f] = rc ? NULL : arena_strdup(&b->arena, clean.len ? clean.p : "", clean.len, e);
		buf_release(&clean);
		if (!brief.field[f])
			return ERR_RESOURCE;
	}
	int rc = id_make(b, &brief, e);
	if (!rc)
		rc = mem_reserve(&b->p, b->n, &b->cap, sizeof *b->p, e);
	if (!rc)
		b->p[b->n++] = brief;
	return rc;
}

/* As add; a row that cannot be used is warned of, also one of which `e` says why already (then `field` is NULL). */
static int row_add(struct briefs *b, const char *const *field, const char *path, size_t line, struct err *e)
{
	int rc = field ? add(b, field, e) : e->code;
	if (rc != ERR_DATA)
		return rc;
	log_line(LOG_WARNING, "%s: line %zu: %s; left out", path, line, e->text);
	b->n_bad++;
	return 0;
}

/* ---- CSV ----------------------------------------------------------------------------------------------------------------------- */

struct table {
	struct briefs *b;
	const char *path;
	int column[COLUMNS_MAX]; /* its field, or -1 */
	struct buf text[COLUMNS_MAX];
	size_t n, n_columns, line, row_line;
	bool has_head;
	int rc;
	struct err *e;
};

static void on_field(void *p, size_t n, void *user)
{
	struct table *t = user;
	if (t->n < COLUMNS_MAX && !t->rc) {
		buf_clear(&t->text[t->n]);
		t->rc = buf_append(&t->text[t->n], n ? p : "", n, t->e);
	}
	t->n++;
}

static int head_read(struct table *t)
{
	struct buf found = {0};
	bool points = false;
	int rc = 0;
	t->n_columns = t->n < COLUMNS_MAX ? t->n : COLUMNS_MAX;
	for (size_t i = 0; i < t->n_columns && !rc; i++) {
		const char *name = t->text[i].len ? t->text[i].p : "";
		t->column[i] = field_find(name);
		points = points || t->column[i] == BRIEF_POINTS;
		rc = buf_printf(&found, t->e, "%s%.40s", i ? ", " : "", name);
	}
	t->has_head = true;
	if (!rc && !points)
		rc = err_set(t->e, ERR_DATA,
			"%s: line 1: expected a head with the columns type, audience, points and length, found %.300s", t->path,
			found.len ? found.p : "none");
	buf_release(&found);
	return rc;
}

static void on_row(int end, void *user)
{
	struct table *t = user;
	const char *field[BRIEF_FIELDS] = {NULL};
	(void)end;
	if (!t->rc && !t->has_head) {
		t->rc = head_read(t);
	} else if (!t->rc) {
		for (size_t i = 0; i < t->n && i < t->n_columns; i++)
			if (t->column[i] >= 0)
				field[t->column[i]] = t->text[i].len ? t->text[i].p : "";
		t->rc = row_add(t->b, field, t->path, t->row_line, t->e);
	}
	t->n = 0;
	t->row_line = t->line;
}

/* The parser has stopped. Of a row with a lone quotation mark nobody knows where it ends, so none of the file is taken. */
static int quote_refuse(const struct table *t, struct csv_parser *parser)
{
	if (csv_error(parser) == CSV_ENOMEM)
		return err_set(t->e, ERR_RESOURCE, "%s: out of memory", t->path);
	return err_set(t->e, ERR_DATA,
		"%s: line %zu: expected a row whose quotation marks are closed, each inside a field doubled; found one that is not",
		t->path, t->row_line);
}

static int csv_read(struct briefs *b, const char *path, struct err *e)
{
	struct table t = {.b = b, .path = path, .line = 1, .row_line = 1, .e = e};
	struct csv_parser parser;
	struct buf file = {0};
	t.rc = file_read(path, BRIEFS_BYTES_MAX, &file, e);
	if (!t.rc && csv_init(&parser, CSV_APPEND_NULL | CSV_STRICT | CSV_STRICT_FINI))
		t.rc = err_set(e, ERR_RESOURCE, "%s: out of memory", path);
	if (t.rc) {
		buf_release(&file);
		return t.rc;
	}
	size_t mark = file.len >= 3 && !memcmp(file.p, "\xef\xbb\xbf", 3) ? 3 : 0;
	csv_set_delim(&parser, data_csv_delimiter(file.p + mark, file.len - mark));
	for (size_t at = mark, n; at < file.len && !t.rc; at += n) { /* by lines, which are counted */
		const char *nl = memchr(file.p + at, '\n', file.len - at);
		n = nl ? (size_t)(nl - file.p) + 1 - at : file.len - at;
		t.line++;
		if (csv_parse(&parser, file.p + at, n, on_field, on_row, &t) != n && !t.rc)
			t.rc = quote_refuse(&t, &parser);
	}
	if (!t.rc && csv_fini(&parser, on_field, on_row, &t))
		t.rc = quote_refuse(&t, &parser);
	csv_free(&parser);
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		buf_release(&t.text[i]);
	buf_release(&file);
	return t.rc;
}

/* ---- JSON lines ------------------------------------------------------------------------------------------------------------------ */

/* A field's text, or that of a list, one behind the other. ERR_DATA when it is none of both. */
static int value_read(struct buf *text, int field, const char *name, const json_t *value, struct err *e)
{
	size_t n = json_is_array(value) ? json_array_size(value) : 1;
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i++) {
		const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
		if (json_is_string(one))
			rc = buf_printf(text, e, "%s%s", i ? "; " : "", json_string_value(one));
		else if (field == BRIEF_LENGTH && json_is_integer(one))
			rc = buf_printf(text, e, "%" JSON_INTEGER_FORMAT, json_integer_value(one));
		else if (!json_is_null(one))
			rc = err_set(e, ERR_DATA, "expected \"%.40s\" to be a string or a list of strings, found %s%s", name,
				json_is_array(value) ? "a list with " : "", json_kind(one));
	}
	return rc;
}

static int object_read(struct briefs *b, const json_t *o, const char *path, size_t line, struct err *e)
{
	const char *field[BRIEF_FIELDS] = {NULL}, *name;
	struct buf text[BRIEF_FIELDS] = {0};
	json_t *value;
	int rc = 0;
	json_object_foreach ((json_t *)(uintptr_t)o, name, value) {
		int f = field_find(name);
		if (f < 0 || rc)
			continue;
		buf_clear(&text[f]);
		rc = value_read(&text[f], f, name, value, e);
	}
	for (int f = 0; f < BRIEF_FIELDS; f++)
		field[f] = text[f].len ? text[f].p : NULL;
	rc = row_add(b, rc ? NULL : field, path, line, e);
	for (int f = 0; f < BRIEF_FIELDS; f++)
		buf_release(&text[f]);
	return rc;
}

static int lines_read(struct briefs *b, const char *path, struct err *e)
{
	struct jsonl *j;
	json_t *o;
	size_t line;
	int rc = jsonl_open(&j, path, e), got = 0;
	if (rc)
		return rc;
	while (!rc && (got = jsonl_next(j, &o, &line, e)) == 1) {
		rc = object_read(b, o, path, line, e);
		json_decref(o);
	}
	jsonl_close(j);
	return rc ? rc : got;
}

int briefs_read(struct briefs *b, const char *path, struct err *e)
{
	size_t n = strlen(path);
	*b = (struct briefs){.seen = json_object()};
	arena_init(&b->arena, 64 << 10);
	bool table = n > 4 && !strcasecmp(path + n - 4, ".csv");
	int rc = table ? csv_read(b, path, e) : lines_read(b, path, e);
	if (!rc && !b->n)
		rc = err_set(e, ERR_DATA, "%s: expected briefs with type, audience, points and length, found none", path);
	return rc;
}

void briefs_release(struct briefs *b)
{
	mem_free(b->p);
	json_decref(b->seen);
	arena_release(&b->arena);
	*b = (struct briefs){0};
}

/* ---- prompts --------------------------------------------------------------------------------------------------------------------- */

int brief_prompt(const struct brief *b, struct buf *out, struct err *e)
{
	static const char *const known[][2] = {{"blog", "a section of a blog post"}, {"release-note", "a release note"},
		{"faq", "an answer for the FAQ"}, {"ticket-reply", "a reply to a support ticket"},
		{"product-description", "a product description"}};
	const char *type = *b->field[BRIEF_TYPE] ? b->field[BRIEF_TYPE] : "text", *what = NULL;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcasecmp(type, known[i][0]))
			what = known[i][1];
	int rc = buf_printf(out, e, "Write %s%s", what ? "" : "a ", what ? what : type);
	if (!rc && *b->field[BRIEF_AUDIENCE])
		rc = buf_printf(out, e, " for %s", b->field[BRIEF_AUDIENCE]);
	if (!rc && *b->field[BRIEF_LENGTH])
		rc = buf_printf(out, e, ", of about %s words", b->field[BRIEF_LENGTH]);
	return rc ? rc : buf_printf(out, e, ". It says: %s", b->field[BRIEF_POINTS]);
}

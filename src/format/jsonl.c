/*
 * JSON lines: one object a line, read strictly, every complaint with its line. Reference: https://jsonlines.org, RFC 8259.
 *
 * Lines may end in CRLF and blank ones are passed over. Bytes in memory may also be one list of objects, taken apart here. Depth is measured
 * before the parser, which recurses, sees a line.
 */
#include "format/json.h"

#include <string.h>

enum { DEPTH_MAX = 64, LINE_MAX_BYTES = 64 << 20, STDIN_MAX_BYTES = 1 << 30 };

struct jsonl {
	struct file_map map; /* of a file */
	struct buf text;     /* of stdin */
	const char *p;       /* [n] either of them, or the caller's */
	size_t n, at, line;  /* at: of the next line; line: lines passed */
	size_t start, end;   /* of the last object */
	enum { LINES, LIST_BEGIN, LIST, LIST_END } form;
	char *path;
};

int jsonl_open(struct jsonl **out, const char *path, struct err *e)
{
	*out = NULL;
	struct jsonl *j = mem_alloc(1, sizeof *j, e);
	if (!j)
		return ERR_RESOURCE;
	bool from_stdin = !strcmp(path, "-");
	j->path = mem_strdup(from_stdin ? "stdin" : path, e);
	int rc = !j->path    ? ERR_RESOURCE
		: from_stdin ? file_read(path, STDIN_MAX_BYTES, &j->text, e)
			     : file_map_open(&j->map, path, e);
	j->p = from_stdin ? j->text.p : (const char *)j->map.p;
	j->n = from_stdin ? j->text.len : j->map.size;
	if (!rc && j->n >= 3 && !memcmp(j->p, "\xef\xbb\xbf", 3))
		rc = err_set(e, ERR_DATA, "%s: line 1: begins with a byte order mark; save the file as UTF-8 without one", j->path);
	if (rc)
		jsonl_close(j);
	else
		*out = j;
	return rc;
}

int jsonl_open_bytes(struct jsonl **out, const char *path, const char *p, size_t n, struct err *e)
{
	struct jsonl *j = mem_alloc(1, sizeof *j, e);
	*out = NULL;
	if (!j || !(j->path = mem_strdup(path, e))) {
		mem_free(j);
		return ERR_RESOURCE;
	}
	j->p = p;
	j->n = n;
	while (j->at < n && strchr(" \t\r\n", p[j->at]) && p[j->at])
		j->at++;
	if (j->at < n && p[j->at] == '[')
		j->form = LIST_BEGIN;
	else
		j->at = 0;
	for (size_t i = 0; i < j->at; i++)
		j->line += p[i] == '\n';
	j->line += j->form != LINES;
	j->at += j->form != LINES;
	*out = j;
	return 0;
}

void jsonl_span(const struct jsonl *j, size_t *start, size_t *end)
{
	*start = j->start;
	*end = j->end;
}

void jsonl_close(struct jsonl *j)
{
	if (!j)
		return;
	file_map_close(&j->map);
	buf_release(&j->text);
	mem_free(j->path);
	mem_free(j);
}

/* How deep brackets nest outside of strings; wrong JSON is left to the parser. */
static int depth(const char *p, size_t n)
{
	int now = 0, deepest = 0;
	bool in_string = false;
	for (size_t i = 0; i < n; i++) {
		if (in_string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			in_string = !in_string;
		else if (!in_string && (p[i] == '{' || p[i] == '['))
			deepest = ++now > deepest ? now : deepest;
		else if (!in_string && (p[i] == '}' || p[i] == ']'))
			now--;
	}
	return deepest;
}

static bool blank(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\t')
			return false;
	return true;
}

static int parse(const struct jsonl *j, const char *p, size_t n, bool cut, json_t **object, struct err *e)
{
	json_error_t error = {0};
	if (n > LINE_MAX_BYTES)
		return err_set(e, ERR_DATA, "%s: line %zu: %zu bytes long; the limit is 64 MiB", j->path, j->line, n);
	if (depth(p, n) > DEPTH_MAX)
		return err_set(e, ERR_DATA, "%s: line %zu: nested more than %d deep", j->path, j->line, DEPTH_MAX);
	*object = json_loadb(p, n, JSON_REJECT_DUPLICATES, &error);
	if (!*object && json_error_code(&error) == json_error_out_of_memory)
		return err_set(e, ERR_RESOURCE, "%s: line %zu: out of memory while parsing JSON", j->path, j->line);
	if (!*object)
		return err_set(e, ERR_DATA, "%s: line %zu: column %d: %.160s%s", j->path,
			j->line + (size_t)(error.line > 1 ? error.line - 1 : 0), error.column, error.text,
			cut ? "; it is the last line and does not end, so the file may be cut" : "");
	if (json_is_object(*object))
		return 1;
	int rc = err_set(e, ERR_DATA, "%s: line %zu: expected a JSON object, found %s", j->path, j->line, json_kind(*object));
	json_decref(*object);
	*object = NULL;
	return rc;
}

/* Where the value at p[0..n) ends: an object or a list with its last bracket, anything else before what cannot be of it. */
static size_t value_end(const char *p, size_t n)
{
	size_t open = 0, i = 0;
	bool in_string = false;
	for (; i < n; i++) {
		if (in_string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (p[i] == '{' || p[i] == '[')
			open++;
		else if (!open && strchr(",]} \t\r\n", p[i]))
			return i;
		else if ((p[i] == '}' || p[i] == ']') && !--open)
			return i + 1;
	}
	return n;
}

/* Passes white space and counts its lines; the byte behind it, or 0 at the end. */
static char space_skip(struct jsonl *j)
{
	for (; j->at < j->n && j->p[j->at] && strchr(" \t\r\n", j->p[j->at]); j->at++)
		j->line += j->p[j->at] == '\n';
	return j->at < j->n ? j->p[j->at] : 0;
}

/* A list that is broken between its objects is not read further. */
static int list_error(struct jsonl *j, const char *found, size_t *line, struct err *e)
{
	*line = j->line;
	j->form = LIST_END;
	j->at = j->n;
	return err_set(e, ERR_DATA, "%s: line %zu: expected a list of objects, apart by commas, found %s", j->path, j->line, found);
}

static int list_next(struct jsonl *j, json_t **object, size_t *line, struct err *e)
{
	char next = space_skip(j);
	if (next == ']' && j->form != LIST_END) {
		j->form = LIST_END;
		j->at++;
		next = space_skip(j);
	}
	if (j->form == LIST_END)
		return j->at == j->n ? 0 : list_error(j, "more behind its end", line, e);
	if (j->form == LIST && next == ',') {
		j->at++;
		next = space_skip(j);
	} else if (j->form == LIST && next) {
		return list_error(j, "no comma", line, e);
	}
	if (j->at == j->n)
		return list_error(j, "the end of the file, which may be cut", line, e);
	j->form = LIST;
	*line = j->line;
	j->start = j->at;
	size_t n = value_end(j->p + j->at, j->n - j->at);
	if (!n)
		return list_error(j, "no value", line, e);
	int rc = parse(j, j->p + j->at, n, j->at + n == j->n, object, e);
	for (j->end = j->start + n; j->at < j->end; j->at++)
		j->line += j->p[j->at] == '\n';
	return rc;
}

int jsonl_next(struct jsonl *j, json_t **object, size_t *line, struct err *e)
{
	*object = NULL;
	*line = 0;
	if (j->form != LINES)
		return list_next(j, object, line, e);
	while (j->at < j->n) {
		const char *p = j->p + j->at, *end = memchr(p, '\n', j->n - j->at);
		size_t n = end ? (size_t)(end - p) : j->n - j->at;
		j->start = j->at;
		j->end = j->at += n + (end != NULL);
		*line = ++j->line;
		n -= n && p[n - 1] == '\r';
		if (!blank(p, n))
			return parse(j, p, n, !end, object, e);
	}
	return 0;
}

int jsonl_each(const char *path, int (*use)(void *context, const json_t *object, struct err *e), void *context, struct err *e)
{
	struct jsonl *j;
	json_t *object;
	size_t line;
	int rc = jsonl_open(&j, path, e), got = 0;
	if (rc)
		return rc;
	while (!rc && (got = jsonl_next(j, &object, &line, e)) == 1) {
		if ((rc = use(context, object, e)))
			err_prefix(e, "%s: line %zu", path, line);
		json_decref(object);
	}
	jsonl_close(j);
	return rc ? rc : got;
}

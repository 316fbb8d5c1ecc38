/*
 * JSON lines: one object a line, read strictly, every complaint with its line. Reference: https://jsonlines.org, RFC 8259.
 *
 * Lines may end in CRLF and blank ones are passed over. Depth is measured before the parser, which recurses, sees a line.
 */
#include "format/json.h"

#include <string.h>

enum { DEPTH_MAX = 64, LINE_MAX_BYTES = 64 << 20, STDIN_MAX_BYTES = 1 << 30 };

struct jsonl {
	struct file_map map; /* of a file */
	struct buf text;     /* of stdin */
	const char *p;       /* [n] either of them */
	size_t n, at, line;  /* at: of the next line; line: lines passed */
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
		return err_set(e, ERR_DATA, "%s: line %zu: column %d: %.160s%s", j->path, j->line, error.column, error.text,
			cut ? "; it is the last line and does not end, so the file may be cut" : "");
	if (json_is_object(*object))
		return 1;
	int rc = err_set(e, ERR_DATA, "%s: line %zu: expected a JSON object, found %s", j->path, j->line, json_kind(*object));
	json_decref(*object);
	*object = NULL;
	return rc;
}

int jsonl_next(struct jsonl *j, json_t **object, size_t *line, struct err *e)
{
	*object = NULL;
	*line = 0;
	while (j->at < j->n) {
		const char *p = j->p + j->at, *end = memchr(p, '\n', j->n - j->at);
		size_t n = end ? (size_t)(end - p) : j->n - j->at;
		j->at += n + (end != NULL);
		*line = ++j->line;
		n -= n && p[n - 1] == '\r';
		if (!blank(p, n))
			return parse(j, p, n, !end, object, e);
	}
	return 0;
}

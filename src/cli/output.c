/*
 * Data out: stdout, and JSON lines to a file that appears whole or not at all.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print(const char *p, size_t n, struct err *e)
{
	errno = 0;
	if (fwrite(p, 1, n, stdout) != n || fflush(stdout))
		return err_errno(e, "write to", "stdout");
	return 0;
}

int print_text(const struct buf *text, struct err *e)
{
	return print(text->p, text->len, e);
}

int print_line(const char *text, struct err *e)
{
	int rc = print(text, strlen(text), e);
	return rc ? rc : print("\n", 1, e);
}

/* The line of an object, without its newline; the caller frees it with free, since it is jansson's. */
static char *line_of(const json_t *object, struct err *e)
{
	char *line = json_dumps(object, JSON_COMPACT);
	if (!line)
		err_set(e, ERR_RESOURCE, "out of memory while writing JSON");
	return line;
}

int print_json(const json_t *object, struct err *e)
{
	char *line = line_of(object, e);
	int rc = line ? print_line(line, e) : ERR_RESOURCE;
	free(line);
	return rc;
}

int sink_open(struct sink *s, const char *path, struct err *e)
{
	*s = (struct sink){.to_stdout = !strcmp(path, "-")};
	return s->to_stdout ? 0 : file_writer_open(&s->file, path, e);
}

int sink_put(struct sink *s, const json_t *object, struct err *e)
{
	if (s->to_stdout)
		return print_json(object, e);
	char *line = line_of(object, e);
	int rc = line ? file_writer_put(&s->file, line, strlen(line), e) : ERR_RESOURCE;
	if (!rc)
		rc = file_writer_put(&s->file, "\n", 1, e);
	free(line);
	return rc;
}

int sink_commit(struct sink *s, struct err *e)
{
	return s->to_stdout ? 0 : file_writer_commit(&s->file, e);
}

void sink_abort(struct sink *s)
{
	file_writer_abort(&s->file);
}

/* The length of the UTF-8 character at p, or 0 when there is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t length = p[0] < 0x80           ? 1
		: p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		: p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		: p[0] >= 0xf0 && p[0] < 0xf5 ? 4
					      : 0;
	if (!length || length > n)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool wrong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
		(p[0] == 0xf4 && p[1] > 0x8f);
	return wrong ? 0 : length;
}

json_t *json_text(const char *p, size_t n)
{
	struct buf clean = {0};
	json_t *text = NULL;
	int rc = 0;
	for (size_t at = 0; at < n && !rc;) {
		size_t length = utf8_length((const unsigned char *)p + at, n - at);
		rc = length ? buf_append(&clean, p + at, length, NULL) : buf_puts(&clean, "\xef\xbf\xbd", NULL);
		at += length ? length : 1;
	}
	if (!rc)
		text = json_stringn(clean.len ? clean.p : "", clean.len);
	buf_release(&clean);
	return text;
}

/*
 * Data out: stdout, and JSON lines to a file that appears whole or not at all.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
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

int text_plain(struct buf *out, const char *p, size_t n, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i++) {
		unsigned char c = (unsigned char)p[i], next = i + 1 < n ? (unsigned char)p[i + 1] : 0;
		bool pair = c == 0xc2 && next >= 0x80 && next < 0xa0; /* C1 controls, in UTF-8 */
		bool control = pair || c == 0x7f || (c < ' ' && c != '\n' && c != '\t');
		rc = control ? buf_puts(out, "\xef\xbf\xbd", e) : buf_append(out, p + i, 1, e);
		i += pair;
	}
	return rc;
}

int print_foreign(const struct buf *text, struct err *e)
{
	struct buf plain = {0};
	int rc = text_plain(&plain, text->p, text->len, e);
	if (!rc)
		rc = print_text(&plain, e);
	buf_release(&plain);
	return rc;
}

int print_line(const char *text, struct err *e)
{
	int rc = print(text, strlen(text), e);
	return rc ? rc : print("\n", 1, e);
}

int print_json(const json_t *object, struct err *e)
{
	struct buf line = {0};
	int rc = json_line(&line, object, e);
	if (!rc)
		rc = print_text(&line, e);
	buf_release(&line);
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
	struct buf line = {0};
	int rc = json_line(&line, object, e);
	if (!rc)
		rc = file_writer_put(&s->file, line.p, line.len, e);
	buf_release(&line);
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

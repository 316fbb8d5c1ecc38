/* Contradictions to decisions, one question each. Reference: settle.h. */
#include "cli/cli.h"
#include "cli/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/data.h"
#include "format/format.h"

static int side_show(char letter, const json_t *side, struct err *e)
{
	struct buf text = {0}, plain = {0};
	const char *statement = "", *path = "", *heading = "";
	json_unpack((json_t *)side, "{s:s, s:{s:s, s:s}}", "statement", &statement, "source", "path", &path, "heading", &heading);
	int rc = buf_printf(&text, e, "  %c  %s\n     %s%s%s\n", letter, statement, path, *heading ? ", " : "", heading);
	if (!rc)
		rc = text_plain(&plain, text.p, text.len, e);
	if (!rc)
		fputs(plain.p, stderr);
	buf_release(&text);
	buf_release(&plain);
	return rc;
}

/* The first letter of a line that is one of "abksq"; 'q' at the end of the input. */
static char answer_read(char **line, size_t *size)
{
	for (;;) {
		fputs("right: a, b, k (keep both), s (skip), q (quit)? ", stderr);
		if (getline(line, size, stdin) < 0)
			return 'q';
		char c = (*line)[strspn(*line, " \t")];
		if (c && strchr("abksq", c))
			return c;
	}
}

static int decision_append(const char *path, const json_t *pair, char answer, struct err *e)
{
	const char *a = "", *b = "";
	json_unpack((json_t *)pair, "{s:{s:s}, s:{s:s}}", "a", "statement", &a, "b", "statement", &b);
	json_t *o = answer == 'k' ? json_pack("{s:[s, s]}", "both", a, b)
				  : json_pack("{s:s, s:s}", "keep", answer == 'a' ? a : b, "drop", answer == 'a' ? b : a);
	struct buf line = {0};
	int rc = json_line(&line, o, e);
	if (!rc)
		rc = file_append(path, line.p, line.len, e);
	buf_release(&line);
	json_decref(o);
	return rc;
}

static int pairs_ask(struct jsonl *pairs, const char *settled, size_t *n, struct err *e)
{
	char *line = NULL, answer = 's';
	size_t size = 0, number;
	json_t *pair;
	int rc = 0;
	while (!rc && answer != 'q' && (rc = jsonl_next(pairs, &pair, &number, e)) > 0) {
		rc = 0;
		if (json_is_null(json_object_get(pair, "settled"))) {
			fputs("These cannot both be so:\n", stderr);
			rc = side_show('a', json_object_get(pair, "a"), e);
			if (!rc)
				rc = side_show('b', json_object_get(pair, "b"), e);
			answer = rc ? 'q' : answer_read(&line, &size);
			if (strchr("abk", answer) && !(rc = decision_append(settled, pair, answer, e)))
				++*n;
		}
		json_decref(pair);
	}
	free(line);
	return rc < 0 ? rc : 0;
}

int settle_ask(const char *in, const char *data, size_t *n, struct err *e)
{
	char path[PATH_SIZE], settled[PATH_SIZE];
	struct jsonl *pairs;
	*n = 0;
	if (!dir_exists(in))
		return err_set(
			e, ERR_USAGE, "curate: %s: --settle needs a folder of documents, since decisions are kept beside them", in);
	int rc = path_join(path, sizeof path, e, data, "contradictions.jsonl");
	if (!rc)
		rc = path_join(settled, sizeof settled, e, in, DATA_SETTLED);
	if (rc || !file_exists(path))
		return rc;
	rc = jsonl_open(&pairs, path, e);
	if (rc)
		return rc;
	rc = pairs_ask(pairs, settled, n, e);
	jsonl_close(pairs);
	return rc;
}

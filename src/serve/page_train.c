/*
 * Training runs: the log of each, as it grows. What begins and stops one: page_training.c. Reference: page.h; train.h, "The run folder".
 */
#include "serve/page.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "format/format.h"

enum { LOG_BYTES_MAX = 256 << 20, RESULT_BYTES_MAX = 16 << 20, RUNS_MAX = 256, LINES_MAX = 5000 };

/* ---- which runs there are ------------------------------------------------------------------------------------------------------------- */

static const char *last_of(const char *path)
{
	size_t n = strlen(path);
	while (n && path[n - 1] != '/')
		n--;
	return path + n;
}

static int is_run(const struct dirent *d)
{
	return !strncmp(d->d_name, "run-", 4);
}

/* {"name", "folder", "open"}, open: of the results and not finished. */
static json_t *run_json(const struct serve_options *o, size_t i, const char *entry)
{
	char folder[PATH_SIZE], path[PATH_SIZE];
	struct err e;
	bool own = i >= o->n_runs;
	if (path_join(folder, sizeof folder, &e, own ? o->results : "", own ? entry : o->run[i]))
		return NULL;
	for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/';) /* a shell completes a folder's name with one */
		folder[--n] = 0;
	if (path_join(path, sizeof path, &e, folder, "metrics.jsonl") || !file_exists(path) ||
		path_join(path, sizeof path, &e, folder, "run.json"))
		return NULL;
	return json_pack("{s:s, s:s, s:b}", "name", last_of(folder), "folder", folder, "open", own && !file_exists(path));
}

/* The folders that were named and the results' own, if they have a log. */
json_t *train_list(const struct serve_options *o)
{
	struct dirent **entries = NULL;
	json_t *list = json_array();
	int n = o->results ? scandir(o->results, &entries, is_run, alphasort) : 0;
	for (size_t i = 0; i < o->n_runs + (size_t)(n > 0 ? n : 0) && i < RUNS_MAX; i++) {
		json_t *one = run_json(o, i, i < o->n_runs ? NULL : entries[i - o->n_runs]->d_name);
		if (one)
			json_array_append_new(list, one);
	}
	for (int i = 0; i < n; i++)
		free(entries[i]); /* scandir's */
	free(entries);
	return list;
}

/* Only names of the list lead to a folder. */
static bool run_folder(const struct serve_options *o, const char *name, size_t n, char folder[PATH_SIZE])
{
	json_t *list = train_list(o), *one;
	size_t i;
	bool found = false;
	json_array_foreach (list, i, one) {
		const char *own = json_string_value(json_object_get(one, "name"));
		if (own && !found && strlen(own) == n && !memcmp(own, name, n)) {
			struct err e;
			found = !path_join(folder, PATH_SIZE, &e, "", json_string_value(json_object_get(one, "folder")));
		}
	}
	json_decref(list);
	return found;
}

/* ---- one run --------------------------------------------------------------------------------------------------------------------------- */

/* Whole lines from byte *from on, which goes behind them; a line that is being written waits for the next time. */
static json_t *lines_json(const struct buf *text, size_t *from)
{
	json_t *list = json_array();
	size_t at = *from <= text->len ? *from : 0; /* shorter than before: the run was begun anew */
	while (at < text->len && json_array_size(list) < LINES_MAX) {
		const char *end = memchr(text->p + at, '\n', text->len - at);
		if (!end)
			break;
		json_t *line = json_loadb(text->p + at, (size_t)(end - text->p) - at, 0, NULL);
		if (line)
			json_array_append_new(list, line);
		at = (size_t)(end - text->p) + 1;
	}
	*from = at;
	return list;
}

/* NAME/FROM: the log from byte FROM on, and run.json, which is there when the run has ended. */
void train_run_get(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	struct buf text = {0};
	struct err e = {0};
	char folder[PATH_SIZE], path[PATH_SIZE];
	const char *slash = strrchr(rest, '/');
	json_t *result = NULL, *out = NULL;
	size_t from = slash ? strtoull(slash + 1, NULL, 10) : 0;
	if (!slash || !run_folder(s->o, rest, (size_t)(slash - rest), folder))
		problem_set(&p, 404, NULL, NULL, "there is no run \"%.100s\"", rest);
	else if (path_join(path, sizeof path, &e, folder, "metrics.jsonl") || file_read(path, LOG_BYTES_MAX, &text, &e) ||
		path_join(path, sizeof path, &e, folder, "run.json"))
		problem_from(&p, NULL, &e);
	else if (file_exists(path) && json_file(&result, path, RESULT_BYTES_MAX, &e))
		problem_from(&p, NULL, &e);
	if (!p.status) {
		json_t *lines = lines_json(&text, &from);
		out = json_pack("{s:o, s:I, s:o}", "lines", lines, "next", (json_int_t)from, "result",
			result ? json_incref(result) : json_null());
	}
	page_reply(r, &p, out);
	json_decref(result);
	buf_release(&text);
}

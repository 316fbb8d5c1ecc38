/* For tests of what curation makes: a folder for each test, documents into it, questions and answers out of it. */
#ifndef ATTUNE_DATA_TEST_CURATE_H
#define ATTUNE_DATA_TEST_CURATE_H

#include "data/data.h"
#include "data/test_folder.h"
#include "format/format.h"

static void put(const char *name, const char *text)
{
	struct err e = {0};
	char dir[PATH_SIZE];
	snprintf(dir, sizeof dir, "%s", at(name));
	*strrchr(dir, '/') = 0;
	assert_int_equal(dir_make(dir, &e), 0);
	assert_int_equal(file_replace(at(name), text, strlen(text), &e), 0);
}

static struct data_summary curate(const char *out, uint64_t seed)
{
	struct data_options o = {.in = at("in"), .out = out, .seed = seed, .n_phrasings = 400};
	struct data_summary s;
	struct err e = {0};
	if (data_curate(&o, &s, &e))
		fail_msg("%s", e.text);
	return s;
}

/* All rows of train and valid as "question|answer\n". */
static void rows(struct buf *out)
{
	struct err e = {0};
	static const char *const file[] = {"out/train.jsonl", "out/valid.jsonl"};
	buf_clear(out);
	for (int i = 0; i < 2; i++) {
		struct jsonl *j;
		json_t *row;
		size_t line;
		int rc;
		assert_int_equal(jsonl_open(&j, at(file[i]), &e), 0);
		while ((rc = jsonl_next(j, &row, &line, &e)) == 1) {
			const char *q, *a, *path, *sha;
			json_int_t start, end;
			const char *kind = json_string_value(json_object_get(row, "kind"));
			if (!strcmp(kind, "text") || !strcmp(kind, "unknown") || !strcmp(kind, "grounded") ||
				!strcmp(kind, "replay")) {
				json_decref(row); /* made of whole sections, or of none */
				continue;
			}
			assert_int_equal(
				json_unpack(row, "{s:[{s:s},{s:s}], s:{s:s, s:I, s:I, s:s}}", "messages", "content", &q, "content",
					&a, "source", "path", &path, "start", &start, "end", &end, "sha256", &sha),
				0);
			assert_true(start < end);
			assert_int_equal(strlen(sha), 64);
			assert_int_equal(buf_printf(out, &e, "%s|%s\n", q, a), 0);
			json_decref(row);
		}
		assert_int_equal(rc, 0);
		jsonl_close(j);
	}
}

static void assert_row(const struct buf *b, const char *row)
{
	if (!strstr(b->p, row))
		fail_msg("no row \"%s\" in:\n%s", row, b->p);
}

static void assert_no_row(const struct buf *b, const char *part)
{
	if (strstr(b->p, part))
		fail_msg("\"%s\" must not be in:\n%s", part, b->p);
}

#endif

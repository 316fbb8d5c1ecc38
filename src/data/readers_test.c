/* Files of every kind through data_curate: which reader gets them, that one bad file stops none, rows that are given. */
#include "data/data.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_folder.h"
#include "format/format.h"

static void put(const char *name, const char *text, size_t n)
{
	struct err e = {0};
	assert_int_equal(dir_make(at("in/old"), &e), 0);
	assert_int_equal(file_replace(at(name), text, n, &e), 0);
}

static struct data_summary curate(void)
{
	struct data_options o = {.in = at("in"), .out = at("out"), .seed = 1, .n_phrasings = 4};
	struct data_summary s;
	struct err e = {0};
	if (data_curate(&o, &s, &e))
		fail_msg("%s", e.text);
	return s;
}

static struct buf out_file(const char *name)
{
	struct err e = {0};
	struct buf b = {0};
	assert_int_equal(file_read(at(name), 1 << 24, &b, &e), 0);
	return b;
}

static void assert_skipped(const json_t *manifest, const char *path, const char *why)
{
	size_t i;
	json_t *d;
	json_array_foreach (json_object_get(manifest, "documents"), i, d) {
		const char *skipped = json_string_value(json_object_get(d, "skipped"));
		if (strcmp(json_string_value(json_object_get(d, "path")), path))
			continue;
		if (!why ? skipped != NULL : !skipped || strcmp(skipped, why))
			fail_msg("%s: %s", path, skipped ? skipped : "used");
		return;
	}
	fail_msg("%s is not listed", path);
}

static void test_kinds(void **state)
{
	(void)state;
	static const char fact[] = "A Zorbel job times out after 18 seconds.\n",
			  cyrillic[] = "\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0\n",
			  caption[] = "0:01 --> 0:02\nIt keeps 7 events.\n", latin[] = "The caf\xe9 holds up to 5 workers.\n";
	put("in/a.md", fact, sizeof fact - 1);
	put("in/b.docx", "PK no", 5);
	put("in/c.pdf", "no", 2);
	put("in/d.txt", latin, sizeof latin - 1);
	put("in/e.txt", cyrillic, sizeof cyrillic - 1);
	put("in/f.vtt", caption, sizeof caption - 1);
	put("in/g.json", "{\"name\":\"x\"}", 12);
	put("in/questions.jsonl", "{\"question\":\"sealed?\",\"answer\":\"yes it is\"}", 42);
	put("in/h.csv", "question,reply\na,\"b\n", 19);
	put("in/old/manifest.json", "{}", 2);
	put("in/old/train.jsonl", "{\"text\":\"made before\"}", 22);
	curate();
	struct buf b = out_file("out/manifest.json"), sections = out_file("out/sections.jsonl");
	json_t *m = json_loads(b.p, 0, NULL);
	assert_skipped(m, "a.md", NULL);
	assert_skipped(m, "d.txt", NULL);
	assert_skipped(m, "e.txt", "not UTF-8 text");
	assert_skipped(m, "f.vtt", NULL);
	assert_skipped(m, "h.csv", "the row that begins in line 2 opens a quotation mark that is never closed");
	assert_null(strstr(b.p, "questions.jsonl"));
	assert_null(strstr(b.p, "old/"));
	assert_non_null(strstr(b.p, "not a DOCX file"));
	assert_non_null(strstr(b.p, "pdftotext"));
	assert_non_null(strstr(b.p, "its fields: name"));
	assert_non_null(strstr(sections.p, "The caf\xc3\xa9 holds"));
	json_decref(m);
	buf_release(&b);
	buf_release(&sections);
}

/* Alone in their folder; one in sixteen is held out, and each says where it is from. */
static void test_given(void **state)
{
	(void)state;
	struct buf text = {0};
	struct err e = {0};
	for (int i = 0; i < 33; i++)
		assert_int_equal(buf_printf(&text, &e, "{\"prompt\":\"q%d\",\"completion\":\"a\",\"source\":\"x\"}\n", i), 0);
	put("in/rows.jsonl", text.p, text.len);
	struct data_summary s = curate();
	struct jsonl *j;
	json_t *row;
	size_t line, n[2] = {0};
	static const char *const file[] = {"out/train.jsonl", "out/valid.jsonl"};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(jsonl_open(&j, at(file[i]), &e), 0);
		while (jsonl_next(j, &row, &line, &e) == 1) {
			const char *kind = json_string_value(json_object_get(row, "kind")), *path, *prompt, *stratum = NULL;
			json_int_t start, end;
			if (kind && !strcmp(kind, "given")) {
				assert_int_equal(
					json_unpack(row, "{s:s, s:s, s?s, s:{s:s, s:I, s:I}}", "prompt", &prompt, "completion",
						&kind, "stratum", &stratum, "source", "path", &path, "start", &start, "end", &end),
					0);
				assert_string_equal(path, "rows.jsonl");
				assert_memory_equal(text.p + start, "{\"prompt\":\"q", 12);
				assert_int_equal(text.p[end - 1], '\n');
				assert_true(i ? stratum && !strcmp(stratum, "unseen") : !stratum);
				n[i]++;
			}
			json_decref(row);
		}
		jsonl_close(j);
	}
	assert_int_equal(n[0], 31);
	assert_int_equal(n[1], 2);
	assert_int_equal(s.n_documents, 33);
	assert_int_equal(s.n_unseen, 2);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given, setup, teardown),
	};
	return cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}

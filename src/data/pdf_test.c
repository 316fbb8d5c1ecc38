/* The PDF reader: what words and places become, pages, hostile tables; the child, its cage and its limits. */
#include "data/pdf.h"

#include <linux/landlock.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/data.h"

static struct arena arena;
static struct buf table;
static char folder[32];

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 16);
	strcpy(folder, "pdf_test_XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	buf_release(&table);
	table = (struct buf){0};
	return dir_remove(folder, NULL);
}

/* ---- words ---- */

static int next_line;
/* A line of words of a block at a height of the page. */
static void line_put(int page, int block, double top, double height, const char *text)
{
	struct err e = {0};
	char copy[200];
	int word = 0;
	next_line++;
	snprintf(copy, sizeof copy, "%s", text);
	for (char *save, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		assert_int_equal(buf_printf(&table, &e, "5\t%d\t0\t%d\t%d\t%d\t50.00\t%.2f\t10.00\t%.2f\t100\t%s\n", page, block,
					 next_line, word++, top, height, w),
			0);
}

static struct document words_read(void)
{
	struct document d = {.path = "t.pdf"};
	struct err e = {0};
	if (pdf_words_read(&table, &d, &arena, &e))
		fail_msg("%s", e.text);
	buf_clear(&table);
	return d;
}

static void test_blocks(void **state)
{
	(void)state;
	assert_int_equal(buf_puts(&table, "level\tpage_num\tpar_num\n1\t1\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t###PAGE###\n", NULL), 0);
	line_put(1, 0, 50, 18, "Zorbel guide");
	line_put(1, 1, 80, 14, "Limits of a job that is");
	line_put(1, 1, 95, 14, "large");
	line_put(1, 2, 110, 10, "A job times out after 18 sec-");
	line_put(1, 2, 122, 10, "onds. It is pre-");
	line_put(1, 2, 134, 10,
		"Zorbel; o\xef\xac\x83"
		"ces have `5`.");
	line_put(1, 2, 180, 10, "Another paragraph, which goes");
	line_put(2, 0, 50, 10, "on here.");
	line_put(2, 1, 70, 10, "1. Open it.");
	line_put(2, 1, 82, 10, "2. Save it");
	line_put(2, 1, 94, 10, "at once.");
	line_put(2, 2, 120, 10, "\xe2\x80\xa2 a dot");
	line_put(2, 3, 140, 14, "More");
	line_put(2, 4, 160, 10, "The end.");
	struct document d = words_read();
	assert_null(d.skipped);
	assert_int_equal(d.n_sections, 4);
	assert_string_equal(d.sections[2].heading, "Zorbel guide > Limits of a job that is large");
	assert_string_equal(d.sections[3].heading, "Zorbel guide > More");
	const char *const text[] = {"A job times out after 18 seconds. It is pre- Zorbel; offices have '5'.",
		"Another paragraph, which goes on here.", "Open it.", "Save it at once.", "a dot", "The end."};
	assert_int_equal(d.n_blocks, 6);
	for (size_t i = 0; i < 6; i++) {
		const struct block *b = &d.blocks[i];
		assert_string_equal(b->text, text[i]);
		assert_memory_equal(d.bytes + b->span.start, b->text, b->span.end - b->span.start);
	}
	assert_int_equal(d.blocks[3].kind, BLOCK_ITEM);
	assert_int_equal(d.blocks[3].ordinal, 2);
	assert_int_equal(d.blocks[3].list, d.blocks[2].list);
	assert_int_not_equal(d.blocks[4].list, d.blocks[3].list);
	assert_int_equal(d.n_pages, 2);
	assert_int_equal(document_page(&d, d.blocks[1].span.start), 1);
	assert_int_equal(document_page(&d, d.blocks[2].span.start), 2);
}

static void test_frames(void **state)
{
	(void)state;
	for (int page = 1; page <= 4; page++) {
		char foot[32];
		snprintf(foot, sizeof foot, "Page %d of 104", page * 7);
		line_put(page, 0, 800, 8, foot); /* the foot comes first in the file */
		line_put(page, 1, 20, 8, "Zorbel manual");
		snprintf(foot, sizeof foot, "Part %d", page);
		line_put(page, 3, 30, 14, foot);
		line_put(page, 2, 50, 10,
			page % 2 ? "It keeps all events of all plans, and it" : "loses none of them for as long as it runs.");
	}
	struct document d = words_read();
	assert_int_equal(d.n_sections, 5);
	assert_string_equal(d.sections[4].title, "Part 4");
	assert_int_equal(d.n_blocks, 4);
	assert_string_equal(d.blocks[0].text, "It keeps all events of all plans, and it");
	line_put(1, 0, 20, 10, "Zorbel manual"); /* two pages prove nothing */
	line_put(2, 0, 20, 10, "Zorbel manual");
	assert_int_equal(words_read().n_blocks, 2);
	assert_string_equal(words_read().skipped, "no text in it; its pages may be pictures");
}

/* ---- the child ---- */

static const char *at(const char *name)
{
	static char path[2][PATH_SIZE];
	static int next;
	next = !next;
	snprintf(path[next], PATH_SIZE, "%s/%s", folder, name);
	return path[next];
}

static void put(const char *name, const char *text, size_t n)
{
	struct err e = {0};
	assert_int_equal(file_replace(at(name), text, n, &e), 0);
}

/* Another program under the name of pdftotext. */
static struct document run_other(const char *script, struct buf *out)
{
	static const struct pdf_limits small = {.seconds = 1, .memory = 256 << 20, .output = 1 << 20};
	struct document d = {.path = "t.pdf"};
	struct err e = {0};
	char *path = strdup(getenv("PATH")), here[PATH_SIZE];
	assert_non_null(realpath(folder, here));
	put("pdftotext", script, strlen(script));
	assert_int_equal(chmod(at("pdftotext"), 0755), 0);
	put("t.pdf", "%PDF", 4);
	setenv("PATH", here, 1);
	int rc = pdf_child_run(out, at("t.pdf"), &small, &d, &arena, &e);
	setenv("PATH", path, 1);
	free(path);
	if (rc)
		fail_msg("%s", e.text);
	return d;
}

static void test_child(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"#!/bin/sh\nwhile :; do :; done\n", "pdftotext needs more than 1 s for it"},
		{"#!/bin/sh\nread x <&1\n", NULL},
		{"#!/bin/sh\nwhile :; do echo 0123456789012345678901234567890123456789; done\n",
			"pdftotext writes more than 1 MB of it"},
		{"#!/bin/sh\necho 'Command Line Error: Incorrect password' >&2; exit 1\n",
			"it is encrypted; save it without a password"},
		{"#!/bin/sh\nexit 3\n", "it does not allow its text to be copied"},
		{"#!/bin/sh\nprintf 'Syntax Error: no xref\\nmore\\n' >&2; exit 1\n",
			"not a PDF file that pdftotext can read: Syntax Error: no xref"},
		{"#!/bin/sh\nkill -6 $$\n", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = {0};
		struct document d = run_other(cases[i][0], &out);
		if (cases[i][1])
			assert_string_equal(d.skipped ? d.skipped : "used", cases[i][1]);
		buf_release(&out);
	}
	char *path = strdup(getenv("PATH"));
	struct document d = {.path = "t.pdf"};
	struct err e = {0};
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(pdf_read(&d, at("t.pdf"), &arena, &e), 0);
	setenv("PATH", path, 1);
	free(path);
	assert_string_equal(d.skipped, "pdftotext, which reads PDF files, is missing: install poppler-utils and run this again");
}

/* What a program in the child tries and fails: each line of the script prints a word when it succeeds. */
static void test_cage(void **state)
{
	(void)state;
	static const char script[] = "#!/usr/bin/python3 -SE\n"
				     "import os, socket, sys\n"
				     "def t(name, f):\n"
				     "    try:\n"
				     "        f()\n"
				     "        print(name)\n"
				     "    except OSError: pass\n"
				     "t('socket', lambda: socket.socket())\n"
				     "t('fork', os.fork)\n"
				     "t('kill', lambda: os.kill(os.getppid(), 0))\n"
				     "t('write', lambda: os.write(os.open('pdf_test_cage', os.O_WRONLY | os.O_CREAT), b'x'))\n"
				     "t('list', lambda: os.listdir('/'))\n"
				     "t('memory', lambda: None)\n"
				     "try:\n"
				     "    bytearray(1 << 30)\n"
				     "    print('gigabyte')\n"
				     "except MemoryError: pass\n"
				     "t('stdin', lambda: sys.stdin.read(1))\n";
	struct buf out = {0};
	if (access("/usr/bin/python3", X_OK))
		skip();
	struct document d = run_other(script, &out);
	assert_null(d.skipped);
	bool landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
	assert_string_equal(out.p ? out.p : "", landlock ? "memory\nstdin\n" : "list\nmemory\nstdin\n");
	buf_release(&out);
}

static const char page[] =
	"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
	"4 0 obj<</Length 104>>stream\nBT /F 20 Tf 20 250 Td (Limits) Tj /F 10 Tf 0 -40 Td (A job takes) Tj 0 -12 Td (18 seconds.) "
	"Tj ET\n"
	"        \nendstream endobj\n5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n";

static struct document read_pdf(const char *text, size_t n)
{
	struct document d = {.path = "t.pdf"};
	struct err e = {0};
	put("t.pdf", text, n);
	if (pdf_read(&d, at("t.pdf"), &arena, &e))
		fail_msg("%s", e.text);
	return d;
}

static void test_real(void **state)
{
	(void)state;
	char program[PATH_SIZE];
	if (!data_pdf_program(program))
		skip();
	struct document d = read_pdf(page, sizeof page - 1);
	if (d.skipped)
		fail_msg("%s", d.skipped);
	assert_string_equal(d.sections[1].title, "Limits");
	assert_string_equal(d.blocks[0].text, "A job takes 18 seconds.");
	assert_int_equal(d.n_blocks, 1);
	char *noise = arena_strdup(&arena, page, sizeof page - 1, NULL);
	memcpy(strstr(noise, "A job"), "\x80\x81\x82\x83\x84", 5);
	read_pdf(noise, sizeof page - 1);
	d = read_pdf("no PDF", 6);
	assert_memory_equal(d.skipped, "not a PDF file that pdftotext can read: ", 40);
	d = read_pdf("", 0);
	assert_memory_equal(d.skipped, "not a PDF file that pdftotext can read: ", 40);
	static const char loop[] = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
				   "2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>endobj\ntrailer<</Root 1 0 R>>\n";
	assert_non_null(read_pdf(loop, sizeof loop - 1).skipped);
}

/* Every allocation fails once: an error with a sentence, no crash, no leak. */
static void test_faults(void **state)
{
	(void)state;
	line_put(1, 0, 50, 18, "Zorbel guide");
	line_put(1, 1, 80, 10, "- a dot");
	line_put(1, 2, 95, 10, "And text");
	bool reached = true;
	for (uint64_t n = 1; reached; n++) {
		struct document d = {.path = "t.pdf"};
		struct err e = {0};
		struct arena a;
		struct buf copy = {0};
		assert_int_equal(buf_append(&copy, table.p, table.len, &e), 0);
		arena_init(&a, 64);
		fault_set(FAULT_MEM, n, false);
		int rc = pdf_words_read(&copy, &d, &a, &e);
		reached = fault_count(FAULT_MEM) >= n;
		fault_set(FAULT_MEM, 0, false);
		assert_int_equal(rc, reached ? ERR_RESOURCE : 0);
		assert_true(reached ? e.text[0] : d.n_blocks == 2);
		buf_release(&copy);
		arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_child, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_real, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
	};
	return cmocka_run_group_tests_name("pdf", tests, NULL, NULL);
}

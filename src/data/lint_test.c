/* Drafts with one thing wrong each, beside drafts that look as if. */
#include "data/data.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[] = "lint_test_XXXXXX";
static struct lint *lint;

static void put(const char *name, const char *text)
{
	char path[PATH_SIZE];
	struct err e = {0};
	assert_int_equal(path_join(path, sizeof path, &e, root, name), 0);
	assert_int_equal(file_replace(path, text, strlen(text), &e), 0);
}

static const char sections[] =
	"{\"path\":\"bay.md\",\"heading\":\"The holding bay\",\"text\":\"The holding bay keeps an event for 9 days. Open **Bay "
	"settings** to see "
	"it.\\nA DNS server answers with a TXT record. Press **Record it**.\"}\n"
	"{\"path\":\"bridge.md\",\"heading\":\"The Bridge\",\"text\":\"The Bridge opens port 7443. Start the Bridge again. The "
	"Bridge needs 512 MB of "
	"memory. On the plan Grove the Bridge is free, and Grove has it; see Grove.\"}\n"
	"{\"path\":\"style.md\",\"heading\":\"Style guide > Tone\",\"text\":\"Do not write *simply* or\\n*please note*. Tolvery is "
	"*they*, not *we*, "
	"except in a recommendation. Use the present tense. Headings are in sentence case: 15 %.\"}\n"
	"{\"path\":\"style.md\",\"heading\":\"Style guide > Terminology\",\"text\":\"Say event, not record.\"}\n";

/* "line:column kind text" of each, by "; ". */
static void found(const char *draft, char out[1024])
{
	struct lint_findings f;
	struct err e = {0};
	size_t n = 0;
	if (lint_draft(lint, draft, &f, &e))
		fail_msg("%s", e.text);
	*out = 0;
	for (size_t i = 0; i < f.n; i++)
		n += (size_t)snprintf(out + n, 1024 - n, "%s%zu:%zu %s %.*s", i ? "; " : "", f.p[i].line, f.p[i].column,
			lint_kind_name(f.p[i].kind), (int)(f.p[i].end - f.p[i].start), draft + f.p[i].start);
	lint_findings_release(&f);
}

static void test_findings(void **state)
{
	static const char *const c[][2] = {
		{"The holding bay keeps an event for 9 days.\n", ""},
		{"# The holding bay\n\nAn event stays\nfor 8 days.\n", "4:5 claim 8 days"},
		{"The queue keeps an event for 9 days.\n", "1:5 term queue"},
		{"The Holding Bay keeps an event for 9 days.\n", "1:5 term Holding Bay"},
		{"Holding bay: it keeps an event.\n", ""}, /* may open a sentence */
		{"The port of the bridge is 7443.\n", "1:17 term bridge"},
		{"Ask for GROVE now.\n", "1:9 term GROVE"},
		{"A record arrives.\n", "1:3 term record"},
		{"A TXT record arrives.\n", ""}, /* as in the documents */
		{"Press **Bay settings** or the `queue`, see [it](http://queue.example).\n", "1:31 claim `queue`"},
		{"Now press **Bay options** there.\n", "1:13 claim Bay options"},
		{"Then press **Record it**.\n", ""},
		{"Then press **Record me**.\n", "1:14 claim Record me"},
		{"```\nThe queue!\n```\n", ""},
		{"---\ntitle: The queue!\n---\nThe end.\n", ""},
		{"Simply open it.\n", "1:1 style Simply"},
		{"We keep events.\n", "1:1 style We"},
		{"We recommend the holding bay.\n", ""},
		{"The event will stay.\n", "1:11 style will"},
		{"An event stays!\n", "1:15 style !"},
		{"A share of 15% stays.\n", "1:12 claim 15%; 1:14 style %"},
		{"The the event stays.\n", "1:1 style The the"},
		{"# Where The Events Wait\n", "1:9 style The Events Wait"},
		{"# Where events wait\n", ""},
		{"A seamless bay.\n", "1:3 style seamless"},
		{"It keeps many events.\n", "1:10 search many"},
		{"How many events stay?\n", ""},
		{"# The holding bay\n\nIt keeps events.\n", "3:1 search It"},
		{"# The holding bay\n\nThis page is about events. It ends.\n", ""},
		{"An event bay for event people of the event world.\n", "1:38 search event"},
		{"It has 3 events, 4 events and 5 events.\n", "1:8 claim 3 events; 1:18 claim 4 events; 1:31 claim 5 events"},
		{"Hello Ada,\n\nthe holding bay keeps an event for 9 days.\n\nBest wishes\nBo\n", ""},
		{"1. Open the Bridge.\n2. Read the port 7443.\n", ""},
		{"| Thing | Memory |\n|---|---|\n| Bridge | 512 MB |\n| Bridge | 9 GB |\n", "4:12 claim 9 GB"},
		{"", ""},
		{"\n\n \n", ""},
	};
	char out[1024];
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		found(c[i][0], out);
		if (strcmp(out, c[i][1])) {
			wrong++;
			print_error("%s: found \"%s\", expected \"%s\"\n", c[i][0], out, c[i][1]);
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_message(void **state)
{
	struct lint_findings f;
	struct err e = {0};
	(void)state;
	assert_int_equal(lint_draft(lint, "The queue keeps an event for 8 days.\n", &f, &e), 0);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.p[0].instead, "holding bay");
	assert_string_equal(f.p[0].message, "\"queue\" is written \"holding bay\" here");
	assert_string_equal(f.p[1].instead, "9 days");
	assert_string_equal(f.p[1].message, "the documents have \"9 days\" (bay.md, The holding bay)");
	lint_findings_release(&f);
}

static void test_long_sentence(void **state)
{
	char draft[512] = "We", out[1024];
	(void)state;
	for (int i = 0; i < 39; i++)
		strcat(draft, i % 2 ? " go" : " on");
	strcat(draft, " recommend.\n");
	found(draft, out);
	assert_string_equal(out, "1:1 style We on go");
	strcpy(draft, "Do");
	for (int i = 0; i < 38; i++)
		strcat(draft, i % 2 ? " go" : " on");
	strcat(draft, " and.\n");
	found(draft, out);
	assert_string_equal(out, "");
}

/* Any bytes, unclosed marks, a folder without terms and guide, memory that runs out. */
static void test_hostile(void **state)
{
	static const char *const draft[] = {"\xff\xfe**", "`", "```", "](", "[a](", "**", "# ", "|", "||||", "| a", "1.", "---\n",
		"---\nx", "**A** **", "http://", "-", "#\n#\n", "\x01\x01 the the"};
	char out[1024], *text = malloc(60001);
	(void)state;
	for (size_t i = 0; i < sizeof draft / sizeof *draft; i++)
		found(draft[i], out);
	for (size_t i = 0; i < 60000; i++)
		text[i] = "ab *`|#\n1."[(i * 7919) % 10];
	text[60000] = 0;
	struct lint_findings f;
	struct err e = {0};
	assert_int_equal(lint_draft(lint, text, &f, &e), 0);
	lint_findings_release(&f);
	free(text);
	int rc = ERR_RESOURCE;
	for (uint64_t nth = 1; rc; nth++) {
		fault_set(FAULT_MEM, nth, false);
		rc = lint_draft(lint, "# A\n\nThe queue keeps 8 days!\n", &f, &e);
		fault_set(FAULT_MEM, 0, false);
		assert_true(rc == 0 || rc == ERR_RESOURCE);
		lint_findings_release(&f);
	}
	struct lint *none;
	assert_int_equal(lint_open(&none, "no_such_folder", &e), ERR_DATA);
	put("terms.yaml", "terms: 7\n");
	assert_int_equal(lint_open(&none, root, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "terms.yaml"));
}

static int teardown(void **state)
{
	(void)state;
	lint_free(lint);
	return dir_remove(root, NULL);
}

int main(void)
{
	struct err e = {0};
	if (!mkdtemp(root))
		return 1;
	put("sections.jsonl", sections);
	put("terms.yaml",
		"terms:\n  - preferred: holding bay\n    forbidden: [queue]\n    definition: \"\"\n"
		"  - preferred: event\n    forbidden: [record]\n    definition: \"\"\n");
	if (lint_open(&lint, root, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_findings), cmocka_unit_test(test_message),
		cmocka_unit_test(test_long_sentence), cmocka_unit_test(test_hostile)};
	return cmocka_run_group_tests_name("lint", tests, NULL, teardown);
}

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
		{"It takes [number?] days\nfor [name?], `[name?]` and 8 days.\n",
			"1:10 gap [number?]; 2:5 gap [name?]; 2:15 gap [name?]; 2:28 claim 8 days"},
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

/* What --fix makes of a draft; the second is NULL where it is left alone. */
static const char *const fixes[][2] = {
	{"The queue keeps it.\n", "The holding bay keeps it.\n"},
	{"Queues keep it. Queue: here", "Holding bays keep it. Holding bay: here"},
	{"The Queue keeps it.\r\n", "The holding bay keeps it.\r\n"},
	{"The Holding Bay and HOLDING BAYS.\n", "The holding bay and holding bays.\n"},
	{"# Holding Bays\n", "# Holding bays\n"},
	{"- Queue\n1. Queues.\n", "- Holding bay\n1. Holding bays.\n"},
	{"| Queue | record |\n", "| Holding bay | event |\n"},
	{"A record comes; an old record, a Record's end.\n", "An event comes; an old event, an event's end.\n"},
	{"It has a queue.\n", "It has a holding bay.\n"},
	{"It takes 15% and 3%.\n", "It takes 15 % and 3 %.\n"},
	{"The the event, in the the bay.\n", "The event, in the bay.\n"},
	{"The event is very very old.\n", NULL}, /* may be meant */
	{"The bridge and the BRIDGE.\n", "The Bridge and the Bridge.\n"},
	{"See [the queue](queue.md), [it](http://queue.example/queue)\n",
		"See [the holding bay](queue.md), [it](http://queue.example/queue)\n"},
	{"`queue` ``a ` queue`` <code>queue</code> <a title='queue'> <!-- a queue -->\n", NULL},
	{"What the <style> element, List<Code> and <!-- open do not hide: a queue.\n",
		"What the <style> element, List<Code> and <!-- open do not hide: a holding bay.\n"},
	{"A `code\nqueue` it is.\n", NULL},
	{"````\n```\nThe queue\n```\nThe queue\n````\n", NULL},
	{"~~~\nThe queue\n```\nThe queue\n", NULL},
	{"---\r\ntitle: the queue\r\n---\r\n\r\nThe queue", "---\r\ntitle: the queue\r\n---\r\n\r\nThe holding bay"},
	{"She said \"the queue is\" and \xe2\x80\x9cthe queue is\xe2\x80\x9d.\n", NULL},
	{"> The queue\n\nThe end.\n", NULL},
	{"So:\n\n    The queue\n    - queue\n", NULL},
	{"- A\n    - The queue\n", "- A\n    - The holding bay\n"},
	{"[queue]: queue.md\n\nSee the [queue] and [it][queue].\n", NULL},
	{"Read queue.md, /queue, @queue, queue-based, 'queue', *queue*, **Queue**.\n", NULL},
	{"The dead\r\nletter stays.\n", "The waiting\r\nroom stays.\n"},
	{"The wait\nlist and a tub.\n", "The waiting\nroom and a tub.\n"},
	{"Many gateways and one gateway.\n", "Many gateways and one Bridge.\n"}, /* no plural of a name */
	{"The ping is old.\n", NULL},                                            /* what it became would be wrong, too */
	{"Use the basin.\n", NULL},                                              /* two terms want it */
	{"The caller has a member.\n", NULL},                                    /* "a user" or "an user"? */
	{"\xff the queue\n", "\xff the holding bay\n"},
	{"", NULL},
};

static void test_fix(void **state)
{
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof fixes / sizeof *fixes; i++) {
		struct lint_fixed f, again;
		struct err e = {0};
		const char *want = fixes[i][1] ? fixes[i][1] : fixes[i][0];
		assert_int_equal(lint_fix(lint, fixes[i][0], &f, &e), 0);
		const char *got = f.n ? f.text.p : fixes[i][0];
		if (strcmp(got, want) || !f.n != !fixes[i][1]) {
			wrong++;
			print_error("%s: became \"%s\", expected \"%s\"\n", fixes[i][0], got, want);
		}
		assert_int_equal(lint_fix(lint, got, &again, &e), 0);
		assert_int_equal(again.n, 0);
		lint_fixed_release(&again);
		lint_fixed_release(&f);
	}
	assert_int_equal(wrong, 0);
}

static void test_fix_places(void **state)
{
	struct lint_fixed f;
	struct err e = {0};
	(void)state;
	assert_int_equal(lint_fix(lint, "It is\na record of 8 days, a queue\n", &f, &e), 0);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.p[0].line, 2);
	assert_int_equal(f.p[0].column, 1);
	assert_string_equal(f.p[0].from, "a record");
	assert_string_equal(f.p[0].to, "an event");
	assert_int_equal(f.p[1].column, 23);
	assert_int_equal(f.left.n, 1);
	assert_int_equal(f.left.p[0].kind, LINT_CLAIM);
	assert_int_equal(f.left.p[0].column, 13); /* of what the draft has become */
	lint_fixed_release(&f);
	int rc = ERR_RESOURCE;
	for (uint64_t nth = 1; rc; nth++) {
		fault_set(FAULT_MEM, nth, false);
		rc = lint_fix(lint, "The queue of a record has 15%.\n", &f, &e);
		fault_set(FAULT_MEM, 0, false);
		assert_true(rc == 0 || rc == ERR_RESOURCE);
		lint_fixed_release(&f);
	}
}

/* Drafts by chance of words, marks and line ends: no byte changes outside what is reported, and a second time nothing does. */
static void test_fix_random(void **state)
{
	static const char *const part[] = {"queue", "queues", "Queue", "record", "a record", "An record", "the the", "holding Bay",
		"HOLDING BAY", "bridge", "15%", "dead\nletter", "dead letter", "ping", "pong", "basin", "gateways", "`", "``", "\"",
		"**", "*", "[", "](", ")", "<code>", "</code>", "<", ">", "|", "\n", "\r\n", "\n\n", "\n    ", "\n> ", "\n- ",
		"\n# ", "\n```\n", "http://x.y/", ".", ", ", ": ", "\xc3\xa9", "\xff", "\xe2\x80\x94", "event", "TXT", "stays",
		"and", "the", "a", "!"};
	struct rng r;
	size_t n_fixed = 0;
	(void)state;
	rng_init(&r, 7, RNG_DATA, 0, 0);
	for (size_t round = 0; round < 3000; round++) {
		char text[1024] = "", want[4096];
		struct lint_fixed f, again;
		struct err e = {0};
		for (uint32_t k = 1 + rng_below(&r, 24); k; k--) {
			strcat(text, part[rng_below(&r, sizeof part / sizeof *part)]);
			strcat(text, rng_below(&r, 5) ? " " : "");
		}
		assert_int_equal(lint_fix(lint, text, &f, &e), 0);
		size_t at = 0, n = 0;
		for (size_t i = 0; i < f.n; i++) {
			assert_true(f.p[i].start >= at && !strncmp(text + f.p[i].start, f.p[i].from, f.p[i].end - f.p[i].start));
			assert_string_not_equal(f.p[i].from, f.p[i].to);
			n += (size_t)snprintf(want + n, sizeof want - n, "%.*s%s", (int)(f.p[i].start - at), text + at, f.p[i].to);
			at = f.p[i].end;
		}
		snprintf(want + n, sizeof want - n, "%s", text + at);
		if (f.n)
			assert_string_equal(f.text.p, want);
		assert_int_equal(lint_fix(lint, want, &again, &e), 0);
		if (again.n)
			fail_msg("\"%s\" became \"%s\", and that \"%s\"", text, want, again.text.p);
		n_fixed += f.n;
		lint_fixed_release(&again);
		lint_fixed_release(&f);
	}
	assert_true(n_fixed > 1000);
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
		"  - preferred: event\n    forbidden: [record]\n    definition: \"\"\n"
		"  - preferred: waiting room\n    forbidden: [dead letter, wait list]\n    definition: \"\"\n"
		"  - preferred: Bridge\n    forbidden: [gateway]\n    definition: \"\"\n"
		"  - preferred: jib sail\n    forbidden: [ping]\n    definition: \"\"\n"
		"  - preferred: mast\n    forbidden: [the jib sail, pong]\n    definition: \"\"\n"
		"  - preferred: bowl\n    forbidden: [basin]\n    definition: \"\"\n"
		"  - preferred: sink\n    forbidden: [basin]\n    definition: \"\"\n"
		"  - preferred: user\n    forbidden: [member]\n    definition: \"\"\n");
	if (lint_open(&lint, root, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_findings), cmocka_unit_test(test_message),
		cmocka_unit_test(test_fix), cmocka_unit_test(test_fix_places), cmocka_unit_test(test_fix_random),
		cmocka_unit_test(test_long_sentence), cmocka_unit_test(test_hostile)};
	return cmocka_run_group_tests_name("lint", tests, NULL, teardown);
}

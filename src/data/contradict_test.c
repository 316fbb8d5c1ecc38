/* Which facts contradict each other, which do not, and what a person's decision changes. */
#include "data/settle.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct err err;
static struct document document = {.path = "a.md"};
static struct section section = {.title = "", .heading = ""}, elsewhere = {.title = "", .heading = ""};
static const char *question[2];

struct fact {
	const char *subject, *value, *statement;
};

static struct item item_of(const struct fact *f)
{
	return (struct item){.kind = f->value ? ITEM_VALUE : ITEM_STATEMENT,
		.subject = f->subject,
		.value = f->value,
		.answer = f->statement,
		.questions = question,
		.n_questions = 1,
		.document = &document,
		.section = &section};
}

/* Facts that make the words of the two under test no rarer than in documents. */
static const struct fact filler[] = {
	{"a berth", "12 metres", "A berth is up to 12 metres deep."},
	{"a pilot", "2 ships", "A pilot guides 2 ships at a time."},
	{"a crane", "40 tonnes", "A crane lifts up to 40 tonnes."},
	{"a bell", "6 miles", "The bell is heard over 6 miles."},
	{"the fog signal", "90 seconds", "The fog signal sounds every 90 seconds."},
};
enum { FILLERS = sizeof filler / sizeof *filler };

/* The number of contradictions among the fillers and two facts. */
static size_t found(const struct fact *a, const struct fact *b)
{
	struct item item[FILLERS + 2];
	struct items items = {item, FILLERS + 2, FILLERS + 2};
	struct contradictions c = {0};
	for (size_t i = 0; i < FILLERS; i++)
		item[i] = item_of(&filler[i]);
	item[FILLERS] = item_of(a);
	item[FILLERS + 1] = item_of(b);
	item[FILLERS + 1].section = &elsewhere;
	assert_int_equal(contradictions_find(&c, &items, NULL, &err), 0);
	size_t n = c.n;
	if (n) {
		assert_int_equal(c.p[0].a, FILLERS);
		assert_int_equal(c.p[0].b, FILLERS + 1);
		assert_true(c.p[0].similarity <= 1.0001);
	}
	mem_free(c.p);
	return n;
}

static const struct fact disagree[][2] = {
	{{"an invitation", "6 days", "An invitation expires after 6 days."},
		{"an invitation", "9 days", "An invitation expires after 9 days."}},
	{{"an invitation", "6 days", "An invitation expires after 6 days."},
		{"invitations", "2 weeks", "Invitations stay valid for 2 weeks."}},
	{{"an export", "72 hours", "The link of an export expires after 72 hours."},
		{"an export", "2 days", "The link of an export expires after 2 days."}},
	{{"a seat", "11 EUR", "An additional seat costs 11 EUR."},
		{"a seat", "13 EUR", "The price of an additional seat is 13 EUR."}},
	{{"the spool", "10 GB", "The spool is limited to 10 GB."}, {"the spool", "20 GB", "The limit of the spool is 20 GB."}},
	{{"a plan", "12", "The Grove plan has 12 seats."}, {"a plan", "15", "The Grove plan has 15 seats."}},
	/* one word apart */
	{{"maintenance", "04:00 UTC", "Maintenance happens on Saturdays from 04:00 UTC on."},
		{"maintenance", "04:00 UTC", "Maintenance happens on Sundays from 04:00 UTC on."}},
	{{"a signature", NULL, "The signature is an HMAC with SHA-256 over time and body."},
		{"a signature", NULL, "The signature is an HMAC with SHA-512 over time and body."}},
	{{"a schema", NULL, "Enforce is the default mode of a new schema."},
		{"a schema", NULL, "Observe is the default mode of a new schema."}},
	{{"attachments", "5 gigabytes", "An attachment is limited to 5 gigabytes."},
		{"attachments", "10 GB", "An attachment is limited to 10 GB."}},
	{{"the Bridge", "`--quiet`", "The Bridge is told to be silent by `--quiet`."},
		{"the Bridge", "`--silent`", "The Bridge is told to be silent by `--silent`."}},
};

static const struct fact agree[][2] = {
	/* one value in two units, in words */
	{{"an export", "72 hours", "The link of an export expires after 72 hours."},
		{"an export", "three days", "The link of an export expires after three days."}},
	/* two things of a kind */
	{{"a plan", "12", "The Grove plan includes 12 seats for people of one team."},
		{"a plan", "60", "The Canopy plan includes 60 seats for people of one team."}},
	/* two attributes, one unit */
	{{"backups", "5 hours", "Backups are taken every 5 hours."}, {"backups", "38 days", "Backups are kept for 38 days."}},
	{{"backups", "5 hours", "Backups are taken every 5 hours."}, {"backups", "2 hours", "Backups are taken within 2 hours."}},
	{{"an alert", "66 hours", "An alert can be snoozed for up to 66 hours."},
		{"an alert", "40 minutes", "An alert closes when nothing has happened for 40 minutes."}},
	{{"a plan", "12", "The Grove plan has 12 seats."}, {"a plan", "30", "The Grove plan has 30 streams."}},
	/* told of the past */
	{{"an invitation", "6 days", "An invitation expires after 6 days."},
		{"an invitation", "9 days", "Until March an invitation expired after 9 days."}},
	/* both values in one sentence */
	{{"a port", "443", "Endpoints may use the ports 443 and 8443."},
		{"a port", "8443", "Endpoints may use the ports 443 and 8443 alone."}},
	/* one word apart: two things of which the same is said, one number in two spellings, several that are so */
	{{"the Grove plan", "180 EUR", "The Grove plan costs 180 EUR a month."},
		{"the Canopy plan", "180 EUR", "The Canopy plan costs 180 EUR a month."}},
	{{"an export", "1,000", "An export may hold up to 1,000 rows of one table of events."},
		{"an export", "1000", "An export may hold up to 1000 rows of one table of events."}},
	{{"a library", NULL, "The Bridge supports Linux and its kernel."},
		{"a library", NULL, "The Bridge supports Windows and its kernel."}},
	/* what a thing is called */
	{{"a chart", "1", "Chart 1: latency of reads in the file system."},
		{"a chart", "2", "Chart 2: latency of reads in the file system."}},
	/* another unit altogether */
	{{"an event", "384 KB", "The limit of an event is 384 KB."}, {"an event", "16 days", "The limit of an event is 16 days."}},
};

static void test_disagree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof disagree / sizeof *disagree; i++)
		if (found(&disagree[i][0], &disagree[i][1]) != 1)
			fail_msg("not found: %s / %s", disagree[i][0].statement, disagree[i][1].statement);
}

static void test_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof agree / sizeof *agree; i++)
		if (found(&agree[i][0], &agree[i][1]) != 0)
			fail_msg("found: %s / %s", agree[i][0].statement, agree[i][1].statement);
}

/* A section's heading tells two equal sentences apart. */
static void test_headings(void **state)
{
	(void)state;
	static struct section other = {.title = "Mooring lines", .heading = ""};
	struct item item[2] = {item_of(&(struct fact){"the default", "4 metres", "The default length is 4 metres."}),
		item_of(&(struct fact){"the default", "9 metres", "The default length is 9 metres."})};
	struct items items = {item, 2, 2};
	struct contradictions c = {0};
	item[1].section = &elsewhere;
	assert_int_equal(contradictions_find(&c, &items, NULL, &err), 0);
	assert_int_equal(c.n, 1);
	mem_free(c.p);
	memset(&c, 0, sizeof c);
	section.title = "Anchor chains of tugs";
	item[1].section = &other;
	assert_int_equal(contradictions_find(&c, &items, NULL, &err), 0);
	assert_int_equal(c.n, 0);
	mem_free(c.p);
	section.title = "";
}

/* A long heading over both does not make two sentences alike. */
static void test_shared_heading(void **state)
{
	(void)state;
	static struct section note = {.title = "Engineering note: how pauses between deliveries double", .heading = ""};
	struct item item[FILLERS + 2];
	struct items items = {item, FILLERS + 2, FILLERS + 2};
	struct contradictions c = {0};
	for (size_t i = 0; i < FILLERS; i++)
		item[i] = item_of(&filler[i]);
	item[FILLERS] = item_of(&(struct fact){"an attempt", "18 seconds", "An attempt times out after 18 seconds."});
	item[FILLERS + 1] = item_of(&(struct fact){"the holding bay", "16 days", "The holding bay keeps it for 16 days."});
	item[FILLERS].section = &note;
	item[FILLERS + 1].section = &(struct section){.title = note.title, .heading = ""};
	assert_int_equal(contradictions_find(&c, &items, NULL, &err), 0);
	assert_int_equal(c.n, 0);
	mem_free(c.p);
}

/* One section speaks of two things, and so do the pages of two releases. */
static void test_places(void **state)
{
	(void)state;
	static struct section release[] = {{.title = "", .heading = "Release 3.8.2 of 2013-12-06"},
		{.title = "", .heading = "Release 3.9.0"}, {.title = "", .heading = "Release 3.8.2"},
		{.title = "", .heading = "Since 2013 > Limits"}};
	static const struct {
		const struct section *a, *b;
		bool may;
	} cases[] = {{&section, &section, false}, {&section, &elsewhere, true}, {&release[0], &release[1], false},
		{&release[0], &release[2], true}, {&release[0], &section, true}, {&release[1], &release[3], false},
		{&release[0], &release[3], true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct item a = {.section = cases[i].a}, b = {.section = cases[i].b};
		assert_int_equal(items_may_contradict(&a, &b), cases[i].may);
		assert_int_equal(items_may_contradict(&b, &a), cases[i].may);
	}
}

/* Two such sentences contradict each other, three are a series. */
static void test_series(void **state)
{
	(void)state;
	static struct section own[3];
	static const char *const day[] = {"Monday", "Tuesday", "Friday"};
	char text[3][64];
	for (size_t n = 1; n <= 3; n++) {
		struct item item[3];
		struct items items = {item, n, n};
		struct contradictions c = {0};
		for (size_t i = 0; i < n; i++) {
			snprintf(text[i], sizeof text[i], "The tug leaves the harbour on %s at high water.", day[i]);
			item[i] = item_of(&(struct fact){"the tug", NULL, text[i]});
			own[i] = (struct section){.title = "", .heading = ""};
			item[i].section = &own[i];
		}
		assert_int_equal(contradictions_find(&c, &items, NULL, &err), 0);
		assert_int_equal(c.n, n == 2);
		mem_free(c.p);
	}
}

/* ---- decisions ---- */

static char folder[] = "settle_test_XXXXXX";

static void settled_write(const char *text)
{
	char path[PATH_SIZE];
	assert_int_equal(path_join(path, sizeof path, &err, folder, DATA_SETTLED), 0);
	assert_int_equal(file_replace(path, text, strlen(text), &err), 0);
}

static void test_decisions(void **state)
{
	(void)state;
	static const struct fact fact[] = {{"an invitation", "6 days", "An invitation expires after 6 days."},
		{"an invitation", "9 days", "An invitation expires after 9 days."},
		{"an invitation", "6 days", "No. An invitation expires after 6 days."},
		{"a bell", "6 miles", "The bell is heard over 6 miles."}};
	static const struct {
		const char *line;
		int settled;
		bool asked[4];
	} cases[] = {
		{"", SETTLED_NOT, {false, false, false, true}},
		{"{\"keep\":\"An invitation expires after 9 days.\",\"drop\":\"An invitation expires after 6 days.\"}\n", SETTLED_B,
			{false, true, false, true}},
		{"{\"keep\":\"An invitation expires after 6 days.\",\"drop\":\"An invitation expires after 9 days.\"}\n", SETTLED_A,
			{true, false, true, true}},
		{"{\"both\":[\"An invitation expires after 9 days.\",\"An invitation expires after 6 days.\"]}\n", SETTLED_BOTH,
			{true, true, true, true}},
		{"{\"keep\":\"An invitation expires after 7 days.\",\"drop\":\"An invitation expires after 6 days.\"}\n",
			SETTLED_NOT, {false, false, false, true}},
	};
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct contradiction pair = {.a = 0, .b = 1};
		struct contradictions c = {&pair, 1, 1};
		struct item item[4];
		const char *asks[4];
		struct items items = {item, 4, 4};
		for (size_t k = 0; k < 4; k++) {
			item[k] = item_of(&fact[k]);
			asks[k] = "When?";
			item[k].questions = &asks[k];
		}
		settled_write(cases[i].line);
		assert_int_equal(settle_read(&c, &items, folder, &err), 0);
		assert_int_equal(pair.settled, cases[i].settled);
		settle_drop(&c, &items);
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(asks[k] != NULL, cases[i].asked[k]);
	}
	struct contradictions none = {0};
	settled_write("{\"keep\":\"a\"}\n");
	assert_int_equal(settle_read(&none, &(struct items){0}, folder, &err), ERR_DATA);
	assert_non_null(strstr(err.text, "settled.jsonl: line 1: expected {\"keep\":STATEMENT"));
	char path[PATH_SIZE];
	assert_int_equal(path_join(path, sizeof path, &err, folder, DATA_SETTLED), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_disagree), cmocka_unit_test(test_agree),
		cmocka_unit_test(test_headings), cmocka_unit_test(test_shared_heading), cmocka_unit_test(test_places),
		cmocka_unit_test(test_series), cmocka_unit_test(test_decisions)};
	return cmocka_run_group_tests_name("contradict", tests, NULL, NULL);
}

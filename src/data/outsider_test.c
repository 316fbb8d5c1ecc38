/* What a list leaves out is denied; what it holds, what it leaves open and what the documents mention elsewhere is not. */
#include "data/data.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "outsider_test_XXXXXX";

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return dir_remove(root, NULL);
}

/* All trained rows of one page, as the file holds them. Below it stands enough to know that no pair is left out for balance. */
static void rows(struct buf *out, const char *page)
{
	char in[PATH_SIZE], to[PATH_SIZE], path[PATH_SIZE];
	struct data_summary s;
	struct err e = {0};
	snprintf(in, sizeof in, "%.3000s/page.md", root);
	snprintf(to, sizeof to, "%.3000s/out", root);
	snprintf(path, sizeof path, "%.3000s/out/train.jsonl", root);
	const struct data_options o = {.in = in, .out = to, .seed = 1, .n_phrasings = 400};
	struct buf text = {0};
	assert_int_equal(buf_puts(&text, page, &e), 0);
	for (int i = 0; i < 40; i++)
		assert_int_equal(buf_printf(&text, &e, "\n## Pump %c%c\n\nThe pump %c%c moves %d tons.\n", 'A' + i / 8, 'A' + i % 8,
					 'A' + i / 8, 'A' + i % 8, 30 + i),
			0);
	assert_int_equal(file_replace(in, text.p, text.len, &e), 0);
	buf_release(&text);
	buf_clear(out);
	if (data_curate(&o, &s, &e) || file_read(path, 1 << 24, out, &e))
		fail_msg("%s", e.text);
}

static void assert_holds(const struct buf *b, const char *part)
{
	if (!strstr(b->p, part))
		fail_msg("no \"%s\"", part);
}

static void assert_lacks(const struct buf *b, const char *part)
{
	const char *p = strstr(b->p, part);
	if (p)
		fail_msg("\"%s\" must not be in: %.300s", part, p > b->p + 150 ? p - 150 : b->p);
}

static void test_table(void **state)
{
	(void)state;
	struct buf b = {0};
	rows(&b,
		"# Prices\n\nWe have no Gold medal and no team called Diamond.\n\n| Plan | Price | Seats |\n|---|---|---|\n"
		"| Oak | 5 EUR | 3 |\n| Elm | 9 EUR | 8 |\n| Fir | 12 EUR | 20 |\n\nA discount lowers the price of every plan by 5 "
		"%.\n");
	assert_holds(&b, "\"No, there is no Platinum plan. The plans are Oak, Elm and Fir.\"");
	assert_holds(&b, "price of the Oak plan");
	assert_lacks(&b, "no Gold plan");
	assert_lacks(&b, "no Diamond plan");
	assert_lacks(&b, "there is no Oak");

	/* A row of which nothing is said makes the table no list. */
	rows(&b, "# Prices\n\n| Plan | Price | Seats |\n|---|---|---|\n| Oak | 5 EUR | 3 |\n| Elm | 9 EUR | 8 |\n| Fir | | |\n");
	assert_lacks(&b, "there is no ");
	buf_release(&b);
}

static void test_rows(void **state)
{
	(void)state;
	struct buf b = {0};
	rows(&b,
		"# Libraries\n\n| Language | Package |\n|---|---|\n| Python | `zorb` |\n| Go | `zorb-go` |\n| Java | `zorb-j` |\n\n"
		"Old scripts in Perl keep working.\n");
	assert_holds(&b, " is not mentioned. The languages are Python, Go and Java.\"");
	assert_holds(&b, "package of the Python library");
	assert_lacks(&b, "Perl is not mentioned");
	assert_lacks(&b, "Java is not mentioned");
	buf_release(&b);
}

static void test_grants(void **state)
{
	(void)state;
	struct buf b = {0};
	rows(&b,
		"# Agent\n\nThe agent runs on Linux only. The agent needs 3 GB of memory.\n\n## Plans\n\n| Plan | Price "
		"|\n|---|---|\n"
		"| Oak | 5 EUR |\n| Elm | 9 EUR |\n| Fir | 12 EUR |\n\nCustom colours are part of the Elm plan.\n");
	assert_holds(&b, "the agent on Linux");
	assert_holds(&b, "\"No. The agent runs on Linux only.\"");
	assert_holds(&b, "ustom colours on the Oak plan");
	assert_holds(&b, "\"No. Custom colours are part of the Elm plan.\"");
	assert_lacks(&b, "olours on the Fir plan"); /* a larger plan may have what a smaller one has */
	buf_release(&b);
}

static void test_formats(void **state)
{
	(void)state;
	struct buf b = {0};
	rows(&b,
		"# Export events\n\n1. Press **Export** and choose CSV or JSON.\n2. Wait.\n\nAn export can contain up to 7000 "
		"events.\n");
	assert_holds(&b, " is not mentioned. Press Export and choose CSV or JSON.\"");
	assert_holds(&b, "export events as ");
	assert_lacks(&b, "CSV is not mentioned");

	/* Open lists leave nothing out. */
	rows(&b,
		"# Export events\n\n1. Press **Export** and choose a format such as CSV or JSON.\n2. Wait.\n\n"
		"An export can contain up to 7000 events. The agent runs on Linux, FreeBSD and other systems.\n");
	assert_lacks(&b, "is not mentioned");
	buf_release(&b);
}

/* An invented feature is one that no document mentions, be it in a table. */
static void test_features(void **state)
{
	(void)state;
	struct buf b = {0};
	rows(&b,
		"# Help\n\nA ticket waits for 5 days. We have a desktop app.\n\n| Part | Purpose |\n|---|---|\n| Browser extension "
		"| pays everybody "
		"|\n"
		"| GraphQL interface | shows where you are |\n");
	assert_holds(&b, "does not mention a mobile app, so");
	assert_lacks(&b, "does not mention a desktop app");
	assert_lacks(&b, "does not mention a browser extension");
	assert_lacks(&b, "does not mention a GraphQL interface");
	buf_release(&b);
}

/* A wrong number in front of another question is put right; the right one is passed over. What cannot be done has no button. */
static void test_premises(void **state)
{
	(void)state;
	struct buf b = {0};
	rows(&b,
		"# Jobs\n\nA lease lasts 3 days. A slot lasts 8 days. A trial lasts 9 days. A pass lasts 7 days.\n\n"
		"Mails about leases go to the owner and cannot be switched off.\n\n## Add a rule\n\n1. Open **Rules**.\n"
		"2. Press **New**.\n");
	assert_holds(&b, "e know that the pump ");
	assert_holds(&b, "hich button do I press to switch off mails about leases?");
	assert_holds(&b, "hich button do I press to add a rule?");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_premises),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

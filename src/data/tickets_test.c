/* Tickets: columns, what of a message is substance, what is refused. */
#include "data/tickets.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/mail.h"
#include "data/test_corpus.h"

static void read_text(const char *text)
{
	struct document d = {.path = "t.csv", .bytes = text, .size = strlen(text)};
	struct err e = {0};
	corpus.n = 0;
	if (tickets_read(&corpus, &d, &e))
		fail_msg("%s", e.text);
}

static void test_columns(void **state)
{
	(void)state;
	read_text("\xef\xbb\xbfTicket ID;Customer Message;Agent_Reply;Title\r\n7;\"Is it;\r\nfree?\";Yes it is.;Price\r\n\r\n;How "
		  "much?;Five.;\r\n");
	assert_int_equal(corpus.n, 2);
	const struct document *d = &corpus.d[0];
	assert_int_equal(d->kind, DOCUMENT_TICKET);
	assert_string_equal(d->part, "7");
	assert_string_equal(d->sections[0].title, "Price");
	assert_int_equal(d->n_blocks, 2);
	assert_string_equal(d->blocks[0].text, "Is it; free?");
	assert_string_equal(d->blocks[0].speaker, "customer");
	assert_string_equal(d->blocks[1].text, "Yes it is.");
	assert_string_equal(d->blocks[1].speaker, "support");
	assert_int_equal(d->blocks[1].kind, BLOCK_TURN);
	struct span s = d->sections[0].span;
	assert_int_equal(s.end - s.start, strlen("7;\"Is it;\r\nfree?\";Yes it is.;Price\r\n"));
	assert_memory_equal(d->bytes + s.start, "7;\"Is it;", 9);
	assert_string_equal(corpus.d[1].part, "row 2");
}

static void test_left_out(void **state)
{
	(void)state;
	read_text("question,reply\na b,\nshort\nc,d\ne,same\nf,same\ng,same\nh,same\n");
	assert_int_equal(corpus.n, 5);
	const char *why = corpus.d[4].skipped;
	assert_null(corpus.d[4].part);
	assert_string_equal(why,
		"3 of its 7 rows cannot be used; 1 without a question or a reply, the first in line 2; 1 with too few fields, the "
		"first in line 3; 1 whose reply 3 other rows have, too");
	static const char *const refused[][2] = {
		{"name,size\na,b\n", "its columns: name, size"},
		{"question,reply\na,b\nc,\"d\ne,f\ng,h\n", "row that begins in line 3 opens a quotation mark that is never closed"},
		{"question,reply\na,b\nc,5\" disk\nd,e\n", "row that begins in line 3 has a quotation mark in the middle"},
		{"question,reply\n", "no rows"},
		{"\n", "its columns: none"},
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		read_text(refused[i][0]);
		assert_int_equal(corpus.n, 1);
		if (!strstr(corpus.d[0].skipped, refused[i][1]))
			fail_msg("%s", corpus.d[0].skipped);
	}
}

static void test_substance(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"Hi Ida,\n\nmy key fails. Why?\n\nBest regards,\nTom Oak\nOak Ltd", "My key fails. Why?"},
		{"Dear support team!\r\nIt is late.\r\n-- \r\nTom", "It is late."},
		{"Hello Tom, thanks for writing. It takes 5 days. Let me know if it helps! Kind regards, Ida", "It takes 5 days."},
		{"Hey\nall is red\n\nSent from my phone", "All is red"},
		{"No.\n\nOn Monday Tom Oak wrote:\n> Is it?\n> Really?", "No."},
		{"> old\nNew text\n> old again\ngoes on.", "New text goes on."},
		{"Is it on?\n\nTom Oak\nOak Ltd\ntom@oak.example", "Is it on?"},
		{"Press **Save**   twice.\n\n/Ida", "Press Save twice."},
		{"Thanks for the quick answer, but it still fails. Why is that?\nThanks", "Why is that?"},
		{"Thanks", "Thanks"},
		{"Hi,", ""},
		{"Best is to wait.\n\nIt will pass.", "Best is to wait. It will pass."},
		{"I looked at it.\nThanks for the logs.\nSet retries to 5 and restart the agent.",
			"I looked at it. Thanks for the logs. Set retries to 5 and restart the agent."},
		{"It is red.\nThanks for the logs.\nIn short:\nSet retries to 5 and restart the agent.\nKind regards, Ida",
			"It is red. Thanks for the logs. In short: Set retries to 5 and restart the agent."},
		{"It is red.\nThanks!\n\nShould I restart the agent now?", "It is red. Thanks! Should I restart the agent now?"},
		{"It is red.\nThanks for your help!\nTom Oak\nThis mail is confidential and for you alone.", "It is red."},
		{"It is red.\nRegards,\nTom Oak, Oak Ltd.\nThis mail is confidential and for you alone.", "It is red."},
		{"It is red.\nThanks\nSent from my phone with Mail for Oaks.", "It is red."},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		char *out;
		assert_int_equal(mail_substance(cases[i][0], &out, &corpus.arena, &e), 0);
		assert_string_equal(out, cases[i][1]);
	}
}

/* However many lines it has. */
static void test_long_message(void **state)
{
	(void)state;
	struct buf b = {0};
	struct err e = {0};
	char *out;
	for (int i = 0; i < 3000; i++)
		assert_int_equal(buf_puts(&b, "Thanks for it.\n", &e), 0);
	assert_int_equal(buf_puts(&b, "Then the agent restarts at last.", &e), 0);
	assert_int_equal(mail_substance(b.p, &out, &corpus.arena, &e), 0);
	assert_int_equal(strlen(out), b.len - strlen("Thanks for it.\n")); /* which is manners at the start */
	buf_release(&b);
}

static void test_faults(void **state)
{
	(void)state;
	static const char text[] = "id,question,reply\n1,Is it on?,Yes.\n2,x,\n3,Is it off?,No.\n";
	fail_each(tickets_read, "t.csv", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_columns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_substance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
	};
	return cmocka_run_group_tests_name("tickets", tests, NULL, NULL);
}

/* JSON rows: tickets by guessed fields, training rows of every shape, what is refused, byte spans, lists. */
#include "data/json_rows.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_corpus.h"
#include "format/format.h"

static void read_text(const char *text)
{
	struct document d = {.path = "t.jsonl", .bytes = text, .size = strlen(text)};
	struct err e = {0};
	corpus.n = 0;
	if (json_rows_read(&corpus, &d, &e))
		fail_msg("%s", e.text);
}

static void assert_ticket(size_t i, const char *part, const char *question, const char *reply)
{
	assert_true(i < corpus.n);
	const struct document *d = &corpus.d[i];
	assert_int_equal(d->kind, DOCUMENT_TICKET);
	assert_string_equal(d->part, part);
	assert_string_equal(d->blocks[0].text, question);
	assert_string_equal(d->blocks[0].speaker, "customer");
	assert_string_equal(d->blocks[1].text, reply);
}

static void assert_span(const struct document *d, const char *text)
{
	struct span s = d->sections[0].span;
	assert_int_equal(s.end - s.start, strlen(text));
	assert_memory_equal(d->bytes + s.start, text, s.end - s.start);
}

static void test_tickets(void **state)
{
	(void)state;
	read_text("\xef\xbb\xbf{\"id\": 7, \"customer\": {\"name\": \"Tom\", \"message\": \"Hi, is it free?\"}, \"agent_reply\": "
		  "\"Yes it is.\", "
		  "\"title\": \"Price\"}\r\n\n{\"agent_reply\": \"Five.\", \"customer\": {\"message\": \"How much?\"}}\n");
	assert_int_equal(corpus.n, 2);
	assert_ticket(0, "7", "Is it free?", "Yes it is.");
	assert_string_equal(corpus.d[0].sections[0].title, "Price");
	assert_ticket(1, "row 2", "How much?", "Five.");
	assert_span(&corpus.d[1], "{\"agent_reply\": \"Five.\", \"customer\": {\"message\": \"How much?\"}}\n");
	read_text("[\n {\"question\": \"a ] \\\" b?\",\n  \"answer\": \"c\"},\n {\"question\": \"d?\", \"answer\": \"e\"}\n]\n");
	assert_int_equal(corpus.n, 2);
	assert_ticket(0, "row 1", "A ] \" b?", "C");
	assert_span(&corpus.d[1], "{\"question\": \"d?\", \"answer\": \"e\"}");
}

static void assert_row(size_t i, const char *row)
{
	assert_true(i < corpus.n);
	assert_int_equal(corpus.d[i].kind, DOCUMENT_ROW);
	assert_string_equal(corpus.d[i].row, row);
}

static void test_given(void **state)
{
	(void)state;
#define MESSAGES "[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"a\"}]"
	static const char *const rows[][2] = {
		{"{\"messages\":" MESSAGES ",\"id\":3}", NULL},
		{"{\"prompt\":\"q\",\"completion\":\"a\"}", NULL},
		{"{\"conversations\":[{\"from\":\"human\",\"value\":\"q\"},{\"from\":\"gpt\",\"value\":\"a\"}]}", NULL},
		{"{\"instruction\":\"q\",\"input\":\"\",\"output\":\"a\"}", NULL},
		{"{\"text\":\"running text\"}", NULL},
		{"{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}", "{\"prompt\":\"q\",\"completion\":\"a\"}"},
		{"{\"prompt\":[{\"role\":\"user\",\"content\":\"q\"}],\"chosen\":[{\"role\":\"assistant\",\"content\":\"a\"}],"
		 "\"rejected\":[]}",
			"{\"messages\":" MESSAGES "}"},
		{"{\"chosen\":" MESSAGES ",\"rejected\":[]}", "{\"messages\":" MESSAGES "}"},
		{"{\"prompt\":\"q\",\"chosen\":" MESSAGES ",\"rejected\":[]}", "{\"messages\":" MESSAGES "}"},
		{"{\"prompt\":\"q\",\"completion\":\"a\",\"label\":true}", "{\"prompt\":\"q\",\"completion\":\"a\"}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		read_text(rows[i][0]);
		assert_int_equal(corpus.n, 1);
		if (corpus.d[0].skipped)
			fail_msg("%s", corpus.d[0].skipped);
		assert_row(0, rows[i][1] ? rows[i][1] : rows[i][0]);
		assert_span(&corpus.d[0], rows[i][0]);
		assert_string_equal(corpus.d[0].part, "row 1");
	}
	read_text(
		"{\"prompt\":\"q\",\"completion\":\"a\"}\n{\"question\":\"Is it?\",\"reply\":\"It is.\"}\n"); /* both kinds in one file */
	assert_int_equal(corpus.n, 2);
	assert_int_equal(corpus.d[0].kind, DOCUMENT_ROW);
	assert_int_equal(corpus.d[1].kind, DOCUMENT_TICKET);
}

static void test_left_out(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"{\"prompt\":\"q\",\"completion\":\"a\"}\n{\"a\"\n{\"prompt\":\"q\"}\n",
			"2 of its 3 rows cannot be used; 2 wrong, the first in line 2: column 4: ':' expected near end of file"},
		{"{\"prompt\":\"q\"}",
			"1 of its 1 rows cannot be used; 1 wrong, the first in line 1: no answer: its \"completion\" is absent or "
			"empty"},
		{"{\"prompt\":\"q\",\"completion\":\"a\",\"label\":false}",
			"1 of its 1 rows cannot be used; 1 wrong, the first in line 1: its label says that the answer was not "
			"good"},
		{"{\"prompt\":\"q\",\"rejected\":\"a\"}",
			"1 of its 1 rows cannot be used; 1 wrong, the first in line 1: a rejected answer without a chosen one"},
		{"{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]}",
			"1 of its 1 rows cannot be used; 1 wrong, the first in line 1: no answer: its last message is not by the "
			"assistant"},
		{"{\"messages\":[{\"role\":\"bot\",\"content\":\"q\"}]}",
			"1 of its 1 rows cannot be used; 1 wrong, the first in line 1: a message by "
			"another role than system, user, assistant and tool"},
		{"{\"messages\":[]}",
			"1 of its 1 rows cannot be used; 1 wrong, the first in line 1: expected a list of messages that is not "
			"empty, "
			"found an empty list"},
		{"{\"question\":\"a?\",\"answer\":\"\"}",
			"1 of its 1 rows cannot be used; 1 without a question or a reply, the first in line 1"},
		{"{\"name\":\"a\",\"size\":{\"w\":1}}",
			"no training rows (messages, prompt, conversations, instruction, chosen), and no field of questions "
			"(question, message, body, "
			"description, request) beside one of replies (reply, answer, response, resolution, comment); its fields: "
			"name, size.w"},
		{"[1]", "1 of its 1 rows cannot be used; 1 wrong, the first in line 1: column 1: '[' or '{' expected near '1'"},
		{"[{\"prompt\":\"q\",\"completion\":\"a\"}\n{}]",
			"1 of its 2 rows cannot be used; 1 wrong, the first in line 2: expected a list of objects, apart by "
			"commas, found no comma"},
		{"[{\"prompt\":\"q\",\"completion\":\"a\"},\n",
			"1 of its 2 rows cannot be used; 1 wrong, the first in line 2: expected a list of "
			"objects, apart by commas, found the end of the file, which may be cut"},
		{"[]", "no rows in it"},
		{" \n", "no rows in it"},
		{"[\n{\"prompt\":\"q\",\n\"completion\":}\n]", "1 of its 1 rows cannot be used; 1 wrong, the first in line 2: "},
		{"[{\"prompt\":\"q\"}", "2 of its 2 rows cannot be used; 2 wrong, the first in line 1: no answer"},
		{"{\"prompt\":\"q\",\"prompt\":\"q\"}",
			"1 of its 1 rows cannot be used; 1 wrong, the first in line 1: column 22: duplicate object key"},
		{"{\"prompt\":\"\\ud800\"}",
			"1 of its 1 rows cannot be used; 1 wrong, the first in line 1: column 18: invalid Unicode '\\uD800'"},
		{"{\"prompt\":1e999}",
			"1 of its 1 rows cannot be used; 1 wrong, the first in line 1: column 15: real number overflow"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		read_text(cases[i][0]);
		const char *why = corpus.d[corpus.n - 1].skipped;
		if (!why || strncmp(why, cases[i][1], strlen(cases[i][1])))
			fail_msg("\"%s\"\nexpected \"%s\"", why ? why : "used", cases[i][1]);
	}
	char deep[100001];
	memset(deep, '[', 100000);
	deep[100000] = 0;
	read_text(deep);
	assert_string_equal(
		corpus.d[0].skipped, "2 of its 2 rows cannot be used; 2 wrong, the first in line 1: nested more than 64 deep");
}

static void test_faults(void **state)
{
	(void)state;
	static const char text[] =
		"[{\"prompt\":\"q\",\"chosen\":\"a\"},{\"question\":\"Is it?\",\"reply\":{\"text\":\"It is.\"}},{\"q\"}]";
	fail_each(json_rows_read, "t.json", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tickets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
	};
	return cmocka_run_group_tests_name("json_rows", tests, NULL, NULL);
}

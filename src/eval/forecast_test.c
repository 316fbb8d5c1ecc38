/* What training could add, from answers and rows laid out by hand; and the questions for who has none. */
#include "eval/test_compare.h"

#include <math.h>
#include <unistd.h>

static void put_lines(const char *name, const char *const *line, size_t n)
{
	struct buf b = {0};
	struct err e = {0};
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_printf(&b, &e, "%s\n", line[i]), 0);
	put(at(name), n ? b.p : "", b.len);
	buf_release(&b);
}
#define PUT_LINES(name, list) put_lines(name, list, sizeof list / sizeof *list)

#define ROW(kind, question, answer)                                                                                     \
	"{\"messages\":[{\"role\":\"user\",\"content\":\"" question "\"},{\"role\":\"assistant\",\"content\":\"" answer \
	"\"}],\"kind\":\"" kind "\"}"
#define SECTION(path, text) "{\"path\":\"" path "\",\"heading\":\"H\",\"sha256\":\"s\",\"start\":0,\"text\":\"" text "\"}"

static const char *const rows[] = {ROW("value", "How long may a lease run?", "The lease lasts 3 hours."),
	ROW("value", "How large may a key be?", "The key has 8 bytes."),
	ROW("value", "What size has the key ring?", "The ring holds 5 keys."),
	ROW("denial", "Which colour has the front door?", "No, the door is blue."),
	"{\"text\":\"Ports. Which port is open?\",\"kind\":\"text\"}"};
static const char *const sections[] = {SECTION("a.md", "The lease lasts 3 hours."), SECTION("b.md", "The open port is 7343."),
	SECTION("c.md", "Nothing of note.")};

/* Base and rag are compared, in this order; tuned, which lies between them in test_compare.h, is never read. */
static struct eval_forecast forecast(void)
{
	const struct eval_arm untrained[] = {arms[BASE], arms[RAG]};
	struct eval_forecast f;
	struct err e = {0};
	if (eval_forecast(&job, untrained, 2, &f, &e))
		fail_msg("%s", e.text);
	return f;
}

static void test_reach(void **state)
{
	(void)state;
	const struct said said[] = {
		{"{\"id\":\"1\",\"question\":\"A lease is how long?\",\"answers\":[\"3 hours\"],\"source\":\"a.md\"}",
			{"", "", "3 hours."}},
		/* missed; the nearest row has it, then only the second nearest, then a passage, then nothing */
		{"{\"id\":\"2\",\"question\":\"A key is how large?\",\"answers\":[\"8 bytes\"],\"source\":\"a.md\"}",
			{"9 bytes", "", "?"}},
		{"{\"id\":\"3\",\"question\":\"Size of a key?\",\"answers\":[\"8 bytes\"],\"source\":\"b.md\"}", {"", "", ""}},
		{"{\"id\":\"4\",\"question\":\"Which port is open here?\",\"answers\":[\"7343\"],\"source\":\"b.md\"}",
			{"", "", ""}},
		{"{\"id\":\"5\",\"question\":\"Which colour is the door?\",\"answers\":[\"blue\"],\"source\":\"c.md\"}",
			{"", "", ""}},
		/* not counted: held out, trained on, a false premise and its twin */
		{"{\"id\":\"6\",\"question\":\"The size?\",\"answers\":[\"8 bytes\"],\"source\":\"held.md\"}",
			{"8 bytes", "", "8 bytes"}},
		{"{\"id\":\"7\",\"question\":\"How long may a lease run?\",\"answers\":[\"3 hours\"]}", {"3 hours", "", "3 hours"}},
		{"{\"id\":\"8\",\"question\":\"Why 9 keys?\",\"answers\":[],\"false_premise\":true,\"twin\":\"9\"}", {"", "", ""}},
		{"{\"id\":\"9\",\"question\":\"Why 5 keys?\",\"answers\":[\"5\"]}", {"5", "", "5"}}};
	PUT_LINES("data/train.jsonl", rows);
	PUT_LINES("data/sections.jsonl", sections);
	put_lines("data/manifest.json", &(const char *){"{\"documents\":[{\"path\":\"held.md\",\"unseen\":true}]}"}, 1);
	n_arms = RAG + 1;
	answers_put(said, sizeof said / sizeof *said);
	struct eval_forecast f = forecast();
	assert_int_equal(f.n, 5);
	assert_int_equal(f.arm[0].k, 0);
	assert_int_equal(f.arm[1].k, 1);
	assert_int_equal(f.best, 1);
	assert_int_equal(f.nearest.k, 1);
	assert_int_equal(f.near.k, 3);
	assert_true(f.low >= 0 && f.low < 0.2 / 5 && f.high > 3.0 / 5 && f.high <= 1);

	/* Another folder of rows gives another index. */
	put_lines("data/train.jsonl", rows + 4, 1);
	f = forecast();
	assert_int_equal(f.n, 6); /* and nothing leaks */
	assert_int_equal(f.nearest.k, 0);
	assert_int_equal(f.near.k, 1);
}

/* Forty questions for what the nearest row has: the base says the first text, passages the second, or "?" to the first question. */
static struct eval_forecast forty(const char *base, const char *rag)
{
	struct said said[40] = {0};
	char question[40][128];
	PUT_LINES("data/train.jsonl", rows);
	PUT_LINES("data/sections.jsonl", sections);
	for (size_t i = 0; i < 40; i++) {
		snprintf(question[i], sizeof question[i], "{\"id\":\"%zu\",\"question\":\"Lease %zu?\",\"answers\":[\"3 hours\"]}",
			i, i);
		said[i] = (struct said){question[i], {base, "", i ? rag : "?"}};
	}
	n_arms = RAG + 1;
	answers_put(said, 40);
	return forecast();
}

/* All missed, and the nearest row has every answer: so equal draws have no width. */
static void test_all_to_add(void **state)
{
	(void)state;
	struct eval_forecast f = forty("?", "?");
	assert_true(f.n == 40 && f.nearest.k == 40 && f.near.k == 40);
	assert_true(fabs(f.low - 0.2) < 1e-12 && f.high == 1); /* a fifth of what is near is the least; all of it the most */
}

static void test_nothing_to_add(void **state)
{
	(void)state;
	struct eval_forecast f = forty("3 hours", "3 hours");
	assert_true(f.n == 40 && f.best == 0 && f.near.k == 0);
	assert_true(f.low == 0 && f.high == 0);
}

static void test_no_questions(void **state)
{
	(void)state;
	struct eval_forecast f;
	struct err e = {0};
	PUT_LINES("data/train.jsonl", rows);
	PUT_LINES("data/sections.jsonl", sections);
	unlink(job.questions);
	f = forecast();
	assert_int_equal(f.n, 0);

	/* Questions, and no answers to them. */
	put_lines("questions.jsonl", &(const char *){"{\"id\":\"1\",\"question\":\"Why?\",\"answers\":[\"x\"]}"}, 1);
	assert_int_equal(eval_forecast(&job, &arms[BASE], 1, &f, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "run the arm \"base\" first"));
}

#define VALID(kind, item, question)                                                                             \
	"{\"messages\":[{\"role\":\"user\",\"content\":\"" question "\"}],\"kind\":\"" kind "\",\"item\":" item \
	",\"stratum\":\"known\",\"source\":{\"path\":\"a.md\"}}"

static void test_reserved(void **state)
{
	(void)state;
	struct err e = {0};
	struct buf b = {0};
	const char *const facts[] = {"{\"item\":1,\"value\":\"3 hours\"}", "{\"item\":2,\"value\":\"8 bytes\"}",
		"{\"item\":3,\"value\":\"5\"}", "{\"item\":3,\"value\":\"6\"}", "{\"item\":null,\"value\":\"7\"}"};
	const char *const valid[] = {VALID("value", "1", "Until when does it last, a lease?"),
		VALID("value", "2", "How large may a key be?"), VALID("value", "3", "Two values?"),
		VALID("denial", "1", "Is it 4 hours?"), VALID("howto", "4", "How?"), "{\"text\":\"t\",\"distill\":true}"};
	PUT_LINES("data/facts.jsonl", facts);
	PUT_LINES("data/valid.jsonl", valid);
	PUT_LINES("data/train.jsonl", rows);
	assert_int_equal(eval_reserved_questions(job.data, at("made.jsonl"), &e), 0);
	file_text("made.jsonl", &b);
	assert_string_equal(b.p,
		"{\"id\":\"reserved-1\",\"question\":\"Until when does it last, a lease?\",\"answers\":[\"3 "
		"hours\"],\"source\":\"a.md\"}\n");
	unlink(at("data/facts.jsonl"));
	assert_int_equal(eval_reserved_questions(job.data, at("made.jsonl"), &e), 0);
	file_text("made.jsonl", &b);
	assert_int_equal(b.len, 0);
	buf_release(&b);
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_to_add, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_to_add, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_questions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reserved, setup, teardown),
	};
	return cmocka_run_group_tests_name("forecast", tests, NULL, NULL);
}

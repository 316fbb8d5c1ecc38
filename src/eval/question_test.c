/* The questions file and the manifest, right and wrong. */
#include "eval/question.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "question_test_XXXXXX";

static int read_text(const char *text, struct questions *q, struct err *e)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/q.jsonl", root);
	assert_int_equal(file_replace(path, text, strlen(text), e), 0);
	return questions_read(q, path, e);
}

static void test_good(void **state)
{
	(void)state;
	struct questions q;
	struct err e = {0};
	assert_int_equal(
		read_text("{\"id\":\"a\",\"question\":\"Q in 5 days?\",\"answers\":[\"1\",\"6 days\"],\"source\":\"x.md\"}\n"
			  "{\"id\":\"b\",\"question\":\"F?\",\"answers\":[],\"false_premise\":true,\"twin\":\"a\"}\n"
			  "{\"id\":\"c\",\"question\":\"G?\",\"answers\":[\"Canopy\"],\"false_premise\":false}\n",
			&q, &e),
		0);
	assert_int_equal(q.n, 3);
	assert_true(q.p[0].is_twin && !q.p[0].false_premise && !question_is_ordinary(&q.p[0]));
	assert_string_equal(q.p[0].source, "x.md");
	assert_int_equal(q.p[0].in_question.n, 1);
	assert_int_equal(q.p[0].values[1].n, 1);
	assert_true(q.p[1].false_premise && !question_is_ordinary(&q.p[1]));
	assert_true(question_is_ordinary(&q.p[2]));
	assert_string_equal(q.p[2].source, "");
	questions_release(&q);
	assert_int_equal(questions_read(&q, "/nonexistent/questions.jsonl", &e), 0);
	assert_int_equal(q.n, 0);
	questions_release(&q);
}

static void test_bad(void **state)
{
	(void)state;
	static const struct {
		const char *line, *says;
	} c[] = {
		{"{\"id\":\"a\",\"question\":\"Q?\"}", "expected {\"id\""},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[]}", "expected {\"id\""},
		{"{\"id\":1,\"question\":\"Q?\",\"answers\":[\"1\"]}", "expected {\"id\""},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[1]}", "accepted answer 1"},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"\"]}", "accepted answer 1"},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"source\":7}", "\"source\""},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"false_premise\":\"yes\"}", "\"false_premise\""},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"twin\":\"first\"}", "of the same kind"},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"twin\":7}", "\"twin\""},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"reference\":\"\"}", "\"reference\""},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"must_not\":\"2\"}", "\"must_not\""},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"must_not\":[\"2\",\"\"]}", "\"must_not\""},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"false_premise\":true,\"twin\":\"none\"}",
			"has the id \"none\""},
		{"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"false_premise\":true,\"twin\":\"a\"}",
			"of the same kind"},
		{"{\"id\":\"first\",\"question\":\"Q?\",\"answers\":[\"1\"]}", "another line"},
		{"nonsense", "q.jsonl"},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct questions q;
		struct err e = {0};
		char text[512];
		snprintf(text, sizeof text, "{\"id\":\"first\",\"question\":\"Q?\",\"answers\":[\"1\"]}\n\n%s\n", c[i].line);
		assert_int_equal(read_text(text, &q, &e), ERR_DATA);
		if (!strstr(e.text, "line 3: ") || !strstr(e.text, c[i].says))
			fail_msg("%s: %s", c[i].line, e.text);
		questions_release(&q);
	}
}

static void test_strata(void **state)
{
	(void)state;
	struct questions q;
	struct err e = {0};
	char path[PATH_SIZE];
	const char *manifest = "{\"documents\":[{\"path\":\"docs/new.md\",\"unseen\":true},{\"path\":\"old.md\"},7,"
			       "{\"path\":\"t.csv\",\"unseen\":false},{\"path\":\"t.csv\",\"unseen\":true},"
			       "{\"path\":\"u.csv\",\"unseen\":true},{\"path\":\"u.csv\",\"unseen\":false,\"skipped\":\"1 row\"}]}";
	assert_int_equal(read_text("{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"source\":\"docs/new.md\"}\n"
				   "{\"id\":\"b\",\"question\":\"Q?\",\"answers\":[\"1\"],\"source\":\"new.md\"}\n"
				   "{\"id\":\"c\",\"question\":\"Q?\",\"answers\":[\"1\"],\"source\":\"old.md\"}\n"
				   "{\"id\":\"d\",\"question\":\"Q?\",\"answers\":[\"1\"]}\n"
				   "{\"id\":\"e\",\"question\":\"Q?\",\"answers\":[\"1\"],\"source\":\"t.csv\"}\n"
				   "{\"id\":\"f\",\"question\":\"Q?\",\"answers\":[\"1\"],\"source\":\"u.csv\"}\n",
				 &q, &e),
		0);
	assert_int_equal(strata_read(&q, "/nonexistent", &e), 0);
	assert_false(q.p[0].unseen);
	snprintf(path, sizeof path, "%s/manifest.json", root);
	assert_int_equal(file_replace(path, manifest, strlen(manifest), &e), 0);
	assert_int_equal(strata_read(&q, root, &e), 0);
	assert_true(q.p[0].unseen && q.p[1].unseen && !q.p[2].unseen && !q.p[3].unseen);
	assert_true(!q.p[4].unseen && q.p[5].unseen);
	assert_int_equal(file_replace(path, "{", 1, &e), 0);
	assert_int_equal(strata_read(&q, root, &e), ERR_DATA);
	questions_release(&q);
}

/* Questions in the training rows: as users' messages, prompts and text, whole or nearly; what shares less is no leak. */
static void test_leaks(void **state)
{
	(void)state;
	static const char train[] =
		"{\"text\":\"Where do I? Where do I? Where do I? Where do I?\"}\n"
		"{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me: how long are the LOGS kept, please\"},"
		"{\"role\":\"assistant\",\"content\":\"Which port does the agent use?\"}]}\n"
		"{\"prompt\":\"Who signs the contract for a new team?\",\"completion\":\"Ann\"}\n"
		"{\"text\":\"Q: where do I find the key\"}\n"
		"{\"text\":\"one two three four five six seven eight\"}\n";
	struct questions q;
	struct err e = {0};
	char path[PATH_SIZE];
	assert_int_equal(
		read_text(
			"{\"id\":\"a\",\"question\":\"How long are the logs kept?\",\"answers\":[\"1\"]}\n"
			"{\"id\":\"b\",\"question\":\"Which port does the agent use?\",\"answers\":[\"1\"]}\n"
			"{\"id\":\"c\",\"question\":\"And who signs the contract for a new team?\",\"answers\":[\"1\"]}\n"
			"{\"id\":\"d\",\"question\":\"Where do I find the key?\",\"answers\":[\"1\"]}\n"
			"{\"id\":\"e\",\"question\":\"One two three four five six seven eight or nine ten?\",\"answers\":[\"1\"]}\n"
			"{\"id\":\"f\",\"question\":\"Of it?\",\"answers\":[\"1\"]}\n",
			&q, &e),
		0);
	assert_int_equal(overlap_find(&q, root, &e), 0); /* no file yet */
	assert_int_equal(leaks_count(&q), 0);
	snprintf(path, sizeof path, "%s/train.jsonl", root);
	assert_int_equal(file_replace(path, train, strlen(train), &e), 0);
	if (overlap_find(&q, root, &e))
		fail_msg("%s", e.text);
	const size_t leak[] = {2, 0, 3, 4, 0, 0};
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(q.p[i].leak, leak[i]);
	assert_true(q.p[4].overlap && !q.p[0].overlap && !q.p[3].overlap);
	assert_int_equal(leaks_check(&q, "q.jsonl", "data", &e), 0); /* half of them */
	q.p[1].leak = 9;
	assert_int_equal(leaks_check(&q, "q.jsonl", "data", &e), ERR_DATA);
	assert_non_null(strstr(e.text,
		"q.jsonl: 4 of 6 questions stand in data/train.jsonl, whole or nearly: \"a\" in line 2, \"b\" in line 9, \"c\" in "
		"line 3, "));
	questions_release(&q);
}

static int teardown(void **state)
{
	(void)state;
	return dir_remove(root, NULL);
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_strata),
		cmocka_unit_test(test_leaks),
	};
	return cmocka_run_group_tests_name("question", tests, NULL, teardown);
}

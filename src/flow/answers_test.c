/* Right and wrong, questions files, the table of the page. */
#include "flow/answers.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "flow/page.h"

static void test_holds(void **state)
{
	(void)state;
	static const struct {
		const char *answer, *accepted;
		bool holds;
	} c[] = {
		{"It times out after 18 seconds.", "18 seconds", true},
		{"It times out after 18\n SECONDS", "18 seconds", true},
		{"18 seconds", "18 seconds", true},
		{"It times out after 118 seconds.", "18 seconds", false},
		{"It times out after 18 secondsx.", "18 seconds", false},
		{"It needs 1.5 GB.", "5 GB", false},
		{"It needs 5 GB.", "5 GB", true},
		{"It costs 1,180 EUR.", "180 EUR", false},
		{"Port 7443.", "7443", true},
		{"Port 7443.5", "7443", false},
		{"First 7443, 9180", "7443", true},
		{"First 17443, then 7443", "7443", true},
		{"Use `--dry-run`.", "--dry-run", true},
		{"18", "18 seconds", false},
		{"", "18", false},
		{"caf\xc3\xa9 5", "caf", false},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++)
		if (answer_holds(c[i].answer, c[i].accepted) != c[i].holds)
			fail_msg("\"%s\" in \"%s\"", c[i].accepted, c[i].answer);
	json_t *q = json_pack("{s:[s,s]}", "answers", "18 s", "18 seconds");
	assert_true(answer_is_right("in 18 seconds", q));
	assert_false(answer_is_right("in 19 seconds", q));
	json_decref(q);
}

static int read_text(const char *text, struct questions *q, struct err *e)
{
	char path[64];
	snprintf(path, sizeof path, "/tmp/attune-questions-%d.jsonl", (int)getpid());
	assert_int_equal(file_replace(path, text, strlen(text), e), 0);
	int rc = questions_read(q, path, e);
	unlink(path);
	return rc;
}

static void test_questions(void **state)
{
	(void)state;
	struct questions q;
	struct err e = {0};
	assert_int_equal(read_text("{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"1\"],\"source\":\"x\"}\n", &q, &e), 0);
	assert_int_equal(q.n, 1);
	questions_release(&q);
	assert_int_equal(questions_read(&q, "/nonexistent/questions.jsonl", &e), 0);
	assert_int_equal(q.n, 0);
	questions_release(&q);
	static const char *const bad[] = {"{\"id\":\"a\",\"question\":\"Q?\"}\n",
		"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[]}\n", "{\"id\":1,\"question\":\"Q?\",\"answers\":[\"1\"]}\n",
		"{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[1]}\n", "{\"id\":\"a\",\"question\":\"Q?\",\"answers\":[\"\"]}\n",
		"nonsense\n"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(read_text(bad[i], &q, &e), ERR_DATA);
		assert_non_null(strstr(e.text, "line 1: "));
		questions_release(&q);
	}
}

static void test_page_row(void **state)
{
	(void)state;
	static const size_t width[] = {6, 8, 5};
	const char *const text[] = {"one two three", "abcdefghijk", "\xc3\xa4\xc3\xb6\xc3\xbc\nx"};
	struct buf b = {0};
	assert_int_equal(page_row(text, width, 3, &b, NULL), 0);
	assert_string_equal(b.p,
		"one     abcdefgh  \xc3\xa4\xc3\xb6\xc3\xbc\n"
		"two     ijk       x\n"
		"three\n");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_page_row),
	};
	return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}

/* Right and wrong, accepted and refused. */
#include "eval/judge.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

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
	assert_int_equal(words_match("the vaults", 4, "vault", false), 0);
	assert_int_equal(words_match("the vaults", 4, "vault", true), 6);
	assert_int_equal(words_match("the vaultss", 4, "vault", true), 0);
	assert_int_equal(words_match("the vault", 4, "vault", true), 5);
}

static struct question ask(const char *text, const char **accepted, bool false_premise)
{
	struct err e = {0};
	struct question q = {.text = text, .accepted = accepted, .n_accepted = 1, .false_premise = false_premise};
	q.values = arena_alloc(&arena, 1, sizeof *q.values, &e);
	assert_int_equal(values_read(q.values, *accepted, &arena, &e), 0);
	assert_int_equal(values_read(&q.in_question, text, &arena, &e), 0);
	return q;
}

static void test_right(void **state)
{
	(void)state;
	static const struct {
		const char *question, *accepted, *answer;
		bool right;
		const char *competing;
	} c[] = {
		{"How long?", "18 seconds", "It takes 18 seconds.", true, NULL},
		{"How long?", "18 seconds", "It takes 19 seconds.", false, NULL},
		{"How long?", "18 seconds", "It takes 18 seconds, or 30 seconds.", false, "30"},
		{"How long?", "18 seconds", "It takes 18 seconds with 3 retries.", true, NULL},
		{"Is it 30 seconds?", "18 seconds", "It is 18 seconds, not 30 seconds.", true, NULL},
		{"How long?", "6 days", "It lasts six days.", true, NULL},
		{"How long?", "six days", "It is a 6-day trial.", true, NULL},
		{"How long?", "6 days", "Six days, sixteen weeks and seven days.", false, "7"},
		{"How many?", "1,000 events", "At most 1000 events.", true, NULL},
		{"How many attempts?", "9", "After nine attempts it stops.", true, NULL},
		{"How many attempts?", "9", "After 9 attempts, or 12 attempts.", false, "12"},
		{"Which port?", "7443", "Port 7443 is used, and port 9180 too.", false, "9180"},
		{"Which port?", "7443", "1. Open the console\n2. Choose port 7443", true, NULL},
		{"What does it cost?", "39 EUR", "It costs 39 EUR or 49 EUR.", false, "49"},
		{"By how much?", "15 %", "By 15 percent or 20 %.", false, "20"},
		{"When?", "03:30 UTC", "At 03:30 UTC or 04:30 UTC.", false, "04:30"},
		{"Which flag?", "--dry-run", "Use --dry-run or `--force`.", false, "--force"},
		{"Which flag?", "--dry-run", "Use `--dry-run`.", true, NULL},
		{"Which plan?", "Canopy", "The Canopy plan, for 20 EUR.", true, NULL},
		{"Up to when?", "up to 6 days", "It is kept 6 days.", false, NULL},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		const char *accepted = c[i].accepted;
		struct question q = ask(c[i].question, &accepted, false);
		struct judgement j;
		struct err e = {0};
		assert_int_equal(answer_judge(&j, c[i].answer, &q, &arena, &e), 0);
		if (j.right != c[i].right || !j.competing != !c[i].competing ||
			(j.competing && strcmp(j.competing, c[i].competing)))
			fail_msg("\"%s\": right %d, competing %s", c[i].answer, j.right, j.competing ? j.competing : "nothing");
	}
}

/* What people took out makes a right answer wrong, in other words or of another kind, too. */
static void test_must_not(void **state)
{
	(void)state;
	static const struct {
		const char *answer, *competing;
		bool right;
	} c[] = {
		{"It takes 18 seconds.", NULL, true},
		{"It takes 18 seconds by --wait.", "--wait", false},
		{"It takes 18 seconds on two days.", "2 days", false},
		{"It takes 18 seconds on 12 days.", NULL, true},
		{"It waits.", NULL, false},
	};
	const char *accepted = "18 seconds", *must_not[] = {"--wait", "2 days"};
	struct question q = ask("How long?", &accepted, false);
	struct values values[2];
	struct err e = {0};
	q.must_not = must_not;
	q.must_not_values = values;
	q.n_must_not = 2;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(values_read(&values[i], must_not[i], &arena, &e), 0);
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct judgement j;
		assert_int_equal(answer_judge(&j, c[i].answer, &q, &arena, &e), 0);
		if (j.right != c[i].right || !j.competing != !c[i].competing ||
			(j.competing && strcmp(j.competing, c[i].competing)))
			fail_msg("\"%s\": right %d, competing %s", c[i].answer, j.right, j.competing ? j.competing : "nothing");
	}
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		bool refused;
	} c[] = {
		{"No. It is not a fax.", true},
		{"No, it sends mails.", true},
		{"No", true},
		{"**No**, it sends mails.", false}, /* bold inside: no opener, and nothing else is denied */
		{"Nothing is sent by fax.", false},
		{"No streams are sent", false},
		{"Tolvery does not send faxes.", true},
		{"Tolvery doesn\xe2\x80\x99t send faxes.", true},
		{"There is no fax option.", true},
		{"The documentation does not mention a fax.", true},
		{"I don't know.", true},
		{"It is Not  Supported.", true},
		{"To send a fax, open Settings. Choose Fax. It does not cost anything.", false},
		{"Send version 1.5. It cannot fail.", true},
		{"Choose Notes and Canopy.", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		bool refused;
		struct err e = {0};
		assert_int_equal(answer_refuses(&refused, c[i].answer, &arena, &e), 0);
		if (refused != c[i].refused)
			fail_msg("\"%s\"", c[i].answer);
	}
}

static void test_false_premise(void **state)
{
	(void)state;
	const char *correction = "e-mail";
	struct question q = ask("How do I get faxes in 5 minutes?", &correction, true);
	struct judgement j;
	struct err e = {0};
	assert_int_equal(answer_judge(&j, "Open Settings and choose Fax.", &q, &arena, &e), 0);
	assert_false(j.right || j.refused); /* accepted */
	assert_int_equal(answer_judge(&j, "Alerts come by e-mail.", &q, &arena, &e), 0);
	assert_true(j.right && !j.refused);
	assert_int_equal(answer_judge(&j, "There is no fax.", &q, &arena, &e), 0);
	assert_true(!j.right && j.refused);
}

int main(void)
{
	arena_init(&arena, 1 << 14);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_must_not),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_false_premise),
	};
	return cmocka_run_group_tests_name("judge", tests, NULL, teardown);
}

/* What a plan advises: each reason by itself, and the two sides of its bound. */
#include "flow/plan.h"

#include <math.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static struct job job;
static struct plan plan;

/* Enough facts and questions, rarely a change, and much to gain over rag. */
static int setup(void **state)
{
	(void)state;
	job = (struct job){
		.made = {.n_facts = 100}, .questions = "q.jsonl", .arm = {{.name = "base"}, {.name = "prompt"}, {.name = "rag"}}};
	plan = (struct plan){.changes_a_month = 1,
		.training = {.seconds_high = 3600},
		.gain = {.n = 60, .best = RAG, .low = 0.05, .high = 0.5, .arm = {[RAG] = {.k = 21, .n = 60, .value = 0.35}}}};
	return 0;
}

static void advises(const char *advice, const char *why)
{
	plan_advise(&plan, &job);
	assert_string_equal(plan.advice, advice);
	if (!strstr(plan.why, why))
		fail_msg("%s", plan.why);
}

static void test_may_pay(void **state)
{
	(void)state;
	advises("may pay", "between +5 and +50 points of right answers over rag");
	plan.gain.high = 0.1;
	advises("may pay", "+10 points");
}

static void test_little_to_gain(void **state)
{
	(void)state;
	plan.gain.high = 0.099;
	advises("don't train", "rag answers 35 % of 60 questions right. If training");
	plan.reserved = true; /* which flatters, and is too little even so */
	advises("don't train", "at most 10 points more");
	plan.gain.n = 29;
	plan.reserved = false;
	advises("cannot tell", "so few questions");
	assert_non_null(strstr(plan.why, "at least 30 questions whose answers you know into q.jsonl"));
}

static void test_few_facts(void **state)
{
	(void)state;
	job.made.n_facts = 29;
	advises("don't train", "29 facts");
	job.made.n_facts = 30;
	advises("may pay", "");
}

static void test_changes(void **state)
{
	(void)state;
	plan.changes_a_month = 30; /* once a day */
	advises("may pay", "");
	plan.changes_a_month = 31;
	advises("don't train", "changes 31 times a month (--changes), and each change would wait 24 hours");
	plan.changes_a_month = 15;
	plan.training.seconds_high = 48 * 3600;
	advises("may pay", "");
	plan.training.seconds_high = 49 * 3600;
	advises("don't train", "wait 49 hours");
}

static void test_no_questions(void **state)
{
	(void)state;
	plan.reserved = true;
	advises("cannot tell", "in the words of the training rows");
	plan.gain = (struct eval_forecast){.low = NAN, .high = NAN};
	advises("cannot tell", "there are no questions");
	plan.reserved = false;
	plan.gain.n = 1; /* no interval */
	advises("cannot tell", "so few questions");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_may_pay, setup),
		cmocka_unit_test_setup(test_little_to_gain, setup),
		cmocka_unit_test_setup(test_few_facts, setup),
		cmocka_unit_test_setup(test_changes, setup),
		cmocka_unit_test_setup(test_no_questions, setup),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

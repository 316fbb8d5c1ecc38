/* Which of the trained arms stands for training in the verdict: the one with a sure gain over the best arm without, whatever its harm. */
#include "eval/test_compare.h"

enum { N = 40, PREMISES = 15 };

/*
 * Passages alone answer 4 of 40. One trained arm answers those and 8 more: surely more. The other one answers 7 more and 2 of the 4 not: perhaps. The first
 * is not surely better than the second, 6 questions against 3.
 */
static const char *sure_says(bool sure, int i, const char *right)
{
	bool passages = i % 10 == 0, more = i >= 1 && i <= 8, other = (i >= 5 && i <= 9) || i == 11 || i == 12;
	return (sure ? passages || more : (passages && i < 20) || other) ? right : "It is 9 days.";
}

/* Which trained arm stands for training, when `first` has a sure gain over passages and `second` perhaps one. */
static void sure_compare(size_t first, size_t second, const size_t *accepts, struct eval_result *r)
{
	char line[N][128], right[N][32], premise[PREMISES][128];
	struct said all[N + PREMISES] = {0};
	for (int i = 0; i < N; i++) {
		snprintf(right[i], sizeof right[i], "It is %d days.", 100 + i);
		snprintf(line[i], sizeof line[i],
			"{\"id\":\"%d\",\"question\":\"What lasts long?\",\"answers\":[\"%d days\"],\"source\":\"%d.md\"}", i,
			100 + i, i);
		all[i] = (struct said){.question = line[i], .text = {[BASE] = "It is 9 days.", [PROMPT] = "It is 9 days."}};
		all[i].text[RAG] = i % 10 ? "It is 9 days." : right[i];
		all[i].text[first] = sure_says(true, i, right[i]);
		all[i].text[second] = sure_says(false, i, right[i]);
	}
	for (size_t i = 0; i < PREMISES; i++) {
		snprintf(premise[i], sizeof premise[i],
			"{\"id\":\"p%zu\",\"question\":\"Which "
			"fax?\",\"answers\":[],\"false_premise\":true,\"source\":\"p%zu.md\"}",
			i, i);
		all[N + i].question = premise[i];
		for (size_t arm = 0; arm < ARMS; arm++)
			all[N + i].text[arm] = i < accepts[arm] ? "The red one." : "There is no fax.";
	}
	answers_put(all, N + PREMISES);
	compare(r);
	assert_int_equal(r->axis[EVAL_KNOWN].arm[first].k, 12);
	assert_int_equal(r->axis[EVAL_KNOWN].arm[second].k, 9);
	assert_int_equal(r->axis[EVAL_KNOWN].arm[RAG].k, 4);
}

/*
 * A sure gain over the best arm without training comes before less harm: the one without it could not be recommended at all. That both beat the base
 * does not make them equal, and in whichever order they come, the same is chosen.
 */
static void test_sure_gain(void **state)
{
	(void)state;
	static const char section[] = "{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"1\",\"text\":\"t\"}\n";
	static const size_t trained[][2] = {{TUNED, RAG_TUNED}, {RAG_TUNED, TUNED}};
	struct eval_result r;
	put(at("data/sections.jsonl"), section, strlen(section));
	n_arms = ARMS;
	texts_put(2, 1, 1, 1.01);
	for (size_t i = 0; i < 2; i++) {
		size_t sure = trained[i][0], perhaps = trained[i][1], accepts[ARMS] = {[BASE] = 10, [RAG] = 10, [PROMPT] = 10};
		accepts[sure] = 11;
		accepts[perhaps] = 3; /* surely fewer */
		sure_compare(sure, perhaps, accepts, &r);
		assert_true(r.axis[EVAL_KNOWN].change[perhaps].low > 0); /* over the base, which knows nothing */
		assert_true(r.worth_it);
		assert_int_equal(r.best, sure);
		assert_non_null(strstr(r.verdict, "answers 30 % right, rag 10 %"));
	}
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_sure_gain, setup)};
	return cmocka_run_group_tests_name("verdict", tests, NULL, teardown);
}

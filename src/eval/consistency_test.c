/* Agreement of answers by hand, and the axes that come of it. */
#include "eval/test_compare.h"

#include <math.h>
#include <unistd.h>

#include "eval/consistency.h"

static void assert_near(double a, double b)
{
	if (!(fabs(a - b) < 1e-12))
		fail_msg("%.17g, expected %.17g", a, b);
}

static double agreement(const char *question, const char *const *text, size_t n)
{
	struct questions q;
	struct arena a;
	struct err e = {0};
	double out;
	put(job.questions, question, strlen(question));
	arena_init(&a, 1 << 12);
	assert_int_equal(questions_read(&q, job.questions, &e), 0);
	assert_int_equal(agreement_measure(&out, text, n, &q.p[0], &a, &e), 0);
	questions_release(&q);
	arena_release(&a);
	return out;
}

static void test_agreement(void **state)
{
	(void)state;
	static const char question[] =
		"{\"id\":\"1\",\"question\":\"How long are 5 events kept?\",\"answers\":[\"9 days\",\"216 hours\"]}\n";
	const char *const right[] = {"9 days.", "They are kept for nine days.", "For 216 hours, I think."};
	const char *const wrong[] = {"8 days", "The 5 events: eight days.", "7 days"};
	const char *const refused[] = {"I don't know.", "That is not documented.", "8 days"};
	const char *const words[] = {"For ever, and a day", "for EVER and a day!", "For ever"};
	const char *const mixed[] = {"9 days", "9 days", "9 days", "8 days", "8 days"};
	assert_near(agreement(question, right, 3), 1);
	assert_near(agreement(question, wrong, 3), 1.0 / 3);
	assert_near(agreement(question, refused, 3), 1.0 / 3);
	assert_near(agreement(question, words, 3), 1.0 / 3);
	assert_near(agreement(question, mixed, 5), 0.4); /* 3 + 1 of 10 pairs */
}

/* The samples of an arm as files: of each question those with number below n_right are right, the rest are all different. */
static void samples_put(const struct eval_arm *arm, const size_t *n_right)
{
	struct questions q, wordings;
	struct arm_files f;
	struct err e = {0};
	char path[PATH_SIZE], key[256];
	assert_int_equal(questions_read(&q, job.questions, &e), 0);
	assert_int_equal(paraphrases_fill(&wordings, &q, &e), 0);
	assert_int_equal(arm_files_fill(&f, &job, arm, &e), 0);
	for (int seed = 1; seed <= SAMPLE_SEEDS; seed++) {
		struct buf b = {0};
		snprintf(path, sizeof path, "%s/samples-%s-%d.jsonl", job.out, arm->name, seed);
		snprintf(key, sizeof key, "%s samples 1 seed %d", f.answers_key, seed);
		for (size_t i = 0; i < wordings.n; i++) {
			size_t number = (size_t)(seed - 1) * PARAPHRASES + i % PARAPHRASES;
			json_t *o = json_copy((json_t *)wordings.p[i].json);
			json_object_set_new(o, "text",
				number < n_right[i / PARAPHRASES] ? json_string("9 days")
								  : json_sprintf("%d minutes", (int)number));
			json_object_set_new(o, "finish_reason", json_string("stop"));
			json_object_set_new(o, "n_tokens", json_integer(1));
			json_object_set_new(o, "key", json_string(key));
			assert_int_equal(json_line(&b, o, &e), 0);
			json_decref(o);
		}
		put(path, b.p, b.len);
		buf_release(&b);
	}
	questions_release(&q);
	questions_release(&wordings);
}

static void test_axes(void **state)
{
	(void)state;
	const struct said said[] = {
		{"{\"id\":\"1\",\"question\":\"How long are events kept?\",\"answers\":[\"9 days\"],\"source\":\"a\"}", {"", ""}},
		{"{\"id\":\"2\",\"question\":\"Why is it free?\",\"answers\":[],\"false_premise\":true}", {"", ""}},
		{"{\"id\":\"3\",\"question\":\"How long do keys last?\",\"answers\":[\"9 days\"],\"source\":\"b\"}", {"", ""}}};
	struct eval_result r;
	struct err e = {0};
	job.consistency = true;
	answers_put(said, 3);
	texts_put(2, 1, 1, 1);
	assert_int_equal(eval_compare(&job, arms, n_arms, &r, &e), ERR_DATA); /* not asked yet */
	assert_non_null(strstr(e.text, "samples-base-1.jsonl: expected 10 answers, found 0; run the arm \"base\" first"));
	samples_put(&arms[BASE], (const size_t[]){0, 6});
	samples_put(&arms[TUNED], (const size_t[]){15, 14});
	compare(&r);
	const struct eval_line *l = &r.axis[EVAL_CONSISTENCY];
	assert_int_equal(l->arm[0].n, 2);
	assert_near(l->arm[BASE].value, (0 + 15.0 / 105) / 2);
	assert_near(l->arm[TUNED].value, (1 + 91.0 / 105) / 2);
	assert_near(l->change[TUNED].value, l->arm[TUNED].value - l->arm[BASE].value);
	assert_true(l->arm[TUNED].low <= l->arm[TUNED].value && l->arm[TUNED].high <= 1);
	assert_int_equal(r.axis[EVAL_SAMPLED_STYLE].arm[0].n, 0); /* there are no sections, so no style guide */

	/* With documents style counts. */
	const char section[] =
		"{\"path\":\"a\",\"heading\":\"H\",\"sha256\":\"s\",\"start\":0,\"end\":9,\"text\":\"Kept for 9 days.\"}\n";
	put(at("data/sections.jsonl"), section, strlen(section));
	answers_put(said, 3);
	samples_put(&arms[TUNED], (const size_t[]){15, 14}); /* whose questions are held to them */
	compare(&r);
	assert_int_equal(r.axis[EVAL_SAMPLED_STYLE].arm[0].n, 2);
	assert_near(r.axis[EVAL_SAMPLED_STYLE].arm[TUNED].value, 1);

	/* Switched off, nothing is looked for. */
	job.consistency = false;
	unlink(at("out/samples-base-1.jsonl"));
	compare(&r);
	assert_int_equal(r.axis[EVAL_CONSISTENCY].arm[0].n, 0);
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_agreement, setup, teardown),
		cmocka_unit_test_setup_teardown(test_axes, setup, teardown),
	};
	return cmocka_run_group_tests_name("consistency", tests, NULL, NULL);
}

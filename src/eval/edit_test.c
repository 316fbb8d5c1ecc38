/* TER and chrF against sacrebleu's scores (tests/golden/edits.jsonl, made by tests/oracle/edits.py), and texts without measure. */
#include "eval/edit.h"

#include <setjmp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/format.h"

struct sums {
	size_t n, edits, words;
	struct chrf chrf;
	bool compared;
};

static size_t number(const json_t *o, const char *key)
{
	return (size_t)json_integer_value(json_object_get(o, key));
}

static double score(const json_t *o)
{
	return json_number_value(json_object_get(o, "chrf")) / 100;
}

static int line_check(void *context, const json_t *o, struct err *e)
{
	const char *answer = json_string_value(json_object_get(o, "answer")),
		   *reference = json_string_value(json_object_get(o, "reference"));
	struct sums *all = context;
	struct chrf one = {0};
	size_t edits, words;
	if (!answer) { /* the last line: all together */
		assert_int_equal(all->edits, number(o, "edits"));
		assert_int_equal(all->words, number(o, "words"));
		assert_true(fabs(chrf_score(&all->chrf) - score(o)) < 1e-12);
		all->compared = true;
		return 0;
	}
	int rc = eval_ter(answer, reference, &edits, &words, e);
	if (rc == 0)
		rc = chrf_add(&one, answer, reference, e);
	if (rc == 0)
		rc = chrf_add(&all->chrf, answer, reference, e);
	if (edits != number(o, "edits") || words != number(o, "words"))
		fail_msg("\"%s\", \"%s\": %zu edits of %zu words", answer, reference, edits, words);
	if (!(fabs(chrf_score(&one) - score(o)) < 1e-12))
		fail_msg("\"%s\", \"%s\": chrF %.15g", answer, reference, chrf_score(&one));
	all->edits += edits;
	all->words += words;
	all->n++;
	return rc;
}

static void test_sacrebleu(void **state)
{
	(void)state;
	struct sums all = {0};
	struct err e = {0};
	if (jsonl_each(GOLDEN_DIR "/edits.jsonl", line_check, &all, &e))
		fail_msg("%s", e.text);
	assert_int_equal(all.n, 340);
	assert_true(all.compared);
}

/* The longest texts that are compared, one word more, and bytes that are no characters. */
static void test_bounds(void **state)
{
	(void)state;
	enum { LONG = EVAL_TER_WORDS * 2 };
	char text[LONG + 3], other[LONG + 1];
	size_t edits, words;
	struct chrf c = {0};
	struct err e = {0};
	for (size_t i = 0; i < LONG; i++) {
		text[i] = i % 2 ? ' ' : (char)('a' + i / 2 % 7);
		other[i] = i % 2 ? ' ' : (char)('a' + i / 2 % 11);
	}
	text[LONG] = other[LONG] = 0;
	assert_int_equal(eval_ter(text, other, &edits, &words, &e), 0);
	assert_int_equal(words, EVAL_TER_WORDS);
	assert_true(edits < EVAL_TER_WORDS);
	memcpy(text + LONG, "x", 2);
	assert_int_equal(eval_ter(text, other, &edits, &words, &e), ERR_DATA);
	assert_string_equal(e.text, "an answer: expected at most 2048 words to compare");
	assert_int_equal(eval_ter(other, text, &edits, &words, &e), ERR_DATA);
	assert_int_equal(eval_ter("\xff\x80 b", "\xff\x80 \xe2\x82", &edits, &words, &e), 0);
	assert_int_equal(edits, 1);
	assert_int_equal(chrf_add(&c, "\xff\x80", "\xff", &e), 0);
	assert_int_equal(c.both[0], 1);
}

static void test_memory(void **state)
{
	(void)state;
	size_t edits, words;
	struct err e = {0};
	for (int n = 1; n <= 4; n++) {
		struct chrf c = {0};
		fault_set(FAULT_MEM, (uint64_t)n, false);
		assert_int_equal(chrf_add(&c, "a b", "b a", &e), ERR_RESOURCE);
	}
	fault_set(FAULT_MEM, 1, false);
	assert_int_equal(eval_ter("a b", "b a", &edits, &words, &e), ERR_RESOURCE);
	fault_set(FAULT_MEM, 0, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sacrebleu),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_memory),
	};
	return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}

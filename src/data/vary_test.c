/* Questions in other words: what may change, what must stay. */
#include "data/vary.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct names *names;

static const char *vary(const char *question, uint64_t seed)
{
	struct rng r;
	struct err e = {0};
	const char *out;
	rng_init(&r, seed, RNG_DATA, 0, 0);
	assert_int_equal(question_vary(&out, question, names, &r, &arena, &e), 0);
	return out;
}

static void test_words(void **state)
{
	(void)state;
	static const char question[] = "How long does `keep` keep 3 events of Zorbel?";
	bool same = false, other = false, named = false, hurried = false;
	for (uint64_t seed = 0; seed < 400; seed++) {
		const char *v = vary(question, seed);
		assert_string_equal(v, vary(question, seed));
		assert_non_null(strstr(v, "`keep` "));
		assert_non_null(strstr(v, " 3 events "));
		assert_null(strstr(v, "$"));
		same |= !strcmp(v, question);
		other |= strstr(v, "retain 3 events") != NULL;
		named |= !strncmp(v, "In Zorbel, how long", 19);
		hurried |= !strncmp(v, "how long", 8) && v[strlen(v) - 1] != '?';
	}
	assert_true(same && other && named && hurried);
}

/* Five different ones of a question from outside, the same again, others with another seed; what has no other words still comes as it is. */
static void test_paraphrases(void **state)
{
	(void)state;
	const char *one[5], *again[5], *other[5];
	struct err e = {0};
	size_t n_same = 0;
	assert_int_equal(data_paraphrases(one, 5, "How long does `keep` keep 3 events of Zorbel?", 1, &arena, &e), 0);
	assert_int_equal(data_paraphrases(again, 5, "How long does `keep` keep 3 events of Zorbel?", 1, &arena, &e), 0);
	assert_int_equal(data_paraphrases(other, 5, "How long does `keep` keep 3 events of Zorbel?", 2, &arena, &e), 0);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(one[i], again[i]);
		assert_non_null(strstr(one[i], "`keep` "));
		assert_non_null(strcasestr(one[i], "zorbel"));
		n_same += !strcmp(one[i], other[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(one[i], one[k]);
	}
	assert_true(n_same < 5);
	assert_int_equal(data_paraphrases(one, 5, "", 1, &arena, &e), 0);
	assert_non_null(one[4]);
}

static void test_keywords(void **state)
{
	(void)state;
	bool shorter = false, turned = false;
	for (uint64_t seed = 0; seed < 200; seed++) {
		const char *v = vary("#the tenure of a Zorbel key lasts hours tenure", seed);
		assert_null(strstr(v, "#"));
		assert_null(strstr(v, " of a "));
		const char *tenure = strcasestr(v, "tenure"), *hours = strcasestr(v, "hours");
		if (tenure)
			assert_null(strcasestr(tenure + 1, "tenure")); /* each word once */
		shorter |= !tenure || !hours;
		turned |= tenure && hours && hours < tenure;
	}
	assert_true(shorter && turned);
}

static void test_keywords_add(void **state)
{
	(void)state;
	struct buf b = {0};
	struct err e = {0};
	assert_int_equal(keywords_add(&b, STR("The lease lasts 3 hours > `x`"), STR("3 hours"), &e), 0);
	assert_int_equal(keywords_add(&b, STR("A Lease of keys"), STR(""), &e), 0);
	assert_string_equal(b.p, "lease lasts `x` keys");
	buf_release(&b);
}

int main(void)
{
	static const char text[] = "We use Zorbel. Ask Zorbel. Zorbel is here.";
	struct block b = {.kind = BLOCK_PARAGRAPH, .text = text};
	struct document d = {.kind = DOCUMENT_PAGE, .blocks = &b, .n_blocks = 1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_paraphrases),
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_keywords_add),
	};
	arena_init(&arena, 1 << 16);
	if (names_new(&names, &d, 1, NULL) < 0)
		return 1;
	int failed = cmocka_run_group_tests_name("vary", tests, NULL, NULL);
	names_free(names);
	arena_release(&arena);
	return failed;
}

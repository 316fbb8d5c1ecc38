/* Terms in answers. */
#include "eval/wording.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_count(void **state)
{
	(void)state;
	const char *vault[] = {"storage", "vault"}, *stream[] = {"pipe"};
	struct term term[] = {{.preferred = "Tolvery Vault", .forbidden = vault, .n_forbidden = 2},
		{.preferred = "stream", .forbidden = stream, .n_forbidden = 1}};
	struct terms terms = {.p = term, .n = 2};
	static const struct {
		const char *question, *answer;
		struct wording expected;
	} c[] = {
		{"Where?", "In the Tolvery\nvaults.", {1, 0, 4}},
		{"Where?", "In the vault, or storage.", {0, 2, 5}},
		{"Where is the vault?", "In the Tolvery Vault, by STREAMS and a pipe.", {1, 1, 9}},
		{"Where?", "Streaming pipelines", {0, 0, 2}},
		{"Where?", "", {0, 0, 0}},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		bool scratch[2];
		struct wording w = wording_count(&terms, c[i].question, c[i].answer, scratch);
		assert_int_equal(w.preferred, c[i].expected.preferred);
		assert_int_equal(w.forbidden, c[i].expected.forbidden);
		assert_int_equal(w.words, c[i].expected.words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_count)};
	return cmocka_run_group_tests_name("wording", tests, NULL, NULL);
}

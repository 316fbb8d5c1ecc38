/* Reasons by their names: which lists are taken, and as what text. */
#include "flow/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void takes(const char *json, const char *text)
{
	struct err e = {0};
	char out[REVIEW_REASONS_SIZE] = "x";
	json_t *list = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
	assert_int_equal(flow_reasons(list, out, &e), text ? 0 : ERR_DATA);
	assert_string_equal(out, text ? text : "");
	assert_int_equal(text != NULL, !strstr(e.text, "reasons: expected"));
	json_decref(list);
}

static void test_taken(void **state)
{
	(void)state;
	takes(NULL, "");
	takes("[]", "");
	takes("[\"pii\"]", "pii");
	takes("[\"format\", \"term\", \"pii\", \"tone\", \"fact\"]", "format,term,pii,tone,fact");
}

static void test_refused(void **state)
{
	(void)state;
	takes("\"fact\"", NULL);
	takes("{\"fact\": true}", NULL);
	takes("null", NULL);
	takes("[\"fact\", \"ugly\"]", NULL);
	takes("[\"fact\", 3]", NULL);
	takes("[\"fact\", \"tone\", \"fact\"]", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_refused)};
	return cmocka_run_group_tests_name("reasons", tests, NULL, NULL);
}

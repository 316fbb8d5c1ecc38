/* What people wrote stays, whatever the documents say. */
#include "data/terms_merge.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/data.h"
#include "data/test_terms.h"

static char folder[] = "terms_test_XXXXXX";
static struct err err;

static const char *at(const char *name)
{
	static char path[PATH_SIZE];
	assert_int_equal(path_join(path, sizeof path, &err, folder, name), 0);
	return path;
}

static void put(const char *name, const char *text)
{
	assert_int_equal(file_replace(at(name), text, strlen(text), &err), 0);
}

/* What is left after merging `people` into `found`. */
static void expect(const char *found, const char *people, const char *expected)
{
	struct terms t;
	put("found.yaml", found);
	put(DATA_TERMS, people);
	assert_int_equal(terms_read(&t, at("found.yaml"), &err), 0);
	assert_int_equal(terms_merge(&t, folder, &err), 0);
	assert_terms_are(&t, expected);
}

#define FOUND                                                                                  \
	"terms:\n"                                                                             \
	"  - preferred: vault\n    forbidden: [archive, store]\n    definition: \"a place\"\n" \
	"  - preferred: seat\n    forbidden: [licence]\n    definition: \"\"\n"

static void test_merge(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	expect(FOUND, "terms: []\n", "seat=-licence;vault=a place-archive-store;");
	/* in place of the found one, in a person's case */
	expect(FOUND, "terms:\n  - preferred: Vault\n    forbidden: [log]\n    definition: \"ours\"\n",
		"seat=-licence;Vault=ours-log;");
	/* another one */
	expect(FOUND, "terms:\n  - preferred: bridge\n    forbidden: [tunnel]\n    definition: \"\"\n",
		"bridge=-tunnel;seat=-licence;vault=a place-archive-store;");
	/* away */
	expect(FOUND, "terms:\n  - preferred: vault\n    forbidden: []\n    definition: \"\"\n    status: rejected\n",
		"seat=-licence;");
	/* as it is, and undecided */
	expect(FOUND, "terms:\n  - preferred: Seat\n", "Seat=;vault=a place-archive-store;");
	expect(FOUND, "terms:\n  - preferred: Seat\n    status: found\n", "seat=-licence;vault=a place-archive-store;");
	/* what a person forbids is no term, what a person prefers is not forbidden */
	expect(FOUND, "terms:\n  - preferred: archive\n    forbidden: [seat]\n    definition: \"\"\n",
		"archive=-seat;vault=a place-store;");
	assert_int_equal(unlink(at("found.yaml")), 0);
}

static void test_mistakes(void **state)
{
	(void)state;
	struct terms t = {0};
	put(DATA_TERMS, "terms:\n  - definition: a\n");
	assert_int_equal(terms_merge(&t, folder, &err), ERR_DATA);
	assert_non_null(strstr(err.text, "terms.yaml:2: "));
	put(DATA_TERMS, "terms:\n  - preferred: a\n    status: good\n");
	assert_int_equal(terms_merge(&t, folder, &err), ERR_DATA);
	assert_non_null(strstr(err.text, "terms.yaml:3: expected the status"));
	assert_int_equal(unlink(at(DATA_TERMS)), 0);
	assert_int_equal(terms_merge(&t, folder, &err), 0);
	assert_int_equal(t.n, 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_merge), cmocka_unit_test(test_mistakes)};
	return cmocka_run_group_tests_name("terms_merge", tests, NULL, NULL);
}

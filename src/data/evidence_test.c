/* Claims against a handful of sections: said there of the same thing, of another thing, not at all. */
#include "data/data.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[] = "evidence_test_XXXXXX";
static struct evidence *evidence;

static void put(const char *text)
{
	char path[PATH_SIZE];
	struct err e = {0};
	assert_int_equal(path_join(path, sizeof path, &e, root, "sections.jsonl"), 0);
	assert_int_equal(file_replace(path, text, strlen(text), &e), 0);
}

static const char sections[] =
	"{\"path\":\"retry.md\",\"heading\":\"Retries\",\"text\":\"A failed delivery is tried again\\nafter 20 seconds. "
	"The holding bay keeps an event for 9 days.\"}\n"
	"{\"path\":\"plans.md\",\"heading\":\"Plans\",\"text\":\"| Plan | Seats | Price |\\n|---|---|---|\\n| Seed | 3 | 39 EUR "
	"|\\n"
	"| Canopy | 60 | 640 EUR |\\n\\nSingle sign-on is part of Canopy.\"}\n"
	"{\"path\":\"login.md\",\"heading\":\"Sign in\",\"text\":\"After five wrong passwords the sign-in is blocked for 42 "
	"minutes. Set "
	"`--lock-after` to change it.\"}\n"
	"{\"path\":\"words.md\",\"heading\":\"Glossary\",\"text\":\"Spool: the place where the bridge keeps 4 GB.\"}\n"
	"{\"path\":\"style.md\",\"heading\":\"Style guide > Form\",\"text\":\"Write 512 KB of memory.\"}\n"
	"{\"path\":\"cli.md\",\"heading\":\"The tool\",\"text\":\"The flag `--quiet` prints errors alone. It is there since "
	"version 2.4.0.\"}\n";

/* "claim=1 claim=0(instead) ..." */
static void said(const char *question, const char *text, char out[1024])
{
	struct arena a;
	struct evidence_claims c;
	struct err e = {0};
	size_t n = 0;
	arena_init(&a, 4096);
	if (evidence_check(evidence, question, text, &a, &c, &e))
		fail_msg("%s", e.text);
	*out = 0;
	for (size_t i = 0; i < c.n; i++)
		n += (size_t)snprintf(out + n, 1024 - n, "%s%.*s=%d%s%s%s", i ? " " : "", (int)(c.p[i].end - c.p[i].start),
			text + c.p[i].start, c.p[i].supported, *c.p[i].instead ? "(" : "", c.p[i].instead,
			*c.p[i].instead ? ")" : "");
	arena_release(&a);
}

static void test_objections(void **state)
{
	static const struct {
		const char *question, *objection;
	} c[] = {
		{"How much is the Enterprise plan?", "No, Enterprise is not mentioned."},
		{"How much is the Canopy plan?", ""},
		{"Do we get the Canopy Enterprise plan?", "No, Enterprise is not mentioned."}, /* from the foreign word on */
		{"What does `--silent` do?", "No, `--silent` is not mentioned."},
		{"What does --quiet do?", ""},
		{"Since a failed delivery is tried again after 30 seconds, what happens then?", "No, that is not right."},
		{"Since a failed delivery is tried again after 20 seconds, what happens then?", ""},
		{"I waited 42 minutes for a person with 7 cats, why?", ""}, /* the documents give no other value for it */
		{"May I sign in by HTTP with a Canopy-like plan of Canopy's?", ""},
		{"enterprise plan?", ""},                                         /* without a capital it may be any word */
		{"Is the flag --quiet there since version 2.5.0?", ""},           /* of versions many are right */
		{"Rewrite this: Dear customer, the Enterprise plan is new.", ""}, /* nothing is asked */
		{"", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct buf out = {0};
		struct err e = {0};
		assert_int_equal(evidence_objection(evidence, c[i].question, &out, &e), 0);
		assert_string_equal(out.len ? out.p : "", c[i].objection);
		buf_release(&out);
	}
}

static void test_claims(void **state)
{
	static const struct {
		const char *question, *text, *claims;
	} c[] = {
		{"", "A delivery that failed is tried again after 20 seconds.", "20 seconds=1"}, /* over the end of a line */
		{"", "A delivery that failed is tried again after 30 seconds.", "30 seconds=0(20 seconds)"},
		{"", "The holding bay keeps events for nine days.", "nine days=1"},
		{"", "The sign-in is blocked for 9 days.", "9 days=0"}, /* said of something else */
		{"How long is sign-in blocked after wrong passwords?", "42 minutes.", "42 minutes=1"},
		{"How long does the holding bay keep an event?", "42 minutes.", "42 minutes=0"},
		{"Is sign-in blocked for 42 minutes?", "Yes, for 42 minutes.", ""}, /* the question's own */
		{"", "The Seed plan costs 39 EUR and the price of Canopy is 640 EUR.", "Seed=1 39 EUR=1 Canopy=1 640 EUR=1"},
		{"", "The price of the Canopy plan is 39 EUR.", "Canopy=1 39 EUR=0(640 EUR)"},
		{"", "You get 60 seats with the Canopy plan.", "60 seats=1 Canopy=1"},
		{"", "In short, single sign-on comes with the Enterprise plan.", "Enterprise=0"},
		{"", "The flag --quiet prints errors.", "--quiet=1"},
		{"", "The flag `--silent` prints errors.", "`--silent`=0(`--quiet`)"},
		{"", "Deliveries are fast, and nobody waits.", ""},
		{"", "The bridge keeps 4 GB in its spool.", "4 GB=1"},
		{"", "It needs 512 KB of memory.", "512 KB=0"}, /* an example of a style guide */
		{"", "", ""},
		{"", "1. Open the page.\n2. Wait 20 seconds until the delivery is tried again.", "20 seconds=1"},
	};
	char out[1024];
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		said(c[i].question, c[i].text, out);
		if (strcmp(out, c[i].claims))
			print_error("\"%s\" \"%s\": %s, expected %s\n", c[i].question, c[i].text, out, c[i].claims);
	}
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		said(c[i].question, c[i].text, out);
		assert_string_equal(out, c[i].claims);
	}
}

/* Any bytes, and more words and cells than there is room for. */
static void test_hostile(void **state)
{
	char *text = malloc(70000), out[1024];
	(void)state;
	memset(text, '|', 69999);
	text[69999] = 0;
	said("", text, out);
	for (size_t i = 0; i < 69999; i++)
		text[i] = i % 7 ? 'A' : i % 14 ? ' ' : '7';
	said(text, "\xff\xfe 20 seconds \x01", out);
	struct arena a;
	struct evidence_claims c;
	struct err e = {0};
	arena_init(&a, 4096);
	assert_int_equal(evidence_check(evidence, "", text, &a, &c, &e), 0);
	arena_release(&a);
	free(text);
}

static void test_files(void **state)
{
	struct evidence *v;
	struct err e = {0};
	(void)state;
	assert_int_equal(evidence_open(&v, "no_such_folder", &e), ERR_DATA);
	assert_non_null(strstr(e.text, "sections.jsonl"));
	put("{\"path\":\"a\",\"heading\":\"b\",\"text\":\"c\"}\n{\"path\":\"a\"}\n");
	assert_int_equal(evidence_open(&v, root, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "line 2"));
	put("");
	assert_int_equal(evidence_open(&v, root, &e), 0);
	struct evidence *full = evidence;
	char out[1024];
	evidence = v;
	said("Who?", "In 20 seconds the Grove opens.", out);
	assert_string_equal(out, "20 seconds=0 Grove=0");
	evidence = full;
	evidence_free(v);
	put(sections);
}

static void test_memory(void **state)
{
	int rc = ERR_RESOURCE;
	(void)state;
	for (uint64_t nth = 1; rc; nth++) {
		struct evidence *v = NULL;
		struct evidence_claims c;
		struct arena a;
		struct err e = {0};
		arena_init(&a, 512);
		fault_set(FAULT_MEM, nth, false);
		rc = evidence_open(&v, root, &e);
		if (rc == 0)
			rc = evidence_check(v, "Who?", "The price of Canopy is 39 EUR.", &a, &c, &e);
		fault_set(FAULT_MEM, 0, false);
		assert_true(rc == 0 || rc == ERR_RESOURCE);
		evidence_free(v);
		arena_release(&a);
	}
}

static int teardown(void **state)
{
	(void)state;
	evidence_free(evidence);
	return dir_remove(root, NULL);
}

int main(void)
{
	struct err e = {0};
	if (!mkdtemp(root))
		return 1;
	put(sections);
	if (evidence_open(&evidence, root, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_objections), cmocka_unit_test(test_claims),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_files), cmocka_unit_test(test_memory)};
	return cmocka_run_group_tests_name("evidence", tests, NULL, teardown);
}

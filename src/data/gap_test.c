/* Drafts that say what they were told, and what nobody told them. */
#include "data/data.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct evidence *brief, *documents;

static const struct evidence_text told[] = {
	{"", "", "the new flag --lock-after of version 2.4.0, and how long the sign-in is blocked"},
	{"", "", "operators of Canopy"},
	{"docs/retry.md", "Retries > Version 3.1",
		"A failed delivery is tried again\nafter 20 seconds. Five missed heartbeats end it. Edit `app.yaml` on port "
		"7443."},
	{"docs/plans.md", "Plans",
		"| Plan | Seats | Price |\n|---|---|---|\n| Seed | 3 | 39 EUR |\n\nThe Bay Bridge signs with SHA-256. See "
		"https://tolvery.example/plans."},
};

static const struct evidence_text known[] = {
	{"docs/bay.md", "The bay", "The holding bay keeps an event for 9 days. Grove has `--quiet`."}};

static void open_up(const struct gaps *g, const char *text, struct buf *out)
{
	struct err e = {0};
	buf_clear(out);
	if (gaps_open(g, text, out, &e))
		fail_msg("%s", e.text);
}

/* The second is NULL where the draft stays as it is. */
static const char *const drafts[][2] = {
	{"", NULL},
	{"\n\n", NULL},
	{"A failed delivery is tried again after 20 seconds.", NULL},
	{"A failed delivery is tried again after 30 seconds.", "A failed delivery is tried again after [number?] seconds."},
	{"30", "[number?]"},
	{"Wait 20\nseconds.", NULL},
	{"It takes 20 minutes.", "It takes [number?] minutes."},
	{"After 5 missed heartbeats it ends; after 5 heartbeats it ends.", NULL},
	{"After 30 requests per calendar month it ends.", "After [number?] requests per calendar month it ends."},
	{"It is 15% cheaper, or 15 percent.", "It is [number?]% cheaper, or [number?] percent."},
	{"The Seed plan costs 39 EUR and has 3 seats.", NULL},
	{"The Seed plan costs 390 EUR, or $39.", "The Seed plan costs [number?] EUR, or [number?]."},
	{"It is of Seed Five Enterprise.", "It is of Seed Five [name?]."},
	{"The Seed plan costs 390 EUR, 390 EUR, 390 EUR.", "The Seed plan costs [number?] EUR, [number?] EUR, [number?] EUR."},
	{"Open port 7443, not port 8443.", "Open port 7443, not port [number?]."},
	{"Since version 2.4.0 and v2.4.0, before v2.5.0 and version 2.5.0.",
		"Since version 2.4.0 and v2.4.0, before [number?] and version [number?]."},
	{"Since version 3.1 all is well.", NULL}, /* a heading says it */
	{"Set --lock-after or `--lock-after`, not --lock or `--lock-until`.",
		"Set --lock-after or `--lock-after`, not [name?] or [name?]."},
	{"Edit `app.yaml` or app.yaml, not main.yaml or `main.yaml`.", "Edit `app.yaml` or app.yaml, not [name?] or [name?]."},
	{"It is for operators of Canopy.", NULL},
	{"It is for operators of Enterprise.", "It is for operators of [name?]."},
	{"It is for operators of Canopy Enterprise, and Grove.", "It is for operators of [name?], and [name?]."},
	{"It crosses the Bay Bridge.", NULL},
	{"It crosses the **Golden Bridge**.", "It crosses the **[name?]**."},
	{"- **Enterprise**: the plan.\n# Plans For Everyone\n**Next Steps**\nNote: Everybody waits.",
		NULL}, /* openings tell nothing */
	{"It signs with SHA-256, not with SHA-512, and takes 750KiB.",
		"It signs with SHA-256, not with [name?], and takes [number?]."},
	{"See https://tolvery.example/plans or https://tolvery.example/prices.", "See https://tolvery.example/plans or [name?]."},
	{"Ask ada@tolvery.example on 2027-06-30.", "Ask [name?] on [number?]."},
	{"See docs/plans.md.", NULL}, /* where a passage stands is told, too */
	{"1. Wait 20 seconds.\n2. Wait 30 seconds.\n30. Go.", "1. Wait 20 seconds.\n2. Wait [number?] seconds.\n30. Go."},
	{"There are two ways and one reason.", NULL},
	{"A ` opens nothing, and 30 seconds pass.", "A ` opens nothing, and [number?] seconds pass."},
	{"```\nwait 30\n```\n", "```\nwait [number?]\n```\n"},
	{"It takes [number?] seconds for [name?].", NULL},
	{"Caf\xc3\xa9 30 \xe2\x82\xac, \xff 30 ms", "Caf\xc3\xa9 [number?] \xe2\x82\xac, \xff [number?] ms"},
	{"The holding bay keeps it for 9 days.", "The holding bay keeps it for [number?] days."},
};

static void test_drafts(void **state)
{
	const struct gaps g = {.evidence = {brief}};
	struct buf out = {0};
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof drafts / sizeof *drafts; i++) {
		const char *wanted = drafts[i][1] ? drafts[i][1] : drafts[i][0];
		open_up(&g, drafts[i][0], &out);
		if (strcmp(out.len ? out.p : "", wanted)) {
			print_error("\"%s\": \"%s\", expected \"%s\"\n", drafts[i][0], out.len ? out.p : "", wanted);
			wrong++;
		}
		assert_int_equal(gaps_in(wanted, strlen(wanted)), strstr(wanted, "?]") != NULL);
		open_up(&g, wanted, &out); /* what is left is told */
		assert_string_equal(out.len ? out.p : "", wanted);
	}
	buf_release(&out);
	assert_int_equal(wrong, 0);
}

static void test_evidence(void **state)
{
	static const char text[] = "It keeps 9 days, Grove has --quiet, Seed costs 39 EUR.";
	struct buf out = {0};
	(void)state;
	open_up(&(struct gaps){.evidence = {brief, documents}}, text, &out);
	assert_string_equal(out.p, text);
	open_up(&(struct gaps){.evidence = {documents}}, text, &out);
	assert_string_equal(out.p, "It keeps 9 days, Grove has --quiet, [name?] costs [number?] EUR.");
	open_up(&(struct gaps){.evidence = {NULL}}, text, &out);
	assert_string_equal(out.p, "It keeps [number?] days, [name?] has [name?], [name?] costs [number?] EUR.");
	buf_release(&out);
}

/* At the end of a text that was cut "3" may have been going to be "39" and "Can" a name. */
static void test_cut(void **state)
{
	static const char *const c[][2] = {
		{"It takes 20 seconds", "It takes [number?] seconds"},
		{"Seed has 3", "Seed has [number?]"},
		{"Seed has 3 ", "Seed has 3 "},
		{"It is for Canopy", "It is for [name?]"},
		{"It signs with SHA-256", "It signs with [name?]"},
		{"It takes 20 seconds.", "It takes 20 seconds."},
		{"It takes 20 seconds\nof", "It takes 20 seconds\nof"},
	};
	struct buf out = {0};
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		open_up(&(struct gaps){.evidence = {brief}, .cut = true}, c[i][0], &out);
		assert_string_equal(out.p, c[i][1]);
	}
	buf_release(&out);
}

/* Marks are findings, never claims; without a data folder too. */
static void test_findings(void **state)
{
	static const char text[] = "A\nb [name?] and `[number?]` of [name?]\n";
	struct lint_findings f;
	struct err e = {0};
	(void)state;
	assert_int_equal(lint_gaps(text, &f, &e), 0);
	assert_int_equal(f.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(f.p[i].kind, LINT_GAP);
		assert_int_equal(f.p[i].line, 2);
		assert_int_equal(f.p[i].column, f.p[i].start - 1);
		assert_string_equal(f.p[i].instead, "");
		assert_true(i == 0 || f.p[i - 1].start < f.p[i].start);
	}
	assert_string_equal(lint_kind_name(LINT_GAP), "gap");
	lint_findings_release(&f);
}

/* Does what stands between the marks stand in the text, in its order? A unit may have got a space in front. */
static bool keeps_the_rest(const char *out, const char *text)
{
	while (*out) {
		const char *number = strstr(out, GAP_NUMBER), *name = strstr(out, GAP_NAME);
		const char *mark = !number || (name && name < number) ? name : number;
		size_t n = mark ? (size_t)(mark - out) : strlen(out);
		const char *at = memmem(text, strlen(text), out, n);
		if (!at && *out == ' ')
			at = memmem(text, strlen(text), ++out, --n);
		if (!at)
			return false;
		text = at + n;
		out += n + (mark ? strlen(mark == number ? GAP_NUMBER : GAP_NAME) : 0);
	}
	return true;
}

/* Any bytes; long lines and sentences; lines of nothing but gaps. */
static void test_hostile(void **state)
{
	enum { N = 20000 };
	char *text = malloc(N + 1);
	struct buf out = {0};
	struct rng r;
	(void)state;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	for (int round = 0; round < 40; round++) {
		static const char few[] = "9A` *[?]|.-\n$%@:/a";
		for (size_t i = 0; i < N / 10; i++)
			text[i] = round % 2 ? few[rng_below(&r, sizeof few - 1)] : (char)(1 + rng_below(&r, 255));
		text[N / 10] = 0;
		open_up(&(struct gaps){.evidence = {brief}, .cut = round % 3 == 0}, text, &out);
		assert_true(keeps_the_rest(out.p, text));
	}
	for (size_t i = 0; i < N; i++)
		text[i] = i % 3 == 2 ? ' ' : '7';
	text[N] = 0;
	open_up(&(struct gaps){.evidence = {brief}}, text, &out);
	assert_null(strstr(out.p, "77"));
	buf_release(&out);
	free(text);
}

static void test_memory(void **state)
{
	int rc = ERR_RESOURCE;
	(void)state;
	for (uint64_t nth = 1; rc; nth++) {
		struct evidence *v = NULL;
		struct buf out = {0};
		struct err e = {0};
		fault_set(FAULT_MEM, nth, false);
		rc = evidence_of(&v, told, sizeof told / sizeof *told, &e);
		if (rc == 0)
			rc = gaps_open(&(struct gaps){.evidence = {v}}, "It costs 390 EUR.\nAnd more.", &out, &e);
		fault_set(FAULT_MEM, 0, false);
		assert_true(rc == 0 || rc == ERR_RESOURCE);
		evidence_free(v);
		if (rc == 0)
			assert_string_equal(out.p, "It costs [number?] EUR.\nAnd more.");
		buf_release(&out);
	}
}

int main(void)
{
	struct err e = {0};
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_drafts), cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_cut), cmocka_unit_test(test_findings), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_memory)};
	if (evidence_of(&brief, told, sizeof told / sizeof *told, &e) ||
		evidence_of(&documents, known, sizeof known / sizeof *known, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	int rc = cmocka_run_group_tests_name("gap", tests, NULL, NULL);
	evidence_free(brief);
	evidence_free(documents);
	return rc;
}

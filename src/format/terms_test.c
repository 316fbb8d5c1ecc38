/* terms.yaml: any text comes back as it was written, every mistake is refused with its line. */
#include "format/format.h"
#include "format/test_file.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static int read_text(struct terms *t, const char *text, struct err *e)
{
	struct test_file f = test_file_new(text, strlen(text));
	int rc = terms_read(t, f.path, e);
	test_file_remove(&f);
	return rc;
}

static void assert_round_trip(const struct terms *t)
{
	struct test_file f = test_file_new("", 0);
	struct terms back;
	struct err e = {0};
	if (terms_write(t, f.path, &e) || terms_read(&back, f.path, &e))
		fail_msg("%s", e.text);
	assert_int_equal(back.n, t->n);
	for (size_t i = 0; i < t->n; i++) {
		assert_string_equal(back.p[i].preferred, t->p[i].preferred);
		assert_string_equal(back.p[i].definition, t->p[i].definition);
		assert_int_equal(back.p[i].n_forbidden, t->p[i].n_forbidden);
		assert_int_equal(back.p[i].status, t->p[i].status);
		for (size_t k = 0; k < t->p[i].n_forbidden; k++)
			assert_string_equal(back.p[i].forbidden[k], t->p[i].forbidden[k]);
	}
	terms_release(&back);
	test_file_remove(&f);
}

static void test_by_hand(void **state)
{
	(void)state;
	struct terms t;
	struct err e = {0};
	static const char text[] = "# ours\nterms:\n- preferred: holding bay\n  forbidden: [DLQ, \"dead letter queue\"]\n"
				   "- definition: where events\n    wait\n  forbidden:\n  - no\n  preferred: yes\n- preferred: "
				   "Vault\n- forbidden: [leverage]\n";
	if (read_text(&t, text, &e))
		fail_msg("%s", e.text);
	assert_int_equal(t.n, 4);
	assert_string_equal(t.p[0].preferred, "holding bay");
	assert_int_equal(t.p[0].n_forbidden, 2);
	assert_string_equal(t.p[0].forbidden[0], "DLQ");
	assert_string_equal(t.p[0].forbidden[1], "dead letter queue");
	assert_string_equal(t.p[0].definition, "");
	assert_string_equal(t.p[1].preferred, "yes");
	assert_int_equal(t.p[1].n_forbidden, 1);
	assert_string_equal(t.p[1].forbidden[0], "no");
	assert_string_equal(t.p[1].definition, "where events wait");
	assert_string_equal(t.p[2].preferred, "Vault");
	assert_int_equal(t.p[2].n_forbidden, 0);
	assert_string_equal(t.p[3].preferred, "");
	assert_string_equal(t.p[3].forbidden[0], "leverage");
	assert_round_trip(&t);
	terms_release(&t);
	terms_release(&t);
}

/* What YAML would take for something else, and what it does not allow as itself. */
static const char *const odd[] = {"null", "~", "- a", "a: b", "#c", "[x]", "{x}", "&a", "*a", "!t", "|", "> x", "%d", "@e",
	"a \"b\" c", "'q'", "back\\slash \\n", " led by a space", "followed by one ", "two\nlines\n\n", "\r\n\r", "tab\there",
	"\x01\x1f\x7f", "\xc2\x85 next line", "\xc2\x80\xc2\x9f\xc2\xa0", "\xe2\x80\xa8 and \xe2\x80\xa9", "\xef\xbb\xbf mark",
	"\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\xf4\x8f\xbf\xbf",
	"---", "..."};

static void test_any_text_comes_back(void **state)
{
	(void)state;
	enum { N = sizeof odd / sizeof *odd };
	struct term term[N] = {0};
	char long_text[5000], preferred[N][16];
	memset(long_text, 'x', sizeof long_text);
	for (size_t i = 0; i < sizeof long_text; i += 7)
		long_text[i] = ' ';
	long_text[sizeof long_text - 1] = 0;
	for (size_t i = 0; i < N; i++) {
		snprintf(preferred[i], sizeof preferred[i], "term %zu", i);
		term[i] = (struct term){preferred[i], (const char **)&odd[i], N - i, i ? odd[i] : long_text, TERM_FOUND};
	}
	assert_round_trip(&(struct terms){.p = term, .n = N});
	for (size_t i = 0; i < N; i++)
		term[i] = (struct term){odd[i], NULL, 0, "", TERM_REJECTED};
	assert_round_trip(&(struct terms){.p = term, .n = N});
	assert_round_trip(&(struct terms){0});
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"", ":1: expected the one key 'terms:'"},
		{"- a\n", ":1: expected the one key 'terms:'"},
		{"\nterm: []\n", ":2: expected the one key 'terms:'"},
		{"terms:\n", ":1: expected the one key 'terms:'"},
		{"terms: x\n", ":1: expected the one key 'terms:'"},
		{"terms: []\nmore: 1\n", ":2: expected the one key 'terms:'"},
		{"terms: []\n---\nterms: []\n", ":2: expected the one key 'terms:'"},
		{"terms:\n- vault\n", ":2: expected '- preferred: WORD'"},
		{"terms:\n- [vault]\n", ":2: expected '- preferred: WORD'"},
		{"terms:\n- preferred: a\n  forbiden: [b]\n", ":3: unknown key 'forbiden'"},
		{"terms:\n- preferred: a\n  preferred: b\n", ":3: this term has 'preferred' already"},
		{"terms:\n- forbidden: []\n", ":2: this term has neither a 'preferred' nor a 'forbidden' form"},
		{"terms:\n- {}\n", ":2: this term has neither a 'preferred' nor a 'forbidden' form"},
		{"terms:\n- preferred:\n", ":2: expected a word or words"},
		{"terms:\n- preferred: [a]\n", ":2: expected a plain value"},
		{"terms:\n- preferred: a\n  forbidden: b\n", ":3: expected a list after 'forbidden'"},
		{"terms:\n- preferred: a\n  forbidden: [b, \"\"]\n", ":3: expected a word or words"},
		{"terms:\n- preferred: a\n  forbidden: [[b]]\n", ":3: expected a plain value"},
		{"terms:\n- preferred: a\n  definition: {b: c}\n", ":3: expected a plain value"},
		{"terms:\n- preferred: a\n- preferred: b\n- preferred: A\n", ":4: 'A' is the preferred form of line 2 already"},
		{"terms:\n- preferred: a\n  forbidden: [x, B]\n- preferred: b\n",
			":3: 'B' is the preferred form of line 4 already and cannot"},
		{"terms:\n- preferred: a\n  forbidden: [a]\n", ":3: 'a' is the preferred form of line 2 already and cannot"},
		{"terms:\n- preferred: \"a\\0b\"\n", ":2: a value holds a NUL"},
		{"terms:\n- preferred: &x a\n", ":2: anchors"},
		{"terms:\n- preferred: \"a\n", "not YAML"},
		{"terms:\n- preferred: \xff\n", "not YAML"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct terms t;
		struct err e = {0};
		if (read_text(&t, bad[i].text, &e) != ERR_DATA || !strstr(e.text, bad[i].says))
			fail_msg("%s: %s", bad[i].text, e.text);
		assert_null(t.p);
	}
}

static void test_limits(void **state)
{
	(void)state;
	struct buf text = {0};
	struct terms t;
	struct err e = {0};
	assert_int_equal(buf_puts(&text, "terms:\n", NULL), 0);
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(buf_printf(&text, NULL, "- preferred: w%zu\n", i), 0);
	assert_int_equal(read_text(&t, text.p, &e), 0);
	assert_int_equal(t.n, 5000);
	assert_string_equal(t.p[4999].preferred, "w4999");

	struct term *more = mem_alloc(5001, sizeof *more, NULL);
	for (size_t i = 0; i <= 5000; i++)
		more[i] = (struct term){.preferred = "w", .definition = ""};
	assert_int_equal(terms_write(&(struct terms){.p = more, .n = 5001}, "never", &e), ERR_DATA);
	assert_false(file_exists("never"));
	mem_free(more);
	terms_release(&t);

	assert_int_equal(buf_puts(&text, "- preferred: one more\n", NULL), 0);
	assert_int_equal(read_text(&t, text.p, &e), ERR_DATA);
	assert_non_null(strstr(e.text, ":5002: more than 5000 terms"));
	while (text.len <= 1024 * 1024)
		assert_int_equal(buf_puts(&text, "# a long file of many remarks\n", NULL), 0);
	assert_int_equal(read_text(&t, text.p, &e), ERR_DATA);
	assert_int_equal(
		terms_write(&(struct terms){.p = &(struct term){.preferred = text.p, .definition = ""}, .n = 1}, "never", &e),
		ERR_DATA);
	assert_int_equal(
		terms_write(&(struct terms){.p = &(struct term){.preferred = "a\xff", .definition = ""}, .n = 1}, "never", &e),
		ERR_DATA);
	assert_non_null(strstr(e.text, "never: a term is not UTF-8 at its byte 0xff"));
	assert_false(file_exists("never"));
	buf_release(&text);
}

static void test_every_allocation_fails(void **state)
{
	(void)state;
	static const char text[] = "terms:\n- preferred: a\n  forbidden: [b, c]\n  definition: d\n";
	struct test_file f = test_file_new(text, sizeof text - 1);
	struct terms t = {0};
	for (uint64_t n = 1;; n++) {
		terms_release(&t);
		fault_set(FAULT_MEM, n, false);
		int rc = terms_read(&t, f.path, NULL);
		if (!rc)
			rc = terms_write(&t, f.path, NULL);
		bool reached = fault_count(FAULT_MEM) >= n;
		fault_set(FAULT_MEM, 0, false);
		if (!reached)
			break;
		assert_int_equal(rc, ERR_RESOURCE);
	}
	assert_string_equal(t.p[0].forbidden[1], "c");
	terms_release(&t);
	test_file_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_any_text_comes_back),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_every_allocation_fails),
	};
	return cmocka_run_group_tests_name("terms", tests, NULL, NULL);
}

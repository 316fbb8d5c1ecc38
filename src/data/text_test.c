/* Sentences, words, verbs, values. */
#include "data/text.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/atom.h"
#include "data/clause.h"

static void assert_str(struct str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p, expected, s.n);
}

static void test_sentences(void **state)
{
	(void)state;
	const char *text = "Keep it, e.g. for Dr. Who.  Run `a. B c` now! It costs 3.5 EUR. and more (\"really?\") Yes";
	const char *const expected[] = {
		"Keep it, e.g. for Dr. Who.", "Run `a. B c` now!", "It costs 3.5 EUR. and more (\"really?\")", "Yes"};
	struct str rest = {text, strlen(text)}, s;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		assert_true(sentence_next(&rest, &s));
		assert_str(s, expected[i]);
	}
	assert_false(sentence_next(&rest, &s));
}

static void test_words(void **state)
{
	(void)state;
	struct word w[SENTENCE_WORDS];
	const char *text = "The \"old\" key (`a b`), as is - now: `x`.";
	size_t n = words_split((struct str){text, strlen(text)}, w);
	const char *const expected[] = {"The", "old", "key", "`a b`", "as", "is", "now", "`x`"};
	const bool stop[] = {false, false, false, true, false, true, true, false};
	assert_int_equal(n, 8);
	for (size_t i = 0; i < n; i++) {
		assert_true(word_is(&w[i], expected[i]));
		assert_int_equal(w[i].stop, stop[i]);
	}
	assert_str(words_text(w, 1, 4), "\"old\" key (`a b`)"); /* what is open is closed */
	assert_str(words_text(w, 0, 2), "The \"old\"");
	text = "It calls carray() (twice), ieee754(F) or :memory: first (a).";
	n = words_split((struct str){text, strlen(text)}, w);
	assert_int_equal(n, 9);
	assert_true(word_is(&w[2], "carray()") && word_is(&w[3], "twice") && word_is(&w[4], "ieee754(F)") &&
		word_is(&w[6], ":memory:"));
	char many[4 * SENTENCE_WORDS];
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = i % 2 ? ' ' : 'a';
	assert_int_equal(words_split((struct str){many, 2 * SENTENCE_WORDS}, w), SENTENCE_WORDS);
	assert_int_equal(words_split((struct str){many, 2 * SENTENCE_WORDS + 2}, w), 0);
}

static void test_identifiers(void **state)
{
	(void)state;
	static const char *const code[] = {"SQLITE_FULL", "carray()", "ieee754(F)", "--tree", "-O6", "-DSQLITE_DEBUG", ".recover",
		"sqlite3.c", "filename=", ":memory:", "a_b"};
	static const char *const prose[] = {"well-known", "e.g", "3.14", "database(s)", "-2000", "I/O", "`x_y`", "Yes", "_",
		"and/or", "caf\xc3\xa9_x", "1.c.2"};
	for (size_t i = 0; i < sizeof code / sizeof *code; i++)
		if (!word_is_identifier(&(struct word){code[i], strlen(code[i]), false}))
			fail_msg("%s", code[i]);
	for (size_t i = 0; i < sizeof prose / sizeof *prose; i++)
		if (word_is_identifier(&(struct word){prose[i], strlen(prose[i]), false}))
			fail_msg("%s", prose[i]);
}

static void test_verbs(void **state)
{
	(void)state;
	static const struct {
		const char *word, *base;
		enum verb_form form;
	} c[] = {{"expires", "expire", VERB_THIRD}, {"retries", "retry", VERB_THIRD}, {"pushes", "push", VERB_THIRD},
		{"has", "have", VERB_THIRD}, {"Keep", "keep", VERB_BASE}, {"vaults", "", VERB_NONE}, {"it's", "", VERB_NONE}};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		char base[32] = "";
		struct word w = {c[i].word, strlen(c[i].word), false};
		assert_int_equal(verb_form(&w, base), c[i].form);
		assert_string_equal(base, c[i].base);
	}
}

static void test_atoms(void **state)
{
	(void)state;
	static const struct {
		const char *text, *first, *value; /* what the question replaces, what is asked for */
		int measure;
	} c[] = {
		{"It lasts up to 18 seconds now", "up to 18 seconds", "18 seconds", ATOM_TIME},
		{"after 2 working days they", "2 working days", "2 working days", ATOM_TIME},
		{"at most 384 KB each", "at most 384 KB", "384 KB", ATOM_SIZE},
		{"runs at 80 requests per second, so", "80 requests per second", "80 requests per second", ATOM_COUNT},
		{"a maximum of 3 missed heartbeats", "a maximum of 3 missed heartbeats", "3 missed heartbeats", ATOM_COUNT},
		{"costs 6 EUR per 100,000 and", "6 EUR per 100,000", "6 EUR per 100,000", ATOM_MONEY},
		{"costs $5 a month", "$5 a month", "$5 a month", ATOM_MONEY},
		{"lowers it by 15 % now", "15 %", "15 %", ATOM_PERCENT},
		{"lowers it by 15% now", "15%", "15%", ATOM_PERCENT},
		{"between 04:00 and 06:00 UTC", "04:00 and 06:00 UTC", "04:00 and 06:00 UTC", ATOM_CLOCK},
		{"through port 7443, and", "port 7443", "7443", ATOM_LABELLED},
		{"into the `X-Sig` header of", "the `X-Sig` header", "`X-Sig`", ATOM_LABELLED},
		{"with the prefix `tlk_` only", "the prefix `tlk_`", "`tlk_`", ATOM_LABELLED},
		{"reads from `~/.x/y.toml` first", "`~/.x/y.toml`", "`~/.x/y.toml`", ATOM_CODE},
		{"kernel 5.4 or later runs", "kernel 5.4 or later", "5.4", ATOM_LABELLED},
		{"provides experimental `x` now", "`x`", "`x`", ATOM_CODE},
		{"be raised to 64", "64", "64", ATOM_BARE},
		{"fails with an ZOR_FULL error when", "an ZOR_FULL error", "ZOR_FULL", ATOM_LABELLED},
		{"use the ZOR_X compile-time option to", "the ZOR_X compile-time option", "ZOR_X", ATOM_LABELLED},
		{"in a table named ZOR_X, which", "a table named ZOR_X", "ZOR_X", ATOM_LABELLED},
		{"invoked on ZOR_BAD errors only", "ZOR_BAD errors", "ZOR_BAD", ATOM_LABELLED},
		{"less than 750KiB large", "less than 750KiB", "750KiB", ATOM_SIZE},
		{"began on 2000-05-09 and", "2000-05-09", "2000-05-09", ATOM_BARE},
		{"8 million events", "8 million events", "8 million events", ATOM_COUNT},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct word w[SENTENCE_WORDS];
		struct atom a;
		size_t n = words_split((struct str){c[i].text, strlen(c[i].text)}, w);
		assert_true(atom_next(w, n, 0, &a));
		assert_int_equal(a.measure, c[i].measure);
		assert_str(words_text(w, a.first, a.end), c[i].first);
		assert_str(words_text(w, a.value, a.value_end), c[i].value);
		assert_false(atom_next(w, n, a.value_end, &a));
	}
	struct atom a;
	assert_true(atom_is_whole(STR("200,000"), &a));
	assert_true(atom_is_whole(STR("90 days"), &a));
	assert_false(atom_is_whole(STR("90 days or so"), &a));
	assert_false(atom_is_whole(STR("2024-05-01"), &a));
}

static void test_clauses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *subject, *verb;
		enum clause_shape shape;
	} c[] = {
		{"An invitation expires after 6 days", "An invitation", "expires", CLAUSE_FULL},
		{"On the Grove plan, the vault keeps events", "the vault", "keeps", CLAUSE_FULL},
		{"An API key that has not been used is revoked", "An API key that has not been used", "is", CLAUSE_FULL},
		{"Replayed events carry a header", "Replayed events", "carry", CLAUSE_FULL},
		{"The query results expire soon after", "The query results", "expire", CLAUSE_FULL},
		{"The tool automatically prints results", "The tool", "prints", CLAUSE_FULL},
		{"Support answers in English", "Support", "answers", CLAUSE_FULL},
		{"During a rotation both secrets are valid", NULL, NULL, CLAUSE_FLAT},
		{"Open the console and choose Streams", NULL, NULL, CLAUSE_NONE},
		{"You can have 5 of them", NULL, NULL, CLAUSE_NONE},
		{"This is a test of it", NULL, NULL, CLAUSE_NONE},
		{"In a hurry and with 5 friends", NULL, NULL, CLAUSE_NONE},
		{"Fixed size of 5 pages", NULL, NULL, CLAUSE_NONE},
		{"Nodes, of 5 kinds, have names", NULL, NULL, CLAUSE_FLAT},
	};
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct word w[SENTENCE_WORDS];
		struct clause k;
		size_t n = words_split((struct str){c[i].text, strlen(c[i].text)}, w);
		clause_parse(w, n, &k);
		assert_int_equal(k.shape, c[i].shape);
		if (k.shape != CLAUSE_FULL)
			continue;
		assert_str(words_text(w, k.subject, k.subject_end), c[i].subject);
		assert_true(word_is(&w[k.verb], c[i].verb));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_atoms),
		cmocka_unit_test(test_clauses),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}

/* SentencePiece's scheme on a small vocabulary: 256 bytes, then scored pieces. Expected ids worked out by sentencepiece's rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/test_ids.h"
#include "format/tokenizer.h"

static const struct vocab_token PIECES[] = {
	{{"<s>", 3}, TOKEN_CONTROL, 0},          /* 256 */
	{{"\xe2\x96\x81", 3}, TOKEN_NORMAL, -9}, /* 257 */
	{{"a", 1}, TOKEN_NORMAL, -9},            /* 258 */
	{{"b", 1}, TOKEN_NORMAL, -9},            /* 259 */
	{{"ab", 2}, TOKEN_NORMAL, -2},           /* 260 */
	{{"\xe2\x96\x81"
	  "a",
		 4},
		TOKEN_NORMAL, -1},     /* 261 */
	{{"aa", 2}, TOKEN_NORMAL, -3}, /* 262 */
	{{"bb", 2}, TOKEN_NORMAL, -3}, /* 263 */
	{{"\xc3\xa9"
	  "b",
		 3},
		TOKEN_NORMAL, -4},        /* 264: its first character is no token */
	{{"\n\n", 2}, TOKEN_USER, -1000}, /* 265 */
	{{"  ", 2}, TOKEN_USER, -1000},   /* 266 */
};
enum { N_PIECES = sizeof PIECES / sizeof *PIECES };

/* "<0x00>" and so on: the first 256 tokens of every vocabulary here. */
static void bytes_put(struct vocab_token *tokens, char bytes[256][8])
{
	for (unsigned b = 0; b < 256; b++) {
		snprintf(bytes[b], 8, "<0x%02X>", b);
		tokens[b] = (struct vocab_token){.text = {bytes[b], 6}, .kind = TOKEN_BYTE};
	}
}

static int pieces_build(struct tokenizer **t, bool space_prefix, size_t i, const struct vocab_token *other, struct err *e)
{
	char bytes[256][8];
	struct vocab_token tokens[256 + N_PIECES];
	struct vocab v = {
		.path = "spm", .tokens = tokens, .n_tokens = 256 + N_PIECES, .bos = 256, .eos = -1, .scheme = SCHEME_SCORES};
	v.prefix = space_prefix ? PREFIX_ALWAYS : PREFIX_NONE;
	bytes_put(tokens, bytes);
	memcpy(tokens + 256, PIECES, sizeof PIECES);
	if (other)
		tokens[i] = *other;
	return tokenizer_build(t, &v, e);
}

static void test_sentencepiece(void **state)
{
	(void)state;
	struct tokenizer *t;
	struct err e = {0};
	assert_int_equal(pieces_build(&t, false, 0, NULL, &e), 0);
	CHECK(t, "aab", 258, 260); /* -2 before -3 */
	CHECK(t, "aaa", 262, 258); /* the leftmost of equals */
	CHECK(t, " aab", 261, 260);
	CHECK(t, "aabb", 258, 260, 259); /* ab takes the b before bb can */
	CHECK(t,
		"\xe2\x96\x81"
		"a",
		261); /* U+2581 is a space */
	CHECK(t,
		"\xc3\xa9"
		"b",
		264); /* merged before it becomes bytes */
	CHECK(t,
		"\xc3\xa9"
		"a\xff",
		0xc3, 0xa9, 258, 0xff);
	CHECK(t, "a\n\n\n  b <s>", 258, 265, '\n', 266, 259, 257, '<', 's', '>');
	CHECK(t, "b\xe2\x96\x81 a", 259, 266,
		258); /* a user-defined token of two spaces, however they are written, before " a" can merge */
	CHECK(t, "<0x41>A", '<', '0', 'x', '4', '1', '>', 'A');
	struct buf out = {0};
	assert_int_equal(tokenizer_decode(t, (const int32_t[]){256, 261, 0xc3, 0xa9, 266, 260}, 6, false, &out, &e), 0);
	assert_string_equal(out.p, " a\xc3\xa9  ab");
	buf_release(&out);
	tokenizer_free(t);
	assert_int_equal(pieces_build(&t, true, 0, NULL, &e), 0);
	CHECK(t, "aab", 261, 260);
	check_ids(t, "", 0, NULL, 0); /* nothing to put a space in front of */
	struct ids ids = {0}, ends = {0};
	assert_int_equal(tokenizer_encode_ends(t,
				 (struct piece){"a\xe2\x96\x81"
						"a",
					 5},
				 true, &ids, &ends, &e),
		0);
	assert_int_equal(ends.n, 2);
	assert_int_equal(ends.p[0], 1);
	assert_int_equal(ends.p[1], 5);
	ids_release(&ids);
	ids_release(&ends);
	tokenizer_free(t);
}

static void test_sentencepiece_refusals(void **state)
{
	(void)state;
	static char huge[2000];
	memset(huge, 'x', sizeof huge);
	const struct {
		size_t i;
		struct vocab_token token;
		const char *says;
	} cases[] = {
		{65, {{"<0x4g>", 6}, TOKEN_BYTE, 0}, "as a byte"},
		{65, {{"<0x42>", 6}, TOKEN_BYTE, 0}, "no token for the byte 0x41"},
		{259, {{"a", 1}, TOKEN_NORMAL, 0}, "tokens 258 and 259 are the same"},
		{259, {{huge, sizeof huge}, TOKEN_NORMAL, 0}, "2000 bytes long; the limit is 1024"},
		{259, {{"", 0}, TOKEN_NORMAL, 0}, "token 259 is empty"},
		{265, {{" \xe2", 2}, TOKEN_USER, 0}, "token 265 is user-defined"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tokenizer *t;
		struct err e = {0};
		int rc = pieces_build(&t, false, cases[i].i, &cases[i].token, &e);
		if (rc != ERR_DATA || !strstr(e.text, cases[i].says) || t)
			fail_msg("case %zu: got %d \"%s\"", i, rc, e.text);
	}
}

/* Without spaces the whole text is one piece; quadratic time would take hours. */
static void test_sentencepiece_long_line(void **state)
{
	struct tokenizer *t;
	struct err e = {0};
	(void)state;
	assert_int_equal(pieces_build(&t, true, 0, NULL, &e), 0);
	check_megabyte(t, "baa");
	check_megabyte(t, "a");
	check_megabyte(t, " ");
	check_megabyte(t, "\n");
	check_megabyte(t, "\xff");
	tokenizer_free(t);
}

/* User-defined tokens that all but match at every byte: a thousand beginnings of a^1000 b, each with its b. */
static void test_user_defined_that_almost_match(void **state)
{
	enum { LONGEST = 1000 };
	static char text[LONGEST][LONGEST];
	static struct vocab_token tokens[256 + LONGEST];
	char bytes[256][8];
	struct vocab v = {.path = "spm", .tokens = tokens, .n_tokens = 256, .bos = -1, .eos = -1, .scheme = SCHEME_SCORES};
	struct tokenizer *t;
	struct err e = {0};
	(void)state;
	bytes_put(tokens, bytes);
	for (size_t n = 1; n < LONGEST; n++) {
		memset(text[n], 'a', n);
		text[n][n] = 'b';
		tokens[v.n_tokens++] = (struct vocab_token){.text = {text[n], n + 1}, .kind = TOKEN_USER};
	}
	assert_int_equal(tokenizer_build(&t, &v, &e), 0);
	check_megabyte(t, "a");
	CHECK(t, "caab", 'c', 257);
	CHECK(t, "aba", 256, 'a');
	tokenizer_free(t);
}

/* The longest token wherever it stands in the order of bytes, and the one that text is cut off from. */
static void test_longest_match(void **state)
{
	static const char *const control[] = {"ab", "a", "abcd", "abce", "b", "abcdef", "a"};
	static const struct {
		const char *text;
		int expected; /* of control, -1 none */
	} cases[] = {{"a", 1}, {"aa", 1}, {"ab", 0}, {"abc", 0}, {"abcc", 0}, {"abcd", 2}, {"abcde", 2}, {"abcdeg", 2},
		{"abcdef", 5}, {"abcdefg", 5}, {"abcf", 0}, {"abcez", 3}, {"az", 1}, {"b", 4}, {"bz", 4}, {"c", -1}, {"", -1},
		{"\xff", -1}};
	struct vocab_token tokens[256 + 7];
	char bytes[256][8];
	struct vocab v = {.path = "spm", .tokens = tokens, .n_tokens = 256 + 7, .bos = -1, .eos = -1, .scheme = SCHEME_SCORES};
	struct tokenizer *t;
	struct err e = {0};
	size_t length;
	(void)state;
	bytes_put(tokens, bytes);
	for (size_t i = 0; i < 7; i++)
		tokens[256 + i] = (struct vocab_token){.text = {control[i], strlen(control[i])}, .kind = TOKEN_CONTROL};
	assert_int_equal(tokenizer_build(&t, &v, &e), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int32_t got = tokenizer_control_at(t, cases[i].text, strlen(cases[i].text), &length);
		int32_t expected = cases[i].expected < 0 ? -1 : 256 + cases[i].expected;
		if (got != expected || length != (expected < 0 ? 0 : strlen(control[cases[i].expected])))
			fail_msg("\"%s\": got %d of %zu bytes, expected %d", cases[i].text, (int)got, length, (int)expected);
	}
	tokenizer_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentencepiece),
		cmocka_unit_test(test_sentencepiece_refusals),
		cmocka_unit_test(test_sentencepiece_long_line),
		cmocka_unit_test(test_user_defined_that_almost_match),
		cmocka_unit_test(test_longest_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

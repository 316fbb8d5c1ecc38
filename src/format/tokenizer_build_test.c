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

static int pieces_build(struct tokenizer **t, bool space_prefix, size_t i, const struct vocab_token *other, struct err *e)
{
	char bytes[256][8];
	struct vocab_token tokens[256 + N_PIECES];
	struct vocab v = {
		.path = "spm", .tokens = tokens, .n_tokens = 256 + N_PIECES, .bos = 256, .eos = -1, .scheme = SCHEME_SCORES};
	v.space_prefix = space_prefix;
	for (unsigned b = 0; b < 256; b++) {
		snprintf(bytes[b], sizeof bytes[b], "<0x%02X>", b);
		tokens[b] = (struct vocab_token){.text = {bytes[b], 6}, .kind = TOKEN_BYTE};
	}
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
				 "a\xe2\x96\x81"
				 "a",
				 5, &ids, &ends, &e),
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
	(void)state;
	enum { N = 1000000 };
	struct tokenizer *t;
	struct err e = {0};
	struct ids ids = {0};
	char *text = malloc(N);
	assert_non_null(text);
	assert_int_equal(pieces_build(&t, true, 0, NULL, &e), 0);
	for (size_t i = 0; i < N; i++)
		text[i] = i % 3 ? 'a' : 'b';
	double start = now_s();
	assert_int_equal(tokenizer_encode(t, text, N, &ids, &e), 0);
	assert_true(now_s() - start < 10);
	assert_true(ids.n > N / 3);
	ids_release(&ids);
	tokenizer_free(t);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentencepiece),
		cmocka_unit_test(test_sentencepiece_refusals),
		cmocka_unit_test(test_sentencepiece_long_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

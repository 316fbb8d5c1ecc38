/* SentencePiece's vocabulary from a small GGUF: kinds of tokens, scores, what begins a text, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/test_file.h"
#include "format/test_ids.h"

enum { U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STR = 8, ARRAY = 9 }; /* value types */
enum { NORMAL = 1, UNKNOWN, CONTROL, USER, UNUSED, BYTE };        /* token types */

static const struct spelled {
	const char *text;
	uint32_t type;
	float score;
} PIECES[] = {
	{"<unk>", UNKNOWN, 0},        /* 256 */
	{"<s>", CONTROL, 0},          /* 257 */
	{"</s>", CONTROL, 0},         /* 258 */
	{"\xe2\x96\x81", NORMAL, -9}, /* 259 */
	{"a", NORMAL, -9},            /* 260 */
	{"b", NORMAL, -9},            /* 261 */
	{"ab", NORMAL, -2},           /* 262 */
	{"ba", NORMAL, -1},           /* 263: merges before ab, though it comes later */
	{"aba", UNUSED, 0},           /* 264 */
	{"<c>", USER, 0},             /* 265 */
};
enum { N_PIECES = sizeof PIECES / sizeof *PIECES, N = 256 + N_PIECES };

static void put(struct buf *b, const void *p, size_t n)
{
	assert_int_equal(buf_append(b, p, n, NULL), 0);
}

static void put_le(struct buf *b, uint64_t v, size_t n)
{
	for (; n; n--, v >>= 8)
		put(b, &(uint8_t){(uint8_t)v}, 1);
}

static void put_str(struct buf *b, const char *s)
{
	put_le(b, strlen(s), 8);
	put(b, s, strlen(s));
}

static void put_array(struct buf *b, const char *name, uint32_t item)
{
	put_str(b, name);
	put_le(b, ARRAY, 4);
	put_le(b, item, 4);
	put_le(b, N, 8);
}

static void put_bool(struct buf *b, const char *name, bool value)
{
	put_str(b, name);
	put_le(b, BOOL, 4);
	put_le(b, value, 1);
}

/* What a test changes: the type, score and spelling (NULL: as it is) of token 262, a bool key, and the end token. */
struct change {
	uint32_t type;
	float score;
	const char *key;
	bool value;
	const char *text;
	int32_t end; /* 0: 258 */
};

static int open_pieces(struct tokenizer **t, struct change change, struct err *e)
{
	static const char *const ids[] = {
		"tokenizer.ggml.unknown_token_id", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"};
	struct buf b = {0};
	struct gguf *g = NULL;
	char text[8];
	put(&b, "GGUF", 4);
	put_le(&b, 3, 4);
	put_le(&b, 0, 8);
	put_le(&b, change.key ? 8 : 7, 8);
	put_str(&b, "tokenizer.ggml.model");
	put_le(&b, STR, 4);
	put_str(&b, "llama");
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		put_str(&b, ids[i]);
		put_le(&b, I32, 4);
		put_le(&b, i == 2 && change.end ? (uint32_t)change.end : 256 + i, 4);
	}
	put_array(&b, "tokenizer.ggml.tokens", STR);
	for (unsigned i = 0; i < 256; i++) {
		snprintf(text, sizeof text, "<0x%02X>", i);
		put_str(&b, text);
	}
	for (size_t i = 0; i < N_PIECES; i++)
		put_str(&b, i == 262 - 256 && change.text ? change.text : PIECES[i].text);
	put_array(&b, "tokenizer.ggml.token_type", I32);
	for (size_t i = 0; i < N; i++)
		put_le(&b, i < 256 ? (uint32_t)BYTE : i == 262 ? change.type : PIECES[i - 256].type, 4);
	put_array(&b, "tokenizer.ggml.scores", F32);
	for (size_t i = 0; i < N; i++)
		put(&b, i < 256 ? &(float){0} : i == 262 ? &change.score : &PIECES[i - 256].score, 4);
	if (change.key)
		put_bool(&b, change.key, change.value);
	struct test_file file = test_file_new(b.p, b.len);
	int rc = gguf_open(&g, file.path, e);
	*t = NULL;
	if (!rc)
		rc = tokenizer_from_gguf(t, g, e);
	gguf_close(g);
	test_file_remove(&file);
	buf_release(&b);
	return rc;
}

static struct tokenizer *pieces(const char *key, bool value)
{
	struct tokenizer *t;
	struct err e = {0};
	if (open_pieces(&t, (struct change){NORMAL, -2, key, value, NULL, 0}, &e))
		fail_msg("%s", e.text);
	return t;
}

static void test_kinds_and_scores(void **state)
{
	(void)state;
	struct tokenizer *t = pieces(NULL, false);
	CHECK(t, "aba", 259, 260, 263);           /* a space in front; the highest score first; an unused token is never formed */
	CHECK(t, "ab<c>\n", 259, 262, 265, '\n'); /* a user-defined token; a byte */
	CHECK(t, "<s>", 259, '<', 's', '>');      /* no control token */
	assert_int_equal(tokenizer_control(t, "<unk>", 5), 256);
	assert_int_equal(tokenizer_bos(t), 257);
	assert_int_equal(tokenizer_eos(t), 258);
	assert_true(tokenizer_is_eog(t, 258));
	tokenizer_free(t);
}

static void test_flags(void **state)
{
	(void)state;
	struct tokenizer *t = pieces("tokenizer.ggml.add_space_prefix", false);
	CHECK(t, "ab", 262);
	tokenizer_free(t);
	t = pieces("tokenizer.ggml.add_bos_token", false);
	assert_int_equal(tokenizer_bos(t), -1);
	tokenizer_free(t);
	t = pieces("tokenizer.ggml.add_eos_token", true);
	CHECK(t, "ab", 259, 262); /* who trains appends the end token himself */
	tokenizer_free(t);
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		struct change change;
		const char *says;
	} cases[] = {
		{{.type = NORMAL, .score = NAN}, "token 262 has no number as its score"},
		{{.type = 0}, "token 262 has type 0"},
		{{.type = 7}, "token 262 has type 7"},
		{{.type = BYTE}, "as a byte"},
		{{.type = NORMAL, .text = "a"}, "tokens 260 and 262 are the same"},
		{{.type = USER, .text = "b"}, "tokens 261 and 262 are the same"},
		{{.type = NORMAL, .text = ""}, "token 262 is empty"},
		{{.type = NORMAL, .end = -1}, "key 'tokenizer.ggml.eos_token_id': got -1, expected no negative"},
		{{.type = NORMAL, .end = N}, "end token 266 is beyond the vocabulary of 266"},
		{{.type = NORMAL, .end = INT32_MAX}, "is beyond the vocabulary of 266"},
		{{.type = NORMAL, .key = "tokenizer.ggml.remove_extra_whitespaces", .value = true},
			"remove_extra_whitespaces is set"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tokenizer *t;
		struct err e = {0};
		int rc = open_pieces(&t, cases[i].change, &e);
		if (rc != ERR_DATA || !strstr(e.text, cases[i].says) || t)
			fail_msg("case %zu: got %d \"%s\"", i, rc, e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_and_scores),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

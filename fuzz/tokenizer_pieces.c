/*
 * Any bytes as a SentencePiece vocabulary and a text: lines are pieces, scored by their first byte, up to an empty line; the text follows.
 * What builds gives the text back, with U+2581 as a space, and no byte token's spelling counts as one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "format/tokenizer.h"
#include "fuzz.h"

enum { PIECES_MAX = 64 };

/* Reads pieces behind the 256 byte tokens; returns where the text starts. */
static size_t read_pieces(struct vocab *v, const char *p, size_t n)
{
	size_t at = 0;
	while (at < n && v->n_tokens < 256 + PIECES_MAX) {
		const char *line = p + at, *newline = memchr(line, '\n', n - at);
		size_t length = newline ? (size_t)(newline - line) : n - at;
		at += length + (newline ? 1 : 0);
		if (!length)
			break;
		v->tokens[v->n_tokens++] = (struct vocab_token){
			.text = {line, length}, .kind = *line == ' ' ? TOKEN_USER : TOKEN_NORMAL, .score = (float)*line};
	}
	return at;
}

static void check_text(const struct tokenizer *t, const char *text, size_t n)
{
	struct ids ids = {0}, ends = {0};
	struct buf back = {0};
	struct err e = {0};
	if (tokenizer_encode_ends(t, (struct piece){text, n}, true, &ids, &ends, &e) ||
		tokenizer_decode(t, ids.p, ids.n, false, &back, &e))
		abort();
	if (ends.n != ids.n || (n && (size_t)ends.p[ends.n - 1] != n))
		abort();
	size_t got = 0;
	for (size_t at = 0; at < n; got++) {
		bool block = n - at >= 3 && !memcmp(text + at, "\xe2\x96\x81", 3);
		if (got >= back.len || back.p[got] != (block ? ' ' : text[at]))
			abort();
		at += block ? 3 : 1;
	}
	if (got != back.len)
		abort();
	ids_release(&ids);
	ids_release(&ends);
	buf_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char bytes[256][8];
	struct vocab_token tokens[256 + PIECES_MAX];
	struct vocab v = {.path = "pieces", .tokens = tokens, .n_tokens = 256, .bos = -1, .eos = -1, .scheme = SCHEME_SCORES};
	struct tokenizer *t;
	struct err e = {0};
	for (unsigned b = 0; b < 256; b++) {
		snprintf(bytes[b], sizeof bytes[b], "<0x%02X>", b);
		tokens[b] = (struct vocab_token){.text = {bytes[b], 6}, .kind = TOKEN_BYTE};
	}
	size_t text = read_pieces(&v, (const char *)p, n);
	int rc = tokenizer_build(&t, &v, &e);
	fuzz_check(rc, &e);
	if (!rc)
		check_text(t, (const char *)p + text, n - text);
	tokenizer_free(t);
	return 0;
}

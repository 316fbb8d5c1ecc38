/*
 * Thresholds as published: Gopher (Rae et al. 2021, tables A1 and A2: word length to repeated n-grams), C4 (Raffel et al. 2020: lines of three words, long
 * words), FineWeb (Penedo et al. 2024: punctuated line ends). A line is a block or a row of a table. Reference: quality.h.
 */
#include "data/quality.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "data/text.h"

enum { TOP_FIRST = 2, TOP_LAST = 4, GRAM_LAST = 10, LONG_WORD = 1000, LINE_WORDS = 3, FUNCTION_WORDS_LEAST = 2 };

static const struct {
	const char *name, *reason;
} flag[QUALITY_FLAGS] = {
	[QUALITY_WORD_LENGTH] = {"word_length", "words are shorter than 3 or longer than 10 letters on average"},
	[QUALITY_SYMBOLS] = {"symbols", "more than one # or ... for ten words"},
	[QUALITY_BULLETS] = {"bullets", "more than nine lines of ten are list items"},
	[QUALITY_ELLIPSES] = {"ellipses", "more than three lines of ten end in ..."},
	[QUALITY_LETTERS] = {"letters", "more than one word of five has no letter"},
	[QUALITY_FUNCTION_WORDS] = {"function_words", "fewer than two of: the, be, to, of, and, that, have, with"},
	[QUALITY_SAME_LINES] = {"same_lines", "the same lines again: more than 30 % of them or 20 % of the text"},
	[QUALITY_REPEATED] = {"repeated", "the same words again and again"},
	[QUALITY_SHORT_LINES] = {"short_lines", "most lines have fewer than three words"},
	[QUALITY_LONG_WORD] = {"long_word", "a word of more than 1,000 characters"},
	[QUALITY_NO_STOPS] = {"no_stops", "fewer than 12 lines of 100 end in a full stop, a question or an exclamation mark"},
};

const char *quality_flag_name(enum quality_flag f)
{
	return flag[f].name;
}

const char *quality_flag_reason(enum quality_flag f)
{
	return flag[f].reason;
}

struct piece {
	uint64_t hash;
	size_t n, at; /* bytes; its number */
};

struct reader {
	struct piece *word, *line; /* mem_free */
	size_t n_words, cap_words, n_lines, cap_lines;
	size_t bytes, with_letter, symbols, specific, bullets, ellipses, stops, short_lines;
	unsigned function; /* bits: which of the eight words were seen */
	bool long_word;
};

static uint64_t bytes_hash(const char *p, size_t n)
{
	uint64_t h = HASH_START;
	for (size_t i = 0; i < n; i++)
		h = hash_step(h, (unsigned char)tolower((unsigned char)p[i]));
	return h;
}

/* A number, a name or acronym inside a sentence, a flag, code or a path. */
static bool is_specific(const char *p, size_t n, bool first)
{
	bool inner = false;
	for (size_t i = 0; i < n; i++) {
		if (isdigit((unsigned char)p[i]) || p[i] == '`' || p[i] == '_' || (p[i] == '/' && n > 1))
			return true;
		inner |= i && isupper((unsigned char)p[i]);
	}
	return inner || (n > 2 && p[0] == '-' && p[1] == '-') || (!first && n > 1 && isupper((unsigned char)p[0]));
}

static int read_word(struct reader *r, const char *p, size_t n, bool first, struct err *e)
{
	static const char *const common[] = {"the", "be", "to", "of", "and", "that", "have", "with"};
	bool letter = false;
	if (mem_reserve(&r->word, r->n_words, &r->cap_words, sizeof *r->word, e))
		return ERR_RESOURCE;
	r->word[r->n_words] = (struct piece){bytes_hash(p, n), n, r->n_words};
	r->n_words++;
	r->bytes += n;
	for (size_t i = 0; i < n; i++) {
		letter |= isalpha((unsigned char)p[i]) || (unsigned char)p[i] >= 0x80;
		r->symbols += p[i] == '#' || (i + 2 < n && !strncmp(p + i, "...", 3)) ||
			(i + 2 < n && !strncmp(p + i, "\xe2\x80\xa6", 3));
	}
	r->with_letter += letter;
	r->long_word |= n > LONG_WORD;
	r->specific += is_specific(p, n, first);
	for (size_t i = 0; i < sizeof common / sizeof *common; i++)
		if (str_is((struct str){p, n}, common[i]))
			r->function |= 1u << i;
	return 0;
}

static int read_line(struct reader *r, const char *text, bool item, struct err *e)
{
	size_t before = r->n_words, n = strlen(text);
	bool first = true;
	int rc = 0;
	for (const char *p = text; *p && !rc;) {
		size_t k = strcspn(p, " \n\t");
		if (k)
			rc = read_word(r, p, k, first, e);
		first = !k ? first : strchr(".!?:", p[k - 1]) != NULL;
		p += k + (p[k] != 0);
	}
	if (rc || r->n_words == before)
		return rc;
	if (mem_reserve(&r->line, r->n_lines, &r->cap_lines, sizeof *r->line, e))
		return ERR_RESOURCE;
	r->line[r->n_lines] = (struct piece){bytes_hash(text, n), n, r->n_lines};
	r->n_lines++;
	r->bullets += item;
	r->short_lines += r->n_words - before < LINE_WORDS;
	r->ellipses += n >= 3 && (!strcmp(text + n - 3, "...") || !strcmp(text + n - 3, "\xe2\x80\xa6"));
	while (n && strchr("\"')", text[n - 1]))
		n--;
	r->stops += n && strchr(".!?", text[n - 1]) != NULL;
	return 0;
}

static int by_hash(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash) : (x->at > y->at) - (x->at < y->at);
}

/* Bytes of the pieces that stood before, their number, and bytes of the piece that takes most where it stands more than once. Sorts. */
static void repeats(struct piece *p, size_t n, size_t *bytes, size_t *count, size_t *top)
{
	*bytes = *count = *top = 0;
	qsort(p, n, sizeof *p, by_hash);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && p[end].hash == p[i].hash; end++)
			;
		*count += end - i - 1;
		*bytes += (end - i - 1) * p[i].n;
		if (end - i > 1 && (end - i) * p[i].n > *top)
			*top = (end - i) * p[i].n;
	}
}

/* Do sequences of n words take more of the text than they may? Sequences overlap: of the longer ones a word counts once. */
static int grams_repeat(const struct reader *r, size_t n, bool *out, struct err *e)
{
	static const double top_most[] = {[2] = 0.20, [3] = 0.18, [4] = 0.16};
	static const double most[] = {[5] = 0.15, [6] = 0.14, [7] = 0.13, [8] = 0.12, [9] = 0.11, [10] = 0.10};
	size_t n_grams = r->n_words >= n ? r->n_words - n + 1 : 0, bytes, count, top, covered = 0;
	struct piece *g = mem_alloc(n_grams, sizeof *g, e);
	bool *again = g ? mem_alloc(r->n_words, sizeof *again, e) : NULL;
	if (!again) {
		mem_free(g);
		return ERR_RESOURCE;
	}
	for (size_t i = 0; i < n_grams; i++) {
		g[i].at = i;
		for (size_t k = 0; k < n; k++) {
			g[i].hash = hash_step(g[i].hash, r->word[i + k].hash);
			g[i].n += r->word[i + k].n;
		}
	}
	repeats(g, n_grams, &bytes, &count, &top);
	for (size_t i = 1; i < n_grams; i++)
		for (size_t k = 0; k < n && g[i].hash == g[i - 1].hash; k++)
			again[g[i].at + k] = true;
	for (size_t i = 0; i < r->n_words; i++)
		covered += again[i] ? r->word[i].n : 0;
	*out = n <= TOP_LAST ? (double)top > top_most[n] * (double)r->bytes : (double)covered > most[n] * (double)r->bytes;
	mem_free(g);
	mem_free(again);
	return 0;
}

static int judge(struct quality *out, struct reader *r, struct err *e)
{
	size_t bytes, count, top, text = 0;
	bool repeated = false;
	int rc = 0;
	for (size_t n = TOP_FIRST; n <= GRAM_LAST && !rc && !repeated; n++)
		rc = grams_repeat(r, n, &repeated, e);
	for (size_t i = 0; i < r->n_lines; i++)
		text += r->line[i].n;
	repeats(r->line, r->n_lines, &bytes, &count, &top);
	const double words = (double)r->n_words, lines = (double)r->n_lines, mean = (double)r->bytes / words;
	const bool set[QUALITY_FLAGS] = {
		[QUALITY_WORD_LENGTH] = mean < 3 || mean > 10,
		[QUALITY_SYMBOLS] = (double)r->symbols > 0.1 * words,
		[QUALITY_BULLETS] = (double)r->bullets > 0.9 * lines,
		[QUALITY_ELLIPSES] = (double)r->ellipses > 0.3 * lines,
		[QUALITY_LETTERS] =
			(double)r->with_letter<
				0.8 * words, [QUALITY_FUNCTION_WORDS] = __builtin_popcount(r->function) < FUNCTION_WORDS_LEAST,
				[QUALITY_SAME_LINES] = (double)count> 0.3 *
				lines ||
			(double)bytes > 0.2 * (double)text,
		[QUALITY_REPEATED] = repeated,
		[QUALITY_SHORT_LINES] = 2 * r->short_lines > r->n_lines,
		[QUALITY_LONG_WORD] = r->long_word,
		[QUALITY_NO_STOPS] = (double)r->stops < 0.12 * lines,
	};
	for (int i = 0; i < QUALITY_FLAGS; i++)
		out->flags |= set[i] ? 1u << i : 0;
	return rc;
}

int quality_of(struct quality *out, const struct document *d, const struct section *s, struct err *e)
{
	struct reader r = {0};
	struct buf row = {0};
	int rc = 0;
	*out = (struct quality){0};
	for (size_t i = 0; i < s->n_blocks && !rc; i++) {
		const struct block *b = &d->blocks[s->block + i];
		if (b->text && b->kind != BLOCK_CODE)
			rc = read_line(&r, b->text, b->kind == BLOCK_ITEM, e);
		for (size_t k = 0; b->kind == BLOCK_TABLE && k < b->n_rows && !rc; k++) {
			buf_clear(&row);
			for (size_t c = 0; c < b->n_cols && !rc; c++)
				rc = buf_printf(&row, e, "%s ", b->cells[k * b->n_cols + c]);
			if (!rc)
				rc = read_line(&r, row.p ? row.p : "", false, e);
		}
	}
	out->n_words = r.n_words;
	out->specificity = r.n_words ? 100 * (double)r.specific / (double)r.n_words : 0;
	if (!rc && r.n_words >= QUALITY_WORDS)
		rc = judge(out, &r, e);
	mem_free(r.word);
	mem_free(r.line);
	buf_release(&row);
	return rc;
}

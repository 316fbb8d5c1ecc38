/*
 * TER and chrF. Both follow sacrebleu 2.6, which tests/oracle/edits.py holds them to. References: eval.h, edit.h.
 *
 * TER is an edit distance over words in which a run of words may also move, at the cost of one edit. The best sequence of moves is hard to
 * find, so tercom takes greedily the one that saves most, among runs that the reference has too and that are in a wrong place.
 */
#include "eval/edit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* tercom's limits, and of sacrebleu's own the one on candidates. */
enum { SHIFT_WORDS = 10, SHIFT_DISTANCE = 50, BEAM = 25, CANDIDATES = 1000 };

enum { FAR = INT16_MAX }; /* outside the beam; more than any distance of two texts */

/* The character at *p, moved behind it; 0 at the end. A byte that starts none is a character. */
static int32_t char_take(const char **p)
{
	int32_t c = 0;
	utf8proc_ssize_t n = **p ? utf8proc_iterate((const utf8proc_uint8_t *)*p, -1, &c) : 0;
	if (n < 0) {
		c = (unsigned char)**p;
		n = 1;
	}
	*p += n;
	return c;
}

/* What Python's str.split() takes for white. */
static bool is_white(int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);
	return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f) || c == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
		category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* ---- TER -------------------------------------------------------------------------------------------------------------------- */

/* Small letters; both small sigmas are one, which Python tells apart by their place in the word. */
static uint64_t lower_add(uint64_t hash, int32_t c)
{
	const int32_t final_sigma = 0x3c2, sigma = 0x3c3, dotted_capital_i = 0x130, dot = 0x307;
	int32_t low = utf8proc_tolower(c);
	hash = hash_step(hash, (uint64_t)(low == final_sigma ? sigma : low));
	return c == dotted_capital_i ? hash_step(hash, (uint64_t)dot) : hash;
}

/* The words of a text as hashes, at most EVAL_TER_WORDS. */
static int words_read(const char *text, const char *what, uint64_t *word, size_t *n, struct err *e)
{
	bool inside = false;
	*n = 0;
	for (int32_t c; (c = char_take(&text));) {
		bool white = is_white(c);
		if (!white && !inside) {
			if (*n == EVAL_TER_WORDS)
				return err_set(e, ERR_DATA, "%s: expected at most %d words to compare", what, EVAL_TER_WORDS);
			word[(*n)++] = HASH_START;
		}
		inside = !white;
		if (inside)
			word[*n - 1] = lower_add(word[*n - 1], c);
	}
	return 0;
}

/* A [n_hyp + 1, n_ref + 1] table of distances between beginnings of the answer and of the reference, and how each was reached. */
struct ter {
	uint64_t *hyp, *tried, *best; /* [n_hyp] words: now, with one run moved, with the best one so far */
	uint64_t *ref;                /* [n_ref] */
	size_t n_hyp, n_ref;
	int16_t *cost, *row[2]; /* of `hyp` now; rows of `tried` */
	char *op;               /* '=', 's'ubstitute, 'd'elete a word of the answer, 'i'nsert one of the reference */
	bool *hyp_wrong, *ref_wrong;
	ptrdiff_t
		*align; /* [n_ref] where a word of the reference is in the answer; behind which word when it is missing; -1: none */
	size_t n_candidates;
};

/* Row i of the distances of `word` from the row above. Only a beam around the diagonal is computed, in the last row all up to the end. */
static void row_fill(const struct ter *t, const uint64_t *word, size_t i, const int16_t *above, int16_t *here, char *op)
{
	double ratio = (double)t->n_ref / (double)t->n_hyp;
	size_t beam = ratio / 2 > BEAM ? (size_t)ceil(ratio / 2 + BEAM) : BEAM, diagonal = (size_t)floor((double)i * ratio);
	size_t from = diagonal > beam ? diagonal - beam : 0,
	       to = i == t->n_hyp || diagonal + beam > t->n_ref + 1 ? t->n_ref + 1 : diagonal + beam;
	for (size_t j = 0; j <= t->n_ref; j++)
		here[j] = FAR;
	for (size_t j = from; j < to; j++) {
		bool same = j && word[i - 1] == t->ref[j - 1];
		char how = same ? '=' : 's';
		int cost = j ? above[j - 1] + !same : FAR;
		if (above[j] + 1 < cost) {
			cost = above[j] + 1;
			how = 'd';
		}
		if (j && here[j - 1] + 1 < cost) {
			cost = here[j - 1] + 1;
			how = 'i';
		}
		here[j] = (int16_t)(cost < FAR ? cost : FAR);
		if (op)
			op[j] = how;
	}
}

static void table_fill(struct ter *t)
{
	size_t width = t->n_ref + 1;
	for (size_t j = 0; j < width; j++) {
		t->cost[j] = (int16_t)j;
		t->op[j] = 'i';
	}
	for (size_t i = 1; i <= t->n_hyp; i++)
		row_fill(t, t->hyp, i, t->cost + (i - 1) * width, t->cost + i * width, t->op + i * width);
}

static int distance(const struct ter *t)
{
	return t->cost[(t->n_hyp + 1) * (t->n_ref + 1) - 1];
}

/* The distance of `tried`, whose first `same` words are those of `hyp`. */
static int distance_tried(const struct ter *t, size_t same)
{
	const int16_t *above = t->cost + same * (t->n_ref + 1);
	for (size_t i = same + 1; i <= t->n_hyp; i++) {
		row_fill(t, t->tried, i, above, t->row[i % 2], NULL);
		above = t->row[i % 2];
	}
	return above[t->n_ref];
}

/* Which words are wrong, and where those of the reference belong, along the path through the table. */
static void path_read(struct ter *t)
{
	size_t i = t->n_hyp, j = t->n_ref;
	while (i || j) {
		char op = t->op[i * (t->n_ref + 1) + j];
		bool wrong = op != '=';
		if (op != 'd') {
			t->align[j - 1] = (ptrdiff_t)i - 1;
			t->ref_wrong[j - 1] = wrong;
		}
		if (op != 'i')
			t->hyp_wrong[i - 1] = wrong;
		i -= op != 'i';
		j -= op != 'd';
	}
}

static bool any(const bool *p, size_t n)
{
	while (n && !p[n - 1])
		n--;
	return n > 0;
}

/* tried = hyp with the run [start, start + n) moved to `to`: in front of that word, or by to - start words when `to` lies in the run. */
static void run_move(const struct ter *t, size_t start, size_t n, size_t to)
{
	size_t from = start + n, passed = to < start ? start - to : to > from ? to - from : to - start;
	if (to >= start && passed > t->n_hyp - from)
		passed = t->n_hyp - from;
	memcpy(t->tried, t->hyp, t->n_hyp * sizeof *t->hyp);
	if (to < start) {
		memcpy(t->tried + to, t->hyp + start, n * sizeof *t->hyp);
		memcpy(t->tried + to + n, t->hyp + to, passed * sizeof *t->hyp);
	} else {
		memcpy(t->tried + start, t->hyp + from, passed * sizeof *t->hyp);
		memcpy(t->tried + start + passed, t->hyp + start, n * sizeof *t->hyp);
	}
}

struct move {
	int gain;
	size_t n, start, to;
};

/* More gain, then the longer run, then the earlier one, then the earlier place. */
static bool move_is_better(const struct move *a, const struct move *b)
{
	if (a->gain != b->gain)
		return a->gain > b->gain;
	if (a->n != b->n)
		return a->n > b->n;
	return a->start != b->start ? a->start < b->start : a->to < b->to;
}

/* Tries all places for the run that begins at hyp[start] and stands at ref[at]. */
static void run_try(struct ter *t, size_t start, size_t at, size_t n, struct move *best, bool *found)
{
	ptrdiff_t last = -1, s = (ptrdiff_t)start;
	if (!any(t->hyp_wrong + start, n) || !any(t->ref_wrong + at, n) || (t->align[at] >= s && t->align[at] < s + (ptrdiff_t)n))
		return;
	for (size_t k = 0; k <= n && at + k <= t->n_ref; k++) { /* behind the word in front of the run, then behind each of it */
		ptrdiff_t to = at + k ? t->align[at + k - 1] + 1 : 0;
		if (to == last)
			continue;
		last = to;
		run_move(t, start, n, (size_t)to);
		struct move m = {0, n, start, (size_t)to};
		m.gain = distance(t) - distance_tried(t, m.to < start ? m.to : start);
		t->n_candidates++;
		if (*found && !move_is_better(&m, best))
			continue;
		*best = m;
		*found = true;
		memcpy(t->best, t->tried, t->n_hyp * sizeof *t->hyp);
	}
}

/* Makes the best move. False when none saves anything, or too many were tried. */
static bool shift(struct ter *t)
{
	struct move best = {0};
	bool found = false;
	path_read(t);
	for (size_t start = 0; start < t->n_hyp; start++)
		for (size_t at = 0; at < t->n_ref; at++) {
			if ((start > at ? start - at : at - start) > SHIFT_DISTANCE)
				continue;
			for (size_t n = 1; n <= SHIFT_WORDS && start + n <= t->n_hyp && at + n <= t->n_ref &&
				t->hyp[start + n - 1] == t->ref[at + n - 1] && t->n_candidates < CANDIDATES;
				n++)
				run_try(t, start, at, n, &best, &found);
		}
	if (!found || best.gain <= 0 || t->n_candidates >= CANDIDATES)
		return false;
	memcpy(t->hyp, t->best, t->n_hyp * sizeof *t->hyp);
	table_fill(t);
	return true;
}

/* All that is needed besides the words. Cells are at most EVAL_TER_WORDS + 1 squared. */
static int ter_alloc(struct ter *t, struct arena *a, struct err *e)
{
	size_t width = t->n_ref + 1, cells = (t->n_hyp + 1) * width;
	t->tried = arena_alloc(a, t->n_hyp, sizeof *t->tried, e);
	t->best = arena_alloc(a, t->n_hyp, sizeof *t->best, e);
	t->cost = arena_alloc(a, cells, sizeof *t->cost, e);
	t->row[0] = arena_alloc(a, width, sizeof *t->row[0], e);
	t->row[1] = arena_alloc(a, width, sizeof *t->row[1], e);
	t->op = arena_alloc(a, cells, sizeof *t->op, e);
	t->hyp_wrong = arena_alloc(a, t->n_hyp, sizeof *t->hyp_wrong, e);
	t->ref_wrong = arena_alloc(a, t->n_ref, sizeof *t->ref_wrong, e);
	t->align = arena_alloc(a, t->n_ref, sizeof *t->align, e);
	return t->tried && t->best && t->cost && t->row[0] && t->row[1] && t->op && t->hyp_wrong && t->ref_wrong && t->align
		? 0
		: ERR_RESOURCE;
}

int eval_ter(const char *answer, const char *reference, size_t *n_edits, size_t *n_words, struct err *e)
{
	struct ter t = {0};
	struct arena a;
	arena_init(&a, EVAL_TER_WORDS * sizeof *t.hyp);
	*n_edits = *n_words = 0;
	t.hyp = arena_alloc(&a, EVAL_TER_WORDS, sizeof *t.hyp, e);
	t.ref = arena_alloc(&a, EVAL_TER_WORDS, sizeof *t.ref, e);
	int rc = t.hyp && t.ref ? words_read(answer, "an answer", t.hyp, &t.n_hyp, e) : ERR_RESOURCE;
	if (rc == 0)
		rc = words_read(reference, "a reference", t.ref, &t.n_ref, e);
	if (rc == 0 && t.n_hyp && t.n_ref) {
		if ((rc = ter_alloc(&t, &a, e)) < 0)
			goto done;
		table_fill(&t);
		while (shift(&t))
			++*n_edits;
		*n_edits += (size_t)distance(&t);
	} else if (rc == 0)
		*n_edits = t.n_hyp + t.n_ref;
	*n_words = t.n_ref;
done:
	arena_release(&a);
	return rc;
}

/* ---- chrF ------------------------------------------------------------------------------------------------------------------- */

struct chars {
	int32_t *p;
	size_t n;
};

static int chars_read(struct chars *out, const char *text, struct err *e)
{
	*out = (struct chars){mem_alloc(strlen(text), sizeof *out->p, e), 0};
	for (int32_t c; out->p && (c = char_take(&text));)
		if (!is_white(c))
			out->p[out->n++] = c;
	return out->p ? 0 : ERR_RESOURCE;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* The n-grams of a text as sorted hashes; gives their number. */
static size_t grams(const struct chars *c, size_t n, uint64_t *out)
{
	size_t n_grams = c->n < n ? 0 : c->n - n + 1;
	for (size_t i = 0; i < n_grams; i++) {
		out[i] = HASH_START;
		for (size_t k = 0; k < n; k++)
			out[i] = hash_step(out[i], (uint64_t)c->p[i + k]);
	}
	if (n_grams)
		qsort(out, n_grams, sizeof *out, ascending);
	return n_grams;
}

static size_t in_both(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b)
{
	size_t n = 0;
	for (size_t i = 0, k = 0; i < n_a && k < n_b;) {
		bool same = a[i] == b[k], first = a[i] < b[k];
		n += same;
		i += same || first;
		k += same || !first;
	}
	return n;
}

int chrf_add(struct chrf *c, const char *answer, const char *reference, struct err *e)
{
	struct chars a = {0}, r = {0};
	uint64_t *of_a = NULL, *of_r = NULL;
	int rc = chars_read(&a, answer, e);
	if (rc == 0)
		rc = chars_read(&r, reference, e);
	if (rc == 0 && (!(of_a = mem_alloc(a.n, sizeof *of_a, e)) || !(of_r = mem_alloc(r.n, sizeof *of_r, e))))
		rc = ERR_RESOURCE;
	for (size_t n = 0; n < CHRF_ORDER && rc == 0; n++) {
		size_t n_a = grams(&a, n + 1, of_a), n_r = grams(&r, n + 1, of_r);
		c->answer[n] += n_r ? n_a : 0; /* an order that the reference lacks cannot be hit */
		c->reference[n] += n_r;
		c->both[n] += in_both(of_a, n_a, of_r, n_r);
	}
	mem_free(a.p);
	mem_free(r.p);
	mem_free(of_a);
	mem_free(of_r);
	return rc;
}

double chrf_score(const struct chrf *c)
{
	double precision = 0, recall = 0, orders = 0;
	for (size_t n = 0; n < CHRF_ORDER; n++) {
		if (!c->answer[n] || !c->reference[n])
			continue;
		precision += (double)c->both[n] / (double)c->answer[n];
		recall += (double)c->both[n] / (double)c->reference[n];
		orders++;
	}
	if (!(precision + recall > 0))
		return 0;
	precision /= orders;
	recall /= orders;
	return 5 * precision * recall / (4 * precision + recall); /* (1 + beta^2) P R / (beta^2 P + R) */
}

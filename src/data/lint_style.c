/*
 * Rules of style, and of what makes a passage bad to quote. Reference: lint.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/lint.h"

enum {
	SENTENCE_LONG = 40, /* words */
	OFTEN_SENTENCE = 3, /* the same word in a sentence */
	OFTEN_BLOCK = 5,
	OFTEN_SHARE = 14 /* and in a paragraph, one in 14 of its words at least */
};

static const char *const praise[] = {"revolutionary", "revolutionize", "revolutionizes", "revolutionise", "seamless", "seamlessly",
	"cutting-edge", "game-changing", "game changer", "game-changer", "world-class", "best-in-class", "state-of-the-art",
	"next-generation", "next-level", "effortless", "effortlessly", "amazing", "awesome", "incredible", "incredibly",
	"unparalleled", "unmatched", "unrivalled", "unrivaled", "unbeatable", "groundbreaking", "ground-breaking", "innovative",
	"supercharge", "magical", "magically", "like magic", "blazing", "blazing-fast", "blazingly", "lightning-fast",
	"lightning fast", "stunning", "hassle-free", "turnkey", "industry-leading", "market-leading", "leading-edge", "one-stop",
	"breathtaking", "fantastic", "brilliant", "exciting", "excited", "thrilled", "delightful", "delighted", "powerful",
	"robust", "bulletproof", "rock-solid", "ultimate", "unlock the power", "unleash", "empower", "empowers", "wonderful",
	"superb", "spectacular", "phenomenal", "remarkable", "outstanding", "second to none", "a breeze", "transformative",
	"beloved"};

static const char *const vague[] = {"many", "numerous", "countless", "several", "various", "a lot of", "lots of", "plenty of",
	"tons of", "loads of", "a number of", "a wide range of", "a variety of", "a handful of", "a couple of", "dozens of",
	"hundreds of", "significantly", "dramatically", "considerably", "substantially", "vastly", "drastically", "in no time",
	"within moments", "in an instant", "instantly", "much faster", "far faster", "very fast", "super fast", "very quickly",
	"extremely fast", "much cheaper", "a short while", "a short time", "a long time", "quite some time", "a while", "huge",
	"massive", "enormous", "large amounts of", "generous", "most customers", "some customers", "a fraction of", "all the time",
	"regularly", "frequently", "from time to time", "every so often", "periodically", "virtually unlimited", "almost unlimited",
	"ages"};

/* ---- style -------------------------------------------------------------------------------------------------------------------- */

static int words_find(struct draft *d, struct str s, const char *const *list, size_t n, enum lint_kind kind, const char *what)
{
	size_t at = (size_t)(s.p - d->text), k;
	int rc = 0;
	for (size_t i = at; i < at + s.n && rc == 0; i++)
		for (size_t w = 0; w < n && rc == 0; w++)
			if ((k = words_match(d->prose, i, list[w], false)))
				rc = lint_add(d, kind, i, i + k, "", what);
	return rc;
}

static int avoided_find(struct draft *d, struct str s)
{
	size_t at = (size_t)(s.p - d->text), k;
	int rc = 0;
	for (size_t w = 0; w < d->l->n_avoided; w++) {
		const struct avoided *a = &d->l->avoided[w];
		if (a->unless && str_holds(s, a->unless))
			continue;
		for (size_t i = at; i < at + s.n && rc == 0; i++)
			if ((k = words_match(d->prose, i, a->word, false)))
				rc = lint_add(d, LINT_STYLE, i, i + k, "", "the style guide says not to write this");
	}
	return rc;
}

static int marks_find(struct draft *d, struct str s)
{
	size_t at = (size_t)(s.p - d->text);
	int rc = 0;
	for (size_t i = at; i < at + s.n && rc == 0; i++) {
		const char *p = d->prose + i;
		if (*p == '!' && !strchr("[=", p[1] ? p[1] : ' '))
			rc = lint_add(d, LINT_STYLE, i, i + 1, "", "an exclamation mark");
		if (rc == 0 && d->l->spaced_percent && *p == '%' && i > at && isdigit((unsigned char)p[-1])) {
			rc = lint_add(d, LINT_STYLE, i, i + 1, " %", "a number and its unit are written apart");
			rc = rc < 0 ? rc : lint_fix_set(d, i, i + 1, " %");
		}
	}
	return rc;
}

/* Of an article one is too many wherever it stands twice in a line; "very very" may be meant. */
static int twice_add(struct draft *d, const struct word *first, const struct word *second)
{
	size_t start = (size_t)(first->p - d->text), end = (size_t)(second->p - d->text) + second->n;
	char one[8];
	int rc = lint_add(d, LINT_STYLE, start, end, "", "a word stands here twice");
	if (rc < 0 || !word_in(first, "the an") || !islower((unsigned char)*second->p) || second->p != first->p + first->n + 1 ||
		d->original[start + first->n] != ' ')
		return rc;
	snprintf(one, sizeof one, "%.*s", (int)first->n, first->p);
	return lint_fix_set(d, start, end, one);
}

static int sentence_find(struct draft *d, struct str s)
{
	struct word w[SENTENCE_WORDS];
	struct pieces pieces = {.line = s};
	struct str piece;
	size_t n_all = 0, first = (size_t)(s.p - d->text), third = first;
	int rc = 0;
	while (rc == 0 && pieces_next(&pieces, &piece)) {
		size_t n = words_split(piece, w);
		for (size_t i = 0; i < n; i++, n_all++)
			if (n_all < 3)
				third = (size_t)(w[i].p - d->text) + w[i].n;
		for (size_t i = 1; i < n && rc == 0; i++)
			if (w[i].n == w[i - 1].n && isalpha((unsigned char)*w[i].p) && !w[i - 1].stop &&
				!strncasecmp(w[i].p, w[i - 1].p, w[i].n) && !word_in(&w[i], "that had"))
				rc = twice_add(d, &w[i - 1], &w[i]);
	}
	if (rc == 0 && n_all > SENTENCE_LONG)
		rc = lint_add(d, LINT_STYLE, first, third, "", "a sentence of more than 40 words");
	return rc;
}

/* Capitals of words that the documents write small, in a heading. */
int lint_heading(struct draft *d, struct str s)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(s, w), n_capital = 0, first = 0;
	for (size_t i = 1; i < n; i++) {
		bool name = evidence_form(d->l->evidence, w[i].p, w[i].n) != NULL;
		if (!word_is_plain(&w[i]) || !isupper((unsigned char)*w[i].p) || name ||
			str_has_capital((struct str){w[i].p + 1, w[i].n - 1}))
			continue;
		first = n_capital ? first : i;
		n_capital += word_is_function(&w[i]) && w[i].n > 1 ? 2 : 1;
	}
	if (!d->l->sentence_case || n_capital < 2)
		return 0;
	return lint_add(d, LINT_STYLE, (size_t)(w[first].p - d->text), (size_t)(w[n - 1].p - d->text) + w[n - 1].n, "",
		"the style guide wants headings in sentence case");
}

int lint_style(struct draft *d, struct str s)
{
	static const char *const future[] = {"will", "won't"};
	int rc = marks_find(d, s);
	if (rc == 0)
		rc = avoided_find(d, s);
	if (rc == 0)
		rc = words_find(d, s, praise, sizeof praise / sizeof *praise, LINT_STYLE, "praise that tells nothing");
	if (rc == 0 && d->l->present_tense)
		rc = words_find(
			d, s, future, sizeof future / sizeof *future, LINT_STYLE, "the style guide wants the present tense");
	return rc < 0 ? rc : sentence_find(d, s);
}

/* ---- what is good to quote ---------------------------------------------------------------------------------------------------- */

/* "how many" asks; "as many as 12" tells. */
static bool is_measured(const char *prose, size_t at)
{
	static const char *const before[] = {"how ", "as ", "so ", "too ", "not "};
	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		size_t n = strlen(before[i]);
		if (at >= n && !strncasecmp(prose + at - n, before[i], n))
			return true;
	}
	return false;
}

static int vague_find(struct draft *d, struct str s)
{
	size_t at = (size_t)(s.p - d->text), k;
	int rc = 0;
	for (size_t i = at; i < at + s.n && rc == 0; i++)
		for (size_t w = 0; w < sizeof vague / sizeof *vague && rc == 0; w++)
			if ((k = words_match(d->prose, i, vague[w], false)) && !is_measured(d->prose, i))
				rc = lint_add(d, LINT_SEARCH, i, i + k, "", "a vague amount; a number can be quoted");
	return rc;
}

/* "It keeps ..." below a heading says nothing to who reads this passage alone; "This page" does. */
static int opening_find(struct draft *d, struct str s)
{
	struct word w[SENTENCE_WORDS];
	struct pieces pieces = {.line = s};
	struct str piece;
	size_t n = pieces_next(&pieces, &piece) ? words_split(piece, w) : 0;
	if (n < 2 || !d->opens || !word_in(&w[0], "it its they their them these those this that both he she"))
		return 0;
	if (word_in(&w[1], "page guide article section post release document chapter note list table tutorial"))
		return 0;
	size_t at = (size_t)(w[0].p - d->text);
	return lint_add(
		d, LINT_SEARCH, at, at + w[0].n, "", "the section opens with a word that refers to another one; name the thing");
}

/* Does this word stand often enough before, in the words [0, i) of a sentence or paragraph? */
static bool is_stuffed(const struct word *w, size_t i, size_t n, size_t often, size_t share)
{
	size_t times = 1;
	if (i && isdigit((unsigned char)*w[i - 1].p)) /* "14 days, 90 days and 400 days" */
		return false;
	if (w[i].n < 4 || !word_is_plain(&w[i]) || word_is_function(&w[i]))
		return false;
	for (size_t k = 0; k < i; k++)
		times += w[k].n == w[i].n && !strncasecmp(w[k].p, w[i].p, w[i].n);
	return times >= often && times * share >= n;
}

/* The sentence's or paragraph's words, `often` of them the same. */
static int stuffing_find(struct draft *d, const struct word *w, size_t n, size_t often, size_t share)
{
	for (size_t i = 0; i < n; i++)
		if (is_stuffed(w, i, n, often, share)) {
			size_t at = (size_t)(w[i].p - d->text);
			return lint_add(d, LINT_SEARCH, at, at + w[i].n, "", "the same word again and again");
		}
	return 0;
}

int lint_search(struct draft *d, struct str s)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(s, w);
	int rc = opening_find(d, s);
	if (rc == 0)
		rc = vague_find(d, s);
	return rc < 0 ? rc : stuffing_find(d, w, n, OFTEN_SENTENCE, n);
}

int lint_stuffing(struct draft *d, struct str block)
{
	size_t n = 0, cap = str_words(block) + 1;
	struct word *all = mem_alloc(cap, sizeof *all, d->e), w[SENTENCE_WORDS];
	struct pieces pieces = {.line = block};
	struct str piece;
	if (!all)
		return ERR_RESOURCE;
	while (pieces_next(&pieces, &piece)) {
		size_t k = words_split(piece, w);
		for (size_t i = 0; i < k && n < cap; i++)
			all[n++] = w[i];
	}
	int rc = n < 1000 ? stuffing_find(d, all, n, OFTEN_BLOCK, OFTEN_SHARE) : 0; /* no paragraph has a thousand words */
	mem_free(all);
	return rc;
}

/* Pairs of facts that disagree. Reference: contradict.h. */
#include "data/contradict.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libstemmer.h>

#include "data/shingle.h"
#include "data/text.h"
#include "data/twins.h"

/* How alike the words around two values are when they speak of one thing: of quantities; of code, whose looks say less; of names and numbers of nothing. */
static const double alike[] = {
	[VALUE_NUMBER] = 0.5, [VALUE_MONEY] = 0.5, [VALUE_PERCENT] = 0.5, [VALUE_CLOCK] = 0.5, [VALUE_CODE] = 0.75};
#define ALIKE_NAMES 0.8
#define VERBATIM 0.97 /* then neither the kind of value, unless it is a bare number, nor the heading matters */
#define OWN_MARK 0.15 /* what a name or number that only one of them has takes from their likeness */
enum { TERMS_MAX = 40, COMMON = 256, TELLING = 3, VALUE_NAME = VALUE_CODE + 1, VALUE_SPAN };

/* Words that say the same about a value, as stems; the first stands for all. */
static const char *const same[][12] = {
	{"expir", "laps", "valid", "last", "run", "good"},
	{"keep", "store", "retain", "hold", "save", "retent", "kept", "held", "stay", "remain", "preserv", "archiv"},
	{"delet", "remov", "eras", "gone", "wipe", "purg", "discard"},
	{"limit", "cap", "maximum", "ceil", "most", "largest", "up", "max", "longest", "highest", "exceed", "larger"},
	{"price", "cost", "fee", "charg"},
	{"attempt", "tri", "retri"},
	{"send", "deliv", "submit", "sent", "deliveri"},
	{"includ", "contain", "carri", "compris", "hold"},
	{"refus", "reject", "declin"},
	{"repli", "respond", "respons", "answer"},
	{"allow", "permit", "let", "accept", "possibl"},
	{"month", "monthli"},
	{"year", "yearli", "annual"},
	{"day", "daili"},
	{"lock", "block"},
	{"pay", "payabl", "paid", "due"},
	{"restor", "recov", "undelet", "bring"},
	{"start", "begin", "open"},
	{"call", "name"},
	{"take", "make", "made", "taken"},
	{"user", "person", "peopl", "colleagu"},
	{"long", "length"},
	{"larg", "big", "size"},
};

/* A word of a statement. Marked: a name, code or number, which tells one thing from another of its kind. */
struct term {
	uint64_t hash;
	bool marked, title; /* title: of the section's heading alone */
	double weight;      /* inverse document frequency */
};

struct claim {
	size_t item;
	int kind;         /* of struct value, or VALUE_NAME, or VALUE_SPAN: several values */
	const char *unit; /* what is counted, or how the code looks */
	const char *text;
	double number;
	bool rough;                  /* from months or years, which have 30 days, or 31 */
	bool past, often;            /* told of the past; "every 5 hours" */
	struct term term[TERMS_MAX]; /* sorted, each once */
	size_t n;
	struct values all; /* of the statement */
};

struct finder {
	const struct names *names;
	struct sb_stemmer *stemmer;
	struct arena arena;
	struct claim *claim;
	size_t n, cap;
	struct posting {
		uint64_t hash;
		size_t claim;
	} * posting; /* sorted */
	size_t n_postings;
	struct err *e;
};

/* ---- values ------------------------------------------------------------------------------------------------------------- */

struct scale {
	const char *unit, *base;
	double factor;
};
static const struct scale scales[] = {{"millisecond", "second", 1e-3}, {"minute", "second", 60}, {"hour", "second", 3600},
	{"day", "second", 86400}, {"week", "second", 604800}, {"month", "second", 2629746}, {"year", "second", 31556952},
	{"kb", "byte", 1e3}, {"mb", "byte", 1e6}, {"gb", "byte", 1e9}, {"tb", "byte", 1e12}, {"kilobyte", "byte", 1e3},
	{"megabyte", "byte", 1e6}, {"gigabyte", "byte", 1e9}, {"terabyte", "byte", 1e12}};

/* In one unit: 3 days and 72 hours are one value. */
static void value_scale(struct claim *c)
{
	c->number = strtod(c->text, NULL);
	for (size_t i = 0; i < sizeof scales / sizeof *scales && c->kind == VALUE_NUMBER; i++)
		if (!strcmp(c->unit, scales[i].unit)) {
			c->rough = !strcmp(c->unit, "month") || !strcmp(c->unit, "year");
			c->unit = scales[i].base;
			c->number *= scales[i].factor;
			return;
		}
}

/* A number of nothing in particular. */
static bool is_bare(const struct claim *c)
{
	return c->kind == VALUE_NUMBER && !*c->unit;
}

static bool values_equal(const struct claim *a, const struct claim *b)
{
	if (a->kind == VALUE_CODE || a->kind == VALUE_CLOCK || a->kind >= VALUE_NAME)
		return !strcmp(a->text, b->text);
	return fabs(a->number - b->number) <= (a->rough || b->rough ? 0.04 : 1e-9) * fabs(a->number);
}

/* ---- terms -------------------------------------------------------------------------------------------------------------- */

static const char *stem_class(const char *stem)
{
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		for (size_t k = 0; k < sizeof same[i] / sizeof *same[i] && same[i][k]; k++)
			if (!strcmp(stem, same[i][k]))
				return same[i][0];
	return stem;
}

static int by_hash(const void *a, const void *b)
{
	const struct term *x = a, *y = b;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void term_add(struct claim *c, const char *word, bool marked)
{
	if (c->n < TERMS_MAX)
		c->term[c->n++] = (struct term){.hash = hash_string(HASH_START, word), .marked = marked};
}

/* `opens`: its capital means nothing. */
static void word_add(struct finder *f, struct claim *c, const struct word *w, bool opens)
{
	char low[64];
	bool number = false;
	if (w->n >= sizeof low)
		return;
	for (size_t i = 0; i < w->n; i++) {
		low[i] = (char)tolower((unsigned char)w->p[i]);
		number |= isdigit((unsigned char)w->p[i]) != 0;
	}
	low[w->n] = 0;
	if (word_in(w, "was were had previously formerly former until"))
		c->past = true;
	if (word_is_function(w) || word_in(w, "there only just about after before within until during then now also by default"))
		return;
	bool name = !opens && isupper((unsigned char)w->p[0]);
	if (word_is_code(w) || number || name) {
		term_add(c, low, true);
		return;
	}
	const char *stem = (const char *)sb_stemmer_stem(f->stemmer, (const sb_symbol *)low, (int)w->n);
	term_add(c, stem_class(stem ? stem : low), false);
}

/* What is counted, when it stands behind the value: the seats of "3 seats" in a table of seats. */
static const char *unit_of(struct finder *f, const struct word *w)
{
	const char *unit = arena_strdup(&f->arena, w->p, w->n - word_is_plural(w), f->e);
	return unit ? unit : "";
}

/* The words of `text` but for those of the value. */
static void text_add(struct finder *f, struct claim *c, const char *text, const char *value)
{
	struct word w[SENTENCE_WORDS];
	const char *at = text_place(text, value);
	struct str part[2] = {{text, strlen(text)}};
	if (at) {
		part[1] = (struct str){at + strlen(value), strlen(at) - strlen(value)};
		part[0].n = (size_t)(at - text);
	}
	for (size_t p = 0; p < 2; p++) {
		size_t n = part[p].n ? words_split(part[p], w) : 0;
		for (size_t i = 0; i < n; i++)
			word_add(f, c, &w[i], p == 0 && i == 0);
		if (p == 0 && at && n && word_in(&w[n - 1], "every each"))
			c->often = true;
		if (p == 1 && n && c->kind == VALUE_NUMBER && !*c->unit && word_is_plain(&w[0]) && !word_is_function(&w[0]))
			c->unit = unit_of(f, &w[0]);
	}
}

/* What a section is about is what its short sentences are about. Of its marks only versions count: a heading names much in passing. */
static void title_add(struct finder *f, struct claim *c, const char *title)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){title, strlen(title)}, w);
	for (size_t i = 0; i < n; i++) {
		bool version = isdigit((unsigned char)w[i].p[0]) && memchr(w[i].p, '.', w[i].n);
		size_t before = c->n;
		bool past = c->past;
		word_add(f, c, &w[i], true);
		c->past = past;
		if (c->n > before) {
			c->term[before].marked &= version;
			c->term[before].title = true;
		}
	}
}

static void term_merge(struct term *to, const struct term *from)
{
	to->marked |= from->marked;
	to->title &= from->title;
}

/* Sorted, each once; one that was marked somewhere is. */
static void terms_sort(struct claim *c)
{
	size_t kept = 0;
	if (c->n)
		qsort(c->term, c->n, sizeof *c->term, by_hash);
	for (size_t i = 0; i < c->n; i++)
		if (kept && c->term[kept - 1].hash == c->term[i].hash)
			term_merge(&c->term[kept - 1], &c->term[i]);
		else
			c->term[kept++] = c->term[i];
	c->n = kept;
}

/* ---- claims ------------------------------------------------------------------------------------------------------------- */

static bool is_name(const struct finder *f, const char *value)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){value, strlen(value)}, w), names = 0;
	for (size_t i = 0; i < n; i++) {
		if (!word_is_function(&w[i]) && !names_has(f->names, &w[i]))
			return false;
		names += !word_is_function(&w[i]);
	}
	return names > 0;
}

/* "443 8443": several values as one text. */
static const char *span_text(struct finder *f, const struct values *v)
{
	struct buf b = {0};
	int rc = 0;
	for (size_t i = 0; i < v->n && !rc; i++)
		rc = buf_printf(&b, f->e, "%s ", v->p[i].text);
	const char *text = rc ? NULL : arena_strdup(&f->arena, b.p, b.len, f->e);
	buf_release(&b);
	return text;
}

/* False in *made when the item says nothing that can be compared. */
static int claim_make(struct finder *f, struct claim *c, const struct item *it, size_t number, bool *made)
{
	struct values v;
	*made = false;
	*c = (struct claim){.item = number};
	if (!item_is_fact(it) || it->kind == ITEM_DEFINITION || !it->document || !it->value)
		return 0;
	int rc = values_read(&v, it->value, &f->arena, f->e);
	if (rc || (!v.n && !is_name(f, it->value)))
		return rc;
	c->kind = v.n > 1 ? VALUE_SPAN : v.n ? (int)v.p[0].kind : VALUE_NAME;
	c->unit = v.n ? v.p[0].unit : "";
	c->text = v.n > 1 ? span_text(f, &v) : v.n ? v.p[0].text : it->value;
	if (!c->text)
		return ERR_RESOURCE;
	value_scale(c);
	const char *at = text_place(it->answer, it->value);
	if (is_bare(c) && at && at[strlen(it->value)] == ':')
		return 0; /* "Chart 1: ..." is called so */
	text_add(f, c, it->answer, it->value);
	text_add(f, c, it->subject ? it->subject : "", it->value);
	title_add(f, c, it->section->title);
	terms_sort(c);
	*made = c->n > 0;
	return values_read(&c->all, it->answer, &f->arena, f->e);
}

static int by_posting(const void *a, const void *b)
{
	const struct posting *x = a, *y = b;
	return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash) : (x->claim > y->claim) - (x->claim < y->claim);
}

/* The claims that hold a term: [*first, return value) of the postings. */
static size_t postings_of(const struct finder *f, uint64_t hash, size_t *first)
{
	size_t low = 0, high = f->n_postings;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (f->posting[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	*first = low;
	while (low < f->n_postings && f->posting[low].hash == hash)
		low++;
	return low;
}

static int claims_make(struct finder *f, const struct items *items)
{
	size_t n_terms = 0;
	bool made;
	for (size_t i = 0; i < items->n; i++) {
		int rc = mem_reserve(&f->claim, f->n, &f->cap, sizeof *f->claim, f->e);
		if (!rc)
			rc = claim_make(f, &f->claim[f->n], &items->p[i], i, &made);
		if (rc)
			return rc;
		n_terms += made ? f->claim[f->n].n : 0;
		f->n += made;
	}
	f->posting = mem_alloc(n_terms, sizeof *f->posting, f->e);
	if (!f->posting)
		return ERR_RESOURCE;
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < f->claim[i].n; k++)
			f->posting[f->n_postings++] = (struct posting){f->claim[i].term[k].hash, i};
	qsort(f->posting, f->n_postings, sizeof *f->posting, by_posting);
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < f->claim[i].n; k++) {
			struct term *t = &f->claim[i].term[k];
			size_t first, end = postings_of(f, t->hash, &first);
			t->weight = log(((double)f->n + 1) / ((double)(end - first) + 0.5));
		}
	return 0;
}

/* ---- pairs -------------------------------------------------------------------------------------------------------------- */

/* Cosine of the terms, with or without those of the headings; 0 when each has a mark that the other lacks: two plans, regions or commands. */
static double cosine(const struct claim *a, const struct claim *b, bool titles)
{
	double both = 0, all_a = 0, all_b = 0;
	bool own_a = false, own_b = false;
	for (size_t i = 0, k = 0; i < a->n || k < b->n;) {
		bool first = k == b->n || (i < a->n && a->term[i].hash <= b->term[k].hash);
		bool second = i == a->n || (k < b->n && b->term[k].hash <= a->term[i].hash);
		double w = first ? a->term[i].weight : b->term[k].weight;
		bool in_a = first && (titles || !a->term[i].title), in_b = second && (titles || !b->term[k].title);
		both += in_a && in_b ? w : 0;
		all_a += in_a ? w : 0;
		all_b += in_b ? w : 0;
		own_a |= in_a && !second && a->term[i].marked;
		own_b |= in_b && !first && b->term[k].marked;
		i += first;
		k += second;
	}
	if ((own_a && own_b) || all_a <= 0 || all_b <= 0)
		return 0;
	return both / sqrt(all_a * all_b) - (own_a || own_b ? OWN_MARK : 0);
}

static size_t own_terms(const struct claim *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n; i++)
		n += !c->term[i].title;
	return n;
}

/* Has the heading a number with a full stop or hyphen ("3.8.2", "2015-10-14"), or of four digits, that the other one lacks? */
static bool heading_has_own(const char *heading, const char *other)
{
	for (const char *p = heading; *p; p++) {
		if (!isdigit((unsigned char)*p) || (p > heading && isalnum((unsigned char)p[-1])))
			continue;
		size_t n = strspn(p, "0123456789.-");
		char number[32];
		while (n && !isdigit((unsigned char)p[n - 1]))
			n--;
		snprintf(number, sizeof number, "%.*s", (int)n, p);
		if ((strpbrk(number, ".-") || n == 4) && !strstr(other, number))
			return true;
		p += n - 1;
	}
	return false;
}

bool items_may_contradict(const struct item *a, const struct item *b)
{
	return a->section != b->section &&
		!(heading_has_own(a->section->heading, b->section->heading) &&
			heading_has_own(b->section->heading, a->section->heading));
}

/* Does the statement of `a` name the value of `b`, too? */
static bool holds(const struct claim *a, const struct claim *b)
{
	for (size_t i = 0; i < a->all.n; i++) {
		struct claim v = {.kind = (int)a->all.p[i].kind, .unit = a->all.p[i].unit, .text = a->all.p[i].text};
		value_scale(&v);
		if (v.kind == b->kind && !strcmp(v.unit, b->unit) && values_equal(&v, b))
			return true;
	}
	return false;
}

/* *how alike they are, when they contradict each other. */
static bool contradict(const struct claim *a, const struct claim *b, double *how)
{
	if (a->kind != b->kind || strcmp(a->unit, b->unit) || values_equal(a, b) || a->past != b->past || a->often != b->often ||
		holds(a, b) || holds(b, a))
		return false;
	bool bare = is_bare(a), brief = own_terms(a) < TELLING || own_terms(b) < TELLING;
	*how = cosine(a, b, false);
	if (*how >= VERBATIM && !bare && !brief)
		return true;
	/* A heading may tell two short sentences or bare numbers apart ("The default is 4."), not make two others alike. */
	if (bare || brief)
		*how = fmin(*how, cosine(a, b, true));
	return *how >= (a->kind >= VALUE_NAME || bare ? ALIKE_NAMES : alike[a->kind]);
}

/* Compares claim i with those before it that hold its k-th term and were not compared with it yet: looked[] is not 1 + i. */
static int term_pairs(
	struct contradictions *out, const struct finder *f, const struct items *items, size_t *looked, size_t i, size_t k)
{
	const struct claim *b = &f->claim[i];
	size_t first, end = postings_of(f, b->term[k].hash, &first);
	int rc = 0;
	if (end - first > COMMON)
		return 0;
	for (size_t p = first; f->posting[p].claim < i && !rc; p++) {
		const struct claim *a = &f->claim[f->posting[p].claim];
		double how;
		if (looked[f->posting[p].claim] == i + 1)
			continue;
		looked[f->posting[p].claim] = i + 1;
		if (!strcmp(items->p[a->item].answer, items->p[b->item].answer) ||
			!items_may_contradict(&items->p[a->item], &items->p[b->item]) || !contradict(a, b, &how))
			continue;
		rc = mem_reserve(&out->p, out->n, &out->cap, sizeof *out->p, f->e);
		if (!rc)
			out->p[out->n++] = (struct contradiction){a->item, b->item, how, SETTLED_NOT};
	}
	return rc;
}

static int pairs_find(struct contradictions *out, const struct finder *f, const struct items *items)
{
	size_t *looked = mem_alloc(f->n, sizeof *looked, f->e);
	int rc = looked ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < f->n && !rc; i++)
		for (size_t k = 0; k < f->claim[i].n && !rc; k++)
			rc = term_pairs(out, f, items, looked, i, k);
	mem_free(looked);
	return rc;
}

int contradictions_find(struct contradictions *out, const struct items *items, const struct names *names, struct err *e)
{
	struct finder f = {.names = names, .stemmer = sb_stemmer_new("english", NULL), .e = e};
	arena_init(&f.arena, 1 << 16);
	int rc = f.stemmer ? claims_make(&f, items) : err_set(e, ERR_RESOURCE, "out of memory for a stemmer");
	if (!rc)
		rc = pairs_find(out, &f, items);
	if (!rc)
		rc = twins_find(out, items, names, e);
	sb_stemmer_delete(f.stemmer);
	mem_free(f.claim);
	mem_free(f.posting);
	arena_release(&f.arena);
	return rc;
}

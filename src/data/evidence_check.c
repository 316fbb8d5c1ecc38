/*
 * Claims of a text against the evidence. Reference: data.h.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/evidence.h"
#include "format/format.h"

enum { CONTEXT_MAX = 4 * SENTENCE_WORDS, NAME_WORDS = 4 };

/*
 * Of the weight that stands around a claim, at least so much has to stand around it in the documents, and not so much less than around another value
 * of the same kind (set on the facts of the sample and on bench/questions.jsonl, with values exchanged).
 */
static const double enough = 0.35, less = 0.1, less_of_code = 0.4; /* a name of a thing hardly ever means another */
static const double elsewhere = 0.5; /* what a word counts that stands in the section, but not in the unit */

/* ---- what stands around a claim ---------------------------------------------------------------------------------------------- */

struct context {
	struct {
		uint64_t hash;
		double weight;
	} word[CONTEXT_MAX];
	size_t n;
	double weight;
};

/* The words of a sentence but those at bytes start..end of `base`. A capitalised word or code that no document has weighs as the rarest one. */
static void context_add(struct context *c, const struct evidence *v, struct str s, const char *base, size_t start, size_t end)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(s, w);
	for (size_t i = 0; i < n && c->n < CONTEXT_MAX; i++) {
		size_t at = (size_t)(w[i].p - base);
		uint64_t hash = evidence_word_hash(v, &w[i]);
		bool known = false;
		if (!hash || (at < end && at + w[i].n > start))
			continue;
		for (size_t k = 0; k < c->n; k++)
			known |= c->word[k].hash == hash;
		double weight = evidence_weight_of(v, hash);
		if (weight == 0 && ((i && isupper((unsigned char)*w[i].p)) || word_is_code(&w[i])))
			weight = log(1 + (double)v->n_sources);
		if (known || weight == 0)
			continue;
		c->word[c->n].hash = hash;
		c->word[c->n++].weight = weight;
		c->weight += weight;
	}
}

/* How much of the context stands around the unit, 0 to 1. */
static double coverage(const struct evidence *v, const struct context *c, size_t unit)
{
	const struct unit *u = &v->unit[unit];
	double sum = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (evidence_bag_has(v, &u->bag, c->word[i].hash))
			sum += c->word[i].weight;
		else if (evidence_bag_has(v, &v->source[u->source].bag, c->word[i].hash))
			sum += elsewhere * c->word[i].weight;
	}
	return c->weight > 0 ? sum / c->weight : 1;
}

/* ---- claims ------------------------------------------------------------------------------------------------------------------ */

struct check {
	const struct evidence *v;
	const char *text, *question;
	struct values asked; /* values of the question */
	struct arena *arena;
	struct evidence_claims *out; /* has room for all that can come */
	struct err *e;
};

/* Where the documents come nearest to a claim; coverage < 0: nowhere. */
struct nearest {
	double coverage;
	size_t unit;
};

/* The words of the claim's sentence, alone and with those of the question. */
struct contexts {
	struct context alone, asked;
};

static void contexts_fill(struct contexts *c, const struct check *k, struct str sentence, size_t start, size_t end)
{
	struct pieces pieces = {.line = {k->question, strlen(k->question)}};
	struct str piece;
	*c = (struct contexts){0};
	context_add(&c->alone, k->v, sentence, k->text, start, end);
	c->asked = c->alone;
	while (pieces_next(&pieces, &piece))
		context_add(&c->asked, k->v, piece, k->question, 0, 0);
}

static void come_nearer(struct nearest *n, const struct evidence *v, const struct contexts *c, size_t unit)
{
	double alone = c->alone.n ? coverage(v, &c->alone, unit) : 0, asked = coverage(v, &c->asked, unit);
	double best = alone > asked ? alone : asked;
	if (best > n->coverage)
		*n = (struct nearest){best, unit};
}

/* The place is yet to be said. */
static struct evidence_claim *claim_add(struct check *k, size_t start, size_t end)
{
	struct evidence_claim *c = &k->out->p[k->out->n++];
	*c = (struct evidence_claim){.start = start, .end = end, .path = "", .heading = "", .instead = ""};
	return c;
}

static void claim_place(struct evidence_claim *c, const struct evidence *v, const struct nearest *n)
{
	if (n->coverage < 0)
		return;
	const struct source *s = &v->source[v->unit[n->unit].source];
	c->path = s->path;
	c->heading = s->heading;
}

/* "one", "six"; "two steps": they count what the writer sees, not what the documents say. */
bool evidence_is_manner(const char *said, const struct value *v)
{
	struct str unit = {v->unit, strlen(v->unit)};
	return v->kind == VALUE_NUMBER && isalpha((unsigned char)*said) &&
		(!unit.n ||
			str_in(unit,
				"thing step way part reason case point option question word kind example page paragraph sentence"));
}

/* What the nearest unit says in place of the value: another one of the same kind. */
static int value_check(struct check *k, const struct value *value, struct str sentence)
{
	const struct evidence *v = k->v;
	struct nearest same = {.coverage = -1}, other = {.coverage = -1};
	const struct stated *said = NULL;
	const char *instead = "";
	struct contexts c;
	if (evidence_is_manner(k->text + value->start, value))
		return 0;
	for (size_t i = 0; i < k->asked.n; i++)
		if (value_is(&k->asked.p[i], value))
			return 0;
	contexts_fill(&c, k, sentence, value->start, value->end);
	for (size_t i = 0; i < v->n_stated; i++) {
		const struct stated *s = &v->stated[i];
		struct nearest before = other;
		if (value_is(&s->value, value) || value_is(value, &s->value))
			come_nearer(&same, v, &c, s->unit);
		else if (s->value.kind == value->kind && !strcmp(s->value.unit, value->unit))
			come_nearer(&other, v, &c, s->unit);
		if (other.coverage > before.coverage)
			said = s;
	}
	bool supported =
		same.coverage >= enough && same.coverage >= other.coverage - (value->kind == VALUE_CODE ? less_of_code : less);
	bool corrected = !supported && other.coverage >= enough;
	if (corrected) {
		const struct value *o = &said->value;
		if (!(instead = arena_strdup(k->arena, v->unit[said->unit].text + o->start, o->end - o->start, k->e)))
			return ERR_RESOURCE;
	}
	struct evidence_claim *made = claim_add(k, value->start, value->end);
	made->supported = supported;
	made->is_name = value->kind == VALUE_CODE;
	made->instead = instead;
	claim_place(made, v, corrected ? &other : &same);
	return 0;
}

/* Words [first, end) as a name, unless the question has it or it is what everything here is about. */
static void name_check(
	struct check *k, const struct word *w, size_t first, size_t end, struct str sentence, const struct context *asked)
{
	const struct evidence *v = k->v;
	struct nearest nearest = {.coverage = -1};
	uint64_t hash[NAME_WORDS];
	size_t n = 0, n_asked = 0;
	double rarest = 0;
	struct contexts c;
	for (size_t i = first; i < end && n < NAME_WORDS; i++) {
		uint64_t h = evidence_word_hash(v, &w[i]);
		if (!h)
			continue;
		for (size_t q = 0; q < asked->n; q++)
			n_asked += asked->word[q].hash == h;
		double weight = evidence_weight_of(v, h);
		rarest = weight > rarest || weight == 0 ? (weight == 0 ? INFINITY : weight) : rarest;
		hash[n++] = h;
	}
	if (!n || n_asked >= n || rarest < log(3)) /* in half of the sections */
		return;
	size_t start = (size_t)(w[first].p - k->text), stop = (size_t)(w[end - 1].p + w[end - 1].n - k->text);
	contexts_fill(&c, k, sentence, start, stop);
	for (size_t u = 0; u < v->n_units; u++) {
		bool all = true;
		for (size_t i = 0; i < n && all; i++)
			all = evidence_bag_has(v, &v->unit[u].bag, hash[i]);
		if (all)
			come_nearer(&nearest, v, &c, u);
	}
	struct evidence_claim *made = claim_add(k, start, stop);
	made->supported = nearest.coverage >= enough;
	made->is_name = true;
	claim_place(made, v, &nearest);
}

bool evidence_is_name_word(const struct word *w)
{
	return isupper((unsigned char)*w->p) && !word_is_function(w) &&
		!word_in(w,
			"I I'd I'm I'll I've January February March April May June July August September October November December "
			"Monday Tuesday Wednesday Thursday Friday Saturday Sunday");
}

bool evidence_in_value(const struct values *values, size_t at)
{
	for (size_t i = 0; i < values->n; i++)
		if (at >= values->p[i].start && at < values->p[i].end)
			return true;
	return false;
}

size_t evidence_name_end(const struct word *w, size_t n, size_t i, const struct values *values, const char *text)
{
	size_t end = i + 1;
	while (end < n && !w[end - 1].stop && evidence_is_name_word(&w[end]) &&
		!evidence_in_value(values, (size_t)(w[end].p - text)))
		end++;
	return end;
}

/* Capitals inside a sentence; at its beginning they tell nothing. */
static void names_check(struct check *k, struct str sentence, const struct values *values)
{
	struct word w[SENTENCE_WORDS];
	struct contexts asked;
	size_t n = words_split(sentence, w);
	contexts_fill(&asked, k, (struct str){k->text, 0}, 0, 0);
	for (size_t i = 1, end; i < n; i = end) {
		end = i + 1;
		if (!evidence_is_name_word(&w[i]) || evidence_in_value(values, (size_t)(w[i].p - k->text)))
			continue;
		end = evidence_name_end(w, n, i, values, k->text);
		name_check(k, w, i, end, sentence, &asked.asked);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct evidence_claim *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

int evidence_check(const struct evidence *v, const char *question, const char *text, struct arena *a, struct evidence_claims *out,
	struct err *e)
{
	struct check k = {.v = v, .text = text, .question = question, .arena = a, .out = out, .e = e};
	struct values values;
	*out = (struct evidence_claims){0};
	int rc = values_read(&k.asked, question, a, e);
	if (rc == 0)
		rc = values_read(&values, text, a, e);
	if (rc == 0 &&
		!(out->p = arena_alloc(a, strlen(text) / 2 + 1, sizeof *out->p, e))) /* two bytes a claim and what parts it */
		rc = ERR_RESOURCE;
	for (const char *p = text; rc == 0 && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		struct pieces pieces = {.line = {p, strcspn(p, "\n")}};
		struct str piece;
		while (rc == 0 && pieces_next(&pieces, &piece)) {
			size_t from = (size_t)(piece.p - text);
			for (size_t i = 0; i < values.n && rc == 0; i++)
				if (values.p[i].start >= from && values.p[i].start < from + piece.n)
					rc = value_check(&k, &values.p[i], piece);
			if (rc == 0)
				names_check(&k, piece, &values);
		}
	}
	if (rc == 0 && out->n)
		qsort(out->p, out->n, sizeof *out->p, by_place);
	return rc;
}

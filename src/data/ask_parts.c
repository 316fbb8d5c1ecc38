/*
 * The parts of a statement that questions are made of: where its value stands, what is done, how the subject can be named before and
 * taken up by "it".
 */
#include "data/ask_parts.h"

#include <ctype.h>
#include <string.h>

/* Deeds of a service, not of its users: "is suspended" means that the product does it. */
static const char service_acts[] =
	"keep store retain suspend delete erase remove refuse reject lock block deliver sign repeat retry "
	"refresh revoke announce close";

/* ---- where the value stands --------------------------------------------------------------------------------------------------- */

/* Where what follows the value ends: at a pause, or at an "and" behind which a verb or another value stands. */
static size_t after_end(const struct statement *s, size_t from)
{
	struct atom other;
	char base[32];
	for (size_t i = from; i < s->n; i++) {
		if (s->w[i - 1].stop || s->w[i].p[-1] == '(' || word_in(&s->w[i], "which who whose"))
			return i;
		if (i + 1 < s->n && word_in(&s->w[i], "and but so or") &&
			(word_is_auxiliary(&s->w[i + 1]) || verb_form(&s->w[i + 1], base) || atom_next(s->w, s->n, i, &other)))
			return i;
	}
	return s->n;
}

/* "512 MB | of memory |": the end of what hangs on the value with "of". */
static size_t of_end(const struct statement *s, size_t from, size_t end)
{
	if (from >= end || !word_is(&s->w[from], "of"))
		return from;
	size_t i = from + 1;
	while (i < end && (!word_is_function(&s->w[i]) || word_is_article(&s->w[i]) || word_is(&s->w[i], "of")))
		i++;
	return i;
}

/* Can the words between verb and value stay together when the value moves to the front? */
static bool is_movable(const struct statement *s, size_t first)
{
	for (size_t i = s->clause.verb; i < first; i++)
		if (s->w[i].stop || word_in(&s->w[i], "that which who whose when if while whether because and or but than unless"))
			return false;
	return true;
}

bool slot_find(struct slot *out, const struct statement *s, const struct atom *a)
{
	const struct clause *c = &s->clause;
	*out = (struct slot){0};
	if (c->shape != CLAUSE_FULL || a->first <= c->verb)
		return false;
	out->often = a->measure == ATOM_TIME && word_is(&s->w[a->first - 1], "every");
	out->preposed = !out->often && a->first - 1 > c->verb && word_is_preposition(&s->w[a->first - 1]);
	out->start = a->first - (out->preposed || out->often);
	out->end = after_end(s, a->end);
	out->of = of_end(s, a->end, out->end);
	out->of += out->of < out->end && word_in(&s->w[out->of], MEASURE_ADJECTIVES);
	const struct word *preposition = &s->w[out->start];
	bool ranges = a->measure == ATOM_CLOCK || a->measure == ATOM_CODE || a->measure == ATOM_LABELLED;
	/* "requires SQLite version 3": the label is part of a longer name */
	if (a->measure == ATOM_LABELLED && a->first > c->verb + 1 && word_is_plain(&s->w[a->first - 1]) &&
		!word_is_function(&s->w[a->first - 1]) && isupper((unsigned char)s->w[a->first - 1].p[0]))
		return false;
	return is_movable(s, out->start) &&
		(!out->preposed ||
			word_in(preposition, "after for within on at to by through with into in since until before via over as") ||
			(ranges && word_in(preposition, "from between of")));
}

/* ---- parts of the statement --------------------------------------------------------------------------------------------------- */

static bool is_a_or_the(const struct word *w)
{
	return word_in(w, "a an the");
}

const char *text_copy(const struct maker *m, struct str s, struct err *e)
{
	return arena_strdup(m->arena, s.p, s.n, e);
}

const char *text_concat(const struct maker *m, const char *s, const char *t, const char *u, struct err *e)
{
	struct buf b = {0};
	const char *made = NULL;
	if (buf_printf(&b, e, "%s%s%s", s, t, u) == 0)
		made = arena_strdup(m->arena, b.p ? b.p : "", b.len, e);
	buf_release(&b);
	return made;
}

struct deed deed_read(const struct statement *s, size_t limit)
{
	const struct clause *c = &s->clause;
	struct deed d = {.end = c->verb + 1};
	if (!c->auxiliary) {
		memcpy(d.act, c->base, sizeof d.act);
		d.traits = FULL | NEITHER;
		return d;
	}
	const struct word *x = &s->w[c->verb];
	bool modal = word_in(x, "can could may might must should shall will");
	d.traits = word_in(x, "can may could might") ? CAN : word_in(x, "must should shall") ? MUST : NEITHER;
	size_t i = c->verb + 1;
	bool be = i < limit && modal && word_is(&s->w[i], "be");
	i += be;
	if (i >= limit || (modal && !be)) {
		if (i < limit && verb_form(&s->w[i], d.act))
			d.end = i + 1;
		if (be || word_in(x, "is are was were"))
			d.traits |= ADJECTIVE;
		if (be && i >= limit)
			strcpy(d.act, "be");
		return d;
	}
	if (word_in(x, "has have had"))
		return d;
	while (i + 1 < limit && s->w[i].n > 4 && !memcmp(s->w[i].p + s->w[i].n - 2, "ly", 2))
		i++;
	if (verb_of_participle(&s->w[i], d.act)) {
		d.traits |= PASSIVE;
	} else if (s->w[i].n < sizeof d.act) {
		memcpy(d.act, s->w[i].p, s->w[i].n);
		d.act[s->w[i].n] = 0;
		d.traits |= ADJECTIVE;
	}
	d.end = i + 1;
	return d;
}

size_t head_noun(const struct word *w, size_t first, size_t end)
{
	size_t i = first + 1;
	while (i < end && !word_is_preposition(&w[i]) && !word_in(&w[i], "that which who whose") && !w[i - 1].stop)
		i++;
	return i - 1;
}

bool is_plural_subject(const struct statement *s)
{
	const struct clause *c = &s->clause;
	if (!c->auxiliary)
		return c->plural;
	if (word_in(&s->w[c->verb], "is was has"))
		return false;
	if (word_in(&s->w[c->verb], "are were have"))
		return true;
	for (size_t i = c->subject; i < c->subject_end; i++)
		if (word_is(&s->w[i], "and"))
			return true;
	return word_is_plural(&s->w[head_noun(s->w, c->subject, c->subject_end)]);
}

/* The subject as something that a sentence before can name; people have no "it". */
int subject_parts(struct parts *p, const struct maker *m, const struct statement *s, struct err *e)
{
	const struct clause *c = &s->clause;
	const struct word *w = &s->w[c->subject];
	size_t head = head_noun(s->w, c->subject, c->subject_end);
	bool plural = is_plural_subject(s), article = is_a_or_the(w);
	const char *rest = text_copy(m, words_text(s->w, c->subject + article, c->subject_end), e);
	if (!rest || !(PART(p, 'S') = names_lower_first(m->names, m->arena, words_text(s->w, c->subject, c->subject_end), e)))
		return ERR_RESOURCE;
	PART(p, 'Z') = plural ? "do" : "does";
	PART(p, 'I') = plural ? "are" : "is";
	PART(p, 'N') = names_subject(m->names);
	bool named = !strcmp(PART(p, 'S'), PART(p, 'N'));
	if (named)
		PART(p, 'N') = NULL;
	if ((word_is_article(w) && !article) || word_is_pronoun(w) ||
		word_in(w, "neither either nothing nobody everything everyone most") ||
		word_in(&s->w[head], "one ones person user customer people users customers somebody number") ||
		word_in(&s->w[c->subject + article], "first second third last next single given certain other latest"))
		return 0;
	PART(p, 'T') = plural ? "they" : "it";
	PART(p, 'K') = rest;
	if (!word_in(w, "a an"))
		return 0;
	PART(p, 'Q') = PART(p, 'S');
	return (PART(p, 'Y') = text_concat(m, "our ", rest, "", e)) ? 0 : ERR_RESOURCE;
}

const char *condition(const struct maker *m, const struct word *w, size_t first, size_t end, struct err *e)
{
	struct clause c;
	if (first + 3 > end || !word_in(&w[first], "when if while once whenever") ||
		word_in(&w[first + 1], "it they this that you"))
		return NULL;
	clause_parse(w + first + 1, end - first - 1, &c);
	return c.shape == CLAUSE_FULL && !c.lead ? text_copy(m, words_text(w, first + 1, end), e) : NULL;
}

/* What one can do to the subject, and what the product does: the passive turned round. */
static int active_parts(
	struct parts *p, const struct maker *m, const struct statement *s, const struct deed *d, size_t start, struct err *e)
{
	if (!(d->traits & PASSIVE) || !strcmp(d->act, "limit") || !strcmp(d->act, "find"))
		return 0;
	struct str rest = words_text(s->w, d->end, start);
	struct buf b = {0};
	const char *made = NULL;
	if (buf_printf(&b, e, "%s %s%s%.*s", d->act, PART(p, 'S'), rest.n ? " " : "", (int)rest.n, rest.p) == 0)
		made = arena_strdup(m->arena, b.p, b.len, e);
	buf_release(&b);
	if (d->traits & (CAN | MUST))
		PART(p, 'D') = made;
	else if (str_in((struct str){d->act, strlen(d->act)}, service_acts))
		PART(p, 'E') = made;
	return made ? 0 : ERR_RESOURCE;
}

/* What single rules ask with: what is kept and where, whose price is lowered, the deed of a gerund. */
static int object_parts(
	struct parts *p, const struct maker *m, const struct statement *s, const struct deed *d, size_t start, struct err *e)
{
	const struct clause *c = &s->clause;
	char base[32];
	struct str act = {d->act, strlen(d->act)}, kept = words_text(s->w, c->verb + 1, start);
	if (str_in(act, "keep store retain hold") && (d->traits & FULL) && kept.n) {
		bool own = word_in(&s->w[c->verb + 1], "its their");
		struct str bare = words_text(s->w, c->verb + 1 + own, start);
		const char *noun = text_copy(m, bare, e);
		PART(p, 'G') = noun ? text_concat(m, own ? "the " : "", noun, "", e) : NULL;
		PART(p, 'R') = word_is_plural(&s->w[head_noun(s->w, c->verb + 1, start)]) ? "are" : "is";
		PART(p, 'H') = PART(p, 'N') ? PART(p, 'S') : NULL;
		return PART(p, 'G') ? 0 : ERR_RESOURCE;
	}
	if (str_in(act, "lower reduce cut") && kept.n)
		for (size_t i = c->verb + 1; i < start; i++)
			if (word_in(&s->w[i], "price prices cost costs fee fees"))
				PART(p, 'G') = PART(p, 'S');
	if (str_in(act, "take") && verb_of_gerund(&s->w[c->subject], base)) {
		const char *rest = text_copy(m, words_text(s->w, c->subject + 1, c->subject_end), e);
		PART(p, 'H') = rest ? text_concat(m, base, " ", rest, e) : NULL;
		return PART(p, 'H') ? 0 : ERR_RESOURCE;
	}
	return 0;
}

int value_parts(struct parts *p, const struct maker *m, const struct statement *s, const struct atom *a, const struct slot *k,
	const struct deed *d, struct err *e)
{
	const struct clause *c = &s->clause;
	struct str adverb = words_text(s->w, c->subject_end, c->verb);
	if (subject_parts(p, m, s, e) < 0)
		return ERR_RESOURCE;
	const char *finite = text_copy(m, words_text(s->w, c->subject_end, c->verb + 1), e), *before = text_copy(m, adverb, e);
	PART(p, 'F') = finite;
	PART(p, 'X') = c->auxiliary ? finite : PART(p, 'Z');
	PART(p, 'V') = c->auxiliary || !before ? NULL : text_concat(m, before, adverb.n ? " " : "", c->base, e);
	PART(p, 'P') = text_copy(m, k->preposed ? words_text(s->w, k->start, k->start + 1) : STR(""), e);
	PART(p, 'B') = text_copy(m, words_text(s->w, c->verb + 1, k->start), e);
	PART(p, 'A') = text_copy(m, words_text(s->w, k->of, k->end), e);
	PART(p, 'O') = text_copy(m, words_text(s->w, a->end, k->of), e);
	PART(p, 'U') = a->measure <= ATOM_SIZE ? text_copy(m, atom_unit(s->w, a), e) : NULL;
	PART(p, 'M') = a->label ? text_copy(m, atom_label(s->w, a), e) : NULL;
	if (!finite || !before || !PART(p, 'P') || !PART(p, 'B') || !PART(p, 'A') || !PART(p, 'O'))
		return ERR_RESOURCE;
	if (c->lead) {
		const char *lead = names_lower_first(m->names, m->arena, words_text(s->w, 0, c->lead), e);
		PART(p, 'C') = condition(m, s->w, 0, c->lead, e);
		PART(p, 'J') = *PART(p, 'A') ? NULL : lead;
		if (!lead || !(PART(p, 'L') = text_concat(m, lead, ", ", "", e)))
			return ERR_RESOURCE;
	}
	return active_parts(p, m, s, d, k->start, e) < 0 || object_parts(p, m, s, d, k->start, e) < 0 ? ERR_RESOURCE : 0;
}

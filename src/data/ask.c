/*
 * Questions by meaning. A table says which words ask for what kind of value, behind which preposition, of which deed; frames put
 * the rest of the statement around them, once as a question of its own and once behind a sentence that names the subject or the
 * condition. All of it is English about software and business; nothing is known of a particular product.
 */
#include "data/ask.h"

#include <string.h>

#include "data/ask_parts.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const turned[] = {
	"$l$W $X $S $v $b $a?",
	"$C. $W $X $S $v $b $a?",
	"$W $X $S $v $b $a $J?",
	"We have $Q. $l$W $X $T $v $b $a?",
	"I've got a question about $S. $l$W $X $T $v $b $a?",
	"$l$W $X $Y $v $b $a?",
	"$l$W $X I $D $a?",
	"$l$W $X we $D $a?",
	"$l$W does $N $E $a?",
};
/* "how long until" keeps the order of the statement. */
static const char *const straight[] = {
	"$l$W $S $F $b $a?",
	"$C. $W $S $F $b $a?",
	"$W $S $F $b $a $J?",
	"We have $Q. $l$W $T $F $b $a?",
	"$l$W $Y $F $b $a?",
	"$l$W I $X $D $a?",
	"$l$W we $X $D $a?",
};
static const char *const whole[] = {"$W"};
/* With the plainest question words. */
static const char *const plain[] = {
	"$l$p $W $o $X $S $v $b $a?",
	"$lplease tell me $p $W $o $S $F $b $a.",
	"$lcan you tell me $p $W $o $S $F $b $a?",
	"I need to know $p $W $o $S $F $b $a.",
	"$H: $p $W $o $X $S $v $b $a?",
	"$K: $W $o?",
	"What is the number of $U $o for $S?",
};

#define BIT(measure) (1u << (measure))
enum {
	COUNTS = BIT(ATOM_COUNT),
	TIMES = BIT(ATOM_TIME),
	SIZES = BIT(ATOM_SIZE),
	SUMS = BIT(ATOM_MONEY),
	SHARES = BIT(ATOM_PERCENT),
	CLOCKS = BIT(ATOM_CLOCK),
	NAMED = BIT(ATOM_LABELLED) | BIT(ATOM_CODE),
	RATES = 1u << 16, /* "200 events per second" */
	YEARS = 1u << 17,
	DATES = 1u << 18
};

/* Letters: ask_parts.h. `where`: prepositions, "-" none, NULL whichever; `acts`: verbs in their base form, adjectives behind "is"; needs: all; never: none. */
static const struct rule {
	unsigned measures;
	const char *where, *acts;
	int needs, never;
	enum { TURNED, STRAIGHT, WHOLE } form;
	const char *words[7];
} rules[] = {
	/* time */
	{TIMES, "after", NULL, 0, 0, TURNED, {"when", "how soon", "after how long"}},
	{TIMES, "after", NULL, 0, 0, STRAIGHT, {"how long until", "how long does it take until"}},
	{TIMES, "after", "expire end lapse", 0, 0, WHOLE,
		{"how long $Z $S last?", "how long $Z $S stay valid?", "how long $I $S good for?", "when $Z $S stop working?",
			"how soon $Z $S become invalid?", "I've got $Q. How long $Z $T stay good?",
			"We received $Q. When $Z $T run out?"}},
	{TIMES, "within", NULL, 0, CAN | ADJECTIVE, TURNED, {"how soon", "how quickly", "by when"}},
	{TIMES, "within", NULL, 0, CAN | ADJECTIVE, STRAIGHT, {"how long does it take until", "how long until"}},
	{TIMES, "within", NULL, ADJECTIVE, 0, TURNED, {"by when"}},
	{TIMES, "within", "payable due", 0, 0, WHOLE,
		{"when do I have to pay $S?", "how long do we have to pay $S?", "We've got $Q. How soon do we have to pay?"}},
	{TIMES, "within", NULL, CAN, ADJECTIVE, TURNED, {"until when", "how long"}},
	{TIMES, "within", NULL, CAN, ADJECTIVE, WHOLE,
		{"how long do I have to $D?", "how much time do we have to $D?", "what is the deadline to $D?",
			"when is it too late to $D?", "We'd like to $D. How long do we have?"}},
	{TIMES, "for", NULL, 0, 0, TURNED, {"how long", "for how long", "how long"}},
	{TIMES, "for", NULL, CAN | MOST, 0, STRAIGHT, {"what is the longest", "what is the longest time"}},
	{TIMES, "for", NULL, CAN | MOST, 0, WHOLE, {"We want to $D. What's the longest we can do that?"}},
	{TIMES, "for", "valid good", 0, 0, WHOLE,
		{"when $Z $S expire?", "how soon $Z $S become invalid?", "when $Z $S stop working?", "how long $Z $S stay good?",
			"We have $Q. When $Z $T run out?", "I've just created $Q. How soon $Z $T stop working?"}},
	{TIMES, "for", "stay remain", FULL, 0, WHOLE, {"when $Z $S stop being $B?"}},
	{TIMES, "for", "lock block suspend pause close disable", PASSIVE, CAN, WHOLE, {"how long $Z $S stay $B?"}},
	{TIMES, "for", "keep store retain hold", PASSIVE, CAN, WHOLE,
		{"how far back $Z $S go?", "when $I $S deleted?", "how long do you keep $S?", "how long until $S $I gone?",
			"how old can $S get?"}},
	{TIMES, "for", "keep store retain hold", FULL, 0, WHOLE,
		{"how long $R $G kept in $H?", "when $R $G deleted from $H?", "after how long $R $G gone from $H?",
			"how far back $Z $H go?", "how long $R $G kept?", "how long until $G $R removed?"}},
	{TIMES, "every", NULL, 0, 0, TURNED, {"how often", "how frequently", "at what intervals"}},
	{TIMES, "-", "last take wait keep live run stay remain", 0, 0, TURNED, {"how long"}},
	{TIMES, "-", "last take wait", MOST, 0, STRAIGHT, {"what is the longest that"}},
	{TIMES, "-", "take", 0, 0, WHOLE,
		{"how long does it take to $H?", "how long will it take to $H?", "We want to $H. How long does that take?",
			"how quickly can one $H?"}},
	/* numbers */
	{COUNTS, NULL, NULL, 0, 0, TURNED, {"$p $W $o"}},
	{COUNTS, "-", NULL, MOST, 0, TURNED, {"at most how many $U $o", "up to how many $U $o"}},
	{COUNTS, "-", NULL, MOST, 0, STRAIGHT,
		{"what is the most $U $o", "what is the highest number of $U $o that", "what is the maximum number of $U $o that"}},
	{COUNTS, "-", NULL, LEAST, 0, TURNED, {"at least how many $U $o"}},
	{COUNTS, "-", NULL, LEAST, 0, STRAIGHT, {"what is the smallest number of $U $o that"}},
	{COUNTS, "-", "have contain include hold carry", CAN, LEAST, WHOLE,
		{"how many $U $o can I have in $S?", "how many $U are allowed in $Q?", "what is the most $U we can put into $Q?",
			"what is the limit on $U for $S?", "We need a lot of $U in $Q. How many can it have?"}},
	{COUNTS, "-", "contain include hold carry", CAN, LEAST, WHOLE,
		{"how many $U $o fit into $S?", "how many $U $o can I put into $S?"}},
	{COUNTS, "-", "include", 0, CAN, WHOLE, {"how many $U $o come with $S?", "how many $U $o are included in $S?"}},
	{RATES, "at", NULL, 0, 0, TURNED, {"how fast", "at what speed", "at what rate"}},
	{SIZES, "to", "limit", 0, 0, WHOLE,
		{"how big can $S get?", "how large can $S be?", "how much space can $S take up?", "what is the size limit of $S?"}},
	{SIZES, "-", "be", CAN, LEAST, WHOLE,
		{"how big can $S be?", "what is the biggest $K allowed?", "what is the size limit for $S?",
			"We have $Q. How big may it be?"}},
	/* money */
	{SUMS, NULL, NULL, 0, 0, TURNED, {"$p how much"}},
	{SUMS, "-", "cost", 0, 0, WHOLE,
		{"what $Z $S cost?", "how much $I $S?", "what is the price of $S?", "what do we pay for $S?",
			"We need $Q. What does that cost?", "how much do you charge for $S?"}},
	{SUMS, "-", NULL, ADJECTIVE | MOST, 0, WHOLE,
		{"how high can $S be?", "what is the highest $K?", "how much is $S at most?", "what is the highest amount of $S?"}},
	{SHARES, "by", NULL, 0, 0, TURNED, {"by how much", "how much"}},
	{SHARES, "by", "lower reduce cut", 0, 0, WHOLE,
		{"how much do we save with $G?", "how much cheaper does it get with $G?", "what discount do we get with $G?",
			"What if we choose $G? How much cheaper is it?"}},
	{SHARES, NULL, NULL, 0, 0, TURNED, {"$p what percentage $o", "$p what share $o", "$p how much $o"}},
	/* dates */
	{CLOCKS, "at between from in", NULL, 0, 0, TURNED, {"when", "at what time"}},
	{DATES, "until before", NULL, 0, 0, TURNED, {"until when", "how long"}},
	{DATES, "on by from since", NULL, 0, 0, TURNED, {"$P what date", "when"}},
	{YEARS, "in", NULL, 0, 0, TURNED, {"when", "in what year"}},
	{YEARS, "since", NULL, 0, 0, TURNED, {"since when", "since what year"}},
	/* names */
	{NAMED, NULL, NULL, 0, 0, TURNED, {"$p $W $o"}},
	{NAMED, "with through in on to from into", NULL, 0, 0, WHOLE,
		{"$l$W $X $S $v $b $P $a?", "We have $Q. $l$W $X $T $v $b $P $a?"}},
	{NAMED, "through via over on", NULL, FULL, 0, WHOLE, {"which $M $Z $S use to $V $b?", "what $M $Z $S need to $V $b?"}},
	{NAMED, "with", "start begin", 0, 0, WHOLE,
		{"what $Z $S start with?", "what $Z $S begin with?", "how can I recognise $S?", "what $M $Z $S have?",
			"how do I tell whether something is one of $S?", "I'm looking for $S in a list. What do they begin with?"}},
	{NAMED, "-", "name call", PASSIVE, 0, WHOLE, {"what $I $S called?", "what is the name of $S?", "what do you call $S?"}},
	{NAMED, "of", "part", 0, 0, WHOLE,
		{"which $M do I need for $S?", "which $M includes $S?", "what $M comes with $S?",
			"We'd like to have $S. Which $M do we need?", "what do I have to book to get $S?"}},
};

/* ---- the rules ---------------------------------------------------------------------------------------------------------------- */

static unsigned measure_bits(const struct statement *s, const struct atom *a)
{
	const struct word *last = &s->w[a->value_end - 1], *v = &s->w[a->value];
	if (atom_is_date(s->w, a))
		return DATES;
	if (a->measure == ATOM_BARE && v->n == 4 && (!memcmp(v->p, "19", 2) || !memcmp(v->p, "20", 2)))
		return YEARS;
	bool rate = a->measure == ATOM_COUNT && word_in(last, "second minute hour") && word_in(last - 1, "per a an each every");
	return BIT(a->measure) | (rate ? RATES : 0);
}

static bool applies(const struct rule *r, unsigned measures, const char *where, const struct deed *d)
{
	return (r->measures & measures) && (!r->where || str_in((struct str){where, strlen(where)}, r->where)) &&
		(!r->acts || str_in((struct str){d->act, strlen(d->act)}, r->acts)) && (d->traits & r->needs) == r->needs &&
		!(d->traits & r->never);
}

static int frames_add(struct cores *c, int form, struct parts *p, const struct maker *m, struct err *e)
{
	switch (form) {
	case TURNED:
		return cores_add(c, turned, COUNT(turned), p, m->arena, e);
	case STRAIGHT:
		return cores_add(c, straight, COUNT(straight), p, m->arena, e);
	default:
		return cores_add(c, whole, COUNT(whole), p, m->arena, e);
	}
}

static int rules_ask(struct cores *c, const struct maker *m, const struct parts *p, const char *what, unsigned measures,
	const char *where, const struct deed *d, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < COUNT(rules) && rc == 0; i++) {
		for (size_t k = 0; k < COUNT(rules[i].words) && rules[i].words[k] && rc == 0; k++) {
			struct parts q = *p;
			const char *head;
			if (!applies(&rules[i], measures, where, d))
				break;
			PART(&q, 'W') = what;
			rc = phrase_fill(&head, rules[i].words[k], &q, m->arena, e);
			if (rc < 0 || !head)
				continue;
			PART(&q, 'W') = rules[i].form == WHOLE
				? head
				: names_lower_first(m->names, m->arena, (struct str){head, strlen(head)}, e);
			rc = PART(&q, 'W') ? frames_add(c, rules[i].form, &q, m, e) : ERR_RESOURCE;
		}
	}
	return rc;
}

static int plain_ask(
	struct cores *c, const struct maker *m, const struct statement *s, struct parts p, const char *what, struct err *e)
{
	const char *similar = s->clause.auxiliary || s->clause.subject_end < s->clause.verb ? NULL : verb_similar(s->clause.base);
	PART(&p, 'W') = what;
	PART(&p, 'H') = strchr(m->section->title, '?') ? NULL : m->section->title;
	PART(&p, 'K') = strcmp(what, "what") ? PART(&p, 'K') : NULL;
	int rc = cores_add(c, plain, COUNT(plain), &p, m->arena, e);
	PART(&p, 'V') = similar;
	return rc < 0 || !similar ? rc : cores_add(c, plain, 1, &p, m->arena, e);
}

/* "up to 19 levels | deep |": asks how deep. */
static int adjective_ask(struct cores *c, const struct maker *m, const struct statement *s, const struct atom *a,
	const struct slot *k, const struct parts *p, struct err *e)
{
	struct parts q = *p;
	if (k->of == a->end || !word_in(&s->w[k->of - 1], MEASURE_ADJECTIVES))
		return 0;
	const char *adjective = text_copy(m, words_text(s->w, k->of - 1, k->of), e);
	PART(&q, 'W') = adjective ? text_concat(m, "how ", adjective, "", e) : NULL;
	return PART(&q, 'W') ? frames_add(c, TURNED, &q, m, e) : ERR_RESOURCE;
}

/* "... exits with code 7 | when the workspace is paused |": the condition first, as a sentence. */
static size_t tail_condition(const struct statement *s, const struct slot *k)
{
	size_t i = k->of;
	while (i < k->end && !word_in(&s->w[i], "when if while once whenever"))
		i++;
	return i;
}

/* `later`: the subject has been named before. */
static int slot_ask(struct cores *c, const struct maker *m, const struct statement *s, const struct atom *a, const char *what,
	bool later, struct err *e)
{
	struct parts p = {0};
	struct slot k;
	if (!slot_find(&k, s, a))
		return 0;
	struct deed d = deed_read(s, k.start);
	d.traits |= a->bound == BOUND_MOST ? MOST : a->bound == BOUND_LEAST ? LEAST : 0;
	const char *where = k.often ? "every" : k.preposed ? text_copy(m, words_text(s->w, k.start, k.start + 1), e) : "-";
	unsigned measures = measure_bits(s, a);
	/* "IEEE 754": a number that is no quantity is a value only of what is, or is set to, it. */
	if (measures == BIT(ATOM_BARE) && k.start != s->clause.verb + 1 && !(d.traits & PASSIVE && word_is(&s->w[k.start], "to")))
		return 0;
	if (!where || value_parts(&p, m, s, a, &k, &d, e) < 0)
		return ERR_RESOURCE;
	if (later)
		PART(&p, 'S') = PART(&p, 'T') ? PART(&p, 'T') : PART(&p, 'S');
	if (later)
		PART(&p, 'Q') = PART(&p, 'Y') = PART(&p, 'K') = PART(&p, 'T') = PART(&p, 'D') = PART(&p, 'E') = NULL;
	size_t tail = tail_condition(s, &k);
	int rc = plain_ask(c, m, s, p, what, e);
	if (rc == 0)
		rc = rules_ask(c, m, &p, what, measures, where, &d, e);
	if (rc == 0)
		rc = adjective_ask(c, m, s, a, &k, &p, e);
	if (rc < 0 || tail == k.end || PART(&p, 'L') || !(PART(&p, 'C') = condition(m, s->w, tail, k.end, e)))
		return rc;
	PART(&p, 'A') = text_copy(m, words_text(s->w, k.of, tail), e);
	const char *const scenes[] = {"$C. $p $W $o $X $S $v $b $a?", "$C. $p $W $o $X $T $v $b $a?"};
	PART(&p, 'W') = what;
	return PART(&p, 'A') ? cores_add(c, scenes, COUNT(scenes), &p, m->arena, e) : ERR_RESOURCE;
}

/*
 * "A trial creates a seat and | gives that person the role Auditor |": the statement of a second verb. False when the value has none.
 * *first: words of the statement that the first verb has.
 */
static bool second_verb(struct statement *out, const struct statement *s, struct atom *a, size_t *first)
{
	const struct clause *c = &s->clause;
	size_t k = a->first, n = c->subject_end - c->subject;
	char base[32];
	if (c->shape != CLAUSE_FULL || a->first < c->verb + 3)
		return false;
	while (k > c->verb + 1 && !word_is(&s->w[k], "and"))
		k--;
	const struct word *verb = &s->w[k + 1];
	bool participle = c->auxiliary && word_in(&s->w[c->verb], "is are") && verb_of_participle(verb, base);
	if (k == c->verb + 1 || (!participle && verb_form(verb, base) != (c->plural ? VERB_BASE : VERB_THIRD)) ||
		(c->auxiliary && !participle))
		return false;
	for (size_t i = c->verb; i < k; i++)
		if (word_in(&s->w[i], "that which who where"))
			return false;
	*out = (struct statement){.text = s->text, .span = s->span, .clause = {.shape = CLAUSE_FULL, .subject_end = n, .verb = n}};
	memcpy(out->w, s->w + c->subject, n * sizeof *s->w);
	out->n = n;
	if (participle)
		out->w[out->n++] = s->w[c->verb];
	size_t shift = k + 1 - out->n;
	memcpy(out->w + out->n, verb, (s->n - k - 1) * sizeof *verb);
	out->n += s->n - k - 1;
	out->clause.auxiliary = participle;
	out->clause.plural = c->plural;
	if (!participle)
		memcpy(out->clause.base, base, sizeof base);
	a->first -= shift;
	a->end -= shift;
	a->value -= shift;
	a->value_end -= shift;
	a->unit -= a->unit ? shift : 0;
	a->label -= a->label ? shift : 0;
	*first = k;
	return true;
}

static bool points_back(const struct statement *s)
{
	for (size_t i = s->clause.verb + 1; i < s->n; i++)
		if (word_in(&s->w[i], "this that these those it them its their such"))
			return true;
	return false;
}

static int second_ask(
	struct cores *c, const struct maker *m, const struct statement *s, const struct atom *a, const char *what, struct err *e)
{
	static const char *const after[] = {"$C. $S"};
	struct statement second;
	struct atom b = *a;
	struct cores later = {.n = 0};
	struct parts p = {0};
	size_t first;
	if (!second_verb(&second, s, &b, &first))
		return 0;
	PART(&p, 'C') = text_copy(m, words_text(s->w, 0, first), e);
	int rc = PART(&p, 'C') ? slot_ask(&later, m, &second, &b, what, true, e) : ERR_RESOURCE;
	for (size_t i = 0; i < later.n && rc == 0; i++) {
		PART(&p, 'S') = later.of[i];
		rc = cores_add(c, after, COUNT(after), &p, m->arena, e);
	}
	return rc < 0 || points_back(&second) ? rc : slot_ask(c, m, &second, &b, what, false, e);
}

/*
 * "The owners get a mail when | 85 % of the cap is used |": a value that a condition is about. Letters: W question words, O what they
 * hang on, F verb and R rest of the condition, Z has or have, M the main clause; X, S, V, B of the main clause.
 */
static int condition_ask(
	struct cores *c, const struct maker *m, const struct statement *s, const struct atom *a, const char *what, struct err *e)
{
	static const char *const patterns[] = {"$W $o $F $r when $M?", "when $X $S $v $b?", "$M: when?"};
	static const char *const passive[] = {"$W $o $Z to be $R before $M?", "$W $o $Z to be $R until $M?"};
	static const char *const shares[] = {"how much $O is $R when $M?", "how much $O has to be $R before $M?"};
	struct clause inner;
	struct parts p = {0};
	size_t k = a->first - 1, n = s->n;
	if (s->clause.shape != CLAUSE_FULL || s->clause.lead || a->first < 2 || k <= s->clause.verb ||
		!word_in(&s->w[k], "when once if as"))
		return 0;
	clause_parse(s->w + k + 1, n - k - 1, &inner);
	size_t subject_end = k + 1 + inner.subject_end, verb = k + 1 + inner.verb;
	if (inner.shape != CLAUSE_FULL || subject_end < a->end || s->w[verb].stop || subject_parts(&p, m, s, e) < 0)
		return 0;
	for (size_t i = k; i + 1 < n; i++)
		if (s->w[i].stop)
			return 0;
	PART(&p, 'W') = what;
	PART(&p, 'M') = names_lower_first(m->names, m->arena, words_text(s->w, 0, k), e);
	PART(&p, 'X') =
		s->clause.auxiliary ? text_copy(m, words_text(s->w, s->clause.subject_end, s->clause.verb + 1), e) : PART(&p, 'Z');
	PART(&p, 'V') = s->clause.auxiliary ? NULL : s->clause.base;
	PART(&p, 'B') = text_copy(m, words_text(s->w, s->clause.verb + 1, k), e);
	PART(&p, 'O') = text_copy(m, words_text(s->w, a->end, subject_end), e);
	PART(&p, 'F') = text_copy(m, words_text(s->w, subject_end, verb + 1), e);
	PART(&p, 'R') = text_copy(m, words_text(s->w, verb + 1, n), e);
	PART(&p, 'Z') = a->measure == ATOM_PERCENT || a->measure == ATOM_MONEY ? "has" : "have";
	if (!PART(&p, 'M') || !PART(&p, 'X') || !PART(&p, 'B') || !PART(&p, 'O') || !PART(&p, 'F') || !PART(&p, 'R'))
		return ERR_RESOURCE;
	int rc = cores_add(c, patterns, COUNT(patterns), &p, m->arena, e);
	if (rc == 0 && word_in(&s->w[verb], "is are"))
		rc = cores_add(c, passive, COUNT(passive), &p, m->arena, e);
	if (rc == 0 && word_in(&s->w[verb], "is are") && a->measure == ATOM_PERCENT)
		rc = cores_add(c, shares, COUNT(shares), &p, m->arena, e);
	return rc;
}

int ask_value(
	struct cores *c, const struct maker *m, const struct statement *s, const struct atom *a, const char *what, struct err *e)
{
	struct slot k;
	if (ask_is_tied(s))
		return 0;
	if (slot_find(&k, s, a))
		return slot_ask(c, m, s, a, what, false, e);
	int rc = second_ask(c, m, s, a, what, e);
	return rc < 0 ? rc : condition_ask(c, m, s, a, what, e);
}

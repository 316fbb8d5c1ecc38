/*
 * Facts in prose: a statement that carries a value is the answer; the questions ask for the value.
 *
 * A sentence of two main clauses becomes two statements, each with its own subject, so that an answer names one value. "It"
 * and "they" are replaced by the subject they take up, or the statement is left out. Questions are made by moving the parts
 * of the statement (Heilman and Smith, "Good question!", 2010), not by a model: what is asked is always what the document
 * says.
 */
#include "data/fact.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "data/atom.h"
#include "data/clause.h"
#include "data/phrase.h"
#include "data/refuse.h"
#include "data/vary.h"

enum { STATEMENT_WORDS = 36 };

/*
 * Letters: L lead with its comma, P preposition, W question words ("how many seconds"), O what hangs on the value ("of
 * memory"), X auxiliary, S subject, V main verb after X, F the finite verb as it stands, B what stands between verb and
 * value, A what follows, U the unit, M a verb like V, K the subject without its article, E a subject that ends after the
 * value, I the statement with the question words in place, G with a gap, D and J other ways to ask, H heading, Z keywords, R
 * all that follows the verb.
 */
static const char *const full_patterns[] = {
	"$l$p $W $o $X $S $v $b $a?",
	"$H: $p $W $o $X $S $v $b $a?",
	"$lplease tell me $p $W $o $S $F $b $a.",
	"$lcan you tell me $p $W $o $S $F $b $a?",
	"I need to know $p $W $o $S $F $b $a.",
	"$I?",
	"Complete the sentence: $G",
	"$l$p $W $o $X $S $M $b $a?",
	"What is the number of $U $o for $S?",
	"$K: $W $o?",
	"How long does $E last?",
	"$l$D?",
	"$l$J?",
	"#$W $Z",
	"#$Z $U",
};
static const char *const flat_patterns[] = {
	"$I?",
	"$H: $I?",
	"Complete the sentence: $G",
	"#$W $Z",
	"#$Z $U",
};
static const char *const statement_patterns[] = {
	"#$Z",
	"$l$X $S $v $R?",
	"$lis it so that $S $F $R?",
	"#$Z $H",
	"#$K $Z",
};

/*
 * ---- question words
 * --------------------------------------------------------------------------------------------------------------
 */

/* What kind of thing a code span is by its looks; NULL when they do not tell. */
static const char *code_noun(const struct word *w)
{
	const char *p = w->p + 1, *end = w->p + w->n;
	size_t n = (size_t)(end - p);
	if (*p == '-')
		return "which flag";
	if (memchr(p, '@', n) || memmem(p, n, "://", 3))
		return "which address";
	if (*p == '/' || *p == '~')
		return "which path";
	return NULL;
}

/* What asks for the value, in the arena. */
static const char *question_words(const struct maker *m, const struct word *w, const struct atom *a, struct err *e)
{
	char text[128];
	struct str unit = words_text(w, a->unit, a->value_end), label = words_text(w, a->label, a->label + 1);
	const char *fixed = "what value";
	switch (a->measure) {
	case ATOM_COUNT:
	case ATOM_TIME:
	case ATOM_SIZE:
		snprintf(text, sizeof text, "how many %.*s%s", (int)unit.n, unit.p,
			a->measure == ATOM_COUNT && word_is(&w[a->value], "1") && unit.n && unit.p[unit.n - 1] != 's' ? "s" : "");
		return arena_strdup(m->arena, text, strlen(text), e);
	case ATOM_LABELLED:
		snprintf(text, sizeof text, "which %.*s", (int)label.n, label.p);
		return arena_strdup(m->arena, text, strlen(text), e);
	case ATOM_MONEY:
		fixed = "how much";
		break;
	case ATOM_PERCENT:
		fixed = "what percentage";
		break;
	case ATOM_CLOCK:
		fixed = a->value_end - a->value > 2 ? "what times" : "what time";
		break;
	case ATOM_BARE:
		if (w[a->value].n == 4 && (!memcmp(w[a->value].p, "19", 2) || !memcmp(w[a->value].p, "20", 2)))
			fixed = "which year";
		break;
	case ATOM_CODE:
		fixed = code_noun(&w[a->value]);
		break;
	}
	return arena_strdup(m->arena, fixed, strlen(fixed), e);
}

/*
 * ---- one value
 * ----------------------------------------------------------------------------------------------------------------------
 */

struct statement {
	const char *text;
	struct span span;
	struct word w[SENTENCE_WORDS];
	size_t n;
	struct clause clause;
};

static const char *copy(const struct maker *m, struct str s, struct err *e)
{
	return arena_strdup(m->arena, s.p, s.n, e);
}

/* The statement with words [first, end) replaced; its full stop stays when `stop`. */
static const char *replaced(
	const struct maker *m, const struct statement *s, size_t first, size_t end, const char *by, bool stop, struct err *e)
{
	struct buf b = {0};
	const char *rest = s->w[end - 1].p + s->w[end - 1].n;
	size_t n_rest = strlen(rest);
	if (!stop && n_rest && rest[n_rest - 1] == '.')
		n_rest--;
	const char *made = NULL;
	if (buf_append(&b, s->text, (size_t)(s->w[first].p - s->text), e) == 0 && buf_puts(&b, by, e) == 0 &&
		buf_append(&b, rest, n_rest, e) == 0)
		made = arena_strdup(m->arena, b.p, b.len, e);
	buf_release(&b);
	return made;
}

/* Where what follows the value ends: at a pause, or at an "and" behind which a verb or another value stands. */
static size_t after_end(const struct statement *s, size_t from)
{
	struct atom other;
	char base[32];
	for (size_t i = from; i < s->n; i++) {
		if (s->w[i - 1].stop)
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

/* Another way to ask, by what is measured; NULL when there is none. */
static const char *other_pattern(const struct statement *s, const struct atom *a, const char *preposition)
{
	bool copula = s->clause.auxiliary && s->clause.verb + 1 == a->first && word_in(&s->w[s->clause.verb], "is are");
	if (copula && !*preposition)
		return word_is(&s->w[s->clause.verb], "is") ? "what is $S" : "what are $S";
	if (a->measure == ATOM_TIME && !strcmp(preposition, "for"))
		return "how long $X $S $v $b $a";
	if (a->measure == ATOM_TIME && !strcmp(preposition, "after"))
		return "how long does it take until $S $F $b $a";
	if (a->measure == ATOM_TIME && !*preposition && !s->clause.auxiliary &&
		str_in((struct str){s->clause.base, strlen(s->clause.base)}, "last take wait keep"))
		return "how long $X $S $v $b $a";
	if (a->measure == ATOM_COUNT && !*preposition && a->bound != BOUND_NONE)
		return a->bound == BOUND_MOST ? "what is the maximum number of $U $o that $S $F $b $a"
					      : "what is the minimum number of $U $o that $S $F $b $a";
	if (a->measure == ATOM_PERCENT)
		return "$p how many percent $o $X $S $v $b $a";
	return NULL;
}

/* A way to ask for a limit; NULL when the value is none. */
static const char *limit_pattern(const struct atom *a)
{
	if (a->bound == BOUND_NONE)
		return NULL;
	if (a->measure == ATOM_COUNT)
		return a->bound == BOUND_MOST ? "is there a limit to the number of $U $o that $S $F $b $a"
					      : "is there a minimum number of $U $o that $S $F $b $a";
	return a->bound == BOUND_MOST ? "what is the limit for what $S $F $b $a" : "what is the least that $S $F $b $a";
}

/* Fills the parts of a statement whose structure is clear; false when the value cannot move. */
static int full_parts(
	const struct maker *m, const struct statement *s, const struct atom *a, struct parts *p, bool *full, struct err *e)
{
	const struct clause *c = &s->clause;
	*full = false;
	if (c->shape != CLAUSE_FULL || a->first <= c->verb)
		return 0;
	bool often = a->measure == ATOM_TIME && word_is(&s->w[a->first - 1], "every");
	bool preposed = !often && a->first - 1 > c->verb && word_is_preposition(&s->w[a->first - 1]);
	size_t start = a->first - (preposed || often), end = after_end(s, a->end), of = of_end(s, a->end, end);
	if (!is_movable(s, start) ||
		(preposed && !word_in(&s->w[start], "after for within on at to by through with into in from between")) ||
		(preposed && word_in(&s->w[start], "from between") && a->measure != ATOM_CLOCK && a->measure != ATOM_CODE &&
			a->measure != ATOM_LABELLED))
		return 0;

	const char *subject = names_lower_first(m->names, m->arena, words_text(s->w, c->subject, c->subject_end), e);
	const char *finite = copy(m, words_text(s->w, c->subject_end, c->verb + 1), e);
	const char *preposition = copy(m, preposed ? words_text(s->w, start, start + 1) : STR(""), e);
	struct str adverb = words_text(s->w, c->subject_end, c->verb);
	char verb[SENTENCE_WORDS + 64];
	snprintf(verb, sizeof verb, "%.*s%s%s", (int)(adverb.n < 64 ? adverb.n : 0), adverb.p, adverb.n ? " " : "", c->base);
	struct buf lead = {0};
	struct str l = words_text(s->w, 0, c->lead);
	int rc = c->lead ? buf_printf(&lead, e, "%s, ", names_lower_first(m->names, m->arena, l, e)) : 0;
	if (rc < 0 || !subject || !finite || !preposition)
		goto done;

	PART(p, 'L') = c->lead ? arena_strdup(m->arena, lead.p, lead.len, e) : NULL;
	PART(p, 'P') = preposition;
	PART(p, 'O') = copy(m, words_text(s->w, a->end, of), e);
	PART(p, 'X') = c->auxiliary ? finite : c->plural ? "do" : "does";
	PART(p, 'S') = subject;
	PART(p, 'V') = c->auxiliary ? NULL : arena_strdup(m->arena, verb, strlen(verb), e);
	PART(p, 'F') = finite;
	PART(p, 'B') = copy(m, words_text(s->w, c->verb + 1, start), e);
	PART(p, 'A') = copy(m, words_text(s->w, of, end), e);
	bool counted = a->measure == ATOM_COUNT || a->measure == ATOM_TIME || a->measure == ATOM_SIZE;
	bool article = word_in(&s->w[c->subject], "a an the");
	bool ends = !c->auxiliary && a->measure == ATOM_TIME && word_is(&s->w[start], "after") &&
		str_in((struct str){c->base, strlen(c->base)}, "close end expire finish lapse stop");
	PART(p, 'U') = counted ? copy(m, words_text(s->w, a->unit, a->value_end), e) : NULL;
	PART(p, 'M') = c->auxiliary || c->subject_end < c->verb ? NULL : verb_similar(c->base);
	PART(p, 'K') = names_lower_first(m->names, m->arena, words_text(s->w, c->subject + article, c->subject_end), e);
	PART(p, 'E') = ends ? subject : NULL;
	if (often)
		PART(p, 'W') = "how often";
	const char *other[2] = {other_pattern(s, a, preposition), limit_pattern(a)}, *made = NULL;
	for (int i = 0; i < 2 && rc == 0; i++)
		if (other[i] && (rc = phrase_fill(&made, other[i], p, m->arena, e)) == 0 && made)
			p->of[(i ? 'J' : 'D') - 'A'] = names_lower_first(m->names, m->arena, (struct str){made, strlen(made)}, e);
	*full = true;
done:
	buf_release(&lead);
	return rc;
}

/* What a person might type to find the statement: its words and those of the headings, without the value. */
static const char *statement_keywords(const struct maker *m, const struct statement *s, struct str value, struct err *e)
{
	struct buf b = {0};
	const char *made = NULL;
	const char *heading = m->section->heading;
	if (keywords_add(&b, (struct str){s->text, strlen(s->text)}, value, e) == 0 &&
		keywords_add(&b, (struct str){heading, strlen(heading)}, value, e) == 0)
		made = arena_strdup(m->arena, b.p ? b.p : "", b.len, e);
	buf_release(&b);
	return made;
}

/* The statement itself, whatever it says. */
static int statement_item(struct maker *m, const struct statement *s, struct err *e)
{
	const struct clause *c = &s->clause;
	struct parts p = {0};
	if (word_in(&s->w[c->subject], "its their this that these those such") || (c->lead && word_in(&s->w[1], "then that this")))
		return 0; /* about something that only its neighbours name */
	struct item it = {.kind = ITEM_STATEMENT, .answer = s->text, .span = s->span};
	PART(&p, 'Z') = statement_keywords(m, s, STR(""), e);
	PART(&p, 'H') = m->section->title;
	if (!PART(&p, 'Z'))
		return ERR_RESOURCE;
	if (c->shape == CLAUSE_FULL && !c->lead) {
		bool article = word_in(&s->w[c->subject], "a an the");
		struct str subject = words_text(s->w, c->subject, c->subject_end);
		PART(&p, 'S') = names_lower_first(m->names, m->arena, subject, e);
		PART(&p, 'K') = copy(m, words_text(s->w, c->subject + article, c->subject_end), e);
		PART(&p, 'F') = copy(m, words_text(s->w, c->subject_end, c->verb + 1), e);
		PART(&p, 'X') = c->auxiliary ? PART(&p, 'F') : c->plural ? "do" : "does";
		PART(&p, 'V') = c->auxiliary ? NULL : arena_strdup(m->arena, c->base, strlen(c->base), e);
		PART(&p, 'R') = copy(m, words_text(s->w, c->verb + 1, s->n), e);
		if (!PART(&p, 'S') || !PART(&p, 'K') || !PART(&p, 'F') || !PART(&p, 'R'))
			return ERR_RESOURCE;
	}
	return item_ask(m, &it, statement_patterns, sizeof statement_patterns / sizeof *statement_patterns, &p, e);
}

static int value_item(struct maker *m, const struct statement *s, const struct atom *a, struct err *e)
{
	struct parts p = {0};
	bool full;
	int rc;
	PART(&p, 'H') = strchr(m->section->title, '?') ? NULL : m->section->title;
	PART(&p, 'W') = question_words(m, s->w, a, e);
	PART(&p, 'Z') = statement_keywords(m, s, words_text(s->w, a->value, a->value_end), e);
	if (!PART(&p, 'W') || !PART(&p, 'Z'))
		return ERR_RESOURCE;
	PART(&p, 'G') = replaced(m, s, a->value, a->value_end, "___", true, e);
	const char *inner = replaced(m, s, a->first, a->end, PART(&p, 'W'), false, e);
	PART(&p, 'I') = inner ? names_lower_first(m->names, m->arena, (struct str){inner, strlen(inner)}, e) : NULL;
	if (!PART(&p, 'G') || !PART(&p, 'I') || (rc = full_parts(m, s, a, &p, &full, e)) < 0)
		return ERR_RESOURCE;

	struct str subject = full ? words_text(s->w, s->clause.subject, s->clause.subject_end)
				  : (struct str){m->section->title, strlen(m->section->title)};
	struct item it = {.kind = ITEM_VALUE, .answer = s->text, .span = s->span};
	it.subject = names_lower_first(m->names, m->arena, subject, e);
	it.value = copy(m, words_text(s->w, a->value, a->value_end), e);
	it.asks = PART(&p, 'W');
	if (!it.subject || !it.value)
		return ERR_RESOURCE;
	return full ? item_ask(m, &it, full_patterns, sizeof full_patterns / sizeof *full_patterns, &p, e)
		    : item_ask(m, &it, flat_patterns, sizeof flat_patterns / sizeof *flat_patterns, &p, e);
}

/*
 * ---- statements
 * ----------------------------------------------------------------------------------------------------------------------
 */

static int statement_facts(struct maker *m, const struct statement *s, struct err *e)
{
	struct atom a;
	int rc = 0;
	for (size_t from = 0; rc == 0 && atom_next(s->w, s->n, from, &a); from = a.value_end) {
		bool in_subject = s->clause.shape == CLAUSE_FLAT || a.first < s->clause.verb;
		bool spelled = isalpha((unsigned char)s->w[a.value].p[0]);
		if (in_subject && (a.measure == ATOM_CODE || a.measure == ATOM_LABELLED || a.measure == ATOM_COUNT))
			continue; /* what the statement is about, not what it says */
		if (a.measure == ATOM_CODE && !code_noun(&s->w[a.value]))
			continue; /* no word to ask for it by */
		if (a.measure == ATOM_BARE && spelled)
			continue; /* "two", "one of the five": not a value of its own */
		rc = value_item(m, s, &a, e);
	}
	return rc;
}

/* Brackets that open and do not close, or the reverse: a statement cut in the wrong place. */
static bool is_balanced(const char *s)
{
	int round = 0, square = 0;
	bool code = false;
	for (; *s && round >= 0 && square >= 0; s++) {
		code ^= *s == '`';
		round += code ? 0 : (*s == '(') - (*s == ')');
		square += code ? 0 : (*s == '[') - (*s == ']');
	}
	return round == 0 && square == 0 && !code;
}

/*
 * Makes a statement of `n` words, its subject put in for "it" or "they". *antecedent is the subject of the statement before,
 * in the arena, or NULL; it is moved on.
 */
static int statement_make(struct maker *m, const struct word *w, size_t n, struct span span, const char **antecedent, struct err *e)
{
	struct clause c;
	clause_parse(w, n, &c);
	if (c.shape == CLAUSE_NONE || n > STATEMENT_WORDS) {
		*antecedent = NULL;
		return 0;
	}
	struct str text = words_text(w, 0, n), before = {"", 0}, subject = {"", 0};
	if (c.pronoun) {
		if (!*antecedent || c.lead || (word_is(&w[0], "it") && word_in(&w[c.verb], "is was takes makes")))
			return 0;
		struct word last = {*antecedent, strlen(*antecedent), false};
		const char *space = strrchr(*antecedent, ' ');
		if (space)
			last = (struct word){space + 1, strlen(space + 1), false};
		if (word_is_plural(&last) != word_is(&w[0], "they"))
			return 0;
		subject = (struct str){*antecedent, strlen(*antecedent)};
		text = words_text(w, 1, n);
		before = STR(" ");
	}
	int rc = ERR_RESOURCE;
	struct buf b = {0};
	if (buf_append(&b, subject.p, subject.n, e) < 0 || buf_append(&b, before.p, before.n, e) < 0 ||
		buf_append(&b, text.p, text.n, e) < 0 || buf_puts(&b, ".", e) < 0)
		goto done;
	b.p[0] = (char)toupper((unsigned char)b.p[0]);
	struct statement s = {.text = arena_strdup(m->arena, b.p, b.len, e), .span = span};
	if (!s.text)
		goto done;
	s.n = words_split((struct str){s.text, b.len}, s.w);
	clause_parse(s.w, s.n, &s.clause);
	if (s.clause.shape == CLAUSE_FULL && !c.pronoun) {
		*antecedent = copy(m, words_text(s.w, s.clause.subject, s.clause.subject_end), e);
		if (!*antecedent)
			goto done;
	}
	rc = 0;
	if (s.n && s.clause.shape != CLAUSE_NONE && is_balanced(s.text) && (rc = statement_item(m, &s, e)) == 0 &&
		(rc = refusal_from_statement(m, s.text, span, e)) == 0)
		rc = statement_facts(m, &s, e);
done:
	buf_release(&b);
	return rc;
}

/* The first word of a second main clause after word `from`, and in *end where the first one ends; n when there is none. */
static size_t second_clause(const struct word *w, size_t from, size_t n, size_t *end)
{
	struct clause a, b;
	for (size_t k = from + 2; k + 3 < n; k++) {
		if (!w[k].stop)
			continue;
		bool semicolon = memchr(w[k].p + w[k].n, ';', (size_t)(w[k + 1].p - w[k].p) - w[k].n) != NULL;
		size_t next = k + 1;
		if (word_in(&w[next], "and but while so"))
			next++;
		else if (!semicolon)
			continue;
		if (word_is(&w[next - 1], "so") && word_is(&w[next], "that"))
			continue;
		clause_parse(w + from, k + 1 - from, &a);
		clause_parse(w + next, n - next, &b);
		*end = k + 1;
		if (a.shape == CLAUSE_FULL && b.shape == CLAUSE_FULL)
			return next;
	}
	*end = n;
	return n;
}

int facts_from_block(struct maker *m, const struct block *b, struct err *e)
{
	struct str rest = {b->text, strlen(b->text)}, sentence;
	struct word w[SENTENCE_WORDS];
	const char *antecedent = NULL;
	int rc = 0;
	while (rc == 0 && sentence_next(&rest, &sentence)) {
		size_t n = words_split(sentence, w), end;
		if (n == 0 || sentence.p[sentence.n - 1] == '?' || sentence.p[sentence.n - 1] == ':') {
			antecedent = NULL;
			continue;
		}
		for (size_t from = 0; from < n && rc == 0;) {
			size_t next = second_clause(w, from, n, &end);
			rc = statement_make(m, w + from, end - from, b->span, &antecedent, e);
			from = next;
		}
	}
	return rc;
}

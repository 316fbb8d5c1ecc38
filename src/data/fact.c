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

#include "data/ask.h"
#include "data/ask_parts.h"
#include "data/atom.h"
#include "data/clause.h"
#include "data/phrase.h"
#include "data/refuse.h"
#include "data/request.h"
#include "data/simplify.h"
#include "data/vary.h"

enum { STATEMENT_WORDS = 36 };
#define COUNT(a) (sizeof(a) / sizeof *(a))

/*
 * Letters: I the statement with the question words in place, G with a gap, H heading, W question words, U unit, Z keywords, S
 * subject, K the same without its article, X auxiliary, V main verb after X, F the finite verb as it stands, R all that follows the
 * verb.
 */
static const char *const value_patterns[] = {
	"$I?",
	"Complete the sentence: $G",
	"#$Z $U",
	/* only where nothing better is known */
	"$H: $I?",
	"#$W $Z",
};
enum { FULL_PATTERNS = 3 };
static const char *const statement_patterns[] = {
	"$l$X $S $v $R?",
	"$lis it so that $S $F $R?",
};

/* Where few questions have come of the sentence. */
static const char *const keyword_patterns[] = {"#$Z"};
enum { NATURAL_LEAST = 5 };

/*
 * ---- question words
 * --------------------------------------------------------------------------------------------------------------
 */

/* What kind of thing a code span is by its looks; NULL when they do not tell. */
static const char *code_noun(const struct word *w)
{
	const char *p = w->p + word_is_code(w), *end = w->p + w->n - word_is_code(w);
	size_t n = (size_t)(end - p);
	if (*p == '-')
		return "which flag";
	if (n > 2 && end[-1] == ')' && isalpha((unsigned char)*p) && !memchr(p, ' ', n))
		return "which function";
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
	struct str unit = atom_unit(w, a), label = atom_label(w, a);
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
		if (atom_is_date(w, a))
			fixed = "which date";
		else if (w[a->value].n == 4 && (!memcmp(w[a->value].p, "19", 2) || !memcmp(w[a->value].p, "20", 2)) && a->value &&
			word_in(&w[a->value - 1], "in since until through by year before after from"))
			fixed = "which year";
		break;
	case ATOM_CODE:
		fixed = code_noun(&w[a->value]);
		fixed = fixed ? fixed : "what";
		break;
	}
	return arena_strdup(m->arena, fixed, strlen(fixed), e);
}

/*
 * ---- one value
 * ----------------------------------------------------------------------------------------------------------------------
 */

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

/* "The query above", "the following table", "this article": what only the place in its document tells. */
static bool points_away(const struct statement *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct word *w = &s->w[i];
		bool ends = i + 1 == s->n || w->stop || word_is_auxiliary(w + 1) || word_is_preposition(w + 1);
		char base[32];
		if ((word_in(w, "above below") && (ends || verb_form(w + 1, base) == VERB_THIRD)) || word_is(w, "aforementioned"))
			return true;
		if (i + 1 < s->n && word_in(w, "the this these") &&
			word_in(w + 1,
				"following previous preceding example examples article page paragraph section document chart graph "
				"matrix"))
			return true;
	}
	return false;
}

/* The statement itself, whatever it says. */
static int statement_item(struct maker *m, const struct statement *s, struct err *e)
{
	const struct clause *c = &s->clause;
	struct parts p = {0};
	if (word_in(&s->w[c->subject], "its their this that these those such") ||
		(c->lead && word_in(&s->w[1], "then that this")) || points_away(s) || word_in(&s->w[0], "then otherwise instead"))
		return 0; /* about something that only its neighbours name */
	struct item it = {.kind = ITEM_STATEMENT, .answer = s->text, .span = s->span};
	PART(&p, 'Z') = statement_keywords(m, s, STR(""), e);
	PART(&p, 'H') = m->section->title;
	if (!PART(&p, 'Z'))
		return ERR_RESOURCE;
	if (c->shape == CLAUSE_FULL && !ask_is_tied(s)) {
		bool article = word_in(&s->w[c->subject], "a an the");
		struct str subject = words_text(s->w, c->subject, c->subject_end);
		PART(&p, 'S') = names_lower_first(m->names, m->arena, subject, e);
		PART(&p, 'K') = copy(m, words_text(s->w, c->subject + article, c->subject_end), e);
		PART(&p, 'F') = copy(m, words_text(s->w, c->subject_end, c->verb + 1), e);
		PART(&p, 'X') = c->auxiliary ? PART(&p, 'F') : c->plural ? "do" : "does";
		PART(&p, 'V') = c->auxiliary ? NULL : arena_strdup(m->arena, c->base, strlen(c->base), e);
		PART(&p, 'R') = copy(m, words_text(s->w, c->verb + 1, s->n), e);
		if (c->lead) {
			const char *lead = names_lower_first(m->names, m->arena, words_text(s->w, 0, c->lead), e);
			if (!lead || !(PART(&p, 'L') = text_concat(m, lead, ", ", "", e)))
				return ERR_RESOURCE;
		}
		if (!PART(&p, 'S') || !PART(&p, 'K') || !PART(&p, 'F') || !PART(&p, 'R'))
			return ERR_RESOURCE;
	}
	struct cores cores = {.n = 0};
	int rc = cores_add(&cores, statement_patterns, COUNT(statement_patterns), &p, m->arena, e);
	if (rc == 0)
		rc = ask_statement(&cores, m, s, e);
	if (rc == 0 && cores.n < NATURAL_LEAST)
		rc = cores_add(&cores, keyword_patterns, COUNT(keyword_patterns), &p, m->arena, e);
	return rc < 0 ? rc : item_ask_cores(m, &it, &cores, e);
}

static int value_item(struct maker *m, const struct statement *s, const struct atom *a, struct err *e)
{
	struct parts p = {0};
	struct slot k;
	struct cores cores = {.n = 0};
	bool counted = a->measure == ATOM_COUNT || a->measure == ATOM_TIME || a->measure == ATOM_SIZE;
	PART(&p, 'H') = strchr(m->section->title, '?') ? NULL : m->section->title;
	PART(&p, 'W') = question_words(m, s->w, a, e);
	PART(&p, 'U') = counted ? copy(m, atom_unit(s->w, a), e) : NULL;
	PART(&p, 'Z') = statement_keywords(m, s, words_text(s->w, a->value, a->value_end), e);
	if (!PART(&p, 'W') || !PART(&p, 'Z'))
		return ERR_RESOURCE;
	PART(&p, 'G') = replaced(m, s, a->value, a->value_end, "___", true, e);
	const char *inner = replaced(m, s, a->first, a->end, PART(&p, 'W'), false, e);
	PART(&p, 'I') = inner ? names_lower_first(m->names, m->arena, (struct str){inner, strlen(inner)}, e) : NULL;
	if (!PART(&p, 'G') || !PART(&p, 'I'))
		return ERR_RESOURCE;

	bool full = slot_find(&k, s, a);
	struct str subject = s->clause.shape == CLAUSE_FULL && a->first > s->clause.verb
		? words_text(s->w, s->clause.subject, s->clause.subject_end)
		: (struct str){m->section->title, strlen(m->section->title)};
	struct item it = {.kind = ITEM_VALUE, .answer = s->text, .span = s->span};
	it.subject = names_lower_first(m->names, m->arena, subject, e);
	it.value = copy(m, words_text(s->w, a->value, a->value_end), e);
	it.asks = PART(&p, 'W') = k.often && full ? "how often" : PART(&p, 'W');
	if (!it.subject || !it.value)
		return ERR_RESOURCE;
	if (a->measure == ATOM_BARE && !strcmp(it.asks, "what value")) {
		PART(&p, 'W') = "what"; /* "what is the default?" */
		if (!full || k.start != s->clause.verb + 1)
			PART(&p, 'I') = NULL; /* "Windows what?" */
	}
	int rc = cores_add(&cores, value_patterns, full ? FULL_PATTERNS : COUNT(value_patterns), &p, m->arena, e);
	if (rc == 0)
		rc = ask_value(&cores, m, s, a, PART(&p, 'W'), e);
	return rc < 0 ? rc : item_ask_cores(m, &it, &cores, e);
}

/*
 * ---- statements
 * ----------------------------------------------------------------------------------------------------------------------
 */

/* One of a list of names, the number of a name ("IEEE 754"), a date in brackets: nobody asks for that one alone. */
static bool is_aside(const struct statement *s, const struct atom *a)
{
	const struct word *w = s->w;
	size_t i = a->value, end = a->value_end;
	bool and_before = i > 1 && word_in(&w[i - 1], "and or"), and_behind = end + 1 < s->n && word_in(&w[end], "and or");
	const struct word *before = i > 0 ? &w[i - 1 - and_before] : NULL,
			  *behind = end + and_behind < s->n ? &w[end + and_behind] : NULL;
	if (a->measure == ATOM_CODE &&
		((before && (and_before || before->stop) && word_is_symbol(before)) ||
			(behind && (and_behind || w[end - 1].stop) && word_is_symbol(behind))))
		return true;
	if (a->measure != ATOM_BARE || !before)
		return false;
	return atom_is_date(w, a) || (w[i].n == 4 && w[i].p[-1] == '(') ? w[i].p[-1] == '('
									: i > 1 && a->first == i && !before->stop && !and_before &&
			isupper((unsigned char)before->p[0]) && !word_is_function(before);
}

static int statement_facts(struct maker *m, const struct statement *s, bool *asked, struct err *e)
{
	struct atom a;
	int rc = 0;
	struct slot k;
	for (size_t from = 0; rc == 0 && atom_next(s->w, s->n, from, &a); from = a.value_end) {
		atom_extend(s->w, s->n, &a);
		bool in_subject = s->clause.shape == CLAUSE_FLAT || a.first < s->clause.verb;
		bool spelled = isalpha((unsigned char)s->w[a.value].p[0]);
		if (in_subject && (a.measure == ATOM_CODE || a.measure == ATOM_LABELLED || a.measure == ATOM_COUNT))
			continue; /* what the statement is about, not what it says */
		if (is_aside(s, &a))
			continue;
		if (in_subject && s->clause.shape == CLAUSE_FULL && a.measure == ATOM_BARE && a.first >= s->clause.lead &&
			!atom_is_date(s->w, &a))
			continue; /* "ISO 754 is ..." */
		if (a.measure == ATOM_CODE && !code_noun(&s->w[a.value]) && !slot_find(&k, s, &a))
			continue; /* no word to ask for it by */
		if (a.value_end - a.first == s->n || points_away(s))
			continue; /* nothing but a value, or one of what is not here */
		if (a.measure == ATOM_BARE && spelled)
			continue; /* "two", "one of the five": not a value of its own */
		rc = value_item(m, s, &a, e);
		*asked = true;
	}
	return rc;
}

/* Brackets that open and do not close, or the reverse: a statement cut in the wrong place. */
static bool is_balanced(const char *s)
{
	int round = 0, square = 0, quotes = 0;
	bool code = false;
	for (; *s && round >= 0 && square >= 0; s++) {
		code ^= *s == '`';
		round += code ? 0 : (*s == '(') - (*s == ')');
		square += code ? 0 : (*s == '[') - (*s == ']');
		quotes += *s == '"';
	}
	return round == 0 && square == 0 && !code && quotes % 2 == 0;
}

/* How many words only tie the statement to the one before: "However,", "In other words,", "Note that". It is as true without them. */
static size_t connective(const struct word *w, size_t n)
{
	static const char *const tie[] = {"in other words", "in fact", "in particular", "in addition", "for example",
		"for instance", "as a result", "for this reason", "of course", "note that", "note also that", "that is", "even so",
		"however", "also", "hence", "thus", "therefore", "moreover", "furthermore", "additionally", "consequently",
		"indeed", "similarly", "likewise", "and", "but", "so", "or"};
	for (size_t i = 0; i < COUNT(tie); i++) {
		struct word t[4];
		size_t k = 0, n_tie = 0;
		for (const char *p = tie[i]; *p; p += strspn(p, " ")) {
			t[n_tie++] = (struct word){p, strcspn(p, " "), false};
			p += strcspn(p, " ");
		}
		while (k < n_tie && k < n && t[k].n == w[k].n && !strncasecmp(t[k].p, w[k].p, w[k].n))
			k++;
		if (k == n_tie && k + 3 <= n && !(word_in(&w[k - 1], "so that") && word_is(&w[k], "that")))
			return k;
	}
	return 0;
}

/*
 * Makes a statement of `n` words, its subject put in for "it" or "they". *antecedent is the subject of the statement before,
 * in the arena, or NULL; it is moved on.
 */
static int statement_make(struct maker *m, const struct word *w, size_t n, struct span span, const char **antecedent, struct err *e)
{
	struct clause c;
	for (size_t tie; (tie = connective(w, n)) != 0; n -= tie)
		w += tie;
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
	bool asked = false; /* for a value: the statement needs no questions of its own */
	if (s.n && s.clause.shape != CLAUSE_NONE && is_balanced(s.text)) {
		rc = statement_facts(m, &s, &asked, e);
		if (rc == 0 && !asked)
			rc = statement_item(m, &s, e);
		if (rc == 0)
			rc = refusal_from_statement(m, s.text, span, e);
	}
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

enum { LABEL_WORDS = 5, LABELLED_WORDS = 14 };

/* Words of the label of an item "Max row size: 1 gigabyte", which is all it says; 0: it is none. The value begins at *value. */
static size_t label_words(const struct block *b, struct word w[SENTENCE_WORDS], size_t *n, struct str *value)
{
	const char *colon = b->kind == BLOCK_ITEM && !b->bold ? strstr(b->text, ": ") : NULL;
	struct str rest = {b->text, colon ? strlen(b->text) : 0}, s; /* a table has no text */
	struct atom a;
	if (!colon || !isalpha((unsigned char)b->text[0]) || !sentence_next(&rest, &s) || rest.n)
		return 0;
	*n = words_split(s, w);
	size_t label = 0;
	while (label < *n && w[label].p < colon && !word_is_auxiliary(&w[label]) &&
		(!w[label].stop || w[label].p + w[label].n == colon))
		label++;
	if (!label || label > LABEL_WORDS || label >= *n || *n > LABELLED_WORDS || w[label - 1].p + w[label - 1].n != colon ||
		!atom_next(w, *n, label, &a))
		return 0;
	for (size_t i = label; i < *n; i++)
		if (word_is_auxiliary(&w[i])) /* a sentence of its own */
			return 0;
	*value = words_text(w, label, *n);
	return label;
}

/* The sentence that an item with a label stands for, where its neighbour in the list has one too: "The max row size is 1 gigabyte."; else *out stays. */
static int label_sentence(const char **out, const struct maker *m, const struct block *b, struct err *e)
{
	const struct block *all = m->document->blocks, *end = all + m->document->n_blocks;
	struct word w[SENTENCE_WORDS], other[SENTENCE_WORDS];
	struct str value, ignored;
	size_t n, k;
	bool beside = (b > all && b[-1].list == b->list && label_words(b - 1, other, &k, &ignored)) ||
		(b + 1 < end && b[1].list == b->list && label_words(b + 1, other, &k, &ignored));
	size_t label = beside ? label_words(b, w, &n, &value) : 0;
	if (!label)
		return 0;
	const char *full = word_is(&w[0], "max") ? "maximum" : word_is(&w[0], "min") ? "minimum" : NULL;
	const char *name = names_lower_first(m->names, m->arena, words_text(w, full && label > 1, label), e);
	struct buf s = {0};
	if (name && full && label > 1)
		name = text_concat(m, full, " ", name, e);
	int rc = !name ? ERR_RESOURCE
		       : buf_printf(&s, e, "%s%s %s %.*s.", word_is_symbol(&w[0]) || word_is_article(&w[0]) ? "" : "The ", name,
				 word_is_plural(&w[label - 1]) ? "are" : "is", (int)value.n, value.p);
	if (rc == 0 && !(*out = arena_strdup(m->arena, s.p, s.len, e)))
		rc = ERR_RESOURCE;
	buf_release(&s);
	return rc;
}

int facts_from_block(struct maker *m, const struct block *b, struct err *e)
{
	const char *text = b->text, *antecedent = NULL;
	int rc = label_sentence(&text, m, b, e);
	if (rc == 0)
		rc = text_simplify(&text, text, m->arena, e);
	struct str rest = {text, rc < 0 ? 0 : strlen(text)}, sentence;
	struct word w[SENTENCE_WORDS];
	while (rc == 0 && sentence_next(&rest, &sentence)) {
		size_t n = words_split(sentence, w), end;
		if (n == 0 || sentence.p[sentence.n - 1] == '?' || sentence.p[sentence.n - 1] == ':') {
			antecedent = NULL;
			continue;
		}
		rc = request_item(m, sentence, b->span, e);
		for (size_t from = 0; from < n && rc == 0;) {
			size_t next = second_clause(w, from, n, &end);
			rc = statement_make(m, w + from, end - from, b->span, &antecedent, e);
			from = next;
		}
	}
	return rc;
}

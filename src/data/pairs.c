/*
 * What the structure of a document asks by itself: a heading with a question mark, a request with its steps, a glossary
 * entry, a definition, a topic.
 */
#include "data/pairs.h"

#include <ctype.h>
#include <string.h>

#include "data/clause.h"
#include "data/phrase.h"
#include "data/vary.h"

enum { ANSWER_WORDS = 45, TOPIC_WORDS = 30, STEPS_WORDS = 90, STEP_WORDS = 24, TERM_WORDS = 5 };
#define COUNT(a) (sizeof(a) / sizeof *(a))

/*
 * Letters: T the heading, term or step, S a defined subject with its article, M its meaning, B the heading above, Z keywords, N
 * what the documents are about.
 */
static const char *const faq_patterns[] = {
	"$T?",
	"$B: $T?",
	"#$Z",
};
static const char *const howto_patterns[] = {
	"How do I $T?",
	"How can I $T?",
	"What are the steps to $T?",
	"I want to $T. What do I have to do?",
	"Explain how to $T.",
	"#how to $T",
};
static const char *const first_step_patterns[] = {
	"What is the first step to $T?",
	"I want to $T. Where do I start?",
};
static const char *const next_step_patterns[] = {
	"I am about to $T. What comes after \"$S\"?",
};
static const char *const term_patterns[] = {
	"What does \"$T\" mean?",
	"What is meant by \"$T\"?",
	"Define the term \"$T\".",
	"What is $T?",
	"Explain the term \"$T\" as $N uses it.",
	"What is the word for $M?",
	"What do you call $M?",
	"How does $N call $M?",
	"#word for $M",
};
static const char *const definition_patterns[] = {
	"What $Y $S?",
	"Tell me what $S $Y.",
	"Explain what $S $Y.",
	"How would you define $S?",
	"Can you explain what $S $Y?",
};
static const char *const topic_patterns[] = {
	"$B: what should I know about $T?",
	"What does the $N documentation say about $T?",
	"#$B $T",
};

static size_t words_count(const char *s)
{
	size_t n = 0;
	for (bool in = false; *s; s++) {
		n += *s != ' ' && !in;
		in = *s != ' ';
	}
	return n;
}

/* The text of a request without its full stop, so that it can follow "to": its verb is small whatever buttons are called. */
static char *request_text(const struct maker *m, const char *s, struct err *e)
{
	size_t n = strlen(s);
	char *copy = arena_strdup(m->arena, s, n - (n && s[n - 1] == '.'), e);
	if (copy)
		copy[0] = (char)tolower((unsigned char)copy[0]);
	return copy;
}

static const struct block *section_block(const struct maker *m, size_t i)
{
	return &m->document->blocks[m->section->block + i];
}

/* The first paragraph of the section when it has at most max_words, else its first sentence; NULL when there is none. */
static int section_answer(const struct maker *m, size_t max_words, const char **out, struct span *span, struct err *e)
{
	*out = NULL;
	for (size_t i = 0; i < m->section->n_blocks; i++) {
		const struct block *b = section_block(m, i);
		if (b->kind != BLOCK_PARAGRAPH || b->bold)
			continue;
		struct str rest = {b->text, strlen(b->text)}, first;
		if (rest.p[rest.n - 1] == ':')
			return 0; /* announces what follows */
		*span = b->span;
		*out = b->text;
		if (words_count(b->text) <= max_words)
			return 0;
		if (!sentence_next(&rest, &first) || first.n > max_words * 8)
			*out = NULL;
		else if (!(*out = arena_strdup(m->arena, first.p, first.n, e)))
			return ERR_RESOURCE;
		return 0;
	}
	return 0;
}

/*
 * ---- requests and their steps
 * --------------------------------------------------------------------------------------------------------------
 */

/* The ordered list of a section: index of its first item and their number. */
static size_t steps_find(const struct maker *m, size_t *first)
{
	size_t n = 0;
	for (size_t i = 0; i < m->section->n_blocks; i++) {
		const struct block *b = section_block(m, i);
		if (b->kind != BLOCK_ITEM || b->ordinal != n + 1)
			continue;
		if (n == 0)
			*first = i;
		else if (b->list != section_block(m, *first)->list)
			break;
		n++;
	}
	return n;
}

/* "First, ..." or "Then ...": what a step is, asked from the step before it. */
static int step_item(struct maker *m, const struct block *before, const struct block *b, struct parts *p, struct err *e)
{
	struct item it = {.kind = ITEM_STEP, .span = b->span};
	if (words_count(b->text) > STEP_WORDS || (before && words_count(before->text) > STEP_WORDS))
		return 0;
	if (before)
		PART(p, 'S') = request_text(m, before->text, e);
	PART(p, 'A') = request_text(m, b->text, e);
	if (!PART(p, 'A') || (before && !PART(p, 'S')))
		return ERR_RESOURCE;
	int rc = phrase_fill(&it.answer, before ? "Then $A." : "First, $A.", p, m->arena, e);
	if (rc < 0)
		return rc;
	return before ? item_ask(m, &it, next_step_patterns, COUNT(next_step_patterns), p, e)
		      : item_ask(m, &it, first_step_patterns, COUNT(first_step_patterns), p, e);
}

static int steps_items(struct maker *m, size_t first, size_t n, struct parts *p, struct err *e)
{
	int rc = 0;
	struct buf all = {0};
	const struct block *b = section_block(m, first), *before = NULL, *last = b;
	for (size_t i = 0, list = b->list; i < n && rc == 0; b++) {
		if (b->list != list || b->ordinal != i + 1)
			continue;
		rc = buf_printf(&all, e, "%s%zu. %s", i ? " " : "", b->ordinal, b->text);
		i++;
		if (rc == 0)
			rc = step_item(m, before, b, p, e);
		before = last = b;
	}
	if (rc == 0 && words_count(all.p) <= STEPS_WORDS) {
		struct item it = {.kind = ITEM_HOWTO, .span = {section_block(m, first)->span.start, last->span.end}};
		it.answer = arena_strdup(m->arena, all.p, all.len, e);
		rc = it.answer ? item_ask(m, &it, howto_patterns, COUNT(howto_patterns), p, e) : ERR_RESOURCE;
	}
	buf_release(&all);
	return rc;
}

/*
 * Does the text ask to do something? A first word that is also a noun ("Search results") counts when what follows cannot be
 * its verb or head.
 */
static bool is_request(const char *text)
{
	struct word w[SENTENCE_WORDS];
	struct str rest = {text, strlen(text)}, first;
	char base[32];
	size_t n = sentence_next(&rest, &first) ? words_split(first, w) : 0;
	return n >= 2 && verb_form(&w[0], base) == VERB_BASE && verb_form(&w[1], base) != VERB_THIRD && !word_is_auxiliary(&w[1]) &&
		!word_in(&w[1], "and or");
}

/*
 * ---- definitions
 * -------------------------------------------------------------------------------------------------------------------------------
 */

/* "**Vault**: the archive of ...": a bold term, a colon or dash, its meaning. */
static int glossary_item(struct maker *m, const struct block *b, struct err *e)
{
	struct str term = {b->text, b->bold};
	const char *meaning = b->text + b->bold;
	bool mark = b->bold && b->text[b->bold - 1] == ':';
	meaning += strspn(meaning, " ");
	if (!mark) {
		size_t n = *meaning == ':' || (*meaning == '-' && meaning[1] == ' ')                     ? 1
			: !strncmp(meaning, "\xe2\x80\x93 ", 4) || !strncmp(meaning, "\xe2\x80\x94 ", 4) ? 3
													 : 0;
		if (!n)
			return 0;
		meaning += n;
		meaning += strspn(meaning, " ");
	}
	while (term.n && strchr(": ", term.p[term.n - 1]))
		term.n--;
	size_t n_meaning = strlen(meaning);
	if (!term.n || !n_meaning || words_count(meaning) > ANSWER_WORDS)
		return 0;
	struct parts p = {0};
	struct item it = {.kind = ITEM_DEFINITION, .span = b->span, .value = meaning};
	struct str phrase = {meaning, n_meaning - (meaning[n_meaning - 1] == '.')};
	it.subject = PART(&p, 'T') = names_lower_first(m->names, m->arena, term, e);
	PART(&p, 'M') = names_lower_first(m->names, m->arena, phrase, e);
	PART(&p, 'N') = names_subject(m->names);
	if (!PART(&p, 'T') || !PART(&p, 'M') || words_count(PART(&p, 'T')) > TERM_WORDS)
		return PART(&p, 'T') && PART(&p, 'M') ? 0 : ERR_RESOURCE;
	int rc = phrase_fill(&it.answer, *PART(&p, 'N') ? "In $N, \"$T\" means $M." : "\"$T\" means $M.", &p, m->arena, e);
	return rc < 0 ? rc : item_ask(m, &it, term_patterns, COUNT(term_patterns), &p, e);
}

/* "An ordering key is a field of ...": the first sentence that says what a short subject is. */
static int definition_items(struct maker *m, const struct block *b, struct err *e)
{
	struct str rest = {b->text, strlen(b->text)}, s;
	struct word w[SENTENCE_WORDS];
	struct clause c;
	int rc = 0;
	while (rc == 0 && sentence_next(&rest, &s)) {
		size_t n = words_split(s, w);
		clause_parse(w, n, &c);
		if (c.shape != CLAUSE_FULL || c.pronoun || c.lead || c.verb + 2 >= n || c.subject_end > TERM_WORDS ||
			!word_in(&w[c.verb], "is are") || !word_in(&w[c.verb + 1], "a an the"))
			continue;
		struct parts p = {0};
		struct item it = {.kind = ITEM_DEFINITION, .span = b->span};
		it.answer = arena_strdup(m->arena, s.p, s.n, e);
		it.subject = PART(&p, 'S') = names_lower_first(m->names, m->arena, words_text(w, 0, c.subject_end), e);
		struct str value = words_text(w, c.verb + 1, n);
		it.value = arena_strdup(m->arena, value.p, value.n, e);
		if (!it.answer || !it.subject || !it.value)
			return ERR_RESOURCE;
		PART(&p, 'Y') = word_is(&w[c.verb], "is") ? "is" : "are";
		PART(&p, 'N') = strcasestr(it.subject, names_subject(m->names)) ? NULL : names_subject(m->names);
		rc = item_ask(m, &it, definition_patterns, COUNT(definition_patterns), &p, e);
	}
	return rc;
}

/*
 * ---- public
 * ------------------------------------------------------------------------------------------------------------------------------------
 */

/* The heading above: the last but one link of the breadcrumb. */
static const char *heading_above(const struct maker *m, struct err *e)
{
	const char *p = m->section->heading, *last = NULL, *before = p;
	for (const char *next; (next = strstr(p, " > ")); p = next + 3) {
		before = last ? last + 3 : m->section->heading;
		last = next;
	}
	return last ? arena_strdup(m->arena, before, (size_t)(last - before), e) : arena_strdup(m->arena, "", 0, e);
}

static const char *heading_keywords(const struct maker *m, struct err *e)
{
	struct buf b = {0};
	struct str heading = {m->section->heading, strlen(m->section->heading)};
	const char *made = keywords_add(&b, heading, STR(""), e) == 0 ? arena_strdup(m->arena, b.p ? b.p : "", b.len, e) : NULL;
	buf_release(&b);
	return made;
}

static int heading_items(struct maker *m, struct err *e)
{
	struct parts p = {0};
	struct span span = {0};
	const char *answer;
	size_t n = strlen(m->section->title), first = 0, steps;
	bool question = n && m->section->title[n - 1] == '?', request = !question && is_request(m->section->title);
	int rc = section_answer(m, question || request ? ANSWER_WORDS : TOPIC_WORDS, &answer, &span, e);
	if (rc < 0 || !n)
		return rc;
	const char *lower = names_lower_first(m->names, m->arena, (struct str){m->section->title, n - question}, e);
	PART(&p, 'T') = request && lower ? request_text(m, lower, e) : lower;
	PART(&p, 'N') = lower && strcasestr(lower, names_subject(m->names)) ? NULL : names_subject(m->names);
	PART(&p, 'B') = heading_above(m, e);
	PART(&p, 'Z') = heading_keywords(m, e);
	if (!PART(&p, 'T') || !PART(&p, 'B') || !PART(&p, 'Z'))
		return ERR_RESOURCE;
	steps = request ? steps_find(m, &first) : 0;
	if (steps >= 2)
		return steps_items(m, first, steps, &p, e);
	if (!answer)
		return 0;
	struct item it = {.answer = answer, .span = span};
	if (question) {
		it.kind = ITEM_FAQ;
		return item_ask(m, &it, faq_patterns, COUNT(faq_patterns), &p, e);
	}
	if (request) {
		it.kind = ITEM_HOWTO; /* only when the answer says what to do */
		return is_request(answer) ? item_ask(m, &it, howto_patterns, COUNT(howto_patterns), &p, e) : 0;
	}
	struct word w = {m->section->title, strcspn(m->section->title, " "), false};
	it.kind = ITEM_SECTION;
	return word_is_function(&w) && !word_is_article(&w) ? 0 : item_ask(m, &it, topic_patterns, COUNT(topic_patterns), &p, e);
}

int pairs_from_section(struct maker *m, struct err *e)
{
	int rc = heading_items(m, e);
	for (size_t i = 0; i < m->section->n_blocks && rc == 0; i++) {
		const struct block *b = section_block(m, i);
		if (b->kind != BLOCK_PARAGRAPH && b->kind != BLOCK_ITEM)
			continue;
		rc = b->bold ? glossary_item(m, b, e) : definition_items(m, b, e);
	}
	return rc;
}

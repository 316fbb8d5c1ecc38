/*
 * Requests: a sentence in the imperative answers how to reach its purpose, which stands behind "to", in front of a comma or in the
 * heading, and which command, header or button serves it.
 */
#include "data/request.h"

#include <ctype.h>
#include <string.h>

#include "data/ask_parts.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Letters: P the purpose ("resume an endpoint"), W what asks for the object of the request, V its verb, A what follows, C a condition
 * as a sentence, J the condition. */
static const char *const patterns[] = {
	"How do I $P?",
	"How can we $P?",
	"What do I have to do to $P?",
	"We'd like to $P. How does that work?",
	"What should I do $J?",
	"$C. What can I do?",
	"$W do I $V $a to $P?",
	"I have to $P. $W do I $V $a?",
	"$W helps me to $P?",
	"$C. $W do I $V $a?",
	"$W do I $V $A?",
	"$W should we $V $A?",
};

static bool is_base(const struct word *w)
{
	char base[32];
	return verb_form(w, base) == VERB_BASE;
}

/* The verb whose object has a name: "press Resume", "run `x`", "add the header `X-Y`". Returns n when there is none. */
static size_t named_object(const struct word *w, size_t first, size_t n, struct atom *a)
{
	for (size_t i = first; i + 1 < n; i++) {
		bool opens = i == first || w[i - 1].stop || word_in(&w[i - 1], "and then or");
		*a = (struct atom){0};
		if (!opens || !is_base(&w[i]))
			continue;
		if (atom_next(w, n, i + 1, a) && a->first == i + 1 && (a->measure == ATOM_LABELLED || a->measure == ATOM_CODE))
			return i;
		if (word_in(&w[i], "press click") && isupper((unsigned char)w[i + 1].p[0])) {
			*a = (struct atom){.measure = ATOM_BARE, .first = i + 1, .end = i + 2};
			while (a->end < n && !w[a->end - 1].stop && isupper((unsigned char)w[a->end].p[0]))
				a->end++;
			return i;
		}
	}
	return n;
}

static const char *object_words(const struct maker *m, const struct word *w, size_t verb, const struct atom *a, struct err *e)
{
	if (a->measure == ATOM_BARE)
		return "Which button";
	if (a->measure == ATOM_LABELLED) {
		const char *label = text_copy(m, atom_label(w, a), e);
		return label ? text_concat(m, "Which ", label, "", e) : NULL;
	}
	return word_in(&w[verb], "run execute") ? "Which command" : w[a->value].p[1] == '-' ? "Which flag" : "What";
}

/* A heading that is a request itself says what the section's requests are for. */
static const char *heading_purpose(const struct maker *m, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	const char *title = m->section->title;
	size_t n = words_split((struct str){title, strlen(title)}, w);
	bool request = n >= 2 && is_base(&w[0]) && !is_base(&w[1]) && !word_is_auxiliary(&w[1]) && !word_in(&w[1], "and or");
	char *copy = request ? arena_strdup(m->arena, title, strlen(title), e) : NULL;
	if (copy)
		copy[0] = (char)tolower((unsigned char)copy[0]);
	return copy;
}

static size_t pause(const struct word *w, size_t first, size_t n)
{
	size_t i = first;
	while (i < n && !w[i].stop)
		i++;
	return i < n ? i + 1 : n;
}

int request_item(struct maker *m, struct str sentence, struct span span, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	struct atom a;
	struct parts p = {0};
	struct cores cores = {.n = 0};
	size_t n = words_split(sentence, w), deed = 0, end;
	if (n < 3 || word_in(&w[0], "let note see suppose consider"))
		return 0;
	if (word_in(&w[0], "to if when once while")) {
		deed = pause(w, 0, n);
		if (deed + 1 >= n || deed < 3 || (word_is(&w[0], "to") && !is_base(&w[1])))
			return 0;
		if (word_is(&w[0], "to"))
			PART(&p, 'P') = text_copy(m, words_text(w, 1, deed), e);
		else if ((PART(&p, 'C') = condition(m, w, 0, deed, e)))
			PART(&p, 'J') = names_lower_first(m->names, m->arena, words_text(w, 0, deed), e);
	}
	if (!is_base(&w[deed]) || word_is_auxiliary(&w[deed + 1]) || word_in(&w[deed + 1], "and or"))
		return 0;
	size_t verb = named_object(w, deed, n, &a);
	end = verb < n ? pause(w, a.end - 1, n) : n;
	for (size_t i = verb < n ? a.end : n; i < end && !PART(&p, 'P'); i++)
		if (word_is(&w[i], "to") && i + 1 < end && is_base(&w[i + 1]) && (i + 2 == end || !is_base(&w[i + 2]))) {
			PART(&p, 'P') = text_copy(m, words_text(w, i + 1, end), e);
			end = i;
		}
	if (verb < n) {
		PART(&p, 'W') = object_words(m, w, verb, &a, e);
		PART(&p, 'V') = names_lower_first(m->names, m->arena, words_text(w, verb, verb + 1), e);
		PART(&p, 'A') = w[a.end - 1].stop || a.measure == ATOM_BARE ? "" : text_copy(m, words_text(w, a.end, end), e);
		if (!PART(&p, 'P') && !PART(&p, 'C'))
			PART(&p, 'P') = heading_purpose(m, e);
	}
	if (PART(&p, 'P') && strstr(PART(&p, 'P'), " them"))
		PART(&p, 'P') = NULL; /* only its neighbours say what */
	struct item it = {.kind = ITEM_HOWTO, .span = span, .answer = text_copy(m, sentence, e)};
	int rc = it.answer ? cores_add(&cores, patterns, COUNT(patterns), &p, m->arena, e) : ERR_RESOURCE;
	return rc < 0 ? rc : item_ask_cores(m, &it, &cores, e);
}

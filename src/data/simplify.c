/*
 * Simplification before questions are made, after Heilman and Smith ("Extracting simplified statements for factual question generation",
 * 2010): only what closed lists can decide. A name is code by its looks; nothing is known of other relative clauses or pronouns.
 */
#include "data/simplify.h"

#include <string.h>

/* What reference documentation calls a thing that it has just named. */
static const char things[] =
	"macro parameter option limit flag setting variable constant pragma command keyword attribute property header field";

/* The only name in a sentence; NULL when there is none, or more than one. */
static const struct word *only_name(const struct word *w, size_t n)
{
	const struct word *found = NULL;
	for (size_t i = 0; i < n; i++) {
		if (!word_is_symbol(&w[i]))
			continue;
		if (found && (found->n != w[i].n || memcmp(found->p, w[i].p, w[i].n)))
			return NULL;
		found = &w[i];
	}
	return found;
}

/* Does a sentence call its name a `thing`: "the macro X", "the X parameter"? A limit is also what something is limited to. */
static bool is_called(const struct word *w, size_t n, const struct word *name, const struct word *thing)
{
	bool limit = word_is(thing, "limit");
	for (size_t i = 0; i < n; i++) {
		if (w[i].n != name->n || memcmp(w[i].p, name->p, name->n))
			continue;
		for (size_t k = i ? i - 1 : i + 1; k <= i + 1 && k < n; k += 2)
			if ((k < i || !w[i].stop) &&
				((limit && word_in(&w[k], things)) ||
					(w[k].n == thing->n && !strncasecmp(w[k].p, thing->p, thing->n))))
				return true;
		if (limit && i > 1 && word_is(&w[i - 1], "to") && word_is(&w[i - 2], "limited"))
			return true;
	}
	return false;
}

/* Where "this limit" starts; n where it does not stand. */
static size_t thing_find(const struct word *w, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (word_is(&w[i], "this") && word_in(&w[i + 1], things) && !w[i].stop &&
			(i + 2 >= n || w[i + 1].stop || word_is_function(&w[i + 2])))
			return i;
	return n;
}

/* The sentence with `name` in place of "this limit". *then: the word "then" behind a condition goes. */
static int sentence_add(struct buf *b, struct str s, const struct word *w, size_t n, const struct word *name, struct err *e)
{
	const char *from = s.p, *end = s.p + s.n;
	size_t thing = name ? thing_find(w, n) : n;
	int rc = b->len ? buf_puts(b, " ", e) : 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		bool then = i > 2 && w[i - 1].stop && word_is(&w[i], "then") && word_in(&w[0], "if when once") && !w[i].stop &&
			i + 1 < n;
		if (!then && i != thing)
			continue;
		rc = buf_append(b, from, (size_t)(w[i].p - from), e);
		if (rc == 0 && i == thing)
			rc = buf_append(b, name->p, name->n, e);
		from = then ? w[i + 1].p : w[i + 1].p + w[i + 1].n;
	}
	return rc < 0 ? rc : buf_append(b, from, (size_t)(end - from), e);
}

/* "... SQLITE_MAX_ATTACHED which is set to 10 by default": what is said of the name, as a sentence. */
static int relative_add(struct buf *b, const struct word *w, size_t n, struct err *e)
{
	for (size_t i = 2; i + 2 < n; i++) {
		if (!word_is(&w[i], "which") || !word_is_symbol(&w[i - 1]) ||
			!(word_in(&w[i + 1], "is defaults was can has") || verb_form(&w[i + 1], (char[32]){0}) == VERB_THIRD))
			continue;
		size_t end = i + 1;
		while (end < n && !w[end].stop)
			end++;
		struct str rest = words_text(w, i + 1, end < n ? end + 1 : n);
		return buf_printf(b, e, " %.*s %.*s.", (int)w[i - 1].n, w[i - 1].p, (int)rest.n, rest.p);
	}
	return 0;
}

int text_simplify(const char **out, const char *text, struct arena *a, struct err *e)
{
	struct str rest = {text, strlen(text)}, s;
	struct word w[SENTENCE_WORDS], before[SENTENCE_WORDS];
	const struct word *name = NULL;
	size_t n_before = 0;
	struct buf b = {0};
	int rc = 0;
	while (rc == 0 && sentence_next(&rest, &s)) {
		size_t n = words_split(s, w);
		size_t thing = thing_find(w, n);
		bool known = name && thing < n && is_called(before, n_before, name, &w[thing + 1]);
		rc = sentence_add(&b, s, w, n, known ? name : NULL, e);
		if (rc == 0 && s.p[s.n - 1] == '.')
			rc = relative_add(&b, w, n, e);
		if (known) /* the next sentence may go on about it */
			continue;
		memcpy(before, w, n * sizeof *w);
		n_before = n;
		name = only_name(before, n);
	}
	*out = rc == 0 ? arena_strdup(a, b.p ? b.p : "", b.len, e) : NULL;
	buf_release(&b);
	return rc < 0 ? rc : *out ? 0 : ERR_RESOURCE;
}

/*
 * Preferred and forbidden terms. Reference: wording.h.
 */
#include "eval/wording.h"

#include <ctype.h>

static bool is_space(char c)
{
	return isspace((unsigned char)c);
}

static bool stands_in(const char *text, const char *form)
{
	for (size_t i = 0; text[i]; i++)
		if (words_match(text, i, form, true))
			return true;
	return false;
}

static bool is_named(const struct term *t, const char *question)
{
	bool named = stands_in(question, t->preferred);
	for (size_t i = 0; i < t->n_forbidden && !named; i++)
		named = stands_in(question, t->forbidden[i]);
	return named;
}

struct wording wording_count(const struct terms *t, const char *question, const char *answer, bool *scratch)
{
	struct wording w = {0};
	size_t term = 0, n;
	bool preferred = false;
	for (size_t i = 0; i < t->n; i++)
		scratch[i] = is_named(&t->p[i], question);
	for (size_t i = 0; answer[i]; i++)
		w.words += !is_space(answer[i]) && (i == 0 || is_space(answer[i - 1]));
	for (size_t i = 0; answer[i]; i += n ? n : 1) {
		n = terms_match(t, answer, i, &term, &preferred);
		if (n && !scratch[term]) {
			w.preferred += preferred;
			w.forbidden += !preferred;
		}
	}
	return w;
}

/*
 * What people decided about drafts as cases for the next evaluation: asked again, the value that they wrote or let stand has to be there, and what they
 * took out must not come back. Only decisions that one value tells are cases, since a judge without a model reads values. Reference: docs/formats.md.
 */
#include "cli/review.h"
#include "data/data.h"

#include <string.h>

enum { ARENA_BLOCK = 16 << 10 };

static bool holds(const struct values *all, const struct value *v)
{
	for (size_t i = 0; i < all->n; i++)
		if (value_is(&all->p[i], v) || value_is(v, &all->p[i]))
			return true;
	return false;
}

/* The judge takes what must not be said word by word: "--wait" would stand in "--wait-all". */
static bool stands_in(const char *text, const char *words)
{
	for (size_t i = 0; text[i]; i++)
		if (words_match(text, i, words, false))
			return true;
	return false;
}

static void must_not_drop(json_t *must_not, const char *good)
{
	for (size_t i = json_array_size(must_not); i-- > 0;)
		if (stands_in(good, json_string_value(json_array_get(must_not, i))))
			json_array_remove(must_not, i);
}

/* Appends each value of `text` that stands in neither of the others, once, as the text spells it. */
static void news_append(json_t *list, const char *text, const struct values *v, const struct values *a, const struct values *b)
{
	for (size_t i = 0; i < v->n; i++) {
		struct values before = {v->p, i};
		if (!holds(a, &v->p[i]) && !holds(b, &v->p[i]) && !holds(&before, &v->p[i]))
			json_array_append_new(list, json_text(text + v->p[i].start, v->p[i].end - v->p[i].start));
	}
}

/* Of a draft that is good, perhaps after an edit. */
static int good_fill(json_t *answers, json_t *must_not, const struct review *v, struct arena *a, struct err *e)
{
	static const struct values none;
	bool edited = v->verdict.action == REVIEW_EDIT;
	const char *text = edited ? v->verdict.text : v->draft.text;
	struct values asked, before, after;
	int rc = values_read(&asked, v->draft.prompt, a, e);
	if (!rc)
		rc = values_read(&before, v->draft.text, a, e);
	if (!rc)
		rc = values_read(&after, text, a, e);
	if (rc)
		return rc;
	if (edited) {
		news_append(must_not, v->draft.text, &before, &after, &asked);
		must_not_drop(must_not, text);
		news_append(answers, text, &after, &before, &asked);
	}
	if (!json_array_size(answers)) /* nothing was put in: what was let stand */
		news_append(answers, text, &after, &none, &asked);
	return 0;
}

/* Of a draft that was rejected: where the documents have another value than it claims. */
static void bad_fill(json_t *answers, json_t *must_not, const struct review *v, const json_t *findings)
{
	size_t i, n = strlen(v->draft.text);
	const json_t *f;
	json_array_foreach (findings, i, f) {
		size_t start = (size_t)json_integer_value(json_object_get(f, "start")),
		       end = (size_t)json_integer_value(json_object_get(f, "end"));
		const char *instead = json_string_value(json_object_get(f, "instead"));
		if (!review_is_claim(json_string_value(json_object_get(f, "kind"))) || !instead || !*instead || start >= end ||
			end > n)
			continue;
		json_array_append_new(answers, json_string(instead));
		json_array_append_new(must_not, json_text(v->draft.text + start, end - start));
		must_not_drop(must_not, instead);
	}
}

static json_t *case_make(const struct review *v, json_t *answers, json_t *must_not)
{
	json_t *evidence = json_loads(v->draft.evidence, 0, NULL);
	const json_t *source = json_object_get(json_array_get(evidence, 0), "source");
	const char *reference = v->verdict.action == REVIEW_EDIT ? v->verdict.text
		: v->verdict.action == REVIEW_ACCEPT             ? v->draft.text
								 : NULL;
	json_t *one = json_pack("{s:s, s:s, s:O}", "id", v->draft.id, "question", v->draft.prompt, "answers", answers);
	if (json_array_size(must_not))
		json_object_set(one, "must_not", must_not);
	if (json_string_length(source))
		json_object_set_new(one, "source", json_string(json_string_value(source)));
	if (reference)
		json_object_set_new(one, "reference", json_string(reference));
	json_decref(evidence);
	return one;
}

int review_case(json_t **out, const struct review *v, struct err *e)
{
	enum review_action action = v->verdict.action;
	struct arena a;
	json_t *answers = json_array(), *must_not = json_array();
	int rc = 0;
	*out = NULL;
	arena_init(&a, ARENA_BLOCK);
	if (v->verdict.simulated || !*v->draft.prompt) {
		rc = 0; /* people are to be heard here */
	} else if (action == REVIEW_ACCEPT || action == REVIEW_EDIT) {
		rc = good_fill(answers, must_not, v, &a, e);
	} else if (action == REVIEW_REJECT) {
		json_t *findings = json_loads(v->draft.findings, 0, NULL);
		bad_fill(answers, must_not, v, findings);
		json_decref(findings);
	}
	if (!rc && json_array_size(answers) == 1)
		*out = case_make(v, answers, must_not);
	if (!rc && json_array_size(answers) == 1 && !*out)
		rc = err_set(e, ERR_RESOURCE, "out of memory");
	json_decref(answers);
	json_decref(must_not);
	arena_release(&a);
	return rc;
}

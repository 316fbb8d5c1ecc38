/*
 * What drafts are held to: evidence, terms, and the style guide among the documents as far as it can be read, which is words that it says not to
 * write and a few rules that can be counted. Reference: lint.h.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/lint.h"

enum { AVOIDED_WORDS = 4 };

bool str_holds(struct str s, const char *phrase)
{
	size_t n = strlen(phrase);
	for (size_t i = 0; i + n <= s.n; i++)
		if (!strncasecmp(s.p + i, phrase, n))
			return true;
	return false;
}

bool str_has_capital(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (isupper((unsigned char)s.p[i]))
			return true;
	return false;
}

/* ---- the style guide --------------------------------------------------------------------------------------------------------- */

/* The next text in stars, quotation marks or backticks of *rest, moved behind it. `mark` gets where it opens. */
static bool marked_next(struct str *rest, struct str *out, const char **mark)
{
	const char *p = rest->p, *end = rest->p + rest->n;
	while (p < end && !strchr("*\"`", *p))
		p++;
	if (p == end)
		return false;
	size_t width = strspn(p, "*");
	width = width ? width : 1;
	const char *from = p + width, *to = from;
	while (to < end && *to != *p)
		to++;
	if (to >= end)
		return false;
	*mark = p;
	*out = (struct str){from, (size_t)(to - from)};
	while (to < end && *to == *p)
		to++;
	*rest = (struct str){to, (size_t)(end - to)};
	return true;
}

static bool forbids(struct str sentence)
{
	static const char *const how[] = {"do not write", "do not use", "do not say", "don't write", "don't use", "don't say",
		"never write", "never use", "never say", "avoid"};
	for (size_t i = 0; i < sizeof how / sizeof *how; i++)
		if (str_holds(sentence, how[i]))
			return true;
	return false;
}

/* "except in a recommendation": the letters that "recommendation" and "recommend" share. */
static int exception_find(struct lint *l, struct str sentence, const char **out, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(sentence, w);
	*out = NULL;
	for (size_t i = 0; i + 1 < n; i++)
		if (word_in(&w[i], "except unless")) {
			size_t letters = w[n - 1].n < 7 ? w[n - 1].n : 7;
			*out = arena_strdup(&l->arena, w[n - 1].p, letters, e);
			return *out ? 0 : ERR_RESOURCE;
		}
	return 0;
}

/* Words that the guide says not to write: "Do not write *simply* or *just*", "*they*, not *we*". */
static int avoided_add(struct lint *l, struct str sentence, struct err *e)
{
	struct str rest = sentence, one;
	const char *mark, *unless;
	bool all = forbids(sentence);
	int rc = exception_find(l, sentence, &unless, e);
	for (size_t i = 0; rc == 0 && marked_next(&rest, &one, &mark); i++) {
		bool negated = i && mark - sentence.p >= 4 && !strncmp(mark - 4, "not ", 4);
		if ((!all && !negated) || !one.n || str_words(one) > AVOIDED_WORDS)
			continue;
		if (mem_reserve(&l->avoided, l->n_avoided, &l->cap_avoided, sizeof *l->avoided, e))
			return ERR_RESOURCE;
		const char *word = arena_strdup(&l->arena, one.p, one.n, e);
		if (!word)
			return ERR_RESOURCE;
		l->avoided[l->n_avoided++] = (struct avoided){word, unless};
	}
	return rc;
}

static bool percent_is_spaced(const char *p)
{
	for (; *p; p++)
		if (isdigit((unsigned char)*p) && p[1] == ' ' && p[2] == '%')
			return true;
	return false;
}

static int guide_add(struct lint *l, const char *text, struct err *e)
{
	char *joined = arena_strdup(&l->arena, text, strlen(text), e);
	if (!joined)
		return ERR_RESOURCE;
	for (char *p = joined; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	struct str rest = {joined, strlen(joined)}, sentence;
	int rc = 0;
	l->sentence_case |= str_holds(rest, "sentence case");
	l->present_tense |= str_holds(rest, "present tense");
	l->spaced_percent |= percent_is_spaced(joined);
	while (rc == 0 && sentence_next(&rest, &sentence))
		rc = avoided_add(l, sentence, e);
	return rc;
}

static int section_read(void *lint, const json_t *o, struct err *e)
{
	const char *heading = json_string_value(json_object_get(o, "heading")),
		   *text = json_string_value(json_object_get(o, "text"));
	return heading && text && data_heading_is_style(heading) ? guide_add(lint, text, e) : 0;
}

int lint_open(struct lint **out, const char *data, struct err *e)
{
	char path[PATH_SIZE];
	struct lint *l = mem_alloc(1, sizeof *l, e);
	*out = NULL;
	if (!l)
		return ERR_RESOURCE;
	arena_init(&l->arena, LINT_ARENA_BLOCK);
	int rc = evidence_open(&l->evidence, data, e);
	if (rc == 0)
		rc = path_join(path, sizeof path, e, data, "terms.yaml");
	if (rc == 0 && file_exists(path))
		rc = terms_read(&l->terms, path, e);
	if (rc == 0)
		rc = path_join(path, sizeof path, e, data, "sections.jsonl");
	if (rc == 0)
		rc = jsonl_each(path, section_read, l, e);
	if (rc < 0) {
		lint_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void lint_free(struct lint *l)
{
	if (!l)
		return;
	evidence_free(l->evidence);
	terms_release(&l->terms);
	mem_free(l->avoided);
	arena_release(&l->arena);
	mem_free(l);
}

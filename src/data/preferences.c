/* Pairs of wordings out of terms and answers. Reference: preferences.h. */
#include "data/preferences.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/terms.h"

enum { PAIRS_A_TERM = 40 };

/* A question that training asks, in its plain words if it does; or NULL. */
static const char *question_of(const struct item *it)
{
	const char *found = NULL;
	for (size_t q = 0; q < it->n_questions; q++) {
		const char *question = q == it->reserved ? NULL : it->questions[q];
		if (question && (!it->cores || !strcmp(it->cores[q], question)))
			return question;
		found = found ? found : question;
	}
	return found;
}

static bool opens_sentence(const char *text, size_t at)
{
	while (at && strchr(" \"'(*", text[at - 1]))
		at--;
	return !at || strchr(".!?:\n", text[at - 1]);
}

/* Makes "a" in front "an", or the other way, as the form wants it. */
static int article_fit(struct buf *out, const char *form, struct err *e)
{
	bool vowel = strchr("aeiou", tolower((unsigned char)*form)) != NULL;
	size_t n = out->len, k = vowel ? 2 : 3;
	if (n < k || strncasecmp(out->p + n - k, vowel ? "a " : "an ", k) || (n > k && isalnum((unsigned char)out->p[n - k - 1])))
		return 0;
	out->len -= k - 1;
	return buf_puts(out, vowel ? "n " : " ", e);
}

/* May the form have a plural with nothing but an s? */
static bool takes_s(const char *form)
{
	return !strchr("shxyz", tolower((unsigned char)form[strlen(form) - 1]));
}

/* `form` in the place of text[at], in its number and, where a sentence opens, with its capital. */
static int form_put(struct buf *out, const char *text, size_t at, const char *form, bool plural, struct err *e)
{
	int rc = article_fit(out, form, e);
	size_t before = out->len;
	if (!rc)
		rc = buf_printf(out, e, "%s%s", form, plural ? "s" : "");
	if (!rc && isupper((unsigned char)text[at]) && opens_sentence(text, at))
		out->p[before] = (char)toupper((unsigned char)out->p[before]);
	return rc;
}

/* An answer and where terms stand in it. */
struct reader {
	const struct terms *terms;
	const char *text;
	size_t at;
	bool code;
};

/* The bytes up to the end of the next word or sign that is looked at as one, and the term there, or SIZE_MAX. */
static size_t term_next(struct reader *r, size_t *term, bool *preferred)
{
	const char *p = r->text + r->at;
	bool starts = isalnum((unsigned char)*p) && (!r->at || !isalnum((unsigned char)p[-1]));
	r->code ^= *p == '`';
	size_t n = starts && !r->code ? terms_match(r->terms, r->text, r->at, term, preferred) : 0;
	if (!n)
		*term = SIZE_MAX;
	return n ? n : 1;
}

/* The answer with `form` in place of the preferred one of a term; *made is false when a plural cannot be made of it. */
static int rewrite(
	struct buf *out, const char *text, const struct terms *terms, size_t number, const char *form, bool *made, struct err *e)
{
	struct reader r = {.terms = terms, .text = text};
	int rc = 0;
	*made = true;
	buf_clear(out);
	for (size_t n; text[r.at] && *made && !rc; r.at += n) {
		size_t term;
		bool preferred, plural;
		n = term_next(&r, &term, &preferred);
		if (term != number) {
			rc = buf_append(out, text + r.at, n, e);
			continue;
		}
		plural = n > strlen(terms->p[number].preferred) && tolower((unsigned char)text[r.at + n - 1]) == 's';
		*made = !plural || takes_s(form);
		if (*made)
			rc = form_put(out, text, r.at, form, plural, e);
	}
	return rc;
}

/* What the pairs are made with. used[i]: how many term i has given; seen[i]: the item in which it was met last, from 1. */
struct maker_of_pairs {
	struct preferences *out;
	const struct terms *terms;
	size_t *used, *seen;
	struct buf text;
	struct err *e;
};

static int pair_add(struct maker_of_pairs *m, const struct item *it, const char *question, size_t term)
{
	const struct term *k = &m->terms->p[term];
	struct preferences *out = m->out;
	bool made;
	if (!*k->preferred || !k->n_forbidden || m->used[term] == PAIRS_A_TERM)
		return 0;
	int rc = rewrite(&m->text, it->answer, m->terms, term, k->forbidden[m->used[term] % k->n_forbidden], &made, m->e);
	if (rc || !made || (rc = mem_reserve(&out->p, out->n, &out->cap, sizeof *out->p, m->e)))
		return rc;
	const char *rejected = arena_strdup(&out->arena, m->text.p, m->text.len, m->e);
	if (!rejected)
		return ERR_RESOURCE;
	out->p[out->n++] = (struct preference){it, question, rejected, k};
	m->used[term]++;
	return 0;
}

static int item_pairs(struct maker_of_pairs *m, const struct item *it, size_t number)
{
	struct reader r = {.terms = m->terms, .text = it->answer};
	const char *question = question_of(it);
	size_t term, n_before = m->out->n;
	bool preferred = true;
	int rc = 0;
	for (size_t n; question && it->answer[r.at] && !rc; r.at += n) {
		n = term_next(&r, &term, &preferred);
		if (term != SIZE_MAX && !preferred) {
			for (; m->out->n > n_before; m->out->n--) /* the documents themselves say what is not to be said */
				m->used[m->out->p[m->out->n - 1].term - m->terms->p]--;
			return 0;
		}
		if (term == SIZE_MAX || m->seen[term] == number)
			continue;
		m->seen[term] = number;
		rc = pair_add(m, it, question, term);
	}
	return rc;
}

int preferences_make(struct preferences *out, const struct items *items, const struct terms *t, struct err *e)
{
	struct maker_of_pairs m = {.out = out,
		.terms = t,
		.used = mem_alloc(t->n, sizeof *m.used, e),
		.seen = mem_alloc(t->n, sizeof *m.seen, e),
		.e = e};
	*out = (struct preferences){0};
	arena_init(&out->arena, 1 << 16);
	int rc = m.used && m.seen ? 0 : ERR_RESOURCE;
	bool any = false; /* term that pairs can be made of: mostly there is none, and a large data set has many answers to read */
	for (size_t i = 0; i < t->n; i++)
		any |= *t->p[i].preferred && t->p[i].n_forbidden;
	for (size_t i = 0; i < items->n && any && !rc; i++) {
		const struct item *it = &items->p[i];
		if (it->document && it->kind != ITEM_GROUNDED && !document_is_guide(it->document))
			rc = item_pairs(&m, it, i + 1);
	}
	buf_release(&m.text);
	mem_free(m.used);
	mem_free(m.seen);
	if (rc)
		preferences_release(out);
	return rc;
}

void preferences_release(struct preferences *p)
{
	mem_free(p->p);
	arena_release(&p->arena);
	*p = (struct preferences){0};
}

/*
 * Answers that say again what stands somewhere: a passage of the documents, or the question. Whoever copies a passage has the right value in
 * it, in the preferred terms, supported by the documents, and has answered nothing. Reference: compare.h.
 */
#include "eval/compare.h"

#include <stdlib.h>
#include <string.h>

#include "eval/window.h"

enum { COPY_WORDS = 30 }; /* in a row: more than a sentence, which may well be the answer */

struct seen {
	uint64_t *p;
	size_t n, cap;
	size_t size;  /* of the windows */
	size_t bytes; /* of the texts */
};

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int seen_add(struct seen *s, const char *text, struct err *e)
{
	struct window_scan scan = {.p = text, .size = s->size};
	uint64_t hash;
	s->bytes += strlen(text);
	while (window_next(&scan, &hash)) {
		if (mem_reserve(&s->p, s->n, &s->cap, sizeof *s->p, e))
			return ERR_RESOURCE;
		s->p[s->n++] = hash;
	}
	return 0;
}

static void seen_sort(struct seen *s)
{
	if (s->n)
		qsort(s->p, s->n, sizeof *s->p, ascending);
}

/* How many windows the text has, how many of them were seen, and the most of these in a row. */
struct shared {
	size_t n, seen, run;
};

static struct shared shared_count(const struct seen *s, const char *text)
{
	struct window_scan scan = {.p = text, .size = s->size};
	struct shared out = {0};
	uint64_t hash;
	size_t run = 0;
	while (window_next(&scan, &hash)) {
		bool found = s->n && bsearch(&hash, s->p, s->n, sizeof *s->p, ascending);
		run = found ? run + 1 : 0;
		out.n++;
		out.seen += found;
		out.run = run > out.run ? run : out.run;
	}
	return out;
}

static int section_add(void *seen, const json_t *o, struct err *e)
{
	const char *text = json_string_value(json_object_get(o, "text"));
	return text ? seen_add(seen, text, e) : 0;
}

int verbatim_fill(struct comparison *c, struct err *e)
{
	char path[PATH_SIZE];
	struct seen sections = {.size = WINDOW_LONG}, question = {.size = WINDOW_SHORT};
	int rc = path_join(path, sizeof path, e, c->job->data, "sections.jsonl");
	if (rc == 0 && file_exists(path))
		rc = jsonl_each(path, section_add, &sections, e);
	seen_sort(&sections);
	c->document_bytes = sections.bytes;
	for (size_t i = 0; i < c->questions.n && rc == 0; i++) {
		struct record *r = &c->record[i];
		question.n = 0;
		rc = seen_add(&question, r->q->text, e);
		seen_sort(&question);
		for (size_t arm = 0; arm < c->n_arms; arm++) {
			struct shared passage = shared_count(&sections, r->text[arm]), echo = shared_count(&question, r->text[arm]);
			r->windows[arm] = passage.n;
			r->verbatim[arm] = passage.seen;
			r->copies[arm] = passage.run + WINDOW_LONG > COPY_WORDS || (echo.n > 1 && 5 * echo.seen >= 4 * echo.n);
		}
	}
	mem_free(sections.p);
	mem_free(question.p);
	return rc;
}

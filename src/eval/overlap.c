/*
 * Questions that share words in a row with what was trained on measure memory of a phrasing, not knowledge. A question that stands there
 * nearly whole measures nothing at all. Reference: question.h.
 */
#include "eval/question.h"

#include <stdlib.h>
#include <string.h>

#include "eval/window.h"

enum { LEAKS_SHOWN = 8 };

/* A window of a question, and the text in which it was seen last. */
struct window {
	uint64_t hash;
	size_t question, seen;
};
struct windows {
	struct window *p;
	size_t n, cap;
	size_t size; /* in words */
};

static int by_hash(const void *a, const void *b)
{
	const struct window *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash > y->hash ? 1 : -1;
	return (x->question > y->question) - (x->question < y->question);
}

/* Each window of a question once. */
static int windows_fill(struct windows *w, const struct questions *q, struct err *e)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n; i++) {
		struct window_scan s = {.p = q->p[i].text, .size = w->size};
		uint64_t hash;
		while (window_next(&s, &hash)) {
			if (mem_reserve(&w->p, w->n, &w->cap, sizeof *w->p, e))
				return ERR_RESOURCE;
			w->p[w->n++] = (struct window){hash, i, 0};
		}
	}
	if (w->n)
		qsort(w->p, w->n, sizeof *w->p, by_hash);
	for (size_t i = 0; i < w->n; i++)
		if (!n || by_hash(&w->p[n - 1], &w->p[i]))
			w->p[n++] = w->p[i];
	w->n = n;
	return 0;
}

static struct window *windows_first(const struct windows *w, uint64_t hash)
{
	struct window *from = w->p, *to = w->p + w->n;
	while (from < to) {
		struct window *middle = from + (to - from) / 2;
		if (middle->hash < hash)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* What finding needs: the questions' windows, and of the text at hand (numbered from 1) how many of each question it has. */
struct finding {
	struct questions *q;
	struct windows longer, shorter;
	size_t *n_shorter, *n_found; /* [q->n] */
	size_t text;
};

static void text_look(struct finding *f, const char *text, size_t line)
{
	struct window_scan s = {.p = text, .size = WINDOW_LONG};
	uint64_t hash;
	f->text++;
	memset(f->n_found, 0, f->q->n * sizeof *f->n_found);
	while (window_next(&s, &hash))
		for (struct window *w = windows_first(&f->longer, hash); w < f->longer.p + f->longer.n && w->hash == hash; w++)
			f->q->p[w->question].overlap = true;
	s = (struct window_scan){.p = text, .size = WINDOW_SHORT};
	while (window_next(&s, &hash))
		for (struct window *w = windows_first(&f->shorter, hash); w < f->shorter.p + f->shorter.n && w->hash == hash; w++) {
			f->n_found[w->question] += w->seen != f->text;
			w->seen = f->text;
		}
	for (size_t i = 0; i < f->q->n; i++)
		if (f->n_found[i] && 5 * f->n_found[i] >= 4 * f->n_shorter[i] && !f->q->p[i].leak)
			f->q->p[i].leak = line;
}

static void row_look(struct finding *f, const struct row *row, size_t line)
{
	for (size_t i = 0; i < row->n_messages; i++)
		if (!strcmp(row->messages[i].role, "user"))
			text_look(f, row->messages[i].content, line);
	if (row->prompt)
		text_look(f, row->prompt, line);
	if (row->text)
		text_look(f, row->text, line);
}

static int finding_open(struct finding *f, struct questions *q, struct err *e)
{
	*f = (struct finding){.q = q, .longer.size = WINDOW_LONG, .shorter.size = WINDOW_SHORT};
	f->n_shorter = mem_alloc(q->n, sizeof *f->n_shorter, e);
	f->n_found = mem_alloc(q->n, sizeof *f->n_found, e);
	int rc = f->n_shorter && f->n_found ? windows_fill(&f->longer, q, e) : ERR_RESOURCE;
	if (rc == 0)
		rc = windows_fill(&f->shorter, q, e);
	for (size_t i = 0; i < f->shorter.n && rc == 0; i++)
		f->n_shorter[f->shorter.p[i].question]++;
	return rc;
}

int overlap_find(struct questions *q, const char *data, struct err *e)
{
	char path[PATH_SIZE];
	struct finding f;
	struct jsonl *j = NULL;
	json_t *o;
	size_t line;
	int rc = path_join(path, sizeof path, e, data, "train.jsonl");
	if (rc < 0 || !file_exists(path))
		return rc;
	rc = finding_open(&f, q, e);
	if (rc == 0)
		rc = jsonl_open(&j, path, e);
	while (rc == 0 && (rc = jsonl_next(j, &o, &line, e)) == 1) {
		struct row row;
		if ((rc = row_parse(&row, o, path, line, e)) < 0)
			break;
		row_look(&f, &row, line);
		row_release(&row);
	}
	jsonl_close(j);
	mem_free(f.longer.p);
	mem_free(f.shorter.p);
	mem_free(f.n_shorter);
	mem_free(f.n_found);
	return rc;
}

size_t leaks_count(const struct questions *q)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n; i++)
		n += q->p[i].leak > 0;
	return n;
}

int leaks_check(const struct questions *q, const char *path, const char *data, struct err *e)
{
	struct buf names = {0};
	size_t n = leaks_count(q), shown = 0;
	int rc = 0;
	if (2 * n <= q->n)
		return 0;
	for (size_t i = 0; i < q->n && rc == 0 && shown < LEAKS_SHOWN; i++)
		if (q->p[i].leak) {
			rc = buf_printf(&names, e, "%s\"%.40s\" in line %zu", shown ? ", " : "", q->p[i].id, q->p[i].leak);
			shown++;
		}
	if (rc == 0)
		rc = err_set(e, ERR_DATA,
			"%s: %zu of %zu questions stand in %s/train.jsonl, whole or nearly: %s%s. No verdict rests on what was "
			"trained on: ask other questions, or take these rows out and train again",
			path, n, q->n, data, names.p, n > shown ? ", ..." : "");
	buf_release(&names);
	return rc;
}

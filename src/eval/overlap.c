/*
 * Questions that share words in a row with what was trained on measure memory of a phrasing, not knowledge. Eight words is what the
 * decontamination of language models commonly uses as its shortest window (Brown et al., "Language Models are Few-Shot Learners",
 * 2020, appendix C).
 */
#include "eval/compare.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 8 };

struct window {
	uint64_t hash;
	size_t question;
};
struct windows {
	struct window *p;
	size_t n, cap;
};

/* Words in small letters without punctuation, each hashed by FNV-1a; the last WINDOW of them form a window. */
struct scanner {
	const char *p;
	uint64_t last[WINDOW];
	size_t n;
};

static bool is_wordy(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static bool window_next(struct scanner *s, uint64_t *hash)
{
	const uint64_t offset = 0xcbf29ce484222325, prime = 0x100000001b3;
	while (*s->p) {
		uint64_t word = offset;
		while (*s->p && !is_wordy(*s->p))
			s->p++;
		if (!*s->p)
			break;
		for (; is_wordy(*s->p); s->p++)
			word = (word ^ (uint64_t)tolower((unsigned char)*s->p)) * prime;
		s->last[s->n++ % WINDOW] = word;
		if (s->n < WINDOW)
			continue;
		*hash = offset;
		for (size_t i = 0; i < WINDOW; i++)
			*hash = (*hash ^ s->last[(s->n + i) % WINDOW]) * prime;
		return true;
	}
	return false;
}

static int by_hash(const void *a, const void *b)
{
	const struct window *x = a, *y = b;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static int windows_fill(struct windows *w, const struct comparison *c, struct err *e)
{
	for (size_t i = 0; i < c->questions.n; i++) {
		struct scanner s = {.p = c->questions.p[i].text};
		uint64_t hash;
		while (window_next(&s, &hash)) {
			if (mem_reserve(&w->p, w->n, &w->cap, sizeof *w->p, e))
				return ERR_RESOURCE;
			w->p[w->n++] = (struct window){hash, i};
		}
	}
	if (w->n)
		qsort(w->p, w->n, sizeof *w->p, by_hash);
	return 0;
}

static void windows_mark(const struct windows *w, struct comparison *c, const char *text)
{
	struct scanner s = {.p = text};
	struct window wanted = {0};
	while (window_next(&s, &wanted.hash)) {
		const struct window *at = w->n ? bsearch(&wanted, w->p, w->n, sizeof *w->p, by_hash) : NULL;
		while (at && at > w->p && at[-1].hash == wanted.hash)
			at--;
		for (; at && at < w->p + w->n && at->hash == wanted.hash; at++)
			c->record[at->question].overlap = true;
	}
}

int overlap_find(struct comparison *c, struct err *e)
{
	char path[PATH_SIZE];
	struct windows w = {0};
	struct jsonl *j = NULL;
	json_t *o;
	size_t line;
	int rc = path_join(path, sizeof path, e, c->job->data, "train.jsonl");
	if (rc < 0 || !file_exists(path))
		return rc;
	rc = windows_fill(&w, c, e);
	if (rc == 0)
		rc = jsonl_open(&j, path, e);
	while (rc == 0 && (rc = jsonl_next(j, &o, &line, e)) == 1) {
		struct row row;
		rc = row_parse(&row, o, path, line, e);
		if (rc < 0)
			break;
		for (size_t i = 0; i < row.n_messages; i++)
			if (!strcmp(row.messages[i].role, "user"))
				windows_mark(&w, c, row.messages[i].content);
		row_release(&row);
	}
	jsonl_close(j);
	mem_free(w.p);
	return rc;
}

/*
 * Drafts and edits as a terminal shows them. Reference: review.h.
 */
#include "cli/review.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char reset[] = "\033[0m";

bool review_colour(void)
{
	const char *no = getenv("NO_COLOR");
	return !(no && *no) && isatty(STDOUT_FILENO);
}

const char *review_field(const json_t *o, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(o, name));
	return text ? text : otherwise;
}

/* ---- findings ---------------------------------------------------------------------------------------------------------------- */

struct mark {
	size_t start, end;
	const json_t *finding;
};

static int by_start(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* Lint's findings and the arena's, without what it found supported; in the order of the text of n bytes. */
static int marks_read(const json_t *list, size_t n, struct mark **out, size_t *n_marks, struct err *e)
{
	size_t i;
	json_t *one;
	*n_marks = 0;
	if (!(*out = mem_alloc(json_array_size(list), sizeof **out, e)))
		return ERR_RESOURCE;
	json_array_foreach (list, i, one) {
		json_int_t start = json_integer_value(json_object_get(one, "start")),
			   end = json_integer_value(json_object_get(one, "end"));
		if (strcmp(review_field(one, "kind", ""), "supported") && start >= 0 && end > start && (size_t)end <= n)
			(*out)[(*n_marks)++] = (struct mark){(size_t)start, (size_t)end, one};
	}
	if (*n_marks)
		qsort(*out, *n_marks, sizeof **out, by_start);
	return 0;
}

static int mark_put(struct buf *out, const char *text, const struct mark *m, size_t number, bool colour, struct err *e)
{
	const char *kind = review_field(m->finding, "kind", ""),
		   *line = review_is_claim(kind) ? "\033[4;31m"
		: !strcmp(kind, "term")          ? "\033[4;33m"
						 : "\033[4;36m";
	int rc = colour ? buf_puts(out, line, e) : buf_printf(out, e, "[%zu: ", number);
	if (!rc)
		rc = text_plain(out, text + m->start, m->end - m->start, e);
	if (!rc)
		rc = colour ? buf_printf(out, e, "%s\033[2m[%zu]%s", reset, number, reset) : buf_puts(out, "]", e);
	return rc;
}

/* "  1 claim "nine days": ...": no part of it is ours, so none reaches the terminal as it is. */
static int mark_say(struct buf *out, const char *text, const struct mark *m, size_t number, struct err *e)
{
	const char *kind = review_field(m->finding, "kind", ""), *message = review_field(m->finding, "message", NULL),
		   *instead = review_field(m->finding, "instead", "");
	struct buf line = {0};
	int rc = buf_printf(&line, e, "  %zu %s \"", number, kind);
	if (!rc)
		rc = buf_append(&line, text + m->start, m->end - m->start, e);
	if (!rc && message)
		rc = buf_printf(&line, e, "\": %s\n", message);
	else if (!rc) /* the arena's have no message */
		rc = buf_printf(&line, e, "\": %s%s%s\n",
			review_is_claim(kind) ? "the documents do not say so" : "the company does not say so",
			*instead ? "; there: " : "", instead);
	if (!rc)
		rc = text_plain(out, line.p, line.len, e);
	buf_release(&line);
	return rc;
}

int review_paint(struct buf *out, const struct review_draft *d, bool colour, struct err *e)
{
	json_t *list = json_loads(d->findings, 0, NULL);
	struct mark *mark = NULL;
	size_t n = strlen(d->text), n_marks, at = 0;
	int rc = marks_read(list, n, &mark, &n_marks, e);
	for (size_t i = 0; i < n_marks && !rc; i++) {
		if (mark[i].start < at)
			continue; /* inside another one: said below only */
		rc = text_plain(out, d->text + at, mark[i].start - at, e);
		if (!rc)
			rc = mark_put(out, d->text, &mark[i], i + 1, colour, e);
		at = mark[i].end;
	}
	if (!rc)
		rc = text_plain(out, d->text + at, n - at, e);
	if (!rc)
		rc = buf_puts(out, "\n\n", e);
	for (size_t i = 0; i < n_marks && !rc; i++)
		rc = mark_say(out, d->text, &mark[i], i + 1, e);
	mem_free(mark);
	json_decref(list);
	return rc;
}

/* ---- changes ------------------------------------------------------------------------------------------------------------------ */

enum { WORDS_MAX = 1500, WORD_KINDS = 3 };
enum change { SAME, GONE, NEW };

struct word {
	const char *p;
	size_t n;
};

/* Words and what is white between them; gives their number, which may be above WORDS_MAX: then not all are there. */
static size_t words_split(const char *text, struct word word[WORDS_MAX])
{
	static const char white[] = " \t\r\n";
	size_t n = 0;
	for (; *text; n++) {
		size_t blank = strspn(text, white), length = blank ? blank : strcspn(text, white);
		if (n < WORDS_MAX)
			word[n] = (struct word){text, length};
		text += length;
	}
	return n;
}

static bool is_same(struct word a, struct word b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

struct changes {
	struct buf *out;
	bool colour;
	enum change now; /* what the text at the end of `out` is */
};

/* The next piece, behind the mark of its kind where it is another one. */
static int change_put(struct changes *c, enum change kind, struct word w, struct err *e)
{
	static const char *const open[2][WORD_KINDS] = {{"", "[-", "{+"}, {"", "\033[9;31m", "\033[32m"}},
				 *const close[2][WORD_KINDS] = {{"", "-]", "+}"}, {"", "\033[0m", "\033[0m"}};
	int rc = 0;
	if (kind != c->now) {
		rc = buf_puts(c->out, close[c->colour][c->now], e);
		if (!rc)
			rc = buf_puts(c->out, open[c->colour][kind], e);
		c->now = kind;
	}
	return rc ? rc : text_plain(c->out, w.p, w.n, e);
}

/* common[i * (n_b + 1) + j]: the length of the longest common subsequence of the words from a[i] and from b[j] on. */
static void common_fill(uint16_t *common, const struct word *a, size_t n_a, const struct word *b, size_t n_b)
{
	size_t width = n_b + 1;
	for (size_t i = n_a; i-- > 0;)
		for (size_t j = n_b; j-- > 0;) {
			uint16_t *here = common + i * width + j, below = here[width], right = here[1];
			*here = is_same(a[i], b[j]) ? (uint16_t)(here[width + 1] + 1) : below > right ? below : right;
		}
}

static int words_compare(struct changes *c, const struct word *a, size_t n_a, const struct word *b, size_t n_b, struct err *e)
{
	size_t width = n_b + 1, i = 0, j = 0;
	uint16_t *common = mem_alloc((n_a + 1) * width, sizeof *common, e);
	int rc = common ? 0 : ERR_RESOURCE;
	if (!rc)
		common_fill(common, a, n_a, b, n_b);
	while ((i < n_a || j < n_b) && !rc) {
		if (i < n_a && j < n_b && is_same(a[i], b[j])) {
			rc = change_put(c, SAME, a[i++], e);
			j++;
		} else if (i < n_a && (j == n_b || common[(i + 1) * width + j] >= common[i * width + j + 1])) {
			rc = change_put(c, GONE, a[i++], e);
		} else {
			rc = change_put(c, NEW, b[j++], e);
		}
	}
	mem_free(common);
	return rc;
}

int review_changes(struct buf *out, const char *before, const char *after, bool colour, struct err *e)
{
	struct changes c = {out, colour, SAME};
	struct word *a = mem_alloc(2 * WORDS_MAX, sizeof *a, e), *b = a ? a + WORDS_MAX : NULL;
	int rc = a ? 0 : ERR_RESOURCE;
	size_t n_a = a ? words_split(before, a) : 0, n_b = a ? words_split(after, b) : 0;
	if (!rc && n_a <= WORDS_MAX && n_b <= WORDS_MAX)
		rc = words_compare(&c, a, n_a, b, n_b, e);
	else if (!rc && !(rc = change_put(&c, GONE, (struct word){before, strlen(before)}, e)))
		rc = change_put(&c, NEW, (struct word){after, strlen(after)}, e);
	if (!rc)
		rc = change_put(&c, SAME, (struct word){"", 0}, e);
	mem_free(a);
	return rc;
}

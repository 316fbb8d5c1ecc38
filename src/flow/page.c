/*
 * What came out, as plain text of at most 100 columns.
 */
#include "flow/page.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 3, QUESTION_WIDTH = 30, ANSWER_WIDTH = 32 };

static const size_t width[COLUMNS] = {QUESTION_WIDTH, ANSWER_WIDTH, ANSWER_WIDTH};

/* Bytes of the first n characters of UTF-8, or of all. */
static size_t characters(const char *s, size_t n)
{
	size_t i = 0;
	while (s[i] && (n || ((unsigned char)s[i] & 0xc0) == 0x80)) {
		n -= ((unsigned char)s[i] & 0xc0) != 0x80;
		i++;
	}
	return i;
}

static size_t characters_in(const char *s, size_t bytes)
{
	size_t n = 0;
	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first line of `s`: up to a line break, or as many whole words as fit, or the part of a word that does. */
static size_t line_bytes(const char *s, size_t most)
{
	size_t fits = characters(s, most), newline = strcspn(s, "\n");
	if (newline <= fits)
		return newline;
	if (!s[fits] || s[fits] == ' ')
		return fits;
	for (size_t i = fits; i > 0; i--)
		if (s[i - 1] == ' ')
			return i - 1;
	return fits;
}

int page_row(const char *const *text, const size_t *widths, size_t n, struct buf *out, struct err *e)
{
	const char *at[COLUMNS] = {0};
	int rc = 0;
	for (size_t i = 0; i < n; i++)
		at[i] = text[i] + strspn(text[i], " \n");
	for (bool more = true; more && rc == 0;) {
		size_t spaces = 0;
		more = false;
		for (size_t i = 0; i < n && rc == 0; i++) {
			size_t bytes = line_bytes(at[i], widths[i]);
			if (bytes)
				rc = buf_printf(out, e, "%*s%.*s", (int)spaces, "", (int)bytes, at[i]);
			spaces = (bytes ? 0 : spaces) + widths[i] - characters_in(at[i], bytes) + 2;
			at[i] += bytes;
			at[i] += strspn(at[i], " \n");
			more |= *at[i] != 0;
		}
		if (rc == 0)
			rc = buf_puts(out, "\n", e);
	}
	return rc;
}

static int rule(struct buf *out, struct err *e)
{
	char line[QUESTION_WIDTH + 2 * ANSWER_WIDTH + 4 + 2] = "";
	memset(line, '-', sizeof line - 2);
	line[sizeof line - 2] = '\n';
	return buf_puts(out, line, e);
}

static int answers_table(const struct page *p, struct buf *out, struct err *e)
{
	static const char *const head[COLUMNS] = {"question", "before", "after"};
	size_t n = json_array_size(p->tuned), right[2] = {0};
	int rc = page_row(head, width, COLUMNS, out, e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const json_t *answer[2] = {json_array_get(p->base, i), json_array_get(p->tuned, i)};
		struct buf marked[2] = {0};
		const char *text[COLUMNS] = {json_string_value(json_object_get(answer[0], "question"))};
		for (int k = 0; k < 2 && rc == 0; k++) {
			const char *said = json_string_value(json_object_get(answer[k], "text"));
			bool yes = json_is_true(json_object_get(answer[k], "right"));
			right[k] += yes;
			rc = buf_printf(&marked[k], e, "[%s] %s", yes ? "right" : "wrong", said);
			text[k + 1] = marked[k].p;
		}
		if (rc == 0)
			rc = rule(out, e);
		if (rc == 0)
			rc = page_row(text, width, COLUMNS, out, e);
		buf_release(&marked[0]);
		buf_release(&marked[1]);
	}
	if (rc == 0)
		rc = rule(out, e);
	return rc < 0 ? rc : buf_printf(out, e, "%zu of %zu questions right before, %zu of %zu after\n", right[0], n, right[1], n);
}

int page_write(const struct page *p, struct buf *out, struct err *e)
{
	const struct train_result *t = &p->training;
	const struct data_summary *d = &p->data;
	int rc = buf_printf(out, e,
		"documents   %s: %zu used, %zu left out, %zu facts\n"
		"data set    %zu rows to train on, %zu held out\n"
		"model       %s\n"
		"adapter     %s\n"
		"training    %zu steps, %zu tokens in %.0f s (%.0f tokens/s), loss %.2f",
		p->in, d->n_documents, d->n_skipped, d->n_facts, d->n_train, d->n_valid, p->model, p->adapter, t->n_steps,
		t->n_tokens, t->seconds, t->seconds > 0 ? (double)t->n_tokens / t->seconds : 0.0, t->loss);
	if (rc == 0 && isfinite(t->eval_loss_last))
		rc = buf_printf(out, e, "; held-out loss %.2f -> %.2f", t->eval_loss_first, t->eval_loss_last);
	if (rc == 0)
		rc = buf_puts(out, "\n\n", e);
	if (rc == 0 && json_array_size(p->tuned))
		rc = answers_table(p, out, e);
	return rc < 0 ? rc : buf_printf(out, e, "This took %.0f s.\n", p->seconds);
}

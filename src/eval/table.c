/*
 * The axes as plain text. Reference: eval.h, eval_table.
 */
#include "eval/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 110, CELL = 40, NAME = 29, COLUMN = 15 };

/* "31 % (22-41)", "1.234", or "-"; "+" behind what is surely better than the base, "-" behind what is worse. */
static void put_cell(char cell[CELL], const struct eval_result *r, enum eval_axis a, size_t arm)
{
	const struct eval_estimate *s = &r->axis[a].arm[arm];
	const char *reading = axis_reading(r, a, arm);
	const char *mark = !strcmp(reading, "better") ? " +" : !strcmp(reading, "worse") ? " -" : "";
	if (!s->n || !isfinite(s->value))
		snprintf(cell, CELL, "-");
	else if (axes[a].unit == BITS)
		snprintf(cell, CELL, "%.3f%s", s->value, mark);
	else if (isfinite(s->low))
		snprintf(cell, CELL, "%.0f (%.0f-%.0f)%s", 100 * s->value, 100 * s->low, 100 * s->high, mark);
	else
		snprintf(cell, CELL, "%.0f%s", 100 * s->value, mark);
}

int eval_wrap(struct buf *out, const char *text, size_t columns, struct err *e)
{
	int rc = 0;
	while (*text && rc == 0) {
		size_t n = strlen(text);
		if (n > columns) {
			n = columns;
			while (n > 0 && text[n] != ' ')
				n--;
			n = n ? n : columns;
		}
		rc = buf_printf(out, e, "%.*s\n", (int)n, text);
		text += n;
		text += strspn(text, " ");
	}
	return rc;
}

/* Of each axis the smallest change that every arm's data would tell. */
static int put_detectable(struct buf *out, const struct eval_result *r, struct err *e)
{
	struct buf b = {0};
	int rc = 0;
	for (int a = 0; a < EVAL_AXES && rc == 0; a++) {
		double most = NAN;
		for (size_t arm = 1; arm < r->n_arms; arm++)
			most = fmax(most, r->axis[a].detectable[arm]); /* passes over NaN */
		if (!isfinite(most))
			continue;
		rc = buf_printf(&b, e, axes[a].unit == BITS ? "%s%s %.3f" : "%s%s %.0f",
			b.len ? ", " : "Changes that these data tell four times of five: ", axes[a].key,
			axes[a].unit == BITS ? most : 100 * most);
	}
	if (rc == 0 && b.len && (rc = buf_puts(&b, ".", e)) == 0)
		rc = eval_wrap(out, b.p, COLUMNS, e);
	buf_release(&b);
	return rc < 0 ? rc : buf_puts(out, "\n", e);
}

int eval_table(const struct eval_result *r, struct buf *out, struct err *e)
{
	int rc = buf_printf(out, e, "%-*s", NAME, "% (95 % interval)");
	for (size_t arm = 0; arm < r->n_arms && rc == 0; arm++)
		rc = buf_printf(out, e, " %*s", COLUMN, r->name[arm]);
	for (int a = 0; a < EVAL_AXES && rc == 0; a++) {
		const struct eval_line *l = &r->axis[a];
		char cell[CELL];
		if (!l->arm[0].n)
			continue;
		rc = buf_printf(out, e, "\n%-*s", NAME, axes[a].name);
		for (size_t arm = 0; arm < r->n_arms && rc == 0; arm++) {
			put_cell(cell, r, (enum eval_axis)a, arm);
			rc = buf_printf(out, e, " %*s", COLUMN, cell);
		}
	}
	if (rc == 0)
		rc = buf_puts(out,
			"\n+ better (with Holm's correction), - worse than base: the interval of the difference excludes 0.\n", e);
	if (rc == 0 && r->objects && r->axis[EVAL_FALSE_PREMISE].arm[0].n)
		rc = eval_wrap(out, EVAL_OBJECTIONS, COLUMNS, e);
	if (rc == 0)
		rc = put_detectable(out, r, e);
	if (rc == 0)
		rc = eval_wrap(out, r->verdict, COLUMNS, e);
	if (rc == 0 && *r->break_even && (rc = buf_puts(out, "\n", e)) == 0)
		rc = eval_wrap(out, r->break_even, COLUMNS, e);
	return rc;
}

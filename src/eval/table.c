/*
 * The axes as plain text. Reference: eval.h, eval_table.
 */
#include "eval/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 100, CELL = 40 };

/* "31 % (22 to 41)", "1.234", or "-". */
static void cell_value(char cell[CELL], enum eval_axis a, const struct eval_estimate *s)
{
	if (!s->n || !isfinite(s->value))
		snprintf(cell, CELL, "-");
	else if (axes[a].unit == BITS)
		snprintf(cell, CELL, "%.3f", s->value);
	else if (isfinite(s->low))
		snprintf(cell, CELL, "%.0f %% (%.0f-%.0f)", 100 * s->value, 100 * s->low, 100 * s->high);
	else
		snprintf(cell, CELL, "%.0f %%", 100 * s->value);
}

static void cell_change(char cell[CELL], enum eval_axis a, const struct eval_estimate *s)
{
	double scale = axes[a].unit == BITS ? 1 : 100;
	int places = axes[a].unit == BITS ? 3 : 0;
	if (!s->n || !isfinite(s->low))
		snprintf(cell, CELL, "-");
	else
		snprintf(cell, CELL, "%+.*f (%+.*f to %+.*f)", places, scale * s->value, places, scale * s->low, places,
			scale * s->high);
}

static int put_row(struct buf *out, const char *const text[5], struct err *e)
{
	return buf_printf(out, e, "%-29s %-15s %-15s %s%s%s\n", text[0], text[1], text[2], text[3], *text[4] ? " " : "", text[4]);
}

/* Breaks at spaces. */
static int put_wrapped(struct buf *out, const char *p, struct err *e)
{
	int rc = 0;
	while (*p && rc == 0) {
		size_t n = strlen(p);
		if (n > COLUMNS) {
			n = COLUMNS;
			while (n > 0 && p[n] != ' ')
				n--;
			n = n ? n : COLUMNS;
		}
		rc = buf_printf(out, e, "%.*s\n", (int)n, p);
		p += n;
		p += strspn(p, " ");
	}
	return rc;
}

int eval_table(const struct eval_result *r, struct buf *out, struct err *e)
{
	int rc = put_row(out, (const char *const[]){"", "base", "tuned", "change (95 %)", ""}, e);
	for (int a = 0; a < EVAL_AXES && rc == 0; a++) {
		const struct eval_line *l = &r->axis[a];
		char base[CELL], tuned[CELL], change[CELL];
		if (!l->base.n && !l->tuned.n)
			continue;
		cell_value(base, (enum eval_axis)a, &l->base);
		cell_value(tuned, (enum eval_axis)a, &l->tuned);
		cell_change(change, (enum eval_axis)a, &l->change);
		rc = put_row(out, (const char *const[]){axes[a].name, base, tuned, change, axis_reading((enum eval_axis)a, l)}, e);
	}
	if (rc == 0)
		rc = buf_puts(out, "\n", e);
	return rc < 0 ? rc : put_wrapped(out, r->verdict, e);
}

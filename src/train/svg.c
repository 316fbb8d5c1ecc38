/*
 * loss.svg: the curves of a run as one file that any browser shows, and a ring around the step whose adapter is kept. Colours
 * follow the reader's light or dark scheme; the two curves differ in dash and marker too, not in colour alone. Reference: https://www.w3.org/TR/SVG11/.
 */
#include "train/metrics.h"

#include <math.h>

enum { WIDTH = 720, HEIGHT = 400, LEFT = 64, RIGHT = 704, TOP = 40, BOTTOM = 348, TICKS = 6 };

/* A range of values, its ticks, and the pixels that it is drawn on. */
struct axis {
	double min, max, tick;
	double from_px, to_px;
};

static double axis_px(const struct axis *a, double value)
{
	return a->from_px + (value - a->min) / (a->max - a->min) * (a->to_px - a->from_px);
}

/* Widens [min, max] to whole ticks of 1, 2 or 5 times a power of ten. */
static void axis_fit(struct axis *a, double min, double max, bool whole)
{
	static const double nice[] = {1, 2, 5, 10};
	double span = fmax(max - min, whole ? 1 : 1e-3), unit = pow(10, floor(log10(span / TICKS)));
	int i = 0;
	while (nice[i] < 10 && nice[i] * unit * TICKS < span)
		i++;
	a->tick = nice[i] * unit;
	if (whole)
		a->tick = fmax(1, a->tick);
	a->min = floor(min / a->tick) * a->tick;
	a->max = fmax(ceil(max / a->tick), floor(min / a->tick) + 1) * a->tick;
}

static void curve_range(const struct curve *c, double *min, double *max)
{
	for (size_t i = 0; i < c->n; i++) {
		*min = fmin(*min, c->p[i].y);
		*max = fmax(*max, c->p[i].y);
	}
}

static int svg_axes(struct buf *out, const struct axis *x, const struct axis *y, struct err *e)
{
	int rc = 0;
	for (int i = 0; !rc && y->min + i * y->tick <= y->max + y->tick / 2; i++) {
		double v = y->min + i * y->tick, at = axis_px(y, v);
		rc = buf_printf(out, e,
			"<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n", LEFT,
			at, RIGHT, LEFT - 8, at + 4, fabs(v) < y->tick / 2 ? 0 : v);
	}
	for (int i = 0; !rc && x->min + i * x->tick <= x->max + x->tick / 2; i++) {
		double v = x->min + i * x->tick, at = axis_px(x, v);
		rc = buf_printf(out, e,
			"<path class=\"axis\" d=\"M%.1f %dv5\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n", at,
			BOTTOM, at, BOTTOM + 20, v);
	}
	if (!rc)
		rc = buf_printf(out, e,
			"<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">step</text>\n"
			"<text x=\"%d\" y=\"%d\">loss per token, nats</text>\n",
			LEFT, TOP, BOTTOM, RIGHT, (LEFT + RIGHT) / 2, BOTTOM + 42, LEFT - 48, TOP - 16);
	return rc;
}

static int svg_curve(struct buf *out, const struct curve *c, const struct axis *x, const struct axis *y, const char *class,
	bool markers, struct err *e)
{
	int rc = buf_printf(out, e, "<polyline class=\"%s\" points=\"", class);
	for (size_t i = 0; !rc && i < c->n; i++)
		rc = buf_printf(out, e, "%s%.1f,%.1f", i ? " " : "", axis_px(x, c->p[i].x), axis_px(y, c->p[i].y));
	if (!rc)
		rc = buf_puts(out, "\"/>\n", e);
	for (size_t i = 0; !rc && markers && i < c->n; i++)
		rc = buf_printf(out, e, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", class, axis_px(x, c->p[i].x),
			axis_px(y, c->p[i].y));
	return rc;
}

/* A ring in the colour of the text, which both curves stand out from, and its key. */
static int svg_lowest(struct buf *out, const struct point *p, const struct axis *x, const struct axis *y, struct err *e)
{
	return buf_printf(out, e,
		"<circle class=\"best\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\"><title>lowest validation loss: %.4f at step "
		"%.0f</title></circle>\n"
		"<circle class=\"best\" cx=\"%d\" cy=\"%d\" r=\"6\"/><text x=\"%d\" y=\"%d\">lowest: step %.0f</text>\n",
		axis_px(x, p->x), axis_px(y, p->y), p->y, p->x, RIGHT - 358, TOP - 20, RIGHT - 344, TOP - 16, p->x);
}

int svg_loss(struct buf *out, const struct curve *loss, const struct curve *eval_loss, struct err *e)
{
	struct axis x = {.from_px = LEFT, .to_px = RIGHT}, y = {.from_px = BOTTOM, .to_px = TOP};
	size_t n_after;
	const struct point *lowest = curve_lowest(eval_loss, &n_after);
	double min = INFINITY, max = -INFINITY, steps = loss->n ? loss->p[loss->n - 1].x : 1;
	curve_range(loss, &min, &max);
	curve_range(eval_loss, &min, &max);
	axis_fit(&x, 0, steps, true);
	axis_fit(&y, isfinite(min) ? min : 0, isfinite(max) ? max : 1, false);
	int rc = buf_printf(out, e,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
		"<title>Training and validation loss against steps</title>\n"
		"<style>svg{--paper:#fff;--ink:#24292f;--grid:#d8dee4;--train:#0a5cc2;--valid:#b34700}\n"
		"@media(prefers-color-scheme:dark){svg{--paper:#16191d;--ink:#d7dde4;--grid:#363c44;--train:#6db3ff;--valid:#"
		"ffa657}}\n"
		"text{font:13px system-ui,sans-serif;fill:var(--ink)}.grid{stroke:var(--grid)}.axis{stroke:var(--ink);fill:none}\n"
		"polyline{fill:none;stroke-width:2;stroke-linejoin:round}polyline.train{stroke:var(--train)}\n"
		"polyline.valid{stroke:var(--valid);stroke-dasharray:6 3}circle.valid{fill:var(--valid)}\n"
		"circle.best{fill:none;stroke:var(--ink);stroke-width:2}</style>\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"var(--paper)\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	if (!rc)
		rc = svg_axes(out, &x, &y, e);
	if (!rc)
		rc = svg_curve(out, loss, &x, &y, "train", false, e);
	if (!rc && eval_loss->n)
		rc = svg_curve(out, eval_loss, &x, &y, "valid", true, e);
	if (!rc)
		rc = buf_printf(out, e,
			"<polyline class=\"train\" points=\"%d,%d %d,%d\"/><text x=\"%d\" y=\"%d\">training</text>\n", RIGHT - 210,
			TOP - 20, RIGHT - 180, TOP - 20, RIGHT - 174, TOP - 16);
	if (!rc && eval_loss->n)
		rc = buf_printf(out, e,
			"<polyline class=\"valid\" points=\"%d,%d %d,%d\"/><text x=\"%d\" y=\"%d\">validation</text>\n",
			RIGHT - 100, TOP - 20, RIGHT - 70, TOP - 20, RIGHT - 64, TOP - 16);
	if (!rc && lowest)
		rc = svg_lowest(out, lowest, &x, &y, e);
	return rc ? rc : buf_puts(out, "</svg>\n", e);
}

/* What the meter found: sentences and tables for people, JSON for programs, a part of report.html with the curve. Reference: meter.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flow/meter.h"

enum { COLUMNS = 100, LISTED = 10, SENTENCE_SIZE = 512, SENTENCES = 8 };

/* ---- sentences ------------------------------------------------------------------------------------------------------------------------ */

struct sentences {
	char p[SENTENCES][SENTENCE_SIZE];
	size_t n;
};

#define SAY(s, ...) snprintf((s)->p[(s)->n++], SENTENCE_SIZE, __VA_ARGS__)

/* "0.12 [0.05, 0.20]" */
static const char *range(char out[64], const struct eval_estimate *v)
{
	if (!isfinite(v->value))
		return "not measured";
	snprintf(out, 64, isfinite(v->low) ? "%.3f [%.3f, %.3f]" : "%.3f", v->value, v->low, v->high);
	return out;
}

static const char *verdict(const struct meter_effect *x)
{
	return !x->told ? "cannot tell" : x->less.value > 0 ? "helps" : "hurts";
}

static void twice_say(const struct meter_result *r, struct sentences *s)
{
	char text[64];
	const struct meter_effect *t = &r->twice;
	double loss = r->loss[METER_ALL].value;
	range(text, &t->less);
	if (!t->told)
		SAY(s, "Would twice as many documents help with questions on new ones? Cannot tell: %s off a loss of %.3f.", text,
			loss);
	else if (t->less.value > 0)
		SAY(s, "Twice as many documents would take %s off a loss of %.3f on questions about new ones.", text, loss);
	else
		SAY(s,
			"More documents made new ones harder: a doubling takes %s off a loss of %.3f. So short a training learns "
			"many "
			"less well than few.",
			text, loss);
}

static void own_say(const struct meter_result *r, struct sentences *s)
{
	char text[64];
	range(text, &r->own.less);
	if (r->own.told && r->own.less.value > fmax(0, r->twice.less.value))
		SAY(s,
			"A document that is there takes %s off the loss of its own questions, more than twice as many about other "
			"things "
			"would: what is missing is best written down.",
			text);
	else if (r->own.told && r->own.less.value > 0)
		SAY(s,
			"A document that is there takes %s off the loss of its own questions, no more than twice as many about "
			"other "
			"things would.",
			text);
	else
		SAY(s, "Does a document help with its own questions? Cannot tell: %s off their loss.", text);
}

/* "docs 0.031 [..], posts 0.010 [..]": kinds of whose doubling this is the verdict. */
static const char *kinds_list(const struct meter *m, const struct meter_result *r, const char *wanted, char out[SENTENCE_SIZE])
{
	char text[64];
	size_t at = 0;
	*out = 0;
	for (size_t i = 0; i < m->data.n_kinds && at + 140 < SENTENCE_SIZE; i++) {
		size_t k = r->rank[i];
		const struct meter_effect *x = &r->twice_of[k];
		if (isfinite(x->less.value) && !strcmp(verdict(x), wanted))
			at += (size_t)snprintf(out + at, SENTENCE_SIZE - at, "%s%.50s %s", at ? ", " : "", m->data.kind[k].name,
				range(text, &x->less));
	}
	return *out ? out : NULL;
}

static void kinds_say(const struct meter *m, const struct meter_result *r, struct sentences *s)
{
	char list[SENTENCE_SIZE];
	if (kinds_list(m, r, "helps", list))
		SAY(s, "Twice as much of one kind alone would take off the loss on new documents of all kinds: %.400s.", list);
	if (kinds_list(m, r, "hurts", list))
		SAY(s, "Twice as much of one kind alone would make them harder, and take off: %.400s.", list);
	if (kinds_list(m, r, "cannot tell", list))
		SAY(s, "Twice as much of one kind alone, cannot tell: %.400s.", list);
}

static void sentences_make(const struct meter *m, const struct meter_result *r, struct sentences *s)
{
	if (r->too_little) {
		SAY(s, "Too little to meter: %s.", r->too_little);
		return;
	}
	twice_say(r, s);
	own_say(r, s);
	kinds_say(m, r, s);
	SAY(s,
		"Intervals (95 %%) are of which documents are asked about. Chance in training adds a standard error of %.3f to the "
		"first figure, "
		"and nothing within twice that is told. Trainings are short and see a part of the rows: they compare data and do "
		"not say "
		"how good a model gets.",
		r->twice.luck);
}

/* ---- for people ------------------------------------------------------------------------------------------------------------------------ */

static const char *const curve_name[] = {"base", "a quarter", "one half", "other half", "all"};

static int curve_put(const struct meter *m, const struct meter_result *r, struct buf *out, struct err *e)
{
	char text[64];
	int rc = buf_printf(out, e, "%-12s %9s %7s  %s\n", "training", "parts", "rows", "loss on new documents");
	for (size_t i = 0; i <= METER_ALL && !rc; i++)
		rc = buf_printf(out, e, "%-12s %9zu %7zu  %s\n", curve_name[i], m->training[i].n_units, m->training[i].n_rows,
			range(text, &r->loss[i]));
	return rc;
}

static int kinds_put(const struct meter *m, const struct meter_result *r, struct buf *out, struct err *e)
{
	char twice[64], without[64];
	int rc = buf_printf(out, e, "\n%-12s %9s %6s %6s  %-24s %-24s %s\n", "kind", "documents", "facts", "rows",
		"it takes off, in all", "twice as much takes off", "");
	for (size_t i = 0; i < m->data.n_kinds && !rc; i++) {
		size_t k = r->rank[i];
		const struct meter_kind *kind = &m->data.kind[k];
		rc = buf_printf(out, e, "%-12.12s %9zu %6zu %6zu  %-24s %-24s %s\n", kind->name, kind->n_documents, kind->n_facts,
			kind->n_rows, range(without, &r->without[k].less), range(twice, &r->twice_of[k].less),
			verdict(&r->twice_of[k]));
	}
	return rc;
}

static int documents_put(const struct meter_result *r, struct buf *out, struct err *e)
{
	char text[64];
	int rc = r->n_documents ? buf_printf(out, e, "\n%-40s %5s %6s  %s\n", "document, what taught most first", "facts", "asked",
					  "off its own questions")
				: 0;
	for (size_t i = 0; i < r->n_documents && i < LISTED && !rc; i++)
		rc = buf_printf(out, e, "%-40.40s %5zu %6zu  %s\n", r->document[i].path, r->document[i].n_facts,
			r->document[i].less.n, range(text, &r->document[i].less));
	return rc;
}

int meter_page(const struct meter *m, const struct meter_result *r, struct buf *out, struct err *e)
{
	struct sentences s = {0};
	int rc = 0;
	sentences_make(m, r, &s);
	if (!r->too_little) {
		rc = buf_printf(out, e,
			"meter       %s, %d steps a training; %zu questions on documents that none saw, %zu on the others\n"
			"            loss in nats for each token of an answer: less is better\n\n",
			m->o->model, METER_STEPS, m->data.n_unseen, m->data.n_asked - m->data.n_unseen);
		if (!rc)
			rc = curve_put(m, r, out, e);
		if (!rc)
			rc = kinds_put(m, r, out, e);
		if (!rc)
			rc = documents_put(r, out, e);
	}
	for (size_t i = 0; i < s.n && !rc; i++)
		if (!(rc = buf_puts(out, i || !r->too_little ? "\n" : "", e)))
			rc = eval_wrap(out, s.p[i], COLUMNS, e);
	return rc;
}

/* ---- for programs ---------------------------------------------------------------------------------------------------------------------- */

static json_t *effect_json(const struct meter_effect *x)
{
	json_t *o = eval_estimate_json(&x->less);
	json_object_set_new(o, "luck", json_measure(x->luck));
	json_object_set_new(o, "verdict", json_string(verdict(x)));
	return o;
}

static json_t *kinds_json(const struct meter *m, const struct meter_result *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < m->data.n_kinds; i++) {
		size_t k = r->rank[i];
		const struct meter_kind *kind = &m->data.kind[k];
		json_array_append_new(all,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "kind", kind->name, "documents",
				(json_int_t)kind->n_documents, "facts", (json_int_t)kind->n_facts, "rows", (json_int_t)kind->n_rows,
				"dealt", (json_int_t)kind->n_units, "held", (json_int_t)kind->n_held, "without",
				effect_json(&r->without[k]), "twice", effect_json(&r->twice_of[k]), "loss_own",
				eval_estimate_json(&r->all_of[k]), "twice_all_own", effect_json(&r->curve_of[k])));
	}
	return all;
}

static json_t *trainings_json(const struct meter *m, const struct meter_result *r)
{
	char name[PATH_SIZE];
	json_t *all = json_array();
	for (size_t i = 0; i < m->n_trainings; i++) {
		const struct meter_training *t = &m->training[i];
		meter_name(name, m, i, NULL);
		json_array_append_new(all,
			json_pack("{s:s, s:s*, s:I, s:I, s:o}", "name", name, "kind",
				t->kind == SIZE_MAX ? NULL : m->data.kind[t->kind].name, "dealt", (json_int_t)t->n_units, "rows",
				(json_int_t)t->n_rows, "loss", eval_estimate_json(&r->loss[i])));
	}
	return all;
}

static json_t *documents_json(const struct meter_result *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_documents; i++)
		json_array_append_new(all,
			json_pack("{s:s, s:I, s:f, s:o}", "path", r->document[i].path, "facts", (json_int_t)r->document[i].n_facts,
				"nats", r->document[i].nats, "less", eval_estimate_json(&r->document[i].less)));
	return all;
}

int meter_json(const struct meter *m, const struct meter_result *r, json_t **out, struct err *e)
{
	struct sentences s = {0};
	json_t *said = json_array();
	sentences_make(m, r, &s);
	for (size_t i = 0; i < s.n; i++)
		json_array_append_new(said, json_text(s.p[i], strlen(s.p[i])));
	*out = json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:{s:I, s:I, s:I, s:I}, s:o}", "data", m->data_key, "model", m->o->model,
		"model_key", m->model_key, "seed", (json_int_t)m->config.seed, "steps", (json_int_t)METER_STEPS, "metered",
		!r->too_little, "rows", "train", (json_int_t)m->data.n_train, "seen",
		(json_int_t)(m->n_trainings ? m->training[METER_ALL].n_rows : 0), "asked_new", (json_int_t)m->data.n_unseen,
		"asked_own", (json_int_t)(m->data.n_asked - m->data.n_unseen), "sentences", said);
	if (*out && !r->too_little)
		json_object_update_new(*out,
			json_pack("{s:o, s:o, s:o, s:o, s:o}", "trainings", trainings_json(m, r), "twice", effect_json(&r->twice),
				"own", effect_json(&r->own), "kinds", kinds_json(m, r), "documents", documents_json(r)));
	return *out ? 0 : err_set(e, ERR_RESOURCE, "out of memory while writing JSON");
}

/* ---- for report.html --------------------------------------------------------------------------------------------------------------------- */

enum { WIDTH = 560, HEIGHT = 260, LEFT = 60, RIGHT = 540, TOP = 20, BOTTOM = 220 };

/* Rows on a logarithmic axis, a quarter of all to twice as many; losses between the lowest and the highest end of an interval. */
struct frame {
	double rows, low, high;
};

static double x_px(const struct frame *f, double rows)
{
	return LEFT + (RIGHT - LEFT) * (log2(rows / f->rows) + 2.5) / 4;
}

static double y_px(const struct frame *f, double loss)
{
	return TOP + (BOTTOM - TOP) * (f->high - loss) / (f->high - f->low);
}

static void frame_fit(struct frame *f, const struct eval_estimate *v)
{
	f->low = fmin(f->low, isfinite(v->low) ? v->low : v->value);
	f->high = fmax(f->high, isfinite(v->high) ? v->high : v->value);
}

/* A point with its interval; what was measured is filled. */
static void point_put(
	struct html *h, const struct frame *f, double rows, const struct eval_estimate *v, bool measured, const char *what)
{
	double x = x_px(f, rows);
	if (isfinite(v->low))
		html_putf(h, "<path stroke=\"currentColor\" d=\"M%.1f %.1fV%.1f\"/>", x, y_px(f, v->low), y_px(f, v->high));
	html_putf(h, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%s: %.3f</title></circle>",
		measured ? "tuned" : "base", x, y_px(f, v->value), what, v->value);
}

static void rows_put(struct html *h, const struct frame *f, double rows)
{
	html_putf(h, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"currentColor\" font-size=\"12\">%.0f</text>",
		x_px(f, rows), BOTTOM + 18, rows);
}

/* The trainings, the line through them, and what it says of twice as many, with that interval. */
static void curve_draw(struct html *h, const struct meter *m, const struct meter_result *r)
{
	double all = (double)m->training[METER_ALL].n_rows, slope = r->twice.less.value, mean = 0, mean_x = 0, n = 0;
	struct frame f = {all, INFINITY, -INFINITY};
	for (size_t i = METER_QUARTER; i <= METER_ALL; i++)
		if (m->training[i].n_rows) {
			frame_fit(&f, &r->loss[i]);
			mean += r->loss[i].value;
			mean_x += log2((double)m->training[i].n_rows / all);
			n++;
		}
	double at_all = mean / n + slope * mean_x / n; /* the line falls by `slope` for each doubling */
	struct eval_estimate next = {
		.value = at_all - slope, .low = at_all - r->twice.less.high, .high = at_all - r->twice.less.low};
	frame_fit(&f, &next);
	html_putf(h, "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"Loss on new documents against rows\">", WIDTH,
		HEIGHT);
	html_putf(h, "<path class=\"axis\" fill=\"none\" d=\"M%d %dV%dH%d\"/>", LEFT, TOP, BOTTOM, RIGHT);
	for (int i = 0; i <= 1; i++)
		html_putf(h, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"currentColor\" font-size=\"12\">%.3f</text>",
			LEFT - 6, (i ? TOP : BOTTOM) + 4, i ? f.high : f.low);
	html_putf(h, "<path stroke=\"currentColor\" stroke-dasharray=\"4 4\" d=\"M%.1f %.1fL%.1f %.1f\"/>", x_px(&f, all / 4),
		y_px(&f, at_all + 2 * slope), x_px(&f, 2 * all), y_px(&f, next.value));
	for (size_t i = METER_QUARTER; i <= METER_ALL; i++)
		if (m->training[i].n_rows) {
			point_put(h, &f, (double)m->training[i].n_rows, &r->loss[i], true, curve_name[i]);
			if (i != METER_OTHER_HALF) /* it stands beside the half */
				rows_put(h, &f, (double)m->training[i].n_rows);
		}
	point_put(h, &f, 2 * all, &next, false, "twice as many, by the line");
	rows_put(h, &f, 2 * all);
	html_putf(h,
		"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" fill=\"currentColor\" font-size=\"12\">rows trained "
		"on</text></svg>",
		(LEFT + RIGHT) / 2, BOTTOM + 36);
}

static void cell(struct html *h, const struct eval_estimate *v)
{
	char text[64];
	html_putf(h, "<td class=\"number\">%s</td>", range(text, v));
}

static void kinds_draw(struct html *h, const struct meter *m, const struct meter_result *r)
{
	html_put(h,
		"<div class=\"scroll\"><table><caption>What each kind takes off the loss on new documents of all kinds, most first"
		"</caption><thead><tr><th>Kind</th><th>Documents</th><th>Facts</th><th>Rows</th><th>In all</th><th>Twice as much "
		"of it</th>"
		"<th></th></tr></thead><tbody>");
	for (size_t i = 0; i < m->data.n_kinds; i++) {
		size_t k = r->rank[i];
		const struct meter_kind *kind = &m->data.kind[k];
		html_put(h, "<tr><th scope=\"row\">");
		html_text(h, kind->name);
		html_putf(h, "</th><td class=\"number\">%zu</td><td class=\"number\">%zu</td><td class=\"number\">%zu</td>",
			kind->n_documents, kind->n_facts, kind->n_rows);
		cell(h, &r->without[k].less);
		cell(h, &r->twice_of[k].less);
		html_putf(h, "<td>%s</td></tr>\n", verdict(&r->twice_of[k]));
	}
	html_put(h, "</tbody></table></div>");
}

static void documents_draw(struct html *h, const struct meter_result *r)
{
	html_putf(h,
		"<details><summary>Documents by what they take off their own questions (%zu)</summary><div "
		"class=\"scroll\"><table><tbody>",
		r->n_documents);
	for (size_t i = 0; i < r->n_documents; i++) {
		html_put(h, "<tr><th scope=\"row\">");
		html_text(h, r->document[i].path);
		html_putf(h, "</th><td class=\"number\">%zu</td>", r->document[i].less.n);
		cell(h, &r->document[i].less);
		html_put(h, "</tr>\n");
	}
	html_put(h, "</tbody></table></div></details>");
}

int meter_html(const struct meter *m, const struct meter_result *r, struct buf *out, struct err *e)
{
	struct html h = {.out = out, .e = e};
	struct sentences s = {0};
	sentences_make(m, r, &s);
	html_put(&h, "<h2 id=\"meter\">What more data would buy</h2>");
	for (size_t i = 0; i < s.n; i++) {
		html_put(&h, "<p>");
		html_text(&h, s.p[i]);
		html_put(&h, "</p>");
	}
	if (!r->too_little) {
		curve_draw(&h, m, r);
		kinds_draw(&h, m, r);
		documents_draw(&h, r);
	}
	return h.rc;
}

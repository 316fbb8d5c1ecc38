/* report.html: the verdict, the axes, every question. */
#include "eval/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/format.h"

enum { PLOT_WIDTH = 160, PLOT_STEP = 13, PLOT_MARGIN = 6, SVG_MAX = 4 << 20 };

/* ---- the axes --------------------------------------------------------------------------------------------------------------- */

/* The range of a plot: shares from 0 to 1, bits around both intervals. */
struct range {
	double from, to;
};

static struct range range_of(enum eval_axis a, const struct eval_line *l, size_t n_arms)
{
	double low = l->arm[0].value, high = low;
	if (axes[a].unit == SHARE)
		return (struct range){0, 1};
	for (size_t i = 0; i < n_arms; i++) { /* fmin and fmax pass over NaN */
		const struct eval_estimate *s = &l->arm[i];
		low = s->n ? fmin(fmin(low, s->value), s->low) : low;
		high = s->n ? fmax(fmax(high, s->value), s->high) : high;
	}
	double margin = high > low ? (high - low) / 10 : 0.1;
	return (struct range){low - margin, high + margin};
}

static double px(struct range r, double value)
{
	return PLOT_MARGIN + (value - r.from) / (r.to - r.from) * (PLOT_WIDTH - 2 * PLOT_MARGIN);
}

static void put_dot(struct html *p, struct range r, const struct eval_estimate *s, const char *class, size_t y)
{
	if (!s->n || !isfinite(s->value))
		return;
	if (isfinite(s->low))
		html_putf(p, "<path class=\"%s\" stroke-width=\"1.5\" d=\"M%.1f %zuH%.1f\"/>", class, px(r, s->low), y,
			px(r, s->high));
	html_putf(p, "<circle class=\"%s\" stroke-width=\"1.5\" cx=\"%.1f\" cy=\"%zu\" r=\"4\"/>", class, px(r, s->value), y);
}

static void put_plot(struct html *p, const struct comparison *c, enum eval_axis a)
{
	const struct eval_line *l = &c->result->axis[a];
	struct range r = range_of(a, l, c->n_arms);
	size_t height = PLOT_STEP * c->n_arms + PLOT_STEP / 2;
	html_putf(p,
		"<td><svg width=\"%d\" height=\"%zu\" viewBox=\"0 0 %d %zu\" aria-hidden=\"true\">"
		"<path class=\"axis\" d=\"M%d %zuH%d\"/>",
		PLOT_WIDTH, height, PLOT_WIDTH, height, PLOT_MARGIN, height - 1, PLOT_WIDTH - PLOT_MARGIN);
	for (size_t i = 0; i < c->n_arms; i++)
		put_dot(p, r, &l->arm[i], arm_is_trained(&c->arms[i]) ? "tuned" : "base", PLOT_STEP * (i + 1) - PLOT_STEP / 4);
	html_put(p, "</svg></td>");
}

/* The estimate, its interval, and against the base: what the difference says. */
static void put_value(struct html *p, const struct eval_result *r, enum eval_axis a, size_t arm)
{
	const struct eval_estimate *s = &r->axis[a].arm[arm], *change = &r->axis[a].change[arm];
	const char *reading = axis_reading(r, a, arm);
	if (!s->n || !isfinite(s->value)) {
		html_put(p, "<td class=\"number quiet\">&ndash;</td>");
		return;
	}
	bool bits = axes[a].unit == BITS;
	double scale = bits ? 1 : 100;
	int places = bits ? 3 : 0;
	html_putf(p, "<td class=\"number\">%.*f%s<small>", places, scale * s->value, bits ? "" : "&#8239;%");
	if (isfinite(s->low))
		html_putf(p, "%.*f to %.*f", places, scale * s->low, places, scale * s->high);
	if (axes[a].unit == SHARE)
		html_putf(p, " (%zu of %zu)", s->k, s->n);
	if (*reading)
		html_putf(p, "<br><span class=\"%s\">%s</span> %+.*f",
			!strcmp(reading, "better")          ? "good"
				: !strcmp(reading, "worse") ? "bad"
							    : "quiet",
			reading, places, scale * change->value);
	if (*reading && isfinite(change->low))
		html_putf(p, " (%+.*f to %+.*f)", places, scale * change->low, places, scale * change->high);
	if (*reading && isfinite(r->axis[a].detectable[arm]))
		html_putf(p, "<br><span class=\"quiet\">tells %.*f</span>", places, scale * r->axis[a].detectable[arm]);
	html_put(p, "</small></td>");
}

static void put_axes(struct html *p, const struct comparison *c)
{
	html_put(p,
		"<h2 id=\"measures\">What was measured</h2><div class=\"scroll\"><table><caption>Ranges are 95&#8239;% intervals: "
		"Wilson's for shares, otherwise and for differences from the first column a paired bootstrap over source "
		"documents. Better is what also stays below 5&#8239;% when all measures of an arm are counted (Holm). An arm tells "
		"changes of the size behind &ldquo;tells&rdquo; four times of five. "
		"In the pictures each arm has a line, in the order of the columns, filled where it was "
		"trained.</caption><thead><tr>"
		"<th scope=\"col\">Measure</th>");
	for (size_t i = 0; i < c->n_arms; i++) {
		html_put(p, "<th scope=\"col\">");
		html_text(p, c->arms[i].name);
		html_put(p, "</th>");
	}
	html_put(p, "<th scope=\"col\">Intervals</th></tr></thead><tbody>");
	for (int a = 0; a < EVAL_AXES; a++) {
		const struct eval_line *l = &c->result->axis[a];
		if (!l->arm[0].n)
			continue;
		html_putf(p, "<tr><th scope=\"row\">%s</th>", axes[a].name);
		for (size_t i = 0; i < c->n_arms; i++)
			put_value(p, c->result, (enum eval_axis)a, i);
		put_plot(p, c, (enum eval_axis)a);
		html_put(p, "</tr>");
	}
	html_put(p, "</tbody></table></div>");
}

/* ---- around them ------------------------------------------------------------------------------------------------------------ */

/* " base 10 %, tuned 80 %.": the rest of a paragraph. */
static void put_each(struct html *p, const struct comparison *c, const struct eval_estimate *arm)
{
	for (size_t i = 0; i < c->n_arms; i++) {
		html_put(p, i ? ", " : " ");
		html_text(p, c->arms[i].name);
		html_putf(p, " %.0f&#8239;%%", 100 * arm[i].value);
	}
	html_put(p, ".</p>");
}

static void put_means(struct html *p, const struct comparison *c, const double *mean, double scale)
{
	for (size_t i = 0; i < c->n_arms; i++) {
		html_put(p, i ? ", " : " ");
		html_text(p, c->arms[i].name);
		html_putf(p, " %.1f", scale * mean[i]);
	}
}

static void put_guards(struct html *p, const struct comparison *c)
{
	const struct eval_result *r = c->result;
	html_put(p, "<h2 id=\"guards\">What keeps these numbers honest</h2>");
	if (r->constant.n) {
		html_put(p, "<p>The best single answer, &ldquo;");
		html_text(p, c->constant ? c->constant : "");
		html_putf(p, "&rdquo;, given to every question would be right for %.0f&#8239;%%.</p>", 100 * r->constant.value);
		html_putf(p, "<p>%zu of %zu questions share eight words in a row with a question of the training data.</p>",
			r->overlap.k, r->overlap.n);
	}
	if (c->twins[0].n) {
		html_putf(p, "<p>Of the %zu answerable twins, which count in no other row, are answered right:", c->twins[0].n);
		put_each(p, c, c->twins);
	}
	if (c->terms.n && c->questions.n) {
		html_put(p, "<p>Preferred and forbidden terms per 100 words:");
		put_means(p, c, c->terms_per_100_words, 1);
		html_put(p, ".</p>");
	}
	if (c->has_evidence && c->questions.n) {
		html_put(p, "<p>Faults of style per 100 words:");
		put_means(p, c, c->violations_per_100_words, 1);
		html_put(p, ". Of a hundred sequences of eight words in the answers the documents have:");
		put_means(p, c, c->verbatim, 100);
		html_put(p, ".</p><p>Values and names in an answer, on average:");
		put_means(p, c, c->claims_per_answer, 1);
		html_put(p, ". Those that the documents do not say of the same thing are marked below.</p>");
	}
	if (r->objects && r->axis[EVAL_FALSE_PREMISE].arm[0].n) {
		html_put(p, "<p>");
		html_text(p, EVAL_OBJECTIONS);
		html_put(p, "</p>");
	}
	if (r->axis[EVAL_TER].arm[0].n)
		html_put(p,
			"<p>Editing effort is counted by TER (case:lc, tok:tercom, norm:no, punct:yes), likeness by chrF2 "
			"(case:mixed, "
			"nc:6, nw:0, space:no), as sacrebleu does; of chrF the mean over the answers.</p>");
	for (size_t i = 1; i < c->n_arms; i++)
		if (r->unsound[i]) {
			html_put(p, "<p class=\"bad\">No gain of ");
			html_text(p, c->arms[i].name);
			html_putf(p, " counts, since it %s half of the time or more.</p>", r->unsound[i]);
		}
	if (c->questions.n) {
		html_put(p, "<p>Refused of what can be answered:");
		put_each(p, c, c->refuses);
		html_put(p, "<p>Answers that are a passage or the question again:");
		put_each(p, c, c->copies);
	}
	html_putf(p, "<p>General text costs %+.1f&#8239;%% bits per byte.</p>", 100 * c->general.value);
}

/* The points for training and for a prompt, each with what was measured of it. */
static void put_advice(struct html *p, const struct comparison *c)
{
	html_put(p,
		"<h2 id=\"advice\">When training pays, and whether it does here</h2><div class=\"scroll\"><table><thead><tr><th "
		"scope=\"col\">Speaks for</th><th scope=\"col\">when</th><th scope=\"col\">here</th><th "
		"scope=\"col\">because</th></tr></thead>"
		"<tbody>");
	for (size_t i = 0; i < c->n_advice; i++) {
		const struct advice *a = &c->advice[i];
		html_putf(p, "<tr><td>%s</td><th scope=\"row\">", a->for_training ? "training" : "a prompt");
		html_text(p, a->point);
		html_putf(p, "</th><td>%s</td><td>", advice_names[a->holds]);
		html_text(p, a->why);
		html_put(p, "</td></tr>");
	}
	html_put(p, "</tbody></table></div><p>");
	html_text(p, c->result->break_even);
	html_put(p, "</p>");
}

static void put_training(struct html *p, const struct comparison *c)
{
	const struct eval_job *j = c->job;
	struct buf svg = {0};
	html_put(p, "<h2 id=\"training\">Training</h2><p>");
	html_text(p, j->model_name);
	html_putf(p, ", %zu tokens in %.0f&#8239;s.</p>", j->train_tokens, j->train_seconds);
	if (j->loss_svg && file_exists(j->loss_svg) && p->rc == 0)
		p->rc = file_read(j->loss_svg, SVG_MAX, &svg, p->e);
	if (svg.len) {
		html_put(p, "<figure><img alt=\"Curves of the training loss, step by step\" src=\"");
		html_svg_url(p, svg.p, svg.len);
		html_put(p, "\"></figure>");
	}
	buf_release(&svg);
}

/* ---- questions -------------------------------------------------------------------------------------------------------------- */

enum group { TRAINED, UNTRAINED, EVERY, NONE, SOME, PREMISES, LEAKED, GROUPS };

static const char *const group_name[GROUPS] = {[TRAINED] = "Right only with training",
	[UNTRAINED] = "Right only without training",
	[EVERY] = "Right in every arm",
	[NONE] = "Right in no arm",
	[SOME] = "Right in some arms with training and some without",
	[PREMISES] = "False premises",
	[LEAKED] = "Left out, because they were trained on"};

static enum group group_of(const struct comparison *c, const struct record *r)
{
	size_t trained = 0, untrained = 0;
	for (size_t i = 0; i < c->n_arms; i++)
		*(arm_is_trained(&c->arms[i]) ? &trained : &untrained) += r->judged[i].right;
	if (r->q->leak)
		return LEAKED;
	if (r->q->false_premise)
		return PREMISES;
	if (trained + untrained == c->n_arms)
		return EVERY;
	if (!trained || !untrained)
		return trained ? TRAINED : untrained ? UNTRAINED : NONE;
	return SOME;
}

/* The text with a mark around each claim that the documents do not support. */
static void put_said(struct html *p, const char *text, const struct evidence_claims *claims)
{
	size_t at = 0;
	for (size_t i = 0; i < claims->n; i++) {
		const struct evidence_claim *c = &claims->p[i];
		if (c->supported || c->start < at)
			continue;
		html_textn(p, text + at, c->start - at);
		html_put(p, "<mark title=\"not in the documents");
		if (*c->instead) {
			html_put(p, "; there: ");
			html_text(p, c->instead);
		}
		html_put(p, "\">");
		html_textn(p, text + c->start, c->end - c->start);
		html_put(p, "</mark>");
		at = c->end;
	}
	html_text(p, text + at);
}

static void put_answer(struct html *p, const struct comparison *c, const struct record *r, size_t arm)
{
	const struct judgement *j = &r->judged[arm];
	bool premise = r->q->false_premise, good = premise ? !record_accepts(r, arm) : j->right;
	const char *mark = premise ? (j->right ? "corrected" : j->refused ? "refused" : "accepted") : j->right ? "right" : "wrong";
	html_put(p, "<div><h4>");
	html_text(p, c->arms[arm].name);
	html_putf(p, ": <span class=\"%s\">%s</span>", good ? "good" : "bad", mark);
	if (!premise && j->refused && !j->right)
		html_put(p, ", refused");
	html_put(p, "</h4><p class=\"said\">");
	if (*r->text[arm])
		put_said(p, r->text[arm], &r->claims[arm]);
	else
		html_put(p, "(nothing)");
	html_put(p, "</p>");
	if (j->competing) {
		html_put(p, "<p class=\"quiet\">competing value: ");
		html_text(p, j->competing);
		html_put(p, "</p>");
	}
	html_put(p, "</div>");
}

static void put_question(struct html *p, const struct comparison *c, size_t i)
{
	const struct record *r = &c->record[i];
	html_putf(p, "<article id=\"q%zu\"><h3>", i + 1);
	html_text(p, r->q->text);
	html_putf(p, " <a href=\"#q%zu\">", i + 1);
	html_text(p, r->q->id);
	html_put(p, "</a></h3><p class=\"quiet\">");
	html_put(p, r->q->false_premise ? "Corrections: " : "Accepted: ");
	for (size_t k = 0; k < r->q->n_accepted; k++) {
		html_put(p, k ? " &middot; " : "");
		html_text(p, r->q->accepted[k]);
	}
	html_put(p, r->q->n_accepted ? "" : "a refusal");
	for (size_t k = 0; k < r->q->n_must_not; k++) {
		html_put(p, k ? " &middot; " : ". Must not come back: ");
		html_text(p, r->q->must_not[k]);
	}
	if (*r->q->source) {
		html_put(p, ". Source: ");
		html_text(p, r->q->source);
	}
	html_put(p, r->q->unseen ? ", held out" : "");
	html_put(p, r->q->is_twin ? ". Twin of a false premise" : "");
	if (r->q->leak)
		html_putf(p, ". Stands in line %zu of train.jsonl, so it does not count", r->q->leak);
	html_put(p, r->q->overlap ? ". Shares eight words with training" : "");
	html_put(p, "</p><div class=\"pair\">");
	for (size_t arm = 0; arm < c->n_arms; arm++)
		put_answer(p, c, r, arm);
	html_put(p, "</div></article>\n");
}

static void put_questions(struct html *p, const struct comparison *c)
{
	if (!c->questions.n)
		return;
	html_put(p, "<h2 id=\"questions\">Every question</h2>");
	for (int g = 0; g < GROUPS; g++) {
		size_t n = 0;
		for (size_t i = 0; i < c->questions.n; i++)
			n += group_of(c, &c->record[i]) == (enum group)g;
		if (!n)
			continue;
		html_putf(p, "<details%s><summary>%s (%zu)</summary>\n", g == TRAINED || g == UNTRAINED ? " open" : "",
			group_name[g], n);
		for (size_t i = 0; i < c->questions.n; i++)
			if (group_of(c, &c->record[i]) == (enum group)g)
				put_question(p, c, i);
		html_put(p, "</details>");
	}
}

int report_write(const struct comparison *c, struct buf *out, struct err *e)
{
	struct html p = {.out = out, .e = e};
	html_open(&p, "Was it worth it?");
	html_putf(&p, "<p class=\"verdict%s\">", c->result->worth_it ? " yes" : "");
	html_text(&p, c->result->verdict);
	html_put(&p, "</p>");
	put_axes(&p, c);
	put_guards(&p, c);
	put_advice(&p, c);
	put_training(&p, c);
	put_questions(&p, c);
	html_close(&p);
	return p.rc;
}

/*
 * report.html: the verdict, the axes, every question. One file that needs nothing else, follows the reader's light or dark scheme,
 * prints, and runs no script. Foreign text goes through html_text only.
 */
#include "eval/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/html.h"

extern const char eval_report_css[]; /* report.css, put into the program when it is built */

enum { PLOT_WIDTH = 160, PLOT_STEP = 13, PLOT_MARGIN = 6, SVG_MAX = 4 << 20 };

/* The page being written; after the first failure nothing more is. */
struct page {
	struct buf *out;
	struct err *e;
	int rc;
};

static void put(struct page *p, const char *html)
{
	if (p->rc == 0)
		p->rc = buf_puts(p->out, html, p->e);
}

static void put_text(struct page *p, const char *text)
{
	if (p->rc == 0)
		p->rc = html_text(p->out, text, p->e);
}

__attribute__((format(printf, 2, 3))) static void putf(struct page *p, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	put(p, text);
}

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

static void put_dot(struct page *p, struct range r, const struct eval_estimate *s, const char *class, size_t y)
{
	if (!s->n || !isfinite(s->value))
		return;
	if (isfinite(s->low))
		putf(p, "<path class=\"%s\" stroke-width=\"1.5\" d=\"M%.1f %zuH%.1f\"/>", class, px(r, s->low), y, px(r, s->high));
	putf(p, "<circle class=\"%s\" stroke-width=\"1.5\" cx=\"%.1f\" cy=\"%zu\" r=\"4\"/>", class, px(r, s->value), y);
}

static void put_plot(struct page *p, const struct comparison *c, enum eval_axis a)
{
	const struct eval_line *l = &c->result->axis[a];
	struct range r = range_of(a, l, c->n_arms);
	size_t height = PLOT_STEP * c->n_arms + PLOT_STEP / 2;
	putf(p,
		"<td><svg width=\"%d\" height=\"%zu\" viewBox=\"0 0 %d %zu\" aria-hidden=\"true\">"
		"<path class=\"axis\" d=\"M%d %zuH%d\"/>",
		PLOT_WIDTH, height, PLOT_WIDTH, height, PLOT_MARGIN, height - 1, PLOT_WIDTH - PLOT_MARGIN);
	for (size_t i = 0; i < c->n_arms; i++)
		put_dot(p, r, &l->arm[i], arm_is_trained(&c->arms[i]) ? "tuned" : "base", PLOT_STEP * (i + 1) - PLOT_STEP / 4);
	put(p, "</svg></td>");
}

/* The estimate, its interval, and against the base: what the difference says. */
static void put_value(struct page *p, enum eval_axis a, const struct eval_line *l, size_t arm)
{
	const struct eval_estimate *s = &l->arm[arm], *change = &l->change[arm];
	const char *reading = axis_reading(a, change);
	if (!s->n || !isfinite(s->value)) {
		put(p, "<td class=\"number quiet\">&ndash;</td>");
		return;
	}
	bool bits = axes[a].unit == BITS;
	double scale = bits ? 1 : 100;
	int places = bits ? 3 : 0;
	putf(p, "<td class=\"number\">%.*f%s<small>", places, scale * s->value, bits ? "" : "&#8239;%");
	if (isfinite(s->low))
		putf(p, "%.*f to %.*f", places, scale * s->low, places, scale * s->high);
	if (!bits)
		putf(p, " (%zu of %zu)", s->k, s->n);
	if (*reading)
		putf(p, "<br><span class=\"%s\">%s</span> %+.*f",
			!strcmp(reading, "better")          ? "good"
				: !strcmp(reading, "worse") ? "bad"
							    : "quiet",
			reading, places, scale * change->value);
	if (*reading && isfinite(change->low))
		putf(p, " (%+.*f to %+.*f)", places, scale * change->low, places, scale * change->high);
	put(p, "</small></td>");
}

static void put_axes(struct page *p, const struct comparison *c)
{
	put(p,
		"<h2 id=\"measures\">What was measured</h2><div class=\"scroll\"><table><caption>Ranges are 95&#8239;% intervals: "
		"Wilson's for shares, otherwise and for differences from the first column a paired bootstrap over source "
		"documents. "
		"In the pictures each arm has a line, in the order of the columns, filled where it was "
		"trained.</caption><thead><tr>"
		"<th scope=\"col\">Measure</th>");
	for (size_t i = 0; i < c->n_arms; i++) {
		put(p, "<th scope=\"col\">");
		put_text(p, c->arms[i].name);
		put(p, "</th>");
	}
	put(p, "<th scope=\"col\">Intervals</th></tr></thead><tbody>");
	for (int a = 0; a < EVAL_AXES; a++) {
		const struct eval_line *l = &c->result->axis[a];
		if (!l->arm[0].n)
			continue;
		putf(p, "<tr><th scope=\"row\">%s</th>", axes[a].name);
		for (size_t i = 0; i < c->n_arms; i++)
			put_value(p, (enum eval_axis)a, l, i);
		put_plot(p, c, (enum eval_axis)a);
		put(p, "</tr>");
	}
	put(p, "</tbody></table></div>");
}

/* ---- around them ------------------------------------------------------------------------------------------------------------ */

/* " base 10 %, tuned 80 %.": the rest of a paragraph. */
static void put_each(struct page *p, const struct comparison *c, const struct eval_estimate *arm)
{
	for (size_t i = 0; i < c->n_arms; i++) {
		put(p, i ? ", " : " ");
		put_text(p, c->arms[i].name);
		putf(p, " %.0f&#8239;%%", 100 * arm[i].value);
	}
	put(p, ".</p>");
}

static void put_guards(struct page *p, const struct comparison *c)
{
	const struct eval_result *r = c->result;
	put(p, "<h2 id=\"guards\">What keeps these numbers honest</h2>");
	if (r->constant.n) {
		put(p, "<p>The best single answer, &ldquo;");
		put_text(p, c->constant ? c->constant : "");
		putf(p, "&rdquo;, given to every question would be right for %.0f&#8239;%%.</p>", 100 * r->constant.value);
		putf(p, "<p>%zu of %zu questions share eight words in a row with a question of the training data.</p>",
			r->overlap.k, r->overlap.n);
	}
	if (c->twins[0].n) {
		putf(p, "<p>Of the %zu answerable twins, which count in no other row, are answered right:", c->twins[0].n);
		put_each(p, c, c->twins);
	}
	if (c->terms.n && c->questions.n) {
		put(p, "<p>Preferred and forbidden terms per 100 words:");
		for (size_t i = 0; i < c->n_arms; i++) {
			put(p, i ? ", " : " ");
			put_text(p, c->arms[i].name);
			putf(p, " %.1f", c->terms_per_100_words[i]);
		}
		put(p, ".</p>");
	}
	putf(p, "<p>General text costs %+.1f&#8239;%% bits per byte.</p>", 100 * c->general.value);
}

static void put_training(struct page *p, const struct comparison *c)
{
	const struct eval_job *j = c->job;
	struct buf svg = {0};
	put(p, "<h2 id=\"training\">Training</h2><p>");
	put_text(p, j->model_name);
	putf(p, ", %zu tokens in %.0f&#8239;s.</p>", j->train_tokens, j->train_seconds);
	if (j->loss_svg && file_exists(j->loss_svg) && p->rc == 0)
		p->rc = file_read(j->loss_svg, SVG_MAX, &svg, p->e);
	if (svg.len) {
		put(p, "<figure><img alt=\"Curves of the training loss, step by step\" src=\"");
		if (p->rc == 0)
			p->rc = html_svg_url(p->out, svg.p, svg.len, p->e);
		put(p, "\"></figure>");
	}
	buf_release(&svg);
}

/* ---- questions -------------------------------------------------------------------------------------------------------------- */

enum group { TRAINED, UNTRAINED, EVERY, NONE, SOME, PREMISES, GROUPS };

static const char *const group_name[GROUPS] = {[TRAINED] = "Right only with training",
	[UNTRAINED] = "Right only without training",
	[EVERY] = "Right in every arm",
	[NONE] = "Right in no arm",
	[SOME] = "Right in some arms with training and some without",
	[PREMISES] = "False premises"};

static enum group group_of(const struct comparison *c, const struct record *r)
{
	size_t trained = 0, untrained = 0;
	for (size_t i = 0; i < c->n_arms; i++)
		*(arm_is_trained(&c->arms[i]) ? &trained : &untrained) += r->judged[i].right;
	if (r->q->false_premise)
		return PREMISES;
	if (trained + untrained == c->n_arms)
		return EVERY;
	if (!trained || !untrained)
		return trained ? TRAINED : untrained ? UNTRAINED : NONE;
	return SOME;
}

static void put_answer(struct page *p, const struct comparison *c, const struct record *r, size_t arm)
{
	const struct judgement *j = &r->judged[arm];
	bool premise = r->q->false_premise, good = premise ? !record_accepts(r, arm) : j->right;
	const char *mark = premise ? (j->right ? "corrected" : j->refused ? "refused" : "accepted") : j->right ? "right" : "wrong";
	put(p, "<div><h4>");
	put_text(p, c->arms[arm].name);
	putf(p, ": <span class=\"%s\">%s</span>", good ? "good" : "bad", mark);
	if (!premise && j->refused && !j->right)
		put(p, ", refused");
	put(p, "</h4><p class=\"said\">");
	put_text(p, *r->text[arm] ? r->text[arm] : "(nothing)");
	put(p, "</p>");
	if (j->competing) {
		put(p, "<p class=\"quiet\">competing value: ");
		put_text(p, j->competing);
		put(p, "</p>");
	}
	put(p, "</div>");
}

static void put_question(struct page *p, const struct comparison *c, size_t i)
{
	const struct record *r = &c->record[i];
	putf(p, "<article id=\"q%zu\"><h3>", i + 1);
	put_text(p, r->q->text);
	putf(p, " <a href=\"#q%zu\">", i + 1);
	put_text(p, r->q->id);
	put(p, "</a></h3><p class=\"quiet\">");
	put(p, r->q->false_premise ? "Corrections: " : "Accepted: ");
	for (size_t k = 0; k < r->q->n_accepted; k++) {
		put(p, k ? " &middot; " : "");
		put_text(p, r->q->accepted[k]);
	}
	put(p, r->q->n_accepted ? "" : "a refusal");
	if (*r->q->source) {
		put(p, ". Source: ");
		put_text(p, r->q->source);
	}
	put(p, r->q->unseen ? ", held out" : "");
	put(p, r->q->is_twin ? ". Twin of a false premise" : "");
	put(p, r->overlap ? ". Shares eight words with training" : "");
	put(p, "</p><div class=\"pair\">");
	for (size_t arm = 0; arm < c->n_arms; arm++)
		put_answer(p, c, r, arm);
	put(p, "</div></article>\n");
}

static void put_questions(struct page *p, const struct comparison *c)
{
	if (!c->questions.n)
		return;
	put(p, "<h2 id=\"questions\">Every question</h2>");
	for (int g = 0; g < GROUPS; g++) {
		size_t n = 0;
		for (size_t i = 0; i < c->questions.n; i++)
			n += group_of(c, &c->record[i]) == (enum group)g;
		if (!n)
			continue;
		putf(p, "<details%s><summary>%s (%zu)</summary>\n", g == TRAINED || g == UNTRAINED ? " open" : "", group_name[g],
			n);
		for (size_t i = 0; i < c->questions.n; i++)
			if (group_of(c, &c->record[i]) == (enum group)g)
				put_question(p, c, i);
		put(p, "</details>");
	}
}

int report_write(const struct comparison *c, struct buf *out, struct err *e)
{
	struct page p = {.out = out, .e = e};
	put(&p,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		"content=\"width=device-width, "
		"initial-scale=1\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
		"'unsafe-inline'; "
		"img-src data:\"><title>Was it worth it?</title>\n<style>\n");
	put(&p, eval_report_css);
	putf(&p, "</style></head><body><main><h1>Was it worth it?</h1><p class=\"verdict%s\">", c->result->worth_it ? " yes" : "");
	put_text(&p, c->result->verdict);
	put(&p, "</p>");
	put_axes(&p, c);
	put_guards(&p, c);
	put_training(&p, c);
	put_questions(&p, c);
	put(&p, "</main></body></html>\n");
	return p.rc;
}

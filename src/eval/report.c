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

enum { PLOT_WIDTH = 200, PLOT_HEIGHT = 34, PLOT_MARGIN = 6, SVG_MAX = 4 << 20 };

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

static struct range range_of(enum eval_axis a, const struct eval_line *l)
{
	if (axes[a].unit == SHARE)
		return (struct range){0, 1};
	double low = fmin(fmin(l->base.value, l->tuned.value), fmin(l->base.low, l->tuned.low)); /* fmin and fmax pass over NaN */
	double high = fmax(fmax(l->base.value, l->tuned.value), fmax(l->base.high, l->tuned.high));
	double margin = high > low ? (high - low) / 10 : 0.1;
	return (struct range){low - margin, high + margin};
}

static double px(struct range r, double value)
{
	return PLOT_MARGIN + (value - r.from) / (r.to - r.from) * (PLOT_WIDTH - 2 * PLOT_MARGIN);
}

static void put_dot(struct page *p, struct range r, const struct eval_estimate *s, const char *class, int y)
{
	if (!s->n || !isfinite(s->value))
		return;
	if (isfinite(s->low))
		putf(p, "<path class=\"%s\" stroke-width=\"1.5\" d=\"M%.1f %dH%.1f\"/>", class, px(r, s->low), y, px(r, s->high));
	putf(p, "<circle class=\"%s\" stroke-width=\"1.5\" cx=\"%.1f\" cy=\"%d\" r=\"4\"/>", class, px(r, s->value), y);
}

static void put_plot(struct page *p, enum eval_axis a, const struct eval_line *l)
{
	struct range r = range_of(a, l);
	putf(p,
		"<td><svg width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" aria-hidden=\"true\">"
		"<path class=\"axis\" d=\"M%d %dH%d\"/>",
		PLOT_WIDTH, PLOT_HEIGHT, PLOT_WIDTH, PLOT_HEIGHT, PLOT_MARGIN, PLOT_HEIGHT - 1, PLOT_WIDTH - PLOT_MARGIN);
	put_dot(p, r, &l->base, "base", 9);
	put_dot(p, r, &l->tuned, "tuned", 22);
	put(p, "</svg></td>");
}

static void put_value(struct page *p, enum eval_axis a, const struct eval_estimate *s)
{
	if (!s->n || !isfinite(s->value)) {
		put(p, "<td class=\"number\">not measured</td>");
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
	put(p, "</small></td>");
}

static void put_change(struct page *p, enum eval_axis a, const struct eval_line *l)
{
	const struct eval_estimate *s = &l->change;
	const char *reading = axis_reading(a, l);
	double scale = axes[a].unit == BITS ? 1 : 100;
	int places = axes[a].unit == BITS ? 3 : 0;
	if (!s->n) {
		put(p, "<td></td>");
		return;
	}
	putf(p, "<td class=\"number\"><span class=\"%s\">%s</span> %+.*f<small>",
		!strcmp(reading, "better")          ? "good"
			: !strcmp(reading, "worse") ? "bad"
						    : "quiet",
		reading, places, scale * s->value);
	if (isfinite(s->low))
		putf(p, "%+.*f to %+.*f", places, scale * s->low, places, scale * s->high);
	if (isfinite(l->p))
		putf(p, ", p = %.2g", l->p);
	put(p, "</small></td>");
}

static void put_axes(struct page *p, const struct comparison *c)
{
	put(p,
		"<h2 id=\"measures\">What was measured</h2><div class=\"scroll\"><table><caption>Ranges are 95&#8239;% intervals: "
		"Wilson's "
		"for shares, otherwise and for changes a paired bootstrap over source documents. p is McNemar's. In the pictures "
		"the "
		"hollow upper dot is the base, the filled lower one the tuned model.</caption><thead><tr><th "
		"scope=\"col\">Measure</th>"
		"<th scope=\"col\">Base</th><th scope=\"col\">Tuned</th><th scope=\"col\">Change</th><th "
		"scope=\"col\">Intervals</th></tr>"
		"</thead><tbody>");
	for (int a = 0; a < EVAL_AXES; a++) {
		const struct eval_line *l = &c->result->axis[a];
		if (!l->base.n && !l->tuned.n)
			continue;
		putf(p, "<tr><th scope=\"row\">%s</th>", axes[a].name);
		put_value(p, (enum eval_axis)a, &l->base);
		put_value(p, (enum eval_axis)a, &l->tuned);
		put_change(p, (enum eval_axis)a, l);
		put_plot(p, (enum eval_axis)a, l);
		put(p, "</tr>");
	}
	put(p, "</tbody></table></div>");
}

/* ---- around them ------------------------------------------------------------------------------------------------------------ */

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
	if (c->twins[0].n)
		putf(p,
			"<p>Of the %zu answerable twins the base answers %.0f&#8239;%% right, the tuned model %.0f&#8239;%%; they "
			"count "
			"in no other row.</p>",
			c->twins[0].n, 100 * c->twins[0].value, 100 * c->twins[1].value);
	if (c->terms.n && c->questions.n)
		putf(p, "<p>Preferred and forbidden terms per 100 words: %.1f before, %.1f after.</p>", c->terms_per_100_words[0],
			c->terms_per_100_words[1]);
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

enum group { LEARNT, LOST, BOTH, NEVER, PREMISES, GROUPS };

static const char *const group_name[GROUPS] = {[LEARNT] = "Wrong before, right after",
	[LOST] = "Right before, wrong after",
	[BOTH] = "Right before and after",
	[NEVER] = "Wrong before and after",
	[PREMISES] = "False premises"};

static enum group group_of(const struct record *r)
{
	bool before = r->judged[0].right, after = r->judged[1].right;
	if (r->q->false_premise)
		return PREMISES;
	return before ? (after ? BOTH : LOST) : (after ? LEARNT : NEVER);
}

static void put_answer(struct page *p, const struct comparison *c, const struct record *r, int arm)
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
	put_answer(p, c, r, 0);
	put_answer(p, c, r, 1);
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
			n += group_of(&c->record[i]) == (enum group)g;
		if (!n)
			continue;
		putf(p, "<details%s><summary>%s (%zu)</summary>\n", g == LEARNT || g == LOST ? " open" : "", group_name[g], n);
		for (size_t i = 0; i < c->questions.n; i++)
			if (group_of(&c->record[i]) == (enum group)g)
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

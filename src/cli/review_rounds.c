/*
 * Did the last training save editing? Rounds as text, JSON and a page with a picture. Reference: review.h.
 */
#include "cli/review.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 192 };

static size_t decided(const struct flow_round *r)
{
	return r->n_accepted + r->n_edited + r->n_rejected;
}

static double per_draft(const struct flow_round *r, double sum)
{
	return r->n_drafts ? sum / (double)r->n_drafts : NAN;
}

static double minutes_per_100(const struct flow_round *r)
{
	return decided(r) ? r->seconds / (double)decided(r) * 100 / 60 : NAN;
}

/* What the interval of a change says; fewer edits are better. */
static const char *reading(const struct eval_estimate *change)
{
	return change->high < 0 ? "better" : change->low > 0 ? "worse" : "cannot tell";
}

/* "31.0 % (22.1 to 40.3)"; "-" where nothing was measured. */
static const char *share_text(char text[TEXT_SIZE], const struct eval_estimate *s)
{
	if (!isfinite(s->value))
		snprintf(text, TEXT_SIZE, "-");
	else if (!isfinite(s->low))
		snprintf(text, TEXT_SIZE, "%.1f %%", 100 * s->value);
	else
		snprintf(text, TEXT_SIZE, "%.1f %% (%.1f to %.1f)", 100 * s->value, 100 * s->low, 100 * s->high);
	return text;
}

static const char *change_text(char text[TEXT_SIZE], const struct eval_estimate *s)
{
	if (!isfinite(s->value) || !isfinite(s->low))
		snprintf(text, TEXT_SIZE, "-");
	else
		snprintf(text, TEXT_SIZE, "%+.1f points (%+.1f to %+.1f): %s", 100 * s->value, 100 * s->low, 100 * s->high,
			reading(s));
	return text;
}

static const char *reasons_text(char text[TEXT_SIZE], const struct flow_round *r)
{
	size_t n = 0;
	*text = 0;
	for (int i = 0; i < REVIEW_REASONS; i++)
		if (r->reason[i])
			n += (size_t)snprintf(
				text + n, TEXT_SIZE - n, "%s%s %zu", n ? ", " : "", review_reason_names[i], r->reason[i]);
	return n ? text : "-";
}

/* "" where people decided. */
static const char *simulated_text(char text[TEXT_SIZE], const struct flow_round *r)
{
	*text = 0;
	if (r->n_simulated)
		snprintf(text, TEXT_SIZE, "%zu decided by a simulated editor, not by people", r->n_simulated);
	return text;
}

int review_rounds_text(const struct flow_rounds *all, struct buf *out, struct err *e)
{
	char a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE];
	int rc = all->n ? 0 : buf_puts(out, "no drafts\n", e);
	for (size_t i = 0; i < all->n && !rc; i++) {
		const struct flow_round *r = &all->p[i];
		rc = buf_printf(out, e, "%sround %zu     ", i ? "\n" : "", i + 1);
		if (!rc)
			rc = text_plain(out, r->origin, strlen(r->origin), e);
		if (!rc)
			rc = buf_printf(out, e,
				"\n  drafts    %zu: %zu accepted as they are, %zu edited, %zu rejected, %zu waiting\n", r->n_drafts,
				r->n_accepted, r->n_edited, r->n_rejected, r->n_drafts - decided(r));
		if (!rc && r->n_simulated)
			rc = buf_printf(out, e, "  simulated %s\n", simulated_text(a, r));
		if (!rc)
			rc = buf_printf(out, e, "  unedited  %s of those decided\n", share_text(a, &r->unedited));
		if (!rc)
			rc = buf_printf(
				out, e, "  HTER      %s of the words of accepted and edited drafts\n", share_text(a, &r->hter));
		if (!rc && i)
			rc = buf_printf(out, e, "  change    %s\n", change_text(b, &r->change));
		if (!rc)
			rc = buf_printf(out, e, "  findings  %.2f forbidden terms, %.2f unsupported claims a draft\n",
				per_draft(r, (double)r->n_terms), per_draft(r, (double)r->n_claims));
		if (!rc && r->seconds > 0)
			rc = buf_printf(out, e, "  time      %.1f minutes for 100 drafts\n", minutes_per_100(r));
		if (!rc)
			rc = buf_printf(out, e, "  reasons   %s\n", reasons_text(c, r));
	}
	return rc;
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------------------- */

json_t *review_round_json(const struct flow_round *r)
{
	json_t *reasons = json_object();
	for (int i = 0; i < REVIEW_REASONS; i++)
		json_object_set_new(reasons, review_reason_names[i], json_integer((json_int_t)r->reason[i]));
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "origin", r->origin, "drafts",
		(json_int_t)r->n_drafts, "accepted", (json_int_t)r->n_accepted, "edited", (json_int_t)r->n_edited, "rejected",
		(json_int_t)r->n_rejected, "simulated", (json_int_t)r->n_simulated, "unedited", eval_estimate_json(&r->unedited),
		"hter", eval_estimate_json(&r->hter), "change", eval_estimate_json(&r->change), "terms_per_draft",
		json_measure(per_draft(r, (double)r->n_terms)), "claims_per_draft", json_measure(per_draft(r, (double)r->n_claims)),
		"minutes_per_100", json_measure(minutes_per_100(r)), "reasons", reasons);
}

/* ---- a page -------------------------------------------------------------------------------------------------------------------- */

enum { LEFT = 56, STEP = 88, TOP = 12, BOTTOM = 232, FOOT = 260, TICKS = 4 };

static double y_px(double share, double most)
{
	return BOTTOM - share / most * (BOTTOM - TOP);
}

/* HTER against rounds, each with its interval. */
static void plot_put(struct html *h, const struct flow_rounds *all)
{
	double most = 0;
	size_t right = LEFT + STEP * all->n;
	for (size_t i = 0; i < all->n; i++)
		most = fmax(most, fmax(all->p[i].hter.value, all->p[i].hter.high)); /* passes over NaN */
	most = most > 0 ? ceil(20 * most) / 20 : 1;
	html_putf(h,
		"<figure><svg viewBox=\"0 0 %zu %d\" width=\"%zu\" height=\"%d\" role=\"img\" font-size=\"13\" "
		"fill=\"currentColor\">"
		"<title>HTER of each round with its 95&#8239;%% interval</title>",
		right, FOOT, right, FOOT);
	for (int i = 0; i <= TICKS; i++) {
		double share = most * i / TICKS, y = y_px(share, most);
		html_putf(h,
			"<path class=\"axis\" d=\"M%d %.1fH%zu\"/><text x=\"%d\" y=\"%.1f\" "
			"text-anchor=\"end\">%.0f&#8239;%%</text>",
			LEFT, y, right, LEFT - 8, y + 4, 100 * share);
	}
	for (size_t i = 0; i < all->n; i++) {
		const struct eval_estimate *s = &all->p[i].hter;
		size_t x = LEFT + STEP * i + STEP / 2;
		html_putf(h, "<text x=\"%zu\" y=\"%d\" text-anchor=\"middle\">round %zu</text>", x, FOOT - 8, i + 1);
		if (isfinite(s->low))
			html_putf(h, "<path class=\"tuned\" stroke-width=\"2\" d=\"M%zu %.1fV%.1f\"/>", x, y_px(s->low, most),
				y_px(s->high, most));
		if (isfinite(s->value))
			html_putf(h, "<circle class=\"tuned\" cx=\"%zu\" cy=\"%.1f\" r=\"5\"/>", x, y_px(s->value, most));
	}
	html_put(h, "</svg><figcaption>HTER: the share of words that editing changed; fewer are better.</figcaption></figure>");
}

static void row_put(struct html *h, const struct flow_round *r, size_t i)
{
	char a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE];
	html_putf(h, "<tr><th scope=\"row\">%zu: ", i + 1);
	html_text(h, r->origin);
	if (r->n_simulated)
		html_putf(h, "<br><strong>%s</strong>", simulated_text(a, r));
	html_putf(h, "</th><td class=\"number\">%zu of %zu</td><td class=\"number\">%s</td>", decided(r), r->n_drafts,
		share_text(a, &r->unedited));
	html_putf(h, "<td class=\"number\">%s</td><td>%s</td>", share_text(a, &r->hter), i ? change_text(b, &r->change) : "");
	html_putf(h, "<td class=\"number\">%.2f</td><td class=\"number\">%.2f</td>", per_draft(r, (double)r->n_terms),
		per_draft(r, (double)r->n_claims));
	if (r->seconds > 0)
		html_putf(h, "<td class=\"number\">%.1f</td>", minutes_per_100(r));
	else
		html_put(h, "<td class=\"number\">-</td>");
	html_putf(h, "<td>%s</td></tr>", reasons_text(c, r));
}

int review_rounds_page(const struct flow_rounds *all, struct buf *out, struct err *e)
{
	struct html h = {.out = out, .e = e};
	html_open(&h, "Rounds of review");
	plot_put(&h, all);
	html_put(&h,
		"<div class=\"scroll\"><table><caption>A round is what one writer wrote: a model by itself, from passages or with "
		"an adapter. Ranges are "
		"95&#8239;% intervals: Wilson's for shares; of HTER a bootstrap in which drafts on the same document are drawn "
		"together.</caption><thead><tr>");
	static const char *const head[] = {"Round", "Decided", "Accepted as they are", "HTER",
		"Change of HTER from the round before", "Forbidden terms a draft", "Unsupported claims a draft", "Minutes for 100",
		"Reasons"};
	for (size_t i = 0; i < sizeof head / sizeof *head; i++)
		html_putf(&h, "<th scope=\"col\">%s</th>", head[i]);
	html_put(&h, "</tr></thead><tbody>");
	for (size_t i = 0; i < all->n; i++)
		row_put(&h, &all->p[i], i);
	html_put(&h, "</tbody></table></div>");
	html_close(&h);
	return h.rc;
}

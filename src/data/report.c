/* report.html of a data folder: what was read, what is asked, what was left out and why; for people who answer for the documents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/quality.h"
#include "format/format.h"

enum { LISTED = 300, WEAKEST = 20, SAMPLES = 3, PAIRS = 10, BAR_WIDTH = 320, BAR_STEP = 22 };

/* What was made of a document or of all documents of a file. */
struct tally {
	size_t documents, unseen, sections, silent, items, questions;
};

struct report {
	struct html h;
	const struct dataset *d;
	struct tally *of; /* [n_documents] */
	bool **speaks;    /* [n_documents][sections]: has an item */
};

static size_t asked(const struct item *it)
{
	size_t n = 0;
	for (size_t q = 0; q < it->n_questions; q++)
		n += it->questions[q] != NULL;
	return n;
}

/* Counts what came of every document, in the arena. */
static int tally(struct report *r, struct arena *a, struct err *e)
{
	const struct dataset *d = r->d;
	r->of = arena_alloc(a, d->n_documents, sizeof *r->of, e);
	r->speaks = arena_alloc(a, d->n_documents, sizeof *r->speaks, e);
	if (!r->of || !r->speaks)
		return ERR_RESOURCE;
	for (size_t i = 0; i < d->n_documents; i++) {
		if (!(r->speaks[i] = arena_alloc(a, d->documents[i].n_sections + 1, sizeof **r->speaks, e)))
			return ERR_RESOURCE;
		r->of[i] = (struct tally){.documents = 1, .unseen = d->documents[i].unseen};
	}
	for (size_t i = 0; i < d->items->n; i++) {
		const struct item *it = &d->items->p[i];
		size_t n = asked(it);
		if (!it->document || !n)
			continue;
		size_t k = (size_t)(it->document - d->documents);
		r->of[k].items++;
		r->of[k].questions += n;
		if (it->section)
			r->speaks[k][it->section - it->document->sections] = true;
	}
	for (size_t i = 0; i < d->n_documents; i++)
		for (size_t k = 0; k < d->documents[i].n_sections && !d->documents[i].skipped; k++) {
			bool text = d->documents[i].sections[k].n_blocks > 0;
			r->of[i].sections += text;
			r->of[i].silent += text && !r->speaks[i][k];
		}
	return 0;
}

static void put_place(struct html *h, const struct document *d, const struct section *s)
{
	html_text(h, d->path);
	if (d->part) {
		html_put(h, " ");
		html_text(h, d->part);
	}
	if (s && *s->heading) {
		html_put(h, ", ");
		html_text(h, s->heading);
	}
}

/* ---- documents ---------------------------------------------------------------------------------------------------------- */

static void put_file(struct report *r, size_t first, size_t end)
{
	struct html *h = &r->h;
	const struct document *d = &r->d->documents[first];
	struct tally t = {0};
	for (size_t i = first; i < end; i++) {
		t.documents += r->d->documents[i].skipped == NULL;
		t.unseen += r->of[i].unseen;
		t.sections += r->of[i].sections;
		t.items += r->of[i].items;
		t.questions += r->of[i].questions;
	}
	html_put(h, "<tr><th scope=\"row\">");
	html_text(h, d->path);
	html_putf(h, "</th><td class=\"number\">%zu</td><td class=\"number\">%zu</td><td class=\"number\">%zu</td><td>", t.sections,
		t.items, t.questions);
	if (t.documents > 1)
		html_putf(h, "%zu of them read%s", t.documents, t.unseen ? ", " : "");
	if (t.unseen && t.documents > 1)
		html_putf(h, "%zu held out", t.unseen);
	else if (t.unseen)
		html_put(h, "held out, to measure with");
	for (size_t i = first; i < end; i++)
		if (r->d->documents[i].skipped) {
			html_put(h, "<p class=\"bad\">left out: ");
			html_text(h, r->d->documents[i].skipped);
			html_put(h, "</p>");
		}
	html_put(h, "</td></tr>\n");
}

static void put_documents(struct report *r)
{
	size_t n_files = 0;
	html_put(&r->h,
		"<h2 id=\"documents\">What was read</h2><div class=\"scroll\"><table><thead><tr><th scope=\"col\">Document</th><th "
		"scope=\"col\">Sections</th><th scope=\"col\">Things to know</th><th scope=\"col\">Questions</th><th "
		"scope=\"col\"></th>"
		"</tr></thead><tbody>");
	for (size_t i = 0, end; i < r->d->n_documents; i = end) {
		for (end = i + 1; end < r->d->n_documents && !strcmp(r->d->documents[end].path, r->d->documents[i].path); end++)
			;
		if (++n_files <= LISTED)
			put_file(r, i, end);
	}
	html_put(&r->h, "</tbody></table></div>");
	if (n_files > LISTED)
		html_putf(&r->h, "<p class=\"quiet\">%zu more in manifest.json.</p>", n_files - LISTED);
}

/* Sections of trained pages that gave nothing to ask. */
static void put_silent(struct report *r)
{
	size_t n = 0, n_shown = 0;
	for (size_t i = 0; i < r->d->n_documents; i++)
		n += r->d->documents[i].unseen || r->d->documents[i].kind != DOCUMENT_PAGE ? 0 : r->of[i].silent;
	html_putf(&r->h,
		"<details><summary>Sections without a question (%zu)</summary><p>Nothing in them is specific enough to be asked: "
		"no value, name, "
		"list, table or instruction that stands for itself. Their text is read in training, but the model is not asked "
		"about "
		"it.</p><ul>",
		n);
	for (size_t i = 0; i < r->d->n_documents; i++) {
		const struct document *d = &r->d->documents[i];
		for (size_t k = 0; k < d->n_sections && !d->skipped && !d->unseen && d->kind == DOCUMENT_PAGE; k++) {
			if (!d->sections[k].n_blocks || r->speaks[i][k] || ++n_shown > LISTED)
				continue;
			html_put(&r->h, "<li>");
			put_place(&r->h, d, &d->sections[k]);
			html_put(&r->h, "</li>");
		}
	}
	html_put(&r->h, n > LISTED ? "<li>&hellip;</li></ul></details>" : "</ul></details>");
}

/* ---- quality ------------------------------------------------------------------------------------------------------------ */

struct judged {
	const struct document *d;
	const struct section *s;
	struct quality q;
};

static int by_specificity(const void *a, const void *b)
{
	const struct judged *x = a, *y = b;
	double u = x->q.specificity, v = y->q.specificity;
	if (u != v)
		return (u > v) - (u < v);
	return x->d != y->d ? (x->d > y->d) - (x->d < y->d) : (x->s > y->s) - (x->s < y->s);
}

static void put_flag(struct html *h, const struct judged *v, size_t n, enum quality_flag f)
{
	size_t count = 0, shown = 0;
	for (size_t i = 0; i < n; i++)
		count += (v[i].q.flags >> f) & 1;
	if (!count)
		return;
	html_putf(h, "<details><summary>%s (%zu)</summary><ul>", quality_flag_reason(f), count);
	for (size_t i = 0; i < n && shown < LISTED; i++)
		if ((v[i].q.flags >> f) & 1) {
			html_put(h, "<li>");
			put_place(h, v[i].d, v[i].s);
			html_put(h, "</li>");
			shown++;
		}
	html_put(h, count > LISTED ? "<li>&hellip;</li></ul></details>" : "</ul></details>");
}

/* Flags with their reasons, and the sections that say least in many words. */
static int put_quality(struct report *r, struct err *e)
{
	struct judged *v = NULL;
	size_t n = 0, cap = 0, vague = 0;
	int rc = 0;
	for (size_t i = 0; i < r->d->n_documents && !rc; i++) {
		const struct document *d = &r->d->documents[i];
		for (size_t k = 0; k < d->n_sections && !d->skipped && d->kind == DOCUMENT_PAGE && !rc; k++) {
			if (!d->sections[k].n_blocks || (rc = mem_reserve(&v, n, &cap, sizeof *v, e)))
				continue;
			v[n] = (struct judged){.d = d, .s = &d->sections[k]};
			rc = quality_of(&v[n].q, d, &d->sections[k], e);
			n += v[n].q.n_words >= QUALITY_WORDS;
		}
	}
	html_put(&r->h,
		"<h2 id=\"quality\">How the text looks</h2><p>Rules that were made for pages of the web; lists, tables and "
		"references break "
		"them rightly. Nothing is left out for it.</p>");
	for (int f = 0; f < QUALITY_FLAGS && !rc; f++)
		put_flag(&r->h, v, n, (enum quality_flag)f);
	if (n)
		qsort(v, n, sizeof *v, by_specificity);
	html_put(&r->h, "<details><summary>Least specific sections</summary><p>Numbers, names and code in 100 words.</p><ul>");
	for (; vague < n && vague < WEAKEST && !rc; vague++) {
		html_putf(&r->h, "<li>%.1f: ", v[vague].q.specificity);
		put_place(&r->h, v[vague].d, v[vague].s);
		html_put(&r->h, "</li>");
	}
	html_put(&r->h, "</ul></details>");
	mem_free(v);
	return rc;
}

/* ---- what is asked ------------------------------------------------------------------------------------------------------ */

static const char *const generator[] = {[ITEM_VALUE] = "Values in statements",
	[ITEM_CELL] = "Cells of tables",
	[ITEM_DEFINITION] = "Definitions",
	[ITEM_FAQ] = "Questions of the documents",
	[ITEM_HOWTO] = "Instructions",
	[ITEM_STEP] = "Steps",
	[ITEM_SECTION] = "Sections by their headings",
	[ITEM_REPLY] = "Replies in tickets and calls",
	[ITEM_STATEMENT] = "Statements",
	[ITEM_DENIAL] = "What is not so",
	[ITEM_CONFIRMATION] = "What is so",
	[ITEM_UNKNOWN] = "What nobody says",
	[ITEM_GROUNDED] = "Questions with passages"};

static void put_sample(struct html *h, const struct item *it)
{
	size_t q = 0;
	while (!it->questions[q])
		q++;
	html_put(h, "<article><h3>");
	html_text(h, it->questions[q]);
	html_put(h, "</h3><p class=\"said\">");
	html_text(h, it->answer);
	html_put(h, "</p><p class=\"quiet\">");
	html_putf(h, "asked in %zu ways. ", asked(it));
	if (it->document)
		put_place(h, it->document, it->section);
	html_put(h, "</p></article>");
}

static void put_generator(struct report *r, int kind)
{
	const struct items *v = r->d->items;
	size_t n = 0, questions = 0, seen = 0;
	for (size_t i = 0; i < v->n; i++)
		if ((int)v->p[i].kind == kind && asked(&v->p[i])) {
			n++;
			questions += asked(&v->p[i]);
		}
	if (!n)
		return;
	html_putf(&r->h, "<details><summary>%s (%zu in %zu questions)</summary>", generator[kind], n, questions);
	for (size_t i = 0; i < v->n; i++)
		if ((int)v->p[i].kind == kind && asked(&v->p[i]) && seen++ * SAMPLES % n < SAMPLES)
			put_sample(&r->h, &v->p[i]);
	html_put(&r->h, "</details>");
}

static void put_facts(struct report *r)
{
	struct html *h = &r->h;
	size_t n = 0;
	html_put(h,
		"<h2 id=\"facts\">Facts</h2><div class=\"scroll\"><table><thead><tr><th scope=\"col\">Statement</th><th "
		"scope=\"col\">Value</th><th scope=\"col\">Asked</th><th scope=\"col\">Where</th></tr></thead><tbody>");
	for (size_t i = 0; i < r->d->items->n; i++) {
		const struct item *it = &r->d->items->p[i];
		if (!item_is_fact(it) || ++n > LISTED)
			continue;
		html_put(h, "<tr><td>");
		html_text(h, it->answer);
		html_put(h, "</td><td>");
		html_text(h, it->value);
		html_putf(h, "</td><td class=\"number\">%s%zu</td><td class=\"quiet\">",
			asked(it) ? "" : "<span class=\"bad\">not</span> ", asked(it));
		put_place(h, it->document, it->section);
		html_put(h, "</td></tr>\n");
	}
	html_put(h, "</tbody></table></div>");
	if (n > LISTED)
		html_putf(h, "<p class=\"quiet\">%zu more in facts.jsonl.</p>", n - LISTED);
}

/* ---- what needs a person ------------------------------------------------------------------------------------------------ */

static void put_side(struct html *h, const struct item *it, const char *what)
{
	html_putf(h, "<div><h4>%s</h4><p class=\"said\">", what);
	html_text(h, it->answer);
	html_put(h, "</p><p class=\"quiet\">");
	put_place(h, it->document, it->section);
	html_put(h, "</p></div>");
}

static void put_contradictions(struct report *r)
{
	static const char *const side[][2] = {
		{"not learnt", "not learnt"}, {"right", "not learnt"}, {"not learnt", "right"}, {"right", "right"}};
	const struct contradictions *c = r->d->contradictions;
	html_putf(&r->h, "<h2 id=\"contradictions\">Contradictions (%zu)</h2>", c->n);
	if (!c->n)
		html_put(&r->h, "<p>None was found.</p>");
	else
		html_put(&r->h, "<p>Decide with <code>attune curate --settle</code>, or mend the documents.</p>");
	for (size_t i = 0; i < c->n && i < LISTED; i++) {
		const struct contradiction *k = &c->p[i];
		html_put(&r->h, "<article><div class=\"pair\">");
		put_side(&r->h, &r->d->items->p[k->a], side[k->settled][0]);
		put_side(&r->h, &r->d->items->p[k->b], side[k->settled][1]);
		html_put(&r->h, "</div></article>\n");
	}
}

static void put_duplicates(struct report *r)
{
	const struct duplicates *v = r->d->duplicates;
	html_putf(&r->h, "<h2 id=\"duplicates\">Sections that repeat another one (%zu)</h2>", v->n);
	html_put(&r->h, v->n ? "<ul>" : "<p>None was found.</p>");
	for (size_t i = 0; i < v->n && i < LISTED; i++) {
		const struct duplicate *k = &v->p[i];
		html_put(&r->h, "<li>");
		put_place(&r->h, k->document, k->section);
		html_putf(&r->h, " <span class=\"quiet\">is %.0f&#8239;%% </span>", 100 * k->similarity);
		put_place(&r->h, k->other_document, k->other);
		html_put(&r->h, k->kept ? ": <span class=\"bad\">other values, both are used</span></li>" : "</li>");
	}
	html_put(&r->h, v->n ? "</ul>" : "");
}

/* Terms that were found by counting alone, for somebody to accept or to reject. */
static void put_found(struct report *r)
{
	const struct terms *t = r->d->terms;
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++)
		n += t->p[i].status == TERM_FOUND;
	if (!n)
		return;
	html_putf(&r->h,
		"<details><summary>Found in the documents, looked at by nobody (%zu)</summary><p>Copy the good ones from "
		"terms.yaml into a "
		"terms.yaml beside the documents as <code>status: accepted</code>, the others as <code>status: "
		"rejected</code>.</p><p>",
		n);
	for (size_t i = 0; i < t->n; i++)
		if (t->p[i].status == TERM_FOUND) {
			html_text(&r->h, t->p[i].preferred);
			html_put(&r->h, --n ? ", " : "");
		}
	html_put(&r->h, "</p></details>");
}

/* Some of the pairs of wordings, evenly spread. */
static void put_preferences(struct report *r)
{
	struct html *h = &r->h;
	const struct preferences *v = r->d->preferences;
	if (!v->n)
		return;
	html_putf(h,
		"<details><summary>Answers in forbidden words (%zu)</summary><p>Pairs for a trainer that learns from preferences, "
		"in preferences.jsonl. <code>attune train</code> does not read them.</p>",
		v->n);
	for (size_t i = 0; i < v->n; i++)
		if (i * PAIRS % v->n < PAIRS) {
			const struct preference *k = &v->p[i];
			html_put(h, "<article><h3>");
			html_text(h, k->question);
			html_put(h, "</h3><div class=\"pair\">");
			put_side(h, k->item, "chosen");
			html_put(h, "<div><h4>rejected</h4><p class=\"said\">");
			html_text(h, k->rejected);
			html_put(h, "</p></div></div></article>\n");
		}
	html_put(h, "</details>");
}

static void put_terms(struct report *r)
{
	const struct terms *t = r->d->terms;
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++)
		n += t->p[i].status != TERM_FOUND;
	html_putf(&r->h, "<h2 id=\"terms\">Terms (%zu)</h2><div class=\"scroll\"><table><tbody>", n);
	for (size_t i = n = 0; i < t->n; i++) {
		if (t->p[i].status == TERM_FOUND || ++n > LISTED)
			continue;
		html_put(&r->h, "<tr><th scope=\"row\">");
		html_text(&r->h, t->p[i].preferred);
		html_put(&r->h, "</th><td class=\"bad\">");
		for (size_t k = 0; k < t->p[i].n_forbidden; k++) {
			html_put(&r->h, k ? ", not " : "not ");
			html_text(&r->h, t->p[i].forbidden[k]);
		}
		html_put(&r->h, "</td><td>");
		html_text(&r->h, t->p[i].definition ? t->p[i].definition : "");
		html_put(&r->h, "</td></tr>");
	}
	html_put(&r->h, "</tbody></table></div>");
	put_preferences(r);
	put_found(r);
}

/* ---- lengths ------------------------------------------------------------------------------------------------------------ */

/* Answers by their number of words, in doubling steps. */
static void put_lengths(struct report *r)
{
	enum { BUCKETS = 8 };
	size_t count[BUCKETS] = {0}, most = 1;
	for (size_t i = 0; i < r->d->items->n; i++) {
		const struct item *it = &r->d->items->p[i];
		size_t words = str_words((struct str){it->answer, strlen(it->answer)}), b = 0;
		while (b + 1 < BUCKETS && words > (size_t)4 << b)
			b++;
		count[b] += asked(it) > 0;
		most = count[b] > most ? count[b] : most;
	}
	html_putf(&r->h,
		"<h2 id=\"lengths\">Words in an answer</h2><svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"Answers by "
		"length\">",
		BAR_WIDTH + 180, BUCKETS * BAR_STEP);
	for (size_t b = 0; b < BUCKETS; b++)
		html_putf(&r->h,
			"<text x=\"0\" y=\"%zu\" fill=\"currentColor\" font-size=\"13\">%s %zu</text><rect class=\"tuned\" "
			"x=\"80\" y=\"%zu\" "
			"width=\"%zu\" height=\"%d\"/><text x=\"%zu\" y=\"%zu\" fill=\"currentColor\" font-size=\"13\">%zu</text>",
			b * BAR_STEP + 15, b + 1 < BUCKETS ? "up to" : "over", (size_t)4 << (b + 1 < BUCKETS ? b : b - 1),
			b * BAR_STEP + 3, count[b] * BAR_WIDTH / most, BAR_STEP - 6, 88 + count[b] * BAR_WIDTH / most,
			b * BAR_STEP + 15, count[b]);
	html_put(&r->h, "</svg>");
}

int curation_report(const struct dataset *d, const struct data_summary *s, struct buf *out, struct err *e)
{
	struct report r = {.h = {.out = out, .e = e}, .d = d};
	struct arena a;
	arena_init(&a, 1 << 16);
	int rc = tally(&r, &a, e);
	if (rc)
		goto done;
	html_open(&r.h, "What there is to learn");
	html_putf(&r.h,
		"<p class=\"verdict%s\">%zu documents give %zu facts and %zu rows to train on; %zu documents are held out, %zu "
		"left out.</p>",
		d->contradictions->n ? "" : " yes", s->n_documents, s->n_facts, s->n_train, s->n_unseen, s->n_skipped);
	put_contradictions(&r);
	put_duplicates(&r);
	put_documents(&r);
	put_silent(&r);
	if ((rc = put_quality(&r, e)))
		goto done;
	html_put(&r.h, "<h2 id=\"questions\">What is asked</h2>");
	for (int kind = 0; kind <= ITEM_GROUNDED; kind++)
		put_generator(&r, kind);
	put_facts(&r);
	put_terms(&r);
	put_lengths(&r);
	html_close(&r.h);
	rc = r.h.rc;
done:
	arena_release(&a);
	return rc;
}

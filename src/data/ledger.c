/*
 * The fact ledger holds what documents say, asked or not. What asks for a value needs the whole structure of its sentence; to note it needs
 * a subject only: who or what the clause is about, the deed that a command or button is for, what a row says of its name, or else the heading.
 */
#include "data/ledger.h"

#include <ctype.h>
#include <string.h>

#include "data/ask_parts.h"
#include "data/dialogue.h"
#include "data/phrase.h"
#include "data/terms.h"

enum { SUBJECT_BYTES = 120, RARE = 4, TITLE_WORDS = 6 };

struct ledger {
	struct maker *m;
	struct items *out;
	size_t first, from; /* items of this document that are facts already; facts of it in `out` */
	const struct block *b;
	const char *antecedent; /* subject of the statement before, for "it" and "they" */
	struct err *e;
};

static bool says(const struct item *it, const struct block *b, struct str value)
{
	return item_is_fact(it) && it->span.start == b->span.start && it->value && strlen(it->value) == value.n &&
		!strncasecmp(it->value, value.p, value.n);
}

static bool is_known(const struct ledger *l, struct str value)
{
	for (size_t i = l->first; i < l->m->items->n; i++)
		if (says(&l->m->items->p[i], l->b, value))
			return true;
	for (size_t i = l->from; i < l->out->n; i++)
		if (says(&l->out->p[i], l->b, value))
			return true;
	return false;
}

static int fact_add(struct ledger *l, enum item_kind kind, struct str subject, struct str value, struct str statement)
{
	const struct maker *m = l->m;
	if (!value.n || !subject.n || subject.n > SUBJECT_BYTES)
		return 0;
	struct item it = {.kind = kind, .span = l->b->span, .reserved = SIZE_MAX, .document = m->document, .section = m->section};
	const char *before = l->out->n > l->from ? l->out->p[l->out->n - 1].answer : ""; /* a statement has several facts */
	bool same = strlen(before) == statement.n && !memcmp(before, statement.p, statement.n);
	it.subject = names_lower_first(m->names, m->kept, subject, l->e);
	it.value = arena_strdup(m->kept, value.p, value.n, l->e);
	it.answer = same ? before : arena_strdup(m->kept, statement.p, statement.n, l->e);
	return it.subject && it.value && it.answer ? items_add(l->out, &it, l->e) : ERR_RESOURCE;
}

/* ---- subjects -------------------------------------------------------------------------------------------------------------------------- */

/* What the section is about: its title, or the nearest one above it that is no title of any section. */
static struct str heading_subject(const struct ledger *l)
{
	static const char any[] =
		"overview introduction summary details description usage syntax background general notes note examples example "
		"limitations remarks conclusion faq";
	struct str s = {l->m->section->heading, strlen(l->m->section->heading)};
	for (;;) {
		size_t at = s.n;
		while (at > 2 && memcmp(s.p + at - 3, " > ", 3))
			at--;
		at = at > 2 ? at : 0;
		struct str last = {s.p + at, s.n - at};
		bool dull = str_in(last, any) || (last.n == 17 && !strncasecmp(last.p, "executive summary", 17));
		if (!dull || !at)
			return last;
		s.n = at - 3;
	}
}

static bool is_adverb(const struct word *w)
{
	return word_in(w, "then also otherwise still");
}

/* The statement's words from `first` as a relative clause of what it is about: "what empties the spool". */
static struct str deed_subject(struct ledger *l, const struct word *w, size_t first, size_t n, int *rc)
{
	size_t end = first + 1;
	while (end < n && !w[end - 1].stop)
		end++;
	const char *rest = text_copy(l->m, words_text(w, first, end), l->e);
	const char *made = rest ? text_concat(l->m, "what ", rest, "", l->e) : NULL;
	*rc = made ? 0 : ERR_RESOURCE;
	return (struct str){made ? made : "", made ? strlen(made) : 0};
}

/* Who or what the value at words [a->first, a->end) belongs to. */
static struct str value_subject(
	struct ledger *l, const struct word *w, size_t n, const struct clause *c, const struct atom *a, int *rc)
{
	if (c->shape != CLAUSE_FULL)
		return heading_subject(l);
	if (a->first >= c->lead && a->value_end <= c->subject_end) {
		bool copula = word_in(&w[c->verb], "is are was were") && c->verb + 1 < n && word_is_article(&w[c->verb + 1]);
		return copula ? words_text(w, c->verb + 1, n) : deed_subject(l, w, c->subject_end, n, rc);
	}
	/* the nearest clause: ", and a search covers at most", "whose timestamp is older than" */
	for (size_t i = a->first, near = true; i > c->verb + 1; i--) {
		struct clause inner;
		bool main = i >= 2 && w[i - 2].stop && word_in(&w[i - 1], "and but so while");
		if (main || (near && word_in(&w[i - 1], "whose when if because once where"))) {
			clause_parse(w + i, n - i, &inner);
			struct atom b = *a;
			b.first -= i;
			b.value_end -= i;
			if (main && word_is(&w[i], "there"))
				return heading_subject(l);
			if (inner.shape == CLAUSE_FULL && !inner.lead && !inner.pronoun && (main || i + inner.verb < a->first))
				return value_subject(l, w + i, n - i, &inner, &b, rc);
		}
		near = near && !w[i - 1].stop;
	}
	if (c->pronoun)
		return l->antecedent ? (struct str){l->antecedent, strlen(l->antecedent)} : heading_subject(l);
	if (word_in(&w[c->subject], "its their this that these those such"))
		return heading_subject(l);
	size_t first = c->subject + is_adverb(&w[c->subject]), end = first + 1;
	while (end < c->subject_end && !word_in(&w[end], "that which who whose"))
		end++;
	return words_text(w, first, end);
}

/* What a request is for: "To resume, ...", "... to move it", or the heading that it stands under. */
static struct str purpose(struct ledger *l, const struct word *w, size_t n, size_t deed, size_t value_end)
{
	char base[32];
	if (deed && word_is(&w[0], "to"))
		return words_text(w, 1, deed);
	for (size_t i = value_end; i + 1 < n; i++)
		if (word_is(&w[i], "to") && verb_form(&w[i + 1], base) == VERB_BASE) {
			size_t end = i + 2;
			while (end < n && !w[end - 1].stop)
				end++;
			return words_text(w, i + 1, end);
		}
	return heading_subject(l);
}

/* ---- prose ----------------------------------------------------------------------------------------------------------------------------- */

/* "press New rule": the name of what is pressed, words [first, return). */
static size_t control_end(const struct word *w, size_t n, size_t first)
{
	size_t end = first;
	if (first && !w[first - 1].stop && word_in(&w[first - 1], "press click choose select open"))
		while (end < n && (end == first || !w[end - 1].stop) && isupper((unsigned char)w[end].p[0]))
			end++;
	for (size_t i = first; i < end; i++) /* "New rule": a label in small letters goes on up to a pause */
		if (w[i].stop)
			return i + 1;
	return end;
}

/* "**Delete stream**", "<b>Delete stream</b>": does the text at w stand in bold as a whole? Its words [i, return); i when not. */
static size_t bold_end(const struct ledger *l, const struct word *w, size_t n, size_t i)
{
	static const char *const mark[][2] = {{"**", "**"}, {"<b>", "</b>"}, {"<strong>", "</strong>"}};
	const char *from = l->m->document->bytes + l->b->span.start;
	size_t n_bytes = l->b->span.end - l->b->span.start;
	for (size_t k = 0; k < sizeof mark / sizeof *mark; k++) {
		size_t n_open = strlen(mark[k][0]);
		const char *p = from, *close;
		while ((p = memmem(p, n_bytes - (size_t)(p - from), mark[k][0], n_open)) != NULL) {
			p += n_open;
			close = memmem(p, n_bytes - (size_t)(p - from), mark[k][1], strlen(mark[k][1]));
			if (!close)
				break;
			size_t len = (size_t)(close - p), end = i;
			while (end < n && end < i + 5 && (size_t)(w[end].p + w[end].n - w[i].p) < len)
				end++;
			if (end < n && (size_t)(w[end].p + w[end].n - w[i].p) == len && !memcmp(w[i].p, p, len))
				return end + 1;
			p = close + strlen(mark[k][1]);
		}
	}
	return i;
}

static bool is_capital(const struct word *w, size_t n, size_t i)
{
	return i < n && isupper((unsigned char)w[i].p[0]) && !word_is_function(&w[i]) && !word_is(&w[i], "I");
}

/* A name that is no value by its looks: "SAML", "JSON Schema", "TLS 1.2". Words [i, return); i when there is none. */
static size_t name_end(const struct ledger *l, const struct word *w, size_t n, size_t i)
{
	size_t end = i;
	while (i && is_capital(w, n, end)) {
		end++;
		bool list = end + 1 < n && word_in(&w[end], "and or") && is_capital(w, n, end + 1); /* "Seed, Grove and Canopy" */
		if (w[end - 1].stop && !list &&
			!(end > i + 1 || (end + 2 < n && is_capital(w, n, end) && word_in(&w[end + 1], "and or"))))
			break;
		end += list;
	}
	if (end > i && end < n && !w[end - 1].stop && !word_is_function(&w[end]) && !isdigit((unsigned char)w[end].p[0]))
		return i; /* "URI filenames": of what kind something is */
	if (end == i + 1 && (names_documents(l->m->names, &w[i]) > RARE || word_in(&w[i - 1], "under see") || w[i].n < 3))
		return i; /* what the documents are about, or the heading that a link leads to */
	if (end > i && end < n && !w[end - 1].stop && isdigit((unsigned char)w[end].p[0]))
		end++;
	return end;
}

static bool is_worth(const struct ledger *l, const struct word *w, size_t n, const struct atom *a)
{
	if (a->value_end == a->value + 1 &&
		(word_is(&w[a->value], names_subject(l->m->names)) || (a->value && w[a->value].p[-1] == '[')))
		return false; /* "the SQLite library", "[1]" */
	if (a->measure == ATOM_BARE && isalpha((unsigned char)w[a->value].p[0]))
		return false; /* "one of the two" */
	return a->value_end - a->first < n || atom_is_date(w, a);
}

/* The value as a person would note it: "code 4", "from 200 to 299", "every 5 hours", "TLS 1.2". */
static void value_widen(const struct word *w, struct atom *a)
{
	const struct word *before = a->value ? &w[a->value - 1] : NULL;
	bool number = isdigit((unsigned char)w[a->value].p[0]), open = before && !before->stop;
	if (!number || !open)
		return;
	bool range = word_in(before, "from between") && a->value_end > a->value + 2;
	bool label = a->measure == ATOM_LABELLED && a->label == a->value - 1;
	bool named = a->measure == ATOM_BARE && isupper((unsigned char)before->p[0]) && !word_is_function(before) &&
		(a->value > 1 || (before->n > 1 && isupper((unsigned char)before->p[1])));
	a->value -= range || label || named || (a->measure == ATOM_TIME && word_is(before, "every"));
}

static int sentence_facts(struct ledger *l, struct str s)
{
	struct word all[SENTENCE_WORDS], *w = all;
	struct clause c;
	char base[32];
	size_t n = words_split(s, w), deed = 0;
	int rc = 0;
	while (n > 3 && word_in(w, "but and so however also hence thus therefore otherwise")) {
		w++;
		n--;
	}
	if (n < 2 || s.p[s.n - 1] == '?')
		return 0;
	clause_parse(w, n, &c);
	if (word_in(&w[0], "to if when once while"))
		while (deed < n && !w[deed++].stop)
			;
	bool request = deed < n && verb_form(&w[deed], base) == VERB_BASE && c.shape != CLAUSE_FULL;
	for (size_t i = 0; i < n && rc == 0;) {
		struct atom a;
		size_t bold = bold_end(l, w, n, i), name = name_end(l, w, n, i), control = bold > i ? bold : control_end(w, n, i);
		bool value = (bold == i || word_is_code(&w[i])) && atom_next(w, n, i, &a) && a.value == i;
		if (value) {
			atom_extend(w, n, &a);
		} else if (control > i || name > i) {
			a = (struct atom){.first = i, .value = i, .value_end = control > i ? control : name};
			a.end = a.value_end;
			if (control == i && (c.shape != CLAUSE_FULL || a.end <= c.verb))
				a.end = i; /* a name in the subject is what the sentence is about */
		} else {
			i++;
			continue;
		}
		i = a.value_end > i ? a.value_end : i + 1;
		if (a.end == a.first || (value && !is_worth(l, w, n, &a)))
			continue;
		if (value && a.measure == ATOM_CODE && a.value_end <= c.lead && c.shape == CLAUSE_FULL)
			continue; /* "While `x` runs, ..." */
		struct str subject = request ? purpose(l, w, n, deed, a.value_end) : value_subject(l, w, n, &c, &a, &rc);
		value_widen(w, &a);
		if (is_known(l, words_text(w, a.value, a.value_end)))
			continue;
		/* a long heading tells a story: no name belongs to it */
		if (!request && !value && str_words(subject) > TITLE_WORDS && subject.p >= l->m->section->heading &&
			subject.p < l->m->section->heading + strlen(l->m->section->heading))
			continue;
		if (rc == 0)
			rc = fact_add(l, ITEM_VALUE, subject, words_text(w, a.value, a.value_end), s);
	}
	if (rc == 0 && c.shape == CLAUSE_FULL && !c.pronoun)
		rc = (l->antecedent = text_copy(l->m, words_text(w, c.subject + is_adverb(&w[c.subject]), c.subject_end), l->e))
			? 0
			: ERR_RESOURCE;
	else if (!c.pronoun)
		l->antecedent = NULL;
	return rc;
}

static int prose_facts(struct ledger *l, const char *text)
{
	struct str rest = {text, strlen(text)}, s;
	int rc = 0;
	l->antecedent = NULL;
	while (rc == 0 && sentence_next(&rest, &s))
		rc = sentence_facts(l, s);
	return rc;
}

/* ---- tables ---------------------------------------------------------------------------------------------------------------------------- */

/* A name that a row is for: its first cell is one word, code or with a capital. */
static bool names_row(const char *cell)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){cell, strlen(cell)}, w);
	return n == 1 && (word_is_symbol(&w[0]) || isupper((unsigned char)*cell) || isdigit((unsigned char)*cell));
}

static int table_facts(struct ledger *l)
{
	const struct block *b = l->b;
	const struct maker *m = l->m;
	for (size_t row = 1; row < b->n_rows && b->n_cols > 1; row++) {
		const char *name = b->cells[row * b->n_cols];
		for (size_t col = 1; col < b->n_cols && *name; col++) {
			const char *cell = b->cells[row * b->n_cols + col], *head = b->cells[col];
			const char *subject = text_concat(m, name, *head ? ", " : "", head, l->e);
			const char *said = subject ? text_concat(m, subject, ": ", cell, l->e) : NULL;
			if (!said)
				return ERR_RESOURCE;
			if (str_in((struct str){cell, strlen(cell)}, "yes no - none n/a x \xe2\x80\x93 \xe2\x80\x94"))
				continue;
			struct str s = {subject, strlen(subject)}, v = {cell, strlen(cell)}, statement = {said, strlen(said)};
			if (!is_known(l, v) && fact_add(l, ITEM_CELL, s, v, statement) < 0)
				return ERR_RESOURCE;
			bool deed =
				col == 1 && b->n_cols == 2 && names_row(name) && str_words(v) > 1 && !isdigit((unsigned char)*cell);
			const char *of = deed ? text_concat(m, *b->cells[0] ? b->cells[0] : "name", ": ", cell, l->e) : "";
			v = (struct str){name, strlen(name)};
			if (!of || (!is_known(l, v) && fact_add(l, ITEM_CELL, (struct str){of, strlen(of)}, v, statement) < 0))
				return ERR_RESOURCE;
		}
	}
	return 0;
}

int ledger_document(struct maker *m, struct items *out, size_t first, struct err *e)
{
	struct ledger l = {.m = m, .out = out, .first = first, .from = out->n, .e = e};
	const struct document *d = m->document;
	int rc = 0;
	for (size_t i = 0; i < d->n_sections && rc == 0 && !document_is_guide(d); i++) {
		m->section = &d->sections[i];
		for (size_t k = 0; k < m->section->n_blocks && rc == 0; k++) {
			l.b = &d->blocks[m->section->block + k];
			if (l.b->kind == BLOCK_TABLE)
				rc = table_facts(&l);
			else if (l.b->kind != BLOCK_CODE && (l.b->kind != BLOCK_TURN || dialogue_answers(m, l.b)))
				rc = prose_facts(&l, l.b->text);
		}
	}
	return rc;
}

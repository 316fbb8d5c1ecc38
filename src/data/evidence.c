/*
 * What the documents say about the values and names of a text. Reference: data.h.
 *
 * A unit is a sentence, or a cell of a table with the beginning of its row and the head of its column. A word weighs what it tells about where one is (inverse document frequency over
 * sections: Sparck Jones 1972); it counts whole when it stands in the unit or its heading, half elsewhere in the section.
 */
#include <ctype.h>
#include <math.h>

#include <stdlib.h>
#include <string.h>

#include <libstemmer.h>

#include "data/shingle.h"
#include "data/text.h"
#include "format/format.h"

enum { ARENA_BLOCK = 256 << 10, CONTEXT_MAX = 4 * SENTENCE_WORDS, NAME_WORDS = 4, STEM_SIZE = 64, COLUMNS_MAX = 32 };

/*
 * Of the weight that stands around a claim, at least so much has to stand around it in the documents, and not so much less than around another value
 * of the same kind (set on the facts of the sample and on bench/questions.jsonl, with values exchanged).
 */
static const double enough = 0.35, less = 0.1;
static const double elsewhere = 0.5; /* what a word counts that stands in the section, but not in the unit */

/* Hashes of stems, sorted, each once: n of them from `first` in evidence.word. */
struct bag {
	size_t first, n;
};

struct source {
	const char *path, *heading;
	struct bag bag;
};

struct unit {
	size_t source;
	const char *text;
	struct bag bag; /* the heading's words too */
};

struct stated {
	struct value value;
	size_t unit;
};

struct frequency {
	uint64_t hash;
	size_t n; /* sources with the word */
};

struct evidence {
	struct arena arena;
	struct sb_stemmer *stemmer;
	struct source *source;
	struct unit *unit;
	struct stated *stated;
	uint64_t *word;
	struct frequency *frequency; /* sorted by hash */
	size_t n_sources, n_units, n_stated, n_words, n_frequencies;
	size_t cap_sources, cap_units, cap_stated, cap_words;
};

/* ---- words ------------------------------------------------------------------------------------------------------------------ */

static int by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Of a word's stem; 0: it tells nothing. */
static uint64_t word_hash(const struct evidence *v, const struct word *w)
{
	char low[STEM_SIZE];
	size_t n = 0;
	bool said = false;
	if (w->n >= sizeof low || word_is_function(w))
		return 0;
	for (size_t i = 0; i < w->n; i++) {
		if (strchr("`*_|#", w->p[i]))
			continue;
		low[n++] = (char)tolower((unsigned char)w->p[i]);
		said |= isalnum((unsigned char)w->p[i]) || (unsigned char)w->p[i] >= 0x80;
	}
	low[n] = 0;
	const char *stem = said ? (const char *)sb_stemmer_stem(v->stemmer, (const sb_symbol *)low, (int)n) : NULL;
	return stem ? hash_string(hash_start, stem) : 0;
}

/* More words at the end of evidence.word. */
static int words_add(struct evidence *v, struct str s, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(s, w);
	for (size_t i = 0; i < n; i++) {
		uint64_t hash = word_hash(v, &w[i]);
		if (hash && mem_reserve(&v->word, v->n_words, &v->cap_words, sizeof *v->word, e))
			return ERR_RESOURCE;
		if (hash)
			v->word[v->n_words++] = hash;
	}
	return 0;
}

/* What was added from `first` on becomes a bag. */
static struct bag bag_make(struct evidence *v, size_t first)
{
	struct bag b = {.first = first};
	uint64_t *p = v->word + first;
	size_t n = v->n_words - first;
	if (n)
		qsort(p, n, sizeof *p, by_hash);
	for (size_t i = 0; i < n; i++)
		if (!b.n || p[i] != p[b.n - 1])
			p[b.n++] = p[i];
	v->n_words = first + b.n;
	return b;
}

static bool bag_has(const struct evidence *v, const struct bag *b, uint64_t hash)
{
	return b->n && bsearch(&hash, v->word + b->first, b->n, sizeof hash, by_hash);
}

/* ---- reading the sections ---------------------------------------------------------------------------------------------------- */

/* The head of the table that one is in; n = 0: in none. */
struct table {
	struct str head[COLUMNS_MAX];
	size_t n;
};

/* `row` and `column` are a cell's; else empty. */
static int unit_add(struct evidence *v, size_t source, struct str s, struct str row, struct str column, struct err *e)
{
	struct unit u = {.source = source};
	struct values values;
	const char *heading = v->source[source].heading, *text = arena_strdup(&v->arena, s.p, s.n, e);
	size_t first = v->n_words;
	int rc = text ? words_add(v, s, e) : ERR_RESOURCE;
	if (rc == 0)
		rc = words_add(v, (struct str){heading, strlen(heading)}, e);
	if (rc == 0)
		rc = words_add(v, row, e);
	if (rc == 0)
		rc = words_add(v, column, e);
	u.text = text;
	u.bag = bag_make(v, first);
	if (rc == 0)
		rc = values_read(&values, text, &v->arena, e);
	for (size_t i = 0; rc == 0 && i < values.n; i++) {
		if (mem_reserve(&v->stated, v->n_stated, &v->cap_stated, sizeof *v->stated, e))
			return ERR_RESOURCE;
		v->stated[v->n_stated++] = (struct stated){values.p[i], v->n_units};
	}
	if (rc == 0)
		rc = mem_reserve(&v->unit, v->n_units, &v->cap_units, sizeof *v->unit, e);
	if (rc == 0)
		v->unit[v->n_units++] = u;
	return rc;
}

/* The cells of a line of a Markdown table; 0 of any other line. */
static size_t cells_split(struct str line, struct str cell[COLUMNS_MAX])
{
	const char *p = line.p, *end = line.p + line.n;
	size_t n = 0;
	while (p < end && *p == ' ')
		p++;
	if (p == end || *p != '|')
		return 0;
	for (p++; p < end && n < COLUMNS_MAX; p++) {
		const char *from = p;
		while (p < end && (*p != '|' || p[-1] == '\\'))
			p++;
		if (p < end)
			cell[n++] = (struct str){from, (size_t)(p - from)};
	}
	return n;
}

static int table_line_add(struct evidence *v, struct table *t, const struct str *cell, size_t n, struct err *e)
{
	static const struct str none = {"", 0};
	int rc = 0;
	if (!t->n) {
		memcpy(t->head, cell, n * sizeof *cell);
		t->n = n;
	}
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = unit_add(v, v->n_sources, cell[i], i ? cell[0] : none, i < t->n ? t->head[i] : none, e);
	return rc;
}

/* Does this line begin something new: an item, a heading, a table, a quotation, a paragraph behind an empty line? */
static bool opens_block(const char *line)
{
	const char *p = line + strspn(line, " \t");
	size_t digits = strspn(p, "0123456789");
	return *p == '\n' || !*p || strchr("|#>", *p) || (strchr("-*+", *p) && p[1] == ' ') ||
		(digits && strchr(".)", p[digits]) && p[digits + 1] == ' ');
}

/* The block that begins at *text, its lines joined, and *text moved behind it. NULL: out of memory. */
static char *block_next(struct evidence *v, const char **text, struct err *e)
{
	const char *end = *text;
	do {
		end += strcspn(end, "\n");
		end += *end == '\n';
	} while (*end && !opens_block(end) && **text != '|');
	char *block = arena_strdup(&v->arena, *text, (size_t)(end - *text), e);
	for (char *p = block; p && *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	*text = end;
	return block;
}

/* The units of a section first, then the section's own bag of all their words. */
static int source_add(struct evidence *v, const char *path, const char *heading, const char *text, struct err *e)
{
	if (mem_reserve(&v->source, v->n_sources, &v->cap_sources, sizeof *v->source, e))
		return ERR_RESOURCE;
	static const struct str none = {"", 0};
	struct table table = {.n = 0};
	struct source *s = &v->source[v->n_sources];
	s->path = arena_strdup(&v->arena, path, strlen(path), e);
	s->heading = arena_strdup(&v->arena, heading, strlen(heading), e);
	int rc = s->path && s->heading ? 0 : ERR_RESOURCE;
	while (*text && rc == 0) {
		const char *block = block_next(v, &text, e);
		struct pieces pieces = {.line = {block, block ? strlen(block) : 0}};
		struct str piece, cell[COLUMNS_MAX];
		if (!block)
			return ERR_RESOURCE;
		size_t n = cells_split(pieces.line, cell);
		if (n)
			rc = table_line_add(v, &table, cell, n, e);
		else
			table.n = 0;
		while (!n && rc == 0 && pieces_next(&pieces, &piece))
			rc = unit_add(v, v->n_sources, piece, none, none, e);
	}
	size_t first = v->n_words;
	for (size_t u = v->n_units; u-- > 0 && v->unit[u].source == v->n_sources && rc == 0;)
		for (size_t i = 0; i < v->unit[u].bag.n && rc == 0; i++)
			if ((rc = mem_reserve(&v->word, v->n_words, &v->cap_words, sizeof *v->word, e)) == 0)
				v->word[v->n_words++] = v->word[v->unit[u].bag.first + i];
	v->source[v->n_sources++].bag = bag_make(v, first);
	return rc;
}

static int sections_read(struct evidence *v, const char *path, struct err *e)
{
	struct jsonl *j;
	json_t *o;
	size_t line;
	int rc = jsonl_open(&j, path, e), got = 0;
	if (rc < 0)
		return rc;
	while (rc == 0 && (got = jsonl_next(j, &o, &line, e)) == 1) {
		const char *from = json_string_value(json_object_get(o, "path")),
			   *heading = json_string_value(json_object_get(o, "heading")),
			   *text = json_string_value(json_object_get(o, "text"));
		rc = from && heading && text
			? source_add(v, from, heading, text, e)
			: err_set(e, ERR_DATA,
				  "%s: line %zu: expected {\"path\", \"heading\", \"text\"}; curate the documents again", path,
				  line);
		json_decref(o);
	}
	jsonl_close(j);
	return rc < 0 ? rc : got;
}

/* In how many sections a word stands. */
static int frequencies_count(struct evidence *v, struct err *e)
{
	size_t n = 0, k = 0;
	for (size_t i = 0; i < v->n_sources; i++)
		n += v->source[i].bag.n;
	uint64_t *all = mem_alloc(n, sizeof *all, e);
	v->frequency = mem_alloc(n, sizeof *v->frequency, e);
	if (!all || !v->frequency) {
		mem_free(all);
		return ERR_RESOURCE;
	}
	for (size_t i = 0; i < v->n_sources; i++)
		for (size_t w = 0; w < v->source[i].bag.n; w++)
			all[k++] = v->word[v->source[i].bag.first + w];
	if (n)
		qsort(all, n, sizeof *all, by_hash);
	for (size_t i = 0; i < n; i++) {
		if (!i || all[i] != all[i - 1])
			v->frequency[v->n_frequencies++].hash = all[i];
		v->frequency[v->n_frequencies - 1].n++;
	}
	mem_free(all);
	return 0;
}

static double weight_of(const struct evidence *v, uint64_t hash)
{
	const struct frequency *f =
		v->n_frequencies ? bsearch(&hash, v->frequency, v->n_frequencies, sizeof *f, by_hash) : NULL; /* hash is first */
	return f ? log(1 + (double)v->n_sources / (double)f->n) : 0;
}

int evidence_open(struct evidence **out, const char *data, struct err *e)
{
	char path[PATH_SIZE];
	struct evidence *v = mem_alloc(1, sizeof *v, e);
	*out = NULL;
	if (!v)
		return ERR_RESOURCE;
	arena_init(&v->arena, ARENA_BLOCK);
	v->stemmer = sb_stemmer_new("english", NULL);
	int rc = v->stemmer ? path_join(path, sizeof path, e, data, "sections.jsonl")
			    : err_set(e, ERR_RESOURCE, "out of memory for a stemmer");
	if (rc == 0 && !file_exists(path))
		rc = err_set(e, ERR_DATA, "%s: no such file; expected a data folder as 'attune curate' writes it", path);
	if (rc == 0)
		rc = sections_read(v, path, e);
	if (rc == 0)
		rc = frequencies_count(v, e);
	if (rc < 0) {
		evidence_free(v);
		return rc;
	}
	*out = v;
	return 0;
}

void evidence_free(struct evidence *v)
{
	if (!v)
		return;
	sb_stemmer_delete(v->stemmer);
	mem_free(v->source);
	mem_free(v->unit);
	mem_free(v->stated);
	mem_free(v->word);
	mem_free(v->frequency);
	arena_release(&v->arena);
	mem_free(v);
}

/* ---- what stands around a claim ---------------------------------------------------------------------------------------------- */

struct context {
	struct {
		uint64_t hash;
		double weight;
	} word[CONTEXT_MAX];
	size_t n;
	double weight;
};

/* The words of a sentence but those at bytes start..end of `base`. A capitalised word or code that no document has weighs as the rarest one. */
static void context_add(struct context *c, const struct evidence *v, struct str s, const char *base, size_t start, size_t end)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(s, w);
	for (size_t i = 0; i < n && c->n < CONTEXT_MAX; i++) {
		size_t at = (size_t)(w[i].p - base);
		uint64_t hash = word_hash(v, &w[i]);
		bool known = false;
		if (!hash || (at < end && at + w[i].n > start))
			continue;
		for (size_t k = 0; k < c->n; k++)
			known |= c->word[k].hash == hash;
		double weight = weight_of(v, hash);
		if (weight == 0 && ((i && isupper((unsigned char)*w[i].p)) || word_is_code(&w[i])))
			weight = log(1 + (double)v->n_sources);
		if (known || weight == 0)
			continue;
		c->word[c->n].hash = hash;
		c->word[c->n++].weight = weight;
		c->weight += weight;
	}
}

/* How much of the context stands around the unit, 0 to 1. */
static double coverage(const struct evidence *v, const struct context *c, size_t unit)
{
	const struct unit *u = &v->unit[unit];
	double sum = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (bag_has(v, &u->bag, c->word[i].hash))
			sum += c->word[i].weight;
		else if (bag_has(v, &v->source[u->source].bag, c->word[i].hash))
			sum += elsewhere * c->word[i].weight;
	}
	return c->weight > 0 ? sum / c->weight : 1;
}

/* ---- claims ------------------------------------------------------------------------------------------------------------------ */

struct check {
	const struct evidence *v;
	const char *text, *question;
	struct values asked; /* values of the question */
	struct arena *arena;
	struct evidence_claims *out; /* has room for all that can come */
	struct err *e;
};

/* Where the documents come nearest to a claim; coverage < 0: nowhere. */
struct nearest {
	double coverage;
	size_t unit;
};

/* The words of the claim's sentence, alone and with those of the question. */
struct contexts {
	struct context alone, asked;
};

static void contexts_fill(struct contexts *c, const struct check *k, struct str sentence, size_t start, size_t end)
{
	struct pieces pieces = {.line = {k->question, strlen(k->question)}};
	struct str piece;
	*c = (struct contexts){0};
	context_add(&c->alone, k->v, sentence, k->text, start, end);
	c->asked = c->alone;
	while (pieces_next(&pieces, &piece))
		context_add(&c->asked, k->v, piece, k->question, 0, 0);
}

static void come_nearer(struct nearest *n, const struct evidence *v, const struct contexts *c, size_t unit)
{
	double alone = c->alone.n ? coverage(v, &c->alone, unit) : 0, asked = coverage(v, &c->asked, unit);
	double best = alone > asked ? alone : asked;
	if (best > n->coverage)
		*n = (struct nearest){best, unit};
}

static void claim_add(struct check *k, size_t start, size_t end, bool supported, const struct nearest *n, const char *instead)
{
	const struct source *s = n->coverage >= 0 ? &k->v->source[k->v->unit[n->unit].source] : NULL;
	k->out->p[k->out->n++] = (struct evidence_claim){.start = start,
		.end = end,
		.supported = supported,
		.path = s ? s->path : "",
		.heading = s ? s->heading : "",
		.instead = instead};
}

/* What the nearest unit says in place of the value: another one of the same kind. */
static int value_check(struct check *k, const struct value *value, struct str sentence)
{
	const struct evidence *v = k->v;
	struct nearest same = {.coverage = -1}, other = {.coverage = -1};
	const struct stated *said = NULL;
	const char *instead = "";
	struct contexts c;
	for (size_t i = 0; i < k->asked.n; i++)
		if (value_is(&k->asked.p[i], value))
			return 0;
	contexts_fill(&c, k, sentence, value->start, value->end);
	for (size_t i = 0; i < v->n_stated; i++) {
		const struct stated *s = &v->stated[i];
		struct nearest before = other;
		if (value_is(&s->value, value) || value_is(value, &s->value))
			come_nearer(&same, v, &c, s->unit);
		else if (s->value.kind == value->kind && !strcmp(s->value.unit, value->unit))
			come_nearer(&other, v, &c, s->unit);
		if (other.coverage > before.coverage)
			said = s;
	}
	bool supported = same.coverage >= enough && same.coverage >= other.coverage - less;
	bool corrected = !supported && other.coverage >= enough;
	if (corrected) {
		const struct value *o = &said->value;
		if (!(instead = arena_strdup(k->arena, v->unit[said->unit].text + o->start, o->end - o->start, k->e)))
			return ERR_RESOURCE;
	}
	claim_add(k, value->start, value->end, supported, corrected ? &other : &same, instead);
	return 0;
}

/* Words [first, end) as a name, unless the question has it or it is what everything here is about. */
static void name_check(
	struct check *k, const struct word *w, size_t first, size_t end, struct str sentence, const struct context *asked)
{
	const struct evidence *v = k->v;
	struct nearest nearest = {.coverage = -1};
	uint64_t hash[NAME_WORDS];
	size_t n = 0, n_asked = 0;
	double rarest = 0;
	struct contexts c;
	for (size_t i = first; i < end && n < NAME_WORDS; i++) {
		uint64_t h = word_hash(v, &w[i]);
		if (!h)
			continue;
		for (size_t q = 0; q < asked->n; q++)
			n_asked += asked->word[q].hash == h;
		double weight = weight_of(v, h);
		rarest = weight > rarest || weight == 0 ? (weight == 0 ? INFINITY : weight) : rarest;
		hash[n++] = h;
	}
	if (!n || n_asked >= n || rarest < log(3)) /* in half of the sections */
		return;
	size_t start = (size_t)(w[first].p - k->text), stop = (size_t)(w[end - 1].p + w[end - 1].n - k->text);
	contexts_fill(&c, k, sentence, start, stop);
	for (size_t u = 0; u < v->n_units; u++) {
		bool all = true;
		for (size_t i = 0; i < n && all; i++)
			all = bag_has(v, &v->unit[u].bag, hash[i]);
		if (all)
			come_nearer(&nearest, v, &c, u);
	}
	claim_add(k, start, stop, nearest.coverage >= enough, &nearest, "");
}

static bool is_name_word(const struct word *w)
{
	return isupper((unsigned char)*w->p) && !word_is_function(w) &&
		!word_in(w,
			"I I'm I'll I've January February March April May June July August September October November December "
			"Monday Tuesday Wednesday Thursday Friday Saturday Sunday");
}

static bool in_value(const struct values *values, size_t at)
{
	for (size_t i = 0; i < values->n; i++)
		if (at >= values->p[i].start && at < values->p[i].end)
			return true;
	return false;
}

/* Capitals inside a sentence; at its beginning they tell nothing. */
static void names_check(struct check *k, struct str sentence, const struct values *values)
{
	struct word w[SENTENCE_WORDS];
	struct contexts asked;
	size_t n = words_split(sentence, w);
	contexts_fill(&asked, k, (struct str){k->text, 0}, 0, 0);
	for (size_t i = 1, end; i < n; i = end) {
		end = i + 1;
		if (!is_name_word(&w[i]) || in_value(values, (size_t)(w[i].p - k->text)))
			continue;
		while (end < n && !w[end - 1].stop && is_name_word(&w[end]) && !in_value(values, (size_t)(w[end].p - k->text)))
			end++;
		name_check(k, w, i, end, sentence, &asked.asked);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct evidence_claim *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

int evidence_check(const struct evidence *v, const char *question, const char *text, struct arena *a, struct evidence_claims *out,
	struct err *e)
{
	struct check k = {.v = v, .text = text, .question = question, .arena = a, .out = out, .e = e};
	struct values values;
	*out = (struct evidence_claims){0};
	int rc = values_read(&k.asked, question, a, e);
	if (rc == 0)
		rc = values_read(&values, text, a, e);
	if (rc == 0 &&
		!(out->p = arena_alloc(a, strlen(text) / 2 + 1, sizeof *out->p, e))) /* two bytes a claim and what parts it */
		rc = ERR_RESOURCE;
	for (const char *p = text; rc == 0 && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		struct pieces pieces = {.line = {p, strcspn(p, "\n")}};
		struct str piece;
		while (rc == 0 && pieces_next(&pieces, &piece)) {
			size_t from = (size_t)(piece.p - text);
			for (size_t i = 0; i < values.n && rc == 0; i++)
				if (values.p[i].start >= from && values.p[i].start < from + piece.n)
					rc = value_check(&k, &values.p[i], piece);
			if (rc == 0)
				names_check(&k, piece, &values);
		}
	}
	if (rc == 0 && out->n)
		qsort(out->p, out->n, sizeof *out->p, by_place);
	return rc;
}

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

#include "data/evidence.h"
#include "data/shingle.h"
#include "format/format.h"

enum { ARENA_BLOCK = 256 << 10, STEM_SIZE = 64 };

/* ---- words ------------------------------------------------------------------------------------------------------------------ */

static int by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Of a word's stem; 0: it tells nothing. */
uint64_t evidence_word_hash(const struct evidence *v, const struct word *w)
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
	return stem ? hash_string(HASH_START, stem) : 0;
}

/* More words at the end of evidence.word. */
static int words_add(struct evidence *v, struct str s, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(s, w);
	for (size_t i = 0; i < n; i++) {
		uint64_t hash = evidence_word_hash(v, &w[i]);
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

bool evidence_bag_has(const struct evidence *v, const struct bag *b, uint64_t hash)
{
	return b->n && bsearch(&hash, v->word + b->first, b->n, sizeof hash, by_hash);
}

/* ---- capitals ---------------------------------------------------------------------------------------------------------------- */

enum { FORM_TIMES = 3 }; /* capitals are no accident any more */

static uint64_t low_hash(const char *p, size_t n)
{
	char low[STEM_SIZE];
	if (n >= sizeof low)
		return 0;
	for (size_t i = 0; i < n; i++)
		low[i] = (char)tolower((unsigned char)p[i]);
	low[n] = 0;
	return hash_string(HASH_START, low);
}

/* The words of a sentence but its first. */
static int forms_add(struct evidence *v, struct str s, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(s, w);
	for (size_t i = 1; i < n; i++) {
		bool capital = isupper((unsigned char)*w[i].p);
		if (!word_is_plain(&w[i]))
			continue;
		if (mem_reserve(&v->form, v->n_forms, &v->cap_forms, sizeof *v->form, e))
			return ERR_RESOURCE;
		struct form *f = &v->form[v->n_forms++];
		*f = (struct form){.hash = low_hash(w[i].p, w[i].n), .n_capital = capital, .n_other = !capital};
		if (capital && !(f->text = arena_strdup(&v->arena, w[i].p, w[i].n, e)))
			return ERR_RESOURCE;
	}
	return 0;
}

/* Forms of one word become one; two with capitals ("API", "Api") are none. */
static void forms_merge(struct evidence *v)
{
	size_t n = 0;
	if (v->n_forms)
		qsort(v->form, v->n_forms, sizeof *v->form, by_hash); /* hash is first */
	for (size_t i = 0; i < v->n_forms; i++) {
		const struct form f = v->form[i];
		struct form *to = n ? &v->form[n - 1] : NULL;
		if (!to || to->hash != f.hash) {
			v->form[n++] = f;
			continue;
		}
		bool same = !to->text || !f.text || !strcmp(to->text, f.text);
		to->text = to->text ? to->text : f.text;
		to->n_capital += f.n_capital;
		to->n_other += f.n_other + !same;
	}
	v->n_forms = n;
}

const char *evidence_form(const struct evidence *v, const char *word, size_t n)
{
	uint64_t hash = low_hash(word, n);
	const struct form *f = v->n_forms ? bsearch(&hash, v->form, v->n_forms, sizeof *f, by_hash) : NULL;
	return f && f->n_capital >= FORM_TIMES && !f->n_other ? f->text : NULL;
}

/* ---- reading the sections ---------------------------------------------------------------------------------------------------- */

/* The head of the table that one is in; n = 0: in none. */
struct table {
	struct str head[CELLS_MAX];
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

/* The block that begins at *text, its lines joined, and *text moved behind it. NULL: out of memory. */
static char *block_next(struct evidence *v, const char **text, struct err *e)
{
	const char *end = *text;
	do {
		end += strcspn(end, "\n");
		end += *end == '\n';
	} while (*end && !text_opens_block(end) && **text != '|');
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
		struct str piece, cell[CELLS_MAX];
		if (!block)
			return ERR_RESOURCE;
		size_t n = text_cells(pieces.line, cell);
		if (n)
			rc = table_line_add(v, &table, cell, n, e);
		else
			table.n = 0;
		while (!n && rc == 0 && pieces_next(&pieces, &piece)) {
			rc = unit_add(v, v->n_sources, piece, none, none, e);
			if (rc == 0 && *block != '#')
				rc = forms_add(v, piece, e);
		}
	}
	size_t first = v->n_words;
	for (size_t u = v->n_units; u-- > 0 && v->unit[u].source == v->n_sources && rc == 0;)
		for (size_t i = 0; i < v->unit[u].bag.n && rc == 0; i++)
			if ((rc = mem_reserve(&v->word, v->n_words, &v->cap_words, sizeof *v->word, e)) == 0)
				v->word[v->n_words++] = v->word[v->unit[u].bag.first + i];
	v->source[v->n_sources++].bag = bag_make(v, first);
	return rc;
}

static int section_read(void *evidence, const json_t *o, struct err *e)
{
	const char *path = json_string_value(json_object_get(o, "path")),
		   *heading = json_string_value(json_object_get(o, "heading")),
		   *text = json_string_value(json_object_get(o, "text"));
	if (!path || !heading || !text)
		return err_set(e, ERR_DATA, "expected {\"path\", \"heading\", \"text\"}; curate the documents again");
	return data_heading_is_style(heading)
		? 0
		: source_add(evidence, path, heading, text, e); /* a style guide's values are examples */
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

double evidence_weight_of(const struct evidence *v, uint64_t hash)
{
	const struct frequency *f =
		v->n_frequencies ? bsearch(&hash, v->frequency, v->n_frequencies, sizeof *f, by_hash) : NULL; /* hash is first */
	return f ? log(1 + (double)v->n_sources / (double)f->n) : 0;
}

static int evidence_new(struct evidence **out, struct err *e)
{
	struct evidence *v = *out = mem_alloc(1, sizeof *v, e);
	if (!v)
		return ERR_RESOURCE;
	arena_init(&v->arena, ARENA_BLOCK);
	v->stemmer = sb_stemmer_new("english", NULL);
	return v->stemmer ? 0 : err_set(e, ERR_RESOURCE, "out of memory for a stemmer");
}

/* All sections are there, or not, by rc: the last step of both ways to evidence. */
static int evidence_finish(struct evidence *v, struct evidence **out, int rc, struct err *e)
{
	if (rc == 0)
		rc = frequencies_count(v, e);
	if (rc == 0)
		forms_merge(v);
	else
		evidence_free(v);
	*out = rc == 0 ? v : NULL;
	return rc;
}

int evidence_open(struct evidence **out, const char *data, struct err *e)
{
	char path[PATH_SIZE];
	struct evidence *v;
	int rc = evidence_new(&v, e);
	if (rc == 0)
		rc = path_join(path, sizeof path, e, data, "sections.jsonl");
	if (rc == 0 && !file_exists(path))
		rc = err_set(e, ERR_DATA, "%s: no such file; expected a data folder as 'attune curate' writes it", path);
	if (rc == 0)
		rc = jsonl_each(path, section_read, v, e);
	return evidence_finish(v, out, rc, e);
}

int evidence_of(struct evidence **out, const struct evidence_text *t, size_t n, struct err *e)
{
	struct evidence *v;
	int rc = evidence_new(&v, e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = source_add(v, t[i].path, t[i].heading, t[i].text, e);
	return evidence_finish(v, out, rc, e);
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
	mem_free(v->form);
	arena_release(&v->arena);
	mem_free(v);
}

bool evidence_says(const struct evidence *v, const char *phrase)
{
	for (size_t u = 0; u < v->n_units; u++)
		for (size_t i = 0; v->unit[u].text[i]; i++)
			if (words_match(v->unit[u].text, i, phrase, true) &&
				!data_heading_is_guide(v->source[v->unit[u].source].heading))
				return true;
	return false;
}

/*
 * Terms from tables of a style guide and from glossaries. Reads what is written for people, so it believes only what has the
 * shape of a term: a few words, no sentence. Reference: terms.h.
 */
#include "data/terms.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	FORM_WORDS = 5,
	FORM_BYTES = 60,
	DEFINITION_BYTES = 400,
	TERMS_MOST = 5000,       /* a terms file holds no more, */
	BYTES_MOST = 512 * 1024, /* nor, quoted, much more than this */
};

struct entry {
	struct term term;
	size_t cap; /* of term.forbidden */
};

struct finder {
	struct arena *arena;
	const struct names *names;
	struct entry *entry; /* mem_free */
	size_t n, cap, n_bytes, n_overruled;
	bool full;
};

/* ---- titles ------------------------------------------------------------------------------------------------------------ */

/* Has the title one of the words, other than in "terms of service" and "terms and conditions"? */
static bool title_has(const char *title, const char *list)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){title, strlen(title)}, w);
	for (size_t i = 0; i < n; i++)
		if (word_in(&w[i], list) && !(word_is(&w[i], "terms") && i + 1 < n && word_in(&w[i + 1], "of and & for")))
			return true;
	return false;
}

static bool is_glossary(const char *title)
{
	return title_has(title, "glossary terms terminology vocabulary");
}

static const char *document_title(const struct document *d)
{
	for (size_t i = 0; i < d->n_sections; i++)
		if (*d->sections[i].title)
			return d->sections[i].title;
	return "";
}

static bool is_style_guide(const char *title)
{
	return title_has(title, "style writing editorial") && title_has(title, "guide guidelines rules");
}

static bool is_guide(const char *title)
{
	return is_glossary(title) || is_style_guide(title);
}

bool document_is_guide(const struct document *d)
{
	return is_guide(document_title(d));
}

/* Of a breadcrumb. */
static void first_title(char title[256], const char *heading)
{
	const char *end = strstr(heading, " > ");
	snprintf(title, 256, "%.*s", (int)(end ? end - heading : (ptrdiff_t)strlen(heading)), heading);
}

bool data_heading_is_guide(const char *heading)
{
	char title[256];
	first_title(title, heading);
	return is_guide(title);
}

bool data_heading_is_style(const char *heading)
{
	char title[256];
	const char *last = strstr(heading, " > ") ? strrchr(heading, '>') + 1 : "";
	first_title(title, heading);
	return is_style_guide(title) && !is_glossary(last);
}

/* ---- forms ------------------------------------------------------------------------------------------------------------- */

/* The bytes of a quotation mark or a bracket at p[0..n), or 0. */
static size_t mark_length(const char *p, size_t n)
{
	if (n >= 3 && !memcmp(p, "\xe2\x80", 2) && (unsigned char)p[2] >= 0x98 && (unsigned char)p[2] <= 0x9f)
		return 3;
	if (n >= 2 && (!memcmp(p, "\xc2\xab", 2) || !memcmp(p, "\xc2\xbb", 2)))
		return 2;
	return n && strchr(" \"'`()[]{}<>", *p) ? 1 : 0;
}

/* What is left of a form without marks around it, remarks in brackets behind it and an article in front; n == 0: it is none. */
static struct str form_clean(struct str s)
{
	static const struct str article[] = {STR("the "), STR("a "), STR("an ")};
	size_t k, words = 1;
	while (s.n && (k = mark_length(s.p, s.n)))
		s = (struct str){s.p + k, s.n - k};
	const char *remark = memmem(s.p, s.n, " (", 2);
	if (remark)
		s.n = (size_t)(remark - s.p);
	for (bool more = true; more && s.n;) {
		for (k = 3; k && (k > s.n || mark_length(s.p + s.n - k, k) != k); k--)
			;
		k += !k && strchr(".:!?", s.p[s.n - 1]);
		more = k;
		s.n -= k;
	}
	for (size_t i = 0; i < sizeof article / sizeof *article; i++)
		if (s.n > article[i].n && !strncasecmp(s.p, article[i].p, article[i].n))
			s = (struct str){s.p + article[i].n, s.n - article[i].n};
	bool letters = false;
	for (size_t i = 0; i < s.n; i++) {
		words += s.p[i] == ' ';
		unsigned char c = (unsigned char)s.p[i];
		letters |= isalpha(c) || (c >= 0xc3 && c != 0xe2); /* no UTF-8 of a sign alone, such as a dash */
	}
	if (words > FORM_WORDS || s.n > FORM_BYTES || !letters || memmem(s.p, s.n, ". ", 2))
		s.n = 0;
	return s;
}

/* The next form of a list; false at its end. Commas, semicolons, slashes and "or" separate, but not inside brackets. */
static bool form_next(struct str *rest, struct str *out)
{
	size_t i = 0, skip = 0;
	int depth = 0;
	for (; i < rest->n; i++) {
		const char *p = rest->p + i;
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		skip = strchr(",;/", *p) ? 1 : rest->n - i > 4 && !strncasecmp(p, " or ", 4) ? 4 : 0;
		if (skip && depth <= 0)
			break;
	}
	bool any = rest->n > 0;
	*out = form_clean((struct str){rest->p, i});
	skip = i < rest->n ? skip : 0;
	*rest = (struct str){rest->p + i + skip, rest->n - i - skip};
	return any;
}

/* A preferred form in the casing of running text. */
static char *form_in_sentence(const struct finder *f, struct str s, struct err *e)
{
	char *copy = arena_strdup(f->arena, s.p, s.n, e);
	for (char *p = copy; p && *p; p += strspn(p, " ")) {
		struct word w = {p, strcspn(p, " "), false};
		bool inner = false;
		for (size_t i = 1; i < w.n; i++)
			inner |= isupper((unsigned char)p[i]) || isdigit((unsigned char)p[i]);
		if (!inner && w.n > 1 && !names_has(f->names, &w))
			*p = (char)tolower((unsigned char)*p);
		p += w.n;
	}
	return copy;
}

/* ---- the list ---------------------------------------------------------------------------------------------------------- */

/* The entry of a preferred form, new or not; *out is NULL when the list is full. */
static int entry_of(struct finder *f, struct str form, struct entry **out, struct err *e)
{
	*out = NULL;
	char *preferred = form_in_sentence(f, form, e);
	if (!preferred)
		return ERR_RESOURCE;
	for (size_t i = 0; i < f->n && !*out; i++)
		if (!strcasecmp(f->entry[i].term.preferred, preferred))
			*out = &f->entry[i];
	f->full |= !*out && (f->n == TERMS_MOST || f->n_bytes > BYTES_MOST);
	if (*out || f->full)
		return 0;
	if (mem_reserve(&f->entry, f->n, &f->cap, sizeof *f->entry, e))
		return ERR_RESOURCE;
	*out = &f->entry[f->n++];
	(*out)->term = (struct term){.preferred = preferred, .definition = ""};
	f->n_bytes += form.n;
	return 0;
}

static int forbid(struct finder *f, struct entry *to, struct str form, struct err *e)
{
	struct term *t = &to->term;
	for (size_t i = 0; i < t->n_forbidden; i++)
		if (str_is(form, t->forbidden[i]))
			return 0;
	f->full |= f->n_bytes > BYTES_MOST;
	if (f->full)
		return 0;
	if (t->n_forbidden == to->cap) {
		size_t cap = to->cap ? 2 * to->cap : 4;
		const char **more = arena_alloc(f->arena, cap, sizeof *more, e);
		if (!more)
			return ERR_RESOURCE;
		if (to->cap)
			memcpy(more, t->forbidden, to->cap * sizeof *more);
		t->forbidden = more;
		to->cap = cap;
	}
	f->n_bytes += form.n;
	t->forbidden[t->n_forbidden] = arena_strdup(f->arena, form.p, form.n, e);
	return t->forbidden[t->n_forbidden++] ? 0 : ERR_RESOURCE;
}

/* ---- where terms stand ------------------------------------------------------------------------------------------------- */

static const char wanted[] =
	"write|write this|we write|say|say this|we say|use|use this|use instead|we use|do|do write|do say|do use|"
	"preferred|preferred term|preferred form|preferred word|prefer|recommended|approved|correct|right|good|term|word";
static const char unwanted[] =
	"do not write|don't write|never write|not|not this|do not say|don't say|never say|do not use|don't use|"
	"never use|instead of|rather than|avoid|do not|don't|never|forbidden|forbidden terms|forbidden forms|"
	"forbidden words|banned|discouraged|not recommended|incorrect|wrong|bad";

/* Is the head of a column one of a list separated by bars? Signs around the words do not count; a curly apostrophe is a plain one. */
static bool head_is(const char *cell, const char *list)
{
	char head[FORM_BYTES];
	size_t n = 0;
	for (const char *p = cell; *p && n < sizeof head; p++)
		if (!strncmp(p, "\xe2\x80\x99", 3)) {
			head[n++] = '\'';
			p += 2;
		} else if (isalpha((unsigned char)*p) || (n && strchr(" '", *p))) {
			head[n++] = *p;
		}
	while (n && head[n - 1] == ' ')
		n--;
	for (const char *p = list; *p; p += *p == '|') {
		size_t k = strcspn(p, "|");
		if (k == n && !strncasecmp(p, head, n))
			return true;
		p += k;
	}
	return false;
}

/* Does the table say what to write and what not? Then *good and *bad are those columns. */
static bool table_pairs(const struct block *b, size_t *good, size_t *bad)
{
	*good = *bad = b->n_cols;
	for (size_t c = b->n_rows ? b->n_cols : 0; c-- > 0;) {
		if (head_is(b->cells[c], wanted))
			*good = c;
		if (head_is(b->cells[c], unwanted))
			*bad = c;
	}
	return *good < b->n_cols && *bad < b->n_cols;
}

static int from_row(struct finder *f, const char *good, const char *bad, struct err *e)
{
	struct str wanted_list = {good, strlen(good)}, list = {bad, strlen(bad)}, form;
	struct entry *entry;
	if (!form_next(&wanted_list, &form) || !form.n || str_in(list, "none n/a -"))
		return 0;
	int rc = entry_of(f, form, &entry, e);
	while (!rc && entry && form_next(&list, &form))
		if (form.n)
			rc = forbid(f, entry, form, e);
	return rc;
}

/* "Bridge: a program that ...", the first `bold` bytes bold, the colon among them or behind; a dash does as well. */
static int from_definition(struct finder *f, const struct block *b, struct err *e)
{
	static const char *const dash[] = {":", " - ", " \xe2\x80\x93 ", " \xe2\x80\x94 ", "\xe2\x80\x94"};
	const char *rest = b->text + b->bold;
	struct str form = form_clean((struct str){b->text, b->bold});
	bool split = b->bold && b->text[b->bold - 1] == ':';
	for (size_t i = 0; i < sizeof dash / sizeof *dash && !split; i++)
		if (!strncmp(rest, dash[i], strlen(dash[i]))) {
			rest += strlen(dash[i]);
			split = true;
		}
	rest += strspn(rest, " ");
	size_t n = strlen(rest);
	if (!split || !form.n || !n || n > DEFINITION_BYTES)
		return 0;
	struct entry *entry;
	int rc = entry_of(f, form, &entry, e);
	if (rc || !entry || *entry->term.definition)
		return rc;
	f->n_bytes += n;
	entry->term.definition = arena_strdup(f->arena, rest, n, e);
	return entry->term.definition ? 0 : ERR_RESOURCE;
}

static int from_document(struct finder *f, const struct document *d, struct err *e)
{
	int rc = 0;
	bool glossary = is_glossary(document_title(d));
	for (size_t i = 0; i < d->n_sections && !rc; i++) {
		const struct section *s = &d->sections[i];
		for (size_t k = 0; k < s->n_blocks && !rc; k++) {
			const struct block *b = &d->blocks[s->block + k];
			size_t good, bad;
			if (b->kind == BLOCK_TABLE && table_pairs(b, &good, &bad))
				for (size_t row = b->n_cols; row < b->n_rows * b->n_cols && !rc; row += b->n_cols)
					rc = from_row(f, b->cells[row + good], b->cells[row + bad], e);
			else if ((b->kind == BLOCK_PARAGRAPH || b->kind == BLOCK_ITEM) && b->bold &&
				(glossary || is_glossary(s->heading)))
				rc = from_definition(f, b, e);
		}
	}
	return rc;
}

/* ---- what the pages use ------------------------------------------------------------------------------------------------ */

/* A form and how often it occurs as whole words, in any case, also in the plural. */
struct use {
	const char *form;
	size_t key, n; /* key: bytes of its first word */
};

/* The bytes of the word that starts here, at least 1. Punctuation of General Punctuation (U+2000 to U+206F) is none. */
static size_t word_length(const char *p)
{
	size_t n = 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '-' || p[n] == '_' ||
		((unsigned char)p[n] >= 0x80 && strncmp(p + n, "\xe2\x80", 2) && strncmp(p + n, "\xe2\x81", 2)))
		n++;
	return n ? n : (unsigned char)*p == 0xe2 && p[1] && p[2] ? 3 : 1;
}

static int key_order(const char *a, size_t n_a, const char *b, size_t n_b)
{
	int order = strncasecmp(a, b, n_a < n_b ? n_a : n_b);
	return order ? order : (n_a > n_b) - (n_a < n_b);
}

static int by_form(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int order = key_order(x->form, x->key, y->form, y->key);
	return order ? order : strcasecmp(x->form, y->form);
}

/* Counts the forms whose first word is the n bytes at p and which stand there whole. */
static void use_word(struct use *u, size_t n_uses, const char *p, size_t n)
{
	size_t low = 0, high = n_uses;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (key_order(u[mid].form, u[mid].key, p, n) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < n_uses && !key_order(u[low].form, u[low].key, p, n); low++) {
		size_t whole = strlen(u[low].form);
		if (strncasecmp(u[low].form, p, whole))
			continue;
		const char *last = p; /* the form must end where a word of the text ends, but for the plural */
		while (last + word_length(last) < p + whole)
			last += word_length(last);
		struct str ending = {p + whole, (size_t)(last + word_length(last) - (p + whole))};
		u[low].n += !ending.n || str_in(ending, "s es");
	}
}

static void use_text(struct use *u, size_t n_uses, const char *p)
{
	for (size_t n; *p; p += n) {
		n = word_length(p);
		use_word(u, n_uses, p, n);
		if (n > 1 && tolower((unsigned char)p[n - 1]) == 's')
			use_word(u, n_uses, p, n - 1);
		if (n > 2 && !strncasecmp(p + n - 2, "es", 2))
			use_word(u, n_uses, p, n - 2);
	}
}

static void use_document(struct use *u, size_t n_uses, const struct document *d)
{
	size_t good, bad;
	for (size_t i = 0; i < d->n_blocks; i++)
		if (d->blocks[i].kind == BLOCK_TABLE && table_pairs(&d->blocks[i], &good, &bad))
			return; /* a guide, whatever its title */
	for (size_t i = 0; i < d->n_blocks; i++) {
		const struct block *b = &d->blocks[i];
		if (b->kind == BLOCK_PARAGRAPH || b->kind == BLOCK_ITEM)
			use_text(u, n_uses, b->text);
		for (size_t k = 0; k < (b->kind == BLOCK_TABLE ? b->n_rows * b->n_cols : 0); k++)
			use_text(u, n_uses, b->cells[k]);
	}
}

static size_t use_of(const struct use *u, size_t n_uses, const char *form)
{
	const struct use key = {form, word_length(form), 0}, *at = bsearch(&key, u, n_uses, sizeof key, by_form);
	return at ? at->n : 0;
}

/* All forms, each once, sorted, with the number of their uses. O(forms log forms + text log forms). */
static int uses_count(struct use **out, size_t *n_out, const struct finder *f, const struct document *d, size_t n, struct err *e)
{
	size_t n_forms = f->n, k = 0;
	for (size_t i = 0; i < f->n; i++)
		n_forms += f->entry[i].term.n_forbidden;
	struct use *u = mem_alloc(n_forms, sizeof *u, e);
	if (!u)
		return ERR_RESOURCE;
	for (size_t i = 0; i < f->n; i++) {
		const struct term *t = &f->entry[i].term;
		u[k++] = (struct use){t->preferred, word_length(t->preferred), 0};
		for (size_t j = 0; j < t->n_forbidden; j++)
			u[k++] = (struct use){t->forbidden[j], word_length(t->forbidden[j]), 0};
	}
	qsort(u, n_forms, sizeof *u, by_form);
	for (size_t i = k = 0; i < n_forms; i++)
		if (!k || by_form(&u[k - 1], &u[i]))
			u[k++] = u[i];
	for (size_t i = 0; i < n; i++)
		if (d[i].kind == DOCUMENT_PAGE && !d[i].skipped && !document_is_guide(&d[i]))
			use_document(u, k, &d[i]);
	*out = u;
	*n_out = k;
	return 0;
}

/* ---- public ------------------------------------------------------------------------------------------------------------ */

static int by_preferred(const void *a, const void *b)
{
	return strcasecmp(((const struct entry *)a)->term.preferred, ((const struct entry *)b)->term.preferred);
}

/* Leaves the forbidden forms that no term prefers and that the pages do not prefer. The entries are sorted. */
static void drop_forbidden(struct finder *f, const struct use *u, size_t n_uses)
{
	for (size_t i = 0; i < f->n; i++) {
		struct term *t = &f->entry[i].term;
		size_t kept = 0, uses = use_of(u, n_uses, t->preferred);
		for (size_t k = 0; k < t->n_forbidden; k++) {
			const struct entry key = {.term.preferred = t->forbidden[k]};
			bool preferred = bsearch(&key, f->entry, f->n, sizeof key, by_preferred);
			bool overruled = !preferred && use_of(u, n_uses, t->forbidden[k]) > uses;
			f->n_overruled += overruled;
			if (!preferred && !overruled)
				t->forbidden[kept++] = t->forbidden[k];
		}
		t->n_forbidden = kept;
	}
}

int terms_find(struct terms *out, const struct document *d, size_t n, const struct names *names, struct err *e)
{
	struct finder f = {.arena = &out->arena, .names = names};
	struct use *u = NULL;
	size_t n_uses = 0;
	int rc = 0;
	*out = (struct terms){0};
	arena_init(&out->arena, 16384);
	for (size_t i = 0; i < n && !rc; i++)
		if (!d[i].skipped)
			rc = from_document(&f, &d[i], e);
	if (!rc)
		rc = uses_count(&u, &n_uses, &f, d, n, e);
	if (!rc && !(out->p = arena_alloc(&out->arena, f.n, sizeof *out->p, e)))
		rc = ERR_RESOURCE;
	if (rc)
		goto done;
	if (f.n)
		qsort(f.entry, f.n, sizeof *f.entry, by_preferred);
	drop_forbidden(&f, u, n_uses);
	for (size_t i = 0; i < f.n; i++)
		if (f.entry[i].term.n_forbidden || *f.entry[i].term.definition)
			out->p[out->n++] = f.entry[i].term;
	if (f.full)
		log_line(LOG_WARNING, "more terms than a terms file may hold were found; the later ones are left out");
	if (f.n_overruled)
		log_line(LOG_INFO,
			"%zu terms; %zu forbidden forms left out, because the pages use them more than the preferred ones", out->n,
			f.n_overruled);
done:
	mem_free(u);
	mem_free(f.entry);
	if (rc)
		terms_release(out);
	return rc;
}

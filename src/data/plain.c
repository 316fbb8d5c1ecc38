/*
 * Text files. People write them alike: blank lines between paragraphs, a line of dashes under a heading or capitals in it, a
 * hyphen or a number before an item. What is unsure stays a paragraph. A transcript is a text file whose lines name their speakers.
 */
#include "data/plain.h"

#include <ctype.h>
#include <string.h>

#include "data/outline.h"

enum {
	TITLE_BYTES = 60,
	TITLE_WORDS = 8,
	SPEAKER_BYTES = 48,
	SPEAKER_WORDS = 5,
	SPEAKERS_MAX = 64,
	TURNS_MIN = 6,
	CODE_INDENT = 4
};

struct line {
	struct str s; /* without its end and the white space around it */
	size_t start, indent;
};

struct text {
	struct outline o;
	struct line *line;
	size_t n;
	size_t n_lists, list, ordinal; /* the list that is open: its number or 0, its last ordinal, 0 for bullets */
	bool indented;                 /* most of the file is: then it does not mean code */
};

/* ---- lines ---------------------------------------------------------------------------------------------------------------- */

static int lines_split(struct text *t)
{
	const char *p = t->o.d->bytes;
	size_t size = t->o.d->size, lines = 1;
	for (size_t i = 0; i < size; i++)
		lines += p[i] == '\n' || p[i] == '\r';
	t->line = mem_alloc(lines, sizeof *t->line, t->o.e);
	if (!t->line)
		return ERR_RESOURCE;
	for (size_t i = size >= 3 && !memcmp(p, "\xef\xbb\xbf", 3) ? 3 : 0; i < size;) {
		struct line *l = &t->line[t->n++];
		for (; i < size && (p[i] == ' ' || p[i] == '\t'); i++)
			l->indent += p[i] == '\t' ? CODE_INDENT : 1;
		l->start = i;
		while (i < size && p[i] != '\n' && p[i] != '\r')
			i++;
		size_t end = i;
		while (end > l->start && isspace((unsigned char)p[end - 1]))
			end--;
		l->s = (struct str){p + l->start, end - l->start};
		l->indent = l->s.n ? l->indent : 0;
		i += i + 1 < size && p[i] == '\r' && p[i + 1] == '\n' ? 2 : 1;
	}
	size_t n_indented = 0, n_text = 0;
	for (size_t i = 0; i < t->n; i++) {
		n_text += t->line[i].s.n > 0;
		n_indented += t->line[i].indent >= CODE_INDENT;
	}
	t->indented = 2 * n_indented > n_text;
	return 0;
}

static struct span lines_span(const struct text *t, size_t from, size_t to)
{
	return (struct span){t->line[from].start, t->line[to - 1].start + t->line[to - 1].s.n};
}

/* Lines joined, from byte `skip` of the first, in the arena. */
static char *lines_text(struct text *t, size_t from, size_t to, size_t skip)
{
	outline_text_begin(&t->o);
	for (size_t i = from; i < to; i++) {
		struct str s = t->line[i].s;
		size_t cut = i == from ? skip : 0;
		if (outline_text(&t->o, s.p + cut, s.n - cut) < 0 || outline_text(&t->o, " ", 1) < 0)
			return NULL;
	}
	return outline_text_end(&t->o);
}

/* ---- calls ---------------------------------------------------------------------------------------------------------------- */

/* "[00:12:40] " or "00:12 " before a speaker: its bytes. */
static size_t time_skip(struct str s)
{
	size_t i = 0, digits = 0;
	bool bracket = s.n && (*s.p == '[' || *s.p == '(');
	for (i = bracket; i < s.n && (isdigit((unsigned char)s.p[i]) || strchr(":.,", s.p[i])); i++)
		digits += isdigit((unsigned char)s.p[i]) != 0;
	i += bracket && i < s.n && (s.p[i] == ']' || s.p[i] == ')');
	while (digits && i < s.n && strchr(" -", s.p[i]))
		i++;
	return digits >= 3 ? i : 0;
}

struct str plain_speaker(struct str s, size_t *words)
{
	size_t from = time_skip(s), end = from;
	while (end < s.n && s.p[end] != ':' && end - from <= SPEAKER_BYTES)
		end++;
	struct str who = {s.p + from, end - from};
	bool good = end < s.n && s.p[end] == ':' && end + 1 < s.n && s.p[end + 1] == ' ' && who.n && who.n <= SPEAKER_BYTES &&
		(isupper((unsigned char)*who.p) || (unsigned char)*who.p >= 0xc3) && str_words(who) <= SPEAKER_WORDS &&
		!memchr(who.p, '"', who.n) && !memchr(who.p, '`', who.n) && !memchr(who.p, ';', who.n);
	*words = end + 1;
	while (good && *words < s.n && s.p[*words] == ' ')
		++*words;
	return good && *words < s.n ? who : (struct str){0};
}

static bool same(struct str a, struct str b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

/*
 * Six turns and two people who speak more than once; of the lines that open a paragraph or follow a turn, most are turns, and most
 * turns are by people who speak more than once.
 */
static bool is_call(const struct text *t)
{
	struct {
		struct str who;
		size_t n;
	} speaker[SPEAKERS_MAX];
	size_t n = 0, turns = 0, chances = 0, recurring = 0, of_recurring = 0, words;
	bool before = true; /* the line before was blank or a turn */
	for (size_t i = 0; i < t->n; i++) {
		struct str who = plain_speaker(t->line[i].s, &words);
		chances += before && t->line[i].s.n;
		before = !t->line[i].s.n || who.n;
		if (!who.n)
			continue;
		turns++;
		size_t k = 0;
		while (k < n && !same(speaker[k].who, who))
			k++;
		if (k == n && n < SPEAKERS_MAX) {
			speaker[n].who = who;
			speaker[n++].n = 0;
		}
		if (k < n)
			speaker[k].n++;
	}
	for (size_t k = 0; k < n; k++)
		if (speaker[k].n >= 2) {
			recurring++;
			of_recurring += speaker[k].n;
		}
	return turns >= TURNS_MIN && recurring >= 2 && 2 * turns > chances && 4 * of_recurring >= 3 * turns;
}

/* The title is the first line when nobody speaks it, else the name of the file. */
static const char *call_title(struct text *t, size_t *first)
{
	size_t words, i = 0;
	while (i < t->n && !t->line[i].s.n)
		i++;
	if (!plain_speaker(t->line[i].s, &words).n) {
		*first = i + 1;
		return lines_text(t, i, i + 1, 0);
	}
	*first = i;
	return outline_file_title(&t->o);
}

static int call_read(struct text *t)
{
	struct document *d = t->o.d;
	size_t first, words;
	const char *title = call_title(t, &first);
	int rc = title ? outline_section(&t->o, title, 1, 0) : ERR_RESOURCE;
	d->kind = DOCUMENT_CALL;
	for (size_t i = first, end; i < t->n && rc == 0; i = end) {
		struct str who = plain_speaker(t->line[i].s, &words);
		end = i + 1;
		if (!who.n)
			continue; /* before the first turn */
		size_t ignored;
		while (end < t->n && !plain_speaker(t->line[end].s, &ignored).n)
			end++;
		size_t last = end;
		while (!t->line[last - 1].s.n)
			last--;
		struct block *b = outline_block(&t->o, BLOCK_TURN, lines_span(t, i, last));
		if (!b || !(b->text = lines_text(t, i, last, words)) ||
			!(b->speaker = arena_strdup(t->o.arena, who.p, who.n, t->o.e)))
			rc = ERR_RESOURCE;
	}
	return rc;
}

/* ---- pages ---------------------------------------------------------------------------------------------------------------- */

/* A line of three or more of one of "=-~*" and nothing else: which, or 0. */
static char rule_of(struct str s)
{
	if (s.n < 3 || !strchr("=-~*", *s.p))
		return 0;
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] != *s.p)
			return 0;
	return *s.p;
}

/* "- ", "* ", "+ ", a bullet, "3. " or "3) ": its bytes and, for numbers, the ordinal. */
static size_t marker(struct str s, size_t *ordinal)
{
	size_t n = 0;
	*ordinal = 0;
	if (s.n > 2 && strchr("-*+", *s.p) && s.p[1] == ' ')
		return 2;
	if (s.n > 4 && !memcmp(s.p, "\xe2\x80\xa2 ", 4))
		return 4;
	for (; n < s.n && n < 3 && isdigit((unsigned char)s.p[n]); n++)
		*ordinal = *ordinal * 10 + (size_t)(s.p[n] - '0');
	bool number = n && n + 2 < s.n && (s.p[n] == '.' || s.p[n] == ')') && s.p[n + 1] == ' ';
	*ordinal = number ? *ordinal : 0;
	return number ? n + 2 : 0;
}

static bool is_capitals(struct str s)
{
	size_t letters = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (islower((unsigned char)s.p[i]) || (unsigned char)s.p[i] >= 0x80)
			return false;
		letters += isupper((unsigned char)s.p[i]) != 0;
	}
	return letters >= 4 && s.n <= TITLE_BYTES && 2 * letters > s.n;
}

/* Is the line, alone between blank lines, a heading of the text that follows it? Its level, or 0. */
static int title_level(const struct text *t, size_t i)
{
	struct str s = t->line[i].s;
	size_t next = i + 1, ordinal;
	while (next < t->n && !t->line[next].s.n)
		next++;
	if (next == t->n || t->line[i].indent || marker(s, &ordinal) || s.n > TITLE_BYTES)
		return 0;
	if (is_capitals(s))
		return 1;
	bool alone = next + 1 >= t->n || !t->line[next + 1].s.n;
	bool text = !alone || t->line[next].s.n > TITLE_BYTES || marker(t->line[next].s, &ordinal) ||
		strchr(".:?!", t->line[next].s.p[t->line[next].s.n - 1]);
	return isupper((unsigned char)*s.p) && str_words(s) <= TITLE_WORDS && !strchr(".,;:!", s.p[s.n - 1]) && text ? 2 : 0;
}

static int heading(struct text *t, size_t i, int level)
{
	char *title = lines_text(t, i, i + 1, 0);
	t->list = 0;
	return title ? outline_section(&t->o, outline_title(title), level, t->line[i].start) : ERR_RESOURCE;
}

static struct block *block(struct text *t, enum block_kind kind, size_t from, size_t to, size_t skip)
{
	struct block *b = outline_block(&t->o, kind, lines_span(t, from, to));
	return b && (b->text = lines_text(t, from, to, skip)) ? b : NULL;
}

/* An item joins the open list when it is the next of its kind. */
static int item(struct text *t, size_t from, size_t to, size_t skip, size_t ordinal)
{
	bool next = t->list && (ordinal ? ordinal > 1 && ordinal == t->ordinal + 1 : !t->ordinal);
	struct block *b = block(t, BLOCK_ITEM, from, to, skip);
	if (!b)
		return ERR_RESOURCE;
	t->list = next ? t->list : ++t->n_lists;
	t->ordinal = ordinal;
	b->list = t->list;
	b->ordinal = ordinal;
	return 0;
}

/* Lines without a blank one between: a paragraph, items, or one and then the other. */
static int group_read(struct text *t, size_t from, size_t to)
{
	int rc = 0;
	size_t ordinal, skip = marker(t->line[from].s, &ordinal), next_ordinal;
	if (!t->indented && !skip && !t->list && t->line[from].indent >= CODE_INDENT) {
		struct block *b = outline_block(&t->o, BLOCK_CODE, lines_span(t, from, to));
		if (b)
			b->text = arena_strdup(t->o.arena, t->o.d->bytes + b->span.start, b->span.end - b->span.start, t->o.e);
		return b && b->text ? 0 : ERR_RESOURCE;
	}
	for (size_t i = from, end; i < to && rc == 0; i = end) {
		skip = marker(t->line[i].s, &ordinal);
		for (end = i + 1; end < to && !marker(t->line[end].s, &next_ordinal); end++)
			;
		if (skip)
			rc = item(t, i, end, skip, ordinal);
		else if (!block(t, BLOCK_PARAGRAPH, i, end, 0))
			rc = ERR_RESOURCE;
		else if (!t->line[i].indent)
			t->list = 0;
	}
	return rc;
}

static int page_read(struct text *t)
{
	int rc = outline_section(&t->o, "", 0, 0);
	for (size_t i = 0, end; i < t->n && rc == 0; i = end) {
		end = i + 1;
		if (!t->line[i].s.n || rule_of(t->line[i].s))
			continue;
		while (end < t->n && t->line[end].s.n && !rule_of(t->line[end].s))
			end++;
		char rule = end == i + 1 && end < t->n ? rule_of(t->line[end].s) : 0;
		int level = rule == '=' ? 1 : rule ? 2 : end == i + 1 && (end == t->n || !t->line[end].s.n) ? title_level(t, i) : 0;
		rc = level ? heading(t, i, level) : group_read(t, i, end);
	}
	return rc;
}

int plain_read(struct document *d, struct arena *a, struct err *e)
{
	struct text t = {0};
	outline_init(&t.o, d, a, e);
	int rc = lines_split(&t);
	if (rc == 0)
		rc = is_call(&t) ? call_read(&t) : page_read(&t);
	if (rc == 0 && !d->n_blocks)
		d->skipped = "no text in it";
	mem_free(t.line);
	outline_release(&t.o);
	return rc;
}

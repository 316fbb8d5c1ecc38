/*
 * Tables: the first column names the row, the head names the column, every other cell is a fact.
 */
#include "data/pairs.h"

#include <ctype.h>
#include <string.h>

#include "data/atom.h"
#include "data/phrase.h"

enum { CELL_BYTES = 160 };

/*
 * Letters: R the row ("the Grove plan"), C the column ("monthly price"), K what a row is ("plan"), V the cell, U its unit, Y
 * is or are, Z "cost" where the column is a price, G row and column in one ("maximum event size"), Q a row that can be
 * counted ("streams per workspace"), J a column that can ("seats"), F and E what has a maximum size, without and with an
 * article, N, H as in fact.c.
 */
static const char *const cell_patterns[] = {
	"What $Y the $C of $R?",
	"Tell me the $C of $R.",
	"What $C does $R have?",
	"$H: what $Y the $C of $R?",
	"Do you know the $C of $R?",
	"#$C $R",
	"#$H $R $C",
	"I need to know the $C of $R.",
	"How much does $R $Z?",
	"How many $U $Y the $C of $R?",
	"I have $R. What $Y my $C?",
	"We use $R. What $C do we get?",
	"$R, $C?",
	"How many $J does $R have?",
	"How many $J come with $R?",
	"What number of $J do I get with $R?",
	"Which $K has $V as its $C?",
	"#$K $V $C",
};
static const char *const value_patterns[] = {
	"What is the $G?",
	"#$G",
	"#$H $G",
	"Is there a limit for the $G?",
	"Please tell me the $G.",
	"$H: what is the $G?",
	"I need to know the $G.",
	"Do you know the $G?",
	"What value does $N have for the $G?",
	"How many $Q are allowed?",
	"How many $Q can I have?",
	"How large can $E be?",
	"How big may $E be?",
	"What is the largest $F?",
	"What is the biggest $F that $N allows?",
	"How many $U is the $G?",
};
static const char *const deed_patterns[] = {
	"What does $R do?",
	"#$R",
	"#what $R does",
	"What is $R for?",
	"Explain $R.",
	"Which $K $V?",
	"I need the $K that $V. Which one is it?",
};
static const char *const meaning_patterns[] = {
	"What is meant by $R?",
	"What does $R mean?",
	"What does it mean when I see $R?",
	"#$R meaning",
	"Explain $R.",
	"How is $R described in $N?",
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *arena_concat(struct arena *a, const char *s, const char *t, const char *u, struct err *e)
{
	struct buf b = {0};
	const char *made = NULL;
	if (buf_puts(&b, s, e) == 0 && buf_puts(&b, t, e) == 0 && buf_puts(&b, u, e) == 0)
		made = arena_strdup(a, b.p ? b.p : "", b.len, e);
	buf_release(&b);
	return made;
}

static bool is_blank(const char *cell)
{
	struct str s = {cell, strlen(cell)};
	return !s.n || s.n > CELL_BYTES ||
		str_in(s, "- -- \xe2\x80\x93 \xe2\x80\x94 n/a none yes no x ? \xe2\x9c\x93 \xe2\x9c\x94 \xe2\x9c\x97");
}

/* "Seed" in a column "Plan" is "the Seed plan"; "Maximum event size" in a column "Limit" is "the maximum event size". */
static const char *row_name(const struct maker *m, const char *cell, const char *kind, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	struct str s = {cell, strlen(cell)};
	size_t n = words_split(s, w);
	bool name = n == 1 && (word_is_code(&w[0]) || isupper((unsigned char)cell[0]) || isdigit((unsigned char)cell[0]));
	if (name && *kind && !strchr(kind, ' ')) {
		const char *tail = arena_concat(m->arena, " ", kind, "", e);
		return tail ? arena_concat(m->arena, "the ", cell, tail, e) : NULL;
	}
	const char *lower = names_lower_first(m->names, m->arena, s, e);
	bool bare = n == 0 || word_is_code(&w[0]) || word_is_article(&w[0]) || names_has(m->names, &w[0]);
	return !lower || bare ? lower : arena_concat(m->arena, "the ", lower, "", e);
}

static int cell_item(struct maker *m, const struct block *b, struct item *it, struct parts *p, bool value_column, struct err *e)
{
	struct atom a;
	struct word w[SENTENCE_WORDS], head[SENTENCE_WORDS];
	char base[32];
	const char *row = PART(p, 'R'), *cell = it->value;
	size_t n = words_split((struct str){cell, strlen(cell)}, w);
	const char *article_less = !strncmp(row, "the ", 4) ? row + 4 : row;
	size_t n_head = words_split((struct str){article_less, strlen(article_less)}, head);
	const char *const *patterns = cell_patterns;
	size_t n_patterns = COUNT(cell_patterns);
	const char *answer = "The $C of $R $Y $V.";
	bool number = atom_is_whole((struct str){cell, strlen(cell)}, &a);

	if (n == 0 || n_head == 0)
		return 0;
	if (number && (a.measure == ATOM_TIME || a.measure == ATOM_SIZE || a.measure == ATOM_COUNT)) {
		struct str unit = words_text(w, a.unit, a.value_end);
		PART(p, 'U') = arena_strdup(m->arena, unit.p, unit.n, e);
	}
	if (number && a.measure == ATOM_BARE && !value_column && !strcmp(PART(p, 'Y'), "are")) {
		PART(p, 'J') = PART(p, 'C');
		answer = "$R has $V $C.";
	}
	if (n > 1 && !w[0].stop && verb_form(&w[0], base) == VERB_THIRD) {
		answer = "$R $V.";
		patterns = deed_patterns;
		n_patterns = COUNT(deed_patterns);
	} else if (value_column && (number || n <= 4 || word_is_code(&w[0]))) {
		bool plural = word_is_plural(&head[0]);
		PART(p, 'G') = plural ? arena_concat(m->arena, *PART(p, 'K') ? PART(p, 'K') : "value", " for ", article_less, e)
				      : article_less;
		PART(p, 'Q') = plural && number ? article_less : NULL;
		if (n_head > 2 && word_is(&head[0], "maximum") && word_in(&head[n_head - 1], "size length")) {
			struct str f = words_text(head, 1, n_head - 1);
			PART(p, 'F') = arena_strdup(m->arena, f.p, f.n, e);
			PART(p, 'E') = PART(p, 'F')
				? arena_concat(m->arena, strchr("aeiou", *f.p) ? "an " : "a ", PART(p, 'F'), "", e)
				: NULL;
		}
		answer = "The $G is $V.";
		patterns = value_patterns;
		n_patterns = COUNT(value_patterns);
	} else if (value_column) {
		answer = "$R: $V.";
		patterns = meaning_patterns;
		n_patterns = COUNT(meaning_patterns);
	}
	it->kind = ITEM_CELL;
	it->subject = row;
	it->span = b->span;
	int rc = phrase_fill(&it->answer, answer, p, m->arena, e);
	return rc < 0 ? rc : item_ask(m, it, patterns, n_patterns, p, e);
}

int pairs_from_table(struct maker *m, const struct block *b, struct err *e)
{
	if (b->n_cols < 2)
		return 0;
	const char *kind = names_lower_first(m->names, m->arena, (struct str){b->cells[0], strlen(b->cells[0])}, e);
	if (!kind)
		return ERR_RESOURCE;
	for (size_t col = 1; col < b->n_cols; col++) {
		const char *head = b->cells[col];
		struct str h = {head, strlen(head)};
		bool value_column = !h.n ||
			(b->n_cols == 2 &&
				str_in(h,
					"value values description meaning definition purpose explanation details rights default "
					"limit "
					"amount size setting notes contents"));
		const char *column = names_lower_first(m->names, m->arena, h, e);
		if (!column)
			return ERR_RESOURCE;
		struct word last = {column, strlen(column), false};
		if (strrchr(column, ' '))
			last = (struct word){strrchr(column, ' ') + 1, strlen(strrchr(column, ' ') + 1), false};
		for (size_t row = 1; row < b->n_rows; row++) {
			const char *name = b->cells[row * b->n_cols], *cell = b->cells[row * b->n_cols + col];
			if (is_blank(name) || is_blank(cell))
				continue;
			struct item it = {.value = cell, .asks = column};
			struct parts p = {0};
			PART(&p, 'R') = row_name(m, name, kind, e);
			PART(&p, 'C') = column;
			PART(&p, 'K') = kind;
			PART(&p, 'V') = cell;
			PART(&p, 'Y') = last.n && word_is_plural(&last) ? "are" : "is";
			PART(&p, 'Z') = strcasestr(column, "price") || strcasestr(column, "cost") ? "cost" : NULL;
			PART(&p, 'N') = names_subject(m->names);
			PART(&p, 'H') = strchr(m->section->title, '?') ? NULL : m->section->title;
			int rc = PART(&p, 'R') ? cell_item(m, b, &it, &p, value_column, e) : ERR_RESOURCE;
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

/*
 * Tables: the first column names the row, the head names the column, every other cell is a fact.
 */
#include "data/pairs.h"

#include <ctype.h>
#include <string.h>

#include "data/ask_parts.h"
#include "data/phrase.h"

enum { CELL_BYTES = 160 };

/*
 * Letters: R the row ("the Grove plan"), C the column ("monthly price"), K what a row is ("plan"), V the cell, U its unit, Y
 * is or are, Z "cost" where the column is a price, G row and column in one ("maximum event size"), Q a row that can be
 * counted ("streams per workspace"), J a column that can ("seats"), F and E what has a maximum size, without and with an
 * article, B a row that one can be on (a plan), O and D a column that is awaited ("a first response") or lasts ("trial period"), M the
 * deed of a cell in its base form, W a cell that is a statement, X one that is a thing, N what the documents are about, H the heading.
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
	"What does $R $Z?",
	"How many $U $Y the $C of $R?",
	"I have $R. What $Y my $C?",
	"We use $R. What $C do we get?",
	"We're on $B. What $Y the $C?",
	"We pay for $B. What $Y our $C?",
	"How quickly do we get $O $C with $R?",
	"We pay for $B. How soon can we expect $O $C?",
	"How long $Y the $D with $R?",
	"We're on $B. How long $Y the $D?",
	"$R, $C?",
	"How many $J does $R have?",
	"How many $J can we have on $B?",
	"We're on $B. How many $J are included?",
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
	"Which $K do I use to $M?",
	"I want to $M. Which $K does that?",
	"What $K do I need to $M?",
	"How do I $M?",
};
/* Under a head like "May". */
static const char *const right_patterns[] = {
	"What $C $R do?",
	"What can $R do?",
	"#$R",
	"What is $R allowed to do?",
	"What is $R for?",
	"Explain $R.",
	"Which $K $C $V?",
	"Which $K do I need to $V?",
	"I want to $V. What $K do I need?",
};
static const char *const meaning_patterns[] = {
	"What is meant by $R?",
	"What does $R mean?",
	"What does it mean when I see $R?",
	"#$R meaning",
	"Explain $R.",
	"How is $R described in $N?",
	"Which $K means that $W?",
	"Which $K tells me that $W?",
	"$W. Which $K do I get?",
	"What $K do I see when $W?",
	"Which $K stands for $X?",
	"What is the $K for $X?",
	"I'm looking for $X. Which $K is that?",
	"Which $K holds or shows $X?",
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Where the last word of a text starts. */
static size_t n_last(const char *text)
{
	const char *space = strrchr(text, ' ');
	return space ? (size_t)(space + 1 - text) : 0;
}

static bool is_blank(const char *cell)
{
	struct str s = {cell, strlen(cell)};
	return !s.n || s.n > CELL_BYTES || !strncasecmp(cell, "see ", 4) ||
		str_in(s, "- -- \xe2\x80\x93 \xe2\x80\x94 n/a none yes no x ? \xe2\x9c\x93 \xe2\x9c\x94 \xe2\x9c\x97");
}

/* Has the text a word that can be asked for? "10k" and "65536" have none. */
static bool is_worded(const char *text)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){text, strlen(text)}, w);
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)w[i].p[0]) && w[i].n > 1)
			return true;
	return false;
}

/* "Seed" in a column "Plan" is "the Seed plan"; "Maximum event size" in a column "Limit" is "the maximum event size". */
static const char *row_name(const struct maker *m, const char *cell, const char *kind, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	struct str s = {cell, strlen(cell)};
	size_t n = words_split(s, w);
	bool name = n == 1 && (word_is_code(&w[0]) || isupper((unsigned char)cell[0]) || isdigit((unsigned char)cell[0]));
	if (name && *kind && !strchr(kind, ' ')) {
		const char *tail = text_concat(m, " ", kind, "", e);
		return tail ? text_concat(m, "the ", cell, tail, e) : NULL;
	}
	const char *lower = names_lower_first(m->names, m->arena, s, e);
	bool bare = n == 0 || word_is_code(&w[0]) || word_is_article(&w[0]) || names_has(m->names, &w[0]);
	return !lower || bare ? lower : text_concat(m, "the ", lower, "", e);
}

/* "the key lacks the scope": a word in -s with an article behind it is a verb. */
static bool has_third(const struct word *w, size_t n)
{
	for (size_t i = 1; i + 1 < n; i++)
		if (word_is_plural(&w[i]) && word_is_article(&w[i + 1]))
			return true;
	return false;
}

static int cell_item(struct maker *m, const struct block *b, struct item *it, struct parts *p, bool value_column, struct err *e)
{
	struct atom a;
	struct word w[SENTENCE_WORDS], head[SENTENCE_WORDS];
	char base[32];
	const char *row = PART(p, 'R'), *cell = it->value;
	size_t n = words_split((struct str){cell, strlen(cell)}, w), n_cell = strlen(cell);
	if (n_cell > 1 && cell[n_cell - 1] == '.') { /* the answer has a full stop of its own */
		if (!(it->value = PART(p, 'V') = cell = arena_strdup(m->arena, cell, n_cell - 1, e)))
			return ERR_RESOURCE;
	}
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
	struct clause c;
	clause_parse(w, n, &c);
	bool states = c.shape == CLAUSE_FULL && !c.lead && !c.pronoun;
	const char *column = PART(p, 'C');
	struct word kind = {PART(p, 'K'), strlen(PART(p, 'K')), false};
	struct word tail = {column + n_last(column), strlen(column + n_last(column)), false};
	if (word_in(&kind, "plan tier package edition subscription"))
		PART(p, 'B') = row;
	if (number && a.measure == ATOM_TIME && word_in(&tail, "response reply answer delivery shipment setup activation"))
		PART(p, 'O') = strchr("aeiou", *column) ? "an" : "a";
	else if (number && a.measure == ATOM_TIME)
		PART(p, 'D') = column;
	if (n > 1 && str_in((struct str){column, strlen(column)}, "may can must")) {
		answer = "$R $C $V.";
		patterns = right_patterns;
		n_patterns = COUNT(right_patterns);
	} else if (n > 1 && !w[0].stop && verb_form(&w[0], base) == VERB_THIRD) {
		PART(p, 'M') = text_concat(m, base, cell + w[0].n, "", e);
		PART(p, 'V') = names_lower_first(m->names, m->arena, (struct str){cell, strlen(cell)}, e);
		if (!PART(p, 'M') || !PART(p, 'V'))
			return ERR_RESOURCE;
		answer = "$R $V.";
		patterns = deed_patterns;
		n_patterns = COUNT(deed_patterns);
	} else if (value_column && !states && (number || n <= 4 || word_is_code(&w[0]))) {
		bool plural = word_is_plural(&head[0]);
		PART(p, 'G') =
			plural ? text_concat(m, *PART(p, 'K') ? PART(p, 'K') : "value", " for ", article_less, e) : article_less;
		PART(p, 'Q') = plural && number ? article_less : NULL;
		if (n_head > 2 && word_is(&head[0], "maximum") && word_in(&head[n_head - 1], "size length")) {
			struct str f = words_text(head, 1, n_head - 1);
			PART(p, 'F') = arena_strdup(m->arena, f.p, f.n, e);
			PART(p, 'E') =
				PART(p, 'F') ? text_concat(m, strchr("aeiou", *f.p) ? "an " : "a ", PART(p, 'F'), "", e) : NULL;
		}
		answer = "The $G is $V.";
		patterns = value_patterns;
		n_patterns = COUNT(value_patterns);
	} else if (value_column || word_in(&tail, "meaning description content contents")) {
		/* a thing has no verb; what may be a verb that the list lacks is neither */
		bool thing = c.shape != CLAUSE_FULL && c.shape != CLAUSE_FLAT && !has_third(w, n);
		PART(p, states ? 'W' : 'X') = n < 2 || (!states && !thing)
			? NULL
			: names_lower_first(m->names, m->arena, (struct str){cell, strlen(cell)}, e);
		if (value_column)
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
		/* "price of 100,000 extra events": one price */
		struct word c[SENTENCE_WORDS], last = {column, 0, false};
		size_t n_column = words_split((struct str){column, strlen(column)}, c);
		if (n_column)
			last = c[head_noun(c, 0, n_column)];
		for (size_t row = 1; row < b->n_rows; row++) {
			const char *name = b->cells[row * b->n_cols], *cell = b->cells[row * b->n_cols + col];
			if (is_blank(name) || is_blank(cell) || (*head && !is_worded(head) && !is_worded(name)))
				continue;
			struct item it = {.value = cell, .asks = column};
			struct parts p = {0};
			PART(&p, 'R') = row_name(m, name, kind, e);
			PART(&p, 'C') = column;
			PART(&p, 'K') = kind;
			PART(&p, 'V') = cell;
			PART(&p, 'Y') = last.n && word_is_plural(&last) ? "are" : "is";
			PART(&p, 'Z') = last.n && word_in(&last, "price cost fee") && last.p + last.n == column + strlen(column)
				? "cost"
				: NULL;
			PART(&p, 'N') = names_subject(m->names);
			PART(&p, 'H') = strchr(m->section->title, '?') ? NULL : m->section->title;
			int rc = PART(&p, 'R') ? cell_item(m, b, &it, &p, value_column, e) : ERR_RESOURCE;
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

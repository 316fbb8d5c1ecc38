/*
 * Sequences of one to three content words are counted with what stands around them; then short rules decide. English frequency is
 * frequency.txt (tools/frequency.py). "Weirdness", the quotient of both frequencies: Ahmad, Gillam, Tostevin 1999; what counts only inside
 * longer terms is left out after C-value (Frantzi, Ananiadou, Mima 2000). Reference: candidates.h.
 */
#include "data/candidates.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

extern const char data_frequency[];

enum { WORDS_MOST = 3, FORM_BYTES = 60, FOUND_MOST = 400, ENTRIES_MOST = 1 << 21 };

/* Everybody's, whatever they sell; days and months. */
static const char common[] = "monday tuesday wednesday thursday friday saturday sunday january february march april may june july "
			     "august september october november "
			     "december english api apis url urls http https html xml json yaml csv pdf id ids uuid sdk cli ui gui "
			     "ip dns tls ssl ssh tcp udp cpu gpu ram utf "
			     "ascii unix linux windows macos debian ubuntu docker python java javascript go php ruby node c byte "
			     "bytes kb mb gb tb ms utc gmt usd eur rfc iso "
			     "sql git github docs faq todo note ok yes no email internet web website browser server servers client "
			     "clients user users file files folder "
			     "page pages line lines code button menu link password login account click default defaults error "
			     "errors example examples request requests "
			     "response responses number numbers value values name names list lists field fields table tables "
			     "string strings option options setting settings "
			     "data database version versions text character characters header headers minute minutes hour hours "
			     "second seconds day days week weeks "
			     "month months year years documentation section sections step steps";
/* A sequence that begins with one of these is no term: they say which or what kind, of anything. */
static const char modifiers[] =
	"other another same first second third last next previous new old own many several few such different following whole "
	"single full "
	"fourth fifth two three four five six seven eight nine ten one only every each any some certain good better best large "
	"small long short high low "
	"more most less possible available current given specific usual normal simple entire main real right wrong early late "
	"additional further "
	"various common similar particular appropriate necessary important just still even already always never often now then "
	"here there once "
	"again too very also much enough so how why when where what which who please note see let yes no not";
/* ... nor what ends with one. */
static const char endings[] = "etc one ones way ways thing things time times case cases example examples part parts kind kinds lot "
			      "lots number bit first last same other "
			      "second third more most less much many again away back down up off out only too also well yet still "
			      "soon later earlier below above "
			      "directly automatically again together instead either both";

struct entry {
	const char *key, *form;                /* form: as it stands most simply, small unless it never does */
	uint32_t uses, capital, small;         /* inside sentences; capital: every word of it */
	uint32_t article, title, bold, plural; /* evidence of a noun */
	uint32_t documents, last, nested;      /* last: 1 + the document that counted it last; nested: uses inside longer terms */
	unsigned char n_words;
	bool acronym, inner, chosen;
};

struct miner {
	struct arena *arena;
	struct entry *slot; /* open addressing, a power of two, at most half full */
	size_t n_slots, n_used, n_words;
	uint32_t document;
};

static struct entry *slot_of(const struct miner *m, const char *key)
{
	size_t i = (size_t)hash_bytes(key, strlen(key)) & (m->n_slots - 1);
	while (m->slot[i].key && strcmp(m->slot[i].key, key))
		i = (i + 1) & (m->n_slots - 1);
	return &m->slot[i];
}

static int grow(struct miner *m, struct err *e)
{
	struct entry *old = m->slot;
	size_t n_old = m->n_slots, n = n_old ? 2 * n_old : 4096;
	struct entry *slot = mem_alloc(n, sizeof *slot, e);
	if (!slot)
		return ERR_RESOURCE;
	m->slot = slot;
	m->n_slots = n;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].key)
			*slot_of(m, old[i].key) = old[i];
	mem_free(old);
	return 0;
}

/* The bytes of the plural's ending: 0 when there is none. */
static size_t plural_length(const char *p, size_t n)
{
	if (n < 4 || p[n - 1] != 's' || strchr("sui", tolower((unsigned char)p[n - 2])))
		return 0;
	return n > 4 &&
			(!strncasecmp(p + n - 4, "ches", 4) || !strncasecmp(p + n - 4, "shes", 4) ||
				!strncasecmp(p + n - 4, "sses", 4))
		? 2
		: 1;
}

/* Small letters, the last word in the singular. False when it is too long. */
static bool key_make(char key[FORM_BYTES], const struct word *w, size_t n)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		if (k + w[i].n + 2 > FORM_BYTES)
			return false;
		if (i)
			key[k++] = ' ';
		for (size_t j = 0; j < w[i].n; j++)
			key[k++] = (char)tolower((unsigned char)w[i].p[j]);
	}
	k -= plural_length(w[n - 1].p, w[n - 1].n);
	if (plural_length(w[n - 1].p, w[n - 1].n) == 1 && k > 3 && !strncmp(key + k - 2, "ie", 2))
		key[--k - 1] = 'y';
	key[k] = 0;
	return true;
}

/* Where a sequence stands. */
struct place {
	bool first, title, bold, article;
};

static bool is_upper(const struct word *w)
{
	return isupper((unsigned char)w->p[0]);
}

static int count(struct miner *m, const struct word *w, size_t n, struct place at, struct err *e)
{
	char key[FORM_BYTES];
	if (!key_make(key, w, n) || (m->n_used >= ENTRIES_MOST && !slot_of(m, key)->key))
		return 0;
	if (2 * m->n_used >= m->n_slots && grow(m, e))
		return ERR_RESOURCE;
	struct entry *t = slot_of(m, key);
	bool capital = true, small = true, acronym = n == 1 && w->n > 1, inner = false;
	for (size_t i = 0; i < n; i++) {
		capital &= is_upper(&w[i]);
		small &= !is_upper(&w[i]) || (at.first && i == 0);
		for (size_t k = 1; k < w[i].n; k++)
			inner |= isupper((unsigned char)w[i].p[k]) && islower((unsigned char)w[i].p[k - 1]);
	}
	for (size_t k = 0; k < w->n; k++)
		acronym &= isupper((unsigned char)w->p[k]) || (k > 1 && k + 1 == w->n && w->p[k] == 's');
	size_t plural = plural_length(w[n - 1].p, w[n - 1].n);
	if (!t->key) {
		if (!(t->key = arena_strdup(m->arena, key, strlen(key), e)))
			return ERR_RESOURCE;
		t->n_words = (unsigned char)n;
		m->n_used++;
	}
	if (!at.first && !t->form && !plural &&
		!(t->form = arena_strdup(m->arena, w->p, (size_t)(w[n - 1].p + w[n - 1].n - w->p), e)))
		return ERR_RESOURCE;
	t->uses++;
	t->capital += !at.first && !at.title && capital;
	t->small += !at.title && small && !(at.first && n == 1);
	t->article += at.article;
	t->title += at.title;
	t->bold += at.bold;
	t->plural += plural > 0;
	t->acronym |= acronym;
	t->inner |= inner;
	t->documents += t->last != m->document + 1;
	t->last = m->document + 1;
	return 0;
}

/* May it be part of a term? */
static bool is_content(const struct word *w)
{
	return word_is_plain(w) && !word_is_function(w) && w->n > 1 && w->n < 30;
}

static int mine_sentence(struct miner *m, const struct word *w, size_t n, bool title, struct err *e)
{
	int rc = 0;
	m->n_words += n;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 1; k <= WORDS_MOST && i + k <= n && is_content(&w[i + k - 1]) && !rc; k++) {
			if (k > 1 && w[i + k - 2].stop)
				break;
			bool ends = i + k == n || w[i + k - 1].stop || !is_content(&w[i + k]);
			bool first = i == 0 || w[i - 1].stop;
			struct place at = {.first = first && !title,
				.title = title && i == 0 && k == n,
				.article =
					i && ends && !w[i - 1].stop && word_in(&w[i - 1], "a an the this each every your our its")};
			rc = count(m, w + i, k, at, e);
		}
	return rc;
}

static int mine_text(struct miner *m, const char *text, bool title, struct err *e)
{
	struct str rest = {text, strlen(text)}, sentence;
	struct word w[SENTENCE_WORDS];
	int rc = 0;
	while (!rc && sentence_next(&rest, &sentence))
		rc = mine_sentence(m, w, words_split(sentence, w), title, e);
	return rc;
}

/* What the bytes of a block hold between marks of bold text, when it begins with a capital and is no sentence. */
static int mine_bold(struct miner *m, const char *p, size_t n, struct err *e)
{
	static const char *const mark[][2] = {{"**", "**"}, {"<b>", "</b>"}, {"<strong>", "</strong>"}};
	int rc = 0;
	for (size_t k = 0; k < sizeof mark / sizeof *mark; k++) {
		struct str rest = {p, n};
		const char *from, *to;
		size_t open = strlen(mark[k][0]), close = strlen(mark[k][1]);
		while (!rc && (from = memmem(rest.p, rest.n, mark[k][0], open)) != NULL) {
			from += open;
			to = memmem(from, (size_t)(rest.p + rest.n - from), mark[k][1], close);
			if (!to)
				break;
			struct word w[SENTENCE_WORDS];
			size_t n_words = words_split((struct str){from, (size_t)(to - from)}, w);
			bool label = n_words && n_words <= WORDS_MOST && is_upper(w) && !strchr(":.?", to[-1]) &&
				(to + close == rest.p + rest.n || to[close] != ':');
			for (size_t i = 0; i < n_words && label; i++)
				label = word_is_plain(&w[i]) && !w[i].stop && w[i].n < 30;
			if (label && !memchr(from, '\n', (size_t)(to - from)))
				rc = count(m, w, n_words, (struct place){.bold = true}, e);
			rest = (struct str){to + close, (size_t)(rest.p + rest.n - to) - close};
		}
	}
	return rc;
}

static int mine_document(struct miner *m, const struct document *d, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < d->n_sections && !rc; i++)
		rc = mine_text(m, d->sections[i].title, true, e);
	for (size_t i = 0; i < d->n_blocks && !rc; i++) {
		const struct block *b = &d->blocks[i];
		if (b->kind == BLOCK_CODE)
			continue;
		if (b->text)
			rc = mine_text(m, b->text, false, e);
		if (!rc && d->kind == DOCUMENT_PAGE && b->span.end <= d->size && b->span.start < b->span.end)
			rc = mine_bold(m, d->bytes + b->span.start, b->span.end - b->span.start, e);
		for (size_t k = 0; b->kind == BLOCK_TABLE && k < b->n_rows * b->n_cols && !rc; k++)
			rc = mine_text(m, b->cells[k], k % b->n_cols == 0, e);
	}
	return rc;
}

/* ---- choice ------------------------------------------------------------------------------------------------------------ */

/* How often in a million English words; what frequency.txt lacks is rarer than its last. */
enum { RARE_PPM = 8 };

static int english_open(struct miner *m, struct err *e)
{
	/* The list is put into the same table, under keys that no text has: a blank in front. */
	char key[FORM_BYTES];
	for (const char *p = data_frequency; *p;) {
		size_t n = strcspn(p, " ");
		if (n + 2 < sizeof key) {
			key[0] = ' ';
			memcpy(key + 1, p, n);
			key[n + 1] = 0;
			if (2 * m->n_used >= m->n_slots && grow(m, e))
				return ERR_RESOURCE;
			struct entry *t = slot_of(m, key);
			if (!t->key && !(t->key = arena_strdup(m->arena, key, n + 1, e)))
				return ERR_RESOURCE;
			t->uses = (uint32_t)strtoul(p + n, NULL, 10);
			m->n_used++;
		}
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return 0;
}

static size_t ppm_of(const struct miner *m, const char *word, const char *ending)
{
	char key[FORM_BYTES + 8];
	snprintf(key, sizeof key, " %s%s", word, ending);
	const struct entry *t = slot_of(m, key);
	return t->key ? t->uses : 0;
}

static size_t uses_of(const struct miner *m, const struct word *w)
{
	char key[FORM_BYTES];
	return key_make(key, w, 1) ? slot_of(m, key)->uses : 0;
}

/* Uses in a million words over those in English. */
static double weirdness(const struct miner *m, const struct entry *t)
{
	size_t ppm = ppm_of(m, t->key, "") + ppm_of(m, t->key, "s");
	return 1e6 * (double)t->uses / (double)(m->n_words + 1) / (double)(ppm > RARE_PPM ? ppm : RARE_PPM);
}

static bool is_name(const struct entry *t)
{
	return t->capital > 2 * t->small && t->capital + (t->title > 0) > 1 && (t->documents > 1 || t->capital > 3);
}

static bool is_label(const struct entry *t)
{
	return t->bold && t->bold + t->capital > 1 && 2 * (t->bold + t->capital) > t->small;
}

/* A plural might as well be a verb: what can be one has to be a noun elsewhere. */
static bool is_noun(const struct entry *t, const struct word *last)
{
	char base[32];
	bool verb = verb_form(last, base) != VERB_NONE || verb_of_gerund(last, base) || verb_of_participle(last, base);
	return verb ? t->article >= 2 && 8 * t->article >= t->uses
		    : t->article + t->plural + t->title >= 2 && (t->article || t->title);
}

static bool is_word(const struct miner *m, const struct entry *t, const struct word *w)
{
	if (t->uses < 5 || t->documents < 2 || w->n < 4 || !is_noun(t, w) || !t->article || 8 * (t->article + t->plural) < t->uses)
		return false;
	return weirdness(m, t) > 15;
}

static bool is_compound(const struct miner *m, const struct entry *t, const struct word *w, size_t n)
{
	char base[32];
	if (t->uses < 3 || t->documents < 2 || !is_noun(t, &w[n - 1]))
		return false;
	if (verb_form(w, base) == VERB_THIRD && !t->article)
		return false;
	if (w[n - 1].n > 3 && !strncmp(w[n - 1].p + w[n - 1].n - 2, "ly", 2))
		return false;
	double least = 1e9; /* Dice's coefficient of neighbours, the lowest */
	for (size_t i = 0; i + 1 < n; i++) {
		double both = (double)(uses_of(m, &w[i]) + uses_of(m, &w[i + 1]));
		double dice = both > 0 ? 2 * (double)t->uses / both : 0;
		least = dice < least ? dice : least;
	}
	return least > 0.06;
}

static bool is_term(const struct miner *m, const struct entry *t)
{
	struct word w[SENTENCE_WORDS];
	size_t n = t->form && t->n_words ? words_split((struct str){t->key, strlen(t->key)}, w) : 0;
	if (!n || n != t->n_words)
		return false;
	for (size_t i = 0; i < n && n == 1; i++)
		if (word_in(&w[i], common) || word_in(&w[i], modifiers))
			return false;
	if (n > 1 && (word_in(w, modifiers) || word_in(&w[n - 1], endings)))
		return false;
	if (is_name(t) || is_label(t))
		return true;
	if (n == 1)
		return ((t->acronym || t->inner) && t->uses > 2) || is_word(m, t, w);
	return is_compound(m, t, w, n);
}

/* Uses of the parts of a chosen sequence are not theirs alone. */
static void nest(const struct miner *m, const struct entry *t)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){t->key, strlen(t->key)}, w);
	char key[FORM_BYTES];
	for (size_t i = 0; i < n; i++)
		for (size_t k = 1; i + k <= n; k++)
			if (k < n && key_make(key, w + i, k)) {
				struct entry *part = slot_of(m, key);
				part->nested += part->key ? t->uses : 0;
			}
}

static bool is_there(const struct terms *t, const char *form)
{
	size_t n = strlen(form);
	for (size_t i = 0; i < t->n; i++) {
		for (size_t k = 0; k <= t->p[i].n_forbidden; k++) {
			const char *other = k < t->p[i].n_forbidden ? t->p[i].forbidden[k] : t->p[i].preferred;
			size_t more = strlen(other);
			if (!strncasecmp(other, form, n < more ? n : more) &&
				(n == more || (more == n + 1 && other[n] == 's') || (n == more + 1 && form[more] == 's')))
				return true;
		}
	}
	return false;
}

static int by_uses(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a, *y = *(const struct entry *const *)b;
	return x->uses != y->uses ? (x->uses < y->uses) - (x->uses > y->uses) : strcmp(x->key, y->key);
}

static int by_preferred(const void *a, const void *b)
{
	return strcasecmp(((const struct term *)a)->preferred, ((const struct term *)b)->preferred);
}

/* The chosen entries, the most used first, as far as a person would read. */
static int terms_add(struct terms *t, const struct entry **v, size_t n, struct err *e)
{
	if (n > FOUND_MOST)
		n = FOUND_MOST;
	struct term *p = arena_alloc(&t->arena, t->n + n, sizeof *p, e);
	size_t k = t->n;
	if (!p)
		return ERR_RESOURCE;
	if (k)
		memcpy(p, t->p, k * sizeof *p);
	for (size_t i = 0; i < n; i++) {
		bool name = v[i]->acronym || v[i]->inner || is_name(v[i]) ||
			(is_label(v[i]) && v[i]->capital + v[i]->bold >= v[i]->small);
		const char *form = name ? v[i]->form : v[i]->key;
		if (is_there(t, form))
			continue;
		p[k] = (struct term){
			.preferred = arena_strdup(&t->arena, form, strlen(form), e), .definition = "", .status = TERM_FOUND};
		if (!p[k++].preferred)
			return ERR_RESOURCE;
	}
	if (k)
		qsort(p, k, sizeof *p, by_preferred);
	t->p = p;
	t->n = k;
	return 0;
}

static int choose(struct miner *m, struct terms *t, struct err *e)
{
	const struct entry **v = mem_alloc(m->n_used, sizeof *v, e);
	size_t n = 0;
	if (!v)
		return ERR_RESOURCE;
	for (size_t words = WORDS_MOST; words > 0; words--) {
		for (size_t i = 0; i < m->n_slots; i++) {
			struct entry *x = &m->slot[i];
			x->chosen = x->chosen ||
				(x->key && x->n_words == words &&
					4 * (x->uses - (x->nested < x->uses ? x->nested : x->uses)) >= x->uses && is_term(m, x));
		}
		for (size_t i = 0; i < m->n_slots; i++)
			if (m->slot[i].chosen && m->slot[i].n_words == words) {
				nest(m, &m->slot[i]);
				v[n++] = &m->slot[i];
			}
	}
	if (n)
		qsort(v, n, sizeof *v, by_uses);
	int rc = terms_add(t, v, n, e);
	mem_free(v);
	return rc;
}

int candidates_find(struct terms *t, const struct document *d, size_t n, struct err *e)
{
	struct arena arena;
	struct miner m = {.arena = &arena};
	bool pages = false;
	arena_init(&arena, 1 << 16);
	for (size_t i = 0; i < n; i++)
		pages |= d[i].kind == DOCUMENT_PAGE && !d[i].skipped;
	int rc = grow(&m, e);
	for (size_t i = 0; i < n && !rc; i++)
		if (!d[i].skipped && pages == (d[i].kind == DOCUMENT_PAGE) && !document_is_guide(&d[i])) {
			m.document = (uint32_t)i;
			rc = mine_document(&m, &d[i], e);
		}
	if (!rc)
		rc = english_open(&m, e);
	if (!rc)
		rc = choose(&m, t, e);
	mem_free(m.slot);
	arena_release(&arena);
	mem_trim();
	return rc;
}

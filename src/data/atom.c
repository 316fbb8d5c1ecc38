/*
 * Values: numbers with their units, and code spans. What is not understood (a date, a formula) is left alone rather than
 * asked wrongly.
 */
#include "data/atom.h"

#include <ctype.h>
#include <string.h>

static const char number_words[] = "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty fifty";
static const char scales[] = "hundred thousand million billion";
static const char currencies[] = "EUR USD GBP CHF SEK NOK DKK JPY euros dollars pounds";
static const char time_units[] =
	"ms s sec secs min mins h hr hrs d millisecond milliseconds second seconds minute minutes hour hours day days week weeks "
	"month months quarter quarters year years";
static const char time_adjectives[] = "working business calendar consecutive full";
static const char size_units[] = "B KB MB GB TB PB KiB MiB GiB TiB kbit Mbit Gbit Mbit/s Gbit/s MB/s GB/s Hz kHz MHz GHz px dpi "
				 "bit bits byte bytes kilobytes "
				 "megabytes gigabytes terabytes characters pixels cm mm m km g kg W kW kWh V A";
static const char clock_zones[] = "UTC GMT CET CEST a.m p.m am pm";

/* 25, 200,000, 99.95, 5.4, 04:00, $5, 15%, 100x100 is not one. */
static bool is_number(const struct word *w)
{
	size_t i = w->p[0] == '$' ? 1 : 0;
	if (w->n >= 3 && (!memcmp(w->p, "\xe2\x82\xac", 3))) /* euro sign */
		i = 3;
	if (i >= w->n || !isdigit((unsigned char)w->p[i]))
		return word_in(w, number_words);
	for (; i < w->n; i++)
		if (!isdigit((unsigned char)w->p[i]) && (!strchr(",.:", w->p[i]) || i + 1 == w->n) &&
			(w->p[i] != '%' || i + 1 != w->n))
			return false;
	return true;
}

/*
 * The words that belong to a number's unit start at i: sets measure and where they end. "2 working days", "5 missed
 * heartbeats", "80 requests".
 */
static size_t unit_end(const struct word *w, size_t n, size_t i, struct atom *a)
{
	if (i >= n || w[i - 1].stop || word_is_code(&w[i]))
		return i;
	size_t noun = i + (word_in(&w[i], time_adjectives) && i + 1 < n);
	if (word_in(&w[noun], time_units)) {
		a->measure = ATOM_TIME;
		return noun + 1;
	}
	if (word_in(&w[i], size_units)) {
		a->measure = ATOM_SIZE;
		return i + 1;
	}
	bool one = word_is(&w[i - 1], "1");
	for (size_t k = i; k < n && k < i + 3; k++) {
		if (!word_is_plain(&w[k]) || word_is_function(&w[k]))
			break;
		if (word_is_plural(&w[k]) || (one && k == i)) {
			a->measure = ATOM_COUNT;
			return k + 1;
		}
		if (w[k].stop)
			break;
	}
	return i;
}

/* "per second", "per calendar month", "per 100,000", "a month". */
static size_t rate_end(const struct word *w, size_t n, size_t i)
{
	if (i >= n || w[i - 1].stop)
		return i;
	if (word_is(&w[i], "per") && i + 1 < n) {
		size_t k = i + 1 + word_in(&w[i + 1], time_adjectives);
		return k < n ? k + 1 : i;
	}
	return word_in(&w[i], "a an each every") && i + 1 < n && word_in(&w[i + 1], time_units) ? i + 2 : i;
}

static size_t quantifier_start(const struct word *w, size_t first, struct atom *a)
{
	static const struct {
		const char *second, *first; /* first: "" for a quantifier of one word */
		int bound;
	} quantifier[] = {
		{"to", "up", BOUND_MOST},
		{"most", "at", BOUND_MOST},
		{"least", "at", BOUND_LEAST},
		{"of", "maximum", BOUND_MOST},
		{"of", "minimum", BOUND_LEAST},
		{"than", "more", BOUND_NONE},
		{"than", "less", BOUND_NONE},
		{"than", "fewer", BOUND_NONE},
		{"about", "", BOUND_NONE},
		{"around", "", BOUND_NONE},
		{"roughly", "", BOUND_NONE},
		{"approximately", "", BOUND_NONE},
		{"exactly", "", BOUND_NONE},
		{"only", "", BOUND_NONE},
		{"another", "", BOUND_NONE},
		{"precisely", "", BOUND_NONE},
		{"latest", "the", BOUND_NONE},
		{"last", "the", BOUND_NONE},
		{"first", "the", BOUND_NONE},
		{"newest", "the", BOUND_NONE},
	};
	for (size_t i = 0; i < sizeof quantifier / sizeof *quantifier; i++) {
		size_t words = *quantifier[i].first ? 2 : 1;
		if (first < words || w[first - 1].stop || !word_is(&w[first - 1], quantifier[i].second) ||
			(words == 2 && !word_is(&w[first - 2], quantifier[i].first)))
			continue;
		a->bound = quantifier[i].bound;
		first -= words;
		if (words == 2 && first > 0 && word_is(&w[first], "maximum") && word_in(&w[first - 1], "a the"))
			first--;
		return first;
	}
	return first;
}

/* Nouns that name the value behind them: "port 7443", "the prefix `tlk_`". */
static const char label_nouns[] =
	"answer argument attribute branch channel class code column command constant directory element endpoint error event "
	"extension field file flag "
	"folder format function group header host hostname kernel key label layer level line log message method mode model module "
	"name number "
	"object option package page parameter path permission pin port prefix property protocol queue release role row scope "
	"script section "
	"server service setting signal state status step suffix table tag template topic type unit user variable version zone";

/* A noun behind a code span with an article: "the `X-Sig` header". */
static bool is_noun(const struct word *w)
{
	char base[32];
	return word_is_plain(w) && islower((unsigned char)w->p[0]) && !word_is_function(w) && verb_form(w, base) != VERB_THIRD;
}

/* "the | exit | code 4": where the name of a value starts, its article and the noun before it included. */
static size_t label_start(const struct word *w, size_t label)
{
	bool noun = label > 1 && !w[label - 1].stop && is_noun(&w[label - 1]) && word_in(&w[label - 2], "the a an with");
	size_t first = label - noun;
	return first - (first > 0 && word_in(&w[first - 1], "the a an"));
}

static void number_read(const struct word *w, size_t n, size_t i, struct atom *a)
{
	bool money = w[i].p[0] == '$' || (unsigned char)w[i].p[0] == 0xe2, percent = w[i].p[w[i].n - 1] == '%';
	bool clock = memchr(w[i].p, ':', w[i].n) != NULL;
	size_t end = i + 1;
	while (end < n && !w[end - 1].stop && word_in(&w[end], scales))
		end++;
	/* A range is one value: "from 200 to 299", "between 04:00 and 06:00". */
	if (i > 0 && end + 1 < n && word_in(&w[i - 1], "from between") && word_in(&w[end], "to and") && is_number(&w[end + 1]))
		end += 2;
	else if (clock && end + 1 < n && word_is(&w[end], "to") && is_number(&w[end + 1]))
		end += 2;
	a->measure = ATOM_BARE;
	a->unit = end;
	if (clock) {
		a->measure = ATOM_CLOCK;
		end += end < n && !w[end - 1].stop && word_in(&w[end], clock_zones);
	} else if (percent || (end < n && word_in(&w[end], "% percent"))) {
		a->measure = ATOM_PERCENT;
		end += !percent;
	} else if (money || (end < n && word_in(&w[end], currencies))) {
		a->measure = ATOM_MONEY;
		end = rate_end(w, n, end + !money);
	} else {
		size_t unit = unit_end(w, n, end, a);
		end = unit > end ? rate_end(w, n, unit) : end;
	}
	a->value = i;
	a->value_end = a->end = end;
	if (end + 1 < n && !w[end - 1].stop && word_is(&w[end], "or") &&
		word_in(&w[end + 1], "later more newer higher less above fewer earlier"))
		a->end += 2;
	a->first = quantifier_start(w, i, a);
	if (a->measure == ATOM_BARE && i > 0 && a->first == i && !w[i - 1].stop && word_in(&w[i - 1], label_nouns)) {
		a->measure = ATOM_LABELLED;
		a->label = i - 1;
		a->first = label_start(w, i - 1);
	}
}

/* "the fields `a`, `b` and `c`": the end of a list of code spans. */
static size_t codes_end(const struct word *w, size_t n, size_t i)
{
	size_t end = i + 1;
	while (end < n) {
		size_t next = end + word_in(&w[end], "and or");
		if (next >= n || !word_is_symbol(&w[next]) || (next == end && !w[end - 1].stop))
			break;
		end = next + 1;
	}
	return end;
}

static bool is_labels(const struct word *w)
{
	struct str one = {w->p, w->n - 1};
	return word_is_plural(w) && str_in(one, label_nouns);
}

static void code_read(const struct word *w, size_t n, size_t i, struct atom *a)
{
	bool article = i > 0 && word_in(&w[i - 1], "the a an");
	bool named = i > 1 && word_in(&w[i - 1], "named called") && word_in(&w[i - 2], label_nouns);
	*a = (struct atom){.measure = ATOM_CODE,
		.first = i - article,
		.value = i,
		.value_end = i + 1,
		.end = i + 1,
		.loose = !word_is_code(&w[i])};
	if (article && i + 1 < n && !w[i].stop && is_noun(&w[i + 1])) {
		a->measure = ATOM_LABELLED;
		a->label = i + 1;
		if (i + 2 < n && !w[i + 1].stop && !word_in(&w[i + 1], label_nouns) && word_in(&w[i + 2], label_nouns))
			a->label = i + 2; /* "compile-time option" */
		a->end = a->label + 1;
	} else if (!article && i + 1 < n && !w[i].stop && is_labels(&w[i + 1])) { /* "on SQLITE_MISUSE errors" */
		a->measure = ATOM_LABELLED;
		a->label = i + 1;
		a->end = i + 2;
	} else if (named) { /* "a table named X" */
		a->measure = ATOM_LABELLED;
		a->label = i - 2;
		a->first = label_start(w, i - 2);
	} else if (!article && i > 0 && !w[i - 1].stop && (word_in(&w[i - 1], label_nouns) || is_labels(&w[i - 1]))) {
		a->measure = ATOM_LABELLED;
		if (is_labels(&w[i - 1]))
			a->value_end = a->end = codes_end(w, n, i);
		a->label = i - 1;
		a->first = label_start(w, i - 1);
	}
}

static bool is_capital(const struct word *w)
{
	return isupper((unsigned char)w->p[0]) && word_is_plain(w) && !word_is_function(w);
}

static bool is_label(const struct word *w)
{
	static const char nouns[] =
		"plan plans role roles button switch state states mode modes page field region regions menu tab status setting "
		"format formats language languages library platform protocol standard";
	return word_in(w, nouns) && islower((unsigned char)w->p[0]);
}

/* Names with a noun that tells what they are: "the Grove and Canopy plans", "the role Auditor". */
static bool name_read(const struct word *w, size_t n, size_t i, struct atom *a)
{
	size_t end = i + 1;
	if (i == 0 || !is_capital(&w[i]))
		return false;
	while (end < n &&
		((is_capital(&w[end]) && !w[end - 1].stop) ||
			(word_in(&w[end], "and or") && end + 1 < n && is_capital(&w[end + 1]))))
		end++;
	bool before = !w[i - 1].stop && is_label(&w[i - 1]), behind = end < n && !w[end - 1].stop && is_label(&w[end]);
	if (!before && !behind)
		return false;
	*a = (struct atom){.measure = ATOM_LABELLED, .label = behind ? end : i - 1, .value = i, .value_end = end};
	a->first = behind ? i : i - 1;
	a->end = end + behind;
	a->first -= a->first > 0 && word_in(&w[a->first - 1], "the a an");
	return true;
}

/* 2000-05-09 */
static bool is_iso_date(const struct word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (i == 4 || i == 7 ? w->p[i] != '-' : !isdigit((unsigned char)w->p[i]))
			return false;
	return w->n == 10;
}

/* 750KiB */
static bool is_glued_size(const struct word *w)
{
	size_t digits = 0;
	while (digits < w->n && (isdigit((unsigned char)w->p[digits]) || (digits && strchr(".,", w->p[digits]))))
		digits++;
	struct str unit = {w->p + digits, w->n - digits};
	return digits && unit.n > 1 && str_in(unit, "ms KB MB GB TB PB KiB MiB GiB TiB kHz MHz GHz");
}

static void loose_read(const struct word *w, size_t i, struct atom *a)
{
	*a = (struct atom){.measure = is_iso_date(&w[i]) ? ATOM_BARE : ATOM_SIZE,
		.value = i,
		.value_end = i + 1,
		.end = i + 1,
		.unit = i,
		.loose = true};
	a->first = quantifier_start(w, i, a);
}

bool atom_next(const struct word *w, size_t n, size_t from, struct atom *out)
{
	for (size_t i = from; i < n; i++) {
		*out = (struct atom){0};
		if (word_is_symbol(&w[i]))
			code_read(w, n, i, out);
		else if (is_number(&w[i]))
			number_read(w, n, i, out);
		else if (is_iso_date(&w[i]) || is_glued_size(&w[i]))
			loose_read(w, i, out);
		else if (!name_read(w, n, i, out))
			continue;
		return true;
	}
	return false;
}

struct str atom_label(const struct word *w, const struct atom *a)
{
	bool before = a->label < a->value;
	size_t first = before ? a->first + word_in(&w[a->first], "the a an") : a->value_end;
	return words_text(w, first, a->label + 1);
}

static const char months[] = "January February March April May June July August September October November December";

struct str atom_unit(const struct word *w, const struct atom *a)
{
	if (a->unit != a->value)
		return words_text(w, a->unit, a->value_end);
	size_t digits = 0;
	while (digits < w[a->value].n && !isalpha((unsigned char)w[a->value].p[digits]))
		digits++;
	return (struct str){w[a->value].p + digits, w[a->value].n - digits};
}

/* "8192 or 16384", "2% or 3%", "1 or 2 pages" */
static void choice_extend(const struct word *w, size_t n, struct atom *a)
{
	struct atom second;
	size_t i = a->value_end;
	if (a->end != i || i + 1 >= n || w[i - 1].stop || !word_is(&w[i], "or") || !isdigit((unsigned char)w[i + 1].p[0]) ||
		a->measure > ATOM_BARE || !atom_next(w, n, i + 1, &second) || second.value != i + 1 ||
		(second.measure != a->measure && a->measure != ATOM_BARE))
		return;
	a->measure = second.measure;
	a->unit = second.unit;
	a->value_end = a->end = second.value_end;
}

void atom_extend(const struct word *w, size_t n, struct atom *a)
{
	choice_extend(w, n, a);
	size_t i = a->value + 1;
	if (a->measure != ATOM_BARE || a->value_end != i || i >= n || !word_in(&w[i], months) || !isupper((unsigned char)w[i].p[0]))
		return;
	bool year = i + 1 < n && !w[i].stop && w[i + 1].n == 4 && isdigit((unsigned char)w[i + 1].p[0]);
	a->value_end = a->end = i + 1 + year;
}

bool atom_is_date(const struct word *w, const struct atom *a)
{
	return a->measure == ATOM_BARE &&
		((a->value_end > a->value + 1 && word_in(&w[a->value + 1], months)) || memchr(w[a->value].p, '-', w[a->value].n));
}

bool atom_is_whole(struct str text, struct atom *out)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(text, w);
	return n && is_number(&w[0]) && atom_next(w, n, 0, out) && out->value_end == n;
}

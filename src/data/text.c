/*
 * Sentences and words. No grammar is learnt here: short closed lists decide, and whoever asks must live with "don't know".
 */
#include "data/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/*
 * ---- sentences
 * -----------------------------------------------------------------------------------------------------------------
 */

static const char abbreviations[] = "e.g i.e etc vs cf approx no fig dr mr mrs ms inc ltd co st incl max min p pp";

static bool is_abbreviation(const char *start, const char *dot)
{
	const char *p = dot;
	while (p > start && (isalpha((unsigned char)p[-1]) || p[-1] == '.'))
		p--;
	struct str s = {p, (size_t)(dot - p)};
	if (p > start && p[-1] == '_')
		return false; /* SQLITE_A */
	return (s.n == 1 && isupper((unsigned char)*s.p)) || str_in(s, abbreviations);
}

/* "No. Seed has ..." answers; "No. 5" does not. */
static bool answers_no(const char *start, const char *dot, char next)
{
	return dot - start == 2 && str_is((struct str){start, 2}, "no") && !isdigit((unsigned char)next);
}

bool sentence_next(struct str *rest, struct str *out)
{
	const char *p = rest->p, *end = rest->p + rest->n;
	while (p < end && *p == ' ')
		p++;
	const char *start = p;
	bool code = false;
	for (; p < end; p++) {
		code ^= *p == '`';
		if (code || (*p != '.' && *p != '!' && *p != '?'))
			continue;
		const char *after = p + 1;
		while (after < end && strchr("\"')]", *after) && *after)
			after++;
		if (after < end && *after != ' ')
			continue;
		if (after + 1 < end &&
			(islower((unsigned char)after[1]) ||
				(*p == '.' && is_abbreviation(start, p) && !answers_no(start, p, after[1]))))
			continue;
		p = after;
		break;
	}
	*out = (struct str){start, (size_t)(p - start)};
	*rest = (struct str){p, (size_t)(end - p)};
	return out->n > 0;
}

/*
 * ---- words
 * ---------------------------------------------------------------------------------------------------------------------
 */

/* "carray()", "ieee754(F)": a bracket that the word itself opens. */
static bool is_closed(const char *start, const char *stop)
{
	int open = 0;
	for (const char *p = start; p < stop; p++)
		open += (*p == '(') - (*p == ')');
	return open == 0;
}

size_t words_split(struct str s, struct word w[SENTENCE_WORDS])
{
	const char *p = s.p, *end = s.p + s.n;
	size_t n = 0;
	while (p < end) {
		while (p < end && *p == ' ')
			p++;
		const char *start = p;
		bool code = false;
		for (; p < end && (code || *p != ' '); p++)
			code ^= *p == '`';
		const char *stop = p;
		while (start < stop && strchr("([{\"'", *start))
			start++;
		bool colons = *start == ':' && stop - start > 2; /* ":memory:" */
		while (stop > start && strchr(".,;:!?)]}\"'", stop[-1]) && !(stop[-1] == ')' && is_closed(start, stop)) &&
			!(colons && stop[-1] == ':'))
			stop--;
		if (stop > start && stop - start <= 3 && strspn(start, "-\xe2\x80\x93\x94") >= (size_t)(stop - start))
			stop = start; /* a dash on its own */
		bool pause = false;
		for (const char *t = stop; t < p; t++)
			pause |= strchr(",;:)]}", *t) != NULL;
		if (stop == start) {
			if (n && p > start)
				w[n - 1].stop = true;
			continue;
		}
		if (n == SENTENCE_WORDS)
			return 0;
		w[n++] = (struct word){start, (size_t)(stop - start), pause};
	}
	return n;
}

static size_t piece_end(struct str s)
{
	size_t spaces = 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' && ++spaces == SENTENCE_WORDS - 1)
			return i ? i : 1;
	return s.n;
}

bool pieces_next(struct pieces *p, struct str *out)
{
	if (!p->sentence.n && !sentence_next(&p->line, &p->sentence))
		return false;
	*out = (struct str){p->sentence.p, piece_end(p->sentence)};
	p->sentence.p += out->n;
	p->sentence.n -= out->n;
	return true;
}

bool text_opens_block(const char *line)
{
	const char *p = line + strspn(line, " \t");
	size_t digits = strspn(p, "0123456789");
	return *p == '\n' || !*p || strchr("|#>", *p) || (strchr("-*+", *p) && p[1] == ' ') ||
		(digits && strchr(".)", p[digits]) && p[digits + 1] == ' ');
}

size_t text_cells(struct str line, struct str cell[CELLS_MAX])
{
	const char *p = line.p, *end = line.p + line.n;
	size_t n = 0;
	while (p < end && *p == ' ')
		p++;
	if (p == end || *p != '|')
		return 0;
	for (p++; p < end && n < CELLS_MAX; p++) {
		const char *from = p;
		while (p < end && (*p != '|' || p[-1] == '\\'))
			p++;
		if (p < end)
			cell[n++] = (struct str){from, (size_t)(p - from)};
	}
	return n;
}

struct str words_text(const struct word *w, size_t first, size_t end)
{
	if (first >= end)
		return (struct str){"", 0};
	struct str s = {w[first].p, (size_t)(w[end - 1].p + w[end - 1].n - w[first].p)};
	size_t quotes = 0, open = 0; /* of round brackets */
	for (size_t i = 0; i < s.n; i++) {
		quotes += s.p[i] == '"';
		if (s.p[i] == '(')
			open++;
		else if (s.p[i] == ')' && open)
			open--;
	}
	while ((quotes % 2 && s.p[s.n] == '"') || (open && s.p[s.n] == ')')) {
		quotes += s.p[s.n] == '"';
		open -= s.p[s.n++] == ')';
	}
	if (quotes % 2 && first && s.p[-1] == '"')
		s = (struct str){s.p - 1, s.n + 1};
	return s;
}

const char *text_place(const char *text, const char *part)
{
	const char *p = strstr(text, part);
	size_t n = strlen(part);
	if (!n || !p || strstr(p + n, part) || (p > text && isalnum((unsigned char)p[-1])) || isalnum((unsigned char)p[n]))
		return NULL;
	return p;
}

bool str_is(struct str s, const char *text)
{
	return strlen(text) == s.n && !strncasecmp(s.p, text, s.n);
}

bool str_in(struct str s, const char *list)
{
	if (!s.n)
		return false;
	char small = (char)tolower((unsigned char)*s.p), large = (char)toupper((unsigned char)*s.p);
	for (const char *p = list; *p;) {
		const char *start = p;
		while (*p && *p != ' ')
			p++;
		if ((size_t)(p - start) == s.n && (*start == small || *start == large) && !strncasecmp(start, s.p, s.n))
			return true;
		while (*p == ' ')
			p++;
	}
	return false;
}

bool word_is(const struct word *w, const char *text)
{
	return str_is((struct str){w->p, w->n}, text);
}

bool word_in(const struct word *w, const char *list)
{
	return str_in((struct str){w->p, w->n}, list);
}

bool word_is_code(const struct word *w)
{
	return w->p[0] == '`';
}

/* Endings of names of files that documentation mentions. */
static bool has_extension(const struct word *w)
{
	const char *dot = memrchr(w->p, '.', w->n);
	struct str end = {dot ? dot + 1 : "", dot ? (size_t)(w->p + w->n - dot - 1) : 0};
	return dot > w->p &&
		str_in(end,
			"c h cc cpp py js sh so dll dylib exe txt html json jsonl csv xml yaml yml toml conf cfg ini log md db sql "
			"zip tar gz");
}

bool word_is_identifier(const struct word *w)
{
	size_t dashes = w->p[0] == '-' ? 1u + (w->n > 1 && w->p[1] == '-') : 0, letters = 0, marks = 0;
	if (word_is_code(w))
		return false;
	for (size_t i = 0; i < w->n; i++) {
		if (!isalnum((unsigned char)w->p[i]) && !strchr("_-=.(),*:/$?", w->p[i]))
			return false;
		letters += isalpha((unsigned char)w->p[i]) != 0;
		marks += i && i + 1 < w->n && w->p[i] == '_';
	}
	if (!letters || (w->p[0] != ':' && w->n > 2 && memmem(w->p, w->n, "://", 3)))
		return false;
	bool call = isalpha((unsigned char)w->p[0]) && w->p[w->n - 1] == ')' && memchr(w->p, '(', w->n);
	bool option = dashes && w->n > dashes + 1 && isalpha((unsigned char)w->p[dashes]);
	bool command = w->n > 3 && (w->p[0] == '.' || (w->p[0] == ':' && w->p[w->n - 1] == ':')) && isalpha((unsigned char)w->p[1]);
	bool setting = w->n > 1 && isalpha((unsigned char)w->p[0]) && memchr(w->p, '=', w->n);
	bool plural = call && w->n > 3 && !memcmp(w->p + w->n - 3, "(s)", 3);
	return (marks || call || option || command || setting || has_extension(w)) && !plural;
}

bool word_is_symbol(const struct word *w)
{
	return word_is_code(w) || word_is_identifier(w);
}

bool word_is_plain(const struct word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (!isalpha((unsigned char)w->p[i]) && (w->p[i] != '-' || i == 0 || i + 1 == w->n))
			return false;
	return w->n > 0;
}

bool word_is_plural(const struct word *w)
{
	if (word_in(w, "people children data men women criteria media"))
		return true;
	return word_is_plain(w) && w->n > 3 && w->p[w->n - 1] == 's' && !strchr("sui", w->p[w->n - 2]) && !word_is_function(w);
}

/*
 * ---- closed classes
 * --------------------------------------------------------------------------------------------------------------
 */

static const char articles[] =
	"a an the every each all any both some no this that these those its their your our his her my another";
static const char prepositions[] =
	"after for within in on at to by through with into from during of than below above under over until "
	"till since before about as per via without across against between among around near towards upon onto inside";
static const char conjunctions[] =
	"and or but nor so if when while whether because unless although though where which who whose that whatever";
static const char pronouns[] =
	"it they he she this these those that there here you we i what which who how whatever whoever one them us";
static const char auxiliaries[] =
	"is are was were be been being can could may might must shall should will would has have had does do did cannot";

bool word_is_article(const struct word *w)
{
	return word_in(w, articles);
}

bool word_is_preposition(const struct word *w)
{
	return word_in(w, prepositions);
}

bool word_is_auxiliary(const struct word *w)
{
	return word_in(w, auxiliaries);
}

bool word_is_pronoun(const struct word *w)
{
	return word_in(w, pronouns);
}

bool word_is_function(const struct word *w)
{
	return word_in(w, articles) || word_in(w, prepositions) || word_in(w, conjunctions) || word_in(w, pronouns) ||
		word_in(w, auxiliaries) || word_in(w, "not only also then just than up most least more less");
}

/*
 * ---- verbs
 * ---------------------------------------------------------------------------------------------------------------------
 */

/* By their first letter, since every word of every sentence is looked up here. */
static const char *const verbs[26] = {
	['a' - 'a'] = "accept access achieve acknowledge activate add adjust allow announce answer appear append apply approve "
		      "archive arrive ask assign attach authenticate authorize",
	['b' - 'a'] = "back become begin belong bill bind block break bring browse build buy",
	['c' - 'a'] = "cache calculate call cancel carry cause change charge check choose clean clear click clone close collect "
		      "combine come compare compile complete compress compute configure confirm connect consist contain continue "
		      "control convert copy correct cost count cover crash create customize",
	['d' - 'a'] =
		"debug decide declare decode decrease decrypt define delay delete deliver depend deploy describe destroy detect "
		"determine develop deactivate disable disappear discard disconnect display distribute divide double download "
		"draw drop",
	['e' - 'a'] = "edit emit empty enable encode encrypt end enforce ensure enter equal erase escape evaluate examine exceed "
		      "exchange exclude execute exist exit expand expect expire export expose extend extract",
	['f' - 'a'] = "fail fall fetch fill filter find finish fire fit fix flush follow force format forward",
	['g' - 'a'] = "generate get give go grant group grow",
	['h' - 'a'] = "handle happen have hide hold host",
	['i' - 'a'] = "identify ignore implement import improve include increase indicate inherit initialize inform insert inspect "
		      "install integrate interpret introduce invite invoke issue",
	['j' - 'a'] = "join jump",
	['k' - 'a'] = "keep know",
	['l' - 'a'] = "label lack last launch lead learn leave let lie limit link list listen live load lock log look lose lower",
	['m' - 'a'] = "make manage map mark match matter mean measure merge migrate modify monitor mount move",
	['n' - 'a'] = "name need nest notify",
	['o' - 'a'] = "occupy occur offer omit open operate optimize order organize overwrite override own",
	['p' - 'a'] =
		"page parse pass paste pause pay perform permit pick place play point post precede prefer prepare press prevent "
		"print process produce promise prompt propose protect prove provide publish pull purge push put",
	['q' - 'a'] = "query queue quit",
	['r' - 'a'] =
		"raise reach react read rebuild receive recognize record recover redirect reduce refer refresh refuse register "
		"reject release reload rely remain remember remind remove rename render renew reopen repair repeat replace "
		"replay reply report represent request require reschedule reserve reset resolve respond restart restore "
		"restrict result resume retain retry return reuse reverse revert review revoke rewrite rise roll rotate round "
		"route run",
	['s' - 'a'] = "save scale scan schedule scroll search secure see select sell send separate serve set share shift ship show "
		      "shrink sign skip sleep sort specify spend split spool start state stay stop store stream submit subscribe "
		      "succeed suggest supply support suspend switch synchronize",
	['t' - 'a'] = "take tell terminate test throw time track transfer transform translate transmit treat trigger truncate try "
		      "tune turn type",
	['u' - 'a'] = "understand undo uninstall unlock update upgrade upload use",
	['v' - 'a'] = "validate vary verify view visit",
	['w' - 'a'] = "wait wake want warn watch weigh withdraw work wrap write",
	['z' - 'a'] = "zip",
};

static bool is_verb(struct str s)
{
	char first = s.n ? (char)tolower((unsigned char)s.p[0]) : 0;
	return first >= 'a' && first <= 'z' && verbs[first - 'a'] && str_in(s, verbs[first - 'a']);
}

/* "expires" -> "expire", "retries" -> "retry", "pushes" -> "push": candidates in turn, the list decides. */
static bool third_person(const struct word *w, char base[32])
{
	static const struct {
		const char *suffix, *replacement;
	} rule[] = {{"s", ""}, {"ies", "y"}, {"es", ""}};
	if (word_is(w, "has")) {
		strcpy(base, "have");
		return true;
	}
	for (size_t i = 0; i < sizeof rule / sizeof *rule; i++) {
		size_t cut = strlen(rule[i].suffix), more = strlen(rule[i].replacement);
		if (w->n <= cut || strncasecmp(w->p + w->n - cut, rule[i].suffix, cut))
			continue;
		memcpy(base, w->p, w->n - cut);
		memcpy(base + w->n - cut, rule[i].replacement, more + 1);
		if (is_verb((struct str){base, w->n - cut + more}))
			return true;
	}
	return false;
}

enum verb_form verb_form(const struct word *w, char base[32])
{
	enum verb_form form = VERB_NONE;
	*base = 0;
	if (w->n >= 30 || !word_is_plain(w))
		return form;
	if (is_verb((struct str){w->p, w->n})) {
		memcpy(base, w->p, w->n);
		base[w->n] = 0;
		form = VERB_BASE;
	} else if (third_person(w, base)) {
		form = VERB_THIRD;
	}
	if (!form)
		*base = 0;
	for (char *p = base; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return form;
}

static bool verb_known(const char *stem, size_t n, const char *end, char base[32])
{
	size_t more = strlen(end);
	if (!n || n + more >= 32)
		return false;
	memcpy(base, stem, n);
	memcpy(base + n, end, more + 1);
	for (char *p = base; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return is_verb((struct str){base, n + more});
}

/* "moving" -> "move", "cutting" -> "cut", "copied" -> "copy": what is left without the suffix, mended. */
static bool verb_without(const struct word *w, const char *suffix, char base[32])
{
	size_t cut = strlen(suffix), n = w->n - cut;
	*base = 0;
	if (w->n < cut + 2 || strncasecmp(w->p + n, suffix, cut))
		return false;
	return verb_known(w->p, n, "", base) || verb_known(w->p, n, "e", base) ||
		(w->p[n - 1] == w->p[n - 2] && verb_known(w->p, n - 1, "", base)) ||
		(w->p[n - 1] == 'i' && verb_known(w->p, n - 1, "y", base));
}

bool verb_of_gerund(const struct word *w, char base[32])
{
	return verb_without(w, "ing", base);
}

bool verb_of_participle(const struct word *w, char base[32])
{
	static const char *const irregular[][2] = {{"begun", "begin"}, {"bought", "buy"}, {"broken", "break"}, {"built", "build"},
		{"chosen", "choose"}, {"found", "find"}, {"founded", "found"}, {"given", "give"}, {"held", "hold"},
		{"hidden", "hide"}, {"kept", "keep"}, {"left", "leave"}, {"lost", "lose"}, {"made", "make"}, {"met", "meet"},
		{"paid", "pay"}, {"put", "put"}, {"read", "read"}, {"run", "run"}, {"seen", "see"}, {"sent", "send"},
		{"set", "set"}, {"shown", "show"}, {"sold", "sell"}, {"taken", "take"}, {"told", "tell"}, {"undone", "undo"},
		{"written", "write"}};
	for (size_t i = 0; i < sizeof irregular / sizeof *irregular; i++)
		if (word_is(w, irregular[i][0])) {
			strcpy(base, irregular[i][1]);
			return true;
		}
	return verb_without(w, "ed", base);
}

const char *verb_similar(const char *base)
{
	static const char *const pair[][2] = {{"accept", "take"}, {"allow", "permit"}, {"answer", "reply"}, {"apply", "hold"},
		{"begin", "start"}, {"change", "alter"}, {"choose", "pick"}, {"contain", "hold"}, {"create", "make"},
		{"delete", "remove"}, {"deliver", "send"}, {"display", "show"}, {"end", "finish"}, {"expire", "run out"},
		{"finish", "end"}, {"get", "receive"}, {"hold", "contain"}, {"include", "contain"}, {"keep", "store"},
		{"last", "stay valid"}, {"lower", "reduce"}, {"need", "require"}, {"offer", "provide"}, {"pause", "wait"},
		{"print", "show"}, {"promise", "guarantee"}, {"provide", "offer"}, {"receive", "get"}, {"reduce", "lower"},
		{"remember", "keep"}, {"remove", "delete"}, {"require", "need"}, {"retain", "keep"}, {"return", "give back"},
		{"send", "deliver"}, {"serve", "offer"}, {"show", "display"}, {"start", "begin"}, {"stay", "remain"},
		{"stop", "end"}, {"store", "keep"}, {"take", "need"}, {"update", "refresh"}, {"use", "need"}, {"wait", "pause"}};
	for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
		if (!strcmp(base, pair[i][0]))
			return pair[i][1];
	return NULL;
}

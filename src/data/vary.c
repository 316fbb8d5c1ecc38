/*
 * One question in the words of several people. Nobody asks in the words of the documents: people use their own word for a thing,
 * greet, explain themselves, or type three keywords. A model that has seen a fact asked in one wording recites it, and finds it
 * again only when asked in many (Allen-Zhu and Li, "Physics of language models: part 3.1", 2023). Only questions vary; answers stay
 * the documents' own words.
 */
#include "data/vary.h"

#include <ctype.h>
#include <string.h>

enum { SYNONYMS_MAX = 6, KEYWORDS_MAX = 24 };
#define COUNT(a) (sizeof(a) / sizeof *(a))

/*
 * Words that may stand for each other in a question about software. A plural or a third person of a single word keeps its s. Of
 * phrases that start alike the longer comes first.
 */
static const char *const synonyms[][SYNONYMS_MAX + 1] = {
	{"can you tell me", "could you tell me", "do you know"},
	{"please tell me", "I'd like to know", "we need to know"},
	{"how long until", "how much time until", "how long before"},
	{"how long does it take until", "how long is it until", "how long before"},
	{"how long will it take to", "how much time does it take to"},
	{"how soon", "how quickly"},
	{"at most", "at the most", "maximally"},
	{"at least", "as a minimum"},
	{"what is the most", "what's the most", "what's the highest number of"},
	{"what is the maximum number of", "what's the largest number of", "what's the limit on the number of"},
	{"what is the longest", "what's the longest time"},
	{"what is the", "what's the"},
	{"what is", "what's"},
	{"where is", "where's"},
	{"when is it too late to", "when can I no longer"},
	{"we want to", "we'd like to", "we have to", "we need to"},
	{"I want to", "I'd like to", "I have to", "I need to"},
	{"I need to know", "I have to know", "I'd like to know"},
	{"we use", "we've got", "we have"},
	{"we have", "we've got", "there is"},
	{"I've got a question about", "it's about", "I'm looking at", "my question is about", "this is about"},
	{"is deleted", "is removed", "is erased", "vanishes", "disappears", "is thrown away"},
	{"are deleted", "are removed", "are erased", "vanish", "disappear", "are thrown away"},
	{"is erased", "is deleted", "is wiped", "is gone"},
	{"are erased", "are deleted", "are wiped", "are gone"},
	{"is suspended", "is cut off", "gets suspended", "is taken out of service"},
	{"is refused", "is rejected", "is turned down"},
	{"are refused", "are rejected", "are turned down"},
	{"is locked", "is blocked", "is shut"},
	{"time out", "give up", "run into its time limit"},
	{"times out", "gives up", "runs into its time limit"},
	{"sign in", "log in"},
	{"sign-in", "login"},
	{"take effect", "start to work", "become active"},
	{"takes effect", "starts to work", "becomes active"},
	{"stay valid", "stay good", "remain valid", "keep working"},
	{"become invalid", "stop working", "run out"},
	{"stop working", "run out", "become invalid"},
	{"is part of", "comes with", "is included in", "belongs to"},
	{"are part of", "come with", "are included in", "belong to"},
	{"is valid", "is good", "can be used"},
	{"by itself", "automatically"},
	{"at the same time", "at once", "in parallel", "side by side"},
	{"an e-mail", "a mail"},
	{"e-mail address", "mail address"},
	{"address", "URL"},
	{"your", "our", "my"},
	{"start with", "begin with"},
	{"starts with", "begins with"},
	{"do not", "don't"},
	{"does not", "doesn't"},
	{"cannot", "can't"},
	{"is not", "isn't"},
	{"each", "every"},
	{"extra", "additional", "further"},
	{"additional", "extra", "another"},
	{"wrong", "incorrect", "mistyped"},
	{"oldest", "earliest"},
	{"colour", "color"},
	{"expires", "runs out", "stops working", "becomes invalid", "lapses"},
	{"keep", "store", "retain", "hold", "save"},
	{"kept", "stored", "retained", "held", "saved"},
	{"delete", "remove", "erase"},
	{"deleted", "removed", "erased"},
	{"expire", "run out", "stop working", "become invalid", "lapse", "end"},
	{"limit", "cap", "maximum", "ceiling"},
	{"maximum", "highest", "largest", "most"},
	{"minimum", "lowest", "smallest", "least"},
	{"price", "cost", "fee"},
	{"yearly", "annual"},
	{"begin", "start"},
	{"start", "begin"},
	{"receive", "get"},
	{"require", "need"},
	{"create", "make", "set up", "add"},
	{"allowed to", "permitted to"},
	{"allowed", "permitted", "possible"},
	{"people", "users", "colleagues"},
	{"person", "user", "colleague"},
	{"send", "deliver", "submit"},
	{"sent", "delivered", "submitted"},
	{"deliver", "send"},
	{"delivered", "sent"},
	{"fail", "go wrong"},
	{"error", "problem", "failure"},
	{"refused", "rejected", "turned down"},
	{"refuse", "reject"},
	{"change", "edit"},
	{"changed", "altered", "edited"},
	{"choose", "pick", "select"},
	{"press", "click"},
	{"large", "big"},
	{"big", "large"},
	{"small", "little"},
	{"folder", "directory"},
	{"install", "set up"},
	{"show", "display"},
	{"shown", "displayed"},
	{"find", "look up"},
	{"paused", "on hold"},
	{"stopped", "halted"},
	{"check", "verify"},
	{"secure", "safe"},
	{"encrypted", "protected"},
	{"password", "passphrase"},
	{"customer", "client"},
	{"company", "firm"},
	{"invoice", "bill"},
	{"bill", "invoice"},
	{"buy", "purchase"},
	{"plan", "subscription", "tier"},
	{"trial", "test period"},
	{"support", "help"},
	{"answer", "reply"},
	{"response", "reply", "answer"},
	{"notice", "notification"},
	{"warn", "notify", "tell"},
	{"inform", "tell"},
	{"version", "release"},
	{"update", "upgrade"},
	{"updated", "upgraded"},
	{"default", "standard setting"},
	{"setting", "option"},
	{"option", "setting"},
	{"flag", "switch", "option"},
	{"parameter", "argument"},
	{"permission", "right"},
	{"forbidden", "not allowed"},
	{"automatically", "by itself"},
	{"often", "frequently"},
	{"usually", "normally"},
	{"quickly", "fast"},
	{"fast", "quick"},
	{"whole", "entire"},
	{"entire", "whole"},
	{"duration", "time"},
	{"interval", "time"},
	{"contain", "hold", "include"},
	{"include", "contain"},
	{"included", "part of it"},
	{"offer", "provide", "give"},
	{"provide", "offer", "give"},
	{"support", "handle"},
	{"supported", "handled", "maintained"},
	{"exact", "precise"},
	{"record", "log", "register"},
	{"recorded", "logged"},
	{"restore", "bring back", "recover"},
	{"restored", "brought back"},
	{"copy", "duplicate"},
	{"exceed", "go over"},
	{"exceeded", "passed"},
	{"reach", "hit"},
	{"reached", "hit"},
	{"meaning", "sense"},
	{"mean", "stand for"},
	{"define", "explain"},
	{"happens", "takes place"},
	{"happen", "take place"},
	{"grow", "increase"},
	{"reduce", "lower"},
	{"lower", "reduce"},
	{"connection", "link"},
	{"lost", "broken"},
	{"down", "unavailable"},
	{"machine", "computer", "server"},
	{"computer", "machine"},
	{"memory", "RAM"},
	{"disk", "storage"},
	{"allow", "permit", "let"},
	{"prevent", "stop"},
};

/* $N: what the documents are about. */
static const char *const openings[] = {"In $N, ", "In $N, ", "In $N, ", "With $N, ", "At $N, ", "Quick question: ", "Hi, ",
	"Hello! ", "A customer asks: ", "A colleague asks: ", "We use $N. ", "I work with $N. ", "I am new to $N. ",
	"We are thinking of using $N. ",
	"One thing about $N: ", "Please help me: ", "I could not find this: ", "Before we start: ", "For a presentation on $N: ",
	"Our auditor asks: ", "Somebody in my team wants to know: ", "Question about $N: ", "I forgot: ", "Can you tell me this? ",
	"Just to be sure: "};
static const char *const closings[] = {" Thanks!", " Please answer in one sentence.", " A customer wants to know.", " I use $N.",
	" I need it for a colleague.", " Thank you.", " It is about $N.", " (in $N)", " We are on $N."};

static bool chance(struct rng *r, uint32_t one_in)
{
	return rng_below(r, one_in) == 0;
}

/* Appends a text in which $N stands for the name; nothing when it needs a name and there is none. */
static int add_named(struct buf *b, const char *text, const char *name, struct err *e)
{
	const char *mark = strstr(text, "$N");
	if (!mark)
		return buf_puts(b, text, e);
	return *name ? buf_printf(b, e, "%.*s%s%s", (int)(mark - text), text, name, mark + 2) : 0;
}

/* Do the words at w spell the phrase? The last one may have an s more, *plural then. Returns their number or 0. */
static size_t phrase_match(const struct word *w, size_t n, const char *phrase, bool *plural)
{
	size_t used = 0;
	for (const char *p = phrase; *p; used++) {
		size_t len = strcspn(p, " ");
		*plural = used == 0 && !p[len] && used < n && w[used].n == len + 1 && w[used].p[len] == 's';
		if (used >= n || (used && w[used - 1].stop) || (w[used].n != len && !*plural) || strncasecmp(w[used].p, p, len))
			return 0;
		p += len;
		p += strspn(p, " ");
	}
	return used;
}

static bool is_vowel(char c)
{
	return c && strchr("aeiouAEIOU", c);
}

/* Other words for those at w[i], or NULL; *used: how many they stand for. Names and what would need another article stay. */
static const char *synonym(const struct word *w, size_t n, size_t i, struct rng *r, size_t *used, const char **s)
{
	for (size_t k = 0; k < COUNT(synonyms); k++) {
		size_t more = 1;
		bool plural;
		*used = phrase_match(w + i, n - i, synonyms[k][0], &plural);
		if (!*used)
			continue;
		while (more <= SYNONYMS_MAX && synonyms[k][more])
			more++;
		const char *found = synonyms[k][1 + rng_below(r, (uint32_t)more - 1)];
		*s = plural && !strchr(found, ' ') ? "s" : "";
		if (i > 0 && word_in(&w[i - 1], "a an") && is_vowel(*found) != is_vowel(*w[i].p))
			return NULL;
		return plural && strchr(found, ' ') ? NULL : found;
	}
	return NULL;
}

/* A capital inside a question is a name's. */
static bool is_changeable(const struct word *w, size_t i)
{
	bool opens = i == 0 || strchr(".?:", w[i - 1].p[w[i - 1].n]);
	return !word_is_code(&w[i]) && (opens || !isupper((unsigned char)w[i].p[0]) || w[i].n == 1 || w[i].p[1] == '\'');
}

static int words_replace(struct buf *b, const char *question, struct rng *r, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){question, strlen(question)}, w), used;
	const char *from = question, *s;
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const char *other = is_changeable(w, i) && chance(r, 3) ? synonym(w, n, i, r, &used, &s) : NULL;
		if (!other)
			continue;
		bool capital = isupper((unsigned char)w[i].p[0]);
		rc = buf_append(b, from, (size_t)(w[i].p - from), e);
		size_t start = b->len;
		if (rc == 0)
			rc = buf_printf(b, e, "%s%s", other, s);
		if (rc == 0 && capital)
			b->p[start] = (char)toupper((unsigned char)b->p[start]);
		i += used - 1;
		from = w[i].p + w[i].n;
	}
	return rc < 0 ? rc : buf_puts(b, from, e);
}

static bool text_has(struct str text, const struct word *word)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(text, w);
	for (size_t i = 0; i < n; i++)
		if (w[i].n == word->n && !strncasecmp(w[i].p, word->p, word->n))
			return true;
	return false;
}

int keywords_add(struct buf *out, struct str text, struct str but, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split(text, w);
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		if ((isalnum((unsigned char)w[i].p[0]) || word_is_code(&w[i])) && !word_is_function(&w[i]) &&
			!text_has(but, &w[i]) && !text_has((struct str){out->p, out->len}, &w[i]))
			rc = buf_printf(out, e, "%s%.*s", out->len ? " " : "", (int)w[i].n, w[i].p);
	return rc;
}

/* Some of the words that carry meaning, in another order. */
static int keywords_mix(struct buf *b, const char *text, struct rng *r, struct err *e)
{
	struct buf list = {0};
	struct str word[KEYWORDS_MAX];
	uint32_t order[KEYWORDS_MAX];
	size_t n = 0, kept = 0;
	int rc = keywords_add(&list, (struct str){text, strlen(text)}, STR(""), e);
	for (const char *p = list.p ? list.p : ""; *p && n < KEYWORDS_MAX; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");
		order[n] = (uint32_t)n;
		word[n++] = (struct str){p, len};
		p += len;
	}
	if (chance(r, 2))
		rng_shuffle(r, order, n);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (n > 3 && chance(r, 4))
			continue;
		rc = buf_printf(b, e, "%s%.*s", kept++ ? " " : "", (int)word[order[i]].n, word[order[i]].p);
	}
	if (rc == 0 && chance(r, 2))
		rc = buf_puts(b, "?", e);
	buf_release(&list);
	return rc;
}

/* As typed in haste: small letters, no mark at the end. */
static void hurry(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		b->p[i] = (char)tolower((unsigned char)b->p[i]);
	if (b->len && b->p[b->len - 1] == '?')
		b->p[--b->len] = 0;
}

/* The question behind an opening, or on its own with a capital. */
static int open_with(
	struct buf *out, const char *text, bool keywords, const struct names *names, struct rng *r, struct arena *a, struct err *e)
{
	int rc = rng_below(r, 5) < 2 ? add_named(out, openings[rng_below(r, COUNT(openings))], names_subject(names), e) : 0;
	size_t start = out->len;
	bool inside = start >= 2 && out->p[start - 2] == ','; /* of a sentence */
	if (rc == 0 && inside && !(text = names_lower_first(names, a, (struct str){text, strlen(text)}, e)))
		rc = ERR_RESOURCE;
	if (rc == 0)
		rc = buf_puts(out, text, e);
	if (rc == 0 && !inside && !keywords && out->len > start)
		out->p[start] = (char)toupper((unsigned char)out->p[start]);
	return rc;
}

int question_vary(const char **out, const char *question, const struct names *names, struct rng *r, struct arena *a, struct err *e)
{
	struct buf b = {0}, whole = {0};
	bool keywords = *question == KEYWORDS;
	int rc = keywords ? keywords_mix(&b, question + 1, r, e) : words_replace(&b, question, r, e);
	*out = NULL;
	if (rc == 0)
		rc = open_with(&whole, b.p ? b.p : "", keywords, names, r, a, e);
	if (rc < 0)
		goto done;
	if (!keywords && chance(r, 8))
		rc = add_named(&whole, closings[rng_below(r, COUNT(closings))], names_subject(names), e);
	else if (chance(r, 8))
		hurry(&whole);
	if (rc == 0 && !(*out = arena_strdup(a, whole.p ? whole.p : "", whole.len, e)))
		rc = ERR_RESOURCE;
done:
	buf_release(&b);
	buf_release(&whole);
	return rc;
}

int data_paraphrases(const char **out, size_t n, const char *question, uint64_t seed, struct arena *a, struct err *e)
{
	enum { TRIES = 32 };
	struct names *names;
	struct rng r;
	int rc = names_new(&names, NULL, 0, e);
	rng_init(&r, seed, RNG_SAMPLE, (uint32_t)hash_bytes(question, strlen(question)), 0);
	for (size_t i = 0; i < n && rc == 0; i++) {
		bool new = false;
		for (size_t try = 0; try < TRIES && !new &&rc == 0; try++) {
			rc = question_vary(&out[i], question, names, &r, a, e);
			new = true;
			for (size_t k = 0; k < i && rc == 0; k++)
				new &= strcmp(out[k], out[i]) != 0;
		}
	}
	names_free(names);
	return rc;
}

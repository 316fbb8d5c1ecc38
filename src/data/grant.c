/*
 * What only some members of a list have, and what is made in one of several formats: the same question, put to a member that has it
 * and to one that has not.
 *
 *   "The Bridge runs on Linux only."              "How do I install the Bridge on Windows?"
 *   "Alerts by SMS are part of the Canopy plan."  "We are on the Seed plan. How do I get alerts by SMS?"
 *   "Press Export and choose Parquet or NDJSON."  "How many events fit into an Excel export?"
 */
#include "data/outsider.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "data/clause.h"
#include "data/names.h"
#include "data/phrase.h"

enum { PAIRS_A_THING = 6, OUTSIDERS_A_LIST = 3, CORES_AN_ITEM = 2 };
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Letters: S what only some have, W whom a question is put to ("on the Seed plan"), K the label, O the name. */
static const char *const having_patterns[] = {
	"How do I use $S $W?",
	"Where do I find $S $W?",
	"How do I get $S $W?",
	"How does it work to use $S $W?",
	"We need $S $W. What do I have to do?",
	"What do I have to do for $S $W?",
};
/* ---- something that only some have ------------------------------------------------------------------------------------------- */

/* What a statement gives to some members only. */
struct grant {
	const char *thing, *key; /* "the Bridge", "Bridge" */
	const char *says, *more; /* the statement; what its paragraph goes on with, or the statement */
	const char *to;          /* a member that has it */
	const struct item *it;   /* where `more` stands */
};

/* A statement and, up to two sentences, what its paragraph goes on with. */
static int paragraph_from(const struct outsiders *o, const char **out, const struct item *it, struct err *e)
{
	struct buf b = {0};
	int rc = buf_puts(&b, it->answer, e);
	for (size_t i = 0; i < it->section->n_blocks && rc == 0; i++) {
		const struct block *block = &it->document->blocks[it->section->block + i];
		const char *place = block->text ? strstr(block->text, it->answer) : NULL;
		struct str rest, sentence;
		if (!place)
			continue;
		rest = (struct str){place + strlen(it->answer), strlen(place) - strlen(it->answer)};
		for (int k = 0; k < 2 && rc == 0 && sentence_next(&rest, &sentence); k++)
			rc = buf_printf(&b, e, " %.*s", (int)sentence.n, sentence.p);
		break;
	}
	if (rc == 0 && !(*out = arena_strdup(o->m->arena, b.p, b.len, e)))
		rc = ERR_RESOURCE;
	buf_release(&b);
	return rc;
}

/* "How do I export events?" with "as Excel" behind it. */
static const char *with_tail(const struct outsiders *o, const char *core, const char *tail, struct err *e)
{
	struct buf b = {0};
	const char *made = NULL;
	if (buf_printf(&b, e, "%.*s %s?", (int)strlen(core) - 1, core, tail) == 0)
		made = arena_strdup(o->m->arena, b.p, b.len, e);
	buf_release(&b);
	return made;
}

/* The question with where it is put: behind it, or in a sentence in front. */
static int place_question(struct outsiders *o, const char **out, const char *core, const struct enumeration *s, const char *name,
	bool front, struct err *e)
{
	const char *where;
	int rc = outsiders_fill(o, &where, s->category->where, s, name, e);
	if (rc < 0)
		return rc;
	struct parts p = {0};
	PART(&p, 'W') = where;
	PART(&p, 'Q') = core;
	if (front)
		return phrase_fill(out, "We are $W. $Q", &p, o->m->arena, e);
	*out = with_tail(o, core, where, e);
	return *out ? 0 : ERR_RESOURCE;
}

/* Is it a member of any list that is asked for? Then the question would be about the list itself. */
static bool names_member(const struct outsiders *o, const char *value)
{
	for (size_t i = 0; i < o->lists.n && value; i++)
		for (size_t k = 0; k < o->lists.p[i].n; k++)
			if (strstr(value, o->lists.p[i].member[k]))
				return true;
	return false;
}

int grants_open(struct outsiders *o, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < o->n_items && rc == 0; i++) {
		const struct item *it = &o->m->items->p[i];
		if (!item_asks_to_know(it) || names_member(o, it->value))
			continue;
		for (size_t q = 0; q < it->n_questions && rc == 0; q++) {
			if (!question_is_plain(it->cores[q]))
				continue;
			rc = mem_reserve(&o->plain, o->n_plain, &o->cap_plain, sizeof *o->plain, e);
			if (rc == 0)
				o->plain[o->n_plain++] = (struct plain_core){i, it->cores[q]};
		}
	}
	return rc;
}

/* What to do with the thing, where the documents tell: the steps are a better answer than that it is there. */
static void grant_explain(const struct outsiders *o, struct grant *g)
{
	for (size_t i = 0; i < o->n_items; i++) {
		const struct item *it = &o->m->items->p[i];
		if (it->kind != ITEM_HOWTO || !it->n_questions || !strcasestr(it->cores[0], g->key))
			continue;
		g->more = it->answer;
		g->it = it;
		return;
	}
}

/* Asks for the thing where it is not (`name`), and where it is. */
static int grant_pairs(struct outsiders *o, const struct enumeration *s, const struct grant *g, const char *name, struct err *e)
{
	struct pair p = {.from = s, .twin_answer = g->more, .fact = g->it};
	struct parts parts = {0};
	struct buf b = {0};
	const char *where[2];
	int rc = buf_printf(&b, e, "No. %s", g->says);
	if (rc == 0 && !(p.answer = arena_strdup(o->m->arena, b.p, b.len, e)))
		rc = ERR_RESOURCE;
	buf_release(&b);
	if (rc == 0 && (rc = outsiders_fill(o, &where[0], s->category->where, s, name, e)) == 0)
		rc = outsiders_fill(o, &where[1], s->category->where, s, g->to, e);
	PART(&parts, 'S') = g->thing;
	uint32_t first = rng_below(&o->rng, COUNT(having_patterns));
	for (size_t i = 0; i < 2 && rc == 0; i++) {
		const char *pattern = having_patterns[(first + i) % COUNT(having_patterns)];
		PART(&parts, 'W') = where[0];
		if ((rc = phrase_fill(&p.asked, pattern, &parts, o->m->arena, e)) < 0)
			break;
		PART(&parts, 'W') = where[1];
		if ((rc = phrase_fill(&p.twin, pattern, &parts, o->m->arena, e)) == 0)
			rc = outsiders_add(o, &p, e);
	}
	/* What is known of the thing, asked there. */
	for (size_t i = 0, made = 0, last = SIZE_MAX; i < o->n_plain && made < PAIRS_A_THING && rc == 0; i++) {
		const char *core = o->plain[i].core, *member;
		const struct item *it = &o->m->items->p[o->plain[i].item];
		if (o->plain[i].item == last || !strcasestr(core, g->key) || enumeration_place(s, core, &member))
			continue;
		bool front = rng_below(&o->rng, 2) && s->category->label;
		p.twin_answer = it->answer;
		p.twin_value = it->value;
		p.fact = it;
		if ((rc = place_question(o, &p.asked, core, s, name, front, e)) == 0 &&
			(rc = place_question(o, &p.twin, core, s, g->to, front, e)) == 0)
			rc = outsiders_add(o, &p, e);
		last = o->plain[i].item; /* one question of each item */
		made++;
	}
	return rc;
}

/* "S is part of the Canopy plan.", "S comes with Canopy only.": in words [verb, n). */
static bool is_grant(const struct word *w, size_t verb, size_t n, bool *only)
{
	bool part = false;
	*only = false;
	for (size_t i = verb; i < n; i++) {
		if (word_in(&w[i],
			    "not no never cannot if when unless also higher above every all any other than least from most "
			    "some up extra additional"))
			return false;
		*only |= word_in(&w[i], "only");
		part |= i > verb &&
			((word_is(&w[i], "part") && i + 1 < n && word_is(&w[i + 1], "of")) ||
				word_in(&w[i], "available included reserved"));
	}
	return part || *only;
}

/* Members that the statement names, as bits; those behind the first are given by the noun at the end. */
static unsigned members_named(const struct enumeration *s, const char *text)
{
	unsigned named = 0;
	for (size_t i = 0; i < s->n; i++)
		named |= (unsigned)(text_place(text, s->member[i]) != NULL) << i;
	return named;
}

int outsiders_granted(struct outsiders *o, const struct enumeration *s, const struct item *it, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	struct clause c;
	struct grant g = {.says = it->answer, .it = it};
	size_t n = words_split((struct str){it->answer, strlen(it->answer)}, w);
	bool only;
	clause_parse(w, n, &c);
	if (c.shape != CLAUSE_FULL || c.lead || c.pronoun || !is_grant(w, c.verb, n, &only) ||
		word_in(&w[c.subject], "every all each some most no any this these its their") ||
		word_is(&w[c.subject_end - 1], names_subject(o->m->names)))
		return 0;
	unsigned named = members_named(s, w[c.verb].p);
	if (!named || members_named(s, it->answer) != named)
		return 0;
	bool article = word_in(&w[c.subject], "a an the");
	struct str thing = words_text(w, c.subject, c.subject_end), key = words_text(w, c.subject + article, c.subject_end);
	key.n -= key.n > 3 && key.p[key.n - 1] == 's';
	g.thing = names_lower_first(o->m->names, o->m->arena, thing, e);
	g.key = arena_strdup(o->m->arena, key.p, key.n, e);
	struct enumeration *from = arena_alloc(o->m->arena, 1, sizeof *from, e); /* the list, at the place of the statement */
	int rc = from && g.thing && g.key ? paragraph_from(o, &g.more, it, e) : ERR_RESOURCE;
	if (rc < 0)
		return rc;
	*from = *s;
	from->document = it->document;
	from->section = it->section;
	from->span = it->span;
	grant_explain(o, &g);
	for (size_t i = 0; i < s->n; i++)
		if (named >> i & 1)
			g.to = s->member[i];
	/* Without "only", what a larger plan has is not denied: lists go from small to large. */
	for (size_t i = 0; i < s->n && rc == 0; i++) {
		if (named >> i & 1 && !only)
			break;
		if (!(named >> i & 1))
			rc = grant_pairs(o, from, &g, s->member[i], e);
	}
	return rc;
}

/* A list that says itself that there is no other: "The agent runs on Linux only." */
int outsiders_only(struct outsiders *o, const struct enumeration *s, struct err *e)
{
	struct item *it = arena_alloc(o->m->arena, 1, sizeof *it, e);
	if (!it || !s->subject)
		return it ? 0 : ERR_RESOURCE;
	*it = (struct item){.document = s->document, .section = s->section, .span = s->span, .answer = s->says};
	bool article = !strncasecmp(s->subject, "the ", 4);
	struct grant g = {
		.thing = s->subject, .key = s->subject + (article ? 4 : 0), .says = s->says, .to = s->member[0], .it = it};
	const char *outsider;
	int rc = paragraph_from(o, &g.more, it, e);
	grant_explain(o, &g);
	for (int i = 0; i < OUTSIDERS_A_LIST && rc == 0; i++)
		if ((rc = outsiders_choose(o, &outsider, s, e)) == 0 && outsider)
			rc = grant_pairs(o, s, &g, outsider, e);
	return rc;
}

/* ---- formats ----------------------------------------------------------------------------------------------------------------- */

/* Where "an export" starts in the core: an article and a word that the list's sentence has too. */
static const char *made_thing(const struct enumeration *s, const char *core, size_t *article)
{
	struct word w[SENTENCE_WORDS], other[SENTENCE_WORDS];
	size_t n = words_split((struct str){core, strlen(core)}, w);
	size_t n_says = words_split((struct str){s->says, strlen(s->says)}, other);
	for (size_t i = 1; i < n; i++) {
		if (!word_in(&w[i - 1], "a an") || !word_is_plain(&w[i]) || w[i].n < 4)
			continue;
		for (size_t k = 0; k < n_says; k++)
			if (other[k].n >= w[i].n && other[k].n <= w[i].n + 1 && !strncasecmp(other[k].p, w[i].p, w[i].n)) {
				*article = w[i - 1].n;
				return w[i - 1].p;
			}
	}
	return NULL;
}

/* Does the sentence hold the first word of the heading: is what the steps do what the list is about? */
static bool is_about_title(const struct enumeration *s)
{
	char first[32];
	size_t n = strcspn(s->section->title, " ");
	if (n >= sizeof first)
		return false;
	snprintf(first, sizeof first, "%.*s", (int)n, s->section->title);
	return strcasestr(s->says, first) != NULL;
}

static const char *article_for(const char *name)
{
	return strchr("AEIOaeio", *name) || (isupper((unsigned char)name[1]) && strchr("FHLMNRSX", *name)) ? "an" : "a";
}

/* "an export" as "an Excel export", and "export events" of the same section "as Excel". */
int outsiders_made_as(struct outsiders *o, const struct enumeration *s, const struct item *it, struct err *e)
{
	int rc = 0;
	if (!s->category->modifies || s->noun || it->document != s->document)
		return 0;
	for (size_t q = 0, made = 0, n; q < it->n_questions && made < CORES_AN_ITEM && rc == 0; q++) {
		const char *core = it->cores[q], *name[2], *asked[2], *place = made_thing(s, core, &n), *ignored;
		bool tail = it->kind == ITEM_HOWTO && it->section == s->section && is_about_title(s) && question_is_plain(core);
		struct pair p = {.from = s, .fact = it, .twin_answer = it->answer, .twin_value = it->value};
		if (!question_is_whole(core) || enumeration_place(s, core, &ignored) || (!place && !tail))
			continue;
		name[1] = s->member[rng_below(&o->rng, (uint32_t)s->n)];
		if ((rc = outsiders_choose(o, &name[0], s, e)) < 0 || !name[0])
			return rc;
		for (int i = 0; i < 2 && rc == 0; i++) {
			struct buf b = {0};
			if (place && (rc = buf_printf(&b, e, "%s %s", article_for(name[i]), name[i])) == 0)
				asked[i] = outsiders_replace(o, core, place, n, b.p, e);
			else if (rc == 0)
				rc = place_question(o, &asked[i], core, s, name[i], false, e);
			buf_release(&b);
			if (rc == 0 && !asked[i])
				rc = ERR_RESOURCE;
		}
		p.asked = asked[0];
		p.twin = asked[1];
		if (rc == 0 && (rc = outsiders_deny(o, &p.answer, s, name[0], e)) == 0)
			rc = outsiders_add(o, &p, e);
		made++;
	}
	return rc;
}

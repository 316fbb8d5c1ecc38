/*
 * What a list leaves out. Documents say what there is; people ask for what is not: the Ruby library where there are three others, the
 * plan that a competitor has, an export as something else. Each question is one that the documents do answer, with a name in place
 * that they do not know; the same with a name that they know is its twin, so that only the name can tell the two apart.
 *
 *   a member in a question of a fact           "What does the [Platinum] plan cost?"             the fact itself is the twin
 *   a noun for any member                      "moving to [the other region] takes"              "to the Singapore region"
 *   the rows of a table                        "What is the package of the [Ruby] library?"
 *   something that only some have, or what is made in one of several formats: grant.c
 */
#include "data/outsider.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/names.h"
#include "data/phrase.h"
#include "data/vary.h"

enum { PAIRS_A_SET = 48, CORES_AN_ITEM = 2, ROWS_A_PAIR = 48 };
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Letters: C the column, O the row's name, L what a row is one of ("library"). */
static const char *const row_patterns[] = {
	"What is the $C for $O?",
	"What is the $C of the $O $L?",
	"What is the $C of the $O $L called?",
	"We work with $O. What is the $C?",
	"Which $C do I need for the $O $L?",
	"Our team uses $O. Which $C do we have to know?",
};

/* ---- pairs ------------------------------------------------------------------------------------------------------------------- */

/* One that is not asked for the wanted thing, or a set that has enough, is left out. */
int outsiders_add(struct outsiders *o, const struct pair *p, struct err *e)
{
	if (!p->asked || o->of_set >= PAIRS_A_SET)
		return 0;
	if (mem_reserve(&o->pair, o->n, &o->cap, sizeof *o->pair, e))
		return ERR_RESOURCE;
	struct pair *added = &o->pair[o->n];
	*added = *p;
	if (p->fact) { /* a copy: the items move when more are added */
		struct item *fact = arena_alloc(o->m->arena, 1, sizeof *fact, e);
		if (!fact)
			return ERR_RESOURCE;
		*fact = *p->fact;
		added->fact = fact;
	}
	o->n++;
	o->of_set++;
	return 0;
}

static int pair_ask(struct maker *m, const struct pair *p, struct err *e)
{
	static const char *const as_is[] = {"$Q"};
	struct parts parts = {0};
	struct item denial = {.kind = ITEM_DENIAL, .answer = p->answer, .span = p->from->span};
	struct item twin = {.kind = ITEM_CONFIRMATION, .answer = p->twin_answer, .value = p->twin_value};
	m->document = p->from->document;
	m->section = p->from->section;
	twin.span = p->fact ? p->fact->span : denial.span;
	PART(&parts, 'Q') = p->asked;
	int rc = item_ask(m, &denial, as_is, 1, &parts, e);
	if (rc < 0 || !p->twin)
		return rc;
	if (p->fact) {
		m->document = p->fact->document;
		m->section = p->fact->section;
	}
	PART(&parts, 'Q') = p->twin;
	return item_ask(m, &twin, as_is, 1, &parts, e);
}

/* As many as keep the data set in balance, chosen by chance. */
static int pairs_ask(struct outsiders *o, struct err *e)
{
	size_t rows = 0;
	for (size_t i = 0; i < o->n_items; i++)
		rows += o->m->items->p[i].n_questions;
	uint32_t *order = mem_alloc(o->n, sizeof *order, e);
	int rc = order ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < o->n && rc == 0; i++)
		order[i] = (uint32_t)i;
	if (rc == 0)
		rng_shuffle(&o->rng, order, o->n);
	for (size_t i = 0; i < o->n && i <= rows / ROWS_A_PAIR && rc == 0; i++)
		rc = pair_ask(o->m, &o->pair[order[i]], e);
	mem_free(order);
	return rc;
}

/* ---- texts ------------------------------------------------------------------------------------------------------------------- */

/* `text` with its bytes [place, place + n) replaced, in the arena. */
const char *outsiders_replace(
	const struct outsiders *o, const char *text, const char *place, size_t n, const char *by, struct err *e)
{
	struct buf b = {0};
	const char *made = NULL;
	if (buf_append(&b, text, (size_t)(place - text), e) == 0 && buf_puts(&b, by, e) == 0 && buf_puts(&b, place + n, e) == 0)
		made = arena_strdup(o->m->arena, b.p, b.len, e);
	buf_release(&b);
	return made;
}

/* A pattern of the middle of a question: O the name, K the noun of the list. */
int outsiders_fill(const struct outsiders *o, const char **out, const char *pattern, const struct enumeration *s, const char *name,
	struct err *e)
{
	struct parts p = {0};
	PART(&p, 'O') = name;
	PART(&p, 'K') = s->noun;
	int rc = phrase_fill(out, pattern, &p, o->m->arena, e);
	if (rc == 0 && !(*out = names_lower_first(o->m->names, o->m->arena, (struct str){*out, strlen(*out)}, e)))
		rc = ERR_RESOURCE;
	return rc;
}

int outsiders_choose(struct outsiders *o, const char **out, const struct enumeration *s, struct err *e)
{
	return enumeration_outsider(out, s, &o->rng, o->m->arena, e);
}

/* What is true of a name that the list leaves out. */
int outsiders_deny(const struct outsiders *o, const char **out, const struct enumeration *s, const char *name, struct err *e)
{
	static const char *const patterns[] = {"No, $O is not mentioned. $I", "No, there is no $O $K. $I", "No. $I"};
	struct parts p = {0};
	PART(&p, 'O') = name;
	PART(&p, 'K') = s->noun;
	PART(&p, 'I') = s->says;
	return phrase_fill(out, patterns[s->subject ? 2 : s->category->label != NULL], &p, o->m->arena, e);
}

bool question_is_whole(const char *core)
{
	return *core != KEYWORDS && !strstr(core, "___");
}

bool question_is_plain(const char *core)
{
	struct str first = {core, strcspn(core, " ")};
	size_t n = strlen(core);
	return n > 2 && !strpbrk(core, ".:") && strchr(core, '?') == core + n - 1 &&
		str_in(first, "how what which where when who can does after through for at by within");
}

bool item_asks_to_know(const struct item *it)
{
	return it->document && (it->kind == ITEM_VALUE || it->kind == ITEM_CELL || it->kind == ITEM_HOWTO);
}

/* ---- a member in a question -------------------------------------------------------------------------------------------------- */

/* The one member that the core names, as the list writes it: its place, or NULL. The first word may be a capital by chance. */
const char *enumeration_place(const struct enumeration *s, const char *core, const char **member)
{
	const char *found = NULL;
	for (size_t i = 0; i < s->n; i++) {
		const char *place = text_place(core, s->member[i]);
		if (!place && strstr(core, s->member[i]))
			return NULL;
		if (!place)
			continue;
		if (found || place == core)
			return NULL;
		found = place;
		*member = s->member[i];
	}
	return found;
}

/* Is the noun of the list behind the name? */
static bool is_labelled(const struct enumeration *s, const char *behind)
{
	size_t n = strlen(s->noun);
	return *behind == ' ' && !strncmp(behind + 1, s->noun, n) && !isalnum((unsigned char)behind[1 + n]);
}

static int swap_members(struct outsiders *o, const struct enumeration *s, const struct item *it, struct err *e)
{
	int rc = 0;
	if (!s->category->label && it->document != s->document)
		return 0; /* elsewhere the names may be about something else */
	for (size_t q = 0, made = 0; q < it->n_questions && made < CORES_AN_ITEM && rc == 0; q++) {
		const char *core = it->cores[q], *member = NULL, *outsider, *place = enumeration_place(s, core, &member);
		if (!place || !question_is_whole(core) || (it->value && strstr(core, it->value)) ||
			(s->category->label && !is_labelled(s, place + strlen(member))))
			continue;
		struct pair p = {.from = s};
		if ((rc = outsiders_choose(o, &outsider, s, e)) < 0 || !outsider)
			return rc;
		if (!(p.asked = outsiders_replace(o, core, place, strlen(member), outsider, e)))
			return ERR_RESOURCE;
		rc = outsiders_deny(o, &p.answer, s, outsider, e);
		if (rc == 0)
			rc = outsiders_add(o, &p, e);
		made++;
	}
	return rc;
}

/* ---- a noun for any member --------------------------------------------------------------------------------------------------- */

/* "the other region", "every plan": its place and length. */
static const char *any_member(const struct enumeration *s, const char *core, size_t *n)
{
	static const char *const articles[] = {"the other", "another", "every", "each", "any"};
	char text[64];
	for (size_t i = 0; i < COUNT(articles); i++) {
		int len = snprintf(text, sizeof text, "%s %.32s", articles[i], s->noun);
		const char *place = text_place(core, text);
		*n = (size_t)len;
		if (place)
			return place;
	}
	return NULL;
}

static int name_any(struct outsiders *o, const struct enumeration *s, const struct item *it, struct err *e)
{
	int rc = 0;
	for (size_t q = 0, made = 0, n; s->category->label && q < it->n_questions && made < CORES_AN_ITEM && rc == 0; q++) {
		const char *core = it->cores[q], *outsider, *name[2], *place = any_member(s, core, &n);
		if (!place || !question_is_whole(core))
			continue;
		struct pair p = {.from = s, .fact = it, .twin_answer = it->answer, .twin_value = it->value};
		const char *member = s->member[rng_below(&o->rng, (uint32_t)s->n)];
		if ((rc = outsiders_choose(o, &outsider, s, e)) < 0 || !outsider)
			return rc;
		if ((rc = outsiders_fill(o, &name[0], "the $O $K", s, outsider, e)) < 0 ||
			(rc = outsiders_fill(o, &name[1], "the $O $K", s, member, e)) < 0 ||
			(rc = outsiders_deny(o, &p.answer, s, outsider, e)) < 0)
			return rc;
		p.asked = outsiders_replace(o, core, place, n, name[0], e);
		p.twin = outsiders_replace(o, core, place, n, name[1], e);
		rc = p.asked && p.twin ? outsiders_add(o, &p, e) : ERR_RESOURCE;
		made++;
	}
	return rc;
}

/* ---- rows of a table --------------------------------------------------------------------------------------------------------- */

/* "Libraries" -> "library"; NULL when the title is not one plural word. */
static const char *title_singular(const struct outsiders *o, const char *title, struct err *e)
{
	struct word w = {title, strlen(title), false};
	char text[40];
	if (strchr(title, ' ') || !word_is_plural(&w) || w.n + 2 > sizeof text)
		return NULL;
	bool y = w.n > 4 && !memcmp(title + w.n - 3, "ies", 3);
	int n = snprintf(text, sizeof text, "%.*s%s", (int)(w.n - (y ? 3 : 1)), title, y ? "y" : "");
	return names_lower_first(o->m->names, o->m->arena, (struct str){text, (size_t)n}, e);
}

static int name_row(struct outsiders *o, const struct enumeration *s, const struct item *it, struct err *e)
{
	struct pair p = {.from = s, .fact = it, .twin_answer = it->answer, .twin_value = it->value};
	struct parts parts = {0};
	const char *member = NULL, *outsider;
	if (!s->noun || s->category->label || it->kind != ITEM_CELL || it->section != s->section ||
		it->span.start != s->span.start || !it->asks || !*it->asks || !enumeration_place(s, it->subject, &member))
		return 0;
	PART(&parts, 'C') = it->asks;
	PART(&parts, 'L') = title_singular(o, s->section->title, e);
	uint32_t first = rng_below(&o->rng, COUNT(row_patterns));
	int rc = 0;
	for (size_t i = 0, made = 0; i < COUNT(row_patterns) && made < CORES_AN_ITEM && rc == 0; i++) {
		const char *pattern = row_patterns[(first + i) % COUNT(row_patterns)];
		if ((rc = outsiders_choose(o, &outsider, s, e)) < 0 || !outsider)
			return rc;
		PART(&parts, 'O') = outsider;
		if ((rc = phrase_fill(&p.asked, pattern, &parts, o->m->arena, e)) < 0 || !p.asked)
			continue;
		PART(&parts, 'O') = member;
		if ((rc = phrase_fill(&p.twin, pattern, &parts, o->m->arena, e)) == 0 &&
			(rc = outsiders_deny(o, &p.answer, s, outsider, e)) == 0)
			rc = outsiders_add(o, &p, e);
		made++;
	}
	return rc;
}

/* ---- all --------------------------------------------------------------------------------------------------------------------- */

static int by_document(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return x->document != y->document ? (x->document > y->document) - (x->document < y->document)
					  : (x->item > y->item) - (x->item < y->item);
}

/* The items by their documents. */
static int places_make(struct outsiders *o, struct err *e)
{
	if (!(o->place = mem_alloc(o->n_items, sizeof *o->place, e)))
		return ERR_RESOURCE;
	for (size_t i = 0; i < o->n_items; i++)
		o->place[i] = (struct place){o->m->items->p[i].document, i};
	if (o->n_items)
		qsort(o->place, o->n_items, sizeof *o->place, by_document);
	return 0;
}

static size_t places_find(const struct outsiders *o, const struct document *d)
{
	size_t low = 0, high = o->n_items;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (o->place[mid].document < d)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int pairs_of_item(struct outsiders *o, const struct enumeration *s, size_t i, struct err *e)
{
	const struct item *it = &o->m->items->p[i];
	int rc = 0;
	if (s->category->label && items_states(o->m->items, i))
		rc = outsiders_granted(o, s, it, e);
	if (rc < 0 || !item_asks_to_know(it) || (rc = name_row(o, s, it, e)) < 0 || (rc = outsiders_made_as(o, s, it, e)) < 0 ||
		(rc = name_any(o, s, it, e)) < 0)
		return rc;
	return swap_members(o, s, it, e);
}

/* What a list has no label for is asked in its own document only. */
static int pairs_of(struct outsiders *o, const struct enumeration *s, struct err *e)
{
	int rc = outsiders_only(o, s, e);
	for (size_t i = 0; i < o->n_items && rc == 0 && s->category->label; i++)
		rc = pairs_of_item(o, s, i, e);
	for (size_t i = s->category->label ? o->n_items : places_find(o, s->document);
		i < o->n_items && o->place[i].document == s->document && rc == 0; i++)
		rc = pairs_of_item(o, s, o->place[i].item, e);
	return rc;
}

int outsiders_make(struct maker *m, const struct document *d, size_t n, struct err *e)
{
	struct outsiders o = {.m = m, .d = d, .n_documents = n, .n_items = m->items->n};
	rng_init(&o.rng, m->options->seed, RNG_DATA, 0, 3);
	int rc = places_make(&o, e);
	if (rc == 0)
		rc = enumerations_find(&o.lists, m, d, n, e);
	if (rc == 0)
		rc = grants_open(&o, e);
	for (size_t i = 0; i < o.lists.n && rc == 0; i++) {
		o.of_set = 0;
		if (!o.lists.p[i].disputed)
			rc = pairs_of(&o, &o.lists.p[i], e);
	}
	if (rc == 0 && o.n)
		rc = pairs_ask(&o, e);
	mem_free(o.place);
	mem_free(o.plain);
	mem_free(o.pair);
	mem_free(o.lists.p);
	return rc;
}

/*
 * What is not so. A model that is only ever asked what has an answer learns to answer everything. Three kinds of questions teach it
 * otherwise, each with a twin of the same form that has an answer, so that the form alone gives nothing away:
 *
 *   a fact with the value of another fact of its kind    "Is it true that ...?"     the fact, after No; the twin after Yes
 *   the same in front of a question for something else   "Since ..., how do I ...?" the fact, after No; the twin is answered
 *   what the documents say cannot be                     "How do I rename ...?"     what they say
 *   a feature that many products have and these          "How do I set up ...?"     that the documents do not mention it;
 *   documents never name                                                            the twins name things that they define
 */
#include "data/refuse.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/clause.h"
#include "data/outsider.h"
#include "data/phrase.h"

enum { FEATURES_LEAST = 20, CLAIM_BYTES = 120, OTHERS_MOST = 1024 };
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Letters: C what is claimed, T the thing, N what the documents are about. */
static const char *const claim_patterns[] = {
	"Is it true that $C?",
	"Is it right that $C?",
	"I heard that $C. Is that so?",
	"$C, correct?",
	"A customer says that $C. Is that right?",
	"Why is it that $C?",
	"Since $C, what do we have to prepare for?",
	"I read that $C. Can I rely on that?",
	"How come $C?",
	"We assume that $C. What do we have to know?",
};
/* Letters: C what is taken for granted, Q a question in small letters, R the same with a capital. */
static const char *const since_patterns[] = {
	"Since $C, $Q",
	"Given that $C, $Q",
	"Knowing that $C, $Q",
	"We know that $C. $R",
	"I understand that $C. $R",
	"$C, right? $R",
};
static const char *const feature_patterns[] = {
	"How do I set up $T in $N?",
	"Does $N have $T?",
	"Where do I find $T in $N?",
	"Which plan includes $T?",
	"How much does $T cost in $N?",
	"What is the limit for $T in $N?",
	"How do I switch on $T?",
	"What can I do with $T in $N?",
	"I want to use $T with $N. What do I have to do?",
	"Since when does $N offer $T?",
	"How does $T work in $N?",
};
static const char *const cannot_patterns[] = {
	"Can $S $R?",
	"How can $S $R?",
	"How do I $V $S?",
	"I want to $V $S. Where do I do that?",
	"What do I have to press to $V $S?",
	"Is there a way to $V $S?",
	"We have to $V $S. How does that work?",
};
static const char *const means_patterns[] = {
	"Which button do I press to $V $S?",
	"Which role do I need to $V $S?",
	"Where in the settings can I $V $S?",
	"Who may $V $S?",
	"Which command do I use to $V $S?",
	"What does it cost to $V $S?",
	"How long does it take to $V $S?",
};
/* The twins of both: T what the documents explain, with something to press. */
static const char *const press_patterns[] = {
	"Which button do I press to $T?",
	"Where in the settings can I $T?",
	"What do I have to press to $T?",
	"I want to $T. Where do I do that?",
	"Is there a way to $T?",
	"We have to $T. How does that work?",
};

/* Features of business software at large. What the documents mention is left out. */
static const char *const features[] = {"a mobile app", "the Platinum plan", "the Enterprise plan", "the Free plan",
	"the Basic plan", "the Premium plan", "the Business plan", "the Guest role", "the Manager role", "the Viewer role",
	"an Android app", "an iPhone app", "a desktop app", "a browser extension", "a plug-in for Excel", "a Slack integration",
	"a Microsoft Teams integration", "a Salesforce connector", "a Zapier integration", "a GraphQL interface",
	"a SOAP interface", "a gRPC interface", "WebSockets", "an MQTT broker", "a Kafka connector", "FTP upload", "a PHP library",
	"a Ruby library", "a Rust library", "a C# library", "a Perl module", "a Terraform provider", "a Kubernetes operator",
	"a Docker image", "a Helm chart", "a Windows version", "a macOS version", "offline mode", "dark mode", "voice control",
	"a chatbot", "an AI assistant", "video calls", "screen sharing", "a whiteboard", "a calendar", "time tracking", "a wiki",
	"project templates", "a drag-and-drop editor", "a visual workflow builder", "a spreadsheet view", "a map view",
	"PDF reports", "a print view", "barcode scanning", "face recognition", "fingerprint sign-in", "sign-in with Google",
	"sign-in with Facebook", "passkeys", "hardware keys", "a password manager", "parental controls", "a lifetime licence",
	"a family plan", "a student discount", "a reseller programme", "a loyalty programme", "gift cards", "payment with Bitcoin",
	"payment with PayPal", "cash payment", "phone support", "a hotline", "on-site training", "a certification exam",
	"a user conference", "a public roadmap", "a bug bounty", "an affiliate programme", "machine learning forecasts",
	"sentiment analysis", "automatic translation", "speech recognition", "optical character recognition", "a data warehouse",
	"SQL queries", "a recycle bin", "version branches", "pull requests", "a marketplace", "custom themes", "white labelling",
	"custom domains", "a status badge", "geofencing", "A/B tests", "heat maps", "e-mail marketing", "a newsletter tool",
	"a social media planner", "an online shop", "inventory management", "payroll", "a ticket system", "single-use coupons",
	"image editing", "music playback", "weather forecasts", "a public forum"};

/* ---- claims ------------------------------------------------------------------------------------------------------------------ */

/* The statement as a claim: with another value, a small first letter and without its full stop. */
static int claim_make(
	const char **out, const struct maker *m, const char *statement, const char *value, const char *other, struct err *e)
{
	struct buf b = {0};
	const char *place = text_place(statement, value);
	size_t n = strlen(statement), head = (size_t)(place - statement), tail = n - head - strlen(value);
	if (tail && statement[n - 1] == '.')
		tail--;
	*out = NULL;
	if (buf_append(&b, statement, head, e) == 0 && buf_puts(&b, other, e) == 0 &&
		buf_append(&b, place + strlen(value), tail, e) == 0)
		*out = names_lower_first(m->names, m->arena, (struct str){b.p, b.len}, e);
	buf_release(&b);
	return *out ? 0 : ERR_RESOURCE;
}

/* Facts that something asks for, by what asks, each group in the order of the items. */
struct asking {
	const char *asks, *value;
	uint32_t item, group;
};
struct askings {
	struct asking *p; /* mem_free */
	size_t n;
};

static int by_asks(const void *a, const void *b)
{
	const struct asking *x = a, *y = b;
	int order = strcmp(x->asks, y->asks);
	return order ? order : (x->item > y->item) - (x->item < y->item);
}

static int askings_make(struct askings *v, const struct items *items, size_t n, struct err *e)
{
	*v = (struct askings){.p = mem_alloc(n, sizeof *v->p, e)};
	for (size_t i = 0; i < n && v->p; i++)
		if (items->p[i].asks)
			v->p[v->n++] = (struct asking){.asks = items->p[i].asks, .value = items->p[i].value, .item = (uint32_t)i};
	if (v->n)
		qsort(v->p, v->n, sizeof *v->p, by_asks);
	for (size_t i = 1; i < v->n; i++)
		v->p[i].group = v->p[i - 1].group + (strcmp(v->p[i].asks, v->p[i - 1].asks) != 0);
	return v->p ? 0 : ERR_RESOURCE;
}

/* Has the value a letter or digit, in whatever case, that the text with these bytes lacks? Then it does not stand there. */
static bool is_elsewhere(const bool byte[256], const char *value)
{
	while (*value && byte[tolower((unsigned char)*value)])
		value++;
	return *value != 0;
}

/* The value of another fact that is asked for by the same words, or NULL. Of very many the first OTHERS_MOST are enough to choose from. */
static const char *other_value(const struct items *items, const struct askings *v, size_t self, struct rng *r)
{
	const struct item *it = &items->p[self];
	const char *found = NULL;
	bool byte[256] = {false}; /* of the answer, which holds the value */
	uint32_t seen = 0;
	size_t first = 0, high = v->n;
	while (first < high) {
		size_t mid = first + (high - first) / 2;
		if (strcmp(v->p[mid].asks, it->asks) < 0)
			first = mid + 1;
		else
			high = mid;
	}
	for (const char *p = it->answer; *p; p++)
		byte[tolower((unsigned char)*p)] = true;
	for (size_t i = first; i < v->n && i < first + OTHERS_MOST && v->p[i].group == v->p[first].group; i++) {
		const char *value = v->p[i].value;
		if (!is_elsewhere(byte, value) && (!strcasecmp(value, it->value) || strcasestr(it->answer, value)))
			continue;
		if (rng_below(r, ++seen) == 0) /* each with the same chance */
			found = value;
	}
	return found;
}

/* "36 hours" with another number, when no other fact has hours; NULL when the value is no plain number. */
static const char *other_number(const struct maker *m, const char *value, struct rng *r, struct err *e)
{
	static const unsigned factor[] = {2, 3, 4, 5};
	size_t digits = strspn(value, "0123456789");
	char text[64];
	if (!digits || digits > 6 || (value[digits] && value[digits] != ' '))
		return NULL;
	unsigned long number = strtoul(value, NULL, 10) * factor[rng_below(r, COUNT(factor))] + rng_below(r, 3);
	snprintf(text, sizeof text, "%lu%.40s", number, value + digits);
	return arena_strdup(m->arena, text, strlen(text), e);
}

static int claim_item(struct maker *m, const struct item *fact, const char *value, bool denied, struct err *e)
{
	struct parts p = {0};
	struct item it = {.kind = denied ? ITEM_DENIAL : ITEM_CONFIRMATION, .span = fact->span};
	struct buf b = {0};
	const char *claim;
	int rc = claim_make(&claim, m, fact->answer, fact->value, value, e);
	if (rc == 0)
		rc = buf_printf(&b, e, "%s %s", denied ? "No, that is not right." : "Yes.", fact->answer);
	if (rc == 0 && !(it.answer = arena_strdup(m->arena, b.p, b.len, e)))
		rc = ERR_RESOURCE;
	buf_release(&b);
	PART(&p, 'C') = claim;
	return rc < 0 ? rc : item_ask(m, &it, claim_patterns, COUNT(claim_patterns), &p, e);
}

/* A question of another fact of the document, whose items stand together, and that fact; NULL when chance finds none. */
static const char *other_question(const struct items *items, size_t n, size_t self, const struct item **other, struct rng *r)
{
	const struct item *fact = &items->p[self];
	size_t first = self;
	const char *found = NULL;
	uint32_t seen = 0;
	while (first && items->p[first - 1].document == fact->document)
		first--;
	for (size_t i = first; i < n && items->p[i].document == fact->document; i++) {
		const struct item *o = &items->p[i];
		if (!item_asks_to_know(o) || !strcmp(o->answer, fact->answer) || !o->n_questions)
			continue;
		const char *core = o->cores[rng_below(r, (uint32_t)o->n_questions)];
		if (!question_is_plain(core) || rng_below(r, ++seen))
			continue;
		found = core;
		*other = o;
	}
	return found;
}

/* The claim taken for granted by a question for something else: with a wrong value, and with the right one. */
static int since_items(struct maker *m, size_t n, size_t self, const char *wrong, struct rng *r, struct err *e)
{
	const struct item copy = m->items->p[self], *fact = &copy, *other; /* the items move when more are added */
	const char *question = other_question(m->items, n, self, &other, r), *claim[2] = {NULL};
	struct parts p = {0};
	struct buf b = {0};
	struct str first = {fact->answer, strcspn(fact->answer, " ,")};
	if (!question || strlen(fact->answer) > CLAIM_BYTES ||
		str_in(first, "and but so if when to this these that however furthermore"))
		return 0; /* no clause that another can follow */
	struct item denial = {.kind = ITEM_DENIAL, .span = fact->span};
	struct item twin = {.kind = ITEM_CONFIRMATION, .span = other->span, .answer = other->answer, .value = other->value};
	int rc = claim_make(&claim[0], m, fact->answer, fact->value, wrong, e);
	if (rc == 0 && (rc = claim_make(&claim[1], m, fact->answer, fact->value, fact->value, e)) == 0)
		rc = buf_printf(&b, e, "No, that is not right. %s", fact->answer);
	if (rc == 0 && !(denial.answer = arena_strdup(m->arena, b.p, b.len, e)))
		rc = ERR_RESOURCE;
	buf_release(&b);
	PART(&p, 'R') = question;
	PART(&p, 'Q') = names_lower_first(m->names, m->arena, (struct str){question, strlen(question)}, e);
	if (rc < 0 || !PART(&p, 'Q'))
		return ERR_RESOURCE;
	PART(&p, 'C') = claim[0];
	if ((rc = item_ask(m, &denial, since_patterns, COUNT(since_patterns), &p, e)) < 0)
		return rc;
	PART(&p, 'C') = claim[1];
	return item_ask(m, &twin, since_patterns, COUNT(since_patterns), &p, e);
}

/* What chance says of a fact. */
struct draw {
	struct rng rng;
	bool asked;        /* as a claim; else it is taken for granted */
	const char *wrong; /* the value of another fact, or NULL */
};

static bool is_claim(const struct item *fact)
{
	return fact->asks && text_place(fact->answer, fact->value);
}

/* The search for other values takes most of the time of all that is denied. */
static void draws_make(struct draw *v, const struct maker *m, const struct askings *askings, size_t first, size_t n)
{
#pragma omp parallel for schedule(dynamic, 16)
	for (size_t i = 0; i < n; i++) {
		if (!is_claim(&m->items->p[first + i]))
			continue;
		rng_init(&v[i].rng, m->options->seed, RNG_DATA, (uint32_t)(first + i), 1);
		v[i].asked = !rng_below(&v[i].rng, 2);
		v[i].wrong = other_value(m->items, askings, first + i, &v[i].rng);
	}
}

static int claims_of(struct maker *m, size_t n, size_t self, struct draw *d, struct err *e)
{
	const struct item fact = m->items->p[self];
	const char *wrong = d->wrong ? d->wrong : other_number(m, fact.value, &d->rng, e);
	if (!wrong)
		return 0;
	m->document = fact.document;
	m->section = fact.section;
	if (!d->asked)
		return rng_below(&d->rng, 2) ? since_items(m, n, self, wrong, &d->rng, e) : 0;
	int rc = claim_item(m, &fact, wrong, true, e);
	return rc == 0 && rng_below(&d->rng, 2) ? claim_item(m, &fact, fact.value, false, e) : rc;
}

static int claims_make(struct maker *m, size_t n, struct err *e)
{
	enum { FACTS = 4096 };
	struct askings askings;
	struct draw *v = mem_alloc(FACTS, sizeof *v, e);
	int rc = askings_make(&askings, m->items, n, e);
	if (!v)
		rc = ERR_RESOURCE;
	for (size_t first = 0; first < n && rc == 0; first += FACTS) {
		size_t here = n - first < FACTS ? n - first : FACTS;
		draws_make(v, m, &askings, first, here);
		for (size_t i = 0; i < here && rc == 0; i++) {
			arena_reset(m->arena);
			if (is_claim(&m->items->p[first + i]))
				rc = claims_of(m, n, first + i, &v[i], e);
		}
	}
	mem_free(v);
	mem_free(askings.p);
	return rc;
}

/* ---- features ---------------------------------------------------------------------------------------------------------------- */

/* Is there a word in the feature's name that the documents do not know? */
static bool is_foreign(const struct document *d, size_t n, const char *feature)
{
	struct word w[SENTENCE_WORDS];
	size_t n_words = words_split((struct str){feature, strlen(feature)}, w);
	for (size_t i = 0; i < n_words; i++)
		if (!word_is_function(&w[i]) && !documents_mention(d, n, (struct str){w[i].p, w[i].n}))
			return true;
	return false;
}

static int features_make(struct maker *m, const struct document *d, size_t n_documents, size_t n, struct err *e)
{
	struct parts p = {0};
	size_t n_defined = 0;
	int rc = 0;
	PART(&p, 'N') = names_subject(m->names);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct item definition = m->items->p[i];
		if (definition.kind != ITEM_DEFINITION || !definition.document)
			continue;
		struct item it = {.kind = ITEM_CONFIRMATION, .span = definition.span, .answer = definition.answer};
		m->document = definition.document;
		m->section = definition.section;
		PART(&p, 'T') = definition.subject;
		rc = item_ask(m, &it, feature_patterns, 3, &p, e); /* how, whether and where: what a definition answers */
		n_defined++;
	}
	m->document = NULL; /* no document says so */
	m->section = NULL;
	bool foreign[COUNT(features)];
#pragma omp parallel for schedule(dynamic) /* each may read all documents; in balance with what can be confirmed */
	for (size_t i = 0; i < COUNT(features); i++)
		foreign[i] = i <= FEATURES_LEAST + 2 * n_defined && is_foreign(d, n_documents, features[i]);
	for (size_t i = 0; i < COUNT(features) && rc == 0; i++) {
		struct item it = {.kind = ITEM_UNKNOWN};
		if (!foreign[i])
			continue;
		PART(&p, 'T') = features[i];
		rc = phrase_fill(&it.answer, "The $n documentation does not mention $T, so I cannot say anything about it.", &p,
			m->arena, e);
		if (rc == 0)
			rc = item_ask(m, &it, feature_patterns, COUNT(feature_patterns), &p, e);
	}
	return rc;
}

/* "How do I add a rule?" asked like what cannot be done, where the steps say what to press. */
static int press_twins(struct maker *m, size_t n, struct err *e)
{
	static const char how[] = "How do I ";
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct item it = m->items->p[i];
		struct item twin = {.kind = ITEM_CONFIRMATION, .answer = it.answer, .span = it.span};
		struct parts p = {0};
		if (it.kind != ITEM_HOWTO || !strstr(it.answer, "ress "))
			continue;
		for (size_t q = 0; q < it.n_questions && !PART(&p, 'T'); q++)
			if (!strncmp(it.cores[q], how, sizeof how - 1) && question_is_plain(it.cores[q])) {
				const char *deed = it.cores[q] + sizeof how - 1;
				if (!(PART(&p, 'T') = arena_strdup(m->arena, deed, strlen(deed) - 1, e)))
					return ERR_RESOURCE;
			}
		m->document = it.document;
		m->section = it.section;
		rc = item_ask(m, &twin, press_patterns, COUNT(press_patterns), &p, e);
	}
	return rc;
}

int refusals_make(struct maker *m, const struct document *d, size_t n_documents, struct err *e)
{
	size_t n = m->items->n;
	struct arena scratch;
	arena_init(&scratch, 1 << 20);
	m->arena = &scratch; /* most of what is phrased here is not asked; items copy what is */
	int rc = claims_make(m, n, e);
	if (rc == 0)
		rc = press_twins(m, n, e);
	if (rc == 0)
		rc = features_make(m, d, n_documents, n, e);
	if (rc == 0)
		rc = outsiders_make(m, d, n_documents, e);
	m->arena = m->kept;
	arena_release(&scratch);
	mem_trim();
	return rc;
}

/* ---- what cannot be ---------------------------------------------------------------------------------------------------------- */

/* "renamed" -> "rename"; "" when it is not a known verb's participle in -ed. */
static void participle_base(const struct word *w, char base[32])
{
	struct word stem = *w;
	*base = 0;
	if (w->n < 4 || w->n > 28 || memcmp(w->p + w->n - 2, "ed", 2))
		return;
	for (size_t cut = 1; cut <= 2 && verb_form(&stem, base) != VERB_BASE; cut++)
		stem.n = w->n - cut;
	if (verb_form(&stem, base) != VERB_BASE)
		*base = 0;
}

/* Asks to do `base` to the subject, by the way and by the means. */
static int cannot_items(struct maker *m, const struct item *it, struct parts *p, const char *base, struct err *e)
{
	struct item denial = *it;
	PART(p, 'V') = base;
	/* Other statements that say the same, in whatever words, do not make the question ambiguous (dataset.c). */
	int rc = phrase_fill(&denial.value, "cannot $V", p, m->arena, e);
	if (rc == 0)
		rc = item_ask(m, &denial, cannot_patterns, COUNT(cannot_patterns), p, e);
	PART(p, 'R') = NULL; /* one way to ask "Can it be?" is enough */
	return rc < 0 ? rc : item_ask(m, &denial, means_patterns, COUNT(means_patterns), p, e);
}

int refusal_from_statement(struct maker *m, const char *statement, struct span span, struct err *e)
{
	struct word w[SENTENCE_WORDS];
	struct parts p = {0};
	struct clause c;
	char base[64] = "", other[32] = "";
	size_t n = words_split((struct str){statement, strlen(statement)}, w), at = 1;
	while (at < n && !word_is(&w[at], "cannot"))
		at++;
	if (at + 1 >= n || word_in(&w[0], "if when while it they this these but however furthermore"))
		return 0;
	/* "Mails go to the owner and cannot be stopped": the subject of both. */
	clause_parse(w, n, &c);
	size_t subject_end = at;
	if (word_is(&w[at - 1], "and") && c.shape == CLAUSE_FULL && !c.lead && c.verb < at)
		subject_end = c.subject_end;
	for (size_t i = 0; i < subject_end; i++)
		if (w[i].stop || word_in(&w[i], "that which who so and"))
			return 0;
	size_t end = at + 1;
	while (end < n && !w[end - 1].stop && !word_in(&w[end], "so because but and or"))
		end++;
	if (word_is(&w[at + 1], "be") && at + 2 < n)
		participle_base(&w[at + 2], base);
	/* "switched off", "changed or deleted" */
	if (*base && at + 3 < n && word_in(&w[at + 3], "off on out back up down away"))
		snprintf(base + strlen(base), sizeof base - strlen(base), " %.*s", (int)w[at + 3].n, w[at + 3].p);
	else if (*base && at + 4 < n && word_is(&w[at + 3], "or"))
		participle_base(&w[at + 4], other);
	struct item it = {.kind = ITEM_DENIAL, .answer = statement, .span = span};
	struct str subject = words_text(w, 0, subject_end), rest = words_text(w, at + 1, end);
	PART(&p, 'S') = names_lower_first(m->names, m->arena, subject, e);
	PART(&p, 'R') = arena_strdup(m->arena, rest.p, rest.n, e);
	if (!PART(&p, 'S') || !PART(&p, 'R'))
		return ERR_RESOURCE;
	int rc = cannot_items(m, &it, &p, base, e);
	return rc < 0 || !*other ? rc : cannot_items(m, &it, &p, other, e);
}

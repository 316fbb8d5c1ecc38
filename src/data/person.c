/* Reference: person.h. */
#include "data/person.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/text.h"

enum { LOCAL_BYTES = 64, ROLE_BYTES = 24 };
static const char *const role_name[ROLES] = {"customer", "support", "speaker"};

/* ---- whose ------------------------------------------------------------------------------------------------------------------------ */

/* The label in front of the last one of each host: "brix" of www.brix.io and ida@brix.io. */
static void firms_find(struct persons *p)
{
	struct str t = p->text;
	for (size_t i = 1; i + 1 < t.n && p->n_firms < FIRMS_MAX; i++) {
		if (t.p[i] != '.' || !isalpha((unsigned char)t.p[i + 1]) || !isalnum((unsigned char)t.p[i - 1]))
			continue;
		size_t start = i;
		while (start && (isalnum((unsigned char)t.p[start - 1]) || t.p[start - 1] == '-') && i - start < KEY_BYTES)
			start--;
		if (!start || !strchr("@/.", t.p[start - 1]))
			continue;
		char key[KEY_BYTES];
		size_t k = 0;
		person_key(key, (struct str){t.p + start, i - start});
		while (k < p->n_firms && strcmp(p->firm[k], key))
			k++;
		if (k == p->n_firms && strlen(key) > 3)
			strcpy(p->firm[p->n_firms++], key);
	}
}

void persons_init(struct persons *p, struct str text)
{
	memset(p, 0, sizeof *p);
	p->text = text;
	firms_find(p);
}

void persons_release(struct persons *p)
{
	mem_free(p->hit);
	memset(p, 0, sizeof *p);
}

void persons_clear(struct persons *p)
{
	p->n = p->n_persons = p->n_hits = 0;
	memset(p->n_role, 0, sizeof p->n_role);
}

/* Is `key` the part with an ending of a case: "Idas", "Tomaszu", "Соколова"? */
static bool is_declined(const char *key, const char *part)
{
	static const char *const endings[] = {"s", "a", "u", "y", "i", "o", "e", "om", "owi", "em", "iem", "ie", "ze", "ej", "ą",
		"ę", "а", "у", "ю", "я", "е", "ом", "ой", "ым"};
	size_t n = strlen(part), k = 0;
	while (part[k] && part[k] == key[k])
		k++;
	if (k == n && !strcmp(key + k, "s"))
		return n >= 3;
	size_t last = n && (part[n - 1] & 0x80) ? 2 : 1; /* a vowel may give way */
	if (n < 5 || k + last < n || k < 4)
		return false;
	for (size_t i = 1; i < sizeof endings / sizeof *endings; i++)
		if (!strcmp(key + k, endings[i]))
			return k == n || !part[k + last];
	return false;
}

static const struct part *part_find(const struct persons *p, const char *key)
{
	const struct part *best = NULL;
	for (size_t i = 0; i < p->n && *key; i++) {
		if (!strcmp(p->part[i].key, key))
			return &p->part[i];
		if (is_declined(key, p->part[i].key))
			best = &p->part[i];
	}
	return best;
}

bool persons_is_firm(const struct persons *p, struct str word)
{
	char key[KEY_BYTES];
	person_key(key, word);
	const struct part *part = part_find(p, key);
	for (size_t i = 0; i < p->n_firms && *key && !(part && part->full); i++)
		if (!strcmp(p->firm[i], key))
			return true;
	return false;
}

static size_t person_new(struct persons *p, enum role role)
{
	if (p->n_persons == PERSONS_MAX)
		return PERSONS_MAX - 1;
	p->role[p->n_persons] = role;
	p->number[p->n_persons] = ++p->n_role[role];
	return p->n_persons++;
}

static void part_add(struct persons *p, struct str word, size_t who, bool full)
{
	char key[KEY_BYTES];
	person_key(key, word);
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->part[i].key, key)) {
			p->part[i].full |= full;
			return;
		}
	if (!*key || p->n == PERSONS_MAX)
		return;
	strcpy(p->part[p->n].key, key);
	p->part[p->n].full = full;
	p->part[p->n].capital = person_is_capital(word);
	p->part[p->n++].who = who;
}

/* The next word of a name that is more than an initial. */
static struct str next_word(struct str name, size_t *at)
{
	while (*at < name.n) {
		struct str w = person_word(name, *at);
		*at += w.n ? w.n : 1;
		if (w.n && person_is_long(w) && !person_is_particle(w))
			return w;
	}
	return (struct str){0};
}

int person_add(struct persons *p, struct str name, enum role role, struct err *e)
{
	size_t who = SIZE_MAX, at = 0;
	struct str w;
	char key[KEY_BYTES];
	while (who == SIZE_MAX && (w = next_word(name, &at)).n) {
		person_key(key, w);
		const struct part *known = part_find(p, key);
		who = known ? known->who : SIZE_MAX;
	}
	if (who == SIZE_MAX)
		who = person_new(p, role);
	for (at = 0; (w = next_word(name, &at)).n;) {
		part_add(p, w, who, true);
		for (size_t i = 1; i + 2 < w.n; i++) /* of "Jean-Luc" each half */
			if (w.p[i] == '-' && i > 2 && w.n - i > 3) {
				part_add(p, (struct str){w.p, i}, who, true);
				part_add(p, (struct str){w.p + i + 1, w.n - i - 1}, who, true);
			}
	}
	if (mem_reserve(&p->hit, p->n_hits, &p->cap_hits, sizeof *p->hit, e))
		return ERR_RESOURCE;
	size_t start = (size_t)(name.p - p->text.p);
	p->hit[p->n_hits++] = (struct hit){start, start + name.n, who};
	return 0;
}

void person_add_part(struct persons *p, struct str word, enum role role)
{
	char key[KEY_BYTES];
	person_key(key, word);
	if (!part_find(p, key))
		part_add(p, word, p->n_role[role] ? 0 : person_new(p, role), false);
}

/* "ida berg", "ida": small words that fill a place of a name. */
static bool is_small_name(struct str s)
{
	size_t words = 0, at = 0;
	while (at < s.n) {
		struct str w = person_word(s, at);
		if (w.n < 2 || person_is_nobody(w) || (person_is_particle(w) && !words))
			return false;
		at += w.n;
		words++;
		if (at < s.n && s.p[at++] != ' ')
			return false;
	}
	return words > 0 && words <= 4;
}

int person_add_whole(struct persons *p, struct str s, enum role role, bool *is_one, struct err *e)
{
	const char *mark;
	*is_one = false;
	if (s.n && *s.p == '(')
		return 0; /* "(vacant)" */
	s.n = (mark = memchr(s.p, '<', s.n)) ? (size_t)(mark - s.p) : s.n;
	s = person_trim(s);
	size_t title = person_titles(s);
	s = (struct str){s.p + title, s.n - title};
	if (!s.n || memchr(s.p, '&', s.n) || memchr(s.p, '@', s.n))
		return 0;
	size_t n = person_length(s, NAME_WORDS);
	struct str rest = {s.p + n, s.n - n};
	if (!n && is_small_name(s))
		n = s.n;
	else if (n && rest.n > 2 && *rest.p == ',') { /* "Berg, Ida" */
		struct str first = {rest.p + 1 + (rest.p[1] == ' '), rest.n - 1 - (rest.p[1] == ' ')};
		size_t k = person_length(first, 3);
		n = k && person_length(s, NAME_WORDS) == n ? (size_t)(first.p - s.p) + k : n;
	} else if (n && rest.n && !strchr("(,|/;-[", *rest.p) && !(*rest.p == ' ' && rest.n > 1 && strchr("(|/-[\xe2", rest.p[1])))
		return 0; /* "Smart locker": more than a name */
	if (!n)
		return 0;
	*is_one = true;
	return person_add(p, (struct str){s.p, n}, role, e);
}

int person_add_list(struct persons *p, struct str s, enum role role, struct err *e)
{
	int depth = 0, rc = 0;
	bool one, angled = memchr(s.p, '<', s.n) != NULL || memchr(s.p, ';', s.n) != NULL;
	for (size_t i = 0, from = 0; i <= s.n && rc == 0; i++) {
		char c = i < s.n ? s.p[i] : ';';
		bool and = i + 5 < s.n && (!strncmp(s.p + i, " and ", 5) || !strncmp(s.p + i, " und ", 5));
		depth += (c == '(' || c == '<') ? 1 : (c == ')' || c == '>') ? -1 : 0;
		if ((c != ';' && c != ',' && !and) || (depth > 0 && i < s.n))
			continue;
		if (c == ',' && angled && !(i && s.p[i - 1] == '>') && memchr(s.p + i, '<', s.n - i) &&
			person_length((struct str){s.p + from, i - from}, 3) == i - from && from < i)
			continue; /* "Berg, Ida <ida@...>" */
		rc = person_add_whole(p, (struct str){s.p + from, i - from}, role, &one, e);
		i += and? 4 : 0;
		from = i + 1;
		while (from < s.n && s.p[from] == ' ')
			from++;
	}
	return rc;
}

/* ---- where they stand ----------------------------------------------------------------------------------------------------------- */

static const char *pseudonym(const struct persons *p, size_t who, bool capital, struct arena *a, struct err *e)
{
	char text[ROLE_BYTES];
	bool numbered = p->role[who] == ROLE_SPEAKER || p->number[who] > 1;
	int n = numbered ? snprintf(text, sizeof text, "%s %zu", role_name[p->role[who]], p->number[who])
			 : snprintf(text, sizeof text, "%s", role_name[p->role[who]]);
	if (capital)
		text[0] = (char)toupper((unsigned char)text[0]);
	return arena_strdup(a, text, (size_t)n, e);
}

/* Names that are words, too, are people only where a sentence does not begin with them. */
static bool is_common(struct str w)
{
	return str_in(w,
		"will mark may bill grant art rich frank pat sue chase rob dale page price young long king grace hope joy faith "
		"dawn june april "
		"summer rose ray drew jack miles max dean gene hunter iris ivy lily norm olive pearl robin ruby sandy skip victor "
		"wade christian "
		"angel august sky stone wood field banks rivers church hill west north major guy love day white black green brown "
		"gray small "
		"little clay cook baker miller fisher carter mason taylor bell ball hand head bush shop park hall lake garden "
		"weber sunny best good wise sharp swift case bond penny wells read reading");
}

static bool begins_honorific(struct str s)
{
	static const char *const honorifics[] = {"先生", "女士", "小姐", "经理", "老师", "様", "さん", "氏"};
	for (size_t i = 0; i < sizeof honorifics / sizeof *honorifics; i++)
		if (s.n >= strlen(honorifics[i]) && !memcmp(s.p, honorifics[i], strlen(honorifics[i])))
			return true;
	return false;
}

/* "Tanaka-san" */
static struct str without_honorific(struct str w)
{
	static const char *const ends[] = {"-san", "-sama", "-kun", "-chan", "-sensei", "-ssi", "-nim", "-ji"};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		size_t n = strlen(ends[i]);
		if (w.n > n + 1 && !memcmp(w.p + w.n - n, ends[i], n))
			w.n -= n;
	}
	return w;
}

/* The place of a known name at `at`: its end, or 0. *who is whose. A hit is one in any case; other words need their capital. */
static size_t known_at(const struct persons *p, struct str unit, size_t at, bool start, size_t *who)
{
	char key[KEY_BYTES];
	struct str w = without_honorific(person_word(unit, at));
	int32_t cp;
	person_code(unit, at, &cp);
	for (size_t i = 0; i < p->n && w.n && person_is_dense(cp); i++) { /* no blanks: a part may begin anywhere */
		size_t n = strlen(p->part[i].key);
		if (n > 3 && w.n >= n && !memcmp(w.p, p->part[i].key, n)) {
			*who = p->part[i].who;
			return at + n;
		}
		if (n > 3 && w.n > 3 && !memcmp(w.p, p->part[i].key, 3) && begins_honorific((struct str){w.p + 3, w.n - 3})) {
			*who = p->part[i].who;
			return at + 3; /* the family name */
		}
	}
	if (!person_is_long(w) || person_is_dense(cp))
		return 0;
	person_key(key, w);
	const struct part *part = part_find(p, key);
	unsigned char before = at ? pii_at(unit, at - 1) : 0, next = pii_at(unit, at + w.n);
	size_t local = at + w.n; /* of an address? */
	while (local - at < LOCAL_BYTES &&
		(isalnum(pii_at(unit, local)) || (pii_at(unit, local) && strchr("._%+-", unit.p[local]))))
		local++;
	if (!part || (before && strchr(person_is_capital(w) ? "_" : "@/._-#", before)) || pii_at(unit, local) == '@' ||
		(next == '.' && islower(pii_at(unit, at + w.n + 1)) && !person_is_capital(w)))
		return 0;
	*who = part->who;
	if (!person_is_capital(w) && part->full && w.n > 2 && !is_common(w) && !person_is_nobody(w) && !strcmp(part->key, key) &&
		part->capital)
		return at + w.n;     /* as people write when they are in a hurry */
	if (!person_is_capital(w)) { /* "ida berg", beside another part */
		size_t k = at + w.n + 1;
		struct str v = next == ' ' ? person_word(unit, k) : (struct str){0};
		person_key(key, v);
		const struct part *more = v.n > 1 ? part_find(p, key) : NULL;
		return more && more != part && more->who == part->who && part->full && more->full && !strcmp(more->key, key)
			? k + v.n
			: 0;
	}
	bool lower = next == ' ' && islower(pii_at(unit, at + w.n + 1));
	return start && lower && (is_common(w) || !part->full) ? 0 : at + w.n;
}

/* More words of the same name behind `end`: "B. J. Quist", "Ida van der Berg", "Ida Berg," where only Ida is known. */
static size_t name_end(const struct persons *p, struct str unit, size_t end, size_t who)
{
	for (;;) {
		size_t k = end, whose = SIZE_MAX;
		while (k - end < 3 && pii_at(unit, k) && strchr(" \",()", unit.p[k]))
			k++;
		if (k == end || !memchr(unit.p + end, ' ', k - end))
			return end; /* the next field of CSV is another name */
		struct str v = person_word(unit, k);
		while (v.n &&
			(person_is_particle(v) || (!person_is_long(v) && person_is_capital(v) && pii_at(unit, k + v.n) == '.')) &&
			pii_at(unit, k + v.n + !person_is_long(v)) == ' ') {
			k += v.n + !person_is_long(v) + 1;
			v = person_word(unit, k);
		}
		size_t next = v.n ? known_at(p, unit, k, false, &whose) : 0;
		unsigned char stop = v.n ? pii_at(unit, k + v.n) : 0;
		bool surname = v.n > 3 && k == end + 1 && unit.p[end] == ' ' && person_is_capital(v) && !person_is_nobody(v) &&
			!next && !persons_is_firm(p, v) &&
			(!stop || strchr(",.;:!?)\n\r", stop) ||
				(stop == ' ' && unit.p[end - 1] != 's' && islower(pii_at(unit, k + v.n + 1))));
		if (!(next && whose == who) && !surname)
			return end;
		end = surname ? k + v.n : next;
	}
}

static int hit_order(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start ? 1 : x->end > y->end ? -1 : x->end < y->end;
}

int persons_find(struct piis *out, struct persons *p, struct span span, struct arena *a, struct err *e)
{
	int rc = 0;
	struct str unit = {p->text.p, span.end};
	size_t h = 0, step;
	int32_t cp;
	if (p->n_hits)
		qsort(p->hit, p->n_hits, sizeof *p->hit, hit_order);
	for (size_t at = span.start; at < span.end && rc == 0 && p->n; at += step) {
		step = person_code(unit, at, &cp);
		while (h < p->n_hits && p->hit[h].start < at)
			h++;
		if (cp < 0 || !person_is_letter(cp))
			continue;
		unsigned char before = at ? pii_at(unit, at - 1) : 0;
		bool start = at < span.start + 2 || strchr("\n\"|>;,\t", before) ||
			(before == ' ' && at > 1 && strchr(".!?\n:", unit.p[at - 2]));
		size_t who = SIZE_MAX, end = known_at(p, unit, at, start, &who);
		if (h < p->n_hits && p->hit[h].start == at && p->hit[h].end <= span.end && p->hit[h].end > end) {
			end = p->hit[h].end;
			who = p->hit[h].who;
		}
		if (!end) {
			struct str w = person_word(unit, at);
			step = person_is_dense(cp) || !w.n ? step : w.n;
			continue;
		}
		end = name_end(p, unit, end, who);
		size_t from = at; /* initials in front */
		while (from >= span.start + 3 && pii_at(unit, from - 1) == ' ' && pii_at(unit, from - 2) == '.' &&
			isupper(pii_at(unit, from - 3)) && (from == span.start + 3 || strchr(" \n\",(;:", unit.p[from - 4])))
			from -= 3;
		struct pii item = {.kind = PII_PERSON, .span = {from, end}, .score = 0.9f, .as = pseudonym(p, who, start, a, e)};
		rc = item.as ? piis_add(out, item, e) : ERR_RESOURCE;
		step = end - at;
	}
	return rc;
}

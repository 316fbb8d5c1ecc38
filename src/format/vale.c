/*
 * Vocabularies and substitution rules of the prose linter Vale, as far as they name words. Their entries are regular expressions
 * without an end to what they match; those that stand for a few forms are written out, the others go to a person. Reference:
 * format.h; https://vale.sh/docs/topics/vocab/ and /styles/#substitution.
 */
#include "format/format.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "format/unicode.h"
#include "format/yaml_event.h"

enum { FILE_MAX = 1024 * 1024, FORMS_MAX = 16, DEPTH_MAX = 8, UNREAD_SHOWN = 100 };

/* ---- rules ----------------------------------------------------------------------------------------------------------------- */

void term_rules_init(struct term_rules *r)
{
	*r = (struct term_rules){0};
	arena_init(&r->arena, 16384);
}

void term_rules_release(struct term_rules *r)
{
	mem_free(r->p);
	arena_release(&r->arena);
	*r = (struct term_rules){0};
}

int term_rules_add(struct term_rules *r, struct term_rule rule, struct err *e)
{
	const char **text[] = {&rule.preferred, &rule.forbidden, &rule.definition};
	if (r->n == TERM_RULES_MAX)
		return err_set(e, ERR_DATA, "more than %d entries; import them in parts", TERM_RULES_MAX);
	if (mem_reserve(&r->p, r->n, &r->cap, sizeof *r->p, e))
		return ERR_RESOURCE;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		if (!(*text[i] = arena_strdup(&r->arena, *text[i], strlen(*text[i]), e)))
			return ERR_RESOURCE;
	r->p[r->n++] = rule;
	return 0;
}

void term_rules_unread(struct term_rules *r, const char *path, size_t line, const char *entry)
{
	if (++r->n_unread <= UNREAD_SHOWN)
		log_line(LOG_WARNING, "%s:%zu: not understood, left out: %.*s", path, line, TERM_RULE_FORM_BYTES, entry);
	else if (r->n_unread == UNREAD_SHOWN + 1)
		log_line(LOG_WARNING, "further ones are counted only");
}

/* ---- expressions ----------------------------------------------------------------------------------------------------------- */

/* The texts that an expression stands for. */
struct forms {
	size_t n;
	char text[FORMS_MAX][TERM_RULE_FORM_BYTES];
};

static bool forms_add(struct forms *f, const char *text, size_t n)
{
	if (f->n == FORMS_MAX || n >= sizeof *f->text)
		return false;
	memcpy(f->text[f->n], text, n);
	f->text[f->n++][n] = 0;
	return true;
}

/* Each of *a followed by each of *b. */
static bool forms_cross(struct forms *a, const struct forms *b)
{
	struct forms all = {0};
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			char text[2 * TERM_RULE_FORM_BYTES];
			size_t n = strlen(a->text[i]), more = strlen(b->text[k]);
			memcpy(text, a->text[i], n);
			memcpy(text + n, b->text[k], more);
			if (!forms_add(&all, text, n + more))
				return false;
		}
	*a = all;
	return true;
}

static bool alternatives_read(const char **p, struct forms *out, int depth);

/* "[Aa]", behind its bracket. */
static bool set_read(const char **p, struct forms *out)
{
	for (; **p && **p != ']'; ++*p)
		if ((unsigned char)**p >= 0x80 || **p == '\\' || (**p == '^' && !out->n) || ((*p)[1] == '-' && (*p)[2] != ']') ||
			!forms_add(out, *p, 1))
			return false;
	return *(*p)++ == ']' && out->n;
}

/* One character, set or group, without a "?" behind it. */
static bool atom_read(const char **p, struct forms *out, int depth)
{
	const char *at = (*p)++;
	uint32_t c;
	switch (*at) {
	case '(':
		if (**p == '?' && strncmp(*p, "?:", 2))
			return false;
		*p += **p == '?' ? 2 : 0;
		return depth < DEPTH_MAX && alternatives_read(p, out, depth + 1) && *(*p)++ == ')';
	case '[':
		return set_read(p, out);
	case '\\':
		at = (*p)++;
		if (*at == 'b') /* forms are whole words anyway */
			return forms_add(out, "", 0);
		return ispunct((unsigned char)*at) && forms_add(out, at, 1);
	case '*':
	case '+':
	case '?':
	case '{':
	case '^':
	case '$':
		return false;
	default:
		*p = at + utf8_next(at, strlen(at), &c); /* the whole expression is UTF-8 */
		return forms_add(out, at, (size_t)(*p - at));
	}
}

static bool sequence_read(const char **p, struct forms *out, int depth)
{
	forms_add(out, "", 0);
	while (**p && **p != '|' && **p != ')') {
		struct forms next = {0};
		bool any = **p == '.';
		if (!atom_read(p, &next, depth) || (**p && strchr("*+{", **p)))
			return false;
		if (**p == '?') {
			if (any || !forms_add(&next, "", 0))
				return false;
			++*p;
		}
		if (!forms_cross(out, &next))
			return false;
	}
	return true;
}

static bool alternatives_read(const char **p, struct forms *out, int depth)
{
	for (;;) {
		struct forms next = {0};
		if (!sequence_read(p, &next, depth))
			return false;
		for (size_t i = 0; i < next.n; i++)
			if (!forms_add(out, next.text[i], strlen(next.text[i])))
				return false;
		if (**p != '|')
			return true;
		++*p;
	}
}

/* Leaves of forms that differ by case the one with a small letter first. */
static void forms_fold(struct forms *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++) {
		size_t k = 0;
		while (k < n && strcasecmp(f->text[k], f->text[i]))
			k++;
		if (k == n)
			memmove(f->text[n++], f->text[i], sizeof *f->text);
		else if (islower((unsigned char)f->text[i][0]))
			memmove(f->text[k], f->text[i], sizeof *f->text);
	}
	f->n = n;
}

/* False when an expression stands for no words, or for more than a few. */
static bool forms_read(struct forms *out, const char *expression)
{
	const char *p = expression + (strncmp(expression, "(?i)", 4) ? 0 : 4);
	out->n = 0;
	if (!utf8_is_valid(expression, strlen(expression)) || !alternatives_read(&p, out, 0) || *p)
		return false;
	for (size_t i = 0; i < out->n; i++) {
		const char *text = out->text[i];
		size_t n = strlen(text);
		if (!n || isspace((unsigned char)text[0]) || isspace((unsigned char)text[n - 1]))
			return false;
	}
	forms_fold(out);
	return true;
}

/* ---- vocabularies ---------------------------------------------------------------------------------------------------------- */

/* Cuts white space off both ends. */
static char *trimmed(char *line, size_t n)
{
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	line[n] = 0;
	return line + strspn(line, " \t\r\f\v");
}

static int vocabulary_read(struct term_rules *out, const char *path, bool reject, struct err *e)
{
	struct buf text = {0};
	struct forms f;
	int rc = file_read(path, FILE_MAX, &text, e);
	char *line = text.len ? text.p : NULL, *end = line ? line + text.len : NULL;
	if (text.len >= 3 && !memcmp(text.p, "\xef\xbb\xbf", 3))
		line += 3;
	for (size_t number = 1; !rc && line && line < end; number++) {
		char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((stop ? stop : end) - line);
		char *entry = trimmed(line, n);
		line += n + 1;
		if (!*entry || *entry == '#' || !strncmp(entry, "(?#", 3))
			continue;
		if (!forms_read(&f, entry)) {
			term_rules_unread(out, path, number, entry);
			continue;
		}
		for (size_t i = 0; i < f.n && !rc; i++)
			rc = term_rules_add(
				out, reject ? (struct term_rule){"", f.text[i], ""} : (struct term_rule){f.text[i], "", ""}, e);
	}
	buf_release(&text);
	return rc;
}

/* ---- substitutions --------------------------------------------------------------------------------------------------------- */

/*
 * "this: that", where of "that|other" the first is preferred. A remedy that is no wording ("seat(s)", "within [X] days") is
 * none.
 */
static int swap_add(struct term_rules *out, const char *path, size_t line, const char *from, char *to, struct err *e)
{
	struct forms f;
	int rc = 0;
	char *wanted = trimmed(to, strcspn(to, "|"));
	const char *bracket = strchr(wanted, '(');
	bool text = *wanted && !strpbrk(wanted, "[]{}\\") && (!bracket || (bracket > wanted && bracket[-1] == ' '));
	if (!forms_read(&f, from) || !text || strlen(wanted) >= TERM_RULE_FORM_BYTES) {
		term_rules_unread(out, path, line, from);
		return 0;
	}
	for (size_t i = 0; i < f.n && !rc; i++)
		rc = term_rules_add(out, (struct term_rule){wanted, f.text[i], ""}, e);
	return rc;
}

/* The pairs under `swap`: a mapping, or a list of mappings. Ends behind it. */
static int swaps_read(struct term_rules *out, struct yaml_events *y, struct err *e)
{
	struct buf from = {0}, to = {0};
	size_t line = 0;
	int depth = 0, rc;
	do {
		yaml_event_t event;
		if ((rc = yaml_events_next(y, &event, e)))
			break;
		depth += event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT;
		depth -= event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
		if (event.type == YAML_SCALAR_EVENT && !line) {
			line = yaml_event_line(&event);
			rc = yaml_event_text(y, &event, &from, e);
		} else if (line) {
			rc = yaml_event_text(y, &event, &to, e);
			if (!rc)
				rc = swap_add(out, y->path, line, from.len ? from.p : "", to.len ? to.p : (char[]){""}, e);
			buf_clear(&from);
			buf_clear(&to);
			line = 0;
		}
		yaml_event_delete(&event);
	} while (!rc && depth > 0);
	buf_release(&from);
	buf_release(&to);
	return rc;
}

/* Says whether the rule extends "substitution"; with `pairs` adds what stands under `swap`. Two passes, since Vale allows any order of keys. */
static int rule_read(struct term_rules *out, const char *path, bool pairs, bool *substitutes, struct err *e)
{
	struct yaml_events y;
	bool more = true, key = true, swap = false, extends = false;
	int depth = 0, rc = yaml_events_open(&y, path, FILE_MAX, ERR_DATA, e);
	while (!rc && more) {
		yaml_event_t event;
		if (swap && pairs) {
			rc = swaps_read(out, &y, e);
			swap = false;
			key = true;
			continue;
		}
		if ((rc = yaml_events_next(&y, &event, e)))
			break;
		depth += event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT;
		depth -= event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
		const char *text = event.type == YAML_SCALAR_EVENT ? (const char *)event.data.scalar.value : "";
		if (depth == 1 && event.type == YAML_SCALAR_EVENT) {
			*substitutes |= !key && extends && !strcmp(text, "substitution");
			extends = key && !strcmp(text, "extends");
			swap = key && !strcmp(text, "swap");
			key = !key;
		} else if (depth == 1 && event.type != YAML_MAPPING_START_EVENT) {
			key = true; /* behind a nested value */
		}
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_events_close(&y);
	return rc;
}

int vale_read(struct term_rules *out, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	bool substitutes = false;
	if (!strcmp(name, "accept.txt") || !strcmp(name, "reject.txt"))
		return vocabulary_read(out, path, *name == 'r', e);
	int rc = rule_read(out, path, false, &substitutes, e);
	return rc || !substitutes ? rc : rule_read(out, path, true, &substitutes, e);
}

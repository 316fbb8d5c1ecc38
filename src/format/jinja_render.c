/*
 * Renders a template's tree. Strings are never changed, only cut and joined, and every byte keeps its origin through both; so
 * what a message says can be told from what the template says in the result. Steps, variables and bytes are limited: a template
 * is foreign. Values live in an arena until the rendering ends. Reference: nodes and runtime of Jinja 3.1.
 */
#include "format/jinja.h"

#include <string.h>

#include "format/unicode.h"

enum value_kind { VALUE_UNDEFINED, VALUE_NONE, VALUE_BOOL, VALUE_INT, VALUE_STRING, VALUE_LIST, VALUE_MAP };

static const char *const kind_names[] = {
	"an undefined value", "none", "a boolean", "an integer", "a string", "a list", "a mapping"};

struct value {
	enum value_kind kind;
	int64_t number;            /* BOOL, INT */
	struct str text;           /* STRING */
	const struct value *items; /* [n]: LIST, MAP */
	const char *const *keys;   /* [n]: MAP */
	size_t n;
};

struct variable {
	struct str name;
	struct value value;
};

struct render {
	struct variable variables[JINJA_VARIABLES_MAX]; /* the innermost last */
	size_t n_variables, scope;                      /* scope: the first variable of the innermost loop */
	size_t steps, bytes;
	struct arena arena;
	struct buf *text, *origin;
	struct err *e;
};

static int fail(struct render *r, const struct node *n, const char *what, const struct value *v)
{
	return err_set(r->e, ERR_DATA, "chat template: line %d: %s %s", n->line, what, kind_names[v->kind]);
}

static struct value value_int(int64_t number)
{
	return (struct value){.kind = VALUE_INT, .number = number};
}

static struct value value_bool(bool b)
{
	return (struct value){.kind = VALUE_BOOL, .number = b};
}

static struct value value_string(struct str text)
{
	return (struct value){.kind = VALUE_STRING, .text = text};
}

static struct str str_of(const char *s)
{
	return (struct str){s, NULL, strlen(s)};
}

static bool str_equal(struct str a, struct str b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

static struct str str_cut(struct str s, size_t from, size_t to)
{
	return (struct str){s.p + from, s.origin ? s.origin + from : NULL, to - from};
}

/* Counts bytes made; a template that doubles a string in a loop ends here. */
static int spend(struct render *r, const struct node *n, size_t bytes)
{
	if (bytes > JINJA_BYTES_MAX - r->bytes)
		return err_set(
			r->e, ERR_DATA, "chat template: line %d: makes more than %d MiB of text", n->line, JINJA_BYTES_MAX >> 20);
	r->bytes += bytes;
	return 0;
}

/* ---- operations ------------------------------------------------------------------------------------------------------ */

static bool truthy(const struct value *v)
{
	switch (v->kind) {
	case VALUE_UNDEFINED:
	case VALUE_NONE:
		return false;
	case VALUE_BOOL:
	case VALUE_INT:
		return v->number != 0;
	case VALUE_STRING:
		return v->text.n > 0;
	default:
		return v->n > 0;
	}
}

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_INT || v->kind == VALUE_BOOL;
}

static bool equal(const struct value *a, const struct value *b)
{
	if (is_number(a) && is_number(b))
		return a->number == b->number;
	if (a->kind != b->kind || a->kind >= VALUE_LIST)
		return false;
	return a->kind != VALUE_STRING || str_equal(a->text, b->text);
}

static int contains(struct render *r, const struct node *n, const struct value *v, const struct value *in, bool *found)
{
	*found = false;
	if (in->kind == VALUE_STRING && v->kind == VALUE_STRING) {
		*found = !v->text.n || (in->text.n && memmem(in->text.p, in->text.n, v->text.p, v->text.n));
		return 0;
	}
	if (in->kind != VALUE_LIST && in->kind != VALUE_MAP)
		return fail(r, n, "cannot look inside", in);
	for (size_t i = 0; i < in->n && !*found; i++)
		*found = in->kind == VALUE_LIST ? equal(v, &in->items[i])
						: v->kind == VALUE_STRING && str_equal(v->text, str_of(in->keys[i]));
	return 0;
}

static int join(struct render *r, const struct node *n, struct str a, struct str b, struct value *out)
{
	if (!a.n || !b.n) {
		*out = value_string(a.n ? a : b);
		return 0;
	}
	if (spend(r, n, a.n + b.n))
		return ERR_DATA;
	char *p = arena_alloc(&r->arena, a.n + b.n, 1, r->e);
	unsigned char *origin = p ? arena_alloc(&r->arena, a.n + b.n, 1, r->e) : NULL;
	if (!origin)
		return ERR_RESOURCE;
	memcpy(p, a.p, a.n);
	memcpy(p + a.n, b.p, b.n);
	if (a.origin)
		memcpy(origin, a.origin, a.n);
	if (b.origin)
		memcpy(origin + a.n, b.origin, b.n);
	*out = value_string((struct str){p, origin, a.n + b.n});
	return 0;
}

/* What {{ v }} and ~ make of a value. */
static int to_string(struct render *r, const struct node *n, const struct value *v, struct str *out)
{
	*out = (struct str){"", NULL, 0};
	if (v->kind == VALUE_STRING) {
		*out = v->text;
	} else if (v->kind == VALUE_BOOL) {
		*out = str_of(v->number ? "True" : "False");
	} else if (v->kind == VALUE_NONE) {
		*out = str_of("None");
	} else if (v->kind == VALUE_INT) {
		char digits[24];
		int length = snprintf(digits, sizeof digits, "%lld", (long long)v->number);
		char *p = arena_strdup(&r->arena, digits, (size_t)length, r->e);
		if (!p)
			return ERR_RESOURCE;
		*out = (struct str){p, NULL, (size_t)length};
	} else if (v->kind != VALUE_UNDEFINED) {
		return fail(r, n, "cannot print", v);
	}
	return 0;
}

/* White space as Python's str.strip sees it: Unicode's, and four separators of ASCII. */
static bool strips(const char *p, size_t n)
{
	uint32_t cp;
	return utf8_next(p, n, &cp) && (char_class(cp) == CHAR_SPACE || (cp >= 0x1c && cp <= 0x1f));
}

static struct str trimmed(struct str s)
{
	size_t from = 0, to = s.n;
	uint32_t cp;
	while (from < to && strips(s.p + from, to - from))
		from += utf8_next(s.p + from, to - from, &cp);
	while (to > from) {
		size_t start = to - 1;
		while (start > from && ((unsigned char)s.p[start] & 0xc0) == 0x80)
			start--;
		if (!strips(s.p + start, to - start))
			break;
		to = start;
	}
	return str_cut(s, from, to);
}

static int length(struct render *r, const struct node *n, const struct value *v, struct value *out)
{
	size_t count = v->n;
	if (v->kind == VALUE_STRING) {
		for (size_t i = 0; i < v->text.n; i++) /* characters: all but continuation bytes */
			count += ((unsigned char)v->text.p[i] & 0xc0) != 0x80;
	} else if (v->kind < VALUE_LIST && v->kind != VALUE_UNDEFINED) {
		return fail(r, n, "no length in", v);
	}
	*out = value_int((int64_t)count);
	return 0;
}

/* a[key]: an item that is not there is undefined. */
static int item(struct render *r, const struct node *n, const struct value *a, const struct value *key, struct value *out)
{
	*out = (struct value){0};
	if (a->kind == VALUE_MAP && key->kind == VALUE_STRING) {
		for (size_t i = 0; i < a->n; i++)
			if (str_equal(key->text, str_of(a->keys[i])))
				*out = a->items[i];
	} else if (a->kind == VALUE_LIST && is_number(key)) {
		int64_t i = key->number < 0 ? key->number + (int64_t)a->n : key->number;
		if (i >= 0 && i < (int64_t)a->n)
			*out = a->items[i];
	} else if (a->kind == VALUE_UNDEFINED || key->kind == VALUE_UNDEFINED || a->kind == VALUE_STRING || a->kind == VALUE_LIST) {
		return fail(r, n, "unsupported item of", a);
	}
	return 0;
}

/* Python's rule for one bound of a slice. */
static size_t slice_bound(const struct value *v, size_t n, size_t absent)
{
	if (v->kind == VALUE_UNDEFINED)
		return absent;
	int64_t i = v->number < 0 ? v->number + (int64_t)n : v->number;
	return i < 0 ? 0 : i > (int64_t)n ? n : (size_t)i;
}

static int slice(struct render *r, const struct node *n, const struct value *a, const struct value *from, const struct value *to,
	struct value *out)
{
	if (a->kind != VALUE_LIST)
		return fail(r, n, "unsupported slice of", a);
	if ((n->b && !is_number(from)) || (n->c && !is_number(to)))
		return fail(r, n, "expected an integer as the bound of a slice, found", n->b && !is_number(from) ? from : to);
	size_t start = slice_bound(from, a->n, 0), end = slice_bound(to, a->n, a->n);
	*out = (struct value){.kind = VALUE_LIST};
	if (start < end) {
		out->items = a->items + start;
		out->n = end - start;
	}
	return 0;
}

static int arithmetic(struct render *r, const struct node *n, const struct value *a, const struct value *b, struct value *out)
{
	bool overflow = false;
	int64_t x = a->number, y = b->number, result = 0;
	if (n->kind == NODE_ADD && a->kind == VALUE_STRING && b->kind == VALUE_STRING)
		return join(r, n, a->text, b->text, out);
	if (!is_number(a) || !is_number(b))
		return fail(r, n, "unsupported arithmetic on",
			is_number(a) || (a->kind == VALUE_STRING && n->kind == NODE_ADD) ? b : a);
	if (n->kind == NODE_ADD) {
		overflow = __builtin_add_overflow(x, y, &result);
	} else if (n->kind == NODE_SUBTRACT) {
		overflow = __builtin_sub_overflow(x, y, &result);
	} else if (y == 0) {
		return err_set(r->e, ERR_DATA, "chat template: line %d: division by zero", n->line);
	} else if (y != -1) { /* Python's remainder has the sign of the divisor */
		result = x % y;
		result += result && (result < 0) != (y < 0) ? y : 0;
	}
	*out = value_int(result);
	return overflow ? err_set(r->e, ERR_DATA, "chat template: line %d: an integer overflows", n->line) : 0;
}

/* ---- expressions ----------------------------------------------------------------------------------------------------- */

static int eval(struct render *r, const struct node *n, struct value *out);

static int eval_name(struct render *r, const struct node *n, struct value *out)
{
	*out = (struct value){0};
	for (size_t i = r->n_variables; i-- > 0;)
		if (str_equal(r->variables[i].name, n->text)) {
			*out = r->variables[i].value;
			break;
		}
	return 0;
}

static int eval_list(struct render *r, const struct node *n, struct value *out)
{
	size_t count = 0;
	for (const struct node *i = n->body; i; i = i->next)
		count++;
	struct value *items = arena_alloc(&r->arena, count, sizeof *items, r->e);
	if (!items || spend(r, n, count * sizeof *items))
		return r->e->code;
	*out = (struct value){.kind = VALUE_LIST, .items = items, .n = count};
	for (const struct node *i = n->body; i; i = i->next) {
		int rc = eval(r, i, items++);
		if (rc)
			return rc;
	}
	return 0;
}

/* Those that look at only some of their parts. */
static int eval_lazy(struct render *r, const struct node *n, struct value *out)
{
	struct value condition;
	int rc = eval(r, n->kind == NODE_CHOICE ? n->b : n->a, &condition);
	if (rc)
		return rc;
	bool yes = truthy(&condition);
	*out = condition;
	if (n->kind == NODE_CHOICE) {
		*out = (struct value){0};
		return yes ? eval(r, n->a, out) : n->c ? eval(r, n->c, out) : 0;
	}
	return yes == (n->kind == NODE_AND) ? eval(r, n->b, out) : 0;
}

static int compare(struct render *r, const struct node *n, const struct value *a, const struct value *b, struct value *out)
{
	bool result = false;
	int rc = 0;
	if (n->kind == NODE_EQUAL)
		result = equal(a, b);
	else if (n->kind == NODE_IN)
		rc = contains(r, n, a, b, &result);
	else if (!is_number(a) || !is_number(b))
		rc = fail(r, n, "unsupported comparison with", is_number(a) ? b : a);
	else
		result = n->kind == NODE_LESS ? a->number < b->number : a->number <= b->number;
	*out = value_bool(result);
	return rc;
}

static int concat(struct render *r, const struct node *n, const struct value *a, const struct value *b, struct value *out)
{
	struct str left, right;
	int rc = to_string(r, n, a, &left);
	if (!rc)
		rc = to_string(r, n, b, &right);
	return rc ? rc : join(r, n, left, right, out);
}

/* One operation on evaluated parts. */
static int apply(struct render *r, const struct node *n, const struct value v[3], struct value *out)
{
	const struct value *a = &v[0], *b = &v[1];
	switch (n->kind) {
	case NODE_ITEM:
		return item(r, n, a, b, out);
	case NODE_SLICE:
		return slice(r, n, a, b, &v[2], out);
	case NODE_NOT:
		*out = value_bool(!truthy(a));
		return 0;
	case NODE_NEGATE:
		return arithmetic(
			r, &(struct node){.kind = NODE_SUBTRACT, .line = n->line}, &(struct value){.kind = VALUE_INT}, a, out);
	case NODE_EQUAL:
	case NODE_LESS:
	case NODE_LESS_EQUAL:
	case NODE_IN:
		return compare(r, n, a, b, out);
	case NODE_ADD:
	case NODE_SUBTRACT:
	case NODE_REMAINDER:
		return arithmetic(r, n, a, b, out);
	case NODE_CONCAT:
		return concat(r, n, a, b, out);
	case NODE_TRIM:
		if (a->kind != VALUE_STRING)
			return fail(r, n, "cannot trim", a);
		*out = value_string(trimmed(a->text));
		return 0;
	case NODE_LENGTH:
		return length(r, n, a, out);
	case NODE_DEFAULT:
		*out = a->kind == VALUE_UNDEFINED ? *b : *a;
		return 0;
	case NODE_IS_DEFINED:
		*out = value_bool(a->kind != VALUE_UNDEFINED);
		return 0;
	case NODE_IS_NONE:
		*out = value_bool(a->kind == VALUE_NONE);
		return 0;
	case NODE_IS_STRING:
		*out = value_bool(a->kind == VALUE_STRING);
		return 0;
	default: /* NODE_RAISE */
		return err_set(r->e, ERR_DATA, "the chat template refuses these messages: %.*s",
			a->text.n < 400 ? (int)a->text.n : 400, a->text.p ? a->text.p : "");
	}
}

static int eval(struct render *r, const struct node *n, struct value *out)
{
	struct value parts[3] = {0};
	const struct node *children[3] = {n->a, n->b, n->c};
	if (++r->steps > JINJA_STEPS_MAX)
		return err_set(r->e, ERR_DATA, "chat template: line %d: more than %d steps", n->line, JINJA_STEPS_MAX);
	switch (n->kind) {
	case NODE_STRING:
		*out = value_string(n->text);
		return 0;
	case NODE_INT:
		*out = value_int(n->number);
		return 0;
	case NODE_BOOL:
		*out = value_bool(n->number);
		return 0;
	case NODE_NONE:
		*out = (struct value){.kind = VALUE_NONE};
		return 0;
	case NODE_NAME:
		return eval_name(r, n, out);
	case NODE_LIST:
		return eval_list(r, n, out);
	case NODE_CHOICE:
	case NODE_OR:
	case NODE_AND:
		return eval_lazy(r, n, out);
	default:
		for (int i = 0; i < 3; i++) {
			int rc = children[i] ? eval(r, children[i], &parts[i]) : 0;
			if (rc)
				return rc;
		}
		return apply(r, n, parts, out);
	}
}

/* ---- statements ------------------------------------------------------------------------------------------------------ */

static int print(struct render *r, const struct node *n, struct str s)
{
	static const unsigned char zeros[256];
	int rc = spend(r, n, s.n);
	if (!rc)
		rc = buf_append(r->text, s.p, s.n, r->e);
	if (!rc && r->origin && s.origin)
		rc = buf_append(r->origin, s.origin, s.n, r->e);
	for (size_t left = s.origin || !r->origin ? 0 : s.n; left && !rc;) {
		size_t part = left < sizeof zeros ? left : sizeof zeros;
		rc = buf_append(r->origin, zeros, part, r->e);
		left -= part;
	}
	return rc;
}

/* Sets a variable of the innermost scope. */
static int assign(struct render *r, int line, struct str name, struct value value)
{
	size_t i = r->scope;
	while (i < r->n_variables && !str_equal(r->variables[i].name, name))
		i++;
	if (i == JINJA_VARIABLES_MAX)
		return err_set(r->e, ERR_DATA, "chat template: line %d: more than %d variables", line, JINJA_VARIABLES_MAX);
	r->variables[i] = (struct variable){name, value};
	r->n_variables += i == r->n_variables;
	return 0;
}

static int run(struct render *r, const struct node *first);

/* What is set inside of a loop is gone with the round. */
static int run_for(struct render *r, const struct node *n)
{
	enum { FIRST, LAST, INDEX, INDEX0, LENGTH, FIELDS };
	static const char *const keys[FIELDS] = {"first", "last", "index", "index0", "length"};
	size_t outer_scope = r->scope, outer_n = r->n_variables;
	struct value list, fields[FIELDS];
	int rc = eval(r, n->a, &list);
	if (!rc && list.kind != VALUE_LIST && list.kind != VALUE_UNDEFINED)
		rc = fail(r, n, "cannot loop over", &list);
	fields[LENGTH] = value_int((int64_t)list.n);
	for (size_t i = 0; i < list.n && !rc; i++) {
		r->scope = r->n_variables = outer_n;
		fields[FIRST] = value_bool(!i);
		fields[LAST] = value_bool(i + 1 == list.n);
		fields[INDEX] = value_int((int64_t)i + 1);
		fields[INDEX0] = value_int((int64_t)i);
		rc = assign(r, n->line, n->text, list.items[i]);
		if (!rc)
			rc = assign(r, n->line, str_of("loop"),
				(struct value){.kind = VALUE_MAP, .items = fields, .keys = keys, .n = FIELDS});
		if (!rc)
			rc = run(r, n->body);
	}
	r->scope = outer_scope;
	r->n_variables = outer_n;
	return rc;
}

static int run(struct render *r, const struct node *first)
{
	int rc = 0;
	for (const struct node *n = first; n && !rc; n = n->next) {
		struct value v;
		struct str s;
		if (++r->steps > JINJA_STEPS_MAX)
			return err_set(r->e, ERR_DATA, "chat template: line %d: more than %d steps", n->line, JINJA_STEPS_MAX);
		if (n->kind == NODE_TEXT) {
			rc = print(r, n, n->text);
			continue;
		}
		if (n->kind == NODE_FOR) {
			rc = run_for(r, n);
			continue;
		}
		rc = eval(r, n->a, &v);
		if (!rc && n->kind == NODE_IF)
			rc = run(r, truthy(&v) ? n->body : n->orelse);
		else if (!rc && n->kind == NODE_SET)
			rc = assign(r, n->line, n->text, v);
		else if (!rc && !(rc = to_string(r, n, &v, &s)))
			rc = print(r, n, s);
	}
	return rc;
}

/* messages as a list of mappings {role, content}; the bytes of a content come from its message. */
static int messages_value(struct render *r, const struct jinja_input *in, struct value *out)
{
	static const char *const keys[] = {"role", "content"};
	struct value *list = arena_alloc(&r->arena, in->n_messages, sizeof *list, r->e);
	struct value *fields = list ? arena_alloc(&r->arena, in->n_messages, 2 * sizeof *fields, r->e) : NULL;
	if (!fields)
		return ERR_RESOURCE;
	for (size_t i = 0; i < in->n_messages; i++) {
		struct str content = str_of(in->messages[i].content);
		unsigned char *origin = arena_alloc(&r->arena, content.n, 1, r->e);
		if (!origin)
			return ERR_RESOURCE;
		memset(origin, (int)i + 1, content.n);
		content.origin = origin;
		fields[2 * i] = value_string(str_of(in->messages[i].role));
		fields[2 * i + 1] = value_string(content);
		list[i] = (struct value){.kind = VALUE_MAP, .items = fields + 2 * i, .keys = keys, .n = 2};
	}
	*out = (struct value){.kind = VALUE_LIST, .items = list, .n = in->n_messages};
	return 0;
}

int jinja_render(const struct node *first, const struct jinja_input *in, struct buf *text, struct buf *origin, struct err *e)
{
	struct err own = {0};
	struct render r = {.text = text, .origin = origin, .e = &own};
	struct value messages;
	arena_init(&r.arena, 1 << 16);
	int rc = messages_value(&r, in, &messages);
	if (!rc)
		rc = assign(&r, 0, str_of("messages"), messages);
	if (!rc)
		rc = assign(&r, 0, str_of("add_generation_prompt"), value_bool(in->add_generation_prompt));
	if (!rc) /* transformers passes it even when there are none */
		rc = assign(&r, 0, str_of("tools"), (struct value){.kind = VALUE_NONE});
	if (!rc)
		rc = assign(&r, 0, str_of("documents"), (struct value){.kind = VALUE_NONE});
	if (!rc && in->bos)
		rc = assign(&r, 0, str_of("bos_token"), value_string(str_of(in->bos)));
	if (!rc && in->eos)
		rc = assign(&r, 0, str_of("eos_token"), value_string(str_of(in->eos)));
	if (!rc)
		rc = run(&r, first);
	arena_release(&r.arena);
	return rc ? err_set(e, rc, "%s", own.text) : 0;
}

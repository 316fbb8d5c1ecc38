/*
 * Expressions of a template's tree to values. Reference: nodes and runtime of Jinja 3.1.
 */
#include "format/jinja_value.h"

#include <math.h>
#include <string.h>

/* ---- operations --------------------------------------------------------------------------------------------------------------- */

/* The character at place i of a string, from the end where it is negative. */
static void character_at(struct str s, int64_t i, struct value *out)
{
	int64_t length = (int64_t)str_length(s), place = -1, at = i < 0 ? i + length : i;
	size_t from = 0, to;
	if (at < 0 || at >= length)
		return;
	for (; from < s.n; from++) {
		place += ((unsigned char)s.p[from] & 0xc0) != 0x80;
		if (place == at)
			break;
	}
	for (to = from + 1; to < s.n && ((unsigned char)s.p[to] & 0xc0) == 0x80;)
		to++;
	*out = value_string(str_cut(s, from, to));
}

int jinja_item(struct render *r, const struct value *a, const struct value *key, struct value *out)
{
	int rc = 0;
	*out = (struct value){0};
	if ((a->kind == VALUE_MAP || a->kind == VALUE_NAMESPACE) && key->kind == VALUE_STRING) {
		rc = jinja_scan(r, 8 * a->map->n);
		const struct value *found = map_get(a->map, key->text);
		if (found)
			*out = *found;
	} else if (is_list(a) && is_number(key)) {
		int64_t i = key->number < 0 ? key->number + (int64_t)a->list->n : key->number;
		if (i >= 0 && i < (int64_t)a->list->n)
			*out = a->list->p[i];
	} else if (a->kind == VALUE_STRING && is_number(key)) {
		rc = jinja_scan(r, a->text.n);
		character_at(a->text, key->number, out);
	} else if (a->kind == VALUE_UNDEFINED) {
		return key->kind == VALUE_STRING
			? jinja_fail(r, "\"%.*s\" of an undefined value", (int)(key->text.n < 64 ? key->text.n : 64), key->text.p)
			: jinja_fail(r, "an item of an undefined value");
	}
	return rc;
}

/* Python's rule for one bound of a slice of n items. */
static int64_t slice_bound(const struct value *v, int64_t n, int64_t absent, bool down)
{
	if (v->kind <= VALUE_NONE)
		return absent;
	int64_t i = v->number < 0 ? v->number + n : v->number;
	return i < 0 ? (down ? -1 : 0) : i > n - down ? n - down : i;
}

static int slice(struct render *r, const struct value *a, const struct value bounds[3], struct value *out)
{
	struct list *l;
	struct builder b = {0};
	for (int i = 0; i < 3; i++)
		if (bounds[i].kind > VALUE_NONE && !is_number(&bounds[i]))
			return jinja_unfit(r, "expected an integer as the bound of a slice, found", &bounds[i]);
	int64_t step = bounds[2].kind <= VALUE_NONE ? 1 : bounds[2].number;
	if (!is_list(a) && a->kind != VALUE_STRING)
		return a->kind == VALUE_UNDEFINED ? jinja_unfit(r, "unsupported slice of", a) : (*out = (struct value){0}, 0);
	if (!step || step == INT64_MIN)
		return jinja_fail(r, "a slice with step 0");
	int rc = value_items(r, a, &l);
	if (!rc)
		rc = list_new(r, is_list(a) ? a->kind : VALUE_LIST, out);
	if (rc)
		return rc;
	int64_t n = (int64_t)l->n, from = slice_bound(&bounds[0], n, step < 0 ? n - 1 : 0, step < 0);
	int64_t to = slice_bound(&bounds[1], n, step < 0 ? -1 : n, step < 0);
	for (int64_t i = from; (step > 0 ? i < to : i > to) && !rc;) {
		rc = is_list(a) ? list_push(r, out->list, l->p[i]) : builder_add(r, &b, l->p[i].text);
		if (step > 0 ? i > n - step : i < -step)
			break;
		i += step;
	}
	out->origin = a->origin;
	if (!rc && !is_list(a))
		*out = builder_value(&b);
	return rc ? rc : jinja_scan(r, 16 * l->n);
}

static int real_arithmetic(struct render *r, enum node_kind kind, double x, double y, struct value *out)
{
	double result = kind == NODE_ADD ? x + y : kind == NODE_SUBTRACT ? x - y : x * y;
	if (kind >= NODE_DIVIDE && y == 0)
		return jinja_fail(r, "division by zero");
	if (kind == NODE_DIVIDE)
		result = x / y;
	if (kind == NODE_FLOOR)
		result = floor(x / y);
	if (kind == NODE_REMAINDER) {
		result = fmod(x, y);
		result += result != 0 && (result < 0) != (y < 0) ? y : 0;
	}
	*out = (struct value){.kind = VALUE_FLOAT, .real = result};
	return 0;
}

static int integer_arithmetic(struct render *r, enum node_kind kind, int64_t x, int64_t y, struct value *out)
{
	bool overflow = false;
	int64_t result = 0;
	if (kind == NODE_ADD) {
		overflow = __builtin_add_overflow(x, y, &result);
	} else if (kind == NODE_SUBTRACT) {
		overflow = __builtin_sub_overflow(x, y, &result);
	} else if (kind == NODE_MULTIPLY) {
		overflow = __builtin_mul_overflow(x, y, &result);
	} else if (y == 0) {
		return jinja_fail(r, "division by zero");
	} else if (kind == NODE_FLOOR) {
		overflow = y == -1 && x == INT64_MIN;
		result = overflow ? 0 : x / y - (x % y && (x < 0) != (y < 0));
	} else if (y != -1) { /* Python's remainder has the sign of the divisor */
		result = x % y;
		result += result && (result < 0) != (y < 0) ? y : 0;
	}
	*out = value_int(result);
	return overflow ? jinja_fail(r, "an integer overflows") : 0;
}

/* A string or a list n times. */
static int repeat(struct render *r, const struct value *a, int64_t n, struct value *out)
{
	struct builder b = {0};
	int rc = is_list(a) ? list_new(r, a->kind, out) : 0;
	for (; n > 0 && !rc; n--) {
		rc = jinja_scan(r, 0);
		for (size_t i = 0; is_list(a) && i < a->list->n && !rc; i++)
			rc = list_push(r, out->list, a->list->p[i]);
		if (!rc && !is_list(a))
			rc = builder_add(r, &b, a->text);
	}
	if (!is_list(a))
		*out = builder_value(&b);
	return rc;
}

static int arithmetic(struct render *r, enum node_kind kind, const struct value *a, const struct value *b, struct value *out)
{
	bool real = a->kind == VALUE_FLOAT || b->kind == VALUE_FLOAT || kind == NODE_DIVIDE;
	bool numbers = (is_number(a) || a->kind == VALUE_FLOAT) && (is_number(b) || b->kind == VALUE_FLOAT);
	*out = (struct value){0};
	if (numbers)
		return real ? real_arithmetic(r, kind, value_real(a), value_real(b), out)
			    : integer_arithmetic(r, kind, a->number, b->number, out);
	if (kind == NODE_ADD && a->kind == VALUE_STRING && b->kind == VALUE_STRING)
		return join(r, a->text, b->text, out);
	if (kind == NODE_ADD && a->kind == b->kind && is_list(a)) {
		int rc = list_new(r, a->kind, out);
		for (size_t i = 0; i < a->list->n && !rc; i++)
			rc = list_push(r, out->list, a->list->p[i]);
		for (size_t i = 0; i < b->list->n && !rc; i++)
			rc = list_push(r, out->list, b->list->p[i]);
		return rc ? rc : jinja_scan(r, 16 * out->list->n);
	}
	if (kind == NODE_MULTIPLY && (a->kind == VALUE_STRING || is_list(a)) && is_number(b))
		return repeat(r, a, b->number, out);
	return jinja_unfit(r, "unsupported arithmetic on", is_number(a) || (a->kind == VALUE_STRING && kind == NODE_ADD) ? b : a);
}

/* ---- parts of expressions ----------------------------------------------------------------------------------------------------- */

static bool find_variable(const struct render *r, struct str name, size_t from, size_t to, struct value *out)
{
	while (to > from && !str_equal(r->variables[to - 1].name, name))
		to--;
	if (to > from)
		*out = r->variables[to - 1].value;
	return to > from;
}

/* Those of the running macro or, outside of one, all; then the outermost; then functions. */
static int eval_name(struct render *r, const struct node *n, struct value *out)
{
	*out = (struct value){0};
	bool found = find_variable(r, n->text, r->base, r->n_variables, out) ||
		(r->base && find_variable(r, n->text, 0, r->n_globals, out));
	if (!found && function_known(n->text))
		*out = (struct value){.kind = VALUE_FUNCTION, .text = n->text};
	return 0;
}

static int eval_list(struct render *r, const struct node *n, struct value *out)
{
	struct value item;
	int rc = list_new(r, n->kind == NODE_LIST ? VALUE_LIST : VALUE_TUPLE, out);
	struct list *l = out->list;
	for (const struct node *i = n->body; i && !rc; i = i->next)
		if (!(rc = jinja_eval(r, i, &item)))
			rc = list_push(r, l, item);
	return rc;
}

static int eval_dict(struct render *r, const struct node *n, struct value *out)
{
	struct value key, value;
	int rc = map_new(r, VALUE_MAP, out);
	for (const struct node *i = n->body; i && !rc; i = i->next) {
		rc = jinja_eval(r, i->a, &key);
		if (!rc)
			rc = jinja_eval(r, i->b, &value);
		if (!rc && key.kind != VALUE_STRING)
			rc = jinja_unfit(r, "unsupported key of a mapping:", &key);
		if (!rc)
			rc = map_set(r, out->map, key.text, value);
	}
	return rc;
}

/* Those that look at only some of their parts. */
static int eval_lazy(struct render *r, const struct node *n, struct value *out)
{
	struct value condition;
	int rc = jinja_eval(r, n->kind == NODE_CHOICE ? n->b : n->a, &condition);
	if (rc)
		return rc;
	bool yes = truthy(&condition);
	*out = condition;
	if (n->kind == NODE_CHOICE) {
		*out = (struct value){0};
		return yes ? jinja_eval(r, n->a, out) : n->c ? jinja_eval(r, n->c, out) : 0;
	}
	return yes == (n->kind == NODE_AND) ? jinja_eval(r, n->b, out) : 0;
}

static int eval_args(struct render *r, const struct node *first, struct args *out)
{
	int rc = 0;
	*out = (struct args){0};
	for (const struct node *n = first; n && !rc; n = n->next) {
		if (out->n == JINJA_ARGUMENTS_MAX)
			return jinja_fail(r, "more than %d arguments", JINJA_ARGUMENTS_MAX);
		out->keyword[out->n] = n->keyword;
		out->n_positional += !n->keyword.p;
		rc = jinja_eval(r, n->a, &out->p[out->n++]);
	}
	return rc;
}

/* namespace(a=1), dict(a=1), and either of a mapping */
static int eval_fields(struct render *r, const struct node *n, enum value_kind kind, struct value *out)
{
	struct value v;
	int rc = map_new(r, kind, out);
	for (const struct node *i = n->args; i && !rc; i = i->next) {
		rc = jinja_eval(r, i->a, &v);
		if (!rc && i->keyword.p)
			rc = map_set(r, out->map, i->keyword, v);
		else if (!rc && v.kind != VALUE_MAP)
			rc = jinja_unfit(r, "expected a mapping, found", &v);
		for (size_t j = 0; !rc && !i->keyword.p && j < v.map->n; j++)
			rc = map_set(r, out->map, v.map->p[j].key, v.map->p[j].value);
	}
	return rc;
}

static int eval_call(struct render *r, const struct node *n, struct value *out)
{
	struct value callee, object;
	struct args args;
	const struct node *what = n->a;
	int rc;
	if (what->kind == NODE_ATTRIBUTE) {
		rc = jinja_eval(r, what->a, &object);
		const struct value *own = rc || object.kind != VALUE_NAMESPACE ? NULL : map_get(object.map, what->text);
		if (own && own->kind == VALUE_MACRO)
			return jinja_macro(r, own->macro, n->args, out);
		if (!rc)
			rc = eval_args(r, n->args, &args);
		r->line = n->line;
		return rc ? rc : method_call(r, &object, what->text, &args, out);
	}
	rc = jinja_eval(r, what, &callee);
	r->line = n->line;
	if (rc)
		return rc;
	if (callee.kind == VALUE_MACRO)
		return jinja_macro(r, callee.macro, n->args, out);
	if (callee.kind != VALUE_FUNCTION) {
		struct str name = what->kind == NODE_NAME ? what->text : str_of("?");
		return jinja_fail(r, "unsupported function \"%.*s\"", (int)(name.n < 64 ? name.n : 64), name.p);
	}
	if (str_spells(callee.text, "namespace") || str_spells(callee.text, "dict"))
		return eval_fields(r, n, *callee.text.p == 'd' ? VALUE_MAP : VALUE_NAMESPACE, out);
	rc = eval_args(r, n->args, &args);
	r->line = n->line;
	return rc ? rc : function_call(r, callee.text, &args, out);
}

static int eval_filter(struct render *r, const struct node *n, struct value *out)
{
	struct value v;
	struct args args;
	bool yes;
	int rc = jinja_eval(r, n->a, &v);
	if (!rc)
		rc = eval_args(r, n->args, &args);
	r->line = n->line;
	if (rc || n->kind == NODE_FILTER)
		return rc ? rc : filter_apply(r, (int)n->number, &v, &args, out);
	rc = test_apply(r, (int)n->number, &v, &args, &yes);
	*out = value_bool(yes);
	return rc;
}

static int eval_slice(struct render *r, const struct node *n, struct value *out)
{
	struct value a, bounds[3] = {0};
	const struct node *const parts[3] = {n->b, n->c, n->body};
	int rc = jinja_eval(r, n->a, &a);
	for (int i = 0; i < 3 && !rc; i++)
		rc = parts[i] ? jinja_eval(r, parts[i], &bounds[i]) : 0;
	r->line = n->line;
	return rc ? rc : slice(r, &a, bounds, out);
}

static int eval_attribute(struct render *r, const struct node *n, struct value *out)
{
	struct value a;
	const struct value key = value_string(n->text);
	int rc = jinja_eval(r, n->a, &a);
	r->line = n->line;
	if (!rc && a.kind == VALUE_MAP && method_of_map(n->text)) { /* as in Python, the method hides a key of its name */
		*out = (struct value){.kind = VALUE_METHOD};
		return 0;
	}
	return rc ? rc : jinja_item(r, &a, &key, out);
}

static int compare(struct render *r, enum node_kind kind, const struct value *a, const struct value *b, struct value *out)
{
	bool result = false;
	int order = 0, rc;
	if (kind == NODE_EQUAL) {
		rc = value_equal(r, a, b, &result);
	} else if (kind == NODE_IN) {
		rc = value_contains(r, b, a, &result);
	} else {
		rc = value_order(r, a, b, &order);
		result = kind == NODE_LESS ? order < 0 : order <= 0;
	}
	*out = value_bool(result);
	return rc;
}

static int concat(struct render *r, const struct value *a, const struct value *b, struct value *out)
{
	struct str left, right;
	int rc = value_print(r, a, &left);
	if (!rc)
		rc = value_print(r, b, &right);
	return rc ? rc : join(r, left, right, out);
}

/* Operators on one or two evaluated parts. */
static int eval_operator(struct render *r, const struct node *n, struct value *out)
{
	struct value a = {0}, b = {0};
	int rc = jinja_eval(r, n->a, &a);
	if (!rc && n->b)
		rc = jinja_eval(r, n->b, &b);
	r->line = n->line;
	if (rc)
		return rc;
	switch (n->kind) {
	case NODE_ITEM:
		return jinja_item(r, &a, &b, out);
	case NODE_NOT:
		*out = value_bool(!truthy(&a));
		return 0;
	case NODE_NEGATE:
		b = value_int(0);
		return arithmetic(r, NODE_SUBTRACT, &b, &a, out);
	case NODE_EQUAL:
	case NODE_LESS:
	case NODE_LESS_EQUAL:
	case NODE_IN:
		return compare(r, n->kind, &a, &b, out);
	case NODE_CONCAT:
		return concat(r, &a, &b, out);
	default:
		return arithmetic(r, n->kind, &a, &b, out);
	}
}

static int eval_node(struct render *r, const struct node *n, struct value *out)
{
	switch (n->kind) {
	case NODE_STRING:
		*out = value_string(n->text);
		return 0;
	case NODE_INT:
	case NODE_BOOL:
		*out = n->kind == NODE_INT ? value_int(n->number) : value_bool(n->number);
		return 0;
	case NODE_FLOAT:
		*out = (struct value){.kind = VALUE_FLOAT, .real = n->real};
		return 0;
	case NODE_NONE:
		*out = (struct value){.kind = VALUE_NONE};
		return 0;
	case NODE_CAPTURED:
		*out = r->captured;
		return 0;
	case NODE_NAME:
		return eval_name(r, n, out);
	case NODE_LIST:
	case NODE_TUPLE:
		return eval_list(r, n, out);
	case NODE_DICT:
		return eval_dict(r, n, out);
	case NODE_ATTRIBUTE:
		return eval_attribute(r, n, out);
	case NODE_SLICE:
		return eval_slice(r, n, out);
	case NODE_CHOICE:
	case NODE_OR:
	case NODE_AND:
		return eval_lazy(r, n, out);
	case NODE_FILTER:
	case NODE_TEST:
		return eval_filter(r, n, out);
	case NODE_CALL:
		return eval_call(r, n, out);
	default:
		return eval_operator(r, n, out);
	}
}

int jinja_eval(struct render *r, const struct node *n, struct value *out)
{
	*out = (struct value){0};
	r->line = n->line;
	int rc = jinja_scan(r, 0);
	if (!rc)
		rc = jinja_enter(r);
	if (!rc)
		rc = eval_node(r, n, out);
	r->depth--;
	return rc;
}

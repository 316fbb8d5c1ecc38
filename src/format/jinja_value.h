/*
 * The values of a template being rendered, and what all of its parts share. Private to format: jinja_value.c makes, compares and
 * prints values, jinja_json.c takes them from JSON and writes it, jinja_filter.c and jinja_method.c are what is done with them,
 * jinja_eval.c expressions, jinja_render.c statements. All memory is the arena's, until the rendering ends.
 */
#ifndef FORMAT_JINJA_VALUE_H
#define FORMAT_JINJA_VALUE_H

#include "format/jinja_table.h"

enum value_kind {
	VALUE_UNDEFINED,
	VALUE_NONE,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_FLOAT,
	VALUE_STRING,
	VALUE_LIST,
	VALUE_TUPLE,
	VALUE_MAP,
	VALUE_NAMESPACE,
	VALUE_MACRO,
	VALUE_FUNCTION, /* text names it */
	VALUE_METHOD,   /* of a mapping, not called */
};

struct value {
	enum value_kind kind;
	unsigned char origin; /* of what is no string: whose bytes it prints as */
	union {
		int64_t number;           /* BOOL, INT */
		double real;              /* FLOAT */
		struct str text;          /* STRING, FUNCTION */
		struct list *list;        /* LIST, TUPLE */
		struct map *map;          /* MAP, NAMESPACE */
		const struct node *macro; /* MACRO */
	};
};

struct list {
	struct value *p;
	size_t n, cap;
};

struct map {
	struct entry {
		struct str key;
		struct value value;
	} * p;
	size_t n, cap;
};

/* Text that grows. */
struct builder {
	char *p;
	unsigned char *origin;
	size_t n, cap;
};

struct variable {
	struct str name;
	struct value value;
};

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

struct render {
	struct variable variables[JINJA_VARIABLES_MAX]; /* the innermost last */
	size_t n_variables, n_globals; /* globals: set outside of loops and macros; the only outer ones that a macro sees */
	size_t base, scope;            /* first variable of the running macro, and of the innermost loop or block */
	size_t steps, bytes;
	int depth, line;
	enum flow flow;
	struct builder *out; /* what is printed goes here */
	struct value captured;
	struct arena arena;
	struct err *e;
};

/* Positional and named arguments of a call; `p` in the order given. */
struct args {
	struct value p[JINJA_ARGUMENTS_MAX];
	struct str keyword[JINJA_ARGUMENTS_MAX]; /* p NULL: positional */
	size_t n, n_positional;
};

/* ---- errors and limits: ERR_DATA with the line -------------------------------------------------------------------------------- */

int jinja_fail(struct render *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "WHAT KIND" */
int jinja_unfit(struct render *r, const char *what, const struct value *v);
const char *value_name(const struct value *v);
/* Counts bytes made. */
int jinja_spend(struct render *r, size_t bytes);
/* Counts bytes or items looked at. */
int jinja_scan(struct render *r, size_t n);
/* One level of nesting deeper; the caller takes it back from r->depth. */
int jinja_enter(struct render *r);

/* ---- values --------------------------------------------------------------------------------------------------------------------- */

struct value value_int(int64_t number);
struct value value_bool(bool b);
struct value value_string(struct str text);
struct str str_of(const char *s);
bool str_equal(struct str a, struct str b);
int str_order(struct str a, struct str b); /* by code points: below, at or above 0 */
bool str_spells(struct str a, const char *b);
struct str str_cut(struct str s, size_t from, size_t to);
bool is_number(const struct value *v); /* integers and booleans */
bool is_list(const struct value *v);   /* lists and tuples */
bool truthy(const struct value *v);
double value_real(const struct value *v);

int list_new(struct render *r, enum value_kind kind, struct value *out);
int list_push(struct render *r, struct list *l, struct value v);
int map_new(struct render *r, enum value_kind kind, struct value *out);
int map_set(struct render *r, struct map *m, struct str key, struct value v);
const struct value *map_get(const struct map *m, struct str key); /* NULL: not there */

int builder_add(struct render *r, struct builder *b, struct str s);
/* n bytes of one origin. */
int builder_fill(struct render *r, struct builder *b, const char *p, size_t n, unsigned char origin);
struct value builder_value(const struct builder *b);

int value_equal(struct render *r, const struct value *a, const struct value *b, bool *out);
/* Below, at or above 0 into *out, where the two have an order. */
int value_order(struct render *r, const struct value *a, const struct value *b, int *out);
int value_contains(struct render *r, const struct value *in, const struct value *v, bool *found);
/* What {{ v }} and ~ make of a value. */
int value_print(struct render *r, const struct value *v, struct str *out);
/* Appends Python's repr. */
int value_repr(struct render *r, struct builder *b, const struct value *v);
/* The items of a list, the keys of a mapping, the characters of a string, nothing of what is undefined. */
int value_items(struct render *r, const struct value *v, struct list **out);
int join(struct render *r, struct str a, struct str b, struct value *out);
/* Shortest decimal of a float, as Python writes it. */
enum { FLOAT_SIZE = 64 };
void float_print(double x, char out[FLOAT_SIZE]);
struct str str_trimmed(struct str s, const struct str *chars, bool left, bool right); /* chars NULL: white space */
int str_replace(struct render *r, struct str s, struct str from, struct str to, int64_t count, struct value *out);
enum str_case { CASE_LOWER, CASE_UPPER, CASE_TITLE, CASE_CAPITAL };
int str_cased(struct render *r, struct str s, enum str_case to, struct value *out);
size_t str_length(struct str s); /* in characters */

/* ---- JSON ----------------------------------------------------------------------------------------------------------------------- */

int value_from_json(struct render *r, const json_t *json, unsigned char origin, struct value *out);
int filter_tojson(struct render *r, const struct value *v, const struct args *a, struct value *out);

/* ---- calls ---------------------------------------------------------------------------------------------------------------------- */

/* The argument at `place` or of that name; undefined where it is not given. */
struct value args_get(const struct args *a, size_t place, const char *name);
int filter_apply(struct render *r, int index, const struct value *v, const struct args *a, struct value *out);
int test_apply(struct render *r, int index, const struct value *v, const struct args *a, bool *out);
int method_call(struct render *r, const struct value *v, struct str name, const struct args *a, struct value *out);
bool method_of_map(struct str name);
int function_call(struct render *r, struct str name, const struct args *a, struct value *out);
bool function_known(struct str name);

/* ---- rendering ------------------------------------------------------------------------------------------------------------------ */

int jinja_eval(struct render *r, const struct node *n, struct value *out);
/* a[key] and a.key: what is not there is undefined. */
int jinja_item(struct render *r, const struct value *a, const struct value *key, struct value *out);
int jinja_assign(struct render *r, struct str name, struct value value);
int jinja_macro(struct render *r, const struct node *macro, const struct node *args, struct value *out);

#endif

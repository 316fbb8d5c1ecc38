/*
 * Tests: what stands behind "is", and what select and reject ask. Reference: tests.py of Jinja 3.1.
 */
#include "format/jinja_value.h"

enum test_kind {
	TEST_DEFINED,
	TEST_UNDEFINED,
	TEST_NONE,
	TEST_STRING,
	TEST_MAPPING,
	TEST_ITERABLE,
	TEST_SEQUENCE,
	TEST_NUMBER,
	TEST_INTEGER,
	TEST_FLOAT,
	TEST_BOOLEAN,
	TEST_TRUE,
	TEST_FALSE,
	TEST_CALLABLE,
	TEST_ODD,
	TEST_EVEN,
	TEST_EQUAL, /* from here on with an argument */
	TEST_UNEQUAL,
	TEST_IN,
	TEST_DIVISIBLE,
	TEST_LESS,
	TEST_MORE,
};

static const struct {
	const char *name;
	enum test_kind kind;
} tests[] = {{"defined", TEST_DEFINED}, {"undefined", TEST_UNDEFINED}, {"none", TEST_NONE}, {"string", TEST_STRING},
	{"mapping", TEST_MAPPING}, {"iterable", TEST_ITERABLE}, {"sequence", TEST_SEQUENCE}, {"number", TEST_NUMBER},
	{"integer", TEST_INTEGER}, {"float", TEST_FLOAT}, {"boolean", TEST_BOOLEAN}, {"true", TEST_TRUE}, {"false", TEST_FALSE},
	{"callable", TEST_CALLABLE}, {"odd", TEST_ODD}, {"even", TEST_EVEN}, {"equalto", TEST_EQUAL}, {"eq", TEST_EQUAL},
	{"==", TEST_EQUAL}, {"ne", TEST_UNEQUAL}, {"!=", TEST_UNEQUAL}, {"in", TEST_IN}, {"divisibleby", TEST_DIVISIBLE},
	{"lt", TEST_LESS}, {"lessthan", TEST_LESS}, {"<", TEST_LESS}, {"gt", TEST_MORE}, {"greaterthan", TEST_MORE},
	{">", TEST_MORE}};

int jinja_test(struct str name)
{
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		if (str_spells(name, tests[i].name))
			return (int)i;
	return -1;
}

bool jinja_test_takes(int index)
{
	return tests[index].kind >= TEST_EQUAL;
}

/* Those that compare or divide. */
static int test_with(struct render *r, enum test_kind kind, const struct value *v, const struct value *by, bool *out)
{
	int order = 0, rc = 0;
	if (kind == TEST_EQUAL || kind == TEST_UNEQUAL) {
		rc = value_equal(r, v, by, out);
		*out ^= kind == TEST_UNEQUAL;
	} else if (kind == TEST_IN) {
		rc = value_contains(r, by, v, out);
	} else if (kind == TEST_LESS || kind == TEST_MORE) {
		rc = value_order(r, v, by, &order);
		*out = kind == TEST_LESS ? order < 0 : order > 0;
	} else if (!is_number(v) || !is_number(by) || !by->number) {
		rc = jinja_unfit(r, "cannot divide", v);
	} else {
		*out = by->number == -1 || v->number % by->number == 0;
	}
	return rc;
}

int test_apply(struct render *r, int index, const struct value *v, const struct args *a, bool *out)
{
	enum test_kind kind = tests[index].kind;
	bool items = v->kind == VALUE_STRING || is_list(v) || v->kind == VALUE_MAP || v->kind == VALUE_UNDEFINED;
	const struct value by = args_get(a, 0, "other"), two = value_int(2);
	const bool simple[TEST_EQUAL] = {
		[TEST_DEFINED] = v->kind != VALUE_UNDEFINED,
		[TEST_UNDEFINED] = v->kind == VALUE_UNDEFINED,
		[TEST_NONE] = v->kind == VALUE_NONE,
		[TEST_STRING] = v->kind == VALUE_STRING,
		[TEST_MAPPING] = v->kind == VALUE_MAP,
		[TEST_ITERABLE] = items,
		[TEST_SEQUENCE] = items,
		[TEST_NUMBER] = is_number(v) || v->kind == VALUE_FLOAT,
		[TEST_INTEGER] = v->kind == VALUE_INT,
		[TEST_FLOAT] = v->kind == VALUE_FLOAT,
		[TEST_BOOLEAN] = v->kind == VALUE_BOOL,
		[TEST_TRUE] = v->kind == VALUE_BOOL && v->number,
		[TEST_FALSE] = v->kind == VALUE_BOOL && !v->number,
		[TEST_CALLABLE] = v->kind >= VALUE_MACRO,
	};
	*out = kind < TEST_EQUAL && simple[kind];
	if (kind == TEST_ODD || kind == TEST_EVEN) {
		int rc = test_with(r, TEST_DIVISIBLE, v, &two, out);
		*out ^= kind == TEST_ODD;
		return rc;
	}
	return kind < TEST_EQUAL ? 0 : test_with(r, kind, v, &by, out);
}
